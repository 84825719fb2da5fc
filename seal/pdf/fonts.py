"""字体嵌入: a subset of one of our fonts as a composite font (ISO 32000-1, 9.7), readable when copied (9.10).

Glyphs are shown by their number in the subset (Identity-H); ``ToUnicode`` leads back to the characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from seal.pdf.objects import array, dictionary, hexed, name, reals, reference, stream, text
from seal.typesetting import FontFace, SubsetFont

OBJECTS = 5
"""Objects one embedded font takes."""


@dataclass(frozen=True, slots=True)
class PDFFont:
    """嵌入的字体: the characters it holds, and its objects."""

    glyphs: Mapping[str, int]
    widths: Mapping[str, float]
    """Advances in thousandths of an em."""
    objects: Mapping[int, bytes]
    number: int
    """Its object: what a resource dictionary points to."""

    @classmethod
    def embed(cls, face: FontFace, chars: Iterable[str], first: int, *, level: int = 0) -> PDFFont:
        """``chars`` of ``face`` as objects ``first`` to ``first + OBJECTS - 1``, the outlines deflated at ``level``.

        Raises ``Malformed("face.missing_glyph")``.
        """
        ordered = sorted(set(chars) or {" "})
        subset = face.glyph_subset(ordered)
        glyphs = dict(zip(ordered, subset.glyphs, strict=True))
        widths = {char: face.advance(char) * 1000 for char in ordered}
        tag = "".join(chr(65 + b % 26) for b in sha256("".join(ordered).encode()).digest()[:6])
        base = name(f"{tag}+{face.font_name.replace(' ', '')}")
        child, descriptor, program, mapping = (reference(first + n) for n in range(1, OBJECTS))
        listed = sorted((glyphs[char], widths[char]) for char in ordered)
        objects = {
            first: dictionary(
                {
                    "Type": b"/Font",
                    "Subtype": b"/Type0",
                    "BaseFont": base,
                    "Encoding": b"/Identity-H",
                    "DescendantFonts": array([child]),
                    "ToUnicode": mapping,
                }
            ),
            first + 1: dictionary(
                {
                    "Type": b"/Font",
                    "Subtype": b"/CIDFontType2",
                    "BaseFont": base,
                    "CIDSystemInfo": dictionary(
                        {"Registry": text("Adobe"), "Ordering": text("Identity"), "Supplement": b"0"}
                    ),
                    "FontDescriptor": descriptor,
                    "CIDToGIDMap": b"/Identity",
                    "DW": b"1000",
                    "W": array(b"%d [%b]" % (glyph, b"%g" % width) for glyph, width in listed),
                }
            ),
            first + 2: _descriptor(face, subset, base, program),
            first + 3: stream({"Length1": b"%d" % len(subset.data)}, subset.data, level=level),
            first + 4: stream({}, _to_unicode(glyphs), level=2),
        }
        return cls(glyphs, widths, objects, first)

    def show(self, string: str, deltas: Sequence[float], size: float) -> bytes:
        """The operand of ``TJ`` that puts each character where ``deltas`` say, without drift."""
        parts = [b"["]
        wanted = written = 0.0
        run: list[str] = []
        for index, char in enumerate(string):
            run.append(f"{self.glyphs[char]:04x}")
            if index == len(deltas):
                break
            wanted += deltas[index] / size * 1000
            written += self.widths[char]
            gap = round(written - wanted)
            if gap:
                parts.append(b"<%b>%d" % ("".join(run).encode(), gap))
                run, written = [], written - gap
        parts.append(b"<%b>]" % "".join(run).encode())
        return b"".join(parts)


def _descriptor(face: FontFace, subset: SubsetFont, base: bytes, program: bytes) -> bytes:
    """FontDescriptor (9.8): symbolic, since the codes are glyph numbers."""
    return dictionary(
        {
            "Type": b"/FontDescriptor",
            "FontName": base,
            "Flags": b"%d" % (4 | (2 if face.serif else 0)),
            "FontBBox": reals(subset.bounding_box, 0),
            "ItalicAngle": b"0",
            "Ascent": b"880",
            "Descent": b"-120",
            "CapHeight": b"733",
            "StemV": b"140" if face.bold else b"80",
            "FontFile2": program,
        }
    )


def _to_unicode(glyphs: Mapping[str, int]) -> bytes:
    """The CMap from glyph numbers to characters (9.10.3), at most 100 to a section."""
    chars = {glyph: char for char, glyph in reversed(list(glyphs.items()))}  # one glyph may serve two characters
    pairs = [b"<%04x> %b" % (glyph, hexed(chars[glyph].encode("utf-16-be"))) for glyph in sorted(chars)]
    sections = b"".join(
        b"%d beginbfchar\n%b\nendbfchar\n" % (len(some), b"\n".join(some))
        for some in (pairs[start : start + 100] for start in range(0, len(pairs), 100))
    )
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        b"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n" + sections + b"endcmap\n"
        b"CMapName currentdict /CMap defineresource pop\nend\nend"
    )
