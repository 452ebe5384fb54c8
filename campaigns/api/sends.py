"""``/v1/campaigns/{id}/sends``: the decision on every mail, and where one contact stands."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from campaigns.models import Campaign
from campaigns.standings import explain_mail
from contacts.models import Contact, Email

FILTERS = ("status", "contact_id")


def sends_of(campaign: Campaign, request: Request, contact: Contact | None) -> QuerySet[Email]:
    """Return the decisions that the request asks for.

    :raises ParseError: if it filters by a status that there is not.
    """
    mails = Email.objects.filter(project=campaign.project_id, stream=campaign.stream_id)
    if status := request.query_params.get("status"):
        if status not in Email.State.values:
            raise ParseError(f"status: Send one of {', '.join(Email.State.values)}.")
        mails = mails.filter(state=status)
    return mails.filter(contact=contact) if contact else mails


def read_contact(request: Request) -> Contact | None:
    """Return the contact that the request asks about, deleted or not.

    :raises ParseError: if there is none in the project.
    """
    id = request.query_params.get("contact_id")
    if not id:
        return None
    found = Contact.objects.in_project(request.auth.project_id).filter(pk=id).first()
    if found is None:
        raise ParseError("contact_id: There is no such contact in this project.")
    return found


def shown_send(mail: Email, campaign: Campaign) -> dict[str, Any]:
    """Return the decision as the API shows it."""
    return {
        "contact_id": mail.contact_id,
        "email": mail.address or None,
        "step_id": mail.step_key,
        "entry": mail.entry,
        "status": mail.state,
        "reason": mail.reason or None,
        "explanation": explain_mail(mail, campaign),
        "created_at": mail.created_at,
        "due_at": mail.due_at if mail.decided_at is None else None,
        "decided_at": mail.decided_at,
    }
