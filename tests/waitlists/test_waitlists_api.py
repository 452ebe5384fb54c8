"""``/v1/waitlists``: lists, entries in their order, and who is let in."""

import pytest

from contacts.models import Contact, Email, Event
from growth.models import DomainEvent
from tests.factories import make_contact
from tests.waitlists.factories import enter, make_entry, make_waitlist
from waitlists.models import Entry
from waitlists.operations.joining import verify

DOCUMENTED = {
    "name": "Pro Plan Early Access",
    "slug": "pro-early-access",
    "referral_boost": 3,
    "auto_approve": False,
    "welcome_email_template_id": "tmpl_wl_welcome",
}
CHARLIE = {
    "email": "charlie@example.com",
    "traits": {"name": "Charlie Park", "source": "partner_referral"},
}


@pytest.fixture
def waitlist(project):
    return make_waitlist(project, referral_boost=3)


def events_of(project) -> list[str]:
    return list(Event.objects.filter(project=project).order_by("id").values_list("name", flat=True))


def listed(api, waitlist, query: str = "") -> list[dict]:
    response = api.get(f"/v1/waitlists/{waitlist.id}/entries{query}")
    assert response.status_code == 200, response.content
    return response.json()["data"]


def test_the_documented_body_makes_a_list(api):
    response = api.post("/v1/waitlists", DOCUMENTED)

    assert response.status_code == 201
    body = response.json()
    assert body.items() >= DOCUMENTED.items()
    assert body["total_entries"] == 0
    assert body["url"].endswith("/w/pro-early-access")
    assert "warnings" not in body
    assert api.get(f"/v1/waitlists/{body['id']}").json() == body
    assert api.get("/v1/waitlists").json()["data"] == [body]


def test_a_name_alone_makes_a_slug(api):
    assert api.post("/v1/waitlists", {"name": "Über Früh!"}).json()["slug"] == "uber-fruh"
    assert api.post("/v1/waitlists", {"name": "早"}).json()["slug"].startswith("list-")


def test_a_slug_belongs_to_one_list_of_a_project(api, other_project):
    make_waitlist(other_project, slug="pro-early-access")
    mine = api.post("/v1/waitlists", DOCUMENTED)

    assert mine.status_code == 201
    assert mine.json()["url"].endswith(f"/w/{mine.json()['id']}")  # The short one is taken.
    assert api.post("/v1/waitlists", DOCUMENTED).status_code == 409


def test_all_that_is_wrong_is_told_at_once(api):
    body = {"name": "", "slug": "Not A Slug", "referral_boost": -1, "landing_url": "javascript:1"}
    response = api.post("/v1/waitlists", body | {"auto_approve": "yes", "colour": "red"})

    assert response.status_code == 422
    assert {each["field"] for each in response.json()["error"]["details"]} == {
        *("name", "slug", "referral_boost", "landing_url", "auto_approve", "colour")
    }


def test_a_template_that_is_not_written_yet_is_a_warning(api):
    response = api.post("/v1/waitlists", DOCUMENTED | {"invite_email_template_id": "tmpl_later"})

    assert response.status_code == 201
    assert "tmpl_later" in response.json()["warnings"][0]


def test_a_patch_changes_what_it_names(api, waitlist):
    path = f"/v1/waitlists/{waitlist.id}"
    body = api.patch(path, {"open": False, "invite_url": "https://example.com/start", "id": "x"})

    assert body.status_code == 200
    assert body.json()["open"] is False
    assert body.json()["invite_url"] == "https://example.com/start"
    assert body.json()["warnings"] == ["id: This field is read-only and was ignored."]
    assert api.patch(path, {"invite_url": None}).json()["invite_url"] is None


def test_the_documented_entry_waits_at_once_and_is_welcomed(api, project, waitlist):
    response = api.post(f"/v1/waitlists/{waitlist.id}/entries", CHARLIE)

    assert response.status_code == 201
    body = response.json()
    assert (body["email"], body["status"], body["position"]) == (CHARLIE["email"], "waiting", 1)
    assert body["referral_url"].endswith(f"?ref={body['referral_code']}")
    contact = Contact.objects.get(pk=body["contact_id"])
    assert contact.traits == CHARLIE["traits"]
    mail = Email.objects.get(contact=contact)
    assert (mail.template_code, mail.stream_id) == ("tmpl_wl_welcome", waitlist.stream_id)
    assert mail.context["links"]["referral"] == body["referral_url"]
    assert mail.context["event"]["properties"]["position"] == 1
    assert events_of(project) == ["$waitlist_joined"]
    news = DomainEvent.objects.get(type="waitlist.entry.created")
    assert news.data["id"] == body["id"]
    assert news.data["joined_at"].endswith("Z")
    assert news.subject == contact.key


def test_joining_again_is_answered_with_the_entry(api, project, waitlist):
    path = f"/v1/waitlists/{waitlist.id}/entries"
    first = api.post(path, CHARLIE).json()
    again = api.post(path, CHARLIE | {"email": "Charlie@Example.com"})

    assert again.status_code == 200
    assert again.json() == first
    assert Entry.objects.count() == Email.objects.count() == 1
    assert events_of(project) == ["$waitlist_joined"]


def test_friends_move_one_up_and_ties_go_to_who_was_first(api, waitlist):
    entries = [make_entry(waitlist, f"p{n}@example.com") for n in range(8)]
    last = entries[-1]
    body = {"email": "friend@example.com", "referral_code": last.code.lower()}
    api.post(f"/v1/waitlists/{waitlist.id}/entries", body)

    shown = listed(api, waitlist)

    assert [each["position"] for each in shown] == list(range(1, 10))
    # 8 less 3 is 5, which the fifth has already.
    ranked = [each["email"][:2] for each in shown]
    assert ranked == [*("p0", "p1", "p2", "p3", "p4"), "p7", "p5", "p6", "fr"]
    assert shown[5]["referral_count"] == 1
    assert set(events_of(waitlist.project)) == {"$waitlist_joined", "$waitlist_referred"}


def test_a_code_that_is_nobodys_is_named_and_ignored(api, waitlist, project):
    stranger = make_entry(make_waitlist(project))
    body = CHARLIE | {"referral_code": stranger.code}
    response = api.post(f"/v1/waitlists/{waitlist.id}/entries", body)

    assert response.status_code == 201
    assert response.json()["warnings"][0].startswith("referral_code:")
    assert listed(api, waitlist)[0]["referral_count"] == 0


def test_another_boost_moves_everybody_who_brought_friends(api, waitlist):
    entries = [make_entry(waitlist, f"p{n}@example.com") for n in range(6)]
    enter(waitlist, "friend@example.com", code=entries[5].code)
    assert [e["email"][:2] for e in listed(api, waitlist)][:4] == ["p0", "p1", "p2", "p5"]

    api.patch(f"/v1/waitlists/{waitlist.id}", {"referral_boost": 6})
    assert [e["email"][:2] for e in listed(api, waitlist)][:2] == ["p5", "p0"]

    api.patch(f"/v1/waitlists/{waitlist.id}", {"referral_boost": 0})
    assert [e["email"][:2] for e in listed(api, waitlist)][5] == "p5"


def test_the_list_pages_through_those_who_wait_and_then_the_others(api, waitlist):
    entries = [make_entry(waitlist, f"p{n}@example.com") for n in range(7)]
    path = f"/v1/waitlists/{waitlist.id}/entries"
    api.post(f"{path}/{entries[2].id}/approve")
    api.post(f"{path}/{entries[4].id}/reject")
    enter(waitlist, "pending@example.com", is_vouched_for=False)

    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"{path}?limit=3{cursor and f'&cursor={cursor}'}").json()
        assert page["total_entries"] == 8
        seen += page["data"]
        cursor = page["next_cursor"]

    assert [each["position"] for each in seen] == [1, 2, 3, 4, 5, None, None, None]
    assert [each["email"] for each in seen[:5]] == [f"p{n}@example.com" for n in (0, 1, 3, 5, 6)]
    assert {each["status"] for each in seen[5:]} == {"approved", "rejected", "pending"}
    assert [each["email"] for each in listed(api, waitlist, "?status=approved")] == [
        "p2@example.com"
    ]
    assert [each["position"] for each in listed(api, waitlist, "?status=waiting&limit=2")] == [1, 2]
    assert api.get(f"{path}?status=lost").status_code == 400
    assert api.get(f"{path}?colour=red").status_code == 400


def test_an_approval_invites_once_however_often_it_is_told(api, project, waitlist, relay):
    entry = make_entry(waitlist)
    relay()
    path = f"/v1/waitlists/{waitlist.id}/entries/{entry.id}/approve"

    first, again = api.post(path), api.post(path)
    relay()

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["position"]) == ("approved", None)
    assert Email.objects.filter(template_code="tmpl_wl_invite").count() == 1
    assert events_of(project).count("$waitlist_approved") == 1
    assert DomainEvent.objects.filter(type="waitlist.entry.approved").count() == 1


def test_a_batch_lets_the_first_in(api, waitlist, relay):
    entries = [make_entry(waitlist, f"p{n}@example.com") for n in range(5)]
    enter(waitlist, "friend@example.com", code=entries[4].code)
    path = f"/v1/waitlists/{waitlist.id}/entries/approve-batch"

    body = api.post(path, {"count": 3, "order": "position"}).json()
    rest = api.post(path, {"count": 50}).json()
    relay()

    assert body["approved"] == 3
    assert [each["email"][:2] for each in body["data"]] == ["p0", "p1", "p4"]
    assert rest["approved"] == 3
    assert api.post(path, {"count": 1}).json() == {"approved": 0, "data": []}
    assert Email.objects.filter(template_code="tmpl_wl_invite").count() == 6


@pytest.mark.parametrize("body", [{}, {"count": 0}, {"count": "5"}, {"count": 5, "order": "age"}])
def test_a_batch_of_nothing_is_refused(api, waitlist, body):
    path = f"/v1/waitlists/{waitlist.id}/entries/approve-batch"

    assert api.post(path, body).status_code == 422


def test_a_rejection_takes_the_credit_back_and_an_approval_gives_it_again(api, waitlist):
    first = make_entry(waitlist, "first@example.com")
    friend = make_entry(waitlist, "friend@example.com", code=first.code)
    path = f"/v1/waitlists/{waitlist.id}/entries/{friend.id}"

    body = api.post(f"{path}/reject").json()
    assert (body["status"], body["reason"], body["position"]) == ("rejected", "staff", None)
    assert api.post(f"{path}/reject").json() == body
    assert listed(api, waitlist)[0]["referral_count"] == 0

    assert api.post(f"{path}/approve").json()["status"] == "approved"
    assert listed(api, waitlist)[0]["referral_count"] == 1
    assert api.post(f"{path}/reject").status_code == 409
    assert api.get(path).json()["status"] == "approved"


def test_who_is_not_confirmed_is_not_let_in(api, waitlist):
    entry = enter(waitlist, is_vouched_for=False).entry.as_dict()
    path = f"/v1/waitlists/{waitlist.id}/entries"

    assert api.post(f"{path}/{entry['id']}/approve").status_code == 409
    added = api.post(path, {"email": entry["email"]})
    assert (added.status_code, added.json()["status"]) == (200, "waiting")
    assert api.post(f"{path}/{entry['id']}/approve").status_code == 200


def test_a_list_that_lets_everybody_in_sends_the_invitation_alone(api, project, relay):
    waitlist = make_waitlist(project, auto_approve=True, invite_url="https://example.com/go")
    body = api.post(f"/v1/waitlists/{waitlist.id}/entries", CHARLIE).json()
    relay()

    assert body["status"] == "approved"
    mail = Email.objects.get()
    assert mail.template_code == "tmpl_wl_invite"
    assert mail.context["links"]["invite"] == "https://example.com/go"
    assert events_of(project) == ["$waitlist_joined", "$waitlist_approved"]


def test_statistics_are_counts_of_entries(api, waitlist):
    first = make_entry(waitlist, "first@example.com")
    make_entry(waitlist, code=first.code)
    enter(waitlist, code=first.code, is_vouched_for=False)
    last = make_entry(waitlist)
    api.post(f"/v1/waitlists/{waitlist.id}/entries/{last.id}/approve")

    stats = api.get(f"/v1/waitlists/{waitlist.id}/stats").json()["stats"]

    leader = stats.pop("top_referrers")
    assert stats == {
        "total_entries": 4,
        "pending": 1,
        "waiting": 2,
        "approved": 1,
        "rejected": 0,
        "referred": 2,
        "verified_referrals": 1,
        "referral_rate": 0.5,
        "approval_rate": 0.25,
    }
    assert [(each["email"], each["referral_count"]) for each in leader] == [
        ("first@example.com", 1)
    ]


def test_the_profile_and_the_export_show_the_places(api, waitlist):
    entry = make_entry(waitlist)
    path = f"/v1/contacts/{entry.contact_id}"

    [place] = api.get(path).json()["waitlists"]
    assert (place["id"], place["position"]) == (entry.id, 1)
    exported = b"".join(api.get(f"{path}/export").streaming_content)
    assert entry.id.encode() in exported


def test_an_entry_of_another_list_is_unknown(api, project, waitlist):
    entry = make_entry(make_waitlist(project))

    assert api.get(f"/v1/waitlists/{waitlist.id}/entries/{entry.id}").status_code == 404


def test_traits_that_no_contact_can_hold_are_refused(api, waitlist):
    body = {"email": "not one", "traits": {"a.b": 1}}
    response = api.post(f"/v1/waitlists/{waitlist.id}/entries", body)

    assert response.status_code == 422
    assert {each["field"].partition(".")[0] for each in response.json()["error"]["details"]} == {
        "email",
        "traits",
    }
    assert not Contact.objects.exists()


def test_a_verified_person_takes_the_traits_they_gave(project, waitlist):
    contact = make_contact(project, email="known@example.com", traits={"plan": "scale"})
    joined = enter(waitlist, contact.email, is_vouched_for=False, traits={"plan": "free", "x": 1})
    contact.refresh_from_db()
    assert contact.traits == {"plan": "scale"}

    entry = Entry.objects.get(pk=joined.entry.as_dict()["id"])
    verify(waitlist, entry, at=entry.joined_at)
    contact.refresh_from_db()
    assert contact.traits == {"plan": "free", "x": 1}
    assert Entry.objects.get().traits == {}
