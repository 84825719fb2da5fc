"""The standing of one seal among a hundred thousand, as the register answers it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert

from bench.measure import Figure, milliseconds, one_core
from bench.office import open_office
from licence_store.founding import DEPARTMENTS
from seal.database import Sessions
from seal.models import Seal, SealEvent, SealObject

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("seal_status",)


def many_id(number: int) -> str:
    """The seal id that ``enrol_many`` gives to its ``number``-th seal."""
    return f"88{number:012d}"


def enrol_many(sessions: Sessions, count: int, now: datetime, department: str = DEPARTMENTS[0].id) -> None:
    """Rows of ``count`` active seals, as ``SealRegister.enrol`` leaves them; the objects are digests only."""
    blank = {"role": "system", "reason": "", "basis_digest": "", "request_id": "", "object_number": 1}
    common = {"effective": now, "recorded": now, "actor": "bench"}
    numbers = range(count)
    seals = [
        {"id": many_id(n), "name": f"章{n}", "department_id": department, "digest": f"{n:064x}", "key_name": "k",
         "created": now, "object_number": 1}
        for n in numbers
    ]  # fmt: skip
    objects = [
        {"seal_id": many_id(n), "number": 1, "digest": f"{n:064x}", "key_name": "k", "origin": "own", **common}
        for n in numbers
    ]
    events = [{"seal_id": many_id(n), "step": "enrol", "state": "ACTIVE", **blank, **common} for n in numbers]
    with sessions.begin() as session:
        for model, rows in ((Seal, seals), (SealObject, objects), (SealEvent, events)):
            session.connection().execute(insert(model.__table__).inline(), rows)  # type: ignore[attr-defined]


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    desk = open_office(folder / "seals").desk
    now = desk.seal_register.clock()
    enrol_many(desk.seal_register.sessions, effort.seals, now)
    numbers = itertools.cycle(range(0, effort.seals, 997))

    def ask() -> None:
        number = next(numbers)
        status = desk.seal_register.status(many_id(number), now + timedelta(hours=1), digest=f"{number:064x}")
        if status is None or status.state != "VALID":
            raise RuntimeError("the register does not know its own seal")

    with one_core():
        yield Figure("seal_status", milliseconds(ask, times=effort.times), "ms")
