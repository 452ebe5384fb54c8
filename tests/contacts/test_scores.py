"""Scores: what they are the sum of, and that stored ones follow what happens and the calendar."""

from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from contacts import oracle, rules
from contacts.models import Contact, ContactActivity, ContactScore, Event
from contacts.models.event import Fact, announce
from contacts.operations import scoring
from contacts.operations.scoring import decay_next
from contacts.profile import profile
from contacts.scores import FULL, ScoreRules, explain_scores
from contacts.tasks import decay_scores
from growth.errors import Invalid
from growth.models import DomainEvent
from tests.contacts import random_rules
from tests.contacts.segment_stories import is_member, make, record
from tests.contacts.written_rules import one
from tests.factories import AT, make_contact, make_event

DAY = timedelta(days=1)
ENGAGED = one(field="scores.engagement", op="gte", value=5)


def stored(contact: Contact) -> tuple[int, int]:
    activity = ContactActivity.objects.get(contact=contact)
    return activity.engagement, activity.lead


def decay(at) -> None:
    while decay_next(at=at):
        pass


def test_a_score_is_the_sum_of_its_contributions(api, project):
    contact = make_contact(
        project, phone="+14155550101", traits={"name": "A", "plan": "", "title": None, "company": 0}
    )
    for name, count in (("login", 4), ("page", 3), ("$email_clicked", 1), ("$segment_entered", 5)):
        for _ in range(count):
            make_event(contact, name)

    found = explain_scores(contact, at=AT)

    assert found["engagement"] == {
        "score": 28,
        "contributions": [
            {"because": "events.login", "count": 4, "points": 20},
            {"because": "events.$email_clicked", "count": 1, "points": 5},
            {"because": "events.page", "count": 3, "points": 3},
        ],
    }
    assert {each["because"]: each["points"] for each in found["lead"]["contributions"]} == {
        "email": 20,
        "phone": 10,
        "traits.name": 10,
        "events.$email_clicked": 5,
    }
    assert found["lead"]["score"] == 45


def test_no_score_is_above_a_hundred_and_the_limit_is_a_contribution(project):
    contact = make_contact(project)
    for name in ("a", "b", "c"):
        for _ in range(30):
            make_event(contact, name)

    engagement = explain_scores(contact, at=AT)["engagement"]

    assert engagement["score"] == 100
    assert {"because": "limit", "count": 1, "points": -50} in engagement["contributions"]
    assert sum(each["points"] for each in engagement["contributions"]) == 100


def test_everything_that_makes_a_lead_is_a_hundred():
    usual = ScoreRules()
    earned = [*usual.traits.values(), *usual.milestones.values(), usual.email, usual.phone]

    assert sum(earned) == FULL


def test_the_api_shows_contributions_and_history(api, project, relay):
    contact = make_contact(project, email="")
    record(contact, "login")
    relay(AT)

    body = api.get(f"/v1/contacts/{contact.id}/scores").json()

    assert set(body) == {"engagement", "lead", "history"}
    assert body["lead"] == {"score": 0, "contributions": []}
    assert body["history"] == [{"day": "2026-03-02", "engagement": 5, "lead": 0}]


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_what_the_oracle_says(project, seed):
    random = Random(seed)
    project.timezone = random.choice(["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
    project.save()
    people = random_rules.people(random, project, 20)
    contacts = Contact.objects.select_related("project")
    for number in range(0, 40, 7):
        at = AT + number * DAY + timedelta(hours=random.randrange(24))
        for contact in contacts:
            person, zone = people[contact.key], ZoneInfo(project.timezone)
            assert profile(contact, at=at)["scores"] == {
                "engagement": oracle.engagement(person, at=at, zone=zone),
                "lead": oracle.lead(person),
            }


def test_an_event_scores_before_segments_look(project, relay):
    contact = make_contact(project)
    segment = make(project, ENGAGED)

    record(contact, "login")
    relay(AT)

    assert stored(contact) == (5, 20)
    assert is_member(segment, contact)
    assert DomainEvent.objects.filter(type="segment.entered").count() == 1


def test_a_trait_moves_the_lead_score_and_what_is_no_trait_of_leads_moves_nothing(project, relay):
    contact = make_contact(project)
    segment = make(project, one(field="scores.lead", op="gt", value=34.5))

    contact.revise(traits={"company": "Acme"}, at=AT)
    relay(AT)
    assert stored(contact) == (0, 35)
    assert is_member(segment, contact)

    contact.revise(traits={"company": None}, at=AT)
    relay(AT)
    assert stored(contact) == (0, 20)
    assert not is_member(segment, contact)

    contact.revise(traits={"colour": "red"}, at=AT)
    relay(AT)
    assert ContactScore.objects.get().lead == 20


def test_a_milestone_counts_for_ever(project, relay):
    contact = make_contact(project, email="")
    record(contact, "$referral_converted")
    relay(AT)

    decay(AT + 300 * DAY)

    assert stored(contact) == (0, 10)


def test_engagement_goes_down_each_day_and_segments_follow(project, relay):
    contact = make_contact(project, email="")
    segment = make(project, ENGAGED)
    record(contact, "login", "login")
    relay(AT)

    for days, expected in ((0, 10), (1, 9), (15, 5), (16, 4), (29, 0), (30, 0)):
        decay(AT + days * DAY)
        relay(AT + days * DAY)
        assert stored(contact)[0] == expected
        assert profile(contact, at=AT + days * DAY)["scores"]["engagement"] == expected
        assert is_member(segment, contact) == (expected >= 5)

    history = ContactScore.objects.order_by("day").values_list("engagement", flat=True)
    assert list(history) == [10, 9, 5, 4, 0]
    assert decay_next(at=AT + 60 * DAY) == 0


def test_the_day_ends_in_the_zone_of_the_project(project, relay):
    project.timezone = "America/New_York"
    project.save()
    record(make_contact(project), "login")
    relay(AT)

    assert decay_next(at=AT.replace(day=3, hour=4)) == 0
    assert decay_next(at=AT.replace(day=3, hour=5)) == 1
    assert decay_next(at=AT.replace(day=3, hour=5)) == 0


def test_a_day_has_one_row_of_history(project, relay):
    contact = make_contact(project)
    for hour in range(3):
        at = AT + timedelta(hours=hour)
        record(contact, "login", at=at)
        relay(at)

    assert ContactScore.objects.get().engagement == 15


def test_the_sweep_computes_what_was_never_computed(project, monkeypatch):
    monkeypatch.setattr(scoring, "_BATCH", 2)
    contacts = [make_contact(project) for _ in range(5)]
    ContactActivity.objects.bulk_create(
        ContactActivity(project=project, contact=contact) for contact in contacts
    )

    decay_scores()

    assert {stored(contact) for contact in contacts} == {(0, 20)}


def test_a_deleted_contact_does_not_hold_up_the_sweep(project, relay):
    contact = make_contact(project)
    record(contact, "login")
    relay(AT)
    contact.remove(at=AT)

    assert decay_next(at=AT + DAY) == 1
    assert decay_next(at=AT + DAY) == 0


def test_what_a_visitor_did_scores_for_the_person(ingest, project, relay):
    ingest.post("/v1/track", {"anonymous_id": "anon", "event": "login"})
    relay()
    ingest.post("/v1/identify", {"user_id": "u1"})
    ingest.post("/v1/identify", {"anonymous_id": "anon", "user_id": "u1"})
    relay()

    person = Contact.objects.alive().get()
    assert stored(person)[0] == 5


def test_many_contacts_take_the_statements_of_one(project, relay, django_assert_num_queries):
    def happen(count: int) -> None:
        made = [make_contact(project) for _ in range(count)]
        facts = [Fact(contact.key, "login") for contact in made]
        Event.objects.record(project, facts, at=AT)
        announce(project, changes={"created": [c.key for c in made]}, at=AT)

    make(project, ENGAGED)
    changes = {"created": [make_contact(project).key]}
    many = {"created": [make_contact(project).key for _ in range(50)]}
    for each in (changes, many):
        with django_assert_num_queries(4):
            scoring.follow_scores(project, each, at=AT)
    happen(5)
    relay(AT)
    decay(AT)
    with django_assert_num_queries(8):  # among them a savepoint and its release
        decay_next(at=AT + DAY)


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "scores", "op": "gt", "value": 1},
        {"field": "scores.other", "op": "gt", "value": 1},
        {"field": "scores.engagement.x", "op": "gt", "value": 1},
        {"field": "scores.engagement", "op": "exists"},
        {"field": "scores.engagement", "op": "contains", "value": "1"},
        {"field": "scores.engagement", "op": "gt", "value": "50"},
        {"field": "scores.engagement", "op": "eq", "value": "2026-01-01"},
        {"field": "scores.lead", "op": "eq", "value": True},
        {"field": "scores.lead", "op": "in", "value": [1, None]},
        {"field": "scores.lead", "op": "between", "value": [9, 1]},
        {"field": "scores.lead", "op": "gte", "value": 50, "window": "7d"},
        {"field": "scores.lead", "op": "gte", "value": 2**63},
        {"field": "scores.lead", "op": "gte", "value": float("inf")},
    ],
)
def test_a_condition_on_scores_that_is_none_is_refused(condition):
    with pytest.raises(Invalid):
        rules.parse(one(**condition), zone=ZoneInfo("UTC"))


def test_rules_mention_scores_by_their_names():
    rule = rules.parse(ENGAGED, zone=ZoneInfo("UTC"))

    assert rules.mentions(rule) == {"scores.engagement"}
