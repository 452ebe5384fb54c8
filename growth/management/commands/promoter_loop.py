from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from growth.management.promoter_loop import add_promoter_loop
from growth.models import Project


class Command(BaseCommand):
    help = "Draft an NPS survey and the campaign that writes to promoters. Run twice, it is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="its id; without one, the first project")

    def handle(self, project: str | None = None, **_: object) -> None:
        projects = Project.objects.order_by("id")
        found = (projects.filter(pk=project) if project else projects).first()
        if found is None:
            raise CommandError("There is no such project; see manage.py create_project.")
        made = add_promoter_loop(found)
        self.stdout.write("Drafted " + ", ".join(made) if made else "It is there already.")
