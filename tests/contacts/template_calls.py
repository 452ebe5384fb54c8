"""What tests of templates ask of ``/v1/templates``."""

from rest_framework.test import APIClient

LEAVE = '<a href="{{ links.unsubscribe }}">Unsubscribe</a>'
STARTERS = [
    "tmpl_confirm",
    "tmpl_onboard_02",
    "tmpl_onboard_03",
    "tmpl_reengage",
    "tmpl_referral_prompt",
    "tmpl_survey_invite",
    "tmpl_trial_expiring",
    "tmpl_welcome_01",
    "tmpl_welcome_02",
    "tmpl_wl_confirm",
    "tmpl_wl_invite",
    "tmpl_wl_welcome",
]


def create(api: APIClient, source: str = f"<p>Hi</p>{LEAVE}", **fields: object):
    return api.post("/v1/templates", {"source": source, **fields})


def render(api: APIClient, code: str, **body: object) -> dict:
    response = api.post(f"/v1/templates/{code}/render", body)
    assert response.status_code == 200, response.json()
    return response.json()


def reasons(response) -> dict[str, str]:
    assert response.status_code == 422, response.json()
    return {each["field"]: each["message"] for each in response.json()["error"]["details"]}
