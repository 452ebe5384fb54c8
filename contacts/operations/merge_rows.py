"""What becomes of the two rows of contacts that are merged, and of what hangs on them alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, QuerySet, Value, When

from contacts.models import Contact, ContactActivity, Email, Identity, Membership, Merge
from contacts.models.suppression import SEALED_KEY
from growth.models import Project

# A bounce is the address's, not the person's.
_REFUSALS = ["unsubscribed", "complained", "manual", "dnd"]


def row_of(contact: Contact) -> dict[str, Any]:
    """Return what a merge may change of the contact's row, and what its claims are."""
    activity = ContactActivity.objects.filter(contact=contact)
    active_at = activity.values_list("last_activity_at", flat=True).first()
    return {
        "email": contact.email,
        "email_key": contact.email_key,
        "phone": contact.phone,
        "external_id": contact.external_id,
        "traits": contact.traits,
        "tags": contact.tags,
        "last_activity_at": active_at.isoformat() if active_at else None,
        "segments": {
            segment: entered_at.isoformat()
            for segment, entered_at in _memberships(contact).values_list("segment", "entered_at")
        },
        "claims": [list(claim) for claim in contact.identities.values_list("kind", "value")],
    }


def united(source: Contact, target: Contact, resolution: str) -> dict[str, Any]:
    """Return the fields of the person that both are: all that only one says, and where both say
    something what the preferred one says. Tags are those of both.
    """
    winner, loser = _preferred(source, target, resolution)
    address = winner if winner.email_key else loser
    return {
        "email": address.email,
        "email_key": address.email_key,
        "phone": winner.phone or loser.phone,
        "external_id": winner.external_id or loser.external_id,
        "traits": loser.traits | winner.traits,
        "tags": list(dict.fromkeys([*target.tags, *source.tags])),
    }


def join_segments(project: Project, into: Mapping[int, int]) -> None:
    """Put contacts into the segments of those that become part of them, since when those were.

    Whoever evaluates segments meanwhile may have put it there already.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_membership (project_id, segment_id, contact_id, entered_at)
            SELECT project_id, segment_id, pair.target, min(entered_at)
              FROM unnest(%s::bigint[], %s::bigint[]) pair (source, target)
              JOIN contacts_membership own ON own.project_id = %s AND own.contact_id = pair.source
             GROUP BY project_id, segment_id, pair.target ORDER BY segment_id, pair.target
            ON CONFLICT DO NOTHING
            """,
            [list(into), list(into.values()), project.key],
        )


def keep_latest_activity(project: Project, into: Mapping[int, int]) -> None:
    """Let contacts have been active when they were, or those that become part of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_contactactivity AS own (project_id, contact_id, last_activity_at)
            SELECT project_id, pair.target, max(last_activity_at)
              FROM unnest(%s::bigint[], %s::bigint[]) pair (source, target)
              JOIN contacts_contactactivity source ON source.contact_id = pair.source
             WHERE project_id = %s GROUP BY project_id, pair.target ORDER BY pair.target
            ON CONFLICT (contact_id) DO UPDATE
               SET last_activity_at = greatest(own.last_activity_at, excluded.last_activity_at)
            """,
            [list(into), list(into.values()), project.key],
        )


def refuse_mail_as_either(source: Contact, target: Contact, *, at: datetime) -> None:
    """Suppress all addresses of both if the person refused mail at one of them."""
    claimed = Identity.objects.filter(contact__in=[source, target], kind=Identity.Kind.EMAIL)
    keys = {source.email_key, target.email_key, *claimed.values_list("value", flat=True)} - {""}
    if len(keys) < 2:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO contacts_suppression (project_id, email_key, reason, created_at)
            SELECT %(project)s, email_key, refusal.reason, %(at)s
              FROM unnest(%(keys)s::text[]) email_key CROSS JOIN (
                   SELECT reason FROM contacts_suppression
                    WHERE project_id = %(project)s AND reason = ANY(%(refusals)s)
                      AND (email_key = ANY(%(keys)s) OR email_key IN (
                           SELECT {SEALED_KEY.format(key="address")}
                             FROM unnest(%(keys)s::text[]) address
                             JOIN growth_project project ON project.id = %(project)s))
                    ORDER BY id LIMIT 1) refusal
             ORDER BY email_key
            ON CONFLICT DO NOTHING
            """,
            {"project": target.project_key, "at": at, "keys": sorted(keys), "refusals": _REFUSALS},
        )


def email_advance() -> Case:
    """Return how far a mail has come: one that reached the server counts most."""
    return Case(
        When(state=Email.State.SUPPRESSED, then=Value(0)),
        When(state__in=Email.WAITING, then=Value(1)),
        When(state=Email.State.FAILED, then=Value(2)),
        default=Value(3),
    )


def _memberships(contact: Contact) -> QuerySet:
    return Membership.objects.filter(project=contact.project_id, contact=contact).order_by("id")


def _preferred(source: Contact, target: Contact, resolution: str) -> tuple[Contact, Contact]:
    is_recent = resolution == Merge.Resolution.RECENT and source.updated_at > target.updated_at
    if resolution == Merge.Resolution.SOURCE or is_recent:
        return source, target
    return target, source
