"""The query parameters of lists."""

from datetime import datetime

import django_filters
from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from contacts.models import Segment
from contacts.models.addresses import AddressError, email_key, normalize_email
from contacts.models.search import words_of
from contacts.queries import members
from growth.api.moments import parse_moment
from growth.models import Project

MAX_WORDS = 20


class ContactFilter(django_filters.FilterSet):
    """The query parameters of the list."""

    segment_id = django_filters.CharFilter(method="in_segment")
    tag = django_filters.CharFilter(method="bear_tag")
    email = django_filters.CharFilter(method="have_email")
    external_id = django_filters.CharFilter(field_name="external_id")
    q = django_filters.CharFilter(method="have_words")
    created_after = django_filters.CharFilter(method="came_after")
    created_before = django_filters.CharFilter(method="came_before")

    def in_segment(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        segment = Segment.objects.in_project(self.request.auth.project).filter(pk=value).first()
        if segment is None:
            raise ParseError("segment_id: There is no such segment in this project.")
        return contacts.filter(id__in=members(segment, at=now()).values("id"))

    def bear_tag(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        return contacts.tagged(value)

    def have_email(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        try:
            return contacts.filter(email_key=email_key(normalize_email(value)))
        except AddressError:
            return contacts.none()

    def have_words(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        words = words_of(value)
        if len(words) > MAX_WORDS:
            raise ParseError(f"q: Send {MAX_WORDS} words at most.")
        return contacts.having(words) if words else contacts.none()

    def came_after(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        return contacts.filter(created_at__gt=read_moment(name, value, self.request.auth.project))

    def came_before(self, contacts: QuerySet, name: str, value: str) -> QuerySet:
        return contacts.filter(created_at__lt=read_moment(name, value, self.request.auth.project))


def chosen_events(events: QuerySet, request: Request) -> QuerySet:
    """Return the events that the parameters ``event``, ``from`` and ``to`` choose: from the one
    moment on, and before the other.

    :raises ParseError: if one of them makes no sense.
    """
    sent, project = request.query_params, request.auth.project
    if "\0" in sent.get("event", ""):
        raise ParseError("event: Remove the NUL character.")
    if "event" in sent:
        events = events.filter(name=sent["event"])
    if "from" in sent:
        events = events.filter(timestamp__gte=read_moment("from", sent["from"], project))
    if "to" in sent:
        events = events.filter(timestamp__lt=read_moment("to", sent["to"], project))
    return events


def read_moment(name: str, text: str, project: Project) -> datetime:
    """Return the moment that a parameter names; without a zone it is in the project's.

    :raises ParseError: if it is none.
    """
    try:
        return parse_moment(text, project)
    except ValueError:
        raise ParseError(f"{name}: Write a time as ISO 8601, such as 2026-02-23.") from None
