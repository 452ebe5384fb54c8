"""What the elements of ``/static/growth.js`` stand on: the file, its calls, and their guide."""

import gzip
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.utils.timezone import now
from rest_framework.test import APIClient

from contacts.mail import presses
from growth.management.demo.referrals import CHANNEL
from growth.management.demo.waitlist import write_demo_waitlist
from growth.management.promoter_loop import SURVEY
from growth.models import ApiKey
from referrals.models import Program
from referrals.signing import share_token
from surveys.models import Response
from surveys.signing import invitation_token
from tests.conftest import client_with
from tests.factories import make_contact
from tests.growth.test_cors import ASKING, ORIGIN
from tests.openapi import faults, find_call
from tests.referrals.factories import convert, follow, make_link, make_program
from tests.surveys.factories import QUESTIONS, answer, make_invitation, make_survey
from tests.test_guides import BLOCK, assert_holds, read_request
from tests.waitlists.factories import make_entry, make_waitlist
from waitlists.mail import status_token
from waitlists.queries import row_of

PAGE = "components.md"
LINK, INVITATION = "/v1/public/referrals/link", "/v1/public/surveys/invitation"
ANSWERS = "/v1/public/surveys/answers"


@pytest.fixture
def anyone() -> APIClient:
    """Return a client without a key, as a person's browser is one."""
    client = APIClient(headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/140.0"})
    client.default_format = "json"
    return client


@pytest.fixture
def invitation(project):
    return make_invitation(make_survey(project), make_contact(project), asked_at=now())


def token_of(invitation) -> str:
    return invitation_token(invitation.project_key, invitation.pk)


def press(invitation, age: float = 5) -> str:
    return presses.issue(f"survey-{invitation.pk}", at=now() - timedelta(seconds=age))


def vote(client, invitation, **said):
    body = {"token": token_of(invitation), "press": press(invitation), **said}
    return client.post(ANSWERS, body)


def test_the_script_is_small_and_asks_nobody_else_for_anything(client):
    source = client.get("/static/growth.js").getvalue().decode()

    assert source == Path(finders.find("growth.js")).read_text()
    assert len(gzip.compress(source.encode())) < 15 * 1024
    assert not re.search(r"https?://|\beval\b|new Function|innerHTML|document\.cookie", source)
    assert client.get("/static/growth.js")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", [LINK, INVITATION, ANSWERS])
def test_pages_of_other_sites_may_call(client, path):
    asked = client.options(path, headers=ASKING)

    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get(path, headers=ORIGIN).headers["Access-Control-Allow-Origin"] == "*"


def test_a_share_token_shows_one_link(project, api, anyone):
    link = make_link(make_program(project))
    follow(link.code)
    convert(link)
    token = api.get(f"/v1/referrals/links/{link.code}").json()["share_token"]

    shown = anyone.get(LINK, {"token": token})

    assert shown.json() == {
        "code": link.code,
        "url": link.url,
        "active": True,
        "clicks": 1,
        "conversions": 1,
    }


def test_a_link_is_not_shown_to_who_has_no_token_of_it(project, ingest, anyone, invitation):
    link = make_link(make_program(project))
    entry = make_entry(make_waitlist(project))
    others = [
        token_of(invitation),
        status_token(row_of(entry)),
        link.code,
        link.id,
        "",
        "\0",
        "1-1",
    ]

    for client in (anyone, ingest):
        for token in [*others, share_token(link)[:-1]]:
            assert client.get(LINK, {"token": token}).status_code == 401, token
    link.contact.remove(at=now())
    gone = anyone.get(LINK, {"token": share_token(link)})
    assert gone.status_code == 401
    assert gone.json()["error"]["message"] == "Send the share_token of the link, as token."


def test_a_share_token_is_changed_on_demand(project, api, anyone):
    link = make_link(make_program(project))
    other = make_link(link.program)
    path = f"/v1/referrals/links/{link.code}"
    old = api.get(path).json()

    new = api.post(f"{path}/rotate-share-token").json()

    assert new == old | {"share_token": new["share_token"]} == api.get(path).json()
    assert anyone.get(LINK, {"token": old["share_token"]}).status_code == 401
    assert anyone.get(LINK, {"token": new["share_token"]}).json()["code"] == link.code
    assert anyone.get(LINK, {"token": share_token(other)}).status_code == 200
    assert api.post("/v1/referrals/links/NOBODY/rotate-share-token").status_code == 404


def test_a_link_of_a_program_that_is_paused_says_so(project, anyone):
    link = make_link(make_program(project))
    Program.objects.update(status=Program.Status.PAUSED)

    assert anyone.get(LINK, {"token": share_token(link)}).json()["active"] is False


def test_a_write_key_does_not_make_links(project, ingest):
    link = make_link(make_program(project))
    body = {"program_id": link.program_id, "contact_id": link.contact_id}

    assert ingest.post("/v1/referrals/links", body).status_code == 403


def test_to_look_at_the_question_records_nothing(anyone, invitation):
    shown = anyone.get(INVITATION, {"token": token_of(invitation)})

    assert shown.status_code == 200
    assert shown.json()["sender"] == "Acme"
    assert shown.json()["said"] is None
    assert not Response.objects.exists()
    invitation.refresh_from_db()
    assert invitation.answered_at is None


def test_a_vote_is_kept_once_and_may_be_changed(anyone, invitation):
    kept = vote(anyone, invitation, score=9, comment="Fast")
    changed = vote(anyone, invitation, score=3)

    assert (kept.json()["status"], changed.json()["status"]) == ("kept", "changed")
    response = Response.objects.get()
    assert (response.score, response.invitation_id) == (3, invitation.pk)
    shown = anyone.get(INVITATION, {"token": token_of(invitation)}).json()
    assert shown["said"] == {"score": 3, "comment": "", "answers": {}}


def test_what_is_wrong_with_a_vote_is_told_at_once(project, anyone):
    survey = make_survey(project, type="custom", question="Three", questions=QUESTIONS)
    asked = make_invitation(survey, make_contact(project), asked_at=now())

    refused = vote(anyone, asked, answers={"size": "9", "again": "yes"})

    assert refused.status_code == 422
    details = refused.json()["error"]["details"]
    assert [each["field"] for each in details] == ["answers.size", "answers.ease", "answers.again"]
    assert not Response.objects.exists()


@pytest.mark.parametrize("said", [{"press": ""}, {"press": "x"}, {}])
def test_who_votes_at_once_is_asked_again(anyone, invitation, said):
    said = said or {"press": press(invitation, age=0.5)}

    refused = vote(anyone, invitation, score=9, **said)

    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == "press"
    assert not Response.objects.exists()


def test_a_program_that_says_it_is_one_does_not_vote(invitation):
    robot = APIClient(headers={"User-Agent": "HeadlessChrome/120"})
    robot.default_format = "json"

    assert vote(robot, invitation, score=9).status_code == 422
    assert not Response.objects.exists()


def test_an_invitation_that_is_over_says_why(anyone, invitation):
    answer(invitation.survey, invitation.contact, 9, at=now() - timedelta(hours=25))
    late = anyone.get(INVITATION, {"token": token_of(invitation)})
    assert late.status_code == 409
    assert vote(anyone, invitation, score=1).status_code == 409

    other = make_invitation(invitation.survey, make_contact(invitation.project))
    assert anyone.get(INVITATION, {"token": token_of(other)}).status_code == 410
    assert vote(anyone, other, score=1).status_code == 410
    assert Response.objects.get().score == 9


@pytest.mark.parametrize("token", ["", "1-1", "1-1.x", "\0", "ü"])
def test_a_token_that_is_none_opens_nothing(db, anyone, token):
    assert anyone.get(INVITATION, {"token": token}).status_code == 401
    assert anyone.post(ANSWERS, {"token": token, "score": 9}).status_code in (401, 422)


def test_the_sample_keeps_nothing(db, anyone):
    assert anyone.get(INVITATION, {"token": "sample"}).json()["scale"]["max"] == 10
    sample = anyone.post(ANSWERS, {"token": "sample", "score": 9})
    assert sample.json() == {"status": "sample", "editable_until": None}
    assert anyone.post(ANSWERS, {"token": "sample", "score": 11}).status_code == 422
    assert not Response.objects.exists()


def test_the_demo_page_bears_what_the_demo_made(project, client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert "growth-waitlist" not in client.get("/docs/components/demo").content.decode()

    told = {"project_id": project.id, "write_key": "gos_wk_live_x"}
    (tmp_path / "project.json").write_text(json.dumps(told))
    waitlist = write_demo_waitlist(project, at=now())
    link = make_link(make_program(project), channel=CHANNEL)
    survey = make_survey(project, name=SURVEY)
    asked = make_invitation(survey, make_contact(project, email="a@example.com"), asked_at=now())
    html = client.get("/docs/components/demo").content.decode()

    assert f'<growth-waitlist slug="{waitlist.slug}" key="gos_wk_live_x"' in html
    assert f'<growth-referral token="{share_token(link)}"' in html
    assert f'<growth-survey token="{token_of(asked)}"' in html


def test_the_guide_is_true(project, anyone, api, invitation):
    slug = "early-access"
    place = make_entry(make_waitlist(project, slug=slug))
    _, key = ApiKey.objects.issue(project, name="w", type="write", scopes=[])
    program, contact = make_program(project), make_contact(project)
    link = make_link(program, contact)
    words = {
        "{slug}": slug,
        "{place token}": status_token(row_of(place)),
        "{program}": program.id,
        "{contact}": contact.id,
        "{share token}": share_token(link),
        "{code}": link.code,
        "{survey token}": token_of(invitation),
        "{press}": press(invitation),
    }
    web = client_with(project, type="write", scopes=[])
    text = (settings.BASE_DIR / "templates" / "docs" / PAGE).read_text()
    for word, value in words.items():
        text = text.replace(word, value)
    blocks = BLOCK.findall(text)
    assert len(blocks) == 14
    said = None
    for language, _, content in blocks:
        if language == "json":
            assert_holds(said, json.loads(content))
            continue
        request = read_request(content)
        client = api if request.path.startswith("/v1/referrals/") else anyone
        client = web if request.path.endswith("/entries") else client
        response = client.generic(request.method, request.path, request.body, "application/json")
        said = response.json()
        call = find_call(request.method, request.path.partition("?")[0])
        assert faults(call.answers(response.status_code), said) == []


def test_a_template_may_lead_to_a_page_of_the_customers_own(api):
    guide = (settings.BASE_DIR / "templates" / "docs" / PAGE).read_text()
    [link] = re.findall(r'^<a href="https://acme.example.*$', guide, re.MULTILINE)
    body = {"id": "tmpl_ask", "subject": "Ask", "source": f"<p>{link}</p>"}
    made = api.post("/v1/templates", body)
    assert made.status_code == 201, made.json()

    shown = api.post("/v1/templates/tmpl_ask/render", {}).json()

    assert "https://acme.example/feedback#survey=sample" in shown["html"]
