"""Lists of contacts by what filters them: a deep page costs what the first one does."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from contacts.models import Segment
from growth.errors import DomainError
from growth.management.bench.data import vacuum
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.projects.operations import Founding

PAGES = {True: 20, False: 200}


def run(founding: Founding, segment: Segment, *, is_small: bool) -> Iterator[Ratio]:
    """Compare the first page of each list with a deep one, and count the statements of both."""
    logging.getLogger("django_structlog").setLevel(logging.WARNING)
    vacuum("contacts_membership")
    client = Client(HTTP_AUTHORIZATION=f"Bearer {founding.secret_key}", HTTP_HOST="localhost")
    since = (now() - timedelta(days=600)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lists = {
        "no filter": "/v1/contacts?limit=100",
        "segment_id": f"/v1/contacts?limit=100&segment_id={segment.id}",
        "tag": "/v1/contacts?limit=100&tag=vip",
        "created_after": f"/v1/contacts?limit=100&created_after={since}",
        "the segment's own list": f"/v1/segments/{segment.id}/contacts?limit=100",
    }
    statements = 0
    for name, first in lists.items():
        deep = _deep(client, first, PAGES[is_small])
        results = rounds(
            {
                "first": paced(lambda path=first: _pages(client, path)),
                "deep": paced(lambda path=deep: _pages(client, path)),
            }
        )
        yield Ratio(
            f"contacts by {name}: time of a deep page to the first",
            ratio(results, "first", "deep"),
            at_most=1.5,
        )
        statements = max(statements, _statements(client, first), _statements(client, deep))
    yield Ratio("contacts by any of these: statements of a page", statements, at_most=3)


def _get(client: Client, path: str) -> dict:
    response = client.get(path)
    if response.status_code != 200:
        raise DomainError(f"{path}: {response.content[:500]!r}")
    return response.json()


def _pages(client: Client, path: str, count: int = 5) -> int:
    for _ in range(count):
        _get(client, path)
    return count


def _deep(client: Client, first: str, pages: int) -> str:
    path = first
    for _ in range(pages):
        page = _get(client, path)
        if page["next_cursor"] is None:
            break
        path = f"{first}&cursor={page['next_cursor']}"
    return path


def _statements(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        _get(client, path)
    return len(queries)
