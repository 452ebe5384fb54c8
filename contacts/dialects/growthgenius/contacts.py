"""``/integrations/v1/contacts``."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.dialects.growthgenius.base import GeniusViewSet, number_in
from contacts.dialects.growthgenius.contact_pages import SORTS, every_row, find_page
from contacts.dialects.growthgenius.fields import Said, read_contact
from contacts.dialects.growthgenius.searching import (
    PAGED,
    Search,
    envelope,
    read_search,
    sent_in,
)
from contacts.dialects.growthgenius.showing import shown, shown_one
from contacts.dialects.growthgenius.streaming import Chunk, streamed
from contacts.dialects.growthgenius.writing import store_changes, store_new
from contacts.models import Contact
from growth.errors import Invalid


class ContactViewSet(GeniusViewSet):
    """The people of the team."""

    resource = "contacts"
    reading_actions = ("search",)
    wrapper = "contact"
    queryset = Contact.objects.alive()

    def list(self, request: Request) -> Response | StreamingHttpResponse:
        sent = sent_in(request)
        search = read_search(sent, self.project, SORTS, in_body=False)
        if sent.keys() & {*PAGED}:
            return self._page(search)
        return streamed("contacts", self._chunks(search))

    def search(self, request: Request) -> Response:
        sent = sent_in(request) | self.said()
        return self._page(read_search(sent, self.project, SORTS, in_body=True))

    def create(self, request: Request) -> Response:
        said = self._read()
        said.own.setdefault("user_id", self.actor)
        contact = store_new(self.project, said, at=now())
        return self.wrapped(shown_one(contact), said.ignored, 201)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self.wrapped(shown_one(self.get_object()))

    def partial_update(self, request: Request, pk: str) -> Response:
        contact, said = self.get_object(), self._read()
        store_changes(contact, said, at=now())
        return self.wrapped(shown_one(contact), said.ignored)

    def destroy(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        gone = shown_one(contact)
        contact.remove(at=now())
        return self.wrapped(gone)

    def get_object(self) -> Contact:
        key = self.found(number_in(self.kwargs["pk"], "cntct"))
        return self.found(self.get_queryset().select_related("project").filter(pk=key).first())

    def _read(self) -> Said:
        """Return what the body says; users that it names are in the team."""
        said = read_contact(self.said())
        if (owner := said.own.get("user_id")) is not None:
            try:
                said.own["user_id"] = self.user(owner, "user_id")
            except Invalid as error:
                said.violations += error.violations
        return said

    def _page(self, search: Search) -> Response:
        rows, total = find_page(self.project, search, at=now())
        return Response({"contacts": shown(self.project, rows), **envelope(search, total)})

    def _chunks(self, search: Search) -> Iterator[Chunk]:
        for rows in every_row(self.project, search):
            yield shown(self.project, rows)
