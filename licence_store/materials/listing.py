"""材料清单: lists of materials, page by page; every level in them is worked out anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.holding.holder import HolderSession
from licence_store.holding.models import of_number
from licence_store.lifecycle import LicenceState
from licence_store.materials import events
from licence_store.materials.kinds import LICENCE, find_kind
from licence_store.materials.models import CaseMaterial, Material, MaterialStanding
from licence_store.materials.scope import use_of
from licence_store.materials.views import ACTIVE, DELETED, ENDED, HOLDER, REFUSED, REGISTER, MaterialPage, MaterialView
from seal.lifecycle import Official
from seal.models import table
from trust.errors import Malformed
from trust.journal import Entry

if TYPE_CHECKING:
    from licence_store.materials.materials import Materials
    from licence_store.register import LicenceView

_M, _S, _C = table(Material).c, table(MaterialStanding).c, table(CaseMaterial).c
MOST = 200
SHOW = ("waiting", "checked", "refused", "all")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to show; empty: everything."""

    state: str = ""
    kind: str = ""
    type_code: str = ""


def of_holder(materials: Materials, who: HolderSession, wanted: Wanted, after: str, limit: int) -> MaterialPage:
    """Newest first."""
    query = events.query().where(of_number(_M.holder_code, who.holder.code))
    query = query.where(_S.state == wanted.state if wanted.state else _S.state != DELETED)
    if wanted.kind:
        query = query.where(_M.kind == wanted.kind)
    if after:
        query = query.where(_M.id < after)
    if "*" not in who.types:
        query = query.where(_M.type_code.in_(sorted(who.types)))
    return _page(materials, query.order_by(_M.id.desc()), limit)


def of_window(materials: Materials, official: Official, wanted: Wanted, after: str, limit: int) -> MaterialPage:
    """Oldest first: what this window is in charge of."""
    if wanted.state not in SHOW:
        raise Malformed("material.show", "范围应为 {expected} 之一。", expected="、".join(SHOW))
    query = events.query()
    if wanted.state == "waiting":
        query = query.where(_S.waiting)
    elif wanted.state == "refused":
        query = query.where(_S.state == REFUSED)
    elif wanted.state == "checked":
        query = query.where(_S.state == ACTIVE, ~_S.waiting)
    else:
        query = query.where(_S.state != DELETED)
    if wanted.kind:
        query = query.where(_M.kind == find_kind(wanted.kind).code)
    if wanted.type_code:
        query = query.where(_M.type_code == materials.catalogue.get(wanted.type_code).code)
    if after:
        query = query.where(_M.id > after)
    return _page(materials, query.where(*_in_charge(materials, official)).order_by(_M.id), limit)


def _in_charge(materials: Materials, official: Official) -> list[Any]:
    """As ``scope.in_charge``, for a list."""
    department = official.actor.department
    if not department:
        return []
    received = select(_C.id).where(_C.subject == _M.id, _C.department_id == department).exists()
    types = materials.catalogue.types_of(department)
    of_type = and_(_M.department_id == "", _M.type_code.in_(types))
    return [or_(_M.department_id == department, of_type, received)]


def at_window(materials: Materials, official: Official, holder_code: str, purpose: str) -> MaterialPage:
    """All of one holder, for somebody who says why."""
    why = purpose.strip()
    if not why or len(why) > MOST or not why.isprintable():
        raise Malformed("purpose.missing", "读取个人信息应说明事由。")
    page = _page(
        materials,
        events.query().where(of_number(_M.holder_code, holder_code), _S.state != DELETED).order_by(_M.id.desc()),
        MOST,
    )
    with materials.sessions.begin() as session:
        noted = [use_of(session, holder_code, one.id, "list", official, materials.clock(), why) for one in page.items]
        materials.ledger.note(session, *noted)
        shown = {"shown": str(len(page.items))}
        entry = Entry(materials.clock(), official.actor, "material.lookup", "materials", why, details=shown)
        journal.append(session, [entry])
    return page


def own_of(session: Session, holder_code: str) -> Sequence[str]:
    """Ids of what the holder uploaded and has not deleted."""
    query = select(_M.id).join(table(MaterialStanding), _S.material_id == _M.id)
    query = query.where(of_number(_M.holder_code, holder_code), _M.origin == HOLDER, _S.state != DELETED).order_by(
        _M.id
    )
    return list(session.execute(query).scalars())


def _page(materials: Materials, query: Select[Any], limit: int) -> MaterialPage:
    wanted = max(1, min(limit, MOST))
    with materials.sessions.read() as session:
        rows = list(session.execute(query.limit(wanted + 1)))
        found = views(materials, session, rows[:wanted])
    return MaterialPage(found, found[-1].id if len(rows) > wanted else None)


def views(materials: Materials, session: Session, rows: Sequence[Row[Any]]) -> tuple[MaterialView, ...]:
    """These as they stand."""
    told = events.events_of(session, [row.id for row in rows]) if rows else {}
    check = materials.statements()
    return tuple(events.view(events.Held(row, tuple(told.get(row.id, ()))), check) for row in rows)


def licence_view(view: LicenceView) -> MaterialView:
    """A licence of the register, seen as an item."""
    one = view.summary
    current = one.state == LicenceState.CURRENT
    return MaterialView(
        id=one.licence_id,
        holder_code=one.holder_code,
        kind=find_kind(LICENCE),
        title=one.type_name,
        level=view.message.metadata.get("credibility", "") or "A",
        original_check_required=False,
        usable="directly" if current else "no",
        state=ACTIVE if current else ENDED,
        origin=REGISTER,
        digest=view.file_digest,
        media_type="application/ofd",
        size=view.file_size,
        pages=1,
        upload_id="",
        uploaded_by=one.department_id,
        created=one.issued,
        type_code=one.type_code,
        stated_number=one.licence_number,
        department_id=one.department_id,
        checked_by=one.issuer_name,
        checked_on=view.signed_at,
        valid_until=one.valid_to,
    )
