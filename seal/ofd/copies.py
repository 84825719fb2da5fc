"""用证副本的书写: the OFD entries of a derived copy (GB/T 33190-2016, clauses 7 to 18).

What is shown stands on the pages; the watermark is an annotation of its own type on each of them (15.2), printed and
not to be changed; the terms are an attachment. Custom tags bind the face's fields, and the lines of the band below, to
the texts that draw them, as in a licence. Every entry that depends on the holder carries a nonce.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from seal.copies import COPY_ENTRY, CopyTerms, derived_nonce
from seal.message import DOC, TAG_ENTRY
from seal.ofd.package import OFD_NAMESPACE, Entry
from seal.ofd.pages import ENTRY, SIGNATURES_LOC, TAG_NAMESPACE
from seal.ofd.unsigned import PageBox, UnsignedOFD
from seal.painting import Grid, Item, Path, Picture, Text, number, ofd_grid, ofd_path, ofd_picture, ofd_text
from seal.typesetting import load_font
from seal.watermark import FONT, Mark, halved, ofd_mark

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NS = f'xmlns:ofd="{OFD_NAMESPACE}"'
_FONTS, _PICTURES, _ANNOTATIONS, _OBJECTS = 300, 400, 700, 1000
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class CopyPage:
    """副本的一页."""

    width: float
    """Millimetres, the band included."""
    height: float
    items: tuple[Item, ...]
    marks: tuple[Mark, ...]


def has_picture(page: CopyPage) -> bool:
    """Some readers draw pictures over annotations: there the watermark stands on the page as well."""
    return any(isinstance(item, Picture) for item in page.items)


@dataclass(slots=True)
class _Writer:
    """IDs as they are given, and what the pages use."""

    fonts: dict[str, int]
    pictures: dict[bytes, int]
    last: int = _OBJECTS
    tags: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Field → ``(page, object)``."""

    def next(self) -> int:
        self.last += 1
        return self.last

    def content(self, number: int, page: CopyPage) -> str:
        objects = "".join(self._object(number, item) for item in page.items)
        layers = f'<ofd:Layer ID="{self.next()}" Type="Body">{objects}</ofd:Layer>'
        if has_picture(page):
            marks = "".join(ofd_mark(mark, self.next(), self.fonts[FONT]) for mark in halved(page.marks))
            layers += f'<ofd:Layer ID="{self.next()}" Type="Foreground">{marks}</ofd:Layer>'
        return f"<ofd:Content>{layers}</ofd:Content>"

    def _object(self, page: int, item: Item) -> str:
        identity = self.next()
        if isinstance(item, Text):
            if item.field:
                self.tags.setdefault(item.field, []).append((page, identity))
            return ofd_text(item, identity, self.fonts[item.font])
        if isinstance(item, Path):
            return ofd_path(item, identity)
        if isinstance(item, Grid):
            return ofd_grid(item, identity)
        return ofd_picture(item, identity, self.pictures[item.data])

    def annotation(self, page: CopyPage, identity: int) -> str:
        rows = halved(page.marks) if has_picture(page) else page.marks
        marks = "".join(ofd_mark(mark, self.next(), self.fonts[FONT]) for mark in rows)
        return (
            f'<ofd:Annot ID="{identity}" Type="Watermark" Creator="licence-trust" LastModDate="2026-01-01" '
            f'Print="true" ReadOnly="true"><ofd:Appearance Boundary="{_box(page)}">{marks}</ofd:Appearance></ofd:Annot>'
        )


def write_copy(terms: CopyTerms, pages: Sequence[CopyPage]) -> UnsignedOFD:
    """The unsigned copy. Raises ``Malformed("face.missing_glyph")``."""
    texts = [item for page in pages for item in page.items if isinstance(item, Text)]
    fonts = {name: _FONTS + index for index, name in enumerate(sorted({FONT, *(text.font for text in texts)}))}
    shown = dict.fromkeys(item.data for page in pages for item in page.items if isinstance(item, Picture))
    writer = _Writer(fonts, {data: _PICTURES + index for index, data in enumerate(shown)})
    written = [_page(terms, writer, index, page) for index, page in enumerate(pages)]
    annotations = [_annotation(terms, writer, index, page) for index, page in enumerate(pages)]
    tags = _entry(TAG_ENTRY, _tags(terms, writer))
    entries = (
        _entry(ENTRY, _ofd(terms)),
        _entry(f"{DOC}/Document.xml", _document(pages, writer.last)),
        _entry(f"{DOC}/PublicRes.xml", _resources(writer)),
        *written,
        _entry(f"{DOC}/Annots/Annotations.xml", _annotations(len(pages))),
        *annotations,
        _entry(f"{DOC}/Tags/CustomTags.xml", _custom_tags()),
        tags,
        _entry(f"{DOC}/Attachs/Attachments.xml", _attachments()),
        Entry.of(COPY_ENTRY, terms.to_bytes(), level=_LEVEL),
        *_fonts(terms, fonts, texts, pages),
        *(Entry.of(f"{DOC}/Res/{_picture_file(data, one)}", data, level=0) for data, one in writer.pictures.items()),
    )
    boxes = tuple(PageBox(index, page.width, page.height) for index, page in enumerate(pages, 1))
    return UnsignedOFD(entries, boxes, None)


def _entry(name: str, xml: str) -> Entry:
    return Entry.of(name, (_HEAD + xml).encode(), level=_LEVEL)


def _box(page: CopyPage) -> str:
    return f"0 0 {number(page.width)} {number(page.height)}"


def _page(terms: CopyTerms, writer: _Writer, index: int, page: CopyPage) -> Entry:
    name = f"{DOC}/Pages/Page_{index}/Content.xml"
    area = f"<ofd:Area><ofd:PhysicalBox>{_box(page)}</ofd:PhysicalBox></ofd:Area>"
    xml = f"<ofd:Page {_NS}>{area}{writer.content(index + 1, page)}</ofd:Page>"
    return _entry(name, f"<!--{derived_nonce(terms, name)}-->{xml}")


def _annotation(terms: CopyTerms, writer: _Writer, index: int, page: CopyPage) -> Entry:
    name = f"{DOC}/Annots/Page_{index}/Annotation.xml"
    xml = f"<ofd:PageAnnot {_NS}>{writer.annotation(page, _ANNOTATIONS + index)}</ofd:PageAnnot>"
    return _entry(name, f"<!--{derived_nonce(terms, name)}-->{xml}")


def _ofd(terms: CopyTerms) -> str:
    """OFD.xml (7.4)."""
    title = escape(f"{terms.original.title}（用证副本）")
    return (
        f'<ofd:OFD {_NS} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>{derived_nonce(terms, 'DocID')}</ofd:DocID><ofd:Title>{title}</ofd:Title>"
        f"<ofd:Author>{escape(terms.by)}</ofd:Author><ofd:CreationDate>{terms.made:%Y-%m-%d}</ofd:CreationDate>"
        f"<ofd:Creator>licence-trust</ofd:Creator></ofd:DocInfo><ofd:DocRoot>{DOC}/Document.xml</ofd:DocRoot>"
        f"<ofd:Signatures>{SIGNATURES_LOC}</ofd:Signatures></ofd:DocBody></ofd:OFD>"
    )


def _document(pages: Sequence[CopyPage], last: int) -> str:
    """Document.xml (7.5)."""
    listed = "".join(f'<ofd:Page ID="{n}" BaseLoc="Pages/Page_{n - 1}/Content.xml"/>' for n in range(1, len(pages) + 1))
    return (
        f"<ofd:Document {_NS}><ofd:CommonData><ofd:MaxUnitID>{last}</ofd:MaxUnitID>"
        f"<ofd:PageArea><ofd:PhysicalBox>{_box(pages[0])}</ofd:PhysicalBox></ofd:PageArea>"
        f"<ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData><ofd:Pages>{listed}</ofd:Pages>"
        "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>"
        "<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>"
        "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments></ofd:Document>"
    )


def _resources(writer: _Writer) -> str:
    fonts = "".join(_font(name, identity) for name, identity in writer.fonts.items())
    media = "".join(
        f'<ofd:MultiMedia ID="{one}" Type="Image" Format="{_format(data)}">'
        f"<ofd:MediaFile>{_picture_file(data, one)}</ofd:MediaFile></ofd:MultiMedia>"
        for data, one in writer.pictures.items()
    )
    media = media and f"<ofd:MultiMedias>{media}</ofd:MultiMedias>"
    return f'<ofd:Res {_NS} BaseLoc="Res"><ofd:Fonts>{fonts}</ofd:Fonts>{media}</ofd:Res>'


def _font(name: str, identity: int) -> str:
    face = load_font(name)
    bold, serif = ' Bold="true"' if face.bold else "", ' Serif="true"' if face.serif else ""
    return (
        f'<ofd:Font ID="{identity}" FontName={quoteattr(face.font_name)} FamilyName={quoteattr(face.family)} '
        f'Charset="unicode"{bold}{serif}><ofd:FontFile>copy-{name}.ttf</ofd:FontFile></ofd:Font>'
    )


def _format(data: bytes) -> str:
    return "JPEG" if data.startswith(b"\xff\xd8") else "PNG"


def _picture_file(data: bytes, identity: int) -> str:
    return f"picture-{identity}.{_format(data).lower()}"


def _fonts(terms: CopyTerms, fonts: Iterable[str], texts: Iterable[Text], pages: Iterable[CopyPage]) -> Iterable[Entry]:
    """One subset per font, with a nonce: which characters it holds tells of the holder."""
    used: dict[str, set[str]] = {name: {" "} for name in fonts}
    for text in texts:
        used[text.font].update(text.text)
    for page in pages:
        used[FONT].update(*(mark.text for mark in page.marks))
    for name, chars in used.items():
        entry = f"{DOC}/Res/copy-{name}.ttf"
        yield Entry.of(entry, load_font(name).subset(chars, bytes.fromhex(derived_nonce(terms, entry))), level=0)


def _annotations(pages: int) -> str:
    listed = "".join(
        f'<ofd:Page PageID="{n}"><ofd:FileLoc>Page_{n - 1}/Annotation.xml</ofd:FileLoc></ofd:Page>'
        for n in range(1, pages + 1)
    )
    return f"<ofd:Annotations {_NS}>{listed}</ofd:Annotations>"


def _custom_tags() -> str:
    return (
        f'<ofd:CustomTags {_NS}><ofd:CustomTag NameSpace="{TAG_NAMESPACE}">'
        f"<ofd:FileLoc>/{TAG_ENTRY}</ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>"
    )


def _tags(terms: CopyTerms, writer: _Writer) -> str:
    fields = "".join(
        f"<lt:Field Name={quoteattr(name)}>"
        + "".join(f'<ofd:ObjectRef PageRef="{page}">{identity}</ofd:ObjectRef>' for page, identity in places)
        + "</lt:Field>"
        for name, places in writer.tags.items()
    )
    nonce = derived_nonce(terms, TAG_ENTRY)
    return f'<!--{nonce}--><lt:Licence xmlns:lt="{TAG_NAMESPACE}" {_NS}>{fields}</lt:Licence>'


def _attachments() -> str:
    return (
        f'<ofd:Attachments {_NS}><ofd:Attachment ID="a1" Name="copy" Format="json" Visible="false" Usage="data">'
        f"<ofd:FileLoc>/{COPY_ENTRY}</ofd:FileLoc></ofd:Attachment></ofd:Attachments>"
    )
