"""``/healthz`` says that the process lives, ``/readyz`` that it can do its work."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from growth import outbox
from growth.celery import app as celery_app

log = structlog.get_logger(__name__)


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer at once, whatever else is down."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Check what the process stands on, and tell how old the oldest due work is."""
    checks = {name: _outcome(check) for name, check in _CHECKS.items()}
    is_ready = checks["database"] == checks["migrations"] == "ok"
    body = {"status": "ok" if is_ready else "unavailable", "checks": checks}
    if is_ready:
        body["oldest_due_seconds"] = {
            each.name: round(each.oldest_age(now()).total_seconds()) for each in outbox.watched()
        }
    return JsonResponse(body, status=200 if is_ready else 503)


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:
        log.warning("not_ready", error=repr(error))
        return "failed"
    return "ok"


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("Run manage.py migrate.")


def _check_broker() -> None:
    with celery_app.connection_for_write(connect_timeout=1) as broker:
        broker.ensure_connection(max_retries=1, timeout=1)


# Without a broker work is late, not lost: it makes nothing unready.
_CHECKS = {"database": _check_database, "migrations": _check_migrations, "broker": _check_broker}
