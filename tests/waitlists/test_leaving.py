"""Contacts that are merged, deleted, restored and erased, and what becomes of their places."""

from datetime import timedelta

from contacts.models import Contact, Email
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from tests.factories import AT, make_contact
from tests.waitlists.factories import enter, make_entry, make_waitlist
from waitlists.models import Entry
from waitlists.operations.auditing import drifts
from waitlists.operations.deciding import approve
from waitlists.queries import Listing


def queue(waitlist) -> list[str]:
    waitlist.refresh_from_db()
    return [row.email for row in Listing(waitlist, ("waiting",)).rows(None, 100)]


def contact_of(entry: Entry) -> Contact:
    return Contact.objects.select_related("project").get(pk=entry.contact_id)


def test_the_survivor_has_the_better_place_and_parted_both_have_theirs(project, relay):
    waitlist = make_waitlist(project)
    source, between, target = (make_entry(waitlist, f"{n}@example.com") for n in "abc")
    alone = make_entry(other := make_waitlist(project), "a@example.com")
    contacts = {"source": contact_of(source), "target": contact_of(target)}
    relay()

    merge_contacts(**contacts, at=AT)
    relay()
    owners = dict(Entry.objects.values_list("pk", "contact"))
    assert owners[source.pk] == contacts["target"].id
    assert owners[alone.pk] == contacts["target"].id
    assert queue(waitlist) == ["c@example.com", "b@example.com"]
    assert Entry.objects.get(pk=target.pk).reason == "merged"
    assert list(drifts(project)) == []

    undo_merge(**contacts, at=AT)
    relay()
    assert queue(waitlist) == ["a@example.com", "b@example.com", "c@example.com"]
    assert queue(other) == ["a@example.com"]
    assert list(drifts(project)) == []


def test_who_was_let_in_stays_in_when_merged(project, relay):
    waitlist = make_waitlist(project)
    first, second = make_entry(waitlist), make_entry(waitlist)
    approve(waitlist, second, at=AT)
    merge_contacts(source=contact_of(second), target=contact_of(first), at=AT)
    relay()

    assert queue(waitlist) == []
    assert Entry.objects.get(pk=second.pk).contact_id == first.contact_id
    assert Email.objects.filter(template_code="tmpl_wl_invite").count() == 1
    assert list(drifts(project)) == []


def test_a_visitor_takes_the_place_along(ingest, project, relay):
    waitlist = make_waitlist(project)
    make_contact(project, email="known@example.com", external_id="u1")
    call = {"event": "$waitlist_joined", "properties": {"waitlist_id": waitlist.id}}
    ingest.post("/v1/track", call | {"anonymous_id": "a1"})
    relay()
    ingest.post("/v1/identify", {"user_id": "u1", "anonymous_id": "a1"})
    relay()

    assert Entry.objects.get().contact.email == "known@example.com"
    [mail] = Email.objects.all()
    assert (mail.template_code, mail.email_key) == ("tmpl_wl_confirm", "known@example.com")
    again = enter(waitlist, "known@example.com", is_vouched_for=False)
    assert not again.is_new
    assert Email.objects.count() == 1


def test_who_was_asked_is_not_asked_again_for_another_device(ingest, project, relay):
    waitlist = make_waitlist(project)
    make_contact(project, email="known@example.com", external_id="u1")
    enter(waitlist, "known@example.com", is_vouched_for=False)
    relay()
    for number in range(2):
        ingest.post("/v1/track", {"event": "seen", "anonymous_id": f"a{number}"})
        ingest.post("/v1/identify", {"user_id": "u1", "anonymous_id": f"a{number}"})
        relay(AT + timedelta(days=1 + number))

    assert Entry.objects.get().status == "pending"
    assert Email.objects.count() == 1


def test_a_visitor_merged_by_hand_takes_the_place_along(ingest, project, relay):
    waitlist = make_waitlist(project)
    known = make_contact(project, email="known@example.com")
    properties = {"waitlist_id": waitlist.id}
    call = {"event": "$waitlist_joined", "properties": properties, "anonymous_id": "a1"}
    ingest.post("/v1/track", call)
    relay()
    visitor = Contact.objects.select_related("project").get(email="")
    merge_contacts(source=visitor, target=known, at=AT)
    relay()

    assert Entry.objects.get().contact_id == known.id
    assert Email.objects.get().email_key == "known@example.com"


def test_who_is_deleted_leaves_the_queue_and_comes_back_restored(api, project, relay):
    waitlist = make_waitlist(project, referral_boost=5)
    first = make_entry(waitlist, "a@example.com")
    friend = make_entry(waitlist, "b@example.com", code=first.code)
    contact = contact_of(friend)

    api.delete(f"/v1/contacts/{contact.id}")
    assert Listing(waitlist, ("waiting",)).rows(None, 9)[1].email is None  # hidden at once
    relay()
    assert queue(waitlist) == ["a@example.com"]
    assert Entry.objects.get(pk=first.pk).referral_count == 1
    assert list(drifts(project)) == []
    fresh = make_entry(waitlist, "b@example.com")
    assert fresh.pk != friend.pk


def test_an_erased_contact_leaves_a_row_that_only_counts(project, relay):
    waitlist = make_waitlist(project)
    joined = enter(waitlist, "a@example.com", is_vouched_for=False, traits={"name": "Alice"})
    contact = Contact.objects.select_related("project").get()
    receipt = erase_contact(contact, at=AT)
    relay()

    entry = Entry.objects.get(pk=joined.entry.as_dict()["id"])
    assert receipt.counts["waitlists_entry"] == 1
    assert (entry.status, entry.reason, entry.traits) == ("rejected", "deleted", {})
    assert Listing(waitlist).rows(None, 9)[0].email is None
    assert list(drifts(project)) == []
