"""Every line of ``tests/vectors/pdf.json`` gets the verdict it states, for the reason it states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.verify.cases import codes
from tests.verify.pdf.cases import load, verify


@pytest.mark.parametrize("case", load(), ids=[case["name"] for case in load()])
def test_case(case: dict[str, Any]) -> None:
    report = verify(case)
    expected = case["expect"]
    assert (str(report.indication), report.sub_indication) == (expected["indication"], expected["sub_indication"])
    if expected["code"] is not None:
        assert expected["code"] in codes(report)
    if "levels" in expected:
        assert [one.level for one in report.signatures if one.level] == expected["levels"]


def test_there_are_enough_and_each_is_told_apart() -> None:
    names = [case["name"] for case in load()]
    assert len(names) >= 80
    assert len(set(names)) == len(names)
    assert len({case["expect"]["code"] for case in load()}) >= 40
