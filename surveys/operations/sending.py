"""Invitations whose time has come, queued as mail unless the contact was asked too often."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contacts.mail.queueing import Mailing, Recipient, queue_recipients
from contacts.models import Contact
from growth import ids
from growth.transactions import atomic_with_retries
from surveys.models import Invitation, Response, Survey
from surveys.models.invitation import STEP

BATCH = 500

_PREFIX = Contact._meta.pk.prefix


@dataclass
class _Past:
    """When a contact was asked, or answered unasked, by survey."""

    times: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def objection(self, survey: Survey, at: datetime) -> str:
        """Return why the survey must not ask now; empty if it may."""
        if survey.most is not None and len(self.times[survey.id]) >= survey.most:
            return Invitation.Skip.MOST
        last = max((time for times in self.times.values() for time in times), default=None)
        if survey.cooldown and last and last > at - survey.cooldown:
            return Invitation.Skip.COOLDOWN
        return ""


@atomic_with_retries
def send_due(*, at: datetime, limit: int = BATCH) -> int:
    """Queue the mail of invitations that are due, or skip them; return how many there were.

    Safe at the same time as itself: whoever decides about a contact holds it, and what another
    worker holds is left for the next round. To be killed, too: it is one transaction.
    """
    due = _held(at, limit)
    past = _past({each.contact_id for each in due}, {each.project_id for each in due})
    asked: dict[Survey, list[Invitation]] = defaultdict(list)
    skipped: dict[str, list[int]] = defaultdict(list)
    for invitation in due:
        survey, contact = invitation.survey, past[invitation.contact_id]
        is_gone = invitation.contact.deleted_at is not None
        reason = Invitation.Skip.DELETED if is_gone else contact.objection(survey, at)
        if reason:
            skipped[reason].append(invitation.pk)
        else:
            contact.times[survey.id].append(at)
            asked[survey].append(invitation)
    for survey, invitations in asked.items():
        _queue(survey, invitations, at)
    for reason, keys in skipped.items():
        Invitation.objects.filter(pk__in=keys).update(
            state=Invitation.State.SKIPPED, reason=reason, due_at=None
        )
    return len(due)


def _held(at: datetime, limit: int) -> list[Invitation]:
    """Take due invitations together with their contacts, as far as nobody else has them."""
    rows = Invitation.objects.due(at).select_related("contact", "survey__stream__project")
    held = rows.select_for_update(skip_locked=True, no_key=True, of=("self", "contact"))
    return list(held.order_by("due_at", "pk")[:limit])


def _past(contacts: set[str], projects: set[str]) -> dict[str, _Past]:
    """Return how often these contacts were asked, each project's own, in two statements."""
    past: dict[str, _Past] = defaultdict(_Past)
    own = {"project__in": projects, "contact__in": contacts}
    for contact, survey, time in _times(own) if contacts else ():
        past[contact].times[survey].append(time)
    return past


def _times(own: dict) -> Iterable[tuple[str, str, datetime]]:
    invited = Invitation.objects.filter(**own).asked()
    yield from invited.values_list("contact", "survey", "asked_at")
    unasked = Response.objects.filter(**own, invitation=None)
    yield from unasked.values_list("contact", "survey", "responded_at")


def _queue(survey: Survey, invitations: Sequence[Invitation], at: datetime) -> None:
    recipients = [
        Recipient(
            contact=ids.decode(_PREFIX, each.contact_id),
            entry=each.entry,
            context={"event": each.event, "invitation": each.pk},
            hops=each.hops,
        )
        for each in invitations
    ]
    queue_recipients(survey.stream, Mailing(STEP, survey.template_code), recipients, at=at)
    Invitation.objects.filter(pk__in=[each.pk for each in invitations]).update(
        state=Invitation.State.QUEUED, asked_at=at, due_at=None
    )
