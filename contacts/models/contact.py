"""A contact: one person, whatever door they came in by."""

from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models, transaction
from django.db.models import Count, Exists, F, Func, OuterRef, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Lower

from contacts.models.event import announce, news_of
from contacts.models.identity import Identity
from contacts.models.search import Words, beginning_with
from contacts.models.segment import leave_segments
from contacts.models.traits import growth_violations
from growth import outbox
from growth.api.json import merge_patch
from growth.errors import Conflict, Gone, Invalid
from growth.models import DomainEventType, ProjectModel, ProjectQuerySet, PublicIdField

DIGITS = Func(F("phone"), Value(r"\D"), Value(""), Value("g"), function="regexp_replace")
"""The digits of a phone, by which numbers are compared that people write in many ways."""


NOTES = MD5(Lower(KeyTextTransform("notes", "traits")))
"""The trait ``notes`` as it is compared, which may be longer than an index holds."""


class ContactQuerySet(ProjectQuerySet):
    """Contacts, by what is true of them."""

    def alive(self) -> Self:
        """Keep those that were neither deleted nor merged into another."""
        return self.filter(deleted_at=None)

    def restorable(self) -> Self:
        """Keep those that were deleted, and of which everything is still there."""
        return self.filter(deleted_at__isnull=False, erased_at=None, merged_into=None)

    def tagged(self, tag: str) -> Self:
        """Keep those that bear the tag."""
        return self.filter(tags__contains=[tag])

    def having(self, words: list[str]) -> Self:
        """Keep those of whose name, title, company or address a word begins with each of these."""
        return self.filter(words=beginning_with(words))

    def alike(self, name: str) -> Self:
        """Keep the living that have the same ``email_key`` or ``phone`` as another of the project,
        those that are alike beside each other.
        """
        living = self.alive().exclude(**{name: ""})
        shared = living.order_by().values("project", name).annotate(number=Count("pk"))
        several = shared.filter(number__gt=1, project=OuterRef("project"), **{name: OuterRef(name)})
        return living.filter(Exists(several)).order_by("project", name, "pk")


class Contact(ProjectModel):
    """A person the project knows, by email, by the customer's own id, by phone, or not by name yet.

    ``email_key`` is the address as it is compared; an address that is not a claim of this contact
    (another one owns it) has a key all the same, so that mail finds each address once.

    A deleted contact has ``released`` its claims and static segments, and may have them back until
    it is erased: then nothing is left of it but the id, by which rows go on to be counted.
    """

    id = PublicIdField(prefix="cntct")
    email = models.CharField(max_length=254, blank=True)
    email_key = models.CharField(max_length=254, blank=True, editable=False)
    phone = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=255, blank=True)
    traits = models.JSONField(default=dict, blank=True)
    tags = ArrayField(models.TextField(), default=list, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, editable=False)
    merged_into = models.ForeignKey("self", models.SET_NULL, null=True, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)
    released = models.JSONField(null=True, editable=False)
    words = models.GeneratedField(
        expression=Words("email", "traits"), output_field=SearchVectorField(), db_persist=True
    )  # stored: to part a text into words takes ten times as long as to look one up

    objects = ContactQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                "project",
                F("created_at").desc(),
                F("id").desc(),
                condition=models.Q(deleted_at=None),
                name="contact_list",
            ),
            models.Index(
                fields=["project", "updated_at", "id"],
                condition=models.Q(deleted_at=None),
                name="contact_by_update",
            ),  # dialects.growthgenius: what changed between two moments
            models.Index(
                "project",
                KeyTextTransform("stage", "traits"),
                "updated_at",
                condition=models.Q(traits__has_key="stage", deleted_at=None),
                name="contact_by_stage",
            ),  # dialects.growthgenius: contact_stage_ids
            models.Index(fields=["project", "email_key"], name="contact_by_email"),
            models.Index(
                "project",
                DIGITS,
                condition=~models.Q(phone="") & models.Q(deleted_at=None),
                name="contact_by_digits",
            ),  # operations.upserting: phones that are no claims; dialects: search by phone
            models.Index(
                "project",
                NOTES,
                condition=models.Q(traits__has_key="notes", deleted_at=None),
                name="contact_by_notes",
            ),  # dialects.crm: search by notes
            models.Index(fields=["project", "external_id"], name="contact_by_external_id"),
            GinIndex(
                fields=["traits"], name="contact_traits", opclasses=["jsonb_path_ops"]
            ),  # rule_sql: traits.x eq y
            GinIndex(fields=["tags"], name="contact_tags"),
            GinIndex(fields=["words"], name="contact_words"),  # having
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False, erased_at=None, merged_into=None),
                name="contact_to_purge",
            ),  # operations.erasing.purge
        ]

    def __str__(self) -> str:
        return self.email or self.external_id or self.phone or self.id

    @transaction.atomic(savepoint=False)
    def revise(
        self,
        *,
        at: datetime,
        traits: dict[str, Any] | None = None,
        tags: list[str] | None = None,
        claims: dict[str, tuple[str, str]] | None = None,
        may_duplicate: bool = False,
        is_shallow: bool = False,
        is_locked: bool = False,
    ) -> None:
        """Merge the traits into those it has, replace its tags, and replace identifiers.

        ``claims`` maps a kind to how the value is written and how it is compared; empty removes it.
        With ``may_duplicate`` it may have what another contact owns, and is no owner of it. With
        ``is_shallow`` a trait that is an object replaces the one it had. With ``is_locked`` the
        caller read it under a lock, and it is not read again. What it refuses ends the transaction
        of a caller who makes no savepoint.

        :raises Conflict: if another contact owns an identifier.
        :raises Invalid: if it would have more traits than may be stored.
        :raises Gone: if it was deleted meanwhile.
        """
        if not is_locked:
            self.lock()
        if self.deleted_at:
            raise Gone("This contact was deleted.")
        before = self.snapshot()
        self.traits = (_replace if is_shallow else merge_patch)(self.traits, traits or {})
        if traits and (violations := list(growth_violations(before["traits"], self.traits))):
            raise Invalid(*violations)
        self.tags = self.tags if tags is None else tags
        for kind, (written, compared) in (claims or {}).items():
            self._rename(kind, written, compared, may_duplicate)
        changed = self._changes_since(before)
        if not changed:
            return
        self.updated_at = at
        self.save(update_fields=_columns_of(changed))
        data = self.snapshot() | {"changed": sorted(changed)}
        updated = outbox.News(DomainEventType.CONTACT_UPDATED, data, subject=self.key)
        moved = news_of({each: [self.key] for each in changed})
        outbox.emit(self.project, updated, moved, at=at)

    @transaction.atomic
    def remove(self, *, at: datetime) -> None:
        """Hide the contact everywhere at once, and let others have its claims. Told twice, it is
        done once.
        """
        self.lock()
        if self.deleted_at:
            return
        self.deleted_at, self.released = at, self._released()
        self.save(update_fields=["deleted_at", "released"])
        self.identities.all().delete()
        leave_segments(self.project, [self.key])
        self._tell(DomainEventType.CONTACT_DELETED, self.snapshot(), at)
        announce(self.project, changes={"deleted": [self.key]}, is_quiet=True, at=at)

    def snapshot(self) -> dict[str, Any]:
        """Return the contact as lists and webhooks show it."""
        return {
            "id": self.id,
            "email": self.email or None,
            "external_id": self.external_id or None,
            "phone": self.phone or None,
            "traits": self.traits,
            "tags": self.tags,
            "created_at": wire_time(self.created_at),
            "updated_at": wire_time(self.updated_at),
        }

    def _released(self) -> dict[str, Any]:
        static = self.memberships.filter(project=self.project_id, segment__type="static")
        entered = static.order_by("id").values_list("segment_id", "entered_at")
        claims = self.identities.order_by("id").values_list("kind", "value")
        return {
            "claims": [list(claim) for claim in claims],
            "segments": {segment: entered_at.isoformat() for segment, entered_at in entered},
        }

    def _rename(self, kind: str, written: str, compared: str, may_duplicate: bool) -> None:
        field = "email_key" if kind == Identity.Kind.EMAIL else kind
        if (old := getattr(self, field)) != compared:
            # Other values of the kind came with contacts that were merged, and go on to be claims.
            self.identities.filter(kind=kind, value=old).delete()
        setattr(self, kind, written)
        if kind == Identity.Kind.EMAIL:
            self.email_key = compared
        if not compared:
            return
        claim, _ = Identity.objects.get_or_create(
            project=self.project, kind=kind, value=compared, defaults={"contact": self}
        )
        if claim.contact_id != self.id and not may_duplicate:
            raise Conflict(f"Another contact has this {kind}; merge the two, or choose another.")

    def _changes_since(self, before: dict[str, Any]) -> set[str]:
        after = self.snapshot()
        changed = {name for name in after if name != "traits" and after[name] != before[name]}
        old, new = before["traits"], after["traits"]
        missing = object()
        return changed | {
            f"traits.{name}"
            for name in {*old, *new}
            if old.get(name, missing) != new.get(name, missing)
        }

    def _tell(self, type: DomainEventType, data: dict[str, Any], at: datetime) -> None:
        outbox.emit(self.project, outbox.News(type, data, subject=self.key), at=at)


_WANING = models.Q(engagement__gt=0) | models.Q(decayed_on=None)


class ContactActivityQuerySet(ProjectQuerySet):
    """Activities, by what the calendar does to them."""

    def waning(self) -> Self:
        """Keep those whose engagement goes down by itself, or was never computed."""
        return self.filter(_WANING)


class ContactActivity(ProjectModel):
    """What events change of a contact, kept apart so that no event rewrites its traits.

    ``engagement`` is that of the day ``decayed_on``; without one, scores were never computed.
    """

    contact = models.OneToOneField(
        Contact, models.CASCADE, primary_key=True, related_name="activity"
    )
    last_activity_at = models.DateTimeField(null=True)
    engagement = models.SmallIntegerField(db_default=0)
    lead = models.SmallIntegerField(db_default=0)
    decayed_on = models.DateField(null=True)

    objects = ContactActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "contact activities"
        indexes = [
            models.Index(
                fields=["project", "contact", "decayed_on"],
                condition=_WANING,
                name="activity_waning",
            ),  # scoring.decay_next
        ]


class ContactScore(ProjectModel):
    """The scores with which a contact ended a day on which they changed."""

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="scores", db_index=False)
    day = models.DateField()
    engagement = models.SmallIntegerField()
    lead = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "contact", "day"], name="one_score_a_day")
        ]


class Rescoring(ProjectModel):
    """A project whose contacts are all scored anew; ``reached`` is the last one that was."""

    id = models.BigAutoField(primary_key=True)
    reached = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project"], name="one_rescoring_each")]


def _columns_of(changed: set[str]) -> set[str]:
    """Return what to write: where neither address nor traits change, the words stay as they are."""
    columns = {"updated_at", *(name.partition(".")[0] for name in changed)}
    return columns | {"email_key"} if "email" in columns else columns


def _replace(traits: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (traits | patch).items() if value is not None}


def wire_time(time: datetime) -> str:
    """Return the time as JSON shows it."""
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"
