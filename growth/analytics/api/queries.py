"""``/v1/analytics``: questions, the people behind the answers, and the stream."""

from functools import partial
from typing import Any

from django.db.models.expressions import RawSQL
from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.contacts import shown
from contacts.api.segments import SegmentSerializer
from contacts.listing import NEWEST_FIRST, contact_rows
from contacts.models import Contact, Event
from contacts.operations.segments import save_as_segment
from contacts.queries import count_members
from contacts.rule_sql import Sql
from growth.analytics.api.ranges import read_bound, read_span
from growth.analytics.charts import chart
from growth.analytics.grammar import read_pick, read_query
from growth.analytics.queries import answer, people_behind
from growth.analytics.queries.overview import overview
from growth.analytics.queries.stream import NEWEST_FIRST as LATEST_FIRST
from growth.analytics.queries.stream import recent_events
from growth.analytics.scores import scores
from growth.api.viewsets import ProjectViewSet

STREAM_FILTERS = ("event", "contact_id", "from", "to")


class AnalyticsViewSet(ProjectViewSet):
    """What happened in the project, counted."""

    resource = "analytics"
    reading_actions = ("query", "people", "chart")
    is_about_people = True
    queryset = Event.objects.all()

    @action(detail=False, methods=["post"])
    def query(self, request: Request) -> Response:
        at = now()
        return Response(answer(read_query(request.data, self.project, at=at), self.project, at=at))

    @action(detail=False, methods=["post"], url_path="query/people")
    def people(self, request: Request) -> Response:
        keys, _ = self._picked()
        found = Contact.objects.in_project(self.project).alive()
        chosen = found.filter(id__in=RawSQL(keys.text, keys.params))
        fetch = partial(contact_rows, self.project, chosen)
        page = self.paginator.paginate(fetch, request, NEWEST_FIRST)
        return self.paginator.get_paginated_response([shown(row) for row in page])

    @action(detail=False, methods=["post"], url_path="query/segment")
    def segment(self, request: Request) -> Response:
        at = now()
        keys, name = self._picked(is_named=True)
        segment = save_as_segment(self.project, name=name or "", keys=keys, at=at)
        segment.contact_count = count_members([segment], at=at)[segment.id]
        return Response(SegmentSerializer(segment).data, 201)

    @action(detail=False, methods=["post"], url_path="query/chart")
    def chart(self, request: Request) -> Response:
        at = now()
        question = read_query(request.data, self.project, at=at)
        return Response({"svg": chart(answer(question, self.project, at=at))})

    @action(detail=False)
    def overview(self, request: Request) -> Response:
        return Response(overview(self.project, at=now()))

    @action(detail=False)
    def scores(self, request: Request) -> Response:
        return Response(scores(self.project, read_span(request, at=now())))

    @action(detail=False)
    def events(self, request: Request) -> Response:
        self._refuse_other_parameters(STREAM_FILTERS)
        sent = request.query_params
        if "\0" in sent.get("event", ""):
            raise ParseError("event: Remove the NUL character.")
        fetch = recent_events(
            self.project,
            event=sent.get("event"),
            contact_id=sent.get("contact_id"),
            start=read_bound(request, "from"),
            end=read_bound(request, "to"),
        )
        page = self.paginator.paginate(fetch, request, LATEST_FIRST)
        return self.paginator.get_paginated_response(page)

    def _picked(self, *, is_named: bool = False) -> tuple[Sql, Any]:
        """Return the keys of the contacts that the body picks, and the name that it gives them."""
        at = now()
        picked = read_pick(self.request.data, self.project, is_named=is_named, at=at)
        keys = people_behind(picked.question, picked.pick, self.project, at=at)
        return keys, picked.name
