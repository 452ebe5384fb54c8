"""Keys as they are sent, users, who acts, and the page where keys are made."""

import json
import logging
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from contacts.models import Contact
from growth.models import ApiKey, AuditEntry, IdempotencyKey, Member, User
from tests.growthgenius.conftest import SCOPES, made

ROOT = "/integrations/v1"


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("header", ["{}", "Bearer {}", "bearer {}", " {} "])
def test_a_key_is_sent_bare_or_as_bearer(key, member, header, end):
    client = APIClient(HTTP_AUTHORIZATION=header.format(key))

    assert client.get(f"{ROOT}/users{end}").status_code == 200


def test_a_key_in_the_body_is_taken_out_and_nothing_else_ever_sees_it(key, member, caplog):
    caplog.set_level(logging.DEBUG)
    client = APIClient()
    bodies = [
        {"api_key": key, "first_name": "Elon", "organization_name": "Tesla"},
        {"api_key": key, "contact": {"first_name": "Elon"}},
        {"contact": {"api_key": key, "first_name": "Elon"}},
    ]
    for number, body in enumerate(bodies):
        once = {"Idempotency-Key": f"call-{number}"}
        answer = client.post(f"{ROOT}/contacts", body, format="json", headers=once)
        assert answer.status_code == 201, answer.json()
        assert "warnings" not in answer.json()
        assert key not in answer.content.decode()
    body = {"api_key": key, "q_keywords": "elon"}
    assert client.post(f"{ROOT}/contacts/search", body, format="json").json()["contacts"]

    assert key not in json.dumps(list(Contact.objects.values_list("traits", flat=True)))
    assert key not in "".join(map(str, AuditEntry.objects.values_list("after", "path")))
    assert key.encode() not in b"".join(bytes(each.answer) for each in IdempotencyKey.objects.all())
    assert key not in caplog.text


def test_the_header_counts_before_the_body(key, member):
    client = APIClient(HTTP_AUTHORIZATION="gos_sk_live_nonsense")

    answer = client.post(f"{ROOT}/contacts", {"api_key": key}, format="json")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "body", [{}, {"api_key": 7}, {"api_key": ""}, {"api_key": "x"}, [], "x", None]
)
def test_without_a_key_nothing_opens(db, body):
    assert APIClient().post(f"{ROOT}/contacts", body, format="json").status_code == 401


ROUTES = [
    ("get", "users", "users:read"),
    ("get", "contact_stages", "contacts:read"),
    ("get", "contacts", "contacts:read"),
    ("post", "contacts/search", "contacts:read"),
    ("get", "contacts/1", "contacts:read"),
    ("post", "contacts", "contacts:write"),
    ("patch", "contacts/1", "contacts:write"),
    ("post", "contacts/1", "contacts:write"),
    ("delete", "contacts/1", "contacts:write"),
    ("get", "messages", "messages:read"),
    ("post", "messages/search", "messages:read"),
    ("post", "messages", "messages:write"),
    ("delete", "messages/1", "messages:write"),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_route_needs_its_scope(project, method, path, scope):
    def client(scopes, type="secret"):
        _, key = ApiKey.objects.issue(project, name="k", type=type, scopes=scopes)
        return getattr(APIClient(HTTP_AUTHORIZATION=key), method)

    url = f"{ROOT}/{path}"
    refused = client([each for each in SCOPES if each != scope])(url)
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["required_scope"] == scope
    assert client([], "write")(url).status_code == 403
    assert client([scope])(url).status_code not in (401, 403)


def test_users_are_the_members_whose_integrations_are_enabled(
    genius, member, project, other_project
):
    member.email_bcc, member.reporting_email = "tim@cnn.com", "reports@acme.example"
    member.save()
    boss = User.objects.create_superuser("boss")
    Member.objects.create(project=project, user=boss, integrations_enabled=True)
    quiet, stranger = User.objects.create_user("quiet"), User.objects.create_user("stranger")
    Member.objects.create(project=project, user=quiet)
    Member.objects.create(project=other_project, user=stranger, integrations_enabled=True)

    first, second = genius.get(f"{ROOT}/users").json()["users"]

    assert first.pop("created_at").endswith("+00:00")
    assert first == {
        "id": member.user.pk,
        "team_id": project.key,
        "email": "steve@acme.example",
        "email_bcc": "tim@cnn.com",
        "first_name": "Steve",
        "full_name": "Steve Jobs",
        "last_name": "Jobs",
        "reporting_email": "reports@acme.example",
        "roles": ["admin"],
    }
    assert (second["id"], second["roles"]) == (boss.pk, ["superadmin", "admin"])


def test_the_user_of_a_call_is_named_or_made_its_key_or_came_first(genius, member, project):
    other = User.objects.create_user("other")
    Member.objects.create(project=project, user=other)
    assert made(genius)["user_id"] == member.user.pk
    named = genius.post(f"{ROOT}/contacts?user_id={other.pk}", {"first_name": "A"}).json()
    assert named["contact"]["user_id"] == other.pk
    owned = genius.post(f"{ROOT}/contacts?user_id={other.pk}", {"user_id": member.user.pk}).json()
    assert owned["contact"]["user_id"] == member.user.pk
    _, key = ApiKey.objects.issue(project, name="k", type="secret", scopes=["*"])
    assert made(genius_with(key))["user_id"] == member.user.pk


def genius_with(key: str) -> APIClient:
    client = APIClient(HTTP_AUTHORIZATION=key)
    client.default_format = "json"
    return client


@pytest.mark.parametrize("named", ["0", "x", "999999", "-1", "", "1e3", "9" * 30])
@pytest.mark.parametrize("route", ["contacts", "messages", "contact_stages", "contacts/1"])
def test_an_unknown_user_is_told(genius, member, named, route):
    answer = genius.get(f"{ROOT}/{route}?user_id={named}")

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "user_id"
    assert genius.get(f"{ROOT}/users?user_id={named}").status_code == 200


def test_a_strangers_user_is_unknown_and_a_team_without_members_works(project, other_project):
    stranger = User.objects.create_user("stranger")
    Member.objects.create(project=other_project, user=stranger)
    _, key = ApiKey.objects.issue(project, name="k", type="secret", scopes=["*"])
    client = genius_with(key)

    assert client.get(f"{ROOT}/contacts?user_id={stranger.pk}").status_code == 422
    assert client.post(f"{ROOT}/contacts", {"user_id": stranger.pk}).status_code == 422
    assert made(client)["user_id"] is None
    assert client.get(f"{ROOT}/users").json() == {"users": []}


def test_a_new_project_comes_with_a_member_and_a_key(db):
    out = StringIO()
    call_command("create_project", "Acme", "--json", stdout=out)
    founding = json.loads(out.getvalue())

    client = genius_with(founding["growthgenius_key"])
    [user] = client.get(f"{ROOT}/users").json()["users"]
    assert user["id"] == founding["growthgenius_user_id"]
    assert user["full_name"] == founding["admin_user"]
    answer = client.post(f"{ROOT}/contacts?user_id={user['id']}", {"first_name": "A"})
    assert answer.json()["contact"]["user_id"] == user["id"]


def test_a_member_makes_a_key_on_the_page_and_sees_it_once(member, other_project):
    browser = Client(enforce_csrf_checks=True)
    url = f"{ROOT}/developers"
    assert browser.get(url).headers["Location"].startswith("/admin/login/?next=/integrations/v1/")
    assert browser.post(url).status_code == 403
    browser.force_login(member.user)
    page = browser.get(url)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    form = {
        "team": member.pk,
        "name": "Sales\0",
        "csrfmiddlewaretoken": page.cookies["csrftoken"].value,
    }

    answer = browser.post(url, form)

    text = answer.context["made"]
    assert answer.content.decode().count(text) == 1
    row = ApiKey.objects.get()
    assert (row.project_id, row.created_by, row.name) == (member.project_id, member.user, "Sales")
    assert text not in browser.get(url).content.decode()
    assert made(genius_with(text))["user_id"] == member.user.pk


def test_nobody_makes_a_key_for_a_team_that_is_not_theirs(member, other_project):
    theirs = Member.objects.create(project=other_project, user=User.objects.create_user("other"))
    browser = Client()
    browser.force_login(member.user)

    for team in (theirs.pk, "x", "", "0", "٣", "9" * 40):
        assert browser.post(f"{ROOT}/developers", {"team": team}).status_code == 404
    assert not ApiKey.objects.exists()


def test_who_is_in_no_team_is_told(db):
    browser = Client()
    browser.force_login(User.objects.create_user("lonely"))

    assert b"You are in no team yet" in browser.get(f"{ROOT}/developers/").content
