from contacts.models.absorption import Absorption
from contacts.models.account import Account, ContactStage
from contacts.models.consent import Consent, ConsentChange, Topic
from contacts.models.contact import Contact, ContactActivity, ContactScore, Rescoring
from contacts.models.custom_field import CustomField
from contacts.models.erasure import Erasure
from contacts.models.event import Event, EventReceipt, Fact
from contacts.models.identity import Identity
from contacts.models.imported_file import ImportedFile
from contacts.models.mail import Email, EmailActivity, MailGate, MailStream, Template
from contacts.models.merge import Merge
from contacts.models.message import Message
from contacts.models.runnable import Runnable
from contacts.models.segment import Membership, Segment, SegmentClock
from contacts.models.suppression import Suppression

__all__ = [
    "Absorption",
    "Account",
    "Consent",
    "ConsentChange",
    "Contact",
    "ContactActivity",
    "ContactScore",
    "ContactStage",
    "CustomField",
    "Email",
    "EmailActivity",
    "Erasure",
    "Event",
    "Fact",
    "EventReceipt",
    "Identity",
    "ImportedFile",
    "MailGate",
    "MailStream",
    "Membership",
    "Merge",
    "Message",
    "Rescoring",
    "Runnable",
    "Segment",
    "SegmentClock",
    "Suppression",
    "Template",
    "Topic",
]
