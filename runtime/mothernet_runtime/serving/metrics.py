"""What is counted while serving, in the text form of Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

__all__ = ["Metrics"]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters of one server; nothing is global, so that a process may have several.

    Labels are the names of the models that are served, the routes, and statuses of HTTP: their number is bounded
    whatever clients send.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        about = ("model", "route")
        self._requests = Counter(
            "mothernet_requests", "Requests for predictions, answered.", (*about, "status"), registry=self._registry
        )
        self._errors = Counter(
            "mothernet_errors", "Requests that were refused or failed.", (*about, "status"), registry=self._registry
        )
        self._rows = Counter("mothernet_rows", "Rows predicted.", about, registry=self._registry)
        self._seconds = Histogram(
            "mothernet_request_seconds",
            "From the head of a request to its answer.",
            about,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_progress = Gauge(
            "mothernet_requests_in_progress", "Requests for predictions in work.", registry=self._registry
        )

    def count(self, model: str, route: str, status: int, n_rows: int, seconds: float) -> None:
        """Count a request that has its answer; `model` is empty if there is none of that name."""
        self._requests.labels(model, route, status).inc()
        self._seconds.labels(model, route).observe(seconds)
        if status >= 400:
            self._errors.labels(model, route, status).inc()
        else:
            self._rows.labels(model, route).inc(n_rows)

    def text(self) -> bytes:
        """All of it, as ``/metrics`` gives it."""
        return generate_latest(self._registry)
