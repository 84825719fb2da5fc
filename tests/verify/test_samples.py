"""Files made by others get the right verdict for the right reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.seal.conftest import sample
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import load_certificate
from verify.report import Report
from verify.verifier import Verifier

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
UNKNOWN = "certificate.unknown_issuer"
ENDED = "seal.expired_no_poe"

EXPECTED = {
    "helloworld.ofd": ("INDETERMINATE", "NO_SIGNATURE_FOUND", ["signature.none"], []),
    "SESV4SignDoc.ofd": (
        "TOTAL-FAILED",
        "EXPIRED",
        ["message.none"],
        [("SES-V4", "TOTAL-FAILED", {UNKNOWN, "seal.expired", "certificate.not_valid_when_signed"})],
    ),
    "V4RideRight.ofd": (
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        ["message.none", "format.named_missing"],
        [("SES-V4", "INDETERMINATE", {UNKNOWN, ENDED})],
    ),
    "allprotected.ofd": (
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        ["message.none"],
        [("SES-V4", "INDETERMINATE", {UNKNOWN, ENDED})],
    ),
    "h.ofd": (
        "TOTAL-FAILED",
        "HASH_FAILURE",
        ["message.none", "format.named_missing"],
        [
            ("SES-V4", "TOTAL-FAILED", {"integrity.digest_mismatch", UNKNOWN, ENDED}),
            ("SES-V4", "INDETERMINATE", {UNKNOWN, ENDED}),
        ],
    ),
    "testPathClip.ofd": (
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
        ["message.none", "coverage.unnamed"],
        [
            ("GBT-35275", "INDETERMINATE", {UNKNOWN, "coverage.partial"}),
            ("GBT-35275", "INDETERMINATE", {UNKNOWN}),
        ],
    ),
    "DigitalSign.ofd": (
        "INDETERMINATE",
        "NO_SIGNING_CERTIFICATE_FOUND",
        ["message.none"],
        [("SM2", "INDETERMINATE", {"signature.no_certificate"})],
    ),
}


def verify(data: bytes, store: TrustStore | None = None) -> Report:
    return Verifier(store or TrustStore(), lambda: NOW).verify(data)


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict_and_reason(name: str) -> None:
    indication, sub, codes, signatures = EXPECTED[name]
    report = verify(sample(name))
    assert (str(report.indication), report.sub_indication) == (indication, sub)
    assert [f.code for f in report.findings] == codes
    found = [{f.code for f in s.findings} for s in report.signatures]
    assert all(("seal.standing_not_checked" in codes) == bool(s.seal) for codes, s in zip(found, report.signatures, strict=True))
    got = [
        (s.structure, str(s.indication), codes - {"seal.standing_not_checked"})
        for codes, s in zip(found, report.signatures, strict=True)
    ]
    assert got == signatures


def test_missing_issuer_is_named() -> None:
    report = verify(sample("testPathClip.ofd"))
    assert all("CN=YNCA_SM2" in finding.message() for finding in report.signatures[1].findings)


def test_time_claimed_in_a_digital_signature() -> None:
    report = verify(sample("testPathClip.ofd"))
    assert report.signatures[0].time == datetime(2022, 11, 16, 11, 20, 58, tzinfo=UTC)
    assert not report.signatures[0].time_proved


@pytest.mark.parametrize(("name", "entry"), [("testPathClip.ofd", "Doc_0/Tags/CustomTag.xml"), ("h.ofd", "OFD.xml")])
def test_tampering_with_others_files_is_found(name: str, entry: str) -> None:
    from seal.ofd.package import open_package
    from tests.verify.world import pack

    entries = dict(open_package(sample(name)).entries)
    entries[entry] += b" "
    report = verify(pack(entries))
    assert (str(report.indication), report.sub_indication) == ("TOTAL-FAILED", "HASH_FAILURE")
    assert all("integrity.digest_mismatch" in {f.code for f in s.findings} for s in report.signatures)


@pytest.mark.parametrize("name", ["testPathClip.ofd"])
def test_trusting_the_leaf_still_asks_for_revocation(name: str) -> None:
    """Somebody who believes the signer's own certificate gets a better answer, but its end counts."""
    from seal.cms import parse_signed_data
    from seal.ofd.package import open_package

    data = sample(name)
    value = parse_signed_data(open_package(data).entries["Doc_0/Signs/Sign_0/SignedValue.dat"])
    anchor = TrustAnchor(load_certificate(value.certificates[0]), frozenset({Purpose.SIGNER}))
    report = verify(data, TrustStore(anchors=(anchor,)))
    assert str(report.indication) == "INDETERMINATE"
    assert {f.code for f in report.signatures[1].findings} & {"certificate.expired", "certificate.anchor_period"}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "空"),
        (b"%PDF-1.7\n%%EOF", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG"),
        (b"0123456789", "10"),
        ("这不是版式文件".encode(), "OFD"),
        (b"<?xml version='1.0'?><OFD/>", "XML"),
        (b"PK\x05\x06" + bytes(18), "OFD.xml"),
        (b"PK\x03\x04" + bytes(60), "OFD"),
        (bytes(100), "OFD"),
    ],
)
def test_what_is_no_ofd_file_fails_saying_what_was_expected(data: bytes, word: str) -> None:
    report = verify(data)
    assert (str(report.indication), report.sub_indication) == ("TOTAL-FAILED", "FORMAT_FAILURE")
    assert word in report.findings[0].message()
    assert report.document["digest"]
