"""来源登记: which sources there are, who answers for them, how they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.collection.declarations import Declaration, load_declaration
from licence_store.collection.models import CollectionItem, CollectionRun, CollectionSource
from licence_store.collection.rules import Rule, load_rules
from licence_store.collection.runs import RunView, view, view_of
from licence_store.collection.texts import to_text
from licence_store.definitions import LicenceTypeDefinition
from licence_store.models import Department
from seal.database import Sessions
from trust.errors import Conflict, NotFound, Refused
from trust.journal import Actor, Entry


@dataclass(frozen=True, slots=True)
class SourceView:
    """来源 as it stands."""

    declaration: Declaration
    type_code: str
    type_name: str
    department_id: str
    department_name: str
    run_as: str
    next_run: datetime | None
    watermark: str
    declared: datetime
    closed: datetime | None
    items: Mapping[str, int]
    """How many of its rows stand how; ``gone``: it has them no more."""

    @property
    def id(self) -> str:
        return self.declaration.id

    @property
    def title(self) -> str:
        return self.declaration.title


@dataclass(frozen=True, slots=True)
class Sources:
    """来源登记."""

    sessions: Sessions
    catalogue: Catalogue
    clock: Callable[[], datetime]

    def declare(self, raw: object, actor: Actor, *, trusted: bool = False) -> SourceView:
        """声明来源: a new one, or another declaration of one's own source.

        Raises ``Malformed("source.*")``, ``NotFound("type.unknown", "department.unknown")``,
        ``Refused("source.department", "source.run_as", "source.folder")`` (only one's own), ``Conflict("source.type")``
        (a source of another type by that name), ``Refused("grant.missing")``.
        """
        declared = load_declaration(raw, self._fields_of, trusted=trusted)
        if actor.department not in (None, "", declared.department):
            raise Refused("source.department", "只能为本部门声明来源。")
        if not trusted and declared.run_as not in ("", actor.account.partition("/")[0]):
            raise Refused("source.run_as", "只能以自己的名义定期归集；以他人名义的，请系统管理员在控制台声明。")
        now = self.clock()
        with self.sessions.begin() as session:
            if session.get(Department, declared.department) is None:
                raise NotFound("department.unknown", "没有部门“{id}”。", id=declared.department)
            if not trusted:
                _check_folder(session, declared)
            definition = self.catalogue.current_in(session, declared.type).definition
            self.catalogue.right(session, definition.code, declared.department)
            known = session.get(CollectionSource, declared.id)
            if known is not None and (known.type_code, known.department_id) != (definition.code, declared.department):
                raise Conflict("source.type", "来源“{id}”已声明给另一类型或部门，请另取名称。", id=declared.id)
            self._write(session, declared, definition.code, actor, now, new=known is None)
            return self._view(session, self._row(session, declared.id))

    def _write(
        self, session: Session, declared: Declaration, type_code: str, actor: Actor, now: datetime, *, new: bool
    ) -> None:
        text = to_text(declared.source)
        values = {
            "title": declared.title,
            "authority": declared.authority,
            "declaration": text,
            "run_as": declared.run_as or actor.account[:100],
            "next_run": now if declared.period else None,
            "closed": None,
        }
        if new:
            fixed = {"id": declared.id, "type_code": type_code, "department_id": declared.department}
            session.execute(insert(CollectionSource), [{**fixed, **values, "watermark": "", "declared": now}])
        else:
            session.execute(update(CollectionSource).where(CollectionSource.id == declared.id).values(values))
        details = {"type": type_code, "connector": declared.connector.kind, "schedule": declared.schedule}
        journal.append(session, [Entry(now, actor, "collection.declare", declared.id, details=details)])

    def close(self, source_id: str, actor: Actor, reason: str) -> None:
        """停用: nothing more is collected from it; what it has delivered stays."""
        now = self.clock()
        with self.sessions.begin() as session:
            row = self._row(session, source_id)
            allowed(actor, row.department_id)
            values = {"closed": now, "next_run": None}
            session.execute(update(CollectionSource).where(CollectionSource.id == source_id).values(values))
            journal.append(session, [Entry(now, actor, "collection.close", source_id, reason=reason[:500])])

    def list(self, departments: Collection[str] | None = None) -> tuple[SourceView, ...]:
        """Every source (of these departments), by id."""
        query = select(CollectionSource).order_by(CollectionSource.id)
        if departments is not None:
            query = query.where(CollectionSource.department_id.in_(list(departments)))
        with self.sessions.read() as session:
            return tuple(self._view(session, row) for row in session.execute(query).scalars())

    def get(self, source_id: str) -> SourceView:
        """One source; raises ``NotFound("source.unknown")``."""
        with self.sessions.read() as session:
            return self._view(session, self._row(session, source_id))

    def due(self, moment: datetime) -> tuple[str, ...]:
        """Ids of the sources whose schedule says now, or earlier."""
        query = select(CollectionSource.id).where(CollectionSource.next_run <= moment)
        with self.sessions.read() as session:
            return tuple(session.execute(query.order_by(CollectionSource.next_run)).scalars())

    def gone(self, source_id: str, limit: int = 1000) -> tuple[tuple[str, str], ...]:
        """``(key, licence)`` of what the source has no more: reported, not deleted."""
        query = (
            select(CollectionItem.key, CollectionItem.licence_base)
            .where(CollectionItem.source_id == source_id, CollectionItem.gone.is_not(None))
            .order_by(CollectionItem.id)
        )
        with self.sessions.read() as session:
            return tuple((row.key, row.licence_base) for row in session.execute(query.limit(limit)))

    def runs(
        self, source_id: str = "", *, departments: Collection[str] | None = None, limit: int = 20
    ) -> tuple[RunView, ...]:
        """归集批次 (of one source, of these departments' sources), the newest first."""
        query = select(CollectionRun).order_by(CollectionRun.started.desc(), CollectionRun.number.desc())
        if source_id:
            query = query.where(CollectionRun.source_id == source_id)
        if departments is not None:
            own = select(CollectionSource.id).where(CollectionSource.department_id.in_(list(departments)))
            query = query.where(CollectionRun.source_id.in_(own))
        with self.sessions.read() as session:
            return tuple(view_of(row) for row in session.execute(query.limit(limit)).scalars())

    def run(self, run_id: str) -> RunView:
        """One run; raises ``NotFound("collection.run_unknown")``."""
        with self.sessions.read() as session:
            return view(session, run_id)

    def rules_of(self, type_name: str) -> tuple[Rule, ...]:
        """清洗规则 of a type, as it is now."""
        return rules_of(self.catalogue.get(type_name))

    def _fields_of(self, type_name: str) -> tuple[str, ...]:
        return tuple(self.catalogue.get(type_name).schema["properties"])

    def _row(self, session: Session, source_id: str) -> CollectionSource:
        row = session.get(CollectionSource, source_id[:80])
        if row is None:
            raise NotFound("source.unknown", "没有来源“{id}”。", id=source_id[:40])
        return row

    def _view(self, session: Session, row: CollectionSource) -> SourceView:
        definition = self.catalogue.current_in(session, row.type_code).definition
        fields = tuple(definition.schema["properties"])
        department = session.get(Department, row.department_id)
        return SourceView(
            load_declaration(json.loads(row.declaration), lambda _: fields, trusted=True),
            row.type_code,
            definition.name,
            row.department_id,
            department.name if department else row.department_id,
            row.run_as,
            row.next_run,
            row.watermark,
            row.declared,
            row.closed,
            _counted(session, row.id),
        )


def _counted(session: Session, source_id: str) -> dict[str, int]:
    where = CollectionItem.source_id == source_id
    stands = select(CollectionItem.state, func.count()).where(where).group_by(CollectionItem.state)
    counts = {state: int(count) for state, count in session.execute(stands)}
    gone = select(func.count()).select_from(CollectionItem).where(where, CollectionItem.gone.is_not(None))
    return counts | {"gone": session.execute(gone).scalar_one()}


def rules_of(definition: LicenceTypeDefinition) -> tuple[Rule, ...]:
    """清洗规则 of a definition."""
    return load_rules(list(definition.cleansing), definition.schema["properties"])


def _check_folder(session: Session, declared: Declaration) -> None:
    """``collect/<department>/`` is that department's alone. Raises ``Refused("source.folder")``."""
    first = PurePath(declared.connector.params.get("path", "")).parts[:1]
    owner = session.get(Department, first[0].lower()[:32]) if first else None
    if owner is not None and owner.id != declared.department:
        raise Refused("source.folder", "collect 文件夹中的“{name}”是另一部门的。", name=owner.id)


def allowed(actor: Actor, department_id: str) -> None:
    """Raises ``Refused("collection.department")`` unless the actor acts for the department (or for all)."""
    if actor.department not in (None, "", department_id):
        raise Refused("collection.department", "该来源属于另一部门，只能由其工作人员办理。")
