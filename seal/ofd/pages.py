"""版式文档的书写: the OFD entries of a one-page licence (GB/T 33190-2016, clauses 7 to 18).

What is the same for every licence of a type (background, resources, annotations, lists) is written,
packed and digested once by ``OFDTemplate.prepare``; ``compose`` writes only what differs. Every entry
that depends on the holder carries a 128-bit nonce of its own, so that the digests in Signature.xml
cannot confirm a guess at its content.

``Tags/Tag_Licence.xml`` binds each face field to the text objects that draw it, in reading order::

    <lt:Licence xmlns:lt="urn:licence-trust:face:1" xmlns:ofd="http://www.ofdspec.org/2016">
      <lt:Field Name="holder_name"><ofd:ObjectRef PageRef="1">10004</ofd:ObjectRef>…</lt:Field>
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from seal.message import (
    DIGESTS_ENTRY,
    DOC,
    MESSAGE_ENTRY,
    TAG_ENTRY,
    DataMessage,
    custom_datas,
    derived_nonce,
    disclosure_entry,
)
from seal.ofd.package import OFD_NAMESPACE, Entry
from seal.ofd.unsigned import PageBox, UnsignedOFD
from seal.painting import Item, Picture, Text, number, ofd_objects
from seal.typesetting import FontFace, load_font
from trust.errors import Malformed

TAG_NAMESPACE = "urn:licence-trust:face:1"
"""Namespace of ``Tag_Licence.xml`` and of its entry in CustomTags.xml."""

PAGE_ID = 1
TEMPLATE_ID = 2
STATIC_FONT_ID = 3
VALUE_FONT_ID = 30
ANNOTATION_ID = 60
PICTURE_ID = 70
"""Of pictures in the background, one after the other."""
BACKGROUND_ID = 1000
CONTENT_ID = 200_000
MAX_UNIT_ID = 400_000

ENTRY = "OFD.xml"
PAGE_ENTRY = f"{DOC}/Pages/Page_0/Content.xml"
THUMBNAIL_ENTRY = f"{DOC}/Res/thumbnail.jpg"
SIGNATURES_LOC = f"/{DOC}/Signs/Signatures.xml"

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NS = f'xmlns:ofd="{OFD_NAMESPACE}"'


@dataclass(frozen=True, slots=True)
class OFDTemplate:
    """一类证照的版式: the entries that never change, and what is needed to write the others."""

    width: float
    height: float
    fixed: tuple[Entry, ...]
    value_fonts: Mapping[str, int]
    """Font name → its ID in PublicRes.xml."""
    creator: str

    @classmethod
    def prepare(
        cls,
        width: float,
        height: float,
        background: Sequence[Item],
        annotation: Sequence[Item] = (),
        *,
        value_fonts: Sequence[str] = ("serif",),
        creator: str = "licence-trust",
    ) -> OFDTemplate:
        """Write, pack and digest what all documents of the type share.

        ``background`` becomes the page template, ``annotation`` a watermark annotation; both hold
        paths and texts, whose characters are embedded as one subset per font, the background also
        PNG pictures.
        """
        used = sorted({item.font for item in (*background, *annotation) if isinstance(item, Text)})
        fixed_ids = {name: STATIC_FONT_ID + index for index, name in enumerate(used)}
        value_ids = {name: VALUE_FONT_ID + index for index, name in enumerate(value_fonts)}
        pictures = {
            data: PICTURE_ID + index
            for index, data in enumerate(dict.fromkeys(i.data for i in background if isinstance(i, Picture)))
        }
        box = f"0 0 {number(width)} {number(height)}"
        entries = [
            _entry(f"{DOC}/Document.xml", _document(box, annotated=bool(annotation))),
            _entry(f"{DOC}/PublicRes.xml", _resources(fixed_ids, value_ids, pictures.values())),
            _entry(f"{DOC}/Tpls/Tpl_0/Content.xml", _template(box, background, fixed_ids, pictures)),
            _entry(f"{DOC}/Attachs/Attachments.xml", _attachments()),
            _entry(f"{DOC}/Tags/CustomTags.xml", _custom_tags()),
            *_static_fonts(used, (*background, *annotation)),
            *(Entry.of(f"{DOC}/Res/{_picture_file(one)}", data, level=0) for data, one in pictures.items()),
        ]
        if annotation:
            entries.append(_entry(f"{DOC}/Annots/Annotations.xml", _annotations()))
            entries.append(_entry(f"{DOC}/Annots/Page_0/Annotation.xml", _annotation(box, annotation, fixed_ids)))
        return cls(width, height, tuple(entries), value_ids, creator)

    def compose(
        self, message: DataMessage, content: Sequence[Item], thumbnail: bytes, *, fixed: Sequence[Entry] = ()
    ) -> UnsignedOFD:
        """The whole unsigned document: ``content`` is painted over the template.

        Texts with a ``field`` are bound to it in ``Tag_Licence.xml``. ``thumbnail`` is a JPEG.
        Raises ``Malformed("face.missing_glyph")``.
        """
        objects, tags = _page_objects(content, self.value_fonts)
        entries = (
            _entry(ENTRY, _ofd(message, self.creator)),
            *self.fixed,
            *fixed,
            _entry(PAGE_ENTRY, _page(objects, derived_nonce(message, PAGE_ENTRY))),
            *_value_fonts(message, self.value_fonts, content),
            Entry.of(THUMBNAIL_ENTRY, with_comment(thumbnail, derived_nonce(message, THUMBNAIL_ENTRY)), level=0),
            Entry.of(MESSAGE_ENTRY, message.to_bytes(), level=_LEVEL),
            Entry.of(DIGESTS_ENTRY, disclosure_entry(message), level=_LEVEL),
            _entry(TAG_ENTRY, _tags(tags, derived_nonce(message, TAG_ENTRY))),
        )
        return UnsignedOFD(entries, (PageBox(PAGE_ID, self.width, self.height),), message)


_LEVEL = 2
"""Deflate level of what is written per document: a fifth of level 6's time for 500 bytes more."""


def _entry(name: str, xml: str) -> Entry:
    return Entry.of(name, (_HEAD + xml).encode(), level=_LEVEL if name in (ENTRY, PAGE_ENTRY, TAG_ENTRY) else 9)


# ---------------------------------------------------------------- written once per type


def _document(box: str, *, annotated: bool) -> str:
    """Document.xml (7.5): common data, the page, and where annotations, tags and attachments are listed."""
    annotations = "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>" if annotated else ""
    return (
        f"<ofd:Document {_NS}><ofd:CommonData><ofd:MaxUnitID>{MAX_UNIT_ID}</ofd:MaxUnitID>"
        f"<ofd:PageArea><ofd:PhysicalBox>{box}</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
        f'<ofd:TemplatePage ID="{TEMPLATE_ID}" Name="background" ZOrder="Background" BaseLoc="Tpls/Tpl_0/Content.xml"/>'
        f'</ofd:CommonData><ofd:Pages><ofd:Page ID="{PAGE_ID}" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>'
        f"{annotations}<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>"
        "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments></ofd:Document>"
    )


def _picture_file(identity: int) -> str:
    return f"picture-{identity}.png"


def _resources(fixed: Mapping[str, int], values: Mapping[str, int], pictures: Iterable[int]) -> str:
    fonts = [_font(name, identity, f"label-{name}.ttf") for name, identity in fixed.items()]
    fonts += [_font(name, identity, f"value-{name}.ttf") for name, identity in values.items()]
    media = "".join(
        f'<ofd:MultiMedia ID="{one}" Type="Image" Format="PNG"><ofd:MediaFile>{_picture_file(one)}</ofd:MediaFile>'
        "</ofd:MultiMedia>"
        for one in pictures
    )
    media = media and f"<ofd:MultiMedias>{media}</ofd:MultiMedias>"
    return f'<ofd:Res {_NS} BaseLoc="Res"><ofd:Fonts>{"".join(fonts)}</ofd:Fonts>{media}</ofd:Res>'


def _font(name: str, identity: int, file: str) -> str:
    """A font resource (11.1); ``FamilyName`` is what a reader without our font should take instead."""
    face = load_font(name)
    bold = ' Bold="true"' if face.bold else ""
    serif = ' Serif="true"' if face.serif else ""
    return (
        f"<ofd:Font ID={quoteattr(str(identity))} FontName={quoteattr(face.font_name)} FamilyName="
        f'{quoteattr(face.family)} Charset="unicode"{bold}{serif}><ofd:FontFile>{file}</ofd:FontFile></ofd:Font>'
    )


def _template(box: str, items: Sequence[Item], fonts: Mapping[str, int], pictures: Mapping[bytes, int]) -> str:
    objects = "".join(xml for _, xml in ofd_objects(items, BACKGROUND_ID, fonts, pictures))
    return (
        f"<ofd:Page {_NS}><ofd:Area><ofd:PhysicalBox>{box}</ofd:PhysicalBox></ofd:Area>"
        f'<ofd:Content><ofd:Layer ID="{BACKGROUND_ID - 1}" Type="Background">{objects}</ofd:Layer></ofd:Content>'
        "</ofd:Page>"
    )


def _attachments() -> str:
    """The data message and the digests of its fields (18.2), named by content, not by holder."""
    files = (("licence", MESSAGE_ENTRY), ("digests", DIGESTS_ENTRY))
    listed = "".join(
        f'<ofd:Attachment ID="a{index}" Name="{name}" Format="json" Visible="false" Usage="data">'
        f"<ofd:FileLoc>/{entry}</ofd:FileLoc></ofd:Attachment>"
        for index, (name, entry) in enumerate(files, 1)
    )
    return f"<ofd:Attachments {_NS}>{listed}</ofd:Attachments>"


def _custom_tags() -> str:
    return (
        f'<ofd:CustomTags {_NS}><ofd:CustomTag NameSpace="{TAG_NAMESPACE}">'
        f"<ofd:FileLoc>/{TAG_ENTRY}</ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>"
    )


def _annotations() -> str:
    return (
        f'<ofd:Annotations {_NS}><ofd:Page PageID="{PAGE_ID}"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc>'
        "</ofd:Page></ofd:Annotations>"
    )


def _annotation(box: str, items: Sequence[Item], fonts: Mapping[str, int]) -> str:
    """One watermark annotation over the whole page (15.2), printed and not to be changed."""
    objects = "".join(xml for _, xml in ofd_objects(items, CONTENT_ID + 100_000, fonts))
    return (
        f'<ofd:PageAnnot {_NS}><ofd:Annot ID="{ANNOTATION_ID}" Type="Watermark" Creator="licence-trust" '
        f'LastModDate="2026-01-01" Print="true" ReadOnly="true"><ofd:Appearance Boundary="{box}">{objects}'
        "</ofd:Appearance></ofd:Annot></ofd:PageAnnot>"
    )


def _static_fonts(names: Iterable[str], items: Iterable[Item]) -> list[Entry]:
    texts = [item for item in items if isinstance(item, Text)]
    return [
        Entry.of(f"{DOC}/Res/label-{name}.ttf", load_font(name).subset(_chars(name, texts)), level=9) for name in names
    ]


def _chars(font: str, items: Iterable[Item]) -> set[str]:
    return {char for item in items if isinstance(item, Text) and item.font == font for char in item.text}


# ---------------------------------------------------------------- written per document


def _ofd(message: DataMessage, creator: str) -> str:
    """OFD.xml (7.4): what the document is, its metadata, and where its signatures will be listed."""
    info = message.metadata
    data = "".join(
        f"<ofd:CustomData Name={quoteattr(name)}>{_text(value)}</ofd:CustomData>"
        for name, value in custom_datas(message)
    )
    return (
        f'<ofd:OFD {_NS} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>{derived_nonce(message, 'DocID')}</ofd:DocID><ofd:Title>{_text(info['type_name'])}</ofd:Title>"
        f"<ofd:Author>{_text(info['issuer_name'])}</ofd:Author><ofd:CreationDate>{_text(info['issued_on'])}"
        f"</ofd:CreationDate><ofd:Cover>/{THUMBNAIL_ENTRY}</ofd:Cover><ofd:Creator>{_text(creator)}</ofd:Creator>"
        f"<ofd:CustomDatas>{data}</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>{DOC}/Document.xml</ofd:DocRoot>"
        f"<ofd:Signatures>{SIGNATURES_LOC}</ofd:Signatures></ofd:DocBody></ofd:OFD>"
    )


def _text(value: str) -> str:
    """Character data. What XML cannot hold at all is refused rather than dropped."""
    if not value.isprintable() and any(char < " " and char not in "\t\n" for char in value):
        raise Malformed("face.control_character", "照面文字含有控制字符，无法写入文件。")
    return escape(value)


def _page_objects(content: Sequence[Item], fonts: Mapping[str, int]) -> tuple[str, dict[str, list[int]]]:
    """The page's objects, and for each field the IDs of the texts that draw it."""
    tags: dict[str, list[int]] = {}
    parts: list[str] = []
    for (identity, xml), item in zip(ofd_objects(content, CONTENT_ID, fonts), content, strict=True):
        parts.append(xml)
        if isinstance(item, Text) and item.field:
            tags.setdefault(item.field, []).append(identity)
    return "".join(parts), tags


def _page(objects: str, nonce: str) -> str:
    return (
        f'<!--{nonce}--><ofd:Page {_NS}><ofd:Template TemplateID="{TEMPLATE_ID}" ZOrder="Background"/>'
        f'<ofd:Content><ofd:Layer ID="{CONTENT_ID - 1}" Type="Body">{objects}</ofd:Layer></ofd:Content></ofd:Page>'
    )


def _value_fonts(message: DataMessage, fonts: Mapping[str, int], content: Sequence[Item]) -> list[Entry]:
    """One subset per font, stored as it is: outlines shrink by a quarter only, and packing them costs more than
    all the other writing together.
    """
    entries = []
    for name in fonts:
        entry = f"{DOC}/Res/value-{name}.ttf"
        face: FontFace = load_font(name)
        data = face.subset(_chars(name, content) or {" "}, bytes.fromhex(derived_nonce(message, entry)))
        entries.append(Entry.of(entry, data, level=0))
    return entries


def _tags(tags: Mapping[str, Sequence[int]], nonce: str) -> str:
    fields = "".join(
        f"<lt:Field Name={quoteattr(name)}>"
        + "".join(f'<ofd:ObjectRef PageRef="{PAGE_ID}">{identity}</ofd:ObjectRef>' for identity in identities)
        + "</lt:Field>"
        for name, identities in tags.items()
    )
    return f'<!--{nonce}--><lt:Licence xmlns:lt="{TAG_NAMESPACE}" {_NS}>{fields}</lt:Licence>'


def with_comment(jpeg: bytes, text: str) -> bytes:
    """``jpeg`` with a COM segment (ITU T.81, B.2.4.5) right after its start."""
    content = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]
