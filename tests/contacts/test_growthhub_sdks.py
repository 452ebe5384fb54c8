"""GrowthHub's own SDKs, unchanged but for the host, against a live server.

They are looked for in ``var/sdks``, where ``.ci/run`` installs them, or where ``GROWTH_SDKS`` says.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils.timezone import now

from growth.models import Project
from growth.projects.operations import found_project

pytestmark = pytest.mark.django_db(transaction=True)

SDKS = Path(os.environ.get("GROWTH_SDKS", settings.BASE_DIR / "var" / "sdks"))
NODE, PYTHON = SDKS / "node_modules" / "@gohighlevel" / "api-client", SDKS / "python" / "highlevel"
SCRIPTS = Path(__file__).parent / "sdks"


@pytest.fixture
def run(live_server):
    """Return how to run a program against the server, which returns what the program prints."""
    founding = found_project("Acme", at=now()).as_dict()
    given = {
        name: founding[f"growthhub_{name}"]
        for name in ("token", "client_id", "client_secret", "refresh_token")
    }
    given |= {"base_url": live_server.url, "location": founding["growthhub_location_id"]}

    def run(*command: str, **environment: str) -> dict[str, Any]:
        done = subprocess.run(
            [*command, json.dumps(given)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return {**json.loads(done.stdout.splitlines()[-1]), "given": given}

    return run


def assert_worked(told: dict[str, Any]) -> None:
    """Assert that each call did what it says, with a private token and by OAuth."""
    location = Project.objects.get().id
    for way in (told["byToken"], told["bySession"]):
        key = way["upserted"]["contact"]["id"]
        assert way["upserted"]["new"] is True
        assert way["got"]["contact"]["firstName"] == "Sdk"
        assert way["got"]["contact"]["locationId"] == location
        assert way["created"]["contact"]["customFields"] == [{"id": "f1", "value": 7}]
        assert way["updated"]["contact"]["city"] == "Berlin"
        assert way["tagged"]["tags"] == ["a", "b"]
        assert way["untagged"]["tags"] == ["b"]
        assert way["found"]["contact"]["id"] == key
        assert [each["id"] for each in way["searched"]["contacts"]] == [key]
        assert way["deleted"]["succeded"] is True
        assert way["missing"] == 404
    first, session = told["refreshed"], told["session"]
    assert first["token_type"] == "Bearer"
    assert first["locationId"] == location
    assert first["refresh_token"] != told["given"]["refresh_token"]
    assert session["access_token"] != first["access_token"]  # It was refreshed by the SDK itself.


@pytest.mark.slow  # It starts Node.
@pytest.mark.skipif(
    not (NODE.exists() and shutil.which("node")),
    reason=f"Node or @gohighlevel/api-client is not installed in {SDKS}; see .ci/run.",
)
def test_the_sdk_for_node_works_by_changing_the_host(run):
    assert_worked(run("node", str(SCRIPTS / "growthhub.cjs"), NODE_PATH=str(SDKS / "node_modules")))


@pytest.mark.slow  # It starts Python.
@pytest.mark.skipif(
    not PYTHON.exists(),
    reason=f"gohighlevel-api-client is not installed in {SDKS / 'python'}; see .ci/run.",
)
def test_the_sdk_for_python_works_by_changing_the_host(run):
    # A program of its own, in which its libraries are not mixed with ours.
    program = str(SCRIPTS / "growthhub.py")
    assert_worked(run(sys.executable, program, PYTHONPATH=str(SDKS / "python")))
