"""What a running instance tells the other commands: where its database and its broker are.

``manage.py up`` writes the file ``instance.json`` into the data directory; the settings read it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from growth.embedded.private import write_privately

FILE_NAME = "instance.json"


@dataclass(frozen=True)
class Instance:
    """Where the services of one data directory listen."""

    database_url: str
    broker_url: str
    email_url: str
    base_url: str
    secret_key: str


def read(data_dir: Path) -> Instance | None:
    """Return what the last ``manage.py up`` on this data directory wrote, or None without one.

    :raises ImproperlyConfigured: if it is not ours to read.
    """
    path = data_dir / FILE_NAME
    try:
        return Instance(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise ImproperlyConfigured(f"Cannot read {path}: {error.strerror}.") from error


def write(data_dir: Path, instance: Instance) -> None:
    """Store the instance in the data directory, readable by its owner only."""
    write_privately(data_dir / FILE_NAME, json.dumps(asdict(instance), indent=2))
