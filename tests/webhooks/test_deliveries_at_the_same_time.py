"""Workers beside each other: none takes what another has, and nothing is planned twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction

from growth.models import DomainEvent, Project
from tests.factories import AT
from tests.webhooks.factories import emit, make_endpoint
from webhooks.http.client import Answer
from webhooks.models import Delivery, Endpoint
from webhooks.models.delivery import LEASE
from webhooks.operations.claiming import FEWEST_AT_ONCE, claim
from webhooks.operations.outcomes import Outcome, record
from webhooks.operations.planning import plan

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(work: Callable[[int], object], count: int = 4) -> list:
    """Return what the work returns in each of so many threads, which begin together."""
    barrier = Barrier(count)

    def run(number: int) -> object:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


@pytest.fixture
def news(db) -> list[DomainEvent]:
    project = Project.objects.create(name="Acme")
    for _ in range(4):
        make_endpoint(project)
    emit(project, *({"n": n} for n in range(50)))
    return list(DomainEvent.objects.select_related("project"))


def test_events_told_by_many_at_the_same_time_are_planned_once(news):
    at_once(lambda _: plan(news, at=AT))

    assert Delivery.objects.count() == 200


def test_no_delivery_is_in_two_hands_at_the_same_time(news):
    plan(news, at=AT)
    taken = [
        parcel.key for claims in at_once(lambda _: claim(at=AT, limit=40)) for parcel in claims
    ]

    assert len(taken) == len(set(taken)) > 40


def test_outcomes_written_at_the_same_time_are_all_kept(news):
    plan(news, at=AT)
    claims = at_once(lambda _: claim(at=AT, limit=20))

    at_once(lambda number: record([Outcome(each, Answer(500)) for each in claims[number]], at=AT))

    count = sum(map(len, claims))
    assert Delivery.objects.filter(attempt=1, status="failed").count() == count
    assert sum(Endpoint.objects.values_list("failures", flat=True)) == count


def test_a_worker_that_comes_late_changes_nothing_but_brings_its_success(news):
    """Its lease has ended, and another worker has the delivery in hand."""
    plan(news[:1], at=AT)
    first = claim(at=AT, limit=10)
    later = AT + LEASE + timedelta(seconds=1)
    second = claim(at=later, limit=10)
    assert {each.key for each in first} == {each.key for each in second}

    record([Outcome(first[0], Answer(500))], at=later)
    assert not Delivery.objects.filter(status="failed").exists()
    record([Outcome(first[1], Answer(200))], at=later)
    record([Outcome(second[1], Answer(500))], at=later)

    settled = Delivery.objects.get(status="delivered")
    assert (settled.key, settled.due_at) == (first[1].key, None)


def test_to_take_deliveries_rewrites_no_index(news):
    """All their new row versions lie on the pages of the old ones."""
    plan(news, at=AT)
    Endpoint.objects.update(latency=0.01)
    with transaction.atomic(), connection.cursor() as cursor:
        taken = claim(at=AT, limit=100)
        cursor.execute(
            """SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid)
                 FROM pg_class WHERE oid = 'webhooks_delivery'::regclass"""
        )
        updated, hot = cursor.fetchone()

    assert updated == len(taken) == 100
    assert hot >= 95


def test_an_endpoint_whose_room_is_all_in_hand_gets_no_more(news):
    """Until the lease ends; then they are due again, before all others."""
    plan(news, at=AT)
    Endpoint.objects.update(latency=100.0)
    first = claim(at=AT, limit=400)
    assert len(first) == 4 * FEWEST_AT_ONCE

    assert claim(at=AT, limit=400) == []

    again = claim(at=AT + LEASE, limit=400)
    assert {each.key for each in again} == {each.key for each in first}
