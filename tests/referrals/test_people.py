"""What merges, erasures and deletions do to referrals."""

import json
from datetime import timedelta

import pytest

from contacts.models import Contact, Event
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from growth.models import DomainEvent
from referrals.models import Conversion, Link, Referral, Reward
from tests.factories import AT, make_contact
from tests.referrals.factories import convert, make_link, make_program


def merge(source: Contact, target: Contact) -> Contact:
    return merge_contacts(source=source, target=target, resolution="prefer_target", at=AT)


def stats(api, contact: Contact) -> dict:
    return api.get(f"/v1/contacts/{contact.id}").json()["referral_stats"]


def test_the_survivor_brought_whom_both_brought(api, project):
    program = make_program(project)
    one, other = make_link(program), make_link(program)
    convert(one), convert(other), convert(other)

    merge(other.contact, one.contact)

    assert stats(api, one.contact) == {"referrals_made": 3, "conversions": 3}
    assert set(Link.objects.values_list("contact", flat=True)) == {one.contact_id}
    owed = Reward.objects.values_list("contact", flat=True)
    assert set(owed) == {one.contact_id}
    assert convert(other).referrer_id == one.contact_id

    undo_merge(target=one.contact, source=Contact.objects.get(pk=other.contact_id), at=AT)
    assert Link.objects.get(pk=other.pk).contact_id == other.contact_id


def test_two_conversions_of_one_person_become_the_first(api, project):
    program = make_program(project)
    first, second = make_link(program), make_link(program)
    person, double = make_contact(project), make_contact(project)
    kept = convert(first, person)
    lost = convert(second, double, at=AT + timedelta(hours=1))

    merge(double, person)

    kept.refresh_from_db()
    lost.refresh_from_db()
    assert kept.status == "recorded"
    assert (lost.status, lost.reason) == ("rejected", "duplicate_person")
    assert lost.rewards.get().status == "reversed"
    assert stats(api, second.contact)["conversions"] == 0
    assert DomainEvent.objects.filter(type="referral.reversed").count() == 1


def test_whoever_turns_out_to_have_referred_themselves_has_not(api, project):
    link = make_link(make_program(project))
    double = make_contact(project)
    conversion = convert(link, double)

    merge(double, link.contact)

    conversion.refresh_from_db()
    assert (conversion.status, conversion.reason) == ("rejected", "self_referral")
    assert conversion.rewards.get().status == "reversed"
    assert stats(api, link.contact) == {"referrals_made": 0, "conversions": 0}


def test_merging_in_one_program_leaves_the_others_alone(project):
    link, other = make_link(make_program(project)), make_link(make_program(project))
    person, double = make_contact(project), make_contact(project)
    convert(link, person), convert(other, double)

    merge(double, person)

    assert set(Conversion.objects.values_list("status", "contact")) == {("recorded", person.id)}


def test_an_erased_referrer_leaves_counts_and_no_name(api, project):
    alice = make_contact(project, traits={"name": "Alice Chen", "company": "Acme"})
    link = make_link(make_program(project), alice)
    convert(link)

    receipt = erase_contact(alice, at=AT)

    assert receipt.counts["referrals_link"] == 1
    link.refresh_from_db()
    assert link.code.startswith("GONE-")
    for rows in (Link, Conversion, Reward, Referral, Event, DomainEvent):
        assert "ALICE" not in str(list(rows.objects.values())).upper()
    assert api.get(f"/v1/referrals/programs/{link.program_id}").json()["stats"] == {
        "total_links": 1,
        "total_conversions": 1,
        "total_rewards_issued": 0,
    }


def test_an_erased_friend_still_counts_for_who_brought_it(api, project):
    link = make_link(make_program(project))
    friend = make_contact(project)
    conversion = convert(link, friend)
    Conversion.objects.update(metadata={"name": "Bob"}, reason="Bob said so")

    receipt = erase_contact(friend, at=AT)

    assert receipt.counts["referrals_conversion"] == 1
    conversion.refresh_from_db()
    assert (conversion.metadata, conversion.reason) == ({}, "")
    assert stats(api, link.contact) == {"referrals_made": 1, "conversions": 1}


@pytest.mark.parametrize("times", [1, 2])
def test_an_export_holds_all_there_is(api, project, times):
    program = make_program(project)
    link = make_link(program)
    for _ in range(times):
        convert(link)
    made = convert(make_link(program), link.contact)

    response = api.get(f"/v1/contacts/{link.contact_id}/export")

    export = json.loads(b"".join(response))
    assert [each["code"] for each in export["referrals"]["links"]] == [link.code]
    assert [each["id"] for each in export["referrals"]["conversions"]] == [made.id]
    assert len(export["referrals"]["rewards"]) == times
    assert export["referral_stats"]["conversions"] == times
