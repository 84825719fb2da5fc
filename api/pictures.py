"""照面图片: previews of faces for pages and ``Accept: image/png``; drawn from data, never from an uploaded drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from api.pages.verdict import data_address, when
from licence_store.face import PreparedFace, render_png, set_fields
from licence_store.numbering import StatusSlot, new_serial
from licence_store.reserving import Application, build_message
from seal.impression import Impression
from seal.message import DataMessage
from seal.painting import Canvas
from seal.ses import parse_seal
from trust.errors import LicenceTrustError
from trust.identifiers import LicenceId
from verify.report import Indication, Report

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.desk import Desk
    from licence_store.presenting.presenter import Shown
    from licence_store.register import LicenceView
    from trust.journal import Actor

LARGEST = 1400
"""Pixels on the longer side."""


def registered_face(desk: Desk, view: LicenceView) -> bytes:
    """The face of a registered licence with the seal it was given."""
    # From the file itself: the seal may be frozen, or have another face by now.
    seal = parse_seal(_seal_in(desk.register.file(view)))
    impression = Impression(seal.picture, seal.width, seal.height, seal.picture_type)
    return _draw(desk, _prepared(desk, view), view.message, impression)


def presented_face(desk: Desk, shown: Shown) -> bytes:
    """The face as its holder shows it: other fields masked, no seal, no code, and across it when and to whom."""
    from licence_store.copying.drawing import shown_face
    from seal.watermark import lay_marks, paint_marks

    prepared, message = _prepared(desk, shown.licence), shown.licence.message
    masked = {one.name for one in message.face} - set(shown.view.shown)
    style, texts = prepared.definition.style, shown_face(message, masked)
    fields = set_fields(style, ((one.name, one.title, one.text) for one in texts))
    items = (*prepared.background, *prepared.annotation, *fields)
    canvas = Canvas(style.width, style.height, _dpi(style.width, style.height)).paint(items)
    assert shown.view.opened is not None
    lines = (f"亮证 {when(shown.view.opened)}", f"查验方 {shown.view.opened_by}")
    paint_marks(canvas, lay_marks(lines, style.width, style.height))
    return canvas.png()


def _seal_in(data: bytes) -> bytes:
    """The first seal object on one of our own files."""
    from seal.ofd.package import Limits, open_package
    from seal.pdf.reading import seal_objects
    from seal.sealing import SEAL_ENTRY

    return seal_objects(data)[0] if data.startswith(b"%PDF-") else open_package(data, Limits()).entries[SEAL_ENTRY]


def thumbnail(picture: bytes, side: int = 560) -> bytes:
    """A face small enough for a list, or to be part of a page; JPEG."""
    from io import BytesIO

    from PIL import Image

    image, out = Image.open(BytesIO(picture)).convert("RGB"), BytesIO()
    image.thumbnail((side, side))
    image.save(out, "JPEG", quality=82)
    return out.getvalue()


def face_size(desk: Desk, view: LicenceView) -> tuple[int, int]:
    """Width and height in pixels."""
    style = _prepared(desk, view).definition.style
    dpi = _dpi(style.width, style.height)
    return round(style.width * dpi / 25.4), round(style.height * dpi / 25.4)


def sealed_face(desk: Desk, content: bytes, report: Report) -> str:
    """The face drawn from a passed document's sealed data, as a ``data:`` address; empty where we cannot."""
    from seal.ofd.package import Limits
    from verify.opening import open_document

    if report.indication is not Indication.PASSED or not report.metadata:
        return ""
    try:
        message = open_document(content, Limits()).message
        prepared = PreparedFace.of(desk.catalogue.get(report.metadata["type_code"]), desk.facts.demonstration)
        return data_address(_draw(desk, prepared, message, _impression(report)), "png") if message else ""
    except LicenceTrustError:
        return ""


def preview(
    desk: Desk,
    definition: LicenceTypeDefinition,
    values: Mapping[str, str],
    actor: Actor,
    *,
    follows: LicenceView | None = None,
) -> bytes:
    """The face as it would be issued; id, and number where it comes from a sequence, are made up and not kept.

    ``follows``: the licence whose next version, or successor, it would be; it has the same number.
    """
    record = {name: value for name, value in values.items() if value}
    [application] = desk.issuer.apply(definition.code, [record], actor)
    if not isinstance(application, Application):
        raise application
    identifier = LicenceId(definition.code, application.right.department_code, new_serial(), 1)
    rule = definition.number_rule
    number = "（签发时编号）" if rule.needs_sequence else rule.number(application.record)
    if follows is not None:
        number = follows.summary.licence_number
    message = build_message(application, identifier, number, StatusSlot("preview", 0), desk.facts)
    return _draw(desk, PreparedFace.of(definition, desk.facts.demonstration), message, None)


def _prepared(desk: Desk, view: LicenceView) -> PreparedFace:
    with desk.sessions.read() as session:
        definition = desk.catalogue.at(session, view.summary.type_code, view.type_version)
    return PreparedFace.of(definition, desk.facts.demonstration)


def _draw(desk: Desk, prepared: PreparedFace, message: DataMessage, seal: Impression | None) -> bytes:
    style = prepared.definition.style
    url = desk.issuer.verify_url(message.licence_id)
    return render_png(prepared, message, url, dpi=_dpi(style.width, style.height), seal=seal)


def _dpi(width: float, height: float) -> int:
    return int(LARGEST / max(width, height) * 25.4)


def _impression(report: Report) -> Impression | None:
    seal = next((one.seal for one in report.signatures if one.seal), None)
    return Impression(seal.picture, 42, 42, seal.picture_type) if seal and seal.picture_type == "png" else None
