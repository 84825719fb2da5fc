"""隔离区: what is held back, as people see it, mend it, or give it up (R032, R045).

A row that is mended waits for a run of what was held back (``Collector.rerun``); nothing is sealed here. Whoever
mends says which revision was looked at, so that two people do not overwrite each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.collection.cleansing import DISCARDED
from licence_store.collection.holding import DISCARDED as ROW_DISCARDED
from licence_store.collection.holding import MENDED, WAITING, wipe_findings
from licence_store.collection.models import CollectionItem, CollectionSource, QuarantineFinding, QuarantineRow
from licence_store.collection.repetitions import forget
from licence_store.collection.rows import Told
from licence_store.collection.sources import allowed
from licence_store.collection.texts import to_text, whole
from licence_store.definitions import LicenceTypeDefinition
from seal.database import Sessions
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound
from trust.journal import Actor, Entry

MAX_VALUE = 4000
MOST_LISTED = 500
_Q = QuarantineRow


@dataclass(frozen=True, slots=True)
class Held:
    """隔离行: one row of the quarantine."""

    id: str
    source_id: str
    source_title: str
    type_code: str
    department_id: str
    key: str
    row: int
    run_id: str
    state: str
    revision: int
    held: datetime
    changed: datetime
    changed_by: str
    reason: str
    licence_id: str
    findings: tuple[Told, ...]
    record: Mapping[str, str]
    """Empty once it has left the quarantine."""
    extras: Mapping[str, Any]

    @property
    def waiting(self) -> bool:
        """Is it in the quarantine still?"""
        return self.state in WAITING


@dataclass(frozen=True, slots=True)
class Wanted:
    """筛选: which rows are asked for; what is left out does not matter."""

    source: str = ""
    rule: str = ""
    states: tuple[str, ...] = WAITING
    run: str = ""
    departments: frozenset[str] | None = None
    """``None``: all; so too the types."""
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Mending:
    """更正: a row's record anew."""

    id: str
    record: Mapping[str, object]
    revision: int | None = None
    """Which revision was looked at; ``None``: whichever."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """隔离区."""

    sessions: Sessions
    catalogue: Catalogue
    clock: Callable[[], datetime]

    def page(self, wanted: Wanted, *, after: str = "", limit: int = 100) -> tuple[Held, ...]:
        """Rows by the moment they were held, the newest first; ``after``: the id of the last one seen."""
        query = _query(wanted)
        with self.sessions.read() as session:
            if after:
                last = session.get(_Q, after[:64])
                if last is None:
                    raise Malformed("quarantine.cursor", "隔离区的翻页位置无效。")
                query = query.where(or_(_Q.held < last.held, and_(_Q.held == last.held, _Q.id > last.id)))
            rows = session.execute(query.order_by(_Q.held.desc(), _Q.id).limit(min(limit, MOST_LISTED))).scalars()
            return _with_findings(session, list(rows))

    def count(self, wanted: Wanted, *, most: int | None = None) -> int:
        """How many there are; counted no further than ``most``."""
        with self.sessions.read() as session:
            found = _query(wanted).limit(most).subquery()
            return session.execute(select(func.count()).select_from(found)).scalar_one()

    def get(self, quarantine_id: str, departments: Collection[str] | None = None) -> Held:
        """One row; raises ``NotFound("quarantine.unknown")``."""
        with self.sessions.read() as session:
            [found] = _with_findings(session, [_row(session, quarantine_id, departments)])
            return found

    def each(self, wanted: Wanted) -> Iterator[Held]:
        """All of them, in flat memory, by id."""
        after = ""
        while True:
            query = _query(wanted).where(_Q.id > after).order_by(_Q.id).limit(MOST_LISTED)
            with self.sessions.read() as session:
                page = _with_findings(session, list(session.execute(query).scalars()))
            yield from page
            if len(page) < MOST_LISTED:
                return
            after = page[-1].id

    def mend(self, mending: Mending, actor: Actor) -> Held:
        """更正 one row; raises as ``mend_many`` answers."""
        [answer] = self.mend_many([mending], actor)
        if isinstance(answer, LicenceTrustError):
            raise answer
        return answer

    def mend_many(self, mendings: Sequence[Mending], actor: Actor) -> list[Held | LicenceTrustError]:
        """更正: the records anew, all in one transaction; a wrong one does not stop the rest.

        Answers ``NotFound("quarantine.unknown")``, ``Refused("collection.department")``, ``Conflict("quarantine.moved",
        "quarantine.left")``, ``Malformed("record.*", "quarantine.value")`` in the place of those that could not be.
        """
        now = self.clock()
        answers: list[str | LicenceTrustError] = []
        entries: list[Entry] = []
        with self.sessions.begin() as session:
            for mending in mendings:
                try:
                    entries.append(self._mend(session, mending, actor, now))
                    answers.append(mending.id)
                except LicenceTrustError as error:
                    answers.append(error)
            if entries:
                journal.append(session, entries)
        return [self.get(one) if isinstance(one, str) else one for one in answers]

    def _mend(self, session: Session, mending: Mending, actor: Actor, now: datetime) -> Entry:
        row = _waiting(session, mending.id, actor)
        if mending.revision is not None and mending.revision != row.revision:
            raise Conflict("quarantine.moved", "该行已被他人更改，请重新打开后再更正。")
        definition = self.catalogue.get(row.type_code)
        kept = json.loads(row.content)
        record = _record(definition, mending.record)
        changed = sorted(
            name for name in {*record, *kept["record"]} if record.get(name, "") != kept["record"].get(name, "")
        )
        content = to_text({**kept, "record": record})
        values = {"content": content, "state": MENDED, "changed": now, "changed_by": actor.account[:100]}
        session.execute(update(_Q).where(_Q.id == row.id).values(revision=_Q.revision + 1, **values))
        details = {"source": row.source_id, "fields": ",".join(changed)[:500]}
        return Entry(now, actor, "quarantine.mend", row.id, details=details)

    def discard(self, quarantine_ids: Sequence[str], actor: Actor, reason: str) -> int:
        """弃用: these rows are given up, their content is wiped; the same delivery again brings nothing back.

        Raises as ``mend`` does, ``Malformed("quarantine.reason")`` too; then none is.
        """
        if not reason.strip() or len(reason) > 500 or not reason.isprintable():
            raise Malformed("quarantine.reason", "请写明弃用的理由（500 字以内）。")
        now, entries = self.clock(), []
        with self.sessions.begin() as session:
            for one in quarantine_ids:
                row = _waiting(session, one, actor)
                values = {"state": ROW_DISCARDED, "content": "", "reason": reason.strip(), "changed": now,
                          "changed_by": actor.account[:100]}  # fmt: skip
                session.execute(update(_Q).where(_Q.id == row.id).values(revision=_Q.revision + 1, **values))
                item = CollectionItem.id == row.item_id
                session.execute(update(CollectionItem).where(item).values(state=DISCARDED))
                forget(session, [row.item_id])
                details = {"source": row.source_id}
                entries.append(
                    Entry(now, actor, "quarantine.discard", row.id, reason=reason.strip(), details=details)
                )
            wipe_findings(session, list(quarantine_ids))
            if entries:
                journal.append(session, entries)
        return len(quarantine_ids)


def _query(wanted: Wanted) -> Select[Any]:
    query = select(_Q)
    if wanted.states:
        query = query.where(_Q.state.in_(wanted.states))
    if wanted.source:
        query = query.where(_Q.source_id == wanted.source)
    if wanted.run:
        query = query.where(_Q.run_id == wanted.run)
    if wanted.departments is not None:
        query = query.where(_Q.department_id.in_(sorted(wanted.departments)))
    if wanted.types is not None:
        query = query.where(_Q.type_code.in_(sorted(wanted.types)))
    if wanted.rule:
        broken = exists().where(
            QuarantineFinding.quarantine_id == _Q.id,
            or_(QuarantineFinding.rule == wanted.rule, QuarantineFinding.code == wanted.rule),
        )
        query = query.where(broken)
    return query


def _row(session: Session, quarantine_id: str, departments: Collection[str] | None = None) -> QuarantineRow:
    row = session.get(_Q, quarantine_id[:64])
    if row is None or (departments is not None and row.department_id not in departments):
        raise NotFound("quarantine.unknown", "隔离区中没有 {id}。", id=quarantine_id[:64])
    return row


def _waiting(session: Session, quarantine_id: str, actor: Actor) -> QuarantineRow:
    """The row, held for this transaction, if it is in the quarantine and the actor's to handle."""
    where = _Q.id == quarantine_id[:64]
    row = session.execute(select(_Q).where(where).with_for_update()).scalar()
    if row is None:
        raise NotFound("quarantine.unknown", "隔离区中没有 {id}。", id=quarantine_id[:64])
    allowed(actor, row.department_id)
    if row.state not in WAITING:
        raise Conflict("quarantine.left", "该行已离开隔离区，不能再更改。")
    return row


def _record(definition: LicenceTypeDefinition, given: Mapping[str, object]) -> dict[str, str]:
    """A mended record: texts under the type's names, whatever they say."""
    names = definition.schema["properties"]
    if unknown := sorted(str(name) for name in given if name not in names):
        raise Malformed(
            "record.unknown_field",
            "记录含有本证照类型没有的字段“{field}”；可用字段：{expected}。",
            field=unknown[0][:40],
            expected="、".join(names),
        )
    record: dict[str, str] = {}
    for name, value in given.items():
        if value is None:
            continue
        if not isinstance(value, str) or len(value) > MAX_VALUE:
            raise Malformed(
                "quarantine.value", "字段“{title}”（{field}）应为 {limit} 字以内的文本。", field=name,
                title=names[name]["title"], limit=MAX_VALUE,
            )  # fmt: skip
        if value.strip():
            record[name] = value.strip()
    return record


def _with_findings(session: Session, rows: Sequence[QuarantineRow]) -> tuple[Held, ...]:
    found: dict[str, list[Told]] = {row.id: [] for row in rows}
    query = select(QuarantineFinding).where(QuarantineFinding.quarantine_id.in_(list(found)))
    for one in session.execute(query.order_by(QuarantineFinding.number)).scalars() if found else ():
        kept: dict[str, Any] = json.loads(one.message) if one.message else {"template": "", "params": {}}
        told = Told(one.rule, one.code, one.field, one.severity, kept["template"], kept["params"])
        found[one.quarantine_id].append(told)
    wanted = {row.source_id for row in rows}
    titles = select(CollectionSource.id, CollectionSource.title).where(CollectionSource.id.in_(sorted(wanted)))
    names = dict(session.execute(titles).all()) if wanted else {}
    return tuple(_held(row, tuple(found[row.id]), names[row.source_id]) for row in rows)


def _held(row: QuarantineRow, findings: tuple[Told, ...], title: str) -> Held:
    kept = json.loads(row.content) if row.content else {"record": {}, "extras": {}}
    return Held(
        row.id, row.source_id, title, row.type_code, row.department_id, row.key, row.row, row.run_id, row.state,
        row.revision, row.held, row.changed, row.changed_by, row.reason, row.licence_id, findings,
        {whole(name): whole(value) for name, value in kept["record"].items()}, kept["extras"],
    )  # fmt: skip
