"""归集: the door. A source is run, pages enter rows, what was held back is run again; all through one pipeline:

view = desk.collector.run("county-societies", officer)
[outcome] = desk.collector.enter("window-3", [IncomingRow(1, "2026-0007", record)], officer)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from licence_store import journal
from licence_store.batch import BatchJob
from licence_store.collection import holding, runs
from licence_store.collection.checks import examine
from licence_store.collection.cleansing import HELD, ISSUED, REVISE, UNCHANGED, Cleanser, Decided
from licence_store.collection.connectors.delivery import Delivered, Delivery
from licence_store.collection.declarations import MODES, Declaration
from licence_store.collection.models import CollectionSource, QuarantineRow
from licence_store.collection.opening import Opener
from licence_store.collection.pipeline import CHUNK, Pipeline
from licence_store.collection.rows import Evidence, Finding, IncomingRow, extras_from_json
from licence_store.collection.runs import CHECK, COLLECT, ENTER, RERUN, Run, RunView
from licence_store.collection.sources import SourceView, allowed, rules_of
from licence_store.collection.texts import to_text
from licence_store.extras import PLAIN, IssueExtras
from licence_store.issuance import BEIJING
from licence_store.reserving import IssuedLicence
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, Malformed, Refused
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.desk import Desk

_ORIGINAL = {"original.number": "number", "original.issued_on": "issued_on"}
_PAGE = 500


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one entered row."""

    number: int
    key: str
    what: str
    """``issued``, ``revised``, ``unchanged`` or ``held``."""
    licence: IssuedLicence | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever waits for a run: hears how far it is, and may stop it. Made by a job, or by the command line."""

    told: Callable[[int, int | None, int], None] = lambda _done, _total, _held: None
    stopped: Callable[[], bool] = lambda: False
    beside: Callable[[Session, str], None] | None = None
    """Called in the transaction of each chunk, with the position."""


@dataclass(frozen=True, slots=True)
class Collector:
    """归集."""

    desk: Desk

    @property
    def _sessions(self) -> Sessions:
        return self.desk.sessions

    def run(
        self,
        source_id: str,
        actor: Actor,
        *,
        file: Path | None = None,
        check: bool = False,
        workers: int = 0,
        watch: Watch | None = None,
        chunk: int = CHUNK,
    ) -> RunView:
        """归集 what a source has (or the ``file`` that was brought), or go on with the run that was interrupted.

        ``check``: cleanse only, seal nothing. What stops the run (a source or a key that is away) is in the answer;
        the run goes on from there when it is started again. Raises ``NotFound("source.unknown")``,
        ``Refused("source.closed", "source.nothing_to_read", "collection.department", "grant.*")`` and what opening
        the source raises.
        """
        source = self._open(source_id, actor)
        delivery = Opener(self.desk.region.directory).delivery(source.declaration, source.watermark, file)
        identity = {**delivery.identity, "kind": source.declaration.connector.kind}
        kind, now = CHECK if check else COLLECT, self.desk.clock()
        with self._sessions.begin() as session:
            run = runs.begin(session, source.id, kind, identity, delivery.watermark, delivery.total, actor, now)
            self._journal(session, run, actor, now, "collection.resume" if run.resumed else "collection.run")
        watch = watch or Watch()
        pipeline = self._pipeline(source, run, actor, workers, watch, delivery.total, chunk)
        pipeline.sealing = not check
        rows = self._incoming(source.declaration, delivery, run.position)
        failed = self._take(pipeline, rows)
        return self._end(pipeline, failed, actor, source, delivery, identity)

    def rerun(
        self,
        source_id: str,
        actor: Actor,
        *,
        ids: Sequence[str] | None = None,
        workers: int = 0,
        watch: Watch | None = None,
    ) -> RunView:
        """重新清洗 what is in the quarantine of a source (or these rows of it), mended or not, as it stands now."""
        source = self._open(source_id, actor, closed_too=True)
        now = self.desk.clock()
        identity = {"quarantine": sm3(to_text(sorted(ids)).encode()).hex() if ids is not None else "all"}
        with self._sessions.begin() as session:
            run = runs.begin(session, source.id, RERUN, identity, "", None, actor, now)
            self._journal(session, run, actor, now, "collection.rerun")
        pipeline = self._pipeline(source, run, actor, workers, watch or Watch(), None, CHUNK)
        pipeline.again = True
        failed = self._take(pipeline, self._held_back(source.id, run.position, ids))
        return self._end(pipeline, failed, actor, source, None, identity)

    def enter(self, source_id: str, rows: Sequence[IncomingRow], actor: Actor) -> list[RowOutcome]:
        """录入 a few rows (from a page): cleansed, then sealed at once, or held back with the reasons.

        Raises what concerns them all, a key or a database that is away for instance; then nothing is lost, and the
        same rows may be entered again.
        """
        source = self._open(source_id, actor)
        rows = [row if row.extras != PLAIN else replace(row, extras=extras_of(source.declaration)) for row in rows]
        now = self.desk.clock()
        with self._sessions.begin() as session:
            identity = {"entered": sm3(to_text([row.digest for row in rows]).encode()).hex(), "at": now.isoformat()}
            run = runs.begin(session, source.id, ENTER, identity, "", len(rows), actor, now)
            self._journal(session, run, actor, now, "collection.enter")
        pipeline = self._pipeline(source, run, actor, 1, Watch(), len(rows), CHUNK)
        outcomes: list[RowOutcome] = []
        pipeline.outcomes = lambda decided, licence: outcomes.append(_outcome(decided, licence))
        failed = self._take(pipeline, iter(rows))
        with self._sessions.begin() as session:
            if failed is None:
                runs.finish(session, pipeline.run, complete=False, now=self.desk.clock())
            else:
                runs.stop(session, pipeline.run, failed, self.desk.clock(), final=True)
        if failed is not None:
            raise failed
        return outcomes

    def examine(self, type_name: str, record: Mapping[str, object]) -> tuple[Finding, ...]:
        """清洗 one record by its own values: every reason against it; nothing is kept."""
        definition = self.desk.catalogue.get(type_name)
        return examine(definition, rules_of(definition), record, self._today()).findings

    # The steps

    def _open(self, source_id: str, actor: Actor, *, closed_too: bool = False) -> SourceView:
        source = self.desk.sources.get(source_id)
        allowed(actor, source.department_id)
        if source.closed is not None and not closed_too:
            raise Refused("source.closed", "来源“{id}”已停用。", id=source.id)
        return source

    def _today(self) -> Any:
        return self.desk.clock().astimezone(BEIJING).date()

    def _pipeline(
        self, source: SourceView, run: Run, actor: Actor, workers: int, watch: Watch, total: int | None, chunk: int
    ) -> Pipeline:
        cleanser = Cleanser(
            self._sessions,
            self.desk.catalogue.get(source.type_code),
            source.id,
            source.title,
            source.declaration.authority,
            Opener(self.desk.region.directory).facts(source.declaration),
            self.desk.clock,
            self._today(),
        )
        officer = replace(actor, department=source.department_id)
        job = BatchJob(self.desk.settings, source.type_code, None, officer)
        return Pipeline(
            self.desk, cleanser, job, run, workers=workers, beside=watch.beside, stopped=watch.stopped, chunk=chunk,
            told=lambda now, held: watch.told(now.seen, total, held),
        )  # fmt: skip

    def _take(self, pipeline: Pipeline, rows: Iterator[IncomingRow]) -> LicenceTrustError | None:
        try:
            pipeline.take(rows)
        except Conflict as error:
            if error.code == "collection.taken_over":
                raise
            return error
        except LicenceTrustError as error:
            return error
        return None

    def _end(
        self, pipeline: Pipeline, failed: LicenceTrustError | None, actor: Actor, source: SourceView,
        delivery: Delivery | None, identity: Mapping[str, Any],
    ) -> RunView:  # fmt: skip
        run, now = pipeline.run, self.desk.clock()
        with self._sessions.begin() as session:
            if delivery is not None and delivery.watermark not in ("", run.watermark) and not run.watermark:
                run = runs.note_watermark(session, run, identity, delivery.watermark)
            if failed is not None:
                runs.stop(session, run, failed, now, final=isinstance(failed, Malformed))
            elif pipeline.was_stopped:
                runs.stop(session, run, None, now)
            else:
                complete = delivery is not None and delivery.complete and pipeline.sealing
                runs.finish(session, run, complete=complete, now=now)
                if delivery is not None and pipeline.sealing and run.watermark:
                    where = CollectionSource.id == source.id
                    session.execute(update(CollectionSource).where(where).values(watermark=run.watermark))
            entry = runs.view(session, run.id)
            result = failed.code if failed is not None else "ok"
            self._journal(session, run, actor, now, f"collection.{entry.state}", result, entry.counts)
            return entry

    def _journal(
        self, session: Session, run: Run, actor: Actor, now: datetime, action: str, result: str = "ok",
        counts: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        details = {"run": run.id, "number": str(run.number), "kind": run.kind}
        details |= {name: str(count) for name, count in (counts or {}).items()}
        journal.append(session, [Entry(now, actor, action, run.source_id, result=result, details=details)])

    def _incoming(self, declared: Declaration, delivery: Delivery, position: str) -> Iterator[IncomingRow]:
        extras = extras_of(declared)
        for one in delivery.rows(position):
            yield _mapped(declared, one, extras)

    def _held_back(self, source_id: str, after: str, ids: Sequence[str] | None) -> Iterator[IncomingRow]:
        """Rows of the quarantine in the order of their ids, which is also the position."""
        while True:
            query = select(QuarantineRow).where(
                QuarantineRow.source_id == source_id, QuarantineRow.state.in_(holding.WAITING), QuarantineRow.id > after
            )
            if ids is not None:
                query = query.where(QuarantineRow.id.in_(list(ids)[:10_000]))
            with self._sessions.read() as session:
                page = list(session.execute(query.order_by(QuarantineRow.id).limit(_PAGE)).scalars())
            for row in page:
                yield incoming_of(row)
            if len(page) < _PAGE:
                return
            after = page[-1].id


def origin_of(declared: Declaration) -> str:
    """信息来源 as the licence says it (R030)."""
    return declared.origin or f"{MODES[declared.mode]}：{declared.title}"


def extras_of(declared: Declaration) -> IssueExtras:
    """What every licence from this source says besides its record."""
    return IssueExtras(source=origin_of(declared), credibility=declared.credibility)


def incoming_of(row: QuarantineRow) -> IncomingRow:
    """A row of the quarantine, to be run again."""
    kept = json.loads(row.content)
    evidence = tuple(Evidence(one["name"], one["digest"]) for one in kept["evidence"])
    return IncomingRow(row.row, row.key, kept["record"], row.id, extras_from_json(kept["extras"]), evidence)


def _mapped(declared: Declaration, one: Delivered, extras: IssueExtras) -> IncomingRow:
    if isinstance(one.content, LicenceTrustError):
        return IncomingRow(one.number, f"#{one.number}", one.content, one.position, extras)
    record: dict[str, object] = dict(declared.mapper.record(one.content))
    original = {field: str(record.pop(name)) for name, field in _ORIGINAL.items() if name in record}
    if original:
        extras = replace(extras, **original)  # type: ignore[arg-type]
    if declared.key:
        texts = declared.mapper.text_of(one.content, declared.key)
        key = "|".join(texts) if all(texts) else ""
    else:
        key = sm3(to_text({name: str(value) for name, value in record.items()}).encode()).hex()
    return IncomingRow(one.number, key, record, one.position, extras)


def _outcome(decided: Decided, licence: IssuedLicence | None) -> RowOutcome:
    what = {HELD: HELD, UNCHANGED: UNCHANGED, REVISE: "revised"}.get(decided.verdict, ISSUED)
    return RowOutcome(decided.row.number, decided.key, what, licence, decided.findings)
