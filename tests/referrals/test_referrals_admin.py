"""What staff see of referrals, and do to them."""

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from growth.models import User
from referrals.models import Reward
from referrals.signing import share_token
from tests.referrals.factories import convert, make_link, make_program


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


def act(staff, model, name, *rows):
    body = {"action": name, "_selected_action": [row.pk for row in rows]}
    url = reverse(f"admin:referrals_{model}_changelist")
    return staff.post(url, body, follow=True).content.decode()


def test_staff_pause_and_activate_programs(staff, project):
    program = make_program(project)
    link = make_link(program)
    convert(link)

    act(staff, "program", "pause", program)
    program.refresh_from_db()
    assert program.status == "paused"
    act(staff, "program", "activate", program)
    program.refresh_from_db()
    assert program.status == "active"
    page = staff.get(reverse("admin:referrals_program_change", args=[quote(program.pk)]))
    assert "total conversions 1" in page.content.decode()


def test_staff_approve_reject_and_reverse(staff, project):
    link = make_link(make_program(project, limits={"hold_days": 7}))
    first, second = convert(link), convert(link)

    act(staff, "reward", "approve", first.rewards.get())
    act(staff, "reward", "reject", second.rewards.get())
    statuses = Reward.objects.order_by("id").values_list("status", flat=True)
    assert list(statuses) == ["approved", "rejected"]
    act(staff, "conversion", "reverse", first)
    assert Reward.objects.get(conversion=first).status == "reversed"
    assert "can be approved" in act(staff, "reward", "approve", Reward.objects.first())


def test_staff_change_the_share_token_of_a_link(staff, project):
    link, other = make_link(program := make_program(project)), make_link(program)
    before = share_token(link)
    act(staff, "link", "rotate_share_tokens", link)
    link.refresh_from_db()
    other.refresh_from_db()

    assert share_token(link) != before
    assert other.share_version == 0


def test_staff_find_a_link_by_its_code(staff, project):
    link, other = make_link(make_program(project)), make_link(make_program(project))

    url = reverse("admin:referrals_link_changelist")
    found = staff.get(url, {"q": link.code}).content.decode()

    assert link.code in found
    assert other.code not in found
