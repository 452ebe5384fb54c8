"""``/v1/public/referrals``: what the browser of somebody who shares may see, by a token alone."""

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.public import TokenView
from referrals.models import Link, Program
from referrals.queries import counted_links
from referrals.signing import UnknownToken, read_share_token


class ShareView(TokenView):
    """Shows the bearer of a token one link."""

    def get(self, request: Request) -> Response:
        link = _link_of(request.query_params.get("token", ""))
        if link is None:
            raise AuthenticationFailed("Send the share_token of the link, as token.")
        return Response(
            {
                "code": link.code,
                "url": link.url,
                "active": link.program.status == Program.Status.ACTIVE,
                "clicks": link.clicks_count,
                "conversions": link.conversions_count,
            }
        )


def _link_of(token: str) -> Link | None:
    """Return the counted link of the token, unless it got another, or the contact is gone."""
    try:
        project, key, version = read_share_token(token)
    except UnknownToken:
        return None
    links = Link.objects.filter(
        project=project, pk=key, share_version=version, contact__deleted_at=None
    )
    return counted_links(links.select_related("project", "program")).first()
