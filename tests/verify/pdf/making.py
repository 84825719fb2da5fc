"""Sealed PDFs, honest and not: what a line of ``tests/vectors/pdf.json`` is made from."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pikepdf
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from licence_store.face import PreparedFace, draw_pdf
from seal.message import DataMessage
from seal.pdf.document import UnsignedPDF
from seal.pdf.objects import stream
from seal.pdf.sealable import open_pdf_for_sealing
from seal.pdf.sealing import EmptyField, PDFChoices, finish_pdf, prepare
from seal.sealing import Placement, Sealer, SealingMaterial
from tests.seal.pdf import foreign
from tests.verify import world
from tests.verify.world import SIGNED, SealRecipe, SignatureRecipe

URL = "https://example.test/v/1"
Change = Callable[..., bytes]
Name, Dictionary, Array = generic.NameObject, generic.DictionaryObject, generic.ArrayObject


def drawn(message: DataMessage | None = None) -> UnsignedPDF:
    return draw_pdf(PreparedFace.of(world.definition(), True), message or world.unsigned().message, URL)


def place(number: int = 0) -> list[Placement]:
    return [Placement(1, 180.0 - 60 * number, 130.0)]


@lru_cache(maxsize=4)
def sealed(stamped: bool = True) -> bytes:
    """The licence, sealed by the product's own Sealer."""
    office = world.authority()
    sealer = Sealer(office.timestamper(SIGNED) if stamped else None, lambda: SIGNED)
    return sealer.seal(drawn(), SealingMaterial(world.make(SealRecipe()), office.department), place()).data


def redrawn(
    *, content: list[list[str]] = (), page: dict[str, str] | None = None, states: str = "", form: str = ""
) -> bytes:
    """The licence as a dishonest issuer draws it, sealed by the honest Sealer: ``content`` are pairs of pattern and text
    for the stream of the values, ``page`` further entries of the page, ``states`` its graphics states, ``form`` what
    the form ``Fm0`` draws.
    """
    document = drawn()
    body = document.objects[5]
    start, stop = body.index(b"stream\n") + 7, body.rindex(b"\nendstream")
    text = zlib.decompress(body[start:stop]).decode("latin-1")
    for old, new in content:
        text, made = re.subn(old, new, text, count=1)
        assert made, old
    entries = {**document.page, **{key: value.encode() for key, value in (page or {}).items()}}
    if states:
        entries["Resources"] = entries["Resources"][:-2] + b"/ExtGState <<" + states.encode() + b">>>>"
    objects = {**document.objects, 5: stream({}, text.encode("latin-1"), level=6)}
    number = document.next_number
    if form:
        head = {"Type": b"/XObject", "Subtype": b"/Form", "BBox": b"[0 0 2000 2000]", "Resources": b"<<>>"}
        objects[number] = stream(head, form.encode("latin-1"), level=6)
        entries["Resources"] = entries["Resources"][:-2] + b"/XObject <</Fm0 %d 0 R>>>>" % number
        document = replace(document, next_number=number + 1)
    office = world.authority()
    sealer = Sealer(office.timestamper(SIGNED), lambda: SIGNED)
    material = SealingMaterial(world.make(SealRecipe()), office.department)
    return sealer.seal(replace(document, objects=objects, page=entries), material, place()).data


def seal_again(document: Any, recipe: SignatureRecipe, number: int = 0, choices: PDFChoices | None = None) -> bytes:
    """A seal as ``recipe`` wants it, obeying no rule."""
    stated = world.person(recipe.certificate or recipe.signer)
    material = SealingMaterial(world.make(recipe.seal), stated)
    prepared = prepare(document, material, place(number), recipe.claimed, choices or PDFChoices())
    signer = world.person(recipe.signer)
    if recipe.user_id is None:
        signature = signer.sign(prepared.to_sign)
    else:
        signature = signer.key.sign(prepared.to_sign, user_id=recipe.user_id)
    return finish_pdf(prepared, signature, world._stamp(signature, recipe)).data


def sealed_by(recipes: list[SignatureRecipe], message: DataMessage | None, form: str) -> bytes:
    document: Any = drawn(message)
    data = b""
    later = tuple(EmptyField(f"Seal{n}", place(n)[0], 42, 42) for n in range(1, len(recipes)))
    for number, recipe in enumerate(recipes):
        field = f"Seal{number}" if number else ""
        choices = PDFChoices(form=form, reserve=() if number else later, field=field)
        data = seal_again(document, replace(recipe), number, choices)
        document = open_pdf_for_sealing(data)
    return data


# ---------------------------------------------------------------- what is done to the octets


def flip(data: bytes, *, after: str = "", at: int = 0, value: int | None = None) -> bytes:
    """One octet changed, ``at`` octets behind the first ``after`` (from the end if it is negative)."""
    start = data.index(after.encode("latin-1")) + len(after) if after else 0
    position = start + at if at >= 0 else len(data) + at
    old = data[position]
    new = value if value is not None else (ord("1") if old != ord("1") else ord("2"))
    return data[:position] + bytes([new]) + data[position + 1 :]


def flip_object(data: bytes, number: int, part: float = 0.5) -> bytes:
    """An octet in the middle of an object's stream, or of the object, changed."""
    start = data.index(b"\n%d 0 obj" % number)
    stop = data.index(b"endobj", start)
    stream = data.find(b"stream\n", start, stop)
    begin, end = (stream + 7, data.index(b"endstream", stream) - 1) if stream >= 0 else (start + 9, stop - 3)
    position = begin + int((end - begin - 1) * part)
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def _contents(data: bytes) -> tuple[int, int]:
    start = data.index(b"/Contents <") + 10
    return start, data.index(b">", start) + 1


def padding(data: bytes) -> bytes:
    """Something other than zeros behind the value."""
    _, stop = _contents(data)
    return data[: stop - 5] + b"dead" + data[stop - 1 :]


def no_value(data: bytes) -> bytes:
    start, stop = _contents(data)
    return data[: start + 1] + b"0" * (stop - start - 2) + data[stop - 1 :]


def rubbish_value(data: bytes) -> bytes:
    start, stop = _contents(data)
    return data[: start + 1] + b"30820100" + b"41" * 256 + b"0" * (stop - start - 2 - 520) + data[stop - 1 :]


def bad_hex(data: bytes) -> bytes:
    _, stop = _contents(data)
    return data[: stop - 9] + b"zz" + data[stop - 7 :]


def byte_range(data: bytes, *, numbers: str) -> bytes:
    """Another ByteRange of the same length."""
    start = data.index(b"/ByteRange") + 10
    stop = data.index(b"/Contents", start)
    return data[:start] + (" " + numbers).encode().ljust(stop - start) + data[stop:]


def wrapped(data: bytes) -> bytes:
    """签名包装: the signed octets moved behind a document of the attacker's, ByteRange pointing there."""
    fake = sealed_fake()
    shift = len(fake)
    start, stop = _contents(data)
    a, b, c, d = 0, start, stop, len(data) - stop
    moved = fake + data
    return byte_range_at(moved, shift, f"[{a + shift} {b} {c + shift} {d}]")


def byte_range_at(data: bytes, offset: int, numbers: str) -> bytes:
    start = data.index(b"/ByteRange", offset) + 10
    stop = data.index(b"/Contents", start)
    return data[:start] + (" " + numbers).encode().ljust(stop - start) + data[stop:]


@lru_cache(maxsize=1)
def sealed_fake() -> bytes:
    return foreign.plain()


def incremental(data: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _page(writer: IncrementalPdfFileWriter) -> Any:
    return writer.root["/Pages"]["/Kids"][0]


def new_title(data: bytes) -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.set_info(generic.DictionaryObject({Name("/Title"): generic.TextStringObject("另一份证照")}))

    return incremental(data, change)


def new_xmp(data: bytes) -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        stream = generic.StreamObject(
            {Name("/Type"): Name("/Metadata"), Name("/Subtype"): Name("/XML")}, stream_data=b"<x/>"
        )
        writer.root[Name("/Metadata")] = writer.add_object(stream)
        writer.update_root()

    return incremental(data, change)


def xmp_text(data: bytes, *, old: str, new: str) -> bytes:
    """The packet with something in it replaced, wherever it stands; nothing else is touched."""
    last = int(data[data.rindex(b"startxref") + 9 :].split()[0])
    trailer = data[data.index(b"<<", last) : data.rindex(b">>")]
    begin = data.index(b"stream\n", data.index(b"/Subtype /XML")) + 7
    text = data[begin : data.index(b"\nendstream", begin)].replace(old.encode(), new.encode())
    added = b"6 0 obj\n%b\nendobj\n" % stream({"Type": b"/Metadata", "Subtype": b"/XML"}, text)
    at = len(data) + len(added)
    table = b"xref\n6 1\n%010d 00000 n \ntrailer\n%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    return data + added + table % (len(data), trailer, last, at)


def annotation(data: bytes, *, subtype: str = "/FreeText") -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        numbers = Array(map(generic.NumberObject, (100, 100, 300, 200)))
        note = Dictionary({Name("/Type"): Name("/Annot"), Name("/Subtype"): Name(subtype), Name("/Rect"): numbers,
                           Name("/Contents"): generic.TextStringObject("有效期延长"), Name("/F"): generic.NumberObject(4)})  # fmt: skip
        page = _page(writer)
        listed = page["/Annots"] if "/Annots" in page else Array()
        page[Name("/Annots")] = Array([*(listed.raw_get(n) for n in range(len(listed))), writer.add_object(note)])
        writer.mark_update(page.container_ref)

    return incremental(data, change)


def page_content(data: bytes) -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        page = _page(writer)
        drawn = generic.StreamObject(stream_data=b"1 0 0 rg 100 100 300 300 re f")
        page[Name("/Contents")] = writer.add_object(drawn)
        writer.mark_update(page.container_ref)

    return incremental(data, change)


def redefined(data: bytes, *, number: int = 5) -> bytes:
    """An object the page uses, defined once more."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        reference = generic.Reference(number, 0, writer.prev)
        old = writer.prev.get_object(reference)
        body = b"q Q" if not isinstance(old, generic.StreamObject) else old.data[::-1]
        writer.objects[(0, number)] = generic.StreamObject(stream_data=body)

    return incremental(data, change)


def orphan(data: bytes) -> bytes:
    """An object nobody refers to, waiting for a later revision."""
    return incremental(data, lambda writer: writer.add_object(generic.StreamObject(stream_data=b"shadow")) and None)


def extra_page(data: bytes) -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        pages = writer.root["/Pages"]
        added = Dictionary({Name("/Type"): Name("/Page"), Name("/Parent"): generic.IndirectObject(pages.container_ref.idnum, 0, writer),
                            Name("/MediaBox"): Array(map(generic.NumberObject, (0, 0, 200, 200)))})  # fmt: skip
        kids = pages["/Kids"]
        pages[Name("/Kids")] = Array([*(kids.raw_get(n) for n in range(len(kids))), writer.add_object(added)])
        pages[Name("/Count")] = generic.NumberObject(len(kids) + 1)
        writer.mark_update(pages.container_ref)

    return incremental(data, change)


def attachment(data: bytes, *, name: str = "note.txt", content: str = "hello") -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        stream = generic.StreamObject({Name("/Type"): Name("/EmbeddedFile")}, stream_data=content.encode("latin-1"))
        embedded = writer.add_object(stream)
        spec = Dictionary({Name("/Type"): Name("/Filespec"), Name("/F"): generic.TextStringObject(name),
                           Name("/UF"): generic.TextStringObject(name), Name("/EF"): Dictionary({Name("/F"): embedded})})  # fmt: skip
        listed = writer.root["/AF"] if "/AF" in writer.root else Array()
        writer.root[Name("/AF")] = Array([*(listed.raw_get(n) for n in range(len(listed))), writer.add_object(spec)])
        writer.update_root()

    return incremental(data, change)


def open_action(data: bytes, *, kind: str = "/JavaScript", typed: str = "/Action") -> bytes:
    def change(writer: IncrementalPdfFileWriter) -> None:
        action = Dictionary({Name("/Type"): Name(typed), Name("/S"): writer.add_object(Name(kind))})
        action[Name("/JS" if kind == "/JavaScript" else "/F")] = generic.TextStringObject("app.alert(1)")
        writer.root[Name("/OpenAction")] = action
        writer.update_root()

    return incremental(data, change)


def unlisted(data: bytes) -> bytes:
    """The signature taken out of the form."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.root[Name("/AcroForm")] = Dictionary(
            {Name("/Fields"): Array(), Name("/SigFlags"): generic.NumberObject(3)}
        )
        writer.update_root()

    return incremental(data, change)


def moved_seal(data: bytes) -> bytes:
    """The seal's field at another place of the page."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        field = writer.root["/AcroForm"]["/Fields"][0]
        field[Name("/Rect")] = Array(map(generic.NumberObject, (0, 0, 20, 20)))
        writer.mark_update(field.container_ref)

    return incremental(data, change)


def new_field(data: bytes, *, subtype: str = "/Widget", rect: list[int] | None = None, drawn: bool = True) -> bytes:
    """One more signature field, empty: invisible, as difference analyses have it."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        corners = Array(map(generic.NumberObject, rect or (0, 0, 0, 0)))
        field = Dictionary({Name("/Type"): Name("/Annot"), Name("/Subtype"): Name(subtype), Name("/FT"): Name("/Sig"),
                            Name("/T"): generic.TextStringObject("x"), Name("/Rect"): corners,
                            Name("/F"): generic.NumberObject(4)})  # fmt: skip
        if subtype == "/Line":
            field[Name("/L")] = Array(map(generic.NumberObject, (0, 0, 900, 900)))
        if drawn:
            entries = {Name("/Type"): Name("/XObject"), Name("/Subtype"): Name("/Form"),
                       Name("/BBox"): Array(map(generic.NumberObject, (0, 0, 500, 500)))}  # fmt: skip
            shown = generic.StreamObject(entries, stream_data=b"1 0 0 rg 0 0 500 500 re f")
            field[Name("/AP")] = Dictionary({Name("/N"): writer.add_object(shown)})
        page, form = _page(writer), writer.root["/AcroForm"]
        added = writer.add_object(field)
        for holder, key in ((page, "/Annots"), (form, "/Fields")):
            listed = holder[key]
            holder[Name(key)] = Array([*(listed.raw_get(n) for n in range(len(listed))), added])
        writer.mark_update(page.container_ref)
        writer.update_root()

    return incremental(data, change)


def catalogue(data: bytes, *, key: str, word: str = "", stream: str = "", inside: str = "") -> bytes:
    """Another entry in the catalogue, or in a dictionary of it: ``true``, a name, or a stream."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        holder = writer.root[inside] if inside else writer.root
        value: Any = generic.BooleanObject(True) if word == "true" else Name(word)
        holder[Name(key)] = writer.add_object(generic.StreamObject(stream_data=stream.encode())) if stream else value
        writer.mark_update(holder.container_ref)

    return incremental(data, change)


def unlisted_object(data: bytes) -> bytes:
    """An update whose cross-references name nothing; behind them waits the page's content for who mends files."""
    last = int(data[data.rindex(b"startxref") + 9 :].split()[0])
    trailer = data[data.index(b"<<", last) : data.rindex(b">>")]
    at = len(data) + len(added := b"5 0 obj\n<</Length 1>>stream\nn\nendstream\nendobj\n")
    return data + added + b"xref\n0 0\ntrailer\n%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, last, at)


def encrypted(data: bytes) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user=""))
    return out.getvalue()


def rewritten(data: bytes) -> bytes:
    """Saved anew by another program: same pages, other octets."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(out)
    return out.getvalue()


def signed_by_stranger(data: bytes) -> bytes:
    return foreign.certified_by_stock(data, None)


TRICKS: dict[str, Change] = {
    "append": lambda data, text="trailing": data + text.encode("latin-1"),
    "prepend": lambda data, text="junk\n": text.encode("latin-1") + data,
    "cut": lambda data, octets=20: data[:-octets],
    "half": lambda data: data[: len(data) // 2],
    "head": lambda data, octets=8: data[:octets],
    "twice": lambda data: data + data,
    "replace": lambda data, old, new: data.replace(old.encode("latin-1"), new.encode("latin-1")),
    "zip_behind": lambda data: data + b"PK\x05\x06" + bytes(18),
    "flip": flip,
    "flip_object": flip_object,
    "padding": padding,
    "no_value": no_value,
    "rubbish_value": rubbish_value,
    "bad_hex": bad_hex,
    "byte_range": byte_range,
    "wrapped": wrapped,
    "new_title": new_title,
    "new_xmp": new_xmp,
    "xmp_text": xmp_text,
    "annotation": annotation,
    "page_content": page_content,
    "redefined": redefined,
    "orphan": orphan,
    "extra_page": extra_page,
    "attachment": attachment,
    "open_action": open_action,
    "unlisted": unlisted,
    "moved_seal": moved_seal,
    "new_field": new_field,
    "catalogue": catalogue,
    "unlisted_object": unlisted_object,
    "encrypted": encrypted,
    "rewritten": rewritten,
    "signed_by_stranger": signed_by_stranger,
}
"""What may be done to a file, by name."""


def again(data: bytes) -> bytes:
    """One more honest seal, of another department."""
    recipe = SignatureRecipe(signer="other", seal=SealRecipe(listed="other", seal_id="99000000000002"))
    return seal_again(replace(open_pdf_for_sealing(data), certification=None), recipe, 1)


TRICKS["again"] = again
