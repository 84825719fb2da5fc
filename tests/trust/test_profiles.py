"""Who may be what: roles × certificates, as one table; pairs; requests; chains; what ends soon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import authority as making
from keys.authority import (
    ENCRYPTION,
    INTERMEDIATE,
    OCSP_RESPONDER,
    PUBLISHER,
    ROOT,
    SEAL_MAKER,
    SERVER,
    SIGNER,
    TSA,
    CertificateAuthority,
    Profile,
)
from keys.requests import build_request
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from trust import der
from trust.algorithms import GM_SIGNED_DATA, PKCS7_SIGNED_DATA
from trust.certificate_pairs import CertificatePair, check_pair, find_pair
from trust.certificates import Certificate, load_certificate
from trust.chains import load_certificates_any, open_chain
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.expiry import ExpiryPolicy, Kind, Lifetime, Severity, certificate_lifetimes, expiring, store_lifetimes
from trust.profiles import Role, check_profile, profile_problems
from trust.requests import check_request, load_request


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as met:
        act()
    return met.value.code


# ---------------------------------------------------------------- profiles

PROFILES = {
    profile.name: profile
    for profile in (ROOT, INTERMEDIATE, SEAL_MAKER, SIGNER, TSA, PUBLISHER, OCSP_RESPONDER, ENCRYPTION, SERVER)
}
MAY = {
    "root": {Role.AUTHORITY},
    "intermediate": {Role.AUTHORITY},
    "seal-maker": {Role.SEAL_MAKER, Role.SIGNER, Role.PUBLISHER},
    "signer": {Role.SEAL_MAKER, Role.SIGNER, Role.PUBLISHER},
    "publisher": {Role.SEAL_MAKER, Role.SIGNER, Role.PUBLISHER},
    "tsa": {Role.TIMESTAMP},
    "ocsp-responder": {Role.OCSP_RESPONDER},
    "encryption": {Role.ENCRYPTION},
    "server": {Role.SERVER},
}
"""Which roles the certificates we issue fit. Seal makers, signers and publishers are told apart by their anchors."""


@pytest.mark.parametrize("name", sorted(PROFILES))
@pytest.mark.parametrize("role", list(Role))
def test_what_we_issue_fits_its_role_and_no_other(authority: Authority, name: str, role: Role) -> None:
    profile = PROFILES[name]
    if profile is ROOT:
        certificate = authority.root.certificate
    else:
        certificate = authority.issue(name, profile, ca="root").certificate
    assert (not profile_problems(certificate, role, moment=MOMENT)) == (role in MAY[name])


def odd(authority: Authority, usage: set[str], *extended: str) -> Certificate:
    profile = Profile("odd", frozenset(usage), extended_key_usage=extended)
    return authority.forge("odd", authority.issuing_ca, profile).certificate


@pytest.mark.parametrize(
    ("usage", "extended", "role", "expected"),
    [
        ({"key_agreement"}, (), Role.SIGNER, {"profile.usage_missing", "profile.usage_excess"}),
        ({"crl_sign"}, (), Role.SIGNER, {"profile.usage_missing", "profile.usage_excess"}),
        ({"digital_signature", "key_encipherment"}, (), Role.SIGNER, {"profile.usage_excess"}),
        ({"digital_signature"}, ("code_signing",), Role.SIGNER, {"profile.extended_excludes"}),
        ({"digital_signature"}, ("time_stamping", "ocsp_signing"), Role.SIGNER, {"profile.extended_excludes"}),
        ({"digital_signature"}, ("client_auth", "email_protection"), Role.SIGNER, set()),
        ({"digital_signature"}, ("time_stamping", "client_auth"), Role.TIMESTAMP, {"profile.extended_usage"}),
        ({"digital_signature"}, (), Role.TIMESTAMP, {"profile.extended_usage"}),
        ({"digital_signature"}, ("ocsp_signing", "client_auth"), Role.OCSP_RESPONDER, set()),
        ({"non_repudiation"}, ("ocsp_signing",), Role.OCSP_RESPONDER, {"profile.usage_missing"}),
        ({"key_encipherment"}, (), Role.ENCRYPTION, set()),
        ({"key_encipherment", "digital_signature"}, (), Role.ENCRYPTION, {"profile.usage_excess"}),
    ],
)
def test_odd_usages(
    authority: Authority, usage: set[str], extended: tuple[str, ...], role: Role, expected: set[str]
) -> None:
    assert {p.code for p in profile_problems(odd(authority, usage, *extended), role)} == expected


def test_period_and_critical_extensions(authority: Authority) -> None:
    late = authority.issue("late", not_before=MOMENT + DAY, not_after=MOMENT + 2 * DAY).certificate
    assert code(lambda: check_profile(late, Role.SIGNER, moment=MOMENT)) == "profile.period"
    check_profile(late, Role.SIGNER)
    strange = authority.forge(
        "x", authority.issuing_ca, extensions=[{"extn_id": "1.2.3", "critical": True, "extn_value": b"\x05\x00"}]
    )
    assert code(lambda: check_profile(strange.certificate, Role.SIGNER)) == "profile.critical_extension"


# ---------------------------------------------------------------- pairs


def pair(authority: Authority, name: str = "某局", ca: str = "issuing-ca") -> CertificatePair:
    return CertificatePair(
        authority.issue(name, SIGNER, ca=ca).certificate, authority.issue(name, ENCRYPTION, ca=ca).certificate
    )


def test_pairs(authority: Authority) -> None:
    good, other = pair(authority), pair(authority, "另一局")
    elsewhere = pair(authority, ca="seal-ca")
    check_pair(good)
    assert code(lambda: check_pair(CertificatePair(good.signing, other.encryption))) == "pair.subject"
    assert code(lambda: check_pair(CertificatePair(good.signing, elsewhere.encryption))) == "pair.issuer"
    assert code(lambda: check_pair(CertificatePair(good.encryption, good.signing))).startswith("profile.usage")
    both = [other.encryption, elsewhere.encryption, good.signing, good.encryption]
    assert find_pair(good.signing, both) == good
    assert find_pair(good.signing, both[:3]) is None


def test_one_key_for_both_is_no_pair(authority: Authority) -> None:
    key, ca = generate_key(), CertificateAuthority(authority.issuing_ca)
    made = [
        ca.issue({"common_name": "某局"}, key.public_key, profile, MOMENT, MOMENT + DAY)
        for profile in (SIGNER, ENCRYPTION)
    ]
    assert code(lambda: check_pair(CertificatePair(*made))) == "pair.same_key"


# ---------------------------------------------------------------- requests


def test_a_request_is_read_as_it_was_made() -> None:
    key = generate_key()
    request = build_request({"country_name": "CN", "common_name": "演示省某局"}, key, TSA)
    assert request.subject == "CN=演示省某局,C=CN" and request.common_name == "演示省某局"
    assert request.key_usage == {"digital_signature"} and request.extended_key_usage == {"time_stamping"}
    assert request.public_key == key.public_key
    check_request(request)
    assert load_request(request.to_pem()) == request == load_request(request.der)
    assert build_request({"common_name": "x"}, key).key_usage is None


def test_requests_that_prove_nothing() -> None:
    key, other = generate_key(), generate_key()

    class Liar:
        public_key = key.public_key

        def sign(self, data: bytes) -> bytes:
            return other.sign(data)

    assert code(lambda: check_request(build_request({"common_name": "x"}, Liar()))) == "request.bad_signature"
    der_of = build_request({"common_name": "x"}, key).der
    changed = der_of.replace(b"\x0c\x01x", b"\x0c\x01y")
    assert code(lambda: check_request(load_request(changed))) == "request.bad_signature"
    assert code(lambda: build_request({"common_name": ""}, key)) == "authority.subject"


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", bytes(70000)]
)
def test_what_is_no_request(data: bytes) -> None:
    assert code(lambda: load_request(data)) == "request.malformed"


_REQUEST = build_request({"common_name": "演示"}, generate_key(), SIGNER)


@given(st.data())
def test_a_damaged_request(data: st.DataObject) -> None:
    """Refused, unreadable, or (outside what is signed) never a request for anything else."""
    octets = bytearray(_REQUEST.der)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        request = load_request(bytes(octets))
        check_request(request)
    except (Malformed, Refused):
        return
    assert request.tbs == _REQUEST.tbs


# ---------------------------------------------------------------- chains


def issue(authority: Authority, profile: Profile = SIGNER) -> tuple[SoftwareSigner, list[Certificate]]:
    signer = authority.issue("某局", profile)
    return signer, [signer.certificate, authority.issuing_ca.certificate, authority.root.certificate]


def pem(certificates: list[Certificate]) -> bytes:
    return b"\n".join(b"subject=x\n" + c.to_pem() for c in certificates)


def p7b(certificates: list[Certificate], arc: str) -> bytes:
    """Certificates-only, as CAs deliver them."""
    signed = der.tlv(
        der.SEQUENCE,
        der.integer(1),
        der.tlv(der.SET),
        der.tlv(der.SEQUENCE, der.oid("1.2.840.113549.1.7.1")),
        der.tlv(0xA0, *(c.der for c in certificates)),
        der.tlv(der.SET),
    )
    return der.tlv(der.SEQUENCE, der.oid(arc), der.tlv(0xA0, signed))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0, 0)])
def test_chains_in_any_order_and_form(authority: Authority, order: tuple[int, ...]) -> None:
    signer, certificates = issue(authority)
    sent = [certificates[i] for i in order]
    for data in (pem(sent), p7b(sent, PKCS7_SIGNED_DATA), p7b(sent, GM_SIGNED_DATA)):
        chain = open_chain(data, signer.key.public_key)
        assert chain.certificate == certificates[0] and list(chain.issuers) == certificates[1:]


def test_chains_that_do_not_fit(authority: Authority) -> None:
    signer, certificates = issue(authority)
    encryption = authority.issue("某局", ENCRYPTION).certificate
    chain = open_chain(pem([*certificates[:1], encryption]), signer.key.public_key)
    assert chain.issuers == () and chain.others == (encryption,)
    assert open_chain(certificates[0].der, signer.key.public_key).certificate == certificates[0]
    assert code(lambda: open_chain(pem(certificates), generate_key().public_key)) == "chain.no_match"
    false_ca = authority.self_signed("演示")
    forged = making._tbs({"common_name": "某局"}, false_ca.certificate.subject_name_der, signer.key.public_key,
                         (MOMENT, MOMENT + DAY), None, [])  # fmt: skip
    other = load_certificate(making._signed(forged, signer.sign))
    assert code(lambda: open_chain(pem([other, false_ca.certificate]), signer.key.public_key)) == "chain.signature"


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"-----BEGIN X-----\nAA==\n-----END X-----", b"-----", b"\x30\x80", bytes(1 << 21)]
)
def test_what_is_no_chain(data: bytes) -> None:
    assert code(lambda: load_certificates_any(data)) == "chain.malformed"


@given(st.binary(max_size=60))
def test_noise_is_no_chain(noise: bytes) -> None:
    assert code(lambda: load_certificates_any(noise)) == "chain.malformed"


# ---------------------------------------------------------------- what ends soon


@pytest.mark.parametrize(
    ("kind", "life", "left", "expected"),
    [
        # days
        (Kind.CERTIFICATE, 1000, 100, None),
        (Kind.CERTIFICATE, 1000, 60, Severity.SOON),
        (Kind.CERTIFICATE, 1000, 14, Severity.URGENT),
        (Kind.CERTIFICATE, 1000, 0, Severity.URGENT),
        (Kind.CERTIFICATE, 1000, -0.1, Severity.EXPIRED),
        (Kind.CERTIFICATE, 30, 11, None),  # short-lived: by its own life
        (Kind.CERTIFICATE, 30, 9, Severity.SOON),
        (Kind.CRL, 30, 11, None),
        (Kind.CRL, 30, 9, Severity.SOON),
        (Kind.CRL, 30, 2, Severity.URGENT),
        (Kind.BUNDLE, 3, 2, None),
        (Kind.BUNDLE, 3, 0.5, Severity.SOON),
        (Kind.CERTIFICATE, None, 59, Severity.SOON),
    ],
)
def test_when_a_warning_is_given(kind: Kind, life: float | None, left: float, expected: Severity | None) -> None:
    end = MOMENT + left * DAY
    lifetime = Lifetime(kind, "x", None if life is None else end - life * DAY, end)
    found = expiring([lifetime], MOMENT)
    assert [e.severity for e in found] == ([] if expected is None else [expected])
    assert all(e.remaining == end - MOMENT for e in found)


def test_a_store_and_its_signers(authority: Authority) -> None:
    store = authority.store(crls=authority.crls(period=3 * DAY))
    soon = expiring(store_lifetimes(store), MOMENT + 2.5 * DAY)
    assert {e.kind for e in soon} == {Kind.CRL} and len(soon) == 5
    assert any("签章人证书机构" in e.name for e in soon)
    assert expiring(store_lifetimes(store), MOMENT) == ()
    late = expiring(certificate_lifetimes([authority.department.certificate]), MOMENT + 20 * YEAR)
    assert [e.severity for e in late] == [Severity.EXPIRED]
    assert expiring(store_lifetimes(store), MOMENT, ExpiryPolicy(short_soon=1.0))


@given(st.lists(st.integers(-100, 100), max_size=8))
def test_the_first_to_end_comes_first(days: list[int]) -> None:
    def end(day: int) -> datetime:
        return MOMENT + day * DAY

    found = expiring([Lifetime(Kind.CERTIFICATE, str(d), None, end(d)) for d in days], MOMENT)
    assert [e.ends_at for e in found] == sorted(end(d) for d in days if d <= 60)
