"""Many speak of one contact at once, and nothing that was said is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from contacts.models import Consent, ConsentChange, Contact, ContactActivity, Event, Topic
from contacts.models.event import Fact
from contacts.operations.consents import Stance, make_topic, record_consents, remove_topic
from contacts.operations.scoring import decay_next
from contacts.operations.tags import retag
from contacts.scores import explain_scores
from growth import outbox
from growth.errors import Conflict, Invalid
from growth.models import DomainEvent, ListenerFailure, Project
from tests.factories import make_contact
from tests.factories import make_topic as topic_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Acme")


def all_at_once(works: list[Callable[[], object]]) -> list[object]:
    """Do the works in threads; return what they returned, or refused."""

    def run(work: Callable[[], object]) -> object:
        try:
            return work()
        except (Conflict, Invalid) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_tags_added_at_once_are_all_there(project):
    contact = make_contact(project, tags=["old"])

    def tag(number: int) -> None:
        found = Contact.objects.get(pk=contact.pk)
        retag(found, add=[f"tag-{number}"], remove=["old"], at=now())

    all_at_once([lambda n=n: tag(n) for n in range(8)])

    contact.refresh_from_db()
    assert set(contact.tags) == {f"tag-{n}" for n in range(8)}


def test_consents_given_at_once_end_as_the_last_news_says(project):
    contact = make_contact(project)
    topic_of(project)

    def say(state: str) -> None:
        record_consents(Contact.objects.get(pk=contact.pk), {"news": Stance(state)}, at=now())

    all_at_once([lambda s=s: say(s) for s in ("granted", "withdrawn", "pending") * 3])

    state = Consent.objects.get().state
    last = DomainEvent.objects.filter(type="contact.updated").order_by("-id").first()
    assert last.data["consents"] == {"news": state}
    assert ConsentChange.objects.order_by("-id").first().state == state


def test_one_of_two_topics_of_one_code_is_made(project):
    made = all_at_once(
        [lambda: make_topic(project, code="n", name="N", opt_in="none", at=now())] * 4
    )

    assert sum(isinstance(each, Topic) for each in made) == 1
    assert sum(isinstance(each, Conflict) for each in made) == 3


def test_a_topic_is_deleted_or_spoken_of_and_never_both(project):
    contacts = [make_contact(project) for _ in range(3)]
    for round in range(10):
        code = f"topic-{round}"
        topic = topic_of(project, code)
        says = [
            lambda c=c, code=code: record_consents(c, {code: Stance("granted")}, at=now())
            for c in contacts
        ]
        all_at_once([*says, lambda topic=topic: remove_topic(topic)])

        is_kept = Topic.objects.filter(code=code).exists()
        assert is_kept == Consent.objects.filter(topic__code=code).exists()


def test_scores_end_exact_while_events_news_and_the_night_come_at_once(project):
    contacts = [make_contact(project) for _ in range(3)]
    today = now()
    tomorrow = today + timedelta(days=1)

    def act(contact: Contact) -> None:
        for _ in range(5):
            Event.objects.record(project, [Fact(contact.key, "login")], at=today)

    def tell() -> None:
        for _ in range(10):
            outbox.relay(at=today)

    def decay() -> None:
        for _ in range(10):
            decay_next(at=tomorrow)

    all_at_once([*(lambda c=c: act(c) for c in contacts), tell, tell, decay, decay])
    while outbox.relay(at=tomorrow) or decay_next(at=tomorrow):
        pass

    assert not ListenerFailure.objects.exists()
    for contact in contacts:
        activity = ContactActivity.objects.get(contact=contact)
        stored = {"engagement": activity.engagement, "lead": activity.lead}
        told = {name: each["score"] for name, each in explain_scores(contact, at=tomorrow).items()}
        assert stored == told == {"engagement": 24, "lead": 20}
