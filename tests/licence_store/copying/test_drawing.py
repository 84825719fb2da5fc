"""Copies as files: PDF/A-3b, tagged, words that can be copied; OFD without loose ends; every shipped type; what is refused."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest

from licence_store.copying.drawing import FaceSource, PagePicture, PagesSource, draw_copy, preview_copy, shown_face
from licence_store.definitions import LicenceTypeDefinition, shipped_definitions
from licence_store.face import PreparedFace
from seal.copies import CopyRequest, CopyTerms, Original, band_lines, parse_terms, watermark_lines
from seal.ofd.package import write_package
from seal.pdf.copies import CopyPDF
from tests.seal.pdf.conftest import demand_sound, message_of
from tests.verify import copy_world
from tests.verify.world import NOW, SIGNED
from trust.algorithms import sm3
from trust.errors import Malformed

TYPES = {definition.slug: definition for definition in shipped_definitions()}


@pytest.fixture(params=sorted(TYPES))
def definition(request: pytest.FixtureRequest) -> LicenceTypeDefinition:
    return TYPES[request.param]


def licence_copy(definition: LicenceTypeDefinition, masked: tuple[str, ...] = ()) -> tuple[CopyTerms, FaceSource]:
    message = message_of(definition)
    original = Original("licence", "1.2.3", "a" * 64, "ofd", definition.name, "演示省教育厅")
    request = CopyRequest("某单位", "某用途", NOW + timedelta(days=9), masked=masked)
    fixed = {
        "copy_id": "c-" + "0" * 24,
        "made": SIGNED.replace(microsecond=0),
        "by": "演示省电子证照库",
        "region": "990000",
    }
    terms = CopyTerms.of(request, original, "A", face=shown_face(message, masked), nonce="0" * 32, **fixed)
    return terms, FaceSource(PreparedFace.of(definition, True), message)


def test_every_type_is_drawn_in_both_forms(definition: LicenceTypeDefinition) -> None:
    terms, source = licence_copy(definition)
    document = draw_copy(terms, source, "pdf").document
    assert isinstance(document, CopyPDF)
    demand_sound(document.to_bytes())
    assert write_package(draw_copy(terms, source, "ofd").document.entries)  # type: ignore[union-attr]
    assert preview_copy(terms, source).startswith(b"\x89PNG")


def test_every_field_may_be_masked(definition: LicenceTypeDefinition) -> None:
    names = tuple(value.name for value in message_of(definition).face)
    terms, source = licence_copy(definition, names)
    assert len({one.text for one in terms.face}) == 1
    draw_copy(terms, source, "ofd")


@pytest.mark.parametrize("pages", [1, 3])
def test_pages_are_archivable_and_tagged(pages: int) -> None:
    terms, source = copy_world.terms_of({"level": "B", "pages": pages})
    document = draw_copy(terms, source, "pdf").document
    assert isinstance(document, CopyPDF)
    demand_sound(document.to_bytes())
    sealed = copy_world.build({"level": "B", "pages": pages, "form": "pdf"})
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert len(pdf.pages) == pages
        numbers = [int(n) for n in list(pdf.Root.StructTreeRoot.ParentTree.Nums)[::2]]
        assert numbers == sorted(set(numbers))
        held = pdf.attachments["copy.json"].get_file().read_bytes()
    assert parse_terms(held) == terms


def test_words_can_be_copied_and_found(tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler-utils is not installed")
    file = tmp_path / "copy.pdf"
    file.write_bytes(copy_world.build({"form": "pdf"}))
    text = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True).stdout.decode()
    bare = "".join(text.split())
    terms, _ = copy_world.terms_of({})
    for _, line in band_lines(terms):
        assert "".join(line.split()) in bare
    assert "".join("".join(line.split()) for line in watermark_lines(terms)) in bare


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"form": "png"}, "copy.form"),
        ({"source": PagesSource((PagePicture(b"\xff\xd8 no picture", 210, 297),))}, "copy.page"),
        ({"source": PagesSource((PagePicture(b"\xff\xd8 no picture", 0, 297),))}, "copy.page"),
        ({"source": PagesSource((PagePicture(b"GIF89a", 210, 297),))}, "copy.page"),
        ({"source": PagesSource(())}, "copy.terms"),
        ({"recipient": "某\u202e单位"}, "copy.terms"),
        ({"purpose": "\U0001f600\u2603"}, "face.missing_glyph"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change: dict[str, object], code: str) -> None:
    terms, source = copy_world.terms_of({"level": "D"})
    wanted = change.get("source", source)
    assert isinstance(wanted, PagesSource)
    texts = {key: value for key, value in change.items() if key in ("recipient", "purpose")}
    with pytest.raises(Malformed) as caught:
        if wanted is not source and wanted.pages:
            texts["pages"] = tuple(sm3(page.data).hex() for page in wanted.pages)
        draw_copy(replace(terms, **texts), wanted, str(change.get("form", "pdf")))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_the_longest_texts_still_fit() -> None:
    longest = "字" * 100
    case = {
        "level": "A",
        "request": {"recipient": longest, "purpose": longest, "service_item": longest, "case_number": "9" * 100},
    }
    terms, source = copy_world.terms_of(case)
    for form in ("ofd", "pdf"):
        draw_copy(terms, source, form)


def test_a_field_that_is_not_there_cannot_be_masked() -> None:
    with pytest.raises(Malformed, match="no_such_field"):
        shown_face(copy_world.message_of(), ("no_such_field",))
