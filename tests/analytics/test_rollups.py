"""Daily totals are never wrong, whoever writes events, and whenever."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils.timezone import now

from contacts.models import Contact, Event
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from growth.analytics import rollups
from growth.analytics.grammar import read_query
from growth.analytics.models import DailyPeople, DailyTotal, DayChange, Rollup
from growth.analytics.queries import answer
from growth.models import Project
from tests.factories import make_contact, make_event

DAY = datetime(2026, 2, 10, 12, tzinfo=UTC)
BODY = {"event": "login", "from": "2026-02-01", "to": "2026-02-20"}


@pytest.fixture(autouse=True)
def _keep_all_people(monkeypatch):
    monkeypatch.setattr(rollups, "WORTH_KEEPING", 1)


def counted(project) -> tuple[int, int]:
    """Return how many logins and people there were, as queries say."""
    at = now()
    kinds = ("event_count", "unique_contacts")
    questions = [read_query({**BODY, "type": kind}, project, at=at) for kind in kinds]
    return tuple(answer(each, project, at=at)["total"] for each in questions)


def settle() -> None:
    while rollups.fold_next(at=now()) + rollups.people_next(at=now()):
        pass


@pytest.fixture
def two(project) -> list[Contact]:
    """Two people who logged in on one day, twice the first, all of it folded."""
    people = [make_contact(project), make_contact(project)]
    for person in (people[0], *people):
        make_event(person, "login", at=DAY)
    settle()
    return people


def test_answers_come_from_what_is_kept(project, two):
    assert DailyTotal.objects.get(name="login").count == 3
    assert DailyPeople.objects.filter(name="login").count() == 1
    with connection.cursor() as cursor:  # Nobody who tells a trigger nothing can do this.
        cursor.execute("ALTER TABLE contacts_event DISABLE TRIGGER analytics_deleted")
        cursor.execute("DELETE FROM contacts_event")
        cursor.execute("ALTER TABLE contacts_event ENABLE TRIGGER analytics_deleted")

    assert counted(project) == (3, 2)
    assert len(list(rollups.drifts(project))) == 2


def test_a_late_event_counts_at_once(project, two):
    make_event(make_contact(project), "login", at=DAY)

    assert counted(project) == (4, 3)
    settle()
    assert counted(project) == (4, 3)
    assert not DayChange.objects.exists()


def test_an_event_that_is_taken_back_counts_no_more(project, two):
    Event.objects.filter(contact=two[1]).delete()

    assert counted(project) == (2, 1)
    settle()
    assert counted(project) == (2, 1)


def test_two_who_become_one_count_once_and_apart_again_twice(project, two):
    merge_contacts(target=two[0], source=two[1], at=now())
    assert counted(project) == (3, 1)
    settle()
    assert counted(project) == (3, 1)

    undo_merge(target=two[0], source=two[1], at=now())
    assert counted(project) == (3, 2)
    settle()
    assert counted(project) == (3, 2)
    assert list(rollups.drifts(project)) == []


def test_who_is_erased_goes_on_to_be_counted(project, two):
    erase_contact(two[1], at=now())
    settle()

    assert counted(project) == (3, 2)
    assert DailyTotal.objects.filter(name="").count() == 1
    assert list(rollups.drifts(project)) == []


def test_in_another_zone_everything_is_counted_anew(project, two):
    make_event(two[0], "login", at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    project.timezone = "Europe/Berlin"
    project.save()

    assert counted(project) == (4, 2)
    settle()
    assert Rollup.objects.get().zone == "Europe/Berlin"
    assert DailyTotal.objects.filter(name="login", day=date(2026, 2, 1)).exists()
    assert counted(project) == (4, 2)


@pytest.mark.django_db(transaction=True)
def test_audit_shows_what_is_wrong(project, two, capsys):
    DailyTotal.objects.filter(name="login").update(count=7)

    with pytest.raises(SystemExit) as ended:
        call_command("audit")

    assert ended.value.code == 1
    assert "daily_totals login 2026-02-10 stored=7 expected=3" in capsys.readouterr().out


@pytest.mark.slow  # Four threads write, fold and keep people at the same time.
@pytest.mark.django_db(transaction=True)
def test_totals_are_right_though_all_write_at_the_same_time():
    project = Project.objects.create(name="Acme")
    people = [make_contact(project) for _ in range(6)]
    rows = [(person.key, "login", "{}", DAY) for person in people]
    settle()

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            for _ in range(15):
                if number < 2:
                    late = DAY - timedelta(days=chance.randrange(3))
                    Event.objects.copy(project, [(*chance.choice(rows)[:3], late)], at=DAY)
                elif number == 2:
                    rollups.fold_next(at=now())
                else:
                    rollups.people_next(at=now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    settle()
    assert counted(project)[0] == Event.objects.count() == 30
    assert list(rollups.drifts(project)) == []
