"""外部证照源 (R114): licences kept in another system, answered for through this one; read only.

    {"name": "old-permits", "type": "pollutant-permit", "department": "ecology",
     "by_number": {"kind": "sql", "connection": "old-permits", "statement": "SELECT … WHERE no = :licence_number"},
     "by_holder": {"kind": "http", "connection": "permits", "rows": "data", "method": "GET"},
     "facts": {"licence_number": "no", "holder_name": "company", "holder_code": "uscc", "state": "status",
               "issued_on": "issued", "valid_from": "begins", "valid_to": "ends"},
     "states": {"1": "CURRENT", "9": "REVOKED"}, "face": {"scope": "scope_text"}}

Where the system is and what opens it stands in the region's ``connections.json``. ``face`` names fields of the type's
schema. Such a licence carries no seal of ours: its level is not A, its file cannot be had here, and an answer says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import insert, select, update

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.lifecycle import LicenceState
from licence_store.proofs.queries import Rows, check_statement, open_query
from licence_store.sharing.models import SharingProvider
from seal.database import Sessions
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Unavailable
from trust.journal import Actor, Entry

FACTS: Final = (
    "licence_number", "holder_name", "holder_code", "state", "issuer_name", "issued_on", "valid_from", "valid_to",
)  # fmt: skip
NEEDED: Final = ("licence_number", "holder_code", "state")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_KEYS: Final = {"name", "type", "department", "by_number", "by_holder", "facts", "states", "face"}
_STATES: Final = frozenset(str(one) for one in LicenceState)


class Provider(Protocol):
    """外部证照源: one type of one department, wherever it is kept."""

    @property
    def name(self) -> str: ...

    @property
    def department(self) -> str: ...

    def by_number(self, licence_number: str) -> tuple[dict[str, object], ...]:
        """Facts of the licences with this number. Raises ``Unavailable("sharing.provider_silent")``."""

    def by_holder(self, holder_code: str) -> tuple[dict[str, object], ...]:
        """Facts of the holder's licences. Raises likewise."""


@dataclass(frozen=True, slots=True)
class QueriedProvider:
    """A ``Provider`` whose system is asked by SQL or over HTTP."""

    directory: Path
    name: str
    type_code: str
    type_name: str
    department: str
    definition: Mapping[str, Any]

    def by_number(self, licence_number: str) -> tuple[dict[str, object], ...]:
        return self._ask("by_number", {"licence_number": licence_number})

    def by_holder(self, holder_code: str) -> tuple[dict[str, object], ...]:
        return self._ask("by_holder", {"holder_code": holder_code})

    def _ask(self, way: str, parameters: dict[str, str]) -> tuple[dict[str, object], ...]:
        query = self.definition.get(way)
        if query is None:
            return ()
        try:
            rows: Rows = open_query(self.directory, query, self.department).ask(parameters)
        except LicenceTrustError as error:
            raise Unavailable("sharing.provider_silent", "外部证照源“{name}”没有应答。", name=self.name) from error
        [(name, value)] = parameters.items()
        told = [self._told(row) for row in rows]
        return tuple(one for one in told if one[name] == value)  # whatever the other system may have added

    def _told(self, row: Mapping[str, str]) -> dict[str, object]:
        facts = {name: row.get(str(column).lower(), "") for name, column in self.definition["facts"].items()}
        state = self.definition.get("states", {}).get(facts["state"], facts["state"])
        face = {name: row.get(str(column).lower(), "") for name, column in self.definition.get("face", {}).items()}
        return {
            **{name: facts.get(name, "") for name in FACTS},
            "state": state if state in _STATES else "UNKNOWN",
            "type": self.type_code,
            "type_name": self.type_name,
            "level": "",
            "sealed": "false",
            "face": {name: {"value": value} for name, value in face.items()},
        }


@dataclass(frozen=True)
class Providers:
    """外部证照源登记."""

    sessions: Sessions
    catalogue: Catalogue
    directory: Path
    clock: Callable[[], datetime]

    def add(self, definition: Mapping[str, Any], actor: Actor) -> SharingProvider:
        """登记. Raises ``Malformed("sharing.provider")``, ``NotFound("type.unknown")``,
        ``Conflict("sharing.provider_exists")``.
        """
        checked = self._checked(definition)
        code, now = self.catalogue.get(str(checked["type"])).code, self.clock()
        row = {
            "name": checked["name"],
            "kind": next(str(checked[way]["kind"]) for way in ("by_number", "by_holder") if way in checked),
            "type_code": code,
            "department_id": checked["department"],
            "definition": json.dumps(checked, ensure_ascii=False),
            "added": now,
            "added_by": actor.account[:100],
        }
        with self.sessions.begin() as session:
            if checked["department"] not in [one.department_id for one in self.catalogue.rights(session, code)]:
                raise _wrong("department")
            if session.get(SharingProvider, str(checked["name"])) is not None:
                raise Conflict("sharing.provider_exists", "已有外部证照源“{name}”。", name=checked["name"])
            session.execute(insert(SharingProvider), [row])
            journal.append(session, [Entry(now, actor, "sharing.provider_add", str(checked["name"]))])
            return session.get_one(SharingProvider, str(checked["name"]))

    def end(self, name: str, actor: Actor) -> None:
        """停用. Raises ``NotFound("sharing.provider_unknown")``."""
        now = self.clock()
        with self.sessions.begin() as session:
            if session.get(SharingProvider, name[:40]) is None:
                raise NotFound("sharing.provider_unknown", "没有外部证照源“{name}”。", name=name[:40])
            session.execute(update(SharingProvider).where(SharingProvider.name == name).values(ended=now))
            journal.append(session, [Entry(now, actor, "sharing.provider_end", name)])

    def list(self) -> tuple[SharingProvider, ...]:
        with self.sessions.read() as session:
            return tuple(session.execute(select(SharingProvider).order_by(SharingProvider.name)).scalars())

    def of_type(self, type_code: str) -> tuple[Provider, ...]:
        """Who else has licences of this type."""
        query = select(SharingProvider).where(SharingProvider.type_code == type_code, SharingProvider.ended.is_(None))
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(SharingProvider.name)).scalars().all()
        name = self.catalogue.get(type_code).name if rows else ""
        return tuple(
            QueriedProvider(self.directory, row.name, type_code, name, row.department_id, json.loads(row.definition))
            for row in rows
        )

    def _checked(self, given: object) -> dict[str, Any]:
        if not isinstance(given, Mapping) or not set(given) <= _KEYS:
            raise _wrong("/".join(sorted(_KEYS)))
        definition = dict(given)
        for name in ("name", "type", "department"):
            if not isinstance(definition.get(name), str):
                raise _wrong(name)
        if not _NAME.fullmatch(definition["name"]):
            raise _wrong("name")
        ways = [way for way in ("by_number", "by_holder") if way in definition]
        if not ways:
            raise _wrong("by_number")
        for way in ways:
            query = definition[way]
            if not isinstance(query, Mapping) or query.get("kind") not in ("sql", "http"):
                raise _wrong(way)
            if not isinstance(query.get("connection"), str):
                raise _wrong(way)
            if query["kind"] == "sql":
                check_statement(query.get("statement"))
        for name in ("facts", "states", "face"):
            if not _texts(definition.get(name, {})):
                raise _wrong(name)
        facts = definition.get("facts", {})
        if not set(NEEDED) <= set(facts) <= set(FACTS):
            raise _wrong("facts")
        known = {one.name for one in self.catalogue.get(definition["type"]).fields}
        if not set(definition.get("face", {})) <= known or not set(definition.get("states", {}).values()) <= _STATES:
            raise _wrong("face")
        return definition


def _texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(n, str) and isinstance(v, str) for n, v in value.items())


def _wrong(part: str) -> Malformed:
    return Malformed("sharing.provider", "外部证照源的定义有误：{part}。", part=part)
