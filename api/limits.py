"""限流: how often a stranger may ask, per address and minute; kept in memory, bounded."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from api.refusals import TooMany

_KNOWN = 10_000


class RateLimit:
    """令牌桶: ``per_minute`` requests for each caller, refilled steadily; 0 switches it off."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = Lock()
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, caller: str) -> None:
        """Count one request; raises ``TooMany("request.rate")`` with the seconds to wait."""
        if not self.per_minute:
            return
        wait = self._take(caller)
        if wait:
            raise TooMany("request.rate", "请求过于频繁，请在 {retry_after} 秒后再试。", retry_after=wait)

    def _take(self, caller: str) -> int:
        rate, now = self.per_minute / 60, self._clock()
        with self._lock:
            left, since = self._callers.pop(caller, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - since) * rate)
            self._callers[caller] = (left - 1 if left >= 1 else left, now)
            while len(self._callers) > _KNOWN:
                self._callers.popitem(last=False)
        return 0 if left >= 1 else int((1 - left) / rate) + 1
