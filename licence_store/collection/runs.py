"""归集批次: how far a run has come. What is counted and the position move in one transaction, once.

A run belongs to whoever holds its ticket. Who goes on with a run takes a new ticket; the one before finds that out
when it next writes, and stops: nothing is counted twice, nothing is lost.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from licence_store.collection.models import CollectionItem, CollectionRun, CollectionSource
from licence_store.collection.texts import to_text
from trust.errors import Conflict, LicenceTrustError, NotFound
from trust.journal import Actor

COLLECT, CHECK, RERUN, ENTER = "collect", "check", "rerun", "enter"
"""A delivery; a delivery, only to be cleansed; what was held back; what a page enters."""
RUNNING, STOPPED, DONE, FAILED = "running", "stopped", "done", "failed"
COUNTS = ("seen", "unchanged", "issued", "revised", "held", "warned")
_R = CollectionRun


@dataclass(frozen=True, slots=True)
class Run:
    """批次 in hand."""

    id: str
    source_id: str
    number: int
    kind: str
    ticket: str
    position: str
    seen: int
    watermark: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """批次 as it stands."""

    id: str
    source_id: str
    number: int
    kind: str
    state: str
    input: Mapping[str, Any]
    started: datetime
    changed: datetime
    finished: datetime | None
    actor: str
    department_id: str
    error: Mapping[str, Any]
    total: int | None
    counts: Mapping[str, int]
    """``COUNTS`` and ``gone``."""

    @property
    def stopped_by(self) -> LicenceTrustError | None:
        """Why it stopped or failed; ``None``: nothing went wrong."""
        if not self.error:
            return None
        told = self.error
        return LicenceTrustError(told["code"], told["template"], remedy=told["remedy"], **told["params"])


def begin(
    session: Session, source_id: str, kind: str, delivery: Mapping[str, Any], watermark: str, total: int | None,
    actor: Actor, now: datetime,
) -> Run:  # fmt: skip
    """Go on with the run of this kind and delivery that was not finished, or begin one; entering always begins one."""
    session.execute(select(CollectionSource.id).where(CollectionSource.id == source_id).with_for_update())
    ticket = secrets.token_hex(16)
    left = _unfinished(session, source_id, kind) if kind != ENTER else None
    if left is not None:
        kept = json.loads(left.input)
        if kept["delivery"] == dict(delivery):
            values = {"ticket": ticket, "state": RUNNING, "changed": now, "error": "", "actor": actor.account[:100]}
            session.execute(update(_R).where(_R.id == left.id).values(values))
            return Run(left.id, source_id, left.number, kind, ticket, left.position, left.seen, kept["watermark"], True)
        given_up = {"state": FAILED, "finished": now, "changed": now, "error": _error(_changed()), "ticket": ""}
        session.execute(update(_R).where(_R.id == left.id).values(given_up))
    newest = session.execute(select(func.max(_R.number)).where(_R.source_id == source_id)).scalar()
    number = (newest or 0) + 1
    run = Run(secrets.token_hex(16), source_id, number, kind, ticket, "", 0, watermark, False)
    row = {
        "id": run.id,
        "source_id": source_id,
        "number": number,
        "kind": kind,
        "input": to_text({"delivery": dict(delivery), "watermark": watermark}),
        "state": RUNNING,
        "ticket": ticket,
        "position": "",
        "started": now,
        "changed": now,
        "finished": None,
        "actor": actor.account[:100],
        "department_id": actor.department or "",
        "error": "",
        "total": total,
        **dict.fromkeys((*COUNTS, "gone"), 0),
    }
    session.execute(insert(CollectionRun), [row])
    return run


def _unfinished(session: Session, source_id: str, kind: str) -> CollectionRun | None:
    where = (_R.source_id == source_id, _R.kind == kind, _R.state.in_((RUNNING, STOPPED)))
    return session.execute(select(_R).where(*where).order_by(_R.number.desc()).limit(1)).scalar()


def _changed() -> Conflict:
    return Conflict("collection.delivery_changed", "交付内容已变，未完成的批次不再继续。")


def advance(session: Session, run: Run, position: str, counts: Mapping[str, int], now: datetime) -> Run:
    """Move on to ``position`` and count; raises ``Conflict("collection.taken_over")`` where another has gone on."""
    values: dict[Any, Any] = {getattr(_R, name): getattr(_R, name) + number for name, number in counts.items()}
    values |= {_R.position: position, _R.changed: now}
    _demand(session.execute(update(_R).where(_R.id == run.id, _R.ticket == run.ticket).values(values)))
    return replace(run, position=position, seen=run.seen + counts.get("seen", 0))


def note_watermark(session: Session, run: Run, delivery: Mapping[str, Any], watermark: str) -> Run:
    """The watermark of this run, once the connector has heard it."""
    kept = to_text({"delivery": dict(delivery), "watermark": watermark})
    _demand(session.execute(update(_R).where(_R.id == run.id, _R.ticket == run.ticket).values(input=kept)))
    return replace(run, watermark=watermark)


def stop(session: Session, run: Run, error: LicenceTrustError | None, now: datetime, *, final: bool = False) -> None:
    """It stops here; ``final``: and does not go on."""
    values = {"state": FAILED if final else STOPPED, "changed": now, "error": _error(error) if error else ""}
    if final:
        values["finished"] = now
    session.execute(update(_R).where(_R.id == run.id, _R.ticket == run.ticket).values(values))


def finish(session: Session, run: Run, *, complete: bool, now: datetime) -> int:
    """It is done; answers how many things the source has no more, where it gave all it has."""
    gone = 0
    if complete:
        item = CollectionItem
        missing = (item.source_id == run.source_id, item.run < run.number, item.gone.is_(None))
        answer = session.execute(update(item).where(*missing).values(gone=run.number))
        gone = answer.rowcount  # type: ignore[attr-defined]
    values = {"state": DONE, "finished": now, "changed": now, "gone": gone}
    _demand(session.execute(update(_R).where(_R.id == run.id, _R.ticket == run.ticket).values(values)))
    return gone


def _demand(answer: Any) -> None:
    if answer.rowcount != 1:
        raise Conflict("collection.taken_over", "该批次已由另一进程接手，本进程停止。")


def _error(error: LicenceTrustError) -> str:
    params = {name: str(value)[:300] for name, value in error.params.items()}
    told = {"code": error.code, "template": error.template, "remedy": error.remedy_template, "params": params}
    return to_text(told)


def view(session: Session, run_id: str) -> RunView:
    """One run; raises ``NotFound("collection.run_unknown")``."""
    row = session.get(CollectionRun, run_id[:64])
    if row is None:
        raise NotFound("collection.run_unknown", "没有归集批次 {id}。", id=run_id[:32])
    return view_of(row)


def view_of(row: CollectionRun) -> RunView:
    """A row as it stands."""
    counts = {name: getattr(row, name) for name in (*COUNTS, "gone")}
    error = json.loads(row.error) if row.error else {}
    return RunView(row.id, row.source_id, row.number, row.kind, row.state, json.loads(row.input)["delivery"],
                   row.started, row.changed, row.finished, row.actor, row.department_id, error, row.total,
                   counts)  # fmt: skip
