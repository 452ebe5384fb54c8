"""How it becomes known who came by a link.

The landing page gets the code and the id of the click. Whoever then says who the visitor is, in the
context, the traits or the properties of a call, says with it by which link they came.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection

from contacts.models import Contact
from growth import ids
from growth.models import Project
from referrals.models import Click, Link, Program
from referrals.models.link import MAX_CODE, read_click_token
from referrals.operations.clicks import tell_clicks
from referrals.standings import stale_by_links

_NOTE = """
    INSERT INTO referrals_referral AS known
           (project_id, program_id, link_id, contact_id, click_id, entry, seen_at, created_at)
    SELECT DISTINCT ON (link_id, contact_id)
           %(project)s, program_id, link_id, contact_id, click_id, 0, seen_at, %(at)s
      FROM jsonb_to_recordset(%(rows)s) AS row (program_id bigint, link_id bigint,
           contact_id bigint, click_id bigint, seen_at timestamptz)
     ORDER BY link_id, contact_id, seen_at DESC
    ON CONFLICT (project_id, link_id, contact_id, entry) DO UPDATE
       SET seen_at = excluded.seen_at, click_id = coalesce(excluded.click_id, known.click_id)
     WHERE excluded.seen_at > known.seen_at
"""
_PREFIX = Contact._meta.pk.prefix


class Sign(NamedTuple):
    """What was told of a contact: the code of a link, the id of a click, or both."""

    contact: int
    code: Any = None
    click: Any = None


class _Came(NamedTuple):
    contact: int
    link: Link
    click: Click | None
    seen_at: datetime


def note_referrals(project: Project, signs: Sequence[Sign], *, at: datetime, hops: int = 0) -> None:
    """Note by whose links these contacts came; a code weighs more than a click.

    Codes and clicks that are not of an active program of the project say nothing. Safe to repeat:
    each contact comes by a link once, and only the time moves.
    """
    clicks = _clicks(project, signs)
    links = _links(project, {_written(sign.code) for sign in signs} - {""})
    came = [each for sign in signs if (each := _read(sign, links, clicks, at))]
    into = _survivors(project, [each.contact for each in came])
    valid = [each for each in came if into.get(each.contact) not in (None, each.link.contact.key)]
    if not valid:
        return
    insert_referrals(project, _rows(valid, into), at=at)
    _prove_human(project, [each.click for each in valid if each.click], at, hops)


def insert_referrals(project: Project, rows: Sequence[dict[str, Any]], *, at: datetime) -> None:
    """Insert who came by which link; of those who are known only the time moves, and forwards.

    To be called in a transaction.
    """
    params = {"project": project.key, "at": at, "rows": orjson.dumps(rows).decode()}
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, params)
    stale_by_links(project, {row["link_id"] for row in rows})


def _rows(came: Iterable[_Came], into: dict[int, int]) -> list[dict[str, Any]]:
    return [
        {
            "program_id": Program._meta.pk.get_prep_value(each.link.program_id),
            "link_id": each.link.key,
            "contact_id": into[each.contact],
            "click_id": each.click and each.click.pk,
            "seen_at": each.seen_at,
        }
        for each in came
    ]


def _read(
    sign: Sign, links: dict[str, Link], clicks: dict[int, Click], at: datetime
) -> _Came | None:
    click = clicks.get(read_click_token(sign.click) or 0)
    link = links.get(_written(sign.code)) or (click and click.link)
    if link is None:
        return None
    if click and click.link_id == link.id:
        return _Came(sign.contact, link, click, click.clicked_at)
    return _Came(sign.contact, link, None, at)


def _written(code: Any) -> str:
    """Return the code as it is stored, or nothing if it cannot be one."""
    is_code = isinstance(code, str) and len(code) <= MAX_CODE and "\0" not in code
    return code.strip().upper() if is_code else ""


def _links(project: Project, codes: set[str]) -> dict[str, Link]:
    links = Link.objects.in_project(project).filter(
        code__in=codes, program__status=Program.Status.ACTIVE
    )
    return {link.code: link for link in links.select_related("contact")} if codes else {}


def _clicks(project: Project, signs: Sequence[Sign]) -> dict[int, Click]:
    keys = {read_click_token(sign.click) for sign in signs} - {None}
    clicks = Click.objects.in_project(project).filter(
        pk__in=keys, link__program__status=Program.Status.ACTIVE
    )
    return {click.pk: click for click in clicks.select_related("link__contact")} if keys else {}


def _survivors(project: Project, contacts: Sequence[int]) -> dict[int, int]:
    """Return as whom these contacts live: themselves, or what they became part of."""
    people = Contact.objects.in_project(project).filter(pk__in=contacts)
    rows = people.values_list("pk", "merged_into_id", "deleted_at")
    return {
        _key(contact): _key(into or contact)
        for contact, into, deleted_at in rows
        if into or deleted_at is None
    }


def _key(public_id: str) -> int:
    return ids.decode(_PREFIX, public_id)


def _prove_human(project: Project, clicks: Sequence[Click], at: datetime, hops: int) -> None:
    """Count as people's those clicks that looked like machines', and that somebody came by: a
    browser fetches pages before they are asked for.
    """
    taken = [click for click in clicks if click.is_machine]
    if not taken:
        return
    rows = Click.objects.in_project(project).filter(pk__in={click.pk for click in taken})
    waiting = rows.filter(is_machine=True).order_by("pk").select_for_update()
    locked = set(waiting.values_list("pk", flat=True))
    rows.filter(pk__in=locked).update(is_machine=False)
    links = [
        click.link for click in {each.pk: each for each in taken}.values() if click.pk in locked
    ]
    tell_clicks(project, links, at=at, hops=hops)
