"""Every case of ``tests/vectors/cases.json`` gets the verdict it must get, for the reason it must have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.verify import cases
from verify.report import Indication

CASES = cases.load()
TAMPERED = [case for case in CASES if case["expect"]["indication"] != "TOTAL-PASSED"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    report, expected = cases.verify(case), case["expect"]
    found = cases.codes(report)
    assert (str(report.indication), report.sub_indication) == (expected["indication"], expected["sub_indication"]), found
    assert expected["code"] is None or expected["code"] in found


def test_there_are_enough_and_each_is_told_apart() -> None:
    assert len(TAMPERED) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert all(case["expect"]["code"] for case in TAMPERED), "a refusal must have its own reason"
    assert len({case["expect"]["code"] for case in TAMPERED}) >= 60


@pytest.mark.parametrize("case", TAMPERED[:12], ids=lambda case: case["name"])
def test_nothing_green_hides_a_red(case: dict[str, Any]) -> None:
    """The worst decides, and every finding that is no remark weighs."""
    report = cases.verify(case)
    findings = [*report.findings, *(f for s in report.signatures for f in s.findings)]
    assert report.indication.rank == max(f.indication.rank for f in findings)
    assert report.indication is not Indication.PASSED
