"""版式文档的书写: a one-page licence as PDF/A-3b with tagged text (ISO 19005-3; ISO 32000-1, 14.7).

What is the same for every licence of a type (background, its fonts, colour profile) is written once by
``PDFTemplate.prepare``; ``compose`` writes only what differs. The data message and the digests of its fields are
embedded under the names of ``seal.pdf.structures``. Text carries its characters, so it is read aloud, found and
copied; label and value follow one another as they stand on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from seal.message import DataMessage, derived_nonce, disclosure_entry
from seal.painting import Item, Picture
from seal.pdf import metadata
from seal.pdf.appearance import PICTURE_OBJECTS, seal_picture
from seal.pdf.document import PDFPage, TaggedElement, UnsignedPDF
from seal.pdf.fonts import OBJECTS, PDFFont
from seal.pdf.objects import Block, array, dictionary, name, reals, reference, stream, text
from seal.pdf.painting import Painter, Tagged, page_matrix, text_items
from seal.pdf.structures import DIGESTS_FILE, MESSAGE_FILE, POINTS_PER_MM, THUMBNAIL_FILE
from seal.typesetting import load_font

_FIXED_CONTENT, _CONTENT, _XMP, _PROFILE = 4, 5, 6, 7
_FILES = (10, 11), (12, 13), (17, 18)
_FIRST_FONT = 20
_FIRST_VALUE_FONT = 40
_FIRST_FREE = 60
_LEVEL = 2
"""Deflate level of what is written per document."""
_BEIJING = timezone(timedelta(hours=8))
_SAME_LINE = 2.5
"""Millimetres by which baselines may differ and still be read as one line."""


@dataclass(frozen=True, slots=True)
class Attached:
    """内嵌文件."""

    name: str
    relation: str
    """``AFRelationship``."""
    media: str
    data: bytes
    described: str


@dataclass(frozen=True, slots=True)
class PDFTemplate:
    """一类证照的版式: the objects that never change, and what is needed to write the others."""

    width: float
    height: float
    fixed: Block
    tagged: tuple[Tagged, ...]
    """Marked content of the background."""
    value_fonts: tuple[str, ...]
    fonts: Mapping[str, bytes]
    """Resource name → reference."""
    creator: str

    @classmethod
    def prepare(
        cls,
        width: float,
        height: float,
        background: Sequence[Item],
        *,
        value_fonts: Sequence[str] = ("serif",),
        creator: str = "licence-trust",
    ) -> PDFTemplate:
        """Write what all documents of the type share; ``background`` holds paths and texts."""
        texts = text_items(background)
        used = sorted({item.font for item in texts})
        fonts: dict[str, tuple[bytes, PDFFont]] = {}
        objects: dict[int, bytes] = {_PROFILE: metadata.colour_profile()}
        for index, font in enumerate(used):
            chars = {char for item in texts if item.font == font for char in item.text}
            embedded = PDFFont.embed(load_font(font), chars, _FIRST_FONT + OBJECTS * index, level=9)
            fonts[font] = (b"/L%d" % index, embedded)
            objects |= embedded.objects
        painter = Painter(fonts).paint(background)
        content = b"q " + page_matrix(height) + b"\n" + b"\n".join(painter.parts) + b"\nQ\n"
        objects[_FIXED_CONTENT] = stream({}, content, level=9)
        objects[UnsignedPDF.PAGES] = dictionary(
            {"Type": b"/Pages", "Kids": array([reference(UnsignedPDF.PAGE)]), "Count": b"1"}
        )
        places = {resource.decode()[1:]: reference(font.number) for resource, font in fonts.values()}
        places |= {f"V{n}": reference(_FIRST_VALUE_FONT + OBJECTS * n) for n in range(len(value_fonts))}
        return cls(width, height, Block.of(objects), tuple(painter.marked), tuple(value_fonts), places, creator)

    def compose(
        self, message: DataMessage, content: Sequence[Item], *, thumbnail: bytes = b"", code: str = ""
    ) -> UnsignedPDF:
        """The unsigned licence: ``content`` is painted over the background, the data message embedded.

        ``thumbnail`` is a JPEG; ``code`` says in words what the page's QR code holds. Raises
        ``Malformed("face.missing_glyph")``.
        """
        files = [
            Attached(MESSAGE_FILE, "Data", "application/json", message.to_bytes(), "证照数据电文"),
            Attached(DIGESTS_FILE, "Supplement", "application/json", disclosure_entry(message), "照面字段摘要"),
        ]
        if thumbnail:
            files.append(Attached(THUMBNAIL_FILE, "Supplement", "image/jpeg", thumbnail, "缩略图"))
        identity = bytes.fromhex(derived_nonce(message, "ID"))
        return self.write(content, _information(message, self.creator), files, identity, code=code, message=message)

    def write(
        self,
        content: Sequence[Item],
        info: metadata.DocumentInformation,
        files: Sequence[Attached],
        identity: bytes,
        *,
        code: str = "",
        message: DataMessage | None = None,
    ) -> UnsignedPDF:
        """Any unsigned document with this background; ``identity`` are the 16 octets of its ID."""
        fonts, objects = self._fonts(content)
        pictures, resources = _pictures(content, objects)
        painter = Painter(fonts, pictures, first=len(self.tagged)).paint(content)
        drawn = b"q " + page_matrix(self.height) + b"\n" + b"\n".join(painter.parts) + b"\nQ\n"
        objects[_CONTENT] = stream({}, drawn, level=_LEVEL)
        objects[_XMP] = metadata.xmp(info)
        objects[UnsignedPDF.INFO] = metadata.information(info)
        listed = _attach(files, objects, info.created)
        return UnsignedPDF(
            self.fixed,
            objects,
            _catalog(listed),
            self._page(resources),
            _elements((*self.tagged, *painter.marked), code),
            identity,
            (PDFPage(1, self.width, self.height, UnsignedPDF.PAGE),),
            message,
            max(_FIRST_FREE, *(number + 1 for number in objects)),
        )

    def _fonts(self, content: Sequence[Item]) -> tuple[dict[str, tuple[bytes, PDFFont]], dict[int, bytes]]:
        """The value fonts, one subset each; outlines are stored as they are, as packing them gains little."""
        texts = text_items(content)
        fonts: dict[str, tuple[bytes, PDFFont]] = {}
        objects: dict[int, bytes] = {}
        for index, font in enumerate(self.value_fonts):
            chars = {char for item in texts if item.font == font for char in item.text}
            embedded = PDFFont.embed(load_font(font), chars, _FIRST_VALUE_FONT + OBJECTS * index)
            fonts[font] = (b"/V%d" % index, embedded)
            objects |= embedded.objects
        return fonts, objects

    def _page(self, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
        resources = {"Font": dictionary(self.fonts)}
        if pictures:
            resources["XObject"] = dictionary(pictures)
        box = reals((0, 0, self.width * POINTS_PER_MM, self.height * POINTS_PER_MM))
        return {
            "Type": b"/Page",
            "Parent": reference(UnsignedPDF.PAGES),
            "MediaBox": box,
            "Resources": dictionary(resources),
            "Contents": array(map(reference, (_FIXED_CONTENT, _CONTENT))),
            "StructParents": b"0",
            "Tabs": b"/S",
        }


def _information(message: DataMessage, creator: str) -> metadata.DocumentInformation:
    facts = message.metadata
    try:
        day = datetime.fromisoformat(facts["issued_on"]).replace(tzinfo=_BEIJING)
    except ValueError:
        day = datetime(2000, 1, 1, tzinfo=_BEIJING)
    return metadata.DocumentInformation(facts["type_name"], facts["issuer_name"], facts["licence_id"], day, creator)


def _catalog(listed: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        "Type": b"/Catalog",
        "Pages": reference(UnsignedPDF.PAGES),
        "Lang": text("zh-CN"),
        "MarkInfo": b"<</Marked true>>",
        "StructTreeRoot": reference(UnsignedPDF.ROOT_ELEMENT),
        "Metadata": reference(_XMP),
        "OutputIntents": array([metadata.output_intent(reference(_PROFILE))]),
        "ViewerPreferences": b"<</DisplayDocTitle true>>",
        "Names": metadata.embedded(listed),
        "AF": array(listed.values()),
    }


def _pictures(content: Sequence[Item], objects: dict[int, bytes]) -> tuple[dict[bytes, bytes], dict[str, bytes]]:
    """The rasters of a page: each one's resource name, and what the names refer to."""
    names: dict[bytes, bytes] = {}
    resources: dict[str, bytes] = {}
    for item in content:
        if isinstance(item, Picture) and item.data not in names:
            number = _FIRST_FREE + PICTURE_OBJECTS * len(names)
            objects |= seal_picture(item.data).objects(number)
            names[item.data] = b"/P%d" % len(names)
            resources[f"P{len(resources)}"] = reference(number)
    return names, resources


def _attach(files: Sequence[Attached], objects: dict[int, bytes], created: datetime) -> dict[str, bytes]:
    """Embedded files (ISO 19005-3, 6.8)."""
    listed: dict[str, bytes] = {}
    for (specification, content), file in zip(_FILES, files, strict=False):
        parameters = dictionary({"Size": b"%d" % len(file.data), "ModDate": metadata.pdf_date(created)})
        head = {"Type": b"/EmbeddedFile", "Subtype": name(file.media), "Params": parameters}
        objects[content] = stream(head, file.data, level=0 if file.media == "image/jpeg" else _LEVEL)
        place = dictionary({"F": reference(content), "UF": reference(content)})
        objects[specification] = dictionary(
            {
                "Type": b"/Filespec",
                "F": text(file.name),
                "UF": text(file.name),
                "AFRelationship": name(file.relation),
                "Desc": text(file.described),
                "EF": place,
            }
        )
        listed[file.name] = reference(specification)
    return listed


def _elements(tagged: Sequence[Tagged], code: str) -> tuple[TaggedElement, ...]:
    """Reading order: line by line, a field's further lines with its first."""
    groups: dict[object, list[int]] = {}
    for number, piece in enumerate(tagged):
        groups.setdefault(piece.field or number, []).append(number)
    order = sorted(groups.values(), key=lambda marks: (tagged[marks[0]].y // _SAME_LINE, tagged[marks[0]].x))
    return tuple(_element(tagged[marks[0]], tuple(marks), code) for marks in order)


def _element(piece: Tagged, marks: tuple[int, ...], code: str) -> TaggedElement:
    return (
        TaggedElement("Figure", marks, code if piece.figure == "二维码" and code else piece.figure)
        if piece.figure
        else TaggedElement("P", marks, field=piece.field)
    )
