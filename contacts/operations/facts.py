"""People as plain Python sees them, and what is stored of them, read in chunks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from contacts import oracle, rules
from contacts.models import Segment
from contacts.queries import read_rule
from growth import ids
from growth.models import DomainEvent, DomainEventType, Project

_CHUNK = 1000
_SCORED = timedelta(days=31)

_PEOPLE = """
    SELECT id, email, phone, external_id, tags, created_at, traits::text FROM contacts_contact
     WHERE project_id = %s AND deleted_at IS NULL
"""
_SAMPLE = f"{_PEOPLE} ORDER BY random() LIMIT %s"
_EVENTS = """
    SELECT contact_id, name, timestamp, CASE WHEN name = ANY(%s) THEN properties::text END
      FROM contacts_event
     WHERE project_id = %s AND contact_id = ANY(%s)
       AND (name = ANY(%s) OR timestamp > %s::timestamptz)
"""
_MEMBERSHIPS = """
    SELECT contact_id, segment_id FROM contacts_membership
     WHERE project_id = %s AND contact_id = ANY(%s)
"""
_CLOCKS = """
    SELECT contact_id, segment_id, recheck_at FROM contacts_segmentclock
     WHERE project_id = %s AND segment_id = ANY(%s) AND contact_id = ANY(%s)
"""
_SCORES = """
    SELECT contact_id, engagement, lead, decayed_on FROM contacts_contactactivity
     WHERE project_id = %s AND contact_id = ANY(%s)
"""


class Score(NamedTuple):
    """What is stored of a contact's scores, and the day that its engagement is of."""

    engagement: int = 0
    lead: int = 0
    day: date | None = None


@dataclass
class Chunk:
    """Some contacts by key, and what is stored of them; clocks also by the segment's id."""

    people: dict[int, oracle.Person]
    clocks: dict[tuple[int, str], datetime]
    scores: dict[int, Score]


@dataclass(frozen=True)
class Reader:
    """Reads what the segments look at and, unless it is not wanted, what scores are made of."""

    project: Project
    segments: Sequence[Segment]
    at: datetime
    has_scores: bool

    def chunks(self, sample: int | None) -> Iterator[Chunk]:
        """Yield all living contacts, or so many by chance; a cursor in the server keeps the rest
        there.
        """
        asked = self._asked()
        with connection.chunked_cursor() as cursor:
            if sample is None:
                cursor.execute(_PEOPLE, [self.project.key])
            else:
                cursor.execute(_SAMPLE, [self.project.key, sample])
            while rows := cursor.fetchmany(_CHUNK):
                yield self._chunk({key: _person(*rest) for key, *rest in rows}, asked)

    def _chunk(self, people: dict[int, oracle.Person], asked: tuple) -> Chunk:
        project, keys = self.project.key, list(people)
        filtered, names, since = asked
        for contact, *event in rows(_EVENTS, [filtered, project, keys, names, since]):
            people[contact].events.append(_event(*event))
        for contact, segment in rows(_MEMBERSHIPS, [project, keys]):
            people[contact].segments.add(ids.encode("seg", segment))
        scores = {key: Score(*rest) for key, *rest in rows(_SCORES, [project, keys])}
        for key, score in scores.items():
            people[key].scores = {"engagement": score.engagement, "lead": score.lead}
        watched = [segment.key for segment in self.segments]
        clocks = rows(_CLOCKS, [project, watched, keys])
        by_pair = {(key, ids.encode("seg", segment)): at for key, segment, at in clocks}
        return Chunk(people, by_pair, scores)

    def _asked(self) -> tuple[list[str], list[str], datetime | None]:
        """Return the names of events whose properties count, those that count, and since when all
        do.
        """
        written = [read_rule(segment) for segment in self.segments if segment.is_dynamic]
        conditions = [each for rule in written for each in rules.conditions(rule)]
        looks = [each for each in conditions if each.field.kind is rules.Kind.EVENT]
        filtered = {look.field.name for look in looks if look.where is not None}
        names = {look.field.name for look in looks}
        if not self.has_scores:
            return [*filtered], [*names], None
        return [*filtered], [*names, *oracle.MILESTONES], self.at - _SCORED


def in_motion(project: Project) -> set[int]:
    """Return the contacts whose latest changes have not been told to anybody yet."""
    news = DomainEvent.objects.in_project(project).waiting()
    told = news.filter(type=DomainEventType.EVENTS_RECORDED).values_list("data__changes", flat=True)
    return {key for changes in told.iterator() for who in changes.values() for key in who}


def rows(statement: str, params: Any) -> list[tuple]:
    """Return all rows of the statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def _person(
    email: str, phone: str, external_id: str, tags: list[str], created_at: datetime, traits: str
) -> oracle.Person:
    return oracle.Person(
        email=email,
        phone=phone,
        external_id=external_id,
        tags=tags,
        created_at=created_at,
        traits=_read(traits),
    )


def _event(name: str, at: datetime, properties: str | None) -> tuple[str, datetime, dict]:
    return name, at, _read(properties) if properties else {}


def _read(text: str) -> dict[str, Any]:
    return json.loads(text, parse_float=Decimal)
