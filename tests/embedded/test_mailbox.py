import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from growth.embedded.maildir import Maildir
from growth.embedded.ports import free_port
from growth.embedded.programs import ROOT

MESSAGE = "From: shop@example.com\r\nSubject: Hello\r\n\r\n.A line that begins with a dot.\r\n"


@pytest.fixture
def port() -> int:
    return free_port(preferred=None)


@pytest.fixture
def server(environment, tmp_path, port) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "manage.py", "mailbox", "--port", str(port), "--dir", str(tmp_path)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow  # It starts a process.
def test_what_is_answered_with_250_is_on_disk(server, tmp_path, port):
    assert "takes mail" in server.stdout.readline()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for recipients in (["ada@example.com"], ["bob@example.com", "büro@example.com"]):
            client.sendmail("shop@example.com", recipients, MESSAGE, mail_options=["SMTPUTF8"])
            (name, *_) = Maildir(tmp_path).names()
            content = Maildir(tmp_path).read(name).decode()
            assert content == f"X-Envelope-To: {', '.join(recipients)}\r\n{MESSAGE}"

    server.send_signal(signal.SIGTERM)

    assert server.wait(5) == 0


@pytest.mark.slow  # It starts a process.
def test_a_port_in_use_is_one_clear_sentence(environment, tmp_path, port):
    with socket.create_server(("127.0.0.1", port)):
        command = [sys.executable, "manage.py", "mailbox", "--port", str(port)]
        done = subprocess.run(
            [*command, "--dir", str(tmp_path)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: The mailbox cannot run on port {port}")
    assert len(done.stderr.splitlines()) == 1
