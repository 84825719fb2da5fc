"""照面文字: what text does the face show, and which field does each piece belong to?

How it is read from a file stands in ``verify.ofd.face`` and ``verify.pdf.face``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Face:
    """照面文字 as the page objects show it."""

    texts: dict[str, str] = field(default_factory=dict)
    """Field name → the text of its objects, in the order of the tags."""
    hidden: list[str] = field(default_factory=list)
    """Fields of which an object is not visible."""
    dangling: list[str] = field(default_factory=list)
    """Fields whose tag points at no text object, at one of several with the same ID, or at another field's."""
    disordered: list[str] = field(default_factory=list)
    """Fields whose pieces stand on the page in another order than they are read in."""
    disguised: list[str] = field(default_factory=list)
    """Texts, labels included, drawn by glyphs that show other characters."""
    unknown_fonts: list[str] = field(default_factory=list)
    """Embedded fonts that are not ours: whether their glyphs show what they should cannot be told."""
    unbound: list[str] = field(default_factory=list)
    """Texts on the pages that belong to no field."""


def in_order(places: Sequence[tuple[float, float, float]]) -> bool:
    """Do pieces that begin at ``(x, y, size)``, y downwards, follow each other as one reads: on, or further below?"""
    for (x, y, size), (left, top, _) in zip(places, places[1:], strict=False):
        if not (top > y + 0.5 * size or (abs(top - y) <= 0.5 * size and left > x)):
            return False
    return True


def as_shown(text: str) -> str:
    """For comparing: line breaks and blanks at them are the layout's, not the value's."""
    return "".join(text.split())
