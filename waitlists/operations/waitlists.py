"""The births of lists, and what is changed of them."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from contacts.mail.templates import known_codes
from contacts.models import MailStream
from growth.errors import Conflict
from growth.models import Project
from growth.transactions import atomic_with_retries
from waitlists.models import Waitlist
from waitlists.operations.places import rerank

MAX_SLUG = 64


@transaction.atomic
def create_waitlist(project: Project, *, at: datetime, slug: str = "", **fields: Any) -> Waitlist:
    """Make an empty list, with the mail stream that it writes on; without a slug, by its name.

    :raises Conflict: if the project has a list of that slug.
    """
    name = fields["name"]
    stream = MailStream.objects.create(project=project, kind="waitlist", name=name)
    slug = slug or slugify(name)[:MAX_SLUG].strip("-") or f"list-{stream.pk}"
    waitlist = Waitlist(
        project=project, stream=stream, slug=slug, created_at=at, updated_at=at, **fields
    )
    _save(waitlist)
    waitlist.name_mails()
    return waitlist


@atomic_with_retries
def revise_waitlist(waitlist: Waitlist, *, at: datetime, **fields: Any) -> None:
    """Change the list. Another ``referral_boost`` moves everybody who brought friends.

    :raises Conflict: if another list of the project has the slug.
    """
    waitlist.lock()
    is_reboosted = fields.get("referral_boost", waitlist.referral_boost) != waitlist.referral_boost
    for name, value in fields.items():
        setattr(waitlist, name, value)
    waitlist.updated_at = at
    _save(waitlist, [*fields, "updated_at"])
    if "name" in fields:
        waitlist.name_mails()
    if is_reboosted:
        rerank(waitlist)


def unknown_templates(waitlist: Waitlist) -> list[str]:
    """Return the codes of the mails that nobody has written yet."""
    codes = {waitlist.welcome_template_code, waitlist.invite_template_code}
    return sorted(codes - known_codes(waitlist.project, codes))


def _save(waitlist: Waitlist, fields: list[str] | None = None) -> None:
    waitlist.__dict__.pop("is_shadowed", None)  # Another slug may be another's, too.
    try:
        with transaction.atomic():
            waitlist.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(
            f"There is a waitlist {waitlist.slug} already; choose another slug."
        ) from None
