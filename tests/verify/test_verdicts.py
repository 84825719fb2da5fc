"""The verdict table: every row of ``tests/vectors/verdicts.json`` in each form it is meant for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.verify import cases, forms

ROWS = forms.load()
CELLS = [pytest.param(form, row, id=f"{form}-{row['name']}") for row in ROWS for form in row["expect"]]
WORDS = {"PASSED": "TOTAL-PASSED", "FAILED": "TOTAL-FAILED", "INDETERMINATE": "INDETERMINATE"}


@pytest.mark.parametrize(("form", "row"), CELLS)
def test_verdict(form: str, row: dict[str, Any]) -> None:
    report = forms.verify(form, row)
    found = cases.codes(report)
    indication, *rest = row["expect"][form].split()
    sub, code = ([None, *rest] if indication == "PASSED" else rest) if rest else (None, None)
    assert (str(report.indication), report.sub_indication) == (WORDS[indication], sub), found
    assert code is None or code in found
    structure = {"V1": "SES-V1", "V4": "SES-V4", "V5": "SES-V5", "35275": "GBT-35275"}[form]
    assert indication != "PASSED" or report.signatures[0].structure == structure


@pytest.mark.parametrize("form", forms.FORMS)
def test_each_form_has_twenty_good_and_bad_cases(form: str) -> None:
    verdicts = [row["expect"][form] for row in ROWS if form in row["expect"]]
    assert len(verdicts) >= 20
    assert {verdict.split()[0] for verdict in verdicts} == set(WORDS)
    assert len({row["name"] for row in ROWS}) == len(ROWS)
