"""What referrals do when something happened to contacts, or is asked of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from contacts.mail.claiming import Mail
from contacts.mail.templates import require_unsent
from contacts.models import Absorption, Contact, Merge, Template
from contacts.signals import (
    contact_described,
    contact_erasing,
    contact_merging,
    mail_links_wanted,
    template_removing,
)
from growth import outbox
from growth.models import DomainEvent, DomainEventType, Project
from referrals import queries
from referrals.models import Program
from referrals.operations.detecting import detect_conversions
from referrals.operations.noticing import Sign, note_referrals
from referrals.operations.parting import follow_merge, strip
from referrals.operations.prompting import LINK, links_of_mails
from referrals.standings import stale_by_people

_NAMES = {"email", "phone", "external_id", "events"}
CODE_TRAIT, CLICK_TRAIT = "referral_code", "referral_click_id"


@outbox.listen(DomainEventType.REFERRAL_SEEN)
def note_told_referrals(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Note by whose links contacts came, as ingest and other apps were told."""
    signs = [
        Sign(event.subject, event.data.get("code"), event.data.get("click_id"))
        for event in news
        if event.subject
    ]
    note_referrals(news[0].project, signs, at=_told_at(news, at), hops=news[0].hops)


@outbox.listen(DomainEventType.CONTACT_CREATED, DomainEventType.CONTACT_UPDATED)
def heed_traits(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Note by whose links contacts came whose traits say it, however they came to have them."""
    signs = [
        Sign(event.subject, traits.get(CODE_TRAIT), traits.get(CLICK_TRAIT))
        for event in news
        if event.subject and (traits := _fresh_traits(event))
    ]
    if signs:
        note_referrals(news[0].project, signs, at=_told_at(news, at), hops=news[0].hops)


@outbox.listen(
    DomainEventType.CONTACT_CREATED,
    DomainEventType.CONTACT_UPDATED,
    DomainEventType.CONTACT_DELETED,
)
def count_anew(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Have counted anew who brought visitors that are known by now, and who is gone, or back."""
    project = news[0].project
    people = {event.subject for event in news if event.subject and _is_another(event)}
    if people and Program.objects.in_project(project).exists():
        stale_by_people(project, people)


@outbox.listen(DomainEventType.EVENTS_EVALUATED)
def find_conversions(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Record the conversions among what contacts did."""
    for hops in sorted({event.hops for event in news}):
        pairs = [pair for event in news if event.hops == hops for pair in event.data["events"]]
        detect_conversions(news[0].project, pairs, at=at, hops=hops + 1)


@receiver(contact_described)
def describe_referrals(contact: Contact, *, in_full: bool = False, **_: Any) -> dict[str, Any]:
    """Tell how many people the contact brought; in full, by which links, and what it is owed."""
    told: dict[str, Any] = {"referral_stats": queries.referral_stats(contact)}
    return told | {"referrals": queries.everything_of(contact)} if in_full else told


@receiver(contact_merging)
def move_referrals(merge: Merge | Absorption, **_: Any) -> None:
    """Let the survivor have brought whom either brought."""
    follow_merge(merge, at=merge.created_at)


@receiver(template_removing)
def keep_template(template: Template, **_: Any) -> None:
    """Let nobody delete what is still sent."""
    require_unsent(template, "program", Program.objects.filter(template_code=template.code))


@receiver(contact_erasing)
def strip_referrals(project: Project, contacts: Sequence[int], **_: Any) -> dict[str, int]:
    """Take out what names the person."""
    return strip(project, contacts)


@receiver(mail_links_wanted)
def give_links(
    project: Project, mails: Sequence[Mail], names: Collection[str], *, at: datetime, **_: Any
) -> dict[int, dict[str, str]]:
    """Give the mails that speak of them the links that their contacts share."""
    return links_of_mails(project, mails, at=at) if LINK in names else {}


def _is_another(event: DomainEvent) -> bool:
    """Tell whether the contact came, went, or is known by another name."""
    changed = event.data.get("changed")
    return changed is None or not _NAMES.isdisjoint(changed)


def _fresh_traits(event: DomainEvent) -> dict[str, Any] | None:
    """Return the traits, if those that name a referral are new."""
    changed = event.data.get("changed")
    names = {f"traits.{CODE_TRAIT}", f"traits.{CLICK_TRAIT}"}
    if changed is not None and not names.intersection(changed) and "traits" not in changed:
        return None
    traits = event.data.get("traits") or {}
    return traits if traits.get(CODE_TRAIT) or traits.get(CLICK_TRAIT) else None


def _told_at(news: Sequence[DomainEvent], at: datetime) -> datetime:
    """Return when it was told: what the relay comes to late was not seen late."""
    return min([at, *(event.created_at for event in news)])
