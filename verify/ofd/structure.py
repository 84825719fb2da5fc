"""文档结构: pages, templates, boxes, annotations, as Document.xml and its lists name them (GB/T 33190, 7.5 to 7.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from seal.ofd.package import child, children, directory_of, local_name, resolve, text_of
from verify.geometry import Box, common
from verify.ofd.resources import numbers
from verify.opening import OpenedDocument

_BOXES: Final = ("PhysicalBox", "ApplicationBox", "ContentBox", "BleedBox")


@dataclass(frozen=True, slots=True)
class Structure:
    """What a document consists of. Everything by name; nothing is read yet."""

    pages: tuple[tuple[str, str], ...]
    """``(page ID, entry name)`` in the document's order."""
    templates: tuple[tuple[str, str], ...]
    """``(template ID, entry name)``."""
    box: Box | None
    """What is shown of a page that does not say so itself."""
    usual_space: str
    """DefaultCS."""


def read_structure(opened: OpenedDocument) -> Structure:
    """Of all documents in the file. Raises ``Malformed``, ``ValueError``."""
    pages: list[tuple[str, str]] = []
    templates: list[tuple[str, str]] = []
    box, space = None, ""
    for document in opened.contents.of_role("document"):
        root = opened.files.xml(document)
        folder = directory_of(document)
        for element in root.iter("{*}Page", "{*}TemplatePage", "{*}DefaultCS") if root is not None else ():
            kind, location = local_name(element), element.get("BaseLoc")
            if kind == "DefaultCS":
                space = text_of(element)
            elif location and kind:
                found = ((element.get("ID") or "").strip(), resolve(folder, location))
                (pages if kind == "Page" else templates).append(found)
        common_data = child(root, "CommonData") if root is not None else None
        area = child(common_data, "PageArea") if common_data is not None else None
        box = _box(area) if area is not None else box
    return Structure(tuple(pages), tuple(templates), box, space)


def page_box(page: Any, structure: Structure) -> Box:
    """What of a page every reader shows. Raises ``ValueError``."""
    area = child(page, "Area")
    box = _box(area) if area is not None else structure.box
    if box is None:
        raise ValueError("page size")
    return box


def _box(area: Any) -> Box | None:
    """All boxes of an area: what lies in each of them."""
    found: Box | None = None
    for name in _BOXES:
        for element in children(area, name):
            left, top, width, height = numbers(text_of(element), 4)
            box = (left, top, left + width, top + height)
            found = box if found is None else common(found, box)
    return found


def templates_of(page: Any, structure: Structure) -> Iterator[tuple[bool, str]]:
    """``(whether it lies behind the page for certain, entry name)`` of every template a page uses (7.7)."""
    for element in children(page, "Template"):
        wanted = (element.get("TemplateID") or "").strip()
        behind = (element.get("ZOrder") or "Background").strip() == "Background"
        yield from ((behind, name) for identity, name in structure.templates if identity == wanted)


def annotations_of(opened: OpenedDocument) -> dict[str, list[str]]:
    """Page ID → entries of its annotations."""
    found: dict[str, list[str]] = {}
    for listing in opened.contents.of_role("annotations"):
        root = opened.files.xml(listing)
        for listed in children(root, "Page") if root is not None else ():
            place = text_of(child(listed, "FileLoc"))
            if place:
                page = (listed.get("PageID") or "").strip()
                found.setdefault(page, []).append(resolve(directory_of(listing), place))
    return found
