"""Licences of an earlier version stand in the new tables as a replay of their events says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import MetaData, Table, insert, select

from licence_store import events, migrations
from licence_store.models import IssueIntent, Licence
from licence_store.standing import effective_state, projection
from seal.database import Base, Sessions, open_database

ISSUED = datetime(2026, 11, 1, 4, 0, 0, 250000, tzinfo=UTC)
LICENCES = [("a", "", ["issue"]), ("b", "2027-02-28", ["issue", "reseal"]), ("c", "2026-11-10", ["issue"])]


def test_licences_from_before(database_url: str) -> None:
    sessions = open_database(database_url, durable=False)
    migrations.upgrade(sessions, "0002")
    _fill(sessions)
    migrations.upgrade(sessions)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with sessions.read() as session:
        for base, valid_to, kinds in LICENCES:
            query = select(Licence, effective_state(now).label("shown")).where(Licence.base == base)
            row = session.execute(query).one()
            expected = projection(events.of_licence(session, base), valid_to)
            assert {name: getattr(row.Licence, name) for name in expected} == expected
            assert row.shown == ("EXPIRED" if base == "c" else "CURRENT")
            assert row.Licence.since == ISSUED and (row.Licence.predecessor, row.Licence.successor) == ("", "")
            intents = session.query(IssueIntent).where(IssueIntent.base == base).order_by(IssueIntent.version)
            assert [intent.kind for intent in intents] == kinds
    sessions.close()


def filler(sessions: Sessions) -> Callable[..., None]:
    """``put(table, …)``: rows as an earlier version wrote them, with only the columns there were."""
    old = MetaData()
    old.reflect(sessions.engine)
    moment = {"created": ISSUED, "issued": ISSUED, "recorded": ISSUED, "sealed": ISSUED, "reserved": ISSUED}
    common = {"type_code": "t", "department_id": "d", "seal_id": "s", "number": "n", "actor": "x", "reason": ""}

    def put(name: str, **given: Any) -> None:
        columns = {column.name for column in old.tables[name].columns}
        table = Table(name, MetaData(), *(c._copy() for c in Base.metadata.tables[name].c if c.name in columns))
        filled = {
            c.name: "" if c.type.python_type is str else 1 for c in table.c if not (c.nullable or c.server_default)
        }
        values = {k: v for k, v in (filled | moment | common | given).items() if k in columns}
        with sessions.begin() as session:
            session.execute(insert(table), [values])

    return put


def _fill(sessions: Sessions) -> None:
    put = filler(sessions)
    put("department", id="d", code="d")
    put("seal", id="s")
    put("licence_type", code="t", slug="t", version=1)
    for number, (base, valid_to, kinds) in enumerate(LICENCES):
        put("licence", base=base, record_key=base, holder_name="甲", version=len(kinds))
        for version, kind in enumerate(kinds, 1):
            one = {
                "licence_id": f"{base}{version}",
                "base": base,
                "version": version,
                "status_index": 10 * number + version,
            }
            put("licence_version", **one, valid_to=valid_to, issued_on="2026-11-01", message=b"{}", file_digest=base)
            put("issue_intent", **one, record_key=base, state="done", number_held=False, payload=None)
            put("licence_event", id=10 * number + version, base=base, version=version, kind=kind, state="CURRENT",
                effective=ISSUED + timedelta(days=version - 1))  # fmt: skip
