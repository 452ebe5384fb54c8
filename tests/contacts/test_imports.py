import csv
import gzip
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from contacts.models import Contact, Event, ImportedFile
from contacts.models.traits import MAX_TRAITS
from contacts.operations import imports
from growth.models import DomainEvent
from tests.factories import make_contact

SAMPLE = Path(__file__).parents[2] / "growth" / "management" / "demo" / "purchases.csv"
CDNOW = os.environ.get("CDNOW_FILE")

OPTIONS = {"contact_id": "customer", "timestamp": "date", "event": "purchase"}


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def run(file, **options):
    call_command("import_events", str(file), **{**OPTIONS, **options})


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_becomes_contacts_and_their_history(project):
    run(SAMPLE, trait=[("email", "customer-{customer}@example.com"), ("source", "shop")])

    rows = rows_of(SAMPLE)
    assert Event.objects.count() == len(rows)
    assert Contact.objects.count() == len({row["customer"] for row in rows})
    one = Contact.objects.get(external_id=rows[0]["customer"])
    assert one.email == f"customer-{one.external_id}@example.com"
    assert one.traits == {"source": "shop"}
    first = one.events.order_by("timestamp").first()
    assert first.properties == {
        "items": int(rows[0]["items"]),
        "amount": float(rows[0]["amount"]),
    }
    assert first.timestamp.isoformat() == f"{rows[0]['date']}T00:00:00+00:00"


def test_nobody_is_told_of_an_import_but_segments_know(project):
    run(SAMPLE)

    assert set(DomainEvent.objects.values_list("type", flat=True)) == {"events.recorded"}
    assert all(event.data["quiet"] for event in DomainEvent.objects.all())


def test_running_it_again_stores_nothing_at_any_distance(project):
    run(SAMPLE)
    run(SAMPLE)

    assert Event.objects.count() == len(rows_of(SAMPLE))


def test_a_killed_import_goes_on_where_it_stood(project, monkeypatch):
    """Kill and repeat: proved by ending it between chunks and in the middle of one."""
    monkeypatch.setattr(imports, "CHUNK", 50)
    real, calls = imports.announce, []

    def killed(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(imports, "announce", killed)
    with pytest.raises(KeyboardInterrupt):
        run(SAMPLE)
    assert ImportedFile.objects.get().rows_done == Event.objects.count() == 100

    run(SAMPLE)

    assert Event.objects.count() == len(rows_of(SAMPLE))


def test_other_options_are_refused_because_rows_would_be_stored_twice(project):
    run(SAMPLE)

    with pytest.raises(CommandError, match="other options"):
        run(SAMPLE, event="order")


def test_rows_that_cannot_be_stored_are_listed_with_their_reasons(project, tmp_path):
    file = tmp_path / "events.csv"
    file.write_bytes(
        b"\xef\xbb\xbfcustomer,date,amount\n"
        b"1,2026-01-05,10\n"
        b"2,not a day,10\n"
        b",2026-01-05,10\n"
        b"4,2026-01-05,10,extra\n"
        b"5,0001-01-01,10\n"
        b"6,2099-01-01,10\n"
        b"7\xff,2026-01-05,10\n"
        b"8,2026-01-05,\x00\n"
        b'9,2026-01-05,"a, ""b""\\n\t\n'
        b'c"\n'
    )

    run(file)

    assert sorted(Event.objects.values_list("contact__external_id", flat=True)) == ["1", "9"]
    quoted = Event.objects.get(contact__external_id="9")
    assert quoted.properties == {"amount": 'a, "b"\\n\t\nc'}
    (rejects,) = tmp_path.glob("rejected-*.csv")
    reasons = {row["row"]: row["reason"] for row in rows_of(rejects)}
    assert set(reasons) == {"2", "3", "4", "5", "6", "7", "8"}
    assert reasons["2"] == "date: not an ISO 8601 time"


def test_what_cannot_be_kept_of_a_contact_is_listed_though_its_events_are_stored(
    project, tmp_path, data_dir, capsys
):
    full = {f"t{n}": n for n in range(MAX_TRAITS)}
    make_contact(project, external_id="c1", traits=full)
    file = tmp_path / "few.csv"
    file.write_text("customer,date,shop\nc0,2026-01-05,a\nc1,2026-01-05,b\nc1,2026-01-06,b\n")

    run(file, trait=[("shop", "{shop}")])

    assert Event.objects.count() == 3
    assert Contact.objects.get(external_id="c1").traits == full
    [rejects] = data_dir.glob("rejected-*.csv")
    [noted] = rows_of(rejects)
    assert noted["row"] == "2"
    assert noted["reason"].endswith("of its contact: A contact has 200 traits at most.")
    assert ImportedFile.objects.get().rows_rejected == 0
    assert "Of 1 contacts not all could be kept" in capsys.readouterr().out


def test_json_lines_and_gzip_are_read_too(project, tmp_path):
    file = tmp_path / "events.ndjson.gz"
    lines = (
        '{"user": "u1", "at": "2026-01-05T10:00:00+02:00", "name": "login", "x": {"y": []}}\n'
        '{"user": 2, "at": "2026-01-05T10:00:00Z", "name": "logout"}\n'
        "nonsense\n"
        '{"user": 3, "at": "2026-01-05", "name": "login", "n": 1e300}\n'
    )
    file.write_bytes(gzip.compress(lines.encode()))

    run(file, contact_id="user", timestamp="at", event="name")

    login, logout = Event.objects.order_by("name")
    assert (login.name, login.properties) == ("login", {"x": {"y": []}})
    assert login.timestamp.isoformat() == "2026-01-05T08:00:00+00:00"
    assert logout.contact.external_id == "2"


def test_a_missing_column_is_named(project):
    with pytest.raises(CommandError, match="no column client; its columns are date, customer"):
        run(SAMPLE, contact_id="client")


def test_whole_days_are_shifted_so_that_the_last_is_yesterday(project):
    project.timezone = "America/New_York"
    project.save()

    run(SAMPLE, shift_to_now=True)

    zone = project.zone
    last = Event.objects.order_by("-timestamp").first().timestamp.astimezone(zone)
    assert last.date() == now().astimezone(zone).date() - timedelta(days=1)
    assert (last.hour, last.minute) == (0, 0)


@pytest.mark.slow  # 69,659 rows of a real shop
@pytest.mark.skipif(not CDNOW, reason="CDNOW_FILE names no file")
def test_the_whole_history_of_a_real_shop_comes_in(project):
    run(
        Path(CDNOW),
        contact_id="customer_id",
        trait=[("email", "customer-{customer_id}@example.com")],
    )

    assert Event.objects.count() == 69_659
    assert Contact.objects.count() == 23_570
