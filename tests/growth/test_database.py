"""Connections outlive the server's end of them, and plan what is run often only once."""

from collections.abc import Iterator

import pytest
from django.db import connection

from growth.database.base import DatabaseWrapper


@pytest.fixture
def pooled(db: None) -> Iterator[DatabaseWrapper]:
    options = connection.settings_dict["OPTIONS"] | {"pool": {"min_size": 1, "max_size": 1}}
    settings = connection.settings_dict | {"OPTIONS": options, "CONN_MAX_AGE": 0}
    wrapper = DatabaseWrapper(settings, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def _backend(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    wrapper.close()
    return pid


def test_a_connection_of_the_pool_is_used_again(pooled):
    assert _backend(pooled) == _backend(pooled)


def test_a_connection_that_the_server_ended_is_not_given_out(pooled):
    ended = _backend(pooled)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])

    assert _backend(pooled) != ended


def test_what_is_prepared_is_planned_once_whatever_its_parameters(db):
    text = "SELECT id FROM contacts_event WHERE project_id = %(project)s AND timestamp > %(since)s"
    for number in range(12):
        with connection.prepared_cursor() as cursor:
            cursor.execute(text, {"project": number, "since": f"2026-11-{number + 1:02}T00:00:00Z"})

    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT generic_plans, custom_plans FROM pg_prepared_statements
                WHERE statement LIKE 'SELECT id FROM contacts_event%'"""
        )
        [(generic, custom)] = cursor.fetchall()
    assert generic > 5
    assert custom == 0
