"""What is told of a survey: counts of rows, never kept apart from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count, Q, QuerySet

from contacts.models import Contact
from growth import ids
from growth.models import Project
from surveys.models import Invitation, Response, Survey
from surveys.models.questions import Question, scores_of
from surveys.models.scales import categories, category

RECENT = 10

_CHOSEN = """
    SELECT answer.key, item.value, count(*)
      FROM surveys_response response
     CROSS JOIN jsonb_each(response.answers) answer
     CROSS JOIN LATERAL jsonb_array_elements(
           CASE jsonb_typeof(answer.value) WHEN 'array' THEN answer.value
                ELSE jsonb_build_array(answer.value) END) item
     WHERE response.project_id = %s AND response.survey_id = %s AND answer.key = ANY(%s)
     GROUP BY answer.key, item.value
"""
_ANSWERED = """
    SELECT name, count(*) FROM surveys_response response
     CROSS JOIN jsonb_object_keys(response.answers) name
     WHERE response.project_id = %s AND response.survey_id = %s
     GROUP BY name
"""
# One statement that is planned once: each profile asks, and most contacts never answered.
_OF_CONTACT = """
    SELECT response.id, survey.id, survey.name, score, comment, category, answers::text,
           responded_at, edited_at
      FROM surveys_response response JOIN surveys_survey survey ON survey.id = response.survey_id
     WHERE response.project_id = %(project)s AND response.contact_id = %(contact)s
     ORDER BY response.id DESC LIMIT %(limit)s
"""


def stats(survey: Survey) -> dict[str, Any]:
    """Return how many were asked and answered, and what they said.

    Sent are invitations that a mail server took; the response rate is of these. NPS = 100 ·
    (promoters − detractors) / responses, rounded half away from zero; CSAT the share of 4 and 5.
    Without answers there is no score.
    """
    invited = Invitation.objects.filter(
        project=survey.project_id, survey=survey, sent_at__isnull=False
    )
    asked = invited.aggregate(sent=Count("*"), answered=Count("answered_at"))
    responses = Response.objects.filter(project=survey.project_id, survey=survey)
    counts = scores_of_responses(responses)
    total = sum(counts.values())
    return {
        "total_sent": asked["sent"],
        "total_responses": total,
        "response_rate": rate(asked["answered"], asked["sent"]),
        **(_scored(survey, counts) if survey.scale else {"questions": _by_question(survey)}),
    }


def scores_of_responses(responses: QuerySet[Response]) -> dict[int | None, int]:
    """Return how many answers there are of each score."""
    return dict(responses.order_by().values_list("score").annotate(number=Count("pk")))


def nps(counts: Mapping[int | None, int]) -> int | None:
    """Return the NPS of so many answers of each score, rounded half away from zero; None of none.

    Source: Reichheld, The One Number You Need to Grow, Harvard Business Review 12/2003.
    """
    total = sum(counts.values())
    if not total:
        return None
    named = named_counts("nps", counts)
    balance = named["promoter"] - named["detractor"]
    return int(_rounded(Decimal(100 * balance) / total, "1"))


def nps_of_project(project: Project, *, since: datetime, until: datetime) -> int | None:
    """Return the NPS of all answers to NPS surveys of the project after ``since``."""
    lately = Response.objects.in_project(project).filter(
        survey__type=Survey.Type.NPS,
        responded_at__gt=since,
        responded_at__lte=until,
        score__isnull=False,
    )
    return nps(scores_of_responses(lately))


def named_counts(type: str, counts: Mapping[int | None, int]) -> dict[str, int]:
    """Return how many answers are of each category of the scale."""
    named = dict.fromkeys(categories(type), 0)
    for score, number in counts.items():
        if name := category(type, score):
            named[name] += number
    return named


def rate(part: int, whole: int) -> float:
    """Return the share with three decimals; of nothing it is 0."""
    return float(_rounded(Decimal(part) / whole, "0.001")) if whole else 0


def of_contact(contact: Contact, *, in_full: bool) -> dict[str, Any]:
    """Return what the contact was asked and answered: the latest, or all of it."""
    if not in_full:
        return {"survey_responses": _answers_of(contact, RECENT)}
    asked = Invitation.objects.filter(
        Q(contact=contact) | Q(contact__merged_into=contact), project=contact.project_id
    )
    return {
        "survey_responses": _answers_of(contact, None),
        "survey_invitations": [
            _invited(each) for each in asked.select_related("survey").order_by("pk")
        ],
    }


def _scored(survey: Survey, counts: Mapping[int | None, int]) -> dict[str, Any]:
    named = named_counts(survey.type, counts)
    about = {
        "breakdown": {_PLURALS.get(name, name): number for name, number in named.items()},
        "average_score": average(counts),
        "distribution": [
            {"score": score, "count": counts.get(score, 0)} for score in survey.scale or ()
        ],
    }
    if survey.type == Survey.Type.NPS:
        return {"nps_score": nps(counts), **about}
    total = sum(counts.values())
    share = Decimal(100 * named["satisfied"]) / total if total else None
    return {"csat_score": None if share is None else int(_rounded(share, "1")), **about}


def average(counts: Mapping[int | None, int]) -> float | None:
    """Return the mean score with one decimal; None of none."""
    scored = {score: number for score, number in counts.items() if score is not None}
    total = sum(scored.values())
    if not total:
        return None
    points = sum(score * number for score, number in scored.items())
    return float(_rounded(Decimal(points) / total, "0.1"))


def _by_question(survey: Survey) -> list[dict[str, Any]]:
    questions = survey.questions or []
    place = [survey.project_key, survey.key]
    counted = [each["id"] for each in questions if each["type"] != "text"]
    chosen: dict[str, dict[Any, int]] = {}
    for id, value, number in _rows(_CHOSEN, [*place, counted]) if counted else ():
        chosen.setdefault(id, {})[orjson.loads(value)] = number
    answered = dict(_rows(_ANSWERED, place)) if questions else {}
    return [
        _told(each, answered.get(each["id"], 0), chosen.get(each["id"], {})) for each in questions
    ]


def _told(question: Question, responses: int, chosen: Mapping[Any, int]) -> dict[str, Any]:
    about = {
        "id": question["id"],
        "type": question["type"],
        "label": question["label"],
        "responses": responses,
    }
    if question["type"] == "text":
        return about
    numbers = scores_of(question)
    values: Sequence[Any] = question.get("choices") or numbers or (True, False)
    gone = [value for value in chosen if value not in values]
    about["distribution"] = [
        {"value": value, "count": chosen.get(value, 0)} for value in (*values, *gone)
    ]
    return about | ({"average_score": average(chosen)} if numbers else {})


def _rows(statement: str, params: Sequence[Any]) -> Iterable[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def _rounded(value: Decimal, unit: str) -> Decimal:
    return value.quantize(Decimal(unit), ROUND_HALF_UP)  # half away from zero, on both sides


def _answers_of(contact: Contact, limit: int | None) -> list[dict[str, Any]]:
    params = {"project": contact.project_key, "contact": contact.key, "limit": limit}
    with connection.prepared_cursor() as cursor:
        cursor.execute(_OF_CONTACT, params)
        return [_answered(*row) for row in cursor.fetchall()]


def _answered(key: int, survey: int, name: str, *told: Any) -> dict[str, Any]:
    score, comment, category, answers, responded_at, edited_at = told
    return {
        "survey_id": ids.encode(Survey._meta.pk.prefix, survey),
        "survey_name": name,
        "id": ids.encode(Response._meta.pk.prefix, key),
        "score": score,
        "comment": comment or None,
        "category": category or None,
        "answers": orjson.loads(answers),
        "responded_at": responded_at,
        "edited_at": edited_at,
    }


def _invited(invitation: Invitation) -> dict[str, Any]:
    times = ("created_at", "asked_at", "sent_at", "answered_at")
    return {
        "survey_id": invitation.survey_id,
        "survey_name": invitation.survey.name,
        "state": invitation.state,
        "event": invitation.event,
        **{name: getattr(invitation, name) for name in times},
    }


_PLURALS = {"promoter": "promoters", "passive": "passives", "detractor": "detractors"}
