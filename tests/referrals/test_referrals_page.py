"""The examples of templates/docs/referrals.md, replayed in their order."""

import json

from django.utils.timezone import now

from growth.embedded.programs import ROOT
from referrals.api.serializers import LimitsSerializer, ProgramSerializer
from tests.factories import make_contact
from tests.test_guides import BLOCK, assert_holds, read_request

PAGE = (ROOT / "templates" / "docs" / "referrals.md").read_text()


def test_the_examples_work_as_they_are_shown(api, ingest, project, relay):
    people = {name: make_contact(project) for name in ("alice", "carol")}
    words = {f"{{{name}}}": contact.id for name, contact in people.items()}
    answer, replayed = {}, 0
    for kind, _, text in BLOCK.findall(PAGE):
        for word, value in words.items():
            text = text.replace(word, value)
        if kind == "json":
            assert_holds(answer, json.loads(text))
            continue
        request = read_request(text)
        client = ingest if request.path == "/v1/identify" else api
        body = json.loads(request.body) if request.body.strip() else None
        response = getattr(client, request.method.lower())(request.path, body)
        assert response.status_code in (200, 201, 202), response.content
        relay(now())
        answer, replayed = response.json(), replayed + 1
        made = {"programs": ("program", "id"), "links": ("code", "code")}
        made["conversions"] = ("conversion", "id")
        if name := made.get(request.path.rpartition("/")[2]):
            words[f"{{{name[0]}}}"] = answer[name[1]]

    assert replayed == 7


def test_every_setting_of_a_program_is_described():
    told = {"id", "name", "stats", "created_at", "updated_at"}

    for name in {*ProgramSerializer().fields, *LimitsSerializer().fields} - told:
        assert f"`{name}`" in PAGE or f"`{name} " in PAGE, name
