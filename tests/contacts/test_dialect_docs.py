"""Every command line of templates/docs/growthhub.md and crm.md, replayed in its order."""

import json
import re
import shlex
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils.timezone import now
from rest_framework.test import APIClient

from growth.projects.operations import found_project
from tests.test_guides import assert_holds

BLOCK = re.compile(r"^```(bash|json) ?(\d*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VALUED = {"-X": "method", "-H": "header", "-d": "data"}


def sent(line: str):
    """Send what the command line sends."""
    words = iter(shlex.split(line.replace("\\\n", " "))[1:])
    said = {"method": [], "header": [], "data": []}
    address = ""
    for word in words:
        if word in VALUED:
            said[VALUED[word]].append(next(words))
        else:
            address = word
    headers = dict(header.split(": ", 1) for header in said["header"])
    data = "&".join(said["data"])
    type = headers.pop("Content-Type", "application/x-www-form-urlencoded")
    method = (said["method"] or ["POST" if data else "GET"])[0]
    url = urlsplit(address)
    path = f"{url.path}?{url.query}" if url.query else url.path
    return APIClient(headers=headers).generic(method, path, data, content_type=type)


@pytest.mark.parametrize(("page", "count"), [("growthhub", 10), ("crm", 4)])
def test_a_page_is_true(db, page, count):
    founding = found_project("Acme", at=now()).as_dict()
    words = {
        f"${name.removeprefix('growthhub_').upper()}": str(founding[name]) for name in founding
    }
    text = (settings.BASE_DIR / "templates" / "docs" / f"{page}.md").read_text()
    response, replayed = None, 0
    for language, status, content in BLOCK.findall(text):
        for word in sorted(words, key=len, reverse=True):
            content = content.replace(word, words[word])
        if language == "bash":
            response, replayed = sent(content), replayed + 1
            continue
        assert response.status_code == int(status), response.content
        answer = response.json()
        if isinstance(answer, dict):
            shown = answer.get("contact") or {}
            words.setdefault("{contact}", shown.get("id", "{contact}"))
            words.setdefault("{id}", answer.get("id", "{id}"))
            content = content.replace("{id}", words["{id}"])
        assert_holds(answer, json.loads(content))
    assert replayed == count
