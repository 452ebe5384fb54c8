"""The births of links, many at once: mail asks for those of all whom it goes to."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from contacts.models import Contact, Event, Fact
from growth import outbox
from growth.errors import Conflict
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries
from referrals.models import Link, Program
from referrals.models.link import new_code

_ATTEMPTS = 6

LINK_CREATED = "$referral_link_created"


def create_link(
    program: Program, contact: Contact, *, channel: str, at: datetime
) -> tuple[Link, bool]:
    """Return the link of the contact for the channel, and whether it is new."""
    links, new = ensure_links(program, [contact], channel=channel, at=at)
    return links[contact.id], contact.id in new


def ensure_links(
    program: Program, contacts: Sequence[Contact], *, channel: str, at: datetime, hops: int = 0
) -> tuple[dict[str, Link], set[str]]:
    """Return a link of the program for each contact and the channel, by the contact's id, and the
    ids of those whose link is new.

    Safe to repeat, and at the same time as itself: each contact gets one.
    """
    found = _links(program, contacts, channel)
    if all(contact.id in found for contact in contacts):
        return found, set()
    return _make_missing(program, contacts, channel, at, hops)


@atomic_with_retries
def _make_missing(
    program: Program, contacts: Sequence[Contact], channel: str, at: datetime, hops: int
) -> tuple[dict[str, Link], set[str]]:
    lock_program(program)
    found = _links(program, contacts, channel)
    missing = [contact for contact in contacts if contact.id not in found]
    made = _insert(program, missing, channel, at)
    facts = [
        Fact(link.contact.key, LINK_CREATED, {"link_id": link.id, "program_id": program.id})
        for link in made
    ]
    Event.objects.record(program.project, facts, at=at, hops=hops)
    outbox.emit(program.project, *map(_news, made), at=at, hops=hops)
    return found | {link.contact_id: link for link in made}, {link.contact_id for link in made}


def lock_program(program: Program) -> None:
    """Let nobody else make links, conversions or rewards of the program until the end.

    Its row may still be referred to meanwhile.
    """
    fresh = Program._base_manager.select_for_update(no_key=True)
    program.refresh_from_db(from_queryset=fresh)


def _links(program: Program, contacts: Iterable[Contact], channel: str) -> dict[str, Link]:
    links = Link.objects.filter(
        project=program.project_id, program=program, contact__in=contacts, channel=channel
    )
    return {link.contact_id: link for link in links.select_related("project").order_by("-id")}


def _insert(
    program: Program, contacts: Sequence[Contact], channel: str, at: datetime
) -> list[Link]:
    """Insert links under codes that nobody has; the more are taken, the longer they get."""
    for attempt in range(_ATTEMPTS):
        links = [
            Link(
                project=program.project,
                program=program,
                contact=contact,
                code=_code(program, contact, attempt),
                channel=channel,
                created_at=at,
            )
            for contact in contacts
        ]
        try:
            with transaction.atomic():
                return Link.objects.bulk_create(links)
        except IntegrityError:
            continue
    raise Conflict("No free code was found for this link; try again.")


def _code(program: Program, contact: Contact, attempt: int) -> str:
    traits = contact.traits
    name = traits.get("first_name") or traits.get("firstName") or traits.get("name")
    company = traits.get("company") or program.project.name
    return new_code(name, company, attempt=attempt)


def _news(link: Link) -> outbox.News:
    data = {
        "id": link.id,
        "code": link.code,
        "url": link.url,
        "program_id": link.program_id,
        "contact_id": link.contact_id,
        "channel": link.channel or None,
    }
    return outbox.News(DomainEventType.REFERRAL_LINK_CREATED, data, subject=link.contact.key)
