"""OAuth 2: consent by staff, tokens for codes, rotation, and what ends them."""

import re
from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils.timezone import now
from rest_framework.test import APIClient

from growth.api.authentication import forget_keys
from growth.models import Member, OAuthClient, OAuthToken, User
from growth.projects.operations import revoke_key
from growth.tasks import prune_oauth_tokens

CALLBACK = "https://app.example.com/callback"
SCOPES = ["contacts:read", "contacts:write"]


@pytest.fixture
def app(project):
    """Return a client and its secret."""
    return OAuthClient.objects.register(
        project, name="Some App", scopes=SCOPES, redirect_uris=[CALLBACK]
    )


@pytest.fixture
def staff(project):
    client, user = Client(), User.objects.create_user("ann", is_staff=True)
    Member.objects.create(project=project, user=user)
    client.force_login(user)
    return client


def token(app, **fields):
    """Ask for tokens as a form, as the client that it is."""
    client, secret = app
    sent = {"client_id": client.id, "client_secret": secret, **fields}
    return APIClient().post(
        "/oauth/token", urlencode(sent), content_type="application/x-www-form-urlencoded"
    )


def refused(response, error, status=400):
    assert response.status_code == status, response.content
    body = response.json()
    assert (body["error"], body["statusCode"]) == (error, status)
    assert body["message"]


def address(app, **more):
    query = {"response_type": "code", "client_id": app[0].id, "redirect_uri": CALLBACK, **more}
    return f"/oauth/chooselocation?{urlencode(query)}"


def code_for(app, staff, **more):
    response = staff.post(address(app, **more), {"decision": "allow"})
    assert response.status_code == 302, response.content
    assert response["Location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(response["Location"]).query)


def reads(access_token):
    forget_keys()
    client = APIClient(headers={"Authorization": f"Bearer {access_token}", "Version": "v3"})
    return client.get("/contacts/search/duplicate", {"email": "a@example.com"}).status_code


def test_a_code_is_given_by_consent_and_taken_for_tokens(app, staff, project):
    page = staff.get(address(app, scope="contacts.readonly contacts.write", state="xyz"))
    assert "Some App" in page.content.decode()
    assert "Acme" in page.content.decode()
    assert "form-action 'self' https://app.example.com" in page["Content-Security-Policy"]

    answer = code_for(app, staff, scope="contacts.readonly contacts.write", state="xyz")
    assert answer["state"] == ["xyz"]
    response = token(
        app, grant_type="authorization_code", code=answer["code"][0], redirect_uri=CALLBACK
    )

    body = response.json()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 86_399
    assert body["scope"] == "contacts.readonly contacts.write"
    assert body["locationId"] == project.id
    assert body["userType"] == "Location"
    assert body["userId"] == str(User.objects.get().pk)
    assert reads(body["access_token"]) == 200


def test_a_code_works_once_and_used_twice_ends_what_came_of_it(app, staff):
    [code] = code_for(app, staff)["code"]
    first = token(app, grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()

    again = token(app, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)

    refused(again, "invalid_grant")
    assert reads(first["access_token"]) == 401


def test_a_code_goes_stale_and_is_bound_to_its_client_and_place(app, staff, project):
    [code] = code_for(app, staff)["code"]
    other = OAuthClient.objects.register(
        project, name="Other", scopes=SCOPES, redirect_uris=[CALLBACK]
    )

    refused(token(other, grant_type="authorization_code", code=code), "invalid_grant")
    elsewhere = "https://evil.example.com/"
    wrong = token(app, grant_type="authorization_code", code=code, redirect_uri=elsewhere)
    assert wrong.status_code == 400
    OAuthToken.objects.update(expires_at=now())
    refused(token(app, grant_type="authorization_code", code=code), "invalid_grant")


def test_a_challenge_must_be_met(app, staff):
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}

    [code] = code_for(app, staff, **asked)["code"]
    refused(
        token(app, grant_type="authorization_code", code=code, redirect_uri=CALLBACK),
        "invalid_request",
    )
    met = token(
        app,
        grant_type="authorization_code",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=verifier,
    )
    assert met.status_code == 200


def test_a_refresh_token_rotates(app, project):
    client = app[0]
    old = OAuthToken.objects.issue(client, "refresh", at=now(), scopes=SCOPES)

    first = token(app, grant_type="refresh_token", refresh_token=old).json()
    second = token(app, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()

    assert len({old, first["refresh_token"], second["refresh_token"]}) == 3
    assert reads(first["access_token"]) == reads(second["access_token"]) == 200


def test_a_lost_answer_can_be_asked_for_again_and_a_stolen_token_ends_all(app):
    old = OAuthToken.objects.issue(app[0], "refresh", at=now(), scopes=SCOPES)
    first = token(app, grant_type="refresh_token", refresh_token=old).json()

    again = token(app, grant_type="refresh_token", refresh_token=old)
    assert again.status_code == 200

    used = OAuthToken.objects.exclude(used_at=None)
    used.update(used_at=now() - timedelta(seconds=31))
    refused(token(app, grant_type="refresh_token", refresh_token=old), "invalid_grant")
    assert reads(first["access_token"]) == reads(again.json()["access_token"]) == 401
    refused(
        token(app, grant_type="refresh_token", refresh_token=first["refresh_token"]),
        "invalid_grant",
    )


def test_a_client_gets_a_token_of_its_own(app, project):
    body = token(app, grant_type="client_credentials").json()

    assert "refresh_token" not in body
    assert body["locationId"] == project.id
    assert reads(body["access_token"]) == 200


def test_fewer_scopes_open_less(app):
    body = token(app, grant_type="client_credentials", scope="contacts.readonly").json()

    assert body["scope"] == "contacts.readonly"
    assert reads(body["access_token"]) == 200
    client = APIClient(headers={"Authorization": f"Bearer {body['access_token']}", "Version": "v3"})
    response = client.post("/contacts/upsert", {"email": "a@example.com"}, format="json")
    assert response.json()["message"] == "The token is not authorized for this scope."
    refused(token(app, grant_type="client_credentials", scope="users.write"), "invalid_scope")


@pytest.mark.parametrize("format", ["json", "camel", "basic"])
def test_a_client_may_say_who_it_is_in_three_ways(app, format):
    client, secret = app
    refresh = OAuthToken.objects.issue(client, "refresh", at=now(), scopes=SCOPES)
    names = ["grant_type", "refresh_token", "client_id", "client_secret", "user_type"]
    if format == "camel":
        names = ["grantType", "refreshToken", "clientId", "clientSecret", "userType"]
    sent = dict(zip(names, ["refresh_token", refresh, client.id, secret, "Location"], strict=True))
    headers = {}
    if format == "basic":
        del sent["client_id"], sent["client_secret"]
        pair = b64encode(f"{client.id}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}

    response = APIClient(headers=headers).post("/oauth/token", sent, format="json")

    assert response.status_code == 200, response.content


def test_a_stranger_gets_nothing(app):
    client, secret = app
    refresh = OAuthToken.objects.issue(client, "refresh", at=now(), scopes=SCOPES)

    for pair in ((client, "wrong"), (client, ""), (OAuthClient(id="app_0000000000"), secret)):
        refused(
            token(pair, grant_type="refresh_token", refresh_token=refresh), "invalid_client", 401
        )
    refused(token(app, grant_type="password", username="a"), "unsupported_grant_type")
    refused(token(app), "unsupported_grant_type")
    refused(token(app, grant_type="refresh_token", refresh_token="x"), "invalid_grant")


def test_a_revoked_key_ends_the_client_and_its_tokens(app):
    body = token(app, grant_type="client_credentials").json()
    assert reads(body["access_token"]) == 200

    revoke_key(app[0].api_key, immediate=True, at=now())

    assert reads(body["access_token"]) == 401
    refused(token(app, grant_type="client_credentials"), "invalid_client", 401)


def test_an_access_token_ends_by_itself_and_is_forgotten(app):
    body = token(app, grant_type="client_credentials").json()
    OAuthToken.objects.update(expires_at=now() - timedelta(seconds=1))

    assert reads(body["access_token"]) == 401
    prune_oauth_tokens()
    assert not OAuthToken.objects.exists()


def test_consent_is_for_staff_who_are_signed_in(app, staff, client):
    anonymous = client.get(address(app))
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/admin/login/?next=/oauth/chooselocation")

    client.force_login(User.objects.create_user("bob"))
    assert client.post(address(app), {"decision": "allow"})["Location"].startswith("/admin/login/")
    assert not OAuthToken.objects.exists()


def test_consent_is_for_members_of_the_project(app, staff, other_project):
    Member.objects.update(project=other_project)

    for response in (staff.get(address(app)), staff.post(address(app), {"decision": "allow"})):
        assert response.status_code == 403
        assert "no member of the project" in response.content.decode()
        assert "Acme" not in response.content.decode()
    assert not OAuthToken.objects.exists()


def test_the_form_comes_from_the_origin_that_its_page_lets_the_browser_tell(app, staff):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    page = strict.get(address(app))
    names = {"same-origin": "http://testserver", "no-referrer": "null"}
    origin = names[page["Referrer-Policy"]]
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())

    sent = {"decision": "allow", "csrfmiddlewaretoken": token}
    response = strict.post(address(app), sent, headers={"Origin": origin})

    assert response["Location"].startswith(f"{CALLBACK}?code=")


def test_a_form_of_another_site_allows_nothing(app, staff):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())

    assert strict.post(address(app), {"decision": "allow"}).status_code == 403
    assert not OAuthToken.objects.exists()


def test_who_does_not_allow_it_goes_back_with_that(app, staff):
    response = staff.post(address(app, state="xyz"), {"decision": "deny"})

    query = parse_qs(urlsplit(response["Location"]).query)
    assert response["Location"].startswith(CALLBACK)
    assert (query["error"], query["state"]) == (["access_denied"], ["xyz"])
    assert not OAuthToken.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"client_id": "app_0000000000"}, {"redirect_uri": "https://evil.example.com/"}],
)
def test_nobody_is_sent_to_a_place_that_is_not_the_clients(app, staff, wrong):
    for response in (staff.get(address(app, **wrong)), staff.post(address(app, **wrong))):
        assert response.status_code == 400
        assert "cannot be allowed" in response.content.decode()


@pytest.mark.parametrize("wrong", [{"scope": "users.write"}, {"response_type": "token"}])
def test_a_client_that_asks_wrongly_is_told(app, staff, wrong):
    response = staff.get(address(app, **wrong))

    assert response["Location"].startswith(f"{CALLBACK}?error=")


def test_staff_register_a_client_and_revoke_it(project, client):
    client.force_login(User.objects.create_superuser("root"))
    said = {
        "project": project.pk,
        "name": "Some App",
        "scopes": ["contacts:read"],
        "redirect_uris": CALLBACK,
    }
    wrong = client.post("/admin/growth/oauthclient/add/", {**said, "redirect_uris": "javascript:x"})
    assert "https://" in wrong.content.decode()
    assert not OAuthClient.objects.exists()

    page = client.post("/admin/growth/oauthclient/add/", said, follow=True).content.decode()

    app = OAuthClient.objects.get()
    [secret] = re.findall(r"oas_[0-9A-Za-z]{38}", page)
    assert (app.scopes, app.redirect_uris) == (["contacts:read"], [CALLBACK])
    assert token((app, secret), grant_type="client_credentials").status_code == 200
    again = client.get(f"/admin/growth/oauthclient/{app.pk}/change/").content.decode()
    assert secret not in again

    chosen = {"action": "revoke", "_selected_action": [app.pk]}
    client.post("/admin/growth/oauthclient/", chosen)
    refused(token((app, secret), grant_type="client_credentials"), "invalid_client", 401)
