"""``/metrics`` for Prometheus: requests, mails and deliveries, and how much work waits how long."""

import os
import secrets
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from growth import outbox, telemetry


class MetricsMiddleware:
    """Times every request, under the route that answered it: paths are without number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = f"/{match.route}" if match else "none"
        timer = telemetry.REQUESTS.labels(_method(request), route, response.status_code)
        timer.observe(time.perf_counter() - started)
        return response


class WaitingWork(Collector):
    """Counts the rows that wait for their time, when somebody asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["queue", "name"]
        depth = GaugeMetricFamily(
            "growth_due_rows",
            f"Rows whose time has come, {outbox.MOST_COUNTED} at most.",
            labels=labels,
        )
        age = GaugeMetricFamily(
            "growth_oldest_due_seconds", "For how long the oldest has been due.", labels=labels
        )
        for each in outbox.watched():
            depth.add_metric([each.queue, each.name], each.depth(now()))
            age.add_metric([each.queue, each.name], each.oldest_age(now()).total_seconds())
        yield from (depth, age)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in the text format of Prometheus; with a token set, only to whoever bears it."""
    if not _may_read(request):
        return HttpResponse("Send the token of GROWTH_METRICS_TOKEN as Bearer.\n", status=401)
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(REGISTRY)
    registry.register(WaitingWork())
    return registry


def _may_read(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    return not token or secrets.compare_digest(sent.encode(), token.encode())


def _method(request: HttpRequest) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return request.method if request.method in known else "other"
