"""A link was followed: where it leads, and the row that proves it."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.db import connection, transaction

from contacts.mail.links import base_url
from contacts.models import Event, Fact
from growth import outbox
from growth.api.throttling import MINUTE, is_within
from growth.models import DomainEventType, Project
from referrals.models import Link, Program
from referrals.models.link import MAX_CODE, click_token

CODE, CLICK = "ref", "gclk"
"""The parameters that the landing page gets."""
CLICKED = "$referral_clicked"
MOST_A_MINUTE = 600
"""So many clicks of a link are written in a minute: anybody could make more."""

_INSERT = """
    INSERT INTO referrals_click (project_id, link_id, clicked_at, is_machine)
    SELECT %(project)s, %(link)s, %(at)s, %(is_machine)s
     WHERE (SELECT count(*) FROM (
            SELECT FROM referrals_click
             WHERE project_id = %(project)s AND link_id = %(link)s
               AND clicked_at > %(at)s::timestamptz - interval '1 minute' LIMIT %(most)s) lately
           ) < %(most)s
    RETURNING id
"""


def follow_link(code: str, *, address: str, is_machine: bool, at: datetime) -> str | None:
    """Return where the link leads, and write that it was followed; None if there is no such link.

    What comes too often from one network ``address`` is led on with the code, and not counted.
    What a program that is not active, or a contact that is gone, has shared still leads there, and
    says nothing of the link.
    """
    link = find_link(code)
    if link is None:
        return None
    if link.program.status != Program.Status.ACTIVE or link.contact.deleted_at:
        return landing_of(link)
    click = _record(link, is_machine, at) if _is_counted(address, at) else None
    told = {CODE: link.code} | ({CLICK: click_token(click)} if click else {})
    return _with(landing_of(link), told)


def find_link(code: str) -> Link | None:
    """Return the link of the code, in whatever case it is written, in any project."""
    if len(code) > MAX_CODE or "\0" in code:
        return None
    links = Link.objects.select_related("project", "program", "contact")
    return links.filter(code=code.upper()).first()


def landing_of(link: Link) -> str:
    """Return the page to which the program leads: its own, else the project's, else ours."""
    if link.program.landing_url:
        return link.program.landing_url
    if domain := link.project.domain.strip("/"):
        return domain if "://" in domain else f"https://{domain}/"
    return f"{base_url()}/r/{link.code}/welcome"


def tell_clicks(project: Project, links: Sequence[Link], *, at: datetime, hops: int = 0) -> None:
    """Tell the system that people followed these links."""
    said = [(link, {"link_id": link.id, "program_id": link.program_id}) for link in links]
    facts = [Fact(link.contact.key, CLICKED, about) for link, about in said]
    Event.objects.record(project, facts, at=at, hops=hops)
    news = [
        outbox.News(
            DomainEventType.REFERRAL_CLICKED,
            about | {"link_code": link.code, "contact_id": link.contact_id},
            subject=link.contact.key,
        )
        for link, about in said
    ]
    outbox.emit(project, *news, at=at, hops=hops)


def _is_counted(address: str, at: datetime) -> bool:
    return is_within(f"clicks/{address}", settings.CLICKS_PER_ADDRESS, MINUTE, at=at)


@transaction.atomic
def _record(link: Link, is_machine: bool, at: datetime) -> int | None:
    """Write the click, and tell of a person's; return its key, or None if the link had too many."""
    params = {
        "project": link.project_key,
        "link": link.key,
        "at": at,
        "is_machine": is_machine,
        "most": MOST_A_MINUTE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, params)
        row = cursor.fetchone()
    if row and not is_machine:
        tell_clicks(link.project, [link], at=at)
    return row[0] if row else None


def _with(url: str, told: dict[str, str]) -> str:
    """Return the address with these parameters, in the place of any of the same names."""
    parts = urlsplit(url)
    own = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in told]
    return urlunsplit(parts._replace(query=urlencode([*own, *told.items()])))
