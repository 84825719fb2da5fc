"""What a row's own values say against it: one line for each way to be wrong, and every reason at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from licence_store.collection.checks import examine
from licence_store.collection.rules import load_rules
from licence_store.definitions import LicenceTypeDefinition, load_definition, shipped_definitions

TODAY = date(2026, 11, 22)
CODE = "91350211M000100Y43"


def definition(slug: str, rules: list[dict[str, Any]]) -> LicenceTypeDefinition:
    [one] = [d for d in shipped_definitions() if d.slug == slug]
    return load_definition({**one.source, "cleansing": [{"id": f"r{n}", **rule} for n, rule in enumerate(rules)]})


def found(slug: str, rules: list[dict[str, Any]], **changes: str | None) -> list[tuple[str, str]]:
    kind = definition(slug, rules)
    record = {**next(kind.example_records(1, seed=3)), **changes}
    record = {name: value for name, value in record.items() if value is not None}
    loaded = load_rules(list(kind.cleansing), kind.schema["properties"])
    return [(f.code, f.field) for f in examine(kind, loaded, record, TODAY).findings]


BUSINESS, TEACHER = "business-licence", "teacher-certificate"
FORMAT = {"kind": "format", "field": "name"}
TERM = {"kind": "cross_field", "field": "business_term", "relation": "not_before", "other": "established_on"}
CAPITAL = {"kind": "range", "field": "registered_capital", "min": 1000, "max": 10**9}
FOUNDED = {"kind": "range", "field": "established_on", "measure": "date", "min": "1949-10-01", "max": "today"}

CASES: list[tuple[str, list[dict[str, Any]], dict[str, str | None], list[tuple[str, str]]]] = [
    (BUSINESS, [{**FORMAT, "pattern": "公司$"}], {}, []),
    (BUSINESS, [{**FORMAT, "pattern": "^演示"}], {"name": "别处有限公司"}, [("cleansing.format", "name")]),
    (BUSINESS, [{**FORMAT, "none_of": ["测试"]}], {"name": "测试"}, [("cleansing.placeholder", "name")]),
    (BUSINESS, [{**FORMAT, "one_of": ["甲公司"]}], {"name": "乙公司"}, [("cleansing.format", "name")]),
    (BUSINESS, [{"kind": "format", "field": "established_on", "form": "date"}], {"established_on": "2020.1.1"},
     [("cleansing.format", "established_on")]),
    (BUSINESS, [{"kind": "check_digit", "field": "credit_code", "check": "credit_code"}],
     {"credit_code": "91350211M000100Y44"}, [("cleansing.check_digit", "credit_code")]),
    (BUSINESS, [], {"credit_code": "91350211M000100Y44"}, [("record.identifier", "credit_code")]),
    (BUSINESS, [CAPITAL], {"registered_capital": "1000"}, []),
    (BUSINESS, [CAPITAL], {"registered_capital": "999"}, [("cleansing.range", "registered_capital")]),
    (BUSINESS, [CAPITAL], {"registered_capital": "1000000001"}, [("cleansing.range", "registered_capital")]),
    (BUSINESS, [CAPITAL], {"registered_capital": "NaN"}, [("record.pattern", "registered_capital")]),
    (BUSINESS, [{"kind": "range", "field": "name", "measure": "length", "min": 6}], {"name": "甲乙公司"},
     [("cleansing.range", "name")]),
    (BUSINESS, [FOUNDED], {"established_on": "1949-09-30"}, [("cleansing.range", "established_on")]),
    (BUSINESS, [FOUNDED], {"established_on": "2026-11-23"}, [("cleansing.range", "established_on")]),
    (BUSINESS, [FOUNDED], {"established_on": "2026-11-22"}, []),
    (BUSINESS, [{**FOUNDED, "when": {"field": "company_type", "one_of": ["个人独资企业"]}}],
     {"established_on": "1900-01-01"}, []),
    (BUSINESS, [TERM], {"established_on": "2020-01-02", "business_term": "2020-01-01/"},
     [("cleansing.cross_field", "business_term")]),
    (BUSINESS, [TERM], {"established_on": "2020-01-01", "business_term": "2020-01-01/2040-01-01"}, []),
    (BUSINESS, [{**TERM, "part": "to"}], {"established_on": "2020-01-01", "business_term": "2020-01-01/"}, []),
    (BUSINESS, [{"kind": "cross_field", "field": "name", "relation": "differs", "other": "legal_representative"}],
     {"name": "林望舒", "legal_representative": "林望舒"}, [("cleansing.cross_field", "name")]),
    (BUSINESS, [{"kind": "cross_field", "field": "address", "relation": "starts_with", "other": "name"}], {},
     [("cleansing.cross_field", "address")]),
    (TEACHER, [{"kind": "cross_field", "field": "birth_date", "relation": "birth_of", "other": "citizen_number"}],
     {"birth_date": "1900-01"}, [("cleansing.cross_field", "birth_date"), ("record.disagrees", "birth_date")]),
    (BUSINESS, [{"kind": "expired"}], {"business_term": "2001-01-01/2026-11-21"}, [("cleansing.expired", "")]),
    (BUSINESS, [{"kind": "expired"}], {"business_term": "2001-01-01/2026-11-22"}, []),
    (BUSINESS, [], {"business_term": "2001-01-01/2026-11-21"}, [("cleansing.expired", "")]),
    (BUSINESS, [{"kind": "expired"}], {"business_term": "2001-01-01/2026-13-21"}, [("record.date_range", "business_term")]),
    (BUSINESS, [CAPITAL, TERM, {**FORMAT, "none_of": ["测试"]}],
     {"registered_capital": "1", "established_on": "2020-01-02", "business_term": "2020-01-01/", "name": "测试",
      "company_type": "?", "address": None, "colour": "red"},
     [("cleansing.range", "registered_capital"), ("cleansing.cross_field", "business_term"),
      ("cleansing.placeholder", "name"), ("record.unknown_field", "colour"), ("record.missing_field", "address"),
      ("record.not_in_list", "company_type")]),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "rules", "changes", "expected"), CASES)
def test_every_reason_is_found_and_no_other(
    slug: str, rules: list[dict[str, Any]], changes: dict[str, str | None], expected: list[tuple[str, str]]
) -> None:
    assert sorted(found(slug, rules, **changes)) == sorted(expected)


HOSTILE: list[Any] = [
    {}, {"name": None}, {"name": 1}, {"name": ["x"]}, {"name": {"a": 1}}, {1: "x"}, {"": ""}, {"name": "\0"},
    {"name": "\ud800"}, {"name": "x" * 100_000}, {"x" * 10_000: "y"}, {f"f{n}": "x" for n in range(2000)},
    {"credit_code": "９１３５", "business_term": "/", "registered_capital": "1e999999", "established_on": "9999-99-99"},
]  # fmt: skip


@pytest.mark.parametrize("record", HOSTILE)
def test_whatever_comes_is_answered_with_reasons(record: Any) -> None:
    kind = definition(BUSINESS, [CAPITAL, TERM, FOUNDED, {"kind": "expired"}])
    rules = load_rules(list(kind.cleansing), kind.schema["properties"])
    examined = examine(kind, rules, record, TODAY)
    assert examined.held
    for finding in examined.findings:
        assert finding.error.message
