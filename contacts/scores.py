"""How engaged a contact is, and how near to buying: 0 to 100, from facts that can be listed.

Engagement counts the contact's own events of the last thirty days; each counts half as much for
every week that has passed since. Lead counts what is known of the person.
"""

from datetime import datetime, timedelta
from math import exp

from django.db.models import Q

from contacts.models import Contact, Event

WINDOW = timedelta(days=30)
HALF_LIFE = timedelta(days=7)
SATURATION = 5.0  # so many fresh events make 63 points
LEAD_POINTS = {"email": 25, "phone": 15, "name": 15, "company": 20, "title": 10, "plan": 15}


def scores(contact: Contact, *, at: datetime) -> dict[str, int]:
    """Return the contact's scores at this moment."""
    return {"engagement": engagement(contact, at=at), "lead": lead(contact)}


def engagement(contact: Contact, *, at: datetime) -> int:
    """Return how much the contact did lately, fresh events counting most."""
    recent = Event.objects.filter(
        ~Q(name__startswith="$"),
        project=contact.project_id,
        contact=contact.pk,
        timestamp__gt=at - WINDOW,
        timestamp__lte=at,
    )
    times = recent.order_by("-timestamp").values_list("timestamp", flat=True)[:500]
    weight = sum(0.5 ** ((at - time) / HALF_LIFE) for time in times)
    return round(100 * (1 - exp(-weight / SATURATION)))


def lead(contact: Contact) -> int:
    """Return how much of what makes a lead is known."""
    known = {"email": contact.email, "phone": contact.phone} | contact.traits
    return sum(points for name, points in LEAD_POINTS.items() if known.get(name))
