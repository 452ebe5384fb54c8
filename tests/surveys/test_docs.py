"""The examples of templates/docs/surveys.md, replayed in their order."""

import json
import re

import pytest

from growth.embedded.programs import ROOT
from surveys.api.surveys import SurveySerializer
from tests import smtp_sink
from tests.factories import make_contact
from tests.test_guides import assert_holds

PAGE = (ROOT / "templates" / "docs" / "surveys.md").read_text()
BLOCKS = re.findall(r"```(http|json)\n(.*?)```", PAGE, re.DOTALL)
WORDS = re.findall(r"[`\"](\w+)[`\"]", PAGE)


@pytest.fixture
def mail_server(settings):
    with smtp_sink.running() as sink:
        settings.EMAIL_URL = sink.url
        yield sink


@pytest.mark.usefixtures("mail_server")
def test_the_examples_work_as_they_are_shown(api, project):
    ids = {"contact": make_contact(project).id}
    answer, replayed = None, 0
    for kind, text in BLOCKS:
        for name, id in ids.items():
            text = text.replace("{" + name + "}", id)
        if kind == "json":
            assert_holds(answer, json.loads(text))
            continue
        first, _, body = text.partition("\n")
        method, path = first.split()
        response = getattr(api, method.lower())(path, json.loads(body) if body.strip() else None)
        assert response.status_code in (200, 201, 202), response.content
        answer = response.json()
        if path in ("/v1/surveys", "/v1/campaigns"):
            ids.setdefault(path.rpartition("/")[2].removesuffix("s"), answer["id"])
        replayed += 1

    assert replayed == 10


def test_every_setting_of_a_survey_is_described():
    told = {"id", "created_at", "updated_at", "status"}.union(WORDS)

    assert SurveySerializer().fields.keys() <= told
