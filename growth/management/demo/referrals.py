"""A program as a newcomer finds it: with links, people who came, and rewards on their way."""

from datetime import datetime, timedelta

from contacts.models import Contact, Segment
from growth.models import Project
from referrals.models import Program
from referrals.operations.book import Claim
from referrals.operations.clicks import follow_link
from referrals.operations.conversions import record_conversions
from referrals.operations.links import ensure_links
from referrals.operations.programs import create_program

CHANNEL = "demo"
_REFERRERS = 3
_FRIENDS = (4, 2, 1)


def write_demo_program(project: Project, regulars: Segment, *, at: datetime) -> Program:
    """Make a program in which regular customers have brought others."""
    program = create_program(
        project,
        name="Bring a friend",
        status=Program.Status.ACTIVE,
        reward_amount=20,
        reward_currency="USD",
        referee_reward={"type": "discount", "amount": 15, "currency": "USD"},
        tiers=[{"referrals": 2, "bonus": 10}, {"referrals": 4, "bonus": 50}],
        limits={"max_referrals_per_contact": 100, "conversion_window_days": 30, "hold_days": 14},
        conversion_event="subscription_started",
        at=at,
    )
    people = Contact.objects.in_project(project).alive().order_by("id")
    referrers = list(people.filter(memberships__segment=regulars)[:_REFERRERS])
    links, _ = ensure_links(program, referrers, channel=CHANNEL, at=at)
    friends = iter(people.exclude(pk__in=[each.pk for each in referrers])[: sum(_FRIENDS)])
    claims = []
    for referrer, count in zip(referrers, _FRIENDS, strict=False):
        link = links[referrer.id]
        for number in range(count * 3):
            follow_link(link.code, address="", is_machine=False, at=at - timedelta(hours=number))
        for friend in [friend for _, friend in zip(range(count), friends, strict=False)]:
            claims.append(Claim(link.id, friend.id, "subscription_started", {}, at))
    record_conversions(program, claims, at=at)
    return program
