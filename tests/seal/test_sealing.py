"""盖章: the sealed file, read back with our readers and with the openssl command line."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from seal.checking import check_seal_usable, check_signature_form, check_signer_listed, disclosure_root_in
from seal.message import parse_message
from seal.ofd.package import open_package
from seal.ofd.signatures import parse_signature as parse_signature_xml
from seal.ofd.signatures import parse_signatures
from seal.sealing import (
    SEAL_ENTRY,
    SIGNATURE_ENTRY,
    SIGNED_VALUE_ENTRY,
    Placement,
    Sealer,
    SealingMaterial,
    finish,
)
from seal.ses import parse_signature
from tests.seal.conftest import NOW, Office, make_document
from trust.algorithms import sm3
from trust.certificates import load_certificate
from trust.errors import Malformed, Refused


class FixedStamper:
    """Stands in for a time-stamp authority: notes what it was given."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def stamp(self, data: bytes) -> bytes:
        self.seen.append(data)
        return b"\x30\x03\x02\x01\x07"


SEALER = Sealer(clock=lambda: NOW)
PLACE = [Placement(1, 130, 200)]


def test_sealed_file_holds_what_was_sealed(material: SealingMaterial) -> None:
    document = make_document()
    stamper = FixedStamper()
    sealed = replace(SEALER, timestamper=stamper).seal(document, material, PLACE)
    package = open_package(sealed.data)
    assert package.anomalies == ()
    assert sealed.digest == sm3(sealed.data)
    assert all(package.entries[entry.name] == entry.data for entry in document.entries)
    listed = parse_signatures(package.entries["Doc_0/Signs/Signatures.xml"])
    assert [(s.id, s.type, s.base_loc) for s in listed.signatures] == [("s001", "Seal", f"/{SIGNATURE_ENTRY}")]
    signature = parse_signature(package.entries[SIGNED_VALUE_ENTRY])
    assert signature.structure == "SES-V4" and signature.version == 4
    assert signature.time == sealed.signed_at == NOW
    assert signature.timestamp == b"\x30\x03\x02\x01\x07" and stamper.seen == [signature.signature]
    assert signature.seal.der == material.seal_der == package.entries[SEAL_ENTRY]
    assert signature.property_info == f"/{SIGNATURE_ENTRY}"
    assert signature.data_hash == sm3(package.entries[SIGNATURE_ENTRY])
    message = parse_message(package.entries["Doc_0/Attachs/licence.json"])
    assert disclosure_root_in(signature) == bytes.fromhex(message.disclosure_root)
    check_signature_form(signature)
    check_signer_listed(signature.seal, signature.signer_certificate)
    assert load_certificate(signature.signer_certificate).public_key.verify(signature.signature, signature.tbs_der)


def test_everything_is_referenced_but_what_must_stay_open(material: SealingMaterial) -> None:
    package = open_package(SEALER.seal(make_document(), material, PLACE).data)
    described = parse_signature_xml(package.entries[SIGNATURE_ENTRY])
    references = {reference.file_ref[1:]: reference.digest for reference in described.references}
    left_out = {"Doc_0/Signs/Signatures.xml", SIGNATURE_ENTRY, SIGNED_VALUE_ENTRY}
    assert set(references) == set(package.entries) - left_out
    assert all(sm3(package.entries[name]) == digest for name, digest in references.items())
    assert described.seal_loc == f"/{SEAL_ENTRY}"
    assert described.signed_value_loc == f"/{SIGNED_VALUE_ENTRY}"
    assert described.digest_algorithm == described.check_method == "1.2.156.10197.1.401"
    (stamp,) = described.stamps
    assert (stamp.page_ref, stamp.boundary, stamp.clip) == ("1", (130.0, 200.0, 42.0, 42.0), None)


def test_prepare_and_finish_may_lie_far_apart(material: SealingMaterial, office: Office) -> None:
    prepared = SEALER.prepare(make_document(), material, PLACE)
    assert prepared.certificate == office.signer.certificate.der
    sealed = finish(prepared, office.signer.sign(prepared.to_sign))
    signature = parse_signature(open_package(sealed.data).entries[SIGNED_VALUE_ENTRY])
    assert signature.timestamp is None
    assert office.signer.certificate.public_key.verify(signature.signature, prepared.to_sign)


def test_openssl_agrees(material: SealingMaterial, office: Office, tmp_path: Path) -> None:
    """Signature value, maker's signature and dataHash, by the openssl command line alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command line is not installed")
    package = open_package(SEALER.seal(make_document(), material, PLACE).data)
    signature = parse_signature(package.entries[SIGNED_VALUE_ENTRY])
    seal = signature.seal
    for certificate_der, value, signed in (
        (signature.signer_certificate, signature.signature, signature.tbs_der),
        (seal.maker_certificate, seal.signature, seal.signed),
    ):
        (tmp_path / "cert.pem").write_bytes(load_certificate(certificate_der).to_pem())
        (tmp_path / "signature").write_bytes(value)
        (tmp_path / "signed").write_bytes(signed)
        public = subprocess.run(
            [openssl, "x509", "-in", "cert.pem", "-pubkey", "-noout"], cwd=tmp_path, check=True, capture_output=True
        )
        (tmp_path / "public.pem").write_bytes(public.stdout)
        command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-digest", "sm3"]
        command += ["-pkeyopt", "distid:1234567812345678", "-in", "signed", "-sigfile", "signature"]
        answer = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert "Signature Verified Successfully" in answer.stdout, answer.stderr
    (tmp_path / "Signature.xml").write_bytes(package.entries[SIGNATURE_ENTRY])
    digest = subprocess.run(
        [openssl, "dgst", "-sm3", "-binary", "Signature.xml"], cwd=tmp_path, check=True, capture_output=True
    )
    assert digest.stdout == signature.data_hash


@pytest.mark.parametrize(
    "placements",
    [[], [Placement(2, 10, 10)], [Placement(1, 170, 10)], [Placement(1, 10, 256)], [Placement(1, -1, 10)]],
)
def test_a_seal_stands_on_a_page(material: SealingMaterial, placements: list[Placement]) -> None:
    with pytest.raises(Malformed) as raised:
        SEALER.seal(make_document(), material, placements)
    assert raised.value.code == "sealing.placement"


def test_a_cross_page_seal_has_several_appearances(material: SealingMaterial) -> None:
    places = [Placement(1, 0, 0), Placement(1, 168, 255)]
    package = open_package(SEALER.seal(make_document(), material, places).data)
    described = parse_signature_xml(package.entries[SIGNATURE_ENTRY])
    assert [stamp.id for stamp in described.stamps] == ["s002", "s003"]
    assert parse_signatures(package.entries["Doc_0/Signs/Signatures.xml"]).max_sign_id == "s003"


def test_a_seal_is_used_only_by_its_signers_in_its_time(material: SealingMaterial, office: Office) -> None:
    stranger = office.person("TEST stranger")
    cases = [
        (SealingMaterial(material.seal_der, stranger), NOW, "seal.signer_not_listed"),
        (material, NOW + timedelta(days=701), "seal.expired"),
        (material, NOW - timedelta(days=11), "seal.not_yet_valid"),
    ]
    for used, moment, code in cases:
        with pytest.raises(Refused) as raised:
            Sealer(clock=partial(datetime.astimezone, moment)).seal(make_document(), used, PLACE)
        assert raised.value.code == code
    brief = office.person("TEST brief", days=1)
    seal = SealingMaterial(office.seal(signers=(brief.certificate,)), brief)
    check_seal_usable(seal.seal, brief.certificate, NOW)
    with pytest.raises(Refused) as raised:
        check_seal_usable(seal.seal, brief.certificate, NOW + timedelta(days=2))
    assert raised.value.code == "signer.not_valid"


def test_the_message_names_the_seals(office: Office) -> None:
    other = SealingMaterial(office.seal(seal_id="99000000000002"), office.signer)
    with pytest.raises(Refused) as raised:
        SEALER.seal(make_document(), other, PLACE)
    assert raised.value.code == "seal.not_named"


def test_a_broken_seal_is_not_used(material: SealingMaterial, office: Office) -> None:
    picture_changed = bytearray(material.seal_der)
    picture_changed[material.seal_der.index(b"IHDR") + 7] ^= 1
    with pytest.raises(Refused) as raised:
        SEALER.seal(make_document(), SealingMaterial(bytes(picture_changed), office.signer), PLACE)
    assert raised.value.code == "seal.maker_signature"


def test_sealed_documents_are_not_sealed_again_as_unsigned(material: SealingMaterial) -> None:
    document = make_document()
    prepared = SEALER.prepare(document, material, PLACE)
    with pytest.raises(Malformed) as raised:
        SEALER.seal(replace(document, entries=prepared.entries), material, PLACE)
    assert raised.value.code == "sealing.already_signed"


def test_check_values_stand_in_one_line(material: SealingMaterial) -> None:
    xml = open_package(SEALER.seal(make_document(), material, PLACE).data).entries[SIGNATURE_ENTRY].decode()
    values = [part.partition("<")[0] for part in xml.split("<ofd:CheckValue>")[1:]]
    assert all(len(b64decode(value, validate=True)) == 32 for value in values)
    assert xml.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<ofd:Signature ')
    order = ["Provider", "SignatureMethod", "SignatureDateTime", "References", "StampAnnot", "Seal>", "SignedValue"]
    positions = [xml.index(f"<ofd:{name}") for name in order]
    assert positions == sorted(positions)
