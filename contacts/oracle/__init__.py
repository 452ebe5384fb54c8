"""What a rule says of a person, by the plainest Python there is: what the SQL is measured against,
in tests and by ``manage.py audit``.

It reads the JSON of the rule itself, and shares only the spelling of addresses with the system.
"""

from contacts.oracle.rules import Person, flips, is_timed, matches
from contacts.oracle.scores import MILESTONES, engagement, lead
from contacts.oracle.values import read_time

__all__ = [
    "MILESTONES",
    "Person",
    "engagement",
    "flips",
    "is_timed",
    "lead",
    "matches",
    "read_time",
]
