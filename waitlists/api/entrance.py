"""``/v1/public/waitlists``: what people's browsers may do, with a write key or a token."""

from typing import Any

from django.utils.timezone import now
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.ingestion import IngestView
from growth.api.public import TokenView
from growth.api.throttling import client_address
from waitlists.api.serializers import StrangerSerializer
from waitlists.mail import UnknownToken, read_status_token
from waitlists.models import Waitlist
from waitlists.operations.entrance import ask_in
from waitlists.operations.joining import Joining
from waitlists.queries import find_by_slug, row_of

_UNKNOWN = "There is no waitlist of this name."


class EntranceView(IngestView):
    """Takes those who want to be on a list, and says the same of everybody."""

    def post(self, request: Request, slug: str) -> Response:
        waitlists = Waitlist.objects.in_project(request.auth.project).filter(slug=slug)
        waitlist = waitlists.select_related("project", "stream").first()
        if waitlist is None:
            raise NotFound(_UNKNOWN)
        form = StrangerSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told = form.validated_data
        code = told.get("referral_code") or ""
        joined = ask_in(
            waitlist,
            Joining(told["email"], told.get("traits") or {}, code),
            trap=told.get("website") or "",
            address=client_address(request._request),
            at=now(),
        )
        return self.accepted(request, **_said(waitlist, joined.warnings if joined else ()))

    def accepted(self, request: Request, **additions: Any) -> Response:
        return Response(additions, 202)


def _said(waitlist: Waitlist, warnings: tuple[str, ...]) -> dict[str, Any]:
    status = "verify_email" if waitlist.require_verification else "joined"
    return {"status": status} | ({"warnings": list(warnings)} if warnings else {})


class StatusView(TokenView):
    """Shows the bearer of a token one place."""

    def get(self, request: Request, slug: str) -> Response:
        waitlist = find_by_slug(slug)
        if waitlist is None:
            raise NotFound(_UNKNOWN)
        try:
            entry = read_status_token(waitlist, request.query_params.get("token", ""))
        except UnknownToken:
            raise AuthenticationFailed(
                "Send the token of the link to this place, as token."
            ) from None
        row = row_of(entry)
        return Response(
            {
                "status": row.status,
                "position": row.position,
                "total": waitlist.waiting_count,
                "referral_count": row.referral_count,
                "referral_code": row.code,
                "referral_url": waitlist.share_url(row.code),
                "joined_at": row.joined_at,
            }
        )
