"""What scores are worth, by the rules as they are documented."""

from datetime import datetime
from zoneinfo import ZoneInfo

from contacts.oracle.rules import Person

_EARNED = {
    "page": 1,
    "screen": 1,
    "$email_opened": 2,
    "$email_clicked": 5,
    "$referral_converted": 10,
    "$survey_responded": 10,
}
_KNOWN = {"name": 10, "company": 15, "title": 10, "plan": 10}
MILESTONES = {"$email_clicked": 5, "$survey_responded": 10, "$referral_converted": 10}
"""What the lead score gives for events that happened once or more."""

_NEWEST = 1000


def engagement(person: Person, *, at: datetime, zone: ZoneInfo) -> int:
    """Return what the person's last thirty days are worth, by the rules as they are documented."""
    earned: dict[str, int] = {}
    past = sorted((event for event in person.events if event[1] <= at), key=lambda event: event[1])
    today = at.astimezone(zone).date()
    for name, time, _ in past[-_NEWEST:]:
        days = (today - time.astimezone(zone).date()).days
        points = _EARNED.get(name, 0 if name.startswith("$") else 5)
        if days < 30:
            earned[name] = earned.get(name, 0) + points * (30 - days)
    return min(100, sum(min(50, points // 30) for points in earned.values()))


def lead(person: Person) -> int:
    """Return what is known of the person, and what they ever reached, in points."""
    known = sum(points for name, points in _KNOWN.items() if person.traits.get(name))
    names = {name for name, _, _ in person.events}
    reached = sum(points for name, points in MILESTONES.items() if name in names)
    return min(100, known + reached + (20 if person.email else 0) + (10 if person.phone else 0))
