"""The births of programs, and what is changed of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from contacts.mail.queueing import Mailing, Recipient, queue_recipients, queue_segment
from contacts.mail.templates import known_codes
from contacts.models import Contact, MailStream, Segment
from growth.errors import Conflict, Invalid, Violation
from growth.models import Project
from referrals.models import Program

PROMPT = "prompt"
"""The step under which a program asks a contact to share; each is asked once."""


@transaction.atomic
def create_program(project: Project, *, at: datetime, **fields: Any) -> Program:
    """Make a program, with the mail stream that it sends on."""
    stream = MailStream.objects.create(project=project, kind="referral", name=fields["name"])
    program = Program(project=project, stream=stream)
    _write(program, fields)
    if program.status == Program.Status.PAUSED:
        stream.pause(at=at)
    return program


@transaction.atomic
def revise_program(program: Program, **fields: Any) -> None:
    """Change what the program gives from now on; what is in the ledger stays as it is."""
    program.lock()
    _write(program, fields)


def _write(program: Program, fields: dict[str, Any]) -> None:
    if fields.keys() & {"reward_amount", "reward_currency"}:
        amount = fields.pop("reward_amount", program.reward_amount)
        currency = fields.pop("reward_currency", program.reward_currency)
        try:
            program.set_reward(amount, currency)
        except ValueError as error:
            raise Invalid(Violation("reward_amount", "invalid", str(error))) from None
    for name, value in fields.items():
        setattr(program, name, value)
    program.save()
    program.stream.name = program.name
    program.stream.context = {"program": {"id": program.id, "name": program.name}}
    program.stream.save(update_fields=["name", "context"])


def prompt(
    program: Program,
    *,
    contacts: Sequence[Contact] = (),
    segment: Segment | None = None,
    at: datetime,
) -> int:
    """Queue the mail that asks people to share their links; return how many get it for the first
    time.

    :raises Conflict: if the program is not active.
    :raises Invalid: if its template is not there.
    """
    if program.status != Program.Status.ACTIVE:
        raise Conflict(f"This program is {program.status}; activate it before you invite anybody.")
    if not known_codes(program.project, [program.template_code]):
        message = f"There is no template {program.template_code}; make it before you invite."
        raise Invalid(Violation("template_id", "unknown", message))
    mailing = Mailing(PROMPT, program.template_code)
    queued = queue_segment(program.stream, mailing, segment, at=at) if segment else 0
    recipients = [Recipient(contact.key) for contact in contacts]
    return queued + queue_recipients(program.stream, mailing, recipients, at=at)
