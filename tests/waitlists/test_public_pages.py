"""Strangers at the door: the page, the public API, confirmation, and one's own place."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from contacts.mail import presses
from contacts.models import Contact, Email, Event
from growth import outbox
from growth.api import throttling
from growth.models import ListenerFailure
from tests.factories import make_contact
from tests.hostile import TEXTS
from tests.waitlists.factories import enter, make_entry, make_waitlist
from waitlists.mail import status_token
from waitlists.models import Entry
from waitlists.queries import row_of

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
ASKED = {"status": "verify_email"}


@pytest.fixture
def waitlist(project):
    return make_waitlist(project, slug="early", referral_boost=3)


@pytest.fixture
def browser(db) -> Client:
    return Client(headers=BROWSER, enforce_csrf_checks=True)


@pytest.fixture(autouse=True)
def _forget_counts(monkeypatch):
    monkeypatch.setattr(throttling, "_counter", throttling.Counter("memory://"))


def ripe(subject: str) -> str:
    """Return what the page's form bears, some seconds after it was shown."""
    return presses.issue(subject, at=now() - timedelta(seconds=5))


def fill_in(browser, waitlist, **fields):
    fields = {"email": "dana@example.com", "press": ripe(f"waitlist-{waitlist.key}")} | fields
    return browser.post(f"/w/{waitlist.slug}", fields)


def link_of(step: str = "confirm") -> str:
    mail = Email.objects.filter(context__links__has_key=step).latest("id")
    return mail.context["links"][step].removeprefix("http://localhost:8000")


def press(browser, path: str):
    entry = Entry.objects.latest("id")
    return browser.post(path, {"press": ripe(f"waitlist-entry-{entry.key}")})


def test_somebody_joins_confirms_and_sees_their_place(browser, waitlist):
    make_entry(waitlist)
    page = browser.get("/w/early")
    assert page.status_code == 200
    assert b"<script" not in page.content
    assert browser.cookies == {}

    joined = fill_in(browser, waitlist, name="Dana")
    entry = Entry.objects.latest("id")
    assert joined.status_code == 200
    assert entry.status == "pending"
    assert Email.objects.get(contact=entry.contact_id).template_code == "tmpl_wl_confirm"

    path = link_of()
    assert b"Yes, I want to be on the list" in browser.get(path).content
    entry.refresh_from_db()
    assert entry.status == "pending"  # Looking changes nothing.

    done = press(browser, path)
    assert b'<span class="number">2</span>' in done.content
    entry.refresh_from_db()
    assert (entry.status, entry.verified_at is None) == ("waiting", False)
    assert Contact.objects.get(pk=entry.contact_id).traits == {"name": "Dana"}
    names = Event.objects.filter(contact=entry.contact_id).order_by("id")
    assert list(names.values_list("name", flat=True)) == ["$waitlist_joined", "$waitlist_verified"]

    assert b'<span class="number">2</span>' in press(browser, path).content  # once more
    assert (
        Email.objects.filter(template_code="tmpl_wl_welcome", contact=entry.contact_id).count() == 1
    )
    assert b'<span class="number">2</span>' in browser.get(link_of("status")).content


def test_a_friend_counts_when_they_have_confirmed(browser, waitlist):
    first = make_entry(waitlist)
    page = browser.get(f"/w/early?ref={first.code}").content.decode()
    assert f'name="ref" value="{first.code}"' in page
    fill_in(browser, waitlist, ref=first.code)
    first.refresh_from_db()
    assert first.referral_count == 0

    press(browser, link_of())
    first.refresh_from_db()
    assert (first.referral_count, first.sort_key) == (1, -2)


def test_known_and_unknown_addresses_get_the_same_answer(browser, ingest, waitlist):
    known = make_entry(waitlist, "known@example.com").contact
    make_contact(waitlist.project, email="contact@example.com", traits={"plan": "scale"})
    pages, answers = set(), []
    for email in (known.email, "contact@example.com", "stranger@example.com"):
        page = fill_in(browser, waitlist, email=email).content.decode()
        pages.add(page.replace(email, "…"))
        body = {"email": email, "traits": {"plan": "free"}}
        response = ingest.post("/v1/public/waitlists/early/entries", body)
        answers.append((response.status_code, response.json()))

    assert len(pages) == 1
    assert answers == [(202, ASKED)] * 3
    assert Contact.objects.get(email="contact@example.com").traits == {"plan": "scale"}


def test_a_mail_asks_again_but_not_at_once(browser, waitlist):
    fill_in(browser, waitlist)
    fill_in(browser, waitlist)
    assert Email.objects.count() == 1

    Email.objects.update(created_at=now() - timedelta(hours=2))
    fill_in(browser, waitlist)
    assert Email.objects.count() == 2


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x@mailinator.com", "x@eu.yopmail.com"])
def test_an_address_that_reaches_nobody_is_refused(browser, ingest, waitlist, email):
    page = fill_in(browser, waitlist, email=email)
    response = ingest.post("/v1/public/waitlists/early/entries", {"email": email})

    assert page.status_code == response.status_code == 422
    assert b'role="alert"' in page.content
    assert response.json()["error"]["details"][0]["field"] == "email"
    assert not Entry.objects.exists()


def test_the_trap_says_thank_you_and_does_nothing(browser, ingest, waitlist):
    caught = fill_in(browser, waitlist, website="https://spam.example")
    told = ingest.post(
        "/v1/public/waitlists/early/entries", {"email": "dana@example.com", "website": "x"}
    )

    assert (caught.status_code, told.status_code, told.json()) == (200, 202, ASKED)
    assert not Contact.objects.exists()
    assert caught.content == fill_in(browser, waitlist).content
    assert Entry.objects.count() == 1


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=2), None])
def test_a_form_that_no_page_here_showed_just_now_is_shown_again(browser, waitlist, age):
    press = "" if age is None else presses.issue(f"waitlist-{waitlist.key}", at=now() - age)
    page = fill_in(browser, waitlist, press=press, name="Dana")

    assert "once more" in page.content.decode()
    assert 'value="dana@example.com"' in page.content.decode()
    assert not Entry.objects.exists()


def test_a_scanner_confirms_nothing(waitlist):
    fill_in(Client(headers=BROWSER), waitlist)
    path = link_of()

    for agent in ("Barracuda Sentinel", "python-requests/2.32"):
        press(Client(headers={"User-Agent": agent}), path)

    assert Entry.objects.get().status == "pending"


def test_one_place_of_the_network_gets_so_many_forms_a_day(browser, ingest, waitlist, settings):
    settings.RATE_LIMITS = True
    settings.WAITLIST_JOINS_PER_ADDRESS = 2
    first, second, third = (fill_in(browser, waitlist, email=f"p{n}@example.com") for n in range(3))
    body = {"email": "p4@example.com"}
    fourth = ingest.post("/v1/public/waitlists/early/entries", body)

    assert [each.status_code for each in (first, second, third, fourth)] == [200, 200, 429, 429]
    assert fourth.json()["error"]["code"] == "rate_limited"
    assert Entry.objects.count() == 2
    settings.PROXIES = 1
    settings_of_another = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    other = Client(headers=BROWSER | settings_of_another)
    assert fill_in(other, waitlist, email="p5@example.com").status_code == 200
    forged = Client(headers=BROWSER | {"X-Forwarded-For": "203.0.113.10, 198.51.100.7"})
    assert fill_in(forged, waitlist, email="p6@example.com").status_code == 200
    assert fill_in(forged, waitlist, email="p7@example.com").status_code == 429


def test_one_code_brings_so_many_an_hour(browser, waitlist, settings):
    settings.RATE_LIMITS = True
    settings.WAITLIST_JOINS_PER_CODE = 1
    code = make_entry(waitlist).code

    first = fill_in(browser, waitlist, email="p1@example.com", ref=code)
    second = fill_in(browser, waitlist, email="p2@example.com", ref=code.lower())
    third = fill_in(browser, waitlist, email="p3@example.com")

    assert [each.status_code for each in (first, second, third)] == [200, 429, 200]


def test_a_closed_list_says_so(browser, ingest, api, waitlist):
    api.patch(f"/v1/waitlists/{waitlist.id}", {"open": False})

    assert b"closed" in browser.get("/w/early").content
    assert fill_in(browser, waitlist).status_code == 409
    body = {"email": "dana@example.com"}
    assert ingest.post("/v1/public/waitlists/early/entries", body).status_code == 409
    assert api.post(f"/v1/waitlists/{waitlist.id}/entries", body).status_code == 201


def test_without_verification_strangers_wait_at_once(browser, ingest, project):
    waitlist = make_waitlist(project, slug="quick", require_verification=False)
    response = ingest.post("/v1/public/waitlists/quick/entries", {"email": "dana@example.com"})

    assert (response.status_code, response.json()) == (202, {"status": "joined"})
    assert Entry.objects.get().status == "waiting"
    assert b"is on the waitlist" in fill_in(browser, waitlist).content


def test_a_token_shows_one_place(client, waitlist, other_project):
    entry = make_entry(waitlist)
    token = status_token(row_of(entry))
    path = "/v1/public/waitlists/early/status"

    body = client.get(f"{path}?token={token}").json()
    assert (body["status"], body["position"], body["total"]) == ("waiting", 1, 1)
    assert client.get(path).status_code == 401
    for place in (0, len(token) // 2, len(token) - 2):
        bent = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert client.get(path, {"token": bent}).status_code == 401
        assert client.get("/w/early/status", {"token": bent}).status_code == 404
    stranger = make_waitlist(other_project, slug="other")
    assert client.get(f"/w/{stranger.slug}/status?token={token}").status_code == 404
    assert client.get(f"/w/early/confirm?token={token}").status_code == 404


def test_lists_of_two_projects_may_have_one_slug(browser, client, ingest, waitlist, other_project):
    other = make_waitlist(other_project, slug="early", name="Somewhere else")

    assert b"Early access" in browser.get("/w/early").content
    assert b"Somewhere else" in browser.get(f"/w/{other.id}").content
    ingest.post("/v1/public/waitlists/early/entries", {"email": "dana@example.com"})
    assert Entry.objects.get().waitlist_id == waitlist.id


def test_pages_that_are_not_there_are_404(client, db):
    for path in ("/w/nothing", "/w/wl_0000000000", "/w/nothing/status", "/w/%00", "/w/a/confirm"):
        assert client.get(path).status_code == 404
    for path in ("%00/status", "nothing/status", "%00/entries"):
        refused = client.get(f"/v1/public/waitlists/{path}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


def test_no_value_in_the_form_is_a_fault_of_ours(browser, waitlist):
    for text in TEXTS:
        text = text.encode("utf-8", "replace").decode()
        for field in ("email", "name", "ref", "press", "website"):
            assert fill_in(browser, waitlist, **{field: text}).status_code < 500, (field, text[:80])
        for path in ("status", "confirm"):
            assert browser.get(f"/w/early/{path}", {"token": text}).status_code == 404
        assert browser.get("/w/early", {"ref": text}).status_code == 200


def test_what_people_write_is_shown_and_not_run(browser, waitlist):
    page = fill_in(browser, waitlist, press="", email='"><script>x</script>', ref="<b>")

    assert not re.search(r"<script|<b>", page.content.decode())


@pytest.mark.parametrize("properties", [{}, {"waitlist_id": "seg_0000000000"}, {"waitlist_id": 5}])
def test_a_client_that_names_no_list_is_refused(ingest, properties):
    response = ingest.post(
        "/v1/track", {"user_id": "u1", "event": "$waitlist_joined", "properties": properties}
    )

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == "properties.waitlist_id"


def test_a_client_tells_that_somebody_joined(ingest, project, waitlist, relay):
    referrer = make_entry(waitlist)
    ingest.post("/v1/identify", {"user_id": "u1", "traits": {"email": "dana@example.com"}})
    properties = {"waitlist_id": waitlist.id, "referral_code": referrer.code}
    call = {"user_id": "u1", "event": "$waitlist_joined", "properties": properties}

    for _ in range(2):
        assert ingest.post("/v1/track", call | {"message_id": "m1"}).status_code == 202
    assert Event.objects.filter(name="$waitlist_joined").count() == 1  # the referrer's
    relay()
    assert ingest.post("/v1/track", call).status_code == 202
    relay()

    entry = Entry.objects.latest("id")
    assert (entry.status, entry.referred_by_id) == ("pending", referrer.id)
    assert Event.objects.filter(name="$waitlist_joined").count() == 2
    assert Email.objects.filter(template_code="tmpl_wl_confirm").count() == 1


def test_a_batch_tells_each_call_of_its_own_fault(ingest, waitlist, relay):
    good = {"type": "track", "user_id": "u1", "event": "$waitlist_joined"}
    items = [
        good | {"properties": {"waitlist_id": waitlist.id}},
        good,
        {"type": "track", "user_id": "u1", "event": "$email_opened"},
        good | {"properties": {"waitlist_id": waitlist.id}, "context": {"historical": True}},
    ]
    body = ingest.post("/v1/batch", {"batch": items}).json()
    relay()

    assert [each["status"] for each in body["items"]] == [202, 422, 422, 202]
    assert "too old" in body["items"][3]["warnings"][0]
    assert Entry.objects.count() == 1


def test_a_visitor_is_asked_to_confirm_once_the_address_is_known(ingest, waitlist, relay):
    call = {"event": "$waitlist_joined", "properties": {"waitlist_id": waitlist.id}}
    ingest.post("/v1/track", call | {"anonymous_id": "a1"})
    relay(now())
    assert Entry.objects.get().status == "pending"
    assert not Email.objects.exists()

    known = {"anonymous_id": "a1", "user_id": "u1"}
    ingest.post("/v1/identify", known | {"traits": {"email": "dana@example.com"}})
    relay(now())
    ingest.post("/v1/identify", known | {"traits": {"plan": "pro"}})
    relay(now())

    assert Entry.objects.get().contact.email == "dana@example.com"
    [mail] = Email.objects.all()
    assert (mail.template_code, mail.email_key) == ("tmpl_wl_confirm", "dana@example.com")


def test_a_wish_to_join_that_cannot_be_met_is_parked_with_its_reason(
    ingest, project, other_project
):
    strange, closed = make_waitlist(other_project), make_waitlist(project, is_open=False)
    for list_id in (strange.id, closed.id):
        properties = {"waitlist_id": list_id}
        call = {"user_id": "u", "event": "$waitlist_joined", "properties": properties}
        assert ingest.post("/v1/track", call).status_code == 202
    while outbox.relay(at=now()):
        pass

    assert not Entry.objects.exists()
    parked = ListenerFailure.objects.exclude(parked_at=None).order_by("id")
    assert [failure.error for failure in parked] == [
        f"This project has no waitlist {strange.id}.",
        f"The waitlist {closed.id} takes nobody else at the moment.",
    ]


def test_who_left_is_not_shown_by_the_old_link(client, waitlist):
    entry = make_entry(waitlist)
    path = f"/w/early/status?token={status_token(row_of(entry))}"
    entry.contact.remove(at=now())

    assert client.get(path).status_code == 404
    assert enter(waitlist, "new@example.com").is_new
