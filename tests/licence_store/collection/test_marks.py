"""Marks meet exactly where two rows repeat each other: for names, at one edit and no further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_store.collection.marks import bare_name, fold, marks_of
from licence_store.collection.rules import load_rules

FIELDS = ("name", "code", "place")
[NEAR] = load_rules([{"id": "a", "kind": "near_duplicate", "field": "name"}], FIELDS)
[SAME_NAME] = load_rules([{"id": "a", "kind": "near_duplicate", "field": "name", "distance": 0}], FIELDS)
[TWICE] = load_rules([{"id": "a", "kind": "duplicate", "fields": ["code", "place"]}], FIELDS)
NAMES = st.text(alphabet="甲乙丙a", min_size=1, max_size=6)


def meet(rule: object, one: dict[str, str], other: dict[str, str]) -> bool:
    left, right = marks_of(rule, "T", one), marks_of(rule, "T", other)  # type: ignore[arg-type]
    return left is not None and right is not None and bool(set(left.leaves) & set(right.asks))


def edits(one: str, other: str) -> int:
    """Levenshtein's distance."""
    line = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, line[0] = line[0], i
        for j, b in enumerate(other, 1):
            before, line[j] = line[j], min(line[j] + 1, line[j - 1] + 1, before + (a != b))
    return line[-1]


@given(NAMES, NAMES)
def test_names_meet_exactly_at_one_edit(one: str, other: str) -> None:
    assert meet(NEAR, {"name": one}, {"name": other}) == (edits(one, other) <= 1)
    assert meet(SAME_NAME, {"name": one}, {"name": other}) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("演示省星河有限公司", "演示省星河(有限)公司"),
        ("ABC Ltd", "ａｂｃ　ｌｔｄ．"),
        ("张·三", "张三"),
        ("“星河”公司", "星河公司"),
    ],
)
def test_what_makes_no_difference(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert meet(SAME_NAME, {"name": one}, {"name": other})


def test_words_that_every_name_has_do_not_count() -> None:
    assert bare_name("演示省星河（集团）有限公司", ("有限公司", "演示省")) == "星河集团"
    assert bare_name("有限公司", ("有限公司",)) == "有限公司"
    assert len(bare_name("长" * 500)) == 80


def test_duplicates_need_every_field() -> None:
    row = {"code": "A-1", "place": "东"}
    assert meet(TWICE, row, {"code": "a1", "place": "东 "})
    assert not meet(TWICE, row, {"code": "A-1", "place": "西"})
    assert not meet(TWICE, row, {"code": "A-1"})
    assert not meet(TWICE, {"code": "A-", "place": "1东"}, {"code": "A", "place": "-1东x"})
