from contacts.models.consent import Consent, ConsentChange, Topic
from contacts.models.contact import Contact, ContactActivity, ContactScore
from contacts.models.event import Event, EventReceipt, Fact
from contacts.models.identity import Identity
from contacts.models.imported_file import ImportedFile
from contacts.models.mail import (
    Email,
    EmailActivity,
    MailGate,
    MailStream,
    Suppression,
    Template,
)
from contacts.models.merge import Merge
from contacts.models.segment import Membership, Segment, SegmentClock

__all__ = [
    "Consent",
    "ConsentChange",
    "Contact",
    "ContactActivity",
    "ContactScore",
    "Email",
    "EmailActivity",
    "Event",
    "Fact",
    "EventReceipt",
    "Identity",
    "ImportedFile",
    "MailGate",
    "MailStream",
    "Membership",
    "Merge",
    "Segment",
    "SegmentClock",
    "Suppression",
    "Template",
    "Topic",
]
