"""The examples of templates/docs/waitlists.md, replayed in their order."""

import json
import re

from growth.embedded.programs import ROOT
from tests.campaigns.test_docs import agrees
from waitlists.api.serializers import WaitlistSerializer

PAGE = (ROOT / "templates" / "docs" / "waitlists.md").read_text()
BLOCKS = re.findall(r"```(http|json) ?(\d*)\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_work_as_they_are_shown(api, ingest):
    known, response, replayed = {}, None, 0
    for kind, status, text in BLOCKS:
        for name, value in known.items():
            text = text.replace("{" + name + "}", value)
        if kind == "json":
            assert response.status_code == int(status), response.content
            assert agrees(json.loads(text), response.json()), (text, response.json())
            continue
        first, _, body = text.partition("\n")
        method, path = first.split()
        client = ingest if "/public/" in path else api
        response = getattr(client, method.lower())(path, json.loads(body) if body else None)
        if path == "/v1/waitlists":
            known["waitlist"] = response.json()["id"]
        elif "referral_code" in response.json():
            known.setdefault("code", response.json()["referral_code"])
        replayed += 1

    assert replayed == 7


def test_every_setting_of_a_waitlist_is_described():
    told = {*("id", "name", "created_at", "updated_at")}.union(re.findall(r"\w+", PAGE))

    assert WaitlistSerializer().fields.keys() <= told
