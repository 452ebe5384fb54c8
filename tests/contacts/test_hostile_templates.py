"""What a template, its address and its data may not do."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from contacts.mail.templates import find_template, revise_template
from contacts.models import Template
from growth.models import Project


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "vbscript:x"]
)
def test_a_link_leads_to_a_page_or_a_mail_and_nowhere_else(api, url):
    source = '<a href="{{ contact.url }}">x</a><a href="https://example.com">y</a>'
    made = api.post("/v1/templates", {"id": "tmpl_link", "subject": "Hi", "source": source})
    assert made.status_code == 201, made.json()

    sample = {"contact": {"url": url}}
    html = api.post("/v1/templates/tmpl_link/render", {"sample": sample}).json()["html"]

    assert url.strip().partition(":")[0] + ":" not in html
    assert "https://example.com" in html


@pytest.mark.parametrize("code", ["%00", "tmpl_%00", "..", "tmpl_x'--"])
def test_a_code_that_is_none_is_not_found(api, code):
    assert api.get(f"/v1/templates/{code}").status_code == 404
    assert api.patch(f"/v1/templates/{code}", {"subject": "x"}).status_code == 404
    assert api.delete(f"/v1/templates/{code}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_starter_changed_at_the_same_time_becomes_one_template():
    """At the same time: proved by four threads."""
    project = Project.objects.create(name="Acme")

    def change(n):
        try:
            starter = find_template(project, "tmpl_reengage")
            revise_template(project, starter, subject=f"Subject {n}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(4)))

    assert Template.objects.get().code == "tmpl_reengage"
