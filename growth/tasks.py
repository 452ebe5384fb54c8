"""What the clock does for the project as a whole."""

from datetime import datetime, timedelta

from growth import outbox
from growth.models import DomainEvent, IdempotencyKey, OAuthToken
from growth.models.idempotency import KEEP
from growth.sweeps import sweep

KEEP_DOMAIN_EVENTS = timedelta(days=30)


@sweep
def relay_outbox(*, at: datetime) -> int:
    """Tell waiting domain events to their listeners."""
    return outbox.relay(at=at)


@sweep
def retry_listeners(*, at: datetime) -> int:
    """Tell listeners again what they could not take before."""
    return outbox.retry_failures(at=at)


@sweep
def prune_idempotency_keys(*, at: datetime) -> int:
    """Forget answers that were kept for a day."""
    old = IdempotencyKey.objects.filter(created_at__lt=at - KEEP).order_by("created_at")
    return IdempotencyKey.objects.filter(pk__in=old.values("pk")[:5000]).delete()[0]


@sweep
def prune_domain_events(*, at: datetime) -> int:
    """Forget what was told over 30 days ago and has no listener left that failed."""
    old = DomainEvent.objects.filter(created_at__lt=at - KEEP_DOMAIN_EVENTS, failures=None)
    batch = old.exclude(position=None).order_by("created_at").values("pk")[:5000]
    return DomainEvent.objects.filter(pk__in=batch).delete()[0]


@sweep
def prune_oauth_tokens(*, at: datetime) -> int:
    """Forget tokens that have expired."""
    old = OAuthToken.objects.filter(expires_at__lt=at).order_by("expires_at").values("pk")[:5000]
    return OAuthToken.objects.filter(pk__in=old).delete()[0]
