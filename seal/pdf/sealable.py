"""可加盖的 PDF: what sealing must know of a PDF that exists already, and how it grows by an incremental update (7.5.6).

    document = open_pdf_for_sealing(data)
    sealer.seal(document, material, [Placement(document.pages[0].id, 130, 200)])

Every octet stays; page, form and catalogue get newer versions behind it. A file that could not be sealed honestly is
refused: broken or encrypted, certified or locked against further signatures, forms of another kind (XFA).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pikepdf

from seal.message import DataMessage, parse_message
from seal.pdf.document import SIGNATURE_FLAGS, Additions, PDFPage
from seal.pdf.objects import Block, Written, append_update, array, dictionary, hexed, reference
from seal.pdf.reading import SignatureField, field_names, last_cross_reference, open_pdf, signature_fields
from seal.pdf.structures import MESSAGE_FILE, POINTS_PER_MM
from trust.algorithms import sm3
from trust.errors import Malformed, Refused

Entries = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Holder:
    """A dictionary or array that grows: its object, and what it holds now."""

    number: int
    """0: it stands inside another."""
    entries: Entries


@dataclass(frozen=True, slots=True)
class SealablePDF:
    """可加盖的 PDF, and the state of what an update must renew."""

    data: bytes
    pages: tuple[PDFPage, ...]
    message: DataMessage | None
    next_number: int
    signatures: int
    field_names: frozenset[str]
    empty_fields: Mapping[str, tuple[int, Entries]]
    certification: int | None
    """DocMDP P of the file; ``None``: not certified."""
    _catalog: _Holder
    _form: _Holder
    _page_entries: Mapping[int, _Holder]
    _annotations: Mapping[int, tuple[int, tuple[bytes, ...]]]
    """Page id → the object that holds its list of annotations (0: the page itself), and the list."""
    _fields: tuple[bytes, ...]
    _trailer: Entries
    _as_stream: bool

    def write(self, added: Additions) -> Written:
        """The file with one incremental update."""
        objects = dict(added.objects)
        for page, numbers in added.annotations.items():
            holder, listed = self._annotations[page]
            annotations = array((*listed, *map(reference, numbers)))
            if holder:
                objects[holder] = annotations
            else:
                kept = self._page_entries[page]
                objects[kept.number] = dictionary({**kept.entries, "Annots": annotations})
        catalog = {**self._catalog.entries, **added.catalog}
        if added.fields:
            fields = array((*self._fields, *map(reference, added.fields)))
            form = dictionary({**self._form.entries, "Fields": fields, "SigFlags": SIGNATURE_FLAGS})
            if self._form.number:
                objects[self._form.number] = form
            else:
                catalog["AcroForm"] = form
        if catalog != self._catalog.entries:
            objects[self._catalog.number] = dictionary(catalog)
        first = self._trailer["ID"]
        trailer = {**self._trailer, "ID": array([first, hexed(sm3(b"".join(objects.values()))[:16])])}
        return append_update(self.data, [Block.of(objects)], trailer, self.next_number, as_stream=self._as_stream)


def open_pdf_for_sealing(data: bytes) -> SealablePDF:
    """打开待盖章的 PDF: ``data`` is a whole file, with signatures or without.

    Raises ``Malformed`` (``format.not_pdf``, ``format.pdf_broken``, ``format.pdf_form``, ``format.page``) and
    ``Refused``: ``format.encrypted``, ``sealing.certified`` (an earlier signature forbids every change, or a lock
    does), ``sealing.dynamic_form``.
    """
    pdf = open_pdf(data)
    try:
        return _describe(data, pdf)
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RuntimeError) as error:
        raise Malformed("format.pdf_broken", "PDF 的结构损坏，无法打开。") from error
    finally:
        pdf.close()


def _describe(data: bytes, pdf: pikepdf.Pdf) -> SealablePDF:
    fields = signature_fields(pdf)
    signed = [field for field in fields if field.value is not None]
    certification = _demand_open(pdf, signed)
    place = last_cross_reference(data)
    pages = tuple(_page(number, page) for number, page in enumerate(pdf.pages, 1))
    if not pages:
        raise Malformed("format.page", "PDF 没有页面，不能盖章。")
    form = pdf.Root.get("/AcroForm")
    trailer = {"Root": pdf.trailer["/Root"].unparse(), "Prev": b"%d" % place, "ID": _identity(pdf, data)}
    if "/Info" in pdf.trailer:
        trailer["Info"] = pdf.trailer["/Info"].unparse()
    return SealablePDF(
        data,
        pages,
        _message(pdf),
        int(pdf.trailer["/Size"]),
        len(signed),
        field_names(pdf),
        {f.name: (f.number, _entries(f.field)) for f in fields if f.value is None and f.number},
        certification,
        _held(pdf.Root),
        _held(form) if isinstance(form, pikepdf.Dictionary) else _Holder(0, {}),
        {page.id: _held(pdf.pages[page.id - 1].obj) for page in pages},
        {page.id: _annotations(pdf.pages[page.id - 1].obj) for page in pages},
        _form_fields(form),
        trailer,
        data[place : place + 4] != b"xref",
    )


def _demand_open(pdf: pikepdf.Pdf, signed: list[SignatureField]) -> int | None:
    """May this file take another signature?"""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and "/XFA" in form:
        raise Refused("sealing.dynamic_form", "PDF 含有动态表单（XFA），各软件显示不一，不能盖章。")
    levels = [field.certification for field in signed if field.certification is not None]
    if 1 in levels or any(field.lock == 1 for field in signed):
        raise Refused(
            "sealing.certified",
            "PDF 已经认证签名，且其声明此后不允许任何更改（P=1），再盖章会使其失效，不能盖章。",
            remedy="请向文件的制作人索取未锁定的文件，或请其改用允许签名的认证级别（P=2）。",
        )
    return levels[0] if levels else None


def _entries(node: Any) -> dict[str, bytes]:
    """What a dictionary holds, as it stands in a file: references stay references."""
    with pikepdf.explicit_conversion():
        return {str(key)[1:]: value.unparse() for key, value in node.items()}


def _held(node: Any) -> _Holder:
    number, generation = node.objgen if node.is_indirect else (0, 0)
    if generation:
        raise Malformed("format.pdf_broken", "PDF 的结构损坏，无法打开。")
    return _Holder(number, _entries(node))


def _annotations(page: Any) -> tuple[int, tuple[bytes, ...]]:
    listed = page.get("/Annots")
    if not isinstance(listed, pikepdf.Array):
        return 0, ()
    return listed.objgen[0] if listed.is_indirect else 0, tuple(one.unparse() for one in listed)


def _form_fields(form: Any) -> tuple[bytes, ...]:
    fields = form.get("/Fields") if isinstance(form, pikepdf.Dictionary) else None
    return tuple(one.unparse() for one in fields) if isinstance(fields, pikepdf.Array) else ()


def _identity(pdf: pikepdf.Pdf, data: bytes) -> bytes:
    """The first half of the file's ID; a file without one gets what its octets say."""
    found = pdf.trailer.get("/ID")
    if isinstance(found, pikepdf.Array) and len(found):
        return hexed(bytes(found[0]))
    return hexed(sm3(data)[:16])


def _page(number: int, page: pikepdf.Page) -> PDFPage:
    box = [float(value) for value in page.cropbox]
    turned = int(_inherited(page.obj, "/Rotate", 0)) % 360
    left, right = sorted((box[0], box[2]))
    bottom, top = sorted((box[1], box[3]))
    if turned % 90 or float(page.obj.get("/UserUnit", 1)) != 1 or not (right - left and top - bottom):
        raise Malformed("format.page", "第 {page} 页的尺寸或方向不合规范，不能盖章。", page=number)
    width, height = (right - left) / POINTS_PER_MM, (top - bottom) / POINTS_PER_MM
    seen = (height, width) if turned in (90, 270) else (width, height)
    return PDFPage(number, *seen, page.obj.objgen[0], left, bottom, turned)


def _inherited(node: Any, key: str, default: Any) -> Any:
    """An attribute pages inherit from the page tree (7.7.3.4)."""
    for _ in range(64):
        if key in node:
            return node[key]
        node = node.get("/Parent")
        if not isinstance(node, pikepdf.Dictionary):
            break
    return default


def _message(pdf: pikepdf.Pdf) -> DataMessage | None:
    attached = pdf.attachments
    return parse_message(attached[MESSAGE_FILE].get_file().read_bytes()) if MESSAGE_FILE in attached else None
