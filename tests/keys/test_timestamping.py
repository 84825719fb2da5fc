"""Time-stamp tokens: the structure made by hand is the one asn1crypto reads, and every check accepts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, pem, tsp

from keys.authority import SIGNER, TSA, CertificateAuthority, TimeStampAuthority, self_signed_root
from keys.signer import Timestamper
from keys.software import SoftwareSigner, generate_key
from keys.timestamping import DEMONSTRATION_POLICY
from tests.keys.openssl import DISTID, needs_openssl, openssl, read
from trust import algorithms
from trust.algorithms import sm3
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.errors import Refused, Unavailable
from trust.revocation import load_crl
from trust.timestamp import check_timestamp, load_timestamp

NOW = datetime(2026, 11, 22, 8, 0, 0, 120000, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def root() -> SoftwareSigner:
    key = generate_key()
    return SoftwareSigner(self_signed_root({"common_name": "时间戳根 DEMO"}, key, NOW - YEAR, NOW + YEAR), key)


@pytest.fixture(scope="module")
def signer(root: SoftwareSigner) -> SoftwareSigner:
    key = generate_key()
    subject = {"country_name": "CN", "common_name": "时间戳 DEMO"}
    certificate = CertificateAuthority(root).issue(subject, key.public_key, TSA, NOW - YEAR, NOW + YEAR)
    return SoftwareSigner(certificate, key)


@pytest.fixture(scope="module")
def authority(signer: SoftwareSigner) -> TimeStampAuthority:
    return TimeStampAuthority(signer, clock=lambda: NOW)


@pytest.fixture(scope="module")
def store(root: SoftwareSigner) -> TrustStore:
    crl = CertificateAuthority(root).crl([], NOW - timedelta(days=1), NOW + timedelta(days=9), 1)
    anchor = TrustAnchor(root.certificate, frozenset({Purpose.TIMESTAMP}))
    return TrustStore(anchors=(anchor,), crls=(load_crl(crl),))


def opened(token: bytes) -> tuple[Any, Any, Any]:
    """``(SignedData, SignerInfo, TSTInfo)`` as asn1crypto reads them."""
    content = cms.ContentInfo.load(token, strict=True)
    signed = content["content"]
    return signed, signed["signer_infos"][0], signed["encap_content_info"]["content"].parsed


def request(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "version": 1,
        "message_imprint": {"hash_algorithm": {"algorithm": "sm3"}, "hashed_message": sm3(b"data")},
        "cert_req": True,
    }
    return bytes(tsp.TimeStampReq(fields | changes).dump())


def status(response: bytes) -> tuple[str, set[str], str]:
    """Status, failure bits and words of a TimeStampResp (asn1crypto's own type insists on a token)."""
    info = tsp.PKIStatusInfo.load(core.Sequence.load(response, strict=True)[0].dump())
    words = info["status_string"].native
    return info["status"].native, set(info["fail_info"].native or ()), words[0] if words else ""


def test_asn1crypto_encodes_the_same_octets(authority: TimeStampAuthority) -> None:
    token = authority.stamp(b"data")
    assert cms.ContentInfo.load(token, strict=True).copy().dump(force=True) == token


def test_structure(authority: TimeStampAuthority, signer: SoftwareSigner) -> None:
    signed, info, content = opened(authority.stamp(b"data"))
    certificate = signer.certificate
    assert signed["version"].native == "v3" and info["version"].native == "v1"
    assert [a["algorithm"].dotted for a in signed["digest_algorithms"]] == [algorithms.SM3]
    assert signed["encap_content_info"]["content_type"].dotted == algorithms.TST_INFO
    assert [c.chosen.dump() for c in signed["certificates"]] == [certificate.der]
    assert info["sid"].chosen["issuer"].dump() == certificate.issuer_name_der
    assert info["sid"].chosen["serial_number"].native == certificate.serial
    assert info["digest_algorithm"]["algorithm"].dotted == algorithms.SM3
    assert info["signature_algorithm"]["algorithm"].dotted == algorithms.SM2_WITH_SM3
    assert content["version"].native == "v1" and content["policy"].dotted == DEMONSTRATION_POLICY
    assert content["message_imprint"]["hash_algorithm"]["algorithm"].dotted == algorithms.SM3
    assert content["message_imprint"]["hashed_message"].native == sm3(b"data")
    assert content["gen_time"].native == NOW and content["accuracy"]["seconds"].native == 1
    assert content["nonce"].native is None


def test_signed_attributes_and_signature(authority: TimeStampAuthority, signer: SoftwareSigner) -> None:
    signed, info, _ = opened(authority.stamp(b"data"))
    attributes = {a["type"].native: a["values"][0] for a in info["signed_attrs"]}
    assert set(attributes) == {"content_type", "message_digest", "signing_certificate_v2"}
    assert attributes["content_type"].dotted == algorithms.TST_INFO
    assert attributes["message_digest"].native == sm3(bytes(signed["encap_content_info"]["content"]))
    identifier = attributes["signing_certificate_v2"]["certs"][0]
    assert identifier["hash_algorithm"]["algorithm"].dotted == algorithms.SM3
    assert identifier["cert_hash"].native == signer.certificate.digest
    assert identifier["issuer_serial"]["serial_number"].native == signer.certificate.serial
    octets = info["signed_attrs"].untag().dump(force=True)
    assert octets[0] == 0x31
    assert signer.certificate.public_key.verify(info["signature"].native, octets)


def test_our_own_check_accepts_it(authority: TimeStampAuthority, store: TrustStore) -> None:
    token = authority.stamp(b"data")
    assert load_timestamp(token).gen_time == NOW
    assert check_timestamp(token, b"data", store, known_at=NOW + timedelta(hours=1)).time == NOW


def test_serials_never_repeat(authority: TimeStampAuthority) -> None:
    serials = {load_timestamp(authority.stamp(b"data")).serial for _ in range(100)}
    assert len(serials) == 100 and all(64 <= serial.bit_length() <= 159 for serial in serials)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [
        (0, "20261122080000Z"),
        (120000, "20261122080000.12Z"),
        (999999, "20261122080000.999Z"),
        (999, "20261122080000Z"),
        (5000, "20261122080000.005Z"),
    ],
)
def test_times_are_distinguished(signer: SoftwareSigner, microsecond: int, text: str) -> None:
    local = NOW.replace(microsecond=microsecond).astimezone()
    _, _, content = opened(TimeStampAuthority(signer, clock=lambda: local).stamp(b"data"))
    assert content["gen_time"].contents.decode() == text


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        (timedelta(seconds=2), (2, None, None)),
        (timedelta(milliseconds=200), (None, 200, None)),
        (timedelta(seconds=1, milliseconds=999, microseconds=1), (1, 999, 1)),
    ],
)
def test_accuracy(signer: SoftwareSigner, accuracy: timedelta, expected: tuple[int | None, ...]) -> None:
    authority = TimeStampAuthority(signer, clock=lambda: NOW, accuracy=accuracy)
    value = opened(authority.stamp(b"data"))[2]["accuracy"]
    assert tuple(value[name].native for name in ("seconds", "millis", "micros")) == expected


def test_further_certificates(signer: SoftwareSigner, root: SoftwareSigner) -> None:
    authority = TimeStampAuthority(signer, clock=lambda: NOW, chain=(root.certificate,))
    token = authority.stamp(b"data")
    held = [c.chosen.dump() for c in opened(token)[0]["certificates"]]
    assert held == sorted((signer.certificate.der, root.certificate.der))
    assert cms.ContentInfo.load(token).copy().dump(force=True) == token


def test_a_request_is_answered(authority: TimeStampAuthority, store: TrustStore) -> None:
    response = authority.respond(request(nonce=1 << 63, req_policy=DEMONSTRATION_POLICY))
    assert status(response)[0] == "granted"
    token = tsp.TimeStampResp.load(response, strict=True)["time_stamp_token"].dump()
    signed, _, content = opened(token)
    assert content["nonce"].native == 1 << 63 and len(signed["certificates"]) == 1
    assert check_timestamp(token, b"data", store, known_at=NOW).time == NOW


def test_certificates_only_when_asked_for(authority: TimeStampAuthority) -> None:
    response = tsp.TimeStampResp.load(authority.respond(request(cert_req=False)), strict=True)
    assert not response["time_stamp_token"]["content"]["certificates"].native


@pytest.mark.parametrize(("name", "size"), [("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_other_imprints_are_stamped(authority: TimeStampAuthority, name: str, size: int) -> None:
    imprint = {"hash_algorithm": {"algorithm": name}, "hashed_message": b"\7" * size}
    response = tsp.TimeStampResp.load(authority.respond(request(message_imprint=imprint)), strict=True)
    content = opened(response["time_stamp_token"].dump())[2]
    assert content["message_imprint"].dump() == tsp.MessageImprint(imprint).dump()


def _imprint(name: str, size: int) -> dict[str, Any]:
    return {"message_imprint": {"hash_algorithm": {"algorithm": name}, "hashed_message": bytes(size)}}


REJECTED = {
    "empty": (b"", "bad_data_format"),
    "text": (b"not a request", "bad_data_format"),
    "truncated": (request()[:-1], "bad_data_format"),
    "trailing": (request() + b"\0", "bad_data_format"),
    "huge": (b"\x30\x84\x7f\xff\xff\xff" + bytes(1 << 17), "bad_data_format"),
    "nested": (b"\x30\x80" * 4000, "bad_data_format"),
    "version 2": (request().replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "bad_request"),
    "SHA-1": (request(**_imprint("sha1", 20)), "bad_alg"),
    "MD5": (request(**_imprint("md5", 16)), "bad_alg"),
    "short imprint": (request(**_imprint("sm3", 20)), "bad_data_format"),
    "other policy": (request(req_policy="1.2.3.4"), "unaccepted_policy"),
    "extension": (
        request(extensions=[{"extn_id": "1.2.3", "critical": True, "extn_value": core.OctetString(b"\5\0")}]),
        "unaccepted_extensions",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_bad_requests_are_rejected_with_a_reason(authority: TimeStampAuthority, name: str) -> None:
    data, bit = REJECTED[name]
    state, bits, words = status(authority.respond(data))
    if name == "version 2":
        assert state == "rejection" and bits <= {"bad_request", "bad_data_format"} and bits
    else:
        assert (state, bits) == ("rejection", {bit})
    assert words


def test_a_tsa_out_of_its_validity_does_not_stamp(signer: SoftwareSigner) -> None:
    for moment in (NOW - 2 * YEAR, NOW + 2 * YEAR):
        authority = TimeStampAuthority(signer, clock=partial(moment.astimezone, UTC))
        with pytest.raises(Unavailable) as caught:
            authority.stamp(b"data")
        assert caught.value.code == "timestamp.not_valid"
        assert status(authority.respond(request()))[:2] == ("rejection", {"system_failure"})


def test_only_a_tsa_certificate_stamps(root: SoftwareSigner) -> None:
    key = generate_key()
    certificate = CertificateAuthority(root).issue({"common_name": "x"}, key.public_key, SIGNER, NOW, NOW + YEAR / 2)
    with pytest.raises(Refused) as caught:
        TimeStampAuthority(SoftwareSigner(certificate, key))
    assert caught.value.code == "timestamp.not_a_tsa"


def test_it_is_a_timestamper(authority: TimeStampAuthority) -> None:
    assert isinstance(authority, Timestamper)


@needs_openssl
def test_openssl_reads_answers_and_checks_the_signature(
    authority: TimeStampAuthority, signer: SoftwareSigner, tmp_path: Path
) -> None:
    """``openssl ts -verify`` (3.0) takes no SM2 user ID and hashes without Z, so ``ts`` reads and ``dgst`` checks."""

    granted, rejected = tmp_path / "granted", tmp_path / "rejected"
    granted.write_bytes(authority.respond(request(nonce=77)))
    rejected.write_bytes(authority.respond(b""))
    text = read("ts", "-reply", "-in", granted, "-text")
    for words in (
        "Status: Granted.",
        "Hash Algorithm: sm3",
        "Nonce: 0x4D",
        "Accuracy: 0x01 seconds",
        DEMONSTRATION_POLICY,
    ):
        assert words in text
    assert "Status: Rejected." in read("ts", "-reply", "-in", rejected, "-text")
    _, info, _ = opened(authority.stamp(b"data"))
    (tmp_path / "attributes").write_bytes(info["signed_attrs"].untag().dump(force=True))
    (tmp_path / "signature").write_bytes(info["signature"].native)
    (tmp_path / "public.pem").write_bytes(pem.armor("PUBLIC KEY", signer.key.public_key.spki))
    check = ("-sigopt", DISTID, "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature")
    assert "Verified OK" in read("dgst", "-sm3", *check, tmp_path / "attributes")


@needs_openssl
def test_a_request_of_openssl_is_answered(authority: TimeStampAuthority, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"data")
    openssl("ts", "-query", "-data", tmp_path / "data", "-sm3", "-cert", "-out", tmp_path / "query")
    response = authority.respond((tmp_path / "query").read_bytes())
    assert status(response)[0] == "granted"
    token = tsp.TimeStampResp.load(response)["time_stamp_token"].dump()
    assert opened(token)[2]["message_imprint"]["hashed_message"].native == sm3(b"data")
