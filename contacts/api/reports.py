"""``/v1/public/mail/{provider}``: mail providers report bounces, complaints, opens and clicks.

Anymail reads what they say, each in its own words. They prove who they are by the secret that the
address bears, and by their own signature where they have one.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog
from anymail.exceptions import (
    AnymailConfigurationError,
    AnymailError,
    AnymailWebhookValidationFailure,
)
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from anymail.webhooks.unisender_go import UnisenderGoTrackingWebhookView
from django.conf import settings
from django.utils.timezone import is_naive, now
from rest_framework.exceptions import APIException, AuthenticationFailed, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contacts.mail.amazon_ses import AmazonSESReports, NotConfirmed
from contacts.mail.machines import is_machine_name
from contacts.mail.reports import Report, mail_named, record_reports
from contacts.mail.soft_bounces import is_about_mailbox
from contacts.models import EmailActivity, Suppression

_PROVIDERS: dict[str, type[AnymailBaseWebhookView]] = {
    "amazon_ses": AmazonSESReports,
    "brevo": BrevoTrackingWebhookView,
    "mailersend": MailerSendTrackingWebhookView,
    "mailgun": MailgunTrackingWebhookView,
    "mailjet": MailjetTrackingWebhookView,
    "mailtrap": MailtrapTrackingWebhookView,
    "mandrill": MandrillCombinedWebhookView,
    "postmark": PostmarkTrackingWebhookView,
    "resend": ResendTrackingWebhookView,
    "sendgrid": SendGridTrackingWebhookView,
    "sparkpost": SparkPostTrackingWebhookView,
    "unisender_go": UnisenderGoTrackingWebhookView,
}

_Kind, _Reason = EmailActivity.Kind, Suppression.Reason
_KINDS = {
    EventType.DELIVERED: _Kind.DELIVERED,
    EventType.OPENED: _Kind.OPENED,
    EventType.CLICKED: _Kind.CLICKED,
    EventType.BOUNCED: _Kind.BOUNCED,
    EventType.REJECTED: _Kind.BOUNCED,
    EventType.COMPLAINED: _Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: _Kind.UNSUBSCRIBED,
}
_HITS = (EventType.OPENED, EventType.CLICKED)
_SOFT_FIELDS = ("event", "Type", "type", "bounce_type")
_SOFT = ("soft", "transient", "undetermined")
_POLICY = (RejectReason.SPAM, RejectReason.BLOCKED)
# Why a provider gave a mail up, as far as it is about the address and not about us or the mail.
_ENDS_ADDRESS = {
    RejectReason.BOUNCED: _Reason.BOUNCED,
    RejectReason.INVALID: _Reason.BOUNCED,
    RejectReason.TIMED_OUT: _Reason.BOUNCED,
    RejectReason.UNSUBSCRIBED: _Reason.UNSUBSCRIBED,
}

_UNREADABLE = (
    AnymailError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
)

log = structlog.get_logger(__name__)


class _TryAgain(APIException):
    status_code = 503
    default_detail = "The topic could not be confirmed; ask again in a minute."


class ReportView(APIView):
    """Takes a provider's reports. Those of mails that we do not know are passed over."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return 'Basic realm="reports"'  # Without it, DRF says 403 instead of 401.

    def head(self, request: Request, provider: str) -> Response:
        _reader_for(provider)
        return Response()

    def post(self, request: Request, provider: str) -> Response:
        events = _read(_reader_for(provider), request)
        at = now()
        reports = [_report(provider, event, at) for event in events if _is_told(event)]
        return Response({"accepted": record_reports(reports, at=at)})


def _reader_for(provider: str) -> type[AnymailBaseWebhookView]:
    # Without the secret anybody could end anybody's mail.
    if provider not in _PROVIDERS or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise NotFound("There is no mail provider of this name, or no secret is set for it.")
    return _PROVIDERS[provider]


def _read(kind: type[AnymailBaseWebhookView], request: Request) -> list[AnymailTrackingEvent]:
    try:
        reader = kind()
        reader.setup(request._request)
        reader.run_validators(request._request)
        return list(reader.parse_events(request._request))
    except AnymailWebhookValidationFailure:
        raise AuthenticationFailed("The secret or the signature is wrong.") from None
    except AnymailConfigurationError as error:
        log.warning("mail_provider_not_configured", error=str(error))
        raise ParseError("This provider is not set up here; see the log.") from None
    except NotConfirmed as error:
        log.warning("topic_not_confirmed", error=str(error))
        raise _TryAgain from None
    except _UNREADABLE:
        raise ParseError("This is not a report that we can read.") from None


def _is_told(event: Any) -> bool:
    is_known = isinstance(event, AnymailTrackingEvent) and event.event_type in _KINDS
    return is_known and (not _is_soft(event) or _is_about_mailbox(event))


def _is_soft(event: AnymailTrackingEvent) -> bool:
    """Tell whether the mail came back for now: Anymail does not part such bounces for all."""
    if event.event_type not in (EventType.BOUNCED, EventType.REJECTED):
        return False
    raw = event.esp_event if hasattr(event.esp_event, "get") else {}
    words = (event.description, *(raw.get(name) for name in _SOFT_FIELDS))
    return any(_text(word).lower().startswith(_SOFT) for word in words)


def _is_about_mailbox(event: AnymailTrackingEvent) -> bool:
    return event.reject_reason not in _POLICY and is_about_mailbox(_detail(event))


def _report(provider: str, event: AnymailTrackingEvent, at: datetime) -> Report:
    kind = _Kind.SOFT_BOUNCED if _is_soft(event) else _KINDS[event.event_type]
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    name = _text(metadata.get("send_id")) or _text(event.message_id)
    happened_at = event.timestamp if event.timestamp and not is_naive(event.timestamp) else at
    return Report(
        mail=mail_named(name),
        provider_id=_text(event.message_id),
        kind=kind,
        at=min(happened_at, at),
        report_id=_report_id(provider, event),
        detail=_detail(event),
        is_machine=event.event_type in _HITS and is_machine_name(_text(event.user_agent)),
        suppression="" if _is_soft(event) else _suppression(event),
    )


def _report_id(provider: str, event: AnymailTrackingEvent) -> str:
    """Return what is the same when the provider repeats itself, which it does after any doubt."""
    own = _text(event.event_id) or f"{event.timestamp} {event.recipient} {event.click_url}"
    told = f"{provider} {event.event_type} {own}"
    return sha256(told.encode("utf-8", "replace")).hexdigest()


def _detail(event: AnymailTrackingEvent) -> str:
    if event.event_type == EventType.CLICKED:
        return _text(event.click_url)
    if event.event_type in (EventType.BOUNCED, EventType.REJECTED, EventType.COMPLAINED):
        return _text(event.mta_response) or _text(event.description) or _text(event.reject_reason)
    return ""


def _suppression(event: AnymailTrackingEvent) -> str:
    match event.event_type:
        case EventType.COMPLAINED:
            return _Reason.COMPLAINED
        case EventType.UNSUBSCRIBED:
            return _Reason.UNSUBSCRIBED
        case EventType.REJECTED if event.reject_reason == RejectReason.SPAM:
            return _Reason.COMPLAINED  # They refuse because this person complained before.
        case EventType.BOUNCED | EventType.REJECTED:
            return _ENDS_ADDRESS.get(event.reject_reason, "")
    return ""


def _text(value: Any) -> str:
    """Return the value as a text that can be stored."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode().replace("\0", "")
