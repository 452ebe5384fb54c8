"""Plain functions that make reports for tests."""

from growth.analytics.models import Cohort, Funnel
from growth.models import Project


def make_funnel(project: Project) -> Funnel:
    """Return a new funnel of two steps."""
    definition = {"steps": ["signup_completed", "purchase"]}
    return Funnel.objects.create(project=project, name="Buying", definition=definition)


def make_cohorts(project: Project) -> Cohort:
    """Return new cohorts of those who log in."""
    return Cohort.objects.create(project=project, name="Logins", definition={"event": "login"})
