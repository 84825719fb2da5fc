"""全过程留痕: the journal in the register's database, append-only and hash-chained.

Entries are added in the same transaction as the act they speak of; the row of ``JournalHead`` is where
writers queue, so it is taken last and held until the commit. The database refuses to change or delete
an entry (``migrations``); ``check_journal`` finds whoever went round it: an edit, a removal, an
exchange, an insertion anywhere; and, given anchors kept elsewhere, a shortened or rewritten journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import normalize

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.orm import Session

from licence_store.models import JournalEntry, JournalHead, table
from seal.database import Sessions
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError
from trust.journal import GENESIS, Actor, Entry

_ENTRIES, _HEADS = table(JournalEntry), table(JournalHead)
_INSERT = insert(_ENTRIES)
_HEAD = select(_HEADS.c.seq, _HEADS.c.digest).where(_HEADS.c.id == 1)
_HEAD_LOCKED = _HEAD.with_for_update()
_MOVE_HEAD = update(_HEADS).where(_HEADS.c.id == 1).values(seq=bindparam("to_seq"), digest=bindparam("to_digest"))


@dataclass(frozen=True, slots=True)
class Anchor:
    """链首存证: an old head of the chain, kept where the database's owner cannot change it."""

    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """The answer of ``check_journal``."""

    entries: int
    head: str
    """Digest of the newest entry, hex."""
    problem: str = ""
    """Stable code: ``journal.edited``, ``journal.missing``, ``journal.head``, ``journal.anchor``; empty: sound."""
    at: int | None = None
    """Sequence number where the problem shows first."""

    @property
    def intact(self) -> bool:
        return not self.problem


Witness = Callable[[Session, Entry, Sequence[str]], None]
"""用证记录 of an entry: told of it in its transaction, with the ids of all licences it speaks of."""


@dataclass(frozen=True, slots=True)
class SQLJournal:
    """留痕 in the register's database; implements ``trust.journal.Journal``."""

    sessions: Sessions
    clock: Callable[[], datetime]
    witness: Witness | None = None
    """Writes the ledgers of the holders concerned."""

    def record(
        self,
        session: Session | None = None,
        *,
        actor: Actor,
        action: str,
        subject: str,
        reason: str = "",
        result: str = "ok",
        details: Mapping[str, str] | None = None,
        concerning: Sequence[str] = (),
    ) -> None:
        """Write one act down: in ``session``'s transaction, or in one of its own.

        ``concerning``: ids of the licences it concerned, where ``subject`` is not the one.
        """
        entry = Entry(self.clock(), actor, action, subject, reason, result, details or {})
        if session is not None:
            self._write(session, entry, concerning)
            return
        with self.sessions.begin() as own:
            self._write(own, entry, concerning)

    def _write(self, session: Session, entry: Entry, concerning: Sequence[str]) -> None:
        if self.witness is not None:
            self.witness(session, entry, concerning or (entry.subject,))
        append(session, [entry])

    def failed(self, error: LicenceTrustError, *, actor: Actor, action: str, subject: str, reason: str = "") -> None:
        """Write down an act that was refused or failed; its own transaction, as the act's was undone."""
        self.record(actor=actor, action=action, subject=subject, reason=reason, result=error.code)


def append(session: Session, entries: Sequence[Entry]) -> None:
    """Add ``entries`` to the chain. Call it last in a transaction: from here on other writers wait."""
    execute = session.connection().execute
    newest = execute(_HEAD_LOCKED).one()
    rows, previous = [], bytes.fromhex(newest.digest)
    for seq, entry in enumerate(map(_trimmed, entries), newest.seq + 1):
        digest = entry.digest(previous)
        rows.append(_row(seq, entry, previous, digest))
        previous = digest
    execute(_INSERT, rows)
    execute(_MOVE_HEAD, {"to_seq": newest.seq + len(rows), "to_digest": previous.hex()})


def _trimmed(entry: Entry) -> Entry:
    """``entry`` within the columns' widths, so that what is digested is what is kept."""
    actor = entry.actor
    return Entry(
        entry.moment,
        Actor(
            _fit(actor.account, 100),
            _fit(actor.department or "", 32),
            _fit(actor.address or "", 100),
            _fit(actor.channel, 16),
        ),
        _fit(entry.action, 64),
        _fit(entry.subject, 200),
        _fit(entry.reason, 500),
        _fit(entry.result, 100),
        entry.details,
    )


def _fit(text: str, width: int) -> str:
    """Text every database takes: no lone surrogates, no NUL, NFC, not too long."""
    if not text.isascii():
        text = normalize("NFC", text.encode("utf-8", "replace").decode())
    return text.replace("\0", "")[:width]


def _row(seq: int, entry: Entry, previous: bytes, digest: bytes) -> dict[str, object]:
    return {
        "seq": seq,
        "at": entry.moment,
        "actor": entry.actor.account,
        "department": entry.actor.department or "",
        "address": entry.actor.address or "",
        "channel": entry.actor.channel,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "result": entry.result,
        "details": canonical_json(dict(entry.details)).decode(),
        "previous": previous.hex(),
        "digest": digest.hex(),
    }


def entry_of(row: JournalEntry | Row[Any]) -> Entry:
    """The entry a row holds, as it was digested."""
    return Entry(
        row.at,
        Actor(row.actor, row.department, row.address, row.channel),
        row.action,
        row.subject,
        row.reason,
        row.result,
        json.loads(row.details),
    )


def check_journal(session: Session, anchors: Iterable[Anchor] = ()) -> JournalCheck:
    """留痕完整性: follow the chain from its first entry; the first problem ends the walk.

    ``anchors`` are heads written down earlier, elsewhere: without them, a journal cut short together
    with its head cannot be told from one that is young.
    """
    wanted = {a.seq: a.digest for a in anchors}
    seq, previous = 0, GENESIS.hex()
    for row in _all(session):
        problem = _problem(row, seq + 1, previous) or (
            "journal.anchor" if wanted.pop(row.seq, row.digest) != row.digest else ""
        )
        if problem:
            return JournalCheck(seq, previous, problem, seq + 1)
        seq, previous = row.seq, row.digest
    head = session.execute(_HEAD).one()
    if (head.seq, head.digest) != (seq, previous):
        return JournalCheck(seq, previous, "journal.head", min(seq, head.seq) + 1)
    if missing := [s for s, d in wanted.items() if (s, d) != (0, GENESIS.hex())]:
        return JournalCheck(seq, previous, "journal.anchor", min(missing))
    return JournalCheck(seq, previous)


def _all(session: Session) -> Iterator[Row[Any]]:
    """Every entry in order, a thousand at a time."""
    columns, last = list(_ENTRIES.c), -(1 << 62)
    while rows := session.execute(
        select(*columns).where(_ENTRIES.c.seq > last).order_by(_ENTRIES.c.seq).limit(1000)
    ).all():
        yield from rows
        last = rows[-1].seq


def _problem(row: Row[Any], expected: int, previous: str) -> str:
    if row.seq != expected:
        return "journal.missing"
    if row.previous != previous or _digest(row, previous) != row.digest:
        return "journal.edited"
    return ""


def _digest(row: Row[Any], previous: str) -> str:
    try:
        return entry_of(row).digest(bytes.fromhex(previous)).hex()
    except (ValueError, TypeError, LicenceTrustError):
        return ""


def head(session: Session) -> Anchor:
    """The chain's newest link, to be kept elsewhere."""
    row = session.execute(_HEAD).one()
    return Anchor(row.seq, row.digest)


def entries(
    session: Session, *, after: int = 0, limit: int = 100, subject: str = "", actor: str = ""
) -> list[JournalEntry]:
    """Entries in order, from the one after ``after``; narrowed to a subject or an actor."""
    query = select(JournalEntry).where(JournalEntry.seq > after).order_by(JournalEntry.seq).limit(limit)
    if subject:
        query = query.where(JournalEntry.subject == subject)
    if actor:
        query = query.where(JournalEntry.actor == actor)
    return list(session.execute(query).scalars())
