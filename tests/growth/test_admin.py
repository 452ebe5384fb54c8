"""The admin: every model has a page that opens, and searches of any text end well."""

from io import StringIO

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.messages.storage.base import BaseStorage
from django.core.management import call_command
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from growth.models import User

EXEMPT = {"EventReceipt": "its key has two columns, which the admin cannot show"}
OURS = [
    model
    for app in ("growth", "contacts", "campaigns", "referrals", "surveys", "waitlists", "analytics")
    for model in apps.get_app_config(app).get_models()
]


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def demo(project, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    call_command("seed_demo", stdout=StringIO())
    call_command("seed_demo", stdout=StringIO())
    return project


def found_by_staff(model: type[Model], term: str) -> list[Model]:
    """Return the rows that the list of the model shows for the term, without the page."""
    request = RequestFactory().get("/", {"q": term})
    request.user = User.objects.get(username="staff")
    request.session, request._messages = {}, BaseStorage(request)
    return list(admin.site._registry[model].get_changelist_instance(request).result_list)


def test_every_model_is_registered():
    missing = {model.__name__ for model in OURS if model not in admin.site._registry}

    assert missing == set(EXEMPT)


@pytest.mark.slow  # It opens all pages on a small shop's data.
def test_every_list_and_page_opens_on_real_rows(staff, demo):
    opened = 0
    for model in OURS:
        if model.__name__ in EXEMPT:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for query in ("", "?q='%22--%F0%9F%98%80"):
            assert staff.get(reverse(f"{name}_changelist") + query).status_code in (200, 302)
        for term in ("x", "\0", "cntct_0000000000"):
            assert isinstance(found_by_staff(model, term), list)
        if row := model._base_manager.first():
            page = staff.get(reverse(f"{name}_change", args=[quote(row.pk)]))
            assert page.status_code == 200, name
            opened += 1
    assert opened > 8


def test_the_demo_is_seeded_once(demo):
    names = list(apps.get_model("campaigns", "Campaign").objects.values_list("name", flat=True))

    assert sorted(names) == [
        *("News for regulars", "Onboarding", "Promoters bring their friends", "We miss you")
    ]
    events = apps.get_model("contacts", "Event").objects.exclude(name__startswith="$")
    assert events.count() == 280
    assert apps.get_model("referrals", "Conversion").objects.count() == 7
    assert apps.get_model("surveys", "Response").objects.count() == 9
    assert apps.get_model("waitlists", "Entry").objects.count() == 13


def test_nobody_sees_the_admin_without_logging_in(client):
    assert client.get("/admin/contacts/contact/").status_code == 302
    assert client.get("/").status_code == 302
