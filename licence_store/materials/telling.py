"""告知持证者: what became of a material at a window, as a notice to its holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from licence_store.ledger.witness import who_of
from licence_store.materials.kinds import find_kind
from licence_store.notices.contacts import HOLDER
from licence_store.notices.outbox import Occasion
from trust.identifiers import plain_number

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.materials.events import Held
    from licence_store.materials.reasons import RefusalReason
    from trust.journal import Actor


def told(session: Session, held: Held, act: str, actor: Actor, reason: RefusalReason | None = None) -> Occasion:
    """``checked`` or ``refused`` by ``actor``, at this place in the history of the material: told once.

    It names the kind of the material, not what the holder called it: that is wiped when they delete it.
    """
    item, kind = held.row.id, find_kind(held.row.kind)
    who, department = who_of(session, actor)
    facts = {"type": kind.title, "type_en": kind.title_en, "number": item, "licence_id": item, "issuer": who}
    if reason is not None:
        facts |= {"reason": reason.title, "reason_en": reason.title_en, "next": reason.next, "next_en": reason.next_en}
    number, _ = held.place
    return Occasion(
        f"material.{act}", item, f"{act}-{number}", HOLDER, plain_number(held.row.holder_code), department or "", facts
    )
