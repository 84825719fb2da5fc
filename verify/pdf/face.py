"""PDF 照面文字: what text does the face show, and which field does each piece belong to (ISO 32000-1, 14.7)?

In our PDFs every paragraph of the structure tree that shows a face field bears the field's name as its ``ID`` and
points at marked content of the page; the characters of that content are read back through the font's ``ToUnicode``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from pyhanko.pdf_utils import generic

from trust.errors import Malformed
from verify.face import Face, in_order
from verify.pdf.content import Drawing, Run, read_drawing
from verify.pdf.fonts import CodeMap, codes_of, judge_fonts
from verify.pdf.opening import BROKEN, OpenedPDF, items, look, malformed, pages_of

_MAX_ELEMENTS: Final = 20_000


@dataclass(slots=True)
class _Piece:
    """What one marked-content sequence shows."""

    drawing: Drawing
    text: str = ""
    runs: list[Run] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        """Is some of it not to be seen?"""
        return not all(self.drawing.can_be_seen(run) for run in self.runs if run.shown)

    @property
    def places(self) -> list[tuple[float, float, float]]:
        """Where its runs begin and how high an em is, y downwards."""
        return [(run.matrix[4], -run.matrix[5], abs(run.matrix[3])) for run in self.runs if run.shown]


def read_face(opened: OpenedPDF) -> Face:
    """The texts of all fields. Raises ``Malformed`` where structure or page cannot be read."""
    try:
        pages = list(pages_of(opened.reader))
        drawn = [(page, read_drawing(page), fonts_of(page)) for page in pages]
        pieces = {(number, mark): piece for number, one in enumerate(drawn) for mark, piece in _shown(*one[1:])}
        face = _bind(opened, pages, pieces)
        for one in drawn:
            _compare_glyphs(face, *one)
        return face
    except Malformed:
        raise
    except BROKEN as error:
        raise malformed(error) from error


def _bind(opened: OpenedPDF, pages: list[Any], pieces: dict[tuple[int, int], _Piece]) -> Face:
    face = Face()
    numbers = {_key(page): number for number, page in enumerate(pages)}
    bound: set[tuple[int, int]] = set()
    for name, page, marks in _elements(opened.reader.root):
        keys = [(numbers.get(page, -1), mark) for mark in marks]
        if name in face.texts or any(key not in pieces or key in bound for key in keys):
            face.dangling.append(name)
            continue
        bound.update(keys)
        face.texts[name] = "".join(pieces[key].text for key in keys)
        if any(pieces[key].hidden for key in keys):
            face.hidden.append(name)
        if not in_order([place for key in keys for place in pieces[key].places]):
            face.disordered.append(name)
    return face


def _compare_glyphs(face: Face, page: Any, drawing: Drawing, fonts: dict[bytes, CodeMap]) -> None:
    """Every text of the page, labels included: which of them are drawn as something else?"""
    judged = judge_fonts(page, drawing.runs, fonts)
    face.unknown_fonts += sorted({name for name, one in judged.values() if one.unknown})
    false = {font: one.false for font, (_, one) in judged.items() if one.false}
    for run in drawing.runs if false else ():
        text = text_of(run, fonts)
        if not false.get(run.font, frozenset()).isdisjoint(text):
            face.disguised.append(text[:24])


def _key(node: Any) -> tuple[int, int]:
    reference = node.container_ref
    return (reference.idnum, reference.generation) if isinstance(reference, generic.Reference) else (0, 0)


def _elements(root: Any) -> Iterator[tuple[str, tuple[int, int], list[int]]]:
    """``(field, page, numbers of its marked content)`` of every structure element that bears a field's name."""
    tree = look(root, "/StructTreeRoot")
    pending, steps = ([tree] if isinstance(tree, generic.DictionaryObject) else []), 0
    while pending:
        node = pending.pop()
        steps += 1
        if steps > _MAX_ELEMENTS:
            raise ValueError("structure tree")
        kids = look(node, "/K")
        listed = list(items(kids)) if isinstance(kids, generic.ArrayObject) else [] if kids is None else [kids]
        identifier = look(node, "/ID")
        if identifier is not None and "/Pg" in node:
            page = node.raw_get("/Pg")
            at = (page.idnum, page.generation) if isinstance(page, generic.IndirectObject) else (0, 0)
            yield _name(identifier), at, [int(mark) for mark in listed if isinstance(mark, int)]
        pending += [kid for kid in listed if isinstance(kid, generic.DictionaryObject)]


def _name(value: Any) -> str:
    if isinstance(value, generic.TextStringObject):
        return str(value)
    return bytes(value).decode("latin-1") if isinstance(value, generic.ByteStringObject) else ""


def _shown(drawing: Drawing, fonts: dict[bytes, CodeMap]) -> Iterator[tuple[int, _Piece]]:
    """``(number, piece)`` of every marked-content sequence of a page."""
    pieces: dict[int, _Piece] = {}
    for run in drawing.runs:
        if run.mark is not None:
            piece = pieces.setdefault(run.mark, _Piece(drawing))
            piece.text += text_of(run, fonts)
            piece.runs.append(run)
    yield from pieces.items()


def text_of(run: Run, fonts: dict[bytes, CodeMap]) -> str:
    """The characters a run shows."""
    font = fonts.get(run.font, {})
    return "".join(font.get(code, "\ufffd") for one in run.shown for code in codes_of(one))


def fonts_of(page: Any) -> dict[bytes, CodeMap]:
    """Resource name → code → characters."""
    resources = look(page, "/Resources")
    fonts = look(resources, "/Font") if isinstance(resources, generic.DictionaryObject) else None
    answer: dict[bytes, CodeMap] = {}
    if not isinstance(fonts, generic.DictionaryObject):
        return answer
    for name in fonts:
        mapping = look(fonts[name], "/ToUnicode")
        if isinstance(mapping, generic.StreamObject):
            answer[str(name).encode()] = _code_map(mapping.data)
    return answer


_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)endbf(?:char|range)", re.DOTALL)
_HEXES = re.compile(rb"<([0-9A-Fa-f]+)>")


@lru_cache(maxsize=256)
def _code_map(data: bytes) -> dict[int, str]:
    """A ToUnicode CMap (9.10.3)."""
    answer: dict[int, str] = {}
    for kind, body in _BLOCK.findall(data):
        values = [bytes.fromhex(one.decode()) for one in _HEXES.findall(body)]
        if kind == b"bfchar":
            for one, text in zip(values[::2], values[1::2], strict=True):
                answer[int.from_bytes(one, "big")] = text.decode("utf-16-be")
            continue
        for first, last, text in zip(values[::3], values[1::3], values[2::3], strict=True):
            start, stop = int.from_bytes(first, "big"), int.from_bytes(last, "big")
            if stop - start > 65535:
                raise ValueError("CMap")
            base = text.decode("utf-16-be")
            for code in range(start, stop + 1):
                answer[code] = base[:-1] + chr(ord(base[-1]) + code - start)
    return answer
