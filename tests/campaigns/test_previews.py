"""A look at a campaign's mail, which shows what would arrive and not what might."""

import re

import pytest

from campaigns.operations.broadcasts import start_broadcasts
from campaigns.operations.campaigns import send_test
from campaigns.operations.journeys import follow_events
from contacts.mail.links import read_click_token
from contacts.mail.rendering import SAMPLE
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Email, Event
from tests import smtp_sink
from tests.campaigns.factories import make_broadcast, make_lifecycle, make_segment
from tests.conftest import client_with
from tests.contacts.mail_factories import make_template
from tests.contacts.template_calls import create
from tests.factories import AT, make_contact, make_event

EVERYTHING = """{% assign who = contact.first_name | default: "you" %}
<mjml><mj-head><mj-style inline="inline">.a { color: red }</mj-style></mj-head><mj-body>
<mj-section><mj-column>
<mj-text css-class="a">Hello {{ who }}, ü {{ contact.traits.last_name | escape }}
{{ event.name }}|{{ event.properties.total }}|{{ campaign.name }}|{{ survey.question }}</mj-text>
<mj-image src="https://example.com/a.png" alt="A &amp; B" />
<mj-text><a href="https://example.com/?q={{ contact.email | url_encode }}">Go</a>
<a href="{{ links.unsubscribe }}">Leave</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def preview(api, campaign, **body: object) -> dict:
    response = api.post(f"/v1/campaigns/{campaign.id}/preview", body)
    assert response.status_code == 200, response.json()
    return response.json()


def parts(received: smtp_sink.Received) -> tuple[str, str]:
    """Return HTML and text of a mail, without what tells that it is read, and one token for all."""
    bodies = [received.parsed.get_body((kind,)).get_content() for kind in ("html", "plain")]
    return tuple(without_token(untracked(body.replace("\r\n", "\n"))) for body in bodies)


def untracked(html: str) -> str:
    html = re.sub(r'<a href="[^"]*" style="display:none".*?></a><img src="[^"]*/o/[^>]*>', "", html)
    return re.sub(r"http://localhost:8000/l/([\w.-]+)", lambda m: read_click_token(m[1]).url, html)


def without_token(text: str) -> str:
    return re.sub(r"/u/[\w.%-]+", "/u/token", text).rstrip("\n")


@pytest.mark.parametrize("kind", ["broadcast", "lifecycle"])
def test_preview_test_and_real_mail_are_the_same_bytes(api, project, settings, kind):
    made = create(api, EVERYTHING, id="tmpl_all", subject="Hi {{ contact.name }}: {{ event.name }}")
    assert made.status_code == 201, made.json()
    alex = make_contact(project, email=SAMPLE.email, traits=SAMPLE.traits)
    with smtp_sink.running() as sink:
        settings.EMAIL_URL = sink.url
        if kind == "broadcast":
            campaign = make_broadcast(project, make_segment(project, alex))
        else:
            campaign = make_lifecycle(project, "0m", template="tmpl_all")
        campaign.steps.update(template_code="tmpl_all", subject=None)

        seen = preview(api, campaign, contact_id=alex.id)
        send_test(campaign, email=alex.email, step_index=0, at=AT)
        if kind == "broadcast":
            start_broadcasts(at=AT)
        else:
            event = make_event(alex, "signup_completed")
            follow_events(project, [(event.key, AT.isoformat())], at=AT, hops=0)
        send_due(at=AT, relay=Relay(sink.url))

    test, real = sink.received
    shown = tuple(without_token(seen[part]) for part in ("html", "text"))
    assert shown == parts(test) == parts(real)
    assert real.parsed["Subject"] == seen["subject"] == seen["headers"]["Subject"]
    assert test.parsed["Subject"] == f"[Test] {seen['subject']}"
    shown_head = {n: v for n, v in seen["headers"].items() if n != "List-Unsubscribe"}
    assert {name: real.parsed[name] for name in shown_head} == shown_head


def test_a_preview_shows_head_and_body_for_a_contact(api, project):
    make_template(
        project,
        subject="Hi {{ contact.first_name }}",
        html="",
        text="{{ event.properties.plan }} {{ campaign.name }} {{ links.unsubscribe }}",
    )
    ada = make_contact(project, email="ada@example.com", traits={"first_name": "Ada"})
    make_event(ada, "signup_completed", plan="old", at=AT)
    make_event(ada, "signup_completed", plan="pro", at=AT.replace(hour=13))
    campaign = make_lifecycle(project, "0m", "1d", template="tmpl_plain")
    campaign.steps.filter(position=1).update(subject=None)

    seen = preview(api, campaign, contact_id=ada.id, step_index=1)

    assert list(seen) == ["subject", "preheader", "html", "text", "from", "headers", "warnings"]
    assert seen["subject"] == "Hi Ada"
    assert seen["text"] == "pro Sequence http://localhost:8000/u/sample\n"
    assert seen["from"].startswith("Acme <")
    assert seen["headers"]["To"] == "ada@example.com"
    assert seen["headers"]["List-Unsubscribe"] == "<http://localhost:8000/u/sample>"
    assert seen["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not Email.objects.exists()
    assert Event.objects.count() == 2


def test_a_preview_for_nobody_uses_a_sample_and_shows_the_preheader(api, project):
    made = create(api, EVERYTHING, id="tmpl_all", preheader="For {{ who }} & <co>")
    assert made.status_code == 201
    segment = make_segment(project, make_contact(project))
    campaign = make_broadcast(project, segment)
    campaign.steps.update(template_code="tmpl_all")

    seen = preview(api, campaign)

    assert seen["preheader"] == "For Alex & <co>"
    assert seen["subject"] == "News"
    assert seen["headers"]["To"] == SAMPLE.email
    assert [each.partition(" is missing")[0] for each in seen["warnings"]] == [
        "steps[0]: traits.last_name"
    ]


def test_a_contact_without_an_address_is_shown_with_a_warning(api, project):
    campaign = make_lifecycle(project, "0m")
    nobody = make_contact(project, email="", external_id="x")

    [warning] = preview(api, campaign, contact_id=nobody.id)["warnings"]

    assert warning.startswith("contact_id: This contact has no address")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"step_index": 7}, "step_index"),
        ({"step_index": -1}, "step_index"),
        ({"step_index": "x"}, "step_index"),
        ({"contact_id": "cntct_0000000000"}, "contact_id"),
        ({"contact_id": 7}, "contact_id"),
        ({"sample": {}}, "sample"),
    ],
)
def test_a_preview_that_cannot_be_made_names_the_field(api, project, body, field):
    campaign = make_lifecycle(project, "0m")

    response = api.post(f"/v1/campaigns/{campaign.id}/preview", body)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["error"]["details"]] == [field]


def test_a_step_whose_template_is_not_there_is_named(api, project):
    campaign = make_lifecycle(project, "0m")
    campaign.steps.update(template_code="tmpl_gone")

    response = api.post(f"/v1/campaigns/{campaign.id}/preview", {})

    [detail] = response.json()["error"]["details"]
    assert (response.status_code, detail["field"]) == (422, "steps[0].template_id")


def test_what_cannot_be_rendered_for_this_contact_says_why(api, project):
    make_template(project, text="{{ 1 | divided_by: contact.zero }}")
    campaign = make_lifecycle(project, "0m")
    campaign.steps.update(template_code="tmpl_plain")
    contact = make_contact(project, traits={"zero": 0})

    response = api.post(f"/v1/campaigns/{campaign.id}/preview", {"contact_id": contact.id})

    assert response.status_code == 422
    assert "divide by 0" in response.json()["error"]["message"].lower()


def test_another_projects_contact_is_as_unknown(api, project, other_project):
    campaign = make_lifecycle(project, "0m")
    stranger = make_contact(other_project)

    response = api.post(f"/v1/campaigns/{campaign.id}/preview", {"contact_id": stranger.id})

    assert response.status_code == 422


def test_who_may_read_campaigns_may_look(project):
    campaign = make_lifecycle(project, "0m")

    for scope, status in (("campaigns:read", 200), ("campaigns:write", 403)):
        client = client_with(project, scopes=[scope])
        assert client.post(f"/v1/campaigns/{campaign.id}/preview", {}).status_code == status
