"""比对清洗 of one row by itself: what its own values say (格式、校验位、取值范围、项间关系、有效期).

Every reason is found, not only the first. Repetitions and other sources are asked in ``repetitions``, holder facts in
``facts``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from licence_store.collection.rows import Finding
from licence_store.collection.rules import RELATIONS, Rule, day_of
from licence_store.definitions import LicenceTypeDefinition
from seal.message import render_value
from trust.errors import LicenceTrustError, Malformed, Word
from trust.identifiers import check_citizen_number, check_credit_code, organisation_check_char

SCHEMA, READING, DELIVERY, ISSUE = "schema", "reading", "delivery", "issue"
"""Rules that every type has: the record's schema, whether the row could be read, its key, and issuing itself."""
BUILT_IN = (SCHEMA, READING, DELIVERY, ISSUE)
_AGREES = frozenset({"record.disagrees"})
_SAME_MATTER = frozenset({"format", "check_digit"})


@dataclass(frozen=True, slots=True)
class Examined:
    """清洗结果 of one row so far."""

    values: Mapping[str, str]
    """The record in normal form as far as it is right; as delivered where it is not."""
    findings: tuple[Finding, ...]

    @property
    def held(self) -> bool:
        return any(finding.holds_back for finding in self.findings)


def examine(definition: LicenceTypeDefinition, rules: Sequence[Rule], record: Mapping[str, object],
            today: date) -> Examined:  # fmt: skip
    """All that the values of one record say against it."""
    values, schema = _by_schema(definition, record, today)
    found: list[Finding] = []
    same_matter = set()
    for rule in rules:
        check = _CHECKS.get(rule.kind)
        if check is None or (rule.when is not None and not rule.when.holds(values)):
            continue
        for error in check(rule, _Row(definition, values, today)):
            found.append(Finding(rule.id, error, rule.fields[0] if rule.fields else "", rule.severity))
            if rule.kind in _SAME_MATTER and rule.holds_back:
                same_matter.add(rule.fields[0])
            elif rule.kind == "expired" and rule.holds_back:
                same_matter.add("")
    found += (f for f in schema if f.field not in same_matter)
    return Examined(values, tuple(found))


# The record's schema, every reason


def _by_schema(
    definition: LicenceTypeDefinition, record: Mapping[str, object], today: date
) -> tuple[dict[str, str], list[Finding]]:
    """The record in normal form, and every way in which it breaks the type's schema."""
    mended: dict[str, object] = dict(record)
    bad: dict[str, str] = {}
    found: list[Finding] = []
    stand_in: Mapping[str, str] | None = None
    while True:
        try:
            values = definition.validate_record(mended)
            break
        except Malformed as error:
            name = str(error.params.get("field", ""))
            if not (error.code in _AGREES and bad):
                found.append(Finding(SCHEMA, error, name))
            if error.code in _AGREES or (name in bad) or len(bad) > len(definition.schema["properties"]) + len(record):
                values = _as_text(definition, mended)
                break
            stand_in = stand_in or next(definition.example_records(1))
            bad[name] = _plain(mended.pop(_key_of(mended, name), ""))
            if name in definition.schema["required"]:
                mended[name] = stand_in[name]
    values = {name: bad.get(name, value) for name, value in (values | bad).items()}
    values = {name: value for name, value in values.items() if value}
    found += _by_validity(definition, values, today, bad)
    return values, found


def _by_validity(
    definition: LicenceTypeDefinition, values: Mapping[str, str], today: date, bad: Mapping[str, str]
) -> Iterator[Finding]:
    if getattr(definition.validity, "field", "") in bad:
        return
    end = _end_of(definition, values, today.isoformat())
    if end and end < today.isoformat():
        yield Finding(SCHEMA, _expired_error(end))


def _end_of(definition: LicenceTypeDefinition, values: Mapping[str, str], today: str) -> str:
    """Last valid day of the licence this would be; empty where it has none, or none that can be read."""
    try:
        _, end = definition.valid_period(values, today)
        return end and date.fromisoformat(end).isoformat()
    except (LicenceTrustError, ValueError, KeyError):
        return ""


def _key_of(record: Mapping[str, object], name: str) -> str:
    """The key whose first 40 characters the error named."""
    return name if name in record else next((key for key in record if str(key)[:40] == name), name)


def _as_text(definition: LicenceTypeDefinition, record: Mapping[str, object]) -> dict[str, str]:
    names = definition.schema["properties"]
    return {name: _plain(record[name]) for name in names if record.get(name) not in (None, "")}


def _plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)[:4000]


# The kinds of rule that need only the row


@dataclass(frozen=True, slots=True)
class _Row:
    definition: LicenceTypeDefinition
    values: Mapping[str, str]
    today: date

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def named(self, name: str) -> dict[str, Any]:
        return {"field": name, "title": self.title(name), "got": self.shown(name)}

    def title(self, name: str) -> str:
        return str(self.definition.schema["properties"][name]["title"])

    def shown(self, name: str) -> str:
        """The value as a sentence may show it: numbers of people and bodies masked, long text cut."""
        value = self.get(name)
        if "x-check" in self.definition.schema["properties"][name] and len(value) > 8:
            return f"{value[:4]}{'*' * (len(value) - 8)}{value[-4:]}"
        return value if len(value) <= 60 else f"{value[:60]}…"

    def day(self, name: str, part: str = "from") -> date | None:
        """The day a date, a period or a month begins (or ends); ``None`` where there is none or it is not one."""
        value = self.get(name)
        if "/" in value:
            value = value.partition("/")[0 if part == "from" else 2]
        try:
            return date.fromisoformat(f"{value}-01" if re.fullmatch(r"\d{4}-\d{2}", value) else value)
        except ValueError:
            return None


def _format(rule: Rule, row: _Row) -> Iterator[Malformed]:
    [name], value, params = rule.fields, row.get(rule.fields[0]), rule.params
    if not value:
        return
    if params["pattern"] and not re.search(params["pattern"], value):
        yield _malformed(row, name, "cleansing.format", params["pattern"])
    if params["form"] and not _renders(value, params["form"]):
        yield _malformed(row, name, "cleansing.format", params["form"])
    if params["one_of"] and value not in params["one_of"]:
        yield _malformed(row, name, "cleansing.format", "、".join(params["one_of"])[:200])
    if value in params["none_of"]:
        yield Malformed("cleansing.placeholder", "字段“{title}”（{field}）的“{got}”不是真实内容。", **row.named(name))


def _malformed(row: _Row, name: str, code: str, expected: str) -> Malformed:
    return Malformed(
        code, "字段“{title}”（{field}）应符合“{expected}”，实为“{got}”。", **row.named(name), expected=expected
    )


def _renders(value: str, form: str) -> bool:
    try:
        render_value(value, form)
    except LicenceTrustError:
        return False
    return True


def _check_digit(rule: Rule, row: _Row) -> Iterator[Malformed]:
    [name], value = rule.fields, row.get(rule.fields[0])
    if not value:
        return
    try:
        _DIGITS[rule.params["check"]](value)
    except LicenceTrustError as error:
        yield Malformed(
            "cleansing.check_digit",
            "字段“{title}”（{field}）的“{got}”校验不通过：{reason}",
            **row.named(name),
            reason=error.message,
        )


def _organisation_code(code: str) -> None:
    bare = code.replace("-", "").upper()
    if len(bare) != 9 or organisation_check_char(bare[:8]) != bare[8]:
        raise Malformed("identifier.check", "组织机构代码的校验位不正确。")


_DIGITS: Mapping[str, Callable[[str], object]] = {
    "credit_code": check_credit_code,
    "citizen_number": check_citizen_number,
    "organisation_code": _organisation_code,
}


def _range(rule: Rule, row: _Row) -> Iterator[Malformed]:
    [name], params = rule.fields, rule.params
    low, high = params["min"], params["max"]
    if params["measure"] == "date":
        day = row.day(name, params["part"])
        outside = day is not None and (
            bool(low and day < day_of(low, row.today)) or bool(high and day > day_of(high, row.today))
        )
    else:
        got = _measured(row.get(name), params["measure"])
        outside = got is not None and (bool(low and got < Decimal(low)) or bool(high and got > Decimal(high)))
    if outside:
        yield Malformed(
            "cleansing.range",
            "字段“{title}”（{field}）的“{got}”超出范围 {low}～{high}。",
            **row.named(name),
            low=low or "—",
            high=high or "—",
        )


def _measured(value: str, measure: str) -> Decimal | None:
    if not value:
        return None
    if measure == "length":
        return Decimal(len(value))
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _cross_field(rule: Rule, row: _Row) -> Iterator[Malformed]:
    (name, other), params = rule.fields, rule.params
    relation = params["relation"]
    if not _agrees(row, name, other, params):
        yield Malformed(
            "cleansing.cross_field",
            "字段“{title}”（{field}）的“{got}”与“{other_title}”（{other}）的“{other_got}”不相符：{relation}。",
            **row.named(name),
            other=other,
            other_title=row.title(other),
            other_got=row.shown(other),
            relation=Word(RELATIONS[relation]),
        )


def _agrees(row: _Row, name: str, other: str, params: Mapping[str, Any]) -> bool:
    relation, value, against = params["relation"], row.get(name), row.get(other)
    if relation == "requires":
        return bool(against) or not value
    if not value or not against:
        return True
    if relation in _ORDER:
        left, right = row.day(name, params["part"]), row.day(other, params["other_part"])
        return left is None or right is None or _ORDER[relation](left, right)
    return _TEXTS[relation](value, against)


_ORDER: Mapping[str, Callable[[date, date], bool]] = {
    "not_before": lambda left, right: left >= right,
    "before": lambda left, right: left < right,
    "not_after": lambda left, right: left <= right,
    "after": lambda left, right: left > right,
}
_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "equal": lambda value, other: value == other,
    "differs": lambda value, other: value != other,
    "starts_with": lambda value, other: value.startswith(other),
    "birth_of": lambda value, number: _birth(number)[: len(value)] in ("", value),
    "gender_of": lambda value, number: _gender(number) in ("", value),
}


def _birth(number: str) -> str:
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}" if len(number) == 18 else ""


def _gender(number: str) -> str:
    if len(number) != 18 or not (number[16].isascii() and number[16].isdigit()):
        return ""
    return "男" if int(number[16]) % 2 else "女"


def _expired(rule: Rule, row: _Row) -> Iterator[Malformed]:
    today = row.today.isoformat()
    if rule.fields:
        day = row.day(rule.fields[0], "to")
        end = day.isoformat() if day else ""
    else:
        end = _end_of(row.definition, row.values, today)
    if end and end < today:
        yield _expired_error(end)


def _expired_error(end: str) -> Malformed:
    return Malformed("cleansing.expired", "有效期至 {valid_to} 已届满。", valid_to=end)


_CHECKS: Mapping[str, Callable[[Rule, _Row], Iterator[Malformed]]] = {
    "format": _format,
    "check_digit": _check_digit,
    "range": _range,
    "cross_field": _cross_field,
    "expired": _expired,
}
