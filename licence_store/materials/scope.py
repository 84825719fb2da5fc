"""材料归谁办: in which row of the matrix somebody stands towards an item."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from licence_store.holding.holder import NONE, HolderSession
from licence_store.ledger.ledger import UseNote
from licence_store.ledger.witness import who_holds, who_of
from licence_store.materials.models import CaseMaterial
from licence_store.materials.steps import matrix, refusal
from licence_store.materials.views import MaterialView, Who
from seal.lifecycle import Official, Role
from seal.models import table

if TYPE_CHECKING:
    from licence_store.materials.materials import Materials

_CASES = table(CaseMaterial)
_STAFF = {
    Role.AUDITOR: "auditor",
    Role.SEAL_KEEPER: "seal_keeper",
    Role.SEAL_APPROVER: "seal_approver",
    Role.ADMIN: "admin",
}


def role_of(materials: Materials, who: Who, view: MaterialView, action: str) -> str:
    """A role of the matrix; a holder's depends on the right that ``action`` takes."""
    if isinstance(who, HolderSession):
        if who.holder.code != view.holder_code:
            return "other"
        right = matrix().actions[action].right
        if right and not who.may(right, view.type_code or NONE):
            return "limited"
        return "delegate" if who.delegation_id else "owner"
    if who.role is Role.OFFICER:
        return "officer" if in_charge(materials, who, view) else "elsewhere"
    return _STAFF.get(who.role, "other")


def in_charge(materials: Materials, official: Official, view: MaterialView) -> bool:
    """受理窗口: the item is for their department, or of a type it issues, or was handed in to it for a case. Somebody
    of no department (the console of a demonstration) is everywhere.
    """
    department = official.actor.department
    if not department or view.department_id == department:
        return True
    if not view.is_licence and not view.department_id and view.type_code:
        if view.type_code in materials.catalogue.types_of(department):
            return True
    query = select(_CASES.c.id).where(_CASES.c.subject == view.id, _CASES.c.department_id == department).limit(1)
    with materials.sessions.read() as session:
        return session.execute(query).first() is not None


def demand_officer(who: Who) -> None:
    """Raises ``Refused("material.role")``."""
    if not isinstance(who, Official) or who.role is not Role.OFFICER:
        raise refusal("material.role", "")


def use_of(
    session: Session, holder_code: str, subject: str, act: str, official: Official, at: datetime, why: str = ""
) -> UseNote:
    """What an officer did with an item, for its holder's ledger."""
    who, department = who_of(session, official.actor)
    return UseNote(holder_code, subject, act, who, official.actor.account, why, "ok", at, department)


def use_for(view: MaterialView, act: str, who: HolderSession, at: datetime) -> UseNote:
    """What somebody who acts for the holder did with an item, for the holder's ledger."""
    return UseNote(view.holder_code, view.id, act, who_holds(who), who.actor().account, "", "ok", at)
