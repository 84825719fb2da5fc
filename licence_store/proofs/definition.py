"""电子证明类型 (R047): what is asked of whom, when a proof may be given, and what it then says. All of it data.

    {"code": "no-penalty", "title": {"zh": "无行政处罚记录证明", "en": "…"}, "type": "no-penalty-proof",
     "parameters": [{"name": "credit_code", "title": {"zh": "统一社会信用代码", "en": "…"}, "check": "credit_code"}],
     "query": {"kind": "sql", "connection": "penalties", "statement": "SELECT … WHERE code = :credit_code"},
     "when": {"column": "penalties", "equals": "0"}, "otherwise": {"zh": "…", "en": "…"},
     "lists": {"payments": "{month} {amount}"}, "valid_days": 30,
     "face": {"name": "{name}", "statement": "截至{today}，…", "valid_period": "{today}/{until}"}}

``type`` is a type of the catalogue: it says how the proof looks, is numbered and sealed. ``{…}`` stands for a column
of the first row, a parameter, a list of all rows, or ``today``, ``until``, ``purpose``; ``{…|date}`` writes a date as
2026年11月22日.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from seal.message import render_value
from trust.errors import Malformed
from trust.identifiers import check_citizen_number, check_credit_code

CHECKS: Mapping[str, Callable[[str], str]] = {"credit_code": check_credit_code, "citizen_number": check_citizen_number}
GIVEN = ("today", "until", "purpose")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACE = re.compile(r"\{([a-z][a-z0-9_]{0,39})(\|date)?\}")
_KEYS = {"code", "title", "type", "parameters", "query", "when", "otherwise", "lists", "valid_days", "face"}
_MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Parameter:
    """查询条件: what whoever asks must give."""

    name: str
    title: str
    title_en: str
    check: str = ""
    """``credit_code``, ``citizen_number`` or empty."""
    required: bool = True

    def read(self, text: str) -> str:
        """The value in normal form; raises ``Malformed("proof.parameter")``."""
        value = text.strip()
        if len(value) > 200 or not value.isprintable() or (self.required and not value):
            raise _bad_parameter(self)
        try:
            return CHECKS[self.check](value) if self.check and value else value
        except Malformed as error:
            raise _bad_parameter(self) from error


def _bad_parameter(parameter: Parameter) -> Malformed:
    return Malformed("proof.parameter", "查询条件“{title}”缺失或不正确。", title=parameter.title, field=parameter.name)


@dataclass(frozen=True)
class ProofDefinition:
    """电子证明类型, checked."""

    code: str
    title: str
    title_en: str
    type_name: str
    """Code, slug or name of the catalogue's type."""
    parameters: tuple[Parameter, ...]
    query: Mapping[str, Any]
    """Read by ``licence_store.proofs.queries``."""
    column: str
    """Of the first row; empty: a row is all it takes."""
    equals: str
    otherwise: str
    otherwise_en: str
    lists: Mapping[str, str]
    valid_days: int
    face: Mapping[str, str]
    source: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the content."""
        text = json.dumps(self.source, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def read_parameters(self, given: Mapping[str, str]) -> dict[str, str]:
        """Every parameter, checked; raises ``Malformed("proof.parameter")`` also for one that is not asked for."""
        known = {one.name: one for one in self.parameters}
        for name in given:
            if name not in known:
                raise Malformed("proof.parameter", "查询条件“{title}”缺失或不正确。", title=name[:40], field=name[:40])
        return {name: one.read(given.get(name, "")) for name, one in known.items()}

    def met(self, rows: Sequence[Mapping[str, str]]) -> bool:
        """May the proof be given on this answer?"""
        return bool(rows) and (not self.column or rows[0].get(self.column, "") == self.equals)

    def record(
        self, rows: Sequence[Mapping[str, str]], parameters: Mapping[str, str], purpose: str, today: date
    ) -> dict[str, str]:
        """What the proof says: the record of its type. Raises ``Malformed("proof.column")``."""
        until = today + timedelta(days=self.valid_days)
        known = {**rows[0], **parameters, "today": today.isoformat(), "until": until.isoformat(), "purpose": purpose}
        for name, line in self.lists.items():
            known[name] = "\n".join(_fill(line, {**known, **row}) for row in rows[:_MOST_ROWS])
        return {name: _fill(text, known) for name, text in self.face.items()}


def _fill(text: str, known: Mapping[str, str]) -> str:
    def value(place: re.Match[str]) -> str:
        if place[1] not in known:
            raise Malformed("proof.column", "查询结果中没有“{column}”一栏，不能组成证明。", column=place[1])
        return render_value(known[place[1]], "date") if place[2] else known[place[1]]

    return _PLACE.sub(value, text)


def load_proof(source: object) -> ProofDefinition:
    """Read and checked; raises ``Malformed("proof.definition")`` naming the part that is wrong."""
    if not isinstance(source, dict) or set(source) - _KEYS:
        raise _bad("", ", ".join(sorted(_KEYS)))
    title, otherwise = _both(source, "title"), _both(source, "otherwise") if "otherwise" in source else ("", "")
    when = _mapping(source, "when", {})
    if set(when) - {"column", "equals"}:
        raise _bad("when", '{"column", "equals"}')
    days = source.get("valid_days", 30)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 3660:
        raise _bad("valid_days", "1…3660")
    face = _texts(source, "face")
    if not face:
        raise _bad("face", '{"field": "…"}')
    return ProofDefinition(
        code=_word(source, "code", _CODE),
        title=title[0],
        title_en=title[1],
        type_name=_text(source, "type", 80),
        parameters=_parameters(source.get("parameters")),
        query=_mapping(source, "query", None),
        column=_text(when, "column", 80) if when else "",
        equals=_text(when, "equals", 200) if when else "",
        otherwise=otherwise[0],
        otherwise_en=otherwise[1],
        lists=_texts(source, "lists"),
        valid_days=days,
        face=face,
        source=source,
    )


def _bad(part: str, expected: str) -> Malformed:
    return Malformed(
        "proof.definition", "电子证明类型的“{part}”不正确：应为 {expected}。", part=part, expected=expected
    )


def _text(source: Mapping[str, Any], name: str, limit: int) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise _bad(name, "text")
    return value


def _word(source: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _bad(name, form.pattern)
    return value


def _both(source: Mapping[str, Any], name: str) -> tuple[str, str]:
    value = source.get(name)
    if not isinstance(value, dict) or set(value) != {"zh", "en"}:
        raise _bad(name, '{"zh": "…", "en": "…"}')
    return _text(value, "zh", 200), _text(value, "en", 300)


def _mapping(source: Mapping[str, Any], name: str, default: dict[str, Any] | None) -> dict[str, Any]:
    value = source.get(name, default)
    if not isinstance(value, dict):
        raise _bad(name, "object")
    return value


def _texts(source: Mapping[str, Any], name: str) -> dict[str, str]:
    found = _mapping(source, name, {})
    for key, value in found.items():
        if not _NAME.fullmatch(str(key)) or not isinstance(value, str) or len(value) > 4000:
            raise _bad(f"{name}.{str(key)[:40]}", "text")
    return found


def _parameters(source: object) -> tuple[Parameter, ...]:
    if not isinstance(source, list) or not 1 <= len(source) <= 20:
        raise _bad("parameters", "1…20")
    found = []
    for one in source:
        if not isinstance(one, dict) or set(one) - {"name", "title", "check", "required"}:
            raise _bad("parameters", '{"name", "title", "check", "required"}')
        check, required, title = one.get("check", ""), one.get("required", True), _both(one, "title")
        if check not in ("", *CHECKS) or not isinstance(required, bool):
            raise _bad("parameters.check", " | ".join(CHECKS))
        found.append(Parameter(_word(one, "name", _NAME), *title, check, required))
    names = [one.name for one in found]
    if len(set(names)) != len(names) or set(names) & set(GIVEN):
        raise _bad("parameters.name", "distinct")
    return tuple(found)
