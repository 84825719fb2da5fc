"""Copies, honest and not: what a line of ``tests/vectors/copies.json`` is made from.

The copy is drawn by the product; ``before`` is done to the drawn document before it is sealed (what a dishonest or broken
node would make), ``after`` to the sealed file (what anybody can do). Texts of steps may name what is in the copy:
``{purpose}``, ``{id}``.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from licence_store.copying.drawing import DrawnCopy, FaceSource, PagePicture, PagesSource, draw_copy, shown_face
from licence_store.face import PreparedFace
from seal.copies import COPY_ENTRY, CopyRequest, CopyTerms, Original
from seal.engraving import draw_impression
from seal.making import SealApplication, make_seal
from seal.ofd.package import Entry, open_package
from seal.ofd.sealable import open_for_sealing
from seal.ofd.unsigned import UnsignedOFD
from seal.pdf.copies import CopyPDF
from seal.pdf.objects import stream
from seal.pdf.sealable import open_pdf_for_sealing
from seal.sealing import Placement, Sealer, SealingMaterial
from tests.verify import cases, world
from tests.verify.world import MADE, NOW, SIGNED, SealRecipe
from trust.algorithms import sm3
from trust.canonical import canonical_json
from verify.policy import CopyStatus, LicenceStatus, StatedPurpose
from verify.report import Report
from verify.verifier import Verifier

FILE = Path(__file__).parents[1] / "vectors" / "copies.json"
ANNOTATION = "Doc_0/Annots/Page_0/Annotation.xml"
PAGE = "Doc_0/Pages/Page_0/Content.xml"
ORIGINAL = "a" * 64
PURPOSE, RECIPIENT, ITEM, CASE = (
    "办理住房公积金提取",
    "演示省住房公积金管理中心",
    "住房公积金提取",
    "990000-2026-000123",
)


@lru_cache(maxsize=1)
def load() -> tuple[dict[str, Any], ...]:
    """All cases."""
    return tuple(json.loads(FILE.read_text("utf-8")))


# ---------------------------------------------------------------- the copy


@lru_cache(maxsize=4)
def page_picture(dark: bool, number: int = 1) -> bytes:
    """A made-up page: lines on paper, or a dark photograph."""
    image = Image.new("RGB", (620, 877), (18, 22, 30) if dark else (246, 244, 239))
    draw = ImageDraw.Draw(image)
    for y in range(60 * number, 850, 30):
        draw.line((60, y, 560, y), fill=(80, 86, 98) if dark else (70, 70, 70), width=2)
    out = BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def request(case: dict[str, Any]) -> CopyRequest:
    given = {"recipient": RECIPIENT, "purpose": PURPOSE, "service_item": ITEM, "case_number": CASE, "uses": 2}
    given |= {key: tuple(value) if key == "masked" else value for key, value in case.get("request", {}).items()}
    return CopyRequest(**{**given, "until": cases.time(given.get("until"), NOW + 30 * world.DAY)})


def terms_of(case: dict[str, Any], number: int = 0) -> tuple[CopyTerms, FaceSource | PagesSource]:
    """Terms and source of an honest copy."""
    level = case.get("level", "A")
    fixed = {
        "copy_id": f"c-{number:020d}",
        "made": cases.time(case.get("made"), SIGNED).replace(microsecond=0),
        "by": signer_name(),
        "region": "990000",
        "nonce": f"{number:032x}",
        "check_url": "https://example.test/verify",
        "demonstration": True,
    }
    if level == "A":
        message = message_of()
        facts = message.metadata
        original = Original(
            "licence", message.licence_id, ORIGINAL, "ofd", facts["type_name"], facts["issuer_name"],
            type_code=facts["type_code"], version=facts["version"], valid_to=case.get("valid_to", ""),
            status_list=message.status_list, status_index=message.status_index,
        )  # fmt: skip
        asked = request(case)
        source = FaceSource(PreparedFace.of(world.definition(), True), message)
        return CopyTerms.of(asked, original, level, face=shown_face(message, asked.masked), **fixed), source
    pages = [PagePicture(page_picture(case.get("dark", False), n + 1), 210, 297) for n in range(case.get("pages", 1))]
    original = Original("material", "m-0001", ORIGINAL, "jpeg", "房屋租赁合同", check_required=case.get("check", ""))
    digests = tuple(sm3(page.data).hex() for page in pages)
    return CopyTerms.of(request(case), original, level, pages=digests, **fixed), PagesSource(tuple(pages))


@lru_cache(maxsize=1)
def message_of() -> Any:
    return world.make_message()


def signer_name() -> str:
    return world.person("other").certificate.common_name


# ---------------------------------------------------------------- seals


@dataclass(frozen=True)
class CopySeal:
    """The seal of the copy; the defaults make the node's own."""

    kind: str = "copy"
    maker: str = "maker"
    signer: str = "other"
    valid_to: str = "+300d"
    stamped: bool = True


@lru_cache(maxsize=1)
def _impression() -> Any:
    return draw_impression("copy", "演示省电子证照库", "", text="副本专用章")


@lru_cache(maxsize=16)
def material(seal: CopySeal) -> SealingMaterial:
    signer = world.person(seal.signer)
    application = SealApplication(
        "990000COPY01", "演示省电子证照库证照副本专用章", (signer.certificate,), MADE, cases.time(seal.valid_to), kind=seal.kind
    )  # fmt: skip
    return SealingMaterial(make_seal(application, world.person(seal.maker), _impression(), moment=MADE), signer)


# ---------------------------------------------------------------- what is done to it


Document = UnsignedOFD | CopyPDF
Step = Callable[..., Document]


def _filled(text: str, terms: CopyTerms) -> str:
    return text.replace("{purpose}", terms.purpose).replace("{id}", terms.copy_id)


def entry(document: UnsignedOFD, name: str, change: Callable[[bytes], bytes]) -> UnsignedOFD:
    assert any(one.name == name for one in document.entries), name
    entries = tuple(Entry.of(one.name, change(one.data)) if one.name == name else one for one in document.entries)
    return replace(document, entries=entries)


def swap(document: UnsignedOFD, terms: CopyTerms, *, name: str, old: str, new: str, count: int = -1) -> UnsignedOFD:
    """Text in an entry replaced; it must be there."""
    before, after = (_filled(one, terms).encode() for one in (old, new))

    def change(data: bytes) -> bytes:
        assert before in data, old
        return data.replace(before, after, count)

    return entry(document, name, change)


def pattern(document: UnsignedOFD, terms: CopyTerms, *, name: str, old: str, new: str, count: int = 0) -> UnsignedOFD:
    """The same by a regular expression."""

    def change(data: bytes) -> bytes:
        text, made = re.subn(old, new, data.decode(), count=count)
        assert made, old
        return text.encode()

    return entry(document, name, change)


def drop(document: UnsignedOFD, terms: CopyTerms, *, name: str) -> UnsignedOFD:
    return replace(document, entries=tuple(one for one in document.entries if one.name != name))


def add(document: UnsignedOFD, terms: CopyTerms, *, name: str, data: str) -> UnsignedOFD:
    return replace(document, entries=(*document.entries, Entry.of(name, data.encode())))


def with_message(document: UnsignedOFD, terms: CopyTerms) -> UnsignedOFD:
    """The original's data message put in beside the terms."""
    data = message_of().to_bytes().decode()
    return add(document, terms, name="Doc_0/Attachs/licence.json", data=data)


def edited_terms(document: Document, terms: CopyTerms, **changes: Any) -> Document:
    """Other terms in the file than those it shows; spelt as they should be."""
    stated = terms.to_json() | changes
    return put_terms(document, canonical_json(stated))


def other_terms(document: Document, terms: CopyTerms) -> Document:
    """Those of another honest copy."""
    return put_terms(document, terms_of({"request": {"purpose": "办理贷款"}}, 7)[0].to_bytes())


def raw_terms(document: Document, terms: CopyTerms, *, data: str) -> Document:
    return put_terms(document, _filled(data, terms).encode())


def spaced_terms(document: Document, terms: CopyTerms) -> Document:
    """The same terms, spelt otherwise."""
    return put_terms(document, json.dumps(terms.to_json(), ensure_ascii=False, indent=1).encode())


def put_terms(document: Document, data: bytes) -> Document:
    if isinstance(document, UnsignedOFD):
        return entry(document, COPY_ENTRY, lambda _old: data)
    return replace(document, objects={**document.objects, 9: stream({"Type": b"/EmbeddedFile"}, data, level=6)})


def content(document: CopyPDF, terms: CopyTerms, *, old: str, new: str, count: int = 0, page: int = 0) -> CopyPDF:
    """A page's content stream changed by a regular expression."""
    number = document.pages[page].number + 1
    text = decoded(document.objects[number]).decode("latin-1")
    text, made = re.subn(old, new, text, count=count)
    assert made, old
    return replace(document, objects={**document.objects, number: stream({}, text.encode("latin-1"), level=6)})


def decoded(obj: bytes) -> bytes:
    start, stop = obj.index(b"stream\n") + 7, obj.rindex(b"\nendstream")
    return zlib.decompress(obj[start:stop])


def page_entry(document: CopyPDF, terms: CopyTerms, *, key: str, value: str) -> CopyPDF:
    first = {**document.page_entries[0], key: value.encode()}
    return replace(document, page_entries=(first, *document.page_entries[1:]))


def structure(document: CopyPDF, terms: CopyTerms, *, old: str, new: str) -> CopyPDF:
    """A field's name in the structure tree changed: the text stays, what it is said to be does not."""
    tagged = tuple(
        tuple(replace(one, field=new) if one.field == old else one for one in marks) for marks in document.tagged
    )
    return replace(document, tagged=tagged)


STEPS: dict[str, Step] = {
    "swap": swap, "pattern": pattern, "drop": drop, "add": add, "with_message": with_message,
    "edited_terms": edited_terms, "other_terms": other_terms, "raw_terms": raw_terms, "spaced_terms": spaced_terms,
    "content": content, "page_entry": page_entry, "structure": structure,
}  # fmt: skip


def build(case: dict[str, Any]) -> bytes:
    """The file of ``case``."""
    terms, source = terms_of(case)
    wanted = case.get("by")
    terms = replace(terms, by=wanted) if wanted else terms
    drawn = draw_copy(terms, source, case.get("form", "ofd"))
    for name, *arguments in case.get("before", []):
        document = STEPS[name](drawn.document, terms, **(arguments[0] if arguments else {}))
        drawn = DrawnCopy(document, drawn.spot)
    data = _sealed(drawn, case)
    for name, *arguments in case.get("after", []):
        data = AFTER[name](data, terms, **(arguments[0] if arguments else {}))
    return data


def _sealed(drawn: DrawnCopy, case: dict[str, Any]) -> bytes:
    wanted = case.get("seal", {})
    if wanted == "none":
        document: Any = drawn.document
        if isinstance(document, CopyPDF):
            return document.to_bytes()
        return world.pack({one.name: one.data for one in document.entries})
    if wanted == "department":
        used = SealingMaterial(world.make(SealRecipe()), world.person("department"))
    else:
        used = material(CopySeal(**wanted))
    stamp = world.authority().timestamper(SIGNED)
    document = drawn.document
    places = drawn.placements(used.seal) if used.seal.height < 40 else (Placement(1, 20, 20),)
    return Sealer(stamp, lambda: SIGNED).seal(document, used, places).data


# ---------------------------------------------------------------- after sealing


def edit_entry(data: bytes, terms: CopyTerms, *, name: str, old: str, new: str) -> bytes:
    """One entry of the sealed OFD changed."""
    entries = dict(open_package(data).entries)
    before = _filled(old, terms).encode()
    assert before in entries[name], old
    entries[name] = entries[name].replace(before, _filled(new, terms).encode())
    return world.pack(entries)


def remove_entry(data: bytes, terms: CopyTerms, *, name: str) -> bytes:
    return world.pack({key: value for key, value in open_package(data).entries.items() if key != name})


def add_entry(data: bytes, terms: CopyTerms, *, name: str) -> bytes:
    return world.pack({**open_package(data).entries, name: b"hello"})


def repack(data: bytes, terms: CopyTerms) -> bytes:
    return world.pack(dict(open_package(data).entries))


def flip(data: bytes, terms: CopyTerms, *, at: float) -> bytes:
    place = int(len(data) * at)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def append(data: bytes, terms: CopyTerms) -> bytes:
    return data + b"\n%more\n"


def seal_over(data: bytes, terms: CopyTerms, *, seal: str) -> bytes:
    """Another seal that is believed, pressed over the copy (``department`` or ``copy``)."""
    opened = open_pdf_for_sealing(data) if data.startswith(b"%PDF") else open_for_sealing(data)
    own = SealingMaterial(world.make(SealRecipe()), world.person("department"))
    used = own if seal == "department" else material(CopySeal())
    stamp = world.authority().timestamper(SIGNED)
    return Sealer(stamp, lambda: SIGNED).seal(opened, used, (Placement(opened.pages[0].id, 60, 100),)).data


AFTER: dict[str, Callable[..., bytes]] = {
    "edit_entry": edit_entry, "remove_entry": remove_entry, "add_entry": add_entry, "repack": repack, "flip": flip,
    "append": append, "seal_over": seal_over,
}  # fmt: skip


# ---------------------------------------------------------------- the question


@dataclass
class CopiesDouble:
    """The node's word about its copies."""

    status: CopyStatus | None
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    def copy_status(self, copy_id: str, moment: datetime, region: str = "") -> CopyStatus | None:
        self.asked.append((copy_id, moment))
        return self.status


@dataclass
class OriginalsDouble:
    """The register's word about the original."""

    state: LicenceStatus | None

    def status(self, licence_id: str, moment: datetime) -> LicenceStatus | None:
        return self.state


def verify(case: dict[str, Any], data: bytes | None = None) -> Report:
    """What our verifier says of ``case``."""
    known = case.get("copies")
    copies = None if known is None else CopiesDouble(CopyStatus(**known) if known else None)
    register = case.get("register")
    originals = OriginalsDouble(LicenceStatus(**register)) if register is not None else None
    verifier = Verifier(cases.store(case), lambda: cases.time(case.get("now")), originals, copies=copies)
    stated = StatedPurpose(**case.get("stated", {"purpose": PURPOSE}))
    moment = cases.time(case["moment"]) if "moment" in case else None
    return verifier.verify(build(case) if data is None else data, moment=moment, stated=stated)
