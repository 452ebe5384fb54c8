"""Files that only their owner reads."""

import os
from pathlib import Path


def write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner reads, all of it or nothing."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
