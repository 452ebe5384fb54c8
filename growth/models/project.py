"""A project: tenant and environment in one."""

from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from growth.models.tenancy import PublicIdField


def validate_timezone(name: str) -> None:
    """Refuse a name that the IANA database does not have."""
    if name not in available_timezones():
        raise ValidationError("Name a time zone of the IANA database, such as Europe/London.")


def _email_and_phone() -> list[str]:
    return ["email", "phone"]


class Project(models.Model):
    """One customer's world: nothing in it is seen from another project.

    ``plan`` sets how many requests a second a key may send. ``scoring`` is what the project counts
    otherwise than everybody; see ``contacts.scores``. ``allow_duplicate_contacts`` and
    ``duplicate_check_priority`` are GrowthHub's: whether its callers may make a second contact with
    an address that is known, and by which address they find the first. ``salt`` goes into digests
    of what may be compared and not read.
    """

    class Plan(models.TextChoices):
        FREE = "free"
        GROWTH = "growth"
        SCALE = "scale"

    class WeekStart(models.TextChoices):
        MONDAY = "monday"
        SUNDAY = "sunday"
        SATURDAY = "saturday"

    id = PublicIdField(prefix="proj")
    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, blank=True)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    default_from_email = models.EmailField(blank=True)
    plan = models.CharField(max_length=10, choices=Plan.choices, default=Plan.SCALE)
    week_start = models.CharField(
        max_length=10, choices=WeekStart.choices, default=WeekStart.MONDAY
    )
    referral_domain = models.CharField(max_length=253, blank=True)
    allow_duplicate_contacts = models.BooleanField(default=False)
    duplicate_check_priority = ArrayField(
        models.CharField(max_length=10), default=_email_and_phone, blank=True
    )
    scoring = models.JSONField(default=dict, blank=True)
    mail_rate = models.PositiveIntegerField(
        "mails a minute", null=True, blank=True, help_text="Empty: as the environment says."
    )
    mail_cap_count = models.PositiveSmallIntegerField(
        "mail cap: mails",
        null=True,
        blank=True,
        help_text="How many mails of campaigns, surveys and referrals a contact gets, all in all,"
        " in the window. Empty: no cap.",
    )
    mail_cap_window = models.DurationField(
        "mail cap: window", null=True, blank=True, help_text="Such as 7 00:00:00 for seven days."
    )
    quiet_from = models.TimeField(
        null=True,
        blank=True,
        help_text="From then on the same mails wait, by the clock of each contact.",
    )
    quiet_to = models.TimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    salt = models.UUIDField(db_default=RandomUUID(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(mail_cap_count=None, mail_cap_window=None)
                | Q(
                    mail_cap_count__isnull=False,
                    mail_cap_window__isnull=False,
                    mail_cap_count__gte=1,
                    mail_cap_window__gt=timedelta(),
                ),
                name="mail_cap_is_whole",
                violation_error_message="A mail cap needs a number of at least 1 and a window.",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_to=None)
                | (
                    Q(quiet_from__isnull=False, quiet_to__isnull=False)
                    & ~Q(quiet_from=F("quiet_to"))
                ),
                name="quiet_hours_are_whole",
                violation_error_message="Quiet hours need two different times, from and to.",
            ),
            models.CheckConstraint(
                condition=Q(mail_rate=None) | Q(mail_rate__gte=1),
                name="mail_rate_is_a_rate",
                violation_error_message="Send at least one mail a minute, or leave it empty.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> int:
        """The primary key as SQL knows it."""
        return self._meta.pk.get_prep_value(self.pk)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the project's days begin."""
        return ZoneInfo(self.timezone)
