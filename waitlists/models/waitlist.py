"""Waitlists: who may join, how far a friend moves one up, and what is written to whom."""

from typing import Self
from urllib.parse import urlencode, urlsplit

from django.db import models
from django.db.models import Exists, OuterRef

from contacts.mail.links import base_url
from contacts.models import MailStream
from growth.models import ProjectModel, ProjectQuerySet, PublicIdField


class WaitlistQuerySet(ProjectQuerySet):
    """Waitlists, with what their addresses depend on."""

    def addressed(self) -> Self:
        """Know of each whether another one has the short address of its slug."""
        older = self.model.objects.filter(slug=OuterRef("slug"), pk__lt=OuterRef("pk"))
        return self.annotate(is_shadowed=Exists(older))


class Waitlist(ProjectModel):
    """A queue of people who want in.

    Whoever changes an entry, its rank, or a count holds this row's lock. ``last_sequence`` numbers
    those who joined; the counts say how many entries there are of each status. What they count is
    in the rows of ``Entry``, and ``manage.py audit`` counts it anew.
    """

    id = PublicIdField(prefix="wl")
    stream = models.OneToOneField(MailStream, models.PROTECT, editable=False, related_name="+")
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=64, db_collation="C")
    referral_boost = models.IntegerField(default=1)
    auto_approve = models.BooleanField(default=False)
    require_verification = models.BooleanField(default=True)
    is_open = models.BooleanField(default=True)
    welcome_template_code = models.CharField(max_length=64, default="tmpl_wl_welcome")
    invite_template_code = models.CharField(max_length=64, default="tmpl_wl_invite")
    landing_url = models.CharField(max_length=2000, blank=True)
    invite_url = models.CharField(max_length=2000, blank=True)
    last_sequence = models.BigIntegerField(default=0, editable=False)
    pending_count = models.IntegerField(default=0, editable=False)
    waiting_count = models.IntegerField(default=0, editable=False)
    approved_count = models.IntegerField(default=0, editable=False)
    rejected_count = models.IntegerField(default=0, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = WaitlistQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="one_waitlist_per_slug")
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="waitlist_list"),
            models.Index(fields=["slug"], name="waitlist_by_slug"),  # public pages
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def counts(self) -> dict[str, int]:
        """How many entries there are of each status."""
        return {
            "pending": self.pending_count,
            "waiting": self.waiting_count,
            "approved": self.approved_count,
            "rejected": self.rejected_count,
        }

    @property
    def url(self) -> str:
        """The address of its page here. Only the first of several projects has the short one."""
        if "is_shadowed" not in self.__dict__:
            own = Waitlist.objects.addressed().filter(pk=self.pk)
            self.is_shadowed = own.values_list("is_shadowed", flat=True).get()
        return f"{base_url()}/w/{self.id if self.is_shadowed else self.slug}"

    def share_url(self, code: str) -> str:
        """Return the link by which friends of the entry with this code join."""
        page = self.landing_url or self.url
        joint = "&" if urlsplit(page).query else "?"
        return f"{page}{joint}{urlencode({'ref': code})}"

    def name_mails(self) -> None:
        """Let the mails speak of the list by its name."""
        self.stream.name = self.name
        self.stream.context = {"waitlist": {"id": self.id, "name": self.name}}
        self.stream.save(update_fields=["name", "context"])
