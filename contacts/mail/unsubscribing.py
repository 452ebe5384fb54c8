"""Leaving: one link, no questions, at once."""

from datetime import datetime

from contacts.mail.links import SAMPLE, UnknownToken, read_unsubscribe_token
from contacts.mail.news import news_of, properties_of
from contacts.models import Email, EmailActivity, Event, Fact, Suppression
from contacts.models.suppression import SuppressionQuerySet
from growth import outbox
from growth.models import DomainEventType
from growth.transactions import atomic_with_retries


def email_of_token(token: str) -> Email:
    """Return the mail whose link this is; that of a sample is a mail nobody got.

    :raises UnknownToken: if there is none.
    """
    if token == SAMPLE:
        return Email(address="alex@example.com")
    project, key = read_unsubscribe_token(token)
    emails = Email.objects.filter(project=project, pk=key)
    email = emails.select_related("project", "stream", "contact").first()
    if email is None or not email.address:  # Whoever got it was erased.
        raise UnknownToken("This mail is not kept any more.")
    return email


@atomic_with_retries
def unsubscribe(email: Email, *, at: datetime) -> None:
    """Write to the mail's address no more. Told twice, it is done once."""
    if email.pk is None:
        return
    email.lock()
    if not email.address:  # Erased meanwhile, with what stands for the address.
        return
    address = (email.project_key, email.email_key)
    Suppression.objects.suppress([address], Suppression.Reason.UNSUBSCRIBED)
    record_leaving(email, at=at)


def record_leaving(email: Email, *, at: datetime, topic: str = "") -> None:
    """Write that the mail's reader left because of it, from everything or from a topic, and tell
    the system once. The mail must be locked.
    """
    kind = EmailActivity.Kind.UNSUBSCRIBED
    activities = EmailActivity.objects.filter(project=email.project, email=email, kind=kind)
    if not activities.exists():
        EmailActivity.objects.create(
            project=email.project, email=email, kind=kind, at=at, detail=topic, told_at=at
        )
        _tell(email, at)


@atomic_with_retries
def resubscribe(email: Email, *, at: datetime) -> bool:
    """Write to the mail's address again, because its owner says so; tell whether we may."""
    if email.pk is None:
        return False
    email.lock()
    suppressions = _suppressions_of(email)
    lifted, _ = suppressions.liftable().delete()
    if lifted:
        kind = EmailActivity.Kind.RESUBSCRIBED
        EmailActivity.objects.create(project=email.project, email=email, kind=kind, at=at)
    return not suppressions.exists()


def suppression_of(email: Email) -> Suppression | None:
    """Return why the mail's address gets no mail, if that is so."""
    return _suppressions_of(email).first() if email.pk else None


def _suppressions_of(email: Email) -> SuppressionQuerySet:
    return Suppression.objects.filter(project=email.project, email_key=email.email_key)


def _tell(email: Email, at: datetime) -> None:
    contact, hops = email.contact, email.hops + 1
    context = email.stream.context | email.context
    properties = properties_of(context, step_key=email.step_key, template_code=email.template_code)
    fact = Fact(contact.key, "$email_unsubscribed", properties)
    Event.objects.record(email.project, [fact], at=at, hops=hops)
    if email.stream.kind == "campaign":
        data = news_of(properties, contact_id=contact.id, address=email.address)
        type = DomainEventType.CAMPAIGN_EMAIL_UNSUBSCRIBED
        outbox.emit(email.project, outbox.News(type, data, contact.key), at=at, hops=hops)
