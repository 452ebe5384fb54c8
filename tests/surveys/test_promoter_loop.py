"""The promoter loop: drafts in any project that asks for them, and in no other."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from contacts.models import Email
from surveys.models import Survey
from tests.factories import AT, make_contact
from tests.surveys.factories import answer


def run(project) -> str:
    out = StringIO()
    call_command("promoter_loop", project=project.id, stdout=out)
    return out.getvalue()


def test_it_is_drafted_once_and_works_when_it_is_activated(api, project, other_project, relay):
    """Repeated: the second run finds what the first one made."""
    assert run(project).startswith("Drafted srvy_")
    assert "already" in run(project)

    [survey] = api.get("/v1/surveys").json()["data"]
    [campaign] = api.get("/v1/campaigns").json()["data"]
    assert survey["status"] == campaign["status"] == "draft"
    assert not Survey.objects.in_project(other_project).exists()
    for path in (f"surveys/{survey['id']}", f"campaigns/{campaign['id']}"):
        assert api.post(f"/v1/{path}/activate").status_code == 200
    own = Survey.objects.select_related("project").get()
    answer(own, make_contact(project, email="ann@example.com"), 10)
    answer(own, make_contact(project), 8)
    relay()
    assert list(Email.objects.values_list("address", flat=True)) == ["ann@example.com"]
    assert Email.objects.get().created_at == AT


@pytest.mark.django_db
def test_a_project_that_is_not_there_is_named():
    with pytest.raises(CommandError):
        call_command("promoter_loop", project="proj_0000000000")
