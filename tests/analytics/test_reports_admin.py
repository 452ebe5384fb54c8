"""Staff look at reports and revise them; the dashboard shows one project, or all."""

import json

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from growth.analytics import dashboard
from growth.models import Project, User
from tests.analytics.factories import make_cohorts, make_funnel
from tests.factories import make_contact


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff"))
    return client


def save(staff: Client, report, definition: object) -> object:
    path = reverse(f"admin:analytics_{report._meta.model_name}_change", args=[quote(report.pk)])
    written = definition if isinstance(definition, str) else json.dumps(definition)
    return staff.post(path, {"name": "Renamed", "definition": written})


def test_a_definition_is_revised(staff, project):
    funnel, cohorts = make_funnel(project), make_cohorts(project)

    for report, definition in (
        (funnel, {"steps": ["a", "b", "c"], "window": "2d"}),
        (cohorts, {"event": "login", "period": "month"}),
    ):
        assert save(staff, report, definition).status_code == 302
        report.refresh_from_db()
        assert (report.name, report.definition) == ("Renamed", definition)


@pytest.mark.parametrize(
    ("definition", "wrong"),
    [
        ({"steps": ["a"], "order": "sideways"}, ["steps: Send a list", "order: Choose one"]),
        ([1], ["Send a JSON object."]),
        ("{steps", ["Enter a valid JSON"]),
        ("", ["This field is required."]),
    ],
)
def test_all_that_is_wrong_with_it_stands_beside_the_field(staff, project, definition, wrong):
    funnel = make_funnel(project)
    before = funnel.definition

    shown = save(staff, funnel, definition)

    errors = shown.context["adminform"].form.errors
    assert set(errors) == {"definition"}
    for words, said in zip(wrong, errors["definition"], strict=True):
        assert said.startswith(words)
    funnel.refresh_from_db()
    assert (funnel.name, funnel.definition) == ("Buying", before)


def test_the_page_of_a_report_shows_its_answer(staff, project):
    for report in (make_funnel(project), make_cohorts(project)):
        path = reverse(f"admin:analytics_{report._meta.model_name}_change", args=[quote(report.pk)])

        page = staff.get(path).content.decode()

        assert "<svg" in page
        assert "  &quot;" in page  # The definition is on lines of its own.


def test_the_dashboard_shows_one_project_or_all(staff, monkeypatch):
    monkeypatch.setattr(dashboard, "MOST_PROJECTS", 2)
    projects = [Project.objects.create(name=name) for name in ("One", "Two", "Three")]
    for project in projects[1:]:
        make_contact(project)

    third = staff.get(f"/admin/?project={projects[2].id}").context
    page = staff.get("/admin/?project=all").context
    rest = staff.get(f"/admin/?project=all&after={page['after']}").context

    assert third["project"] == projects[2]
    assert third["numbers"][0] == ("Contacts", "1")
    rows = [(each.name, values[0]) for each, values in page["rows"] + rest["rows"]]
    assert rows == [("One", "0"), ("Two", "1"), ("Three", "1")]
    assert rest["after"] is None
    for strange in ("proj_x", "%00", "1"):
        assert staff.get(f"/admin/?project={strange}").context["project"] == projects[0]


def test_without_a_project_the_dashboard_says_how_to_make_one(staff):
    assert "create_project" in staff.get("/admin/").content.decode()
