"""Staff find likely duplicates, and merge them side by side."""

import pytest
from django.test import Client

from contacts.models import Contact
from contacts.operations.consents import Stance, record_consents
from growth.models import User
from tests.campaigns.factories import make_segment
from tests.factories import AT, make_contact, make_topic

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


def test_what_staff_read_is_made_safe_and_every_trait_has_its_row(staff, project):
    one = make_contact(project, traits={"<b>": "<script>", "size": {"x": 1}, "none": None})
    other = make_contact(project, email="", tags=["a", "b"])
    form = {"action": "merge", "_selected_action": [one.pk, other.pk]}

    page = staff.post(PAGE, form).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "traits.&lt;b&gt;" in page
    assert "{&quot;x&quot;:1}" in page
    assert "a, b" in page


@pytest.mark.parametrize("chosen", [{"target": "cntct_0000000000"}, {"resolution": "none"}, {}])
def test_without_a_whole_choice_the_page_is_shown_again(staff, twins, chosen):
    target, _ = twins
    form = {"action": "merge", "_selected_action": [each.pk for each in twins]}
    form |= {"target": target.pk, "resolution": "prefer_target"} | chosen if chosen else {}

    page = staff.post(PAGE, form)

    assert page.status_code == 200
    assert b"Which one stays?" in page.content
    assert Contact.objects.alive().count() == 3


def test_the_page_of_a_contact_shows_what_it_is_known_by(staff, project):
    contact = make_contact(project, email="a@example.com", external_id="u1")
    make_segment(project, contact)
    record_consents(contact, {make_topic(project).code: Stance("granted")}, at=AT)

    page = staff.get(f"{PAGE}{contact.pk}/change/").content

    for text in (contact.id.encode(), b"external_id u1", b"news: granted", b"Segment"):
        assert text in page


def test_one_alone_is_not_merged(staff, twins):
    form = {"action": "merge", "_selected_action": [twins[0].pk], "target": twins[0].pk}

    page = staff.post(PAGE, form, follow=True)

    assert b"Select two contacts of one project." in page.content
    assert Contact.objects.alive().count() == 3
