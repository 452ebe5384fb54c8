"""What people on a list are written, and the links by which they come back.

Whoever has such a link may look at one place, or confirm it, and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core import signing

from contacts.mail.confirming import ASK_AGAIN_AFTER, ask_by
from contacts.mail.queueing import Mailing, Recipient, queue_recipients
from contacts.models import Contact
from waitlists.models import Entry, Waitlist
from waitlists.queries import Row

CONFIRM_TEMPLATE = "tmpl_wl_confirm"
WELCOME, INVITE = "welcome", "invite"

_place = signing.Signer(sep=".", salt="waitlists.place")
_confirm = signing.Signer(sep=".", salt="waitlists.confirm")


class UnknownToken(ValueError):
    """The token was not made here, or what it names is gone."""


def status_token(entry: Row) -> str:
    """Return what lets its bearer see this place."""
    return _place.sign(f"{entry.waitlist:x}-{entry.key:x}")


def read_status_token(waitlist: Waitlist, token: str) -> Entry:
    """Return the entry of this list that the token names.

    :raises UnknownToken: if it names none.
    """
    return _entry(_place, waitlist, token)


def read_confirm_token(waitlist: Waitlist, token: str) -> Entry:
    """Return the entry of this list that the token may confirm.

    :raises UnknownToken: if it names none.
    """
    return _entry(_confirm, waitlist, token)


def send_question(
    waitlist: Waitlist,
    entry: Row,
    contact: Contact,
    *,
    at: datetime,
    again_after: timedelta = ASK_AGAIN_AFTER,
) -> None:
    """Ask by mail whether it was really this person who joined, unless that was asked just now."""
    token = _confirm.sign(f"{entry.waitlist:x}-{entry.key:x}")
    context = {
        **waitlist.stream.context,
        "sender": waitlist.project.name,
        "topics": [],
        "links": {"confirm": f"{waitlist.url}/confirm?token={token}"},
    }
    ask_by(
        contact,
        Mailing(f"wl-{waitlist.key}", CONFIRM_TEMPLATE),
        context,
        at=at,
        again_after=again_after,
    )


def send_welcome(waitlist: Waitlist, entry: Row, *, at: datetime, hops: int = 0) -> None:
    """Tell that they are on the list, where they stand, and how they move up."""
    context = {
        "event": {"properties": {"position": entry.position}},
        "links": _links(waitlist, entry),
    }
    recipient = Recipient(entry.contact, context=context, hops=hops)
    mailing = Mailing(WELCOME, waitlist.welcome_template_code)
    queue_recipients(waitlist.stream, mailing, [recipient], at=at)


def send_invites(
    waitlist: Waitlist, entries: Sequence[Row], *, at: datetime, hops: int = 0
) -> None:
    """Tell that they are in. Told twice, each gets one mail."""
    recipients = [
        Recipient(row.contact, context={"links": _links(waitlist, row)}, hops=hops)
        for row in entries
    ]
    mailing = Mailing(INVITE, waitlist.invite_template_code)
    queue_recipients(waitlist.stream, mailing, recipients, at=at)


def status_url(waitlist: Waitlist, entry: Row) -> str:
    """Return the address of the page that shows this place."""
    return f"{waitlist.url}/status?token={status_token(entry)}"


def _links(waitlist: Waitlist, entry: Row) -> dict[str, Any]:
    links = {
        "referral": waitlist.share_url(entry.code),
        "status": status_url(waitlist, entry),
    }
    return links | ({"invite": waitlist.invite_url} if waitlist.invite_url else {})


def _entry(signer: signing.Signer, waitlist: Waitlist, token: str) -> Entry:
    try:
        key, entry = (int(part, 16) for part in signer.unsign(token).split("-"))
    except (signing.BadSignature, ValueError):
        raise UnknownToken("This is not a token of ours.") from None
    own = Entry.objects.filter(project=waitlist.project_id, waitlist=waitlist, pk=entry)
    found = own.select_related("contact").first() if key == waitlist.key else None
    if found is None or found.contact.deleted_at:
        raise UnknownToken("This place is not kept any more.")
    return found
