"""Staff find likely duplicates, and merge them side by side."""

import pytest
from django.test import Client

from contacts.models import Contact
from growth.models import User
from tests.factories import make_contact

PAGE = "/admin/contacts/contact/"


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def twins(project) -> list[Contact]:
    make_contact(project, phone="020 1234")
    pair = [make_contact(project, email="", traits={"plan": plan}) for plan in ("trial", "scale")]
    Contact.objects.filter(pk__in=[each.pk for each in pair]).update(phone="555")
    return pair


def test_likely_duplicates_are_listed(staff, other_project, twins):
    make_contact(other_project, phone="020 1234")

    def listed(name):
        return list(staff.get(PAGE, {"same": name}).context["cl"].queryset)

    assert {each.id for each in listed("phone")} == {each.id for each in twins}
    assert listed("email_key") == []
    Contact.objects.filter(phone="555").update(email_key="a@example.com")
    assert len(listed("email_key")) == 2


def test_two_are_shown_and_then_merged(staff, twins):
    target, source = twins
    form = {"action": "merge", "_selected_action": [each.pk for each in twins]}

    page = staff.post(PAGE, form)
    assert b"trial" in page.content
    assert b"scale" in page.content
    assert Contact.objects.alive().count() == 3
    chosen = {"target": target.pk, "resolution": "prefer_source"}
    assert staff.post(PAGE, form | chosen).status_code == 302

    source.refresh_from_db()
    target.refresh_from_db()
    assert source.merged_into == target
    assert target.traits == {"plan": "scale"}


def test_one_alone_is_not_merged(staff, twins):
    form = {"action": "merge", "_selected_action": [twins[0].pk], "target": twins[0].pk}

    page = staff.post(PAGE, form, follow=True)

    assert b"Select two contacts of one project." in page.content
    assert Contact.objects.alive().count() == 3
