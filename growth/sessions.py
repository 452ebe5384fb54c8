"""Who is signed in, for the pages that people open: ``/v1/`` knows keys alone, and skips this."""

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

_KEYS_ALONE = "/v1/"


class _ForPages:
    """Lets a middleware see nothing of requests that have a key for a session."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_KEYS_ALONE):
            return self.get_response(request)
        return super().__call__(request)


class PageSessions(_ForPages, SessionMiddleware):
    """Reads and keeps the session of a page's visitor."""


class PageVisitors(_ForPages, AuthenticationMiddleware):
    """Tells a page who opens it."""


class PageMessages(_ForPages, MessageMiddleware):
    """Carries messages from one page to the next."""
