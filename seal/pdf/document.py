"""待盖章的 PDF: what sealing must know of a PDF, whether it was just drawn or brought by somebody, and how it grows.

Sealing says what is to be added (``Additions``); a document that was just drawn writes all in one revision, one that
exists already keeps every octet and gets an incremental update (``seal.pdf.sealable``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seal.message import DataMessage
from seal.pdf.objects import Block, Written, array, dictionary, reference, text, write_file
from seal.pdf.structures import POINTS_PER_MM

SIGNATURE_FLAGS = b"3"
"""SigFlags: signatures exist, and the file may only grow (ISO 32000-1, 12.7.2)."""


@dataclass(frozen=True, slots=True)
class PDFPage:
    """页面: one page a seal may be put on."""

    id: int
    """From 1."""
    width: float
    """Millimetres, as seen."""
    height: float
    number: int
    """Its object."""
    left: float = 0.0
    """Points of the visible area's lower left corner."""
    bottom: float = 0.0
    rotation: int = 0
    """Degrees clockwise the page is turned when shown."""

    def rectangle(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """The PDF rectangle, in points, of a box in millimetres from the top left of the page as seen."""
        if self.rotation == 90:
            left, bottom, width, height = y, x, height, width
        elif self.rotation == 180:
            left, bottom = self.width - x - width, y
        elif self.rotation == 270:
            left, bottom, width, height = self.height - y - height, self.width - x - width, height, width
        else:
            left, bottom = x, self.height - y - height
        scale = POINTS_PER_MM
        corner = self.left + left * scale, self.bottom + bottom * scale
        return *corner, corner[0] + width * scale, corner[1] + height * scale


@dataclass(slots=True)
class Additions:
    """要加入的对象."""

    objects: dict[int, bytes] = field(default_factory=dict)
    """New objects, and changed ones under their number."""
    fields: list[int] = field(default_factory=list)
    """Form fields to list."""
    annotations: dict[int, list[int]] = field(default_factory=dict)
    """Page id → annotations to list."""
    catalog: dict[str, bytes] = field(default_factory=dict)
    widgets: list[tuple[int, str]] = field(default_factory=list)
    """Annotations to tell screen readers of, each with what to say."""


class SealableDocument(Protocol):
    """可加盖的 PDF."""

    @property
    def pages(self) -> tuple[PDFPage, ...]: ...

    @property
    def message(self) -> DataMessage | None: ...

    @property
    def next_number(self) -> int:
        """The first object number that is free."""

    @property
    def signatures(self) -> int:
        """How many it bears."""

    @property
    def certification(self) -> int | None:
        """P of its certification; ``None``: it is not certified."""

    @property
    def field_names(self) -> frozenset[str]: ...

    @property
    def empty_fields(self) -> Mapping[str, tuple[int, Mapping[str, bytes]]]:
        """Signature fields waiting to be signed: name → object and entries."""

    def write(self, added: Additions) -> Written: ...


@dataclass(frozen=True, slots=True)
class TaggedElement:
    """结构元素: one paragraph or figure, with the numbers of its marked content."""

    tag: str
    marks: tuple[int, ...]
    alternative: str = ""
    field: str = ""
    """The face field it shows, if any: becomes its ``ID``, by which the face is read back and compared."""


@dataclass(frozen=True)
class UnsignedPDF:
    """未签章的 PDF, just drawn: objects, still without catalog, page and structure tree."""

    fixed: Block
    """What all documents of the type share."""
    objects: Mapping[int, bytes]
    catalog: Mapping[str, bytes]
    page: Mapping[str, bytes]
    elements: tuple[TaggedElement, ...]
    """In reading order."""
    identity: bytes
    """16 octets: the file's ID."""
    pages: tuple[PDFPage, ...]
    message: DataMessage | None
    next_number: int
    signatures: int = 0
    certification: int | None = None
    field_names: frozenset[str] = frozenset()

    CATALOG, PAGES, PAGE, INFO, ROOT_ELEMENT, PARENTS, DOCUMENT = 1, 2, 3, 9, 14, 15, 16

    @property
    def empty_fields(self) -> Mapping[str, tuple[int, Mapping[str, bytes]]]:
        return {}

    def to_bytes(self) -> bytes:
        """The file as it is, without a seal: for looking at and for checking PDF/A."""
        return bytes(self.write(Additions()).data)

    def write(self, added: Additions) -> Written:
        """The whole file in one revision."""
        widgets = [number for numbers in added.annotations.values() for number in numbers]
        page, catalog = dict(self.page), {**self.catalog, **added.catalog}
        objects = {**self.objects, **added.objects}
        if widgets:
            page["Annots"] = array(map(reference, widgets))
        if added.fields:
            catalog["AcroForm"] = dictionary(
                {"Fields": array(map(reference, added.fields)), "SigFlags": SIGNATURE_FLAGS}
            )
        free = max(self.next_number, *(number + 1 for number in objects))
        objects |= self._structure(free, added.widgets)
        objects[self.PAGE] = dictionary(page)
        objects[self.CATALOG] = dictionary(catalog)
        identity = b"<%b>" % self.identity.hex().encode()
        trailer = {"Root": reference(self.CATALOG), "Info": reference(self.INFO), "ID": array([identity, identity])}
        return write_file((self.fixed, Block.of(objects)), trailer)

    def _structure(self, first: int, widgets: Sequence[tuple[int, str]]) -> dict[int, bytes]:
        """The structure tree (14.7): a document of paragraphs, figures and forms."""
        parent, page = reference(self.DOCUMENT), reference(self.PAGE)
        objects: dict[int, bytes] = {}
        owners: dict[int, bytes] = {}
        kids: list[bytes] = []
        for number, element in enumerate(self.elements, first):
            entries = {"Type": b"/StructElem", "S": b"/" + element.tag.encode(), "P": parent, "Pg": page}
            if element.field:
                entries["ID"] = text(element.field)
            if element.alternative:
                entries["Alt"] = text(element.alternative)
            entries["K"] = array(b"%d" % mark for mark in element.marks)
            objects[number] = dictionary(entries)
            kids.append(reference(number))
            owners |= dict.fromkeys(element.marks, reference(number))
        numbers = [b"0 " + array(owners[mark] for mark in sorted(owners))]
        for index, (widget, alternative) in enumerate(widgets, 1):
            number = first + len(kids)
            inside = dictionary({"Type": b"/OBJR", "Obj": reference(widget), "Pg": page})
            objects[number] = dictionary(
                {"Type": b"/StructElem", "S": b"/Form", "P": parent, "Alt": text(alternative), "K": inside}
            )
            kids.append(reference(number))
            numbers.append(b"%d %b" % (index, reference(number)))
        root = reference(self.ROOT_ELEMENT)
        objects[self.ROOT_ELEMENT] = dictionary(
            {
                "Type": b"/StructTreeRoot",
                "K": parent,
                "ParentTree": reference(self.PARENTS),
                "ParentTreeNextKey": b"%d" % (len(widgets) + 1),
            }
        )
        objects[self.PARENTS] = dictionary({"Nums": array(numbers)})
        objects[self.DOCUMENT] = dictionary({"Type": b"/StructElem", "S": b"/Document", "P": root, "K": array(kids)})
        return objects
