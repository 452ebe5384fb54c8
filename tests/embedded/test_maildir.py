import os
import stat

import pytest

from growth.embedded.maildir import Maildir, received_at

MESSAGE = b"Subject: Hello\r\n\r\nHello.\r\n"


@pytest.fixture
def maildir(tmp_path) -> Maildir:
    maildir = Maildir(tmp_path / "mailbox")
    maildir.create()
    return maildir


def test_a_stored_message_keeps_its_bytes_and_its_envelope(maildir, tmp_path):
    name = maildir.store(
        MESSAGE, recipients=["ada@example.com", "bob@example.com"], at=1_800_000_000.5
    )

    assert maildir.read(name) == b"X-Envelope-To: ada@example.com, bob@example.com\r\n" + MESSAGE
    assert received_at(name).isoformat() == "2027-01-15T08:00:00.500000+00:00"
    assert stat.S_IMODE((tmp_path / "mailbox" / "new").stat().st_mode) == 0o700
    assert os.listdir(tmp_path / "mailbox" / "tmp") == []


def test_names_come_newest_first_and_in_pages(maildir):
    names = [maildir.store(MESSAGE, recipients=["a@b.example"], at=at) for at in (1e9, 3e9, 2e9)]

    assert list(maildir.names()) == [names[1], names[2], names[0]]
    assert list(maildir.names(before=names[2])) == [names[0]]


@pytest.mark.parametrize(
    "to", ["bob@example.com", "BOB@Example.com", "bob", "customer-39@", "b/b'"]
)
def test_a_recipient_is_found(maildir, to):
    crowd = [f"customer-{number}@example.com" for number in range(40)]
    maildir.store(MESSAGE, recipients=["ada@example.com"], at=1e9)
    name = maildir.store(
        MESSAGE, recipients=[*crowd, "bob@example.com", "b/b'@example.com"], at=2e9
    )

    assert list(maildir.names(to=to)) == [name]


def test_a_message_that_a_mail_reader_moved_is_still_there(maildir, tmp_path):
    name = maildir.store(MESSAGE, recipients=["ada@example.com"], at=1e9)
    (tmp_path / "mailbox" / "new" / name).rename(tmp_path / "mailbox" / "cur" / f"{name}:2,S")

    assert list(maildir.names(to="ada@example.com")) == [f"{name}:2,S"]
    assert maildir.read(f"{name}:2,S") is not None


@pytest.mark.parametrize("name", ["", "..", "../secret", "1.M000000P1Q1.h,to=a/../../x", "a\0b"])
def test_no_name_leads_elsewhere(maildir, name):
    assert maildir.read(name) is None


def test_a_mailbox_that_was_never_used_is_empty(tmp_path):
    assert list(Maildir(tmp_path / "nowhere").names()) == []
