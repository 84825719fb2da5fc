"""清洗规则: what collected data must satisfy before it is sealed, as data in the type document (R031-R034).

A type's ``cleansing`` is a list of rules; each names its ``kind``, the fields it looks at and what happens to a row
that breaks it: ``quarantine`` (the row is held back) or ``warn`` (it is counted and goes on).

    rules = load_rules([{"id": "term", "kind": "cross_field", "field": "term", "part": "from",
                         "relation": "not_before", "other": "established_on"}], {"term", "established_on"})

The kinds and their parameters are in ``KINDS``; ``docs/collection.md`` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from licence_store.type_rules import is_tame
from seal.message import FORMATS
from trust.errors import Malformed
from trust.i18n import N_

QUARANTINE, WARN = "quarantine", "warn"
SEVERITIES = (QUARANTINE, WARN)
MAX_RULES = 100
MAX_PATTERN = 200
PARTS = ("from", "to")
"""Which day of a period (``date_range``) is meant."""
CHECKS = ("credit_code", "citizen_number", "organisation_code")
MEASURES = ("number", "date", "length")
RELATIONS = {
    "not_before": N_("不早于"), "before": N_("早于"), "not_after": N_("不晚于"), "after": N_("晚于"),
    "equal": N_("等于"), "differs": N_("不同于"), "requires": N_("须同时填写"),
    "birth_of": N_("与证件号码中的出生日期一致"), "gender_of": N_("与证件号码中的性别一致"),
    "starts_with": N_("开头应为"),
}  # fmt: skip
_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_MOMENT = re.compile(r"(?:today|\d{4}-\d{2}-\d{2})(?:[+-]\d{1,4}[ymd])?")
_FACT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEYS = frozenset({"id", "kind", "title", "title_en", "severity", "when"})


@dataclass(frozen=True, slots=True)
class When:
    """适用条件: the rule concerns only rows whose ``field`` holds one of ``values`` (none given: any value at all)."""

    field: str
    values: frozenset[str]

    def holds(self, record: Mapping[str, str]) -> bool:
        value = record.get(self.field, "")
        return value in self.values if self.values else bool(value)


@dataclass(frozen=True, slots=True)
class Rule:
    """清洗规则, checked."""

    id: str
    kind: str
    title: str
    title_en: str
    severity: str
    params: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    """The fields it looks at; a finding is shown at the first."""
    when: When | None = None

    @property
    def holds_back(self) -> bool:
        """Does a row that breaks it go to the quarantine?"""
        return self.severity == QUARANTINE


def load_rules(raw: object, definition_fields: Collection[str]) -> tuple[Rule, ...]:
    """The rules of a type document; raises ``Malformed("type.cleansing")`` naming the rule and what was expected."""
    if not isinstance(raw, (list, tuple)) or len(raw) > MAX_RULES:
        raise _bad("cleansing", f"list ≤ {MAX_RULES}")
    known = frozenset(definition_fields)
    rules = tuple(_rule(one, number, known) for number, one in enumerate(raw, 1))
    names = [rule.id for rule in rules]
    if len(set(names)) != len(names):
        raise _bad("cleansing", "id: " + "、".join(sorted({n for n in names if names.count(n) > 1})))
    return rules


def _rule(raw: object, number: int, known: frozenset[str]) -> Rule:
    part = f"cleansing[{number}]"
    if not isinstance(raw, dict):
        raise _bad(part, "JSON object")
    name, kind = raw.get("id"), raw.get("kind")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise _bad(f"{part}.id", _ID.pattern)
    part = f"cleansing.{name}"
    spec = KINDS.get(kind) if isinstance(kind, str) else None
    if spec is None:
        raise _bad(f"{part}.kind", " | ".join(KINDS))
    if extra := sorted(set(map(str, raw)) - _KEYS - set(spec.params)):
        raise _bad(f"{part}.{extra[0][:40]}", "、".join([*sorted(_KEYS), *spec.params]))
    severity = raw.get("severity", QUARANTINE)
    if severity not in SEVERITIES:
        raise _bad(f"{part}.severity", " | ".join(SEVERITIES))
    params, fields = spec.load(_Reader(raw, part, known))
    title = _text(raw, "title", part, spec.title)
    title_en = _text(raw, "title_en", part, title)
    return Rule(name, str(kind), title, title_en, severity, params, fields, _when(raw.get("when"), part, known))


def _text(raw: Mapping[str, Any], name: str, part: str, default: str) -> str:
    value = raw.get(name, default)
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise _bad(f"{part}.{name}", "text 1…100")
    return value


def _when(raw: object, part: str, known: frozenset[str]) -> When | None:
    if raw is None:
        return None
    if not isinstance(raw, dict) or not set(raw) <= {"field", "one_of"}:
        raise _bad(f"{part}.when", '{"field": …, "one_of": […]}')
    reader = _Reader(raw, f"{part}.when", known)
    return When(reader.field("field"), frozenset(reader.texts("one_of", ())))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Parameters of one rule, read with a sentence for whatever is wrong."""

    raw: Mapping[str, Any]
    part: str
    known: frozenset[str]

    def field(self, name: str) -> str:
        value = self.raw.get(name)
        if not isinstance(value, str) or value not in self.known:
            raise _bad(f"{self.part}.{name}", "、".join(sorted(self.known)))
        return value

    def fields(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.raw.get(name, default)
        named = isinstance(value, (list, tuple)) and all(isinstance(v, str) and v in self.known for v in value)
        if not named or (default is None and not value):
            raise _bad(f"{self.part}.{name}", "[" + "、".join(sorted(self.known)) + "]")
        return tuple(dict.fromkeys(value or ()))

    def texts(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.raw.get(name, default)
        if not isinstance(value, (list, tuple)) or len(value) > 1000 or not all(isinstance(v, str) for v in value):
            raise _bad(f"{self.part}.{name}", "list of texts")
        return tuple(value)

    def one_of(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        value = self.raw.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise _bad(f"{self.part}.{name}", " | ".join(choices))
        return value

    def optional(self, name: str, choices: Collection[str]) -> str:
        return self.one_of(name, choices) if name in self.raw else ""

    def pattern(self, name: str) -> str:
        value = self.raw.get(name, "")
        try:
            if not is_tame(value) or len(value) > MAX_PATTERN:
                raise ValueError
            re.compile(value)
        except (ValueError, re.error, OverflowError, RecursionError) as error:
            raise _bad(f"{self.part}.{name}", f"regex ≤ {MAX_PATTERN}, no repeated groups") from error
        return str(value)

    def bound(self, name: str, measure: str) -> str:
        value = self.raw.get(name, "")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and measure != "date":
            return str(value)
        if value == "":
            return ""
        if not isinstance(value, str) or (measure == "date" and not _is_moment(value)) or measure != "date":
            raise _bad(f"{self.part}.{name}", "today-18y | 2020-01-01" if measure == "date" else "number")
        return value


Loaded = tuple[Mapping[str, Any], tuple[str, ...]]


def _format(r: _Reader) -> Loaded:
    name = r.field("field")
    params = {
        "pattern": r.pattern("pattern"),
        "form": r.optional("form", [f for f in FORMATS if f != "multiline"]),
        "one_of": r.texts("one_of", ()),
        "none_of": r.texts("none_of", ()),
    }
    if not any(params.values()):
        raise _bad(f"{r.part}.pattern", "pattern | form | one_of | none_of")
    return params, (name,)


def _check_digit(r: _Reader) -> Loaded:
    return {"check": r.one_of("check", CHECKS)}, (r.field("field"),)


def _range(r: _Reader) -> Loaded:
    measure = r.one_of("measure", MEASURES, "number")
    params = {"measure": measure, "part": r.one_of("part", PARTS, "from"),
              "min": r.bound("min", measure), "max": r.bound("max", measure)}  # fmt: skip
    if not params["min"] and not params["max"]:
        raise _bad(f"{r.part}.min", "min | max")
    return params, (r.field("field"),)


def _cross_field(r: _Reader) -> Loaded:
    params = {"relation": r.one_of("relation", RELATIONS), "part": r.one_of("part", PARTS, "from"),
              "other_part": r.one_of("other_part", PARTS, "from")}  # fmt: skip
    return params, (r.field("field"), r.field("other"))


def _duplicate(r: _Reader) -> Loaded:
    return {}, r.fields("fields")


def _near_duplicate(r: _Reader) -> Loaded:
    distance = r.raw.get("distance", 1)
    if distance not in (0, 1) or isinstance(distance, bool):
        raise _bad(f"{r.part}.distance", "0 | 1")
    same = r.fields("same", ())
    return {"distance": distance, "same": same, "ignore": r.texts("ignore", ())}, (r.field("field"), *same)


def _contradiction(r: _Reader) -> Loaded:
    key, compared = r.fields("key"), r.fields("fields")
    return {"key": key, "compared": compared}, (*compared, *key)


def _expired(r: _Reader) -> Loaded:
    return {}, (r.field("field"),) if "field" in r.raw else ()


def _holder_fact(r: _Reader) -> Loaded:
    fact, asked = r.raw.get("fact", ""), r.raw.get("ask")
    if not isinstance(fact, str) or not _FACT.fullmatch(fact):
        raise _bad(f"{r.part}.fact", _FACT.pattern)
    if not isinstance(asked, dict) or not asked or not all(isinstance(k, str) and _FACT.fullmatch(k) for k in asked):
        raise _bad(f"{r.part}.ask", '{"code": field, "name": field}')
    fields = _Reader({"ask": list(asked.values())}, r.part, r.known).fields("ask")
    return {"fact": fact, "ask": dict(asked)}, fields


@dataclass(frozen=True, slots=True)
class Kind:
    """规则种类: how its parameters are read; what it is called."""

    title: str
    load: Callable[[_Reader], Loaded]
    params: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "format": Kind(N_("格式"), _format, ("field", "pattern", "form", "one_of", "none_of")),
    "check_digit": Kind(N_("校验位"), _check_digit, ("field", "check")),
    "range": Kind(N_("取值范围"), _range, ("field", "measure", "part", "min", "max")),
    "cross_field": Kind(N_("项间关系"), _cross_field, ("field", "part", "relation", "other", "other_part")),
    "duplicate": Kind(N_("重复"), _duplicate, ("fields",)),
    "near_duplicate": Kind(N_("疑似重复"), _near_duplicate, ("field", "same", "distance", "ignore")),
    "contradiction": Kind(N_("来源矛盾"), _contradiction, ("key", "fields")),
    "expired": Kind(N_("已过期"), _expired, ("field",)),
    "holder_fact": Kind(N_("持证者核对"), _holder_fact, ("fact", "ask")),
}


def day_of(bound: str, today: date) -> date:
    """A bound in days: ``2020-01-01``, ``today``, ``today-18y``, ``today+30d``; never outside the calendar."""
    base, number, unit = re.fullmatch(r"(today|[\d-]{10})(?:([+-]\d{1,4})([ymd]))?", bound).groups()  # type: ignore[union-attr]
    start = today if base == "today" else date.fromisoformat(base)
    if number is None:
        return start
    try:
        if unit == "d":
            return start + timedelta(days=int(number))
        months = start.year * 12 + start.month - 1 + int(number) * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return date(year, month + 1, min(start.day, _last_day(year, month + 1)))
    except (ValueError, OverflowError):
        return date.min if int(number) < 0 else date.max


def _last_day(year: int, month: int) -> int:
    after = date(year + month // 12, month % 12 + 1, 1)
    return (after - timedelta(days=1)).day


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        return text.startswith("today") or bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def _bad(part: str, expected: str) -> Malformed:
    return Malformed("type.cleansing", "清洗规则“{part}”不正确：应为{expected}。", part=part, expected=expected[:300])
