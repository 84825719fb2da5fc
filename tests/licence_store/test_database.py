"""The tables: migrated on both engines, guarded where they may only grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError

from licence_store import migrations
from licence_store.models import JournalEntry, NumberSequence
from licence_store.search_index import GRAMS, NAME_INDEX
from seal.database import Base, Sessions, check_reachable, open_database
from trust.errors import Conflict, Malformed, Unavailable


def test_migrated_tables_are_the_models(sessions: Sessions) -> None:
    with sessions.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _of_both_engines})
        assert compare_metadata(context, Base.metadata) == []


def _of_both_engines(name: str | None, kind: str, _parents: object) -> bool:
    """The index of names is an engine's own: a full-text index here, a table there."""
    return kind != "table" or not str(name).startswith((NAME_INDEX, GRAMS.name))


def test_head_is_the_newest_script() -> None:
    [folder] = migrations.__path__
    assert ScriptDirectory(folder).get_current_head() == migrations.HEAD


def test_upgrade_again_changes_nothing(sessions: Sessions) -> None:
    migrations.upgrade(sessions)
    migrations.check_schema(sessions)
    check_reachable(sessions)


def test_empty_database_is_refused(database_url: str) -> None:
    sessions = open_database(database_url)
    with pytest.raises(Unavailable) as caught:
        migrations.check_schema(sessions)
    assert caught.value.code == "database.schema"
    sessions.close()


def _entry(seq: int) -> dict[str, object]:
    texts = dict.fromkeys(("actor", "department", "address", "channel", "action", "subject", "reason", "result"), "x")
    return {"seq": seq, "at": datetime.now(UTC), "details": "{}", "previous": "", "digest": str(seq), **texts}


@pytest.mark.parametrize("act", [update(JournalEntry).values(actor="y"), delete(JournalEntry)])
def test_journal_rows_cannot_be_changed(sessions: Sessions, act: object) -> None:
    with sessions.begin() as session:
        session.execute(insert(JournalEntry), [_entry(1)])
    with pytest.raises((DBAPIError, Conflict)) as caught, sessions.begin() as session:
        session.execute(act)  # type: ignore[call-overload]
    assert "append-only" in str(caught.value.__cause__ or caught.value)
    with sessions.read() as session:
        assert session.query(JournalEntry).one().actor == "x"


def test_what_breaks_a_rule_or_fits_nowhere_is_said(sessions: Sessions) -> None:
    with pytest.raises(Conflict), sessions.begin() as session:
        session.execute(insert(NumberSequence), [{"scope": "s", "next": 1}, {"scope": "s", "next": 2}])
    with pytest.raises(Malformed), sessions.begin() as session:
        session.execute(insert(NumberSequence), [{"scope": "\udcff", "next": 1}])
    if sessions.dialect == "postgresql":
        for scope in ("a\0b", "x" * 201):
            with pytest.raises(Malformed), sessions.begin() as session:
                session.execute(insert(NumberSequence), [{"scope": scope, "next": 1}])


def test_moments_come_back_in_utc(sessions: Sessions) -> None:
    moment = datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with sessions.begin() as session:
        session.execute(insert(JournalEntry), [{**_entry(1), "at": moment}])
    with sessions.read() as session:
        assert session.query(JournalEntry).one().at == moment


def test_failed_block_leaves_nothing(sessions: Sessions) -> None:
    with pytest.raises(KeyError), sessions.begin() as session:
        session.execute(insert(NumberSequence), [{"scope": "s", "next": 1}])
        raise KeyError
    with sessions.read() as session:
        assert session.query(NumberSequence).count() == 0


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "sqlite:////tmp/x?timeout=abc"]
)
def test_bad_url_is_named(url: str) -> None:
    with pytest.raises((Malformed, Unavailable)):
        check_reachable(open_database(url))


def test_absent_server_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="数据库"):
        check_reachable(open_database("postgresql://nobody@127.0.0.1:9/none"))
