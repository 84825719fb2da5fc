"""Reading X.509: facts, strangers' certificates, vendor extensions, and everything that is not a certificate."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, x509
from cryptography import x509 as other_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from keys.authority import INTERMEDIATE, ROOT, SIGNER, TSA, CertificateAuthority, self_signed_root
from keys.software import SoftwareKey, SoftwareSigner, generate_key, save_key
from trust import der
from trust.algorithms import SM2_CURVE, SM2_WITH_SM3, sm3
from trust.certificates import Certificate, load_certificate, load_certificates
from trust.errors import Malformed

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"


@pytest.fixture(scope="module")
def root() -> SoftwareSigner:
    key = generate_key()
    subject = {"country_name": "CN", "organization_name": "演示 DEMO", "common_name": "根"}
    return SoftwareSigner(self_signed_root(subject, key, NOW - YEAR, NOW + 30 * YEAR), key)


def altered(certificate: Certificate, key: SoftwareKey, change: Any) -> bytes:
    """``certificate`` with its TBS changed by ``change`` and signed again."""
    tbs = x509.TbsCertificate.load(certificate.tbs).copy()
    change(tbs)
    octets = tbs.dump(force=True)
    algorithm = der.tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3))
    return der.tlv(der.SEQUENCE, octets, algorithm, der.tlv(der.BIT_STRING, b"\0", key.sign(octets)))


def with_extension(certificate: Certificate, key: SoftwareKey, oid: str, value: bytes, *, critical: bool) -> bytes:
    def change(tbs: Any) -> None:
        extension = {"extn_id": oid, "critical": critical, "extn_value": core.ParsableOctetString(value)}
        tbs["extensions"].append(x509.Extension(extension))

    return altered(certificate, key, change)


def test_facts_of_a_root(root: SoftwareSigner) -> None:
    certificate = load_certificate(root.certificate.der)
    assert certificate.subject == certificate.issuer == "CN=根,O=演示 DEMO,C=CN"
    assert certificate.common_name == "根"
    assert certificate.subject_field("O") == "演示 DEMO" and certificate.subject_field("OU") == ""
    assert certificate.not_before == NOW - YEAR and certificate.not_after == NOW + 30 * YEAR
    assert certificate.is_ca and certificate.path_length is None and certificate.is_self_issued
    assert certificate.key_usage == frozenset({"key_cert_sign", "crl_sign"}) and certificate.extended_key_usage is None
    assert certificate.subject_key_id == certificate.authority_key_id and len(certificate.subject_key_id or b"") == 20
    assert certificate.signature_algorithm == SM2_WITH_SM3 and certificate.key_algorithm == SM2_CURVE
    assert certificate.digest == sm3(certificate.der) and certificate.version == 3
    assert certificate.critical_unknown == ()
    assert certificate.public_key.verify(certificate.signature, certificate.tbs)
    assert certificate.serial.bit_length() >= 64
    assert not hasattr(certificate, "__dict__")


def test_facts_of_a_leaf(root: SoftwareSigner) -> None:
    key = generate_key()
    leaf = CertificateAuthority(root).issue(
        {"common_name": "时间戳"}, key.public_key, TSA, NOW, NOW + YEAR, 7, crl_urls=["http://demo.invalid/1.crl"]
    )
    assert leaf.serial == 7 and not leaf.is_ca and leaf.point == key.point
    assert leaf.extended_key_usage == frozenset({"time_stamping"}) and leaf.extended_key_usage_critical
    assert leaf.authority_key_id == root.certificate.subject_key_id
    assert leaf.crl_urls == ("http://demo.invalid/1.crl",)
    assert root.certificate.public_key.verify(leaf.signature, leaf.tbs)


def test_der_and_pem_are_the_same_and_parsed_once(root: SoftwareSigner) -> None:
    certificate = root.certificate
    assert load_certificate(certificate.to_pem()) == certificate
    assert load_certificate(bytes(bytearray(certificate.der))) is load_certificate(certificate.der)
    assert load_certificates(certificate.to_pem() * 2) == (certificate, certificate)
    assert load_certificates(certificate.der) == (certificate,)


def test_years_after_2049(root: SoftwareSigner) -> None:
    assert root.certificate.not_after.year == 2056


def test_vendor_extensions_are_let_pass(root: SoftwareSigner) -> None:
    for oid, value in (
        ("1.2.86.11.7.1", b"\x13\x04text"),
        ("2.16.840.1.113730.1.1", b"\x03\x02\x06\x40"),
        ("1.2.156.10260.4.1.4", b"anything that is not DER"),
        ("2.25.125649306510230090844962598959671907617", b""),
    ):
        data = with_extension(root.certificate, root.key, oid, value, critical=False)
        certificate = load_certificate(data)
        assert certificate.critical_unknown == () and certificate.extensions[-1] == oid
        assert certificate.public_key.verify(certificate.signature, certificate.tbs)


@pytest.mark.parametrize("oid", ["1.2.3.4", "2.5.29.30", "2.5.29.36", "2.5.29.54"])
def test_critical_extensions_we_do_not_process_are_named(root: SoftwareSigner, oid: str) -> None:
    value = {"2.5.29.30": b"\x30\0", "2.5.29.36": b"\x30\0", "2.5.29.54": b"\x02\1\0"}.get(oid, b"\x05\0")
    data = with_extension(root.certificate, root.key, oid, value, critical=True)
    assert load_certificate(data).critical_unknown == (oid,)


def test_an_extension_twice_is_malformed(root: SoftwareSigner) -> None:
    data = with_extension(root.certificate, root.key, "2.5.29.19", b"\x30\x03\x01\x01\xff", critical=True)
    with pytest.raises(Malformed) as caught:
        load_certificate(data)
    assert caught.value.code == "certificate.malformed"


def test_keys_of_another_kind_are_read_and_not_used() -> None:
    for key, algorithm in (
        (rsa.generate_private_key(65537, 2048), "1.2.840.113549.1.1.1"),
        (ec.generate_private_key(ec.SECP256R1()), "1.2.840.10045.3.1.7"),
    ):
        name = other_x509.Name([other_x509.NameAttribute(other_x509.NameOID.COMMON_NAME, "stranger")])
        builder = other_x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
        made = builder.sign(key, hashes.SHA256())
        certificate = load_certificate(made.public_bytes(Encoding.DER))
        assert certificate.point is None and certificate.key_algorithm == algorithm
        assert certificate.key_usage is None and certificate.extensions == ()
        with pytest.raises(Malformed) as caught:
            _ = certificate.public_key
        assert caught.value.code == "certificate.key_not_sm2"


def test_a_key_off_the_curve_is_malformed_when_used(root: SoftwareSigner) -> None:
    data = root.certificate.der.replace(root.key.point, root.key.point[:-1] + bytes((root.key.point[-1] ^ 1,)))
    with pytest.raises(Malformed) as caught:
        _ = load_certificate(data).public_key
    assert caught.value.code == "sm2.point_not_on_curve"


def test_not_a_certificate(root: SoftwareSigner) -> None:
    good = root.certificate.der
    pem = root.certificate.to_pem()
    key_file = save_key(root.key, b"secret", iterations=1)
    inner_differs = good.replace(der.oid(SM2_WITH_SM3), der.oid("1.2.156.10197.1.502"), 1)
    for data in (
        b"", b"\0", b"text", good + b"\0", good[:-1], good[4:], good * 2, pem * 2, key_file, pem + key_file,
        b"-----BEGIN CERTIFICATE-----\n", pem.replace(b"END", b"FIN"), inner_differs, b"\x30\x80" + good[4:] + b"\0\0",
        b"\x30" * 5000, bytes(2 << 20), "证书".encode(), b"\xff" * 100,
    ):  # fmt: skip
        with pytest.raises(Malformed) as caught:
            load_certificate(data)
        assert caught.value.code == "certificate.malformed"


def test_truncated_and_altered_octets_never_give_a_traceback(root: SoftwareSigner) -> None:
    good, chance = root.certificate.der, random.Random(7)
    for size in range(0, len(good), 5):
        with pytest.raises(Malformed):
            load_certificate(good[:size])
    for _ in range(600):
        data = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            certificate = load_certificate(bytes(data))
            _ = certificate.point and certificate.public_key.verify(certificate.signature, certificate.tbs)
        except Malformed:
            pass


def test_names_are_escaped_for_people(root: SoftwareSigner) -> None:
    key = generate_key()
    subject = {"organization_name": "A, B+C", "common_name": " #x\n\u202e\\"}
    leaf = CertificateAuthority(root).issue(subject, key.public_key, SIGNER, NOW, NOW + YEAR)
    assert leaf.subject == "CN=\\ #x\\u000a\\u202e\\\\,O=A\\, B\\+C"
    assert "\n" not in leaf.subject and "\n" not in repr(leaf)


def test_profiles_of_authorities(root: SoftwareSigner) -> None:
    key = generate_key()
    intermediate = CertificateAuthority(root).issue({"common_name": "x"}, key.public_key, INTERMEDIATE, NOW, NOW + YEAR)
    assert intermediate.is_ca and intermediate.path_length == 0
    assert ROOT.is_ca and not SIGNER.is_ca


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples of other makers beside this checkout (../shared/samples)")
def test_certificates_in_other_makers_seals_are_read() -> None:
    found = []
    for path in sorted(SAMPLES.glob("*.esl")):
        data = path.read_bytes()
        for match in re.finditer(rb"\x30\x82..\x30\x82..\xa0\x03\x02\x01\x02", data, re.DOTALL):
            size = int.from_bytes(data[match.start() + 2 : match.start() + 4], "big") + 4
            found.append(load_certificate(data[match.start() : match.start() + size]))
    assert found
    for certificate in found:
        assert certificate.key_algorithm == SM2_CURVE and certificate.signature_algorithm == SM2_WITH_SM3
        assert certificate.public_key.point[0] == 4 and certificate.common_name
