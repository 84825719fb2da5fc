"""The figures come out under the names of the contract, and their answers are right (an office of wrong answers raises)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import acts, batch, cold, collect, crossing, pdf, raw, register, seals, steps
from bench.__main__ import Effort
from bench.measure import Figure, against, rates
from seal.database import Sessions

SHORT = Effort(rounds=1, seconds=0.01, times=1, batch=1, warm_up=0, stock=4, seals=50, licences=300, rows=20)


def test_acts_and_their_ratios(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in acts.run(SHORT, tmp_path)}
    assert set(figures) == set(acts.NAMES)
    for name, base in (("issue_ofd", "sm2_sign"), ("verify_ofd", "sm2_verify")):
        assert figures[name].base == base
        assert (figures[name].ratio or 0) > 0
    assert figures["sm2_sign"].ratio is None


def test_steps(tmp_path: Path) -> None:
    assert [figure.name for figure in steps.run(SHORT, tmp_path)] == list(steps.NAMES)


def test_pdf_beside_stock_pyhanko(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in pdf.run(SHORT, tmp_path)}
    assert list(figures) == list(pdf.NAMES)
    assert figures["seal_pdf"].base == "pyhanko_p256"


def test_seals(tmp_path: Path) -> None:
    assert [figure.name for figure in seals.run(SHORT, tmp_path)] == list(seals.NAMES)


def test_register(tmp_path: Path) -> None:
    assert [figure.name for figure in register.run(SHORT, tmp_path)] == list(register.NAMES)


def test_collecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # the console of this checkout
    figures = list(collect.run(SHORT, tmp_path))
    assert [figure.name for figure in figures] == list(collect.NAMES)
    assert all(figure.value > 0 for figure in figures)


@pytest.mark.long
def test_crossing(tmp_path: Path) -> None:
    figures = list(crossing.run(SHORT, tmp_path))
    assert [figure.name for figure in figures] == list(crossing.NAMES[:4])
    assert all(figure.value > 0 for figure in figures)


def test_every_question_is_answered_on_each_engine(sessions: Sessions) -> None:
    """A benchmark of empty answers says nothing."""
    filled = register.fill(sessions, 2000)
    for name, question in register.questions(sessions, filled).items():
        answers = [question() for _ in range(10)]
        assert name in ("name_none", "changed_since_day") or any(getattr(one, "items", one) for one in answers), name


def test_names_are_said_once() -> None:
    names = [name for group in (acts, steps, pdf, seals, register, cold, batch, collect, crossing) for name in group.NAMES]
    assert len(names) == len(set(names))


def test_a_figure_is_one_line_of_json() -> None:
    assert json.loads(Figure("issue_ofd", 123.456, "documents/s", 0.0345678, "sm2_sign").line()) == {
        "name": "issue_ofd", "value": 123.5, "unit": "documents/s", "ratio": 0.03457, "base": "sm2_sign",
    }
    assert "ratio" not in json.loads(Figure("sm2_sign", 1, "per second").line())


def test_the_ratio_is_of_the_same_rounds() -> None:
    """A machine that slows down half way changes both: the median of ratios, not the ratio of medians."""
    measured = {"base": [100.0, 100.0, 10.0], "act": [50.0, 50.0, 5.0]}
    assert against(measured, "act", "base", "x").ratio == 0.5


def test_raw_signs_and_verifies() -> None:
    measured = rates(raw.acts(), rounds=1, seconds=0.01)
    assert all(rate > 0 for [rate] in measured.values())
