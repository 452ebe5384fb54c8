"""Mail in a folder, one file a message; the name tells when it came and to whom.

So a page of the newest, or of one recipient, needs no look into tens of thousands of files.
"""

import itertools
import os
import re
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

ENVELOPE_TO = "X-Envelope-To"
_FOLDERS = ("tmp", "new", "cur")
_NAME = re.compile(r"(\d+)\.M(\d{6})P\d+Q\d+\.[^,/]+,to=([^:/]*)")
_NOT_IN_NAMES = re.compile(r"[^\w@.+-]")
_LONGEST_RECIPIENTS = 150  # Bytes; a file name has 255 at most.
_MORE = "~"  # Ends the recipients of a name that has no room for all.
_count = itertools.count(1)


class Maildir:
    """The messages in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def create(self) -> None:
        """Make the directory unless it is there."""
        for folder in _FOLDERS:
            (self._directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def store(self, content: bytes, *, recipients: Sequence[str], at: float) -> str:
        """Keep a message for good, and return its name."""
        name = _name(recipients, at=at)
        draft = self._directory / "tmp" / name
        with draft.open("xb") as file:
            file.write(f"{ENVELOPE_TO}: {', '.join(recipients)}\r\n".encode() + content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._directory / "new" / name)
        self._sync_new()
        return name

    def names(self, *, to: str = "", before: str = "") -> Iterator[str]:
        """Yield the names of the messages, newest first, from the one after ``before``."""
        wanted = _as_in_names(to)
        for name in sorted(self._files(), reverse=True):
            if (not before or name < before) and self._is_to(name, wanted):
                yield name

    def read(self, name: str) -> bytes | None:
        """Return a message, or None if there is none of this name."""
        if _NAME.match(name) is None or "\0" in name:
            return None
        for folder in ("new", "cur"):
            try:
                return (self._directory / folder / name).read_bytes()
            except FileNotFoundError:
                continue
        return None

    def _files(self) -> set[str]:
        """Return the names of all messages; a mail reader moves what it has read to ``cur``."""
        found: set[str] = set()
        for folder in ("new", "cur"):
            try:
                found.update(filter(_NAME.match, os.listdir(self._directory / folder)))
            except FileNotFoundError:
                continue
        return found

    def _is_to(self, name: str, wanted: str) -> bool:
        recipients = _NAME.match(name)[3]  # type: ignore[index]
        if wanted in recipients or not recipients.endswith(_MORE):
            return wanted in recipients
        header = (self.read(name) or b"").partition(b"\r\n")[0]
        return wanted in _as_in_names(header.decode(errors="replace"))

    def _sync_new(self) -> None:
        """Make the new name survive a power cut."""
        folder = os.open(self._directory / "new", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def received_at(name: str) -> datetime:
    """Return when the message of this name came."""
    seconds, microseconds = map(int, _NAME.match(name).groups()[:2])  # type: ignore[union-attr]
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=microseconds)


def _name(recipients: Sequence[str], *, at: float) -> str:
    seconds, microseconds = divmod(int(at * 1_000_000), 1_000_000)
    host = re.sub(r"[^\w.-]", "_", socket.gethostname())[:60]
    unique = f"{seconds}.M{microseconds:06}P{os.getpid()}Q{next(_count)}"
    return f"{unique}.{host},to={_recipients_in_name(recipients)}"


def _recipients_in_name(recipients: Sequence[str]) -> str:
    text = "+".join(_as_in_names(address) for address in recipients)
    if len(text.encode()) <= _LONGEST_RECIPIENTS:
        return text
    return text.encode()[:_LONGEST_RECIPIENTS].decode(errors="ignore") + _MORE


def _as_in_names(address: str) -> str:
    return _NOT_IN_NAMES.sub("_", address.lower())
