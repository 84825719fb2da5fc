"""证照类型: what a type of licence consists of, as data (GB/T 36902, GB/T 36903).

A type is one JSON document: the record's JSON Schema (draft 2020-12), what the register adds to
the face, how the licence is numbered, who the holder is, how long it is valid, inspected and renewed
(``licence_store.type_rules``), how it looks (``licence_store.style``) and how examples are
made. No type has code of its own.

    definition = load_definition(json.loads(text))
    record = definition.validate_record({"name": " 演示省星河有限公司 ", ...})
    values = definition.face_values(record, {"licence_number": "...", "issued_on": "2026-11-22", ...})
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import jsonschema

from licence_store import examples
from licence_store.collection.rules import load_rules
from licence_store.record_check import CHECKS, RecordChecker
from licence_store.style import Style, load_style
from licence_store.tame import is_tame
from licence_store.type_rules import (
    HOLDER_KINDS,
    Classification,
    Entitlement,
    HolderRule,
    InspectionRule,
    MaterialMapping,
    NoticeRule,
    NumberRule,
    RenewalRule,
    ValidityRule,
    bad,
    classification,
    cleansing_rules,
    entitlements,
    holder_rule,
    inspection_rule,
    is_title,
    material_mappings,
    need,
    notice_rule,
    number_rule,
    renewal_rule,
    sample_masks,
    validity_rule,
)
from seal.message import FORMATS, FaceValue
from trust.errors import LicenceTrustError, Malformed
from trust.identifiers import check_credit_code

COMPUTED = ("licence_number", "issuer_name", "issued_on")
"""Names the register may add to a face; they never stand in a record."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CODE = re.compile(r"[0-9A-Z]{21}")
_SCHEMA_KEYS = frozenset({
    "$schema", "$id", "$comment", "title", "description", "type", "additionalProperties", "required", "properties",
})  # fmt: skip
_PROPERTY_KEYS = frozenset({
    "type", "title", "description", "enum", "maxLength", "minLength", "pattern",
    "x-title-en", "x-format", "x-check", "x-placeholder", "x-multiline", "x-unit", "x-enum-en",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaceField:
    """照面项: one field of the face, from the record or added by the register."""

    name: str
    title: str
    title_en: str
    format: str
    """How the value is rendered: one of ``seal.message.FORMATS``."""
    computed: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Holder:
    """持证者 of one record."""

    name: str
    code: str
    code_type: str


@dataclass(frozen=True)
class LicenceTypeDefinition:
    """证照类型 (GB/T 36902): everything a type is, read once and checked thoroughly."""

    code: str
    slug: str
    name: str
    name_en: str
    holder_kind: str
    fields: tuple[FaceField, ...]
    number_rule: NumberRule
    holder: HolderRule
    validity: ValidityRule
    inspection: InspectionRule | None
    renewal: RenewalRule | None
    notices: NoticeRule
    classification: Classification
    materials: tuple[MaterialMapping, ...]
    cleansing: tuple[Mapping[str, Any], ...]
    """清洗规则 as written; checked, and read again by ``licence_store.collection``."""
    entitled: tuple[Entitlement, ...]
    """Empty: any body may be granted the type."""
    sample_masks: Mapping[str, str]
    style: Style
    source: dict[str, Any]
    """The JSON document as it was loaded."""

    @property
    def schema(self) -> dict[str, Any]:
        """The record's JSON Schema (draft 2020-12), as the issue form and ``types show`` print it."""
        schema: dict[str, Any] = self.source["schema"]
        return schema

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the definition's content: two definitions with one digest draw alike."""
        text = json.dumps(self.source, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _checker(self) -> RecordChecker:
        return RecordChecker(self.schema, self.holder.code, self.source.get("agreement") or {})

    def validate_record(self, record: object) -> dict[str, str]:
        """The record in normal form: NFC, trimmed, empty optional fields left out, in schema order.

        ``record_id`` is the sender's own reference, not a face field: it is passed over. Raises
        ``Malformed("record.…")`` naming the field, what was expected and what was got.
        """
        return self._checker.checked(record)

    def entitles(self, body_code: str) -> bool:
        """颁证范围: may the body with this unified social credit code be granted the type?"""
        return not self.entitled or any(one.covers(body_code) for one in self.entitled)

    def holder_of(self, record: Mapping[str, str]) -> Holder:
        """持证者 of a normalised record."""
        return Holder(record[self.holder.name], record[self.holder.code], self.holder.code_type)

    def valid_period(self, record: Mapping[str, str], issued_on: str) -> tuple[str, str]:
        """``(valid_from, valid_to)`` as ISO dates; ``valid_to`` is empty for long-term."""
        return self.validity.period(record, issued_on)

    def face_values(self, record: Mapping[str, str], computed: Mapping[str, str]) -> tuple[FaceValue, ...]:
        """The face's values in the type's order; an absent optional field has none.

        ``computed`` gives ``licence_number``, ``issuer_name`` and ``issued_on`` (ISO date); those
        the type does not show are passed over. ``DataMessage.create`` adds the salts.
        """
        pairs = ((f, (computed if f.computed else record).get(f.name, "")) for f in self.fields)
        return tuple(FaceValue(f.name, f.title, value, f.format) for f, value in pairs if value)

    def example_records(self, count: int, seed: int = 0) -> Iterator[dict[str, str]]:
        """``count`` distinct valid records of people and companies that do not exist (same seed, same records)."""
        spec, names = self.source["example"], list(self.schema["properties"])
        for index in range(count):
            made = examples.make_record(spec, index, seed)
            yield {name: made[name] for name in names if name in made}


def load_definition(source: object) -> LicenceTypeDefinition:
    """A type from its JSON document; raises ``Malformed("type.…")`` saying which part is wrong."""
    if not isinstance(source, dict):
        raise Malformed("type.not_an_object", "证照类型定义应为 JSON 对象。")
    _check_text(source)
    need(source, "", ("code", "slug", "name", "holder_kind", "schema", "number_rule", "holder", "validity",
                       "style", "example"))  # fmt: skip
    _check_heading(source)
    fields = _fields(source)
    formats = {f.name: f.format for f in fields if not f.computed}
    names, shown = set(formats), {f.name for f in fields}
    validity = validity_rule(source["validity"], formats)
    _check_agreement(source, names)
    load_rules(cleansing_rules(source.get("cleansing")), names)
    definition = LicenceTypeDefinition(
        code=source["code"],
        slug=source["slug"],
        name=source["name"]["zh"],
        name_en=source["name"]["en"],
        holder_kind=source["holder_kind"],
        fields=fields,
        number_rule=number_rule(source["number_rule"], names),
        holder=holder_rule(source["holder"], names),
        validity=validity,
        inspection=inspection_rule(source.get("inspection")),
        renewal=renewal_rule(source.get("renewal"), validity),
        notices=notice_rule(source.get("notices")),
        classification=classification(source.get("classification"), source["holder_kind"]),
        materials=material_mappings(source.get("materials"), names),
        cleansing=cleansing_rules(source.get("cleansing")),
        entitled=entitlements(source.get("entitled")),
        sample_masks=sample_masks(source.get("sample_masks"), shown),
        style=load_style(source["style"], shown),
        source=source,
    )
    _check_example(definition)
    return definition


def load_definition_text(text: str | bytes) -> LicenceTypeDefinition:
    """The same from JSON text."""
    try:
        return load_definition(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Malformed("type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=str(error)[:120]) from error


def _check_text(source: Mapping[str, Any]) -> None:
    """The definition can be written as UTF-8 JSON: no half characters, no infinities, no depths."""
    try:
        json.dumps(source, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise Malformed("type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=str(error)[:120]) from error


def shipped_definitions() -> tuple[LicenceTypeDefinition, ...]:
    """The types this product ships, in the order of their slugs."""
    folder = resources.files("licence_store.types")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    return tuple(load_definition_text((folder / name).read_text("utf-8")) for name in names)


def _check_heading(source: Mapping[str, Any]) -> None:
    need(source["name"], "name", ("zh", "en"))
    for part, value, form in (("code", source["code"], _CODE), ("slug", source["slug"], _SLUG)):
        if not isinstance(value, str) or not form.fullmatch(value):
            raise bad(part, form.pattern)
    try:
        check_credit_code(source["code"][:18])
    except LicenceTrustError as error:
        raise bad("code", f"18+3: {error.message}") from error
    if not all(is_title(source["name"][k], 60) for k in ("zh", "en")):
        raise bad("name", "zh, en ≤ 60")
    if source["holder_kind"] not in HOLDER_KINDS:
        raise bad("holder_kind", " | ".join(HOLDER_KINDS))


def _fields(source: Mapping[str, Any]) -> tuple[FaceField, ...]:
    """Record fields and computed ones, in the order of ``face`` (default: schema order, then computed)."""
    schema, added = source["schema"], source.get("computed", {})
    need(schema, "schema", ("properties", "required"))
    if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
        raise bad("schema", '"type": "object", "additionalProperties": false')
    if not set(schema) <= _SCHEMA_KEYS:
        raise bad("schema", ", ".join(sorted(_SCHEMA_KEYS)))
    _check_properties(schema)
    known = {n: _field(n, p, False, n in schema["required"]) for n, p in schema["properties"].items()}
    if not isinstance(added, dict) or not set(added) <= set(COMPUTED):
        raise bad("computed", "、".join(COMPUTED))
    known |= {n: _field(n, p, True, True) for n, p in added.items()}
    order = source.get("face", list(known))
    if not isinstance(order, list) or not all(isinstance(n, str) for n in order) or sorted(order) != sorted(known):
        raise bad("face", "、".join(known))
    return tuple(known[name] for name in order)


def _check_properties(schema: Mapping[str, Any]) -> None:
    _check_lengths(schema["properties"])
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise bad("schema", error.message[:120]) from error
    for name, prop in schema["properties"].items():
        part = f"schema.properties.{name}"
        need(prop, part, ("type", "title", "maxLength"))
        if not _NAME.fullmatch(name) or name in (*COMPUTED, "record_id"):
            raise bad(part, _NAME.pattern)
        if prop["type"] != "string" or not set(prop) <= _PROPERTY_KEYS or not 0 < prop["maxLength"] <= 4000:
            raise bad(part, '"type": "string", "maxLength": 1…4000; ' + ", ".join(sorted(_PROPERTY_KEYS)))
        if prop.get("x-check", "credit_code") not in tuple(CHECKS):
            raise bad(f"{part}.x-check", " | ".join(CHECKS))
        if not is_tame(prop.get("pattern", "")):
            raise bad(f"{part}.pattern", "^…$, few * + ? {m,n} |")
        _check_words(prop, part)
    if not set(schema["required"]) <= set(schema["properties"]):
        raise bad("schema.required", "、".join(schema["properties"]))


def _check_lengths(properties: Any) -> None:
    """Said by field, before the schema's own check says it without one."""
    for name, prop in properties.items() if isinstance(properties, dict) else ():
        for key in ("maxLength", "minLength"):
            value = prop.get(key, 1) if isinstance(prop, dict) else 1
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4000:
                raise bad(f"schema.properties.{name}.{key}", "1…4000")


def _check_words(prop: Mapping[str, Any], part: str) -> None:
    """What forms and messages show of a property is text, and its choices are texts."""
    for key in ("x-placeholder", "x-unit"):
        if not isinstance(prop.get(key, ""), str):
            raise bad(f"{part}.{key}", "text")
    words, translated = prop.get("enum", [""]), prop.get("x-enum-en")
    if not words or not all(isinstance(word, str) for word in words):
        raise bad(f"{part}.enum", '["…"]')
    if translated is not None and (
        not isinstance(translated, list) or len(translated) != len(words) or not all(map(is_title, translated))
    ):
        raise bad(f"{part}.x-enum-en", f"{len(words)} × text")


def _check_agreement(source: Mapping[str, Any], names: set[str]) -> None:
    rule = source.get("agreement", {})
    if not isinstance(rule, dict) or not set(rule) <= {"citizen_number", "birth_date", "gender"}:
        raise bad("agreement", "citizen_number, birth_date, gender")
    if not all(isinstance(name, str) and name in names for name in rule.values()):
        raise bad("agreement", "、".join(sorted(names)))
    checked = source["schema"]["properties"].get(rule.get("citizen_number"), {})
    if rule and checked.get("x-check") != "citizen_number":
        raise bad("agreement.citizen_number", '"x-check": "citizen_number"')


def _field(name: str, prop: Mapping[str, Any], computed: bool, required: bool) -> FaceField:
    need(prop, name, ("title",))
    for key in ("title", "x-title-en"):
        if not is_title(prop.get(key, name)):
            raise bad(f"{name}.{key}", "text ≤ 100")
    form = prop.get("x-format", "text")
    if form not in tuple(FORMATS) or form == "multiline":
        raise bad(f"{name}.x-format", " | ".join(f for f in FORMATS if f != "multiline"))
    return FaceField(name, prop["title"], prop.get("x-title-en", name), form, computed, required)


def _check_example(definition: LicenceTypeDefinition) -> None:
    """A type whose own examples break its schema is a mistake: say so when it is loaded."""
    try:
        for record in definition.example_records(2, seed=1):
            definition.validate_record(record)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise bad("example", f"{type(error).__name__}: {error}"[:120]) from error
    except Malformed as error:
        raise bad("example", error.message) from error
