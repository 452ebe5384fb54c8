from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from growth.embedded.errors import CannotStart
from growth.embedded.launch import Options, launch
from growth.embedded.teller import Teller


class Command(BaseCommand):
    """Starts the whole system; see growth.embedded.launch."""

    help = "Start the whole system, with a database and a broker of its own unless they are given."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--data-dir", type=Path, default=settings.DATA_DIR)
        parser.add_argument("--no-demo", action="store_true", help="leave the first project empty")

    def handle(self, *, port: int, data_dir: Path, no_demo: bool, **_: object) -> None:
        options = Options(data_dir=data_dir.resolve(), port=port, with_demo=not no_demo)
        teller = Teller()
        try:
            launch(options, tell=teller.tell)
        except CannotStart as error:
            raise CommandError(str(error)) from error
        finally:
            teller.finish()
