"""An id that a person was known by before means the user, whichever is told first."""

import pytest

from contacts.models import Contact, Event, Identity, Merge
from tests.factories import make_contact, make_event


def alias(ingest, previous, user):
    answer = ingest.post("/v1/alias", {"previousId": previous, "userId": user})
    assert answer.status_code == 202, answer.json()


def track(ingest, user, event="login"):
    ingest.post("/v1/track", {"userId": user, "event": event})


def test_two_known_users_are_merged(ingest, project):
    old = make_contact(project, email="o@example.com", external_id="old", traits={"plan": "trial"})
    new = make_contact(project, email="n@example.com", external_id="new")
    make_event(old, "signup")

    alias(ingest, "old", "new")
    alias(ingest, "old", "new")
    track(ingest, "old")

    contact = Contact.objects.alive().get()
    assert contact == new
    assert contact.traits == {"plan": "trial"}
    assert set(Event.objects.values_list("contact", flat=True)) == {new.id}
    assert Merge.objects.get().source_id == old.id


@pytest.mark.parametrize("is_alias_first", [True, False])
def test_the_order_of_the_calls_is_of_no_consequence(ingest, project, is_alias_first):
    if is_alias_first:
        alias(ingest, "old", "new")
        track(ingest, "old")
    else:
        track(ingest, "old")
        alias(ingest, "old", "new")
    track(ingest, "new")

    contact = Contact.objects.alive().get()
    assert contact.external_id == "new"
    assert Event.objects.filter(contact=contact.pk).count() == 2
    assert Identity.objects.get(kind="external_id", value="old").contact_id == contact.id


def test_a_batch_of_aliases_ends_in_the_last_link(ingest, project):
    calls = [{"type": "track", "userId": id, "event": "login"} for id in "abc"]
    calls[1:1] = [{"type": "alias", "previousId": "b", "userId": "c"}]
    calls += [{"type": "alias", "previousId": "a", "userId": "b"}]

    assert ingest.post("/v1/batch", {"batch": calls}).status_code == 202

    contact = Contact.objects.alive().get()
    assert contact.external_id == "c"
    assert Event.objects.filter(contact=contact.pk).count() == 3


def test_a_visitor_becomes_the_user_and_no_merge_is_kept(ingest, project):
    ingest.post("/v1/track", {"anonymousId": "visitor", "event": "page_seen"})

    alias(ingest, "visitor", "user")

    contact = Contact.objects.alive().get()
    assert Event.objects.get().contact_id == contact.id
    assert not Merge.objects.exists()


def test_an_alias_takes_no_visitors_id_from_a_known_user(ingest, project):
    ingest.post("/v1/identify", {"userId": "one", "anonymousId": "device"})
    track(ingest, "two")

    alias(ingest, "device", "two")

    assert Contact.objects.alive().count() == 2
    owner = Identity.objects.get(kind="anonymous_id", value="device").contact
    assert owner.external_id == "one"
