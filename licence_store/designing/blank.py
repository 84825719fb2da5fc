"""新类型: what a designer begins with, and example records that follow the fields by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licence_store.designing.layout import arrange
from trust.identifiers import credit_code_check_char, organisation_check_char

_SURNAMES: Final = ["林", "沈", "顾", "陆", "苏", "江", "叶", "程", "梁", "许", "韩", "方"]
_GIVEN: Final = ["望舒", "清和", "思齐", "若谷", "云帆", "一诺", "知微", "嘉树", "明远", "怀瑾", "晚晴", "景行"]
_BRANDS: Final = ["星河", "云杉", "墨竹", "青禾", "远帆", "晨曦", "瀚海", "朗月", "金穗", "玉泉", "松涛", "银杏"]
WORDS: Final = {"surname": _SURNAMES, "given": _GIVEN, "brand": _BRANDS}


def blank_type(defining_body: str, serial: int) -> dict[str, Any]:
    """A type of ``defining_body`` (its unified social credit code) with a few fields, ready to be drawn."""
    source: dict[str, Any] = {
        "code": f"{defining_body}{serial:03d}",
        "slug": f"new-type-{serial}",
        "name": {"zh": "新的证照", "en": "New licence"},
        "holder_kind": "natural_person",
        "classification": {"kind": "other"},
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "照面信息",
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "citizen_number", "valid_until"],
            "properties": {
                "name": {"type": "string", "title": "姓名", "x-title-en": "Name", "maxLength": 40},
                "citizen_number": {
                    "type": "string", "title": "身份证号码", "x-title-en": "Citizen identity number", "minLength": 18,
                    "maxLength": 18, "x-check": "citizen_number", "x-placeholder": "18位号码（GB 11643）",
                },
                "valid_until": {
                    "type": "string", "title": "有效期至", "x-title-en": "Valid until", "maxLength": 10,
                    "x-format": "date",
                },
            },
        },
        "computed": {
            "licence_number": {"title": "证书编号", "x-title-en": "Licence number"},
            "issuer_name": {"title": "发证机关", "x-title-en": "Issuing authority"},
            "issued_on": {"title": "发证日期", "x-title-en": "Date of issue", "x-format": "date"},
        },
        "number_rule": {"kind": "sequence", "pattern": "{year}{issuer6}{seq:06d}"},
        "holder": {"name": "name", "code": "citizen_number", "code_type": "111"},
        "validity": {"kind": "until", "field": "valid_until"},
        "notices": {"days_before": [90, 30, 7]},
        "sample_masks": {"name": "name", "citizen_number": "identifier"},
        "design": {"theme": "blue", "page": "a4-landscape", "columns": 1, "ground": "frame", "title": "", "own": []},
        "example": {"words": dict(WORDS), "fields": {}},
        "style": {},
    }  # fmt: skip
    return completed(source)


def completed(source: dict[str, Any]) -> dict[str, Any]:
    """``source`` with examples for every field, and its face laid out anew where it has a ``design``."""
    made = {**source, "example": _examples(source)}
    return {**made, "style": arrange(made)} if isinstance(source.get("design"), dict) else made


def free_code(defining_body: str, taken: set[str]) -> tuple[str, int]:
    """A type code of this body that is not taken, and its serial."""
    body = defining_body if len(defining_body) == 18 else _nobody()
    serial = next(n for n in range(900, 1000) if f"{body}{n}" not in taken) if len(taken) < 100 else 999
    return body, serial


def _nobody() -> str:
    """A body that does not exist, where the drafter belongs to none."""
    first = f"11990000MB0D9999{organisation_check_char('MB0D9999')}"
    return first + credit_code_check_char(first)


def _examples(source: Mapping[str, Any]) -> dict[str, Any]:
    """Makers at hand for fields that are still there stay; the others get the one their format asks for."""
    given = source.get("example") if isinstance(source.get("example"), dict) else {}
    assert isinstance(given, dict)
    words, makers = given.get("words"), given.get("fields")
    at_hand: Mapping[str, Any] = makers if isinstance(makers, dict) else {}
    schema = source.get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else {}
    fields = properties if isinstance(properties, dict) else {}
    legal = source.get("holder_kind") != "natural_person"
    holder = source.get("holder")
    named = holder.get("name") if isinstance(holder, dict) else ""
    made = {
        name: at_hand.get(name) or maker_for(name, prop, legal=legal, holder=name == named)
        for name, prop in fields.items()
        if isinstance(prop, dict)
    }
    agreement = source.get("agreement")
    first = agreement.get("citizen_number") if isinstance(agreement, dict) else ""
    ordered = dict(sorted(made.items(), key=lambda item: item[0] != first))
    return {"words": {**WORDS, **(words if isinstance(words, dict) else {})}, "fields": ordered}


def maker_for(name: str, prop: Mapping[str, Any], *, legal: bool = False, holder: bool = False) -> dict[str, Any]:
    """How examples of a field are made, by its check, its choices and its format."""
    if prop.get("x-check") == "credit_code":
        return {"make": "credit_code", "prefix": "91", "area": "990000"}
    if prop.get("x-check") == "citizen_number":
        return {"make": "citizen_number", "area": "990101", "from": "1966-01-01", "to": "2004-12-31"}
    if isinstance(prop.get("enum"), list) and prop["enum"]:
        return {"make": "choice", "from": prop["enum"]}
    most = prop.get("maxLength") if isinstance(prop.get("maxLength"), int) else 40
    match prop.get("x-format", "text"):
        case "date" | "long_term":
            ends = any(word in name for word in ("until", "end", "expir", "valid"))
            first, last = ("2029-01-01", "2031-12-31") if ends else ("2015-01-01", "2026-06-30")
            return {"make": "date", "from": first, "to": last}
        case "date_range":
            return {"make": "date_range", "from": "2024-01-01", "to": "2026-06-30", "years": [5]}
        case "year_month":
            return {"make": "choice", "from": ["2024-03", "2025-09", "2026-01"]}
        case "amount" | "number":
            return {"make": "template", "text": "{n:1-9}0000"}
    if holder:
        return {"make": "template", "text": "演示省{brand}{given}有限公司" if legal else "{surname}{given}"}
    title = prop.get("title") if isinstance(prop.get("title"), str) else name
    return {"make": "template", "text": f"{str(title)[: max(1, int(most or 1) - 4)]}{{n:1-999}}"}
