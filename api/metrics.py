"""计量: Prometheus figures of this process; labels are route templates and outcomes, never identifiers."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry per application, so that two in one process (tests) do not meet."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        info = Gauge("licence_trust_info", "Version", ["version"], registry=self.registry)
        info.labels(version).set(1)
        self.requests = Counter(
            "licence_trust_http_requests", "Requests", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "licence_trust_http_request_seconds", "Duration", ["route"], registry=self.registry, buckets=_BUCKETS
        )
        self.issued = Counter("licence_trust_licences_issued", "Licences issued", ["type"], registry=self.registry)
        self.verified = Counter(
            "licence_trust_verifications", "Verifications", ["indication", "sub_indication"], registry=self.registry
        )
        self.ready = Gauge("licence_trust_ready", "1: this part is ready", ["part"], registry=self.registry)

    def request(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answered request."""
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
