"""填表: the issue form of any licence type, made from its schema; no type has a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData

from licence_store.definitions import LicenceTypeDefinition
from trust.errors import LicenceTrustError, fill

Translate = Callable[[str], str]
LONG, SHORT, DATE = 120, 40, 10


@dataclass(frozen=True, slots=True)
class FormField:
    """One field as the page shows it, with what was entered and what is wrong with it."""

    name: str
    title: str
    kind: str
    """``text``, ``long``, ``date``, ``range`` or ``choice``."""
    required: bool
    value: str
    hint: str
    error: str
    limit: int
    choices: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return f"f-{self.name}"

    @property
    def short(self) -> bool:
        return self.limit <= SHORT

    @property
    def start(self) -> str:
        return self.value.partition("/")[0]

    @property
    def end(self) -> str:
        return self.value.partition("/")[2]


def form_fields(
    definition: LicenceTypeDefinition,
    values: Mapping[str, str],
    errors: Mapping[str, LicenceTrustError],
    language: str,
    translate: Translate,
) -> list[FormField]:
    """The fields of ``definition`` in order, in the visitor's language."""
    return [
        _field(
            name,
            prop,
            name in definition.schema["required"],
            values.get(name, ""),
            errors.get(name),
            language,
            translate,
        )
        for name, prop in definition.schema["properties"].items()
    ]


def _field(
    name: str,
    prop: Mapping[str, Any],
    required: bool,
    value: str,
    error: LicenceTrustError | None,
    language: str,
    translate: Translate,
) -> FormField:
    return FormField(
        name=name,
        title=title_of(prop, language),
        kind=_kind(prop),
        required=required,
        value=value,
        hint=_hint(prop, language),
        error=_complaint(error, title_of(prop, language), translate),
        limit=prop["maxLength"],
        choices=_choices(prop, language),
    )


def _complaint(error: LicenceTrustError | None, title: str, translate: Translate) -> str:
    if error is None:
        return ""
    if error.code == "record.missing_field":
        return fill(translate("请填写“{title}”。"), {"title": title})
    return error.localised(translate)[0]


def title_of(prop: Mapping[str, Any], language: str) -> str:
    """A field's title in the visitor's language."""
    return str(prop.get("x-title-en") or prop["title"]) if language == "en" else str(prop["title"])


def _kind(prop: Mapping[str, Any]) -> str:
    form = prop.get("x-format", "text")
    if "enum" in prop:
        return "choice"
    if form == "date_range":
        return "range"
    if form == "date" and prop["maxLength"] == DATE:
        return "date"
    return "long" if prop.get("x-multiline") or prop["maxLength"] > LONG else "text"


def _hint(prop: Mapping[str, Any], language: str) -> str:
    """What the type says about the field; a date's pattern is the date picker's business."""
    if _kind(prop) in ("date", "range", "choice"):
        return ""
    return str(prop.get("description") or (prop.get("x-placeholder", "") if language != "en" or _plain(prop) else ""))


def _plain(prop: Mapping[str, Any]) -> bool:
    return str(prop.get("x-placeholder", "")).isascii()


def _choices(prop: Mapping[str, Any], language: str) -> tuple[tuple[str, str], ...]:
    values = [str(value) for value in prop.get("enum", ())]
    named = prop.get("x-enum-en", {}) if language == "en" else {}
    english = named if isinstance(named, Mapping) else dict(zip(values, named, strict=False))
    return tuple((value, f"{value} {english[value]}" if value in english else value) for value in values)


def entered(definition: LicenceTypeDefinition, data: FormData) -> dict[str, str]:
    """What was entered, field by field; nothing is judged yet."""
    values = {}
    for name, prop in definition.schema["properties"].items():
        if _kind(prop) == "range" and name not in data:
            start, end = _text(data, f"{name}.from"), _text(data, f"{name}.to")
            values[name] = f"{start}/{end}" if start or end else ""
        else:
            values[name] = _text(data, name)
    return values


def _text(data: FormData, name: str) -> str:
    value = data.get(name, "")
    return value.strip().replace("\r\n", "\n") if isinstance(value, str) else ""


def wrong_fields(
    definition: LicenceTypeDefinition, values: Mapping[str, str]
) -> tuple[dict[str, LicenceTrustError], LicenceTrustError | None]:
    """Every field that is wrong, not only the first; and an error that belongs to no field.

    A wrong field is replaced by a sound example and the record tried again, so that one visit shows everything.
    """
    sound = next(definition.example_records(1))
    trial, found = {name: value for name, value in values.items() if value}, dict[str, LicenceTrustError]()
    for _ in range(len(values) + 1):
        try:
            definition.validate_record(trial)
        except LicenceTrustError as error:
            name = str(error.params.get("field", ""))
            if name not in values or name in found:
                return found, None if found else error
            if not (found and error.code == "record.disagrees"):
                found[name] = error
            trial[name] = sound.get(name, "")
            if error.code == "record.disagrees":
                break
        else:
            break
    return found, None


def rows(definition: LicenceTypeDefinition, values: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """``(title, text)`` of what was entered, as the face will say it."""
    from seal.message import render_value

    shown = []
    for name, prop in definition.schema["properties"].items():
        if values.get(name):
            shown.append((title_of(prop, language), render_value(values[name], prop.get("x-format", "text"))))
    return shown
