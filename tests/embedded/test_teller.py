"""What the system says holds nothing up, whoever reads it."""

import os
import time

import pytest

from growth.embedded import supervisor as supervisor_module
from growth.embedded import teller as module
from growth.embedded.child import Program
from growth.embedded.supervisor import Supervisor
from growth.embedded.teller import Teller

A_PIPE_IS_FULL = 2_000_000  # Bytes; more than any pipe takes.


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.set_blocking(reader, False)
    while _read(reader):  # Lets a teller that waits here go on.
        time.sleep(0.01)
    os.close(reader)
    os.close(writer)


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 1_000_000)
    except BlockingIOError:
        return b""


def test_lines_arrive_in_their_order(pipe):
    teller = Teller(pipe[1])

    for n in range(20):
        teller.tell(f"line {n}")
    teller.finish()

    assert os.read(pipe[0], 1000).decode().splitlines() == [f"line {n}" for n in range(20)]


def test_programs_start_again_though_nobody_reads_of_it(pipe, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(module, "_SECONDS_TO_FINISH", 0.05)
    teller = Teller(pipe[1])
    teller.tell("x" * A_PIPE_IS_FULL)
    supervisor = Supervisor(tmp_path, tell=teller.tell)
    script = "echo begun >> runs"
    supervisor.start(Program("clerk", ["/bin/sh", "-c", script], tmp_path))
    runs = tmp_path / "runs"

    supervisor.wait_until(lambda: runs.exists() and runs.read_text().count("begun") > 2, seconds=9)
    teller.finish()

    assert teller.is_behind()


def test_a_reader_that_has_left_is_no_trouble():
    reader, writer = os.pipe()
    os.close(reader)
    teller = Teller(writer)

    teller.tell("one")
    teller.tell("two")
    teller.finish()

    assert not teller.is_behind()
    os.close(writer)
