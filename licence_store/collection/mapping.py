"""字段对照: from the columns of a source to the fields of a type, as data.

    "fields": {
      "name": "单位名称",                                                 a column as it is
      "credit_code": {"column": "TYSHXYDM", "upper": true},
      "established_on": {"column": "CLRQ", "dates": ["YYYY/MM/DD", "YYYYMMDD"]},
      "business_term": {"join": ["QSRQ", "JZRQ"], "with": "/", "dates": ["YYYY/MM/DD"]},
      "company_type": {"column": "LXDM", "table": {"1130": "有限责任公司"}},
      "registered_capital": {"column": "ZCZB", "scale": "10000"},
      "ethnic_group": {"constant": "汉族"}
    }

What a mapping cannot make sense of it leaves as it is: the type's rules say then what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from trust.errors import Malformed

_KEYS = frozenset({"column", "constant", "join", "with", "upper", "digits", "dates", "table", "scale", "default"})
_EXCEL_EPOCH = date(1899, 12, 30)
_DATE_PARTS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
EXCEL = "EXCEL"
"""A day as spreadsheets count it: days since 1899-12-30."""
MOST_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One field's way from the columns."""

    columns: tuple[str, ...]
    constant: str = ""
    between: str = ""
    upper: bool = False
    digits: bool = False
    """Only letters and digits count: spaces and dashes inside a number are dropped."""
    dates: tuple[str, ...] = ()
    table: Mapping[str, str] = field(default_factory=dict)
    scale: Decimal | None = None
    default: str = ""

    def value(self, row: Mapping[str, object]) -> str:
        """The field's value from one row of columns; empty where there is none."""
        if not self.columns:
            return self.constant
        parts = [self._one(_text(row.get(name))) for name in self.columns]
        return (self.between.join(parts) if any(parts) else "") or self.default

    def _one(self, text: str) -> str:
        if self.digits:
            text = "".join(c for c in text if c.isalnum())
        if self.upper:
            text = text.upper()
        if self.dates and text:
            text = next((day for form in self.dates if (day := read_day(text, form))), text)
        if self.scale is not None and text:
            text = _scaled(text, self.scale)
        return self.table.get(text, text)


@dataclass(frozen=True, slots=True)
class Mapper:
    """字段对照 of a source; empty: the columns are the type's fields already."""

    fields: Mapping[str, FieldMapping]

    def record(self, row: Mapping[str, object]) -> dict[str, str]:
        """The record a row of columns stands for."""
        if not self.fields:
            return {str(name): text for name, value in row.items() if (text := _text(value))}
        return {name: value for name, one in self.fields.items() if (value := one.value(row))}

    def text_of(self, row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
        """These columns as texts."""
        return [_text(row.get(name)) for name in columns]


def load_mapper(raw: object, names: Sequence[str], bad: Callable[[str, str], Malformed]) -> Mapper:
    """Read ``fields`` of a declaration; raises what ``bad`` makes of it."""
    if raw is None:
        return Mapper({})
    if not isinstance(raw, dict) or not raw or len(raw) > MOST_COLUMNS:
        raise bad("fields", '{"field": "column"}')
    for name in raw:
        if name not in names:
            raise bad(f"fields.{str(name)[:40]}", "、".join(names))
    return Mapper({name: _mapping(f"fields.{name}", one, bad) for name, one in raw.items()})


def _mapping(part: str, raw: object, bad: Callable[[str, str], Malformed]) -> FieldMapping:
    if isinstance(raw, str) and raw:
        return FieldMapping((raw,))
    if not isinstance(raw, dict) or not set(raw) <= _KEYS or len({"column", "join", "constant"} & set(raw)) != 1:
        raise bad(part, "column | {column, join, constant, " + ", ".join(sorted(_KEYS)) + "}")
    columns = raw.get("join", [raw["column"]] if "column" in raw else [])
    if not isinstance(columns, list) or len(columns) > 20 or not all(isinstance(c, str) and c for c in columns):
        raise bad(f"{part}.join", '["column", …]')
    texts = {name: raw.get(name, "") for name in ("constant", "with", "default")}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise bad(f"{part}.{wrong[0]}", "text")
    flags = {name: raw.get(name, False) for name in ("upper", "digits")}
    if wrong := [name for name, flag in flags.items() if not isinstance(flag, bool)]:
        raise bad(f"{part}.{wrong[0]}", "true | false")
    table = raw.get("table", {})
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise bad(f"{part}.table", '{"code": "text"}')
    return FieldMapping(tuple(columns), texts["constant"], texts["with"], flags["upper"], flags["digits"],
                        _dates(part, raw.get("dates", []), bad), table, _scale(part, raw.get("scale"), bad),
                        texts["default"])  # fmt: skip


def _dates(part: str, raw: object, bad: Callable[[str, str], Malformed]) -> tuple[str, ...]:
    forms = raw if isinstance(raw, list) else [raw]
    if not all(isinstance(f, str) and len(f) <= 30 and (f == EXCEL or _is_form(f)) for f in forms):
        raise bad(f"{part}.dates", '["YYYY-MM-DD", "YYYY/MM/DD", "YYYYMMDD", "YYYY年MM月DD日", "EXCEL"]')
    return tuple(forms)


def _is_form(form: str) -> bool:
    return all(form.count(part) == 1 for part in _DATE_PARTS) or (form.count("YYYY") == form.count("MM") == 1)


def _scale(part: str, raw: object, bad: Callable[[str, str], Malformed]) -> Decimal | None:
    if raw is None:
        return None
    try:
        scale = Decimal(str(raw))
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or not Decimal("1e-9") <= abs(scale) <= Decimal("1e9"):
        raise bad(f"{part}.scale", "10000")
    return scale


def _scaled(text: str, scale: Decimal) -> str:
    try:
        number = Decimal(text.replace(",", "")) * scale
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number) > Decimal("1e30"):
        return text
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def read_day(text: str, form: str) -> str:
    """``text`` in ``form`` as an ISO day (or month); empty where it is not one."""
    try:
        if form == EXCEL:
            days = Decimal(text)
            whole = days.is_finite() and 0 < days < 2_958_466
            return (_EXCEL_EPOCH + timedelta(days=int(days))).isoformat() if whole else ""
        pattern = re.escape(form)
        for part, found in _DATE_PARTS.items():
            pattern = pattern.replace(part, found)
        match = re.fullmatch(pattern, text.strip(), re.ASCII)
        if match is None:
            return ""
        parts = match.groupdict()
        day = date(int(parts["y"]), int(parts["m"]), int(parts.get("d") or 1))
    except (ValueError, OverflowError, InvalidOperation):
        return ""
    return day.isoformat() if parts.get("d") else day.isoformat()[:7]


def _text(value: object) -> str:
    """A cell as text: whole numbers without a point, days as ISO days."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)[:4000]
