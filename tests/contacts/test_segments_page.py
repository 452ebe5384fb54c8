"""The page on segments does what it says."""

import json
import re
from pathlib import Path

import pytest
from django.utils.timezone import now

from contacts import rules

PAGE = (Path(__file__).parents[2] / "templates" / "docs" / "segments.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PEOPLE = {
    "alice": {"alice@acme.example"},
    "bob": {"bob@other.example"},
    "both": {"alice@acme.example", "bob@other.example"},
    "nobody": set(),
}


def examples(text: str) -> list[dict]:
    """Return the JSON values that stand one after the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        value, place = decoder.raw_decode(text, place)
        found.append(value)
    return found


def conditions() -> list[tuple[str, dict]]:
    return [
        (whom, example)
        for language, whom, text in BLOCKS
        if language == "json" and whom in PEOPLE
        for example in examples(text)
    ]


@pytest.fixture
def story(api, ingest, relay):
    """Replay the page's requests, and return what they answered."""
    answers = []
    for language, _, text in BLOCKS:
        if language != "http":
            continue
        line, body = text.split("\n", 1)
        method, path = line.split()
        if answers:
            body = body.replace("seg_…", answers[0]["id"])
        client = ingest if path == "/v1/batch" else api
        response = client.generic(method, path, body, content_type="application/json")
        assert response.status_code in (200, 201, 202), (line, response.json())
        answers.append(response.json())
        relay(now())
    return answers


@pytest.mark.slow  # It makes a segment of every example.
def test_every_example_finds_whom_it_says(api, story):
    for whom, example in conditions():
        rule = example if "operator" in example else {"operator": "AND", "conditions": [example]}
        text = json.dumps(rule, ensure_ascii=False).replace("seg_…", story[0]["id"])
        made = api.post("/v1/segments", {"name": "Example", "rules": json.loads(text)})
        assert made.status_code == 201, (example, made.json())
        members = api.get(f"/v1/segments/{made.json()['id']}/contacts").json()["data"]
        assert {row["email"] for row in members} == PEOPLE[whom], example


def test_the_page_has_an_example_of_every_operator_and_field():
    trees = [
        rules.parse(
            example if "operator" in example else {"operator": "AND", "conditions": [example]},
            zone=now().tzinfo,
        )
        for _, example in conditions()
    ]
    leaves = [leaf for tree in trees for leaf in rules.conditions(tree)]

    assert {leaf.op for leaf in leaves} == set(rules.Op)
    assert {leaf.field.kind for leaf in leaves} == set(rules.Kind) - {rules.Kind.PROPERTY}
    assert any(leaf.where for leaf in leaves)


def test_the_estimate_is_what_the_page_shows(story):
    (shown,) = [examples(text) for language, kind, text in BLOCKS if kind == "answer"]

    assert shown == [answer for answer in story if "estimated_count" in answer]
