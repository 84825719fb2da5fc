"""The built-in CA: what ``openssl`` reads in its certificates and lists, and what it will not issue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import pem

from keys.authority import (
    INTERMEDIATE,
    PUBLISHER,
    ROOT,
    SEAL_MAKER,
    SIGNER,
    TSA,
    CertificateAuthority,
    Profile,
    Revocation,
    self_signed_root,
)
from keys.software import SoftwareSigner, generate_key
from tests.keys.openssl import DISTID, needs_openssl, read
from trust.certificates import Certificate
from trust.der import read_tlv
from trust.errors import LicenceTrustError, Malformed, Refused

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def certified(ca: SoftwareSigner, name: str, profile: Profile) -> SoftwareSigner:
    key = generate_key()
    certificate = CertificateAuthority(ca).issue({"common_name": name}, key.public_key, profile, NOW - DAY, NOW + DAY)
    return SoftwareSigner(certificate, key)


@pytest.fixture(scope="module")
def root() -> SoftwareSigner:
    key = generate_key()
    subject = {"country_name": "CN", "organization_name": "演示 DEMO", "common_name": "Root"}
    return SoftwareSigner(self_signed_root(subject, key, NOW - 10 * DAY, NOW + 9000 * DAY), key)


@pytest.fixture(scope="module")
def issuing(root: SoftwareSigner) -> SoftwareSigner:
    return certified(root, "Issuing", INTERMEDIATE)


def write(directory: Path, name: str, *certificates: Certificate) -> Path:
    path = directory / name
    path.write_bytes(b"".join(c.to_pem() for c in certificates))
    return path


@needs_openssl
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (INTERMEDIATE, ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign")),
        (SEAL_MAKER, ("CA:FALSE", "Digital Signature, Non Repudiation")),
        (SIGNER, ("CA:FALSE", "Digital Signature, Non Repudiation")),
        (TSA, ("CA:FALSE", "Extended Key Usage: critical", "Time Stamping")),
        (PUBLISHER, ("CA:FALSE", "Digital Signature\n")),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else "",
)
def test_openssl_reads_each_profile(
    root: SoftwareSigner, profile: Profile, expected: tuple[str, ...], tmp_path: Path
) -> None:
    leaf = certified(root, "Leaf", profile).certificate
    text = read("x509", "-in", write(tmp_path, "leaf.pem", leaf), "-noout", "-text")
    assert "Version: 3 (0x2)" in text and "Signature Algorithm: SM2-with-SM3" in text
    assert "Basic Constraints: critical" in text and "Key Usage: critical" in text
    assert "Subject Key Identifier" in text and "Authority Key Identifier" in text
    for words in expected:
        assert words in text


@needs_openssl
def test_openssl_verifies_the_chain(root: SoftwareSigner, issuing: SoftwareSigner, tmp_path: Path) -> None:
    """``openssl verify`` (3.0) gives the SM2 user ID to the last certificate only, so each link is asked alone."""
    leaf = certified(issuing, "Department", SIGNER)
    files = [
        write(tmp_path, name, signer.certificate)
        for name, signer in (("root.pem", root), ("issuing.pem", issuing), ("leaf.pem", leaf))
    ]
    for trusted, file in ((files[0], files[1]), (files[1], files[2])):
        link = ("-partial_chain", "-x509_strict", "-CAfile", trusted, file)
        assert ": OK" in read("verify", "-vfyopt", DISTID, *link)
        assert "signature failure" in read("verify", "-vfyopt", "distid:0", *link, expect=2)


@needs_openssl
def test_openssl_refuses_a_stranger_s_chain(root: SoftwareSigner, tmp_path: Path) -> None:
    key = generate_key()
    subject = {"country_name": "CN", "organization_name": "演示 DEMO", "common_name": "Root"}
    stranger = self_signed_root(subject, key, NOW - DAY, NOW + DAY)
    leaf = certified(root, "Leaf", SIGNER).certificate
    answer = read(
        "verify",
        "-vfyopt",
        DISTID,
        "-CAfile",
        write(tmp_path, "s.pem", stranger),
        write(tmp_path, "l.pem", leaf),
        expect=2,
    )
    assert "error" in answer


@needs_openssl
def test_openssl_reads_and_checks_the_crl(root: SoftwareSigner, tmp_path: Path) -> None:
    """``openssl crl -verify`` (3.0) cannot be told the SM2 user ID, so its signature is checked with ``dgst``."""
    invalid = NOW - 5 * DAY
    revoked = [Revocation(0xABCDEF, NOW, "key_compromise", invalid), Revocation(0x123456, NOW)]
    data = CertificateAuthority(root).crl(revoked, NOW, NOW + DAY, 41)
    (tmp_path / "list.crl").write_bytes(data)
    text = read("crl", "-inform", "DER", "-in", tmp_path / "list.crl", "-noout", "-text")
    for words in ("Version 2", "SM2-with-SM3", "CRL Number", " 41", "ABCDEF", "123456", "Key Compromise", "Invalidity"):
        assert words in text
    _, body, _ = read_tlv(data)
    _, _, end = read_tlv(body)
    (tmp_path / "tbs").write_bytes(body[:end])
    (tmp_path / "signature").write_bytes(asn1_crl.CertificateList.load(data)["signature"].native)
    (tmp_path / "public.pem").write_bytes(pem.armor("PUBLIC KEY", root.key.public_key.spki))
    check = (
        "dgst",
        "-sm3",
        "-sigopt",
        DISTID,
        "-verify",
        tmp_path / "public.pem",
        "-signature",
        tmp_path / "signature",
    )
    assert "Verified OK" in read(*check, tmp_path / "tbs")


def test_crl_as_structure(root: SoftwareSigner) -> None:
    authority = CertificateAuthority(root)
    empty = asn1_crl.CertificateList.load(authority.crl([], NOW, NOW + DAY, 1), strict=True)
    assert (
        empty["tbs_cert_list"]["version"].native == "v2" and not empty["tbs_cert_list"]["revoked_certificates"].native
    )
    assert empty.issuer.dump() == root.certificate.subject_name_der and empty.crl_number_value.native == 1
    assert empty.authority_key_identifier == root.certificate.subject_key_id
    listed = asn1_crl.CertificateList.load(authority.crl([(5, NOW, "superseded")], NOW, NOW + DAY, 2), strict=True)
    (entry,) = listed["tbs_cert_list"]["revoked_certificates"]
    assert entry["user_certificate"].native == 5 and entry.crl_reason_value.native == "superseded"
    tbs = listed["tbs_cert_list"].dump()
    assert root.certificate.public_key.verify(listed["signature"].native, tbs)


def test_serials_are_random_and_many_bits(root: SoftwareSigner) -> None:
    key = generate_key().public_key
    authority = CertificateAuthority(root)
    serials = {authority.issue({"common_name": "x"}, key, SIGNER, NOW, NOW + DAY).serial for _ in range(20)}
    assert len(serials) == 20 and all(64 <= serial.bit_length() <= 159 for serial in serials)


def test_what_is_not_issued(root: SoftwareSigner, issuing: SoftwareSigner) -> None:
    key = generate_key().public_key
    name = {"common_name": "x"}
    authority = CertificateAuthority(issuing)
    cases: list[tuple[type[LicenceTrustError], str, object]] = [
        (Refused, "authority.outlives_issuer", lambda: authority.issue(name, key, SIGNER, NOW, NOW + 9 * DAY)),
        (Refused, "authority.outlives_issuer", lambda: authority.issue(name, key, SIGNER, NOW - 9 * DAY, NOW)),
        (Refused, "authority.path_too_long", lambda: authority.issue(name, key, INTERMEDIATE, NOW, NOW + DAY / 2)),
        (Malformed, "authority.validity", lambda: authority.issue(name, key, SIGNER, NOW, NOW)),
        (Malformed, "authority.subject", lambda: authority.issue({}, key, SIGNER, NOW, NOW + DAY / 2)),
        (Malformed, "authority.subject", lambda: authority.issue({"common_name": ""}, key, SIGNER, NOW, NOW + DAY / 2)),
        (Malformed, "authority.subject_field", lambda: authority.issue({"x y": "z"}, key, SIGNER, NOW, NOW + DAY / 2)),
        (Malformed, "authority.serial", lambda: authority.issue(name, key, SIGNER, NOW, NOW + DAY / 2, 0)),
        (Malformed, "authority.serial", lambda: authority.issue(name, key, SIGNER, NOW, NOW + DAY / 2, 1 << 160)),
        (Malformed, "authority.validity", lambda: authority.crl([], NOW, NOW, 1)),
        (Malformed, "authority.reason", lambda: authority.crl([(1, NOW, "bored")], NOW, NOW + DAY, 1)),
        (Refused, "authority.not_a_ca", lambda: CertificateAuthority(certified(root, "leaf", SIGNER))),
    ]
    for family, code, act in cases:
        with pytest.raises(family) as caught:
            act()  # type: ignore[operator]
        assert caught.value.code == code


def test_naive_times_are_malformed(root: SoftwareSigner) -> None:
    key = generate_key()
    with pytest.raises(Malformed):
        self_signed_root(
            {"common_name": "x"}, key, NOW.replace(tzinfo=None), NOW.replace(tzinfo=None) + DAY, profile=ROOT
        )
    with pytest.raises(Malformed):
        CertificateAuthority(root).issue(
            {"common_name": "x"}, key.public_key, SIGNER, NOW.replace(tzinfo=None), NOW.replace(tzinfo=None) + DAY
        )
