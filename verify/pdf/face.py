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
from verify.face import Face
from verify.pdf.opening import BROKEN, OpenedPDF, items, look, malformed, pages_of

_MAX_ELEMENTS: Final = 20_000
_TOKEN = re.compile(
    rb"\s+|%[^\r\n]*|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<open><<|\[)|(?P<close>>>|\])"
    rb"|(?P<name>/[^\s<>\[\]()/%]*)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))|(?P<word>[A-Za-z'\"][A-Za-z0-9*'\"]*)"
)


_Operands = tuple[tuple[str, bytes], ...]
_Operation = tuple[bytes, _Operands]


@dataclass(slots=True)
class _Piece:
    """What one marked-content sequence shows."""

    text: str = ""
    hidden: bool = False


@dataclass(slots=True)
class _State:
    """Graphics state, as far as it decides whether text can be seen."""

    font: dict[int, str] = field(default_factory=dict)
    size: float = 0.0
    mode: int = 0


def read_face(opened: OpenedPDF) -> Face:
    """The texts of all fields. Raises ``Malformed`` where structure or page cannot be read."""
    try:
        pages = list(pages_of(opened.reader))
        pieces = {(number, mark): piece for number, page in enumerate(pages) for mark, piece in _shown(page)}
        return _bind(opened, pages, pieces)
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
    return face


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


def _shown(page: Any) -> Iterator[tuple[int, _Piece]]:
    """``(number, piece)`` of every marked-content sequence of a page, read as it is drawn."""
    fonts = _fonts(page)
    state, saved = _State(), []
    pieces: list[tuple[int, _Piece] | None] = []
    for operator, operands in _operations(page):
        if operator in (b"BDC", b"BMC"):
            mark = _mark(operands)
            pieces.append((mark, _Piece()) if mark is not None else None)
        elif operator == b"EMC" and pieces:
            done = pieces.pop()
            if done is not None:
                yield done
        elif operator == b"q":
            saved.append((state.font, state.size, state.mode))
        elif operator == b"Q" and saved:
            state.font, state.size, state.mode = saved.pop()
        elif operator == b"Tf":
            state.font, state.size = fonts.get(operands[-2][1], {}), float(operands[-1][1])
        elif operator == b"Tr":
            state.mode = int(operands[-1][1])
        elif operator in _SHOWING:
            inside = next((one for one in reversed(pieces) if one is not None), None)
            if inside is not None:
                inside[1].text += _text(operands, state.font)
                inside[1].hidden |= state.mode in (3, 7) or state.size == 0


_SHOWING: Final = frozenset({b"TJ", b"Tj", b"'", b'"'})
_READ: Final = frozenset({b"BDC", b"BMC", b"EMC", b"q", b"Q", b"Tf", b"Tr"}) | _SHOWING


def _operations(page: Any) -> Iterator[_Operation]:
    content = look(page, "/Contents")
    if content is None:
        return
    for stream in items(content) if isinstance(content, generic.ArrayObject) else [content]:
        yield from _read(stream.data)


@lru_cache(maxsize=64)
def _read(data: bytes) -> tuple[_Operation, ...]:
    """The operations that decide which text is shown; what licences of one type share is read once.

    Literal strings and inline images are not of our writing and end the reading.
    """
    found: list[_Operation] = []
    operands: list[tuple[str, bytes]] = []
    place = 0
    while place < len(data):
        match = _TOKEN.match(data, place)
        if match is None:
            raise ValueError(f"content stream at {place}")
        place = match.end()
        kind = match.lastgroup
        if kind == "word":
            if match.group() in _READ:
                found.append((match.group(), tuple(operands)))
            operands = []
        elif kind:
            operands.append((kind, match.group()))
    return tuple(found)


def _mark(operands: _Operands) -> int | None:
    """MCID in the operands of BDC."""
    for index, (kind, token) in enumerate(operands):
        if kind == "name" and token == b"/MCID" and index + 1 < len(operands):
            return int(operands[index + 1][1])
    return None


def _text(operands: _Operands, font: dict[int, str]) -> str:
    shown = []
    for kind, token in operands:
        if kind == "hex":
            octets = bytes.fromhex(token[1:-1].decode())
            shown += [font.get(int.from_bytes(octets[n : n + 2], "big"), "\ufffd") for n in range(0, len(octets), 2)]
    return "".join(shown)


def _fonts(page: Any) -> dict[bytes, dict[int, str]]:
    """Resource name → code → characters."""
    resources = look(page, "/Resources")
    fonts = look(resources, "/Font") if isinstance(resources, generic.DictionaryObject) else None
    answer: dict[bytes, dict[int, str]] = {}
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
