"""Two contacts become one, with all that was either's; and part again."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import (
    Contact,
    ContactActivity,
    Email,
    Event,
    Identity,
    MailStream,
    Membership,
    Merge,
    Suppression,
)
from contacts.operations.merging import merge_contacts, settle_merges, undo_merge
from contacts.operations.segments import create_segment
from growth.errors import Gone
from growth.models import DomainEvent
from tests.campaigns.factories import make_segment
from tests.contacts.written_rules import one
from tests.factories import AT, make_contact, make_event


def merge(api, target, source, **options):
    body = {"source_contact_id": source.id, **options}
    return api.post(f"/v1/contacts/{target.id}/merge", body)


def unmerge(api, target, source):
    return api.post(f"/v1/contacts/{target.id}/unmerge", {"source_contact_id": source.id})


def errors(response):
    return [(each["field"], each["reason"]) for each in response.json()["error"]["details"]]


def owner_of(kind, value):
    return Identity.objects.get(kind=kind, value=value).contact_id


@pytest.fixture
def pair(project):
    """Return a target that was changed yesterday, and a source that was changed today."""
    target = make_contact(
        project,
        email="t@example.com",
        external_id="t",
        traits={"plan": "growth", "city": "Rome"},
        tags=["a", "b"],
        updated_at=AT - timedelta(days=1),
    )
    source = make_contact(
        project,
        email="s@example.com",
        external_id="s",
        phone="+390612345678",
        traits={"plan": "trial", "company": "Acme"},
        tags=["b", "c"],
        updated_at=AT,
    )
    return target, source


@pytest.mark.parametrize(
    ("options", "plan", "name"),
    [
        ({}, "growth", "t"),
        ({"conflict_resolution": "prefer_target"}, "growth", "t"),
        ({"conflict_resolution": "prefer_source"}, "trial", "s"),
        ({"conflict_resolution": "prefer_recent"}, "trial", "s"),
    ],
)
def test_the_rule_decides_where_both_have_a_value(api, pair, options, plan, name):
    response = merge(api, *pair, **options)

    body = response.json()
    assert response.status_code == 200, body
    assert body["id"] == pair[0].id
    assert body["traits"] == {"plan": plan, "city": "Rome", "company": "Acme"}
    assert body["tags"] == ["a", "b", "c"]
    assert (body["external_id"], body["email"]) == (name, f"{name}@example.com")
    assert body["phone"] == "+390612345678"


def test_the_more_recent_target_is_preferred(api, pair):
    target, source = pair

    assert merge(api, source, target, conflict_resolution="prefer_recent").json()["traits"] == {
        "plan": "trial",
        "city": "Rome",
        "company": "Acme",
    }


def test_every_id_and_address_of_either_means_the_survivor(api, ingest, pair):
    target, source = pair
    merge(api, target, source)

    for kind, value in [("external_id", "s"), ("email", "s@example.com"), ("external_id", "t")]:
        assert owner_of(kind, value) == target.id
    ingest.post("/v1/track", {"userId": "s", "event": "login"})
    assert Event.objects.get(name="login").contact_id == target.id
    found = api.post("/v1/contacts", {"email": "S@example.com"})
    assert (found.status_code, found.json()["id"]) == (200, target.id)
    api.patch(f"/v1/contacts/{target.id}", {"external_id": "new"})
    assert owner_of("external_id", "s") == target.id
    assert not Identity.objects.filter(value="t").exists()


def test_the_source_is_a_tombstone(api, pair):
    target, source = pair
    merge(api, target, source)

    gone = api.get(f"/v1/contacts/{source.id}")
    assert gone.status_code == 404
    assert gone.json()["error"]["details"] == [{"merged_into": target.id}]
    assert [each["id"] for each in api.get("/v1/contacts").json()["data"]] == [target.id]
    source.refresh_from_db()
    assert (source.merged_into_id, source.email) == (target.id, "s@example.com")


def test_everything_moves(api, project, pair):
    target, source = pair
    for number in range(3):
        make_event(source, "login", at=AT - timedelta(days=40 * number))
    make_event(target, "login")
    ContactActivity.objects.create(project=project, contact=source, last_activity_at=AT)
    stream = MailStream.objects.create(project=project, kind="campaign", name="News")
    make_email(stream, source, "step_1")
    segment = make_segment(project, source)

    merge(api, target, source)

    assert Event.objects.filter(contact=target.pk).count() == 4
    assert ContactActivity.objects.get(contact=target).last_activity_at == AT
    assert list(Email.objects.values_list("contact", flat=True)) == [target.id]
    assert segment.memberships.get().contact_id == target.id


def make_email(stream, contact, step, state="sent", email_key=None):
    return Email.objects.create(
        project=stream.project,
        stream=stream,
        step_key=step,
        contact=contact,
        address=contact.email,
        email_key=contact.email_key,
        template_code="tmpl_reengage",
        state=state,
        created_at=AT,
        due_at=AT,
    )


def test_of_two_decisions_the_one_further_on_is_the_survivors(api, project, pair):
    target, source = pair
    stream = MailStream.objects.create(project=project, kind="campaign", name="News")
    waiting = make_email(stream, target, "step_1", "queued")
    sent = make_email(stream, source, "step_1", "sent")
    both = make_email(stream, target, "step_2"), make_email(stream, source, "step_2")

    merge(api, target, source)

    def owners():
        return dict(Email.objects.values_list("pk", "contact"))

    assert owners() == {
        sent.pk: target.id,
        waiting.pk: source.id,
        both[0].pk: target.id,
        both[1].pk: source.id,
    }
    unmerge(api, target, source)
    assert owners() == {
        sent.pk: source.id,
        waiting.pk: target.id,
        both[0].pk: target.id,
        both[1].pk: source.id,
    }
    assert set(Email.objects.values_list("entry", flat=True)) == {0}


@pytest.mark.parametrize(("reason", "follows"), [("unsubscribed", True), ("bounced", False)])
def test_the_more_restrictive_consent_wins(api, project, pair, reason, follows):
    Suppression.objects.create(project=project, email_key="s@example.com", reason=reason)

    merge(api, *pair)

    suppressed = Suppression.objects.filter(email_key="t@example.com")
    assert suppressed.exists() == follows
    unmerge(api, *pair)
    assert suppressed.exists() == follows


def test_segments_follow_and_nobody_enters_one(api, project, pair, relay):
    target, source = pair
    twice = {"field": "events.login", "op": "count_gte", "value": 2}
    acme = create_segment(
        project, name="Acme", rules=one(field="traits.company", op="eq", value="Acme"), at=AT
    )
    often = create_segment(project, name="Often", rules=one(**twice), at=AT)
    make_event(target, "login")
    make_event(source, "login")

    merge(api, target, source)
    relay()

    assert members_of(acme) == members_of(often) == [target.id]
    assert not Event.objects.filter(name__startswith="$").exists()
    assert not DomainEvent.objects.filter(type__startswith="segment.").exists()
    unmerge(api, target, source)
    relay()
    assert (members_of(acme), members_of(often)) == ([source.id], [])


def members_of(segment):
    return list(Membership.objects.filter(segment=segment).values_list("contact", flat=True))


def test_the_system_is_told(api, pair):
    target, source = pair
    merge(api, target, source, conflict_resolution="prefer_source")

    news = DomainEvent.objects.get(type="contact.merged")
    assert news.data["id"] == target.id
    assert news.data["source_contact_id"] == source.id
    assert news.data["conflict_resolution"] == "prefer_source"
    assert news.data["traits"]["plan"] == "trial"
    assert news.subject == target.key


def test_what_cannot_be_merged_is_refused(api, project, other_project, pair):
    target, source = pair
    third = make_contact(project)
    unknown = Contact(pk="cntct_0000000000")

    assert errors(merge(api, target, target)) == [("source_contact_id", "same")]
    for stranger in (unknown, make_contact(other_project)):
        response = merge(api, target, stranger)
        assert response.status_code == 422
        assert errors(response) == [("source_contact_id", "does_not_exist")]
    wrong = merge(api, target, source, conflict_resolution="prefer_me")
    assert errors(wrong) == [("conflict_resolution", "invalid_choice")]
    missing = api.post(f"/v1/contacts/{target.id}/merge", {})
    assert errors(missing) == [("source_contact_id", "required")]
    merge(api, target, source)
    assert errors(merge(api, third, source)) == [("source_contact_id", "merged")]
    back = merge(api, source, target)
    assert back.status_code == 404
    assert back.json()["error"]["details"] == [{"merged_into": target.id}]
    third.remove(at=AT)
    assert errors(merge(api, target, third)) == [("source_contact_id", "does_not_exist")]
    assert Merge.objects.count() == 1


def test_a_merge_told_twice_is_done_once(api, pair):
    first, second = merge(api, *pair), merge(api, *pair)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert Merge.objects.count() == 1
    assert DomainEvent.objects.filter(type="contact.merged").count() == 1


def test_a_chain_ends_in_its_last_link_and_parts_from_there(api, project, pair):
    middle, first = pair
    last = make_contact(project)
    make_event(first, "login")
    merge(api, middle, first)
    merge(api, last, middle)

    gone = api.get(f"/v1/contacts/{first.id}")
    assert gone.json()["error"]["details"] == [{"merged_into": last.id}]
    assert owner_of("external_id", "s") == last.id
    assert Event.objects.get().contact_id == last.id
    too_early = unmerge(api, last, first)
    assert (too_early.status_code, too_early.json()["error"]["code"]) == (409, "conflict")

    assert unmerge(api, last, middle).status_code == 200
    assert Event.objects.get().contact_id == middle.id
    assert unmerge(api, middle, first).status_code == 200
    assert Event.objects.get().contact_id == first.id
    assert Contact.objects.alive().count() == 3


ROWS = (Contact, Identity, Event, ContactActivity, Email, Membership)


def state():
    hidden = {"updated_at", "id"}
    return {
        table.__name__: sorted(
            (
                sorted((k, str(v)) for k, v in row.items() if table is Email or k not in hidden)
                for row in table.objects.values()
            ),
            key=str,
        )
        for table in ROWS
    }


def test_undone_it_is_as_if_it_had_not_been(api, project, pair):
    target, source = pair
    make_event(source, "login")
    make_event(target, "login")
    ContactActivity.objects.create(project=project, contact=source, last_activity_at=AT)
    make_segment(project, source)
    make_segment(project, source, target)
    stream = MailStream.objects.create(project=project, kind="campaign", name="News")
    make_email(stream, source, "step_1")
    before = state()
    merge(api, target, source, conflict_resolution="prefer_source")
    assert state() != before

    response = unmerge(api, target, source)

    assert response.status_code == 200
    assert response.json()["traits"] == {"plan": "growth", "city": "Rome"}
    assert state() == before
    assert errors(unmerge(api, target, source)) == [("source_contact_id", "not_merged")]
    assert merge(api, target, source).status_code == 200


def test_what_was_changed_since_stays_when_it_is_undone(api, pair):
    target, source = pair
    merge(api, target, source, conflict_resolution="prefer_source")
    changes = {"email": "new@example.com", "tags": ["c", "d"], "traits": {"plan": "scale"}}
    api.patch(f"/v1/contacts/{target.id}", changes)
    api.patch(f"/v1/contacts/{target.id}", {"traits": {"city": None}})
    make_event(target, "later")

    body = unmerge(api, target, source).json()

    assert (body["email"], body["external_id"]) == ("new@example.com", "t")
    assert body["tags"] == ["d"]
    assert body["traits"] == {"plan": "scale"}
    assert body["recent_events"][0]["event"] == "later"
    assert owner_of("email", "s@example.com") == source.id
    assert owner_of("external_id", "t") == target.id


def test_it_can_be_undone_for_thirty_days(project, pair, api):
    target, source = pair
    merge_contacts(source=source, target=target, at=AT)
    with pytest.raises(Gone):
        undo_merge(source=source, target=target, at=AT + timedelta(days=30, seconds=1))

    Merge.objects.update(created_at=AT - timedelta(days=10_000))
    assert unmerge(api, target, source).status_code == 410
    assert undo_merge(source=source, target=target, at=AT - timedelta(days=9_990)) == target


def test_what_came_for_the_source_meanwhile_is_moved_later(project, pair):
    target, source = pair
    last = make_contact(project)
    merge_contacts(source=source, target=target, at=AT)
    assert settle_merges(at=AT) == 0
    merge_contacts(source=target, target=last, at=AT - timedelta(hours=1))
    assert settle_merges(at=AT) == 1
    late = make_event(source, "late")

    assert settle_merges(at=AT + timedelta(minutes=3)) == 1

    late.refresh_from_db()
    assert late.contact_id == last.id
    assert settle_merges(at=AT + timedelta(days=1)) == 0
    undo_merge(source=target, target=last, at=AT)
    late.refresh_from_db()
    assert late.contact_id == target.id
    undo_merge(source=source, target=target, at=AT)
    late.refresh_from_db()
    assert late.contact_id == source.id


def test_what_came_late_goes_through_a_chain_that_settles_at_once(project, pair):
    middle, first = pair
    last = make_contact(project)
    merge_contacts(source=first, target=middle, at=AT)
    merge_contacts(source=middle, target=last, at=AT)
    late = make_event(first, "late")

    settle_merges(at=AT + timedelta(minutes=3))
    undo_merge(source=middle, target=last, at=AT)

    late.refresh_from_db()
    assert late.contact_id == middle.id


def test_the_number_of_statements_does_not_grow_with_the_events(project):
    def statements(events):
        target, source = make_contact(project), make_contact(project)
        for _ in range(events):
            make_event(source, "login")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            merge_contacts(source=source, target=target, at=AT)
        return len(queries)

    statements(1)
    assert statements(1) == statements(40) <= 51


def test_killed_in_the_middle_nothing_has_happened(project, pair, monkeypatch):
    target, source = pair
    make_event(source, "login")
    make_segment(project, source)
    before = state()
    monkeypatch.setattr("contacts.operations.merging._tell", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        merge_contacts(source=source, target=target, at=AT)

    assert state() == before
    assert not Merge.objects.exists()
