"""熔断: a region that does not answer is left alone for a while, then tried with one question.

    breaker.demand("120000")          Unavailable("crossing.open") while it is left alone
    breaker.succeeded("120000")       it answered: closed
    breaker.failed("120000")          it did not: after three in a row, open

Each process keeps its own; nothing that was answered depends on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from trust.errors import Unavailable

FAILURES: Final = 3
"""So many in a row open it."""
PAUSE: Final = 15.0
"""Seconds for which it stays open; then one question is let through (half-open)."""


@dataclass(slots=True)
class _Line:
    failures: int = 0
    until: float = 0.0
    trying: bool = False


@dataclass(frozen=True)
class Breaker:
    """熔断器 of each region asked. Safe to share between threads."""

    monotonic: Callable[[], float] = time.monotonic
    pause: float = PAUSE
    _lines: dict[str, _Line] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def demand(self, region: str) -> None:
        """Raises ``Unavailable("crossing.open")``."""
        with self._lock:
            line = self._lines.setdefault(region, _Line())
            if line.failures < FAILURES:
                return
            if line.trying or self.monotonic() < line.until:
                raise Unavailable("crossing.open", "地区 {region} 连续没有应答，暂不再问。", region=region)
            line.trying = True

    def succeeded(self, region: str) -> None:
        with self._lock:
            self._lines.pop(region, None)

    def failed(self, region: str) -> None:
        with self._lock:
            line = self._lines.setdefault(region, _Line())
            line.failures, line.trying = line.failures + 1, False
            line.until = self.monotonic() + self.pause

    def state(self, region: str) -> str:
        """``closed``, ``open`` or ``half-open``: for pages and readiness."""
        with self._lock:
            line = self._lines.get(region)
            if line is None or line.failures < FAILURES:
                return "closed"
            return "half-open" if line.trying or self.monotonic() >= line.until else "open"
