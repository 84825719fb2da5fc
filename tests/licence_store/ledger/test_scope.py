"""授权范围: who acts for a holder for some licence types only sees of ledger and disputes what is about these."""

from __future__ import annotations

from dataclasses import replace

import pytest

from licence_store.desk import Desk
from licence_store.holding.holder import Holder, HolderSession
from licence_store.ledger import scope
from licence_store.ledger.ledger import UseFilter
from tests.licence_store.ledger.test_ledger import HOLDER, note
from trust.errors import NotFound, Refused
from trust.identifiers import LICENCE_ROOT

TEACHER, NURSE = "11990000MB0D000292001", "11990000MB0D00053J001"
OF_TEACHER = f"{LICENCE_ROOT}.{TEACHER}.11990000MB0D000292.ABC"
OF_NURSE = f"{LICENCE_ROOT}.{NURSE}.11990000MB0D00053J.ABC"
WHOLE = HolderSession("a-1", *[Holder(HOLDER, "111", "某人")] * 2)
LIMITED = replace(WHOLE, types=frozenset({TEACHER}))


@pytest.mark.parametrize(
    ("who", "subject", "seen"),
    [
        (WHOLE, OF_NURSE, True),
        (WHOLE, "m-1", True),
        (WHOLE, "c-1", True),
        (LIMITED, OF_TEACHER, True),
        (LIMITED, OF_NURSE, False),
        (LIMITED, "m-1", False),
        (LIMITED, "", False),
        (LIMITED, f"{OF_TEACHER}%", False),
        (replace(LIMITED, rights=frozenset({"use"})), OF_TEACHER, False),
    ],
)
def test_what_is_covered(who: HolderSession, subject: str, seen: bool) -> None:
    assert scope.covers(who, subject) is seen


def test_ledger_and_disputes_within_the_types(desk: Desk) -> None:
    desk.ledger.record(
        *(note(0, subject=one, department="market") for one in (OF_TEACHER, OF_NURSE, "m-1", OF_TEACHER))
    )
    limited = UseFilter(types=scope.limits(LIMITED))
    assert [one.seq for one in desk.ledger.page(HOLDER, filters=limited).entries] == [4, 1]
    assert desk.ledger.page(HOLDER, filters=UseFilter(types=())).entries == ()
    assert len(desk.ledger.page(HOLDER, filters=UseFilter(types=scope.limits(WHOLE))).entries) == 4
    for seq in (2, 3):
        with pytest.raises(NotFound):
            desk.disputes.about_entry(LIMITED, seq, "x")
    made = [desk.disputes.about_entry(WHOLE, seq, "x") for seq in (1, 2, 3)]
    assert [one.entry_seq for one in scope.covered(LIMITED, made)] == [1]
    with pytest.raises(NotFound):
        desk.disputes.withdraw(LIMITED, made[1].id)
    with pytest.raises(Refused):
        scope.demand_all(LIMITED)
    scope.demand_all(WHOLE)
