"""What other apps say of themselves in the overview: one small query each, and null without data.

WIRE HERE: an app that is not part of the project yet says nothing.
"""

from datetime import datetime, timedelta

from growth.models import Project

NPS_DAYS = timedelta(days=90)


def nps_score(project: Project, *, at: datetime) -> int | None:
    """Return the net promoter score of the answers of the last ninety days."""
    return None


def referral_conversion_rate(project: Project, *, at: datetime) -> float | None:
    """Return conversions for each person who was referred."""
    return None
