"""A whole rule as one SELECT.

Over all contacts, events are grouped once for each condition and joined. Over a few contacts, each
one's newest events are looked up by index, and no more of them than the condition counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from contacts.rule_sql.fragments import TRUE, Sql, all_of, joined, sql
from contacts.rule_sql.values import View, flip, later, predicate, reads_time
from contacts.rules import Condition, Group, Kind, Node, Op, Operator, conditions
from growth.models import Project

_ACTIVITY = Sql("LEFT JOIN contacts_contactactivity activity ON activity.contact_id = contact.id")


def matching(rule: Group, *, project: Project, at: datetime) -> Sql:
    """Return the SELECT of the keys of all contacts that match the rule."""
    compiler = _Compiler(_view(project, at))
    parts = compiler.parts(rule)
    return sql("SELECT contact.id {} AND {}", compiler.contacts(), _filter(parts, parts))


def verdicts(
    rule: Group, *, project: Project, at: datetime, among: Sequence[int] | None = None
) -> Sql:
    """Return the SELECT of ``contact_id``, ``matches`` and ``recheck_at``, over all contacts or
    those of the keys.

    ``recheck_at`` is when time alone may next change the answer. Contacts of whom there is nothing
    to say are left out: they do not match, and time alone does not change that.
    """
    compiler = _Compiler(_view(project, at), is_timed=True, among=among)
    parts = compiler.parts(rule)
    moving = [part for part in parts if part.flips]
    settled = [part for part in parts if not part.flips]
    flips = [flip for part in moving for flip in part.flips]
    selected = sql(
        "SELECT contact.id AS contact_id, {} AS matches, {} AS recheck_at {} AND {}",
        *(all_of([part.matches for part in moving]), _earliest(flips)),
        *(compiler.contacts(), _filter(settled, parts)),
    )
    if not flips:
        return selected
    return sql("SELECT * FROM ({}) verdict WHERE matches OR recheck_at IS NOT NULL", selected)


def event_filter(where: Node, *, project: Project, at: datetime) -> Sql:
    """Return what is true of the rows of a table ``event`` whose properties pass the filter."""
    return _Compiler(_view(project, at)).node(where).matches


def event_filters(
    filters: Sequence[Node | None], *, project: Project, at: datetime
) -> tuple[Sql, list[Sql]]:
    """Return what must be joined to a table ``event``, and what is then true of the rows that pass
    each filter. Filters of properties and of contacts may be mixed.
    """
    compiler = _Compiler(_view(project, at))
    passes = [compiler.node(each).matches if each else TRUE for each in filters]
    if not any(_looks_at_contact(each) for each in filters if each):
        return Sql(""), passes
    contact = Sql("JOIN contacts_contact contact ON contact.id = event.contact_id")
    return joined(" ", [contact, *compiler.sources]), passes


def _looks_at_contact(node: Node) -> bool:
    return any(each.field.kind is not Kind.PROPERTY for each in conditions(node))


def _filter(required: Sequence["_Compiled"], parts: Sequence["_Compiled"]) -> Sql:
    """Return that all required parts hold, and that no part fails for good.

    What is dear to compute comes last: behind a CASE that names the events, so that PostgreSQL
    computes it only for contacts who have them.
    """
    possible = [part.possible for part in parts if part.possible]
    others = [part for part in required if part.matches != part.possible]
    cheap = [part.matches for part in others if not part.is_dear]
    dear = [part.matches for part in others if part.is_dear]
    if not dear:
        return all_of([*possible, *cheap])
    late = sql("CASE WHEN {} THEN {} ELSE false END", all_of(possible), all_of(dear))
    return all_of([*possible, *cheap, late])


def _view(project: Project, at: datetime) -> View:
    return View(project.key, project.timezone, at)


def _earliest(flips: list[Sql]) -> Sql:
    if len(flips) == 1:
        return flips[0]
    return sql("least({})", joined(", ", flips)) if flips else Sql("NULL::timestamptz")


@dataclass(frozen=True)
class _Compiled:
    """A part of a rule: what is true of contacts that match, and the moments at which time alone
    may change it. Where ``possible`` fails, it is false and stays so whatever time does.
    """

    matches: Sql
    flips: tuple[Sql, ...] = ()
    possible: Sql | None = None
    is_dear: bool = False


class _Compiler:
    def __init__(
        self, view: View, *, is_timed: bool = False, among: Sequence[int] | None = None
    ) -> None:
        self.view = view
        self.is_timed = is_timed
        self.among = among
        self.sources: list[Sql] = []

    def contacts(self) -> Sql:
        """Return where the compiled conditions find what they look at."""
        scope = sql("contact.project_id = {} AND contact.deleted_at IS NULL", self.view.project)
        if self.among is not None:
            scope = sql("{} AND contact.id = ANY ({}::bigint[])", scope, list(self.among))
        return sql("FROM contacts_contact contact {} WHERE {}", joined(" ", self.sources), scope)

    def parts(self, rule: Group) -> list[_Compiled]:
        """Return the conditions that must all hold.

        Whoever fails one that time cannot change never matches by time alone, and needs no clock.
        """
        nodes = rule.children if rule.operator is Operator.AND else (rule,)
        return [self.node(node) for node in nodes]

    def node(self, node: Node) -> _Compiled:
        if isinstance(node, Condition):
            return self._condition(node)
        parts = [self.node(child) for child in node.children]
        word = " AND " if node.operator is Operator.AND else " OR "
        together = joined(word, [sql("({})", part.matches) for part in parts])
        return _Compiled(
            sql("NOT ({})", together) if node.operator is Operator.NOT else together,
            tuple(chain.from_iterable(part.flips for part in parts)),
            is_dear=any(part.is_dear for part in parts),
        )

    def _condition(self, condition: Condition) -> _Compiled:
        if denied := condition.op.denied:
            held = self._condition(replace(condition, op=denied))
            return replace(held, matches=sql("NOT ({})", held.matches), possible=None)
        if condition.field.kind is Kind.EVENT:
            return self._events(condition)
        if condition.field.kind is Kind.SCORE and _ACTIVITY not in self.sources:
            self.sources.append(_ACTIVITY)
        flips = (flip(condition, self.view),) if condition.op is Op.WITHIN_LAST else ()
        return _Compiled(predicate(condition, self.view), flips, is_dear=reads_time(condition))

    def _events(self, condition: Condition) -> _Compiled:
        if condition.op is Op.EXISTS:
            return self._at_least(1, condition)
        if condition.op is Op.COUNT_GTE:
            return self._at_least(condition.value, condition)
        more = self._at_least(condition.value + 1, condition)
        no_more = replace(more, matches=sql("NOT ({})", more.matches), possible=None)
        if condition.op is Op.COUNT_LTE:
            return no_more
        enough = self._at_least(condition.value, condition)
        matches = all_of([enough.matches, no_more.matches])
        return replace(enough, matches=matches, flips=enough.flips + no_more.flips)

    def _at_least(self, count: int, condition: Condition) -> _Compiled:
        """Compile that there are so many events: that there is a newest but ``count - 1``."""
        if count == 0:
            return _Compiled(TRUE)
        name = Sql(f"events_{len(self.sources) + 1}")
        self.sources.append(self._source(count, condition, name))
        found = sql("{}.nth IS NOT NULL", name)
        if condition.window is None:
            return _Compiled(found, possible=found)
        flips = (later(sql("{}.nth", name), condition.window),)
        return _Compiled(found, flips, possible=found)

    def _source(self, count: int, condition: Condition, name: Sql) -> Sql:
        counted = all_of(self._counted(condition))
        if self.among is None:
            return sql(
                """LEFT JOIN (SELECT event.contact_id, {} AS nth FROM contacts_event event
                   WHERE {} GROUP BY event.contact_id HAVING {}) {}
                   ON {}.contact_id = contact.id""",
                *(self._nth(count, condition.window), counted, _having(count), name, name),
            )
        return sql(
            """LEFT JOIN LATERAL (SELECT event.timestamp AS nth FROM contacts_event event
               WHERE {} AND event.contact_id = contact.id
               ORDER BY event.timestamp DESC OFFSET {} LIMIT 1) {} ON true""",
            *(counted, count - 1, name),
        )

    def _nth(self, count: int, window: timedelta | None) -> Sql:
        if not self.is_timed or window is None:
            return Sql("true")  # That there is one is enough.
        return sql("(array_agg(event.timestamp ORDER BY event.timestamp DESC))[{}]", count)

    def _counted(self, condition: Condition) -> list[Sql]:
        view, window = self.view, condition.window
        counted = [
            sql("event.project_id = {}", view.project),
            sql("event.name = {}", condition.field.name),
            sql("event.timestamp <= {}", view.at),
        ]
        if window is not None:
            counted.append(sql("event.timestamp > {}", view.at - window))
        if condition.where is not None:
            counted.append(self.node(condition.where).matches)
        return counted


def _having(count: int) -> Sql:
    """Return that a group has so many rows.

    PostgreSQL expects a third of all groups to hold, whatever the number. Of contacts it is fewer
    the higher the number is, and who expects too many reads all contacts instead of those few. So
    the same is said again: each time is another third.
    """
    times = 0 if count == 1 else 1 if count == 2 else 2 if count < 10 else 3
    return all_of([sql("count(*) >= {}", count)] * times)
