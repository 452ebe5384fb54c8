"""The broker of the embedded mode: a Redis of ours where there is one to run, else a folder.

It keeps nothing over a restart. A message only says that there may be work; the rows know what.
"""

import secrets
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

from growth.embedded import ports
from growth.embedded.child import Program
from growth.embedded.private import write_privately

_SERVERS = ("redis-server", "valkey-server")


def redis(data_dir: Path, *, last_url: str) -> tuple[str, Program] | None:
    """Return the URL and the program of a Redis server, if this machine has one."""
    if (server := next(filter(None, map(shutil.which, _SERVERS)), None)) is None:
        return None
    directory = data_dir / "redis"
    directory.mkdir(mode=0o700, exist_ok=True)
    last = urlsplit(last_url)
    port = ports.free_port(preferred=last.port if last.scheme == "redis" else None)
    password = secrets.token_urlsafe(24)
    configuration = _write_configuration(directory, port=port, password=password)
    program = Program(name="redis", command=[server, configuration], directory=directory)
    return f"redis://:{password}@{ports.HOST}:{port}/0", program


def folder(data_dir: Path) -> str:
    """Return the URL of a broker in an empty folder, which needs no server."""
    queue = data_dir / "queue"
    shutil.rmtree(queue, ignore_errors=True)
    (queue / "control").mkdir(parents=True, mode=0o700)
    return f"filesystem://{quote(str(queue))}"


def _write_configuration(directory: Path, *, port: int, password: str) -> Path:
    """Write what the server reads; a password on its command line would be seen by all users."""
    path = directory / "redis.conf"
    lines = [f"bind {ports.HOST}", f"port {port}", f"requirepass {password}", 'save ""']
    write_privately(path, "\n".join([*lines, "appendonly no", "maxmemory-policy noeviction", ""]))
    return path
