"""What several workers and people do to the same surveys at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from contacts.models import Contact, Email, Event
from growth.models import Project
from surveys.models import Invitation, Response
from surveys.operations.answering import Answer, respond
from surveys.operations.inviting import follow_events
from surveys.operations.sending import send_due
from tests.factories import AT, make_contact, make_event
from tests.surveys.factories import make_invitation, make_survey, send, states

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works):
    """Run each of the works in a thread of its own."""

    def run(work):
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_sixteen_answers_to_one_invitation_are_one_answer():
    """At the same time, and repeated: fifteen edit what the first one said."""
    project = Project.objects.create(name="Acme")
    survey, ann = make_survey(project), make_contact(project)
    invitation = make_invitation(survey, ann)

    def say(score):
        own = Invitation.objects.select_related("contact__project").get(pk=invitation.pk)
        return respond(survey, own.contact, Answer(score), at=AT, invitation=own)[1]

    new = together(*[lambda n=n: say(n % 11) for n in range(16)])

    assert sum(new) == 1
    response = Response.objects.get()
    assert Event.objects.filter(name="$survey_responded").count() == 1
    ann.refresh_from_db()
    assert ann.traits["last_nps_score"] == response.score


def test_sixteen_answers_without_an_invitation_are_one_answer():
    """At the same time."""
    project = Project.objects.create(name="Acme")
    survey, ann = make_survey(project), make_contact(project)

    def say():
        own = Contact.objects.select_related("project").get(pk=ann.pk)
        return respond(survey, own, Answer(9), at=AT)[1]

    new = together(*[say] * 16)

    assert sum(new) == Response.objects.count() == 1


def test_workers_send_each_invitation_once():
    """At the same time: six workers, forty invitations."""
    project = Project.objects.create(name="Acme")
    survey = make_survey(project)
    for _ in range(40):
        contact = make_contact(project)
        make_invitation(
            survey, contact, state="waiting", asked_at=None, sent_at=None, due_at=AT
        )  # fmt: skip

    counts = together(*[lambda: send_due(at=AT, limit=15)] * 6)
    send()

    assert sum(counts) <= 40
    assert Email.objects.count() == 40
    assert set(states()) == {"queued"}


def test_workers_who_send_two_surveys_keep_the_cooldown():
    """At the same time: each contact is asked by one of the two surveys."""
    project = Project.objects.create(name="Acme")
    surveys = [make_survey(project, name=name, frequency_cap={"cooldown_days": 1}) for name in "ab"]
    for contact in [make_contact(project) for _ in range(20)]:
        for survey in surveys:
            make_invitation(
                survey, contact, state="waiting", asked_at=None, sent_at=None, due_at=AT
            )  # fmt: skip

    together(*[lambda: send_due(at=AT, limit=7)] * 6)
    send()

    assert sorted(states()) == ["queued"] * 20 + ["skipped cooldown"] * 20
    assert Email.objects.count() == 20


def test_the_same_news_told_by_several_at_once_invites_once():
    """At the same time, and repeated: as the relay and the retry of its failures may."""
    project = Project.objects.create(name="Acme")
    make_survey(project, frequency_cap={})
    ann = make_contact(project)
    event = make_event(ann, "trial_expired")
    pairs = [[event.key, event.timestamp.isoformat()]]

    together(*[lambda: follow_events(project, pairs, at=AT, hops=0)] * 6)

    assert states() == ["waiting"]
