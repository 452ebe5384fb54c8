"""Who brought the most, page by page, and how the database finds it."""

from datetime import timedelta

import pytest
from django.db import connection

from contacts.models import Contact
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from contacts.operations.restoring import restore_contact
from referrals.models import Click, Conversion, Link, Referral, Standing
from referrals.operations.clicks import follow_link
from referrals.operations.conversions import reverse_conversion
from referrals.operations.noticing import Sign, note_referrals
from referrals.standings import PLACES, drifts, leaderboard
from tests.factories import AT, make_contact
from tests.referrals.factories import DOCUMENTED, convert, make_link, make_program

PATH = "/v1/referrals/leaderboard"


def board(api, program, **query) -> list[dict]:
    """Return all places, read page by page."""
    found, cursor = [], ""
    while True:
        query |= {"cursor": cursor} if cursor else {}
        page = api.get(PATH, {"program_id": program.id, **query}).json()
        found += page["data"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return found


def came(link, contact=None):
    contact = contact or make_contact(link.project)
    note_referrals(link.project, [Sign(contact.key, link.code)], at=AT)


def test_places_are_by_conversions_then_referrals_then_who_was_first(api, project):
    program = make_program(project, tiers=DOCUMENTED["tiers"])
    late, early, many, more, none = (make_link(program) for _ in range(5))
    for link, hours in ((late, 3), (late, 4), (early, 1), (early, 2), (many, 5), (many, 6)):
        convert(link, at=AT + timedelta(hours=hours))
    came(many)
    for _ in range(5):
        convert(more)
    came(none)

    whole = board(api, program)
    pages = board(api, program, limit=1)

    order = [more, many, early, late, none]
    assert [place["contact_id"] for place in whole] == [link.contact_id for link in order]
    assert [place["rank"] for place in whole] == [1, 2, 3, 4, 5]
    counts = [(place["conversions"], place["referrals"]) for place in whole]
    assert counts == [(5, 5), (2, 3), (2, 2), (2, 2), (0, 1)]
    assert [place["tier"] for place in whole] == ["bronze", None, None, None, None]
    assert whole[0]["email"] == more.contact.email
    assert pages == whole


def test_complete_ties_are_settled_and_paged_without_a_gap(api, project):
    program = make_program(project)
    links = [make_link(program) for _ in range(7)]
    for link in links:
        convert(link)

    pages = board(api, program, limit=2)

    assert {place["contact_id"] for place in pages} == {link.contact_id for link in links}
    assert [place["rank"] for place in pages] == [1, 2, 3, 4, 5, 6, 7]


def test_what_does_not_count_is_not_counted(api, project):
    program = make_program(project)
    link, other = make_link(program), make_link(program, make_contact(project))
    convert(link)
    reverse_conversion(convert(link), at=AT)
    convert(link, link.contact)
    came(link, Contact.objects.create(project=project, created_at=AT, updated_at=AT))
    convert(other)
    other.contact.remove(at=AT)
    convert(make_link(make_program(project)))

    [place] = board(api, program)

    assert place["contact_id"] == link.contact_id
    assert (place["conversions"], place["referrals"]) == (1, 2)


def test_who_comes_and_goes_is_counted_anew(api, ingest, project, relay):
    """A visitor becomes known, referrers are deleted and restored, people merge and part."""
    program = make_program(project)
    first, second, third = (make_link(program) for _ in range(3))
    convert(first)
    convert(second)

    def standing() -> dict[str, tuple[int, int, int]]:
        relay()
        assert list(drifts(project)) == []
        places = board(api, program)
        assert list(drifts(project)) == []
        return {each["contact_id"]: (each["rank"], each["referrals"]) for each in places}

    code = {"context": {"referral": {"code": third.code}}}
    ingest.post("/v1/track", {"anonymous_id": "a1", "event": "seen", **code})
    assert standing() == {first.contact_id: (1, 1), second.contact_id: (2, 1)}
    known = {"anonymous_id": "a1", "user_id": "u1", "traits": {"email": "v@example.com"}}
    ingest.post("/v1/identify", known)
    assert standing()[third.contact_id] == (3, 1)

    gone = first.contact
    gone.remove(at=AT)
    assert [each["contact_id"] for each in board(api, program)][0] == second.contact_id
    assert standing() == {second.contact_id: (1, 1), third.contact_id: (2, 1)}
    restore_contact(gone, at=AT)
    assert standing()[first.contact_id] == (1, 1)

    friend = Contact.objects.select_related("project").get(email="v@example.com")
    both = {"source": friend, "target": make_contact(project)}
    merge_contacts(**both, at=AT)
    assert standing()[third.contact_id] == (3, 1)
    both = {"source": second.contact, "target": first.contact}
    merge_contacts(**both, at=AT)
    assert standing()[first.contact_id] == (1, 2)
    assert second.contact_id not in standing()
    undo_merge(**both, at=AT)
    assert standing()[first.contact_id] == (1, 1)
    assert standing()[second.contact_id] == (2, 1)
    erase_contact(Contact.objects.select_related("project").get(pk=first.contact_id), at=AT)
    assert first.contact_id not in standing()


def test_a_standing_that_is_wrong_is_found(project):
    program = make_program(project)
    link, other = make_link(program), make_link(program)
    convert(link)
    convert(other)
    leaderboard(program, None, 9)
    Standing.objects.filter(contact=link.contact_id).update(referrals=7)
    Standing.objects.filter(contact=other.contact_id).delete()

    found = {drift.contact: (drift.stored, drift.counted) for drift in drifts(project)}

    assert found == {link.contact_id: ((1, 7), (1, 1)), other.contact_id: ((0, 0), (1, 1))}


def test_tiers_have_their_own_names_or_those_of_metals(project):
    program = make_program(
        project,
        tiers=[
            {"referrals": 30},
            {"referrals": 3, "name": "starter"},
            *({"referrals": n} for n in (6, 9, 12)),
        ],
    )

    told = [program.tier_of(n) for n in (0, 3, 6, 9, 12, 29, 30)]

    assert told == [None, "starter", "silver", "gold", "platinum", "platinum", None]


def test_a_program_must_be_named(api, project, other_project):
    program = make_program(project)

    for id in ("", "x", make_program(other_project).id):
        assert api.get(PATH, {"program_id": id}).status_code == 400
    assert api.get(PATH, {"program_id": program.id, "x": 1}).status_code == 400
    assert api.get(PATH, {"program_id": program.id, "cursor": "x"}).status_code == 400
    assert board(api, program) == []


def test_a_profile_shows_the_same_numbers(api, project):
    program = make_program(project)
    link = make_link(program)
    convert(link)
    came(link)

    stats = api.get(f"/v1/contacts/{link.contact_id}").json()["referral_stats"]

    [place] = board(api, program)
    assert stats == {"referrals_made": 2, "conversions": 1}
    assert (place["referrals"], place["conversions"]) == (2, 1)


@pytest.mark.slow  # It makes 40,000 rows, so that the planner has something to think about.
def test_pages_and_clicks_are_found_by_their_indexes(project, other_project):
    programs = [make_program(project), make_program(other_project)]
    for program in programs:
        fill(program)
    analyze(Link, Conversion, Referral, Click, Contact, Standing)
    top = leaderboard(programs[0], None, 26)
    analyze(Standing)
    link = Link.objects.filter(program=programs[0]).first()

    last = [getattr(top[-1], name) for name in PLACES]
    plan = explained(lambda: leaderboard(programs[0], last, 26))
    click = explained(lambda: follow_link(link.code, address="", is_machine=True, at=AT))

    assert len(top) == 26
    assert top[0].conversions >= top[-1].conversions > 0
    assert "Index Scan using standing_rank" in plan
    for table in ("conversion", "referral"):
        assert f"referrals_{table}" not in plan
    assert "click_of_link" in click
    for table in ("link", "click"):
        assert f"Seq Scan on referrals_{table}" not in click


def analyze(*models) -> None:
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def fill(program) -> None:
    """Give the program 1,000 referrers, 5,000 conversions and 10,000 people who came."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH person AS (
                INSERT INTO contacts_contact (project_id, email, email_key, phone, external_id,
                       traits, tags, created_at, updated_at)
                SELECT %(project)s, n || '@x.example', n || '@x.example', '', '', '{}', '{}',
                       %(at)s, %(at)s FROM generate_series(1, 11000) n RETURNING id
            ), numbered AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM person
            ), link AS (
                INSERT INTO referrals_link (project_id, program_id, contact_id, code, channel,
                       created_at)
                SELECT %(project)s, %(program)s, id, 'C-' || id, '', %(at)s FROM numbered
                 WHERE n < 1000 RETURNING id, contact_id
            ), owner AS (SELECT *, row_number() OVER (ORDER BY id) - 1 AS n FROM link
            ), came AS (
                INSERT INTO referrals_referral (project_id, program_id, link_id, contact_id, entry,
                       seen_at, created_at)
                SELECT %(project)s, %(program)s, owner.id, numbered.id, 0, %(at)s, %(at)s
                  FROM numbered JOIN owner ON owner.n = (numbered.n * numbered.n) %% 1000
                 WHERE numbered.n >= 1000 RETURNING link_id, contact_id
            )
            INSERT INTO referrals_conversion (project_id, program_id, link_id, referrer_id,
                   contact_id, conversion_event, metadata, status, reason, converted_at, created_at)
            SELECT %(project)s, %(program)s, owner.id, owner.contact_id, came.contact_id, 'paid',
                   '{}', 'recorded', '', %(at)s, %(at)s
              FROM came JOIN owner ON owner.id = came.link_id ORDER BY came.contact_id LIMIT 5000
            """,
            {"project": program.project_key, "program": program.key, "at": AT},
        )
        cursor.execute(
            """INSERT INTO referrals_click (project_id, link_id, clicked_at, is_machine)
               SELECT project_id, id, %s::timestamptz - n * interval '1 hour', false
                 FROM referrals_link, generate_series(1, 10) n WHERE program_id = %s""",
            [AT, program.key],
        )
        cursor.execute(
            """INSERT INTO referrals_standing (project_id, program_id, contact_id, conversions,
                      referrals, is_stale)
               SELECT project_id, program_id, contact_id, 0, 0, true
                 FROM referrals_link WHERE program_id = %s""",
            [program.key],
        )


def explained(work) -> str:
    """Return the plans of the statements of the work that take their time."""
    plans = []

    def explain(execute, statement, params, many, context):
        if "referrals_" in statement and "FOR UPDATE" not in statement:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN {statement}", params)
                plans.extend(row[0] for row in cursor.cursor.fetchall())
        return execute(statement, params, many, context)

    with connection.execute_wrapper(explain):
        work()
    return "\n".join(plans)
