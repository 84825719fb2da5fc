"""Cleansing rules as data: whatever stands in a type's document, it loads or is refused by name."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_store.collection.rules import KINDS, day_of, load_rules
from licence_store.definitions import shipped_definitions
from trust.errors import Malformed

FIELDS = ("code", "name", "from", "to")
RANGE = {"id": "a", "kind": "range", "field": "code", "min": 1}

WRONG: list[tuple[Any, str]] = [
    ({}, "cleansing"),
    ([1], "cleansing[1]"),
    ([{}], "cleansing[1].id"),
    ([{"id": "A"}], "cleansing[1].id"),
    ([{"id": "a", "kind": "guess"}], "cleansing.a.kind"),
    ([{"id": "a", "kind": ["range"]}], "cleansing.a.kind"),
    ([RANGE, RANGE], "cleansing"),
    ([{**RANGE, "field": "nobody"}], "cleansing.a.field"),
    ([{**RANGE, "field": ["code"]}], "cleansing.a.field"),
    ([{**RANGE, "severity": "panic"}], "cleansing.a.severity"),
    ([{**RANGE, "colour": "red"}], "cleansing.a.colour"),
    ([{**RANGE, "min": "many"}], "cleansing.a.min"),
    ([{**RANGE, "min": True}], "cleansing.a.min"),
    ([{"id": "a", "kind": "range", "field": "code"}], "cleansing.a.min"),
    ([{**RANGE, "measure": "date", "min": "2026-02-30"}], "cleansing.a.min"),
    ([{**RANGE, "measure": "date", "min": "yesterday"}], "cleansing.a.min"),
    ([{**RANGE, "measure": "weight"}], "cleansing.a.measure"),
    ([{**RANGE, "when": {"field": "nobody"}}], "cleansing.a.when.field"),
    ([{**RANGE, "when": {"field": "code", "is": 1}}], "cleansing.a.when"),
    ([{**RANGE, "title": ""}], "cleansing.a.title"),
    ([{"id": "a", "kind": "format", "field": "code"}], "cleansing.a.pattern"),
    ([{"id": "a", "kind": "format", "field": "code", "pattern": "("}], "cleansing.a.pattern"),
    ([{"id": "a", "kind": "format", "field": "code", "pattern": "(a+)+$"}], "cleansing.a.pattern"),
    ([{"id": "a", "kind": "format", "field": "code", "form": "colour"}], "cleansing.a.form"),
    ([{"id": "a", "kind": "check_digit", "field": "code", "check": "luck"}], "cleansing.a.check"),
    ([{"id": "a", "kind": "cross_field", "field": "from", "relation": "loves", "other": "to"}], "cleansing.a.relation"),
    ([{"id": "a", "kind": "cross_field", "field": "from", "relation": "before"}], "cleansing.a.other"),
    ([{"id": "a", "kind": "duplicate", "fields": []}], "cleansing.a.fields"),
    ([{"id": "a", "kind": "duplicate", "fields": [["code"]]}], "cleansing.a.fields"),
    ([{"id": "a", "kind": "near_duplicate", "field": "name", "distance": 2}], "cleansing.a.distance"),
    ([{"id": "a", "kind": "near_duplicate", "field": "name", "distance": True}], "cleansing.a.distance"),
    ([{"id": "a", "kind": "near_duplicate", "field": "name", "ignore": "公司"}], "cleansing.a.ignore"),
    ([{"id": "a", "kind": "contradiction", "key": ["code"]}], "cleansing.a.fields"),
    ([{"id": "a", "kind": "holder_fact", "fact": "lives", "ask": {}}], "cleansing.a.ask"),
    ([{"id": "a", "kind": "holder_fact", "fact": "lives", "ask": {"code": "nobody"}}], "cleansing.a.ask"),
    ([{"id": "a", "kind": "holder_fact", "fact": "Lives!", "ask": {"code": "code"}}], "cleansing.a.fact"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "part"), WRONG)
def test_what_is_wrong_is_named(raw: Any, part: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_rules(raw, FIELDS)
    assert (caught.value.code, caught.value.params["part"]) == ("type.cleansing", part)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(KINDS)), raw=st.dictionaries(st.sampled_from(
    ["field", "fields", "other", "pattern", "form", "min", "max", "measure", "when", "same", "ask", "key", "distance"]
), JSON))  # fmt: skip
def test_whatever_it_says_it_loads_or_is_refused(kind: str, raw: dict[str, Any]) -> None:
    with suppress(Malformed):  # anything else is a defect
        load_rules([{"id": "a", "kind": kind, **raw}], FIELDS)


@pytest.mark.parametrize(
    ("bound", "day"),
    [
        ("2020-01-31", "2020-01-31"),
        ("today", "2024-02-29"),
        ("today-18y", "2006-02-28"),
        ("today+30d", "2024-03-30"),
        ("2024-01-31+1m", "2024-02-29"),
        ("today+9999y", "9999-12-31"),
        ("today-9999y", "0001-01-01"),
    ],
)
def test_bounds_in_days(bound: str, day: str) -> None:
    assert day_of(bound, date(2024, 2, 29)) == date.fromisoformat(day)


def test_shipped_types_have_rules_their_own_examples_keep() -> None:
    from licence_store.collection.checks import examine
    from licence_store.collection.sources import rules_of

    for definition in shipped_definitions():
        rules = rules_of(definition)
        assert rules, definition.slug
        for record in definition.example_records(50, seed=7):
            held = [f for f in examine(definition, rules, record, date(2026, 11, 22)).findings if f.holds_back]
            assert held == [], definition.slug
