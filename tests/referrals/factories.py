"""Programs, links and conversions for tests."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from contacts.models import Contact
from growth.models import Project
from referrals.models import Conversion, Link, Program
from referrals.operations.conversions import record_conversion
from referrals.operations.links import create_link
from referrals.operations.programs import create_program
from tests.factories import AT, make_contact

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
DOCUMENTED = {
    "name": "Friend Referral Program",
    "reward_type": "credit",
    "reward_amount": 20,
    "reward_currency": "USD",
    "referee_reward": {"type": "discount", "amount": 15, "currency": "USD"},
    "tiers": [
        {"referrals": 5, "bonus": 50},
        {"referrals": 10, "bonus": 150},
        {"referrals": 25, "bonus": 500},
    ],
    "limits": {"max_referrals_per_contact": 100, "conversion_window_days": 30},
    "status": "active",
}


def make_program(project: Project, **fields: Any) -> Program:
    """Return an active program that gives 20 USD."""
    said = {"name": "Friends", "status": "active", "reward_amount": 20, "reward_currency": "USD"}
    return create_program(project, at=AT, **said | fields)


def make_link(program: Program, contact: Contact | None = None, channel: str = "") -> Link:
    """Return a link of the program."""
    contact = contact or make_contact(program.project)
    link, _ = create_link(program, contact, channel=channel, at=AT)
    return link


def convert(link: Link, contact: Contact | None = None, *, at: datetime = AT) -> Conversion:
    """Return the conversion of the contact, or of a new one."""
    contact = contact or make_contact(link.project)
    return record_conversion(link, contact, event="paid", metadata={}, at=at).conversion


def follow(code: str, **headers: str) -> str:
    """Follow the link as a browser does; return where it leads."""
    response = Client().get(f"/r/{code}", headers={"User-Agent": BROWSER} | headers)
    assert response.status_code == 302, response.content
    return response["Location"]


def told(url: str) -> dict[str, str]:
    """Return what the landing page gets."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
