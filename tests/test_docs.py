"""The published contract is true and whole: every route is described, every example works."""

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from urllib.parse import urljoin

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now
from rest_framework.test import APIClient

from campaigns.models import Campaign
from contacts.mail import presses
from contacts.models import Segment
from contacts.operations.merging import merge_contacts
from contacts.operations.segments import create_segment
from growth.api.shapes import example_of
from growth.docs.guides import guides
from growth.docs.openapi import document
from growth.docs.reference import pages
from growth.models import ApiKey, Project
from referrals.signing import share_token
from tests import smtp_sink
from tests.analytics.factories import make_cohorts, make_funnel
from tests.campaigns.factories import make_lifecycle
from tests.conftest import client_with
from tests.factories import make_contact, make_event, make_topic
from tests.openapi import Call, calls, faults
from tests.referrals.factories import convert, make_link, make_program
from tests.surveys.factories import make_invitation, make_survey, page_of
from tests.test_tenancy import INGEST, management_calls
from tests.waitlists.factories import make_entry, make_waitlist
from tests.webhooks.factories import make_delivery, make_endpoint
from waitlists.mail import status_token
from waitlists.queries import row_of

CALLS = {call.id: call for call in calls()}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
every_body = pytest.mark.parametrize(
    "call", [call for call in CALLS.values() if call.takes], ids=lambda call: call.id
)

RULES = {"operator": "AND", "conditions": [{"field": "traits.plan", "op": "eq", "value": "trial"}]}
STATIC = ("segments_add_contacts", "segments_remove_contacts")


def test_the_file_holds_every_route_and_no_other():
    real = {
        (method, re.sub(r"<str:pk>", "{id}", path).replace("<str:", "{").replace(">", "}"))
        for method, path, _ in management_calls()
    } | {("post", f"/v1/{name}") for name in (*INGEST, "public/mail/{provider}")}
    real |= {
        ("post", "/v1/public/waitlists/{slug}/entries"),
        ("get", "/v1/public/waitlists/{slug}/status"),
        ("get", "/v1/public/referrals/link"),
        ("get", "/v1/public/surveys/invitation"),
        ("post", "/v1/public/surveys/answers"),
    }

    assert {(call.method, call.path) for call in CALLS.values()} == real
    assert len(CALLS) == len(real)


def test_the_file_names_the_scope_that_each_route_needs():
    scopes = {
        (method, re.sub(r"<str:(\w+)>", r"{\1}", path.replace(":pk>", ":id>"))): scope
        for method, path, scope in management_calls()
    }
    told = {
        (call.method, call.path): call.operation["x-required-scope"]
        for call in CALLS.values()
        if call.operation["x-required-scope"] not in ("ingest", "none")
    }

    assert told == scopes


@every_call
def test_an_operation_is_described(call: Call):
    operation = call.operation
    succeeds = [status for status in operation["responses"] if status.startswith("2")]

    assert operation["summary"]
    needs_key = operation["x-required-scope"] != "none"
    assert operation["description"]
    assert ("security" in operation) == needs_key
    assert [tag["name"] for tag in document()["tags"]].count(operation["tags"][0]) == 1
    assert {"401", "503"} <= operation["responses"].keys()
    assert ({"403", "429"} <= operation["responses"].keys()) == needs_key
    assert ("404" in operation["responses"]) == ("{" in call.path)
    assert succeeds
    for status in succeeds:
        assert (call.answers(int(status)) is None) == (status == "204")
        if status != "204":
            schema = call.answers(int(status))
            example = example_of(schema, document()["components"]["schemas"])
            assert faults(schema, example) == []


@every_body
def test_the_example_of_a_body_is_what_its_schema_says(call: Call):
    assert call.body is not None
    assert faults(call.takes, call.body) == []


@pytest.fixture(scope="module")
def kept_project(lasting) -> Project:
    return Project.objects.create(name="Acme")


@pytest.fixture
def project(kept_project, db) -> Project:
    return Project.objects.get(pk=kept_project.pk)


@pytest.fixture
def things(kept_things) -> dict[str, str]:
    return dict(kept_things)


@pytest.fixture(scope="module")
def kept_things(kept_project) -> dict[str, str]:
    """Return ids of things that stand for those which examples name."""
    project = kept_project
    contact = make_contact(project, external_id="user_1", traits={"plan": "trial"})
    make_event(contact, "login")
    Segment.objects.filter(project=project).delete()
    segment = create_segment(project, name="Trial", rules=RULES, at=now())
    key, _ = ApiKey.objects.issue(project, name="Old", type="secret", scopes=["contacts:read"])
    delivery = make_delivery(make_endpoint(project))
    conversion = convert(make_link(make_program(project)))
    entry = make_entry(make_waitlist(project, slug="early"))
    survey = make_survey(project)
    invitation = make_invitation(survey, make_contact(project), asked_at=now())
    return {
        "entry_id": entry.id,
        "slug": "early",
        "token": status_token(row_of(entry)),
        "token of /v1/public/referrals": share_token(conversion.link),
        "token of /v1/public/surveys": page_of(invitation).rpartition("/")[2],
        "press": presses.issue(f"survey-{invitation.pk}", at=now() - timedelta(seconds=5)),
        "/v1/waitlists": entry.waitlist_id,
        "contact_id": contact.id,
        "log": delivery.id,
        "provider": "postmark",
        "since": (now() - timedelta(days=1)).isoformat(),
        "source_contact_id": make_contact(project).id,
        "segment_id": segment.id,
        "topic": make_topic(project, "news").code,
        "/v1/contacts": contact.id,
        "/v1/segments": segment.id,
        "/v1/campaigns": make_lifecycle(project, "0m").id,
        "/v1/surveys": survey.id,
        "/v1/topics": make_topic(project, "offers").id,
        "/v1/templates": "tmpl_welcome_01",
        "/v1/settings": key.id,
        "/v1/webhooks": delivery.endpoint_id,
        "/v1/referrals/programs": conversion.program_id,
        "/v1/referrals/conversions": conversion.id,
        "link_code": conversion.link.code,
        "program_id": conversion.program_id,
        "referred_contact_id": make_contact(project).id,
        "/v1/analytics/funnels": make_funnel(project).id,
        "/v1/analytics/cohorts": make_cohorts(project).id,
    }


@pytest.fixture(scope="module")
def mail_server() -> Iterator[str]:
    with smtp_sink.running() as sink:
        yield sink.url


@pytest.fixture
def prepared(project, things, api, settings, mail_server) -> dict[str, Callable[[], object]]:
    """Return what must have happened before an operation can succeed."""

    def make_static() -> None:
        things["/v1/segments"] = create_segment(project, name="Some", rules=None, at=now()).id

    def merge() -> None:
        contacts = {name: things[name] for name in ("/v1/contacts", "source_contact_id")}
        found = {c.id: c for c in make_contact(project).__class__.objects.in_project(project)}
        merge_contacts(
            target=found[contacts["/v1/contacts"]],
            source=found[contacts["source_contact_id"]],
            resolution="prefer_target",
            at=now(),
        )

    def store_template() -> None:
        body = CALLS["templates_create"].body
        things["/v1/templates"] = api.post("/v1/templates", body).json()["id"]

    def pause() -> None:
        Campaign.objects.filter(pk=things["/v1/campaigns"]).update(status=Campaign.Status.DRAFT)

    settings.EMAIL_URL = mail_server
    settings.ANYMAIL = {"WEBHOOK_SECRET": "user:secret"}
    return {
        "contacts_unmerge": merge,
        "templates_delete": store_template,
        "campaigns_activate": pause,
        **dict.fromkeys(STATIC, make_static),
    }


def filled(call: Call, things: dict[str, str]) -> tuple[str, object]:
    """Return the call's path and body, with real things in the places of the examples."""
    parts = call.path.split("/")
    own = things.get("/".join(parts[:4]), things.get("/".join(parts[:3]), ""))
    path = re.sub(r"{(\w+)}", lambda found: things.get(found[1], own), call.path)
    token = things.get(f"token of {'/'.join(parts[:4])}", things["token"])
    if any(each["name"] == "token" for each in call.operation.get("parameters", ())):
        path += f"?token={token}"
    body = json.loads(json.dumps(call.body))
    for name in body or ():
        if name in things and name != "slug":
            body[name] = token if name == "token" else things[name]
        if name == "contact_ids":
            body[name] = [things["contact_id"]]
    return path, body


@every_call
def test_every_example_answers_as_the_file_says(call: Call, api, project, things, prepared):
    prepared.get(call.id, lambda: None)()
    path, body = filled(call, things)
    is_ingest = call.operation["x-required-scope"] == "ingest"
    client = client_with(project, type="write", scopes=[]) if is_ingest else api
    if call.operation["x-required-scope"] == "none":
        client = APIClient(HTTP_AUTHORIZATION=f"Basic {b64encode(b'user:secret').decode()}")

    if call.id == "referral_leaderboard_list":
        body = {"program_id": things["program_id"]}

    response = getattr(client, call.method)(path, body, format="json")

    content = b"".join(response) if response.streaming else response.content
    assert 200 <= response.status_code < 300, content
    schema = call.answers(response.status_code)
    assert content == b"" if schema is None else faults(schema, json.loads(content)) == []


PAGES_OF_DOCS = [
    "/docs/",
    "/docs/api/",
    "/docs/components/demo",
    *(f"/docs/{slug}" for slug in guides()),
    *(f"/docs/reference/{slug}" for slug in pages()),
]


@pytest.mark.parametrize("path", PAGES_OF_DOCS)
def test_a_page_asks_nobody_else_for_anything(path):
    response = fetched(path)

    html = response.content.decode()
    loaded = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]*)"', html)
    assert response.status_code == 200
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
    assert "<style" not in html
    assert ' style="' not in html
    assert ("<script" in html) == (path in ("/docs/api/", "/docs/components/demo"))


@cache
def fetched(path: str) -> HttpResponse:
    """Return the page, which is the same for all tests."""
    return Client().get(path)


@pytest.mark.parametrize("path", PAGES_OF_DOCS)
def test_every_link_of_a_page_leads_somewhere(path):
    html = fetched(path).content.decode()

    anchors = set(re.findall(r' id="([^"]+)"', html))
    for link in set(re.findall(r'<a [^>]*href="([^"]+)"', html)):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert fetched(urljoin(path, link).partition("#")[0]).status_code == 200, link


def test_every_operation_has_its_place_on_a_page(client):
    for page in pages().values():
        html = client.get(f"/docs/reference/{page.slug}").content.decode()
        for entry in page.entries:
            assert f'<section id="{entry.id}"' in html
    shown = {entry.id for page in pages().values() for entry in page.entries}
    assert shown == CALLS.keys()


def test_the_command_lines_are_the_examples(settings):
    for page in pages().values():
        for entry in page.entries:
            words = shlex.split(entry.curl.replace("\\\n", ""))
            sent = words[words.index("-d") + 1] if "-d" in words else "null"
            call = CALLS[entry.id]
            method = words[words.index("-X") + 1] if "-X" in words else ""
            assert json.loads(sent) == call.body
            assert (method or ("GET" if sent == "null" else "POST")) == call.method.upper()
            pattern = settings.BASE_URL + re.sub(r"{\w+}", r"[\\w-]+", call.path)
            assert any(re.fullmatch(pattern, word) for word in words)


def test_the_file_is_not_sent_to_who_has_it(client):
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first["ETag"]})

    assert first.json() == document()
    assert again.status_code == 304
    assert again.content == b""


def test_a_page_that_is_not_there_is_404(client):
    assert client.get("/docs/nothing").status_code == 404
    assert client.get("/docs/reference/nothing").status_code == 404
