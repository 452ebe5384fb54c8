"""The page of an invitation, and the mail that leads to it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from contacts.mail import presses
from contacts.mail.claiming import claim
from contacts.mail.parcels import letter_of
from contacts.mail.templates import templates_for
from contacts.mail.wanted import wanted_links
from growth.models import Project
from surveys.models import Invitation, Response
from surveys.operations.surveys import remove_survey
from tests.factories import AT, make_contact
from tests.hostile import TEXTS
from tests.surveys.factories import (
    QUESTIONS,
    happen,
    make_invitation,
    make_survey,
    page_of,
    send,
)

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def invitation(project):
    return make_invitation(make_survey(project), make_contact(project), asked_at=now())


def press(invitation: Invitation, age: float = 5) -> str:
    return presses.issue(f"survey-{invitation.pk}", at=now() - timedelta(seconds=age))


def vote(client, invitation, **said):
    form = {"press": press(invitation), **said}
    return client.post(page_of(invitation), form, headers=BROWSER)


def test_to_look_at_the_page_records_nothing(client, invitation):
    for path in (page_of(invitation), page_of(invitation) + "?score=9"):
        for look in (client.get, client.head):
            assert look(path, headers=BROWSER).status_code == 200

    html = client.get(page_of(invitation) + "?score=9").content.decode()
    assert re.findall(r'value="(\d+)" required checked', html) == ["9"]
    assert html.count('type="radio"') == 11
    assert not Response.objects.exists()
    invitation.refresh_from_db()
    assert invitation.answered_at is None


def test_the_form_is_the_vote(client, invitation):
    assert b"Thank you" in vote(client, invitation, score="9", comment="Nice\0 ").content

    response = Response.objects.get()
    assert (response.score, response.comment) == (9, "Nice")
    assert response.invitation_id == invitation.pk
    invitation.refresh_from_db()
    assert invitation.answered_at == response.responded_at
    html = client.get(page_of(invitation)).content.decode()
    assert re.findall(r'value="(\d+)" required checked', html) == ["9"]


def test_the_vote_may_be_changed_for_a_day(client, invitation):
    vote(client, invitation, score="9")
    assert vote(client, invitation, score="2").status_code == 200
    assert Response.objects.get().category == "detractor"

    Response.objects.update(responded_at=now() - timedelta(hours=25))
    refused = vote(client, invitation, score="10")
    looked = client.get(page_of(invitation))
    assert (refused.status_code, looked.status_code) == (409, 409)
    assert "What you sent just now was not kept" in refused.content.decode()
    assert "was not kept" not in looked.content.decode()
    assert "<title>You have answered already</title>" in looked.content.decode()
    assert Response.objects.get().score == 2


def test_the_day_of_an_answer_is_that_of_the_project(client, project, invitation):
    Project.objects.update(timezone="Pacific/Auckland")
    vote(client, invitation, score="9")
    Response.objects.update(responded_at=datetime(2026, 3, 2, 12, tzinfo=UTC))

    assert "on 3 March 2026" in client.get(page_of(invitation)).content.decode()


@pytest.mark.parametrize("score", ["", "11", "-1", "7.5", "nine", "٣", "99999999999", "1e1"])
def test_a_vote_that_is_none_is_asked_for_again(client, invitation, score):
    answer = vote(client, invitation, score=score, comment="Kept <b>")

    assert answer.status_code == 422
    assert b'role="alert"' in answer.content
    assert b"Kept &lt;b&gt;" in answer.content
    assert not Response.objects.exists()


def test_what_presses_at_once_or_names_itself_a_program_does_not_vote(client, invitation):
    path, form = page_of(invitation), {"score": "9"}
    early = client.post(path, {**form, "press": press(invitation, age=0)}, headers=BROWSER)
    none = client.post(path, form, headers=BROWSER)
    robot = client.post(
        path, {**form, "press": press(invitation)}, headers={"User-Agent": "python-requests/2"}
    )

    for answer in (early, none, robot):
        assert b"press the button once more" in answer.content
    assert b'value="9" required checked' in early.content
    assert not Response.objects.exists()


def test_a_link_that_is_not_ours_is_404(client, invitation):
    token = page_of(invitation).removeprefix("/s/")
    for wrong in ("x", token[:-1] + ("a" if token[-1] != "a" else "b"), "1-1.x"):
        assert client.get(f"/s/{wrong}").status_code == 404
        assert client.post(f"/s/{wrong}", {"score": "9"}).status_code == 404


def test_a_press_for_another_page_does_not_count(client, project, invitation):
    other = make_invitation(invitation.survey, make_contact(project), asked_at=now())
    form = {"press": press(other), "score": "9"}

    assert b"once more" in client.post(page_of(invitation), form, headers=BROWSER).content
    assert not Response.objects.exists()


def test_an_old_invitation_and_a_deleted_survey_are_over(client, project, invitation):
    Invitation.objects.update(asked_at=now() - timedelta(days=31))
    assert client.get(page_of(invitation)).status_code == 410
    assert vote(client, invitation, score="9").status_code == 410

    second = make_invitation(make_survey(project), make_contact(project), asked_at=now())
    remove_survey(second.survey, at=AT)
    assert vote(client, second, score="9").status_code == 410
    third = make_invitation(make_survey(project), make_contact(project), asked_at=now())
    third.contact.remove(at=AT)
    assert vote(client, third, score="9").status_code == 410
    assert not Response.objects.exists()


def test_questions_of_all_kinds_are_answered(client, project):
    survey = make_survey(project, type="custom", questions=QUESTIONS, follow_up=None)
    invitation = make_invitation(survey, make_contact(project), asked_at=now())
    missing = vote(client, invitation, q_size="1")
    assert missing.status_code == 422
    assert b"Please answer this." in missing.content
    assert b'value="1" checked' in missing.content

    said = {"q_size": "2-10", "q_uses": ["mail", "sales"], "q_ease": "4", "q_again": "no"}
    assert vote(client, invitation, **said, q_why=" So ").status_code == 200
    assert Response.objects.get().answers == {
        "size": "2-10",
        "uses": ["mail", "sales"],
        "ease": 4,
        "again": False,
        "why": "So",
    }


def test_hostile_words_are_words(client, project):
    survey = make_survey(project, question="<script>alert(1)</script>{{ 7 }}")
    for text in TEXTS:
        invitation = make_invitation(survey, make_contact(project), asked_at=now())
        form = {"score": "9", "comment": text.encode("utf-8", "replace").decode()}
        answer = vote(client, invitation, **form)
        assert answer.status_code in (200, 422), text[:50]
        html = client.get(page_of(invitation) + f"?score={len(text)}").content.decode()
        assert "<script" not in html
    for name in ("score", "press"):
        for text in TEXTS[:20]:
            invitation = make_invitation(survey, make_contact(project), asked_at=now())
            form = {name: text.encode("utf-8", "replace").decode()}
            assert vote(client, invitation, **form).status_code in (200, 422)


def test_the_sample_keeps_nothing(client, db):
    assert b"Nothing that you choose here is kept" in client.get("/s/sample?score=3").content
    assert client.post("/s/sample", {"score": "9"}).status_code == 200


def test_the_mail_holds_the_scale_and_each_number_leads_to_the_page(project, relay):
    survey = make_survey(project, question="Would you & yours recommend us?")
    happen(make_contact(project))
    relay()
    send()
    [mail] = claim(at=AT, limit=10).mails
    templates = templates_for([(mail.project, mail.template_code)])
    links = wanted_links([mail], templates, {project.key: project}, at=AT)
    wording = templates[mail.project, mail.template_code]
    letter = letter_of(mail, wording, links[mail.key])

    path = page_of(survey.invitations.get())
    assert links[mail.key]["survey"].endswith(path)
    assert "Would you &amp; yours recommend us?" in letter.html
    scores = re.findall(r'<a [^>]*?style="display:inline-block[^>]*>\s*(\d+)\s*</a>', letter.html)
    assert scores == [str(score) for score in range(11)]
    assert f"{path}?score=10" in letter.text or "/l/" in letter.text


def test_a_strangers_project_has_no_such_invitation(client, project):
    invitation = make_invitation(make_survey(project), make_contact(project), asked_at=now())
    Project.objects.create(name="Elsewhere")

    assert client.get(page_of(invitation)).status_code == 200
    assert client.get(page_of(invitation).replace("/s/", "/s/1")).status_code == 404
