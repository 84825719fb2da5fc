"""用证留痕: what is done with a copy, in its holder's ledger and in the journal, within the act's own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.copying.grants import CopyView
from licence_store.copying.originals import LICENCE
from licence_store.ledger.ledger import UseNote
from licence_store.ledger.witness import who_holds, who_of
from licence_store.notices.contacts import HOLDER
from licence_store.notices.outbox import Occasion
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.holding.holder import HolderSession


def note(
    desk: Desk,
    session: Session,
    view: CopyView,
    act: str,
    who: str,
    who_id: str,
    now: datetime,
    *,
    why: str = "",
    result: str = "ok",
    department: str | None = None,
) -> None:
    """用证记录: one entry of the holder's ledger. To be written before the journal."""
    why = why or f"{view.recipient}：{view.purpose}"
    desk.ledger.note(session, UseNote(view.holder_code, view.id, act, who, who_id, why, result, now, department or ""))


def tell(
    desk: Desk, session: Session, view: CopyView, kind: str, occasion: str, who: str, purpose: str, **facts: str
) -> None:
    """告知持证者: a notice that the copy was accepted, or was not. To be written before the journal.

    Of a material it does not repeat what the holder called it: that is wiped when they delete it.
    """
    title, english = "材料", "material"
    if view.source_kind == LICENCE and view.type_code:
        definition = desk.catalogue.current_in(session, view.type_code).definition
        title, english = definition.name, definition.name_en
    known = {
        "type": title, "type_en": english, "number": view.id, "licence_id": view.id, "issuer": who, "purpose": purpose,
        **facts,
    }  # fmt: skip
    desk.notices.post(session, [Occasion(kind, view.id, occasion[:64], HOLDER, view.holder_code, "", known)])


def write(
    session: Session,
    now: datetime,
    actor: Actor,
    action: str,
    view: CopyView,
    details: dict[str, str] | None = None,
    *,
    reason: str = "",
    result: str = "ok",
) -> None:
    """One entry of the journal."""
    journal.append(session, [Entry(now, actor, action, view.id, reason, result, details or {})])


def holds(session: Session, who: HolderSession, actor: Actor) -> str:
    """Who acts for the holder, as the ledger tells it: themself, a delegate, or the window that acts for them."""
    return who_holds(who) if who.counter is None else who_of(session, actor)[0]
