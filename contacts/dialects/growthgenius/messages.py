"""``/integrations/v1/messages``."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.dialects.growthgenius.base import GeniusViewSet, ignored_fields, number_in
from contacts.dialects.growthgenius.searching import (
    PAGED,
    Search,
    envelope,
    read_search,
    sent_in,
)
from contacts.dialects.growthgenius.streaming import Chunk, streamed
from contacts.dialects.growthgenius.timeline import (
    CAMPAIGN_EMAIL,
    SORTS,
    Row,
    every_row,
    find_one,
    find_page,
    shown,
)
from contacts.models import Contact, Message
from growth.api.moments import parse_moment
from growth.errors import Conflict, Invalid, Violation

MAX_COPY = 500_000
_TEXTS = {"message_type": 100, "rendered_subject": 1000, "rendered_copy": MAX_COPY}
_KNOWN = {*_TEXTS, "contact_id", "sent_at", "user_id"}
_READ_ONLY = {"id", "team_id", "created_at", "updated_at"}


class MessageViewSet(GeniusViewSet):
    """What users and contacts told each other."""

    resource = "messages"
    reading_actions = ("search",)
    wrapper = "message"
    queryset = Message.objects

    def list(self, request: Request) -> Response | StreamingHttpResponse:
        sent = sent_in(request)
        search = read_search(sent, self.project, SORTS, in_body=False)
        if sent.keys() & {*PAGED}:
            return self._page(search)
        return streamed("messages", self._chunks(search))

    def search(self, request: Request) -> Response:
        sent = sent_in(request) | self.said()
        return self._page(read_search(sent, self.project, SORTS, in_body=True))

    def create(self, request: Request) -> Response:
        said = self._read(is_new=True)
        at = now()
        said.setdefault("user_id", self.actor)
        said.setdefault("sent_at", at)
        said["message_type"] = said.get("message_type") or ""
        message = Message.objects.record(self.project, **said, created_at=at, updated_at=at)
        return self._shown(message.pk, 201)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown(self._key())

    def partial_update(self, request: Request, pk: str) -> Response:
        message = self._own()
        for name, value in self._read(is_new=False).items():
            setattr(message, name, value)
        message.message_type = message.message_type or ""
        message.updated_at = now()
        message.save()
        return self._shown(message.pk)

    def destroy(self, request: Request, pk: str) -> Response:
        message = self._own()
        gone = self._shown(message.pk)
        message.delete()
        return gone

    def _key(self) -> int:
        return self.found(number_in(self.kwargs["pk"]))

    def _row(self) -> Row:
        return self.found(find_one(self.project, self._key()))

    def _own(self) -> Message:
        """Return the message, which somebody told us of.

        :raises Conflict: if it is a mail that we sent.
        """
        if self._row().type == CAMPAIGN_EMAIL and not self._message().exists():
            raise Conflict("This is a mail that was sent; it can be read, and nothing else.")
        return self.found(self._message().select_for_update().first())

    def _message(self) -> Any:
        return self.get_queryset().filter(pk=self._key())

    def _shown(self, key: int, status: int = 200) -> Response:
        row = self.found(find_one(self.project, key))
        ignored = []
        if self.request.method in ("POST", "PATCH"):
            ignored = ignored_fields(self.said(), _KNOWN, _READ_ONLY)
        return self.wrapped(shown(self.project, row), ignored, status)

    def _read(self, *, is_new: bool) -> dict[str, Any]:
        """Return the fields of a message that the body says.

        :raises Invalid: with all that is wrong.
        """
        body, found, wrong = self.said(), {}, []
        for name in _KNOWN & body.keys():
            try:
                found |= self._field(name, body[name])
            except Invalid as error:
                wrong += error.violations
        if is_new and "contact_id" not in body:
            wrong.append(Violation("contact_id", "required", "Say whom the message is with."))
        if wrong:
            raise Invalid(*sorted(wrong, key=lambda each: each.field))
        return found

    def _field(self, name: str, value: Any) -> dict[str, Any]:
        if name == "contact_id":
            return {"contact_id": self._contact(value)}
        if name == "user_id":
            return {"user_id": None if value is None else self.user(value, name)}
        if name == "sent_at":
            return {"sent_at": self._moment(name, value)}
        if value is not None and (not isinstance(value, str) or len(value) > _TEXTS[name]):
            _refuse(name, f"Send a text of at most {_TEXTS[name]} characters.")
        return {name: value}

    def _contact(self, value: Any) -> str:
        key = number_in(value, "cntct")
        contacts = Contact.objects.in_project(self.project).alive().filter(pk=key or 0)
        contact = contacts.values_list("pk", flat=True).first()
        if contact is None:
            message = "There is no such contact in this team."
            raise Invalid(Violation("contact_id", "unknown_id", message))
        return contact

    def _moment(self, name: str, value: Any) -> datetime | None:
        if value is None:
            return None
        try:
            return parse_moment(value, self.project)
        except (ValueError, AttributeError):
            _refuse(name, "Write a time as ISO 8601, such as 2026-02-23T10:00:00Z.")

    def _page(self, search: Search) -> Response:
        rows, total = find_page(self.project, search)
        messages = [shown(self.project, row) for row in rows]
        return Response({"messages": messages, **envelope(search, total)})

    def _chunks(self, search: Search) -> Iterator[Chunk]:
        for rows in every_row(self.project, search):
            yield [shown(self.project, row) for row in rows]


def _refuse(field: str, message: str) -> None:
    raise Invalid(Violation(field, "invalid", message))
