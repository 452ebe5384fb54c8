"""The feed of events: everything a webhook says, by pull, in an order that stays."""

from datetime import datetime, timedelta

import orjson
import pytest
from django.utils.timezone import now

from growth.models import DomainEvent, DomainEventType
from growth.tasks import prune_domain_events
from tests.conftest import client_with
from tests.webhooks.factories import emit, make_delivery, make_endpoint

FEED = "/v1/events/feed"


@pytest.fixture
def at() -> datetime:
    return now()


def walk(api, **filters):
    """Return all events of the feed, page by page, as an integrator would."""
    events, after = [], ""
    while True:
        page = api.get(FEED, {"limit": 2, "after": after, **filters}).json()
        events += page["data"]
        if not page["has_more"]:
            return events
        after = page["next_cursor"]
        assert after == page["data"][-1]["id"]


def test_the_feed_has_every_public_event_in_the_order_of_positions(project, api, relay, at):
    emit(project, *({"n": n} for n in range(5)), at=at)
    emit(project, {"events": []}, type=DomainEventType.EVENTS_EVALUATED, at=at)
    relay(at)

    events = walk(api)

    assert [event["data"]["n"] for event in events] == [0, 1, 2, 3, 4]


def test_the_feed_says_what_the_webhook_says(project, api, at):
    delivery = make_delivery(make_endpoint(project), at, name="Jürgen", n=1.5)

    (event,) = walk(api)

    assert orjson.loads(delivery.body) == event
    assert delivery.domain_event_id == event["id"]


def test_events_that_were_not_told_yet_are_not_in_the_feed(project, api, relay, at):
    emit(project, {"n": 1}, at=at)
    assert walk(api) == []

    relay(at)
    assert len(walk(api)) == 1


def test_the_feed_can_be_taken_up_where_it_was_left(project, api, relay, at):
    emit(project, {"n": 1}, at=at)
    relay(at)
    last = walk(api)[-1]["id"]
    assert api.get(FEED, {"after": last}).json() == {
        "data": [],
        "has_more": False,
        "next_cursor": None,
    }

    emit(project, {"n": 2}, at=at)
    relay(at)
    assert [each["data"]["n"] for each in api.get(FEED, {"after": last}).json()["data"]] == [2]


def test_types_choose_among_the_events(project, api, relay, at):
    emit(project, {"n": 1}, at=at)
    emit(project, {"n": 2}, type=DomainEventType.CAMPAIGN_EMAIL_BOUNCED, at=at)
    emit(project, {"n": 3}, type=DomainEventType.SEGMENT_ENTERED, at=at)
    relay(at)

    def numbers(types):
        return [event["data"]["n"] for event in walk(api, types=types)]

    assert numbers("contact.created") == [1]
    assert numbers("contact.*,segment.entered") == [1, 3]
    assert numbers("email.bounced") == [2]
    assert numbers("*") == [1, 2, 3]
    assert numbers("billing.paid") == []


def test_what_is_older_than_thirty_days_is_gone(project, api, relay, at):
    emit(project, {"n": 1}, at=at - timedelta(days=31))
    emit(project, {"n": 2}, at=at - timedelta(days=1))
    relay(at)
    old = DomainEvent.objects.earliest("id").id

    assert [event["data"]["n"] for event in walk(api)] == [2]
    assert api.get(FEED, {"after": old}).status_code == 410
    prune_domain_events()
    assert not DomainEvent.objects.filter(pk=old).exists()
    answer = api.get(FEED, {"after": old})
    assert answer.status_code == 410
    assert answer.json()["error"]["code"] == "gone"


def test_an_event_of_another_project_is_an_unknown_one(project, other_project, api, relay, at):
    emit(project, at=at)
    emit(other_project, at=at)
    relay(at)
    strange = DomainEvent.objects.get(project=other_project).id

    answers = [api.get(FEED, {"after": after}) for after in (strange, "evt_zzzzzzzzzz")]

    assert {answer.status_code for answer in answers} == {400}
    assert answers[0].json()["error"] == answers[1].json()["error"]
    assert len(walk(api)) == 1


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("limit", "0", 400),
        ("limit", "x", 400),
        ("types", "nothing", 400),
        ("types", ",", 400),
        ("types", "events.recorded", 400),
        ("colour", "red", 400),
        ("after", "cntct_0123456789", 400),
        ("after", "evt_", 400),
        ("after", "7", 400),
        ("after", "\0", 400),
        ("after", "é" * 300, 400),
    ],
)
def test_a_bad_parameter_is_refused(api, name, value, status):
    assert api.get(FEED, {name: value}).status_code == status


def test_the_feed_needs_its_scope(project):
    assert client_with(project, scopes=["events:read"]).get(FEED).status_code == 200
    assert client_with(project, scopes=["webhooks:read"]).get(FEED).status_code == 403
