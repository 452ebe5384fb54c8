"""Directories and environments for processes that are started for real."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import clean_environment


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Return a directory that PostgreSQL's system user can pass through; tmp_path is closed."""
    directory = Path(tempfile.mkdtemp(prefix="growth-test-", dir="/tmp"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def environment() -> dict[str, str]:
    """Return the environment of a person who has set nothing, for a process of its own."""
    return clean_environment()
