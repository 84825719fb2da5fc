"""共享日志: every question with its purpose and what became of it, refusals too; for both sides' accounts (R117).

Told to a holder: in their use ledger, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, func, insert, select

from licence_store import journal
from licence_store.ledger.ledger import Ledger, UseNote
from licence_store.sharing.answers import Found
from licence_store.sharing.calls import Call
from licence_store.sharing.models import SharingCall
from seal.database import Sessions
from trust.errors import LicenceTrustError, Malformed
from trust.identifiers import parse_licence_id
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

ACTS: Final = {
    "licence": "view", "holder": "view", "qr": "view", "batch": "list", "check": "check", "verify": "verify",
    "compare": "check", "download": "download", "copy": "verify",
}  # fmt: skip
"""Operation → act of the use ledger; the catalogue tells of nobody, and an acceptance is noted where it is counted."""


@dataclass(frozen=True, slots=True)
class CallView:
    """One line of the log."""

    id: int
    at: datetime
    client_id: str
    region: str
    operation: str
    type_code: str
    department: str
    subject: str
    purpose: dict[str, str]
    result: str
    request: str
    answer: str
    address: str

    @property
    def refused(self) -> bool:
        """Codes of refusals are in lower case, outcomes in capitals."""
        return self.result[:1].islower()


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much of what there was."""

    client_id: str
    operation: str
    result: str
    count: int


@dataclass(frozen=True)
class CallLog:
    """共享日志."""

    sessions: Sessions
    ledger: Ledger
    clock: Callable[[], datetime]

    def answered(self, call: Call, found: Found, answer: str) -> None:
        """Written together: the log, the ledgers of the holders concerned, the journal."""
        now = self.clock()
        row = _row(call, now, str(found.outcome), found, answer)
        notes = [_note(call, holder, subject, str(found.outcome), now) for holder, subject in _holders(found)]
        with self.sessions.begin() as session:
            session.execute(insert(SharingCall), [row])
            if notes and call.operation in ACTS:
                self.ledger.note(session, *notes)
            journal.append(session, [_entry(call, now, found.subject, str(found.outcome), found.type_code)])

    def refused(self, call: Call, error: LicenceTrustError, found: Found | None = None) -> None:
        """A question of a known caller that was not answered; the holder it was about is told."""
        now = self.clock()
        row = _row(call, now, error.code, found, "")
        notes = [_note(call, holder, subject, error.code, now, "refuse") for holder, subject in _holders(found)]
        with self.sessions.begin() as session:
            session.execute(insert(SharingCall), [row])
            if notes:
                self.ledger.note(session, *notes)
            journal.append(session, [_entry(call, now, found.subject if found else "", error.code, "")])

    def turned_away(self, operation: str, error: LicenceTrustError, *, caller: str, request: str, address: str) -> None:
        """A request that was not let in: nothing it says of itself but ``caller`` was proved."""
        row = {
            "at": self.clock(), "client_id": caller[:64], "region": "", "operation": operation[:16], "type_code": "",
            "department_id": "", "subject": "", "holder_code": "", "purpose": "", "result": error.code[:100],
            "request": request, "answer": "", "address": address[:100],
        }  # fmt: skip
        with self.sessions.begin() as session:
            session.execute(insert(SharingCall), [row])

    def page(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        client_id: str = "",
        department: str = "",
        refusals_only: bool = False,
    ) -> tuple[tuple[CallView, ...], int | None]:
        """Newest first, and where the next page begins."""
        query = select(SharingCall).order_by(SharingCall.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(SharingCall.id < before)
        for name, value in (("client_id", client_id), ("department_id", department)):
            if value:
                query = query.where(getattr(SharingCall, name) == value)
        if refusals_only:
            query = query.where(_is_refusal())
        with self.sessions.read() as session:
            rows = [_view(row) for row in session.execute(query).scalars()]
        return tuple(rows[:limit]), rows[limit - 1].id if len(rows) > limit else None

    def traffic(self, days: int = 7) -> tuple[Traffic, ...]:
        """Counts by client, operation and result."""
        since = self.clock() - timedelta(days=days)
        columns = (SharingCall.client_id, SharingCall.operation, SharingCall.result)
        query = select(*columns, func.count()).where(SharingCall.at >= since).group_by(*columns).order_by(*columns)
        with self.sessions.read() as session:
            return tuple(Traffic(*row) for row in session.execute(query))


def _is_refusal() -> ColumnElement[bool]:
    return func.lower(SharingCall.result) == SharingCall.result


def _row(call: Call, now: datetime, result: str, found: Found | None, answer: str) -> dict[str, object]:
    return {
        "at": now,
        "client_id": call.caller.id[:64],
        "region": call.caller.region[:12],
        "operation": call.operation[:16],
        "type_code": found.type_code[:21] if found else "",
        "department_id": found.department[:32] if found else "",
        "subject": found.subject[:160] if found else "",
        "holder_code": found.holder_code[:64] if found else "",
        "purpose": json.dumps(call.purpose.to_json(), ensure_ascii=False),
        "result": result[:100],
        "request": call.request,
        "answer": answer,
        "address": (call.actor.address or "")[:100],
    }


def _entry(call: Call, now: datetime, subject: str, result: str, type_code: str) -> Entry:
    said = {"operation": call.operation, "type": type_code, "mode": call.caller.mode, "request": call.request}
    return Entry(now, call.actor, "sharing.call", subject or "register", call.purpose.words, result, said)


def _holders(found: Found | None) -> Iterable[tuple[str, str]]:
    if found is None:
        return ()
    own = ((found.holder_code, found.subject),) if found.holder_code else ()
    return (*own, *found.uses)


def _note(call: Call, holder: str, subject: str, result: str, now: datetime, act: str = "") -> UseNote:
    why = f"{call.purpose.words}；{call.purpose.basis}"
    named = act or ACTS.get(call.operation, "view")
    return UseNote(holder, _base(subject), named, call.caller.name, call.caller.id, why[:500], result, now)


def _base(subject: str) -> str:
    try:
        return parse_licence_id(subject).base
    except Malformed:
        return subject


def _view(row: SharingCall) -> CallView:
    return CallView(
        row.id, row.at, row.client_id, row.region, row.operation, row.type_code, row.department_id, row.subject,
        json.loads(row.purpose) if row.purpose else {}, row.result, row.request, row.answer, row.address,
    )  # fmt: skip


def caller_actor(caller_id: str, address: str) -> Actor:
    """The actor of a call, for the journal."""
    return Actor(f"sharing:{caller_id}"[:100], None, address, "http")
