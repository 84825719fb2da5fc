"""OFD 页面: the texts and pictures of an OFD scan's pages, drawn anew (GB/T 33190, clauses 7 to 11).

Enough for what scanners and licence systems write: page boxes, text with its place and size, embedded pictures.
Paths are left out; this picture is for reading a face beside a form, not for judging the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from licence_store.collection import confined
from seal.ofd.package import Limits, children, directory_of, locate, open_package, parse_xml, resolve, text_of
from trust.errors import Malformed

DPI = 200
_LIMITS = Limits(max_file_size=20 << 20, max_entries=500)
_MOST_PAGES = 201
_MOST_OBJECTS = 20_000
_MOST_PICTURES = 24
"""On one page; each is decoded in a process of its own."""
_MOST_PLACES = 100
_FURTHEST = 10_000.0
_DRAWN = ("{*}TextObject", "{*}ImageObject", "{*}PathObject", "{*}CompositeObject")
_Placed = tuple[tuple[float, float, float, float], bytes]
_READER = Path(__file__).with_name("page_reader.py")


@dataclass(frozen=True, slots=True)
class _Words:
    x: float
    y: float
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class _Page:
    width: float
    height: float
    words: tuple[_Words, ...]
    pictures: tuple[_Placed, ...]
    drawn: bool
    """There is something on it, paths and composed objects included."""


def sizes(data: bytes) -> Sequence[tuple[int, int]]:
    """Each page's size in dots at 200 dpi; raises ``Malformed``."""
    return [(round(page.width / 25.4 * DPI), round(page.height / 25.4 * DPI)) for page in _pages(data)]


def described(data: bytes) -> Iterator[tuple[float, float, bool]]:
    """Each page's width and height in millimetres, and whether anything is drawn on it; raises ``Malformed``."""
    return ((page.width, page.height, page.drawn) for page in _pages(data))


def lines(data: bytes, number: int) -> tuple[str, ...]:
    """The page's text, line by line from the top; words of one baseline make one line."""
    rows: dict[int, list[_Words]] = {}
    for words in _page(data, number).words:
        rows.setdefault(round((words.y + words.size) / 2), []).append(words)
    ordered = (sorted(row, key=lambda w: w.x) for _, row in sorted(rows.items()))
    return tuple(text for text in (" ".join(w.text for w in row).strip() for row in ordered) if text)


def picture(data: bytes, number: int, side: int) -> bytes:
    """The page as JPEG, its longer side ``side`` dots; raises ``Malformed``, ``ConfinedFailure``."""
    from PIL import Image as Pictures

    from seal.painting import Canvas, Item, Picture

    page = _page(data, number)
    canvas = Canvas(page.width, page.height, side / max(page.width, page.height) * 25.4)
    # A stranger's picture is decoded in a process of its own and comes back as a JPEG of ours.
    items: list[Item] = []
    redrawn: dict[bytes, bytes] = {}
    for box, content in page.pictures[:_MOST_PLACES]:
        if content not in redrawn:
            if len(redrawn) == _MOST_PICTURES:
                break
            redrawn[content] = confined.run_python(_READER, ["picture", "image", "1", str(side)], content)
        items.append(Picture(redrawn[content], *box))
    items += [item for words in page.words for item in _set(words)]
    out = BytesIO()
    image: Pictures.Image = canvas.paint(items).image
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _set(words: _Words) -> Iterator[Any]:
    from seal.painting import Text
    from seal.typesetting import load_font

    font = load_font("serif")
    text = "".join(char if font.covers(char) else "□" for char in words.text)[:500]
    if text and 0.3 <= words.size <= 100:
        deltas = tuple(em * words.size for em in font.advances(text)[:-1])
        yield Text(text, words.x, words.y + words.size * 0.88, deltas, "serif", words.size, (26, 26, 26))


def _page(data: bytes, number: int) -> _Page:
    for index, page in enumerate(_pages(data), 1):
        if index == number:
            return page
    raise Malformed("scan.pages", "扫描件“{name}”没有第 {page} 页。", name="OFD", page=number)


def _pages(data: bytes) -> Iterator[_Page]:
    try:
        yield from _read(data)
    except (KeyError, ValueError, AttributeError, OverflowError) as error:
        raise Malformed("scan.unreadable", "扫描件“{name}”无法打开：已损坏、已加密或内容异常。", name="OFD") from error


def _read(data: bytes) -> Iterator[_Page]:
    entries = open_package(data, _LIMITS).entries
    root = parse_xml(entries["OFD.xml"])
    document = locate(entries, "", text_of(next(root.iter("{*}DocRoot"))))
    content = parse_xml(entries[document])
    folder = directory_of(document)
    media = dict(_media(entries, content, folder))
    default = _box(next(content.iter("{*}PhysicalBox"), None))
    templates = {one.get("ID"): locate(entries, folder, one.get("BaseLoc")) for one in content.iter("{*}TemplatePage")}
    for listed in list(content.iter("{*}Page"))[:_MOST_PAGES]:
        if not listed.get("BaseLoc"):
            continue
        page = parse_xml(entries[locate(entries, folder, listed.get("BaseLoc"))])
        _, _, width, height = _box(next(page.iter("{*}PhysicalBox"), None)) if _has_box(page) else default
        under = [templates[t.get("TemplateID")] for t in page.iter("{*}Template") if t.get("TemplateID") in templates]
        layers = [*(parse_xml(entries[name]) for name in under), page]
        drawn = any(next(layer.iter(*_DRAWN), None) is not None for layer in layers)
        yield _Page(width, height, tuple(_words(layers)), tuple(_pictures(layers, media)), drawn)


def _number(text: str) -> float:
    """A measure in millimetres, of any page there is; raises ``ValueError``."""
    value = float(text)
    if not -_FURTHEST <= value <= _FURTHEST:
        raise ValueError(text[:40])
    return value


def _has_box(page: Any) -> bool:
    return next(page.iter("{*}PhysicalBox"), None) is not None


def _box(element: Any) -> tuple[float, float, float, float]:
    x, y, width, height = map(float, text_of(element).split() if element is not None else ())
    if not (20 <= width <= 2000 and 20 <= height <= 2000):
        raise ValueError("page box")
    return x, y, width, height


def _media(entries: Mapping[str, bytes], document: Any, folder: str) -> Iterator[tuple[str, bytes]]:
    """Resource id → the picture's file."""
    for listed in [*document.iter("{*}PublicRes"), *document.iter("{*}DocumentRes")]:
        name = locate(entries, folder, text_of(listed))
        if name not in entries:
            continue  # some producers list resources that they leave out
        resources = parse_xml(entries[name])
        base = resolve(directory_of(name), resources.get("BaseLoc") or "")
        for one in resources.iter("{*}MultiMedia"):
            for file in children(one, "MediaFile"):
                place = locate(entries, base, text_of(file))
                if place in entries:
                    yield str(one.get("ID")), entries[place]


def _words(layers: Sequence[Any]) -> Iterator[_Words]:
    for drawn in _objects(layers, "TextObject"):
        left, top, *_ = map(_number, (drawn.get("Boundary") or "0 0 0 0").split())
        size = _number(drawn.get("Size") or "4")
        for code in drawn.iter("{*}TextCode"):
            y = _number(code.get("Y") or str(size))
            text = "".join(code.itertext()).strip()
            if text:
                yield _Words(left + _number(code.get("X") or "0"), top + y - size * 0.88, size, text)


def _pictures(layers: Sequence[Any], media: Mapping[str, bytes]) -> Iterator[_Placed]:
    for drawn in _objects(layers, "ImageObject"):
        content = media.get(str(drawn.get("ResourceID")))
        x, y, width, height = map(_number, (drawn.get("Boundary") or "0 0 0 0").split())
        if content and 0 < width <= 2000 and 0 < height <= 2000:
            yield (x, y, width, height), content


def _objects(layers: Sequence[Any], name: str) -> Iterator[Any]:
    count = 0
    for layer in layers:
        for drawn in layer.iter(f"{{*}}{name}"):
            count += 1
            if count > _MOST_OBJECTS:
                raise ValueError("too many objects")
            yield drawn
