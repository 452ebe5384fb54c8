import contextlib
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from growth.embedded.errors import CannotStart
from growth.embedded.mailbox import serve


class Command(BaseCommand):
    """Runs the SMTP server of the mailbox; see growth.embedded.mailbox."""

    help = "Take mail over SMTP, keep it in a folder, and deliver none of it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=1025)
        parser.add_argument("--dir", type=Path, default=settings.MAILBOX_DIR)

    def handle(self, *, host: str, port: int, dir: Path, **_: object) -> None:
        try:
            serve(dir, host=host, port=port, tell=self._tell)
        except CannotStart as error:
            raise CommandError(str(error)) from error

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # Who read this has left; we go on.
            self.stdout.write(line)
            self.stdout.flush()
