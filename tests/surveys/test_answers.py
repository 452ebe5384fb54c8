"""Answers by the API and by ingest: checked, kept once, and told."""

from datetime import timedelta

import pytest
from django.test import Client

from contacts.models import Contact, Email, Event
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from growth import outbox
from growth.errors import Conflict
from growth.models import DomainEvent, ListenerFailure, User
from surveys.models import Invitation, Response, Survey
from tests.campaigns.factories import write_campaign
from tests.factories import AT, make_contact
from tests.surveys.factories import (
    DAY,
    QUESTIONS,
    answer,
    make_invitation,
    make_survey,
)


def post(api, survey, contact, **said):
    return api.post(f"/v1/surveys/{survey.id}/responses", {"contact_id": contact.id, **said})


def reasons(response) -> dict[str, str]:
    assert response.status_code == 422, response.json()
    return {each["field"]: each["reason"] for each in response.json()["error"]["details"]}


def test_an_answer_is_told_in_the_same_transaction(api, project):
    survey, ann = make_survey(project), make_contact(project)
    made = post(api, survey, ann, score=9, comment=" Love it! ")

    assert made.status_code == 201
    shown = made.json()
    assert (shown["score"], shown["category"], shown["comment"]) == (9, "promoter", "Love it!")
    event = Event.objects.get(name="$survey_responded")
    assert event.properties == {
        "survey_id": survey.id,
        "survey_type": "nps",
        "response_id": shown["id"],
        "score": 9,
        "category": "promoter",
        "comment": "Love it!",
    }
    news = DomainEvent.objects.get(type="survey.response.created")
    assert news.data["id"] == shown["id"]
    assert news.subject == ann.key
    ann.refresh_from_db()
    assert ann.traits["last_nps_score"] == 9
    assert ann.traits["last_survey_at"] == shown["responded_at"]
    listed = api.get(f"/v1/surveys/{survey.id}/responses?limit=50").json()
    assert listed == {"data": [shown], "has_more": False, "next_cursor": None}
    assert api.get(f"/v1/contacts/{ann.id}").json()["survey_responses"][0]["id"] == shown["id"]


@pytest.mark.parametrize(
    ("type", "scores"),
    [
        ("nps", ["detractor"] * 7 + ["passive"] * 2 + ["promoter"] * 2),
        ("csat", [None, *["dissatisfied"] * 2, "neutral", *["satisfied"] * 2]),
    ],
)
def test_every_score_of_a_scale_has_its_category(api, project, type, scores):
    survey = make_survey(project, type=type)
    for score, category in enumerate(scores):
        response = post(api, survey, make_contact(project), score=score)
        assert response.json().get("category") == category


@pytest.mark.parametrize("score", [11, -1, 7.5, 9.0, "9", True, None, [], {}, 2**62])
def test_a_score_that_is_none_is_refused(api, project, score):
    survey, ann = make_survey(project), make_contact(project)

    assert list(reasons(post(api, survey, ann, score=score))) == ["score"]
    assert not Response.objects.exists()


def test_the_category_is_not_the_clients_to_say(api, project):
    survey, ann = make_survey(project), make_contact(project)

    assert reasons(post(api, survey, ann, score=3, category="promoter")) == {
        "category": "unknown_field"
    }


def test_a_second_answer_edits_for_a_day(api, project):
    survey, ann = make_survey(project), make_contact(project)
    first = post(api, survey, ann, score=3).json()
    second = post(api, survey, ann, score=10, comment="Now I see")

    assert second.status_code == 200
    assert second.json()["id"] == first["id"]
    assert second.json()["category"] == "promoter"
    assert Event.objects.filter(name="$survey_responded").count() == 1
    ann.refresh_from_db()
    assert ann.traits["last_nps_score"] == 10
    Response.objects.update(responded_at=AT - timedelta(days=400))
    assert post(api, survey, ann, score=5).status_code == 409
    assert Response.objects.get().score == 10


def test_after_a_day_the_cap_decides_whether_an_answer_is_a_new_one(project):
    survey = make_survey(project, frequency_cap={"cooldown_days": 30})
    ann = make_contact(project)
    answer(survey, ann, 9)
    with pytest.raises(Conflict):
        answer(survey, ann, 5, at=AT + 29 * DAY)
    answer(survey, ann, 5, at=AT + 31 * DAY)

    assert list(Response.objects.order_by("pk").values_list("score", flat=True)) == [9, 5]


def test_an_answer_finds_the_invitation_that_is_open(project):
    survey, ann = make_survey(project), make_contact(project)
    first = make_invitation(survey, ann)
    assert answer(survey, ann, 9).invitation_id == first.pk
    second = make_invitation(survey, ann, asked_at=AT + 90 * DAY)
    assert answer(survey, ann, 4, at=AT + 91 * DAY).invitation_id == second.pk

    assert Invitation.objects.exclude(answered_at=None).count() == 2


def test_answers_to_questions_are_checked_by_their_kinds(api, project):
    survey = make_survey(project, type="custom", questions=QUESTIONS)
    ann = make_contact(project)
    wrong = {"size": "11", "uses": ["mail", "mail"], "again": "yes", "why": 7, "x": 1}

    assert sorted(reasons(post(api, survey, ann, answers=wrong, score=3))) == [
        *("answers.again", "answers.ease", "answers.size", "answers.uses", "answers.why"),
        *("answers.x", "score"),
    ]
    right = {"size": "2-10", "uses": ["mail", "sales"], "ease": 4, "again": False, "why": ""}
    shown = post(api, survey, ann, answers=right).json()
    assert shown["answers"] == {name: right[name] for name in ("size", "uses", "ease", "again")}
    assert (shown["score"], shown["category"]) == (None, None)


def test_a_custom_question_alone_is_answered_in_words(api, project):
    survey = make_survey(project, type="custom", follow_up=None)
    ann = make_contact(project)

    assert reasons(post(api, survey, ann)) == {"comment": "required"}
    assert post(api, survey, ann, comment="Because").json()["comment"] == "Because"


def test_a_deleted_contact_cannot_answer(api, project):
    survey, ann = make_survey(project), make_contact(project)
    ann.remove(at=AT)

    assert "contact_id" in reasons(post(api, survey, ann, score=9))


def test_clients_answer_by_an_event(ingest, project, relay):
    survey = make_survey(project)
    ann = make_contact(project, external_id="u1")
    call = {
        "userId": "u1",
        "event": "$survey_responded",
        "messageId": "m1",
        "properties": {
            "survey_id": survey.id,
            "score": 6,
            "answers": {"comment": "Too slow"},
        },
    }
    for _ in range(2):
        assert ingest.post("/v1/track", call).status_code == 202
        relay()

    response = Response.objects.get()
    assert (response.contact_id, response.score, response.category) == (ann.id, 6, "detractor")
    assert response.comment == "Too slow"
    event = Event.objects.get(name="$survey_responded")
    assert event.properties["response_id"] == response.id


@pytest.mark.parametrize(
    "properties",
    [{}, {"survey_id": "seg_0000000000"}, {"survey_id": "srvy_0000000000", "score": "9"},
     {"survey_id": "srvy_0000000000", "answers": [1]}],
)  # fmt: skip
def test_an_event_that_is_no_answer_is_refused(ingest, properties):
    call = {"userId": "u1", "event": "$survey_responded", "properties": properties}
    response = ingest.post("/v1/track", call)

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"].startswith("properties.")


def test_an_answer_by_an_event_that_fits_no_survey_is_parked_with_its_reason(
    ingest, project, other_project
):
    strange = make_survey(other_project)
    own = make_survey(project)
    for id, score in ((strange.id, 9), (own.id, 99), ("srvy_0000000000", 1), (own.id, 9)):
        properties = {"survey_id": id, "score": score}
        call = {"userId": "u1", "event": "$survey_responded", "properties": properties}
        assert ingest.post("/v1/track", call).status_code == 202
    while outbox.relay(at=AT):
        pass

    assert Response.objects.get().score == 9
    parked = ListenerFailure.objects.order_by("id")
    assert [failure.error for failure in parked] == [
        f"This project has no survey {strange.id}.",
        "score: Send a whole number from 0 to 10.",
        "This project has no survey srvy_0000000000.",
    ]
    assert all(failure.parked_at for failure in parked)
    assert outbox.retry_failures(at=AT + timedelta(days=1)) == 0


def test_staff_try_a_parked_answer_again_when_its_survey_fits(ingest, project):
    staff = Client()
    staff.force_login(User.objects.create_superuser("staff", password="x"))
    survey = make_survey(project, type="csat")
    properties = {"survey_id": survey.id, "score": 9}
    call = {"userId": "u1", "event": "$survey_responded", "properties": properties}
    ingest.post("/v1/track", call)
    while outbox.relay(at=AT):
        pass

    def try_again():
        parked = [*ListenerFailure.objects.values_list("pk", flat=True)]
        form = {"action": "try_again", "_selected_action": parked}
        staff.post("/admin/growth/listenerfailure/", form)
        outbox.retry_failures(at=AT + timedelta(minutes=1))

    try_again()
    assert ListenerFailure.objects.get().parked_at
    Survey.objects.update(type="nps")
    try_again()

    assert Response.objects.get().score == 9
    assert not ListenerFailure.objects.exists()


def test_promoters_are_written_to_by_a_campaign(api, project, relay):
    where = {"field": "properties.category", "op": "eq", "value": "promoter"}
    trigger = {"event": "$survey_responded", "where": where}
    step = {"delay": "0m", "subject": "Thanks", "template_id": "tmpl_referral_prompt"}
    write_campaign(api, step, trigger=trigger)
    survey = make_survey(project)
    ann, bob = make_contact(project, email="ann@example.com"), make_contact(project)
    answer(survey, ann, 9)
    answer(survey, bob, 6)
    relay()

    assert list(Email.objects.values_list("address", flat=True)) == ["ann@example.com"]


def test_an_erased_person_stays_counted_and_unnamed(project):
    survey = make_survey(project, type="custom", questions=QUESTIONS)
    scored = make_survey(project)
    ann = make_contact(project)
    make_invitation(scored, ann, event={"name": "x", "properties": {"who": "Ann"}})
    answer(scored, ann, 9, comment="I am Ann")
    answer(survey, ann, answers={"ease": 4, "why": "I am Ann"})
    erase_contact(ann, at=AT)

    assert list(Response.objects.order_by("pk").values_list("score", "comment", "answers")) == [
        (9, "", {}),
        (None, "", {"ease": 4}),
    ]
    assert Invitation.objects.get().event == {}
    everything = [
        str(list(model.objects.values())) for model in (Response, Invitation, DomainEvent)
    ]
    assert "I am Ann" not in "".join(everything)


def test_a_merge_moves_answers_and_is_undone(project):
    survey = make_survey(project, frequency_cap={})
    target, source = make_contact(project), make_contact(project)
    make_invitation(survey, target, state="queued", sent_at=None)
    further = make_invitation(survey, source)
    answer(survey, source, 9)
    before = sorted(Invitation.objects.values_list("pk", "contact"))
    merge_contacts(source=source, target=target, at=AT)

    assert Response.objects.get().contact_id == target.id
    assert Invitation.objects.get(pk=further.pk).contact_id == target.id
    undo_merge(source=source, target=target, at=AT)
    assert Response.objects.get().contact_id == source.id
    assert sorted(Invitation.objects.values_list("pk", "contact")) == before


def test_the_link_of_a_merged_contact_answers_for_the_survivor(project):
    survey = make_survey(project)
    target, source = make_contact(project), make_contact(project)
    merge_contacts(source=source, target=target, at=AT)
    source.refresh_from_db()

    assert answer(survey, Contact.objects.get(pk=source.pk), 9).contact_id == target.id
