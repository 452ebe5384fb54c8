"""Who came by whose link."""

from django.db import models

from growth.models import ProjectModel
from referrals.models.link import Click, Link
from referrals.models.program import Program

IS_KNOWN = """
    person.merged_into_id IS NULL
    AND (person.email_key <> '' OR person.external_id <> '' OR person.phone <> ''
         OR person.erased_at IS NOT NULL)
"""
"""Who came is no visitor any more."""


class Referral(ProjectModel):
    """A person came by a link: the click, or the code that it brought, was told with its name.

    ``seen_at`` is when it last came: the time of the click, or when the code was told. ``entry`` is
    0, but for rows that stayed with a contact that was merged.
    """

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(Program, models.CASCADE, related_name="+", db_index=False)
    link = models.ForeignKey(Link, models.CASCADE, related_name="referrals", db_index=False)
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="+", db_index=False
    )
    click = models.ForeignKey(Click, models.SET_NULL, null=True, related_name="+", db_index=False)
    entry = models.IntegerField(default=0)
    seen_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "link", "contact", "entry"], name="one_referral_per_person"
            )
        ]
        indexes = [
            models.Index(fields=["project", "contact", "seen_at"], name="referral_of_contact"),
            models.Index(
                fields=["project", "program", "link"], include=["contact"], name="referral_count"
            ),  # standings.refresh
        ]
