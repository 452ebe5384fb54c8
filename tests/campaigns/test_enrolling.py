"""Who begins a journey, and who begins another."""

from datetime import timedelta

import pytest

from campaigns.models import Enrollment
from campaigns.operations.journeys import follow_events
from contacts.models import Email, Event, Membership
from tests.campaigns.factories import (
    ONBOARDING,
    decide_all,
    happen,
    make_segment,
    play,
    take,
    write_campaign,
)
from tests.factories import AT, make_contact

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def enrolled():
    return [each.contact_id for each in Enrollment.objects.order_by("id")]


def where(op, value, field="properties.plan"):
    return {"event": "signup_completed", "where": {"field": field, "op": op, "value": value}}


def test_a_where_lets_in_only_events_whose_properties_pass(api, project, relay):
    trial, paid, silent = (make_contact(project) for _ in range(3))
    campaign = write_campaign(api, "0m", trigger=where("eq", "trial"))
    assert campaign["trigger"] == where("eq", "trial")

    happen(trial, plan="trial")
    happen(paid, plan="growth")
    happen(silent)
    relay(AT)

    assert enrolled() == [trial.id]


def test_a_where_may_be_a_group_over_numbers_and_texts(api, project, relay):
    group = {
        "operator": "OR",
        "conditions": [
            {"field": "properties.order.total", "op": "gte", "value": 100},
            {"field": "properties.note", "op": "contains", "value": "VIP"},
        ],
    }
    rich, known, small = (make_contact(project) for _ in range(3))
    write_campaign(api, "0m", trigger={"event": "signup_completed", "where": group})

    happen(rich, order={"total": 100})
    happen(known, order={"total": 1}, note="a vip indeed")
    happen(small, order={"total": "100"})
    relay(AT)

    assert enrolled() == [rich.id, known.id]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trigger": {"segment_id": None, "where": {}}}, "trigger.where"),
        ({"trigger": where("eq", "x") | {"event": None}}, "trigger.where"),
        ({"trigger": {"event": "x", "where": []}}, "trigger.where"),
        ({"trigger": where("like", "x")}, "trigger.where.op"),
        ({"trigger": where("eq", "x", field="traits.plan")}, "trigger.where.field"),
        ({"trigger": where("gt", [])}, "trigger.where.value"),
        ({"reentry": "always"}, "reentry"),
        ({"reentry": "every_event", "trigger": {"event": "$email_sent"}}, "reentry"),
        ({"goal": {"window": "7d"}}, "goal.event"),
        ({"goal": {"event": "purchase", "window": "soon"}}, "goal.window"),
        ({"goal": {"event": "purchase", "window": "0m"}}, "goal.window"),
        ({"goal": {"event": "purchase", "value": 3}}, "goal.value"),
        ({"goal": "purchase"}, "goal"),
        ({"exit_on_segment_leave": True}, "exit_on_segment_leave"),
        ({"exit_on_segment_leave": "perhaps"}, "exit_on_segment_leave"),
        ({"delay_from": "yesterday"}, "delay_from"),
        ({"start_within": "1h"}, "start_within"),
        ({"topic": "nonsense"}, "topic"),
        ({"topic": 7}, "topic"),
        ({"steps": [{"id": "step_0000000000", "template_id": "tmpl_x"}]}, "steps[0].id"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_field(api, project, changes, field):
    response = api.post("/v1/campaigns", {**ONBOARDING, **changes})

    assert response.status_code == 422, response.json()
    assert response.json()["error"]["details"][0]["field"] == field


def test_settings_come_back_as_they_were_sent_and_are_patched(api, project):
    goal = {"event": "purchase", "window": "7d"}
    segment = make_segment(project)
    trigger = where("eq", "trial") | {"segment_id": segment.id}
    campaign = write_campaign(
        api, "0m", trigger=trigger, goal=goal, reentry="after_exit", exit_on_segment_leave=True
    )
    path = f"/v1/campaigns/{campaign['id']}"

    changed = api.patch(path, {"goal": {"window": None}, "trigger": {"where": None}}).json()

    assert changed["goal"] == {"event": "purchase"}
    assert changed["trigger"] == {"event": "signup_completed", "segment_id": segment.id}
    assert (changed["reentry"], changed["exit_on_segment_leave"]) == ("after_exit", True)
    refused = api.patch(path, {"trigger": {"segment_id": None}})
    assert refused.json()["error"]["details"][0]["field"] == "exit_on_segment_leave"
    assert api.patch(path, {"goal": None}).json()["goal"] is None
    assert api.patch(path, {"trigger": {"event": None, "segment_id": None}}).status_code == 422
    assert api.patch(path, {"trigger": None}).status_code == 422


def test_a_trigger_that_loses_its_segment_lets_everybody_in(api, project, relay):
    campaign = write_campaign(
        api, "0m", trigger={"event": "signup_completed", "segment_id": make_segment(project).id}
    )
    stranger = make_contact(project)

    api.patch(f"/v1/campaigns/{campaign['id']}", {"trigger": {"segment_id": None}})
    happen(stranger)
    relay(AT)

    assert enrolled() == [stranger.id]


def test_without_reentry_a_contact_has_one_journey(api, project, relay):
    ann = make_contact(project)
    write_campaign(api, "0m")

    for day in range(3):
        happen(ann, at=AT + day * DAY)
        relay(AT + day * DAY)
        play(AT + day * DAY, 0)

    assert enrolled() == [ann.id]
    assert Email.objects.count() == 1


def test_after_exit_a_contact_comes_back_once_its_journey_is_over(api, project, relay):
    ann = make_contact(project)
    write_campaign(api, "0m", "1d", reentry="after_exit")

    happen(ann, at=AT)
    relay(AT)
    happen(ann, at=AT + HOUR)
    relay(AT + HOUR)
    assert Enrollment.objects.count() == 1
    play(AT, 3)
    happen(ann, at=AT + 4 * DAY)
    relay(AT + 4 * DAY)
    play(AT + 4 * DAY, 3)

    journeys = Enrollment.objects.order_by("entry").values_list("entry", "state")
    assert list(journeys) == [(0, "completed"), (1, "completed")]
    assert Email.objects.count() == 4


def test_after_exit_with_a_segment_asks_that_it_was_left_meanwhile(api, project, relay):
    ann = make_contact(project)
    segment = make_segment(project, ann)
    trigger = {"event": "signup_completed", "segment_id": segment.id}
    write_campaign(api, "0m", trigger=trigger, reentry="after_exit")

    for day in (0, 1):
        happen(ann, at=AT + day * DAY)
        relay(AT + day * DAY)
    assert Enrollment.objects.count() == 1
    Membership.objects.all().delete()
    Membership.objects.create(
        project=project, segment=segment, contact=ann, entered_at=AT + 2 * DAY
    )
    happen(ann, at=AT + 3 * DAY)
    relay(AT + 3 * DAY)

    assert Enrollment.objects.count() == 2


def test_every_event_begins_a_journey_of_its_own(api, project, relay):
    ann, bob = make_contact(project), make_contact(project)
    write_campaign(api, "0m", "1d", reentry="every_event")

    for order in (1, 2):
        happen(ann, order=order)
    happen(bob, order=3)
    relay(AT)
    happen(ann, at=AT + HOUR, order=4)
    relay(AT + HOUR)
    play(AT + HOUR, 3)

    journeys = Enrollment.objects.filter(contact=ann).order_by("entry")
    assert [(each.entry, each.event["properties"]["order"]) for each in journeys] == [
        (0, 1),
        (1, 2),
        (2, 4),
    ]
    assert Email.objects.filter(contact=ann).count() == 6
    assert Email.objects.filter(contact=bob).count() == 2


def test_events_told_again_begin_nothing_whatever_the_reentry(api, project, relay):
    """Safe to repeat: proved by telling the same news again."""
    ann = make_contact(project)
    for reentry in ("never", "after_exit", "every_event"):
        write_campaign(api, "0m", reentry=reentry)
    happen(ann)
    relay(AT)
    event = Event.objects.get(name="signup_completed")
    pair = [event.key, event.timestamp.isoformat()]
    take(AT)
    decide_all(AT)
    before = Enrollment.objects.count(), Email.objects.count()

    follow_events(project, [pair], at=AT + DAY, hops=0)

    assert (Enrollment.objects.count(), Email.objects.count()) == before == (3, 3)


def test_the_context_of_a_mail_is_the_event_of_its_own_journey(api, project, relay):
    ann = make_contact(project)
    write_campaign(api, "0m", reentry="every_event")

    for order in (1, 2):
        happen(ann, order=order)
    relay(AT)

    told = [mail.context["event"]["properties"]["order"] for mail in Email.objects.order_by("id")]
    assert sorted(told) == [1, 2]
