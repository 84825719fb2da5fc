"""用证副本的书写: a derived copy as PDF/A-3b of one or more pages (ISO 19005-3; ISO 32000-1, 14.7 and 14.8.2.2).

The watermark is drawn last on every page, as an artifact of pagination that carries its characters; the band's lines
and the face's fields are paragraphs of the structure tree under their names, by which they are read back. The terms are
embedded. Sealing adds its field as to any document (``seal.pdf.document.SealableDocument``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image as Pictures

from seal.copies import COPY_FILE, CopyTerms, derived_nonce
from seal.message import DataMessage
from seal.ofd.copies import CopyPage
from seal.painting import Picture
from seal.pdf import metadata
from seal.pdf.appearance import PICTURE_OBJECTS, seal_picture
from seal.pdf.document import SIGNATURE_FLAGS, Additions, PDFPage
from seal.pdf.fonts import OBJECTS, PDFFont
from seal.pdf.objects import Block, Written, array, dictionary, name, real, reals, reference, stream, text, write_file
from seal.pdf.painting import Painter, Tagged, page_matrix, text_items
from seal.pdf.structures import POINTS_PER_MM
from seal.typesetting import load_font
from seal.watermark import ANGLE, DARK_OPACITY, FONT, LIGHT_OPACITY, Mark

_CATALOG, _PAGES, _INFO, _XMP, _PROFILE, _ROOT, _PARENTS, _DOCUMENT, _FILE, _SPEC, _LIGHT, _DARK = range(1, 13)
_FIRST_FONT = 20
_FIRST_PAGE = 60
_LEVEL = 6
_WATERMARK = b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC"


@dataclass(frozen=True)
class CopyPDF:
    """未签章的副本: its objects, still without pages, catalogue and structure tree."""

    objects: Mapping[int, bytes]
    page_entries: tuple[dict[str, bytes], ...]
    catalog: Mapping[str, bytes]
    tagged: tuple[tuple[Tagged, ...], ...]
    """Marked content of each page."""
    identity: bytes
    pages: tuple[PDFPage, ...]
    next_number: int
    message: DataMessage | None = None
    signatures: int = 0
    certification: int | None = None
    field_names: frozenset[str] = frozenset()
    empty_fields: Mapping[str, tuple[int, Mapping[str, bytes]]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The file as it is, without a seal."""
        return bytes(self.write(Additions()).data)

    def write(self, added: Additions) -> Written:
        """The whole file in one revision."""
        catalog = {**self.catalog, **added.catalog}
        objects = {**self.objects, **added.objects}
        for page, entries in zip(self.pages, self.page_entries, strict=True):
            widgets = added.annotations.get(page.id, [])
            more = {"Annots": array(map(reference, widgets))} if widgets else {}
            objects[page.number] = dictionary({**entries, **more})
        if added.fields:
            catalog["AcroForm"] = dictionary(
                {"Fields": array(map(reference, added.fields)), "SigFlags": SIGNATURE_FLAGS}
            )
        objects |= self._structure(max(self.next_number, *(n + 1 for n in objects)), added)
        objects[_CATALOG] = dictionary(catalog)
        identity = b"<%b>" % self.identity.hex().encode()
        trailer = {"Root": reference(_CATALOG), "Info": reference(_INFO), "ID": array([identity, identity])}
        return write_file((Block.of(objects),), trailer)

    def _structure(self, free: int, added: Additions) -> dict[int, bytes]:
        """The structure tree (14.7): paragraphs and figures page by page, then the fields."""
        objects: dict[int, bytes] = {}
        kids: list[bytes] = []
        owned: dict[int, bytes] = {}
        parent = reference(_DOCUMENT)
        for index, (page, tagged) in enumerate(zip(self.pages, self.tagged, strict=True)):
            owners: dict[int, bytes] = {}
            for marks in _grouped(tagged):
                objects[free] = _element(tagged[marks[0]], marks, page)
                kids.append(reference(free))
                owners |= dict.fromkeys(marks, reference(free))
                free += 1
            owned[_parents(index)] = array(owners[mark] for mark in sorted(owners))
        places = {number: page for page, listed in added.annotations.items() for number in listed}
        for index, (widget, alternative) in enumerate(added.widgets, 1):
            page = self.pages[places[widget] - 1]
            inside = dictionary({"Type": b"/OBJR", "Obj": reference(widget), "Pg": reference(page.number)})
            entries = {"Type": b"/StructElem", "S": b"/Form", "P": parent, "Alt": text(alternative), "K": inside}
            objects[free] = dictionary(entries)
            kids.append(reference(free))
            owned[index] = reference(free)
            free += 1
        tree = {"Type": b"/StructTreeRoot", "K": parent, "ParentTree": reference(_PARENTS)}
        tree["ParentTreeNextKey"] = b"%d" % (max(owned) + 1)
        objects[_ROOT] = dictionary(tree)
        objects[_PARENTS] = dictionary({"Nums": array(b"%d %b" % (key, owned[key]) for key in sorted(owned))})
        head = {"Type": b"/StructElem", "S": b"/Document", "P": reference(_ROOT), "K": array(kids)}
        objects[_DOCUMENT] = dictionary(head)
        return objects


def _element(first: Tagged, marks: Sequence[int], page: PDFPage) -> bytes:
    entries = {"Type": b"/StructElem", "S": b"/Figure" if first.figure else b"/P", "P": reference(_DOCUMENT)}
    entries["Pg"] = reference(page.number)
    if first.field:
        entries["ID"] = text(first.field)
    if first.figure:
        entries["Alt"] = text(first.figure)
    entries["K"] = array(b"%d" % mark for mark in marks)
    return dictionary(entries)


def _parents(index: int) -> int:
    """StructParents of a page; the numbers from 1 on are those of the fields that sealing adds."""
    return 1000 + index if index else 0


def _grouped(tagged: Sequence[Tagged]) -> list[list[int]]:
    """Reading order, a field's further lines with its first."""
    groups: dict[object, list[int]] = {}
    for number, piece in enumerate(tagged):
        groups.setdefault(piece.field or number, []).append(number)
    return sorted(groups.values(), key=lambda marks: (tagged[marks[0]].y // 2.5, tagged[marks[0]].x))


def write_copy(terms: CopyTerms, pages: Sequence[CopyPage]) -> CopyPDF:
    """The unsigned copy; its pictures are JPEG or PNG. Raises ``Malformed("face.missing_glyph")``."""
    objects: dict[int, bytes] = {
        _PROFILE: metadata.colour_profile(),
        _LIGHT: dictionary({"Type": b"/ExtGState", "ca": real(LIGHT_OPACITY), "CA": real(LIGHT_OPACITY)}),
        _DARK: dictionary({"Type": b"/ExtGState", "ca": real(DARK_OPACITY), "CA": real(DARK_OPACITY)}),
    }
    fonts = _fonts(pages, objects)
    first_picture = _FIRST_PAGE + 2 * len(pages)
    pictures = _pictures(pages, first_picture, objects)
    entries, tagged, boxes = [], [], []
    for index, page in enumerate(pages):
        painter = Painter(fonts, {data: resource for data, (resource, _) in pictures.items()}).paint(page.items)
        drawn = [b"q " + page_matrix(page.height), *painter.parts, _WATERMARK]
        drawn += [_mark(mark, *fonts[FONT]) for mark in page.marks]
        number = _FIRST_PAGE + 2 * index
        objects[number + 1] = stream({}, b"\n".join((*drawn, b"EMC", b"Q\n")), level=_LEVEL)
        used = dict(pictures[item.data] for item in page.items if isinstance(item, Picture))
        entries.append(_page(page, index, {b: reference(f.number) for b, f in fonts.values()}, used))
        tagged.append(tuple(painter.marked))
        boxes.append(PDFPage(index + 1, page.width, page.height, number))
    kids = array(reference(box.number) for box in boxes)
    objects[_PAGES] = dictionary({"Type": b"/Pages", "Kids": kids, "Count": b"%d" % len(pages)})
    info = metadata.DocumentInformation(f"{terms.original.title}（用证副本）", terms.by, terms.copy_id, terms.made)
    objects[_XMP], objects[_INFO] = metadata.xmp(info), metadata.information(info)
    _attach(terms, objects)
    identity = bytes.fromhex(derived_nonce(terms, "ID"))
    return CopyPDF(objects, tuple(entries), _catalog(), tuple(tagged), identity, tuple(boxes), max(objects) + 1)


def _mark(mark: Mark, resource: bytes, font: PDFFont) -> bytes:
    """One row of the watermark on its rising baseline."""
    angle = math.radians(ANGLE)
    cosine, sine = real(mark.size * math.cos(angle), 5), real(mark.size * math.sin(angle), 5)
    state = b"/GD" if mark.opacity == DARK_OPACITY else b"/GL"
    colour = b" ".join(real(part / 255) for part in mark.colour)
    return b"BT %b gs %b rg %b 1 Tf %b -%b -%b -%b %b %b Tm %b TJ ET" % (
        state, colour, resource, cosine, sine, sine, cosine, real(mark.x), real(mark.baseline),
        font.show(mark.text, mark.deltas, mark.size),
    )  # fmt: skip


def _fonts(pages: Sequence[CopyPage], objects: dict[int, bytes]) -> dict[str, tuple[bytes, PDFFont]]:
    """One subset of each font for the whole file."""
    chars: dict[str, set[str]] = {FONT: set()}
    for page in pages:
        chars[FONT].update(*(mark.text for mark in page.marks))
        for item in text_items(page.items):
            chars.setdefault(item.font, set()).update(item.text)
    fonts = {}
    for index, (font, used) in enumerate(sorted(chars.items())):
        embedded = PDFFont.embed(load_font(font), used, _FIRST_FONT + OBJECTS * index, level=_LEVEL)
        objects |= embedded.objects
        fonts[font] = (b"/F%d" % index, embedded)
    return fonts


def _pictures(pages: Sequence[CopyPage], first: int, objects: dict[int, bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """Each raster's resource name and reference; a JPEG goes in as it is."""
    found: dict[bytes, tuple[bytes, bytes]] = {}
    for page in pages:
        for item in page.items:
            if isinstance(item, Picture) and item.data not in found:
                number = first + PICTURE_OBJECTS * len(found)
                jpeg = item.data.startswith(b"\xff\xd8")
                objects |= {number: _jpeg(item.data)} if jpeg else seal_picture(item.data).objects(number)
                found[item.data] = b"/P%d" % len(found), reference(number)
    return found


def _jpeg(data: bytes) -> bytes:
    with Pictures.open(BytesIO(data)) as opened:
        width, height, space = opened.width, opened.height, b"/DeviceGray" if opened.mode == "L" else b"/DeviceRGB"
    head = {"Type": b"/XObject", "Subtype": b"/Image", "Width": b"%d" % width, "Height": b"%d" % height}
    return stream({**head, "BitsPerComponent": b"8", "ColorSpace": space, "Filter": b"/DCTDecode"}, data)


def _page(
    page: CopyPage, index: int, fonts: Mapping[bytes, bytes], pictures: Mapping[bytes, bytes]
) -> dict[str, bytes]:
    resources = {"Font": dictionary({resource.decode()[1:]: place for resource, place in fonts.items()})}
    resources["ExtGState"] = dictionary({"GL": reference(_LIGHT), "GD": reference(_DARK)})
    if pictures:
        resources["XObject"] = dictionary({resource.decode()[1:]: place for resource, place in pictures.items()})
    return {
        "Type": b"/Page",
        "Parent": reference(_PAGES),
        "MediaBox": reals((0, 0, page.width * POINTS_PER_MM, page.height * POINTS_PER_MM)),
        "Resources": dictionary(resources),
        "Contents": reference(_FIRST_PAGE + 2 * index + 1),
        "StructParents": b"%d" % _parents(index),
        "Tabs": b"/S",
    }


def _attach(terms: CopyTerms, objects: dict[int, bytes]) -> None:
    data = terms.to_bytes()
    parameters = dictionary({"Size": b"%d" % len(data), "ModDate": metadata.pdf_date(terms.made)})
    head = {"Type": b"/EmbeddedFile", "Subtype": name("application/json"), "Params": parameters}
    objects[_FILE] = stream(head, data, level=_LEVEL)
    place = dictionary({"F": reference(_FILE), "UF": reference(_FILE)})
    specification = {"Type": b"/Filespec", "F": text(COPY_FILE), "UF": text(COPY_FILE)}
    specification |= {"AFRelationship": name("Data"), "Desc": text("副本条款"), "EF": place}
    objects[_SPEC] = dictionary(specification)


def _catalog() -> dict[str, bytes]:
    return {
        "Type": b"/Catalog",
        "Pages": reference(_PAGES),
        "Lang": text("zh-CN"),
        "MarkInfo": b"<</Marked true>>",
        "StructTreeRoot": reference(_ROOT),
        "Metadata": reference(_XMP),
        "OutputIntents": array([metadata.output_intent(reference(_PROFILE))]),
        "ViewerPreferences": b"<</DisplayDocTitle true>>",
        "Names": metadata.embedded({COPY_FILE: reference(_SPEC)}),
        "AF": array([reference(_SPEC)]),
    }
