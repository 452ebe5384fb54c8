"""The numbers of a survey: counts of rows, by the formulas of the field."""

import pytest
from django.db import connection

from surveys.models import Invitation, Response
from surveys.models.scales import category
from surveys.operations.sending import _held
from surveys.queries import average, nps, nps_of_project, stats
from tests.factories import AT, make_contact
from tests.surveys.factories import DAY, QUESTIONS, answer, make_invitation, make_survey


def respond_with(survey, *scores):
    contact = make_contact(survey.project)
    Response.objects.bulk_create(
        Response(
            project=survey.project,
            survey=survey,
            contact=contact,
            score=score,
            category=category(survey.type, score),
            responded_at=AT,
        )
        for score in scores
    )


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "expected"),
    [
        (130, 52, 28, 49),  # 48.57
        (0, 0, 0, None),
        (0, 1, 0, 0),
        (1, 0, 0, 100),
        (0, 0, 3, -100),
        (1, 7, 0, 13),  # 12.5 goes away from zero,
        (0, 7, 1, -13),  # and so does −12.5.
        (3, 5, 0, 38),  # 37.5
        (1, 199, 0, 1),  # 0.5
        (0, 199, 1, -1),  # −0.5
        (1, 2, 0, 33),
    ],
)
def test_nps_is_rounded_half_away_from_zero(promoters, passives, detractors, expected):
    counts = {10: promoters, 7: passives, 0: detractors}

    assert nps({score: number for score, number in counts.items() if number}) == expected


def test_an_average_has_one_decimal():
    assert average({7: 3, 8: 1}) == 7.3  # 7.25
    assert average({}) is None


def test_the_documented_statistics(api, project):
    survey = make_survey(project)
    respond_with(survey, *[10] * 130, *[7] * 52, *[6] * 28)
    shown = api.get(f"/v1/surveys/{survey.id}/stats").json()

    assert shown["survey_id"] == survey.id
    assert shown["total_responses"] == 210
    assert shown["nps_score"] == 49
    assert shown["breakdown"] == {"promoters": 130, "passives": 52, "detractors": 28}
    assert shown["average_score"] == 8.7  # 1832 / 210 = 8.72
    assert shown["distribution"][6] == {"score": 6, "count": 28}
    assert sum(each["count"] for each in shown["distribution"]) == 210


def test_the_response_rate_is_of_invitations_that_were_sent(project):
    survey = make_survey(project)
    people = [make_contact(project) for _ in range(8)]
    for person in people[:6]:
        make_invitation(survey, person)
    make_invitation(survey, people[6], state="queued", sent_at=None)
    for person in (*people[:2], people[7]):
        answer(survey, person, 8)

    told = stats(survey)
    assert (told["total_sent"], told["total_responses"], told["response_rate"]) == (6, 3, 0.333)


def test_nothing_is_null_or_zero_without_answers(api, project):
    for type in ("nps", "csat", "custom"):
        survey = make_survey(project, type=type)
        shown = api.get(f"/v1/surveys/{survey.id}/stats").json()
        assert (shown["total_sent"], shown["response_rate"]) == (0, 0)
        assert shown.get("nps_score") is shown.get("csat_score") is None
        assert ("nps_score" in shown, "csat_score" in shown) == (type == "nps", type == "csat")


def test_csat_is_the_share_of_the_top_two(project):
    survey = make_survey(project, type="csat")
    respond_with(survey, 5, 4, 3, 2, 1, 5, 4, 4)

    told = stats(survey)
    assert told["csat_score"] == 63  # 62.5
    assert told["breakdown"] == {"satisfied": 5, "neutral": 1, "dissatisfied": 2}
    assert told["average_score"] == 3.5


def test_each_question_is_counted(project):
    survey = make_survey(project, type="custom", questions=QUESTIONS)
    for ease, uses, again in ((5, ["mail"], True), (4, ["mail", "sales"], True), (4, [], False)):
        answers = {"ease": ease, "again": again} | ({"uses": uses} if uses else {})
        answer(survey, make_contact(project), answers=answers)

    told = {each["id"]: each for each in stats(survey)["questions"]}
    assert [told[id]["responses"] for id in ("size", "uses", "ease", "again", "why")] == [
        *(0, 2, 3, 3, 0)
    ]
    assert [each["count"] for each in told["uses"]["distribution"]] == [2, 0, 1]
    assert [each["count"] for each in told["ease"]["distribution"]] == [0, 0, 0, 2, 1]
    assert [each["count"] for each in told["again"]["distribution"]] == [2, 1]
    assert told["ease"]["average_score"] == 4.3
    assert "distribution" not in told["why"]


def test_the_nps_of_a_project_is_of_its_own_lately(project, other_project):
    respond_with(make_survey(project), 10, 10, 7)
    respond_with(make_survey(project, type="csat"), 1, 1, 1)
    respond_with(make_survey(other_project), 0)

    assert nps_of_project(project, since=AT - DAY, until=AT) == 67
    assert nps_of_project(project, since=AT, until=AT + DAY) is None


def plan_of(queryset) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return queryset.explain()


def test_indexes_answer_statistics_and_find_what_is_due(project):
    survey, ann = make_survey(project), make_contact(project)
    for each in (survey, make_survey(project)):
        respond_with(each, *[n % 11 for n in range(500)])
    Invitation.objects.bulk_create(
        Invitation(
            project=project,
            survey=survey,
            contact=ann,
            entry=n,
            created_at=AT,
            sent_at=None if n % 20 else AT,
        )
        for n in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE surveys_invitation, surveys_response")
    sent = Invitation.objects.filter(project=project, survey=survey, sent_at__isnull=False)
    scores = Response.objects.filter(project=project, survey=survey).values_list("score")

    assert "invitation_sent" in plan_of(sent.values_list("answered_at"))
    assert "response_scores" in plan_of(scores)
    assert "invitation_due" in plan_of(Invitation.objects.filter(due_at__lte=AT).order_by("due_at"))
    assert _held(AT, 10) == []
