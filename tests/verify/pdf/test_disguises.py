"""冒充印章: what looks like a seal of the issuing body and is none."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from seal.pdf import sealing, structures
from seal.pdf.appearance import PICTURE_OBJECTS, appearance, seal_picture
from seal.pdf.cades import SignerParts
from seal.pdf.document import Additions
from seal.pdf.objects import dictionary, hexed, name, reference
from seal.pdf.sealable import open_pdf_for_sealing
from seal.pdf.sealing import EmptyField, PDFChoices
from seal.pdf.slot import open_slot
from seal.ses import parse_seal
from tests.verify import world
from tests.verify.cases import codes
from tests.verify.pdf import elsewhere, making
from tests.verify.world import NOW, SealRecipe, SignatureRecipe
from trust import der
from trust.algorithms import SHA256
from verify.report import Indication
from verify.verifier import Verifier


def _certificate(key: rsa.RSAPrivateKey, subject: str) -> bytes:
    root = elsewhere.person("root")
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    bits = [True, True, *[False] * 7]
    builder = (
        x509.CertificateBuilder().subject_name(named).issuer_name(root.certificate.subject).public_key(key.public_key())
        .serial_number(77).not_valid_before(NOW - timedelta(days=30)).not_valid_after(NOW + timedelta(days=300))
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.KeyUsage(*bits), critical=True)
    )  # fmt: skip
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)


def copied_seal() -> bytes:
    """The issuing body's seal, copied, under a signature with RSA by somebody of its name."""
    key = elsewhere._key("rsa", "namesake")
    assert isinstance(key, rsa.RSAPrivateKey)
    algorithm = der.tlv(der.SEQUENCE, der.oid("1.2.840.113549.1.1.11"), b"\x05\x00")
    parts = SignerParts.of(_certificate(key, "演示省市场监督管理局"), digest=SHA256, algorithm=algorithm)
    document, added, seal_der = making.drawn(), Additions(), world.make(SealRecipe())
    assert document.message is not None
    number = document.next_number
    entries = {
        "Type": b"/Sig",
        "Filter": name(structures.FILTER),
        "SubFilter": name(structures.CADES),
        structures.SEAL_KEY: hexed(seal_der),
        structures.DISCLOSURE_KEY: hexed(bytes.fromhex(document.message.disclosure_root)),
    }
    sealing._add_seal(document, added, number, parse_seal(seal_der), making.place(), PDFChoices())
    sealing._certify(added, number, entries)
    slot = open_slot(document, added, number, entries, parts.size(256, 0))
    attributes = parts.attributes(slot.digest(SHA256))
    return slot.fill(parts.build(attributes, key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())))


def test_a_copied_seal_under_another_algorithm_is_no_seal() -> None:
    store = world.authority().store()
    store = store.changed(anchors=(*store.anchors, *elsewhere.anchors("signer"))).with_crls((*store.crls, elsewhere.crl()))
    report = Verifier(store, lambda: NOW).verify(copied_seal())
    assert report.indication is Indication.FAILED
    assert "pdf.seal_algorithm" in codes(report)


def stamped_as_seal() -> bytes:
    """A field kept for a later seal, filled by a time stamp, which anybody can have, with the picture of a seal."""
    choices = PDFChoices(reserve=(EmptyField("Seal1", making.place(1)[0], 42, 42),))
    document = open_pdf_for_sealing(making.seal_again(making.drawn(), SignatureRecipe(), 0, choices))
    seal = parse_seal(world.make(SealRecipe(listed="other", seal_id="99000000000002")))
    added, number = Additions(), document.next_number
    picture, free = number + 1, number + 1 + PICTURE_OBJECTS
    place, entries = document.empty_fields["Seal1"]
    added.objects |= seal_picture(seal.picture).objects(picture)
    added.objects[free] = appearance(seal, picture, document.pages[0], None)
    added.objects[place] = dictionary({**entries, "V": reference(number), "AP": dictionary({"N": reference(free)})})
    kind = {"Filter": name(structures.FILTER), "SubFilter": name(structures.DOCUMENT_TIMESTAMP)}
    slot = open_slot(document, added, number, {"Type": b"/DocTimeStamp", **kind, "V": b"0"}, 6144)
    stamper = world.authority().timestamper(NOW - timedelta(hours=1))
    return slot.fill(stamper.stamp(slot.data[: slot.start] + slot.data[slot.end :]))


def test_a_time_stamp_that_looks_like_a_seal_is_told_apart() -> None:
    report = Verifier(world.authority().store(), lambda: NOW).verify(stamped_as_seal())
    assert report.indication is Indication.FAILED
    assert "pdf.picture_without_seal" in codes(report)
