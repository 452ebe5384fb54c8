"""The bytes of a mail, read back by the standard library."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from contacts.mail import mime
from contacts.mail.rendering import Letter

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SENDER = mime.sender("Acme", "hello@acme.example")


def assemble(letter: Letter, sender: mime.Sender = SENDER) -> bytes:
    return mime.assemble(
        letter,
        sender=sender,
        to="alice@example.com",
        unsubscribe="https://growth.example/u/token",
        message_id="1.2.mail",
        at=AT,
    )


def parsed(letter: Letter, sender: mime.Sender = SENDER):
    return message_from_bytes(assemble(letter, sender), policy=policy.default)


def with_crlf(text: str) -> str:
    return re.sub("\r\n|\r|\n", "\r\n", text)


def test_a_mail_has_the_headers_that_receivers_ask_for():
    mail = parsed(Letter("Hello", "<p>Hi</p>", "Hi\n"))

    assert dict(mail.items()) == {
        "From": "Acme <hello@acme.example>",
        "To": "alice@example.com",
        "Subject": "Hello",
        "Date": "Mon, 02 Mar 2026 12:00:00 +0000",
        "Message-ID": "<1.2.mail@acme.example>",
        "List-Unsubscribe": "<https://growth.example/u/token>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_part"',
    }
    assert not mail.defects


@pytest.mark.parametrize(
    "text",
    [
        "plain\n",
        "dots\n.\n..\n.x\n",
        "trailing space \nand tab\t\n",
        "= and =3D and =_part and --=_part--\n",
        "ünïcödé, 日本語, 🎉\n",
        "x" * 5000 + "\n",
        ("日本" * 3000) + "\n",
        "a\r\nb\rc\n",
        "From me\n\n\n",
        "\x00\x1b[31m\n",
    ],
)
def test_both_parts_are_read_as_they_were_written(text):
    html = f"<p>{text}</p>\n"

    mail = parsed(Letter("Hello", html, text))

    [plain, rich] = mail.iter_parts()
    assert plain.get_content() == with_crlf(text)
    assert rich.get_content() == with_crlf(html)
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")


def test_a_mail_without_html_is_plain_text():
    mail = parsed(Letter("Hello", "", "Just text\n"))

    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "Just text\r\n"


@pytest.mark.parametrize(
    "subject",
    ["Grüße 🎉", "日本語" * 150, "x" * 500, "=?utf-8?b?aGk=?=", "", "a: b", "tab", "é" * 500],
)
def test_every_subject_is_read_as_it_was_written(subject):
    assert parsed(Letter(subject, "<p>", "x"))["Subject"] == subject


@pytest.mark.parametrize(
    "letter",
    [
        Letter("日本語" * 150, "<p>" + "y" * 100_000, "x" * 100_000),
        Letter("é" * 500, "\n" * 1000, ". " * 5000),
    ],
)
def test_every_line_ends_in_crlf_and_is_short_enough(letter):
    lines = assemble(letter).split(b"\r\n")

    assert all(b"\n" not in line and b"\r" not in line for line in lines)
    assert max(map(len, lines)) <= 998


@pytest.mark.parametrize(
    ("name", "address", "header"),
    [
        ("Acme", "hello@acme.example", "Acme <hello@acme.example>"),
        ("Acme, Inc.", "hello@acme.example", '"Acme, Inc." <hello@acme.example>'),
        ("Acme", "Growth <hello@acme.example>", "Growth <hello@acme.example>"),
        ("A\r\nBcc: b@x.com", "hello@acme.example", '"A Bcc: b@x.com" <hello@acme.example>'),
        ("Grün", "hello@acme.example", "=?utf-8?b?R3LDvG4=?= <hello@acme.example>"),
    ],
)
def test_the_sender_is_one_address_with_a_name(name, address, header):
    sender = mime.sender(name, address)

    assert (sender.header, sender.address) == (header, "hello@acme.example")
    assert len(parsed(Letter("", "", ""), sender).keys()) == 10
