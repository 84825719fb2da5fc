"""Scans of licences, made for tests: the face of a type with a record's values, as picture, PDF or OFD."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image as Pictures

from licence_store.definitions import LicenceTypeDefinition
from licence_store.face import PreparedFace, render_png
from licence_store.issuance import Issuer
from licence_store.numbering import StatusSlot, new_serial
from licence_store.reserving import Application, build_message
from tests.licence_store.conftest import OFFICER
from trust.identifiers import LicenceId


def picture_of(issuer: Issuer, definition: LicenceTypeDefinition, record: Mapping[str, str], form: str = "JPEG") -> bytes:
    """A licence as a scanner would see it."""
    [application] = issuer.apply(definition.code, [dict(record)], OFFICER)
    assert isinstance(application, Application)
    identifier = LicenceId(definition.code, application.right.department_code, new_serial(), 1)
    message = build_message(application, identifier, "20119900000000077", StatusSlot("paper", 0), issuer.facts)
    png = render_png(PreparedFace.of(definition, demonstration=True), message, "https://paper.test/", dpi=110)
    out = BytesIO()
    Pictures.open(BytesIO(png)).convert("RGB").save(out, form, quality=70)
    return out.getvalue()


def blank(form: str = "PNG", size: tuple[int, int] = (900, 700)) -> bytes:
    out = BytesIO()
    Pictures.new("RGB", size, "#f5f2ea").save(out, form)
    return out.getvalue()
