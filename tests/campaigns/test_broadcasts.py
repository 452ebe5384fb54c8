from datetime import UTC, datetime, timedelta

from campaigns.models import Campaign
from campaigns.operations.broadcasts import complete_broadcasts, start_broadcasts
from campaigns.queries import stats
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, EmailActivity, Membership
from tests import smtp_sink
from tests.campaigns.factories import make_broadcast, make_segment
from tests.factories import AT, make_contact


def test_the_audience_is_frozen_at_the_start(project):
    ann, bob = make_contact(project), make_contact(project)
    segment = make_segment(project, ann)
    campaign = make_broadcast(project, segment)

    assert start_broadcasts(at=AT) == 1
    Membership.objects.create(project=project, segment=segment, contact=bob, entered_at=AT)
    assert start_broadcasts(at=AT) == 0

    assert [mail.contact_id for mail in campaign.stream.emails.all()] == [ann.id]


def test_a_scheduled_broadcast_starts_in_its_time(project):
    campaign = make_broadcast(
        project, make_segment(project, make_contact(project)), scheduled_at=AT
    )
    assert campaign.status == "scheduled"

    assert start_broadcasts(at=AT - timedelta(seconds=1)) == 0
    assert start_broadcasts(at=AT) == 1
    campaign.refresh_from_db()
    assert campaign.status == "active"


def test_a_broadcast_is_complete_when_every_mail_is_decided(project, api):
    members = [make_contact(project, email=f"{name}@example.com") for name in ("ann", "550+bob")]
    members.append(make_contact(project, email="", external_id="no-address"))
    campaign = make_broadcast(project, make_segment(project, *members))

    with smtp_sink.running() as sink:
        start_broadcasts(at=AT)
        assert complete_broadcasts(at=AT) == 0
        send_due(at=AT, relay=Relay(sink.url))

    assert complete_broadcasts(at=AT) == 1
    campaign.refresh_from_db()
    assert campaign.status == "completed"
    assert [each.recipient for each in sink.received] == ["ann@example.com"]
    assert sink.received[0].parsed["Subject"] == "News"
    shown = api.get(f"/v1/campaigns/{campaign.id}/stats").json()["stats"]
    assert (shown["sent"], shown["delivered"], shown["bounced"]) == (2, 1, 1)
    assert shown["bounce_rate"] == 0.5
    assert shown["suppressed"] == 1
    sends = api.get(f"/v1/campaigns/{campaign.id}/sends").json()["data"]
    assert {send["status"]: send["reason"] for send in sends} == {
        "sent": None,
        "failed": sends[1]["reason"],
        "suppressed": "no_address",
    }
    assert api.post(f"/v1/campaigns/{campaign.id}/activate").status_code == 409


def test_rates_count_people_and_leave_machines_apart(project):
    campaign = make_broadcast(project, make_segment(project))
    for n in range(8):
        mail = Email.objects.create(
            project=project,
            stream=campaign.stream,
            step_key="s",
            contact=make_contact(project),
            email_key=f"p{n}",
            state="sent",
            created_at=AT,
            due_at=AT,
        )
        kinds = ["opened"] * n + (["clicked"] if n > 5 else [])
        for kind in kinds:
            EmailActivity.objects.create(
                project=project, email=mail, kind=kind, at=AT, is_machine=n == 7
            )

    counted = stats(campaign)

    assert (counted["sent"], counted["opened"], counted["clicked"]) == (8, 6, 1)
    assert (counted["open_rate"], counted["click_rate"]) == (0.75, 0.12)


def test_a_broadcast_waits_until_its_segment_is_built(project):
    segment = make_segment(project, make_contact(project))
    segment.status = segment.Status.BUILDING
    segment.save()
    make_broadcast(project, segment)

    assert start_broadcasts(at=AT) == 0
    segment.status = segment.Status.READY
    segment.save()
    assert start_broadcasts(at=AT) == 1


def test_a_broadcast_at_local_time_comes_by_each_contacts_clock(api, project):
    project.timezone = "Europe/Berlin"
    project.save()
    zones = ["Pacific/Apia", "Asia/Kathmandu", "America/New_York", None, "Mars/Olympus"]
    contacts = [make_contact(project, traits={"timezone": zone}) for zone in zones]
    segment = make_segment(project, *contacts)
    body = {
        "type": "broadcast",
        "name": "Morning",
        "segment_id": segment.id,
        "subject": "Good morning",
        "template_id": "tmpl_welcome_01",
        "scheduled_at": "2026-03-29T09:00:00+02:00",  # The clocks are put forward that night.
        "send_at_local_time": True,
    }
    made = api.post("/v1/campaigns", body)
    assert (made.status_code, made.data["send_at_local_time"]) == (201, True)
    api.post(f"/v1/campaigns/{made.data['id']}/activate")
    campaign = Campaign.objects.get()
    first = datetime(2026, 3, 28, 19, tzinfo=UTC)

    assert start_broadcasts(at=first - timedelta(seconds=1)) == 0
    assert start_broadcasts(at=first) == 1
    assert start_broadcasts(at=first) == 0

    due = campaign.stream.emails.order_by("contact_id").values_list("due_at", flat=True)
    assert [f"{moment:%d %H:%M}" for moment in due] == [
        "28 20:00",
        "29 03:15",
        "29 13:00",
        "29 07:00",
        "29 07:00",
    ]


def test_a_local_time_needs_a_time(api, project):
    segment = make_segment(project)
    body = {
        "type": "broadcast",
        "name": "Morning",
        "segment_id": segment.id,
        "template_id": "tmpl_welcome_01",
        "send_at_local_time": True,
    }

    response = api.post("/v1/campaigns", body)

    assert response.status_code == 422, response.data
    assert "scheduled_at" in str(response.data)
