"""计量: Prometheus figures of this process; labels are route templates and outcomes, never identifiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

if TYPE_CHECKING:
    from trust.expiry import Ending

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
        self.answers = Counter(
            "licence_trust_service_answers", "Answers of the trust services", ["service"], registry=self.registry
        )
        self.ending = Gauge(
            "licence_trust_ending",
            "Certificates, anchors and lists that have ended or end soon",
            ["kind", "severity"],
            registry=self.registry,
        )
        self.earliest_end = Gauge(
            "licence_trust_earliest_end_timestamp_seconds",
            "When the first of what is in use ends",
            ["kind"],
            registry=self.registry,
        )
        self.silent = Gauge(
            "licence_trust_revocation_sources_silent",
            "Sources of revocation that gave nothing when last asked",
            registry=self.registry,
        )
        self.custodian = Gauge(
            "licence_trust_custodian_present", "1: this custodian of keys is there", ["custodian"],
            registry=self.registry,
        )  # fmt: skip
        self.jobs = Gauge("licence_trust_jobs", "Background jobs", ["state"], registry=self.registry)
        self.job_delay = Gauge(
            "licence_trust_job_delay_seconds", "How long the job due first has been waiting", registry=self.registry
        )
        self.deliveries = Gauge(
            "licence_trust_notice_deliveries", "Deliveries of notices", ["state"], registry=self.registry
        )
        self.ready = Gauge("licence_trust_ready", "1: this part is ready", ["part"], registry=self.registry)

    def request(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answered request."""
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def note_endings(self, endings: Iterable[Ending]) -> None:
        """What ends soon, as it is now; what is no longer so is forgotten."""
        self.ending.clear()
        self.earliest_end.clear()
        for one in reversed(tuple(endings)):
            self.ending.labels(str(one.kind), str(one.severity)).inc()
            self.earliest_end.labels(str(one.kind)).set(one.ends_at.timestamp())

    def note_queue(self, jobs: Mapping[str, int], delay: float, deliveries: Mapping[str, int]) -> None:
        """Background jobs and deliveries by state, as they are now."""
        for gauge, counts, states in (
            (self.jobs, jobs, ("waiting", "running", "done", "failed", "cancelled")),
            (self.deliveries, deliveries, ("waiting", "sent", "dead")),
        ):
            for state in states:
                gauge.labels(state).set(counts.get(state, 0))
        self.job_delay.set(delay)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
