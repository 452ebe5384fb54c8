"""Signatures, verified by the official library and by the recipe of the documents."""

import hashlib
import hmac
import time
from base64 import b64encode

import pytest
import standardwebhooks

from webhooks import signing

BODY = b'{"id":"evt_1","data":{"name":"J\xc3\xbcrgen"}}'
DOCUMENTED = "whsec_your_signing_secret"


def signed(*secrets: str) -> dict[str, str]:
    return signing.headers(
        id="evt_1", type="contact.created", body=BODY, timestamp=int(time.time()), secrets=secrets
    )


def test_the_official_library_takes_a_secret_of_ours():
    secret = signing.new_secret()

    assert standardwebhooks.Webhook(secret).verify(BODY, signed(secret))["id"] == "evt_1"


@pytest.mark.parametrize(
    "secret",
    [DOCUMENTED, "no_prefix_but_long_enough", "whsec_not+padded+base64", "whsec_" + "=" * 12],
)
def test_the_official_library_takes_what_is_no_base64_as_its_bytes(secret):
    standardwebhooks.Webhook(secret.encode()).verify(BODY, signed(secret))


def test_the_official_library_takes_either_secret_while_one_is_replaced():
    old, new = DOCUMENTED, signing.new_secret()
    headers = signed(new, old)

    standardwebhooks.Webhook(new).verify(BODY, headers)
    standardwebhooks.Webhook(old.encode()).verify(BODY, headers)
    assert len(headers["webhook-signature"].split()) == 2


def test_the_official_library_refuses_another_body_and_another_secret():
    headers = signed(DOCUMENTED)

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(DOCUMENTED.encode()).verify(BODY + b" ", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(signing.new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("secret", [DOCUMENTED, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_the_documented_recipe_holds(secret):
    headers = signed(secret)
    told = headers["X-GrowthOS-Timestamp"].encode() + b"." + BODY

    expected = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()

    assert headers["X-GrowthOS-Signature"] == expected
    assert headers["X-GrowthOS-Event-Type"] == "contact.created"


def test_a_known_signature():
    """The values that the specification publishes for its own libraries."""
    headers = signing.headers(
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        type="ping",
        body=b'{"test": 2432232314}',
        timestamp=1614265330,
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_of_ours_are_all_different():
    made = {signing.new_secret() for _ in range(100)}

    assert len(made) == 100
    assert all(len(secret) == len("whsec_") + len(b64encode(bytes(32))) for secret in made)
