"""What is counted in a program, read under its lock, while a batch of claims is judged.

However many claims there are, it is read in a constant number of statements; each verdict counts
for the claims after it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count

from contacts.models import Contact
from growth import ids
from referrals.models import Conversion, Link, Program, Reward
from referrals.models.money import to_minor

_HOUR = timedelta(hours=1)

_Reason = Conversion.Reason
_Kind = Reward.Kind

# Who referred the referrers, and who those, up to the first.
_ANCESTRY = """
    WITH RECURSIVE chain (person) AS (
        SELECT unnest(%(people)s::bigint[])
        UNION
        SELECT conversion.referrer_id FROM chain
          JOIN referrals_conversion conversion ON conversion.contact_id = chain.person
               AND conversion.project_id = %(project)s AND conversion.program_id = %(program)s
               AND conversion.status = 'recorded'
    )
    SELECT conversion.contact_id, conversion.referrer_id FROM chain
      JOIN referrals_conversion conversion ON conversion.contact_id = chain.person
           AND conversion.project_id = %(project)s AND conversion.program_id = %(program)s
           AND conversion.status = 'recorded'
"""


class Claim(NamedTuple):
    """Somebody says that a contact, by its id, converted by a link, by its id."""

    link: str
    contact: str
    event: str
    metadata: dict[str, Any]
    at: datetime


class Book:
    """The conversions and rewards of one program, as far as the claims touch them."""

    def __init__(self, program: Program, claims: Sequence[Claim], *, at: datetime) -> None:
        self._program, self._at = program, at
        own = {"project": program.project_id, "program": program}
        links = Link.objects.filter(**own, pk__in={claim.link for claim in claims})
        self.links = {link.pk: link for link in links.select_related("contact", "project")}
        referrers = {link.contact_id for link in self.links.values()}
        referred = {claim.contact for claim in claims}
        self.people = Contact.objects.in_bulk([*referred])
        conversions = Conversion.objects.filter(**own).select_related("link")
        self._read_verdicts(conversions, referred)
        self._parents = self._ancestry(referrers)
        rewards = Reward.objects.filter(**own, contact__in=referrers).owed()
        self._seats = _counted(rewards.filter(kind=_Kind.REFERRER), "contact_id")
        tiers = rewards.filter(kind=_Kind.TIER).values_list("contact_id", "tier")
        self._reached = set(tiers)
        standing = Conversion.objects.filter(**own).standing()
        self._counts = _counted(standing.filter(referrer__in=referrers), "referrer_id")
        lately = standing.filter(link__in=self.links, created_at__gt=at - _HOUR)
        self._pace = _counted(lately, "link_id")

    def _read_verdicts(self, conversions: Any, referred: Iterable[str]) -> None:
        self.first: dict[str, Conversion] = {}
        self._rejected: dict[tuple[str, str, str], Conversion] = {}
        for each in conversions.filter(contact__in=referred).order_by("id"):
            if each.status == Conversion.Status.REJECTED:
                self._rejected[each.link_id, each.contact_id, each.reason] = each
            else:
                self.first[each.contact_id] = each

    def judge(self, claim: Claim) -> tuple[Conversion, list[Reward]]:
        """Return the conversion that the claim is, and what is owed for it; what was judged before
        is returned as it is, and owes nothing.
        """
        if known := self.first.get(claim.contact):
            return known, []
        link = self.links[claim.link]
        reason = self._objection(link, self.people[claim.contact])
        if known := self._rejected.get((claim.link, claim.contact, reason)):
            return known, []
        conversion = self._new(link, claim, reason)
        if reason:
            self._rejected[claim.link, claim.contact, reason] = conversion
            return conversion, []
        self.first[claim.contact] = conversion
        return conversion, self.admit(conversion)

    def admit(self, conversion: Conversion) -> list[Reward]:
        """Count the conversion, and return what is owed for it."""
        referrer = conversion.referrer_id
        self._parents[conversion.contact_id] = referrer
        self._counts[referrer] += 1
        self._pace[conversion.link_id] += 1
        rewards = [self._of_referrer(conversion), self._of_referee(conversion)]
        return [*filter(None, rewards), *self._of_tiers(conversion)]

    def _objection(self, link: Link, person: Contact) -> str:
        """Return why the person's conversion by the link does not count, or nothing."""
        referrer = link.contact
        if referrer.deleted_at:
            return _Reason.REFERRER_GONE
        if _are_one(referrer, person):
            return _Reason.SELF
        if self._descends(referrer.id, person.id):
            return _Reason.LOOP
        if self._pace[link.id] >= self._program.max_per_hour:
            return _Reason.VELOCITY
        return ""

    def _descends(self, person: str, ancestor: str) -> bool:
        """Tell whether the person came because of the ancestor, over however many others."""
        seen: set[str] = set()
        while (parent := self._parents.get(person)) and parent not in seen:
            if parent == ancestor:
                return True
            seen.add(parent)
            person = parent
        return False

    def _new(self, link: Link, claim: Claim, reason: str) -> Conversion:
        state = Conversion.Status.REJECTED if reason else Conversion.Status.RECORDED
        return Conversion(
            project=self._program.project,
            program=self._program,
            link=link,
            referrer=link.contact,
            contact=self.people[claim.contact],
            conversion_event=claim.event,
            metadata=claim.metadata,
            status=state,
            reason=reason,
            converted_at=claim.at,
            created_at=self._at,
        )

    def _of_referrer(self, conversion: Conversion) -> Reward | None:
        program, referrer = self._program, conversion.referrer_id
        if not program.reward_minor:
            return None
        reward = self._reward(
            conversion, referrer, _Kind.REFERRER, program.reward_type, program.reward_minor
        )
        if program.max_rewarded is not None and self._seats[referrer] >= program.max_rewarded:
            reward.status, reward.reason = Reward.Status.REJECTED, Reward.Reason.LIMIT
            reward.due_at = None
        else:
            self._seats[referrer] += 1
        return reward

    def _of_referee(self, conversion: Conversion) -> Reward | None:
        said = self._program.referee_reward
        if not said:
            return None
        currency = said.get("currency") or ""
        reward = self._reward(
            conversion,
            conversion.contact_id,
            _Kind.REFEREE,
            said.get("type") or "credit",
            to_minor(said.get("amount") or 0, currency),
        )
        reward.currency = currency
        return reward

    def _of_tiers(self, conversion: Conversion) -> list[Reward]:
        referrer, rewards = conversion.referrer_id, []
        for tier in self._program.ladder:
            is_new = (referrer, tier.referrals) not in self._reached
            if tier.bonus and is_new and tier.referrals <= self._counts[referrer]:
                self._reached.add((referrer, tier.referrals))
                reward = self._reward(
                    conversion, referrer, _Kind.TIER, self._program.reward_type, tier.bonus
                )
                reward.tier = tier.referrals
                rewards.append(reward)
        return rewards

    def _reward(
        self, conversion: Conversion, contact: str, kind: str, type: str, minor: int
    ) -> Reward:
        return Reward(
            project=self._program.project,
            program=self._program,
            conversion=conversion,
            contact_id=contact,
            kind=kind,
            type=type,
            minor=minor,
            currency=self._program.reward_currency,
            created_at=self._at,
            due_at=self._at + self._program.hold,
        )

    def _ancestry(self, people: Iterable[str]) -> dict[str, str]:
        params = {
            "people": [_key(person) for person in people],
            "project": self._program.project_key,
            "program": self._program.key,
        }
        with connection.cursor() as cursor:
            cursor.execute(_ANCESTRY, params)
            rows = cursor.fetchall()
        return {ids.encode(_PREFIX, who): ids.encode(_PREFIX, by) for who, by in rows}


_PREFIX = Contact._meta.pk.prefix


def _key(public_id: str) -> int:
    return ids.decode(_PREFIX, public_id)


def _counted(rows: Any, name: str) -> Counter[str]:
    found = rows.order_by().values_list(name).annotate(number=Count("pk"))
    return Counter(dict(found))


def _are_one(one: Contact, other: Contact) -> bool:
    """Tell whether both are one person, as far as anybody can see."""
    is_same_address = bool(one.email_key) and one.email_key == other.email_key
    is_same_phone = bool(one.phone) and one.phone == other.phone
    return one.id == other.id or is_same_address or is_same_phone
