import sys
from collections.abc import Callable, Iterator

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from growth import outbox
from growth.management.bench import (
    analytics,
    api,
    contacts,
    growthgenius,
    imports,
    ingest,
    latency,
    mail,
    segments,
    waitlists,
    webhooks,
)
from growth.management.bench.database import throw_away_database
from growth.management.bench.machine import Steal
from growth.management.bench.measure import Absent, Ratio

BENCHES: dict[str, Callable[..., Iterator[Ratio | Absent]]] = {
    "ingest": ingest.run,
    "api": api.run,
    "contacts": contacts.run,
    "import": imports.run,
    "segments": segments.run,
    "latency": latency.run,
    "mail": mail.run,
    "waitlists": waitlists.run,
    "webhooks": webhooks.run,
    "dialects": growthgenius.run,
    "analytics": analytics.run,
}


_SIZED = ("segments", "analytics")
_NOTABLE = 0.02


class Command(BaseCommand):
    help = (
        "Measure against the bars, on a throw-away database of the server in use. Exits with 1 if "
        "a bar is missed; with --small only if it is missed by half."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
        parser.add_argument("--small", action="store_true", help="less data, 45 s at most")
        parser.add_argument("--contacts", type=int, help="of segments and analytics: so many")
        parser.add_argument("--events", type=int, help="of segments and analytics: so many")

    def handle(self, *, names: list[str], small: bool, **options: object) -> None:
        outbox.wake = _wake_nobody
        settings.RATE_LIMITS = False  # A bench sends what no plan allows.
        steal = Steal()
        missed = [
            ratio
            for name in names or BENCHES
            for ratio in self._ratios(name, small, options)
            if not ratio.holds(is_small=small)
        ]
        for ratio in missed:
            self.stderr.write(f"Missed: {ratio}")
        if steal.share() > _NOTABLE:
            self.stderr.write(
                f"The host gave {steal.share():.0%} of the processors' time to others meanwhile."
            )
        sys.exit(1 if missed else 0)

    def _ratios(self, name: str, small: bool, options: dict) -> Iterator[Ratio | Absent]:
        sizes = {each: options[each] for each in ("contacts", "events")}
        with throw_away_database() as url:
            for ratio in BENCHES[name](url, is_small=small, **(sizes if name in _SIZED else {})):
                self.stdout.write(str(ratio))
                yield ratio


def _wake_nobody(task: str) -> None:
    """Let rows wait: no worker belongs to a bench's database."""
