"""记录校验: is a record what its type asks for? One sentence for what is wrong, naming the field; else its normal form.

values = RecordChecker(schema, holder_code="id_number").checked({"name": " 演示省星河有限公司 ", …})
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema

from licence_store.type_rules import is_date
from seal.message import render_value
from trust.errors import LicenceTrustError, Malformed
from trust.identifiers import check_citizen_number, check_credit_code, plain_number

CHECKS: dict[str, Callable[[str], str]] = {"credit_code": check_credit_code, "citizen_number": check_citizen_number}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_VALUE_MOST = 16_000
"""Characters of a value before anything is done with it: four times what any field may hold."""


@dataclass(frozen=True)
class RecordChecker:
    """校验规则 of one type."""

    schema: Mapping[str, Any]
    """JSON Schema (draft 2020-12) of the record."""
    holder_code: str
    """The field that holds the holder's number."""
    agreement: Mapping[str, str] = field(default_factory=dict)
    """Fields that repeat what a citizen number says: ``citizen_number``, ``birth_date``, ``gender``."""

    @cached_property
    def _validator(self) -> Any:
        return jsonschema.Draft202012Validator(self.schema)

    def checked(self, record: object) -> dict[str, str]:
        """The record in normal form; raises ``Malformed("record.…")``."""
        values = self._normalised(record)
        for error in sorted(self._validator.iter_errors(values), key=lambda e: list(map(str, e.absolute_path))):
            raise self._explain(error, values)
        for name, value in values.items():
            values[name] = self._checked(name, value, self.schema["properties"][name])
        self._check_agreement(values)
        return values

    def _normalised(self, record: object) -> dict[str, str]:
        if not isinstance(record, Mapping):
            raise Malformed(
                "record.not_an_object", "记录应为对象（字段名与值），实为{got}。", got=type(record).__name__
            )
        properties = self.schema["properties"]
        if unknown := sorted(str(k) for k in record if k not in properties and k != "record_id"):
            raise Malformed(
                "record.unknown_field",
                "记录含有本证照类型没有的字段“{field}”；可用字段：{expected}。",
                field=unknown[0][:40],
                expected="、".join(properties),
            )
        found = ((name, self._plain(name, record[name])) for name in properties if record.get(name) is not None)
        values = {name: text for name, text in found if text}
        for name in self.schema["required"]:
            if name not in values:
                raise Malformed("record.missing_field", "缺少必填字段“{title}”（{field}）。", **self._named(name))
        return values

    def _plain(self, name: str, value: object) -> str:
        """The field's text; a number by which somebody is known in the form in which numbers are compared."""
        text = self._text(name, value)
        is_number = name == self.holder_code or "x-check" in self.schema["properties"][name]
        return plain_number(text) if is_number else text

    def _text(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            raise Malformed(
                "record.not_text",
                "字段“{title}”（{field}）应为文本，实为{got}。",
                **self._named(name),
                got=type(value).__name__,
            )
        if len(value) > _VALUE_MOST:
            raise Malformed(
                "record.length",
                "字段“{title}”（{field}）的长度应{bound}{expected}个字符，实为{got}个。",
                **self._named(name),
                bound="≤",
                expected=self.schema["properties"][name]["maxLength"],
                got=len(value),
            )
        text = unicodedata.normalize("NFC", value).strip()
        for char in text:
            if (char > "~" and unicodedata.category(char) in _HIDDEN) or char < " " or char == "\x7f":
                raise Malformed(
                    "record.hidden_character",
                    "字段“{title}”（{field}）含有控制字符或不可见字符 U+{got}。",
                    **self._named(name),
                    got=f"{ord(char):04X}",
                )
        return text

    def _named(self, name: str) -> dict[str, Any]:
        return {"field": name, "title": self.schema["properties"][name]["title"]}

    def _explain(self, error: Any, values: Mapping[str, str]) -> Malformed:
        """One sentence of ours for one error of the schema checker."""
        name = str(error.absolute_path[0]) if error.absolute_path else ""
        known = self._named(name) if name else {"field": "", "title": ""}
        got = _shown(values.get(name, ""), self.schema["properties"].get(name, {}))
        if error.validator == "enum":
            return Malformed(
                "record.not_in_list",
                "字段“{title}”（{field}）应为下列之一：{expected}；实为“{got}”。",
                **known,
                expected="、".join(error.validator_value),
                got=got,
            )
        if error.validator in ("maxLength", "minLength"):
            return Malformed(
                "record.length",
                "字段“{title}”（{field}）的长度应{bound}{expected}个字符，实为{got}个。",
                **known,
                bound="≤" if error.validator == "maxLength" else "≥",
                expected=error.validator_value,
                got=len(values[name]),
            )
        return Malformed(
            "record.pattern",
            "字段“{title}”（{field}）应符合“{expected}”，实为“{got}”。",
            **known,
            expected=self.schema["properties"].get(name, {}).get("x-placeholder") or error.validator_value,
            got=got,
        )

    def _checked(self, name: str, value: str, prop: Mapping[str, Any]) -> str:
        """The value in its identifier's normal form, once its format and check digits are right."""
        form = prop.get("x-format", "text")
        if form == "date_range" and not _is_range(value):
            raise Malformed(
                "record.date_range",
                "字段“{title}”（{field}）应为起止日期 YYYY-MM-DD/YYYY-MM-DD"
                "（长期则止日留空），且起不晚于止，实为“{got}”。",
                **self._named(name),
                got=_shown(value, prop),
            )
        try:
            render_value(value, form)
            check = CHECKS.get(prop.get("x-check", ""))
            return check(value) if check else value
        except LicenceTrustError as error:
            raise Malformed(
                "record.identifier" if "x-check" in prop else "record.format",
                "字段“{title}”（{field}）不正确：{reason}",
                **self._named(name),
                reason=error.message,
            ) from error

    def _check_agreement(self, values: Mapping[str, str]) -> None:
        """The citizen number's birth date and sex against the fields that repeat them (GB 11643)."""
        rule = self.agreement
        number = values.get(rule.get("citizen_number", ""), "")
        if not number:
            return
        birth = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
        born = rule.get("birth_date", "")
        expected = {
            born: birth[: len(values.get(born, birth))],
            rule.get("gender", ""): "男" if int(number[16]) % 2 else "女",
        }
        for name, value in expected.items():
            if name in values and values[name] != value:
                raise Malformed(
                    "record.disagrees",
                    "字段“{title}”（{field}）与公民身份号码不一致：按号码应为“{expected}”，实为“{got}”。",
                    **self._named(name),
                    expected=value,
                    got=values[name],
                )


def _is_range(text: str) -> bool:
    start, slash, end = text.partition("/")
    return bool(slash) and is_date(start) and (not end or (is_date(end) and start <= end))


def _shown(value: str, prop: Mapping[str, Any]) -> str:
    """A value as an error may show it: identifiers masked, long text cut."""
    if "x-check" in prop and len(value) > 10:
        return value[:6] + "*" * (len(value) - 10) + value[-4:]
    return value if len(value) <= 40 else value[:40] + "…"
