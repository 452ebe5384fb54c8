"""Staff bring deleted contacts back, with whatever nobody else has taken meanwhile."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from campaigns.models import Enrollment
from contacts.models import Contact, Identity, Membership
from contacts.operations.erasing import erase_contact
from contacts.operations.restoring import restore_contact
from contacts.operations.segments import create_segment
from growth.errors import Gone
from growth.models import DomainEvent, User
from tests.campaigns.factories import make_lifecycle, make_segment
from tests.factories import AT, make_contact

PAGE = "/admin/contacts/contact/"
DELETED = f"{PAGE}?deleted=yes"


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


def restore(staff: Client, *contacts: Contact):
    form = {"action": "restore", "_selected_action": [each.pk for each in contacts]}
    return staff.post(DELETED, form, follow=True)


def claims(contact: Contact) -> set:
    return set(Identity.objects.filter(contact=contact).values_list("kind", "value"))


def test_everything_comes_back(staff, api, ingest, project):
    ingest.post("/v1/identify", {"userId": "u1", "anonymousId": "a1",
                                 "traits": {"email": "A@example.com", "plan": "pro"}})  # fmt: skip
    contact = Contact.objects.get()
    segment = make_segment(project, contact)
    before = claims(contact)
    assert api.delete(f"/v1/contacts/{contact.id}").status_code == 204
    assert claims(contact) == set()
    assert contact.id.encode() in staff.get(DELETED).content
    assert contact.id.encode() not in staff.get(PAGE).content

    page = restore(staff, contact)

    assert b"is restored" in page.content
    body = api.get(f"/v1/contacts/{contact.id}").json()
    assert (body["email"], body["traits"]["plan"]) == ("A@example.com", "pro")
    assert body["segments"] == [segment.id]
    assert claims(contact) == before == {
        ("external_id", "u1"), ("email", "a@example.com"), ("anonymous_id", "a1"),
    }  # fmt: skip
    contact.refresh_from_db()
    assert contact.released is None


def test_what_others_have_now_is_left_out_and_named(staff, api, project):
    contact = make_contact(project, email="a@example.com", external_id="u1", phone="+14155550123")
    contact.remove(at=AT)
    other = make_contact(project, email="a@example.com", external_id="u2", phone="+14155550123")

    page = restore(staff, contact)

    assert b"email a@example.com" in page.content
    assert b"phone +14155550123" in page.content
    contact.refresh_from_db()
    assert (contact.email, contact.email_key, contact.phone) == ("", "", "")
    assert claims(contact) == {("external_id", "u1")}
    assert len(claims(other)) == 3


def test_rules_find_them_again_and_no_campaign_begins(staff, project, relay):
    rules = {
        "operator": "AND",
        "conditions": [{"field": "traits.plan", "op": "eq", "value": "pro"}],
    }
    contact = make_contact(project, traits={"plan": "pro"})
    segment = create_segment(project, name="Pro", rules=rules, at=now())
    make_lifecycle(project, "0m", event="", segment=segment)
    contact.remove(at=now())
    relay(now())

    restore(staff, contact)
    relay(now())

    assert Membership.objects.filter(segment=segment, contact=contact).exists()
    assert not Enrollment.objects.exists()
    assert DomainEvent.objects.filter(type="contact.created").count() == 1


def test_a_second_restoration_changes_nothing(project):
    contact = make_contact(project)
    contact.remove(at=AT)

    assert restore_contact(contact, at=AT) == restore_contact(contact, at=AT) == []

    assert DomainEvent.objects.filter(type="contact.created").count() == 1
    assert Identity.objects.filter(contact=contact).count() == 1


def test_nothing_is_left_to_restore_of_the_erased_and_the_merged(staff, api, project):
    erased, merged, target = (make_contact(project) for _ in range(3))
    erase_contact(erased, at=AT)
    api.post(f"/v1/contacts/{target.id}/merge", {"source_contact_id": merged.id})

    for contact in (erased, merged):
        with pytest.raises(Gone):
            restore_contact(contact, at=AT + timedelta(days=1))
        assert contact.id.encode() not in staff.get(DELETED).content
