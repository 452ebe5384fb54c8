import json
import shlex
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from growth.embedded.claim import claim
from growth.embedded.ports import free_port
from growth.embedded.programs import ROOT


@pytest.fixture
def port() -> int:
    return free_port(preferred=None)


def test_a_port_in_use_is_refused(tmp_path, port):
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(CommandError, match=f"^Port {port} is in use: [^.]*[.]$"),
    ):
        call_command("up", port=port, data_dir=tmp_path)


def test_a_data_directory_that_another_process_uses_is_refused(tmp_path):
    with claim(tmp_path), pytest.raises(CommandError, match=f"^Another process uses {tmp_path}: "):
        call_command("up", data_dir=tmp_path)


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match=r"^Cannot write to \S+/file/var: Not a directory\.$"):
        call_command("up", data_dir=tmp_path / "file" / "var")


@pytest.mark.slow  # It starts a process.
@pytest.mark.parametrize("url", ["nonsense", "mysql://a/b", "postgres://a@127.0.0.1:1/b"])
def test_a_broken_database_url_is_refused(environment, tmp_path, url):
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--data-dir", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@contextmanager
def up(data_dir: Path, environment: dict[str, str], port: int) -> Iterator[subprocess.Popen]:
    options = ["--port", str(port), "--data-dir", str(data_dir), "--no-demo"]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def call_the_printed_line(process: subprocess.Popen) -> dict[str, object]:
    """Do what the printed curl line does, on machines without curl too."""
    line = next(line for line in process.stdout if line.strip().startswith("curl "))
    _, _, header, url = shlex.split(line)
    name, value = header.split(": ")
    with urllib.request.urlopen(urllib.request.Request(url, headers={name: value})) as answer:
        return json.load(answer)


def processes_of(data_dir: Path) -> list[str]:
    """Return the command lines of what runs for this data directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        marks = (process.info["environ"] or {}).values()
        if str(data_dir) in marks and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"]))
    return found


# A whole system starts, is killed, starts beside what is left of it, and stops.
@pytest.mark.slow
def test_the_whole_system_starts_recovers_and_stops(environment, open_directory, port):
    data_dir = open_directory / "var"

    with up(data_dir, environment, port) as process:
        assert "data" in call_the_printed_line(process)
        project = json.loads((data_dir / "project.json").read_text())
        process.kill()
    assert stat.S_IMODE((data_dir / "project.json").stat().st_mode) == 0o600

    with up(data_dir, environment, port) as process:
        assert "data" in call_the_printed_line(process)
        assert json.loads((data_dir / "project.json").read_text()) == project
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert processes_of(data_dir) == []
