"""The figures of the contract: raw SM2, and whole acts beside it, in the same rounds on one core.

``issue_ofd`` is the whole act on SQLite (WAL, ``synchronous=FULL``, files synced) as throughput is made, in chunks of
the batch's size: apply, reserve, draw, seal with time stamp, check our own output, record. ``issue_ofd_single`` is the
same act for one licence alone, as at a counter: two commits and two syncs for each. ``verify_ofd`` is the whole check
as a stranger makes it, with chain, revocation and coverage; ``verify_ofd_register`` also asks the register.
``issue_pdf`` and ``verify_pdf`` are the same acts with PDF (B-T).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import raw
from bench.measure import Act, Figure, against, one_core, rates
from bench.office import Office, open_office
from licence_store.batch import CHUNK

if TYPE_CHECKING:
    from bench.__main__ import Effort

ISSUING = ("issue_ofd", "issue_ofd_single", "issue_pdf")
VERIFYING = ("verify_ofd", "verify_ofd_register", "verify_pdf")
NAMES = ("sm2_sign", "sm2_verify", *ISSUING, *VERIFYING)
TYPE = "business-licence"


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    with one_core():
        office = open_office(folder / "office")
        records = office.records(TYPE)
        stock = [office.issue(TYPE, next(records)) for _ in range(effort.stock)]
        pages = [office.issue(TYPE, next(records), "pdf") for _ in range(effort.stock)]
        every = {**raw.acts(), **_acts(office, stock, pages)}
        measured = rates(every, rounds=effort.rounds, seconds=effort.seconds, warm_up=effort.warm_up)
    for name in ("issue_ofd", "issue_pdf"):
        measured[name] = [rate * CHUNK for rate in measured[name]]
    for name in ("sm2_sign", "sm2_verify"):
        yield against(measured, name, None, "per second")
    for name in ISSUING:
        yield against(measured, name, "sm2_sign", "documents/s")
    for name in VERIFYING:
        yield against(measured, name, "sm2_verify", "documents/s")


def _acts(office: Office, stock: list[bytes], pages: list[bytes]) -> dict[str, Act]:
    records = office.records(TYPE, seed=2)
    turn, leaf = itertools.cycle(stock), itertools.cycle(pages)
    return {
        "issue_ofd": lambda: office.issue_many(TYPE, list(itertools.islice(records, CHUNK))),
        "issue_ofd_single": lambda: office.issue(TYPE, next(records)),
        "verify_ofd": lambda: office.verify(next(turn)),
        "verify_ofd_register": lambda: office.verify(next(turn), with_register=True),
        "issue_pdf": lambda: office.issue_many(TYPE, list(itertools.islice(records, CHUNK)), "pdf"),
        "verify_pdf": lambda: office.verify(next(leaf)),
    }
