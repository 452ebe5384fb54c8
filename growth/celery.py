"""The Celery app, and the clock of the whole system.

The broker holds no truth: a message says "there may be work", the rows say what it is. Losing every
message delays work by one beat of the clock.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from celery import Celery
from celery.app.amqp import AMQP
from celery.schedules import crontab
from django.conf import settings
from kombu import Connection, Queue
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "growth.settings")


def _transport_options(broker_url: str) -> dict[str, object]:
    """Return what the broker needs besides its URL: folders for files, timeouts for Redis."""
    if broker_url.startswith("filesystem:"):
        folder = Path(unquote(urlsplit(broker_url).path))
        return {
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.1,
        }
    timeouts = {"socket_timeout": 10, "socket_connect_timeout": 2}
    options = {
        "visibility_timeout": 600,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
    return options | timeouts | _sentinel_options(broker_url, timeouts)


def _sentinel_options(broker_url: str, timeouts: dict[str, object]) -> dict[str, object]:
    """Return what sentinels are asked for, ``?master_name=`` of the URL, and for how long each."""
    if not broker_url.startswith("sentinel:"):
        return {}
    (master,) = parse_qs(urlsplit(broker_url).query).get("master_name", ["mymaster"])[:1]
    return {"master_name": master, "sentinel_kwargs": timeouts}


def _broker(url: str) -> str:
    """Return the URL as Celery takes it; what it does not take is in the options."""
    if url.startswith("filesystem:"):
        return "filesystem://localhost"
    return url.partition("?")[0] if url.startswith("sentinel:") else url


class _Connection(Connection):
    """Looks for a broker that is gone every second.

    Celery waits two seconds longer each time, up to 30, and has no setting for it. A worker that
    waits so also replaces no process of its own that died.
    """

    _PAUSES: ClassVar = {"interval_start": 0.2, "interval_step": 0.2, "interval_max": 1}

    def ensure_connection(self, *args: object, **options: object) -> Connection:
        return super().ensure_connection(*args, **self._PAUSES | options)


class _Messaging(AMQP):
    Connection = _Connection


TRANSPORT_ALIASES["filesystem"] = "growth.embedded.folder_broker:Transport"
TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "growth.redis_broker:Transport"
TRANSPORT_ALIASES["sentinel"] = "growth.redis_broker:SentinelTransport"

app = Celery("growth", amqp=_Messaging)
app.conf.update(
    broker_url=_broker(settings.BROKER_URL),
    broker_transport_options=_transport_options(settings.BROKER_URL),
    broker_connection_retry_on_startup=True,
    task_default_queue="default",
    task_queues=[Queue(name) for name in ("default", "email", "webhooks", "bulk")],
    task_routes={
        "contacts.tasks.send_due_emails": {"queue": "email"},
        "campaigns.tasks.start_due_broadcasts": {"queue": "bulk"},
        "campaigns.tasks.end_removed_campaigns": {"queue": "bulk"},
        "contacts.tasks.build_segments": {"queue": "bulk"},
        "contacts.tasks.audit_segments": {"queue": "bulk"},
        "contacts.tasks.decay_scores": {"queue": "bulk"},
        "contacts.tasks.rescore_contacts": {"queue": "bulk"},
        "contacts.tasks.purge_contacts": {"queue": "bulk"},
        "growth.analytics.tasks.keep_people": {"queue": "bulk"},
        "growth.analytics.tasks.keep_scores": {"queue": "bulk"},
        "webhooks.tasks.attempt_due_deliveries": {"queue": "webhooks"},
    },
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=300,
    task_soft_time_limit=240,
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=20,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)
app.autodiscover_tasks()

# The clock. Each line finds what a lost message left behind, and what only time makes due.
_CLOCK = {
    "growth.tasks.relay_outbox": 1,  # domain events nobody was woken for
    "growth.tasks.retry_listeners": 5,  # listeners that failed
    "contacts.tasks.send_due_emails": 1,  # mails queued or deferred
    "contacts.tasks.tell_activities": 1,  # opens and clicks whose verdict is due, and reports
    "contacts.tasks.recheck_memberships": 15,  # memberships that only time changes
    "contacts.tasks.build_segments": 5,  # segments that are being built
    "contacts.tasks.audit_segments": crontab(hour="3", minute="*/10"),  # each segment, once a night
    "contacts.tasks.decay_scores": 60,  # scores of yesterday, after each project's midnight
    "contacts.tasks.rescore_contacts": 5,  # contacts of projects that count otherwise now
    "contacts.tasks.settle_merges": 30,  # rows written for a contact while it was merged
    "contacts.tasks.settle_erasures": 30,  # rows written of a contact while it was erased
    "contacts.tasks.purge_contacts": crontab(minute="37"),  # contacts deleted a month ago
    "contacts.tasks.make_partitions": crontab(minute="7"),  # the months to come
    "contacts.tasks.prune_receipts": crontab(minute="27"),  # message ids of last week
    "campaigns.tasks.take_due_steps": 1,  # journeys whose next mail is due
    "campaigns.tasks.start_due_broadcasts": 5,  # broadcasts that are due, or sent
    "campaigns.tasks.end_removed_campaigns": 10,  # what waits in deleted campaigns
    "referrals.tasks.issue_matured_rewards": 60,  # rewards that were held to their end
    "surveys.tasks.send_due_surveys": 5,  # invitations that are due
    "growth.tasks.prune_idempotency_keys": crontab(minute="37"),  # answers of yesterday
    "webhooks.tasks.attempt_due_deliveries": 1,  # webhooks that are due, or due again
    "webhooks.tasks.take_replays": 5,  # replays that were asked for
    "webhooks.tasks.send_notices": 30,  # mails to staff about endpoints that were disabled
    "webhooks.tasks.prune_deliveries": crontab(minute="37"),  # logs of a month ago
    "growth.tasks.prune_oauth_tokens": crontab(minute="47"),  # tokens that have expired
    "growth.analytics.tasks.fold_totals": 10,  # what happened, into daily totals
    "growth.analytics.tasks.keep_people": 60,  # who did what on days that are over
    "growth.analytics.tasks.keep_scores": 300,  # how scores are spread, once a day
    "growth.tasks.prune_domain_events": crontab(minute="17"),  # what was told a month ago
}
app.conf.beat_schedule = {
    task.rpartition(".")[2]: {
        "task": task,
        "schedule": timedelta(seconds=when) if isinstance(when, int) else when,
        "options": {"expires": 30},
    }
    for task, when in _CLOCK.items()
}
