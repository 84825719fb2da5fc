"""接件 (R093, R101): what was received for a case, and how: on paper, as an attachment, or from the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from licence_store.holding.holder import HolderSession
from licence_store.holding.models import of_number
from licence_store.materials import events
from licence_store.materials.models import CaseMaterial
from licence_store.materials.scope import demand_officer
from licence_store.materials.steps import demand
from licence_store.materials.views import CaseLine, MaterialView, Who
from seal.lifecycle import Official, Role
from seal.models import table
from trust.errors import Conflict, Malformed
from trust.i18n import N_
from trust.identifiers import parse_licence_id, plain_number

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.materials.materials import Materials

PAPER, ATTACHMENT, REPOSITORY = "paper", "attachment", "repository"
RECEIVED: Final[Mapping[str, str]] = {
    PAPER: N_("纸质"),
    ATTACHMENT: N_("附件"),
    REPOSITORY: N_("证照库"),
}
"""收取方式."""
_LONGEST_NUMBER: Final = 100
_LONGEST: Final = 200
_CASES = table(CaseMaterial)


@dataclass(frozen=True, slots=True)
class Receiving:
    """What is to be written down."""

    case_number: str
    subject: str = ""
    title: str = ""
    received: str = ""
    """Empty: as the subject has it."""
    holder_code: str = ""
    service_item: str = ""


def link(materials: Materials, official: Official, wanted: Receiving) -> CaseLine:
    """接件; the same item for the same case is received once."""
    with materials.journalled("material.link", wanted.subject or "paper", official):
        if not wanted.subject:
            demand_officer(official)
        view = _subject(materials, official, wanted) if wanted.subject else None
        received = wanted.received or (REPOSITORY if view and view.is_licence else ATTACHMENT if view else PAPER)
        _check_received(received, view)
        holder = view.holder_code if view else plain_number(_line(wanted.holder_code, 64))
        title = _line(wanted.title, _LONGEST) or (view.title if view else "")
        if not title:
            raise Malformed("material.words", "请写明材料名称（最多 {limit} 字，一行）。", limit=_LONGEST)
        happened = events.Happening("link", official.actor, "officer", materials.clock())
        with materials.sessions.begin() as session:
            row = _write(session, view.id if view else "", title, wanted, received, holder, happened)
            if view is not None and not view.is_licence:
                held = events.hold(session, view.id)
                assert held is not None
                events.append(session, held, _of_case(happened, row["case_number"]))
            if view is not None:
                materials.noted(session, view.holder_code, _named(view), "use", official, row["case_number"])
            details = {"case": row["case_number"], "received": received}
            materials.note(session, official.actor, "material.link", row["subject"] or "paper", details)
    return CaseLine(**{name: row[name] for name in CaseLine.__slots__})


def _subject(materials: Materials, official: Official, wanted: Receiving) -> MaterialView:
    """The item, if it is this window's already, or its holder has named themself at the counter."""
    view = materials.find(wanted.subject)
    role = materials.role_of(official, view, "link")
    if role == "elsewhere" and plain_number(_line(wanted.holder_code, 64)) == view.holder_code:
        role = "officer"
    demand("link", view, role)
    return view


def _named(view: MaterialView) -> str:
    """As the ledger names it: a licence by its base."""
    return parse_licence_id(view.id).base if view.is_licence else view.id


def _check_received(received: str, view: MaterialView | None) -> None:
    if received not in RECEIVED:
        raise Malformed("material.received", "收取方式应为 {expected} 之一。", expected="、".join(RECEIVED))
    if (view is None) != (received == PAPER) or (view is not None and view.is_licence != (received == REPOSITORY)):
        raise Malformed(
            "material.received_other", "收取方式与材料不符：证照为 repository，上传件为 attachment，其余为 paper。"
        )


def record(
    session: Session, material_id: str, title: str, case_number: str, holder_code: str, happened: events.Happening
) -> None:
    """A material that comes with the number of its case, in the caller's transaction."""
    held = events.hold(session, material_id)
    assert held is not None
    wanted = Receiving(case_number)
    row = _write(session, material_id, title, wanted, ATTACHMENT, holder_code, happened, held.row.department_id)
    events.append(session, held, _of_case(happened, row["case_number"]))


def _write(
    session: Session, subject: str, title: str, wanted: Receiving, received: str, holder: str,
    happened: events.Happening, department: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    number = _line(wanted.case_number, _LONGEST_NUMBER)
    if not number:
        raise Malformed("material.case", "请写明办件编号（一行，最多 {limit} 字）。", limit=_LONGEST_NUMBER)
    row = {
        "case_number": number,
        "subject": subject,
        "title": title,
        "received": received,
        "holder_code": holder,
        "service_item": _line(wanted.service_item, _LONGEST),
        "actor": happened.actor.account[:100],
        "department_id": (happened.actor.department or "" if department is None else department)[:32],
        "recorded": happened.at,
    }
    same = (_CASES.c.case_number == number, _CASES.c.subject == subject, _CASES.c.title == title)
    if session.execute(select(_CASES.c.id).where(*same)).first() is not None:
        raise Conflict("material.linked", "该办件中已有这份材料。")
    session.execute(insert(_CASES), [row])
    return row


def _of_case(happened: events.Happening, number: str) -> events.Happening:
    return events.Happening("link", happened.actor, happened.role, happened.at, details={"case": number})


def of_case(materials: Materials, case_number: str, who: Who | None) -> tuple[CaseLine, ...]:
    """办件材料; ``None`` sees all of it."""
    query = select(*(_CASES.c[name] for name in CaseLine.__slots__)).where(_CASES.c.case_number == case_number.strip())
    if isinstance(who, HolderSession):
        who.demand("view")
        query = query.where(of_number(_CASES.c.holder_code, who.holder.code))
    elif who is not None:
        if who.role is not Role.AUDITOR:
            demand_officer(who)
        if who.actor.department:
            query = query.where(_CASES.c.department_id == who.actor.department)
    with materials.sessions.read() as session:
        return tuple(CaseLine(*row) for row in session.execute(query.order_by(_CASES.c.id)))


def _line(text: str, limit: int) -> str:
    line = text.strip()
    if len(line) > limit or not line.isprintable():
        raise Malformed("material.words", "文字应为一行，最多 {limit} 字。", limit=limit)
    return line
