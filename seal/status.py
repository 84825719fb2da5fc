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


@dataclass(frozen=True)
class SealStatusPublisher:
    """印章状态发布者; keeps the list for ``renewed`` before it is made anew."""

    sessions: Sessions
    signer: Callable[[], Signer]
    """The region's publisher."""
    region: str
    clock: Callable[[], datetime]
    renewed: timedelta = timedelta(minutes=1)
    valid: timedelta = timedelta(days=1)
    """How long a reader may rely on the list."""
    _kept: dict[str, tuple[datetime, bytes]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def publish(self) -> bytes:
        """The list (``trust.seal_status``), signed, at most ``renewed`` old. Raises ``keys.*`` without the key."""
        now = self.clock()
        with self._lock:
            made, data = self._kept.get("", (None, b""))
            if made is None or not made <= now < made + self.renewed:
                data = self._build(now)
                self._kept[""] = (now, data)
            return data

    def _build(self, now: datetime) -> bytes:
        with self.sessions.read() as session:
            seals = standing.histories(session)
        signer, start = self.signer(), now.replace(microsecond=0)
        return build_seal_status_list(
            seals,
            region=self.region,
            issued_at=start,
            next_update=start + self.valid,
            sign=signer.sign,
            signer_chain=[signer.certificate.der],
        )
