"""What staff see of campaigns, and do to them."""

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from campaigns.operations.broadcasts import start_broadcasts
from growth.models import User
from tests.campaigns.factories import make_broadcast, make_lifecycle, make_segment
from tests.factories import AT, make_contact


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


def act(staff, name, *campaigns):
    body = {"action": name, "_selected_action": [campaign.pk for campaign in campaigns]}
    url = reverse("admin:campaigns_campaign_changelist")
    return staff.post(url, body, follow=True).content.decode()


def page(staff, campaign):
    return staff.get(
        reverse("admin:campaigns_campaign_change", args=[quote(campaign.pk)])
    ).content.decode()


def test_a_campaigns_page_shows_its_steps_and_progress(staff, project):
    campaign = make_broadcast(project, make_segment(project, make_contact(project)))
    assert "nothing yet" in page(staff, campaign)

    start_broadcasts(at=AT)

    shown = page(staff, campaign)
    assert "waiting 1" in shown
    assert "tmpl_reengage" in shown


def test_staff_pause_and_activate_by_the_same_operations(staff, project):
    campaign = make_lifecycle(project, "0m")

    act(staff, "pause", campaign)
    campaign.refresh_from_db()
    assert campaign.status == "paused"
    act(staff, "activate", campaign)
    campaign.refresh_from_db()
    assert campaign.status == "active"


def test_what_is_refused_is_told_to_staff(staff, project):
    campaign = make_lifecycle(project, "0m")
    campaign.steps.all().delete()
    campaign.pause(at=AT)

    assert "Add a step before you activate." in act(staff, "activate", campaign)


def test_a_deleted_campaign_is_not_listed(staff, api, project):
    campaign = make_lifecycle(project, "0m")
    api.delete(f"/v1/campaigns/{campaign.id}")

    listed = staff.get(reverse("admin:campaigns_campaign_changelist")).content.decode()

    assert campaign.id not in listed
