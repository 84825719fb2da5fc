"""The journal: every way to tamper with it is found, on both engines, also under many writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from licence_store.journal import Anchor, SQLJournal, check_journal, entries, head
from seal.database import Sessions
from tests.licence_store.conftest import ToldClock
from trust.errors import Conflict
from trust.journal import GENESIS, Actor

OFFICER = Actor("zhang", "market", "192.0.2.7", "page")


@pytest.fixture
def journal(sessions: Sessions, clock: ToldClock) -> SQLJournal:
    return SQLJournal(sessions, clock)


def write(journal: SQLJournal, count: int) -> None:
    for n in range(count):
        journal.record(actor=OFFICER, action="licence.read", subject=f"L{n}", reason="核对", details={"n": str(n)})


def unguarded(sessions: Sessions, statement: str) -> None:
    """Do as a database owner would who goes round the guard."""
    with sessions.begin() as session:
        if sessions.dialect == "sqlite":
            session.execute(text("DROP TRIGGER IF EXISTS journal_entry_no_update"))
            session.execute(text("DROP TRIGGER IF EXISTS journal_entry_no_delete"))
        else:
            session.execute(text("ALTER TABLE journal_entry DISABLE TRIGGER USER"))
        session.execute(text(statement))


def test_sound_journal(sessions: Sessions, journal: SQLJournal) -> None:
    with sessions.read() as session:
        assert check_journal(session, [Anchor(0, GENESIS.hex())]).intact
    write(journal, 5)
    with sessions.read() as session:
        found = check_journal(session)
        assert (found.entries, found.problem, found.head) == (5, "", head(session).digest)
        first = entries(session, limit=1)[0]
        assert (first.actor, first.address, first.subject, first.reason) == ("zhang", "192.0.2.7", "L0", "核对")
        assert [e.seq for e in entries(session, after=3)] == [4, 5]
        assert [e.seq for e in entries(session, subject="L2", actor="zhang")] == [3]


TAMPERED = {
    "edited": ("UPDATE journal_entry SET actor = 'li' WHERE seq = 3", "journal.edited", 3),
    "details edited": ("UPDATE journal_entry SET details = '{}' WHERE seq = 2", "journal.edited", 2),
    "details broken": ("UPDATE journal_entry SET details = '[' WHERE seq = 2", "journal.edited", 2),
    "digest edited": ("UPDATE journal_entry SET digest = previous WHERE seq = 3", "journal.edited", 3),
    "first removed": ("DELETE FROM journal_entry WHERE seq = 1", "journal.missing", 1),
    "one removed": ("DELETE FROM journal_entry WHERE seq = 3", "journal.missing", 3),
    "last removed": ("DELETE FROM journal_entry WHERE seq = 5", "journal.head", 5),
    "moved": ("UPDATE journal_entry SET seq = 9 WHERE seq = 5", "journal.missing", 5),
    "head put back": ("UPDATE journal_head SET seq = 4", "journal.head", 5),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found(sessions: Sessions, journal: SQLJournal, name: str) -> None:
    statement, problem, at = TAMPERED[name]
    write(journal, 5)
    unguarded(sessions, statement)
    with sessions.read() as session:
        found = check_journal(session)
    assert (found.intact, found.problem, found.at) == (False, problem, at)


def test_exchanged_entries_are_found(sessions: Sessions, journal: SQLJournal) -> None:
    write(journal, 4)
    unguarded(sessions, "UPDATE journal_entry SET seq = 99 WHERE seq = 2")
    unguarded(sessions, "UPDATE journal_entry SET seq = 2 WHERE seq = 3")
    unguarded(sessions, "UPDATE journal_entry SET seq = 3 WHERE seq = 99")
    with sessions.read() as session:
        assert check_journal(session).problem == "journal.edited"


def test_anchor_finds_a_journal_cut_short_with_its_head(sessions: Sessions, journal: SQLJournal) -> None:
    write(journal, 5)
    with sessions.read() as session:
        anchor = head(session)
    unguarded(sessions, "DELETE FROM journal_entry WHERE seq > 3")
    unguarded(sessions, "UPDATE journal_head SET seq = 3, digest = (SELECT digest FROM journal_entry WHERE seq = 3)")
    with sessions.read() as session:
        assert check_journal(session).intact
        found = check_journal(session, [anchor])
        assert (found.problem, found.at) == ("journal.anchor", 5)
        assert check_journal(session, [Anchor(2, "0" * 64)]).problem == "journal.anchor"


def test_act_and_evidence_stand_or_fall_together(sessions: Sessions, journal: SQLJournal) -> None:
    with pytest.raises(KeyError), sessions.begin() as session:
        journal.record(session, actor=OFFICER, action="licence.issue", subject="L")
        raise KeyError
    with sessions.read() as session:
        assert check_journal(session).entries == 0


def test_refusals_are_written_down(sessions: Sessions, journal: SQLJournal) -> None:
    journal.failed(Conflict("licence.number_in_use", "x"), actor=OFFICER, action="licence.issue", subject="T")
    with sessions.read() as session:
        assert entries(session)[0].result == "licence.number_in_use"


def test_odd_text_neither_breaks_nor_escapes(sessions: Sessions, journal: SQLJournal) -> None:
    journal.record(actor=Actor("a\0b"), action="x", subject="é" * 300, reason="\udc00坏")
    with sessions.read() as session:
        assert check_journal(session).intact
        [entry] = entries(session)
        assert (entry.actor, len(entry.subject), entry.reason) == ("ab", 200, "?坏")


def test_many_writers_make_one_chain(sessions: Sessions, journal: SQLJournal) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(journal, 5), range(8)))
    with sessions.read() as session:
        assert (check_journal(session).problem, check_journal(session).entries) == ("", 40)
