"""What may be asked, once it has been read: frozen, and without a word of JSON or SQL."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contacts import rules
from growth.analytics.periods import Buckets, Interval, Range

MAX_GROUPS = 50
OTHER = "other"
NONE = "(none)"


class QueryType(StrEnum):
    """What ``POST /v1/analytics/query`` can be asked."""

    EVENT_COUNT = "event_count"
    UNIQUE_CONTACTS = "unique_contacts"
    FUNNEL = "funnel"
    COHORT_RETENTION = "cohort_retention"


class Order(StrEnum):
    """``ordered``: other events may come between steps. ``strict``: none of the person's may, but
    for the system's own. ``any``: in any order.
    """

    ORDERED = "ordered"
    STRICT = "strict"
    ANY = "any"


class Entry(StrEnum):
    """Which attempt of a person counts: the one that got furthest, or the first."""

    BEST = "best"
    FIRST = "first"


class Mode(StrEnum):
    """Whether periods are those of the calendar, or count from each person's own start."""

    CALENDAR = "calendar"
    ROLLING = "rolling"


class Criterion(StrEnum):
    """When somebody counts as retained: back in that period, in that one or later, or in a bracket
    of periods.
    """

    ON = "on"
    ON_OR_AFTER = "on_or_after"
    BRACKET = "bracket"


class Start(StrEnum):
    """Whether only the first start of a person ever counts, or one in each period."""

    FIRST_TIME = "first_time"
    RECURRING = "recurring"


class GroupKind(StrEnum):
    """By what answers are grouped."""

    TRAIT = "traits"
    PROPERTY = "properties"
    TAGS = "tags"
    SEGMENTS = "segments"
    REFERRED = "referred"


@dataclass(frozen=True)
class GroupBy:
    """By what; a trait and a property have a path."""

    kind: GroupKind
    path: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """An event that passes a filter; without a name, any event that is not the system's own."""

    event: str | None
    filters: rules.Node | None = None


@dataclass(frozen=True)
class Exclusion:
    """An event that ends an attempt, between any steps or only after the step of this number."""

    event: str | None
    filters: rules.Node | None
    after_step: int | None


@dataclass(frozen=True)
class Count:
    """How often it happened, or how many people did it, in each bucket."""

    step: Step
    span: Range
    interval: Interval
    buckets: Buckets
    group_by: GroupBy | None
    is_unique: bool

    @property
    def type(self) -> QueryType:
        """What was asked."""
        return QueryType.UNIQUE_CONTACTS if self.is_unique else QueryType.EVENT_COUNT


@dataclass(frozen=True)
class FunnelSteps:
    """How many people get how far. Entries are in the range; later steps may be after it."""

    steps: tuple[Step, ...]
    span: Range
    window: timedelta
    order: Order = Order.ORDERED
    entry: Entry = Entry.BEST
    exclusions: tuple[Exclusion, ...] = ()
    held: tuple[tuple[str, ...], ...] = ()
    group_by: GroupBy | None = None

    type = QueryType.FUNNEL


@dataclass(frozen=True)
class Cohorts:
    """Who began in each period of the range, and who of them came back until its end."""

    start: Step
    returned: Step
    span: Range
    period: Interval
    buckets: Buckets
    mode: Mode = Mode.CALENDAR
    criterion: Criterion = Criterion.ON
    which: Start = Start.FIRST_TIME
    brackets: tuple[tuple[int, int], ...] = field(default=())
    group_by: GroupBy | None = None

    type = QueryType.COHORT_RETENTION


@dataclass(frozen=True)
class Pick:
    """Which number of an answer is meant; what is None is not looked at.

    ``date`` is the bucket or the cohort, ``group`` the name of the group. ``step`` and ``outcome``
    (reached, dropped or in_progress) are of a funnel, ``period`` of cohorts.
    """

    group: str | None = None
    date: str | None = None
    step: int | None = None
    outcome: str = "reached"
    period: int | None = None
