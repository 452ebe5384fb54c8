"""One door to all four kinds of question."""

from datetime import datetime
from typing import Any

from growth.analytics.queries.counts import count
from growth.analytics.queries.funnels import funnel
from growth.analytics.queries.retention import retention
from growth.analytics.questions import Cohorts, Count, FunnelSteps
from growth.models import Project
from growth.transactions import statements_within

PATIENCE = 25
_TOO_SLOW = "To count this takes longer than 25 seconds; ask for less time, or for fewer events."

Question = Count | FunnelSteps | Cohorts


def answer(question: Question, project: Project, *, at: datetime) -> dict[str, Any]:
    """Return the answer as the API shows it.

    :raises TooSlow: if it takes longer than anybody waits for it.
    """
    with statements_within(PATIENCE, _TOO_SLOW):
        if isinstance(question, Count):
            found = count(question, project, at=at)
        elif isinstance(question, FunnelSteps):
            found = funnel(question, project, at=at)
        else:
            found = retention(question, project, at=at)
    return {"type": question.type, **found}
