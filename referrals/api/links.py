"""``/v1/referrals/links``."""

from typing import Any

from django.http import Http404
from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.viewsets import ProjectViewSet
from referrals.api.conversions import shown_conversion
from referrals.api.serializers import LinkSerializer
from referrals.models import Conversion, Link
from referrals.models.link import MAX_CODE
from referrals.operations.links import create_link
from referrals.queries import counted_links
from referrals.signing import share_token


class LinkViewSet(ProjectViewSet):
    """The links that contacts share, spoken of by their codes."""

    resource = "referrals"
    queryset = Link.objects.select_related("project")
    serializer_class = LinkSerializer
    lookup_field = "code"
    lookup_url_kwarg = "link_code"

    def create(self, request: Request) -> Response:
        form = self.checked()
        said = form.validated_data
        link, is_new = create_link(
            said["program"], said["contact"], channel=said["channel"] or "", at=now()
        )
        counted = counted_links(self.get_queryset()).get(pk=link.pk)
        data = shown_link(counted) | ({"warnings": form.warnings} if form.warnings else {})
        return Response(data, 201 if is_new else 200)

    def retrieve(self, request: Request, link_code: str) -> Response:
        return Response(shown_link(self.get_object()))

    @action(detail=True, methods=["post"], url_path="rotate-share-token")
    def rotate_share_token(self, request: Request, link_code: str) -> Response:
        link = self.get_object()
        link.rotate_share_token()
        return Response(shown_link(link))

    @action(detail=True)
    def conversions(self, request: Request, link_code: str) -> Response:
        link = self.get_object()
        conversions = Conversion.objects.filter(project=self.project, link=link)
        page = self.page_of(conversions.select_related("link"))
        return self.paginator.get_paginated_response([shown_conversion(each) for each in page])

    def get_object(self) -> Link:
        code = self.kwargs["link_code"].upper()
        if len(code) > MAX_CODE or "\0" in code:
            raise Http404
        link = counted_links(self.get_queryset()).filter(code=code).first()
        if link is None:
            raise Http404
        return link


def shown_link(link: Any) -> dict[str, Any]:
    """Return a counted link as the API shows it."""
    return {
        "id": link.id,
        "code": link.code,
        "url": link.url,
        "program_id": link.program_id,
        "contact_id": link.contact_id,
        "channel": link.channel or None,
        "share_token": share_token(link),
        "conversions": link.conversions_count,
        "clicks": link.clicks_count,
        "created_at": link.created_at,
    }
