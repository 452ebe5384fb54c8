"""The first page of the admin: the projects at a glance."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now

from growth.analytics.charts import time_chart
from growth.analytics.grammar import read_query
from growth.analytics.queries import answer
from growth.analytics.queries.overview import overview
from growth.models import Project

MOST_PROJECTS = 20
ALL = "all"

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
    """Add to the page's context the projects, and the numbers and pictures of the one chosen; or
    the numbers of them all.
    """
    projects, at = Project.objects.order_by("id"), now()
    context |= {"projects": projects[:MOST_PROJECTS]}
    wanted = request.GET.get("project", "")
    if wanted == ALL:
        return context | _of_all(projects.filter(id__gt=request.GET.get("after", "")), at)
    chosen = projects.filter(id=wanted).first() or projects.first()
    if chosen is None:
        return context
    pictures = [_picture(chosen, *each, at=at) for each in _PICTURES.items()]
    return context | {"project": chosen, "numbers": _numbers(chosen, at), "pictures": pictures}


def _of_all(projects: QuerySet[Project], at: datetime) -> dict[str, Any]:
    """Return a row of numbers for each of the next projects."""
    found = list(projects[: MOST_PROJECTS + 1])
    page, has_more = found[:MOST_PROJECTS], len(found) > MOST_PROJECTS
    rows = [(each, [value for _, value in _numbers(each, at)]) for each in page]
    return {
        "rows": rows,
        "titles": list(_NUMBERS.values()),
        "after": page[-1].id if has_more else None,
    }


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
