"""状态列表发布: the states of all licences, published so that they can be checked offline.

A list says nothing about whom it speaks of: a licence's place in it stands in the licence alone. Places not
taken are UNUSED. What a list says is what the register says at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.signer import Signer
from licence_store.models import LicenceEvent, LicenceVersion, StatusListIndex
from licence_store.numbering import LIST_SIZE
from licence_store.register import state_at
from licence_store.reserving import status_address
from seal.database import Sessions
from trust.errors import NotFound
from trust.status_list import CODES, build_status_list

UNUSED = "UNUSED"


@dataclass(frozen=True)
class StatusPublisher:
    """状态列表发布者; keeps each list for ``renewed`` before it is made anew."""

    sessions: Sessions
    signer: Callable[[], Signer]
    """The region's publisher."""
    region: str
    base_url: str
    clock: Callable[[], datetime]
    renewed: timedelta = timedelta(minutes=1)
    valid: timedelta = timedelta(days=1)
    """How long a reader may rely on a list."""
    _kept: dict[str, tuple[datetime, bytes]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def lists(self) -> tuple[str, ...]:
        """Ids of all lists, oldest first."""
        query = select(StatusListIndex.list_id).order_by(StatusListIndex.created, StatusListIndex.list_id)
        with self.sessions.read() as session:
            return tuple(session.execute(query).scalars())

    def publish(self, list_id: str) -> bytes:
        """The list, signed, at most ``renewed`` old. Raises ``NotFound("status_list.unknown")``."""
        now = self.clock()
        with self._lock:
            made, data = self._kept.get(list_id, (None, b""))
            if made is None or not made <= now < made + self.renewed:
                data = self._build(list_id, now)
                self._kept[list_id] = (now, data)
            return data

    def _build(self, list_id: str, now: datetime) -> bytes:
        with self.sessions.read() as session:
            if session.get(StatusListIndex, list_id) is None:
                raise NotFound("status_list.unknown", "没有状态列表 {list_id}。", list_id=list_id[:40])
            states = states_of(session, list_id, now)
        signer, start = self.signer(), now.replace(microsecond=0)
        return build_status_list(
            status_address(self.base_url, list_id),
            states,
            region=self.region,
            issued_at=start,
            next_update=start + self.valid,
            sign=signer.sign,
            signer_chain=[signer.certificate.der],
        )


def states_of(session: Session, list_id: str, moment: datetime) -> list[str]:
    """State by index at ``moment``; a state that the published form has no word for is not CURRENT there either."""
    states = [UNUSED] * LIST_SIZE
    events: dict[str, list[object]] = {}
    here = select(LicenceVersion.base).where(LicenceVersion.status_list == list_id)
    query = select(LicenceEvent.base, LicenceEvent.version, LicenceEvent.state, LicenceEvent.effective)
    for row in session.execute(
        query.where(LicenceEvent.base.in_(here)).order_by(LicenceEvent.effective, LicenceEvent.id)
    ):
        events.setdefault(row.base, []).append(row)
    columns = (LicenceVersion.base, LicenceVersion.version, LicenceVersion.valid_to, LicenceVersion.status_index)
    for base, version, valid_to, index in session.execute(
        select(*columns).where(LicenceVersion.status_list == list_id)
    ):
        state, _ = state_at(version, valid_to, events[base], moment)  # type: ignore[arg-type]
        states[index] = state if state in CODES else "SUSPENDED"
    return states
