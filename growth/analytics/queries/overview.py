"""The project at a glance."""

from datetime import datetime, timedelta
from typing import Any

from campaigns.models import Campaign
from contacts.models import Contact
from growth.analytics.periods import first_moment, today
from growth.analytics.statements import rows, statement
from growth.models import Project
from referrals.queries import conversion_rate
from surveys.queries import nps_of_project

DAYS = 30
NPS_DAYS = 90


def overview(project: Project, *, at: datetime) -> dict[str, Any]:
    """Return the numbers of the dashboard: contacts, those of the last 30 days, events of today and
    on average of the last 30 days that are over, without the system's own. What there is no data of
    is null.
    """
    contacts, events_today, events_before = _counts(project, at)
    recent = Contact.objects.in_project(project).alive()
    recent = recent.filter(created_at__gt=at - timedelta(days=DAYS), created_at__lte=at)
    campaigns = Campaign.objects.in_project(project).alive().active()
    return {
        "total_contacts": contacts,
        "contacts_30d": recent.count(),
        "events_today": events_today,
        "events_avg_daily": round(events_before / DAYS),
        "active_campaigns": campaigns.count(),
        "nps_score": nps_of_project(project, since=at - timedelta(days=NPS_DAYS), until=at),
        "referral_conversion_rate": conversion_rate(project),
    }


def _counts(project: Project, at: datetime) -> tuple[int, int, int]:
    """Return how many contacts there are, events of today, and events of the days before."""
    day = today(project, at)
    first, zone = day - timedelta(days=DAYS), project.zone
    parts = {"project": project.key, "zone": project.timezone, "today": day, "month_ago": first}
    is_whole, *counts = rows(statement("overview", **parts))[0]
    if not is_whole:
        moments = {
            "today": first_moment(day, zone),
            "month_ago": first_moment(first, zone),
            "tomorrow": first_moment(day + timedelta(days=1), zone),
        }
        counts = list(rows(statement("overview_counted", project=project.key, **moments))[0])
    return counts[0], counts[1], counts[2]
