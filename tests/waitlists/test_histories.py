"""Random histories of a list, beside a model of it in plain Python: everybody stands where it says.

``GROWTH_HISTORIES`` sets how many there are; the model sorts what the books add up.
"""

import os
import random
from dataclasses import dataclass, field

import pytest

from tests.factories import AT
from tests.waitlists.factories import enter, make_waitlist
from waitlists.models import Entry
from waitlists.operations.auditing import drifts
from waitlists.operations.deciding import approve, approve_first, reject
from waitlists.operations.joining import verify
from waitlists.operations.waitlists import revise_waitlist
from waitlists.queries import Listing, rows_of

HISTORIES = int(os.environ.get("GROWTH_HISTORIES", "12"))
STEPS = 25


@dataclass
class Place:
    number: int
    status: str
    friend: "Place | None" = None
    was_confirmed: bool = False
    counts: bool = False


@dataclass
class Model:
    """A list, as somebody would keep it on paper."""

    boost: int
    places: list[Place] = field(default_factory=list)

    def join(self, is_sure: bool, friend: Place | None) -> Place:
        place = Place(len(self.places) + 1, "pending", friend)
        self.places.append(place)
        if is_sure:
            self.verify(place)
        return place

    def verify(self, place: Place) -> None:
        if place.status == "pending":
            place.status, place.was_confirmed, place.counts = "waiting", True, bool(place.friend)

    def approve(self, place: Place) -> None:
        if place.status == "rejected" and place.was_confirmed and place.friend:
            place.counts = True
        if place.status != "pending":
            place.status = "approved"

    def reject(self, place: Place) -> None:
        if place.status in ("pending", "waiting"):
            place.status, place.counts = "rejected", False

    def referrals(self, place: Place) -> int:
        return sum(each.friend is place and each.counts for each in self.places)

    def queue(self) -> list[Place]:
        waiting = [each for each in self.places if each.status == "waiting"]
        rank = {id(p): (p.number - self.boost * self.referrals(p), p.number) for p in waiting}
        return sorted(waiting, key=lambda place: rank[id(place)])


@pytest.mark.slow  # Some hundred calls of the domain.
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_everybody_stands_where_plain_python_says(project, seed):
    chance = random.Random(seed)
    model = Model(boost=chance.choice([0, 1, 3, 700]))
    waitlist = make_waitlist(project, referral_boost=model.boost)
    entries: dict[int, Entry] = {}
    for _ in range(STEPS):
        known = [place for place in model.places if place.number in entries]
        deed = chance.choices(
            ["join", "verify", "approve", "reject", "batch", "boost"], [12, 5, 2, 3, 1, 0.5]
        )[0]
        if deed == "join" or not known:
            friend = chance.choice([None, *known]) if known else None
            friend = None if friend and friend.status == "rejected" else friend
            is_sure = chance.random() < 0.6
            code = entries[friend.number].code if friend else ""
            place = model.join(is_sure, friend)
            email = f"p{place.number}@example.com"
            joined = enter(waitlist, email, is_vouched_for=is_sure, code=code)
            entries[place.number] = Entry.objects.get(code=joined.entry.code)
        elif deed == "batch":
            count = chance.randrange(1, 4)
            first = model.queue()[:count]
            rows = approve_first(waitlist, count, at=AT)
            assert [row.key for row in rows] == [entries[p.number].key for p in first]
            for place in first:
                model.approve(place)
        elif deed == "boost":
            model.boost = chance.choice([0, 2, 1500])
            revise_waitlist(waitlist, referral_boost=model.boost, at=AT)
        else:
            place = chance.choice(known)
            entry = entries[place.number]
            if deed == "verify":
                model.verify(place)
                verify(waitlist, entry, at=AT)
            elif deed == "approve" and place.status != "pending":
                model.approve(place)
                approve(waitlist, entry, at=AT)
            elif deed == "reject" and place.status != "approved":
                model.reject(place)
                reject(waitlist, entry, at=AT)

    expected = [entries[place.number].key for place in model.queue()]
    waitlist.refresh_from_db()
    pages = Listing(waitlist, ("waiting",)).rows(None, 100)
    assert [row.key for row in pages] == expected
    assert [row.position for row in pages] == list(range(1, len(expected) + 1))
    alone = rows_of(project.key, [entry.key for entry in entries.values()])
    assert [alone[key].position for key in expected] == list(range(1, len(expected) + 1))
    for place in model.places:
        row = alone[entries[place.number].key]
        assert (row.status, row.referral_count) == (place.status, model.referrals(place))
    assert list(drifts(project)) == []
