"""Whom surveys ask, when, and how often."""

from datetime import timedelta

import pytest

from contacts.models import Email, Event
from contacts.operations.segments import add_members
from growth.models import DomainEvent
from surveys.models import Invitation
from surveys.operations.surveys import remove_survey
from tests.campaigns.factories import make_segment
from tests.factories import AT, make_contact
from tests.surveys.factories import (
    DAY,
    answer,
    deliver,
    happen,
    make_invitation,
    make_survey,
    send,
    states,
)

HOUR = timedelta(hours=1)


def mails():
    return list(Email.objects.order_by("id").values_list("contact__email", "state"))


def test_an_event_asks_after_the_delay(project, relay):
    make_survey(project, trigger={"event": "trial_expired", "delay": "1h"})
    ann = make_contact(project, email="ann@example.com")
    happen(ann)
    happen(make_contact(project), "login")
    relay()

    send(AT + HOUR - timedelta(seconds=1))
    assert states() == ["waiting"]
    send(AT + HOUR)

    assert states() == ["queued"]
    assert mails() == [("ann@example.com", "queued")]


def test_the_entry_into_a_segment_asks(project, relay):
    segment = make_segment(project, make_contact(project))
    make_survey(project, trigger={"segment_id": segment.id}, segment=segment)
    ann = make_contact(project)
    add_members(segment, [ann], at=AT)
    relay()
    send()

    assert list(Invitation.objects.values_list("contact", flat=True)) == [ann.id]


def test_with_both_the_event_asks_members_only(project, relay):
    ann, bob = make_contact(project), make_contact(project)
    segment = make_segment(project, ann)
    make_survey(project, trigger={"event": "trial_expired"}, segment=segment)
    happen(ann)
    happen(bob)
    relay()

    assert list(Invitation.objects.values_list("contact", flat=True)) == [ann.id]


def test_a_filter_looks_at_the_properties_of_the_event(project, relay):
    where = {"field": "properties.plan", "op": "eq", "value": "pro"}
    make_survey(project, trigger={"event": "trial_expired", "where": where})
    ann, bob = make_contact(project), make_contact(project)
    happen(ann, plan="pro")
    happen(bob, plan="free")
    relay()

    assert list(Invitation.objects.values_list("contact", flat=True)) == [ann.id]


def test_news_that_is_told_twice_asks_once(project, relay):
    """Repeated: the relay tells the same news again."""
    make_survey(project, frequency_cap={})
    happen(make_contact(project))
    relay()
    DomainEvent.objects.filter(type="events.evaluated").update(position=None)
    send()
    relay()

    assert states() == ["queued"]


def test_without_a_cap_a_contact_is_asked_once(project, relay):
    make_survey(project)
    ann = make_contact(project)
    for day in range(3):
        happen(ann, at=AT + day * DAY)
        relay(AT + day * DAY)
        send(AT + day * DAY)

    assert Email.objects.count() == 1


@pytest.mark.parametrize(
    ("cap", "days", "asked"),
    [
        ({"max_surveys_per_contact": 2}, [0, 1, 2], 2),
        ({"max_surveys_per_contact": 5, "cooldown_days": 2}, [0, 1, 2, 3, 4], 3),
        ({"cooldown_days": 3}, [0, 2, 3, 5, 6], 3),
        ({}, [0, 1, 2], 3),
    ],
)
def test_a_cap_says_how_often(project, relay, cap, days, asked):
    make_survey(project, frequency_cap=cap)
    ann = make_contact(project)
    for day in days:
        at = AT + day * DAY
        happen(ann, at=at)
        relay(at)
        send(at)
        deliver(project, at)
        relay(at)

    assert Email.objects.count() == asked


def test_the_cooldown_counts_every_survey_of_the_project(project, relay):
    make_survey(project, name="First", trigger={"event": "first"})
    make_survey(
        project, name="Second", trigger={"event": "second"}, frequency_cap={"cooldown_days": 7}
    )
    ann = make_contact(project)
    happen(ann, "first")
    relay()
    send()
    happen(ann, "second", at=AT + 6 * DAY)
    relay(AT + 6 * DAY)
    send(AT + 6 * DAY)
    happen(ann, "second", at=AT + 7 * DAY)
    relay(AT + 7 * DAY)
    send(AT + 7 * DAY)

    assert states() == ["queued", "skipped cooldown", "queued"]


def test_two_surveys_due_at_once_ask_one_contact_once(project, relay):
    cap = {"cooldown_days": 1}
    make_survey(project, name="First", frequency_cap=cap)
    make_survey(project, name="Second", frequency_cap=cap)
    happen(make_contact(project))
    relay()
    send()

    assert sorted(states()) == ["queued", "skipped cooldown"]


def test_who_answered_unasked_is_not_asked(project, relay):
    survey = make_survey(project)
    ann = make_contact(project)
    answer(survey, ann, 9)
    happen(ann)
    relay()
    send()

    assert states() == ["skipped max_surveys_per_contact"]


def test_mail_that_was_suppressed_asked_nobody(project, relay):
    survey = make_survey(project, frequency_cap={"max_surveys_per_contact": 1})
    ann = make_contact(project)
    make_invitation(survey, ann, state=Invitation.State.QUEUED, sent_at=None)
    Email.objects.create(
        project=project, stream=survey.stream, step_key="invitation", contact=ann,
        template_code="x", state="suppressed", created_at=AT, due_at=AT,
    )  # fmt: skip
    happen(ann)
    relay()
    send()

    assert states() == ["queued", "queued"]
    assert Email.objects.filter(state="queued").count() == 1


def test_a_pause_asks_nobody_and_activation_goes_on(project, relay):
    survey = make_survey(project)
    happen(make_contact(project))
    relay()
    survey.pause(at=AT)
    send()
    happen(make_contact(project))
    relay()
    assert states() == ["waiting"]

    survey.activate(at=AT)
    send()
    assert states() == ["queued"]


def test_a_deleted_survey_and_a_deleted_contact_are_not_asked_for(project, relay):
    survey = make_survey(project)
    other = make_survey(project, trigger={"event": "login"})
    ann, bob = make_contact(project), make_contact(project)
    happen(ann)
    happen(bob, "login")
    relay()
    remove_survey(survey, at=AT)
    remove_survey(survey, at=AT)
    bob.remove(at=AT)
    relay()
    send()

    assert sorted(states()) == ["skipped deleted", "skipped survey_deleted"]
    assert other.invitations.count() == 1
    assert not Email.objects.exists()


def test_what_a_server_took_is_told_once_as_sent(project, relay):
    survey = make_survey(project)
    ann = make_contact(project)
    happen(ann)
    relay()
    send()
    assert not Event.objects.filter(name="$survey_sent").exists()
    deliver(project)
    relay()
    DomainEvent.objects.filter(type="events.evaluated").update(position=None)
    relay()

    event = Event.objects.get(name="$survey_sent")
    news = DomainEvent.objects.get(type="survey.sent")
    assert event.properties == {"survey_id": survey.id, "survey_type": "nps"}
    assert event.contact_id == news.data["contact_id"] == ann.id
    assert event.hops > 0
    assert states() == ["sent"]


def test_a_loop_of_a_survey_with_itself_ends(project, relay):
    """Answers and sent invitations are events like others, and may ask again: eight times."""
    make_survey(project, trigger={"event": "$survey_sent"}, frequency_cap={})
    ann = make_contact(project)
    happen(ann, "$survey_sent")
    for _ in range(20):
        relay()
        send()
        deliver(project)

    assert 2 <= Email.objects.count() <= 8
