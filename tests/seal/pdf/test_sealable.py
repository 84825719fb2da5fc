"""Sealing what exists already: our own sealed files once more, and files departments bring."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY

from keys.classical import SoftwareClassicalSigner
from seal.pdf.sealable import open_pdf_for_sealing
from seal.pdf.sealing import EmptyField
from seal.pdf.viewers import sign_for_viewers
from seal.sealing import PDFChoices, Placement, Sealer, SealingMaterial, cross_page_placements
from tests.seal.conftest import NOW, Office
from tests.seal.pdf.conftest import TYPES, drawn, opened
from tests.seal.pdf.foreign import certified_by_stock, classical, plain
from trust.errors import LicenceTrustError, Malformed, Refused

BARE = Sealer(None, lambda: NOW)
PLACE = [Placement(1, 20, 100)]


@pytest.fixture(scope="module")
def second(office: Office) -> SealingMaterial:
    return SealingMaterial(office.seal(seal_id="99000000000002", name="演示省民政厅电子印章"), office.signer)


def coverage(data: bytes) -> list[str]:
    """How much of the file each signature covers, as pyHanko sees it."""
    reader = PdfFileReader(io.BytesIO(data), strict=True)
    return [one.evaluate_signature_coverage().name for one in reader.embedded_signatures]


def lawful_changes(data: bytes) -> list[str]:
    """What pyHanko says of the changes after each signature."""
    reader = PdfFileReader(io.BytesIO(data), strict=True)
    found = []
    for one in reader.embedded_signatures:
        one.compute_integrity_info(diff_policy=DEFAULT_DIFF_POLICY)
        found.append(one.diff_result.modification_level.name if one.diff_result else "NONE")
    return found


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("pages", [1, 3])
def test_a_plain_file_takes_a_seal(material: SealingMaterial, modern: bool, pages: int) -> None:
    data = plain(pages, modern=modern)
    document = open_pdf_for_sealing(data)
    assert [(round(page.width), round(page.height)) for page in document.pages] == [(210, 297)] * pages
    sealed = BARE.seal(document, material, [Placement(pages, 100, 200)])
    assert sealed.data.startswith(data)
    with opened(sealed.data) as pdf:
        assert pdf.check_pdf_syntax() == []
        [widget] = pdf.pages[pages - 1].Annots
        assert widget.P.objgen == pdf.pages[pages - 1].obj.objgen
    assert coverage(sealed.data) == ["ENTIRE_FILE"]


@pytest.mark.parametrize("modern", [False, True])
def test_seal_upon_seal(material: SealingMaterial, second: SealingMaterial, modern: bool) -> None:
    once = BARE.seal(open_pdf_for_sealing(plain(modern=modern)), material, PLACE).data
    document = open_pdf_for_sealing(once)
    assert (document.signatures, document.certification) == (1, None)
    twice = BARE.seal(document, second, [Placement(1, 100, 100)]).data
    assert twice.startswith(once)
    with opened(twice) as pdf:
        assert [str(field.T) for field in pdf.Root.AcroForm.Fields] == ["Seal_1", "Seal_2"]
        assert "/Reference" not in pdf.Root.AcroForm.Fields[1].V
        assert pdf.check_pdf_syntax() == []
    assert coverage(twice) == ["ENTIRE_REVISION", "ENTIRE_FILE"]
    assert lawful_changes(twice) == ["FORM_FILLING", "NONE"]


def test_a_field_made_before_is_filled(office: Office, material: SealingMaterial, second: SealingMaterial) -> None:
    reserve = (EmptyField("Seal_2", Placement(1, 100, 100), 42, 42),)
    once = BARE.seal(open_pdf_for_sealing(plain()), material, PLACE, PDFChoices(reserve=reserve, certify=True)).data
    document = open_pdf_for_sealing(once)
    assert (set(document.empty_fields), document.certification) == ({"Seal_2"}, 2)
    with pytest.raises(Refused) as caught:
        BARE.seal(document, second, [Placement(1, 100, 200)])
    assert caught.value.code == "sealing.certified_fields"
    twice = BARE.seal(document, second, [Placement(1, 100, 100)], PDFChoices(field="Seal_2")).data
    with opened(twice) as pdf:
        [one, other] = pdf.Root.AcroForm.Fields
        assert "/V" in one
        assert "/V" in other
        assert len(pdf.pages[0].Annots) == 2
    assert lawful_changes(twice) == ["FORM_FILLING", "NONE"]


def test_a_sealed_licence_takes_a_second_signature_for_viewers(material: SealingMaterial) -> None:
    sealed = BARE.seal(drawn(TYPES["business-licence"]), material, PLACE).data
    signer = SoftwareClassicalSigner.of(*classical())
    both = sign_for_viewers(sealed, signer, NOW)
    assert both.startswith(sealed)
    assert coverage(both) == ["ENTIRE_REVISION", "ENTIRE_FILE"]
    assert lawful_changes(both) == ["FORM_FILLING", "NONE"]
    with pytest.raises(Refused) as caught:
        sign_for_viewers(plain(), signer, NOW)
    assert caught.value.code == "sealing.not_sealed"


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_turned_pages(material: SealingMaterial, rotate: int) -> None:
    """The seal's box is within the page and its picture is turned back."""
    document = open_pdf_for_sealing(plain(rotate=rotate))
    wide = rotate in (90, 270)
    assert (document.pages[0].width > document.pages[0].height) is wide
    sealed = BARE.seal(document, material, [Placement(1, 10, 20)])
    with opened(sealed.data) as pdf:
        [widget] = pdf.pages[0].Annots
        left, bottom, right, top = map(float, widget.Rect)
        assert 0 <= left < right <= 595
        assert 0 <= bottom < top <= 842
        assert [int(v) for v in widget.AP.N.Matrix] != [1, 0, 0, 1, 0, 0]


def test_a_seal_across_pages(material: SealingMaterial) -> None:
    document = open_pdf_for_sealing(plain(3))
    sealed = BARE.seal(document, material, cross_page_placements(document.pages, material.seal, 100))
    with opened(sealed.data) as pdf:
        [field] = pdf.Root.AcroForm.Fields
        assert len(field.Kids) == 3
        assert [len(page.Annots) for page in pdf.pages] == [1, 1, 1]
        assert len({kid.AP.N.objgen for kid in field.Kids}) == 3
        assert pdf.check_pdf_syntax() == []


def test_a_file_certified_against_changes_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        open_pdf_for_sealing(certified_by_stock(plain(), 1))
    assert caught.value.code == "sealing.certified"
    assert "P=1" in caught.value.message


@pytest.mark.parametrize("level", [2, 3])
def test_a_file_certified_by_others_takes_seals_in_its_fields_only(material: SealingMaterial, level: int) -> None:
    with pytest.raises(Refused) as caught:
        BARE.seal(open_pdf_for_sealing(certified_by_stock(plain(), level)), material, PLACE)
    assert caught.value.code == "sealing.certified_fields"


def test_a_file_signed_by_others_takes_a_seal_and_is_not_certified_again(material: SealingMaterial) -> None:
    data = certified_by_stock(plain(), None)
    sealed = BARE.seal(open_pdf_for_sealing(data), material, PLACE).data
    with opened(sealed) as pdf:
        assert "/Reference" not in pdf.Root.AcroForm.Fields[1].V
    assert coverage(sealed) == ["ENTIRE_REVISION", "ENTIRE_FILE"]


def encrypted() -> bytes:
    out = io.BytesIO()
    with opened(plain()) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user=""))
    return out.getvalue()


def with_dynamic_form() -> bytes:
    out = io.BytesIO()
    with opened(plain()) as pdf:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=pdf.make_stream(b"<xdp/>"))
        pdf.save(out)
    return out.getvalue()


def in_a_circle() -> bytes:
    out = io.BytesIO()
    with opened(plain()) as pdf:
        field = pdf.make_indirect(pikepdf.Dictionary(T="a"))
        field.Kids = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize(("make", "code"), [
    (lambda: b"", "format.not_pdf"),
    (lambda: b"PK\x03\x04", "format.not_pdf"),
    (lambda: b"%PDF-1.7\n", "format.pdf_broken"),
    (lambda: plain()[:-40], "format.pdf_broken"),
    (lambda: b"junk" + plain(), "format.not_pdf"),
    (lambda: plain().replace(b"startxref\n", b"startxref\n9"), "format.pdf_broken"),
    (encrypted, "format.encrypted"),
    (with_dynamic_form, "sealing.dynamic_form"),
    (in_a_circle, "format.pdf_form"),
])  # fmt: skip
def test_what_cannot_be_sealed_honestly_is_refused(make: object, code: str) -> None:
    with pytest.raises(LicenceTrustError) as caught:
        open_pdf_for_sealing(make())  # type: ignore[operator]
    assert caught.value.code == code


def test_cut_anywhere_it_is_refused_or_sound(material: SealingMaterial) -> None:
    """No cut makes anything but a refusal."""
    whole = BARE.seal(open_pdf_for_sealing(plain()), material, PLACE).data
    for size in range(0, len(whole), 97):
        try:
            open_pdf_for_sealing(whole[:size])
        except (Malformed, Refused):
            continue
        assert whole[:size].rstrip().endswith(b"%%EOF")
