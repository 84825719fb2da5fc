"""信任列表的保管: which list this node believes; every other it was shown is refused, with its reason kept.

A node believes a first list by its digest (``pin``), and ever after what follows it (``trust.list_chain``). A hub keeps
what it published in the same way: there is one way to believe a list. What was refused stays on record, as evidence:
a fork shown to one node is a fork to be shown to the keepers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select

from licence_store.journal import SQLJournal
from licence_store.regions.models import BelievedList, RefusedList
from licence_store.regions.peers import Peers
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.fetching import Exchange, Fetcher
from trust.journal import Actor
from trust.list_chain import accept_first, accept_next
from trust.trust_list import MAX_BYTES, TrustList
from trust.trust_list_reading import load_trust_list

_MOST_STEPS: Final = 64
"""So many lists are walked in one go; a node that was away for longer asks again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """拒绝记录."""

    number: int
    digest: str
    code: str
    source: str
    refused: datetime


@dataclass(frozen=True, slots=True)
class ListKeeping:
    """信任列表保管."""

    sessions: Sessions
    journal: SQLJournal
    peers: Peers
    clock: Callable[[], datetime]

    def accept(self, data: bytes, actor: Actor, *, source: str, pin: str = "", newest: bool = True) -> TrustList:
        """采信 ``data``; the list believed from now on. The same list again changes nothing.

        Raises ``Malformed("trust_list.malformed")``, ``trust.list_chain.ListRefused``,
        ``Refused("trust_list.no_pin")``, ``Conflict("trust_list.moved_on")``; what is refused is kept.
        """
        now, believed = self.clock(), self.peers.believed()
        try:
            candidate = load_trust_list(data)
            if believed is None:
                found = accept_first(candidate, _given(pin), now)
            else:
                found = accept_next(believed, candidate, now, newest=newest)
        except (Refused, Malformed) as error:
            if error.code != "trust_list.no_pin":
                self._refuse(data, error, source, actor, now)
            raise
        if believed is None or found.digest != believed.digest:
            self._keep(found, source, actor, now)
        return found

    def fetch(self, address: str, fetcher: Fetcher, actor: Actor, *, pin: str = "") -> TrustList:
        """取列表 from ``address`` (``…/api/v1/trust-list``), one number at a time up to the newest.

        Raises as ``accept`` and ``Unavailable("fetch.…")``.
        """
        newest = _ask(fetcher, address)
        number, believed = _number(newest), self.peers.believed()
        if believed is not None and number > believed.number + 1:
            for step in range(believed.number + 1, min(number, believed.number + 1 + _MOST_STEPS)):
                between = _ask(fetcher, f"{address}/{step}")
                believed = self.accept(between, actor, source=address, newest=False)
            if number > believed.number + 1:
                return believed
        return self.accept(newest, actor, source=address, pin=pin)

    def by_number(self, number: int) -> bytes:
        """A list that was believed here, as it came. Raises ``NotFound("trust_list.unknown")``."""
        with self.sessions.read() as session:
            found = session.get(BelievedList, number)
        if found is None:
            raise NotFound("trust_list.unknown", "本节点没有第 {number} 号信任列表。", number=number)
        return found.data

    def newest(self) -> bytes:
        """The list believed. Raises ``NotFound("trust_list.unknown")``."""
        believed = self.peers.believed()
        if believed is None:
            raise NotFound("trust_list.unknown", "本节点没有第 {number} 号信任列表。", number=1)
        return believed.data

    def refusals(self, limit: int = 20) -> tuple[Refusal, ...]:
        """Lists refused, the latest first."""
        query = select(RefusedList).order_by(RefusedList.id.desc()).limit(limit)
        with self.sessions.read() as session:
            rows = session.execute(query).scalars().all()
        return tuple(Refusal(row.number, row.digest, row.code, row.source, row.refused) for row in rows)

    def refused_list(self, digest: str) -> bytes:
        """A list that was refused, as evidence. Raises ``NotFound("trust_list.unknown")``."""
        query = select(RefusedList.data).where(RefusedList.digest == digest[:64]).limit(1)
        with self.sessions.read() as session:
            found = session.execute(query).scalar()
        if not found:
            raise NotFound("trust_list.refused_unknown", "没有这样的拒绝记录。")
        return found

    def _keep(self, found: TrustList, source: str, actor: Actor, now: datetime) -> None:
        row = BelievedList(
            number=found.number,
            digest=found.digest,
            issued=found.issued_at,
            next_update=found.next_update,
            data=found.data,
            source=source[:500],
            actor=actor.account[:100],
            accepted=now,
        )
        with self.sessions.begin() as session:
            top = select(BelievedList).order_by(BelievedList.number.desc()).limit(1)
            there = session.execute(top).scalar()
            if there is not None and there.digest not in (found.previous, found.digest):
                self.peers.forget()
                raise Conflict("trust_list.moved_on", "本节点的信任列表刚刚更新过，请重试。")
            if there is not None and there.digest == found.digest:
                return
            session.add(row)
            session.flush()
            details = {"number": str(found.number), "digest": found.digest, "source": source[:200]}
            self.journal.record(session, actor=actor, action="trust_list.accept", subject=found.name, details=details)
        self.peers.forget()

    def _refuse(self, data: bytes, error: LicenceTrustError, source: str, actor: Actor, now: datetime) -> None:
        """Once per list and reason; a failure to write it down never hides the refusal."""
        kept = data if len(data) <= MAX_BYTES else b""
        try:
            candidate = load_trust_list(data)
            digest, number = candidate.digest, candidate.number
        except LicenceTrustError:
            digest, number = sm3(data).hex(), 0
        values = {
            "digest": digest,
            "number": number,
            "code": error.code[:64],
            "source": source[:500],
            "refused": now,
            "data": kept,
        }
        try:
            with self.sessions.begin() as session:
                same = select(RefusedList.id).where(RefusedList.digest == digest, RefusedList.code == error.code[:64])
                if session.execute(same).first() is None:
                    session.execute(insert(RefusedList).values(**values))
                    details = {"number": str(number), "digest": digest, "code": error.code, "source": source[:200]}
                    self.journal.record(
                        session,
                        actor=actor,
                        action="trust_list.refuse",
                        subject=digest,
                        result="refused",
                        details=details,
                    )
        except LicenceTrustError:
            return


def _given(pin: str) -> str:
    if not pin.strip():
        raise Refused(
            "trust_list.no_pin",
            "首次采信信任列表，须给出从别处核对过的摘要（SM3）。",
            remedy="请向列表管理人当面或电话核对第一份列表的摘要，再以 --pin 给出。",
        )
    return pin


def _ask(fetcher: Fetcher, address: str) -> bytes:
    return fetcher.fetch(Exchange(address, accept="application/json", limit=MAX_BYTES))


def _number(data: bytes) -> int:
    """Of a list not yet believed; 0 where it cannot be read: ``accept`` says why."""
    try:
        return load_trust_list(data).number
    except (Malformed, Unavailable):
        return 0
