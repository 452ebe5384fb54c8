"""Compares all that is stored of segments and scores with what plain Python computes from facts.

What is still on its way is no drift: contacts whose changes have not been told yet, and memberships
that time alone changed within the minute in which the clock follows.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from contacts import oracle
from contacts.models import Segment
from contacts.operations.facts import Chunk, Reader, Score, in_motion, rows
from contacts.queries import count_members
from growth import ids
from growth.models import Project

SLACK = timedelta(seconds=60)
"""So long after its moment the clock may follow a membership that time alone changed."""

_AFTER_MIDNIGHT = timedelta(hours=1)

_STRAYS = """
    SELECT member.contact_id, member.segment_id FROM contacts_membership member
     WHERE member.project_id = %(project)s
       AND (member.segment_id = %(segment)s OR %(segment)s::bigint IS NULL)
       AND NOT EXISTS (SELECT FROM contacts_contact contact
                        WHERE contact.id = member.contact_id AND contact.deleted_at IS NULL
                          AND contact.project_id = member.project_id)
"""


@dataclass(frozen=True)
class Drift:
    """A stored fact that is not what it should be."""

    project: str
    segment: str | None
    contact: str | None
    what: str
    stored: object
    expected: object

    def __str__(self) -> str:
        place = (
            f"project={self.project} segment={self.segment or '-'} contact={self.contact or '-'}"
        )
        return f"{place} {self.what} stored={_shown(self.stored)} expected={_shown(self.expected)}"


@dataclass
class Audit:
    """The comparison of one project at one moment, within one snapshot.

    With ``segment`` only that one is looked at, with ``sample`` only so many contacts, by chance.
    """

    project: Project
    at: datetime
    segment: Segment | None = None
    sample: int | None = None
    contacts: int = 0
    expected: Counter[str] = field(default_factory=Counter)
    segments: list[Segment] = field(default_factory=list)

    def drifts(self) -> Iterator[Drift]:
        """Yield what is stored wrongly."""
        moving = in_motion(self.project)
        self.segments = self._segments()
        reader = Reader(self.project, self.segments, self.at, has_scores=self.segment is None)
        for chunk in reader.chunks(self.sample):
            for key, person in chunk.people.items():
                self.contacts += 1
                if key not in moving:
                    yield from self._of_contact(key, person, chunk)
                else:
                    self.expected.update(person.segments)
        yield from self._strays(moving)
        if self.sample is None:
            yield from self._counts()

    def _segments(self) -> list[Segment]:
        found = Segment.objects.in_project(self.project).ready().select_related("project")
        return list(found.filter(pk=self.segment.pk) if self.segment else found.order_by("id"))

    def _of_contact(self, key: int, person: oracle.Person, chunk: Chunk) -> Iterator[Drift]:
        for segment in self.segments:
            if segment.is_dynamic:
                clock = chunk.clocks.get((key, segment.id))
                yield from self._of_membership(key, person, segment, clock)
            else:
                self.expected[segment.id] += segment.id in person.segments
        if self.segment is None:
            yield from self._of_scores(key, person, chunk.scores.get(key, Score()))

    def _of_membership(
        self, key: int, person: oracle.Person, segment: Segment, clock: datetime | None
    ) -> Iterator[Drift]:
        at = max(self.at, segment.evaluated_at or self.at)
        stored, zone = segment.id in person.segments, self.project.zone
        if clock is not None and at - SLACK <= clock <= at:
            self.expected[segment.id] += stored
            return
        expected = oracle.matches(segment.rules, person, at=at, zone=zone)
        self.expected[segment.id] += expected
        if stored != expected:
            yield self._drift(segment.id, key, "membership", stored, expected)
        elif oracle.is_timed(segment.rules):
            flip = oracle.flips(segment.rules, person, at=at, zone=zone, before=clock)
            if flip is not None:
                yield self._drift(segment.id, key, "recheck_at", clock, flip)

    def _of_scores(self, key: int, person: oracle.Person, stored: Score) -> Iterator[Drift]:
        if stored.day is not None:
            at = self._scored_at(stored.day)
            expected = oracle.engagement(person, at=at, zone=self.project.zone)
            if stored.engagement != expected:
                yield self._drift(None, key, "engagement", stored.engagement, expected)
        if (stored.day or stored == Score()) and stored.lead != (lead := oracle.lead(person)):
            yield self._drift(None, key, "lead", stored.lead, lead)

    def _scored_at(self, day: date) -> datetime:
        """Return the moment whose engagement is to be stored: now, or the end of the day of which
        it is, as long as the clock may not have come by since midnight.
        """
        midnight = datetime.combine(self.at.astimezone(self.project.zone), time.min)
        midnight = midnight.replace(tzinfo=self.project.zone)
        if day == midnight.date() or self.at - midnight > _AFTER_MIDNIGHT:
            return self.at
        return datetime.combine(day, time.max, self.project.zone)

    def _strays(self, moving: set[int]) -> Iterator[Drift]:
        asked = {"project": self.project.key, "segment": self.segment and self.segment.key}
        for contact, segment in rows(_STRAYS, asked):
            if contact not in moving:
                yield self._drift(ids.encode("seg", segment), contact, "membership", True, False)

    def _counts(self) -> Iterator[Drift]:
        for segment_id, stored in count_members(self.segments, at=self.at).items():
            expected = self.expected[segment_id]
            if stored != expected:
                yield self._drift(segment_id, None, "contact_count", stored, expected)

    def _drift(
        self, segment: str | None, key: int | None, what: str, stored: object, expected: object
    ) -> Drift:
        contact = ids.encode("cntct", key) if key else None
        return Drift(self.project.id, segment, contact, what, stored, expected)


def _shown(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
