"""The OpenAPI file, made once a process."""

import hashlib
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from campaigns import schema as campaigns
from contacts import schema as contacts
from growth.analytics import schema as analytics
from growth.api.json import dump
from growth.projects import schema as projects
from referrals import schema as referrals
from surveys import schema as surveys
from waitlists import schema as waitlists
from webhooks import schema as webhooks

DESCRIBED = (contacts, campaigns, referrals, surveys, waitlists, webhooks, analytics, projects)
"""Who says what the operations are; to import them is enough."""


@cache
def document() -> dict[str, Any]:
    """Return the file as data; nobody changes it."""
    return SchemaGenerator().get_schema(public=True)


@cache
def content() -> bytes:
    """Return the file."""
    return dump(document())


@cache
def etag() -> str:
    """Return by what it is known that the file has not changed."""
    return f'"{hashlib.sha256(content()).hexdigest()[:32]}"'
