"""``manage.py audit`` finds whatever is stored wrongly, and is silent of what is right."""

from datetime import timedelta
from io import StringIO
from random import Random

import pytest
import structlog
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from contacts.models import Contact, ContactActivity, Membership, Segment, SegmentClock
from contacts.operations import facts
from contacts.operations.auditing import Audit
from contacts.operations.memberships import follow_time
from contacts.operations.nightly_audit import audit_next
from contacts.operations.scoring import decay_next
from growth.models import Project
from tests.contacts.segment_stories import make, record
from tests.contacts.test_segments_histories import History, settle
from tests.contacts.written_rules import ACTIVE, TRIAL
from tests.factories import AT, make_contact

DAY = timedelta(days=1)


@pytest.fixture
def story(api, project, relay):
    """Three people, of whom one is on trial and two are active, and all that follows from it."""
    at = now()
    for name, plan in (("alice", "trial"), ("bob", "growth"), ("carol", "growth")):
        made = {"email": f"{name}@example.com", "traits": {"plan": plan}}
        assert api.post("/v1/contacts", made).status_code == 201
    make(project, TRIAL, name="Trial", at=at)
    make(project, ACTIVE, name="Active", at=at)
    make(project, None, name="Named", at=at)
    for contact in Contact.objects.exclude(email_key="carol@example.com"):
        record(contact, "login", "login", at=at)
    relay(at)
    return project


def audit(*options: str) -> tuple[int, list[str]]:
    """Return the exit code, and the lines of differences."""
    out = StringIO()
    with pytest.raises(SystemExit) as exit:
        call_command("audit", *options, stdout=out, stderr=StringIO())
    return exit.value.code, out.getvalue().splitlines()


def contact(name: str) -> Contact:
    return Contact.objects.get(email_key=f"{name}@example.com")


def enter(name: str) -> str:
    segment = Segment.objects.get(name="Trial")
    Membership.objects.create(
        project=segment.project, segment=segment, contact=contact(name), entered_at=now()
    )
    return f"segment={segment.id} contact={contact(name).id} membership stored=True expected=False"


def enter_who_must_not() -> str:
    return enter("bob")


def enter_who_is_gone() -> str:
    Contact.objects.filter(email_key="carol@example.com").update(deleted_at=now())
    return enter("carol")


def lose_a_member() -> str:
    gone = Membership.objects.get(segment__name="Trial")
    gone.delete()
    place = f"segment={gone.segment_id} contact={gone.contact_id}"
    return f"{place} membership stored=False expected=True"


def lose_one_of_the_count() -> str:
    gone = Membership.objects.get(segment__name="Trial")
    gone.delete()
    return f"segment={gone.segment_id} contact=- contact_count stored=0 expected=1"


def lose_a_clock() -> str:
    clock = SegmentClock.objects.select_related("contact").first()
    clock.delete()
    place = f"segment={clock.segment_id} contact={clock.contact_id}"
    return f"{place} recheck_at stored=None expected={clock.recheck_at.isoformat()}"


def change_engagement() -> str:
    ContactActivity.objects.filter(contact=contact("alice")).update(engagement=77)
    return f"segment=- contact={contact('alice').id} engagement stored=77 expected=10"


def change_lead() -> str:
    ContactActivity.objects.filter(contact=contact("bob")).update(lead=1)
    return f"segment=- contact={contact('bob').id} lead stored=1 expected=30"


@pytest.mark.django_db(transaction=True)
def test_what_is_right_is_told_in_silence(story):
    assert audit() == (0, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "plant",
    [
        enter_who_must_not,
        enter_who_is_gone,
        lose_a_member,
        lose_one_of_the_count,
        lose_a_clock,
        change_engagement,
        change_lead,
    ],
)
def test_every_kind_of_drift_has_its_line(story, plant):
    expected = plant()

    code, lines = audit("--project", story.id)

    assert code == 1
    assert f"project={story.id} {expected}" in lines


@pytest.mark.django_db(transaction=True)
def test_one_segment_is_audited_alone(story):
    enter_who_must_not()
    change_engagement()
    trial, active = Segment.objects.get(name="Trial"), Segment.objects.get(name="Active")

    assert audit("--segment", active.id) == (0, [])
    assert len(audit("--segment", trial.id)[1]) == 2  # the member, and the count
    assert len(audit("--segment", trial.id, "--sample", "3")[1]) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--sample", "0"],
        ["--segment", "seg_0000000000"],
        ["--segment", "x"],
        ["--project", "proj_0000000000"],
    ],
)
@pytest.mark.django_db(transaction=True)
def test_what_there_is_not_cannot_be_audited(options):
    with pytest.raises(CommandError):
        call_command("audit", *options)


def test_contacts_of_more_than_one_chunk_are_all_compared(story, monkeypatch):
    monkeypatch.setattr(facts, "_CHUNK", 2)
    enter_who_must_not()
    compared = Audit(story, now())

    assert len(list(compared.drifts())) == 2
    assert compared.contacts == 3


def test_who_is_still_to_be_told_of_is_no_drift(story, relay):
    record(contact("carol"), "login", "login", at=now())

    assert list(Audit(story, now()).drifts()) == []
    relay(now())
    assert list(Audit(story, now()).drifts()) == []


def test_the_clock_has_a_minute_to_follow_time(project, relay):
    make(project, ACTIVE, at=AT)
    record(make_contact(project), "login", "login", at=AT)
    relay(AT)
    ends = AT + 7 * DAY

    def drifts(at):
        segment = Segment.objects.get()
        return [drift.what for drift in Audit(project, at, segment).drifts()]

    assert drifts(ends - timedelta(seconds=1)) == []
    assert drifts(ends + timedelta(seconds=59)) == []
    assert drifts(ends + timedelta(seconds=61)) == ["membership", "contact_count"]
    follow_time(at=ends + timedelta(seconds=61))
    assert drifts(ends + timedelta(seconds=61)) == []


def test_scores_have_an_hour_after_midnight(project, relay):
    person = make_contact(project)
    record(person, "login", at=AT)
    relay(AT)
    midnight = (AT + DAY).replace(hour=0)

    def drifts(at):
        return [drift.what for drift in Audit(project, at).drifts()]

    assert drifts(midnight + timedelta(minutes=59)) == []
    assert drifts(midnight + timedelta(minutes=61)) == ["engagement"]
    decay_next(at=midnight + timedelta(minutes=61))
    assert drifts(midnight + timedelta(minutes=61)) == []


def nightly(at) -> list[dict]:
    with structlog.testing.capture_logs() as logs:
        while audit_next(at=at):
            pass
    return [entry for entry in logs if entry["event"].startswith("membership_drift")]


@pytest.mark.parametrize("plant", [enter_who_must_not, lose_a_member, lose_a_clock])
def test_the_nightly_audit_logs_an_error_for_each_drift(story, plant):
    assert nightly(now()) == []
    plant()

    logged = nightly(now() + timedelta(hours=21))

    assert [(entry["log_level"], entry["event"]) for entry in logged] == [
        ("error", "membership_drift")
    ]


def test_the_nightly_audit_looks_at_each_segment_once(story):
    assert [audit_next(at=now()) for _ in range(3)] == [1, 1, 0]


def test_the_nightly_audit_waits_for_the_clock_and_for_news(story):
    record(contact("carol"), "login", "login", at=now())

    assert nightly(now()) == []
    assert nightly(SegmentClock.objects.first().recheck_at + timedelta(seconds=30)) == []


def test_the_nightly_audit_asks_of_the_moment_of_the_last_evaluation(story):
    ends = SegmentClock.objects.first().recheck_at
    while follow_time(at=ends):
        pass

    assert nightly(now()) == []


@pytest.mark.slow  # A history is long.
@pytest.mark.parametrize("seed", range(2))
def test_after_any_history_both_audits_are_silent(seed, db, relay):
    project = Project.objects.create(name="Acme", timezone="America/New_York")
    history = History(project, Random(seed))
    settle(history, relay)
    for number in range(12):
        history.step()()
        settle(history, relay)

        assert [str(drift) for drift in Audit(project, history.now).drifts()] == []
        Segment.objects.update(audited_at=None)
        assert nightly(history.now) == [], number
