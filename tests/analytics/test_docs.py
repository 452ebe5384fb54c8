"""The page analytics.md does what it says."""

import json
from datetime import UTC, datetime, timedelta

from django.conf import settings

from tests.factories import make_contact, make_event
from tests.test_guides import BLOCK, assert_holds, read_request


def test_the_page_is_true(api, project):
    day = datetime(2026, 2, 1, 10, tzinfo=UTC)
    for number, source in enumerate(("organic", "organic", "referral", "referral")):
        contact = make_contact(project, traits={"plan": "growth", "source": source})
        make_event(contact, "signup_completed", at=day + timedelta(days=number == 3))
        if number == 0:
            make_event(contact, "purchase", at=day + timedelta(days=1), amount=12)
    text = (settings.BASE_DIR / "templates" / "docs" / "analytics.md").read_text()
    answer, funnel, replayed = None, "", 0

    for language, status, content in BLOCK.findall(text):
        if language == "http":
            request = read_request(content)
            path = request.path.replace("{funnel}", funnel)
            answer = api.generic(
                request.method, path, request.body, content_type="application/json"
            )
            assert answer.status_code in (200, 201), answer.json()
            funnel = answer.json().get("id", funnel)
        else:
            assert answer.status_code == int(status)
            assert_holds(answer.json(), json.loads(content))
            replayed += 1
    assert replayed == 8
