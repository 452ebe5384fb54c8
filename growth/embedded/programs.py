"""The programs that an instance consists of."""

import sys
from pathlib import Path

from growth.embedded import ports
from growth.embedded.child import Program

ROOT = Path(__file__).resolve().parents[2]
_THREADS = 8
_CELERY = [sys.executable, "-m", "celery", "--app", "growth.celery"]
_DRAINING = 25  # Seconds that a request or a task has to finish.


def web(*, port: int) -> Program:
    """Return the web server."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    command += ["--host", ports.HOST, "--port", str(port), "--blocking-threads", str(_THREADS)]
    return Program(
        name="web",
        command=[*command, "growth.wsgi:application"],
        directory=ROOT,
        environment={"GROWTH_DATABASE_POOL": str(_THREADS)},
        patience=_DRAINING,
    )


def worker(name: str, *, queues: str, processes: int = 2) -> Program:
    """Return a worker for these queues."""
    options = ["--queues", queues, "--hostname", f"{name}@%h", "--concurrency", str(processes)]
    # Workers have nothing to tell each other; to ask costs a second of each start and reconnection.
    options += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
    return Program(
        name=f"worker-{name}",
        command=[*_CELERY, "worker", *options, "--loglevel", "INFO"],
        directory=ROOT,
        patience=_DRAINING,
    )


def beat(data_dir: Path) -> Program:
    """Return the clock, apart from the workers: it outlives each of them."""
    schedule = ["--schedule", str(data_dir / "beat-schedule"), "--pidfile", ""]
    command = [*_CELERY, "beat", *schedule, "--loglevel", "WARNING"]
    return Program(name="beat", command=command, directory=ROOT)


def mailbox(data_dir: Path, *, port: int) -> Program:
    """Return the SMTP server that keeps all mail to itself."""
    options = ["--port", str(port), "--dir", str(data_dir / "mailbox")]
    command = [sys.executable, str(ROOT / "manage.py"), "mailbox", *options]
    return Program(name="mailbox", command=command, directory=ROOT)
