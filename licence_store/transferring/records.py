"""转移登记: what this region knows of its transfers, and the papers it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.transferring.models import Transfer, TransferPaper
from licence_store.transferring.papers import CONSENT, Paper
from trust.errors import NotFound, Refused
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.desk import Desk

OUT, IN = "out", "in"
CONSENTED, RELEASED, COMPLETED, DECLINED = "consented", "released", "completed", "declined"
STATES: Final = (CONSENTED, RELEASED, COMPLETED, DECLINED)
LICENCE: Final = "licence"
"""Kind of the row that keeps the file itself, in the receiving region."""


@dataclass(frozen=True, slots=True)
class TransferView:
    """转移, as this region knows it."""

    id: str
    direction: str
    region: str
    region_name: str
    licence_id: str
    file_digest: str
    type_code: str
    department: str
    state: str
    successor: str
    expires: datetime
    created: datetime
    changed: datetime
    unsent: str
    failure: str
    papers: tuple[str, ...] = ()
    """Kinds of the papers at hand."""


@dataclass(frozen=True, slots=True)
class TransferRecords:
    """转移登记."""

    desk: Desk

    def get(self, transfer_id: str, department: str | None = None) -> TransferView:
        """Raises ``NotFound("transfer.unknown")``, also where another department's staff asks."""
        with self.desk.sessions.read() as session:
            row = self._row(session, transfer_id, "")
            kept = tuple(session.execute(_KINDS.where(TransferPaper.transfer_id == row.id)).scalars())
        if department not in (None, "", row.department_id):
            raise unknown(transfer_id)
        return _view(row, kept)

    def list(
        self, *, department: str | None = None, direction: str = "", state: str = "", limit: int = 200
    ) -> tuple[TransferView, ...]:
        """The newest first."""
        query = select(Transfer).order_by(Transfer.created.desc(), Transfer.id).limit(limit)
        named = ((Transfer.department_id, department), (Transfer.direction, direction), (Transfer.state, state))
        for column, value in named:
            if value:
                query = query.where(column == value)
        with self.desk.sessions.read() as session:
            return tuple(_view(row) for row in session.execute(query).scalars())

    def of_licence(self, base: str) -> tuple[TransferView, ...]:
        """Transfers by which this licence left or came: for its page."""
        prefix = f"{base}.%"
        query = select(Transfer).where(or_(Transfer.licence_id.like(prefix), Transfer.successor.like(prefix)))
        with self.desk.sessions.read() as session:
            found = session.execute(query.order_by(Transfer.created)).scalars()
            return tuple(_view(row) for row in found if row.state != DECLINED)

    def paper(self, transfer_id: str, kind: str) -> bytes:
        """One signed paper as it stands. Raises ``NotFound("transfer.no_paper", "transfer.unknown")``."""
        with self.desk.sessions.read() as session:
            self._row(session, transfer_id, "")
            found = session.get(TransferPaper, (transfer_id, kind))
        if found is None:
            raise NotFound("transfer.no_paper", "该转移没有这种文书：{kind}。", kind=kind[:16])
        return found.data

    # ------------------------------------------------------------ rows

    def _row(
        self, session: Session, transfer_id: str, direction: str, *, hold: bool = False, missing: bool = False
    ) -> Any:
        query = select(Transfer).where(Transfer.id == transfer_id)
        row = session.execute(query.with_for_update() if hold else query).scalar()
        if (row is None or direction not in ("", row.direction)) and not missing:
            raise unknown(transfer_id)
        return row

    def _papers(self, session: Session, transfer_id: str) -> dict[str, TransferPaper]:
        rows = session.execute(select(TransferPaper).where(TransferPaper.transfer_id == transfer_id)).scalars()
        return {row.kind: row for row in rows}

    def _add(
        self,
        session: Session,
        direction: str,
        paper: Paper,
        name: str,
        department: str,
        now: datetime,
        changes: str,
        unsent: str = CONSENT,
    ) -> None:
        session.add(
            Transfer(
                id=paper["id"],
                direction=direction,
                region=paper["from"] if direction == IN else paper["to"],
                region_name=name[:200],
                licence_id=paper["licence_id"],
                file_digest=paper["file_digest"],
                type_code=paper["type_code"],
                department_id=department,
                state=CONSENTED,
                successor="",
                successor_digest="",
                changes=changes,
                expires=paper.moment("expires"),
                created=now,
                changed=now,
                unsent=unsent,
                attempts=0,
                due=now if unsent else None,
                failure="",
            )
        )
        session.flush()

    def _paper(self, session: Session, transfer_id: str, paper: Paper, actor: Actor, now: datetime) -> None:
        self._keep(session, transfer_id, paper.kind, paper.digest, paper.data, actor, now)

    def _keep(
        self, session: Session, transfer_id: str, kind: str, digest: str, data: bytes, actor: Actor, now: datetime
    ) -> None:
        kept = TransferPaper(transfer_id=transfer_id, kind=kind, digest=digest, data=data, recorded=now)
        kept.account = actor.account[:100]
        session.add(kept)
        session.flush()

    def _note(self, session: Session, step: str, actor: Actor, transfer_id: str, reason: str, licence_id: str) -> None:
        details = {"transfer": transfer_id}
        entry = Entry(self.desk.clock(), actor, f"transfer.{step}", licence_id[:200], reason, details=details)
        journal.append(session, [entry])


_KINDS: Any = select(TransferPaper.kind).order_by(TransferPaper.recorded, TransferPaper.kind)


def demand_state(row: Transfer, state: str) -> None:
    if row.state != state:
        raise Refused("transfer.state", "该转移现为 {got}，此步须为 {expected}。", got=row.state, expected=state,
                      remedy="请刷新后查看办理进度。")  # fmt: skip


def move(row: Transfer, state: str, now: datetime, *, unsent: str) -> None:
    row.state, row.changed, row.unsent = state, now, unsent
    row.attempts, row.failure, row.due = 0, "", now if unsent else None


def unknown(transfer_id: str) -> NotFound:
    return NotFound("transfer.unknown", "没有转移 {transfer_id}。", transfer_id=transfer_id[:40])


def _view(row: Transfer, kinds: tuple[str, ...] = ()) -> TransferView:
    return TransferView(
        row.id, row.direction, row.region, row.region_name, row.licence_id, row.file_digest, row.type_code,
        row.department_id, row.state, row.successor, row.expires, row.created, row.changed, row.unsent, row.failure,
        kinds,
    )  # fmt: skip
