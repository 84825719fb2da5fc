"""时钟检查: may the time-stamp authority trust the clock of this machine just now?

A wall clock may be set back, jump after a suspend, or drift. ``GuardedClock`` compares it with the machine's
monotonic clock, which nobody sets, and never tells a time before one it has told. When the two disagree
by more than is allowed the authority does not stamp: ``Unavailable("timestamp.clock")``, until an
operator has looked and calls ``reset``. What no machine can see alone, a clock that was wrong from the start,
``check_against`` compares with a time from elsewhere (another authority's token).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from trust.errors import Unavailable

MAX_DRIFT_RATE: Final = 500e-6
"""Seconds per second that NTP may slew a clock."""
_WINDOW: Final = 600.0
"""Seconds after which the two clocks are set side by side anew, so that slewing does not add up."""


def _now() -> datetime:
    return datetime.now(UTC)


class GuardedClock:
    """受检时钟: callable as a clock. Safe to share between threads."""

    def __init__(
        self,
        allowed: timedelta = timedelta(seconds=1),
        *,
        wall: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
        last_told: datetime | None = None,
    ) -> None:
        """``allowed`` is the accuracy that is promised; ``last_told`` the newest time told before a restart."""
        self._allowed = allowed
        self._wall = wall
        self._monotonic = monotonic
        self._last = last_told
        self._lock = threading.Lock()
        self._reference = wall(), monotonic()

    def __call__(self) -> datetime:
        """Now. Raises ``Unavailable("timestamp.clock")``."""
        with self._lock:
            now = self._wall()
            difference = self._difference(now)
            if abs(difference) > self._tolerance():
                raise self._distrusted(difference)
            if self._last is not None and now < self._last:
                if self._last - now > self._allowed:
                    raise self._distrusted(now - self._last)
                now = self._last
            self._last = now
            if self._monotonic() - self._reference[1] > _WINDOW:
                self._reference = now, self._monotonic()
            return now

    def reset(self) -> None:
        """操作员确认: the wall clock is right as it is now."""
        with self._lock:
            self._reference = self._wall(), self._monotonic()
            self._last = None

    def check_against(self, other: datetime, uncertainty: timedelta = timedelta(0)) -> timedelta:
        """Our time minus ``other``; ``Unavailable("timestamp.clock")`` if it is beyond what is allowed."""
        difference = self._wall() - other
        if abs(difference) > self._allowed + uncertainty:
            raise self._distrusted(difference)
        return difference

    def _difference(self, now: datetime) -> timedelta:
        wall, monotonic = self._reference
        return (now - wall) - timedelta(seconds=self._monotonic() - monotonic)

    def _tolerance(self) -> timedelta:
        elapsed = self._monotonic() - self._reference[1]
        return self._allowed + timedelta(seconds=elapsed * MAX_DRIFT_RATE)

    def _distrusted(self, difference: timedelta) -> Unavailable:
        return Unavailable(
            "timestamp.clock",
            "本机时钟不可信（偏差 {seconds} 秒），暂停签发时间戳。",
            seconds=f"{difference.total_seconds():+.3f}",
            remedy="请校正本机时钟，由管理员确认后恢复。",
        )
