"""What many callers do to the same program at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from contacts.models import Event
from contacts.operations.merging import merge_contacts
from growth.models import DomainEvent, Project
from referrals.models import Conversion, Link, Reward
from referrals.operations.links import create_link
from referrals.operations.rewards import issue_matured
from tests.conftest import client_with
from tests.factories import AT, make_contact
from tests.referrals.factories import convert, make_link, make_program

THREADS = 16

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project():
    return Project.objects.create(name="Acme")


def together(works):
    """Run each of the works in a thread of its own."""

    def run(work):
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, works))


def tell(project, link, contact):
    client = client_with(project, scopes=["referrals:write"])
    body = {
        "link_code": link.code,
        "referred_contact_id": contact.id,
        "conversion_event": "paid",
    }
    return lambda: client.post("/v1/referrals/conversions", body).status_code


def test_sixteen_tell_the_same_conversion_and_it_is_one(project):
    """At the same time."""
    program = make_program(project, tiers=[{"referrals": 1, "bonus": 5}])
    links = [make_link(program), make_link(program)]
    friend = make_contact(project)

    statuses = together([tell(project, links[n % 2], friend) for n in range(THREADS)])

    assert Counter(statuses) == {201: 1, 200: THREADS - 1}
    assert Conversion.objects.count() == 1
    assert sorted(Reward.objects.values_list("kind", flat=True)) == ["referrer", "tier"]
    assert Event.objects.filter(name="$referral_converted").count() == 1
    assert DomainEvent.objects.filter(type="referral.converted").count() == 1


def test_sixteen_race_for_the_last_reward_and_one_gets_it(project):
    """At the same time."""
    program = make_program(
        project,
        limits={"max_referrals_per_contact": 3},
        tiers=[{"referrals": 10, "bonus": 50}],
    )
    alice = make_contact(project)
    links = [make_link(program, alice, channel=str(n)) for n in range(4)]
    convert(links[0]), convert(links[1])
    friends = [make_contact(project) for _ in range(THREADS)]

    statuses = together([tell(project, links[n % 4], friend) for n, friend in enumerate(friends)])

    assert statuses == [201] * THREADS
    rewards = Reward.objects.filter(kind="referrer")
    assert Counter(rewards.values_list("status", flat=True)) == {
        "pending": 3,
        "rejected": THREADS - 1,
    }
    assert Reward.objects.filter(kind="tier").count() == 1
    assert Conversion.objects.standing().count() == THREADS + 2


def test_two_who_refer_each_other_at_once_make_no_loop(project):
    """At the same time: a ring of people, each the friend of the one before."""
    program = make_program(project)
    links = [make_link(program) for _ in range(THREADS)]

    statuses = together(
        [tell(project, link, links[(n + 1) % THREADS].contact) for n, link in enumerate(links)]
    )

    assert Counter(statuses) == {201: THREADS - 1, 422: 1}
    assert Conversion.objects.get(status="rejected").reason == "loop"


def test_a_link_asked_for_at_once_is_one(project):
    """At the same time."""
    program, alice = make_program(project), make_contact(project)

    made = together([lambda: create_link(program, alice, channel="", at=AT)] * THREADS)

    assert len({link.code for link, _ in made}) == 1
    assert [is_new for _, is_new in made].count(True) == 1
    assert Link.objects.count() == 1
    assert Event.objects.filter(name="$referral_link_created").count() == 1


def test_rewards_are_issued_once_however_many_workers_there_are(project):
    """At the same time."""
    link = make_link(make_program(project))
    for _ in range(30):
        convert(link)

    issued = together([lambda: issue_matured(at=AT, limit=7)] * THREADS)

    assert sum(issued) == 30
    assert DomainEvent.objects.filter(type="referral.reward.issued").count() == 30


def test_a_merge_in_the_middle_loses_no_conversion(project):
    """At the same time: referrers are merged while their friends convert."""
    program = make_program(project)
    links = [make_link(program) for _ in range(4)]
    friends = [make_contact(project) for _ in range(THREADS - 3)]
    works = [tell(project, links[n % 4], friend) for n, friend in enumerate(friends)]
    target = links[0].contact
    works[2:2] = [
        lambda link=link: merge_contacts(
            source=link.contact, target=target, resolution="prefer_target", at=AT
        )
        for link in links[1:]
    ]

    statuses = together(works)

    assert statuses.count(201) == len(friends)
    assert Conversion.objects.standing().count() == len(friends)
    assert set(Link.objects.values_list("contact", flat=True)) == {target.id}
    assert set(Conversion.objects.values_list("referrer", flat=True)) == {target.id}
    assert set(Reward.objects.values_list("contact", flat=True)) == {target.id}
