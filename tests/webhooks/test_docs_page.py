"""What templates/docs/webhooks.md shows works as it is written there."""

import json
import os
import re
import shutil
import subprocess
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from growth.models import DomainEventType
from tests.webhooks.factories import emit, make_endpoint
from webhooks import signing

PAGE = (settings.BASE_DIR / "templates" / "docs" / "webhooks.md").read_text()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"id":"evt_0794p43501","data":{"name":"J\xc3\xbcrgen"}}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Headers(dict):
    """Headers as frameworks give them: in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


@pytest.fixture
def headers() -> Headers:
    signed = signing.headers(
        id="evt_0794p43501",
        type="contact.created",
        body=BODY,
        timestamp=int(time.time()),
        secrets=[SECRET],
    )
    return Headers({name.lower(): value for name, value in signed.items()})


@pytest.mark.parametrize("recipe", blocks("python"))
def test_a_python_recipe_takes_what_is_ours_and_nothing_else(recipe, headers):
    exec(recipe, {"secret": SECRET, "headers": headers, "body": BODY})

    with pytest.raises(Exception, match=r"did not come from us|No matching signature"):
        exec(recipe, {"secret": SECRET, "headers": headers, "body": BODY + b" "})


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("recipe", blocks("javascript"))
def test_a_node_recipe_takes_what_is_ours_and_nothing_else(recipe, headers):
    call = "console.log(verify({}, {}, Buffer.from({}, 'latin1')))"
    for body, expected in ((BODY, "true"), (BODY + b" ", "false")):
        arguments = [json.dumps(each) for each in (SECRET, headers, body.decode("latin1"))]
        command = ["node", "-e", recipe + call.format(*arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_shell_recipe_computes_the_signature(headers):
    (recipe,) = (block for block in blocks("sh") if "openssl" in block)
    given = {"TIMESTAMP": headers["X-GrowthOS-Timestamp"], "BODY": BODY.decode(), "SECRET": SECRET}

    done = subprocess.run(
        ["sh", "-c", recipe],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == headers["X-GrowthOS-Signature"]


def test_the_documented_calls_are_answered(project, api):
    endpoint = make_endpoint(project)
    yesterday = (now() - timedelta(days=1)).isoformat()
    for block in blocks("http"):
        block = block.replace("{id}", endpoint.id).replace("{yesterday}", yesterday)
        line, _, body = block.partition("\n")
        method, path = line.split()
        answer = getattr(api, method.lower())(path, json.loads(body) if body.strip() else None)
        assert answer.status_code in (200, 201, 202), answer.data


def test_the_documented_body_has_our_fields(project, api, relay):
    at = now()
    emit(project, {"id": "cntct_0123456789"}, type=DomainEventType.CONTACT_CREATED, at=at)
    relay(at)
    (shown,) = blocks("json")

    (event,) = api.get("/v1/events/feed").json()["data"]

    assert list(json.loads(shown)) == list(event)
