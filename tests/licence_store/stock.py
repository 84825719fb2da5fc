"""Licences in a register without sealing any: rows as issuing leaves them, for questions to the register."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from licence_store import events
from licence_store.criteria import Criteria
from licence_store.models import Department, Licence, LicenceEvent, LicenceType, LicenceVersion, Seal
from licence_store.search import LicenceSearch
from licence_store.search_index import placed
from licence_store.standing import first_projection
from seal.database import Sessions
from trust.identifiers import LicenceId

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
TYPES = {"A": "11990000MB0D000105001", "B": "11990000MB0D000292001"}
KINDS = {
    "CURRENT": "resume", "SUSPENDED": "suspend", "LOST": "report_lost", "REVOKED": "revoke", "CANCELLED": "cancel",
    "EXPIRED": "expire", "INSPECTION_OVERDUE": "overdue",
}  # fmt: skip
CODES = {"market": "11990000MB0D000105", "education": "11990000MB0D000292"}


class Stock:
    """证照 by the dozen; what is not said has a default."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.moment = sessions, NOON
        self.search = LicenceSearch(sessions, lambda: self.moment)
        self._numbers = itertools.count(1)
        with sessions.begin() as session:
            for department, code in CODES.items():
                row = {"id": department, "code": code, "name": department, "created": NOON}
                session.execute(insert(Department), [row])
                seal = {"id": f"seal-{department}", "name": "章", "department_id": department, "digest": code}
                session.execute(insert(Seal), [{**seal, "key_name": "k", "created": NOON}])
            kinds = [{"code": code, "slug": f"type-{one}", "name": f"类型{one}", "version": 1} for one, code in TYPES.items()]
            session.execute(insert(LicenceType), kinds)

    def add(self, *wanted: dict[str, Any]) -> list[str]:
        """Rows for these licences in one transaction; answers their ids."""
        made = [self._row(given) for given in wanted]
        with self.sessions.begin() as session:
            rows = placed(session, [row for row, _, _ in made], [version["issued_on"] for _, version, _ in made])
            session.execute(insert(Licence), rows)
            session.execute(insert(LicenceVersion), [version for _, version, _ in made])
            session.execute(insert(LicenceEvent), [happened for _, _, happened in made])
        return [version["licence_id"] for _, version, _ in made]

    def _row(self, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        number = next(self._numbers)
        kind, department = given.get("type", "A"), given.get("department", "market")
        day = given.get("issued_on", "2026-06-01")
        moment = datetime.combine(date.fromisoformat(day), time(4), UTC) + timedelta(seconds=number)
        identifier = LicenceId(TYPES[kind], CODES[department], f"{number:020d}", 1)
        row = {
            "base": identifier.base, "type_code": TYPES[kind], "department_id": department,
            "number": given.get("number", f"N{number}"), "holder_name": given.get("holder_name", f"持证人{number}"),
            "holder_code": given.get("holder_code", f"C{number}"), "holder_code_type": "111",
            "record_key": f"id:{number}", "version": 1, "issued": moment,
            **first_projection(moment, given.get("valid_to", ""), 2026 if "due" in given else None, given.get("due")),
        }  # fmt: skip
        version = {
            "licence_id": identifier.text, "base": identifier.base, "version": 1, "type_code": TYPES[kind],
            "type_version": 1, "seal_id": f"seal-{department}", "file_digest": f"{number:064x}", "file_size": 1,
            "message": b"{}", "issued_on": day, "valid_from": day, "valid_to": given.get("valid_to", ""),
            "status_list": "x", "status_index": number, "sealed": moment, "recorded": moment,
        }  # fmt: skip
        issue = self.event(identifier.base, "issue", "CURRENT", moment)
        return row, version, {**issue, "due": given.get("due"), "due_year": row["inspect_year"]}

    def event(self, base: str, kind: str, state: str, moment: datetime) -> dict[str, Any]:
        return {
            "base": base, "version": 1, "kind": kind, "state": state, "effective": moment, "recorded": moment,
            "actor": "t", "reason": "", "due": None, "due_year": None,
        }  # fmt: skip

    def happen(self, licence_id: str, state: str, moment: datetime) -> None:
        """An event, as the life of a licence writes it."""
        with self.sessions.begin() as session:
            base = session.execute(
                select(LicenceVersion.base).where(LicenceVersion.licence_id == licence_id)
            ).scalar_one()
            session.execute(insert(LicenceEvent), [self.event(base, KINDS[state], state, moment)])
            events.refresh(session, base)

    def ids(self, criteria: Criteria, limit: int = 3) -> list[str]:
        """Ids of all pages."""
        return [one.licence_id for one in self.summaries(criteria, limit)]

    def names(self, criteria: Criteria) -> list[str]:
        return [one.holder_name for one in self.summaries(criteria)]

    def summaries(self, criteria: Criteria, limit: int = 3) -> Iterator[Any]:
        after = None
        while True:
            page = self.search.page(criteria, after=after, limit=limit)
            yield from page.items
            after = page.next
            if after is None:
                return


@pytest.fixture
def stock(sessions: Sessions) -> Stock:
    """An empty register with two departments and two types, on each engine."""
    return Stock(sessions)
