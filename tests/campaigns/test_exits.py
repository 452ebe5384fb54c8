"""How journeys end, and what becomes of the mail that waits for them."""

from datetime import timedelta

from campaigns.models import Enrollment
from contacts.mail.unsubscribing import unsubscribe
from contacts.models import Email, Event, Fact, Suppression
from contacts.operations.consents import Stance, record_consents
from tests.campaigns.factories import (
    decide_all,
    happen,
    make_segment,
    play,
    write_campaign,
)
from tests.factories import AT, make_contact, make_topic

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOAL = {"event": "purchase", "window": "7d"}


def journeys():
    found = Enrollment.objects.order_by("id").values_list("state", "reason", "converted_at")
    return [(state, reason, bool(converted_at)) for state, reason, converted_at in found]


def mails():
    return list(Email.objects.order_by("id").values_list("state", "reason"))


def stats(api, campaign):
    return api.get(f"/v1/campaigns/{campaign['id']}/stats").json()["stats"]


def test_a_goal_ends_the_journey_and_is_counted_once(api, project, relay):
    ann, bob = make_contact(project), make_contact(project)
    campaign = write_campaign(api, "0m", "2d", goal=GOAL)
    for contact in (ann, bob):
        happen(contact)
    relay(AT)
    decide_all(AT)

    for hour in (1, 2):
        happen(ann, "purchase", AT + hour * HOUR)
        relay(AT + hour * HOUR)
    play(AT + DAY, 5)

    assert journeys() == [("exited", "goal_reached", True), ("completed", "", False)]
    assert Email.objects.filter(contact=ann).count() == 1
    counted = stats(api, campaign)
    assert (counted["enrolled"], counted["conversions"]) == (2, 1)
    assert counted["conversion_rate"] == 0.5


def test_a_goal_counts_within_its_window_only_and_also_after_the_last_step(api, project, relay):
    early, late = make_contact(project), make_contact(project)
    write_campaign(api, "0m", goal=GOAL)
    for contact in (early, late):
        happen(contact)
    relay(AT)
    play(AT, 1)

    happen(early, "purchase", AT + 7 * DAY)
    happen(late, "purchase", AT + 7 * DAY + HOUR)
    relay(AT + 8 * DAY)

    assert journeys() == [("completed", "", True), ("completed", "", False)]


def test_what_was_done_before_the_journey_is_not_its_goal(api, project, relay):
    ann = make_contact(project)
    write_campaign(api, "0m", "1d", goal=GOAL)

    happen(ann, "purchase", AT - HOUR)
    happen(ann, at=AT)
    relay(AT)

    assert journeys() == [("active", "", False)]


def test_a_goal_told_together_with_the_trigger_counts_before_the_first_mail(api, project, relay):
    ann = make_contact(project)
    write_campaign(api, "0m", goal=GOAL)

    happen(ann, at=AT)
    happen(ann, "purchase", AT)
    relay(AT)

    assert journeys() == [("exited", "goal_reached", True)]
    assert mails() == []


def test_the_same_event_may_end_one_journey_and_begin_the_next(api, project, relay):
    ann = make_contact(project)
    write_campaign(
        api,
        "0m",
        "1d",
        trigger={"event": "purchase"},
        goal={"event": "purchase"},
        reentry="after_exit",
    )
    for day in (0, 0.5, 1):
        happen(ann, "purchase", AT + day * DAY)
        relay(AT + day * DAY)

    assert journeys() == [
        ("exited", "goal_reached", True),
        ("exited", "goal_reached", True),
        ("active", "", False),
    ]


def test_mail_that_waits_is_suppressed_with_the_reason_of_the_exit(api, project, relay):
    ann = make_contact(project)
    campaign = write_campaign(api, "0m", "2d", goal=GOAL)
    happen(ann)
    relay(AT)
    assert mails() == [("queued", "")]

    happen(ann, "purchase", AT + HOUR)
    relay(AT + HOUR)

    assert mails() == [("suppressed", "goal_reached")]
    assert stats(api, campaign)["suppressed"] == 1


def test_unsubscribing_ends_all_journeys_of_the_contact(api, project, relay):
    ann = make_contact(project)
    for _ in range(2):
        write_campaign(api, "0m", "1d")
    happen(ann)
    relay(AT)
    mail = Email.objects.order_by("id").first()
    Email.objects.filter(pk=mail.pk).update(state="sent", decided_at=AT)

    unsubscribe(mail, at=AT + HOUR)
    relay(AT + HOUR)

    assert journeys() == [("exited", "unsubscribed", False)] * 2
    assert mails() == [("sent", ""), ("suppressed", "unsubscribed")]


def test_a_bounce_or_complaint_ends_journeys_only_if_the_address_gets_no_mail_any_more(
    api, project, relay
):
    hard, soft, angry = (make_contact(project) for _ in range(3))
    write_campaign(api, "0m", "1d")
    for contact in (hard, soft, angry):
        happen(contact)
    relay(AT)
    for contact, reason in ((hard, "bounced"), (angry, "complained")):
        Suppression.objects.create(project=project, email_key=contact.email_key, reason=reason)

    facts = [Fact(contact.key, "$email_bounced") for contact in (hard, soft)]
    Event.objects.record(project, [*facts, Fact(angry.key, "$email_complained")], at=AT)
    relay(AT)

    assert [(state, reason) for state, reason, _ in journeys()] == [
        ("exited", "bounced"),
        ("active", ""),
        ("exited", "complained"),
    ]


def test_withdrawing_a_topic_ends_the_journeys_about_it_and_no_others(api, project, relay):
    make_topic(project, "tips")
    ann = make_contact(project)
    about = write_campaign(api, "0m", "1d", topic="tips")
    assert about["topic"] == "tips"
    write_campaign(api, "0m", "1d")
    happen(ann)
    relay(AT)

    record_consents(ann, {"tips": Stance("withdrawn")}, at=AT)
    relay(AT)

    assert sorted(journeys()) == [("active", "", False), ("exited", "consent", False)]
    assert sorted(mails()) == [("queued", ""), ("suppressed", "consent")]


def test_deleting_a_contact_ends_its_journeys_and_says_so_of_its_mail(api, project, relay):
    ann = make_contact(project)
    campaign = write_campaign(api, "0m", "1d")
    happen(ann)
    relay(AT)
    api.post(f"/v1/campaigns/{campaign['id']}/pause")

    api.delete(f"/v1/contacts/{ann.id}")
    relay(AT)

    assert journeys() == [("exited", "deleted", False)]
    assert mails() == [("suppressed", "deleted")]


def trials(api):
    rules = {
        "operator": "AND",
        "conditions": [{"field": "traits.plan", "op": "eq", "value": "trial"}],
    }
    return api.post("/v1/segments", {"name": "Trials", "rules": rules}).json()["id"]


def test_leaving_the_segment_ends_the_journey_if_the_campaign_asks_for_it(api, project, relay):
    segment = trials(api)
    trigger = {"segment_id": segment}
    write_campaign(api, "0m", "1d", trigger=trigger, exit_on_segment_leave=True)
    write_campaign(api, "0m", "1d", trigger=trigger)
    created = api.post("/v1/contacts", {"email": "a@example.com", "traits": {"plan": "trial"}})
    ann = created.json()["id"]
    relay(AT)

    api.patch(f"/v1/contacts/{ann}", {"traits": {"plan": "growth"}})
    relay(AT)

    assert sorted(journeys()) == [("active", "", False), ("exited", "left_segment", False)]
    assert sorted(mails()) == [("queued", ""), ("suppressed", "left_segment")]


def test_who_leaves_without_an_event_gets_no_further_step(api, project, relay):
    ann = make_contact(project)
    segment = make_segment(project, ann)
    trigger = {"event": "signup_completed", "segment_id": segment.id}
    write_campaign(api, "0m", "1d", trigger=trigger, exit_on_segment_leave=True)
    happen(ann)
    relay(AT)
    decide_all(AT)

    segment.memberships.all().delete()
    play(AT, 3)

    assert journeys() == [("exited", "left_segment", False)]
    assert mails() == [("sent", "")]


def test_a_worker_that_holds_a_mail_finds_it_gone_when_its_journey_has_ended(api, project, relay):
    from contacts.mail import beginning, claiming

    ann = make_contact(project)
    write_campaign(api, "0m", "1d", goal=GOAL)
    happen(ann)
    relay(AT)
    held = claiming.claim(at=AT, limit=10)

    happen(ann, "purchase", AT + HOUR)
    relay(AT)

    assert beginning.begin(held.mails, until=held.until, at=AT) == set()
    claiming.release(held.mails, until=held.until)
    assert mails() == [("suppressed", "goal_reached")]
