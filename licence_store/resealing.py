"""重新盖章: after a seal is compromised, every current licence it sealed is issued anew, as its next version.

    for outcome in resealer.reseal(seal_id, begin, end, officer=actor, reason="印章失控"):
        ...

The ledger of uses says which licences are concerned (``affected``). Each gets a new data message with the same face,
is sealed with a seal that its department may use now, and is recorded as the next version; the old one is then
SUPERSEDED. The steps are those of ``licence_store.issuance``, and so is what holds when it is stopped half way: run
again it does only what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from licence_store import journal, next_version
from licence_store.catalogue import IssuingRight
from licence_store.issuance import Issuer, Outcome
from licence_store.lifecycle import ENDED
from licence_store.models import IssueIntent, Licence, LicenceVersion, table
from licence_store.numbering import StatusSlot, take_slots
from licence_store.reserving import Answer, insert_intents, reservation_of, role_of
from licence_store.standing import effective_state
from seal.message import parse_message
from seal.models import Seal, SealUse
from seal.using import Wish, admit
from trust.errors import Conflict, LicenceTrustError, Refused
from trust.journal import Actor, Entry

CHUNK = 32
"""Licences reserved, and recorded, in one transaction."""

_INTENTS = table(IssueIntent)


@dataclass(frozen=True, slots=True)
class Resealed:
    """重新盖章 of one licence."""

    licence_id: str
    """The version that the ledger names."""
    outcome: Outcome
    """The next version, or why there is none."""


@dataclass(frozen=True, slots=True)
class Resealer:
    """重新盖章. Whoever calls has seen to it that the officer may."""

    issuer: Issuer

    def affected(
        self,
        seal_id: str,
        begin: datetime | None = None,
        end: datetime | None = None,
        *,
        after: str = "",
        limit: int | None = None,
    ) -> list[str]:
        """受影响的证照: ids of current versions the seal was put on in [``begin``, ``end``), in order, after ``after``.

        Versions that have been superseded, licences that have ended for good, and what has been sealed anew with the
        present object of the seal are left out.
        """
        query = (
            select(SealUse.subject)
            .join(LicenceVersion, LicenceVersion.licence_id == SealUse.subject)
            .join(Licence, Licence.base == LicenceVersion.base)
            .join(Seal, Seal.id == SealUse.seal_id)
            .where(or_(LicenceVersion.version == 1, SealUse.object_digest != Seal.digest))
            .where(SealUse.seal_id == seal_id, SealUse.subject > after, Licence.version == LicenceVersion.version)
            .distinct()  # a version in several forms bears the seal several times
            .order_by(SealUse.subject)
        )
        if begin is not None:
            query = query.where(SealUse.used >= begin)
        if end is not None:
            query = query.where(SealUse.used < end)
        with self.issuer.sessions.read() as session:
            found = session.execute(query).scalars()
            current = (one for some in _chunks(found, 500) for one in _current(session, some, self.issuer.clock()))
            return list(islice(current, limit))

    def reseal(
        self,
        seal_id: str,
        begin: datetime | None = None,
        end: datetime | None = None,
        *,
        officer: Actor,
        reason: str,
    ) -> Iterator[Resealed]:
        """重新盖章 of all that is ``affected``, chunk by chunk; one that fails does not stop the rest.

        Raises ``Refused("seal.reason_missing")`` at once; ``Unavailable`` when the database is away.
        """
        if not reason.strip():
            raise Refused("seal.reason_missing", "“{step}”须说明理由。", step="重新盖章")
        return self._each(self.affected(seal_id, begin, end), officer, reason)

    def _each(self, licence_ids: Sequence[str], officer: Actor, reason: str) -> Iterator[Resealed]:
        for some in _chunks(licence_ids, CHUNK):
            yield from self.reseal_many(some, officer, reason)

    def reseal_many(self, licence_ids: Sequence[str], officer: Actor, reason: str) -> list[Resealed]:
        """One chunk: reserved in one transaction, sealed and checked, recorded in another."""
        with self.issuer.sessions.begin() as session:
            answers = _Reserving(self.issuer, session, officer, reason).reserve(licence_ids)
        outcomes = self.issuer.finish([answers[one] for one in licence_ids])
        self._note_refusals(licence_ids, outcomes, officer, reason)
        return [Resealed(one, outcome) for one, outcome in zip(licence_ids, outcomes, strict=True)]

    def _note_refusals(
        self, licence_ids: Sequence[str], outcomes: Sequence[Outcome], officer: Actor, reason: str
    ) -> None:
        now = self.issuer.clock()
        entries = [
            Entry(now, officer, "licence.reseal", one, reason, outcome.code)
            for one, outcome in zip(licence_ids, outcomes, strict=True)
            if isinstance(outcome, LicenceTrustError)
        ]
        if entries:
            with self.issuer.sessions.begin() as session:
                journal.append(session, entries)


@dataclass(frozen=True, slots=True)
class _Reserving:
    """Step one for further versions, inside one transaction."""

    issuer: Issuer
    session: Session
    officer: Actor
    reason: str
    entries: list[Entry] = field(default_factory=list)

    def reserve(self, licence_ids: Sequence[str]) -> dict[str, Answer]:
        """For each licence what is reserved, or why not."""
        rows = {row.licence_id: row for row in self._newest(licence_ids)}
        answers: dict[str, Answer] = {one: _not_current(one) for one in licence_ids if one not in rows}
        answers |= self._begun(list(rows.values()))
        fresh = sorted(
            (row for one, row in rows.items() if one not in answers), key=lambda r: (r.type_code, r.department_id)
        )
        for (type_code, department), some in groupby(fresh, key=lambda r: (r.type_code, r.department_id)):
            answers |= self._reserve_alike(list(some), type_code, department)
        if self.entries:
            journal.append(self.session, self.entries)
        return answers

    def _newest(self, licence_ids: Sequence[str]) -> list[Row[Any]]:
        """Those that are newest versions."""
        query = next_version.newest_query().where(LicenceVersion.licence_id.in_(licence_ids))
        return list(self.session.execute(query))

    def _begun(self, rows: Sequence[Row[Any]]) -> dict[str, Answer]:
        """What an earlier run reserved and did not finish; where something else is being made, it comes first."""
        found = next_version.begun(self.session, [row.base for row in rows])
        return {
            row.licence_id: reservation_of(found[row.base])
            if found[row.base].kind == "reseal"
            else next_version.under_way(row.licence_id)
            for row in rows
            if row.base in found
        }

    def _reserve_alike(
        self, rows: Sequence[Row[*tuple[Any, ...]]], type_code: str, department: str
    ) -> dict[str, Answer]:
        """Those of one type and department: with the seal that the department uses for the type now."""
        try:
            right = self.issuer.catalogue.right(self.session, type_code, department)
        except LicenceTrustError as error:
            return dict.fromkeys((row.licence_id for row in rows), error)
        now = self.issuer.clock()
        role = role_of(self.session, self.officer.account)
        room = admit(self.session, Wish(right.seal_id, self.officer, role, type_code, len(rows)), now)
        answers: dict[str, Answer] = {}
        if room.refusal is not None:
            answers |= dict.fromkeys((row.licence_id for row in rows[room.count :]), room.refusal)
        if room.count:
            answers |= self._insert(rows[: room.count], right, now)
        return answers

    def _insert(self, rows: Sequence[Row[*tuple[Any, ...]]], right: IssuingRight, now: datetime) -> dict[str, Answer]:
        slots = take_slots(self.session, len(rows), now, rows[0].type_code)
        versions = next_version.next_versions(self.session, [row.base for row in rows])
        intents = {
            row.licence_id: self._intent(row, versions[row.base], right, slot, now)
            for row, slot in zip(rows, slots, strict=True)
        }
        inserted = insert_intents(self.session, list(intents.values()))
        query = select(*_INTENTS.c).where(_INTENTS.c.licence_id.in_(inserted))
        reserved = {row.licence_id: reservation_of(row) for row in self.session.execute(query)}
        for old, intent in intents.items():
            if (one := str(intent["licence_id"])) in reserved:
                details = {"replaces": old}
                self.entries.append(Entry(now, self.officer, "licence.reserve", one, self.reason, details=details))
        return {old: reserved.get(str(i["licence_id"])) or _begun_elsewhere(old) for old, i in intents.items()}

    def _intent(
        self, row: Row[*tuple[Any, ...]], version: int, right: IssuingRight, slot: StatusSlot, now: datetime
    ) -> dict[str, Any]:
        identifier, lineage = next_version.next_id(row, version), next_version.lineage_to(row, "reseal")
        old, base_url = parse_message(row.message), self.issuer.facts.base_url
        message = next_version.same_again(old, identifier, lineage, right, slot, base_url)
        return next_version.intent(row, "reseal", message, right, slot, self.officer, self.reason, now)


def _current(session: Session, licence_ids: Sequence[str], moment: datetime) -> list[str]:
    """Those that have not ended."""
    query = (
        select(LicenceVersion.licence_id, effective_state(moment).label("state"))
        .join(Licence, Licence.base == LicenceVersion.base)
        .where(LicenceVersion.licence_id.in_(licence_ids))
    )
    states = {row.licence_id: row.state for row in session.execute(query)}
    return [one for one in licence_ids if one in states and states[one] not in ENDED]


def _not_current(licence_id: str) -> Conflict:
    return Conflict("licence.not_newest", "证照 {licence_id} 已有新版本，无需重新盖章。", licence_id=licence_id)


def _begun_elsewhere(licence_id: str) -> Conflict:
    return Conflict("licence.being_resealed", "证照 {licence_id} 正由他人重新盖章。", licence_id=licence_id)


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
