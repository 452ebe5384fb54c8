"""The signatures of a delivery: those of Standard Webhooks, and ours.

Both are HMAC-SHA256. Standard Webhooks signs ``id.timestamp.body``; its key is what the base64
after ``whsec_`` says, or all of the secret if that is no base64. Ours signs ``timestamp.body`` with
all of the secret. While a secret is being replaced, the standard header bears both signatures.
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache

PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """Return a secret nobody has seen."""
    return PREFIX + b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def headers(
    *, id: str, type: str, body: bytes, timestamp: int, secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers that prove where the body comes from; the first secret is the newest."""
    stamp = str(timestamp)
    return {
        "webhook-id": id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_standard(each, id, stamp, body) for each in secrets),
        "X-GrowthOS-Timestamp": stamp,
        "X-GrowthOS-Signature": _plain(secrets[0], stamp, body),
        "X-GrowthOS-Event-Type": type,
    }


def _standard(secret: str, id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(_key(secret), f"{id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{b64encode(digest).decode()}"


def _plain(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()


@lru_cache(maxsize=1024)
def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            return b64decode(secret.removeprefix(PREFIX), validate=True) or secret.encode()
        except (binascii.Error, ValueError):
            return secret.encode()
    return secret.encode()
