"""Erasures meet each other, merges, and what the same person does at that moment."""

import pytest
from django.db import DataError
from django.utils.timezone import now

from contacts.models import Contact, Erasure, Event, Identity
from contacts.operations.calls import Call
from contacts.operations.erasing import erase_contact, settle_erasures
from contacts.operations.erasure_sql import STATEMENTS
from contacts.operations.events import record_calls
from contacts.operations.merging import SETTLE_AFTER
from contacts.operations.traits import make_sighting
from tests.contacts.test_erasure import places_of
from tests.contacts.test_merges_at_the_same_time import (
    ROUNDS,
    at_once,
    merging,
    project,
    pytestmark,
)
from tests.factories import make_contact, make_event

__all__ = ["project", "pytestmark"]


def erasing(contact: Contact):
    return lambda: erase_contact(Contact.objects.get(pk=contact.pk), at=now())


def test_erasures_of_one_person_are_one(project):
    for n in range(ROUNDS):
        contact = make_contact(project, email=f"zqx-{n}@example.com")
        make_event(contact, "login", ip="zqx")

        assert at_once(*[erasing(contact)] * 3) == ["done"] * 3

        assert Erasure.objects.filter(contact=contact).count() == 1
    assert places_of("zqx") == set()


def test_whoever_is_erased_while_they_do_something_is_a_stranger_afterwards(project):
    for n in range(ROUNDS):
        contact = make_contact(project, external_id=f"zqx-{n}", email=f"zqx-{n}@example.com")

        def identify(n=n):
            sighting = make_sighting(external_id=f"zqx-{n}", traits={"name": "zqx"})
            record_calls(project, [Call(sighting, name="seen", properties={"ip": "zqx"},
                                        timestamp=now())], at=now())  # fmt: skip

        outcome = at_once(erasing(contact), identify, identify)

        assert outcome == ["done"] * 3
        contact.refresh_from_db()
        assert (contact.external_id, contact.traits) == ("", {})
        assert not Identity.objects.filter(contact=contact).exists()
    settle_erasures(at=now() + SETTLE_AFTER)
    assert not Event.objects.filter(contact__erased_at__isnull=False).exclude(properties={})
    for new in Contact.objects.alive():
        erase_contact(new, at=now())
    assert places_of("zqx") == set()


def test_a_merge_and_an_erasure_leave_both_or_one_whole(project):
    for n in range(ROUNDS):
        target, source = (
            make_contact(project, external_id=f"zqx-{n}-{side}") for side in ("a", "b")
        )

        at_once(merging(source, target), erasing(target))

        source.refresh_from_db()
        if source.merged_into_id:
            assert source.erased_at
        else:
            assert source.external_id == f"zqx-{n}-b"
            erase_contact(source, at=now())
    assert places_of("zqx") == set()


def test_killed_in_the_middle_nothing_is_erased(project, monkeypatch):
    contact = make_contact(project, email="zqx@example.com")
    make_event(contact, "login", ip="zqx")
    before = places_of("zqx")
    monkeypatch.setitem(STATEMENTS, "contacts_contact", "SELECT 1 / 0")

    with pytest.raises(DataError):
        erase_contact(contact, at=now())

    assert places_of("zqx") == before
