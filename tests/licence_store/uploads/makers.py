"""Honest files, made when asked for: pages of text as picture, PDF and OFD."""

from __future__ import annotations

import struct
import zipfile
import zlib
from functools import lru_cache
from io import BytesIO
from typing import Any

import pikepdf
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFilter

NAMESPACE = "http://www.ofdspec.org/2016"


@lru_cache(maxsize=8)
def _page(width: int, height: int) -> Pictures.Image:
    """A page with lines of something like text: sharp edges, mostly white."""
    picture = Pictures.new("L", (width, height), 245)
    draw = ImageDraw.Draw(picture)
    step = max(12, height // 40)
    for row in range(step * 2, height - step * 2, step):
        for column in range(width // 10, width - width // 10, step):
            if (row * 7 + column * 3) // step % 5:
                draw.rectangle((column, row, column + step // 2, row + step // 2), fill=25, outline=90)
                draw.line((column, row + step // 3, column + step // 2, row), fill=245)
    return picture


def page(width: int = 900, height: int = 1200, mode: str = "RGB") -> Pictures.Image:
    return _page(width, height).convert(mode)


def saved(picture: Pictures.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def jpeg(width: int = 900, height: int = 1200, **options: Any) -> bytes:
    return saved(page(width, height), "JPEG", **{"quality": 85, **options})


def png(width: int = 900, height: int = 1200, mode: str = "RGB", **options: Any) -> bytes:
    return saved(page(width, height, mode), "PNG", **options)


def tiff(count: int = 1, mode: str = "L", **options: Any) -> bytes:
    pages = [page(mode=mode) for _ in range(count)]
    return saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)


def blurred(radius: float = 6, form: str = "JPEG") -> bytes:
    return saved(page().filter(ImageFilter.GaussianBlur(radius)), form)


def blank(form: str = "JPEG", level: int = 250) -> bytes:
    return saved(Pictures.new("RGB", (900, 1200), (level,) * 3), form)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes) -> bytes:
    """A PNG with further chunks behind its head."""
    data = png()
    return data[:33] + b"".join(chunks) + data[33:]


def segment(kind: int, body: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes((0xFF, kind)) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes) -> bytes:
    data = jpeg()
    return data[:2] + b"".join(segments) + data[2:]


# ---------------------------------------------------------------- PDF


def text_pdf(pages: int = 1, change: Any = None, **options: Any) -> bytes:
    """A PDF with something drawn on each page; ``change`` gets the open document."""
    with pikepdf.new() as pdf:
        for _ in range(pages):
            added = pdf.add_blank_page(page_size=(595, 842))
            marks = b"\n".join(b"72 %d 400 6 re f" % (90 + 18 * n) for n in range(35))
            added.obj.Contents = pdf.make_stream(marks)
        if change is not None:
            change(pdf)
        out = BytesIO()
        pdf.save(out, **options)
        return out.getvalue()


def raw_pdf(*objects: bytes) -> bytes:
    """A PDF of these objects as they are written here; the first is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return data + head + b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))


def scan_pdf(picture: bytes, width: int, height: int, points: tuple[float, float] = (595, 842)) -> bytes:
    """A page that a JPEG fills."""

    def change(pdf: pikepdf.Pdf) -> None:
        image = pdf.make_stream(
            picture, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=width, Height=height,
            ColorSpace=pikepdf.Name.DeviceRGB, BitsPerComponent=8, Filter=pikepdf.Name.DCTDecode,
        )  # fmt: skip
        page = pdf.pages[0].obj
        page.MediaBox = pikepdf.Array([0, 0, *points])
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(P=image))
        page.Contents = pdf.make_stream(b"q %d 0 0 %d 0 0 cm /P Do Q" % points)

    return text_pdf(1, change)


# ---------------------------------------------------------------- OFD


def ofd_entries(pages: int = 1, drawn: bool = True, extra: str = "", page_extra: str = "") -> dict[str, bytes]:
    """The entries of a plain OFD document."""
    listed = "".join(f'<ofd:Page ID="{n + 10}" BaseLoc="Pages/Page_{n}/Content.xml"/>' for n in range(pages))
    text = (
        '<ofd:TextObject ID="9" Boundary="20 20 120 10" Size="6" Font="3"><ofd:TextCode X="0" Y="6">材料</ofd:TextCode>'
        "</ofd:TextObject>"
    )
    entries = {
        "OFD.xml": f'<ofd:OFD xmlns:ofd="{NAMESPACE}" DocType="OFD" Version="1.0"><ofd:DocBody><ofd:DocInfo>'
        "<ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID></ofd:DocInfo>"
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f'<ofd:Document xmlns:ofd="{NAMESPACE}"><ofd:CommonData><ofd:MaxUnitID>99</ofd:MaxUnitID>'
        "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData>"
        f"<ofd:Pages>{listed}</ofd:Pages>{extra}</ofd:Document>",
    }
    for n in range(pages):
        entries[f"Doc_0/Pages/Page_{n}/Content.xml"] = (
            f'<ofd:Page xmlns:ofd="{NAMESPACE}"><ofd:Content><ofd:Layer ID="5">{text if drawn else ""}</ofd:Layer>'
            f"</ofd:Content>{page_extra}</ofd:Page>"
        )
    return {name: content.encode() for name, content in entries.items()}


def zipped(entries: dict[str, bytes], *, comment: bytes = b"", store: bool = False) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED) as package:
        for name, content in entries.items():
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED)
        package.comment = comment
    return out.getvalue()


def ofd(more: dict[str, bytes] | None = None, **options: Any) -> bytes:
    return zipped({**ofd_entries(**options), **(more or {})})


def zip_of(*names: str, content: bytes = b"x") -> bytes:
    return zipped(dict.fromkeys(names, content))
