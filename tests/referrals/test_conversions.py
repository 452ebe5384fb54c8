"""Conversions that are told by hand, what they are worth, and why some do not count."""

from datetime import timedelta

import pytest

from contacts.models import Event
from growth.models import DomainEvent
from referrals.models import Conversion, Reward
from referrals.operations.conversions import accept_conversion, reverse_conversion
from referrals.operations.rewards import approve_reward, issue_matured, reject_reward
from tests.factories import AT, make_contact
from tests.referrals.factories import convert, make_link, make_program

PATH = "/v1/referrals/conversions"
REFEREE = {"type": "discount", "amount": 15, "currency": "USD"}


def tell(api, link, contact, **more):
    body = {
        "link_code": link.code.lower(),
        "referred_contact_id": contact.id,
        "conversion_event": "subscription_started",
        "metadata": {"plan": "growth", "value": 49.00},
    }
    return api.post(PATH, body | more)


def owed(**fields) -> list[tuple]:
    rows = Reward.objects.filter(**fields).order_by("id")
    return list(rows.values_list("kind", "minor", "status"))


def test_the_documented_conversion_is_recorded_and_owes_both(api, project):
    link = make_link(make_program(project, referee_reward=REFEREE))
    friend = make_contact(project)

    response = tell(api, link, friend)

    said = response.json()
    assert response.status_code == 201
    assert said["id"].startswith("ref_conv_")
    assert said["status"] == "recorded"
    assert said["link_code"] == link.code
    assert said["metadata"] == {"plan": "growth", "value": 49.0}
    assert owed() == [("referrer", 2000, "pending"), ("referee", 1500, "pending")]
    assert Reward.objects.get(kind="referee").contact == friend
    assert Event.objects.get(name="$referral_converted").contact == link.contact
    news = DomainEvent.objects.get(type="referral.converted").data
    assert news["referred_contact_id"] == friend.id
    assert "metadata" not in news
    assert api.get(f"{PATH}/{said['id']}").json() == said
    [listed] = api.get(f"/v1/referrals/links/{link.code}/conversions").json()["data"]
    assert listed == said


def test_a_person_converts_once_in_a_program(api, project):
    """Repeated, and by another's link."""
    program = make_program(project)
    link, other = make_link(program), make_link(program)
    friend = make_contact(project)

    first = tell(api, link, friend)
    again, by_other = tell(api, link, friend), tell(api, other, friend)

    assert [first.status_code, again.status_code, by_other.status_code] == [201, 200, 200]
    assert first.json() == again.json() == by_other.json()
    assert Reward.objects.count() == 1
    elsewhere = make_link(make_program(project))
    assert tell(api, elsewhere, friend).status_code == 201


def test_a_self_referral_is_refused_and_kept(api, project):
    link = make_link(make_program(project))

    first, again = tell(api, link, link.contact), tell(api, link, link.contact)

    assert first.status_code == again.status_code == 422
    [detail] = first.json()["error"]["details"]
    assert detail["reason"] == "self_referral"
    kept = Conversion.objects.get()
    assert (kept.status, kept.reason) == ("rejected", "self_referral")
    assert detail["conversion_id"] == kept.id
    assert not Reward.objects.exists()
    assert api.get(f"/v1/referrals/links/{link.code}").json()["conversions"] == 0


def test_the_same_phone_is_the_same_person(api, project):
    link = make_link(make_program(project), make_contact(project, phone="+4930901820"))
    friend = make_contact(project)
    type(friend).objects.filter(pk=friend.pk).update(phone="+4930901820")

    assert tell(api, link, friend).json()["error"]["details"][0]["reason"] == "self_referral"


def test_a_loop_is_refused_over_any_number_of_people(api, project):
    program = make_program(project)
    people = [make_contact(project) for _ in range(4)]
    links = [make_link(program, each) for each in people]
    for link, friend in zip(links, people[1:], strict=False):
        assert tell(api, link, friend).status_code == 201

    refused = tell(api, links[3], people[0])

    assert refused.json()["error"]["details"][0]["reason"] == "loop"
    assert Conversion.objects.get(status="rejected").reason == "loop"


def test_more_in_an_hour_than_is_believed_are_refused(api, project):
    link = make_link(make_program(project, limits={"max_conversions_per_hour": 2}))
    convert(link, at=AT - timedelta(hours=2))
    late = make_contact(project)
    statuses = [tell(api, link, make_contact(project)).status_code for _ in range(2)]

    refused = tell(api, link, late)

    assert statuses == [201, 201]
    assert refused.json()["error"]["details"][0]["reason"] == "velocity"
    assert refused.json()["error"]["details"][0]["field"] == "link_code"


def test_staff_may_let_a_rejected_one_count(project):
    link = make_link(make_program(project, limits={"max_conversions_per_hour": 1}))
    convert(link)
    late = convert(link)
    assert late.status == "rejected"

    for _ in range(2):
        accept_conversion(Conversion.objects.get(pk=late.pk), at=AT)

    late.refresh_from_db()
    assert (late.status, late.reason) == ("recorded", "")
    assert owed() == [("referrer", 2000, "pending")] * 2


def test_the_link_of_a_deleted_contact_brings_nobody(api, project):
    link = make_link(make_program(project))
    link.contact.remove(at=AT)

    refused = tell(api, link, make_contact(project))

    assert refused.json()["error"]["details"][0]["reason"] == "referrer_deleted"


def test_only_an_active_program_has_conversions(api, project):
    program = make_program(project)
    link = make_link(program)
    program.pause(at=AT)

    assert tell(api, link, make_contact(project)).status_code == 409
    assert not Conversion.objects.exists()


def test_strangers_are_unknown(api, project, other_project):
    link, strange = make_link(make_program(project)), make_link(make_program(other_project))

    for refused in (
        tell(api, strange, make_contact(project)),
        tell(api, link, make_contact(other_project)),
    ):
        assert refused.status_code == 422
    assert not Conversion.objects.exists()


def test_rewards_stop_at_the_limit_and_say_so(api, project):
    link = make_link(make_program(project, limits={"max_referrals_per_contact": 2}))

    made = [convert(link) for _ in range(3)]

    assert [each.status for each in made] == ["recorded"] * 3
    last = Reward.objects.get(conversion=made[2])
    assert (last.status, last.reason) == ("rejected", "max_referrals_per_contact")
    rewards = api.get("/v1/referrals/rewards?status=rejected").json()["data"]
    assert [each["id"] for each in rewards] == [last.id]
    assert rewards[0]["amount"] == 20


def test_each_tier_pays_its_bonus_once(project):
    program = make_program(
        project, tiers=[{"referrals": 3, "bonus": 9.5}, {"referrals": 2, "bonus": 5}]
    )
    link = make_link(program)

    for _ in range(4):
        convert(link)

    bonuses = Reward.objects.filter(kind="tier").order_by("id")
    assert list(bonuses.values_list("tier", "minor")) == [(2, 500), (3, 950)]


def test_rewards_are_held_then_issued_once(project):
    """Repeated."""
    link = make_link(make_program(project, limits={"hold_days": 14}))
    convert(link)

    assert issue_matured(at=AT + timedelta(days=14, seconds=-1)) == 0
    assert issue_matured(at=AT + timedelta(days=14)) == 1
    assert issue_matured(at=AT + timedelta(days=15)) == 0

    reward = Reward.objects.get()
    assert reward.status == "issued"
    assert reward.issued_at == AT + timedelta(days=14)
    news = DomainEvent.objects.get(type="referral.reward.issued").data
    assert (news["amount"], news["currency"]) == (20, "USD")


def test_staff_approve_and_reject(project):
    link = make_link(make_program(project, limits={"hold_days": 14}))
    early, never = convert(link).rewards.get(), convert(link).rewards.get()

    approve_reward(early, at=AT)
    reject_reward(never, at=AT)
    issue_matured(at=AT)

    assert owed() == [("referrer", 2000, "issued"), ("referrer", 2000, "rejected")]


def test_a_reversal_takes_back_all_that_is_owed_for_it(api, project):
    program = make_program(
        project, referee_reward=REFEREE, tiers=[{"referrals": 2, "bonus": 50}], limits={}
    )
    link = make_link(program)
    first, second = convert(link), convert(link)
    issue_matured(at=AT)
    path = f"{PATH}/{first.id}/reverse"

    answers = [api.post(path, {"reason": "Refunded."}) for _ in range(2)]

    assert [each.json()["status"] for each in answers] == ["reversed"] * 2
    assert answers[0].json()["reason"] == "Refunded."
    assert {each[2] for each in owed(conversion=first)} == {"reversed"}
    kept = [("referrer", 2000, "issued"), ("referee", 1500, "issued"), ("tier", 5000, "reversed")]
    assert owed(conversion=second) == kept
    news = DomainEvent.objects.get(type="referral.reversed").data
    assert len(news["reward_ids"]) == 3
    assert api.get(f"/v1/referrals/links/{link.code}").json()["conversions"] == 1
    assert convert(link, first.contact).id == first.id


def test_a_reversal_frees_a_place_under_the_limit(project):
    link = make_link(make_program(project, limits={"max_referrals_per_contact": 1}))
    reverse_conversion(convert(link), at=AT)

    assert convert(link).rewards.get().status == "pending"


def test_what_was_rejected_cannot_be_reversed(api, project):
    link = make_link(make_program(project))
    tell(api, link, link.contact)

    assert api.post(f"{PATH}/{Conversion.objects.get().id}/reverse").status_code == 409


@pytest.mark.parametrize("filter", ["program_id", "contact_id", "conversion_id"])
def test_the_ledger_is_filtered(api, project, filter):
    link, other = make_link(make_program(project)), make_link(make_program(project))
    mine, _ = convert(link), convert(other)
    values = {
        "program_id": link.program_id,
        "contact_id": link.contact_id,
        "conversion_id": mine.id,
    }

    found = api.get(f"/v1/referrals/rewards?{filter}={values[filter]}").json()["data"]

    assert [each["conversion_id"] for each in found] == [mine.id]
    assert api.get("/v1/referrals/rewards?status=x").status_code == 400
    assert api.get(f"/v1/referrals/rewards?{filter}=x").json()["data"] == []
