"""The dialects over HTTP: what writes a contact beside that of ``/v1``, and pages of a search."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from statistics import median, quantiles

import orjson
from django.db import connection
from django.utils.timezone import now

from contacts.models import partitions
from growth.management.bench.data import vacuum
from growth.management.bench.measure import Ratio, at_once, paced, ratio, rounds
from growth.management.bench.server import Client, served
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: 100_000, False: 1_000_000}
THREADS = 4
CREATES = 50
SEARCHES = 200

_PEOPLE = """
    INSERT INTO contacts_contact (project_id, email, email_key, phone, external_id, traits, tags,
                                  created_at, updated_at)
    SELECT %(project)s, address, address, '', '', jsonb_build_object(
               'first_name', 'First' || n * 7919 %% 1000,
               'last_name', 'Last' || n * 104729 %% 20011,
               'title', (ARRAY['CEO', 'CTO', 'Engineer', 'Sales'])[1 + n * 31 %% 4],
               'company_name', 'Company ' || n * 13 %% 5003,
               'stage', (ARRAY['Cold', 'Approaching', 'Replied', 'Won'])[1 + n / 4 * 17 %% 4]),
           '{}', moment, moment
      FROM (SELECT n::bigint, 'person-' || n || '@example.com' AS address,
                   %(at)s::timestamptz - n * interval '1 minute' AS moment
              FROM generate_series(1, %(size)s) n) person
"""
_ACTIVE = """
    WITH told AS (
        INSERT INTO contacts_event
               (project_id, contact_id, name, properties, timestamp, received_at, hops)
        SELECT project_id, id, 'login', '{}', moment, moment, 0
          FROM (SELECT project_id, id, created_at + id %% 1009 * interval '1 hour' AS moment
                  FROM contacts_contact WHERE project_id = %(project)s AND id %% 3 = 0) person
         WHERE moment <= %(at)s
        RETURNING project_id, contact_id, timestamp
    )
    INSERT INTO contacts_contactactivity (project_id, contact_id, last_activity_at)
    SELECT * FROM told
"""
_CLAIMS = """
    INSERT INTO contacts_identity (project_id, kind, value, contact_id)
    SELECT project_id, 'email', email_key, id FROM contacts_contact
     WHERE project_id = %(project)s ORDER BY id LIMIT 10000
"""


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare creates and upserts; time pages of 25 by words, dates and stages, common and rare."""
    at = now()
    founding = found_project("bench", at=at)
    keys = founding.as_dict()
    _make_people(founding.project, SIZES[is_small], at)
    with served(database_url, "growth.urls") as port:
        yield _creates(port, founding.secret_key)
        yield _upserts(port, founding.secret_key, str(keys["growthhub_token"]))
        client = Client(port, str(keys["growthgenius_key"]))
        stages = orjson.loads(client.get("/integrations/v1/contact_stages"))["contact_stages"]
        searches = list(_searches([stage["id"] for stage in stages], SIZES[is_small], at))
        times = {name: _times(client, body) for name, body in searches}
    slowest = max(times, key=lambda name: median(times[name]))
    everything = [each for several in times.values() for each in several]
    yield Ratio(
        "GrowthGenius: ms of a search's page, 95th percentile",
        quantiles(everything, n=20)[-1],
        at_most=100,
        note=f"(median {median(everything):.0f}; {slowest} {median(times[slowest]):.0f})",
    )


def _make_people(project: Project, size: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        params = {"project": project.key, "size": size, "at": at}
        cursor.execute(_PEOPLE, params)
        partitions.ensure(at - timedelta(minutes=size), at)
        cursor.execute(_ACTIVE, params)
        cursor.execute(_CLAIMS, params)
    vacuum("contacts_contact")
    vacuum("contacts_contactactivity")
    vacuum("contacts_event")


def _creates(port: int, key: str) -> Ratio:
    clients = [Client(port, key) for _ in range(THREADS)]
    numbers = count()
    contenders = {
        "genius": ("/integrations/v1/contacts", _flat),
        "v1": ("/v1/contacts", _traits),
    }
    results = rounds(
        {
            name: paced(at_once(partial(_create, clients, path, body, numbers), THREADS))
            for name, (path, body) in contenders.items()
        }
    )
    return Ratio(
        "GrowthGenius: time of a create to that of /v1", ratio(results, "v1", "genius"), at_most=1.3
    )


def _upserts(port: int, key: str, token: str) -> Ratio:
    """Compare upserts of people of whom every second one is there already."""
    numbers = count()
    version = {"Version": "2023-02-21"}
    contenders = {
        "hub": ("/contacts/upsert", _camel, [Client(port, token, version) for _ in range(THREADS)]),
        "v1": ("/v1/contacts", _known, [Client(port, key) for _ in range(THREADS)]),
    }
    results = rounds(
        {
            name: paced(at_once(partial(_create, clients, path, body, numbers), THREADS))
            for name, (path, body, clients) in contenders.items()
        }
    )
    return Ratio(
        "GrowthHub: time of an upsert to that of /v1", ratio(results, "v1", "hub"), at_most=1.3
    )


def _create(clients: list[Client], path: str, body: object, numbers: Iterator, who: int) -> int:
    for _ in range(CREATES):
        clients[who].post(path, orjson.dumps(body(next(numbers))))
    return CREATES


def _flat(number: int) -> dict:
    return {"email": f"new-{number}@example.com", **_names(number)}


def _traits(number: int) -> dict:
    return {"email": f"new-{number}@example.com", "traits": _names(number)}


def _known(number: int) -> dict:
    return _traits(number) | {"email": _half_known(number)}


def _camel(number: int) -> dict:
    names = {"firstName": "New", "lastName": f"Last{number}"}
    return {"email": _half_known(number), **names, "companyName": f"Company {number % 7}"}


def _half_known(number: int) -> str:
    return f"person-{number}@example.com" if number % 2 else f"fresh-{number}@example.com"


def _names(number: int) -> dict:
    company = {"company_name": f"Company {number % 7}"}
    return {"first_name": "New", "last_name": f"Last{number}", "title": "CEO", **company}


def _searches(stages: list[int], size: int, at: object) -> Iterator[tuple[str, dict]]:
    """Yield searches by name."""
    middle = f"{at:%Y}-01-01T00:00:00Z"
    yield "all", {}
    yield "deep", {"page": 40}
    yield "everybody's word", {"q_keywords": "example"}
    yield "common word", {"q_keywords": "ceo"}
    yield "rare name", {"q_keywords": "First7 Last55"}
    yield "nobody", {"q_keywords": "nobody at all"}
    yield "one of a thousand", {"q_keywords": "first77"}
    yield "words and stage", {"q_keywords": "ceo, company", "contact_stage_ids": stages[:1]}
    yield "stage", {"contact_stage_ids": stages[:1]}
    yield "date", {"from": middle, "page": 1}
    yield (
        "words, stage and date",
        {"q_keywords": "First3", "contact_stage_ids": stages, "from": middle},
    )
    yield "by update", {"sort_by_field": "contact_updated_at", "q_keywords": "engineer"}
    yield "oldest first", {"sort_by_field": "contact_created_at", "sort_ascending": True}


def _times(client: Client, body: dict) -> list[float]:
    content = orjson.dumps(body)
    client.post("/integrations/v1/contacts/search", content)
    times = []
    for _ in range(SEARCHES // 13):
        start = time.perf_counter()
        client.post("/integrations/v1/contacts/search", content)
        times.append((time.perf_counter() - start) * 1000)
    return times
