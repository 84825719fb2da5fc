"""共享属性与申请 (R116): open to every entitled caller, or by application that the owning department reviews.

Each department decides for its own licences of a type. Without a decision a type is shared by application. An approved
application names operations and service items, and ends; everything that was ever decided stays.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.models import Department
from licence_store.sharing.calls import ANY, OPERATIONS, Caller
from licence_store.sharing.models import SharingApplication, SharingClient, SharingDecision, SharingTier
from licence_store.sharing.purposes import Purpose
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, Refused, Word
from trust.i18n import N_
from trust.journal import Actor, Entry

OPEN, APPLICATION, CLOSED = "open", "application", "closed"
"""完全共享 · 申请共享 · 不予共享."""
TIERS = (OPEN, APPLICATION, CLOSED)
APPROVE, REFUSE, END, WITHDRAW = "approve", "refuse", "end", "withdraw"
_STEPS = {APPROVE: ("requested",), REFUSE: ("requested",), END: ("approved",), WITHDRAW: ("requested", "approved")}
"""Decision → states in which it may be taken."""
_STATES = {APPROVE: "approved", REFUSE: "refused", END: "ended", WITHDRAW: "withdrawn"}
STATE_NAMES = {
    "requested": N_("待审核"),
    "approved": N_("已同意"),
    "refused": N_("未同意"),
    "withdrawn": N_("已撤回"),
    "ended": N_("已终止"),
    "expired": N_("已到期"),
}
LONGEST = timedelta(days=3 * 366)
_ALWAYS = ("catalogue", "fields", "verify")
"""What tells nothing of anybody's licence but what the caller holds: needs no tier."""


@dataclass(frozen=True, slots=True)
class TierView:
    """共享属性 as it stands."""

    type_code: str
    type_name: str
    department: str
    department_name: str
    tier: str
    since: datetime | None
    """``None``: never decided."""


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """共享申请 and what became of it."""

    id: str
    client_id: str
    client_name: str
    organisation: str
    type_code: str
    type_name: str
    department: str
    department_name: str
    operations: tuple[str, ...]
    items: tuple[str, ...]
    basis: str
    reason: str
    applied: datetime
    state: str
    """``requested``, ``approved``, ``refused``, ``ended``, ``withdrawn`` or ``expired``."""
    until: datetime | None = None
    decided: datetime | None = None
    decided_by: str = ""
    decision_reason: str = ""


@dataclass(frozen=True)
class Access:
    """共享授权."""

    sessions: Sessions
    catalogue: Catalogue
    clock: Callable[[], datetime]

    # Tiers

    def set_tier(self, type_name: str, department: str, tier: str, reason: str, actor: Actor) -> None:
        """Raises ``Malformed("sharing.tier", "sharing.reason")``, ``Refused("sharing.not_owner")``."""
        code, now = self.catalogue.get(type_name).code, self.clock()
        if tier not in TIERS:
            raise Malformed("sharing.tier", "共享属性应为 {expected} 之一。", expected="、".join(TIERS))
        _demand_reason(reason)
        _demand_own(actor, department)
        row = {
            "type_code": code, "department_id": department, "tier": tier, "reason": reason,
            "account": actor.account[:100], "recorded": now,
        }  # fmt: skip
        with self.sessions.begin() as session:
            self._demand_owner(session, code, department)
            session.execute(insert(SharingTier), [row])
            details = {"department": department, "tier": tier}
            journal.append(session, [Entry(now, actor, "sharing.tier", code, reason, details=details)])

    def tiers(self, department: str = "") -> tuple[TierView, ...]:
        """Every type each department issues; of one department or of all."""
        found: list[TierView] = []
        with self.sessions.read() as session:
            newest = _tiers(session)
            for entry in self.catalogue.entries():
                for right in self.catalogue.rights(session, entry.definition.code):
                    if department in ("", right.department_id):
                        row = newest.get((entry.definition.code, right.department_id))
                        found.append(
                            TierView(
                                entry.definition.code, entry.definition.name, right.department_id,
                                right.department_name, row.tier if row else APPLICATION, row.recorded if row else None,
                            )
                        )  # fmt: skip
        return tuple(found)

    # Applications

    def apply(
        self,
        client_id: str,
        type_name: str,
        *,
        department: str = "",
        operations: Collection[str],
        items: Collection[str],
        basis: str,
        reason: str,
        actor: Actor,
    ) -> ApplicationView:
        """申请. ``department`` may be left out where one alone issues the type.

        Raises ``Malformed("sharing.application_*")``, ``NotFound("type.unknown", "sharing.client_unknown")``,
        ``Refused("sharing.not_owner")``, ``Conflict("sharing.application_open")``.
        """
        code, now = self.catalogue.get(type_name).code, self.clock()
        words = tuple(sorted({one.strip() for one in items}))
        if not set(operations) or not set(operations) <= set(OPERATIONS):
            raise Malformed("sharing.application_operations", "操作应为下列各项之一或多项：{expected}。",
                            expected="、".join(OPERATIONS))  # fmt: skip
        if not words or len(words) > 50 or not all(0 < len(one) <= 200 and one.isprintable() for one in words):
            raise Malformed("sharing.application_items", "请写明一至50个政务服务事项。")
        if not 0 < len(basis.strip()) <= 500:
            raise Malformed("sharing.application_basis", "请写明法律依据（不超过500个字符）。")
        _demand_reason(reason)
        application_id = f"app-{secrets.token_hex(8)}"
        with self.sessions.begin() as session:
            if session.get(SharingClient, client_id[:64]) is None:
                raise NotFound("sharing.client_unknown", "没有接入系统“{client}”。", client=client_id[:64])
            owner = self._owner(session, code, department)
            for one in self._views(session, client_id=client_id, type_code=code, department=owner):
                if one.state == "requested":
                    raise Conflict("sharing.application_open", "同一类型的申请 {id} 正在审核中。", id=one.id)
            row = {
                "id": application_id, "client_id": client_id, "type_code": code, "department_id": owner,
                "operations": json.dumps(sorted(set(operations))), "items": json.dumps(words, ensure_ascii=False),
                "basis": basis.strip(), "reason": reason.strip(), "account": actor.account[:100], "recorded": now,
            }  # fmt: skip
            session.execute(insert(SharingApplication), [row])
            details = {"type": code, "department": owner}
            journal.append(session, [Entry(now, actor, "sharing.apply", application_id, reason, details=details)])
        return self.application(application_id)

    def decide(
        self, application_id: str, decision: str, *, reason: str, actor: Actor, until: datetime | None = None
    ) -> ApplicationView:
        """审核: by the owning department. Raises ``Malformed("sharing.decision", "sharing.until", "sharing.reason")``,
        ``Refused("sharing.not_owner", "sharing.step")``, ``NotFound("sharing.application_unknown")``.
        """
        now = self.clock()
        if decision not in _STEPS:
            raise Malformed("sharing.decision", "决定应为 {expected} 之一。", expected="、".join(_STEPS))
        _demand_reason(reason)
        if decision == APPROVE and (until is None or not now < until <= now + LONGEST):
            raise Malformed("sharing.until", "请给出授权截止时间：应在将来，且不超过三年。")
        with self.sessions.begin() as session:
            found = self._views(session, application_id=application_id)
            if not found:
                raise NotFound("sharing.application_unknown", "没有共享申请“{id}”。", id=application_id[:32])
            [view] = found
            _demand_own(actor, view.department)
            if view.state not in _STEPS[decision]:
                raise Refused(
                    "sharing.step", "申请的状态为“{state}”，不能作此决定。", state=Word(STATE_NAMES[view.state])
                )
            row = {
                "application_id": application_id, "decision": decision, "reason": reason.strip(),
                "until": until if decision == APPROVE else None, "department_id": view.department,
                "account": actor.account[:100], "recorded": now,
            }  # fmt: skip
            session.execute(insert(SharingDecision), [row])
            journal.append(session, [Entry(now, actor, f"sharing.{decision}", application_id, reason)])
        return self.application(application_id)

    def application(self, application_id: str) -> ApplicationView:
        """Raises ``NotFound("sharing.application_unknown")``."""
        with self.sessions.read() as session:
            found = self._views(session, application_id=application_id)
        if not found:
            raise NotFound("sharing.application_unknown", "没有共享申请“{id}”。", id=application_id[:32])
        return found[0]

    def applications(
        self, *, client_id: str = "", department: str = "", state: str = "", limit: int = 200
    ) -> tuple[ApplicationView, ...]:
        """Newest first."""
        with self.sessions.read() as session:
            found = self._views(session, client_id=client_id, department=department, limit=limit)
        return tuple(one for one in found if state in ("", one.state))

    # Asking

    def demand(self, caller: Caller, purpose: Purpose, operation: str, type_code: str, department: str) -> None:
        """May ``caller`` do this with licences of this type and department?

        Raises ``Refused``: ``sharing.access_closed``, ``_none``, ``_requested``, ``_refused``, ``_ended``,
        ``_withdrawn``, ``_expired``, ``_operation``, ``_item``.
        """
        if operation in _ALWAYS:
            return
        with self.sessions.read() as session:
            if caller.kind == "clerk" and self._own(session, caller, department):
                return
            row = _tiers(session, type_code).get((type_code, department))
            tier = row.tier if row else APPLICATION
            if tier == OPEN:
                return
            if tier == CLOSED:
                raise Refused("sharing.access_closed", "主管部门未共享此类证照。")
            views = self._views(session, type_code=type_code, department=department, asker=caller)
        _demand_approved(views, operation, purpose)

    def departments(self, caller: Caller, purpose: Purpose, operation: str, type_code: str) -> tuple[str, ...]:
        """Departments whose licences of this type ``caller`` may ask for; raises as ``demand`` where there is none."""
        with self.sessions.read() as session:
            owners = [right.department_id for right in self.catalogue.rights(session, type_code)]
        allowed: list[str] = []
        refused: Refused | None = None
        for owner in owners:
            try:
                self.demand(caller, purpose, operation, type_code, owner)
                allowed.append(owner)
            except Refused as error:
                refused = refused or error
        if allowed:
            return tuple(allowed)
        raise refused or Refused("sharing.access_nobody", "本地区没有部门签发此类证照。")

    # Inside

    def _own(self, session: Session, caller: Caller, department: str) -> bool:
        return caller.id.rpartition("@")[2] == department

    def _owner(self, session: Session, code: str, department: str) -> str:
        owners = [right.department_id for right in self.catalogue.rights(session, code)]
        if department:
            self._demand_owner(session, code, department)
            return department
        if len(owners) != 1:
            raise Malformed(
                "sharing.application_department", "请指明向哪个部门申请：{known}。", known="、".join(owners) or "—"
            )
        return owners[0]

    def _demand_owner(self, session: Session, code: str, department: str) -> None:
        if department not in [right.department_id for right in self.catalogue.rights(session, code)]:
            raise Refused(
                "sharing.not_owner", "部门“{department}”不签发此类证照，无权决定其共享。", department=department[:32]
            )

    def _views(
        self,
        session: Session,
        *,
        application_id: str = "",
        client_id: str = "",
        type_code: str = "",
        department: str = "",
        asker: Caller | None = None,
        limit: int = 500,
    ) -> list[ApplicationView]:
        newest = select(SharingDecision.application_id, func.max(SharingDecision.id).label("id")).group_by(
            SharingDecision.application_id
        )
        last = newest.subquery()
        query = (
            select(SharingApplication, SharingClient, SharingDecision, Department.name)
            .join(SharingClient, SharingClient.id == SharingApplication.client_id)
            .join(Department, Department.id == SharingApplication.department_id)
            .outerjoin(last, last.c.application_id == SharingApplication.id)
            .outerjoin(SharingDecision, SharingDecision.id == last.c.id)
            .order_by(SharingApplication.recorded.desc(), SharingApplication.id)
            .limit(limit)
        )
        given = {"id": application_id, "client_id": client_id, "type_code": type_code, "department_id": department}
        for name, value in given.items():
            if value:
                query = query.where(getattr(SharingApplication, name) == value)
        if asker is not None:
            query = query.where(_of(asker))
        return [self._view(*row) for row in session.execute(query)]

    def _view(
        self, one: SharingApplication, client: SharingClient, decision: SharingDecision | None, department: str
    ) -> ApplicationView:
        state = _STATES[decision.decision] if decision else "requested"
        if decision and state == "approved" and decision.until is not None and decision.until <= self.clock():
            state = "expired"
        return ApplicationView(
            one.id, client.id, client.name, client.organisation, one.type_code,
            self.catalogue.get(one.type_code).name, one.department_id, department,
            tuple(json.loads(one.operations)), tuple(json.loads(one.items)), one.basis, one.reason, one.recorded, state,
            decision.until if decision else None, decision.recorded if decision else None,
            decision.account if decision else "", decision.reason if decision else "",
        )  # fmt: skip


def _of(asker: Caller) -> ColumnElement[bool]:
    """Whose applications speak for the caller: its own; a clerk's, those of its department's systems."""
    if asker.kind != "clerk":
        return SharingApplication.client_id == asker.id
    own = select(Department.code).where(Department.id == asker.id.rpartition("@")[2]).scalar_subquery()
    return SharingClient.organisation_code == own


def _tiers(session: Session, type_code: str = "") -> dict[tuple[str, str], SharingTier]:
    """The newest decision of each department on each type."""
    query = select(SharingTier).order_by(SharingTier.id)
    if type_code:
        query = query.where(SharingTier.type_code == type_code)
    return {(row.type_code, row.department_id): row for row in session.execute(query).scalars()}


def _demand_approved(views: Sequence[ApplicationView], operation: str, purpose: Purpose) -> None:
    approved = [one for one in views if one.state == "approved"]
    if not approved:
        state = views[0].state if views else "none"
        raise Refused(
            f"sharing.access_{state}",
            "此类证照须经主管部门审核同意后方可调用。",
            remedy="请提交共享申请，说明事项、要件和法律依据。",
        )
    covering = [one for one in approved if operation in one.operations]
    if not covering:
        raise Refused("sharing.access_operation", "已同意的申请不包括操作“{operation}”。", operation=operation)
    if not any(ANY in one.items or purpose.service_item in one.items for one in covering):
        raise Refused("sharing.access_item", "已同意的申请不包括事项“{item}”。", item=purpose.service_item)


def _demand_reason(reason: str) -> None:
    if not 0 < len(reason.strip()) <= 500 or not reason.isprintable():
        raise Malformed("sharing.reason", "请写明理由（不超过500个字符）。")


def _demand_own(actor: Actor, department: str) -> None:
    """Officers decide for their own department; the console of a demonstration region for any."""
    if actor.department not in (None, "", department):
        raise Refused(
            "sharing.not_owner", "部门“{department}”不签发此类证照，无权决定其共享。", department=actor.department
        )
