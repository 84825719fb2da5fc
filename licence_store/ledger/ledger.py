"""用证记录: written in the transaction of the act, read by the holder alone, whole or known not to be.

    with sessions.begin() as session:
        ledger.note(session, UseNote(holder_code, base, "view", "市场监管局", "clerk", "受理核对", "ok", now))
        journal.append(session, [...])                    # afterwards: the journal's row is held until the commit

Entries are chained per holder (``trust.use_ledger``), so writers of one holder queue and those of others do not. A
transaction that notes for several holders does so in one call, which takes their rows in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from unicodedata import normalize

from sqlalchemy import Row, bindparam, false, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from keys.signer import Signer
from licence_store.ledger.models import UseHead, UseRecord
from licence_store.models import Licence, table
from seal.database import Sessions
from trust.errors import Malformed, NotFound
from trust.i18n import N_
from trust.identifiers import LICENCE_ROOT, plain_number
from trust.signed import sign_document
from trust.use_ledger import Head, SignedHead, UseEntry, UseLedgerCheck, check_chain, genesis, head_payload

ACTS: Final[Mapping[str, str]] = {
    "view": N_("查阅"),
    "list": N_("检索列出"),
    "check": N_("比对信息"),
    "download": N_("取得文件"),
    "verify": N_("核验真伪"),
    "present": N_("出示亮证"),
    "refuse": N_("拒绝提供"),
    "copy": N_("制成副本"),
    "use": N_("用证"),
    "report_lost": N_("办理挂失"),
    "change": N_("办理变更"),
}
"""What may be done with something of a holder, and its name."""
_RECORDS, _HEADS = table(UseRecord), table(UseHead)
_INSERT = insert(_RECORDS)
_HEAD = select(_HEADS.c.count.label("number"), _HEADS.c.digest).where(_HEADS.c.holder_code == bindparam("holder"))
_THERE = select(_HEADS.c.holder_code).where(_HEADS.c.holder_code.in_(bindparam("codes", expanding=True)))
_HELD = (
    select(_HEADS.c.holder_code, _HEADS.c.count.label("number"), _HEADS.c.digest)
    .where(_HEADS.c.holder_code.in_(bindparam("codes", expanding=True)))
    .order_by(_HEADS.c.holder_code)
    .with_for_update()
)
_MOVE = (
    update(_HEADS)
    .where(_HEADS.c.holder_code == bindparam("holder"))
    .values(count=bindparam("to_count"), digest=bindparam("to_digest"))
)
_HOLDERS_OF = select(Licence.base, Licence.holder_code).where(Licence.base.in_(bindparam("bases", expanding=True)))
_WIDTHS: Final = {"subject": 160, "act": 16, "who": 200, "who_id": 100, "department": 32, "why": 500, "result": 100}
_PAGE: Final = 1000
_MOST_SEQ: Final = (1 << 63) - 1
"""Larger numbers no column holds."""
ONE_LOOK: Final = timedelta(minutes=10)
"""Within this, what the same person looks at again counts as one look."""


@dataclass(frozen=True, slots=True)
class UseNote:
    """要记的一条: what was done with something of a holder."""

    holder_code: str
    """Empty: of the licence whose base ``subject`` is; nothing is noted where there is none."""
    subject: str
    """Base id of a licence, id of a material or of a copy."""
    act: str
    """One of ``ACTS``."""
    who: str
    """As the holder reads it: a department, a system, ``本人``."""
    who_id: str
    why: str
    result: str
    at: datetime
    department: str = ""
    """Short name of the department that acted."""


@dataclass(frozen=True, slots=True)
class UseFilter:
    """筛选; empty members do not narrow."""

    acts: tuple[str, ...] = ()
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    types: tuple[str, ...] | None = None
    """Licences of these types only; ``None``: everything."""
    others_only: bool = False
    """Only what others did: not the holder, nor who acts for them."""


@dataclass(frozen=True, slots=True)
class UsePage:
    """一页用证记录, newest first."""

    entries: tuple[UseEntry, ...]
    next: int | None
    """Cursor of the page after it; ``None``: it was the last."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """用证记录."""

    sessions: Sessions
    clock: Callable[[], datetime]
    signer: Callable[[], Signer]
    """The region's publisher."""
    region: str

    # Writing

    def note(self, session: Session, *notes: UseNote) -> None:
        """Add to the ledgers of the holders concerned, in the caller's transaction.

        Call it once in a transaction, before the journal is written: both are held until the commit. Raises
        ``Malformed("ledger.act")`` for an act that is none.
        """
        by_holder: dict[str, list[UseNote]] = {}
        for code, one in zip(_codes(session, notes), notes, strict=True):
            if code:
                by_holder.setdefault(code, []).append(one)
        if not by_holder:
            return
        rows, moves = [], []
        for head in self._heads(session, sorted(by_holder)):
            seq, previous = head.number, bytes.fromhex(head.digest)
            for one in by_holder[head.holder_code]:
                entry = _entry(seq + 1, one)
                seq, previous = entry.seq, entry.digest(previous)
                rows.append({**_columns(entry), "holder_code": head.holder_code, "digest": previous.hex()})
            moves.append({"holder": head.holder_code, "to_count": seq, "to_digest": previous.hex()})
        session.connection().execute(_INSERT, rows)
        session.connection().execute(_MOVE, moves)

    def record(self, *notes: UseNote) -> None:
        """As ``note``, in a transaction of its own."""
        with self.sessions.begin() as session:
            self.note(session, *notes)

    def note_once(self, session: Session, note: UseNote) -> None:
        """As ``note``, unless the same person did the same with it a moment ago: a page and its pictures are one."""
        [code] = _codes(session, [note])
        same = (UseRecord.holder_code == code, UseRecord.subject == note.subject, UseRecord.act == note.act)
        query = select(UseRecord.seq).where(*same, UseRecord.who_id == _fit(note.who_id, 100), UseRecord.result == "ok")
        if session.execute(query.where(UseRecord.at > note.at - ONE_LOOK).limit(1)).first() is None:
            self.note(session, note)

    def hold(self, session: Session, holder_code: str) -> None:
        """Queue until the commit with whoever else writes for this holder: for rules about how many of something a
        holder may have. Call it before anything else is held, ``note`` included.
        """
        self._heads(session, [holder_code])

    def _heads(self, session: Session, codes: Sequence[str]) -> list[Row[Any]]:
        """The heads of these ledgers, held in one order; those that have none yet get one."""
        execute = session.connection().execute
        there = set(execute(_THERE, {"codes": codes}).scalars())
        if missing := [code for code in codes if code not in there]:
            dialect: Any = sqlite if self.sessions.dialect == "sqlite" else postgresql
            first = dialect.insert(_HEADS).on_conflict_do_nothing()
            execute(first, [{"holder_code": one, "count": 0, "digest": genesis(one).hex()} for one in missing])
        return list(execute(_HELD, {"codes": codes}))

    # Reading

    def page(
        self, holder_code: str, cursor: int | None = None, limit: int = 50, filters: UseFilter | None = None
    ) -> UsePage:
        """Entries of this holder before number ``cursor``, newest first."""
        query = select(UseRecord).where(UseRecord.holder_code == holder_code).order_by(UseRecord.seq.desc())
        for condition in _conditions(filters or UseFilter()):
            query = query.where(condition)
        if cursor is not None:
            query = query.where(UseRecord.seq < cursor)
        with self.sessions.read() as session:
            rows = list(session.execute(query.limit(limit + 1)).scalars())
        return UsePage(tuple(map(_of_row, rows[:limit])), rows[limit - 1].seq if len(rows) > limit else None)

    def entry(self, holder_code: str, seq: int) -> tuple[UseEntry, str]:
        """One entry of this holder and its digest; raises ``NotFound("ledger.unknown")``."""
        with self.sessions.read() as session:
            row = session.get(UseRecord, (holder_code, seq)) if 0 < seq <= _MOST_SEQ else None
        if row is None:
            raise NotFound("ledger.unknown", "您的用证记录中没有第 {seq} 条。", seq=seq)
        return _of_row(row), row.digest

    def head(self, holder_code: str) -> Head:
        """How many entries there are, and the digest of the last."""
        with self.sessions.read() as session:
            return _head(session, holder_code)

    # Whole or not

    def check(self, holder_code: str, earlier: Sequence[SignedHead] = ()) -> UseLedgerCheck:
        """完整性: follow the chain from its first entry. ``earlier``: heads signed before, which holders keep; without
        them a ledger cut short together with its head cannot be told from one that is young.
        """
        heads = [one.head for one in earlier if (one.holder, one.region) == (holder_code, self.region)]
        if len(heads) != len(earlier):
            return UseLedgerCheck(0, genesis(holder_code).hex(), "ledger.head", 0)
        with self.sessions.read() as session:
            return check_chain(holder_code, _all(session, holder_code), [_head(session, holder_code), *heads])

    def export(self, holder_code: str) -> bytes:
        """导出: every entry as a JSON line, then the signed head. Raises ``Unavailable`` where the key is away."""
        now = self.clock()
        with self.sessions.read() as session:
            head = _head(session, holder_code)
            lines = [entry.line(digest) for entry, digest in _all(session, holder_code)]
        signer = self.signer()
        signed = sign_document(head_payload(self.region, holder_code, head, now), signer.sign, [signer.certificate.der])
        return b"".join(line + b"\n" for line in [*lines, signed])


def _codes(session: Session, notes: Sequence[UseNote]) -> list[str]:
    """Whose ledger each belongs to; empty: nobody's."""
    for one in notes:
        if one.act not in ACTS:
            raise Malformed("ledger.act", "用证记录没有“{act}”这一类。", act=one.act[:40])
    bases = sorted({one.subject for one in notes if not one.holder_code})
    rows = session.connection().execute(_HOLDERS_OF, {"bases": bases}) if bases else ()
    found: dict[str, str] = {row.base: row.holder_code for row in rows}
    return [_fit(plain_number(one.holder_code), 64) if one.holder_code else found.get(one.subject, "") for one in notes]


def _entry(seq: int, note: UseNote) -> UseEntry:
    """Within the columns' widths, so that what is digested is what is kept."""
    return UseEntry(seq=seq, at=note.at, **{name: _fit(getattr(note, name), wide) for name, wide in _WIDTHS.items()})


def _fit(text: str, width: int) -> str:
    """Text every database takes: no lone surrogates, no NUL, NFC, not too long."""
    if not text.isascii():
        text = normalize("NFC", text.encode("utf-8", "replace").decode())
    return text.replace("\0", "")[:width]


_ENTRY_FIELDS: Final = tuple(one.name for one in fields(UseEntry))


def _columns(entry: UseEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _ENTRY_FIELDS}


def _of_row(row: UseRecord | Row[Any]) -> UseEntry:
    return UseEntry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})


def _head(session: Session, holder_code: str) -> Head:
    row = session.execute(_HEAD, {"holder": holder_code}).first()
    return Head(row.number, row.digest) if row else Head(0, genesis(holder_code).hex())


def _all(session: Session, holder_code: str) -> Iterator[tuple[UseEntry, str]]:
    """Every entry in order with its digest, a thousand at a time."""
    last = -(1 << 62)
    query = select(*_RECORDS.c).where(_RECORDS.c.holder_code == holder_code).order_by(_RECORDS.c.seq).limit(_PAGE)
    while rows := session.execute(query.where(_RECORDS.c.seq > last)).all():
        for row in rows:
            yield _of_row(row), row.digest
        last = rows[-1].seq


def _conditions(filters: UseFilter) -> Iterable[Any]:
    if filters.acts:
        yield UseRecord.act.in_(filters.acts)
    if filters.subject:
        yield UseRecord.subject == filters.subject
    if filters.since:
        yield UseRecord.at >= filters.since
    if filters.until:
        yield UseRecord.at < filters.until
    if filters.types is not None:
        yield or_(
            false(), *(UseRecord.subject.startswith(f"{LICENCE_ROOT}.{one}.", autoescape=True) for one in filters.types)
        )
    if filters.others_only:
        yield UseRecord.who_id.not_like("holder:%")
