from contacts.models.contact import Contact, ContactActivity
from contacts.models.event import Event, EventReceipt, Fact
from contacts.models.identity import Identity
from contacts.models.imported_file import ImportedFile
from contacts.models.mail import Email, EmailActivity, MailStream, Suppression, Template
from contacts.models.merge import Merge
from contacts.models.segment import Membership, Segment, SegmentClock

__all__ = [
    "Contact",
    "ContactActivity",
    "Email",
    "EmailActivity",
    "Event",
    "Fact",
    "EventReceipt",
    "Identity",
    "ImportedFile",
    "MailStream",
    "Membership",
    "Merge",
    "Segment",
    "SegmentClock",
    "Suppression",
    "Template",
]
