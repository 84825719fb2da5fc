"""一次性随机数与用量: what was seen before is refused; how often a caller asks is counted.

Both in the database, so that any number of processes agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.sharing.models import SharingNonce, SharingUsage
from trust.algorithms import sm3

_DIALECTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_KEPT: Final = timedelta(days=40)
"""Counts of days stay so long, for the pages."""


def note(session: Session, caller: str, nonce: str, now: datetime, until: datetime) -> bool:
    """Remember a nonce of ``caller`` until its window has passed; false: it was seen before."""
    session.execute(delete(SharingNonce).where(SharingNonce.expires < now))
    row = {"caller": caller[:100], "digest": sm3(nonce.encode()).hex(), "expires": until}
    taken = _DIALECTS[session.get_bind().dialect.name](SharingNonce).values(row).on_conflict_do_nothing()
    return session.execute(taken.returning(SharingNonce.caller)).first() is not None


@dataclass(frozen=True, slots=True)
class Allowance:
    """限额: what is left of a caller's minute and day. A limit of 0 is none."""

    rate: int
    rate_left: int
    rate_reset: int
    """Seconds until the minute is over."""
    quota: int
    quota_left: int
    quota_reset: int

    def headers(self) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers)."""
        policies, states = [], []
        if self.rate:
            policies.append(f'"minute";q={self.rate};w=60')
            states.append(f'"minute";r={max(0, self.rate_left)};t={self.rate_reset}')
        if self.quota:
            policies.append(f'"day";q={self.quota};w=86400')
            states.append(f'"day";r={max(0, self.quota_left)};t={self.quota_reset}')
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)} if policies else {}


def count(session: Session, client_id: str, rate: int, quota: int, now: datetime) -> Allowance:
    """One more call within this minute and this day; what is left then, below 0 where it was one too many."""
    minute, day = now.strftime("%Y-%m-%dT%H:%M"), now.strftime("%Y-%m-%d")
    asked, today = _one_more(session, client_id, minute), _one_more(session, client_id, day)
    if asked == 1:
        old = SharingUsage.period < (now - _KEPT).strftime("%Y-%m-%d")
        gone = SharingUsage.period.like("%T%") & (SharingUsage.period < minute)
        session.execute(delete(SharingUsage).where(SharingUsage.client_id == client_id, old | gone))
    left = 60 - now.second
    midnight = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
    return Allowance(rate, rate - asked, left, quota, quota - today, midnight)


def _one_more(session: Session, client_id: str, period: str) -> int:
    row = {"client_id": client_id[:64], "period": period, "count": 1}
    started = _DIALECTS[session.get_bind().dialect.name](SharingUsage).values(row)
    more = started.on_conflict_do_update(index_elements=["client_id", "period"], set_={"count": SharingUsage.count + 1})
    counted: int = session.execute(more.returning(SharingUsage.count)).scalar_one()
    return counted
