"""``GET /v1/analytics/scores``: how the scores of all contacts are spread, and how that changes."""

from datetime import timedelta

import pytest

from contacts.models import ContactActivity
from growth.analytics import scores
from growth.analytics.models import DailyScores
from tests.factories import AT, make_contact

PATH = "/v1/analytics/scores"


def score(project, engagement: int, lead: int = 0) -> ContactActivity:
    contact = make_contact(project)
    return ContactActivity.objects.create(
        project=project, contact=contact, engagement=engagement, lead=lead
    )


@pytest.fixture
def scored(project, other_project):
    """Four contacts, of which one never did anything; one of another project, one deleted."""
    for engagement, lead in ((9, 20), (10, 20), (100, 35)):
        score(project, engagement, lead)
    make_contact(project)
    score(other_project, 50)
    score(project, 50).contact.remove(at=AT)


def test_scores_are_spread_over_ten_bins(api, scored):
    answer = api.get(PATH).json()

    assert answer["contacts"] == 4
    assert answer["engagement"]["average"] == 29.8
    assert answer["engagement"]["median"] == 9
    counts = [each["count"] for each in answer["engagement"]["distribution"]]
    assert counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert answer["engagement"]["distribution"][9] == {"from": 90, "to": 100, "count": 1}
    assert (answer["lead"]["average"], answer["lead"]["median"]) == (18.8, 20)


def test_a_day_is_kept_once_when_it_is_an_hour_old(api, project, scored):
    """Repeated: the first of a day stays."""
    midnight = AT.replace(hour=0)
    assert scores.keep_next(at=midnight + timedelta(minutes=59)) == 0
    assert scores.keep_next(at=midnight + timedelta(hours=1)) == 2
    score(project, 70)
    assert scores.keep_next(at=midnight + timedelta(hours=9)) == 0
    scores.keep_next(at=midnight + timedelta(hours=26))

    answer = api.get(f"{PATH}?from=2026-03-01&to=2026-03-31").json()

    assert answer["trend"] == [
        {"date": "2026-03-02", "contacts": 4, "engagement": 29.8, "lead": 18.8},
        {"date": "2026-03-03", "contacts": 5, "engagement": 37.8, "lead": 15.0},
    ]
    assert api.get(f"{PATH}?from=2026-03-03&to=2026-03-03").json()["trend"] == answer["trend"][1:]
    assert api.get(f"{PATH}?from=soon").status_code == 400
    assert api.get(f"{PATH}?colour=red").status_code == 400


def test_without_contacts_there_is_no_average(api, project):
    answer = api.get(PATH).json()

    assert (answer["contacts"], answer["engagement"]["average"]) == (0, None)
    scores.keep_next(at=AT)
    assert DailyScores.objects.get(project=project).engagement == [0] * 101
