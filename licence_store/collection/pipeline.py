"""归集流程: rows in, licences and a quarantine out; in flat memory, on all cores, stopped and gone on with anywhere.

1. ``Cleanser.decide``: a chunk is cleansed; what survives is noted and leaves its marks. One transaction.
2. What survives is sealed, chunk by chunk (``licence_store.batch``); what has changed becomes a new version.
3. ``_book``: licences, quarantine, counts and the position. One transaction, in the order of the delivery.

Killed anywhere, the chunks after the position are done again: cleansing finds its own notes, issuing gives the same
licence for the same row, and nothing is counted twice, for what is counted moves with the position.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.batch import BatchJob, BatchOutcome, issue_chunks
from licence_store.collection import holding, runs
from licence_store.collection.checks import ISSUE
from licence_store.collection.cleansing import HELD, ISSUED, REVISE, SEAL, UNCHANGED, Cleanser, Decided
from licence_store.collection.models import CollectionItem, CollectionTally
from licence_store.collection.repetitions import OURS, forget
from licence_store.collection.rows import Finding, IncomingRow
from licence_store.collection.runs import Run
from licence_store.intake import Row
from licence_store.models import LicenceVersion, table
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Unavailable, printable
from trust.identifiers import parse_licence_id

if TYPE_CHECKING:
    from licence_store.desk import Desk

CHUNK = 256
"""Rows cleansed in one transaction."""
_REASON = "来源数据变更"
_STOPS = ("seal.", "grant.", "account.", "type.", "batch.", "keys.", "database.")
"""Errors of issuing that concern every row: the run stops, and goes on when the matter is mended."""
_I = table(CollectionItem).c
_BECAME = (
    update(table(CollectionItem))
    .where(_I.id == bindparam("item"))
    .values(state=bindparam("stands"), licence_base=bindparam("licence"))
)
_T = CollectionTally


@dataclass(slots=True)
class _Chunk:
    """A chunk on its way."""

    decided: list[Decided]
    position: str
    waiting: deque[int]
    """Places of what is being sealed, in order."""
    issued: dict[int, IssuedLicence | LicenceTrustError] = field(default_factory=dict)


@dataclass(slots=True)
class Pipeline:
    """归集 of one run. ``told`` hears (rows seen, held back) after each chunk; ``stopped`` is asked before the next."""

    desk: Desk
    cleanser: Cleanser
    job: BatchJob
    run: Run
    workers: int = 0
    again: bool = False
    """Rows of the quarantine, not of a delivery."""
    sealing: bool = True
    """False: cleanse only; what survives waits to be sealed by a later run."""
    beside: Callable[[Session, str], None] | None = None
    """Called in the transaction of each chunk, with the position."""
    told: Callable[[Run, int], None] | None = None
    stopped: Callable[[], bool] = lambda: False
    chunk: int = CHUNK
    outcomes: Callable[[Decided, IssuedLicence | None], None] | None = None
    """Hears of each row what became of it, once it is booked."""
    _under_way: deque[_Chunk] = field(default_factory=deque)
    _held: int = 0
    was_stopped: bool = False

    def take(self, rows: Iterable[IncomingRow]) -> None:
        """Take the rows through; raises what concerns them all, with everything before it booked."""
        parts = self._to_seal(iter(rows))
        sealed = issue_chunks(self.desk, self.job, parts, workers=self.workers) if self.sealing else iter(parts)
        for outcomes in cast("Iterator[list[BatchOutcome]]", sealed):
            self._note(outcomes)
            self._book_finished()
        self._book_finished()

    def _to_seal(self, rows: Iterator[IncomingRow]) -> Iterator[list[Row]]:
        """Cleanse chunk after chunk; what survives, in parts for sealing."""
        while some := list(islice(rows, self.chunk)):
            if self.stopped():
                self.was_stopped = True
                return
            decided = self.cleanser.decide(some, self.run.number, again=self.again)
            waiting = deque(place for place, one in enumerate(decided) if one.verdict == SEAL and self.sealing)
            self._under_way.append(_Chunk(decided, some[-1].position, waiting))
            self._book_finished()
            places = list(waiting)
            for first in range(0, len(places), self.job.chunk):
                part = places[first : first + self.job.chunk]
                yield [self._sealing_row(place, decided[place]) for place in part]

    def _sealing_row(self, place: int, decided: Decided) -> Row:
        key = sm3(f"{self.cleanser.source_id}\x1f{decided.key}".encode("utf-8", "surrogatepass")).hex()
        return Row(place + 1, {**decided.values, "record_id": f"{OURS}{key[:56]}"}, decided.row.extras)

    def _note(self, outcomes: Sequence[BatchOutcome]) -> None:
        chunk = next(one for one in self._under_way if one.waiting)
        for outcome in outcomes:
            place = chunk.waiting.popleft()
            answer = outcome.issued if outcome.error is None else outcome.error
            assert answer is not None
            if isinstance(answer, LicenceTrustError) and _concerns_all(answer):
                raise answer
            chunk.issued[place] = answer

    def _book_finished(self) -> None:
        while self._under_way and not self._under_way[0].waiting:
            self._book(self._under_way.popleft())

    # One chunk into the books

    def _book(self, chunk: _Chunk) -> None:
        became: list[tuple[Decided, IssuedLicence | None]] = []
        for place, decided in enumerate(chunk.decided):
            became.append(self._become(decided, chunk.issued.get(place)))
        now = self.desk.clock()
        with self.desk.sessions.begin() as session:
            self.run = runs.advance(session, self.run, chunk.position, _counts(became), now)
            self._write(session, became, now)
            if self.beside is not None:
                self.beside(session, chunk.position)
        self._held += sum(d.verdict == HELD for d, _ in became)
        if self.outcomes is not None:
            for decided, licence in became:
                self.outcomes(decided, licence)
        if self.told is not None:
            self.told(self.run, self._held)

    def _become(
        self, decided: Decided, answer: IssuedLicence | LicenceTrustError | None
    ) -> tuple[Decided, IssuedLicence | None]:
        """What became of a row: its licence, or one reason more against it."""
        try:
            if isinstance(answer, LicenceTrustError):
                raise answer
            if decided.verdict == REVISE and self.sealing:
                return self._revise(decided, decided.base)
            if answer is not None and not answer.created:
                return self._same_or_revised(decided, answer)
        except LicenceTrustError as error:
            if _concerns_all(error):
                raise
            finding = Finding(ISSUE, error, str(error.params.get("field", "")))
            return replace(decided, verdict=HELD, findings=(*decided.findings, finding)), None
        return decided, answer

    def _revise(self, decided: Decided, base: str) -> tuple[Decided, IssuedLicence | None]:
        newest = self._newest(base)
        if newest is None or self._says_the_same(newest, decided.values):
            known = newest.licence_id if newest is not None else ""
            return replace(decided, verdict=UNCHANGED, licence_id=known), None
        official = Official(self.job.officer, Role.OFFICER)
        made = self.desk.reviser.revise(
            newest.licence_id, decided.values, official, reason=_REASON, extras=decided.row.extras
        )
        return replace(decided, verdict=REVISE), made

    def _same_or_revised(self, decided: Decided, answer: IssuedLicence) -> tuple[Decided, IssuedLicence | None]:
        """A licence begun by a run that was killed: of the same content, or of what the source said then."""
        base = parse_licence_id(answer.licence_id).base
        newest = self._newest(base)
        if newest is None or self._says_the_same(newest, decided.values):
            return decided, answer
        return self._revise(replace(decided, base=base), base)

    def _newest(self, base: str) -> LicenceVersion | None:
        query = select(LicenceVersion).where(LicenceVersion.base == base).order_by(LicenceVersion.version.desc())
        with self.desk.sessions.read() as session:
            return session.execute(query.limit(1)).scalar()

    def _says_the_same(self, version: LicenceVersion, values: Mapping[str, str]) -> bool:
        from seal.message import parse_message

        face = {one.name: one.value for one in parse_message(version.message).face}
        return all(face.get(name, "") == values.get(name, "") for name in self.cleanser.definition.schema["properties"])

    def _write(self, session: Session, became: Sequence[tuple[Decided, IssuedLicence | None]], now: datetime) -> None:
        held = [d for d, _ in became if d.verdict == HELD]
        sealed = [(d, licence) for d, licence in became if licence is not None]
        rows = [
            {"item": d.item_id, "stands": ISSUED, "licence": parse_licence_id(made.licence_id).base}
            for d, made in sealed
        ]
        rows += [{"item": d.item_id, "stands": HELD, "licence": d.base} for d in held]
        rows += [
            {"item": d.item_id, "stands": ISSUED, "licence": d.base}
            for d, made in became
            if d.verdict == UNCHANGED and d.base and made is None
        ]
        if rows:
            session.connection().execute(_BECAME, rows)
        forget(session, [d.item_id for d in held])
        holding.hold(session, held, self.run, self.cleanser, self.job.officer, now)
        left = {d.item_id: d.licence_id for d, _ in became if d.licence_id}
        left |= {d.item_id: made.licence_id for d, made in sealed}
        holding.release(session, left, self.job.officer, now)
        self._tally(session, became)

    def _tally(self, session: Session, became: Iterable[tuple[Decided, IssuedLicence | None]]) -> None:
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for decided, _ in became:
            counts.update({(f.rule[:64], f.code[:64], printable(f.field)[:40], f.severity) for f in decided.findings})
        if not counts:
            return
        rows = [
            {"run_id": self.run.id, "rule": rule, "code": code, "field": name, "severity": severity, "rows": number}
            for (rule, code, name, severity), number in counts.items()
        ]
        dialect = sqlite if self.desk.sessions.dialect == "sqlite" else postgresql
        insert = dialect.insert(_T)
        added = {"rows": _T.rows + insert.excluded.rows}
        session.execute(insert.on_conflict_do_update(index_elements=["run_id", "rule", "code", "field"], set_=added),
                        rows)  # fmt: skip


def _concerns_all(error: LicenceTrustError) -> bool:
    return isinstance(error, Unavailable) or error.code.startswith(_STOPS)


def _counts(became: Iterable[tuple[Decided, Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for decided, licence in became:
        counts["seen"] += 1
        if decided.verdict == HELD:
            counts["held"] += 1
        elif decided.verdict == UNCHANGED:
            counts["unchanged"] += 1
        elif licence is not None:
            counts["revised" if decided.verdict == REVISE else "issued"] += 1
        counts["warned"] += any(not f.holds_back for f in decided.findings)
    return dict(counts)
