"""A mail that goes out keeps its unsubscribe link, whoever edits its template."""

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from contacts.models import Template
from growth.models import Project, User
from tests.campaigns.factories import make_lifecycle
from tests.contacts.mail_factories import make_template
from tests.contacts.template_calls import LEAVE, create, reasons
from tests.factories import AT

WITHOUT = "<p>Hi</p>"


@pytest.fixture
def campaign(project: Project) -> Campaign:
    make_template(project, source=WITHOUT + LEAVE)
    return make_lifecycle(project, "0m", template="tmpl_plain")


def save(api, code: str = "tmpl_plain"):
    return api.patch(f"/v1/templates/{code}", {"source": WITHOUT})


def test_the_template_of_an_active_campaign_keeps_its_link(api, campaign):
    assert campaign.id in reasons(save(api))["source"]

    assert Template.objects.get().source == WITHOUT + LEAVE


def test_a_paused_campaign_lets_it_go_and_is_not_activated_without_it(api, campaign):
    campaign.pause(at=AT)

    saved = save(api)

    assert saved.status_code == 200
    assert "There is no unsubscribe link" in saved.json()["warnings"][0]
    refused = api.post(f"/v1/campaigns/{campaign.id}/activate")
    assert refused.json()["error"]["details"][0]["reason"] == "no_unsubscribe_link"


def test_a_starter_that_an_active_campaign_sends_is_not_replaced_without_it(api, project):
    make_lifecycle(project, "0m", template="tmpl_welcome_01")

    assert "source" in reasons(save(api, "tmpl_welcome_01"))
    assert "source" in reasons(create(api, WITHOUT, id="tmpl_welcome_01"))
    assert not Template.objects.exists()


def test_campaigns_of_others_and_deleted_ones_hold_nobody_up(api, project, other_project):
    make_template(project, source=WITHOUT + LEAVE)
    make_template(other_project, source=WITHOUT + LEAVE)
    make_lifecycle(other_project, "0m", template="tmpl_plain")
    gone = make_lifecycle(project, "0m", template="tmpl_plain")
    api.delete(f"/v1/campaigns/{gone.id}")

    assert save(api).status_code == 200


def test_staff_reads_why_at_the_field(campaign):
    template = Template.objects.get()
    staff = Client()
    staff.force_login(User.objects.create_superuser("ann", "ann@example.com", "secret"))
    fields = {"subject": "Hi", "format": "html", "source": WITHOUT}

    answer = staff.post(
        reverse("admin:contacts_template_change", args=[quote(template.pk)]), fields
    )

    assert campaign.id in answer.context["adminform"].form.errors["source"][0]
    assert Template.objects.get().source == WITHOUT + LEAVE
