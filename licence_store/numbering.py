"""编号: serials, numbers of a sequence, and indices of status lists; unique for ever, gaps allowed.

Numbers are taken in blocks, so that a batch asks once for many. What a rolled-back or crashed act had
taken stays unused.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.models import NumberSequence, StatusListIndex

SERIAL_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SERIAL_LENGTH = 20
LIST_BITS = 16
LIST_SIZE = 1 << LIST_BITS
"""Indices of one status list: a crowd large enough to disappear in."""


def new_serial() -> str:
    """流水号: 20 random characters 0-9A-Z (103 bits), so that nobody can guess a neighbour's."""
    number, text = secrets.randbits(104) % 36**SERIAL_LENGTH, ""
    for _ in range(SERIAL_LENGTH):
        number, digit = divmod(number, 36)
        text += SERIAL_ALPHABET[digit]
    return text


def take_numbers(session: Session, scope: str, count: int) -> range:
    """The next ``count`` numbers of ``scope``, from 1 on; nobody else gets them."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    table = NumberSequence.__table__
    statement = dialect.insert(table).values(scope=scope, next=1 + count)
    statement = statement.on_conflict_do_update(
        index_elements=["scope"], set_={"next": table.c.next + count}
    ).returning(table.c.next)
    after: int = session.execute(statement).scalar_one()
    return range(after - count, after)


@dataclass(frozen=True, slots=True)
class StatusSlot:
    """状态位: where a licence's state will be published."""

    list_id: str
    index: int


def take_slots(session: Session, count: int, now: datetime) -> list[StatusSlot]:
    """``count`` unused indices, in an order an outsider cannot read."""
    slots: list[StatusSlot] = []
    while len(slots) < count:
        slots += _take_from_newest(session, count - len(slots), now)
    return slots


def _take_from_newest(session: Session, count: int, now: datetime) -> list[StatusSlot]:
    newest = (
        select(StatusListIndex.list_id, StatusListIndex.secret, StatusListIndex.taken)
        .where(StatusListIndex.taken < LIST_SIZE)
        .order_by(StatusListIndex.created, StatusListIndex.list_id)
        .limit(1)
        .with_for_update()
    )
    row = session.execute(newest).one_or_none()
    if row is None:
        _open_list(session, now)
        return []
    upto = min(row.taken + count, LIST_SIZE)
    session.execute(update(StatusListIndex).where(StatusListIndex.list_id == row.list_id).values(taken=upto))
    return [StatusSlot(row.list_id, permuted(row.secret, n)) for n in range(row.taken, upto)]


def _open_list(session: Session, now: datetime) -> None:
    row = {"list_id": secrets.token_hex(8), "secret": secrets.token_bytes(32), "taken": 0, "created": now}
    session.execute(insert(StatusListIndex), [row])


def permuted(secret: bytes, number: int) -> int:
    """A secret rearrangement of 0 … ``LIST_SIZE`` - 1 (four Feistel rounds over two bytes)."""
    left, right = number >> 8, number & 0xFF
    for turn in range(4):
        mixed = hmac.digest(secret, bytes((turn, right)), "sha256")[0]
        left, right = right, left ^ mixed
    return left << 8 | right
