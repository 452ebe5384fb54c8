"""A broadcast of personal mails, from the queue to a mail server that only answers."""

import multiprocessing
import resource
import smtplib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from statistics import median

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from contacts.mail import claiming
from contacts.mail.claiming import Mail
from contacts.mail.envelopes import Parcel
from contacts.mail.parcels import write
from contacts.mail.queueing import Mailing, Recipient, queue_recipients
from contacts.mail.sending import send_due
from contacts.mail.transport import Relay
from contacts.models import Contact, Email, MailStream, Template
from growth.management.bench import sink
from growth.management.bench.data import make_contacts, vacuum
from growth.management.bench.measure import Ratio, paced, ratio, rounds
from growth.models import Project
from growth.projects.operations import found_project

SIZES = {True: (2_000, 50_000), False: (50_000, 1_000_000)}
SHORT_QUEUE = 1_000
CLAIM = 200
_CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
_HTML = """<html><body><h1>Hello {{ contact.first_name }}</h1>
<p>{{ contact.name }} of {{ contact.company }} in {{ contact.country }}, on {{ contact.plan }} at
{{ contact.mrr }} since {{ contact.signed_up_at }}, by {{ contact.source }}: {{ contact.email }},
{{ contact.external_id }}.</p>
<ul>{% for item in (1..5) %}<li style="margin:0 0 8px 0;padding:4px;color:#1f2937">Idea {{ item }}
for {{ contact.company | upcase }}: read on, it takes five minutes and pays for itself</li>
{% endfor %}</ul>
<p style="font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5">%s</p>
<a href="{{ links.unsubscribe }}">Leave</a></body></html>"""
_TEXT = """Hello {{ contact.first_name }} of {{ contact.company }}
{% for item in (1..5) %}Idea {{ item }} for you
{% endfor %}Leave: {{ links.unsubscribe }}
"""
_steps = count()


def run(database_url: str, *, is_small: bool) -> Iterator[Ratio]:
    """Compare one and two workers with a loop of smtplib on one connection, which sends the same
    bytes, made before.
    """
    project, at = found_project("bench", at=now()).project, now()
    mails, queue = SIZES[is_small]
    make_contacts(project, mails, at)
    stream = _stream(project)
    people = [Recipient(key) for key in _keys(project)]
    parcels, micros = _written(project, _queued(stream, people, at), at)
    yield Ratio("mail: render and MIME, µs", micros, at_most=400, note=_size(parcels))
    with sink.running() as port:
        results = rounds(
            {
                "bare": paced(lambda: _bare(port, parcels)),
                "one": _contender(lambda: _send(port), stream, people, at),
                "two": _contender(lambda: _send_apart(port, 2), stream, people, at),
            }
        )
        note = f"({median(each['one'] for each in results):,.0f} a second)"
        one, two = ratio(results, "one", "bare"), ratio(results, "two", "bare")
        yield Ratio("mail: one worker to bare smtplib", one, at_least=0.8, note=note)
        yield Ratio("mail: two workers to bare smtplib", two, at_least=0.75)
        yield from _costs(port, stream, people, at)
    yield _flatness(stream, queue, at)


def _stream(project: Project) -> MailStream:
    filler = "A paragraph of plain words that every one of these mails has. " * 12
    Template.objects.create(
        project=project,
        code="tmpl_bench",
        subject="{{ contact.first_name }}, five ideas for {{ contact.company }}",
        html=_HTML.replace("%s", filler),
        text=_TEXT,
    )
    context = {"campaign": {"id": "cmpgn_0000000000", "name": "bench"}}
    return MailStream.objects.create(
        project=project, kind="campaign", name="bench", context=context
    )


def _keys(project: Project) -> list[int]:
    return [contact.key for contact in Contact.objects.in_project(project).only("id")]


def _queued(stream: MailStream, people: Sequence[Recipient], at: datetime) -> int:
    mailing = Mailing(f"step_{next(_steps)}", "tmpl_bench")
    queued = queue_recipients(stream, mailing, people, at=at)
    vacuum("contacts_email")
    return queued


def _written(project: Project, queued: int, at: datetime) -> tuple[list[Parcel], float]:
    """Return the mails as the workers write them, and how long one takes."""
    claim = claiming.claim(at=at, limit=queued)
    template = Template.objects.get(project=project, code="tmpl_bench")

    def written(mails: Sequence[Mail]) -> list[Parcel]:
        return [write(mail, template, project, at=at) for mail in mails]

    written(claim.mails[:100])
    times, parcels = [], []
    for start in range(0, queued, 200):
        mails, began = claim.mails[start : start + 200], time.perf_counter()
        parcels += written(mails)
        times.append((time.perf_counter() - began) / len(mails))
    Email.objects.all().delete()
    return parcels, median(times) * 1e6


def _size(parcels: Sequence[Parcel]) -> str:
    return f"({sum(len(each.message) for each in parcels) / len(parcels):,.0f} bytes each)"


def _bare(port: int, parcels: Sequence[Parcel]) -> int:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for parcel in parcels:
            smtp.sendmail(parcel.envelope.sender, parcel.envelope.recipient, parcel.message)
    return len(parcels)


def _contender(
    work: Callable[[], float], stream: MailStream, people: Sequence[Recipient], at: datetime
) -> Callable[[], float]:
    def run() -> float:
        queued = _queued(stream, people, at)
        return queued / work()

    return run


def _send(port: int) -> float:
    """Send all that is queued; return how many seconds that took."""
    relay, start = Relay(f"smtp://127.0.0.1:{port}"), time.perf_counter()
    while send_due(at=now(), relay=relay):
        pass
    seconds = time.perf_counter() - start
    relay.close()
    return seconds


def _send_apart(port: int, workers: int) -> float:
    """Send all that is queued by so many processes; return how many seconds that took."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    ready, seconds = context.Barrier(workers), context.SimpleQueue()

    def work() -> None:
        connection.ensure_connection()
        ready.wait()
        seconds.put(_send(port))
        connections.close_all()

    processes = [context.Process(target=work) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return max(seconds.get() for _ in processes)


def _costs(
    port: int, stream: MailStream, people: Sequence[Recipient], at: datetime
) -> Iterator[Ratio]:
    """Tell what a mail costs in statements, and whether many take more memory than few."""
    _queued(stream, people[: len(people) // 10], at)
    _send(port)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queued = _queued(stream, people, at)
    with CaptureQueriesContext(connection) as queries:
        relay = Relay(f"smtp://127.0.0.1:{port}")
        sent = send_due(at=now(), relay=relay)
        relay.close()
    _send(port)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statements = [query for query in queries if not str(query["sql"]).startswith(_CONTROL)]
    yield Ratio("mail: statements for each", len(statements) / sent, at_most=0.1)
    yield Ratio(f"mail: memory after {queued:,} more", after / before, at_most=1.1)


def _flatness(stream: MailStream, length: int, at: datetime) -> Ratio:
    """Compare a claim from a long queue with one from a short queue."""
    times = {}
    for size in (SHORT_QUEUE, length):
        _fill(stream, size, at)
        times[size] = median(_claim_seconds(at) for _ in range(15))
    value = times[length] / times[SHORT_QUEUE]
    return Ratio(f"mail: claim from {length:,} to one from {SHORT_QUEUE:,}", value, at_most=2)


def _fill(stream: MailStream, size: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("DELETE FROM contacts_email WHERE state <> 'sent'")
        cursor.execute(
            """
            INSERT INTO contacts_email (project_id, stream_id, step_key, entry, contact_id,
                   address, email_key, template_code, subject, context, state, reason, attempts,
                   created_at, due_at, hops)
            SELECT project_id, %s, 'fill', row_number() OVER (), id, email, email_key,
                   'tmpl_bench', '', '{}', 'queued', '', 0, %s, %s, 0
              FROM contacts_contact, generate_series(1, %s)
             WHERE project_id = %s LIMIT %s
            """,
            [stream.pk, at, at - timedelta(seconds=1), size, stream.project_key, size],
        )
    vacuum("contacts_email")


def _claim_seconds(at: datetime) -> float:
    start = time.perf_counter()
    claim = claiming.claim(at=at, limit=CLAIM)
    seconds = time.perf_counter() - start
    claiming.release(claim.mails, until=claim.until)
    return seconds
