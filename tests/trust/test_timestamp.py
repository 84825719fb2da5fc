"""Time stamps: each way a token can lie, with its word."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, core, tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.authority import SIGNER, TSA, Revocation
from keys.software import SoftwareSigner
from keys.timestamping import TimeStampAuthority
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from trust.algorithms import GM_SIGNED_DATA, SM2_SIGN, SM3, sm3
from trust.anchors import TrustStore
from trust.der import oid
from trust.errors import CheckFailed, Malformed
from trust.sm2 import der_to_raw
from trust.timestamp import check_timestamp, load_timestamp

DATA = b"octets of a signature"
Answer = tuple[str, str, str]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(DATA)


def refusal(act: Callable[[], object]) -> Answer | None:
    try:
        act()
    except CheckFailed as failure:
        return failure.indication, failure.sub_indication, failure.code
    return None


def ask(
    authority: Authority,
    token: bytes,
    data: bytes = DATA,
    *,
    store: TrustStore | None = None,
    known_at: datetime = MOMENT,
) -> Answer | None:
    return refusal(lambda: check_timestamp(token, data, store or authority.store(), known_at=known_at))


def rebuilt(
    authority: Authority,
    token: bytes,
    *,
    info: Callable[[tsp.TSTInfo], None] | None = None,
    attributes: Callable[[list[cms.CMSAttribute]], list[object]] | None = None,
    signed_data: Callable[[cms.SignedData], None] | None = None,
    signer: SoftwareSigner | None = None,
) -> bytes:
    """``token`` changed and signed again by the authority's own key (or ``signer``'s): only its contents are wrong."""
    parsed = cms.ContentInfo.load(token).copy()
    data = parsed["content"]
    content = tsp.TSTInfo.load(data["encap_content_info"]["content"].contents)
    if info:
        info(content)
    octets = content.dump(force=True)
    data["encap_content_info"]["content"] = core.ParsableOctetString(octets)
    who = data["signer_infos"][0]
    kept = [cms.CMSAttribute.load(a.dump()) for a in who["signed_attrs"]]
    for attribute in kept:
        if attribute["type"].native == "message_digest":
            attribute["values"] = [core.OctetString(sm3(octets))]
    changed = cms.CMSAttributes(attributes(kept) if attributes else kept)
    who["signed_attrs"] = changed
    who["signature"] = (signer or authority.tsa).sign(cms.CMSAttributes(changed).dump(force=True))
    if signed_data:
        signed_data(data)
    return bytes(parsed.dump(force=True))


# ---------------------------------------------------------------- what holds


def test_a_token_proves_its_time(authority: Authority, token: bytes) -> None:
    proved = check_timestamp(token, DATA, authority.store(), known_at=MOMENT + YEAR)
    assert proved.time == MOMENT
    assert proved.path.leaf == authority.tsa.certificate
    assert proved.token.imprint == sm3(DATA)
    assert proved.token.imprint_algorithm == SM3


def test_a_rebuilt_token_holds(authority: Authority, token: bytes) -> None:
    """Else the refusals below would prove nothing."""
    assert ask(authority, rebuilt(authority, token)) is None


def test_asn1crypto_reads_the_same(token: bytes) -> None:
    ours = load_timestamp(token)
    data = cms.ContentInfo.load(token)["content"]
    theirs = data["encap_content_info"]["content"].parsed
    assert theirs["gen_time"].native == ours.gen_time
    assert theirs["serial_number"].native == ours.serial
    assert theirs["policy"].dotted == ours.policy
    assert data["signer_infos"][0]["signature"].native == ours.signer.signature


def test_openssl_finds_the_same_time_and_imprint(authority: Authority, token: bytes, tmp_path: Path) -> None:
    response = tmp_path / "response.tsr"
    response.write_bytes(token)
    told = subprocess.run(
        ["openssl", "ts", "-reply", "-in", str(response), "-token_in", "-text"],
        capture_output=True,
        check=False,
        text=True,
    )
    if told.returncode:
        pytest.skip(f"this openssl does not print the token: {told.stderr.splitlines()[:1]}")
    assert "2026" in told.stdout
    assert "sm3" in told.stdout.lower()


def test_both_families_of_identifiers_and_raw_signatures(authority: Authority, token: bytes) -> None:
    """GB/T 35275 outside, 301.1 for the signature, raw r ‖ s: all met in the wild, none changes the meaning."""
    assert ask(authority, _with_outer(token, GM_SIGNED_DATA)) is None

    def other_algorithm(data: cms.SignedData) -> None:
        data["signer_infos"][0]["signature_algorithm"] = {"algorithm": SM2_SIGN}
        data["signer_infos"][0]["signature"] = der_to_raw(data["signer_infos"][0]["signature"].native)

    assert ask(authority, rebuilt(authority, token, signed_data=other_algorithm)) is None


def _with_outer(token: bytes, family: str) -> bytes:
    parsed = cms.ContentInfo.load(token)
    body = oid(family) + parsed["content"].dump()
    return b"\x30" + core.OctetString(body).dump()[1:]


def test_the_certificate_may_stand_in_the_store(authority: Authority, token: bytes) -> None:
    def without(data: cms.SignedData) -> None:
        del data["certificates"]

    bare = rebuilt(authority, token, signed_data=without)
    assert load_timestamp(bare).tsa_certificate is None
    assert ask(authority, bare) == ("INDETERMINATE", "NO_SIGNING_CERTIFICATE_FOUND", "timestamp.no_certificate")
    store = authority.store().changed(intermediates=(authority.tsa.certificate,))
    assert ask(authority, bare, store=store) is None


# ---------------------------------------------------------------- what does not


def test_for_other_octets(authority: Authority, token: bytes) -> None:
    assert ask(authority, token, b"other") == ("TOTAL-FAILED", "HASH_FAILURE", "timestamp.imprint_mismatch")


def test_from_a_stranger(authority: Authority) -> None:
    stranger = authority.self_signed("陌生时间戳", profile=TSA)
    token = TimeStampAuthority(stranger, clock=lambda: MOMENT).stamp(DATA)
    assert ask(authority, token) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "certificate.untrusted_root")


def test_from_a_signer_who_is_no_authority(authority: Authority, token: bytes) -> None:
    """A department stamps its own seals: its certificate is bound and its signature right, its usage is not."""
    department = authority.forge("自盖时间", authority.ca("time-ca"), SIGNER)

    def bound(attributes: list[cms.CMSAttribute]) -> list[object]:
        return [_binding(department) if a["type"].native == "signing_certificate_v2" else a for a in attributes]

    def own(data: cms.SignedData) -> None:
        data["certificates"] = [cms.CertificateChoices.load(department.certificate.der)]
        data["signer_infos"][0]["sid"] = _sid(department)

    forged = rebuilt(authority, token, attributes=bound, signed_data=own, signer=department)
    assert ask(authority, forged) == ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", "certificate.extended_key_usage")


def _sid(signer: SoftwareSigner) -> cms.SignerIdentifier:
    from asn1crypto import x509

    certificate = x509.Certificate.load(signer.certificate.der)
    return cms.SignerIdentifier(
        name="issuer_and_serial_number",
        value=cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number}),
    )


def _binding(signer: SoftwareSigner) -> cms.CMSAttribute:
    identifier = tsp.ESSCertIDv2({"hash_algorithm": {"algorithm": "sm3"}, "cert_hash": sm3(signer.certificate.der)})
    return cms.CMSAttribute(
        {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]}
    )


@pytest.mark.parametrize("missing", ["content_type", "message_digest", "signing_certificate_v2"])
def test_a_signed_attribute_is_missing(authority: Authority, token: bytes, missing: str) -> None:
    forged = rebuilt(authority, token, attributes=lambda found: [a for a in found if a["type"].native != missing])
    answer = ask(authority, forged)
    assert answer is not None
    assert answer[1] in {"SIG_CONSTRAINTS_FAILURE", "HASH_FAILURE"}


def test_the_attributes_bind_another_certificate(authority: Authority, token: bytes) -> None:
    other = authority.forge("另一", authority.ca("time-ca"), TSA)
    forged = rebuilt(
        authority,
        token,
        attributes=lambda found: [
            _binding(other) if a["type"].native == "signing_certificate_v2" else a for a in found
        ],
    )
    assert ask(authority, forged) == ("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "timestamp.attributes")


def test_the_content_was_changed(authority: Authority, token: bytes) -> None:
    """A later time under the old signature."""
    forged = token.replace(b"20261122080000Z", b"20261122070000Z")
    assert forged != token
    assert ask(authority, forged) == ("TOTAL-FAILED", "HASH_FAILURE", "timestamp.digest_mismatch")


def test_the_signature_is_not_the_authoritys(authority: Authority, token: bytes) -> None:
    forged = rebuilt(authority, token, signer=authority.department)
    assert ask(authority, forged) == ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "timestamp.bad_signature")


def test_a_critical_extension(authority: Authority, token: bytes) -> None:
    def critical(info: tsp.TSTInfo) -> None:
        info["extensions"] = [{"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\x05\x00"}]

    assert ask(authority, rebuilt(authority, token, info=critical)) == (
        "INDETERMINATE",
        "SIG_CONSTRAINTS_FAILURE",
        "timestamp.attributes",
    )


@pytest.mark.parametrize(("algorithm", "size"), [("sha1", 20), ("md5", 16)])
def test_a_weak_imprint(authority: Authority, token: bytes, algorithm: str, size: int) -> None:
    def weak(info: tsp.TSTInfo) -> None:
        info["message_imprint"] = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": bytes(size)}

    assert ask(authority, rebuilt(authority, token, info=weak)) == (
        "INDETERMINATE",
        "CRYPTO_CONSTRAINTS_FAILURE",
        "timestamp.algorithm",
    )


def test_from_the_future(authority: Authority) -> None:
    token = authority.stamp(DATA, MOMENT + DAY)
    assert ask(authority, token) == ("INDETERMINATE", "TIMESTAMP_ORDER_FAILURE", "timestamp.in_future")
    assert ask(authority, authority.stamp(DATA, MOMENT + timedelta(minutes=1))) is None


@pytest.mark.parametrize(
    ("reason", "revoked_at", "expected"),
    [
        ("superseded", 1, None),
        ("cessation_of_operation", 1, None),
        ("superseded", -1, ("TOTAL-FAILED", "REVOKED", "revocation.revoked")),
        ("key_compromise", 1, ("INDETERMINATE", "REVOKED_NO_POE", "revocation.revoked_no_poe")),
        ("unspecified", 1, ("INDETERMINATE", "REVOKED_NO_POE", "revocation.revoked_no_poe")),
    ],
)
def test_a_revoked_authority(
    authority: Authority, token: bytes, reason: str, revoked_at: int, expected: Answer | None
) -> None:
    """RFC 3161, 4: a stolen stamp can stamp any time; a merely retired one keeps its earlier worth."""
    revoked = {"time-ca": [Revocation(authority.tsa.certificate.serial, MOMENT + revoked_at * DAY, reason)]}
    assert ask(authority, token, store=authority.store(revoked=revoked), known_at=MOMENT + 9 * DAY) == expected


def test_expired_since_then_is_no_harm(authority: Authority, token: bytes) -> None:
    after = authority.tsa.certificate.not_after + DAY
    store = authority.store(crls=authority.crls(this_update=after - DAY))
    assert ask(authority, token, store=store, known_at=after) is None


def test_at_a_time_when_the_authority_was_not_valid(authority: Authority, token: bytes) -> None:
    def late(info: tsp.TSTInfo) -> None:
        info["gen_time"] = core.GeneralizedTime(datetime(2040, 1, 1, tzinfo=UTC))

    forged = rebuilt(authority, token, info=late)
    store = authority.store(crls=authority.crls(this_update=datetime(2040, 1, 1, tzinfo=UTC)))
    answer = ask(authority, forged, store=store, known_at=datetime(2040, 1, 2, tzinfo=UTC))
    assert answer is not None
    assert answer[:2] == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE")


def test_two_signers(authority: Authority, token: bytes) -> None:
    def twice(data: cms.SignedData) -> None:
        data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0]]

    assert ask(authority, rebuilt(authority, token, signed_data=twice)) == (
        "TOTAL-FAILED",
        "FORMAT_FAILURE",
        "timestamp.malformed",
    )


# ---------------------------------------------------------------- octets


@given(st.binary(max_size=120))
def test_any_octets_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load_timestamp(data)
    assert caught.value.code == "timestamp.malformed"


@settings(max_examples=200)
@given(data=st.data())
def test_no_damaged_token_holds(data: st.DataObject) -> None:
    """Any one octet changed: refused, or changed where nothing is signed and nothing is proved by it."""
    authority = make_authority()
    token = authority.stamp(DATA) if not _kept else _kept[0]
    _kept[:] = [token]
    position = data.draw(st.integers(0, len(token) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda octet: octet != token[position]))
    damaged = token[:position] + bytes((octet,)) + token[position + 1 :]
    answer = ask(authority, damaged)
    if answer is None:
        assert load_timestamp(damaged).content == load_timestamp(token).content


_kept: list[bytes] = []


def test_trailing_and_missing_octets(token: bytes) -> None:
    for damaged in (token + b"\x00", token[:-1], token * 2, b"\x00" * (1 << 19)):
        with pytest.raises(Malformed):
            load_timestamp(damaged)
