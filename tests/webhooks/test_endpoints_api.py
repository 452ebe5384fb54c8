import pytest

from tests.webhooks.factories import make_endpoint
from webhooks.models import Endpoint

DOCUMENTED = {
    "url": "https://yourserver.com/webhooks/growthos",
    "events": [
        "contact.created",
        "contact.updated",
        "referral.converted",
        "survey.response.created",
        "campaign.email.bounced",
    ],
    "secret": "whsec_your_signing_secret",
}
PATH = "/v1/webhooks/endpoints"


def test_the_documented_registration_works(api):
    response = api.post(PATH, DOCUMENTED)

    assert response.status_code == 201, response.data
    body = response.json()
    assert body["id"].startswith("whep_")
    assert {name: body[name] for name in DOCUMENTED} == DOCUMENTED
    assert body["enabled"] is True
    assert "warnings" not in body


def test_the_secret_is_made_up_unless_one_is_given_and_is_shown_once(api):
    made = api.post(PATH, {"url": "https://example.com/", "events": ["*"]}).json()

    assert made["secret"].startswith("whsec_")
    for path in (PATH, f"{PATH}/{made['id']}"):
        assert made["secret"] not in api.get(path).content.decode()
        assert "secret" not in api.get(path).content.decode()
    assert "secret" not in api.patch(f"{PATH}/{made['id']}", {"description": "x"}).json()


def test_the_documented_patch_works(api, project):
    endpoint = make_endpoint(project)

    response = api.patch(
        f"{PATH}/{endpoint.id}", {"events": ["contact.created", "referral.converted"]}
    )

    assert response.status_code == 200
    assert response.json()["events"] == ["contact.created", "referral.converted"]
    endpoint.refresh_from_db()
    assert endpoint.types == ["contact.created", "referral.converted"]


def test_a_deleted_endpoint_is_gone(api, project):
    endpoint = make_endpoint(project)

    assert api.delete(f"{PATH}/{endpoint.id}").status_code == 204

    assert api.get(f"{PATH}/{endpoint.id}").status_code == 404
    assert api.delete(f"{PATH}/{endpoint.id}").status_code == 404
    assert api.get(PATH).json()["data"] == []


def test_endpoints_are_listed_in_pages(api, project):
    ids = [make_endpoint(project).id for _ in range(3)]

    first = api.get(PATH, {"limit": 2}).json()
    second = api.get(PATH, {"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [each["id"] for each in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        (["*"], ["*"]),
        (["contact.*"], ["contact.*"]),
        (["campaign.email.*"], ["campaign.email.*"]),
        (["email.bounced", "email.*"], ["campaign.email.*", "campaign.email.bounced"]),
        (["survey.response_received"], ["survey.response.created"]),
        (["referral.link_created", "referral.reward_issued"],)
        + (["referral.link.created", "referral.reward.issued"],),
        (["waitlist.entry_created"], ["waitlist.entry.created"]),
        (["ping"], ["ping"]),
        (["contact.created", "contact.created"], ["contact.created"]),
    ],
)
def test_names_come_back_as_they_were_sent_and_mean_ours(api, sent, canonical):
    body = api.post(PATH, DOCUMENTED | {"events": sent}).json()

    assert body["events"] == sent
    assert Endpoint.objects.get().types == canonical


def test_a_name_that_is_never_sent_is_accepted_with_a_warning(api):
    body = api.post(PATH, DOCUMENTED | {"events": ["contact.created", "billing.paid"]}).json()

    assert body["warnings"] == ["events: billing.paid is accepted, and is never sent."]
    assert Endpoint.objects.get().types == ["contact.created"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("events", []),
        ("events", ["contact.exploded"]),
        ("events", ["events.recorded"]),
        ("events", ["events.*"]),
        ("events", ["contact*"]),
        ("events", "contact.created"),
        ("events", [None]),
        ("events", [7]),
        ("events", ["*"] * 101),
        ("events", {"0": "*"}),
        ("secret", "short"),
        ("secret", "with spaces in the middle"),
        ("secret", "whsec_\u00fcnicode_secret_here"),
        ("secret", "line\nbreak_in_the_secret"),
        ("secret", "x" * 257),
        ("secret", None),
        ("description", "x" * 501),
        ("enabled", "perhaps"),
        ("enabled", None),
        ("colour", "red"),
    ],
)
def test_a_bad_field_is_refused_by_name(api, field, value):
    response = api.post(PATH, DOCUMENTED | {field: value})

    assert response.status_code == 422, response.data
    assert response.json()["error"]["details"][0]["field"].startswith(field)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hooks",
        "/hooks",
        "//example.com/hooks",
        "http://example.com/hooks",
        "ftp://example.com/hooks",
        "file:///etc/passwd",
        "gopher://example.com:6379/_x",
        "javascript:alert(1)",
        "https://",
        "https://a..example/hooks",
        "https://.example/hooks",
        "https:///hooks",
        "https://user:password@example.com/",
        "https://user@example.com/",
        "https://@example.com/",
        "https://example.com/#part",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:abc/",
        "https://example.com:4٤3/",
        "https://[2606:4700::1111]:４４３/",
        "https://example.com/a b",
        "https://example.com/\r\nX-Header: 1",
        "https://example.com\\@127.0.0.1/",
        "https://exa\u0000mple.com/",
        "https://example.com/" + "x" * 2048,
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::]/",
        "https://[bad/",
        "https://-.example..com:99999999999999999999/",
        7,
        None,
        ["https://example.com/"],
    ],
)
def test_an_address_that_can_never_work_is_refused(api, url):
    response = api.post(PATH, DOCUMENTED | {"url": url})

    assert response.status_code == 422, response.data
    assert response.json()["error"]["details"][0]["field"] == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hooks?a=b&c=%20",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://example.com./",
        "https://1.1.1.1/hooks",
        "https://[2606:4700:4700::1111]/",
        "HTTPS://EXAMPLE.COM/",
    ],
)
def test_a_good_address_comes_back_as_it_was_sent(api, url):
    response = api.post(PATH, DOCUMENTED | {"url": url})

    assert response.status_code == 201, response.data
    assert response.json()["url"] == url


def test_allowed_networks_may_be_private_and_plain(api, settings):
    from ipaddress import ip_network

    settings.WEBHOOK_ALLOW_NETS = [ip_network("10.1.0.0/16")]

    for url in ("http://10.1.2.3:25/", "http://crm.internal:8000/hooks"):
        assert api.post(PATH, DOCUMENTED | {"url": url}).status_code == 201
    assert api.post(PATH, DOCUMENTED | {"url": "http://10.2.0.1/"}).status_code == 422


def test_the_number_of_endpoints_has_an_end(api, project, monkeypatch):
    monkeypatch.setattr("webhooks.operations.endpoints.MOST", 1)
    make_endpoint(project)

    assert api.post(PATH, DOCUMENTED).status_code == 409


def test_a_secret_is_replaced_by_rotation_only(api, project):
    endpoint = make_endpoint(project)

    assert api.patch(f"{PATH}/{endpoint.id}", {"secret": "x" * 20}).status_code == 422
    rotated = api.post(f"{PATH}/{endpoint.id}/rotate-secret").json()

    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != endpoint.secret
    assert "previous_secret_expires_at" in rotated
    chosen = api.post(f"{PATH}/{endpoint.id}/rotate-secret", {"secret": "my_own_signing_secret"})
    assert chosen.json()["secret"] == "my_own_signing_secret"


def test_disabling_and_enabling(api, project):
    endpoint = make_endpoint(project)

    off = api.patch(f"{PATH}/{endpoint.id}", {"enabled": False}).json()
    on = api.patch(f"{PATH}/{endpoint.id}", {"enabled": True}).json()

    assert (off["enabled"], off["disabled_reason"]) == (False, "asked")
    assert (on["enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)


@pytest.mark.parametrize(
    "body", [[], "x", 7, {"event": "nothing"}, {"event": "contact.*"}, {"x": 1}]
)
def test_a_bad_test_is_refused(api, project, body):
    response = api.post(f"{PATH}/{make_endpoint(project).id}/test", body)

    assert response.status_code == 422
