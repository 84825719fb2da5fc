"""状态列表发布: the states of all licences of a type, published so that they can be checked offline.

A list says nothing about whom it speaks of: a licence's place in it stands in the licence alone. Nor does it say how
many there are: a place that is not taken says CURRENT, as it will when it is taken, and one in sixteen is a decoy that
is never taken and changes its state now and then, as licences do. What a list says of a licence is what the register
says at that moment: a list that was made is given again for a few seconds, unless a licence in it changed its state
since, by whichever process, or time changed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from keys.signer import Signer
from licence_store.models import IssueIntent, Licence, LicenceVersion, StatusListIndex
from licence_store.numbering import GIVEN, LIST_SIZE, permuted
from licence_store.reserving import status_address
from licence_store.standing import day_of, effective_state, end_of
from seal.database import Sessions
from trust.errors import NotFound
from trust.status_list import CODES, build_status_list

_ROUND = timedelta(days=3650)
"""In which a decoy changes its state once."""
_DECOYS = ("CURRENT", "CURRENT", "EXPIRED", "CANCELLED", "SUPERSEDED", "SUSPENDED", "LOST", "REVOKED")
"""What a decoy becomes; half as many stay as they are."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A list as it was made."""

    made: datetime
    until: datetime
    """Then it is made anew."""
    changes: int
    """``StatusListIndex.changes`` when it was made."""
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class StatusPublisher:
    """状态列表发布者; keeps each list for ``renewed``, or until something in it changes."""

    sessions: Sessions
    signer: Callable[[], Signer]
    """The region's publisher."""
    region: str
    base_url: str
    clock: Callable[[], datetime]
    renewed: timedelta = timedelta(seconds=15)
    valid: timedelta = timedelta(days=1)
    """How long a reader may rely on a list."""
    _kept: dict[str, _Kept] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def lists(self) -> tuple[str, ...]:
        """Ids of all lists, oldest first."""
        query = select(StatusListIndex.list_id).order_by(StatusListIndex.created, StatusListIndex.list_id)
        with self.sessions.read() as session:
            return tuple(session.execute(query).scalars())

    def publish(self, list_id: str) -> bytes:
        """The list, signed, as the register stands now; new licences enter it within ``renewed``.

        Raises ``NotFound("status_list.unknown")``.
        """
        now = self.clock()
        with self._lock:
            changes = self._changes(list_id)
            kept = self._kept.get(list_id)
            if kept is None or kept.changes != changes or not kept.made <= now < kept.until:
                kept = self._kept[list_id] = self._build(list_id, now)
            return kept.data

    def _changes(self, list_id: str) -> int:
        """How often something in the list has changed."""
        query = select(StatusListIndex.changes).where(StatusListIndex.list_id == list_id)
        with self.sessions.read() as session:
            changes = session.execute(query).scalar()
        if changes is None:
            raise NotFound("status_list.unknown", "没有状态列表 {list_id}。", list_id=list_id[:40])
        return changes

    def _build(self, list_id: str, now: datetime) -> _Kept:
        with self.sessions.read() as session:
            query = select(StatusListIndex.changes).where(StatusListIndex.list_id == list_id)
            changes = session.execute(query).scalar_one()
            states, coming = states_of(session, list_id, now), _next_change(session, list_id, now)
        signer, start = self.signer(), now.replace(microsecond=0)
        data = build_status_list(
            status_address(self.base_url, list_id),
            states,
            region=self.region,
            issued_at=start,
            next_update=start + self.valid,
            sign=signer.sign,
            signer_chain=[signer.certificate.der],
        )
        until = now + self.renewed
        return _Kept(now, until if coming is None else min(until, coming), changes, data)


def states_of(session: Session, list_id: str, moment: datetime) -> list[str]:
    """State by index at ``moment``, which is now; a state that the published form has no word for is not CURRENT there
    either. What a later version has taken the place of is superseded.
    """
    row = session.execute(select(StatusListIndex).where(StatusListIndex.list_id == list_id)).scalar_one()
    states = decoys(row.secret, row.created, moment)
    void = select(IssueIntent.status_index).where(IssueIntent.status_list == list_id, IssueIntent.state == "void")
    for index in session.execute(void).scalars():
        states[index] = "ANNULLED"  # what a crash may have left sealed is good for nothing
    state = case((LicenceVersion.version < Licence.version, literal("SUPERSEDED")), else_=effective_state(moment))
    query = select(LicenceVersion.status_index, state).join(Licence, Licence.base == LicenceVersion.base)
    for index, found in session.execute(query.where(LicenceVersion.status_list == list_id)):
        states[index] = found if found in CODES else "SUSPENDED"
    return states


def decoys(secret: bytes, created: datetime, moment: datetime) -> list[str]:
    """A list without a licence in it, as it looks at ``moment``: the same whenever it is asked; it never goes back."""
    states = ["CURRENT"] * LIST_SIZE
    stream = hashlib.shake_256(secret + b"decoys").digest(5 * (LIST_SIZE - GIVEN))
    elapsed = (moment - created) / _ROUND
    for number in range(GIVEN, LIST_SIZE):
        drawn = stream[5 * (number - GIVEN) : 5 * (number - GIVEN) + 5]
        if int.from_bytes(drawn[:4], "big") / (1 << 32) <= elapsed:
            states[permuted(secret, number)] = _DECOYS[drawn[4] % len(_DECOYS)]
    return states


def _next_change(session: Session, list_id: str, moment: datetime) -> datetime | None:
    """When time next changes the state of a licence in the list, if nobody does before."""
    expired = Licence.ends < day_of(moment).isoformat()
    here = (Licence.base == LicenceVersion.base) & (Licence.version == LicenceVersion.version)
    listed = LicenceVersion.status_list == list_id
    ends = select(func.min(Licence.ends)).join(LicenceVersion, here).where(listed, Licence.ends != "", ~expired)
    due = select(func.min(Licence.inspect_by)).join(LicenceVersion, here).where(listed, Licence.inspect_by > moment)
    coming = [end_of(session.execute(ends).scalar() or ""), session.execute(due).scalar()]
    return min((one for one in coming if one is not None), default=None)
