"""The ledger: why a contact got a mail, or did not, in words."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns.operations.broadcasts import start_broadcasts
from campaigns.standings import WORDS
from contacts.mail import claiming
from contacts.models import Email, Membership, Suppression
from tests.campaigns.factories import (
    decide_all,
    happen,
    make_broadcast,
    make_lifecycle,
    make_segment,
    write_campaign,
)
from tests.factories import AT, make_contact, make_event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def sends(api):
    def read(campaign, contact=None, **filters):
        id = campaign["id"] if isinstance(campaign, dict) else campaign.id
        if contact:
            filters["contact_id"] = contact.id
        response = api.get(f"/v1/campaigns/{id}/sends", filters)
        assert response.status_code == 200, response.json()
        return response.json()

    return read


@pytest.fixture
def reason(sends):
    def read(campaign, contact):
        said = sends(campaign, contact)["contact"]
        assert said["explanation"] == WORDS[said["reason"]]
        return said["state"], said["reason"]

    return read


def test_the_ledger_is_read_by_cursor_and_filtered(project, sends):
    members = [make_contact(project) for _ in range(5)]
    campaign = make_broadcast(project, make_segment(project, *members))
    start_broadcasts(at=AT)
    Email.objects.filter(contact=members[0]).update(state="sent", decided_at=AT)

    seen, cursor = [], {}
    while True:
        page = sends(campaign, limit=2, **cursor)
        seen += [each["contact_id"] for each in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(member.id for member in members)
    assert len(sends(campaign, status="queued")["data"]) == 4
    mine = sends(campaign, members[0])
    assert [each["status"] for each in mine["data"]] == ["sent"]
    assert mine["contact"]["state"] == "in_audience"
    assert sends(campaign, members[1], status="sent")["data"] == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"status": "lost"}, "status"),
        ({"contact_id": "nonsense"}, "contact_id"),
        ({"contact_id": "cntct_0000000000"}, "contact_id"),
        ({"step": "x"}, "step"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_a_wrong_parameter_is_named(api, project, filters, names):
    campaign = make_lifecycle(project, "0m")

    response = api.get(f"/v1/campaigns/{campaign.id}/sends", filters)

    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(f"{names}:")


def test_a_stranger_is_not_explained(api, other_project, project):
    campaign = make_lifecycle(project, "0m")
    stranger = make_contact(other_project)

    answer = api.get(f"/v1/campaigns/{campaign.id}/sends", {"contact_id": stranger.id})

    assert answer.status_code == 400


def test_every_suppressed_mail_says_why_in_a_sentence(project, sends):
    ann = make_contact(project, email="ann@example.com")
    twin = make_contact(project, email="")
    twin.email, twin.email_key = "Ann@example.com", "ann@example.com"
    twin.save()
    nobody = make_contact(project, email="", external_id="u3")
    gone = make_contact(project)
    Suppression.objects.create(project=project, email_key=gone.email_key, reason="complained")
    campaign = make_broadcast(project, make_segment(project, ann, twin, nobody, gone))
    start_broadcasts(at=AT)
    claiming.claim(at=AT, limit=10)

    said = {each["contact_id"]: each["explanation"] for each in sends(campaign)["data"]}

    assert said == {
        ann.id: WORDS["claimed"],
        twin.id: WORDS["same_address"],
        nobody.id: WORDS["no_address"],
        gone.id: WORDS["complained"],
    }


def test_mail_of_a_paused_campaign_waits_for_it(api, project, sends):
    campaign = make_broadcast(project, make_segment(project, make_contact(project)))
    start_broadcasts(at=AT)
    api.post(f"/v1/campaigns/{campaign.id}/pause")

    assert sends(campaign)["data"][0]["explanation"] == WORDS["paused"]


def test_who_is_not_in_the_audience_is_told_why(project, reason):
    ann, late, stranger = (make_contact(project) for _ in range(3))
    segment = make_segment(project, ann)
    campaign = make_broadcast(project, segment)
    assert reason(campaign, ann) == ("not_started", "starting")
    assert reason(campaign, stranger) == ("not_started", "not_in_segment")

    start_broadcasts(at=AT)
    Membership.objects.create(project=project, segment=segment, contact=late, entered_at=AT + HOUR)

    assert reason(campaign, ann) == ("in_audience", "in_audience")
    assert reason(campaign, late) == ("not_in_audience", "entered_after_start")
    assert reason(campaign, stranger) == ("not_in_audience", "not_in_audience")


def test_a_journey_says_what_comes_next(api, project, relay, sends):
    ann = make_contact(project)
    campaign = write_campaign(api, "0m", "2d")
    happen(ann)
    relay(AT)

    said = sends(campaign, ann)["contact"]

    assert (said["state"], said["reason"], said["entry"]) == ("active", "waiting", 0)
    assert said["next_step_id"] == campaign["steps"][1]["id"]
    assert said["due_at"].startswith("2026-03-04T12:00:00")


def test_a_journey_that_is_over_says_how_it_ended(api, project, relay, reason):
    ann, bob = make_contact(project), make_contact(project)
    campaign = write_campaign(api, "0m", goal={"event": "purchase"})
    other = write_campaign(api, "0m", "9d", goal={"event": "purchase"})
    happen(ann)
    relay(AT)
    decide_all(AT)
    happen(ann, "purchase", AT + HOUR)
    relay(AT)

    assert reason(campaign, ann) == ("completed", "completed")
    assert reason(other, ann) == ("exited", "goal_reached")
    assert reason(other, bob) == ("not_enrolled", "no_event")


def test_who_was_not_enrolled_is_told_why(api, project, reason):
    before, filtered, history, outside, unheard = (make_contact(project) for _ in range(5))
    make_event(before, "signup_completed", at=AT, plan="trial")
    segment = make_segment(project, before, filtered, history, unheard)
    where = {"field": "properties.plan", "op": "eq", "value": "trial"}
    trigger = {"event": "signup_completed", "segment_id": segment.id, "where": where}
    campaign = write_campaign(api, "0m", trigger=trigger)
    moment = now()
    make_event(filtered, "signup_completed", at=moment, plan="growth")
    make_event(outside, "signup_completed", at=moment, plan="trial")
    make_event(unheard, "signup_completed", at=moment, plan="trial")
    old = make_event(history, "signup_completed", at=moment - 2 * DAY, plan="trial")
    type(old).objects.filter(pk=old.pk).update(received_at=moment)

    assert reason(campaign, before) == ("not_enrolled", "before_activation")
    assert reason(campaign, filtered) == ("not_enrolled", "filtered")
    assert reason(campaign, history) == ("not_enrolled", "historical")
    assert reason(campaign, outside) == ("not_enrolled", "not_in_segment")
    assert reason(campaign, unheard) == ("not_enrolled", "not_told_yet")
    api.post(f"/v1/campaigns/{campaign['id']}/pause")
    assert reason(campaign, unheard) == ("not_enrolled", "paused")
    api.delete(f"/v1/contacts/{unheard.id}")
    assert reason(campaign, unheard) == ("not_enrolled", "deleted")


def test_a_member_at_activation_learns_that_this_was_why(api, project, reason):
    early, quiet, outside = (make_contact(project) for _ in range(3))
    segment = make_segment(project, early)
    draft = api.post(
        "/v1/campaigns",
        {"name": "S", "type": "lifecycle", "trigger": {"segment_id": segment.id}, "steps": []},
    ).json()
    assert reason(draft, early) == ("not_enrolled", "draft")

    campaign = write_campaign(api, "0m", trigger={"segment_id": segment.id})
    Membership.objects.create(
        project=project, segment=segment, contact=quiet, entered_at=now() + HOUR
    )

    assert reason(campaign, early) == ("not_enrolled", "member_at_activation")
    assert reason(campaign, quiet) == ("not_enrolled", "entered_quietly")
    assert reason(campaign, outside) == ("not_enrolled", "not_in_segment")
