"""Conversions: told by hand or found in the stream, each person's once, whoever tells how often.

All that is counted in a program is counted under the lock of its row, so limits, tiers and loops
are exact however many tell at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from contacts.models import Contact, Event, Fact
from growth import outbox
from growth.errors import Conflict
from growth.models import DomainEventType
from growth.transactions import RaceLost, atomic_with_retries
from referrals.models import Conversion, Link, Program, Reward
from referrals.operations.book import Book, Claim
from referrals.operations.links import lock_program
from referrals.operations.noticing import insert_referrals
from referrals.standings import stale_by_people

CONVERTED = "$referral_converted"

# Before the program's row, as a merge does, which then waits instead of meeting us half-way.
_HOLD_PEOPLE = """
    SELECT id FROM contacts_contact WHERE project_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE
"""

_Status = Conversion.Status


class Verdict(NamedTuple):
    """The conversion that a claim is, and whether it was not known before."""

    conversion: Conversion
    is_new: bool


def record_conversion(
    link: Link, contact: Contact, *, event: str, metadata: dict[str, Any], at: datetime
) -> Verdict:
    """Record that the contact converted by the link.

    :raises Conflict: if the program is not active.
    """
    [verdict] = record_conversions(
        link.program, [Claim(link.id, contact.id, event, metadata, at)], at=at
    )
    return verdict


@atomic_with_retries
def record_conversions(
    program: Program, claims: Sequence[Claim], *, at: datetime, hops: int = 0
) -> list[Verdict]:
    """Judge the claims in their order, and store what is new of them with all that is owed.

    A constant number of statements, however many they are. Safe to repeat, and at the same time as
    itself: a person converts once.

    :raises Conflict: if the program is not active.
    """
    _hold_people(program, claims)
    lock_program(program)
    if program.status != Program.Status.ACTIVE:
        raise Conflict(f"This program is {program.status}; only an active one has conversions.")
    book = Book(program, claims, at=at)
    verdicts, rewards = [], []
    for claim in claims:
        conversion, owed = book.judge(claim)
        verdicts.append(Verdict(conversion, conversion._state.adding))
        if conversion._state.adding:
            conversion._state.adding = False  # Told again in this batch, it is known.
            rewards += owed
    new = [verdict.conversion for verdict in verdicts if verdict.is_new]
    Conversion.objects.bulk_create(new)
    Reward.objects.bulk_create(rewards)
    _tell(program, [each for each in new if each.status == _Status.RECORDED], at, hops)
    return verdicts


@atomic_with_retries
def accept_conversion(conversion: Conversion, *, at: datetime) -> None:
    """Let a conversion count that was rejected. Told twice, it is done once.

    :raises Conflict: if it was reversed, or its person has another, or referred itself.
    """
    program = conversion.program
    claim = _claim_of(conversion)
    _hold_people(program, [claim])
    lock_program(program)
    conversion.lock()
    if conversion.status == _Status.RECORDED:
        return
    book = Book(program, [claim], at=at)
    if conversion.status == _Status.REVERSED or book.first.get(conversion.contact_id):
        raise Conflict("This person has converted in the program already.")
    if conversion.referrer_id == conversion.contact_id:
        raise Conflict("Nobody can refer themselves.")
    conversion.status, conversion.reason = _Status.RECORDED, ""
    conversion.save(update_fields=["status", "reason"])
    Reward.objects.bulk_create(book.admit(conversion))
    _tell(program, [conversion], at, 0)


@atomic_with_retries
def reverse_conversion(conversion: Conversion, *, reason: str = "", at: datetime) -> None:
    """Take the conversion back, and all that is owed for it. Told twice, it is done once.

    :raises Conflict: if it was rejected, so that there is nothing to take back.
    """
    program = conversion.program
    lock_program(program)
    conversion.lock()
    if conversion.status == _Status.REVERSED:
        return
    if conversion.status == _Status.REJECTED:
        raise Conflict("This conversion was rejected; there is nothing to reverse.")
    conversion.status, conversion.reason = _Status.REVERSED, reason
    conversion.reversed_at = at
    conversion.save(update_fields=["status", "reason", "reversed_at"])
    take_back_rewards(program, [conversion], at=at)


def take_back_rewards(program: Program, conversions: Sequence[Conversion], *, at: datetime) -> None:
    """Count these conversions no more, and owe nothing more for them, nor for tiers that are not
    reached without them; tell the world. Under the program's lock.
    """
    stale_by_people(program.project, {_key(each.referrer_id) for each in conversions})
    owed = Reward.objects.filter(project=program.project_id, program=program).owed()
    direct = owed.filter(conversion__in=conversions).exclude(kind=Reward.Kind.TIER)
    lost = {reward.pk: (reward, Reward.Reason.CONVERSION) for reward in _locked(direct)}
    for referrer in {conversion.referrer_id for conversion in conversions}:
        standing = Conversion.objects.filter(project=program.project_id, program=program)
        count = standing.standing().filter(referrer=referrer).count()
        bonuses = owed.filter(contact=referrer, kind=Reward.Kind.TIER, tier__gt=count)
        lost |= {reward.pk: (reward, Reward.Reason.TIER_LOST) for reward in _locked(bonuses)}
    for reward, reason in lost.values():
        reward.take_back(reason, at=at)
    rewards = [reward for reward, _ in lost.values()]
    Reward.objects.bulk_update(rewards, ["status", "reason", "reversed_at", "due_at"])
    outbox.emit(program.project, *(_reversal(each, rewards) for each in conversions), at=at)


def _locked(rewards: Any) -> list[Reward]:
    return list(rewards.order_by("pk").select_for_update())


def _reversal(conversion: Conversion, rewards: Sequence[Reward]) -> outbox.News:
    of_them = [each.pk for each in rewards if each.contact_id == conversion.referrer_id]
    of_them += [
        each.pk
        for each in rewards
        if each.conversion_id == conversion.id and each.pk not in of_them
    ]
    data = conversion.as_news() | {"reward_ids": of_them}
    subject = _key(conversion.referrer_id)
    return outbox.News(DomainEventType.REFERRAL_REVERSED, data, subject=subject)


def _claim_of(conversion: Conversion) -> Claim:
    return Claim(
        conversion.link_id,
        conversion.contact_id,
        conversion.conversion_event,
        conversion.metadata,
        conversion.converted_at,
    )


def _hold_people(program: Program, claims: Sequence[Claim]) -> None:
    """Keep the people of the claims from being merged, deleted or erased until the end.

    :raises RaceLost: if the links changed hands meanwhile.
    """
    links = {claim.link for claim in claims}
    owners = _owners(program, links)
    people = {_key(contact) for contact in [*owners.values(), *(c.contact for c in claims)]}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_PEOPLE, [program.project_key, sorted(people)])
    if _owners(program, links) != owners:
        raise RaceLost


def _owners(program: Program, links: set[str]) -> dict[str, str]:
    owned = Link.objects.filter(project=program.project_id, pk__in=links)
    return dict(owned.values_list("pk", "contact_id"))


def _tell(program: Program, conversions: Sequence[Conversion], at: datetime, hops: int) -> None:
    """Note who came, write the facts, and tell the world."""
    if not conversions:
        return
    came = [
        {
            "program_id": program.key,
            "link_id": each.link.key,
            "contact_id": _key(each.contact_id),
            "click_id": None,
            "seen_at": each.converted_at,
        }
        for each in conversions
    ]
    insert_referrals(program.project, came, at=at)
    facts = [Fact(_key(each.referrer_id), CONVERTED, _properties(each)) for each in conversions]
    Event.objects.record(program.project, facts, at=at, hops=hops)
    news = [
        outbox.News(
            DomainEventType.REFERRAL_CONVERTED, each.as_news(), subject=_key(each.referrer_id)
        )
        for each in conversions
    ]
    outbox.emit(program.project, *news, at=at, hops=hops)


def _properties(conversion: Conversion) -> dict[str, Any]:
    return {
        "program_id": conversion.program_id,
        "link_id": conversion.link_id,
        "conversion_id": conversion.id,
        "conversion_event": conversion.conversion_event,
        "contact_id": conversion.contact_id,
    }


def _key(contact: str) -> int:
    return Contact._meta.pk.get_prep_value(contact)
