"""目录编制与审核发布: drafts of types are written, handed in, published by another hand; types are retired (R010).

A draft is saved as it is typed, sound or not; only what is handed in must be sound: it loads, and its example can be
drawn. Every step is an event (``licence_store.catalogue_models.TypeEvent``), and the public ones make the change feed.

    draft = life.open_draft(officer, source)
    life.take(officer, draft.id, "submit")
    life.take(administrator, draft.id, "publish")       # never one of the draft's own hands
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue import Catalogue, CataloguedType, demand_reason, describe
from licence_store.catalogue_models import TypeDraft, TypeEvent
from licence_store.catalogue_steps import DRAFT_STEPS, PUBLIC, TypeState, step_of, take
from licence_store.definitions import LicenceTypeDefinition, load_definition
from licence_store.models import LicenceType
from licence_store.sample import draw_sample
from seal.lifecycle import Official, Role
from trust.canonical import canonical_json
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Entry

DRAFT_LIMIT: Final = 4 << 20
"""Bytes of a draft's JSON, base images included."""
_REASON = 500


@dataclass(frozen=True, slots=True)
class TypeChange:
    """目录事件, as the feed and the histories tell it."""

    seq: int
    code: str
    kind: str
    state: TypeState
    version: int
    digest: str
    department: str
    draft: str
    actor: str
    reason: str
    recorded: datetime


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """目录草稿 in a list."""

    id: str
    code: str
    slug: str
    name: str
    state: TypeState
    department: str
    hands: tuple[str, ...]
    """Who wrote or handed in; the first opened it."""
    base_version: int
    revision: int
    opened: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class DraftView:
    """目录草稿 with its definition and what happened to it."""

    summary: DraftSummary
    source: dict[str, Any]
    events: tuple[TypeChange, ...]
    problem: LicenceTrustError | None
    """What still stops it from being handed in."""

    @property
    def id(self) -> str:
        return self.summary.id


@dataclass(frozen=True)
class CatalogueLife:
    """目录编制."""

    catalogue: Catalogue

    # Drafts

    def open_draft(self, who: Official, source: object, *, reason: str = "") -> DraftView:
        """起草, from nothing, a file or a type at hand. Raises ``Refused("type.role")``, ``Malformed("type.*")``."""
        take("draft", TypeState.NONE, who.role)
        definition, now, draft_id = _written(source), self.catalogue.clock(), secrets.token_hex(8)
        row = {
            "id": draft_id,
            **_heading(source),
            "definition": definition,
            "state": TypeState.DRAFT,
            "department": who.actor.department or "",
            "hands": _hands((), who),
            "base_version": 0,
            "revision": 1,
            "opened": now,
            "changed": now,
        }
        with self.catalogue.sessions.begin() as session:
            session.execute(insert(TypeDraft), [row])
            self._note(session, session.get_one(TypeDraft, draft_id), "draft", TypeState.DRAFT, who, reason)
        return self.draft(who, draft_id)

    def save(self, who: Official, draft_id: str, source: object, *, revision: int) -> DraftView:
        """保存草稿, sound or not. Raises ``Conflict("type.draft_changed")`` when somebody saved in between."""
        definition = _written(source)
        with self.catalogue.sessions.begin() as session:
            row = self._held(session, draft_id, who)
            take("save", TypeState(row.state), who.role)
            if row.revision != revision:
                raise Conflict(
                    "type.draft_changed",
                    "草稿已被 {by} 保存过，您看到的不是最新内容。",
                    remedy="请另存您的内容，刷新后合并。",
                    by=json.loads(row.hands)[-1],
                )
            values = {**_heading(source), "definition": definition, "hands": _hands(json.loads(row.hands), who)}
            changes = {**values, "revision": revision + 1, "changed": self.catalogue.clock()}
            session.execute(update(TypeDraft).where(TypeDraft.id == draft_id).values(changes))
        return self.draft(who, draft_id)

    def take(self, who: Official, draft_id: str, step: str, *, reason: str = "") -> DraftView:
        """办理 one of ``DRAFT_STEPS``. Raises ``Refused`` naming the rule, ``Malformed("type.*", "face.*")``."""
        if step not in DRAFT_STEPS:
            raise NotFound("type.step_unknown", "目录没有“{step}”这一步骤。", step=step[:40])
        with self.catalogue.sessions.begin() as session:
            row = self._held(session, draft_id, who)
            after = take(step, TypeState(row.state), who.role)
            _ACTS[step](self, session, row, who, reason)
            values = {"state": after, "changed": self.catalogue.clock()}
            session.execute(update(TypeDraft).where(TypeDraft.id == draft_id).values(values))
            if step != "publish":
                self._note(session, row, step, after, who, reason)
        return self.draft(who, draft_id)

    def _submit(self, session: Session, row: TypeDraft, who: Official, reason: str) -> None:
        definition = check_definition(json.loads(row.definition))
        known = self.catalogue.known(session, definition)
        hands = {"hands": _hands(json.loads(row.hands), who), "base_version": known.version if known else 0}
        session.execute(update(TypeDraft).where(TypeDraft.id == row.id).values(hands))

    def _reject(self, session: Session, row: TypeDraft, who: Official, reason: str) -> None:
        _demand_another_hand(row, who)
        demand_reason(reason)

    def _publish(self, session: Session, row: TypeDraft, who: Official, reason: str) -> None:
        _demand_another_hand(row, who)
        definition = check_definition(json.loads(row.definition))
        known = self.catalogue.known(session, definition)
        if (known.version if known else 0) != row.base_version:
            raise Refused(
                "type.draft_outdated",
                "提交之后，该类型已发布第{version}版。",
                remedy="请退回草稿，核对后重新提交。",
                version=known.version if known else 0,
            )
        event = TypeEvent(kind="publish", draft=row.id, reason=reason[:_REASON])
        self.catalogue.publish_in(session, definition, who.actor, event)

    # Types

    def retire(self, who: Official, type_name: str, reason: str) -> CataloguedType:
        """停用: nothing more is issued; its licences live on.

        Raises ``Refused("type.role", "type.step", "type.reason")``, ``NotFound("type.unknown")``.
        """
        return self._change("retire", who, type_name, reason)

    def restore(self, who: Official, type_name: str, reason: str) -> CataloguedType:
        """恢复启用. Raises as ``retire``."""
        return self._change("restore", who, type_name, reason)

    def grant(
        self, who: Official, type_name: str, department: str, seal_id: str, *, until: datetime | None = None
    ) -> None:
        """授权颁证, by an administrator. Raises ``Refused("type.role")`` and as ``Catalogue.grant``."""
        take("grant", TypeState.PUBLISHED, who.role)
        self.catalogue.grant(type_name, department, seal_id, who.actor, until=until)

    def end_grant(
        self, who: Official, type_name: str, department: str, reason: str, *, at: datetime | None = None
    ) -> None:
        """收回颁证授权. Raises ``Refused("type.role")`` and as ``Catalogue.end_grant``."""
        take("end_grant", TypeState.PUBLISHED, who.role)
        self.catalogue.end_grant(type_name, department, who.actor, reason, at=at)

    def _change(self, step: str, who: Official, type_name: str, reason: str) -> CataloguedType:
        with self.catalogue.sessions.begin() as session:
            kind = self.catalogue.current_in(session, type_name)
            code = kind.definition.code
            row = session.get_one(LicenceType, code, with_for_update=True)
            after = take(step, TypeState(row.state), who.role)
            demand_reason(reason)
            session.execute(update(LicenceType).where(LicenceType.code == code).values(state=after))
            entry = Entry(self.catalogue.clock(), who.actor, f"type.{step}", code, reason=reason[:_REASON])
            journal.append(session, [entry])
            event = TypeEvent(kind=step, reason=reason[:_REASON])
            session.add(describe(event, code, after, who.actor, entry.moment, row.version, ""))
            return CataloguedType(kind.definition, row.version, after)

    # Questions

    def draft(self, who: Official, draft_id: str) -> DraftView:
        """One draft, for its department or an administrator; raises ``NotFound("type.draft_unknown")``."""
        with self.catalogue.sessions.read() as session:
            row = session.get(TypeDraft, draft_id)
            _demand_visible(row, draft_id, who)
            assert row is not None
            events = session.execute(select(TypeEvent).where(TypeEvent.draft == draft_id).order_by(TypeEvent.seq))
            source = json.loads(row.definition)
            return DraftView(_summary(row), source, tuple(map(_change, events.scalars())), problem_of(source))

    def drafts(self, who: Official, *, closed: bool = False, limit: int = 200) -> tuple[DraftSummary, ...]:
        """Drafts somebody may see, newest first; ``closed`` ones (published, withdrawn) only when asked for."""
        query = select(TypeDraft).order_by(TypeDraft.changed.desc(), TypeDraft.id).limit(limit)
        if not closed:
            query = query.where(TypeDraft.state.in_((TypeState.DRAFT, TypeState.REVIEW)))
        if not _sees_all(who):
            query = query.where(TypeDraft.department == (who.actor.department or ""))
        with self.catalogue.sessions.read() as session:
            return tuple(map(_summary, session.execute(query).scalars()))

    def history(self, code: str) -> tuple[TypeChange, ...]:
        """What the public may know of a type's life, oldest first."""
        query = select(TypeEvent).where(TypeEvent.code == code, TypeEvent.kind.in_(PUBLIC)).order_by(TypeEvent.seq)
        with self.catalogue.sessions.read() as session:
            return tuple(map(_change, session.execute(query).scalars()))

    def changes(self, after: int = 0, limit: int = 100) -> tuple[TypeChange, ...]:
        """目录变更订阅: public events with a higher number than ``after``, in the order of their commits."""
        query = select(TypeEvent).where(TypeEvent.seq > after, TypeEvent.kind.in_(PUBLIC))
        with self.catalogue.sessions.read() as session:
            return tuple(map(_change, session.execute(query.order_by(TypeEvent.seq).limit(limit)).scalars()))

    def newest(self) -> int:
        """The number of the newest event."""
        with self.catalogue.sessions.read() as session:
            return session.execute(select(func.coalesce(func.max(TypeEvent.seq), 0))).scalar_one()

    # Inside

    def _held(self, session: Session, draft_id: str, who: Official) -> TypeDraft:
        row = session.execute(select(TypeDraft).where(TypeDraft.id == draft_id[:32]).with_for_update()).scalar()
        _demand_visible(row, draft_id, who)
        assert row is not None
        return row

    def _note(self, session: Session, row: TypeDraft, step: str, after: TypeState, who: Official, reason: str) -> None:
        now = self.catalogue.clock()
        entry = Entry(now, who.actor, f"type.{step}", row.code or row.id, reason=reason[:_REASON],
                      details={"draft": row.id})  # fmt: skip
        journal.append(session, [entry])
        event = TypeEvent(kind=step, draft=row.id, reason=reason[:_REASON])
        session.add(describe(event, row.code, after, who.actor, now, row.base_version, ""))


_Act = Callable[[CatalogueLife, Session, TypeDraft, Official, str], None]
_ACTS: Final[Mapping[str, _Act]] = MappingProxyType(
    {
        "submit": CatalogueLife._submit,
        "recall": lambda *_: None,
        "withdraw": lambda *_: None,
        "reject": CatalogueLife._reject,
        "publish": CatalogueLife._publish,
    }
)


def check_definition(source: object) -> LicenceTypeDefinition:
    """A definition fit to be handed in: it loads, and its sample can be drawn. Raises ``Malformed``."""
    definition = load_definition(source)
    draw_sample(definition, dpi=24)
    return definition


def problem_of(source: object) -> LicenceTrustError | None:
    """What keeps ``source`` from being handed in."""
    try:
        check_definition(source)
    except LicenceTrustError as error:
        return error
    return None


def _written(source: object) -> str:
    """The draft as JSON. Raises ``Malformed("type.not_an_object", "type.not_json", "type.too_large")``."""
    if not isinstance(source, dict):
        raise Malformed("type.not_an_object", "证照类型定义应为 JSON 对象。")
    try:
        text = json.dumps(source, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError) as error:
        raise Malformed("type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=str(error)[:120]) from error
    if size > DRAFT_LIMIT:
        raise Malformed(
            "type.too_large", "证照类型定义为 {size} 字节，最多 {limit} 字节。", size=size, limit=DRAFT_LIMIT
        )
    return text


def _heading(source: object) -> dict[str, str]:
    """What lists show of a draft, as far as it can be read."""
    part: Mapping[str, Any] = source if isinstance(source, dict) else {}
    name = part.get("name")
    named = {
        "code": part.get("code"),
        "slug": part.get("slug"),
        "name": name.get("zh") if isinstance(name, dict) else "",
    }
    limits = {"code": 40, "slug": 64, "name": 200}
    shown = {key: value if isinstance(value, str) else "" for key, value in named.items()}
    return {key: "".join(c for c in text if c.isprintable())[: limits[key]] for key, text in shown.items()}


def _hands(before: Any, who: Official) -> str:
    """Everybody who wrote, once, the newest last."""
    names = [name for name in before if name != who.actor.account]
    return canonical_json([*names, who.actor.account]).decode()


def _demand_another_hand(row: TypeDraft, who: Official) -> None:
    if who.actor.account in json.loads(row.hands):
        raise Refused("type.same_hand", "编制或提交过该草稿的人不能审核它。", remedy="请由另一位管理员审核。")


def _sees_all(who: Official) -> bool:
    return who.role in (Role.ADMIN, Role.SYSTEM) or not who.actor.department


def _demand_visible(row: TypeDraft | None, draft_id: str, who: Official) -> None:
    if row is None or not (_sees_all(who) or row.department == who.actor.department):
        raise NotFound("type.draft_unknown", "没有目录草稿 {id}。", id=draft_id[:40])


def _summary(row: TypeDraft) -> DraftSummary:
    return DraftSummary(
        row.id, row.code, row.slug, row.name, TypeState(row.state), row.department, tuple(json.loads(row.hands)),
        row.base_version, row.revision, row.opened, row.changed,
    )  # fmt: skip


def _change(row: TypeEvent) -> TypeChange:
    return TypeChange(
        row.seq, row.code, row.kind, TypeState(row.state), row.version, row.digest, row.department, row.draft,
        row.actor, row.reason, row.recorded,
    )  # fmt: skip


def title_of(kind: str) -> str:
    """The Chinese title of an event's kind."""
    return step_of(kind).title
