from argparse import ArgumentTypeError
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now
from tqdm import tqdm

from contacts.operations.event_files import Mapping
from contacts.operations.imports import FileImport
from growth.errors import DomainError
from growth.models import Project


class Command(BaseCommand):
    help = (
        "Import a file of events, CSV or NDJSON, plain or gzipped. Run it again after an "
        "interruption: it goes on where it stood, and stores no row twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", help="id of the project; without it the first one")
        parser.add_argument(
            "--contact-id", required=True, help="column of your id of the person, or a template"
        )
        parser.add_argument("--timestamp", required=True, help="column of the time, ISO 8601")
        parser.add_argument(
            "--event", required=True, help="column of the event's name, or the name of all events"
        )
        parser.add_argument(
            "--properties", help="columns to keep, with commas between; without it all others"
        )
        parser.add_argument(
            "--trait",
            action="append",
            default=[],
            type=_pair,
            metavar="NAME=TEMPLATE",
            help="a trait of the person, such as email=customer-{customer_id}@example.com",
        )
        parser.add_argument(
            "--shift-to-now",
            action="store_true",
            help="move all times by whole days, so that the last day is yesterday",
        )

    def handle(self, *, file: Path, **options: object) -> None:
        try:
            self._import(file, **options)
        except DomainError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None

    def _import(self, file: Path, **options: object) -> None:
        running = FileImport(
            _project(options["project"]),
            file,
            _mapping(options),
            shift_to_now=bool(options["shift_to_now"]),
            at=now(),
        )
        rejects = settings.DATA_DIR / f"rejected-{running.record.digest[:12]}.csv"
        rejects.parent.mkdir(parents=True, exist_ok=True)
        before = running.record.rows_done
        with tqdm(total=running.survey.rows, initial=before, unit=" rows") as bar:
            for done in running.run(rejects):
                bar.update(done - bar.n)
        self._report(running, before, rejects)

    def _report(self, running: FileImport, before: int, rejects: Path) -> None:
        record = running.record
        if record.rows_done == before:
            self.stdout.write(f"All {before:,} rows were imported before; nothing was stored.")
        else:
            stored = record.rows_done - record.rows_rejected
            self.stdout.write(f"{stored:,} of {record.rows_done:,} rows are stored.")
        if record.rows_rejected:
            self.stdout.write(f"{record.rows_rejected:,} rows were rejected; see {rejects}.")
        if running.unkept:
            self.stdout.write(
                f"Of {running.unkept:,} contacts not all could be kept; see {rejects}."
            )


def _project(id: object) -> Project:
    projects = Project.objects.order_by("id")
    project = projects.filter(pk=id).first() if id else projects.first()
    if project is None:
        raise CommandError(f"There is no project {id or 'yet'}; see manage.py create_project.")
    return project


def _mapping(options: dict) -> Mapping:
    columns = options["properties"]
    return Mapping(
        contact_id=options["contact_id"],
        timestamp=options["timestamp"],
        event=options["event"],
        properties=tuple(columns.split(",")) if columns else None,
        traits=tuple(options["trait"]),
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, template = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError("write a trait as NAME=TEMPLATE")
    return name, template
