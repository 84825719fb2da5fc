"""The figures of the contract: raw SM2, and whole acts beside it, in the same rounds on one core.

``issue_ofd`` is the whole act on SQLite (WAL, ``synchronous=FULL``, files synced), one licence at a time: apply,
reserve, draw, seal with time stamp, check our own output, record. ``issue_ofd_chunk`` is the same in chunks, as
batches issue. ``verify_ofd`` is the whole check of licences, with chain, revocation and coverage, without the register.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import raw
from bench.measure import Act, Figure, against, one_core, rates
from bench.office import Office, open_office

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("sm2_sign", "sm2_verify", "issue_ofd", "issue_ofd_chunk", "verify_ofd", "verify_ofd_register")
CHUNK = 32
TYPE = "business-licence"


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    with one_core():
        office = open_office(folder / "office")
        records = office.records(TYPE)
        stock = [office.issue(TYPE, next(records)) for _ in range(64)]
        measured = rates({**raw.acts(), **_acts(office, stock)}, rounds=effort.rounds, seconds=effort.seconds)
    measured["issue_ofd_chunk"] = [rate * CHUNK for rate in measured["issue_ofd_chunk"]]
    for name in ("sm2_sign", "sm2_verify"):
        yield against(measured, name, None, "per second")
    for name in ("issue_ofd", "issue_ofd_chunk"):
        yield against(measured, name, "sm2_sign", "documents/s")
    for name in ("verify_ofd", "verify_ofd_register"):
        yield against(measured, name, "sm2_verify", "documents/s")


def _acts(office: Office, stock: list[bytes]) -> dict[str, Act]:
    records = office.records(TYPE, seed=2)
    turn = itertools.cycle(stock)
    return {
        "issue_ofd": lambda: office.issue(TYPE, next(records)),
        "issue_ofd_chunk": lambda: office.issue_many(TYPE, list(itertools.islice(records, CHUNK))),
        "verify_ofd": lambda: office.verify(next(turn)),
        "verify_ofd_register": lambda: office.verify(next(turn), with_register=True),
    }
