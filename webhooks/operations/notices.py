"""Mails to staff: an endpoint was disabled, and somebody should look at it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string

from growth.models import User
from webhooks.models import Endpoint

_LEASE = timedelta(minutes=5)


def notify_staff(*, at: datetime) -> int:
    """Mail the next notice; return how many there were. One that cannot be sent is due again."""
    endpoint = _take(at)
    if endpoint is None:
        return 0
    recipients = _staff()
    if recipients:
        _message(endpoint, recipients).send()
    Endpoint.objects.filter(pk=endpoint.pk, notice_due_at=at + _LEASE).update(notice_due_at=None)
    return 1


@transaction.atomic
def _take(at: datetime) -> Endpoint | None:
    due = Endpoint.objects.filter(notice_due_at__lte=at).select_related("project")
    rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("id")
    endpoint = rows.first()
    if endpoint:
        Endpoint.objects.filter(pk=endpoint.pk).update(notice_due_at=at + _LEASE)
    return endpoint


def _staff() -> list[str]:
    people = User.objects.filter(is_staff=True, is_active=True).exclude(email="")
    return list(people.order_by("id").values_list("email", flat=True))


def _message(endpoint: Endpoint, recipients: list[str]) -> EmailMessage:
    context = {"endpoint": endpoint, "base_url": settings.BASE_URL}
    return EmailMessage(
        subject=f"A webhook of {endpoint.project.name} is disabled".replace("\n", " "),
        body=render_to_string("email/webhook_disabled.txt", context),
        bcc=recipients,
        connection=get_connection(timeout=20),
    )
