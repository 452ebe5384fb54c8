import sys
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils.timezone import now

from contacts.models import Segment
from contacts.operations.auditing import Audit
from growth.analytics import rollups
from growth.models import Project
from referrals.standings import drifts as referral_drifts
from waitlists.operations.auditing import drifts as waitlist_drifts


class Command(BaseCommand):
    help = (
        "Compare stored memberships, contact counts and scores with what plain Python computes "
        "from contacts and events, the books of waitlists and of leaderboards with what "
        "they count, and daily totals with a recount. Prints a line for each difference, and "
        "exits with 1 if there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="id of the project; without it all of them")
        parser.add_argument("--segment", help="id of the segment; without it all, and scores")
        parser.add_argument(
            "--sample", type=int, metavar="N", help="only so many contacts of a project, by chance"
        )

    def handle(
        self, *, project: str | None, segment: str | None, sample: int | None, **_: object
    ) -> None:
        if sample is not None and sample < 1:
            raise CommandError("--sample takes a number of contacts, at least 1.")
        drifts = contacts = 0
        with transaction.atomic():
            _see_one_snapshot()
            for audit in _audits(project, segment, sample):
                for drift in audit.drifts():
                    self.stdout.write(str(drift))
                    drifts += 1
                contacts += audit.contacts
                for drift in () if segment or sample else _books(audit.project):
                    self.stdout.write(str(drift))
                    drifts += 1
                if segment is None:
                    drifts += self._totals(audit.project)
        self.stderr.write(f"{contacts:,} contacts compared; {drifts:,} differences.")
        sys.exit(1 if drifts else 0)

    def _totals(self, project: Project) -> int:
        """Print which daily totals are wrong; return how many."""
        count = 0
        for what, name, day, stored, expected in rollups.drifts(project):
            line = f"project={project.id} {what} {name or 'contacts'} {day}"
            self.stdout.write(f"{line} stored={stored} expected={expected}")
            count += 1
        return count


def _books(project: Project) -> Iterator[object]:
    yield from waitlist_drifts(project)
    yield from referral_drifts(project)


def _see_one_snapshot() -> None:
    """Let all that follows see the same moment, and write nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT FROM growth_project LIMIT 1")  # Now it is taken.


def _audits(project_id: str | None, segment_id: str | None, sample: int | None) -> Iterator[Audit]:
    at = now()
    if segment_id:
        segment = Segment.objects.filter(pk=segment_id).select_related("project").first()
        if segment is None or project_id not in (None, segment.project_id):
            raise CommandError(f"There is no segment {segment_id} there.")
        yield Audit(segment.project, at, segment, sample)
        return
    projects = Project.objects.order_by("id")
    if project_id and not projects.filter(pk=project_id).exists():
        raise CommandError(f"There is no project {project_id}.")
    for project in projects.filter(pk=project_id) if project_id else projects:
        yield Audit(project, at, sample=sample)
