from email.message import EmailMessage
from urllib.parse import quote

import pytest
from django.test import Client

from growth.embedded import views
from growth.embedded.maildir import Maildir
from growth.models import User


@pytest.fixture
def maildir(settings, tmp_path) -> Maildir:
    settings.MAILBOX_DIR = tmp_path
    maildir = Maildir(tmp_path)
    maildir.create()
    return maildir


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_user(username="staff", is_staff=True))
    return client


def letter(subject: str = "Hello") -> bytes:
    message = EmailMessage()
    message["From"] = "Shop <shop@example.com>"
    message["Subject"] = subject
    message.set_content("See https://example.com/plain")
    message.add_alternative("<p>See <script>alert(1)</script></p>", subtype="html")
    return message.as_bytes()


def test_only_staff_may_look(client, db, maildir):
    name = maildir.store(letter(), recipients=["ada@example.com"], at=1e9)
    client.force_login(User.objects.create_user(username="visitor"))

    for path in ("", quote(name), f"{quote(name)}/html"):
        answer = client.get(f"/mailbox/{path}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_the_newest_come_first_and_the_rest_on_further_pages(staff, maildir, monkeypatch):
    monkeypatch.setattr(views, "_PAGE", 2)
    for number in range(3):
        maildir.store(letter(f"Letter {number}"), recipients=["ada@example.com"], at=1e9 + number)

    first = staff.get("/mailbox/")
    second = staff.get("/mailbox/", {"before": first.context["older"]})

    assert [row[-1].split(">")[1][:8] for row in first.context["table"]["rows"]] == [
        "Letter 2",
        "Letter 1",
    ]
    assert [row[-1].split(">")[1][:8] for row in second.context["table"]["rows"]] == ["Letter 0"]
    assert "Older" in first.content.decode()
    assert "Older" not in second.content.decode()


def test_the_letters_to_one_recipient_are_found(staff, maildir):
    maildir.store(letter(), recipients=["ada@example.com"], at=1e9)
    maildir.store(letter(), recipients=["bob@example.com"], at=2e9)

    rows = staff.get("/mailbox/", {"to": "Bob@example"}).context["table"]["rows"]

    assert [row[1] for row in rows] == ["bob@example.com"]


def test_a_letter_shows_its_headers_and_both_parts(staff, maildir):
    name = maildir.store(letter("<b>Grüße</b>"), recipients=["ada@example.com"], at=1e9)

    page = staff.get(f"/mailbox/{quote(name)}").content.decode()

    assert "&lt;b&gt;Grüße&lt;/b&gt;" in page
    assert "X-Envelope-To" in page
    assert 'href="https://example.com/plain"' in page
    assert (
        f'<iframe sandbox="{views.SANDBOX}" src="/mailbox/{quote(name, safe="@,=+")}/html"' in page
    )


def test_the_html_part_can_do_nothing(staff, maildir):
    name = maildir.store(letter(), recipients=["ada@example.com"], at=1e9)

    answer = staff.get(f"/mailbox/{quote(name)}/html")

    assert "<script>" in answer.content.decode()
    assert "allow-scripts" not in views.SANDBOX
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; ")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", ["nothing", "..%2Fsecret", "a%00b", "1.M000000P1Q1.h,to=x/html"])
def test_an_unknown_letter_is_not_found(staff, maildir, path):
    assert staff.get(f"/mailbox/{path}").status_code == 404


def test_a_broken_letter_is_shown(staff, maildir):
    name = maildir.store(b"\xff\x00 Content-Type: ;;;\n\n\xff", recipients=["a@b.example"], at=1e9)

    assert staff.get("/mailbox/").status_code == 200
    assert staff.get(f"/mailbox/{quote(name)}").status_code == 200
