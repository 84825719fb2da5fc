"""Converted copies: never mistaken for an original, never without the way back to it."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from licence_store.conversion import FORMAT, STATEMENT_FILE, statement_in
from licence_store.desk import Desk
from seal.pdf.structures import MESSAGE_FILE
from tests.licence_store.test_forms import OFFICER, issue
from tests.seal.pdf.conftest import opened
from trust.algorithms import sm3
from trust.errors import CheckFailed, Malformed, Refused
from trust.journal import Actor
from trust.signed import open_signed
from verify.report import Indication


@pytest.fixture
def original(desk: Desk) -> bytes:
    return desk.files.get(issue(desk, "ofd").file_digest)


def test_a_pdf_copy_is_signed_and_no_licence(desk: Desk, original: bytes) -> None:
    made = desk.converter.convert(original, "pdf", OFFICER)
    with opened(made.data) as pdf:
        assert list(pdf.attachments) == [STATEMENT_FILE]
        assert MESSAGE_FILE not in pdf.attachments
        statement = open_signed(pdf.attachments[STATEMENT_FILE].get_file().read_bytes(), FORMAT, limit=1 << 16)
        assert pdf.check_pdf_syntax() == []
    statement.check_signature()
    assert statement.payload["original"] == {"format": "ofd", "sm3": sm3(original).hex()}
    assert str(statement.payload["check"]).endswith(f"/v/{made.licence_id}")
    report = desk.verifier().verify(made.data)
    assert report.indication is Indication.PASSED
    assert "licence_id" not in report.document
    assert [one.kind for one in report.signatures] == ["signature"]
    with pytest.raises(Refused) as caught:
        desk.converter.convert(made.data, "png", OFFICER)
    assert caught.value.code == "convert.not_ours"


def test_the_copy_says_so_in_words(desk: Desk, original: bytes) -> None:
    pypdfium2 = pytest.importorskip("pypdfium2")
    made = desk.converter.convert(original, "pdf", OFFICER)
    text = pypdfium2.PdfDocument(made.data)[0].get_textpage().get_text_range()
    assert "转换件，不是原件" in text
    assert sm3(original).hex() in text.replace("\r\n", "")


def test_a_picture_s_statement_is_over_its_pixels(desk: Desk, original: bytes) -> None:
    made = desk.converter.convert(original, "png", OFFICER)
    statement = statement_in(made.data)
    statement.check_signature()
    with Image.open(io.BytesIO(made.data)) as picture:
        assert statement.payload["pixels"] == sm3(picture.convert("RGB").tobytes()).hex()
    place = made.data.index(b'"licence_id"')
    forged = bytearray(made.data)
    forged[place + 20] ^= 1
    with pytest.raises((CheckFailed, Malformed)):
        statement_in(bytes(forged)).check_signature()
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    with pytest.raises(Malformed):
        statement_in(out.getvalue())


def test_what_is_not_converted(desk: Desk, original: bytes) -> None:
    for data, form, who, code in (
        (original, "docx", OFFICER, "convert.form"),
        (original[:-1], "pdf", OFFICER, "convert.not_passed"),
        (b"", "pdf", OFFICER, "convert.not_passed"),
        (original, "pdf", Actor("wang", "market"), "convert.other_department"),
    ):
        with pytest.raises((Malformed, Refused)) as caught:
            desk.converter.convert(data, form, who)
        assert caught.value.code == code


def test_it_is_journalled_without_names(desk: Desk, original: bytes) -> None:
    from sqlalchemy import select

    from licence_store.models import JournalEntry

    made = desk.converter.convert(original, "pdf", OFFICER)
    with desk.sessions.read() as session:
        last = session.execute(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).scalar_one()
    assert (last.action, last.subject) == ("licence.convert", made.licence_id)
    assert set(json.loads(last.details)) == {"form", "original", "copy"}
