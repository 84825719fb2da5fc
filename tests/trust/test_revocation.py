"""Revocation lists: whose word counts, until when, and what a claimed or proved time makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from asn1crypto import core, crl, pem, x509
from hypothesis import example, given
from hypothesis import strategies as st

from keys import authority as making
from keys.authority import Profile, Revocation
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.errors import CheckFailed, Malformed
from trust.path import build_path, check_certificate
from trust.revocation import CertificateList, check_revocation, load_crl

Answer = tuple[str, str, str]
REVOKED: Answer = ("TOTAL-FAILED", "REVOKED", "revocation.revoked")
NO_POE: Answer = ("INDETERMINATE", "REVOKED_NO_POE", "revocation.revoked_no_poe")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def forge_crl(
    signer: SoftwareSigner,
    revoked: Sequence[Revocation] = (),
    *,
    this_update: datetime = MOMENT - DAY,
    next_update: datetime | None = MOMENT + YEAR,
    extensions: Sequence[dict[str, object]] = (),
    entry_extensions: Sequence[dict[str, object]] = (),
    sign: Callable[[bytes], bytes] | None = None,
) -> CertificateList:
    """A list that says just this, whoever ``signer`` is."""
    body: dict[str, object] = {
        "version": "v2",
        "signature": {"algorithm": "sm2_with_sm3"},
        "issuer": x509.Name.load(signer.certificate.subject_name_der),
        "this_update": making._time(this_update),
        "crl_extensions": [making._extension("crl_number", 7), *extensions],
    }
    if next_update:
        body["next_update"] = making._time(next_update)
    entries = [making._revoked(entry) for entry in revoked]
    for entry in entries:
        entry["crl_entry_extensions"] = [*entry.get("crl_entry_extensions", []), *entry_extensions]
    if entries:
        body["revoked_certificates"] = entries
    return load_crl(making._signed(crl.TbsCertList(body).dump(), sign or signer.sign))


def ask(
    authority: Authority,
    lists: Sequence[CertificateList],
    *,
    moment: datetime = MOMENT,
    proved: bool = True,
    known_at: datetime = MOMENT,
) -> Answer | None:
    """The answer for the department's certificate; ``None``: not revoked."""
    path = build_path(authority.department.certificate, authority.store(), Purpose.SIGNER, moment)
    return refusal(lambda: check_revocation(path, lists, moment, known_at=known_at, proved=proved))


def refusal(act: Callable[[], object]) -> Answer | None:
    try:
        act()
    except CheckFailed as failure:
        return failure.indication, failure.sub_indication, failure.code
    return None


def entry(authority: Authority, time: datetime, **options: object) -> Revocation:
    return Revocation(authority.department.certificate.serial, time, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------- claimed and proved


@pytest.mark.parametrize(
    ("revoked_at", "moment", "proved", "known_at", "expected"),
    [
        # days from MOMENT
        (None, 0, False, 0, None),
        (10, 0, True, 20, None),  # sealed before, proved
        (10, 0, False, 20, NO_POE),  # sealed before, only claimed: a stolen key can claim any time
        (10, 15, True, 20, REVOKED),
        (10, 15, False, 20, NO_POE),
        (10, 10, True, 20, REVOKED),  # at the very moment of revocation
        (10, 0, False, 5, None),  # asked as of a day before the revocation
        (10, 0, False, 10, NO_POE),
    ],
)
def test_what_a_time_is_worth(
    authority: Authority, revoked_at: int | None, moment: int, proved: bool, known_at: int, expected: Answer | None
) -> None:
    revoked = [] if revoked_at is None else [entry(authority, MOMENT + revoked_at * DAY)]
    lists = [forge_crl(authority.issuing_ca, revoked, this_update=MOMENT + 20 * DAY)]
    answer = ask(authority, lists, moment=MOMENT + moment * DAY, proved=proved, known_at=MOMENT + known_at * DAY)
    assert answer == expected


def test_the_invalidity_date_counts_where_it_is_earlier(authority: Authority) -> None:
    """The key was stolen two days before anyone noticed."""
    stolen = entry(authority, MOMENT + 10 * DAY, reason="key_compromise", invalid_from=MOMENT + 8 * DAY)
    lists = [forge_crl(authority.issuing_ca, [stolen])]
    assert ask(authority, lists, moment=MOMENT + 7 * DAY, known_at=MOMENT + 20 * DAY) is None
    assert ask(authority, lists, moment=MOMENT + 9 * DAY, known_at=MOMENT + 20 * DAY) == REVOKED


@pytest.mark.parametrize("reason", ["unspecified", "certificate_hold", "superseded", "privilege_withdrawn"])
def test_every_reason_revokes(authority: Authority, reason: str) -> None:
    lists = [forge_crl(authority.issuing_ca, [entry(authority, MOMENT - DAY, reason=reason)])]
    assert ask(authority, lists) == REVOKED


def test_removed_from_the_list_is_not_revoked(authority: Authority) -> None:
    lists = [forge_crl(authority.issuing_ca, [entry(authority, MOMENT - DAY, reason="remove_from_crl")])]
    assert ask(authority, lists) is None


def test_the_newest_list_speaks(authority: Authority) -> None:
    hold = forge_crl(authority.issuing_ca, [entry(authority, MOMENT - 3 * DAY)], this_update=MOMENT - 2 * DAY)
    lifted = forge_crl(authority.issuing_ca, this_update=MOMENT - DAY)
    assert ask(authority, [hold]) == REVOKED
    assert ask(authority, [hold, lifted]) is None
    assert ask(authority, [lifted, hold]) is None


# ---------------------------------------------------------------- may the list be believed


def test_no_list(authority: Authority) -> None:
    assert ask(authority, []) == ("INDETERMINATE", "TRY_LATER", "revocation.missing")
    assert ask(authority, [forge_crl(authority.ca("seal-ca"))]) == ("INDETERMINATE", "TRY_LATER", "revocation.missing")


@pytest.mark.parametrize("next_update", [None, MOMENT - timedelta(seconds=1)])
def test_a_stale_list(authority: Authority, next_update: datetime | None) -> None:
    lists = [forge_crl(authority.issuing_ca, this_update=MOMENT - 9 * DAY, next_update=next_update)]
    assert ask(authority, lists) == ("INDETERMINATE", "TRY_LATER", "revocation.stale")


def test_a_stale_list_beside_a_fresh_one(authority: Authority) -> None:
    stale = forge_crl(authority.issuing_ca, this_update=MOMENT - 9 * DAY, next_update=MOMENT - DAY)
    assert ask(authority, [stale, forge_crl(authority.issuing_ca)]) is None


def test_a_list_forged_in_the_cas_name(authority: Authority) -> None:
    forged = forge_crl(authority.issuing_ca, sign=generate_key().sign)
    assert ask(authority, [forged]) == ("INDETERMINATE", "TRY_LATER", "revocation.bad_signature")
    genuine = forge_crl(authority.issuing_ca, [entry(authority, MOMENT - DAY)], this_update=MOMENT - 2 * DAY)
    assert ask(authority, [genuine, forged]) == REVOKED


def test_a_ca_without_the_usage_signs_no_lists(authority: Authority) -> None:
    ca = authority.forge("无列表用途", authority.root, Profile("x", frozenset({"key_cert_sign"}), is_ca=True))
    leaf = authority.forge("其下", ca).certificate
    store = TrustStore((TrustAnchor(ca.certificate),), crls=(forge_crl(ca),))
    answer = refusal(lambda: check_certificate(leaf, store, Purpose.SIGNER, MOMENT, known_at=MOMENT, proved=True))
    assert answer == ("INDETERMINATE", "TRY_LATER", "revocation.bad_signature")


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        ("delta_crl_indicator", 1),
        ("issuing_distribution_point", {"only_contains_user_certs": True}),
        ("1.2.3.4", core.ParsableOctetString(b"\x05\x00")),
    ],
)
def test_critical_extensions_of_a_list(authority: Authority, oid: str, value: object) -> None:
    """Delta lists, lists for some certificates only, and what nobody knows."""
    lists = [forge_crl(authority.issuing_ca, extensions=[making._extension(oid, value, critical=True)])]
    assert ask(authority, lists) == ("INDETERMINATE", "TRY_LATER", "revocation.critical_extension")


def test_critical_extensions_of_an_entry(authority: Authority) -> None:
    critical = {"extn_id": "1.2.3.4", "critical": True, "extn_value": core.ParsableOctetString(b"\x05\x00")}
    lists = [forge_crl(authority.issuing_ca, [entry(authority, MOMENT + DAY)], entry_extensions=[critical])]
    assert ask(authority, lists) == ("INDETERMINATE", "TRY_LATER", "revocation.critical_extension")


def test_every_ca_on_the_way_is_asked_about(authority: Authority) -> None:
    store = TrustStore((TrustAnchor(authority.root.certificate),), (authority.issuing_ca.certificate,))
    path = build_path(authority.department.certificate, store, Purpose.SIGNER, MOMENT)
    below = forge_crl(authority.issuing_ca)

    def answer(lists: list[CertificateList], *, proved: bool = True) -> Answer | None:
        return refusal(lambda: check_revocation(path, lists, MOMENT, known_at=MOMENT, proved=proved))

    assert answer([below]) == ("INDETERMINATE", "TRY_LATER", "revocation.missing")
    assert answer([below, forge_crl(authority.root)]) is None
    revoked = forge_crl(
        authority.root, [Revocation(authority.issuing_ca.certificate.serial, MOMENT - DAY, "ca_compromise")]
    )
    assert answer([below, revoked]) == ("INDETERMINATE", "REVOKED_CA_NO_POE", "revocation.revoked_no_poe")
    assert answer([below, revoked], proved=False) == ("INDETERMINATE", "REVOKED_CA_NO_POE", "revocation.revoked_no_poe")


# ---------------------------------------------------------------- after the certificate has expired


def test_a_list_that_dropped_expired_certificates_proves_nothing(authority: Authority) -> None:
    end = MOMENT + 30 * DAY
    leaf = authority.forge("短期", authority.root, period=(MOMENT - DAY, end)).certificate
    path = build_path(leaf, TrustStore((TrustAnchor(authority.root.certificate),)), Purpose.SIGNER, MOMENT)
    later = MOMENT + 60 * DAY

    def answer(*lists: CertificateList) -> Answer | None:
        return refusal(lambda: check_revocation(path, lists, MOMENT, known_at=later, proved=True))

    newer = forge_crl(authority.root, this_update=later - DAY)
    assert answer(newer) == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "revocation.expired_not_listed")
    between = forge_crl(authority.root, this_update=MOMENT + 10 * DAY, next_update=MOMENT + 20 * DAY)
    assert answer(newer, between) is None
    before = forge_crl(authority.root, this_update=MOMENT - DAY, next_update=MOMENT)
    assert answer(newer, before) == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "revocation.expired_not_listed")
    named = forge_crl(authority.root, [Revocation(leaf.serial, MOMENT - DAY)], this_update=MOMENT + 10 * DAY)
    assert answer(newer, named) == REVOKED
    ours = list_that_keeps_all(authority, later)
    assert answer(ours) is None


def list_that_keeps_all(authority: Authority, at: datetime) -> CertificateList:
    """As the built-in CA makes them: expiredCertsOnCRL says that nothing is dropped."""
    made = authority.crls(this_update=at - DAY)[0]
    assert made.expired_from is not None
    return made


# ---------------------------------------------------------------- reading


def test_der_and_pem_and_what_asn1crypto_says(authority: Authority) -> None:
    made = forge_crl(authority.issuing_ca, [Revocation(n, MOMENT, "superseded") for n in range(1, 50)])
    theirs = crl.CertificateList.load(made.der)
    assert [e["user_certificate"].native for e in theirs["tbs_cert_list"]["revoked_certificates"]] == list(made.revoked)
    assert theirs["tbs_cert_list"]["this_update"].native == made.this_update
    assert made.number == theirs.crl_number_value.native == 7
    assert made.revoked[7].reason == "superseded"
    assert load_crl(pem.armor("X509 CRL", made.der)).digest == made.digest
    assert "revoked=49" in repr(made)


def test_a_long_list_is_read_quickly(authority: Authority) -> None:
    made = forge_crl(authority.issuing_ca, [Revocation(n, MOMENT) for n in range(1, 2001)])
    assert len(made.revoked) == 2000


@pytest.fixture(scope="module")
def sample(authority: Authority) -> bytes:
    return forge_crl(authority.issuing_ca, [entry(authority, MOMENT, reason="superseded")]).der


@given(st.binary(max_size=80))
@example(b"")
@example(b"-----BEGIN X509 CRL-----")
def test_any_octets_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load_crl(data)
    assert caught.value.code == "revocation.malformed"


@given(data=st.data())
def test_a_damaged_list_is_malformed_or_not_believed(sample: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(sample) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda octet: octet != sample[position]))
    damaged = sample[:position] + bytes((octet,)) + sample[position + 1 :]
    authority = make_authority()
    try:
        made = load_crl(damaged)
    except Malformed:
        return
    answer = ask(authority, [made])
    assert answer is not None
    assert answer[2] in {"revocation.missing", "revocation.bad_signature"}


def test_trailing_octets(sample: bytes) -> None:
    for damaged in (sample + b"\x00", sample[:-1], sample * 2):
        with pytest.raises(Malformed):
            load_crl(damaged)
