"""What a mail server is given: who a message is from and for, and its bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Envelope:
    """Who a mail is from and for: one address each."""

    sender: str
    recipient: str
    needs_utf8: bool = False


@dataclass(frozen=True)
class Parcel:
    """One message, and who it is from and for."""

    envelope: Envelope
    message: bytes
