"""Staff in the admin, and the nightly recount of the books."""

from io import StringIO

import pytest
from django.core.management import call_command

from growth.models import User
from tests.waitlists.factories import enter, make_entry, make_waitlist
from waitlists.models import Bucket, Entry, Waitlist


@pytest.fixture
def staff(client, db):
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "x"))
    return client


def act(staff, path: str, action: str, *things):
    data = {"action": action, "_selected_action": [each.pk for each in things]}
    return staff.post(path, data, follow=True)


def test_staff_let_people_in_and_take_them_out(staff, project):
    waitlist = make_waitlist(project)
    first, second, third = (make_entry(waitlist) for _ in range(3))
    pending = enter(waitlist, is_vouched_for=False)

    act(staff, "/admin/waitlists/entry/", "approve", second)
    act(staff, "/admin/waitlists/entry/", "reject", third)
    refused = act(
        staff, "/admin/waitlists/entry/", "approve", Entry.objects.get(code=pending.entry.code)
    )
    told = act(staff, "/admin/waitlists/waitlist/", "approve_first", waitlist)

    found = dict(Entry.objects.values_list("pk", "status"))
    assert [found[each.pk] for each in (first, second, third)] == [
        *("approved", "approved", "rejected")
    ]
    assert "has not confirmed its address" in refused.content.decode()
    assert "1 were let in" in told.content.decode()


def test_staff_see_where_somebody_stands(staff, project):
    waitlist = make_waitlist(project)
    make_entry(waitlist)
    entry = make_entry(waitlist, "second@example.com")

    page = staff.get(f"/admin/waitlists/entry/{entry.pk}/change/").content.decode()
    assert "second@example.com" in staff.get("/admin/waitlists/entry/?q=second").content.decode()
    assert entry.code in page
    assert (
        waitlist.url
        in staff.get(f"/admin/waitlists/waitlist/{waitlist.pk}/change/").content.decode()
    )


def audit() -> tuple[int, str]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", stdout=out, stderr=StringIO())
    return ended.value.code, out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_audit_finds_books_that_are_wrong():
    from growth.models import Project

    project = Project.objects.create(name="Acme")
    waitlist = make_waitlist(project)
    entry = make_entry(waitlist)
    assert audit() == (0, "")

    Bucket.objects.update(count=7)
    Waitlist.objects.update(approved_count=2)
    Entry.objects.filter(pk=entry.pk).update(referral_count=4)
    code, said = audit()

    assert code == 1
    assert "stretch 0 stored=7 expected=1" in said
    assert "approved_count stored=2 expected=0" in said
    assert "referral_count of" in said
    assert "sort_key of" in said
