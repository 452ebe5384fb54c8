"""The examples of templates/docs/campaigns.md, replayed in their order."""

import json
import re

from campaigns.api.serializers import CampaignSerializer
from growth.embedded.programs import ROOT
from tests.campaigns.factories import make_segment
from tests.factories import make_contact

PAGE = (ROOT / "templates" / "docs" / "campaigns.md").read_text()
BLOCKS = re.findall(r"```(http|json)\n(.*?)```", PAGE, re.DOTALL)
WORDS = re.findall(r"[`\"](\w+)[`\"]", PAGE)


def agrees(shown, answered):
    """Tell whether the answer says all that is shown of it."""
    if isinstance(shown, dict):
        return all(name in answered and agrees(shown[name], answered[name]) for name in shown)
    if isinstance(shown, list):
        pairs = zip(shown, answered, strict=False)
        return len(shown) == len(answered) and all(agrees(*pair) for pair in pairs)
    return shown == answered


def test_the_examples_work_as_they_are_shown(api, project):
    contact = make_contact(project)
    ids = {"contact": contact.id, "segment": make_segment(project, contact).id}
    answer, replayed = None, 0
    for kind, text in BLOCKS:
        for name, id in ids.items():
            text = text.replace("{" + name + "}", id)
        if kind == "json":
            assert agrees(json.loads(text), answer), (text, answer)
            continue
        first, _, body = text.partition("\n")
        method, path = first.split()
        response = getattr(api, method.lower())(path, json.loads(body) if body.strip() else None)
        assert response.status_code in (200, 201, 204), response.content
        answer = response.json() if response.content else None
        if path == "/v1/campaigns":
            ids["campaign"] = answer["id"]
        replayed += 1

    assert replayed == 10


def test_every_setting_of_a_campaign_is_described():
    told = {"id", "name", "created_at", "updated_at", "status"}.union(WORDS)

    assert CampaignSerializer().fields.keys() <= told
