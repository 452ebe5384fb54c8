"""A waitlist as a newcomer finds it: with people who have brought each other."""

from datetime import datetime

from growth.models import Project
from waitlists.models import Waitlist
from waitlists.operations.joining import Joining, join
from waitlists.operations.waitlists import create_waitlist

NAME = "Early access"
WAITING = [
    *[(name, "") for name in ("Ada", "Ben", "Cleo", "Dario", "Emma", "Farid", "Gina", "Hugo")],
    *[("Ines", "Hugo"), ("Jonas", "Hugo"), ("Kira", "Emma"), ("Liam", ""), ("Mona", "Liam")],
]
"""People on the list, and the friends who brought them."""


def write_demo_waitlist(project: Project, *, at: datetime) -> Waitlist:
    """Make a list of people who came in this order, each by the friend that is named."""
    waitlist = create_waitlist(project, name=NAME, referral_boost=3, at=at)
    codes = {"": ""}
    for name, friend in WAITING:
        joining = Joining(
            f"{name.lower()}@example.com", {"name": name}, codes[friend], is_vouched_for=True
        )
        codes[name] = join(waitlist, joining, at=at).entry.code
    return waitlist
