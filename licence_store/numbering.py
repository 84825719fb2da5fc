"""编号: serials, numbers of a sequence, and indices of status lists; unique for ever, gaps allowed.

Numbers are taken in blocks, so that a batch asks once for many. What a rolled-back or crashed act had
taken stays unused.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.models import NumberSequence, StatusListIndex, table

SERIAL_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SERIAL_LENGTH = 20
LIST_BITS = 16
LIST_SIZE = 1 << LIST_BITS
"""Indices of one status list: a crowd large enough to disappear in."""
GIVEN = LIST_SIZE * 15 // 16
"""So many are given to licences; the others are decoys (``licence_store.status_list``)."""


def new_serial() -> str:
    """流水号: 20 random characters 0-9A-Z (103 bits), so that nobody can guess a neighbour's."""
    number, text = secrets.randbits(104) % 36**SERIAL_LENGTH, ""
    for _ in range(SERIAL_LENGTH):
        number, digit = divmod(number, 36)
        text += SERIAL_ALPHABET[digit]
    return text


_SEQUENCES, _LISTS = table(NumberSequence), table(StatusListIndex)


def _take(dialect: Any) -> Any:
    """insert … on conflict update … returning: the same words on both engines."""
    count = bindparam("count", type_=Integer)
    started = dialect.insert(_SEQUENCES).values(scope=bindparam("scope"), next=1 + count)
    changed = started.on_conflict_do_update(index_elements=["scope"], set_={"next": _SEQUENCES.c.next + count})
    return changed.returning(_SEQUENCES.c.next)


_TAKE = {"sqlite": _take(sqlite), "postgresql": _take(postgresql)}


def take_numbers(session: Session, scope: str, count: int) -> range:
    """The next ``count`` numbers of ``scope``, from 1 on; nobody else gets them."""
    connection = session.connection()
    after: int = connection.execute(_TAKE[connection.dialect.name], {"scope": scope, "count": count}).scalar_one()
    return range(after - count, after)


_PASSED = update(_SEQUENCES).where(_SEQUENCES.c.scope == bindparam("of"), _SEQUENCES.c.next <= bindparam("number"))
_PASS = _PASSED.values(next=bindparam("number") + 1)


def pass_number(session: Session, scope: str, number: int) -> None:
    """``number`` of ``scope`` was given elsewhere, before: it is never given again here."""
    connection = session.connection()
    connection.execute(_TAKE[connection.dialect.name], {"scope": scope, "count": 0})
    connection.execute(_PASS, {"of": scope, "number": number})


def read_number(pattern: str, number: str) -> tuple[str, int, int] | None:
    """``(issuer6, year, sequence)`` of a number made by ``pattern``; ``None``: it was not."""
    places = {"{issuer6}": "(?P<issuer>[0-9A-Z]{6})", "{year}": "(?P<year>[0-9]{4})"}
    parts = re.split(r"(\{[^}]*\})", pattern)
    named = [part for part in parts if part.startswith("{")]
    if len(named) != len({part[:4] for part in named}):
        return None  # a place that occurs twice
    text = "".join(
        places.get(part) or ("(?P<sequence>[0-9]+)" if part.startswith("{seq:") else re.escape(part)) for part in parts
    )
    found = re.fullmatch(text, number)
    if found is None or "sequence" not in found.groupdict():
        return None
    said = found.groupdict()
    return said.get("issuer") or "", int(said.get("year") or 0), int(said["sequence"])


@dataclass(frozen=True, slots=True)
class StatusSlot:
    """状态位: where a licence's state will be published."""

    list_id: str
    index: int


_ROOM = _LISTS.c.taken + bindparam("count", type_=Integer) <= bindparam("size", type_=Integer)
_OF_TYPE = _LISTS.c.type_code == bindparam("of_type")
_WITH_ROOM = select(_LISTS.c.list_id).where(_ROOM, _OF_TYPE)
_NEWEST = _WITH_ROOM.order_by(_LISTS.c.created, _LISTS.c.list_id).limit(1).scalar_subquery()
_TAKE_SLOTS = (
    update(_LISTS)
    .where(_LISTS.c.list_id == _NEWEST, _ROOM)
    .values(taken=_LISTS.c.taken + bindparam("count", type_=Integer))
    .returning(_LISTS.c.list_id, _LISTS.c.secret, _LISTS.c.taken)
)


def take_slots(session: Session, count: int, now: datetime, type_code: str) -> list[StatusSlot]:
    """``count`` unused indices of lists of that type, in an order an outsider cannot read. What is left of a full list
    stays unused; so do the places of lists for any type, which were opened before types had their own.
    """
    slots: list[StatusSlot] = []
    while len(slots) < count:
        wanted = min(count - len(slots), GIVEN)
        asked = {"count": wanted, "size": GIVEN, "of_type": type_code}
        row = session.connection().execute(_TAKE_SLOTS, asked).one_or_none()
        if row is None:
            _open_list(session, now, type_code)
        else:
            slots += [StatusSlot(row.list_id, permuted(row.secret, n)) for n in range(row.taken - wanted, row.taken)]
    return slots


def _open_list(session: Session, now: datetime, type_code: str) -> None:
    row: dict[str, object] = {"list_id": secrets.token_hex(8), "secret": secrets.token_bytes(32), "taken": 0}
    row |= {"created": now, "type_code": type_code}
    session.execute(insert(StatusListIndex), [row])


def permuted(secret: bytes, number: int) -> int:
    """A secret rearrangement of 0 … ``LIST_SIZE`` - 1 (four Feistel rounds over two bytes)."""
    left, right = number >> 8, number & 0xFF
    for turn in range(4):
        mixed = hmac.digest(secret, bytes((turn, right)), "sha256")[0]
        left, right = right, left ^ mixed
    return left << 8 | right
