"""The settings of the test suite, with a PostgreSQL of its own unless DATABASE_URL names one.

The first process to come here starts the server and stops it at its end; its pytest-xdist workers
inherit DATABASE_URL. Runs beside each other take a cluster each, so they never share a database.
"""

import atexit
import itertools
import os
import tempfile
from pathlib import Path

from growth.embedded import postgres
from growth.embedded.child import Child
from growth.embedded.claim import Taken, claim

_VAR = Path(__file__).resolve().parent.parent / "var"
_claims = []  # Held until the process ends.


def _claim_cluster() -> Path:
    """Return the directory of the first cluster that no other run is using."""
    for number in itertools.count(1):
        directory = _VAR / f"pgtest-{number}"
        try:
            _claims.append(claim(directory))
        except Taken:
            continue
        return directory
    raise AssertionError("Counting never ends.")


def _start_postgres() -> str:
    """Return the URL of a running server, which stops when this process ends."""
    directory = _claim_cluster()
    cluster = postgres.prepare(directory, durable=False)
    server = Child(cluster.program(), log=directory / "postgres.log")
    atexit.register(server.stop)
    cluster.wait_until_ready(server)
    return cluster.url


if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = _start_postgres()
# What a developer has exported, or has running here, is not tested.
for name in ("REDIS_URL", "EMAIL_URL", "GROWTH_BASE_URL", "GROWTH_HTTPS", "GROWTH_DEBUG"):
    os.environ.pop(name, None)
if "GROWTH_TEST_DIR" not in os.environ:
    _directory = tempfile.TemporaryDirectory(prefix="growth-test-")
    os.environ["GROWTH_TEST_DIR"] = os.environ["GROWTH_DATA_DIR"] = _directory.name

from growth.settings import *  # noqa: E402, F403

SECRET_KEY = "the secret of the tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Quick, and safe enough here.
# A broker in a folder, which nobody reads: tests call tasks themselves.
RATE_LIMITS = False  # A test that is about them turns them on.
BROKER_URL = f"filesystem://{os.environ['GROWTH_TEST_DIR']}/queue"
