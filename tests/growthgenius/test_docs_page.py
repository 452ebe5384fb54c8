"""The curl lines of growthgenius.md, replayed in their order."""

import json
import re
import shlex
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.test import APIClient

from tests.test_guides import assert_holds

BLOCK = re.compile(r"^```(sh|json) ?(\d*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WITH_VALUE = {"-X": "method", "-H": "header", "-d": "data"}


def words_of(line: str, variables: dict[str, str]) -> list[str]:
    """Return the words of a line, as a shell would pass them on."""
    for name in sorted(variables, key=len, reverse=True):
        line = line.replace(f"${name}", variables[name])
    return shlex.split(line.replace("\\\n", " "))


def send(line: str, variables: dict[str, str]):
    program, *rest = words_of(line, variables)
    assert program == "curl"
    said = {"header": {}, "url": "", "data": None, "method": None}
    while rest:
        word = rest.pop(0)
        if word == "-H":
            name, _, value = rest.pop(0).partition(": ")
            said["header"][name] = value
        elif word in _WITH_VALUE:
            said[_WITH_VALUE[word]] = rest.pop(0)
        else:
            said["url"] = word
    method = said["method"] or ("POST" if said["data"] else "GET")
    url = urlsplit(said["url"])
    assert "$" not in said["url"] + (said["data"] or "")
    return APIClient().generic(
        method,
        f"{url.path}?{url.query}",
        said["data"] or "",
        content_type=said["header"].pop("Content-Type", ""),
        headers=said["header"],
    )


def test_every_line_of_the_page_is_true(key, member):
    text = (settings.BASE_DIR / "templates" / "docs" / "growthgenius.md").read_text()
    variables = {"HOST": "https://growth.example", "KEY": key}
    replayed, answer = 0, None
    for language, status, content in BLOCK.findall(text):
        if language == "sh":
            response = send(content, variables)
            body = response.getvalue() if response.streaming else response.content
            answer = json.loads(body)
            replayed += 1
            continue
        assert response.status_code == int(status), answer
        assert_holds(answer, json.loads(content))
        if "users" in answer:
            variables["USER_ID"] = str(answer["users"][0]["id"])
        if "contact" in answer:
            variables["CONTACT_ID"] = str(answer["contact"]["id"])
        if "contact_stages" in answer:
            variables["STAGE_ID"] = str(answer["contact_stages"][0]["id"])
    assert replayed >= 10
