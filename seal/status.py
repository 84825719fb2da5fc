"""印章状态发布: the standing of every seal through time, signed, so that anybody can check it offline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from keys.signer import Signer
from seal import standing
from seal.database import Sessions
from trust.seal_status import build_seal_status_list


@dataclass(frozen=True, slots=True)
class _Kept:
    made: datetime
    newest: int
    """The newest event in it."""
    data: bytes


@dataclass(frozen=True)
class SealStatusPublisher:
    """印章状态发布者. A list is made anew at most every ``renewed``, and then only if there is news or it grows old."""

    sessions: Sessions
    signer: Callable[[], Signer]
    """The region's publisher."""
    region: str
    clock: Callable[[], datetime]
    renewed: timedelta = timedelta(minutes=1)
    valid: timedelta = timedelta(days=1)
    """How long a reader may rely on the list."""
    _kept: list[_Kept] = field(default_factory=list, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def publish(self) -> bytes:
        """The list (``trust.seal_status``), signed, at most ``renewed`` old. Raises ``keys.*`` without the key."""
        now = self.clock()
        with self._lock:
            if not (self._kept and self._is_good(self._kept[0], now)):
                self._kept[:] = [self._build(now)]
            return self._kept[0].data

    def _is_good(self, kept: _Kept, now: datetime) -> bool:
        if kept.made <= now < kept.made + self.renewed:
            return True
        with self.sessions.read() as session:
            return kept.made <= now < kept.made + self.valid / 4 and standing.newest_event(session) == kept.newest

    def _build(self, now: datetime) -> _Kept:
        with self.sessions.read() as session:
            newest, seals = standing.newest_event(session), standing.histories(session)
        signer, start = self.signer(), now.replace(microsecond=0)
        data = build_seal_status_list(
            seals,
            region=self.region,
            issued_at=start,
            next_update=start + self.valid,
            sign=signer.sign,
            signer_chain=[signer.certificate.der],
        )
        return _Kept(now, newest, data)
