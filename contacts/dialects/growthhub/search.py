"""``POST /contacts/search``: filters become a rule of segments, pages follow the list. And what was
there before it, ``GET /contacts/``.
"""

from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import rules
from contacts.dialects.growthhub.names import TRAITS
from contacts.dialects.growthhub.serializers import Words
from contacts.dialects.growthhub.shapes import shown_all
from contacts.dialects.growthhub.views import ContactViewSet, GrowthHubView
from contacts.models import Contact, CustomField
from contacts.models.search import words_of
from contacts.queries import contacts_matching
from growth.api.fields import StrictSerializer
from growth.errors import Invalid, Violation
from growth.models import Project
from growth.transactions import statements_within

DEFAULT_LIMIT, MAX_LISTED, MAX_LIMIT, MAX_PLACE = 20, 100, 500, 10_000
MAX_MOMENT = 253_402_300_799_000  # milliseconds since 1970: the last day that has four digits
_PATIENCE = 5
_TOO_SLOW = "To find these contacts takes longer than 5 seconds; ask for less."
_OPERATORS = {
    "eq": "eq",
    "not_eq": "neq",
    "contains": "contains",
    "not_contains": "not_contains",
    "exists": "exists",
    "not_exists": "not_exists",
}
_COLUMNS = {"email": "email", "phone": "phone", "tags": "tags", "dateAdded": "created_at"}
_RANGE = ("gt", "gte", "lt", "lte")

Condition = dict[str, Any]


class SearchSerializer(StrictSerializer):
    """Which contacts are wanted, and which page of them."""

    locationId = Words(64)
    page = serializers.IntegerField(required=False, default=1, min_value=1)
    pageLimit = serializers.IntegerField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT
    )
    searchAfter = serializers.JSONField(required=False, default=None)
    query = Words(200)
    filters = serializers.JSONField(required=False, default=list)
    sort = serializers.JSONField(required=False, default=list)

    def validate_searchAfter(self, after: Any) -> list | None:
        if not after:
            return None
        if not (isinstance(after, list) and len(after) == 2 and isinstance(after[0], int)):
            raise serializers.ValidationError("must be the searchAfter of a contact")
        try:
            moment = datetime.fromtimestamp(after[0] / 1_000_000, UTC)
        except (ValueError, OverflowError, OSError):
            raise serializers.ValidationError("must be the searchAfter of a contact") from None
        return [moment, str(after[1])]

    def validate_sort(self, sort: Any) -> str:
        if not sort:
            return "desc"
        first = sort[0] if isinstance(sort, list) and len(sort) == 1 else None
        is_known = isinstance(first, dict) and first.get("field") in ("dateAdded", "date_added")
        if not is_known or first.get("direction", "desc") not in ("asc", "desc"):
            raise serializers.ValidationError(
                'must be [{"field": "dateAdded", "direction": "desc"}]'
            )
        return first.get("direction", "desc")

    def validate(self, data: dict) -> dict:
        if data["searchAfter"] is None and data["page"] * data["pageLimit"] > MAX_PLACE:
            message = f"must not reach beyond the first {MAX_PLACE} contacts; use searchAfter"
            raise serializers.ValidationError({"page": [message]})
        return data


class ListSerializer(serializers.Serializer):
    """Which page is wanted of the list: ``startAfterId`` is the last contact of the one before."""

    locationId = Words(64)
    limit = serializers.IntegerField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LISTED
    )
    query = Words(200)
    startAfterId = Words(64)
    startAfter = serializers.IntegerField(required=False, min_value=0, max_value=MAX_MOMENT)


class SearchView(GrowthHubView):
    """Finds contacts by what is known of them."""

    reading_actions = ("search",)
    serializer_class = SearchSerializer

    def search(self, request: Request) -> Response:
        sent = self.checked().validated_data
        self.require_location(sent.get("locationId"))
        found = _found(self.project, sent)
        with statements_within(_PATIENCE, _TOO_SLOW):
            total = found.count()
            contacts = list(_page(found.select_related("activity"), sent))
        shown = shown_all(self.project, contacts)
        places = [{"searchAfter": _place(contact)} for contact in contacts]
        return Response(
            {
                "contacts": [each | place for each, place in zip(shown, places, strict=True)],
                "total": total,
                "traceId": request._request.request_id,
            }
        )


class CollectionView(ContactViewSet):
    """All contacts: the older way to list them, and where new ones are made."""

    def list(self, request: Request) -> Response:
        form = ListSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        sent = form.validated_data
        self.require_location(sent.get("locationId"))
        found = _found(self.project, sent)
        with statements_within(_PATIENCE, _TOO_SLOW):
            count = found.count()
            page = self._after(found, sent).select_related("activity")
            contacts = list(page.order_by("-created_at", "-id")[: sent["limit"]])
        last = contacts[-1] if len(contacts) == sent["limit"] else None
        return Response(
            {
                "contacts": shown_all(self.project, contacts),
                "count": count,
                "meta": {
                    "total": count,
                    "startAfterId": last.id if last else None,
                    "startAfter": _place(last)[0] // 1000 if last else None,
                },
                "traceId": request._request.request_id,
            }
        )

    def _after(self, found: QuerySet[Contact], sent: dict[str, Any]) -> QuerySet[Contact]:
        """Keep what follows the last contact that the client has seen.

        :raises Invalid: if there never was one of that id.
        """
        if code := sent.get("startAfterId"):
            last = Contact.objects.in_project(self.project).filter(pk=code).first()
            if last is None:
                raise _wrong("startAfterId", "must be the id of a contact")
            return found.filter(_follows(TupleLessThan, last.created_at, last.id))
        if (moment := sent.get("startAfter")) is not None:
            return found.filter(created_at__lt=datetime.fromtimestamp(moment / 1000, UTC))
        return found


def _found(project: Project, sent: dict[str, Any]) -> QuerySet[Contact]:
    found = Contact.objects.in_project(project).alive()
    if sent.get("filters"):
        rule = {"operator": "AND", "conditions": _conditions(project, sent["filters"])}
        parsed = rules.parse(rule, zone=project.zone, path="filters")
        found = contacts_matching(project, parsed, at=now())
    if words := words_of(sent.get("query") or ""):
        found = found.having(words)
    return found


def _page(found: QuerySet[Contact], sent: dict[str, Any]) -> QuerySet[Contact]:
    is_ascending = sent["sort"] == "asc"
    order = ("created_at", "id") if is_ascending else ("-created_at", "-id")
    if after := sent["searchAfter"]:
        lookup = TupleGreaterThan if is_ascending else TupleLessThan
        found = found.filter(_follows(lookup, *after))
    start = 0 if after else (sent["page"] - 1) * sent["pageLimit"]
    return found.order_by(*order)[start : start + sent["pageLimit"]]


def _follows(lookup: type, created_at: datetime, code: str) -> Any:
    return lookup(Tuple(F("created_at"), F("id")), (created_at, code))


def _place(contact: Contact) -> list[Any]:
    """Return by which the next contacts are found: microseconds since 1970, and its id."""
    return [round(contact.created_at.timestamp() * 1_000_000), contact.id]


def _conditions(project: Project, filters: Any, path: str = "filters") -> list[Condition]:
    if not isinstance(filters, list) or not filters:
        raise _wrong(path, "must be a list of filters")
    fields = _Fields(project)
    return [_condition(each, f"{path}[{n}]", fields) for n, each in enumerate(filters)]


def _condition(sent: Any, path: str, fields: "_Fields", depth: int = 1) -> Condition:
    if isinstance(sent, dict) and "group" in sent:
        return _group(sent, path, fields, depth)
    if not isinstance(sent, dict) or not isinstance(sent.get("field"), str):
        raise _wrong(path, "must have a field, an operator and a value")
    name, operator, value = fields.of(sent["field"], path), sent.get("operator"), sent.get("value")
    if operator == "range":
        return _range(name, value, path)
    if not isinstance(operator, str) or operator not in _OPERATORS:
        raise _wrong(path, f"must have an operator of {', '.join(_OPERATORS)} or range")
    condition = {"field": name, "op": _OPERATORS[operator]}
    if operator in ("exists", "not_exists"):
        return condition
    if isinstance(value, list) and operator in ("eq", "not_eq"):
        return condition | {"op": {"eq": "in", "not_eq": "not_in"}[operator], "value": value}
    if isinstance(value, list) and name == "tags":
        return _each(condition, value, operator, path)
    return condition | {"value": value}


def _each(condition: Condition, values: list[Any], operator: str, path: str) -> Condition:
    """Return that all of the tags are there, or none of them."""
    if not values:
        raise _wrong(path, "must have a value")
    return {"operator": "AND", "conditions": [condition | {"value": value} for value in values]}


def _group(sent: dict, path: str, fields: "_Fields", depth: int) -> Condition:
    operator, filters = sent["group"], sent.get("filters")
    if operator not in ("AND", "OR") or not isinstance(filters, list) or not filters or depth > 6:
        raise _wrong(path, "must be a group of AND or OR with filters, not nested too deep")
    inner = [
        _condition(each, f"{path}.filters[{n}]", fields, depth + 1)
        for n, each in enumerate(filters)
    ]
    return {"operator": operator, "conditions": inner}


def _range(name: str, value: Any, path: str) -> Condition:
    if not isinstance(value, dict) or not value or set(value) - set(_RANGE):
        raise _wrong(path, "must have a range of gt, gte, lt and lte")
    bounds = [{"field": name, "op": op, "value": bound} for op, bound in value.items()]
    return {"operator": "AND", "conditions": bounds}


class _Fields:
    """What rules call the fields that clients name."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def of(self, name: str, path: str) -> str:
        """Return the field of a rule.

        :raises Invalid: if there is none.
        """
        if name in _COLUMNS:
            return _COLUMNS[name]
        if trait := TRAITS.get(name) or self._custom(name):
            return f"traits.{trait}"
        raise _wrong(
            path, f"must name a field such as {', '.join([*_COLUMNS, 'customFields.<id>'])}"
        )

    def _custom(self, name: str) -> str | None:
        head, _, code = name.partition(".")
        if head != "customFields" or not code:
            return None
        named = Q(code=code[:100]) | Q(trait=code[:255])
        own = CustomField.objects.in_project(self._project).filter(named)
        return own.values_list("trait", flat=True).first()


def _wrong(path: str, message: str) -> Invalid:
    return Invalid(Violation(path, "invalid", message))
