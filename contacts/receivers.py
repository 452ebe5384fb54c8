"""What contacts do when they hear of what happened."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from contacts.models import Segment
from contacts.models.event import Changes
from contacts.operations.memberships import follow_changes, rebuild
from contacts.operations.scoring import (
    are_many,
    follow_scores,
    postpone_scores,
    rescore_all,
)
from growth import outbox
from growth.models import DomainEvent, DomainEventType


@outbox.listen(DomainEventType.EVENTS_RECORDED)
def follow_recorded_events(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Bring scores and segments in line with the news, and then tell of the events.

    Whoever hears of an event finds the memberships that it has made.
    """
    for (is_quiet, hops), told in groupby(news, key=lambda each: (each.data["quiet"], each.hops)):
        group = list(told)
        project = group[0].project
        moment = max([at, *(each.created_at for each in group)])
        changes = _together(group)
        if is_quiet and are_many(project, changes):
            postpone_scores(project, changes)
        else:
            changes |= follow_scores(project, changes, at=moment)
        follow_changes(project, changes, at=moment, hops=hops + 1, is_quiet=is_quiet)
        if not is_quiet:
            outbox.emit(project, *_evaluated(group), at=moment, hops=hops)


@outbox.listen(DomainEventType.SETTINGS_UPDATED)
def follow_settings(news: Sequence[DomainEvent], *, at: datetime) -> None:
    """Write anew what follows from the project's days and from its rules of scoring."""
    project = news[0].project
    changed = {name for each in news for name in each.data["changed"]}
    if "timezone" in changed:
        rebuild(Segment.objects.in_project(project).filter(type=Segment.Type.DYNAMIC))
    if changed & {"timezone", "scoring"}:
        rescore_all(project)


def _together(news: Sequence[DomainEvent]) -> Changes:
    changes: dict[str, set[int]] = {}
    for each in news:
        for what, contacts in each.data["changes"].items():
            changes.setdefault(what, set()).update(contacts)
    return {what: sorted(contacts) for what, contacts in changes.items()}


def _evaluated(news: Sequence[DomainEvent]) -> list[outbox.News]:
    return [
        outbox.News(DomainEventType.EVENTS_EVALUATED, {"events": each.data["events"]})
        for each in news
        if each.data["events"]
    ]
