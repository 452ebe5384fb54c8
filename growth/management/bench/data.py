"""Made-up rows, many of them, by COPY: people and what they did in the last ninety days."""

import random
from datetime import datetime, timedelta

import orjson
from django.db import connection

from contacts.models import Contact, partitions
from growth.models import Project

NAMES = ("page_view", "login", "search", "purchase", "invite", "export", "upgrade", "signup")
_WEIGHTS = (40, 20, 15, 8, 6, 5, 4, 2)
_PLANS = ("free", "trial", "growth", "scale", "enterprise")
_PLAN_WEIGHTS = (60, 20, 12, 6, 2)
_TAGS = ("vip", "beta", "partner", "churned", "newsletter")
_CHUNK = 50_000
_ACTIVE = """
    INSERT INTO contacts_contactactivity (project_id, contact_id, last_activity_at)
    SELECT project_id, contact_id, max(timestamp) FROM contacts_event
     WHERE project_id = %s GROUP BY project_id, contact_id
"""


def make_contacts(project: Project, count: int, at: datetime) -> None:
    """Insert so many contacts with seven traits and some tags, and their claims."""
    chance = random.Random(7)
    with connection.cursor() as cursor:
        command = (
            "COPY contacts_contact (project_id, email, email_key, phone, external_id, traits, tags,"
            " created_at, updated_at) FROM STDIN"
        )
        with cursor.copy(command) as copy:
            for start in range(0, count, _CHUNK):
                lines = [
                    _contact(project.key, n, at, chance)
                    for n in range(start, min(start + _CHUNK, count))
                ]
                copy.write("".join(lines))
        for kind, column in (("email", "email_key"), ("external_id", "external_id")):
            cursor.execute(
                f"""INSERT INTO contacts_identity (project_id, kind, value, contact_id)
                    SELECT project_id, %s, {column}, id FROM contacts_contact
                     WHERE project_id = %s""",
                [kind, project.key],
            )
        cursor.execute("ANALYZE contacts_contact, contacts_identity")


def make_events(project: Project, count: int, at: datetime, days: int = 90) -> None:
    """Insert so many events of the project's contacts, a few of whom do most of it."""
    chance = random.Random(11)
    first, last = _key_range(project)
    people = last - first
    partitions.ensure(at - timedelta(days=days), at)
    seconds = days * 86_400
    with connection.cursor() as cursor:
        command = (
            "COPY contacts_event (project_id, contact_id, name, properties, timestamp, received_at,"
            " hops) FROM STDIN"
        )
        with cursor.copy(command) as copy:
            for start in range(0, count, _CHUNK):
                size = min(_CHUNK, count - start)
                names = chance.choices(NAMES, _WEIGHTS, k=size)
                lines = []
                for name in names:
                    contact = first + int(people * chance.random() ** 2)
                    time = (at - timedelta(seconds=chance.random() * seconds)).isoformat()
                    lines.append(
                        f"{project.key}\t{contact}\t{name}\t"
                        f'{{"n": {chance.randrange(100)}}}\t{time}\t{time}\t0\n'
                    )
                copy.write("".join(lines))
        cursor.execute(_ACTIVE, [project.key])
    vacuum("contacts_event")
    vacuum("contacts_contactactivity")


def vacuum(table: str) -> None:
    """Let the planner know the table, and reads of its indexes alone be enough."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}")


def _contact(project: int, n: int, at: datetime, chance: random.Random) -> str:
    created_at = at - timedelta(days=chance.random() * 700)
    traits = {
        "name": f"Person {n}",
        "plan": chance.choices(_PLANS, _PLAN_WEIGHTS)[0],
        "company": f"Company {n % 1130}",
        "mrr": chance.randrange(500),
        "source": chance.choice(("organic", "referral", "paid")),
        "country": chance.choice(("DE", "FR", "US", "IN", "BR")),
        "signed_up_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    tags = ",".join(chance.sample(_TAGS, chance.randrange(4)))
    email = f"person-{n}@example.com"
    return (
        f"{project}\t{email}\t{email}\t\tuser-{n}\t{orjson.dumps(traits).decode()}\t{{{tags}}}\t"
        f"{created_at.isoformat()}\t{created_at.isoformat()}\n"
    )


def _key_range(project: Project) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id) FROM contacts_contact WHERE project_id = %s", [project.key]
        )
        return cursor.fetchone()


def some_contact_ids(project: Project, count: int) -> list[str]:
    """Return the public ids of some contacts."""
    contacts = Contact.objects.in_project(project).order_by("id")
    return list(contacts.values_list("id", flat=True)[:count])
