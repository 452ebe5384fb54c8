"""A project: tenant and environment in one."""

from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.db import models

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
    created_at = models.DateTimeField(auto_now_add=True)
    salt = models.UUIDField(db_default=RandomUUID(), editable=False)

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
