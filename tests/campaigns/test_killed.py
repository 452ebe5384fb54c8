"""What is left of a campaign when whoever changes it dies: all of the change or nothing of it, and
the next try does what is missing.

The process dies before a statement, at each in turn: what its transaction had done until then is
undone, as it is when a connection is lost.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from campaigns import operations
from campaigns.models import Campaign, Enrollment, Step
from campaigns.operations.broadcasts import complete_broadcasts, start_broadcasts
from campaigns.operations.campaigns import end_removed, remove_campaign
from campaigns.operations.exits import exit_journeys
from campaigns.operations.journeys import follow_events, take_steps
from contacts.models import Contact, Email, Event, MailStream
from growth.models import ApiKey, DomainEvent, Project
from tests.campaigns.factories import (
    ONBOARDING,
    decide_all,
    make_broadcast,
    make_lifecycle,
    make_segment,
)
from tests.factories import AT, make_contact, make_event

DAY = timedelta(days=1)
PEOPLE = 5
SEEN = (Campaign, Step, Enrollment, MailStream, Email, Event, DomainEvent)

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process dies here."""


class Death:
    """Comes to whoever has run so many statements."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self, execute: Callable, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return execute(sql, params, many, context)


def survives(work: Callable[[], object], statements: int) -> bool:
    """Do the work; tell whether it came to its end before so many statements were run."""
    try:
        with connection.execute_wrapper(Death(statements)):
            work()
    except Killed:
        connection.close()
        return False
    return True


def everything() -> list[list[dict]]:
    return [list(model.objects.order_by("pk").values()) for model in SEEN]


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme", default_from_email="news@acme.example")


Ask = Callable[..., dict]


def client_of(project: Project) -> Ask:
    _, key = ApiKey.objects.issue(project, type=ApiKey.Type.SECRET, scopes=["*"], name="ours")
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")

    def ask(method: str, path: str = "", body: dict | None = None) -> dict:
        response = getattr(api, method)(f"/v1/campaigns{path}", body, format="json")
        assert response.status_code < 300, response.json()
        return response.json() if response.content else {}

    return ask


def people(project: Project, number: int = PEOPLE) -> list[Contact]:
    return [
        make_contact(project, external_id=f"p{n}", email=f"p{n}@example.com") for n in range(number)
    ]


def waiting(project: Project) -> Campaign:
    """Return an active campaign in which people wait for their second step."""
    campaign = make_lifecycle(project, "0m", "1d", "2d")
    Enrollment.objects.bulk_create(
        Enrollment(project=project, campaign=campaign, contact=each, enrolled_at=AT, due_at=AT)
        for each in people(project)
    )
    while take_steps(at=AT):
        pass
    return campaign


def create(project: Project) -> Callable[[], object]:
    ask = client_of(project)
    return lambda: ask("post", body=ONBOARDING)


def activate(project: Project) -> Callable[[], object]:
    ask = client_of(project)
    campaign = ask("post", body=ONBOARDING)["id"]
    return lambda: ask("post", f"/{campaign}/activate")


def pause(project: Project) -> Callable[[], object]:
    ask, campaign = client_of(project), waiting(project)
    return lambda: ask("post", f"/{campaign.id}/pause")


def resume(project: Project) -> Callable[[], object]:
    ask, campaign = client_of(project), waiting(project)
    ask("post", f"/{campaign.id}/pause")
    return lambda: ask("post", f"/{campaign.id}/activate")


def edit(project: Project) -> Callable[[], object]:
    ask, campaign = client_of(project), waiting(project)
    steps = [
        {"delay": delay, "subject": delay, "template_id": "tmpl_welcome_01"}
        for delay in ("1d", "0m", "3d", "4d")
    ]
    changes = {"name": "Other", "steps": steps, "trigger": {"event": "other"}}
    return lambda: ask("patch", f"/{campaign.id}", changes)


def delete(project: Project) -> Callable[[], object]:
    ask, campaign = client_of(project), waiting(project)
    return lambda: ask("delete", f"/{campaign.id}")


@pytest.mark.parametrize("prepare", [create, activate, pause, resume, edit, delete])
def test_a_call_that_dies_has_not_happened(project, prepare):
    call = prepare(project)
    before = everything()

    for statements in count():
        if survives(call, statements):
            break
        assert everything() == before

    assert statements > 2
    assert everything() != before


def start(project: Project) -> Callable[[], object]:
    make_broadcast(project, make_segment(project, *people(project)))
    return lambda: start_broadcasts(at=AT)


def complete(project: Project) -> Callable[[], object]:
    start(project)()
    decide_all(AT)
    return lambda: complete_broadcasts(at=AT)


def step(project: Project) -> Callable[[], object]:
    waiting(project)
    return lambda: take_steps(at=AT + DAY)


def enroll(project: Project) -> Callable[[], object]:
    make_lifecycle(project, "0m", "1d")
    events = [make_event(each, "signup_completed", at=AT) for each in people(project)]
    pairs = [[event.key, event.timestamp.isoformat()] for event in events]

    def follow() -> None:
        follow_events(project, pairs, at=AT, hops=0)
        take_steps(at=AT)  # As the beat does for those whose first step was not taken at once.

    return follow


def leave(project: Project) -> Callable[[], object]:
    campaign = waiting(project)
    journeys = [(journey.pk, "goal") for journey in campaign.enrollments.order_by("pk")[:3]]
    return lambda: exit_journeys(project, journeys, at=AT)


def end(project: Project) -> Callable[[], object]:
    remove_campaign(waiting(project), at=AT)
    return lambda: end_removed(at=AT)


def outcome(project: Project) -> list[list[tuple]]:
    """Return what became of the people, in words that are the same in every project."""
    journeys = Enrollment.objects.filter(campaign__project=project)
    mails = Email.objects.filter(project=project)
    news = DomainEvent.objects.filter(project=project)
    return [
        sorted(Campaign.objects.filter(project=project).values_list("name", "status")),
        sorted(
            journeys.values_list("contact__external_id", "position", "state", "due_at"), key=str
        ),
        sorted(mails.values_list("contact__external_id", "subject", "state", "reason")),
        sorted(news.values_list("type")),
    ]


@pytest.mark.parametrize("prepare", [start, complete, step, enroll, leave, end])
def test_a_worker_that_dies_is_made_up_for(project, prepare, monkeypatch):
    """Each death leaves whole batches, and in the end nobody was missed and nothing done twice."""
    monkeypatch.setattr(operations.campaigns, "END_AT_ONCE", 2)
    other = Project.objects.create(name="Other", default_from_email="news@other.example")
    work = prepare(other)
    for _ in range(PEOPLE):
        work()
    expected = outcome(other)

    work = prepare(project)
    untouched = outcome(project)
    deaths = 0
    for statements in count():
        if survives(work, statements):
            break
        deaths += 1
    for _ in range(PEOPLE):
        work()

    assert deaths
    assert untouched != expected
    assert outcome(project) == expected
