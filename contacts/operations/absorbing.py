"""What anonymous visitors did and got becomes that of the people they turned out to be."""

from collections.abc import Mapping
from datetime import datetime

from contacts.models import Absorption, Contact, Email, Event, Identity, Merge
from contacts.models.merge import SETTLE_AFTER
from contacts.models.segment import leave_segments
from contacts.operations.consents import unite_consents
from contacts.operations.merge_rows import email_advance, join_segments, keep_latest_activity
from contacts.operations.tombstones import bury
from contacts.signals import contact_merging
from growth.models import Project


def absorb_visitors(project: Project, into: Mapping[int, int], *, at: datetime) -> None:
    """Give all that is the visitors' to the people, as a merge does, and leave tombstones.

    Both are locked, and nobody enters a segment anew that the visitor was in. There is no way back:
    a visitor is nobody but its devices, and those are the person's from now on.
    """
    if not into:
        return
    absorption = Absorption(project, into, created_at=at)
    absorption.move(Identity.objects.all())
    absorption.move(Event.objects.all())
    absorption.move(Contact.objects.exclude(merged_into=None), "merged_into")
    contact_merging.send(sender=Contact, merge=absorption)
    # After the journeys: whoever takes a step holds the journey until its mail is written.
    absorption.move_entries(Email.objects.all(), ("stream", "step_key"), email_advance())
    unite_consents(project, into, at=at)
    join_segments(project, into)
    leave_segments(project, into)
    keep_latest_activity(project, into)
    bury(project, into, at)
    _settle_later(project, into, at)


def _settle_later(project: Project, into: Mapping[int, int], at: datetime) -> None:
    """Let be moved what somebody wrote for the visitors at this very moment."""
    Merge.objects.bulk_create(
        Merge(
            project=project,
            source_id=visitor,
            target_id=person,
            resolution=Merge.Resolution.TARGET,
            before={},
            after={},
            created_at=at,
            due_at=at + SETTLE_AFTER,
        )
        for visitor, person in sorted(into.items())
    )
