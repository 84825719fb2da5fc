"""A sealed PDF: what is signed, what is bound into it, and which choices it has."""

from __future__ import annotations

import io
from datetime import timedelta

import pikepdf
import pytest
from asn1crypto import cms

from keys.authority import TSA
from keys.timestamping import TimeStampAuthority
from licence_store.definitions import LicenceTypeDefinition
from seal.pdf import structures
from seal.pdf.document import PDFPage
from seal.pdf.sealing import EmptyField
from seal.sealing import PDFChoices, Placement, Sealer, SealingMaterial, SigningMaterial, finish
from seal.ses import parse_signature
from tests.seal.conftest import NOW, Office
from tests.seal.pdf.conftest import TYPES, drawn, opened
from trust.algorithms import sm3
from trust.certificates import load_certificate
from trust.errors import Malformed, Refused

PLACE = [Placement(1, 120, 100)]
BARE = Sealer(None, lambda: NOW)
DEFINITION = TYPES["business-licence"]


_OPEN: list[pikepdf.Pdf] = []


def signature_of(data: bytes, index: int = 0) -> pikepdf.Dictionary:
    pdf = opened(data)
    _OPEN.append(pdf)  # its objects die with it
    return pdf.Root.AcroForm.Fields[index].V


def covered(data: bytes, signature: pikepdf.Dictionary) -> bytes:
    start, first, second, rest = map(int, signature.ByteRange)
    assert start == 0
    return data[:first] + data[second : second + rest]


def test_the_signature_covers_all_but_itself(definition: LicenceTypeDefinition, office: Office, material: SealingMaterial) -> None:
    sealed = BARE.seal(drawn(definition), material, PLACE)
    signature = signature_of(sealed.data)
    _, first, second, rest = map(int, signature.ByteRange)
    assert second + rest == len(sealed.data)
    assert sealed.data[first : first + 1] == b"<"
    assert sealed.data[second - 1 : second] == b">"
    content = cms.ContentInfo.load(bytes(signature.Contents), strict=False)
    [signer] = content["content"]["signer_infos"]
    attributes = {a["type"].dotted: a["values"][0] for a in signer["signed_attrs"]}
    assert set(attributes) == {
        structures.CONTENT_TYPE, structures.MESSAGE_DIGEST, structures.SIGNING_CERTIFICATE_V2,
    }
    assert attributes[structures.MESSAGE_DIGEST].native == sm3(covered(sealed.data, signature))
    [named] = attributes[structures.SIGNING_CERTIFICATE_V2]["certs"]
    assert named["hash_algorithm"]["algorithm"].dotted == "1.2.156.10197.1.401"
    assert named["cert_hash"].native == sm3(office.signer.certificate.der)
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    assert office.signer.certificate.public_key.verify(signer["signature"].native, signed)


def test_the_seal_and_the_root_are_bound_in(material: SealingMaterial) -> None:
    document = drawn(DEFINITION)
    signature = signature_of(BARE.seal(document, material, PLACE).data)
    assert bytes(signature[f"/{structures.SEAL_KEY}"]) == material.seal_der
    assert document.message is not None
    assert bytes(signature[f"/{structures.DISCLOSURE_KEY}"]).hex() == document.message.disclosure_root
    assert str(signature.SubFilter) == "/ETSI.CAdES.detached"
    assert str(signature.M) == "D:20261122080000Z"


def test_the_first_seal_certifies(material: SealingMaterial) -> None:
    sealed = BARE.seal(drawn(DEFINITION), material, PLACE)
    with opened(sealed.data) as pdf:
        certifying = pdf.Root.Perms.DocMDP
        assert certifying.objgen == pdf.Root.AcroForm.Fields[0].V.objgen
        assert int(certifying.Reference[0].TransformParams.P) == 2
        assert int(pdf.Root.AcroForm.SigFlags) == 3


def test_the_seal_stands_at_its_place_and_is_told_to_readers(material: SealingMaterial) -> None:
    sealed = BARE.seal(drawn(DEFINITION), material, PLACE)
    with opened(sealed.data) as pdf:
        [widget] = pdf.pages[0].Annots
        height = float(pdf.pages[0].MediaBox[3])
        expected = [120, 100 + 42, 120 + 42, 100]
        found = [float(value) for value in widget.Rect]
        millimetres = [found[0], height - found[1], found[2], height - found[3]]
        assert [value * 25.4 / 72 for value in millimetres] == pytest.approx(expected, abs=0.01)
        forms = [kid for kid in pdf.Root.StructTreeRoot.K.K if str(kid.S) == "/Form"]
        assert "演示省教育厅电子印章" in str(forms[0].Alt)
        assert forms[0].K.Obj.objgen == widget.objgen
        assert pdf.check_pdf_syntax() == []


def test_a_time_stamp_is_over_the_signature_value(office: Office, material: SealingMaterial) -> None:
    stamping = TimeStampAuthority(office.person("TEST TSA", TSA), clock=lambda: NOW)
    signature = signature_of(Sealer(stamping, lambda: NOW).seal(drawn(DEFINITION), material, PLACE).data)
    [signer] = cms.ContentInfo.load(bytes(signature.Contents), strict=False)["content"]["signer_infos"]
    [attribute] = signer["unsigned_attrs"]
    assert attribute["type"].dotted == structures.SIGNATURE_TIMESTAMP
    info = attribute["values"][0]["content"]["encap_content_info"]["content"].parsed
    assert info["message_imprint"]["hashed_message"].native == sm3(signer["signature"].native)


def test_the_ses_form(office: Office, material: SealingMaterial) -> None:
    document = drawn(DEFINITION)
    sealed = BARE.seal(document, material, PLACE, PDFChoices(form=structures.SES))
    signature = signature_of(sealed.data)
    contents = bytes(signature.Contents)
    value = parse_signature(contents.rstrip(b"\0"))
    assert str(signature.SubFilter) == "/GM.sm2seal"
    assert value.data_hash == sm3(covered(sealed.data, signature))
    assert value.property_info == "[" + " ".join(str(part) for part in signature.ByteRange) + "]"
    assert value.seal.der == material.seal_der
    assert office.signer.certificate.public_key.verify(value.signature, value.tbs_der)


def test_a_device_elsewhere_may_sign(office: Office, material: SealingMaterial) -> None:
    prepared = BARE.prepare(drawn(DEFINITION), material, PLACE)
    sealed = finish(prepared, office.signer.sign(prepared.to_sign))
    assert bytes(signature_of(sealed.data).Contents).startswith(b"\x30")


def test_a_signature_without_a_seal(office: Office) -> None:
    document = drawn(DEFINITION)
    chain = SigningMaterial(office.signer, (office.root,))
    signature = signature_of(BARE.seal(document, chain).data)
    content = cms.ContentInfo.load(bytes(signature.Contents), strict=False)["content"]
    assert {load_certificate(c.dump()).digest for c in content["certificates"]} == {
        office.signer.certificate.digest, office.root.digest,
    }
    assert f"/{structures.SEAL_KEY}" not in signature


def test_places_for_later_seals_are_made_before(material: SealingMaterial) -> None:
    reserve = (EmptyField("Seal_2", Placement(1, 20, 20), 42, 42),)
    sealed = BARE.seal(drawn(DEFINITION), material, PLACE, PDFChoices(reserve=reserve))
    with opened(sealed.data) as pdf:
        fields = {str(field.T): field for field in pdf.Root.AcroForm.Fields}
        assert set(fields) == {"Seal_1", "Seal_2"}
        assert "/V" not in fields["Seal_2"]
        assert len(pdf.pages[0].Annots) == 2
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("place", [Placement(2, 10, 10), Placement(1, 400, 10), Placement(1, -5, 10)])
def test_a_place_off_the_page_is_refused(material: SealingMaterial, place: Placement) -> None:
    with pytest.raises(Malformed) as caught:
        BARE.seal(drawn(DEFINITION), material, [place])
    assert caught.value.code == "sealing.placement"


def test_a_seal_the_licence_does_not_name_is_refused(office: Office) -> None:
    other = SealingMaterial(office.seal(seal_id="99000000000002"), office.signer)
    with pytest.raises(Refused) as caught:
        BARE.seal(drawn(DEFINITION), other, PLACE)
    assert caught.value.code == "seal.not_named"


def test_a_seal_out_of_its_period_is_refused(material: SealingMaterial) -> None:
    late = Sealer(None, lambda: NOW + timedelta(days=5000))
    with pytest.raises(Refused):
        late.seal(drawn(DEFINITION), material, PLACE)


@pytest.mark.parametrize(("rotation", "expected"), [
    (0, (10, 297 - 20 - 40, 40, 297 - 20)), (90, (20, 10, 60, 40)),
    (180, (210 - 10 - 30, 20, 200, 60)), (270, (297 - 20 - 40, 210 - 10 - 30, 297 - 20, 200)),
])  # fmt: skip
def test_places_on_turned_pages(rotation: int, expected: tuple[float, ...]) -> None:
    """A box of 30 × 40 mm at (10, 20) of a page that is seen upright, 210 × 297 mm."""
    page = PDFPage(1, 210, 297, 3, rotation=rotation)
    scale = structures.POINTS_PER_MM
    assert [value / scale for value in page.rectangle(10, 20, 30, 40)] == pytest.approx(expected)


def test_pyhanko_reads_it_as_we_mean_it(material: SealingMaterial) -> None:
    reading = pytest.importorskip("pyhanko.pdf_utils.reader")
    data = BARE.seal(drawn(DEFINITION), material, PLACE).data
    reader = reading.PdfFileReader(io.BytesIO(data), strict=True)
    [embedded] = reader.embedded_signatures
    assert embedded.field_name == "Seal_1"
    assert embedded.docmdp_level.value == 2
    assert embedded.evaluate_signature_coverage().name == "ENTIRE_FILE"
