"""The questions of dialects are answered by indexes, however many contacts there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contacts.growthhub_calls import client_of
from tests.contacts.test_crm import crm_of

_MANY = """
    INSERT INTO contacts_contact (project_id, email, email_key, phone, external_id, traits, tags,
                                  created_at, updated_at)
    SELECT %s, 'p' || n || '@example.com', 'p' || n || '@example.com',
           CASE WHEN n %% 2 = 0 THEN '+49 30 ' || 900000 + n ELSE '' END, '',
           jsonb_build_object('first_name', 'Name' || n, 'company', 'Company ' || n,
                              'title', 'Title' || n, 'notes', 'Note ' || n), '{}',
           now() - n * interval '1 minute', now()
      FROM generate_series(1, 6000) n
"""


@pytest.fixture
def many(project):
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [project.key])
        cursor.execute("ANALYZE contacts_contact")
        cursor.execute("ANALYZE contacts_identity")
    return project


def plans(captured: CaptureQueriesContext) -> str:
    """Return the plans of the statements that read contacts."""
    told = []
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            sql = query["sql"]
            if sql.lstrip().startswith("SELECT") and "contacts_contact" in sql:
                cursor.execute(f"EXPLAIN {sql}")
                told += [line for (line,) in cursor.fetchall()]
    return "\n".join(told)


@pytest.mark.parametrize(
    ("searchby", "term", "index"),
    [
        ("email", "p10@example.com", "contact_by_email"),
        ("phone", "4930900010", "contact_by_digits"),
        ("company", "Company 10", "contact_words"),
        ("job_title", "Title10", "contact_words"),
        ("name", "Name10", "contact_words"),
        ("notes", "Note 10", "contact_by_notes"),
    ],
)
def test_the_crm_searches_by_indexes(many, searchby, term, index):
    crm = crm_of(many)

    with CaptureQueriesContext(connection) as captured:
        response = crm.get("/crm/contacts", {"searchby": searchby, "search": term})

    assert len(response.json()["contacts"]) == 1
    assert index in (found := plans(captured)), found
    assert "Seq Scan on contacts_contact" not in found


def test_an_upsert_finds_its_contact_by_indexes(many):
    hub = client_of(many)

    with CaptureQueriesContext(connection) as captured:
        answer = hub.post("/contacts/upsert", {"phone": "+49 30 900010"}).json()

    found = plans(captured)
    assert answer["new"] is True  # It has no claim, and a valid number is another spelling.
    assert "contact_by_digits" in found, found
    assert "Seq Scan on contacts_contact" not in found


def test_a_page_of_a_search_is_found_by_the_list(many):
    hub = client_of(many)

    with CaptureQueriesContext(connection) as captured:
        body = hub.post("/contacts/search", {"pageLimit": 20}).json()

    assert (len(body["contacts"]), body["total"]) == (20, 6000)
    assert "contact_list" in plans(captured)
