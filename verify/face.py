"""照面文字: what text does the face show, and which field does each piece belong to?

The custom tags (GB/T 33190, clause 16) bind every face field to the page objects that draw it: an element
named after the field holds ``ObjectRef/@PageRef`` with the object's ID as its text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from seal.message import TAG_ENTRY
from seal.ofd.package import directory_of, local_name, resolve
from verify.opening import OpenedDocument

LEAST_SIZE: Final = 0.5
"""Millimetres: text below that cannot be read."""


@dataclass(slots=True)
class Face:
    """照面文字 as the page objects show it."""

    texts: dict[str, str] = field(default_factory=dict)
    """Field name → the text of its objects, in the order of the tags."""
    hidden: list[str] = field(default_factory=list)
    """Fields of which an object is not visible."""
    dangling: list[str] = field(default_factory=list)
    """Fields whose tag points at no text object, at one of several with the same ID, or at another field's."""
    unbound: list[str] = field(default_factory=list)
    """Texts on the pages that belong to no field."""


def read_face(opened: OpenedDocument) -> Face:
    """The texts of all fields. Raises ``Malformed`` where tags or pages cannot be read."""
    face = Face()
    drawn = list(_text_objects(opened))
    objects = dict(drawn)
    several = {key for key, count in Counter(key for key, _ in drawn).items() if count > 1}
    tags = opened.files.xml(TAG_ENTRY)
    bound: set[tuple[str, str]] = set()
    pieces: dict[str, list[str]] = {}
    for name, key in _tags(tags) if tags is not None else ():
        if key not in objects or key in bound or key in several:
            face.dangling.append(name)
            continue
        bound.add(key)
        pieces.setdefault(name, []).append(_text(objects[key]))
        if _is_hidden(objects[key]):
            face.hidden.append(name)
    face.texts = {name: "".join(texts) for name, texts in pieces.items()}
    face.unbound = [text for text in (_text(other) for key, other in drawn if key not in bound) if text.strip()]
    return face


def _tags(root: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """``(field, (page ID, object ID))`` of every ObjectRef."""
    for reference in root.iter("{*}ObjectRef"):
        owner = reference.getparent()
        if owner is not None:
            name = owner.get("Name") or owner.tag.rpartition("}")[2]
            yield name, ((reference.get("PageRef") or "").strip(), "".join(reference.itertext()).strip())


def _text_objects(opened: OpenedDocument) -> Iterator[tuple[tuple[str, str], Any]]:
    """``((page ID, object ID), TextObject)`` of all pages; template pages draw labels, not fields."""
    seen: set[str] = set()
    for identifier, name in _pages(opened):
        page = opened.files.xml(name) if name not in seen else None
        seen.add(name)
        for number, drawn in enumerate(page.iter("{*}TextObject") if page is not None else ()):
            if local_name(drawn):
                yield (identifier, (drawn.get("ID") or f"#{number}").strip()), drawn


def _pages(opened: OpenedDocument) -> Iterator[tuple[str, str]]:
    for document in opened.contents.of_role("document"):
        root = opened.files.xml(document)
        for page in root.iter("{*}Page") if root is not None else ():
            if local_name(page) == "Page" and page.get("BaseLoc"):
                yield (page.get("ID") or "").strip(), resolve(directory_of(document), page.get("BaseLoc"))


def _text(drawn: Any) -> str:
    return "".join("".join(code.itertext()) for code in drawn.iter("{*}TextCode") if local_name(code))


def _is_hidden(drawn: Any) -> bool:
    """Drawn so that nobody sees it?"""
    visible = (drawn.get("Visible") or "true").strip().lower() not in ("false", "0")
    unfilled = (drawn.get("Fill") or "true").strip().lower() in ("false", "0")
    stroked = (drawn.get("Stroke") or "false").strip().lower() in ("true", "1")
    try:
        shown = float(drawn.get("Alpha") or 255) > 0 and float(drawn.get("Size") or 1) > 0
        x, y, width, height = map(float, (drawn.get("Boundary") or "").split())
        shown = shown and min(width, height, x + width, y + height) > 0
        shown = shown and _is_inside(drawn, width, height)
        shown = shown and all(float(c.get("Alpha") or 255) > 0 for c in drawn if local_name(c) == "FillColor")
    except ValueError:
        shown = False
    return not (visible and shown) or (unfilled and not stroked)


def _is_inside(drawn: Any, width: float, height: float) -> bool:
    """Is it large enough to be read, and does each of its texts begin inside the object's box, which clips it?"""
    a, b, c, d, e, f = map(float, (drawn.get("CTM") or "1 0 0 1 0 0").split())
    size = float(drawn.get("Size") or 0) * math.sqrt(abs(a * d - b * c))
    x = y = 0.0
    for code in drawn.iter("{*}TextCode"):
        x, y = float(code.get("X") or x), float(code.get("Y") or y)
        at = a * x + c * y + e, b * x + d * y + f
        if not (-size <= at[0] <= width + size and -size <= at[1] <= height + size):
            return False
    return not drawn.get("Size") or size >= LEAST_SIZE


def as_shown(text: str) -> str:
    """For comparing: line breaks and blanks at them are the layout's, not the value's."""
    return "".join(text.split())
