"""The first page of the admin: the projects at a glance."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now

from growth.analytics.charts import time_chart
from growth.analytics.grammar import read_query
from growth.analytics.queries import answer
from growth.analytics.queries.overview import overview
from growth.models import Project

MOST_PROJECTS = 20

_NUMBERS = {
    "total_contacts": "Contacts",
    "contacts_30d": "New in 30 days",
    "events_today": "Events today",
    "events_avg_daily": "Events a day",
    "active_campaigns": "Active campaigns",
    "nps_score": "NPS, 90 days",
    "referral_conversion_rate": "Referral conversion",
}
_PICTURES = {"Events a day": "event_count", "Active people a day": "unique_contacts"}


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the page's context the projects, and the numbers and pictures of the one chosen."""
    projects = list(Project.objects.order_by("id")[:MOST_PROJECTS])
    wanted = request.GET.get("project", "")
    chosen = next((each for each in projects if each.id == wanted), next(iter(projects), None))
    if chosen is not None and request.user.is_active:
        at = now()
        context |= {"project": chosen, "numbers": _numbers(chosen, at)}
        context |= {"pictures": [_picture(chosen, *each, at=at) for each in _PICTURES.items()]}
    return context | {"projects": projects}


def _numbers(project: Project, at: datetime) -> list[tuple[str, str]]:
    told = overview(project, at=at)
    return [(title, _written(told[name])) for name, title in _NUMBERS.items()]


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0%}" if isinstance(value, float) else f"{value:,}"


def _picture(project: Project, title: str, type: str, *, at: datetime) -> dict[str, Any]:
    told = answer(read_query({"type": type}, project, at=at), project, at=at)
    return {"title": title, "svg": safe(time_chart(title, told)), "rows": told["data"]}


def safe(svg: str) -> SafeString:
    """Return the picture for a page; what it says of data is escaped where it is drawn."""
    return mark_safe(svg)
