"""The settings of the test suite, with a PostgreSQL of its own unless DATABASE_URL names one.

The first process to come here starts the server and stops it at its end; its pytest-xdist workers
inherit DATABASE_URL. Runs beside each other take a cluster each, so they never share a database.
There it migrates one database, which the workers copy; the next run finds it, unless a migration
has changed.
"""

import atexit
import itertools
import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import django
import psycopg

from growth.embedded import postgres
from growth.embedded.child import Child
from growth.embedded.claim import Taken, claim

_ROOT = Path(__file__).resolve().parent.parent
_VAR = _ROOT / "var"
_MIGRATIONS = "[!.]*/**/migrations/*.py"
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


def _start_postgres() -> postgres.Cluster:
    """Return a cluster that runs, and stops when this process ends."""
    directory = _claim_cluster()
    cluster = postgres.prepare(directory, durable=False)
    server = Child(cluster.program(), log=directory / "postgres.log")
    atexit.register(server.stop)
    cluster.wait_until_ready(server)
    return cluster


def _make_template(cluster: postgres.Cluster) -> str:
    """Return the name of a database that has all migrations, made if there is none."""
    code = [django.__version__, *(path.read_text() for path in sorted(_ROOT.glob(_MIGRATIONS)))]
    name = f"migrated_{sha256(repr(code).encode()).hexdigest()[:16]}"
    where = {"host": str(cluster.sockets), "port": postgres.PORT, "user": postgres.NAME}
    with psycopg.connect(**where, dbname=postgres.NAME, autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrat%'")
        found = {old for (old,) in rows}
        for old in found - {name}:
            connection.execute(f'DROP DATABASE "{old}"')
        if name not in found:
            connection.execute("CREATE DATABASE migrating")
            _migrate(cluster.url.rpartition("/")[0] + "/migrating")
            connection.execute(f"ALTER DATABASE migrating RENAME TO {name}")
    return name


def _migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "growth.settings"}
    subprocess.run(command, cwd=_ROOT, env=environment, check=True)


if "DATABASE_URL" not in os.environ:
    _cluster = _start_postgres()
    os.environ["GROWTH_TEST_TEMPLATE"] = _make_template(_cluster)
    os.environ["DATABASE_URL"] = _cluster.url
# What a developer has exported, or has running here, is not tested.
for name in ("REDIS_URL", "EMAIL_URL", "GROWTH_BASE_URL", "GROWTH_HTTPS", "GROWTH_DEBUG"):
    os.environ.pop(name, None)
if "GROWTH_TEST_DIR" not in os.environ:
    _directory = tempfile.TemporaryDirectory(prefix="growth-test-")
    os.environ["GROWTH_TEST_DIR"] = os.environ["GROWTH_DATA_DIR"] = _directory.name

from growth.settings import *  # noqa: E402, F403

DATABASES["default"]["TEST"] = {"TEMPLATE": os.environ.get("GROWTH_TEST_TEMPLATE")}  # noqa: F405
SECRET_KEY = "the secret of the tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Quick, and safe enough here.
# A broker in a folder, which nobody reads: tests call tasks themselves.
RATE_LIMITS = False  # A test that is about them turns them on.
BROKER_URL = f"filesystem://{os.environ['GROWTH_TEST_DIR']}/queue"
