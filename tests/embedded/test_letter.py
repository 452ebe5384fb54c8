from hypothesis import given
from hypothesis import strategies as st

from growth.embedded.letter import read_headers, read_letter


def test_both_parts_and_decoded_headers_are_shown():
    letter = read_letter(
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=latin-1\r\n\r\nGr\xfc\xdfe\r\n"
        b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"PGI+aGk8L2I+\r\n"
        b"--b--\r\n"
    )

    assert letter.header("subject") == "Grüße"
    assert letter.text == "Grüße"
    assert letter.html == "<b>hi</b>"


def test_attachments_are_not_shown():
    letter = read_letter(
        b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n<b>hi</b>"
    )

    assert letter.html is None


def test_what_makes_no_sense_is_shown_as_it_came():
    letter = read_letter(
        b"Subject: =?no-such-charset?q?x?= =?utf-8?b?!?=\r\n"
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nhello \xff"
    )

    assert letter.header("Subject") == "=?no-such-charset?q?x?= =?utf-8?b?!?="
    assert letter.text == "hello \N{REPLACEMENT CHARACTER}"


@given(st.binary(max_size=300))
def test_nothing_is_too_broken_to_be_shown(content):
    read_letter(content)
    read_headers(content)


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_header_is_too_broken_to_be_shown(subject, content_type):
    content = (
        f"Subject: =?utf-8?b?{subject}?=\r\nContent-Type: text/plain; charset={content_type}\r\n"
    )
    read_letter(content.encode() + b"\r\nhello")
