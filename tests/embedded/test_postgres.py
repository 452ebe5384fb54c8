import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from growth.embedded import placement, postgres
from growth.embedded.child import Child
from growth.embedded.claim import claim
from growth.embedded.errors import CannotStart

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")


@contextmanager
def running(data_dir: Path, *, durable: bool = False) -> Iterator[tuple[Child, psycopg.Connection]]:
    cluster = postgres.prepare(data_dir, durable=durable)
    server = Child(cluster.program(), log=data_dir / "log")
    try:
        cluster.wait_until_ready(server)
        where = {"host": str(cluster.sockets), "port": postgres.PORT, "user": postgres.NAME}
        with psycopg.connect(**where, dbname=postgres.NAME, autocommit=True) as connection:
            yield server, connection
    finally:
        server.stop()


@pytest.mark.slow  # It makes a cluster and starts it three times, on a disk that keeps.
def test_the_data_outlive_a_stop_and_a_kill(open_directory):
    with running(open_directory, durable=True) as (_, connection):
        connection.execute("CREATE TABLE kept (number int)")

    with running(open_directory, durable=True) as (server, connection):
        connection.execute("INSERT INTO kept VALUES (1)")
        os.kill(server.pid, signal.SIGKILL)
        server.kill()
        claim_of_another = open_directory / "pg" / "postmaster.pid"
        rest = claim_of_another.read_text().split("\n", 1)[1]
        claim_of_another.write_text(f"{os.getppid()}\n{rest}")

    with running(open_directory) as (_, connection):
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]


@pytest.mark.slow  # It makes a cluster.
def test_a_server_left_by_a_killed_run_gives_way_to_the_next(open_directory):
    cluster = postgres.prepare(open_directory, durable=False)
    leftover = Child(cluster.program(), log=open_directory / "log")
    cluster.wait_until_ready(leftover)

    with running(open_directory) as (_, connection):
        assert not leftover.is_running()
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)


@pytest.mark.slow  # It makes a cluster.
def test_a_long_path_leaves_room_for_the_socket(open_directory):
    data_dir = open_directory / ("long" * 20) / ("name" * 20)
    claim(data_dir).close()
    for directory in (data_dir, data_dir.parent):
        directory.chmod(0o711)

    with running(data_dir) as (_, connection):
        (sockets,) = connection.execute("SHOW unix_socket_directories").fetchone()

    assert Path(sockets).parent == Path("/tmp")
    Path(sockets).rmdir()


@as_root
@pytest.mark.slow  # It copies the programs and makes a cluster.
def test_closed_directories_stay_closed(open_directory, tmp_path, monkeypatch):
    monkeypatch.setattr(placement, "_PRIVATE_PLACES", open_directory)
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in [closed, *closed.parents]}
    data_dir = closed / "var"
    claim(data_dir).close()

    with running(data_dir) as (_, connection):
        place = Path(connection.execute("SHOW data_directory").fetchone()[0]).parent

    assert place.parent == open_directory
    assert (data_dir / placement.POINTER_NAME).read_text().startswith(f"{place}\n")
    assert stat.S_IMODE((place / "pg").stat().st_mode) == 0o700
    assert {path: path.stat().st_mode for path in before} == before
    with running(data_dir) as (_, connection):
        assert connection.execute("SHOW data_directory").fetchone() == (str(place / "pg"),)


@as_root
@pytest.mark.slow  # It copies the programs.
def test_programs_that_the_system_user_cannot_reach_are_copied(open_directory, monkeypatch):
    closed = open_directory / "site-packages"
    closed.mkdir(mode=0o700)
    wheel = placement._programs_of_the_wheel().parents[1]
    for package in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        (closed / package.name).symlink_to(package)
    programs = closed / wheel.name / f"pginstall{placement.MAJOR_VERSION}" / "bin"
    monkeypatch.setattr(placement, "_programs_of_the_wheel", lambda: programs)

    found = placement.place(open_directory)

    assert found.programs.is_relative_to(open_directory / "programs-0.6.0")
    assert placement._can_run(found.owner, found.programs / "initdb", "--version")


def test_the_data_of_another_major_version_are_refused(open_directory):
    data = open_directory / "pg"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")

    with pytest.raises(CannotStart, match="made by PostgreSQL 16 and this is 18"):
        postgres.prepare(open_directory)


def test_a_socket_directory_of_a_stranger_is_refused(open_directory, monkeypatch):
    monkeypatch.setattr(postgres, "_SHORT_PLACE", open_directory)
    monkeypatch.setattr(postgres, "_LONGEST_SOCKET_PATH", 0)
    home = placement.Placement(Path("/usr/bin"), open_directory / "pg", owner=None)
    private = postgres._socket_directory(home)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700

    private.chmod(0o777)

    with pytest.raises(CannotStart, match="not private"):
        postgres._socket_directory(home)
