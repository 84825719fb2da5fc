"""字型: do the embedded fonts of an OFD file show the characters its texts hold (GB/T 33190, 11.1)?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from verify.glyphs import SOUND, Judged, judge_program
from verify.ofd.drawing import Drawing
from verify.opening import Entries, OpenedDocument


def judge_fonts(opened: OpenedDocument, drawings: Iterable[Drawing]) -> dict[str, tuple[str, Judged]]:
    """Font ID → ``(its name, what its glyphs show)`` for every font texts are drawn with.

    A font that is not embedded is the reader's own, and nothing can be said of it.
    """
    shown: dict[str, frozenset[str]] = {}
    fonts = {}
    for drawing in drawings:
        fonts = drawing.resources.fonts
        for layer in drawing.layers:
            for identity, chars in layer.shown.items():
                shown[identity] = shown[identity] | chars if identity in shown else chars
    answer = {}
    for identity, chars in shown.items():
        font = fonts.get(identity)
        if font is None:  # of several fonts of one ID, a reader may take any
            answer[identity] = (identity, Judged(chars) if identity in fonts else SOUND)
        elif font.file:
            answer[identity] = (font.name or identity, _judge(_Program(opened.files, font.file), font.name, chars))
    return answer


class _Program:
    """A font program, equal to every other of the same octets."""

    __slots__ = ("digest", "files", "name")

    def __init__(self, files: Entries, name: str) -> None:
        self.digest = files.digest(name) if files.get(name) is not None else b""
        self.files: Entries | None = files
        self.name = name

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Program) and self.digest == other.digest


@lru_cache(maxsize=512)
def _judge(program: _Program, name: str, chars: frozenset[str]) -> Judged:
    assert program.files is not None
    data = program.files.get(program.name)
    program.files = None  # the digest identifies it from here on; a cache should not hold documents
    return judge_program(data, name, chars) if data is not None else SOUND
