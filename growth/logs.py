"""What the logs say of a request: never a key, never a token, never a body."""

import re

import structlog
from django.conf import settings
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

_TOKEN = re.compile(r"^/([a-z])/.+")


class LogMiddleware(RequestMiddleware):
    """Logs each request by its path: a query may bear a key, a public page's path a token."""

    def prepare(self, request: HttpRequest) -> None:
        """Number the lines of this request. That it has come is told by the one when it ends."""
        structlog.contextvars.bind_contextvars(request_id=request.request_id)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Return the request in words."""
        path = _TOKEN.sub(r"/\1/…", request.path)
        return f"{request.method} {path}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Note who is signed in. Callers of the API have no session, and are not looked up."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            RequestMiddleware.bind_user_id(request)
