"""What contacts agree to: the last word counts, and every word is kept."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import IntegrityError, connection, transaction

from contacts.mail import confirming
from contacts.models import Consent, Contact, Topic
from growth import outbox
from growth.errors import Conflict, Gone, Invalid, Violation
from growth.models import DomainEventType, Project


@dataclass(frozen=True)
class Stance:
    """What a contact says of a topic, by which way it reached us, and what shows that they did."""

    state: str
    source: str = "api"
    evidence: dict[str, Any] = field(default_factory=dict)


def make_topic(project: Project, *, code: str, name: str, opt_in: str, at: datetime) -> Topic:
    """Make a topic.

    :raises Conflict: if the project has one of that code.
    """
    topic = Topic(project=project, code=code, name=name, opt_in=opt_in, created_at=at)
    try:
        with transaction.atomic():
            topic.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"There is a topic {code} already; change it by PATCH.") from None
    return topic


@transaction.atomic
def revise_topic(topic: Topic, **fields: Any) -> None:
    """Change the topic; consents that were given stand."""
    topic.lock()
    for name, value in fields.items():
        setattr(topic, name, value)
    topic.save(update_fields=["name", "opt_in"])


@transaction.atomic
def remove_topic(topic: Topic) -> None:
    """Delete a topic that nothing depends on.

    :raises Conflict: if mail is about it, or a contact said anything of it.
    """
    topic.lock()
    if topic.streams.exists():
        raise Conflict("Mail is sent about this topic; it cannot be deleted.")
    if topic.consents.exists():
        raise Conflict("Contacts have spoken on this topic; what they said must be kept.")
    topic.delete()


@transaction.atomic
def record_consents(contact: Contact, stances: Mapping[str, Stance], *, at: datetime) -> None:
    """Write what the contact says of topics, by their codes, and tell what changed.

    :raises Invalid: naming the codes of which the project has no topic.
    :raises Gone: if the contact was deleted meanwhile.
    """
    if not stances:
        return
    topics = kept_topics(contact.project, stances)
    if violations := unknown_topics(stances, topics):
        raise Invalid(*violations)
    contact.lock()
    if contact.deleted_at:
        raise Gone("This contact was deleted.")
    record_stances({contact: stances}, topics, at=at)


def record_stances(
    said: Mapping[Contact, Mapping[str, Stance]], topics: Mapping[str, int], *, at: datetime
) -> None:
    """Write what contacts of a project say of topics, and tell what changed; ``topics`` has the
    keys of codes.

    The contacts are locked: two who speak of one at once follow each other, and so does their news.
    """
    if not said:
        return
    project = next(iter(said)).project
    changed = _write(project, said, topics, at)
    news = []
    for contact, stances in said.items():
        new = [code for code in sorted(stances) if (contact.key, topics[code]) in changed]
        if new:
            states = {code: stances[code].state for code in new}
            news.append(_news(contact, states))
            _ask_for_confirmation(contact, states, at)
    outbox.emit(project, *news, at=at)


def _news(contact: Contact, states: dict[str, str]) -> outbox.News:
    what = {"changed": [f"consents.{code}" for code in states], "consents": states}
    type = DomainEventType.CONTACT_UPDATED
    return outbox.News(type, contact.snapshot() | what, subject=contact.key)


def _ask_for_confirmation(contact: Contact, states: Mapping[str, str], at: datetime) -> None:
    """Let those confirm by mail who are said to want a topic of which nobody hears unasked."""
    pending = [code for code, state in states.items() if state == Consent.State.PENDING]
    if pending:
        topics = Topic.objects.filter(project=contact.project, code__in=pending)
        asking = topics.filter(opt_in=Topic.OptIn.DOUBLE).order_by("name", "id")
        confirming.ask(contact, asking, at=at)


def unite_consents(project: Project, pairs: Mapping[int, int], *, at: datetime) -> None:
    """Give the second contact of each pair what the first one said; of two words on one topic the
    most restrictive holds. The first one's rows stay as they are.
    """
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(_UNITE, [list(pairs), list(pairs.values()), project.key, at])


def kept_topics(project: Project, codes: Collection[str]) -> dict[str, int]:
    """Return the keys of the topics that there are, which nobody deletes until the transaction
    ends.
    """
    if not codes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT code, id FROM contacts_topic WHERE project_id = %s AND code = ANY(%s)
             ORDER BY id FOR KEY SHARE
            """,
            [project.key, list(codes)],
        )
        return dict(cursor.fetchall())


def unknown_topics(codes: Iterable[str], topics: Mapping[str, int]) -> tuple[Violation, ...]:
    """Return what is wrong with codes of which the project has no topic."""
    message = "There is no topic of this code; make it at /v1/topics."
    return tuple(
        Violation(f"consent.{code[:64]}", "unknown_topic", message)
        for code in codes
        if code not in topics
    )


_CHANGED = """
    WITH given AS (
        INSERT INTO contacts_consent AS consent
               (project_id, contact_id, topic_id, state, source, evidence, at)
        {} ON CONFLICT (project_id, contact_id, topic_id) DO UPDATE
           SET state = excluded.state, source = excluded.source, evidence = excluded.evidence,
               at = excluded.at
         WHERE {}
        RETURNING id, project_id, contact_id, topic_id, state, source, evidence, at
    ), kept AS (
        INSERT INTO contacts_consentchange (project_id, consent_id, state, source, evidence, at)
        SELECT project_id, id, state, source, evidence, at FROM given ORDER BY id
    )
    SELECT contact_id, topic_id FROM given
"""
_RECORD = _CHANGED.format(
    """SELECT %s, contact_id, topic_id, state, source, evidence, %s
         FROM jsonb_to_recordset(%s) AS row (contact_id bigint, topic_id bigint, state text,
              source text, evidence jsonb)
        ORDER BY contact_id, topic_id""",
    """(consent.state, consent.source, consent.evidence)
       IS DISTINCT FROM (excluded.state, excluded.source, excluded.evidence)""",
)
_RANK = "array_position(ARRAY['granted', 'pending', 'withdrawn'], {}.state::text)"
_UNITE = _CHANGED.format(
    f"""SELECT DISTINCT ON (pair.target, own.topic_id) own.project_id, pair.target, own.topic_id,
              own.state, own.source, own.evidence, data.at
         FROM unnest(%s::bigint[], %s::bigint[]) pair (source, target)
         JOIN contacts_consent own ON own.project_id = %s AND own.contact_id = pair.source
        CROSS JOIN (SELECT %s::timestamptz AS at) data
        ORDER BY pair.target, own.topic_id, {_RANK.format("own")} DESC""",
    f"{_RANK.format('excluded')} > {_RANK.format('consent')}",
)


def _write(
    project: Project,
    said: Mapping[Contact, Mapping[str, Stance]],
    topics: Mapping[str, int],
    at: datetime,
) -> set[tuple[int, int]]:
    """Write the stances; return the keys of the contacts and topics of which they are news."""
    rows = [
        {"contact_id": contact.key, "topic_id": topics[code], **asdict(stance)}
        for contact, stances in said.items()
        for code, stance in stances.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [project.key, at, orjson.dumps(rows).decode()])
        return set(cursor.fetchall())


def stands_of(contact: Contact, topics: list[Topic]) -> dict[str, Consent]:
    """Return what the contact said of these topics, by the topics' ids."""
    said = Consent.objects.filter(project=contact.project_id, contact=contact, topic__in=topics)
    return {consent.topic_id: consent for consent in said}
