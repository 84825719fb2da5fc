"""PDF 字体: do the embedded fonts of a page show the characters their text is read back as (ISO 32000-1, 9.7 to 9.10)?

What is drawn is a glyph by its number; what is read is what ``ToUnicode`` says of the same code. Only the outlines hold
the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pyhanko.pdf_utils import generic

from verify.glyphs import SOUND, Judged, judge_glyphs
from verify.pdf.content import Run
from verify.pdf.opening import items, look

CodeMap = Mapping[int, str]
"""Code → characters, by ToUnicode."""


def judge_fonts(page: Any, runs: Iterable[Run], maps: Mapping[bytes, CodeMap]) -> dict[bytes, tuple[str, Judged]]:
    """Resource name → ``(name of the font, what its glyphs show)`` for every font the page's texts are drawn with."""
    shown: dict[bytes, set[int]] = {}
    for run in runs:
        codes = shown.setdefault(run.font, set())
        for one in run.shown:
            codes.update(codes_of(one))
    fonts = look(look(page, "/Resources"), "/Font")
    answer = {}
    for font, codes in shown.items():
        node = look(fonts, font.decode("latin-1")) if isinstance(fonts, generic.DictionaryObject) else None
        answer[font] = _judge(node, {code: maps.get(font, {}).get(code, "") for code in codes}, font.decode("latin-1"))
    return answer


@lru_cache(maxsize=4096)
def codes_of(shown: bytes) -> tuple[int, ...]:
    """The codes of a string, two octets each; ``shown`` is hexadecimal."""
    octets = bytes.fromhex(shown.decode())
    return tuple(int.from_bytes(octets[n : n + 2], "big") for n in range(0, len(octets), 2))


def _judge(font: Any, read: Mapping[int, str], resource: str) -> tuple[str, Judged]:
    if not isinstance(font, generic.DictionaryObject):
        return resource, SOUND  # there is none: nothing is drawn, and what is not drawn is found out elsewhere
    name = str(look(font, "/BaseFont", resource)).lstrip("/")
    everything = Judged(frozenset("".join(read.values())))
    glyphs: dict[str, int] = {}
    if look(font, "/Encoding") != "/Identity-H":
        return name, Judged(unknown=True)
    inner = next(items(look(font, "/DescendantFonts")))
    mapping = look(inner, "/CIDToGIDMap", "/Identity")
    program = look(look(inner, "/FontDescriptor"), "/FontFile2")
    for code, text in read.items():
        if len(text) != 1 or glyphs.setdefault(text, glyph := _glyph(mapping, code)) != glyph:
            return name, everything  # one glyph for several characters, or one character by several glyphs
    if not isinstance(program, generic.StreamObject):
        return name, Judged(unknown=True)
    return name, judge_glyphs(program.data, name, glyphs)


def _glyph(mapping: Any, code: int) -> int:
    """CIDToGIDMap (9.7.4.3)."""
    if isinstance(mapping, generic.StreamObject):
        return int.from_bytes(mapping.data[2 * code : 2 * code + 2], "big")
    if mapping != "/Identity":
        raise ValueError("CIDToGIDMap")
    return code
