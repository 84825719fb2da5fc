"""格式转换件: a licence of ours as PDF or picture that says it is not the original, and leads back to it.

    made = converter.convert(original, "pdf", actor)      # or "png"

Below the face, seal and all, stands what it was converted from; 转换件 is written across it, under the words. The same
statement is sealed into the file as JSON with the department's signature (``statement_in``): which licence, which
file (SM3), when. A PDF is signed as a whole besides. Neither carries the data message: no reader takes it for a
licence. The code on it is the original's.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from licence_store.cabinet import SealCabinet
from licence_store.catalogue import Catalogue
from licence_store.face import PreparedFace, field_texts, qr_of
from licence_store.journal import SQLJournal
from licence_store.ornaments import draw_shapes
from licence_store.register import Register
from seal.database import Sessions
from seal.materials import SigningMaterial
from seal.painting import Canvas, Item, Picture, Text
from seal.pdf.metadata import DocumentInformation
from seal.pdf.pages import Attached, PDFTemplate
from seal.sealing import Sealer
from seal.ses import SESeal, parse_seal
from seal.typesetting import load_font, set_text
from trust.algorithms import sm3
from trust.errors import Malformed, Refused
from trust.journal import Actor
from trust.signed import SignedDocument, open_signed, sign_document
from verify.report import Indication, Report, Severity
from verify.verifier import Verifier

FORMAT: Final = "licence-trust/derivation/1"
STATEMENT_FILE: Final = "derivation.json"
"""Embedded file of a converted PDF."""
CHUNK_KEY: Final = b"licence-trust-derivation"
"""Keyword of the ``iTXt`` chunk of a converted picture."""
BAND: Final = 24.0
"""Millimetres below the face."""
_LARGEST = 1 << 16
_DPI = 200
_GREY, _INK, _RED = (232, 233, 236), (60, 60, 60), (190, 30, 36)
FORMS: Final = ("pdf", "png")


@dataclass(frozen=True, slots=True)
class Converted:
    """转换件."""

    data: bytes
    form: str
    licence_id: str


@dataclass(frozen=True, slots=True)
class Converter:
    """转换: the collaborators."""

    sessions: Sessions
    catalogue: Catalogue
    register: Register
    seals: SealCabinet
    sealer: Sealer
    verifier: Callable[[], Verifier]
    """With the register's word: what is not current is not converted."""
    journal: SQLJournal
    base_url: str
    demonstration: bool
    clock: Callable[[], datetime]

    def convert(self, original: bytes, form: str, actor: Actor) -> Converted:
        """The licence in ``original`` (OFD or PDF) as ``pdf`` or ``png``.

        Raises ``Malformed("convert.form")``, ``Refused`` (``convert.*``), and as sealing does.
        """
        if form not in FORMS:
            raise Malformed("convert.form", "转换的目标格式应为 pdf 或 png，实为“{form}”。", form=form[:40])
        report = self.verifier().verify(original)
        if report.indication is not Indication.PASSED:
            raise Refused("convert.not_passed", "原件未通过核验（{finding}），不能转换。", finding=_told(report))
        licence_id = str(report.document.get("licence_id") or "")
        digest = str(report.document["digest"])
        if not licence_id or digest not in self.register.forms(licence_id).values():
            raise Refused("convert.not_ours", "文件不是本系统签发的证照原件，不能转换。")
        view = self.register.find(licence_id)
        if actor.department is not None and actor.department != view.summary.department_id:
            raise Refused("convert.other_department", "证照由其他单位颁发，不能由您转换。")
        seal = parse_seal(self._seal_of(original))
        self.seals.look([seal.seal_id])
        signer = SigningMaterial(self.seals.material(seal.seal_id).signer)
        now = self.clock().replace(microsecond=0)
        stated = {
            "format": FORMAT,
            "licence_id": licence_id,
            "original": {"format": str(report.document["format"]).lower(), "sm3": digest},
            "copy": form,
            "made": now.isoformat(),
            "by": signer.certificate.common_name,
            "check": f"{self.base_url}/v/{licence_id}",
        }
        with self.sessions.read() as session:
            definition = self.catalogue.at(session, view.summary.type_code, view.type_version)
        page = _Page(PreparedFace.of(definition, self.demonstration), view.message, seal, stated)
        data = self._pdf(page, stated, signer) if form == "pdf" else _png(page, stated, signer)
        details = {"form": form, "original": digest, "copy": sm3(data).hex()}
        self.journal.record(actor=actor, action="licence.convert", subject=licence_id, details=details)
        return Converted(data, form, licence_id)

    @staticmethod
    def _seal_of(original: bytes) -> bytes:
        from seal.ofd.package import Limits, open_package
        from seal.pdf.reading import seal_objects
        from seal.sealing import SEAL_ENTRY

        if original.startswith(b"%PDF-"):
            return seal_objects(original)[0]
        return open_package(original, Limits()).entries[SEAL_ENTRY]

    def _pdf(self, page: _Page, stated: dict[str, Any], signer: SigningMaterial) -> bytes:
        template = PDFTemplate.prepare(page.width, page.height, page.background, value_fonts=page.fonts)
        info = DocumentInformation(
            f"{page.message.metadata['type_name']}（转换件）",
            page.message.metadata["issuer_name"],
            str(stated["licence_id"]),
            datetime.fromisoformat(str(stated["made"])),
        )
        files = [Attached(STATEMENT_FILE, "Source", "application/json", _statement(stated, signer), "转换说明")]
        document = template.write(
            page.content, info, files, secrets.token_bytes(16), code=f"二维码：核验原件 {stated['check']}"
        )
        return self.sealer.seal(document, signer).data


@dataclass(frozen=True)
class _Page:
    """The face, what it is marked with, and the band below it."""

    prepared: PreparedFace
    message: Any
    seal: SESeal
    stated: dict[str, Any]

    @property
    def width(self) -> float:
        return self.prepared.definition.style.width

    @property
    def height(self) -> float:
        return self.prepared.definition.style.height + BAND

    @property
    def fonts(self) -> list[str]:
        return sorted({*(box.font for box in self.prepared.definition.style.boxes), "sans", "serif-bold"})

    @property
    def background(self) -> tuple[Item, ...]:
        """The type's ground with the mark under its words, and the band's ground."""
        style = self.prepared.definition.style
        mark = {
            "shape": "text", "text": "转换件", "x": 0, "y": style.height * 0.72, "w": style.width, "align": "center",
            "font": "serif-bold", "size": min(style.width, style.height) * 0.3, "colour": "#e4e5e8", "rotate": -24,
            "outline": True,
        }  # fmt: skip
        band = {"shape": "rect", "x": 0, "y": style.height, "w": style.width, "h": BAND, "fill": "#f4f5f7"}
        edge = {"shape": "line", "points": [[0, style.height], [style.width, style.height]], "stroke": "#be1e24"}
        ground = (*self.prepared.background, *self.prepared.annotation)
        first = next((n for n, item in enumerate(ground) if isinstance(item, Text)), len(ground))
        return (*ground[:first], *draw_shapes(style, (mark,)), *ground[first:], *draw_shapes(style, (band, edge)))

    @property
    def content(self) -> tuple[Item, ...]:
        style = self.prepared.definition.style
        x, y = style.seal[0] - self.seal.width / 2, style.seal[1] - self.seal.height / 2
        stamp = Picture(self.seal.picture, x, y, float(self.seal.width), float(self.seal.height))
        code = qr_of(style, str(self.stated["check"]))
        return (code, *field_texts(style, self.message), *self._band(), stamp)

    def _band(self) -> Iterator[Text]:
        """What it was converted from, in words."""
        original, style = self.stated["original"], self.prepared.definition.style
        left, width = 12.0, style.width - 24.0
        made = str(self.stated["made"])[:19].replace("T", " ")
        lines = (
            ("serif-bold", 4.2, _RED, "转换件，不是原件；不作为原件使用，真伪与现状以核验原件为准"),
            ("sans", 2.7, _INK, f"由 {original['format'].upper()} 原件转换：证照标识 {self.stated['licence_id']}"),
            ("sans", 2.7, _INK, f"原件杂凑值（SM3）{original['sm3']}"),
            ("sans", 2.7, _INK, f"转换：{self.stated['by']}，{made} UTC；核验：{self.stated['check']}"),
        )
        top = style.height + 2.2
        for font, size, colour, words in lines:
            block = set_text(words, load_font(font), width=width, height=size * 1.25, size=size, min_size=1.2)
            for line in block.lines:
                yield Text(line.text, left + line.x, top + line.baseline, line.deltas, font, block.size, colour)
            top += size * 1.5


def _png(page: _Page, stated: dict[str, Any], signer: SigningMaterial) -> bytes:
    """The picture, with the statement over its very pixels."""
    canvas = Canvas(page.width, page.height, _DPI).paint((*page.background, *page.content))
    pixels = sm3(canvas.image.tobytes()).hex()
    return with_chunk(canvas.png(), _statement({**stated, "pixels": pixels}, signer))


def _statement(stated: dict[str, Any], signer: SigningMaterial) -> bytes:
    return sign_document(stated, signer.signer.sign, [signer.certificate.der])


def with_chunk(png: bytes, text: bytes) -> bytes:
    """``png`` with an ``iTXt`` chunk (PNG 1.2, 4.2.3) before its end."""
    body = CHUNK_KEY + b"\0\0\0\0\0" + text
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    return png[:-12] + chunk + png[-12:]


def statement_in(png: bytes) -> SignedDocument:
    """转换说明 of a converted picture, opened and not yet believed. Raises ``Malformed("convert.no_statement")``."""
    place = 8
    while place + 12 <= len(png):
        size = int.from_bytes(png[place : place + 4], "big")
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        if kind == b"iTXt" and body.startswith(CHUNK_KEY + b"\0\0\0\0\0"):
            return open_signed(body[len(CHUNK_KEY) + 5 :], FORMAT, limit=_LARGEST)
        place += 12 + size
    raise Malformed("convert.no_statement", "图片中没有转换说明。")


def _told(report: Report) -> str:
    every = [*report.findings, *(f for s in report.signatures for f in s.findings)]
    return "、".join(dict.fromkeys(f.code for f in every if f.severity is Severity.ERROR)) or "—"
