"""Mail over the HTTP interfaces of providers, through django-anymail.

A request that was sent and not answered may have been heard. Where the provider takes a key with
each request and acts on it once, the mail is asked for again with the same key; elsewhere nobody
knows, and nobody sends it again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib import import_module
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from anymail.exceptions import AnymailError, AnymailRecipientsRefused
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from urllib3.exceptions import NewConnectionError

from contacts.mail.envelopes import Envelope, Parcel
from contacts.mail.fates import Fate, Verdict, words
from contacts.mail.transport import IDLE_SECONDS, RelayDown

CONNECT_TIMEOUT = 10
ANSWER_TIMEOUT = 30

_FRESH_SECONDS = 4.0  # A server may close a connection that rests; a request on it would be lost.
_KEPT_HEADERS = ("Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_REFUSED_ENTRY = (401, 403)
_LATER = (429, 503)


@dataclass(frozen=True)
class _Provider:
    """How django-anymail names what the URL says, and what the provider takes beside it."""

    secrets: tuple[str, ...] = ("api_key",)
    options: tuple[str, ...] = ()
    idempotency_header: str = ""


PROVIDERS = {
    "brevo": _Provider(),
    "mailersend": _Provider(("api_token",)),
    "mailgun": _Provider(options=("sender_domain",)),
    "mailjet": _Provider(("api_key", "secret_key")),
    "mailtrap": _Provider(("api_token",)),
    "mandrill": _Provider(),
    "postmark": _Provider(("server_token",), options=("message_stream",)),
    "resend": _Provider(idempotency_header="Idempotency-Key"),
    "sendgrid": _Provider(),
    "sparkpost": _Provider(options=("subaccount",)),
}


@dataclass(frozen=True)
class Account:
    """What EMAIL_URL says of a provider, such as ``resend://key@`` or
    ``mailgun://key@?sender_domain=mg.example.com``.
    """

    provider: str
    options: dict[str, str] = field(repr=False)


def parse_account(url: str) -> Account:
    """Return the account that the URL names.

    :raises ImproperlyConfigured: if it names none.
    """
    parts = urlsplit(url)
    name = parts.scheme.removeprefix("anymail+")
    provider = PROVIDERS[name]
    secrets = [unquote(each) for each in parts.netloc.partition("@")[0].split(":")]
    options = dict(parse_qsl(parts.query))
    known = {"api_url", *provider.options}
    if len(secrets) != len(provider.secrets) or not all(secrets) or not set(options) <= known:
        example = ":".join(provider.secrets)
        raise ImproperlyConfigured(
            f"EMAIL_URL must be such as {name}://{example}@, with {', '.join(sorted(known))} after"
            " a question mark."
        )
    return Account(name, dict(zip(provider.secrets, secrets, strict=True)) | options)


def is_provider(url: str) -> bool:
    """Tell whether the URL names a provider."""
    return urlsplit(url).scheme.removeprefix("anymail+") in PROVIDERS


class ProviderRelay:
    """A session with a provider, kept from mail to mail; the same to its users as SMTP."""

    def __init__(
        self, url: str, *, timeout: float = CONNECT_TIMEOUT, answer_timeout: float = ANSWER_TIMEOUT
    ) -> None:
        self.url = url
        account = parse_account(url)
        self.name = account.provider
        self._header = PROVIDERS[account.provider].idempotency_header
        module = import_module(f"anymail.backends.{account.provider}")
        self._backend = module.EmailBackend(
            **account.options, timeout=(timeout, answer_timeout), ignore_unsupported_features=True
        )
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether ``open`` is done at once: it always is, for it asks nobody."""
        return True

    def open(self) -> None:
        """Make sure that there is a session; whether the provider is there, each request tells."""
        if time.monotonic() - self._used_at > _FRESH_SECONDS:
            self.close()
        self._backend.open()
        self._used_at = time.monotonic()

    def offers_utf8(self) -> bool:
        """Tell whether addresses in Unicode are taken: providers promise nothing."""
        return False

    def hand_over(
        self, parcels: Iterable[Parcel], meanwhile: Callable[[], object] = lambda: None
    ) -> Iterator[Verdict]:
        """Hand mails over one by one, and yield what became of each.

        :raises RelayDown: if the provider cannot be reached, or does not let us in.
        """
        for parcel in parcels:
            yield self.send(parcel.envelope, parcel.message)
            meanwhile()  # The library waits by itself: nothing is done at the same time.

    def send(self, envelope: Envelope, message: bytes) -> Verdict:
        """Hand one mail over, and return what became of it.

        :raises RelayDown: if the provider cannot be reached, or does not let us in.
        """
        self.open()
        mail = _as_django(envelope, message)
        if self._header:
            self._backend.session.headers[self._header] = mail.extra_headers["Message-ID"]
        try:
            self._backend.send_messages([mail])
        except AnymailRecipientsRefused:
            return _judge_refusal(mail)
        except AnymailError as error:
            return self._judge(error)
        finally:
            self._used_at = time.monotonic()
        return _judge_status(mail)

    def close(self) -> None:
        """End the session, if there is one."""
        self._backend.close()

    def close_if_idle(self) -> None:
        """End the session if nothing was sent for a while."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()

    def _judge(self, error: AnymailError) -> Verdict:
        reply = words(error)
        if isinstance(error, requests.RequestException) and error.response is None:
            if _was_not_sent(error):
                raise RelayDown(reply) from None
            self.close()
            return self._unanswered(reply)
        status = error.status_code
        if status in _REFUSED_ENTRY:
            raise RelayDown(reply) from None
        if status in _LATER:
            return Verdict(Fate.DEFERRED, reply)
        if status is None or 400 <= status < 500:
            return self._judge_client_error(status, reply)
        return self._unanswered(reply)

    def _judge_client_error(self, status: int | None, reply: str) -> Verdict:
        if status == 409 and self._header:  # The key was used before, for other words or just now.
            return Verdict(Fate.UNKNOWN if "invalid_idempotent" in reply else Fate.DEFERRED, reply)
        return Verdict(Fate.REFUSED, reply)

    def _unanswered(self, reply: str) -> Verdict:
        return Verdict(Fate.UNSURE if self._header else Fate.UNKNOWN, reply)


def _was_not_sent(error: requests.RequestException) -> bool:
    """Tell whether the connection was never made."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = error.__cause__
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return isinstance(reason, NewConnectionError)


def _judge_refusal(mail: EmailMultiAlternatives) -> Verdict:
    if mail.anymail_status.status == {"invalid"}:
        return Verdict(Fate.NO_SUCH_RECIPIENT, "The provider calls the address invalid.")
    return Verdict(Fate.REFUSED, "The provider rejected the recipient.")


def _judge_status(mail: EmailMultiAlternatives) -> Verdict:
    status = mail.anymail_status
    if status.status == {"failed"}:
        return Verdict(Fate.REFUSED, "The provider failed to send the mail.")
    return Verdict(Fate.ACCEPTED, provider_id=str(status.message_id or ""))


def _as_django(envelope: Envelope, message: bytes) -> EmailMultiAlternatives:
    """Return the message as django-anymail takes it."""
    parsed = message_from_bytes(message, policy=policy.default)
    text, html = _body(parsed, "plain"), _body(parsed, "html")
    mail = EmailMultiAlternatives(
        subject=str(parsed["Subject"]),
        body=text,
        from_email=str(parsed["From"]),
        to=[envelope.recipient],
        headers={name: str(parsed[name]) for name in _KEPT_HEADERS if parsed[name]},
    )
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content() if part else ""
