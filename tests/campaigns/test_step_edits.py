"""Steps edited while people are on their way: nobody misses one, or gets one twice."""

from datetime import timedelta

import pytest

from campaigns.models import Enrollment, Step
from contacts.models import Email
from tests.campaigns.factories import decide_all, happen, play, take, write_campaign
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


@pytest.fixture
def edit(api):
    def run(campaign, *steps, **fields):
        response = api.patch(f"/v1/campaigns/{campaign['id']}", {"steps": list(steps), **fields})
        assert response.status_code == 200, response.json()
        return response.json()

    return run


def step(subject, delay, **fields):
    return {"subject": subject, "delay": delay, "template_id": "tmpl_welcome_01", **fields}


def begin(api, contact, relay, **fields):
    """Return a campaign of A, B and C of which the contact has had A."""
    steps = [step("A", "0m"), step("B", "2d"), step("C", "5d")]
    campaign = write_campaign(api, *steps, **fields)
    happen(contact)
    relay(AT)
    decide_all(AT)
    return campaign, *campaign["steps"]


def subjects(contact):
    return "".join(
        Email.objects.filter(contact=contact).order_by("id").values_list("subject", flat=True)
    )


def test_a_step_put_in_between_is_sent_in_its_place(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)

    edit(campaign, a, step("N", "1d"), b, c)

    assert play(AT, 8) == {1: ["N"], 2: ["B"], 5: ["C"]}


def test_a_step_put_in_behind_somebody_is_not_made_up_for(api, project, relay, edit):
    ann, bob = make_contact(project), make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)

    edit(campaign, step("N", "0m"), a, b, c)
    happen(bob, at=AT)
    relay(AT)
    play(AT, 8)

    assert subjects(ann) == "ABC"
    assert subjects(bob) == "NABC"


def test_a_removed_step_is_left_out_and_its_waiting_mail_says_so(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)
    play(AT, 1)
    take(AT + 2 * DAY)
    assert subjects(ann) == "AB"

    edit(campaign, a, c)

    removed = Email.objects.get(subject="B")
    assert (removed.state, removed.reason) == ("suppressed", "step_removed")
    assert not Step.objects.filter(subject="B").exists()
    Email.objects.filter(subject="B").update(decided_at=AT + 2 * DAY)  # The API reads real clocks.
    play(AT + 2 * DAY, 8)
    assert subjects(ann) == "ABC"
    assert Enrollment.objects.get().state == "completed"


def test_the_awaited_step_may_be_removed(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)

    edit(campaign, a, c)

    assert play(AT, 8) == {5: ["C"]}


def test_reordered_steps_are_neither_missed_nor_sent_twice(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)

    edit(campaign, c | {"delay": "1d"}, b, a)

    assert play(AT, 8) == {1: ["C"], 2: ["B"]}
    assert subjects(ann) == "ACB"


def test_a_changed_delay_moves_those_who_wait_already(api, project, relay, edit):
    for delay, day in (("12h", 0.5), ("4d", 4)):
        ann = make_contact(project)
        campaign, a, b, c = begin(api, ann, relay)
        edit(campaign, a, b | {"delay": delay}, c)

        assert list(play(AT, 8)) == [day, 5]
        api.delete(f"/v1/campaigns/{campaign['id']}")


def test_a_delay_that_is_over_already_sends_at_once(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)
    play(AT, 1)

    edit(campaign, a, b | {"delay": "6h"}, c)

    assert play(AT + 1.5 * DAY, 8) == {0: ["B"], 3.5 + 1.25: ["C"]}


def test_a_step_that_is_changed_in_its_place_keeps_who_had_it(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)

    edit(campaign, step("A2", "0m"), step("B2", "2d"), step("C2", "5d"))

    assert play(AT, 8) == {2: ["B2"], 5: ["C2"]}


def test_without_ids_a_step_is_known_by_its_template(api, edit):
    campaign = write_campaign(api, step("A", "0m"), step("B", "2d", template_id="tmpl_onboard_02"))
    ids = [each["id"] for each in campaign["steps"]]

    changed = edit(
        campaign,
        step("N", "0m", template_id="tmpl_reengage"),
        step("A", "1h"),
        step("B", "2d", template_id="tmpl_onboard_02"),
    )

    assert [each["id"] for each in changed["steps"]][1:] == ids


def test_appending_reaches_who_waits_and_not_who_is_through(api, project, relay, edit):
    through = make_contact(project)
    campaign, a, b, c = begin(api, through, relay)
    play(AT, 6)
    waits = make_contact(project)
    happen(waits, at=AT + 6 * DAY)
    relay(AT + 6 * DAY)
    decide_all(AT + 6 * DAY)

    edit(campaign, a, b, c, step("D", "6d"))
    play(AT + 6 * DAY, 10)

    assert (subjects(through), subjects(waits)) == ("ABC", "ABCD")


def test_all_steps_removed_completes_who_waits(api, project, relay, edit):
    campaign, *_ = begin(api, make_contact(project), relay)

    edit(campaign)
    play(AT, 8)

    assert Enrollment.objects.get().state == "completed"
    assert Email.objects.count() == 1


def test_a_foreign_or_repeated_id_changes_nothing(api, project, relay, edit):
    campaign, a, b, c = begin(api, make_contact(project), relay)
    other = write_campaign(api, step("X", "0m"))["steps"][0]
    path = f"/v1/campaigns/{campaign['id']}"

    for steps, field in (([a, other], "steps[1].id"), ([a, b, a], "steps[2].id")):
        refused = api.patch(path, {"steps": steps, "name": "changed"})
        assert refused.status_code == 422
        assert refused.json()["error"]["details"][0]["field"] == field
    shown = api.get(path).json()
    assert (shown["steps"], shown["name"]) == ([a, b, c], campaign["name"])


def test_a_pause_pushes_what_follows_also_after_an_edit(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay)
    path = f"/v1/campaigns/{campaign['id']}"

    api.post(f"{path}/pause")
    edit(campaign, a, b, c | {"delay": "4d"})
    assert play(AT, 10) == {}
    api.post(f"{path}/activate")

    assert play(AT + 10 * DAY, 8) == {0: ["B"], 2: ["C"]}


def test_from_the_previous_step_a_delay_counts_from_its_decision(api, project, relay, edit):
    ann = make_contact(project)
    campaign, a, b, c = begin(api, ann, relay, delay_from="previous_step")

    assert play(AT, 10) == {2: ["B"], 7: ["C"]}


def test_a_first_step_waits_its_delay(api, project, relay):
    write_campaign(api, "1d")
    happen(make_contact(project))
    relay(AT)

    assert play(AT, 3) == {1: ["1d"]}
