"""PostgreSQL from a wheel: made, started, and stopped by us, on a private socket only."""

import hashlib
import os
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from growth.embedded import leftovers
from growth.embedded.child import Child, Program
from growth.embedded.errors import CannotStart
from growth.embedded.placement import MAJOR_VERSION, Placement, place

NAME = "growth"  # Of the database and of its user.
PORT = 5432  # Only a part of the socket's name.
_LONGEST_SOCKET_PATH = 103  # macOS; Linux has four more.
_SHORT_PLACE = Path("/tmp")
_SECONDS_TO_STOP = 10
_SECONDS_TO_START = 60  # After a crash it first replays its log.

_SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": 100,
    "shared_buffers": "256MB",
    "random_page_cost": 1.1,
    "jit": "off",
    "autovacuum_naptime": "10s",  # A young database grows by its own size within a minute.
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Tests lose nothing that a crash could take.
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL cluster of ours: where it is, and how to run and reach it."""

    placement: Placement
    sockets: Path
    durable: bool = True

    @property
    def url(self) -> str:
        """The URL of its database, as DATABASE_URL spells a socket."""
        return f"postgres://{NAME}@:{PORT}/{quote(str(self.sockets))}/{NAME}"

    def program(self) -> Program:
        """Return the server."""
        settings = _SETTINGS | {"unix_socket_directories": self.sockets}
        settings |= {} if self.durable else _FORGETFUL
        options = [f"--{name}={value}" for name, value in settings.items()]
        return Program(
            name="postgres",
            command=[self.placement.programs / "postgres", "-D", self.placement.data, *options],
            directory=self.placement.data,
            owner=self.placement.owner,
            stop_signal=signal.SIGINT,  # Ends sessions; SIGTERM would wait for them.
            patience=_SECONDS_TO_STOP,
        )

    def wait_until_ready(self, server: Child) -> None:
        """Return when the server answers and has our database.

        :raises CannotStart: if it ends before, or takes too long.
        """
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline and server.is_running():
            try:
                return self._create_database()
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise CannotStart(f"PostgreSQL does not start; its last lines are:\n{server.tail()}")

    def _create_database(self) -> None:
        where = {"host": str(self.sockets), "port": PORT, "user": NAME, "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]
            known = "SELECT FROM pg_database WHERE datname = %s"
            if connection.execute(known, [NAME]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {NAME}")


def prepare(data_dir: Path, *, durable: bool = True) -> Cluster:
    """Return the cluster of this data directory, made if it is new, with nobody running in it.

    :raises CannotStart: if it cannot be made or is not ours to run.
    """
    placement = place(data_dir)
    _refuse_what_is_not_ours(placement)
    if not placement.data.exists():
        _initialize(placement, durable=durable)
    _end_leftovers(placement.data)
    return Cluster(placement, _socket_directory(placement), durable)


def _refuse_what_is_not_ours(placement: Placement) -> None:
    try:
        version = (placement.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise CannotStart(f"{placement.data} belongs to another system user.") from error
    if version != str(MAJOR_VERSION):
        raise CannotStart(
            f"{placement.data} was made by PostgreSQL {version} and this is {MAJOR_VERSION}: "
            "name another --data-dir, or move the data with pg_dump."
        )


def _initialize(placement: Placement, *, durable: bool) -> None:
    """Make the cluster; it gets its name last, so that half a cluster is never found."""
    draft = placement.data.with_suffix(".draft")
    subprocess.run(["/bin/rm", "-rf", draft], check=True)
    _make_private(draft, placement)
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    options += ["--builtin-locale=C.UTF-8", *([] if durable else ["--no-sync"])]
    done = subprocess.run(
        [placement.programs / "initdb", "-D", draft, "-U", NAME, *options],
        cwd=draft,
        capture_output=True,
        text=True,
        check=False,
        **(placement.owner.identity() if placement.owner else {}),
    )
    if done.returncode:
        raise CannotStart(f"PostgreSQL's initdb fails: {done.stderr.strip()}")
    draft.rename(placement.data)


def _make_private(directory: Path, placement: Placement) -> None:
    """Make a directory that only the cluster's user can enter."""
    directory.mkdir(mode=0o700)
    if placement.owner:
        os.chown(directory, placement.owner.uid, placement.owner.gid)


def _socket_directory(placement: Placement) -> Path:
    """Return a private directory whose path leaves room for a socket's name."""
    if len(os.fsencode(placement.data / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET_PATH:
        return placement.data
    digest = hashlib.sha256(os.fsencode(placement.data)).hexdigest()[:16]
    directory = _SHORT_PLACE / f"growth-{digest}"
    if not os.path.lexists(directory):
        _make_private(directory, placement)
    _refuse_strangers(directory, placement)
    return directory


def _refuse_strangers(directory: Path, placement: Placement) -> None:
    """Refuse a directory that another user made where everybody can make one."""
    found = directory.lstat()
    uid = placement.owner.uid if placement.owner else os.geteuid()
    if found.st_uid != uid or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise CannotStart(f"{directory} is not private to us: remove it.")


def _end_leftovers(data: Path) -> None:
    """End what a killed run left behind, and the claim that it has to the cluster."""
    leftovers.end(_processes_in(data), by=signal.SIGINT, patience=_SECONDS_TO_STOP)
    # Its process id may be another program's by now, which would keep the server from starting.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _processes_in(data: Path) -> list[psutil.Process]:
    """Return the server processes that work in the cluster; each has it as its directory."""
    found = psutil.process_iter(["name", "cwd"])
    return [one for one in found if one.info["name"] == "postgres" and one.info["cwd"] == str(data)]
