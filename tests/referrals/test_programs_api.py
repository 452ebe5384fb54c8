"""``/v1/referrals/programs`` and what hangs on them, as the documents show it."""

from decimal import Decimal

import pytest

from contacts.models import Email, MailStream
from referrals.models import Program, Reward
from referrals.models.money import from_minor, to_minor
from tests.campaigns.factories import make_segment
from tests.factories import make_contact
from tests.referrals.factories import DOCUMENTED, convert, make_link, make_program

PATH = "/v1/referrals/programs"


def test_the_documented_program_comes_back_exactly_as_it_was_sent(api):
    created = api.post(PATH, DOCUMENTED)

    assert created.status_code == 201
    assert created.json() | DOCUMENTED == created.json()
    assert created.json()["id"].startswith("ref_prog_")
    read = api.get(f"{PATH}/{created.json()['id']}").json()
    zeros = {"total_links": 0, "total_conversions": 0, "total_rewards_issued": 0}
    assert read == created.json()
    assert read["stats"] == zeros
    assert api.get(PATH).json()["data"] == [read]


def test_the_documented_change_merges_into_the_limits(api):
    id = api.post(PATH, DOCUMENTED).json()["id"]

    changed = api.patch(
        f"{PATH}/{id}", {"reward_amount": 25, "limits": {"max_referrals_per_contact": 50}}
    ).json()

    assert changed["reward_amount"] == 25
    limits = {"max_referrals_per_contact": 50, "conversion_window_days": 30}
    assert changed["limits"] == limits
    assert changed["tiers"] == DOCUMENTED["tiers"]


def test_status_changes_by_actions_alone(api, project):
    program = make_program(project, status="draft")
    path = f"{PATH}/{program.id}"

    named = api.patch(path, {"status": "active"}).json()
    assert named["status"] == "draft"
    assert named["warnings"] == ["status: This field is read-only and was ignored."]
    assert api.post(f"{path}/pause").status_code == 409
    for action, status in (
        *(("activate", "active"), ("activate", "active")),
        *(("pause", "paused"), ("pause", "paused"), ("activate", "active")),
    ):
        assert api.post(f"{path}/{action}").json()["status"] == status
    assert MailStream.objects.get(kind="referral").paused_at is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reward_amount", -1),
        ("reward_amount", "20"),
        ("reward_amount", True),
        ("reward_amount", 0.001),
        ("reward_currency", "usd"),
        ("tiers", {}),
        ("tiers", [{"referrals": 0}]),
        ("tiers", [{"referrals": 5}, {"referrals": 5}]),
        ("tiers", [{"bonus": 5}]),
        ("tiers", [{"referrals": 5, "bonus": 0.001}]),
        ("limits", {"max_referrals_per_contact": 0}),
        ("limits", {"conversion_window_days": "30"}),
        ("limits", {"typo": 1}),
        ("referee_reward", {"amount": -5}),
        ("landing_url", "javascript:alert(1)"),
        ("landing_url", "//evil.example"),
        ("conversion_event", "$referral_converted"),
        ("status", "ended"),
        ("typo", 1),
    ],
)
def test_what_cannot_be_is_refused_by_name(api, field, value):
    refused = api.post(PATH, DOCUMENTED | {field: value})

    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"].startswith(field)
    assert not Program.objects.exists()
    assert not MailStream.objects.filter(kind="referral").exists()


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [(20, "USD", 2000), (0.1, "EUR", 10), (49.95, "", 4995), (500, "JPY", 500), (1.5, "KWD", 1500)],
)
def test_amounts_are_whole_minor_units(amount, currency, minor):
    assert to_minor(amount, currency) == minor
    assert from_minor(minor, currency) == amount
    assert isinstance(from_minor(minor, currency), int) == (Decimal(str(amount)) % 1 == 0)


def test_yen_have_no_decimals(api):
    body = {"name": "Tomo", "reward_amount": 9.5, "reward_currency": "JPY"}

    assert api.post(PATH, body).json()["error"]["details"][0]["field"] == "reward_amount"


def test_the_counts_of_a_program_are_counts_of_rows(api, project):
    program = make_program(project)
    link = make_link(program)
    convert(link)
    Reward.objects.update(status="issued")
    convert(link)
    make_link(make_program(project))

    stats = api.get(f"{PATH}/{program.id}").json()["stats"]

    assert stats == {"total_links": 1, "total_conversions": 2, "total_rewards_issued": 1}


def test_people_are_asked_to_share_once_each(api, project):
    program = make_program(project)
    first, second = make_contact(project), make_contact(project)
    path = f"{PATH}/{program.id}/prompt"

    assert api.post(path, {"contact_id": first.id}).json()["queued"] == 1
    segment = make_segment(project, first, second)
    assert api.post(path, {"segment_id": segment.id}).json()["queued"] == 1
    assert api.post(path, {}).status_code == 422
    api.post(f"{PATH}/{program.id}/pause")
    assert api.post(path, {"contact_id": first.id}).status_code == 409
    mails = Email.objects.order_by("id").values_list("contact__email", "template_code")
    template = "tmpl_referral_prompt"
    assert list(mails) == [(first.email, template), (second.email, template)]


def test_an_unknown_template_is_a_warning_and_refuses_the_prompt(api, project):
    created = api.post(PATH, DOCUMENTED | {"template_id": "tmpl_none"}).json()

    assert "tmpl_none" in created["warnings"][0]
    body = {"contact_id": make_contact(project).id}
    assert api.post(f"{PATH}/{created['id']}/prompt", body).status_code == 422
