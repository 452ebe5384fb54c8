import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from growth.embedded import supervisor as module
from growth.embedded.child import Program
from growth.embedded.leftovers import MARK, end_leftovers
from growth.embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path, lines, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.01)
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(tmp_path, tell=lines.append)
    yield supervisor
    supervisor.stop()
    for name, handler in handlers.items():
        signal.signal(name, handler)


def shell(name: str, script: str, directory: Path, **options: object) -> Program:
    return Program(name=name, command=["/bin/sh", "-c", script], directory=directory, **options)


def wait_for(claim: Callable[[], bool], *, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.01)
    return claim()


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_ends_starts_again_and_its_last_lines_are_told(supervisor, lines, tmp_path):
    supervisor.start(shell("clerk", "echo begun >> runs; echo sorry; exit 3", tmp_path))
    runs = tmp_path / "runs"

    supervisor.wait_until(lambda: runs.exists() and runs.read_text().count("begun") >= 3, seconds=5)

    assert lines[0].startswith("clerk has ended with 3 and starts again")
    assert lines[0].endswith("sorry")


def test_stopping_lets_each_finish_and_ends_the_last_batch_first(supervisor, tmp_path):
    script = (
        "trap 'sleep 0.1; echo {0} >> order; exit' TERM; echo > {0}; while :; do sleep 0.01; done"
    )
    supervisor.start(shell("service", script.format("service"), tmp_path))
    supervisor.start(shell("worker", script.format("worker"), tmp_path))
    assert wait_for(lambda: (tmp_path / "service").exists() and (tmp_path / "worker").exists())

    supervisor.stop()

    assert (tmp_path / "order").read_text().split() == ["worker", "service"]


def test_who_does_not_stop_in_time_is_killed_with_all_it_started(supervisor, tmp_path):
    script = "trap '' TERM; sleep 60 & echo $! > helper; wait; wait"
    (child,) = supervisor.start(shell("stubborn", script, tmp_path, patience=0.05))
    assert wait_for(lambda: (tmp_path / "helper").exists() and (tmp_path / "helper").read_text())

    supervisor.stop()

    assert child.exit_code == -signal.SIGKILL
    assert wait_for(lambda: not is_alive(int((tmp_path / "helper").read_text())))


def test_a_long_log_is_put_away(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_LOG", 10)
    supervisor.start(shell("talker", "echo 0123456789; sleep 60", tmp_path))
    log = supervisor.log("talker")
    assert wait_for(lambda: log.stat().st_size > 10)

    supervisor.tend()

    assert log.read_text() == ""
    assert log.with_suffix(".log.old").read_text() == "0123456789\n"


def test_leftovers_of_a_killed_supervisor_are_ended(tmp_path):
    environment = {**os.environ, MARK: str(tmp_path)}
    leftover = subprocess.Popen(["/bin/sleep", "60"], env=environment)
    stranger = subprocess.Popen(["/bin/sleep", "60"])

    end_leftovers(tmp_path)

    assert not is_alive(leftover.pid)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_child_dies_with_a_killed_parent(tmp_path):
    script = f"""
import time
from pathlib import Path
from growth.embedded.child import Child, Program
program = Program(name="child", command=["/bin/sleep", "60"], directory=Path("/"))
print(Child(program, log=Path({str(tmp_path / "log")!r})).pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert is_alive(child)

    parent.kill()
    parent.wait()

    assert wait_for(lambda: not is_alive(child))
