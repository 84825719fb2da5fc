"""数据质量: what each rule found in each source, and what became of it (R034, R036)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from licence_store.catalogue import Catalogue
from licence_store.collection.checks import DELIVERY, ISSUE, READING, SCHEMA
from licence_store.collection.holding import DISCARDED, MENDED, OPEN, RELEASED
from licence_store.collection.models import (
    CollectionRun,
    CollectionSource,
    CollectionTally,
    QuarantineFinding,
    QuarantineRow,
)
from licence_store.collection.repetitions import batches
from licence_store.collection.rules import QUARANTINE
from licence_store.collection.runs import CHECK, COLLECT, ENTER, RunView, view_of
from licence_store.collection.sources import rules_of
from seal.database import Sessions
from trust.i18n import N_

SHOWN_RUNS = 12
_BUILT_IN = {
    SCHEMA: (N_("照面项规范"), "Face fields"),
    READING: (N_("可读性"), "Readable"),
    DELIVERY: (N_("来源主键"), "Source key"),
    ISSUE: (N_("签发校验"), "Issuing"),
}
_RUN, _T, _Q, _F = CollectionRun, CollectionTally, QuarantineRow, QuarantineFinding


@dataclass(frozen=True, slots=True)
class RuleQuality:
    """One rule in one source, field by field."""

    rule: str
    field: str
    title: str
    title_en: str
    field_title: str
    severity: str
    rows: int
    """How often it was broken in the newest delivery (and in all that pages entered)."""
    states: Mapping[str, int]
    """Of all rows ever held back by it: how many stand how."""


@dataclass(frozen=True, slots=True)
class SourceQuality:
    """质量 of one source."""

    source_id: str
    title: str
    type_name: str
    department_id: str
    seen: int
    held: int
    warned: int
    states: Mapping[str, int]
    """Rows of the quarantine by state."""
    rules: tuple[RuleQuality, ...]
    """Those that found most first."""
    runs: tuple[RunView, ...]
    """The newest deliveries, oldest first."""

    @property
    def passed(self) -> int:
        return self.seen - self.held

    @property
    def rate(self) -> float:
        """Share of rows that survived, 0…1."""
        return self.passed / self.seen if self.seen else 1.0


@dataclass(frozen=True, slots=True)
class Quality:
    """质量报告."""

    sessions: Sessions
    catalogue: Catalogue
    clock: Callable[[], datetime]

    def report(
        self, *, sources: Collection[str] | None = None, departments: Collection[str] | None = None
    ) -> tuple[SourceQuality, ...]:
        """By source; ``None``: of every source, of every department."""
        query = select(CollectionSource).order_by(CollectionSource.id)
        if sources is not None:
            query = query.where(CollectionSource.id.in_(sorted(sources)))
        if departments is not None:
            query = query.where(CollectionSource.department_id.in_(sorted(departments)))
        with self.sessions.read() as session:
            return tuple(self._of(session, row) for row in session.execute(query).scalars())

    def _of(self, session: Session, source: CollectionSource) -> SourceQuality:
        runs = _deliveries(session, source.id)
        counted = _counted(session, source.id, runs[0].id if runs else "")
        definition = self.catalogue.current_in(session, source.type_code).definition
        named = {rule.id: (rule.title, rule.title_en) for rule in rules_of(definition)} | _BUILT_IN
        broken, states = _broken(session, counted.runs), _states_by_rule(session, source.id)
        properties = definition.schema["properties"]
        rules = [
            RuleQuality(rule, name, *named.get(rule, (rule, rule)), properties.get(name, {}).get("title", name),
                        *broken.get((rule, name), (QUARANTINE, 0)), states.get((rule, name), {}))
            for rule, name in {*broken, *states}
        ]  # fmt: skip
        rules.sort(key=lambda one: (-one.rows, -sum(one.states.values()), one.rule, one.field))
        return SourceQuality(
            source.id, source.title, definition.name, source.department_id, counted.seen, counted.held,
            counted.warned, _states(session, source.id), tuple(rules), tuple(view_of(run) for run in reversed(runs)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Counted:
    runs: list[str]
    seen: int
    held: int
    warned: int


def _deliveries(session: Session, source_id: str) -> list[CollectionRun]:
    query = select(_RUN).where(_RUN.source_id == source_id, _RUN.kind.in_((COLLECT, CHECK)))
    return list(session.execute(query.order_by(_RUN.number.desc()).limit(SHOWN_RUNS)).scalars())


def _counted(session: Session, source_id: str, newest: str) -> _Counted:
    """The newest delivery, and all that pages entered."""
    where = (_RUN.source_id == source_id) & ((_RUN.id == newest) | (_RUN.kind == ENTER))
    sums = [func.coalesce(func.sum(column), 0) for column in (_RUN.seen, _RUN.held, _RUN.warned)]
    seen, held, warned = session.execute(select(sums[0], sums[1], sums[2]).where(where)).one()
    return _Counted(list(session.execute(select(_RUN.id).where(where)).scalars()), int(seen), int(held), int(warned))


def _broken(session: Session, runs: list[str]) -> dict[tuple[str, str], tuple[str, int]]:
    """(rule, field) → how severe it is, and how often it was found."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for some in batches(runs):
        query = (
            select(_T.rule, _T.field, _T.severity, func.sum(_T.rows))
            .where(_T.run_id.in_(some))
            .group_by(_T.rule, _T.field, _T.severity)
        )
        for rule, name, severity, rows in session.execute(query):
            before = found.get((rule, name), (severity, 0))
            worse = QUARANTINE if QUARANTINE in (severity, before[0]) else severity
            found[(rule, name)] = (worse, before[1] + int(rows))
    return found


def _states_by_rule(session: Session, source_id: str) -> dict[tuple[str, str], dict[str, int]]:
    query = (
        select(_F.rule, _F.field, _Q.state, func.count(func.distinct(_Q.id)))
        .join(_Q, _Q.id == _F.quarantine_id)
        .where(_Q.source_id == source_id)
        .group_by(_F.rule, _F.field, _Q.state)
    )
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for rule, name, state, count in session.execute(query):
        found[(rule, name)][state] = int(count)
    return found


def _states(session: Session, source_id: str) -> dict[str, int]:
    query = select(_Q.state, func.count()).where(_Q.source_id == source_id).group_by(_Q.state)
    counts = dict.fromkeys((OPEN, MENDED, RELEASED, DISCARDED), 0)
    return counts | {state: int(count) for state, count in session.execute(query)}
