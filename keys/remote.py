"""外部时间戳: a ``Timestamper`` that asks time-stamp authorities over HTTP (RFC 3161, 3.4; GB/T 20520).

Several authorities are asked in turn; an answer is used only after it was checked as a verifier would check
it: imprint, nonce, policy, signature, path, revocation, and a time near our own. One that fails is left
alone for a while. When none answers the licence waits: ``Unavailable``, and nothing is lost.

    timestamper = RemoteTimestamper(("https://tsa.example.cn/",), HTTPFetcher(), lambda: store, clock)
    token = timestamper.stamp(signature)
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.errors import LicenceTrustError, Malformed, Unavailable
from trust.fetching import Exchange, Fetcher
from trust.timestamp import check_timestamp
from trust.timestamp_protocol import (
    MAX_RESPONSE,
    REQUEST_TYPE,
    RESPONSE_TYPE,
    build_timestamp_request,
    open_timestamp_response,
)

_log = logging.getLogger(__name__)

MAX_DIFFERENCE: Final = timedelta(minutes=1)
"""How far an authority's time may be from ours: beyond it, one of the two clocks is wrong."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, eq=False)
class RemoteTimestamper:
    """时间戳客户端. Safe to share between threads."""

    urls: tuple[str, ...]
    """Authorities, the preferred one first."""
    fetcher: Fetcher
    store: Callable[[], TrustStore]
    """What is believed now."""
    clock: Callable[[], datetime] = _now
    """Aware."""
    policy: str | None = None
    """OID that tokens must be given under; ``None``: the authority's own."""
    max_difference: timedelta = MAX_DIFFERENCE
    retry: timedelta = timedelta(seconds=30)
    """How long an authority that failed is asked only after all others."""
    _failed: dict[str, datetime] = field(init=False, repr=False, default_factory=dict)

    def stamp(self, data: bytes) -> bytes:
        """A token whose imprint is SM3 of ``data``.

        Raises ``Unavailable("timestamp.unavailable")``, naming each authority and what was wrong with it.
        """
        met = []
        for url in self._in_order():
            try:
                token = self._ask(url, data)
            except LicenceTrustError as error:
                _log.warning("time-stamp authority %s gave nothing usable: %s", url, error.code)
                self._failed[url] = self.clock()
                met.append(f"{url}: {_brief(error)}")
            else:
                self._failed.pop(url, None)
                return token
        raise Unavailable(
            "timestamp.unavailable",
            "没有可用的时间戳服务（{reasons}）。",
            reasons="; ".join(met)[:1000] or "-",
            remedy="请检查网络和时间戳服务设置后重试；已提交的事项不会丢失。",
        )

    def _in_order(self) -> list[str]:
        """Those that failed a moment ago come last."""
        now = self.clock()
        return sorted(self.urls, key=lambda url: url in self._failed and now < self._failed[url] + self.retry)

    def _ask(self, url: str, data: bytes) -> bytes:
        nonce = secrets.randbits(63) | 1 << 63
        request = build_timestamp_request(sm3(data), nonce=nonce, policy=self.policy)
        token = open_timestamp_response(
            self.fetcher.fetch(Exchange(url, request, REQUEST_TYPE, RESPONSE_TYPE, MAX_RESPONSE))
        )
        now = self.clock()
        verified = check_timestamp(token, data, self.store(), known_at=now)
        if verified.token.nonce != nonce:
            raise Malformed("timestamp.replayed", "时间戳与请求的随机数不符，可能是重放。")
        if self.policy is not None and verified.token.policy != self.policy:
            raise Malformed("timestamp.policy", "时间戳不是按所要求的策略签发的。")
        if abs(verified.time - now) > self.max_difference:
            raise Malformed("timestamp.clock_differs", "时间戳机构的时间与本机相差过大，其中一个时钟不准。")
        return token


def _brief(error: LicenceTrustError) -> str:
    """Code and reason: the same in every language."""
    reason = error.params.get("reason")
    return f"{error.code} ({reason})" if reason else error.code
