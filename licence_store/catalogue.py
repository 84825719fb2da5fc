"""证照目录: the types of licence the register knows, their versions, and who issues which (GB/T 36902).

A definition is data; importing it again changed makes a new version, and licences keep the version they
were issued under. ``licence_store.definitions`` reads a definition; this module remembers it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue_models import TypeEvent
from licence_store.catalogue_steps import TypeState
from licence_store.definitions import LicenceTypeDefinition, load_definition
from licence_store.models import Department, Grant, LicenceType, LicenceTypeVersion, Seal, table
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.journal import Actor, Entry

_TYPES, _GRANTS, _DEPARTMENTS, _SEALS = table(LicenceType), table(Grant), table(Department), table(Seal)
_NAMED_TYPE = select(_TYPES.c.code, _TYPES.c.version, _TYPES.c.state).where(
    or_(*(column == bindparam("name") for column in (_TYPES.c.code, _TYPES.c.slug, _TYPES.c.name)))
)
_RIGHTS = (
    select(_DEPARTMENTS.c.id, _DEPARTMENTS.c.name, _DEPARTMENTS.c.code, _SEALS.c.id, _SEALS.c.name)
    .select_from(_GRANTS)
    .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _GRANTS.c.department_id)
    .join(_SEALS, _SEALS.c.id == _GRANTS.c.seal_id)
    .where(_GRANTS.c.type_code == bindparam("type_code"))
    .where(or_(_GRANTS.c.ended.is_(None), _GRANTS.c.ended > bindparam("moment")))
    .order_by(_DEPARTMENTS.c.id)
)


@dataclass(frozen=True, slots=True)
class CataloguedType:
    """A definition, the version the catalogue gave it, and whether the type is still issued."""

    definition: LicenceTypeDefinition
    version: int
    state: str = TypeState.PUBLISHED


@dataclass(frozen=True, slots=True)
class IssuingRight:
    """发证权限: a department, and the seal it puts on licences of a type."""

    department_id: str
    department_name: str
    department_code: str
    seal_id: str
    seal_name: str


@dataclass(frozen=True)
class Catalogue:
    """证照目录. Definitions once read are kept: a version never changes."""

    sessions: Sessions
    clock: Callable[[], datetime]
    _read: dict[tuple[str, int], LicenceTypeDefinition] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def list(self) -> tuple[LicenceTypeDefinition, ...]:
        """Every type that is issued, in its newest version, by name."""
        return tuple(one.definition for one in self.entries() if one.state == TypeState.PUBLISHED)

    def entries(self) -> tuple[CataloguedType, ...]:
        """Every type, retired ones too, in its newest version, by name."""
        columns = (LicenceType.code, LicenceType.version, LicenceType.state)
        with self.sessions.read() as session:
            rows = session.execute(select(*columns).order_by(LicenceType.slug)).all()
            return tuple(CataloguedType(self.at(session, code, v), v, state) for code, v, state in rows)

    def get(self, name: str) -> LicenceTypeDefinition:
        """The newest version of the type with this code, slug or name; raises ``NotFound("type.unknown")``."""
        return self.current(name).definition

    def current(self, name: str) -> CataloguedType:
        """As ``get``, with the version's number."""
        with self.sessions.read() as session:
            return self.current_in(session, name)

    def current_in(self, session: Session, name: str) -> CataloguedType:
        """As ``current``, inside the caller's transaction."""
        row = session.connection().execute(_NAMED_TYPE, {"name": name}).first()
        if row is None:
            raise NotFound("type.unknown", "证照目录中没有“{name}”这一类型。", name=name[:80])
        return CataloguedType(self.at(session, row.code, row.version), row.version, row.state)

    def at(self, session: Session, code: str, version: int) -> LicenceTypeDefinition:
        """One version of a type; raises ``NotFound("type.unknown")``."""
        known = self._read.get((code, version))
        if known is not None:
            return known
        text = session.execute(
            select(LicenceTypeVersion.definition).where(
                LicenceTypeVersion.code == code, LicenceTypeVersion.version == version
            )
        ).scalar()
        if text is None:
            raise NotFound("type.unknown", "证照目录中没有“{name}”这一类型。", name=f"{code} v{version}")
        with self._lock:
            return self._read.setdefault((code, version), load_definition(json.loads(text)))

    def version(self, code: str, version: int) -> LicenceTypeDefinition:
        """As ``at``; the database is asked only for what was not read before."""
        known = self._read.get((code, version))
        if known is not None:
            return known
        with self.sessions.read() as session:
            return self.at(session, code, version)

    def import_definition(self, source: dict[str, Any], actor: Actor) -> CataloguedType:
        """目录编制: take a definition in; the same content again changes nothing, other content is a new version.

        Raises ``Malformed("type.*")``, or ``Refused("type.slug_taken")`` when another type has its slug.
        """
        definition = load_definition(source)
        with self.sessions.begin() as session:
            return self.publish_in(session, definition, actor, TypeEvent(kind="import"))

    def known(self, session: Session, definition: LicenceTypeDefinition) -> LicenceType | None:
        """The type in the catalogue with this code and slug, held; raises ``Refused("type.slug_taken")``."""
        same = or_(LicenceType.code == definition.code, LicenceType.slug == definition.slug)
        found = session.execute(select(LicenceType).where(same).with_for_update()).scalar()
        if found is not None and (found.code, found.slug) != (definition.code, definition.slug):
            raise Refused("type.slug_taken", "代码或短名“{slug}”已属于另一证照类型。", slug=definition.slug)
        return found

    def publish_in(
        self, session: Session, definition: LicenceTypeDefinition, actor: Actor, event: TypeEvent
    ) -> CataloguedType:
        """发布 inside the caller's transaction, told by ``event``; content at hand already makes no new version.

        Bodies that the new version no longer entitles lose their grants.
        """
        known = self.known(session, definition)
        if known is not None and known.state == TypeState.PUBLISHED:
            at_hand = self.at(session, known.code, known.version)
            if at_hand.digest == definition.digest:
                return CataloguedType(at_hand, known.version)
        version = self._store(session, definition, known, actor, event.kind)
        now = self.clock()
        session.add(describe(event, definition.code, TypeState.PUBLISHED, actor, now, version, definition.digest))
        session.flush()
        for right in self.rights(session, definition.code):
            if not definition.entitles(right.department_code):
                self._end_grant(session, definition.code, right, actor, "", now)
        return CataloguedType(self.at(session, definition.code, version), version)

    def _store(
        self, session: Session, definition: LicenceTypeDefinition, known: LicenceType | None, actor: Actor, kind: str
    ) -> int:
        version, now = known.version + 1 if known else 1, self.clock()
        heading = {"slug": definition.slug, "name": definition.name, "version": version, "state": TypeState.PUBLISHED}
        if known is None:
            session.execute(insert(LicenceType), [{"code": definition.code, **heading}])
        else:
            session.execute(update(LicenceType).where(LicenceType.code == definition.code).values(heading))
        row = {
            "code": definition.code,
            "version": version,
            "digest": definition.digest,
            "definition": json.dumps(definition.source, ensure_ascii=False, separators=(",", ":")),
            "imported": now,
            "imported_by": actor.account[:100],
        }
        session.execute(insert(LicenceTypeVersion), [row])
        details = {"version": str(version), "digest": definition.digest}
        journal.append(session, [Entry(now, actor, f"type.{kind}", definition.code, details=details)])
        return version

    def add_department(self, department_id: str, name: str, code: str, actor: Actor) -> None:
        """登记颁证单位."""
        now = self.clock()
        with self.sessions.begin() as session:
            session.execute(insert(Department), [{"id": department_id, "name": name, "code": code, "created": now}])
            journal.append(session, [Entry(now, actor, "department.add", department_id, details={"code": code})])

    def grant(
        self, type_name: str, department_id: str, seal_id: str, actor: Actor, *, until: datetime | None = None
    ) -> None:
        """授予发证权限: from now on, until ``until`` where it is given, the department issues this type with this seal.

        Raises ``Refused("type.retired", "grant.not_entitled")``, ``Conflict("grant.exists")``,
        ``NotFound("department.unknown")``, ``Malformed("grant.until")``.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            kind = self.issued_in(session, type_name)
            code, department = kind.definition.code, session.get(Department, department_id)
            if department is None:
                raise NotFound("department.unknown", "没有部门“{department}”。", department=department_id[:40])
            if not kind.definition.entitles(department.code):
                raise Refused(
                    "grant.not_entitled", "部门“{department}”不在该类型的颁证范围之内。", department=department.name
                )
            if until is not None and until <= now:
                raise Malformed("grant.until", "授权的截止时刻应在将来。")
            held = session.get(Grant, (code, department_id), with_for_update=True)
            if held is not None and (held.ended is None or held.ended > now):
                raise Conflict("grant.exists", "部门“{department}”已有签发此类证照的权限。", department=department.name)
            row = {"seal_id": seal_id, "granted": now, "ended": until}
            if held is None:
                session.execute(insert(Grant), [{"type_code": code, "department_id": department_id, **row}])
            else:
                where = (Grant.type_code == code, Grant.department_id == department_id)
                session.execute(update(Grant).where(*where).values(row))
            details = {"department": department_id, "seal": seal_id}
            journal.append(session, [Entry(now, actor, "type.grant", code, details=details)])
            event = TypeEvent(kind="grant", department=department_id)
            session.add(describe(event, code, kind.state, actor, now, kind.version, ""))

    def end_grant(
        self, type_name: str, department_id: str, actor: Actor, reason: str, *, at: datetime | None = None
    ) -> None:
        """收回发证权限, now or at a moment to come. Raises ``Refused("grant.missing", "type.reason")``."""
        now = self.clock()
        demand_reason(reason)
        with self.sessions.begin() as session:
            kind = self.current_in(session, type_name)
            right = next(
                (r for r in self.rights(session, kind.definition.code) if r.department_id == department_id), None
            )
            if right is None:
                raise Refused(
                    "grant.missing",
                    "部门“{department}”没有签发此类证照的权限。",
                    department=department_id[:40],
                    type=kind.definition.code,
                )
            self._end_grant(session, kind.definition.code, right, actor, reason, max(at or now, now))

    def _end_grant(
        self, session: Session, code: str, right: IssuingRight, actor: Actor, reason: str, at: datetime
    ) -> None:
        where = (Grant.type_code == code, Grant.department_id == right.department_id)
        session.execute(update(Grant).where(*where).values(ended=at))
        now, row = self.clock(), session.get_one(LicenceType, code)
        details = {"department": right.department_id, "ends": at.isoformat()}
        journal.append(session, [Entry(now, actor, "type.end_grant", code, reason=reason, details=details)])
        event = TypeEvent(kind="end_grant", department=right.department_id, reason=reason)
        session.add(describe(event, code, row.state, actor, now, row.version, ""))

    def issued_in(self, session: Session, name: str) -> CataloguedType:
        """As ``current_in``, for a new licence; raises ``Refused("type.retired")``."""
        kind = self.current_in(session, name)
        if kind.state == TypeState.RETIRED:
            raise Refused("type.retired", "证照类型“{name}”已停用，不再签发新的证照。", name=kind.definition.name)
        return kind

    def change_seal(self, type_name: str, department_id: str, seal_id: str, actor: Actor) -> None:
        """换用印章: from now on the department issues this type with another of its seals.

        Raises ``Refused("grant.missing")``, ``Refused("grant.seal")`` where the seal is not the department's.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            code = self.current_in(session, type_name).definition.code
            seal = session.get(Seal, seal_id)
            if seal is None or seal.department_id != department_id:
                raise Refused(
                    "grant.seal", "印章 {id} 不是部门“{department}”的印章。", id=seal_id, department=department_id
                )
            old = self.right(session, code, department_id)
            where = (Grant.type_code == code, Grant.department_id == department_id)
            session.execute(update(Grant).where(*where).values(seal_id=seal_id))
            details = {"department": department_id, "seal": seal_id, "before": old.seal_id}
            journal.append(session, [Entry(now, actor, "type.change_seal", code, details=details)])

    def right(self, session: Session, type_code: str, department_id: str | None) -> IssuingRight:
        """With what right ``department_id`` issues a type.

        Somebody of no department acts for the one department that may. Raises ``Refused("grant.missing")``
        when nobody may, ``Refused("grant.ambiguous")`` when the department must be named.
        """
        rights = [r for r in self.rights(session, type_code) if department_id in (None, "", r.department_id)]
        if not rights:
            raise Refused(
                "grant.missing",
                "部门“{department}”没有签发此类证照的权限。",
                department=department_id or "—",
                type=type_code,
            )
        if len(rights) > 1:
            raise Refused("grant.ambiguous", "有多个部门可签发此类证照，请以其中一个部门的账号操作。")
        return rights[0]

    def rights(self, session: Session, type_code: str) -> tuple[IssuingRight, ...]:
        """Every department that may issue a type now."""
        rows = session.connection().execute(_RIGHTS, {"type_code": type_code, "moment": self.clock()})
        return tuple(IssuingRight(*row) for row in rows)

    def departments(self) -> tuple[Department, ...]:
        """颁证单位, by id."""
        with self.sessions.read() as session:
            return tuple(session.execute(select(Department).order_by(Department.id)).scalars())

    def types_of(self, department_id: str) -> tuple[str, ...]:
        """Codes of the types a department may issue."""
        held = or_(Grant.ended.is_(None), Grant.ended > self.clock())
        query = select(Grant.type_code).where(Grant.department_id == department_id, held)
        with self.sessions.read() as session:
            return tuple(session.execute(query.order_by(Grant.type_code)).scalars())


def demand_reason(reason: str) -> None:
    """Raises ``Refused("type.reason")``."""
    if not reason.strip():
        raise Refused("type.reason", "请说明理由。")


def describe(
    event: TypeEvent, code: str, state: str, actor: Actor, now: datetime, version: int, digest: str
) -> TypeEvent:
    """``event`` with what every event says."""
    event.code, event.state, event.version, event.digest = code, str(state), version, digest
    event.department, event.draft, event.reason = event.department or "", event.draft or "", event.reason or ""
    event.actor, event.recorded = actor.account[:100], now
    return event
