"""Who deletes a template, and who changes it, at the same time as another who deletes it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from contacts.models import Template
from growth.models import Project
from tests.conftest import client_with
from tests.contacts.mail_factories import make_template

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until_somebody_waits() -> None:
    stop = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < stop:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
    raise AssertionError("Nobody waits for the lock.")


@pytest.mark.parametrize("method", ["delete", "patch"])
def test_a_call_that_waited_for_a_deletion_finds_nothing(method):
    """At the same time: the row is locked, and gone when the lock is."""
    project = Project.objects.create(name="Acme")
    template = make_template(project, "tmpl_own")
    api = client_with(project, scopes=["*"])

    def call() -> int:
        try:
            answer = getattr(api, method)("/v1/templates/tmpl_own", {"name": "Other"})
            return answer.status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            template.lock()
            status = thread.submit(call)
            wait_until_somebody_waits()
            Template.objects.all().delete()
        assert status.result() == 404
