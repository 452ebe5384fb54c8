"""What every process counts of itself; ``growth.metrics`` shows it.

With ``PROMETHEUS_MULTIPROC_DIR`` set, as ``manage.py up`` does, all processes of a host count
together, and counts outlive a process that was restarted.
"""

from prometheus_client import Counter, Histogram

REQUESTS = Histogram(
    "growth_request_seconds",
    "How long requests took, by route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
EMAILS = Counter("growth_emails", "What became of attempts to send a mail.", ["outcome"])
DELIVERIES = Counter("growth_deliveries", "What became of attempts at a webhook.", ["outcome"])
LISTENER_FAILURES = Counter(
    "growth_listener_failures", "News that a listener could not take.", ["listener"]
)
SWEEPS = Histogram(
    "growth_sweep_seconds",
    "How long the runs of the clock's tasks took.",
    ["task"],
    buckets=(0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 60),
)
