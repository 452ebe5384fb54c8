"""Every route of the management API: closed without a key and its scope, and blind to strangers.

The lists are walked from the real URL map, so that a new route is tested as soon as it is there.
"""

from collections.abc import Iterator
from itertools import count

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from contacts.models import Contact, Event, Identity, Membership, Segment, Topic
from growth.analytics.models import Cohort, Funnel
from growth.models import ApiKey, Project
from referrals.models import Conversion, Link, Program, Reward
from surveys.models import Survey
from tests.analytics.factories import make_cohorts, make_funnel
from tests.campaigns.factories import make_lifecycle, make_segment
from tests.conftest import client_with
from tests.factories import make_contact, make_topic
from tests.referrals.factories import convert, make_link, make_program
from tests.surveys.factories import make_survey
from tests.waitlists.factories import make_entry, make_waitlist
from tests.webhooks.factories import make_delivery, make_endpoint
from waitlists.models import Entry, Waitlist
from webhooks.models import Delivery, Endpoint

_numbers = count()

PUBLIC = "/v1/public/"  # open to all, or to who knows another secret than a key
INGEST = {"identify", "track", "page", "screen", "group", "alias", "batch", "import"}


def routes(patterns=None, prefix="") -> Iterator[tuple[str, object]]:
    """Yield the path and the callback of every route below /v1/."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("v1/"):
            yield f"/{path}", pattern.callback


def management_calls() -> Iterator[tuple[str, str, str]]:
    """Yield method, path and scope of every call of the management API."""
    for path, callback in routes():
        if path.removeprefix("/v1/").rstrip("/") in INGEST or path.startswith(PUBLIC):
            continue
        for method, action in callback.actions.items():
            if method in ("head", "options"):
                continue
            view = callback.cls()
            view.action = action
            reads = method == "get" or action in callback.cls.reading_actions
            yield method, path, f"{callback.cls.resource}:{'read' if reads else 'write'}"


CALLS = sorted(set(management_calls()))


def fill(path: str, things: dict[str, str]) -> str:
    """Return the path with things in it; ``pk`` is of the resource, unless it is given."""
    parts = path.split("/")
    pk = things.get("/".join(parts[2:4]), things.get(parts[2], "tmpl_unknown"))
    for name, id in {"pk": pk, **things}.items():
        path = path.replace(f"<str:{name}>", id)
    return path


def call(client: APIClient, method: str, path: str):
    return getattr(client, method)(path, {} if method in ("post", "patch", "put") else None)


def things_of(project) -> dict[str, str]:
    """Return ids of the project's things, by their resources and as paths name them."""
    contact = make_contact(project)
    segment = make_segment(project, contact)
    campaign = make_lifecycle(project, "0m")
    topic = make_topic(project, f"topic-{next(_numbers)}")
    delivery = make_delivery(make_endpoint(project))
    link = make_link(make_program(project))
    conversion = convert(link)
    entry = make_entry(make_waitlist(project))
    return {
        "contacts": contact.id,
        "segments": segment.id,
        "campaigns": campaign.id,
        "surveys": make_survey(project).id,
        "topics": topic.id,
        "webhooks": delivery.endpoint_id,
        "analytics/funnels": make_funnel(project).id,
        "analytics/cohorts": make_cohorts(project).id,
        "referrals/programs": link.program_id,
        "referrals/conversions": conversion.id,
        "waitlists": entry.waitlist_id,
        "contact_id": contact.id,
        "topic": topic.code,
        "log": delivery.id,
        "link_code": link.code,
        "entry_id": entry.id,
    }


@pytest.fixture(scope="module")
def kept(lasting) -> list[tuple[Project, dict[str, str]]]:
    """Return two projects with their things."""
    projects = [Project.objects.create(name=name) for name in ("Acme", "Elsewhere")]
    return [(project, things_of(project)) for project in projects]


@pytest.fixture
def project(kept, db) -> Project:
    return Project.objects.get(pk=kept[0][0].pk)


def test_the_walk_finds_the_documented_routes():
    paths = {path for _, path, _ in CALLS}

    assert {
        "/v1/contacts",
        "/v1/segments/<str:pk>/estimate",
        "/v1/campaigns/<str:pk>/stats",
    } <= paths
    assert len(CALLS) > 30


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_a_call_needs_a_key_and_its_scope(kept, project, method, path, scope):
    path = fill(path, kept[0][1])
    others = [
        each for each in ("contacts:read", "contacts:write", "settings:read") if each != scope
    ]

    assert call(APIClient(), method, path).status_code == 401
    assert call(client_with(project, type="write", scopes=[]), method, path).status_code == 403
    refused = call(client_with(project, scopes=others), method, path)
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["required_scope"] == scope
    assert call(client_with(project, scopes=[scope]), method, path).status_code not in (401, 403)


REFERRALS = (Program, Link, Conversion, Reward)


def rows() -> list:
    tables = (Contact, Identity, Event, Segment, Membership, Topic, Endpoint, Delivery, *REFERRALS)
    tables += (Survey, Waitlist, Entry, Funnel, Cohort)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, _ in CALLS if "<str:" in path]
)
def test_a_strangers_thing_answers_as_an_unknown_one(kept, project, method, path):
    strange = fill(path, kept[1][1])
    place = path.split("/").index("<str:pk>") if "<str:pk>" in path else 3
    unknown = fill(
        path,
        {
            "pk": strange.split("/")[place][:-1] + "0",
            "contact_id": "cntct_0000000000",
            "log": "wh_log_0000000000",
            "link_code": "NOBODY-222",
            "entry_id": "wl_entry_0000000000",
        },
    )
    before = rows()
    client = client_with(project, scopes=["*"])

    answer, reference = call(client, method, strange), call(client, method, unknown)

    assert answer.status_code == reference.status_code == 404
    assert answer.json()["error"] == reference.json()["error"]
    assert rows() == before


def test_one_prefix_belongs_to_one_model():
    from django.apps import apps

    from growth.models import PublicIdField

    prefixes = [
        model._meta.pk.prefix
        for model in apps.get_models()
        if isinstance(model._meta.pk, PublicIdField)
    ]

    assert len(prefixes) == len(set(prefixes)) >= 8


def test_project_leads_every_index_and_constraint():
    """Exempt are primary keys, the digests of secrets, and indexes of rows that are due."""
    from django.apps import apps

    from growth.models import ProjectModel

    due = count()
    for model in apps.get_models():
        if not issubclass(model, ProjectModel):
            continue
        for index in [*model._meta.indexes, *model._meta.constraints]:
            fields = list(getattr(index, "fields", ()) or [])
            is_exempt = not fields or fields[0] in EXEMPT
            assert is_exempt or fields[0] == "project", f"{model.__name__}: {index.name}"
            next(due)
    assert next(due) > 20
    assert ApiKey._meta.get_field("digest").unique


EXEMPT = {
    "id": "rows the relay has not told",
    "created_at": "pruned by age",
    "received_at": "pruned by age",
    "due_at": "rows that are due",
    "deleted_at": "contacts to be purged",
    "leased_until": "mail of dead workers",
    "provider_id": "mail providers know no projects",
    "slug": "public pages know no projects",
    "notice_due_at": "notices that are due",
    "recheck_at": "memberships that time changes",
    "expires_at": "pruned by age",
    "traits": "GIN, which has no leading column",
    "tags": "GIN, which has no leading column",
    "words": "GIN, which has no leading column",
    "mentions": "GIN, which has no leading column",
}
