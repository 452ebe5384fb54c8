"""What a new instance needs once: its tables, its first project, something to look at."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connection

from growth.embedded.errors import CannotStart
from growth.embedded.leftovers import MARK
from growth.embedded.private import write_privately
from growth.embedded.programs import ROOT

PROJECT_FILE_NAME = "project.json"
_LINES_TO_SHOW = 15


@dataclass(frozen=True)
class Manage:
    """Runs management commands for one instance, each as a process of its own.

    Our own process has read its settings before the instance was there.
    """

    data_dir: Path
    log: Path

    def run(self, *arguments: str) -> str:
        """Run one command and return what it prints.

        :raises CannotStart: if it fails.
        """
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            env={**os.environ, "GROWTH_DATA_DIR": str(self.data_dir), MARK: str(self.data_dir)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(done.stderr)
        if done.returncode:
            reason = "\n".join(done.stderr.splitlines()[-_LINES_TO_SHOW:])
            raise CannotStart(f"manage.py {arguments[0]} fails:\n{reason}")
        return done.stdout


def make_tables() -> None:
    """Bring the tables up to date, in our own process: a new one takes seconds to begin.

    :raises CannotStart: if the database refuses.
    """
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise CannotStart(f"The tables cannot be made: {error}") from error
    finally:
        connection.close()


def first_project(manage: Manage, *, base_url: str) -> tuple[dict[str, str], bool]:
    """Return the first project with its keys, and whether it is new."""
    path = manage.data_dir / PROJECT_FILE_NAME
    is_new = not path.exists()
    project = json.loads(
        manage.run("create_project", "First project", "--json") if is_new else path.read_text()
    )
    if is_new or project["base_url"] != base_url:
        project["base_url"] = base_url
        write_privately(path, json.dumps(project, indent=2) + "\n")
    return project, is_new
