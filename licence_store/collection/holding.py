"""隔离: rows are held back with every reason against them, and let go when they survive."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from licence_store.collection.cleansing import Cleanser, Decided
from licence_store.collection.models import QuarantineFinding, QuarantineRow
from licence_store.collection.repetitions import batches
from licence_store.collection.rows import Told
from licence_store.collection.runs import Run
from licence_store.collection.texts import to_text
from licence_store.models import table
from trust.errors import printable
from trust.journal import Actor

OPEN, MENDED, RELEASED, DISCARDED = "open", "mended", "released", "discarded"
WAITING = (OPEN, MENDED)
"""States in which a row is in the quarantine; in the others its content is gone."""
STATES = (OPEN, MENDED, RELEASED, DISCARDED)
_Q, _F = table(QuarantineRow).c, table(QuarantineFinding).c
_KNOWN = select(_Q.id, _Q.item_id, _Q.state).where(_Q.item_id.in_(bindparam("items", expanding=True)))
_AGAIN = (
    update(table(QuarantineRow))
    .where(_Q.id == bindparam("quarantine"))
    .values(
        run_id=bindparam("run"), row=bindparam("place"), state=OPEN, content=bindparam("said"),
        revision=_Q.revision + 1, held=bindparam("since"), changed=bindparam("since"), changed_by=bindparam("by"),
        reason="", licence_id="",
    )
)  # fmt: skip


def hold(session: Session, held: Sequence[Decided], run: Run, cleanser: Cleanser, actor: Actor, now: datetime) -> None:
    """Put rows into the quarantine, or say anew why they are there."""
    if not held:
        return
    known = _known(session, [d.item_id for d in held])
    connection = session.connection()
    new: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for decided in held:
        said = to_text(decided.row.to_json())
        found = known.get(decided.item_id)
        quarantine = found if found is not None else secrets.token_hex(16)
        if found is None:
            new.append(_row(quarantine, decided, said, run, cleanser, actor, now))
        else:
            again.append({"quarantine": found, "run": run.id, "place": decided.row.number, "said": said, "since": now,
                          "by": actor.account[:100]})  # fmt: skip
        findings += _findings(quarantine, decided)
    if again:
        wipe_findings(session, [one["quarantine"] for one in again], wholly=True)
        connection.execute(_AGAIN, again)
    if new:
        connection.execute(insert(table(QuarantineRow)), new)
    connection.execute(insert(table(QuarantineFinding)), findings)


def release(session: Session, sealed: Mapping[int, str], actor: Actor, now: datetime) -> None:
    """Items that have become licences leave the quarantine; their content is wiped."""
    known = _known(session, list(sealed))
    for item, quarantine in known.items():
        values = {"state": RELEASED, "licence_id": sealed[item], "content": "", "changed": now,
                  "changed_by": actor.account[:100]}  # fmt: skip
        where = (QuarantineRow.id == quarantine, QuarantineRow.state.in_(WAITING))
        session.execute(update(QuarantineRow).where(*where).values(revision=QuarantineRow.revision + 1, **values))
    wipe_findings(session, list(known.values()))


def wipe_findings(session: Session, quarantine_ids: Sequence[str], *, wholly: bool = False) -> None:
    """Forget what findings quote; that a rule was broken stays known, unless ``wholly``."""
    for some in batches(quarantine_ids):
        chosen = QuarantineFinding.quarantine_id.in_(some)
        if wholly:
            session.execute(delete(QuarantineFinding).where(chosen))
        else:
            session.execute(update(QuarantineFinding).where(chosen).values(message=""))


def _known(session: Session, items: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in batches(items):
        found |= {row.item_id: row.id for row in session.connection().execute(_KNOWN, {"items": some})}
    return found


def _row(
    quarantine: str, decided: Decided, said: str, run: Run, cleanser: Cleanser, actor: Actor, now: datetime
) -> dict[str, Any]:
    return {
        "id": quarantine,
        "source_id": cleanser.source_id,
        "item_id": decided.item_id,
        "key": decided.key,
        "run_id": run.id,
        "row": decided.row.number,
        "type_code": cleanser.definition.code,
        "department_id": actor.department or "",
        "state": OPEN,
        "content": said,
        "revision": 1,
        "held": now,
        "changed": now,
        "changed_by": actor.account[:100],
        "reason": "",
        "licence_id": "",
    }


def _findings(quarantine: str, decided: Decided) -> list[dict[str, Any]]:
    told = [Told.of(finding) for finding in decided.findings]
    return [
        {
            "quarantine_id": quarantine,
            "number": number,
            "rule": one.rule[:64],
            "code": one.code[:64],
            "field": printable(one.field)[:40],
            "severity": one.severity,
            "message": to_text({"template": one.template, "params": dict(one.params)}),
        }
        for number, one in enumerate(told, 1)
    ]
