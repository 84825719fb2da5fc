"""改动: a field renamed, moved or taken away; everything in the type's document that speaks of it follows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

LABEL: Final = "label:"
"""Begins the note of a label that belongs to a field of a face made by hand."""
COMPUTED: Final = ("licence_number", "issuer_name", "issued_on")


def with_fields(
    source: Mapping[str, Any],
    rows: Sequence[tuple[str, str, dict[str, Any]]],
    required: Sequence[str],
    computed: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """``source`` with the record fields of ``rows`` (new name, old name, property) and these computed ones.

    A field renamed is renamed wherever the document speaks of it; one that is gone takes its box and label with it.
    """
    made: dict[str, Any] = copy.deepcopy(dict(source))
    renamed = {old: new for new, old, _ in rows if old and old != new}
    schema = made.get("schema") if isinstance(made.get("schema"), dict) else {}
    assert isinstance(schema, dict)
    made["schema"] = {
        **schema,
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {new: prop for new, _, prop in rows},
    }
    made["computed"] = dict(computed)
    if isinstance(made.get("face"), list):
        made["face"] = _face(made["face"], renamed, [new for new, _, _ in rows], list(computed))
    _rename_in_rules(made, renamed)
    _rename_examples(made, renamed)
    names = {*(new for new, _, _ in rows), *computed}
    masks = made.get("sample_masks")
    if isinstance(masks, dict):
        made["sample_masks"] = {name: how for name, how in masks.items() if name in names}
    _follow_in_style(made, renamed, names)
    return made


def _face(face: Sequence[Any], renamed: Mapping[str, str], fields: Sequence[str], computed: Sequence[str]) -> list[str]:
    """Record fields in their new order, at the places record fields had; computed ones where they were."""
    waiting, order = list(fields), []
    for name in (renamed.get(one, one) for one in face if isinstance(one, str)):
        if name in computed:
            order.append(name)
        elif name in fields and waiting:
            order.append(waiting.pop(0))
    return [*order, *waiting, *(name for name in computed if name not in order)]


def _rename_in_rules(made: dict[str, Any], renamed: Mapping[str, str]) -> None:
    """Each rule names fields in places of its own; other words that happen to look alike stay."""
    for part in ("number_rule", "holder", "validity", "agreement"):
        if isinstance(made.get(part), dict):
            made[part] = {key: _in_value(value, renamed) if key not in ("kind", "pattern", "suffix") else value
                          for key, value in made[part].items()}  # fmt: skip
    if isinstance(made.get("sample_masks"), dict):
        made["sample_masks"] = _in_keys(made["sample_masks"], renamed)
    for one in _objects(made.get("materials")):
        if isinstance(one.get("where"), dict):
            one["where"] = _in_keys(one["where"], renamed)
    for rule in _objects(made.get("cleansing")):
        for key in _NAMING & set(rule):
            rule[key] = _in_value(rule[key], renamed)
        if isinstance(rule.get("ask"), dict):
            rule["ask"] = {key: _in_value(value, renamed) for key, value in rule["ask"].items()}
        if isinstance(rule.get("when"), dict):
            rule["when"]["field"] = _in_value(rule["when"].get("field"), renamed)


_NAMING: Final = frozenset({"field", "other", "fields", "same", "key"})
"""Members of a cleansing rule that name fields."""


def _in_value(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_in_value(one, renamed) for one in value]
    return renamed.get(value, value) if isinstance(value, str) else value


def _in_keys(part: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    return {renamed.get(key, key): value for key, value in part.items()}


def _objects(part: Any) -> list[dict[str, Any]]:
    return [one for one in part if isinstance(one, dict)] if isinstance(part, list) else []


def _rename_examples(made: dict[str, Any], renamed: Mapping[str, str]) -> None:
    example = made.get("example")
    fields = example.get("fields") if isinstance(example, dict) else None
    if isinstance(example, dict) and isinstance(fields, dict):
        named = {
            renamed.get(name, name): {
                **rule, **({"of": renamed.get(rule["of"], rule["of"])} if isinstance(rule.get("of"), str) else {})
            }
            for name, rule in fields.items()
            if isinstance(rule, dict)
        }  # fmt: skip
        made["example"] = {**example, "fields": named}


def _follow_in_style(made: dict[str, Any], renamed: Mapping[str, str], names: set[str]) -> None:
    """Boxes and labels of a style made by hand: renamed with their fields, gone with them, new for new ones."""
    design, style = made.get("design"), made.get("style")
    if isinstance(design, dict) and isinstance(design.get("own"), list):
        design["own"] = [renamed.get(one, one) for one in design["own"] if isinstance(one, str)]
    if not isinstance(style, dict):
        made["style"] = {}
        return
    boxes = _objects(style.get("boxes"))
    boxes = [{**one, "field": renamed.get(str(one.get("field")), one.get("field"))} for one in boxes]
    style["boxes"] = [one for one in boxes if isinstance(one["field"], str) and one["field"] in names]
    if isinstance(design, dict):
        return
    shapes = _objects(style.get("background"))
    titles = {name: prop.get("title", name) for name, prop in _all_fields(made).items()}
    style["background"] = [kept for one in shapes if (kept := _label(one, renamed, titles)) is not None]
    placed = {one["field"] for one in style["boxes"]}
    for name, title in titles.items():
        if name not in placed:
            _place(style, name, title)


def _label(shape: dict[str, Any], renamed: Mapping[str, str], titles: Mapping[str, str]) -> dict[str, Any] | None:
    """A shape; a label that belongs to a field follows its title, and goes with it."""
    note = shape.get("note")
    if not isinstance(note, str) or not note.startswith(LABEL):
        return shape
    name = renamed.get(note.removeprefix(LABEL), note.removeprefix(LABEL))
    return {**shape, "note": LABEL + name, "text": titles[name] or name} if name in titles else None


def _place(style: dict[str, Any], name: str, title: str) -> None:
    """A box and a label for a new field, where a person will see it."""
    count = sum(1 for one in style["background"] if str(one.get("note", "")).startswith(LABEL))
    y = 26 + 9 * (count % 12)
    style["boxes"].append({"field": name, "x": 62, "y": y, "w": 70, "h": 8, "size": 4.6, "min_size": 2})
    style["background"].append(
        {"shape": "text", "text": title or name, "x": 30, "y": y + 4.2, "size": 4.6, "w": 28, "align": "justify",
         "font": "serif-bold", "note": LABEL + name}
    )  # fmt: skip


def _all_fields(made: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {**made["schema"]["properties"], **made["computed"]}
