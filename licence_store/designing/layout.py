"""自动版面: a face that lays itself out, from a type's fields and a few words in its ``design``.

    source["style"] = arrange(source)

``design``: ``theme`` (colours), ``page``, ``columns``, ``ground`` (frame, plain, picture), ``title``, ``own`` (fields
whose boxes were placed by hand and stay). The style written is whole: a type needs no design to be drawn, and
whoever takes the ``design`` away goes on by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

THEMES: Final[Mapping[str, Mapping[str, str]]] = {
    "blue": {"main": "#1f5a8f", "second": "#c08a3a", "label": "#1c4668", "light": "#b9d4ea", "cream": "#edf4fa",
             "mist": "#e6f0f7", "veil": "#d9e7f2"},
    "green": {"main": "#1f6f5c", "second": "#b78b38", "label": "#1f4a40", "light": "#a9d3c3", "cream": "#eef6ef",
              "mist": "#e9f3ec", "veil": "#dcece2"},
    "red": {"main": "#a3312c", "second": "#b78b38", "label": "#6a2f20", "light": "#ecc9b6", "cream": "#fbf2e8",
            "mist": "#f8ecdf", "veil": "#f3e2d2"},
    "plum": {"main": "#74345f", "second": "#b07a45", "label": "#5b2a4d", "light": "#d9bfd6", "cream": "#f8eef3",
             "mist": "#f3e7ef", "veil": "#ecdbe6"},
    "slate": {"main": "#44546a", "second": "#9a7b4f", "label": "#333f50", "light": "#c5ced9", "cream": "#f1f3f6",
              "mist": "#ebeef2", "veil": "#dfe4ea"},
}  # fmt: skip
PAGES: Final[Mapping[str, tuple[int, int]]] = {
    "a4-landscape": (297, 210),
    "a4-portrait": (210, 297),
    "a3-landscape": (420, 297),
    "card": (180, 120),
}
GROUNDS: Final = ("frame", "plain", "picture")
COLUMNS: Final = (1, 2)
_FIXED = {"ink": "#1b1815", "blush": "#fae4e1", "alarm": "#c8202a", "grey": "#6d7278", "white": "#ffffff"}
_LONG = 60
"""A field that may hold more than this gets room for several lines."""


@dataclass(frozen=True, slots=True)
class Design:
    """设计 as a document says it, every word of it known."""

    theme: str = "blue"
    page: str = "a4-landscape"
    columns: int = 1
    ground: str = "frame"
    title: str = ""
    own: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Design | None:
        """The design of a type's document; ``None``: its style was made by hand."""
        given = source.get("design")
        if not isinstance(given, dict):
            return None
        own, title = given.get("own"), given.get("title")
        return cls(
            theme=_known(given.get("theme"), THEMES, "blue"),
            page=_known(given.get("page"), PAGES, "a4-landscape"),
            columns=2 if given.get("columns") in (2, "2") else 1,
            ground=_known(given.get("ground"), GROUNDS, "frame"),
            title=title if isinstance(title, str) else "",
            own=tuple(one for one in own if isinstance(one, str)) if isinstance(own, list) else (),
        )


def arrange(source: Mapping[str, Any]) -> dict[str, Any]:
    """The style of ``source``, whose ``design`` and fields must be readable; a page is never left without a place."""
    design = Design.of(source) or Design()
    return _Page(source, design).style()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A field of the face as the layout needs it."""

    name: str
    title: str
    weight: int


class _Page:
    """One page being laid out; lengths in millimetres, ``u`` of them to a unit that follows the page's size."""

    def __init__(self, source: Mapping[str, Any], design: Design) -> None:
        self.source, self.design = source, design
        self.width, self.height = PAGES[design.page]
        self.u = min(self.width, self.height) / 210
        self.background: list[dict[str, Any]] = []
        self.boxes: list[dict[str, Any]] = []

    def style(self) -> dict[str, Any]:
        u, w, h = self.u, self.width, self.height
        self._ground()
        shown = _shown(self.source)
        below = [one for one in shown if one.name in ("issuer_name", "issued_on")]
        number = next((one for one in shown if one.name == "licence_number"), None)
        self._title()
        top = self._number(number, 66 * u)
        foot = h - 30 * u - len(below) * 12 * u
        rows = [one for one in shown if one not in below and one is not number]
        self._columns(rows, top + 4 * u, foot)
        self._signed(below, foot + 8 * u)
        side = 28 * u
        qr = {"x": w - 24 * u - side, "y": 24 * u} if w > h else {"x": 26 * u, "y": h - 26 * u - side}
        style: dict[str, Any] = {
            "page": [w, h],
            "colours": {**_FIXED, **THEMES[self.design.theme]},
            "shapes": _shapes(u) if self.design.ground == "frame" else {},
            "background": self.background,
            "sample": self._sample(),
            "statement": [_words(_STATEMENT, 0, h - 3 * u, 2.6 * u, w=w, align="center", font="sans", colour="grey")],
            "boxes": self._with_own(self.boxes),
            "qr": {**{key: round(value, 2) for key, value in qr.items()}, "size": round(side, 2), "colour": "ink"},
            "seal": [round(w - 70 * u, 2), round(foot + 14 * u, 2)],
        }
        if pictures := self.source.get("style", {}).get("pictures"):
            style["pictures"] = pictures
        return style

    def _ground(self) -> None:
        u, w, h = self.u, self.width, self.height
        pictures = self.source.get("style", {}).get("pictures") or {}
        if self.design.ground == "picture" and pictures:
            self.background.append({"shape": "picture", "name": next(iter(pictures)), "x": 0, "y": 0, "w": w, "h": h})
            return
        field = {"shape": "field", "x": 18 * u, "y": 22 * u, "w": w - 36 * u, "h": h - 44 * u, "lines": 28,
                 "harmonics": [[8, 2.0, 0.08], [3, 1.4, -0.05]], "stroke": "mist", "width": 0.14}  # fmt: skip
        rosette = {"shape": "rosette", "at": [w / 2, h * 0.56], "radius": 40 * u, "lines": 10, "stroke": "veil",
                   "harmonics": [[16, 15 * u, 0.1], [8, 5 * u, 0.1]], "width": 0.15}  # fmt: skip
        if self.design.ground == "frame":
            self.background += [_rounded(one) for one in (*_frame(w, h, u), field, rosette)]
            self.background.append({"shape": "group", "of": "emblem", "at": [round(w / 2, 2), round(33 * u, 2)]})
        else:
            self.background += [_rounded(field), _rounded(rosette)]

    def _title(self) -> None:
        title = self.design.title or _name(self.source)
        size = min(15.0, (self.width - 110 if self.width > self.height else self.width - 50) / self.u
                   / max(1, len(title)) / 1.25) * self.u  # fmt: skip
        if title:
            self.background.append(
                _words(title, 0, 60 * self.u, size, w=self.width, align="center", font="serif-bold",
                       spacing=round(size * 0.18, 2), colour="ink")
            )  # fmt: skip
        centre, half = self.width / 2, 40 * self.u
        y = 65 * self.u
        points = [[centre - half, y], [centre + half, y]]
        self.background.append(_rounded({"shape": "line", "points": points, "stroke": "second", "width": 0.35}))

    def _number(self, number: _Shown | None, y: float) -> float:
        """证书编号 under the title; where the rest begins."""
        if number is None:
            return y
        u, middle = self.u, self.width / 2
        label = f"{number.title}："
        self.background.append(
            _words(
                label, middle - 70 * u, y + 6 * u, 4.2 * u, w=68 * u, align="right", font="serif-bold", colour="label"
            )
        )
        self._box(number.name, middle, y + 2.3 * u, 80 * u, 6 * u, 4.2 * u)
        return y + 8 * u

    def _columns(self, rows: Sequence[_Shown], top: float, foot: float) -> None:
        u, count = self.u, self.design.columns
        left, right = (44 * u, self.width - 44 * u) if count == 1 else (30 * u, self.width - 30 * u)
        gap = 10 * u
        width = (right - left - gap * (count - 1)) / count
        for index, part in enumerate(_split(rows, count)):
            self._rows(part, left + index * (width + gap), width, top, foot)

    def _rows(self, rows: Sequence[_Shown], x: float, width: float, top: float, foot: float) -> None:
        u, weight = self.u, sum(one.weight for one in rows) or 1
        height = min(12 * u, (foot - top) / weight)
        size = max(1.2, min(5.0 * u, height * 0.5))
        label = min(width * 0.42, max(20 * u, size * max((len(one.title) for one in rows), default=4) * 1.06))
        y = top
        for one in rows:
            tall, baseline = height * one.weight, y + (height + size * 0.76) / 2
            self.background.append(
                _words(one.title, x, baseline, size, w=label, align="justify", font="serif-bold", colour="label")
            )
            across = width - label - 5 * u
            place = (x + label + 5 * u, baseline - size * 0.88, across, tall - height + size * 1.6)
            self._box(one.name, *place, size)
            y += tall

    def _signed(self, below: Sequence[_Shown], y: float) -> None:
        u = self.u
        for index, one in enumerate(below):
            baseline = y + index * 12 * u
            self.background.append(
                _words(one.title, self.width - 118 * u, baseline, 4.8 * u, w=26 * u, align="justify", font="serif-bold",
                       colour="label")
            )  # fmt: skip
            self._box(one.name, self.width - 88 * u, baseline - 4.3 * u, 66 * u, 8 * u, 4.8 * u)

    def _box(self, name: str, x: float, y: float, w: float, h: float, size: float) -> None:
        size = round(size, 2)
        box = {"field": name, "x": x, "y": max(0.0, y), "w": w, "h": h, "size": size, "min_size": min(1.6, size),
               "leading": 1.3}  # fmt: skip
        self.boxes.append({key: round(value, 2) if isinstance(value, float) else value for key, value in box.items()})

    def _with_own(self, boxes: Sequence[dict[str, Any]]) -> list[Any]:
        """Boxes placed by hand stay where they are."""
        style = self.source.get("style")
        kept = style.get("boxes") if isinstance(style, dict) else None
        listed = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
        placed = {one["field"]: one for one in listed if isinstance(one.get("field"), str)}
        return [placed[b["field"]] if b["field"] in self.design.own and b["field"] in placed else b for b in boxes]

    def _sample(self) -> list[dict[str, Any]]:
        u, w, h = self.u, self.width, self.height
        big = _words("样本", w * 0.1, h * 0.66, min(w, h) * 0.28, w=w * 0.8, align="center", font="serif-bold",
                     spacing=round(20 * u, 2), colour="blush")  # fmt: skip
        small = _words(
            "样本：演示证照，不具法律效力", 0, h - 19 * u, 2.7 * u, w=w, align="center", font="sans", colour="alarm"
        )
        return [{**big, "rotate": -22}, small]


_STATEMENT = "本电子证照的真实性以电子印章、数字签名和时间戳为准，打印件仅供阅览；请以扫描二维码或提交文件的方式核验。"


def _shown(source: Mapping[str, Any]) -> list[_Shown]:
    """The face's fields in order, as far as they can be read."""
    properties, computed = _members(source.get("schema"), "properties"), _members(source, "computed")
    known = {**properties, **computed}
    order = source.get("face")
    names = [n for n in order if n in known] if isinstance(order, list) else []
    names += [name for name in known if name not in names]
    return [_Shown(name, _text(known[name].get("title")) or name, _weight(known[name])) for name in names]


def _members(part: Any, key: str) -> dict[str, dict[str, Any]]:
    found = part.get(key) if isinstance(part, dict) else None
    members = found.items() if isinstance(found, dict) else ()
    return {name: one for name, one in members if isinstance(one, dict)}


def _weight(prop: Mapping[str, Any]) -> int:
    if prop.get("x-multiline"):
        return 3
    length = prop.get("maxLength")
    return 2 if isinstance(length, int) and length > _LONG else 1


def _split(rows: Sequence[_Shown], count: int) -> list[list[_Shown]]:
    """Rows in ``count`` columns of about the same height, in reading order."""
    total, columns, spent = sum(one.weight for one in rows), [[] for _ in range(count)], 0  # type: ignore[var-annotated]
    for one in rows:
        columns[min(count - 1, spent * count // max(1, total))].append(one)
        spent += one.weight
    return columns


def _name(source: Mapping[str, Any]) -> str:
    name = source.get("name")
    return _text(name.get("zh")) if isinstance(name, dict) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _known(value: Any, words: Any, default: str) -> str:
    return value if isinstance(value, str) and value in words else default


def _words(text: str, x: float, y: float, size: float, **more: Any) -> dict[str, Any]:
    return _rounded({"shape": "text", "text": text, "x": x, "y": y, "size": size, **more})


def _rounded(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _round(value) for key, value in shape.items()}


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return [_round(one) for one in value] if isinstance(value, list) else value


def _frame(w: float, h: float, u: float) -> tuple[dict[str, Any], ...]:
    """边框: two rules, a woven band between them, corners."""

    def box(inset: float) -> dict[str, Any]:
        return {"x": inset * u, "y": inset * u, "w": w - 2 * inset * u, "h": h - 2 * inset * u}

    waves = round((w + h) / u / 6.2) * 2
    loop = {"shape": "loop", **box(11.2), "r": 1.5 * u}
    corners = {"shape": "row", "of": "corner", "count": 2}
    return (
        {"shape": "rect", **box(6), "stroke": "main", "width": 0.9 * u},
        {"shape": "rect", **box(7.5), "stroke": "second", "width": 0.25 * u},
        {**loop, "harmonics": [[waves, 2.6 * u, 0.25]], "lines": 4, "stroke": "main", "width": 0.22 * u},
        {**loop, "harmonics": [[waves, 1.1 * u, 0.5]], "lines": 2, "stroke": "second", "width": 0.22 * u},
        {"shape": "rect", **box(14.9), "stroke": "second", "width": 0.25 * u},
        {"shape": "rect", **box(16.2), "stroke": "main", "width": 0.45 * u},
        {**corners, "from": [14 * u, 14 * u], "to": [w - 14 * u, 14 * u]},
        {**corners, "from": [14 * u, h - 14 * u], "to": [w - 14 * u, h - 14 * u]},
    )


def _shapes(u: float) -> dict[str, list[dict[str, Any]]]:
    """Groups of the frame: a corner, and a neutral emblem of petals."""
    petal = "M 0 -0.6 C -1.7 -1.4 -1.9 -3.6 0 -4.1 C 1.9 -3.6 1.7 -1.4 0 -0.6 Z"
    scale = [round(u, 3), round(u, 3)]
    return {
        "petal": [{"shape": "path", "d": petal, "fill": "light", "stroke": "main", "width": 0.18}],
        "tile": [
            {"shape": "rect", "x": -8, "y": -8, "w": 16, "h": 16, "fill": "cream", "stroke": "main", "width": 0.35},
            {"shape": "rosette", "at": [0, 0], "radius": 4.7, "harmonics": [[10, 2.4, 0.1666667]], "lines": 6,
             "stroke": "main", "width": 0.17},
            {"shape": "ring", "of": "petal", "at": [0, 0], "count": 6},
            {"shape": "circle", "at": [0, 0], "r": 0.9, "fill": "second"},
        ],
        "flower": [
            {"shape": "rosette", "at": [0, 0], "radius": 10.4, "harmonics": [[24, 1.1, 0.25]], "lines": 4,
             "stroke": "main", "width": 0.2},
            {"shape": "circle", "at": [0, 0], "r": 9, "fill": "cream", "stroke": "second", "width": 0.35},
            {"shape": "ring", "of": "petal", "at": [0, 0], "count": 8, "scale": [2, 2]},
            {"shape": "ring", "of": "petal", "at": [0, 0], "count": 8, "start": 22.5, "scale": [1.1, 1.1]},
            {"shape": "circle", "at": [0, 0], "r": 1.2, "fill": "second"},
        ],
        "corner": [{"shape": "group", "of": "tile", "scale": scale}],
        "emblem": [{"shape": "group", "of": "flower", "scale": scale}],
    }  # fmt: skip
