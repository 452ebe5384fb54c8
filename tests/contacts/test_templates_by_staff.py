"""Templates in the admin: edited, looked at and tried by staff, as the API does it."""

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from contacts.models import Email, Template
from growth.models import User
from tests.campaigns.factories import make_lifecycle
from tests.contacts.mail_factories import make_template

LEAVE = '<a href="{{ links.unsubscribe }}">Leave</a>'


@pytest.fixture
def template(project) -> Template:
    return make_template(project, source="<p>Old</p>" + LEAVE)


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann", "ann@example.com", "secret"))
    return client


def page(template: Template) -> str:
    return reverse("admin:contacts_template_change", args=[quote(template.pk)])


def save(staff: Client, template: Template, **changes: str):
    names = ("name", "subject", "preheader", "format", "source", "text_source")
    fields = {name: getattr(template, name) for name in names}
    return staff.post(page(template), fields | changes)


def test_a_template_is_compiled_when_it_is_saved(staff, template):
    source = "# New\r\n\r\n[out]({{ links.unsubscribe }})"  # as browsers send it

    response = save(staff, template, source=source, format="markdown")

    assert response.status_code == 302, response.context["errors"]
    template.refresh_from_db()
    assert "<h1>New</h1>" in template.html
    assert template.source == template.text.strip() == source.replace("\r", "")


def test_a_mistake_is_shown_at_its_field_and_nothing_is_saved(staff, template):
    response = save(staff, template, source="<p>\n{{ x", subject="{% y", text_source="{{ z | w }}")

    errors = response.context["adminform"].form.errors
    assert set(errors) == {"source", "subject", "text_source"}
    assert errors["source"] == ["Line 2: '{{' is never closed by '}}'."]
    template.refresh_from_db()
    assert template.source == "<p>Old</p>" + LEAVE


def test_what_a_campaign_sends_cannot_be_deleted_from_its_page_or_the_list(staff, project):
    own = make_template(project, "tmpl_own")
    campaign = make_lifecycle(project, "0m", template="tmpl_own")
    listed = {"action": "delete_selected", "_selected_action": own.pk, "post": "yes"}

    shown = staff.get(reverse("admin:contacts_template_delete", args=[quote(own.pk)]))
    staff.post(reverse("admin:contacts_template_delete", args=[quote(own.pk)]), {"post": "yes"})
    staff.post(reverse("admin:contacts_template_changelist"), listed)

    assert f"The campaign Sequence ({campaign.id}) sends this template" in shown.content.decode()
    assert Template.objects.filter(pk=own.pk).exists()
    campaign.delete()
    staff.post(reverse("admin:contacts_template_delete", args=[quote(own.pk)]), {"post": "yes"})
    assert not Template.objects.filter(pk=own.pk).exists()


def test_the_page_shows_the_mail_in_a_frame_that_can_do_nothing(staff, project):
    hostile = make_template(
        project,
        html="<script>alert(1)</script><form action='/admin/'><img src=x onerror=alert(1)></form>",
    )

    shown = staff.get(page(hostile)).content.decode()
    frame = staff.get(reverse("admin:template-preview", args=[hostile.pk]))

    assert '<iframe sandbox src="' in shown
    assert "There is no unsubscribe link" in shown
    assert "<script>alert" not in shown
    policy = frame.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script-src" not in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mail_that_cannot_be_shown_says_why(staff, project):
    broken = make_template(project, html="{{ 1 | divided_by: 0 }}{{")

    frame = staff.get(reverse("admin:template-preview", args=[broken.pk]))

    assert (frame.status_code, "never closed" in frame.content.decode()) == (422, True)
    assert "never closed" in staff.get(page(broken)).content.decode()


def test_a_test_is_sent_by_the_function_of_the_api(staff, template, sink, settings):
    settings.EMAIL_URL = sink.url
    url = reverse("admin:template-test", args=[quote(template.pk)])

    answers = [staff.post(url, {"address": each}) for each in ("a@example.com", "none")]

    assert [answer.url for answer in answers] == [page(template)] * 2
    [received] = sink.received
    assert received.parsed["Subject"] == "[Test] Hi Alex"
    assert not Email.objects.exists()
    assert staff.get(url).status_code == 405


@pytest.mark.parametrize("name", ["template-preview", "template-test"])
def test_only_staff_with_the_right_look_and_send(staff, template, name):
    url = reverse(f"admin:{name}", args=[quote(template.pk)])
    helper = Client()
    helper.force_login(User.objects.create_user("bob", "bob@example.com", "x", is_staff=True))

    assert Client().post(url).status_code == 302
    assert helper.post(url).status_code == 403
    assert staff.post(reverse(f"admin:{name}", args=[0])).status_code == 404
