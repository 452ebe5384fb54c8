"""Staff change a segment in the admin, and are told first what that would do."""

import json

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from contacts.models import Membership, Segment
from growth.models import User
from tests.contacts.segment_stories import make
from tests.contacts.written_rules import TRIAL, one
from tests.factories import make_contact

GROWTH = one(field="traits.plan", op="eq", value="growth")


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def segment(project) -> Segment:
    for plan in ("trial", "growth", "growth"):
        make_contact(project, traits={"plan": plan})
    return make(project, TRIAL)


def save(staff: Client, segment: Segment, rules: object, **fields: str):
    path = reverse("admin:contacts_segment_change", args=[quote(segment.pk)])
    written = rules if isinstance(rules, str) else json.dumps(rules)
    return staff.post(path, {"name": segment.name, "rules": written, **fields})


def test_an_edit_shows_what_it_would_change_and_is_saved_the_second_time(staff, segment):
    shown = save(staff, segment, GROWTH)

    assert "2 contacts would enter, and 1 leave. Save again to do it." in shown.content.decode()
    segment.refresh_from_db()
    assert segment.rules == TRIAL

    told = shown.context["adminform"].form.data["shown"]
    assert save(staff, segment, GROWTH, shown=told).status_code == 302
    segment.refresh_from_db()
    assert segment.rules == GROWTH
    assert Membership.objects.filter(segment=segment).count() == 2


def test_another_edit_is_shown_anew(staff, segment):
    told = save(staff, segment, GROWTH).context["adminform"].form.data["shown"]

    response = save(staff, segment, one(field="traits.plan", op="exists"), shown=told)

    assert "2 contacts would enter, and 0 leave." in response.content.decode()


def test_a_name_is_changed_at_once(staff, segment):
    assert save(staff, segment, TRIAL, name="Better").status_code == 302
    segment.refresh_from_db()
    assert (segment.name, segment.rules) == ("Better", TRIAL)


def test_a_static_segment_keeps_without_rules(staff, project):
    static = make(project, None)

    assert save(staff, static, TRIAL, name="Better").status_code == 302
    static.refresh_from_db()
    assert (static.name, static.rules) == ("Better", None)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("{", "Enter a valid JSON."),
        ("", "This field is required."),
        ([1], "Send a JSON object with operator and conditions."),
        (one(field="x", op="eq", value=1), "rules.conditions[0].field: There is no such field"),
        (one(field="segments", op="contains", value="seg_0000000000"), "There is no such segment"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(staff, segment, rules, message):
    response = save(staff, segment, rules)

    assert response.status_code == 200
    assert message in response.content.decode()
    segment.refresh_from_db()
    assert segment.rules == TRIAL
