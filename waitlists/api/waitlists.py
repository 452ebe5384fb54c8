"""``/v1/waitlists``."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.fields import StrictSerializer
from growth.api.viewsets import ProjectViewSet, require_spelling
from waitlists.api.serializers import BatchSerializer, JoiningSerializer, WaitlistSerializer
from waitlists.models import Entry, Waitlist
from waitlists.operations.deciding import approve, approve_first, reject
from waitlists.operations.joining import Joining, join
from waitlists.operations.waitlists import create_waitlist, revise_waitlist, unknown_templates
from waitlists.queries import KEYSET, Listing, Row, row_of, stats


class WaitlistViewSet(ProjectViewSet):
    """The waitlists of the project."""

    resource = "waitlists"
    queryset = Waitlist.objects.addressed().select_related("project", "stream")
    serializer_class = WaitlistSerializer

    def list(self, request: Request) -> Response:
        page = self.page_of(self.get_queryset())
        return self.paginator.get_paginated_response([_shown(each) for each in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(_shown(self.get_object()))

    def create(self, request: Request) -> Response:
        form = self.checked()
        waitlist = create_waitlist(self.project, at=now(), **form.validated_data)
        return _answer(waitlist, form, 201)

    def partial_update(self, request: Request, pk: str) -> Response:
        waitlist = self.get_object()
        form = self.checked(instance=waitlist, partial=True)
        revise_waitlist(waitlist, at=now(), **form.validated_data)
        return _answer(waitlist, form, 200)

    @action(detail=True)
    def stats(self, request: Request, pk: str) -> Response:
        waitlist = self.get_object()
        return Response({"waitlist_id": waitlist.id, "stats": stats(waitlist), "updated_at": now()})

    @action(detail=True)
    def entries(self, request: Request, pk: str) -> Response:
        waitlist = self.get_object()
        self._refuse_other_parameters(["status"])
        listing = Listing(waitlist, self._statuses())
        rows = self.paginator.paginate(listing.rows, request, KEYSET)
        page = self.paginator.envelope([_shown_entry(waitlist, row) for row in rows])
        return Response({"total_entries": sum(waitlist.counts.values()), **page})

    @entries.mapping.post
    def join(self, request: Request, pk: str) -> Response:
        waitlist = self.get_object()
        form = JoiningSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told = form.validated_data
        joined = join(
            waitlist,
            Joining(
                told["email"],
                told.get("traits") or {},
                told.get("referral_code") or "",
                is_vouched_for=True,
            ),
            at=now(),
        )
        warnings = {"warnings": list(joined.warnings)} if joined.warnings else {}
        body = _shown_entry(waitlist, joined.entry) | warnings
        return Response(body, 201 if joined.is_new else 200)

    @action(detail=True, url_path="entries/<str:entry_id>")
    def entry(self, request: Request, pk: str, entry_id: str) -> Response:
        waitlist = self.get_object()
        return Response(_shown_entry(waitlist, row_of(self._entry(waitlist, entry_id))))

    @action(detail=True, methods=["post"], url_path="entries/<str:entry_id>/approve")
    def approve(self, request: Request, pk: str, entry_id: str) -> Response:
        waitlist = self.get_object()
        entry = self._entry(waitlist, entry_id)
        self.refuse_body()
        return Response(_shown_entry(waitlist, approve(waitlist, entry, at=now())))

    @action(detail=True, methods=["post"], url_path="entries/<str:entry_id>/reject")
    def reject(self, request: Request, pk: str, entry_id: str) -> Response:
        waitlist = self.get_object()
        entry = self._entry(waitlist, entry_id)
        self.refuse_body()
        return Response(_shown_entry(waitlist, reject(waitlist, entry, at=now())))

    @action(detail=True, methods=["post"], url_path="entries/approve-batch")
    def approve_batch(self, request: Request, pk: str) -> Response:
        waitlist = self.get_object()
        form = BatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        rows = approve_first(waitlist, form.validated_data["count"], at=now())
        data = [_shown_entry(waitlist, row) for row in rows]
        return Response({"approved": len(rows), "data": data})

    def _entry(self, waitlist: Waitlist, entry_id: str) -> Entry:
        require_spelling(Entry, entry_id)
        entries: QuerySet[Entry] = Entry.objects.in_project(self.project)
        found = entries.filter(waitlist=waitlist, pk=entry_id).first()
        if found is None:
            raise NotFound("There is no such thing in this project.")
        return found

    def _statuses(self) -> tuple[str, ...]:
        status = self.request.query_params.get("status")
        if not status:
            return tuple(Entry.Status.values)
        if status not in Entry.Status.values:
            raise ParseError(f"status: Send one of {', '.join(Entry.Status.values)}.")
        return (status,)


def _shown(waitlist: Waitlist) -> dict[str, Any]:
    return {
        "id": waitlist.id,
        "name": waitlist.name,
        "slug": waitlist.slug,
        "referral_boost": waitlist.referral_boost,
        "auto_approve": waitlist.auto_approve,
        "welcome_email_template_id": waitlist.welcome_template_code,
        "invite_email_template_id": waitlist.invite_template_code,
        "require_verification": waitlist.require_verification,
        "open": waitlist.is_open,
        "landing_url": waitlist.landing_url or None,
        "invite_url": waitlist.invite_url or None,
        "url": waitlist.url,
        "total_entries": sum(waitlist.counts.values()),
        "created_at": waitlist.created_at,
        "updated_at": waitlist.updated_at,
    }


def _shown_entry(waitlist: Waitlist, row: Row) -> dict[str, Any]:
    return row.as_dict() | {"referral_url": waitlist.share_url(row.code)}


def _answer(waitlist: Waitlist, form: StrictSerializer, status: int) -> Response:
    warnings = form.warnings + [
        f"There is no template {code} yet; nobody gets this mail until you make it."
        for code in unknown_templates(waitlist)
    ]
    return Response(_shown(waitlist) | ({"warnings": warnings} if warnings else {}), status)
