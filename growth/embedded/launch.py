"""The whole system in one command: services, tables, a first project, and what serves them."""

import os
import secrets
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import environ
import psycopg
from django.core.management import get_commands
from django.db import OperationalError, connection

from growth.embedded import broker, ports, postgres, programs
from growth.embedded import instance as instances
from growth.embedded.claim import claim
from growth.embedded.errors import CannotStart
from growth.embedded.first_start import Manage, first_project, make_tables
from growth.embedded.instance import Instance
from growth.embedded.leftovers import end_leftovers
from growth.embedded.supervisor import Supervisor

_SECONDS_TO_ANSWER = 60
_SECONDS_TO_CONNECT = 5


@dataclass(frozen=True)
class Options:
    """What the person who starts the system chooses."""

    data_dir: Path
    port: int
    with_demo: bool


def launch(options: Options, *, tell: Callable[[str], None]) -> None:
    """Run the system until a signal ends it.

    :raises CannotStart: if it does not come up; nothing is left running then.
    """
    try:
        with claim(options.data_dir):
            end_leftovers(options.data_dir)
            _refuse_taken(options.port)
            _run(options, tell=tell)
    except PermissionError as error:
        raise CannotStart(f"Cannot write to {error.filename}: {error.strerror}.") from error


def _refuse_taken(port: int) -> None:
    if not ports.is_free(port):
        raise CannotStart(f"Port {port} is in use: stop what uses it, or choose another --port.")


def _run(options: Options, *, tell: Callable[[str], None]) -> None:
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)  # Ends us as Ctrl-C does.
    os.environ["GROWTH_DATA_DIR"] = str(options.data_dir)  # For all that we start.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_empty(options.data_dir / "metrics")))
    supervisor = Supervisor(options.data_dir, tell=tell)
    try:
        _start(options, supervisor, tell=tell)
        supervisor.keep()
    except KeyboardInterrupt:
        tell("Stopping: requests and tasks may finish, for 25 s at most.")
    finally:
        supervisor.stop()


def _empty(folder: Path) -> Path:
    """Return the folder, without what an earlier run left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _start(options: Options, supervisor: Supervisor, *, tell: Callable[[str], None]) -> None:
    instance = _start_services(options, supervisor, tell=tell)
    instances.write(options.data_dir, instance)
    make_tables()
    manage = Manage(options.data_dir, log=supervisor.log("setup"))
    project, is_new = first_project(manage, base_url=instance.base_url)
    if is_new and options.with_demo and "seed_demo" in get_commands():
        tell("Making demo data …")
        manage.run("seed_demo")
    supervisor.start(
        programs.web(port=options.port),
        # Webhooks may keep two processes: one that posts, and one that waits for its last answers.
        programs.worker("default", queues="default,webhooks", processes=4),
        programs.worker("bulk", queues="email,bulk"),
        programs.beat(options.data_dir),
    )
    supervisor.wait_until(partial(_answers, options.port), seconds=_SECONDS_TO_ANSWER)
    tell(_welcome(project, instance, logs=supervisor.log("web").parent))


def _start_services(
    options: Options, supervisor: Supervisor, *, tell: Callable[[str], None]
) -> Instance:
    """Start the database, the broker and the mailbox, or find the ones that are given."""
    last = instances.read(options.data_dir)
    return Instance(
        database_url=_database(options.data_dir, supervisor, tell=tell),
        broker_url=_broker(options.data_dir, supervisor, last_url=last.broker_url if last else ""),
        email_url=_mailbox(options.data_dir, supervisor, last_url=last.email_url if last else ""),
        base_url=os.environ.get("GROWTH_BASE_URL") or f"http://{ports.HOST}:{options.port}",
        secret_key=last.secret_key if last else secrets.token_urlsafe(50),
    )


def _database(data_dir: Path, supervisor: Supervisor, *, tell: Callable[[str], None]) -> str:
    if given := os.environ.get("DATABASE_URL"):
        _refuse_unreachable_database()
        return given
    cluster = postgres.prepare(data_dir)
    if cluster.placement.data.parent != data_dir:
        tell(
            f"PostgreSQL's system user cannot reach {data_dir}; the database is in "
            f"{cluster.placement.data.parent}."
        )
    server = supervisor.start(cluster.program())[0]
    cluster.wait_until_ready(server)
    # Our own settings were read before there was a database.
    connection.settings_dict.update(environ.Env.db_url_config(cluster.url))
    return cluster.url


def _refuse_unreachable_database() -> None:
    where = connection.get_connection_params() | {"connect_timeout": _SECONDS_TO_CONNECT}
    try:
        psycopg.connect(**where).close()
    except (psycopg.Error, OperationalError) as error:
        reason = " ".join(str(error).split())
        raise CannotStart(
            f"DATABASE_URL names a database that does not answer: {reason}"
        ) from error


def _broker(data_dir: Path, supervisor: Supervisor, *, last_url: str) -> str:
    if given := os.environ.get("REDIS_URL"):
        return given
    if (server := broker.redis(data_dir, last_url=last_url)) is None:
        return broker.folder(data_dir)
    url, program = server
    supervisor.start(program)
    return url


def _mailbox(data_dir: Path, supervisor: Supervisor, *, last_url: str) -> str:
    if given := os.environ.get("EMAIL_URL"):
        return given
    last = urlsplit(last_url)
    port = ports.free_port(preferred=last.port if last.hostname == ports.HOST else None)
    supervisor.start(programs.mailbox(data_dir, port=port))
    return f"smtp://{ports.HOST}:{port}"


def _answers(port: int) -> bool:
    """Tell whether the web server is up, with all that it needs."""
    try:
        with urllib.request.urlopen(f"http://{ports.HOST}:{port}/readyz", timeout=5) as answer:
            return answer.status == HTTPStatus.OK
    except (urllib.error.URLError, OSError):
        return False


def _welcome(project: dict[str, str], instance: Instance, *, logs: Path) -> str:
    url = project["base_url"]
    return f"""
Growth is running at {url}

  Admin    {url}/admin/   {project["admin_user"]} / {project["admin_password"]}
  Mailbox  {url}/mailbox/   all mail that is sent, over {instance.email_url}
  Logs     {logs}

Try it:

  curl -H "Authorization: Bearer {project["secret_key"]}" {url}/v1/contacts

Ctrl-C stops everything.
"""
