"""设计表单: a type's document as the inputs of the designer page, and the inputs as a document again.

Whatever is typed is kept, sound or not: a number that is none stays the text it was, and the loader says what is wrong.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData

from licence_store.designing.blank import completed
from licence_store.designing.edits import COMPUTED, with_fields
from licence_store.designing.layout import Design

BOX = ("x", "y", "w", "h", "size")
ADD, REMOVE, UP, DOWN = "add", "remove", "up", "down"
_NUMBER = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,4})?")
_SEPARATORS = re.compile(r"[;；\n]")


class Entered:
    """What a form brings, as text."""

    def __init__(self, data: FormData) -> None:
        self.data = data

    def text(self, name: str) -> str:
        value = self.data.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        return bool(self.text(name))

    def number(self, name: str) -> Any:
        """A number if it is one, else what was typed."""
        text = self.text(name)
        if not _NUMBER.fullmatch(text):
            return text
        return float(text) if "." in text else int(text)

    def words(self, name: str) -> list[str]:
        return [word for part in _SEPARATORS.split(self.text(name)) if (word := part.strip())]

    def rows(self, name: str) -> list[str]:
        return [value for value in self.data.getlist(name) if isinstance(value, str)]


def entered(data: FormData, before: Mapping[str, Any]) -> dict[str, Any]:
    """The document the form makes of ``before``; what the form does not show stays as it was."""
    form = Entered(data)
    made: dict[str, Any] = copy.deepcopy(dict(before))
    made |= {
        "code": form.text("code"),
        "slug": form.text("slug"),
        "name": {"zh": form.text("name_zh"), "en": form.text("name_en")},
        "holder_kind": form.text("holder_kind"),
        "number_rule": _number_rule(form),
        "holder": {key: form.text(f"holder_{key}") for key in ("name", "code", "code_type")},
        "validity": _validity(form),
        "classification": _classification(form, made.get("classification")),
    }
    _optional(made, "inspection", _inspection(form) if form.flag("inspection") else None)
    _optional(made, "renewal", _renewal(form) if form.flag("renewal") else None)
    made["notices"] = {"days_before": _days(form)}
    _optional(made, "materials", _materials(form, made.get("materials")))
    _optional(made, "entitled", _entitled(form))
    _design(made, form)
    _boxes(made, form)
    rows, required, examples, masks = _fields(form, made)
    made["sample_masks"] = masks
    made = with_fields(made, rows, required, _computed(form, made))
    _keep_examples(made, examples, _changed(rows, before))
    return completed(made)


def _optional(made: dict[str, Any], key: str, value: Any) -> None:
    if value:
        made[key] = value
    else:
        made.pop(key, None)


def _number_rule(form: Entered) -> dict[str, Any]:
    kind = form.text("number_kind")
    if kind == "sequence":
        return {"kind": kind, "pattern": form.text("number_pattern")}
    rule = {"kind": kind, "field": form.text("number_field")}
    return {**rule, "suffix": form.text("number_suffix")} if kind == "field_suffix" else rule


def _validity(form: Entered) -> dict[str, Any]:
    kind = form.text("validity_kind")
    given = {"years": {"years": form.number("validity_years")}, "fixed": {"until": form.text("validity_until")}}
    asked = {"field": form.text("validity_field")} if kind in ("until", "range_field") else {}
    return {"kind": kind, **asked, **given.get(kind, {})}


def _classification(form: Entered, before: Any) -> dict[str, Any]:
    kept = {key: value for key, value in before.items() if key == "holder"} if isinstance(before, dict) else {}
    body = {"zh": form.text("body_zh"), "en": form.text("body_en")}
    return {**({"issuing_body": body} if any(body.values()) else {}), "kind": form.text("kind"), **kept}


def _inspection(form: Entered) -> dict[str, Any]:
    results = ["passed", *(["basically_passed"] if form.flag("inspection_basically") else []), "failed"]
    return {
        "opens": form.text("inspection_opens"),
        "closes": form.text("inspection_closes"),
        "first_year_offset": form.number("inspection_first"),
        "overdue": form.text("inspection_overdue"),
        "failed": form.text("inspection_failed"),
        "results": results,
    }


def _renewal(form: Entered) -> dict[str, Any]:
    return {
        "opens_days": form.number("renewal_opens"),
        "closes_days": form.number("renewal_closes"),
        "predecessor": form.text("renewal_predecessor"),
    }


def _days(form: Entered) -> list[Any]:
    parts = [part for part in re.split(r"[\s,，、;；]+", form.text("notices")) if part]
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts]


def _materials(form: Entered, before: Any) -> list[dict[str, Any]]:
    """One line each: code, Chinese name, English name, code of the service item; ``|`` between."""
    known = {str(one.get("code")): one for one in _list(before) if isinstance(one, dict)}
    made = []
    for line in form.text("materials").splitlines():
        parts = [part.strip() for part in re.split(r"[|｜]", line)]
        if any(parts):
            code, zh, en, item = (*parts, "", "", "", "")[:4]
            kept = {name: known[code][name] for name in ("where", "demand") if name in known.get(code, {})}
            asked = {"item": item} if item else {}
            made.append({"code": code, "name": {"zh": zh, "en": en or zh}, **asked, **kept})
    return made


def _entitled(form: Entered) -> list[dict[str, Any]]:
    """One line each: area, then levels."""
    made = []
    for line in form.text("entitled").splitlines():
        area, *levels = re.split(r"[\s,，、]+", line.strip())
        if area:
            made.append({"area": area, **({"levels": levels} if levels else {})})
    return made


def _design(made: dict[str, Any], form: Entered) -> None:
    """Automatic layout is on where its box is ticked; its words come from the form where the form shows them."""
    if not form.flag("auto"):
        made.pop("design", None)
        return
    kept = made["design"] if isinstance(made.get("design"), dict) else {}
    shown = {key: form.text(key) for key in ("theme", "page", "ground", "title") if key in form.data}
    columns = {"columns": form.number("columns")} if "columns" in form.data else {}
    own = [new for index, (new, _) in enumerate(_names(form)) if form.flag(f"{index}.own")]
    own += [name for name in COMPUTED if form.flag(f"c.{name}.own")]
    made["design"] = {**kept, **shown, **columns, "own": own}


def _names(form: Entered) -> list[tuple[str, str]]:
    """``(new, old)`` name of each row; an empty or repeated name gets one of its own, so that nothing is lost."""
    names: list[tuple[str, str]] = []
    for index, old in enumerate(form.rows("row")):
        name = form.text(f"{index}.name") or old or f"field_{index + 1}"
        taken = {new for new, _ in names}
        tries = (name, *(f"{name}_{n}" for n in range(2, 400)))
        names.append((next(one for one in tries if one not in taken), old))
    return names


def _fields(
    form: Entered, made: Mapping[str, Any]
) -> tuple[list[tuple[str, str, dict[str, Any]]], list[str], dict[str, list[str]], dict[str, str]]:
    """Rows in the order the buttons ask for; required names; examples by name; masks by name."""
    schema = made.get("schema")
    known = schema.get("properties", {}) if isinstance(schema, dict) else {}
    rows, required, examples, masks = [], [], {}, {}
    for index, (new, old) in enumerate(_names(form)):
        before = known.get(old) if isinstance(known, dict) else None
        rows.append((new, old, _property(form, index, before if isinstance(before, dict) else {})))
        if form.flag(f"{index}.required"):
            required.append(new)
        examples[new] = form.words(f"{index}.examples")
        if (mask := form.text(f"{index}.mask")) != "":
            masks[new] = mask
    rows = _moved(rows, form.text("act"))
    names = {new for new, _, _ in rows}
    masks |= {name: how for name in COMPUTED if (how := form.text(f"c.{name}.mask"))}
    return rows, [one for one in required if one in names], examples, masks


def _property(form: Entered, index: int, before: Mapping[str, Any]) -> dict[str, Any]:
    """One field's JSON Schema; what the form does not show (pattern, placeholder, …) stays."""
    shown = ("type", "title", "x-title-en", "maxLength", "x-format", "x-check", "enum", "x-multiline")
    kept = {key: value for key, value in before.items() if key not in shown}
    words, check, format_ = form.words(f"{index}.enum"), form.text(f"{index}.check"), form.text(f"{index}.format")
    if words != before.get("enum"):
        kept.pop("x-enum-en", None)
    if check != before.get("x-check", ""):
        kept.pop("minLength", None)
        kept |= {"minLength": 18} if check else {}
    return {
        "type": "string",
        "title": form.text(f"{index}.title"),
        "x-title-en": form.text(f"{index}.title_en") or form.text(f"{index}.name") or "Field",
        "maxLength": form.number(f"{index}.max"),
        **({"x-format": format_} if format_ and format_ != "text" else {}),
        **({"x-check": check} if check else {}),
        **({"enum": words} if words else {}),
        **({"x-multiline": True} if form.flag(f"{index}.multiline") else {}),
        **kept,
    }


def _moved(rows: list[Any], act: str) -> list[Any]:
    """After the button pressed: a field more, one less, or two exchanged."""
    what, _, number = act.partition(":")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else -1
    if what == ADD:
        taken = {new for new, _, _ in rows}
        name = next(f"field_{n}" for n in range(len(rows) + 1, len(rows) + 400) if f"field_{n}" not in taken)
        new = {
            "type": "string",
            "title": f"新字段{len(rows) + 1}",
            "x-title-en": f"Field {len(rows) + 1}",
            "maxLength": 60,
        }
        return [*rows, (name, "", new)]
    if not 0 <= place < len(rows):
        return rows
    if what == REMOVE:
        return [row for index, row in enumerate(rows) if index != place]
    other = place - 1 if what == UP else place + 1 if what == DOWN else place
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
    return rows


def _computed(form: Entered, made: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    before = made["computed"] if isinstance(made.get("computed"), dict) else {}
    answer = {}
    for name in COMPUTED:
        if form.flag(f"c.{name}.shown"):
            kept = before[name] if isinstance(before.get(name), dict) else {}
            dated = {"x-format": "date"} if name == "issued_on" else {}
            titles = {"title": form.text(f"c.{name}.title"), "x-title-en": form.text(f"c.{name}.title_en") or name}
            answer[name] = {**dated, **kept, **titles}
    return answer


def _boxes(made: dict[str, Any], form: Entered) -> None:
    """Boxes as typed, under their fields' old names: renaming comes afterwards."""
    style = made["style"] if isinstance(made.get("style"), dict) else {}
    boxes = _boxes_of(style)
    places = [(f"{index}", old) for index, old in enumerate(form.rows("row"))]
    for key, name in (*places, *((f"c.{name}", name) for name in COMPUTED)):
        if name in boxes and f"{key}.x" in form.data:
            typed = {part: form.number(f"{key}.{part}") for part in BOX}
            boxes[name] |= {**typed, "font": form.text(f"{key}.font"), "align": form.text(f"{key}.align")}
            size, least = typed["size"], boxes[name].get("min_size", 2.2)
            if isinstance(size, int | float) and not (isinstance(least, int | float) and least <= size):
                boxes[name]["min_size"] = size
    made["style"] = style
    for key, part in (("seal", ("seal_x", "seal_y")),):
        if part[0] in form.data and "design" not in made:
            style[key] = [form.number(one) for one in part]


def _changed(rows: list[tuple[str, str, dict[str, Any]]], before: Mapping[str, Any]) -> set[str]:
    """Fields whose form is another now: examples made for the old one no longer fit."""
    known = _object(_object(before, "schema"), "properties")
    parts = ("x-format", "x-check", "enum", "maxLength")
    return {new for new, old, prop in rows if any(_object(known, old).get(p) != prop.get(p) for p in parts)}


def _keep_examples(made: dict[str, Any], examples: Mapping[str, list[str]], changed: set[str]) -> None:
    """Examples that were typed become the field's choice; the others are made by format."""
    example = made["example"] if isinstance(made.get("example"), dict) else {}
    fields = example.get("fields") if isinstance(example.get("fields"), dict) else {}
    assert isinstance(fields, dict)
    for name, words in examples.items():
        rule = fields.get(name)
        if words:
            fields[name] = {"make": "choice", "from": words}
        elif name in changed or (isinstance(rule, dict) and rule.get("make") == "choice"):
            fields.pop(name, None)
    made["example"] = {**example, "fields": fields}


# The other way: a document as inputs


_INSPECTION = {"opens": "01-01", "closes": "06-30", "first_year_offset": 1, "overdue": "INSPECTION_OVERDUE",
               "failed": "SUSPENDED", "results": ()}  # fmt: skip
USUAL_DAYS = [90, 30, 7]
_RENEWAL = {"opens_days": 60, "closes_days": 0, "predecessor": "superseded"}
"""What the inputs propose where a type has no such rule."""


def values(source: Mapping[str, Any]) -> dict[str, Any]:
    """What the inputs of the page show of a document, as far as it can be read."""
    schema, computed = _object(source, "schema"), _object(source, "computed")
    boxes = _boxes_of(_object(source, "style"))
    design = Design.of(source)
    own = design.own if design else ()
    required = _list(schema.get("required"))
    masks, makers = _object(source, "sample_masks"), _object(_object(source, "example"), "fields")
    fields = [
        _row(name, prop, boxes.get(name, {}), name in required, name in own, masks.get(name, ""), makers.get(name))
        for name, prop in _object(schema, "properties").items()
        if isinstance(prop, dict)
    ]
    added = {
        name: {
            **_box_row(boxes.get(name, {})),
            "shown": name in computed,
            "title": _object(computed, name).get("title", ""),
            "title_en": _object(computed, name).get("x-title-en", ""),
            "own": name in own,
            "mask": masks.get(name, ""),
        }
        for name in COMPUTED
    }
    told, style = _object(source, "classification"), _object(source, "style")
    seal = _list(style.get("seal"))
    return {
        "code": source.get("code", ""),
        "slug": source.get("slug", ""),
        "name": {"zh": "", "en": "", **_object(source, "name")},
        "holder_kind": source.get("holder_kind", ""),
        "kind": told.get("kind", "other"),
        "body": {"zh": "", "en": "", **_object(told, "issuing_body")},
        "number_rule": {"kind": "", "field": "", "suffix": "", "pattern": "", **_object(source, "number_rule")},
        "holder": {"name": "", "code": "", "code_type": "", **_object(source, "holder")},
        "validity": {"kind": "", "field": "", "years": "", "until": "", **_object(source, "validity")},
        "inspection": {"on": "inspection" in source, **_INSPECTION, **_object(source, "inspection")},
        "renewal": {"on": "renewal" in source, **_RENEWAL, **_object(source, "renewal")},
        "notices": "、".join(str(day) for day in _list(_object(source, "notices").get("days_before", USUAL_DAYS))),
        "materials": "\n".join(_material_line(one) for one in _list(source.get("materials")) if isinstance(one, dict)),
        "entitled": "\n".join(_entitled_line(one) for one in _list(source.get("entitled")) if isinstance(one, dict)),
        "design": design,
        "columns": _object(source, "design").get("columns", 1),
        "picture": bool(style.get("pictures")),
        "seal": (*seal, "", "")[:2],
        "fields": fields,
        "computed": added,
    }


def _row(
    name: str, prop: Mapping[str, Any], box: Mapping[str, Any], required: bool, own: bool, mask: Any, maker: Any
) -> dict[str, Any]:
    typed = maker["from"] if isinstance(maker, dict) and maker.get("make") == "choice" else []
    words = _list(prop.get("enum"))
    return {
        **_box_row(box),
        "name": name,
        "title": prop.get("title", ""),
        "title_en": prop.get("x-title-en", ""),
        "format": prop.get("x-format", "text"),
        "check": prop.get("x-check", ""),
        "max": prop.get("maxLength", ""),
        "required": required,
        "multiline": bool(prop.get("x-multiline")),
        "enum": "；".join(str(word) for word in words),
        "examples": "；".join(str(one) for one in typed) if isinstance(typed, list) and typed != words else "",
        "mask": mask,
        "own": own,
    }


def _box_row(box: Mapping[str, Any]) -> dict[str, Any]:
    shown = {part: box.get(part, "") for part in BOX}
    return {**shown, "font": box.get("font", "serif"), "align": box.get("align", "left"), "placed": bool(box)}


def _material_line(one: Mapping[str, Any]) -> str:
    name = _object(one, "name")
    parts = [one.get("code", ""), name.get("zh", ""), name.get("en", ""), one.get("item", "")]
    return " | ".join(str(part) for part in parts).rstrip(" |")


def _entitled_line(one: Mapping[str, Any]) -> str:
    return " ".join([str(one.get("area", "")), *(str(level) for level in _list(one.get("levels")))])


def _boxes_of(style: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Boxes by the name of their field, those that have one."""
    boxes = [one for one in _list(style.get("boxes")) if isinstance(one, dict)]
    return {one["field"]: one for one in boxes if isinstance(one.get("field"), str)}


def _object(part: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = part.get(key)
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
