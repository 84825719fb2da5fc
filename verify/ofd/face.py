"""OFD 照面文字: what text does the face show, and which field does each piece belong to?

The custom tags (GB/T 33190, clause 16) bind every face field to the page objects that draw it: an element
named after the field holds ``ObjectRef/@PageRef`` with the object's ID as its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from seal.message import TAG_ENTRY
from trust.errors import Malformed
from verify.face import Face, in_order
from verify.ofd.content import Run
from verify.ofd.drawing import Drawing, read_drawings
from verify.ofd.fonts import judge_fonts
from verify.opening import OpenedDocument

_Key = tuple[str, str]
"""Page ID, object ID."""
_NONE: Final[frozenset[str]] = frozenset()


def read_face(opened: OpenedDocument) -> Face:
    """The texts of all fields. Raises ``Malformed`` where tags or pages cannot be read."""
    try:
        drawings = read_drawings(opened)
        face = _bind(opened, drawings)
        _compare_glyphs(face, opened, drawings)
        return face
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, StopIteration) as error:
        raise Malformed("format.page", "页面无法读取。") from error


def _bind(opened: OpenedDocument, drawings: list[Drawing]) -> Face:
    """Only the pages' own texts are fields'; templates draw labels."""
    face = Face()
    drawn = [((one.page, run.identity), one, number, run) for one in drawings for number, run in one.own_runs]
    objects = {key: (drawing, number, run) for key, drawing, number, run in drawn}
    several = {key for key, count in Counter(key for key, *_ in drawn).items() if count > 1}
    tags = opened.files.xml(TAG_ENTRY)
    bound: set[_Key] = set()
    pieces: dict[str, list[tuple[Drawing, int, Run]]] = {}
    for name, key in _tags(tags) if tags is not None else ():
        if key not in objects or key in bound or key in several:
            face.dangling.append(name)
            continue
        bound.add(key)
        pieces.setdefault(name, []).append(objects[key])
    face.unbound = [run.text for key, _, _, run in drawn if key not in bound and run.text.strip()]
    for name, some in pieces.items():
        face.texts[name] = "".join(run.text for _, _, run in some)
        if not all(drawing.can_be_seen(number, run) for drawing, number, run in some):
            face.hidden.append(name)
        if not _in_order(some):
            face.disordered.append(name)
    return face


def _compare_glyphs(face: Face, opened: OpenedDocument, drawings: list[Drawing]) -> None:
    """Every text of the pages, labels included: which of them are drawn as something else?"""
    judged = judge_fonts(opened, drawings)
    face.unknown_fonts = sorted({name for name, one in judged.values() if one.unknown})
    false = {identity: one.false for identity, (_, one) in judged.items() if one.false}
    runs = (run for drawing in drawings for layer in drawing.layers for run in layer.runs)
    face.disguised = [
        run.text[:24] for run in runs if run.glyphs_chosen or not false.get(run.font, _NONE).isdisjoint(run.text)
    ]


def _in_order(pieces: list[tuple[Drawing, int, Run]]) -> bool:
    """On one page, one after the other?"""
    if len({drawing.page for drawing, _, _ in pieces}) > 1:
        return False
    return in_order([(*run.at(0, 0.0, 0.0), run.height) for _, _, run in pieces if run.places])


def _tags(root: Any) -> Iterator[tuple[str, _Key]]:
    """``(field, (page ID, object ID))`` of every ObjectRef."""
    for reference in root.iter("{*}ObjectRef"):
        owner = reference.getparent()
        if owner is not None:
            name = owner.get("Name") or owner.tag.rpartition("}")[2]
            yield name, ((reference.get("PageRef") or "").strip(), "".join(reference.itertext()).strip())
