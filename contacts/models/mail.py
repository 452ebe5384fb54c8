"""The mail that contacts get: templates, streams, and one decision for each mail and person."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from growth import outbox
from growth.models import ProjectModel, ProjectQuerySet


class Template(ProjectModel):
    """The text of a mail, in Liquid. It is spoken of by the code that its author chose.

    ``source`` is what the author wrote, and ``text_source`` the text part if the author wrote that
    too; ``html`` and ``text`` are compiled from them at save, and hold Liquid only.
    """

    class Format(models.TextChoices):
        HTML = "html"
        MJML = "mjml"
        MARKDOWN = "markdown"
        TEXT = "text"

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=64, db_collation="C")
    name = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    preheader = models.CharField(max_length=500, blank=True)
    format = models.CharField(max_length=10, choices=Format.choices, default=Format.HTML)
    source = models.TextField()
    text_source = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    text = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "code"], name="one_template_per_code")
        ]

    def __str__(self) -> str:
        return self.code


class MailStream(ProjectModel):
    """Where a mail belongs: each campaign, survey, waitlist and program owns one.

    ``context`` is what every mail of it may speak of, such as ``{"campaign": {"id", "name"}}``.
    ``topic`` is what its mail is about; without one, consents do not concern it.
    """

    CONFIRMATION = "confirmation"
    """The kind whose mail asks whether we may write at all."""
    PROMOTIONAL = ("campaign", "survey", "referral")
    """The kinds that press on people: their mail is capped in one, and waits in quiet hours.

    Somebody waits for the others.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    context = models.JSONField(default=dict, blank=True)
    topic = models.ForeignKey("Topic", models.PROTECT, null=True, related_name="streams")
    paused_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind="confirmation"),
                name="one_stream_of_confirmations",
            )
        ]
        indexes = [models.Index(fields=["project", "id"], name="stream_list")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    def pause(self, *, at: datetime) -> None:
        """Let no mail of the stream begin to be sent; what is queued keeps its place."""
        self.paused_at = at
        self.save(update_fields=["paused_at"])

    def has_open_mail(self) -> bool:
        """Tell whether any mail of the stream is still to be decided."""
        # Two questions, because an index answers each, however much is sent already.
        mails = self.emails.filter(project=self.project_id)
        return mails.waiting().exists() or mails.filter(state=Email.State.SENDING).exists()

    def resume(self) -> None:
        """Let mail go on where it stood."""
        self.paused_at = None
        self.save(update_fields=["paused_at"])


class EmailQuerySet(ProjectQuerySet):
    """Mails, by how far they got."""

    def waiting(self) -> Self:
        """Keep those that are still to be sent."""
        return self.filter(state__in=Email.WAITING)

    def sendable(self) -> Self:
        """Keep those that only wait for their time: their streams are not paused."""
        return self.waiting().filter(stream__paused_at=None)

    def due(self, at: datetime) -> Self:
        """Keep those whose time has come, on streams that are not paused."""
        return self.sendable().filter(due_at__lte=at)


class Email(ProjectModel):
    """The one decision about one mail to one contact: it was sent, or why it was not.

    ``step_key`` names the step of the stream, ``entry`` the contact's how-many-th journey through
    it. ``sending`` is committed before the SMTP dialogue begins: a crash after that leaves
    ``in_doubt``, which nobody resends by themselves.

    ``provider_id`` is what a mail provider calls the message, where one sent it.

    ``due_at`` of a claimed mail is when the claim ends, so that a worker that dies gives it back.
    ``leased_until`` tells one claim from the next. ``paced_at`` is the place that the mail has
    under the rates.

    The mail of an erased contact has no address any more: it only counts.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        SENDING = "sending"
        SENT = "sent"
        DEFERRED = "deferred"
        FAILED = "failed"
        SUPPRESSED = "suppressed"
        IN_DOUBT = "in_doubt"

    WAITING = (State.QUEUED, State.DEFERRED, State.CLAIMED)

    id = models.BigAutoField(primary_key=True)
    stream = models.ForeignKey(MailStream, models.CASCADE, related_name="emails", db_index=False)
    step_key = models.CharField(max_length=32)
    entry = models.IntegerField(default=0)
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="emails", db_index=False)
    address = models.CharField(max_length=254, blank=True)
    email_key = models.CharField(max_length=254, blank=True)
    template_code = models.CharField(max_length=64)
    subject = models.CharField(max_length=500, blank=True)
    context = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=500, blank=True)
    attempts = models.SmallIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    hops = models.SmallIntegerField(default=0)
    paced_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True, db_default="")

    objects = EmailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "stream", "step_key", "contact", "entry"],
                name="one_decision_per_contact",
            ),
            models.UniqueConstraint(
                fields=["project", "stream", "step_key", "email_key", "entry"],
                condition=~Q(state="suppressed") & ~Q(email_key=""),
                name="one_mail_per_address",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "stream", "due_at"],
                condition=Q(state__in=["queued", "deferred", "claimed"]),
                name="email_due",
            ),  # mail.claiming: the streams that have mail waiting, and the first due of each
            models.Index(
                fields=["leased_until"], condition=Q(state="sending"), name="email_in_flight"
            ),  # mail.claiming.settle_lost
            models.Index(fields=["project", "contact"], name="email_of_contact"),
            models.Index(
                fields=["project", "stream", "id"], name="email_list"
            ),  # campaigns.api.sends
            models.Index(
                fields=["project", "stream", "state", "id"],
                condition=Q(state__in=["deferred", "failed", "suppressed", "in_doubt"]),
                name="email_by_fate",
            ),  # campaigns.api.sends: the few among a million that were not just sent
            models.Index(
                fields=["project", "decided_at", "id"],
                condition=Q(state="sent"),
                name="email_sent",
            ),  # dialects.growthgenius: the timeline of messages
            models.Index(
                fields=["provider_id"], condition=~Q(provider_id=""), name="email_of_provider"
            ),  # mail.reports: providers know no projects
        ]


outbox.register_due_rows(outbox.DueRows("email", "emails", Email.objects.sendable, "due_at"))


class MailGate(models.Model):
    """What mail passes one by one, whatever worker sends it: a rate, or a mail server.

    ``name`` is ``project:…`` or ``domain:…`` for a rate, of which ``open_at`` is the next place, or
    ``server:…``, which nobody tries before ``open_at`` once enough ``failures`` came in a row.
    Mail of all projects passes those of domains and servers.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=300, unique=True)
    open_at = models.DateTimeField()
    failures = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class EmailActivityQuerySet(ProjectQuerySet):
    """Activities by whether the system has heard of them."""

    def untold(self) -> Self:
        """Keep those that wait for a verdict."""
        return self.exclude(due_at=None)


class EmailActivity(ProjectModel):
    """What became of a mail after it was sent.

    ``detail`` is the link that was clicked, or what the server said. ``trapped`` is a click on the
    link that people do not see; ``links`` is how many links the mail has. ``soft_bounced`` is
    a mail that came back for now: see ``contacts.mail.soft_bounces``.

    At ``due_at`` it is decided whether the system is told: once for each mail and kind, and never
    of machines. It was told at ``told_at``.
    """

    class Kind(models.TextChoices):
        DELIVERED = "delivered"
        OPENED = "opened"
        CLICKED = "clicked"
        TRAPPED = "trapped"
        BOUNCED = "bounced"
        SOFT_BOUNCED = "soft_bounced"
        COMPLAINED = "complained"
        UNSUBSCRIBED = "unsubscribed"
        RESUBSCRIBED = "resubscribed"

    id = models.BigAutoField(primary_key=True)
    email = models.ForeignKey(Email, models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()
    is_machine = models.BooleanField(default=False)
    detail = models.CharField(max_length=2000, blank=True)
    links = models.SmallIntegerField(null=True)
    due_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    report_id = models.CharField(max_length=200, null=True)

    objects = EmailActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "email activities"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "email", "kind"],
                condition=Q(told_at__isnull=False),
                name="one_activity_told",
            ),
            models.UniqueConstraint(
                fields=["project", "email", "report_id"], name="one_activity_per_report"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "email", "kind"], name="activity_of_email"),
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="activity_due"
            ),  # mail.verdicts
        ]


outbox.register_due_rows(
    outbox.DueRows("default", "email activities", EmailActivity.objects.untold, "due_at")
)
