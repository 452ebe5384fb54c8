import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from contacts.models.addresses import (
    AddressError,
    email_key,
    normalize_email,
    normalize_phone,
)

PARTS = st.text(alphabet="aZ9.-_+x", min_size=1, max_size=70)


@given(local=PARTS, domain=PARTS, end=st.sampled_from(["com", "co", "c", "c1", "-a", ""]))
def test_the_quick_look_at_an_address_says_what_the_close_one_says(local, domain, end):
    text = f"{local}@{domain}.{end}"
    try:
        expected = validate_email(text, check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        with pytest.raises(AddressError):
            normalize_email(text)
    else:
        assert normalize_email(text) == expected


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("Bob@X.COM", "Bob@x.com"),
        (" bob@x.com ", "bob@x.com"),
        ("jose\u0301@x.com", "jos\u00e9@x.com"),
        ("a@münchen.de", "a@münchen.de"),
        ("a@xn--mnchen-3ya.de", "a@münchen.de"),
        ("a@shop.test", "a@shop.test"),
    ],
)
def test_one_address_has_one_spelling(text, normalized):
    assert normalize_email(text) == normalized
    assert email_key(email_key(normalized)) == email_key(normalized)


@pytest.mark.parametrize(
    "text",
    [
        "a@x.com,b@x.com",
        '"a b"@x.com',
        "<a@x.com>",
        "a@[127.0.0.1]",
        "a" * 65 + "@x.com",
        "a@" + "x." * 150 + "com",
        "a@x",
        "a@x.com\nBcc: b@x.com",
        "",
    ],
)
def test_what_is_not_one_address_is_refused(text):
    with pytest.raises(AddressError):
        normalize_email(text)


def test_a_valid_number_is_e164_and_another_is_none():
    assert normalize_phone("+1 650-253-0000") == "+16502530000"
    assert normalize_phone("+1883232765") is None
    assert normalize_phone("ring me") is None
