"""资源: fonts, drawing parameters and colour spaces, and how colours and numbers are written (GB/T 33190, 7.9 and 8).

What two entries of resources call by one ID may be either, depending on the reader: of that nothing can be told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from seal.ofd.package import child, directory_of, local_name, resolve, text_of
from verify.geometry import BLACK, Colour, colour_of
from verify.opening import OpenedDocument

_PARTS: Final = {"GRAY": 1, "RGB": 3, "CMYK": 4}
_MOST_RELATIVES: Final = 16
_MOST_INKS: Final = 256


@dataclass(frozen=True, slots=True)
class Font:
    """字型, as the resources name it."""

    name: str
    file: str
    """Entry name; ``""``: it is not embedded."""


@dataclass(frozen=True, slots=True)
class Ink:
    """颜色: what fills or draws."""

    colour: Colour | None = BLACK
    """``None``: a pattern, a shading, a space that is not known: it cannot be told."""
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """绘制参数 (8.2): what an object takes where it says nothing itself."""

    fill: Ink = field(default_factory=Ink)
    stroke: Ink = field(default_factory=Ink)
    width: float = 0.353


PLAIN: Final = Parameters()


@dataclass(slots=True)
class Resources:
    """What the pages may refer to, by ID."""

    fonts: dict[str, Font | None] = field(default_factory=dict)
    """``None``: several are called so."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """``DrawParam`` elements."""
    spaces: dict[str, int] = field(default_factory=dict)
    """Parts of a colour; 0: it cannot be told what they mean."""
    usual_space: str = ""
    """DefaultCS."""
    _inks: dict[tuple[tuple[tuple[str, str], ...], int], Ink] = field(default_factory=dict)

    def ink(self, element: Any) -> Ink:
        """A colour (8.3.1). Raises ``ValueError``."""
        key = tuple(element.attrib.items()), len(element)
        known = self._inks.get(key)
        if known is None:
            known = self._ink(element)
            if len(self._inks) < _MOST_INKS:
                self._inks[key] = known
        return known

    def _ink(self, element: Any) -> Ink:
        parts = [_part(one) for one in (element.get("Value") or "").split()]
        space = (element.get("ColorSpace") or self.usual_space).strip()
        opacity = opacity_of(element)
        expected = self.spaces.get(space, 0) if space else 3
        if len(element) or element.get("Index") is not None or expected == 0:
            return Ink(None, opacity)
        return Ink(colour_of(parts) if len(parts) == expected else BLACK if not parts else None, opacity)

    def parameters_of(self, identity: str | None, above: Parameters = PLAIN, depth: int = 0) -> Parameters:
        """Those of ``identity``, over those it is relative to. Raises ``ValueError``."""
        if not identity:
            return above
        element = self.parameters.get(identity.strip())
        if element is None or depth > _MOST_RELATIVES:
            raise ValueError("DrawParam")
        base = self.parameters_of(element.get("Relative"), above, depth + 1)
        return self.over(element, base)

    def over(self, element: Any, base: Parameters) -> Parameters:
        """What ``element`` states itself over ``base``."""
        inks: dict[str, Ink] = {}
        for one in element:
            name = local_name(one)
            if name in ("FillColor", "StrokeColor"):
                if name in inks:
                    raise ValueError("two colours")
                inks[name] = self.ink(one)
        stated = element.get("LineWidth")
        if not inks and stated is None:
            return base
        width = base.width if stated is None else number(stated)
        return Parameters(inks.get("FillColor", base.fill), inks.get("StrokeColor", base.stroke), width)


def read_resources(opened: OpenedDocument, names: tuple[str, ...], usual_space: str) -> Resources:
    """All that the resource entries ``names`` hold. Raises ``Malformed``, ``ValueError``."""
    found = Resources(usual_space=usual_space)
    for name in names:
        root = opened.files.xml(name)
        if root is None:
            continue
        base = resolve(directory_of(name), root.get("BaseLoc")) if (root.get("BaseLoc") or "").strip("./ ") else ""
        for element in root.iterdescendants():
            identity, kind = (element.get("ID") or "").strip(), local_name(element)
            if kind == "Font":
                file = text_of(child(element, "FontFile"))
                located = resolve(base or directory_of(name), file) if file else ""
                known = identity in found.fonts
                found.fonts[identity] = None if known else Font((element.get("FontName") or "").strip(), located)
            elif kind == "DrawParam":
                found.parameters[identity] = None if identity in found.parameters else element
            elif kind == "ColorSpace":
                found.spaces[identity] = 0 if identity in found.spaces else _parts_of(element)
    return found


def _parts_of(space: Any) -> int:
    plain = not len(space) and space.get("Profile") is None and (space.get("BitsPerComponent") or "8").strip() == "8"
    return _PARTS.get((space.get("Type") or "").strip().upper(), 0) if plain else 0


# ---------------------------------------------------------------- numbers


def number(text: str) -> float:
    """A number as the standard writes it. Raises ``ValueError``."""
    value = float(text)
    if "_" in text or not math.isfinite(value):
        raise ValueError("number")
    return value


def numbers(text: str | None, count: int) -> list[float]:
    """Exactly ``count`` numbers. Raises ``ValueError``."""
    values = [number(one) for one in (text or "").split()]
    if len(values) != count:
        raise ValueError("numbers")
    return values


def opacity_of(element: Any) -> float:
    """``Alpha``, 0 to 1."""
    stated = element.get("Alpha")
    return 1.0 if stated is None else max(0.0, min(1.0, number(stated) / 255))


def flag(attributes: Mapping[str, str], name: str, *, default: bool) -> bool:
    """An xs:boolean."""
    stated = attributes.get(name)
    return default if stated is None else stated.strip().lower() in ("true", "1")


def _part(text: str) -> float:
    return min(1.0, max(0.0, (int(text[1:], 16) if text.startswith("#") else number(text)) / 255))
