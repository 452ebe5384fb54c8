import json

from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import now

from growth.projects.operations import found_project


class Command(BaseCommand):
    help = "Make a project with its first keys and an admin user, and print them this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, name: str, json: bool, **_: object) -> None:
        founding = found_project(name, at=now()).as_dict()
        self.stdout.write(_json(founding) if json else _lines(founding))


def _json(founding: dict[str, str | int]) -> str:
    return json.dumps(founding, indent=2)


def _lines(founding: dict[str, str | int]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in founding.items())
