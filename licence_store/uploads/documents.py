"""PDF 与 OFD: what is inside besides pages, and how the pages are. Run in the confined process only.

A document is kept as it came, since its seals and signatures cover its octets; so whatever could act, or fetch, or hide
is a reason not to take it. Names are those of ISO 32000-1 and GB/T 33190-2016.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import pikepdf

from licence_store.uploads.containers import Trouble
from licence_store.uploads.pictures import in_grey, is_blank, is_blurred

MM_PER_INCH: Final = 25.4
_ACTIONS: Final = frozenset({
    "/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/ResetForm", "/Rendition", "/Movie", "/Sound", "/Hide",
    "/SetOCGState", "/GoTo3DView", "/RichMediaExecute", "/GoToE", "/GoToR", "/Thread", "/Trans",
})  # fmt: skip
_ACTIVE_KEYS: Final = ("/AA", "/XFA", "/JS", "/JavaScript", "/RichMediaSettings", "/RichMediaContent")
_MEDIA: Final = frozenset({"/RichMedia", "/3D", "/Screen", "/Movie", "/Sound"})
_OURS: Final = frozenset({"licence.json", "digests.json", "thumbnail.jpg", "derivation.json", "copy.json"})
"""What licences and copies of this kind of service carry inside: data, a picture, a statement, the terms."""
_PARAMETERS: Final = frozenset({
    "/F", "/Win", "/Mac", "/Unix", "/JS", "/D", "/R", "/OP", "/AN", "/Fields", "/State", "/H", "/URI", "/Next",
})  # fmt: skip
"""What actions have and elements of a structure tree do not."""
_MOST_OBJECTS: Final = 200_000
_DEEPEST: Final = 40
_MOST_INFLATED: Final = 400 << 20
_LARGEST_STREAM: Final = 128 << 20
_LARGEST_ATTACHMENT: Final = 1 << 20
_MOST_FILTERS: Final = 3
_LONGEST_SIDE: Final = 14_400 / 72
"""Inches (annex C.2)."""
_JUDGED: Final = 20
"""Pages looked at for being blank or blurred."""
_LOOK: Final = 900
"""Dots of the longer side at which they are looked at."""


@dataclass(slots=True)
class Pages:
    """How a document's pages are."""

    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Dots at the resolution of what fills the page, else at 200 dpi."""
    dpi: list[int] = field(default_factory=list)
    """Of the scan that fills the page; 0: it is no scan."""
    blank: list[int] = field(default_factory=list)
    blurred: list[int] = field(default_factory=list)
    signed: bool = False


def check_pdf(data: bytes, most_pages: int, most_pixels: int) -> Pages:
    """Raises ``Trouble``."""
    signed = _check_inside(data, most_pixels)
    pages = _look_at_pages(data, most_pages, most_pixels)
    pages.signed = signed
    return pages


def _check_inside(data: bytes, most_pixels: int) -> bool:
    """Nothing in it acts, is locked, is attached, lies elsewhere or swells; does it bear signatures?"""
    try:
        pdf = pikepdf.open(BytesIO(data), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise Trouble("encrypted") from None
    with pdf:
        if pdf.is_encrypted:
            raise Trouble("encrypted")
        inspection = _Inspection(most_pixels)
        if len(pdf.objects) > _MOST_OBJECTS:
            raise Trouble("bomb")
        for one in pdf.objects:
            inspection.look(one)
        inspection.look(pdf.trailer)
        _check_catalogue(pdf.Root)
        if inspection.attached:
            _check_attachments(pdf, inspection.specifications)
        return inspection.signed


@dataclass(slots=True)
class _Inspection:
    """Every object of a PDF, looked at once."""

    most_pixels: int
    signed: bool = False
    attached: bool = False
    specifications: list[Any] = field(default_factory=list)
    """File specifications with a file in them."""
    inflated: int = 0

    def look(self, node: Any, depth: int = 0) -> None:
        """``node`` and what it holds directly; what it refers to is an object of its own."""
        if depth > _DEEPEST:
            raise Trouble("damaged")
        if isinstance(node, pikepdf.Stream):
            self._look_at_stream(node)
        if isinstance(node, pikepdf.Dictionary | pikepdf.Stream):
            self._look_at_entries(node)
            held: list[Any] = [value for _, value in node.items()]
        elif isinstance(node, pikepdf.Array):
            held = list(node)
        else:
            return
        for value in held:
            if isinstance(value, pikepdf.Object) and not value.is_indirect:
                self.look(value, depth + 1)

    def _look_at_entries(self, node: Any) -> None:
        kind, subtype, type_ = (_name(node, key) for key in ("/S", "/Subtype", "/Type"))
        if kind in _ACTIONS and not _is_structure(node, type_) and not ("/D" in node and kind == "/Trans"):
            raise Trouble("active_content", found=kind[1:])
        for key in _ACTIVE_KEYS:
            if key in node:
                raise Trouble("active_content", found=key[1:])
        if subtype in _MEDIA and "/Rect" in node:
            raise Trouble("active_content", found=subtype[1:])
        if subtype == "/FileAttachment":
            raise Trouble("embedded_files")
        if "/EF" in node or "/EmbeddedFiles" in node or type_ == "/EmbeddedFile" or "/Collection" in node:
            self.attached = True
        if "/EF" in node:
            self.specifications.append(node)
        if type_ == "/OCMD" and ("/VE" in node or _name(node, "/P") in ("/AllOff", "/AnyOff")):
            raise Trouble("active_content", found="OCMD")
        if subtype == "/PS" or ("/Ref" in node and subtype == "/Form"):
            raise Trouble("outside_content", found=subtype[1:])
        if "/ByteRange" in node and "/Contents" in node:
            self.signed = True

    def _look_at_stream(self, node: Any) -> None:
        if "/F" in node or "/FFilter" in node:
            raise Trouble("outside_content", found="/F")
        if _name(node, "/Subtype") == "/Image":
            width, height = (int(node.get(key, 0)) for key in ("/Width", "/Height"))
            if width * height > 2 * self.most_pixels:
                raise Trouble("pixels", page="—", width=width, height=height, limit=self.most_pixels // 10_000)
        filters = node.get("/Filter")
        names = [str(one) for one in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
        if len(names) > _MOST_FILTERS:
            raise Trouble("bomb")
        if names and names[0] in ("/FlateDecode", "/Fl"):
            self.inflated += inflated_size(node.read_raw_bytes(), _LARGEST_STREAM)
            if self.inflated > _MOST_INFLATED:
                raise Trouble("bomb")


def inflated_size(packed: bytes, most: int) -> int:
    """What a deflated stream becomes, unpacked piece by piece and thrown away; ``Trouble("bomb")`` beyond ``most``."""
    unpacker, size = zlib.decompressobj(), 0
    rest = packed
    while rest and not unpacker.eof:
        try:
            size += len(unpacker.decompress(rest, 1 << 20))
        except zlib.error:
            break  # broken streams are for the reader of pages to judge
        rest = unpacker.unconsumed_tail
        if size > most:
            raise Trouble("bomb")
    return size


def _is_structure(node: Any, type_: str) -> bool:
    """Is it an element of the structure tree, whose kind only sounds like an action? Viewers do not ask for types."""
    return type_ == "/StructElem" and not any(key in node for key in _PARAMETERS)


def _check_catalogue(root: Any) -> None:
    """Nothing happens when the file is opened but that it shows a page; no layer is off."""
    opening = root.get("/OpenAction")
    if isinstance(opening, pikepdf.Dictionary) and (_name(opening, "/S") != "/GoTo" or "/Next" in opening):
        raise Trouble("active_content", found="OpenAction")
    layers = root.get("/OCProperties")
    if not isinstance(layers, pikepdf.Dictionary):
        return
    others = layers.get("/Configs")
    for one in [layers.get("/D"), *(others if isinstance(others, pikepdf.Array) else ())]:
        if isinstance(one, pikepdf.Dictionary) and (
            one.get("/OFF") or one.get("/AS") or str(one.get("/BaseState", "/ON")) != "/ON"
        ):
            raise Trouble("active_content", found="OCG")


def _check_attachments(pdf: pikepdf.Pdf, specifications: list[Any]) -> None:
    """Nothing is embedded but the data a licence carries, each once and under its own name."""
    if "/Collection" in pdf.Root:
        raise Trouble("embedded_files")
    attached = pdf.attachments
    if not attached or not set(attached) <= _OURS:
        raise Trouble("embedded_files")
    embedded = sum(
        1 for one in pdf.objects if isinstance(one, pikepdf.Stream) and _name(one, "/Type") == "/EmbeddedFile"
    )
    if len(specifications) != len(attached) or embedded > len(attached):
        raise Trouble("embedded_files")
    for one in specifications:
        names = {str(one[key]) for key in ("/F", "/UF", "/DOS", "/Mac", "/Unix") if key in one}
        files = {value.objgen for _, value in one["/EF"].items()}
        if not names <= _OURS or len(names) != 1 or len(files) != 1:
            raise Trouble("embedded_files")
    for name in attached:
        content = attached[name].get_file().read_bytes()
        expected = b"\xff\xd8\xff" if name.endswith(".jpg") else b"{"
        if not content.startswith(expected) or len(content) > _LARGEST_ATTACHMENT:
            raise Trouble("embedded_files")


def _name(node: Any, key: str) -> str:
    value = node.get(key)
    return str(value) if isinstance(value, pikepdf.Name) else ""


def _look_at_pages(data: bytes, most_pages: int, most_pixels: int) -> Pages:
    import pypdfium2

    found = Pages()
    with pypdfium2.PdfDocument(data) as document:
        count = len(document)
        if not 1 <= count <= most_pages:
            raise Trouble("pages", pages=count, limit=most_pages)
        for number in range(1, count + 1):
            page = document[number - 1]
            width, height = (side / 72 for side in page.get_size())
            if not (0.3 <= width <= _LONGEST_SIDE and 0.3 <= height <= _LONGEST_SIDE):
                raise Trouble("damaged")
            dpi = _scan_dpi(page, width, height)
            size = (round(width * (dpi or 200)), round(height * (dpi or 200)))
            if dpi and size[0] * size[1] > 2 * most_pixels:
                raise Trouble("pixels", page=number, width=size[0], height=size[1], limit=most_pixels // 10_000)
            found.sizes.append(size)
            found.dpi.append(dpi)
            if number <= _JUDGED:
                _judge(page, number, dpi, found)
            page.close()
    return found


def _scan_dpi(page: Any, width: float, height: float) -> int:
    """Resolution of the picture that fills the page, 0 where there is none."""
    from pypdfium2 import raw

    for one in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = one.get_bounds()
        if (right - left) * (top - bottom) > 0.6 * width * height * 72 * 72:
            across, down = one.get_px_size()
            dpi: int = round(min(across / ((right - left) / 72), down / ((top - bottom) / 72)))
            return dpi
    return 0


def _judge(page: Any, number: int, dpi: int, found: Pages) -> None:
    scale = _LOOK / max(page.get_size())
    picture = page.render(scale=scale, may_draw_forms=False).to_pil()
    grey = in_grey(picture)
    if is_blank(grey):
        found.blank.append(number)
    elif dpi and is_blurred(grey):
        found.blurred.append(number)


def draw_pdf(data: bytes, number: int, width: int) -> Any:
    """One page as a picture, ``width`` dots wide at most."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        page = document[number - 1]
        across, down = page.get_size()
        scale = min(width / across, 4000 / max(across, down), 6)
        return page.render(scale=scale, may_draw_forms=False).to_pil()
