"""Paths at a moment: by data, each way to be refused with its word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from keys.authority import SIGNER, TSA, Profile, self_signed_root
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.errors import CheckFailed
from trust.path import MAX_LENGTH, build_path, check_certificate

CA = Profile("ca", frozenset({"key_cert_sign", "crl_sign"}), is_ca=True)
UNKNOWN_CRITICAL = {"extn_id": "1.2.3.4.5", "critical": True, "extn_value": b"\x05\x00"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def refusal(act: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(CheckFailed) as caught:
        act()
    return caught.value.indication, caught.value.sub_indication, caught.value.code


def find(authority: Authority, certificate: Certificate, **options: object) -> object:
    store = options.pop("store", None) or authority.store()
    purpose = options.pop("purpose", Purpose.SIGNER)
    return build_path(certificate, store, purpose, options.pop("moment", MOMENT), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "purpose"),
    [
        ("department", Purpose.SIGNER),
        ("seal_maker", Purpose.SEAL_MAKER),
        ("tsa", Purpose.TIMESTAMP),
        ("publisher", Purpose.BUNDLE),
    ],
)
def test_everybody_has_a_path_for_one_purpose_only(authority: Authority, who: str, purpose: Purpose) -> None:
    certificate = getattr(authority, who).certificate
    path = build_path(certificate, authority.store(), purpose, MOMENT)
    assert path.leaf is certificate
    assert len(path.certificates) == 2
    assert path.anchor.purposes == {purpose}
    for other in set(Purpose) - {purpose}:
        answer = refusal(lambda other=other: build_path(certificate, authority.store(), other, MOMENT))
        assert answer[0] == "INDETERMINATE"
        assert answer[1] in {"NO_CERTIFICATE_CHAIN_FOUND", "CHAIN_CONSTRAINTS_FAILURE"}


def test_from_the_root_through_an_intermediate(authority: Authority) -> None:
    store = TrustStore((TrustAnchor(authority.root.certificate),), (authority.issuing_ca.certificate,))
    path = build_path(authority.department.certificate, store, Purpose.SIGNER, MOMENT)
    assert [c.common_name for c in path.certificates][1:] == [
        authority.issuing_ca.certificate.common_name,
        authority.root.certificate.common_name,
    ]


def test_an_intermediate_that_came_along_helps(authority: Authority) -> None:
    store = TrustStore((TrustAnchor(authority.root.certificate),))
    leaf = authority.department.certificate
    assert refusal(lambda: find(authority, leaf, store=store))[1] == "NO_CERTIFICATE_CHAIN_FOUND"
    assert build_path(leaf, store, Purpose.SIGNER, MOMENT, extra=[authority.issuing_ca.certificate])


def test_the_missing_issuer_is_named(authority: Authority) -> None:
    with pytest.raises(CheckFailed, match="演示省签章人证书机构") as caught:
        build_path(authority.department.certificate, TrustStore(), Purpose.SIGNER, MOMENT)
    assert caught.value.code == "certificate.unknown_issuer"


def test_a_certificate_trusted_directly_is_its_own_path(authority: Authority) -> None:
    leaf = authority.seal_maker.certificate
    path = build_path(leaf, TrustStore((TrustAnchor(leaf),)), Purpose.SEAL_MAKER, MOMENT)
    assert path.certificates == (leaf,)


def test_a_strangers_root_is_not_found(authority: Authority) -> None:
    stranger = authority.self_signed("陌生人", profile=SIGNER)
    no_chain = ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "certificate.untrusted_root")
    assert refusal(lambda: find(authority, stranger.certificate)) == no_chain
    own = authority.self_signed("陌生根")
    leaf = authority.forge("其下", own).certificate
    assert refusal(lambda: find(authority, leaf, extra=[own.certificate])) == no_chain


def test_a_root_of_our_roots_name_is_not_our_root(authority: Authority) -> None:
    """Same name, another key: the path must not be found by name."""
    key = generate_key()
    name = {"country_name": "CN", "common_name": "根"}
    ours = self_signed_root(name, generate_key(), MOMENT - DAY, MOMENT + YEAR)
    theirs = SoftwareSigner(self_signed_root(name, key, MOMENT - DAY, MOMENT + YEAR), key)
    leaf = authority.forge("其下", theirs).certificate
    store = TrustStore((TrustAnchor(ours),))
    assert refusal(lambda: find(authority, leaf, store=store, extra=[theirs.certificate]))[:2] == (
        "INDETERMINATE",
        "NO_CERTIFICATE_CHAIN_FOUND",
    )


def test_two_keys_of_one_name_are_both_tried(authority: Authority) -> None:
    name = {"common_name": "同名"}
    keys = [generate_key(), generate_key()]
    roots = [self_signed_root(name, key, MOMENT - DAY, MOMENT + YEAR) for key in keys]
    store = TrustStore(tuple(map(TrustAnchor, roots)))
    for key, root in zip(keys, roots, strict=True):
        leaf = authority.forge("其下", SoftwareSigner(root, key)).certificate
        assert build_path(leaf, store, Purpose.SIGNER, MOMENT).anchor.certificate is root


def test_a_forged_signature_under_our_cas_name(authority: Authority) -> None:
    leaf = authority.forge("冒名", authority.issuing_ca, sign=generate_key().sign).certificate
    assert refusal(lambda: find(authority, leaf))[2] == "certificate.issuer_signature"


def test_only_a_ca_issues(authority: Authority) -> None:
    department = authority.department
    under = authority.forge("其下", department).certificate
    answer = refusal(lambda: find(authority, under, extra=[department.certificate]))
    assert answer == ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", "certificate.issuer_not_ca")


def test_a_ca_needs_the_usage(authority: Authority) -> None:
    ca = authority.forge("无用途", authority.root, Profile("x", frozenset({"crl_sign"}), is_ca=True))
    under = authority.forge("其下", ca).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate),), (ca.certificate,))
    assert refusal(lambda: find(authority, under, store=store))[2] == "certificate.issuer_usage"


def test_path_length(authority: Authority) -> None:
    """The issuing CA may have no CA below it (path length 0)."""
    below = authority.forge("下级", authority.issuing_ca, CA)
    under = authority.forge("其下", below).certificate
    assert refusal(lambda: find(authority, under, extra=[below.certificate]))[2] == "certificate.path_length"


def test_self_issued_certificates_do_not_count_for_path_length(authority: Authority) -> None:
    """RFC 5280, 4.2.1.9: a CA's certificate for its own new key is no step down."""
    name = {"common_name": "换钥"}
    old, new = generate_key(), generate_key()
    limited = Profile("limited", CA.key_usage, is_ca=True, path_length=0)
    root = SoftwareSigner(self_signed_root(name, old, MOMENT - DAY, MOMENT + YEAR, profile=limited), old)
    from keys import authority as making

    extensions = making._extensions(limited, new.public_key, root.certificate.subject_key_id, ())
    tbs = making._tbs(
        name, root.certificate.subject_name_der, new.public_key, (MOMENT - DAY, MOMENT + YEAR), 2, extensions
    )
    from trust.certificates import load_certificate

    link = SoftwareSigner(load_certificate(making._signed(tbs, root.sign)), new)
    leaf = authority.forge("其下", link).certificate
    store = TrustStore((TrustAnchor(root.certificate),), (link.certificate,))
    assert len(build_path(leaf, store, Purpose.SIGNER, MOMENT).certificates) == 3


@pytest.mark.parametrize("where", ["leaf", "issuer"])
def test_unknown_critical_extensions(authority: Authority, where: str) -> None:
    issuer = authority.forge("中间", authority.root, CA, extensions=[UNKNOWN_CRITICAL] if where == "issuer" else [])
    leaf = authority.forge("其下", issuer, extensions=[UNKNOWN_CRITICAL] if where == "leaf" else []).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate),), (issuer.certificate,))
    with pytest.raises(CheckFailed, match=r"1\.2\.3\.4\.5") as caught:
        build_path(leaf, store, Purpose.SIGNER, MOMENT)
    assert caught.value.sub_indication == "CHAIN_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(
    ("profile", "purpose", "code"),
    [
        (Profile("x", frozenset({"key_encipherment"})), Purpose.SIGNER, "certificate.key_usage"),
        (CA, Purpose.SIGNER, "certificate.key_usage"),
        (TSA, Purpose.SIGNER, "certificate.extended_key_usage"),
        (SIGNER, Purpose.TIMESTAMP, "certificate.extended_key_usage"),
        (
            Profile("x", SIGNER.key_usage, extended_key_usage=("time_stamping", "email_protection")),
            Purpose.TIMESTAMP,
            "certificate.extended_key_usage",
        ),
        (
            Profile("x", SIGNER.key_usage, extended_key_usage=("server_auth",)),
            Purpose.SIGNER,
            "certificate.extended_key_usage",
        ),
    ],
)
def test_usages(authority: Authority, profile: Profile, purpose: Purpose, code: str) -> None:
    leaf = authority.forge("用途", authority.root, profile).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate),))
    answer = refusal(lambda: build_path(leaf, store, purpose, MOMENT))
    assert answer == ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", code)


def test_usages_met_in_the_wild(authority: Authority) -> None:
    """Signers with critical clientAuth and emailProtection occur (DianJu)."""
    wild = Profile("x", frozenset({"non_repudiation"}), extended_key_usage=("client_auth", "email_protection"))
    assert find(authority, authority.issue("野外", wild).certificate)


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("moment", "proved", "now", "expected"),
    [
        (0, True, 0, None),
        (0, False, 0, None),
        (0, True, 60, None),  # expired since, but a time stamp proves the moment
        (0, False, 60, ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "certificate.expired")),
        (60, True, 60, ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "certificate.expired")),
        (60, False, 60, ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "certificate.expired")),
        (60, False, 0, ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "certificate.expired")),
        (-60, True, 0, ("TOTAL-FAILED", "NOT_YET_VALID", "certificate.not_yet_valid")),
        (-60, False, 0, ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE", "certificate.not_yet_valid")),
    ],
)
def test_claimed_and_proved_time(
    authority: Authority, moment: int, proved: bool, now: int, expected: tuple[str, str, str] | None
) -> None:
    leaf = authority.forge("短期", authority.root, period=(MOMENT - DAY, MOMENT + 30 * DAY)).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate, valid_from=MOMENT - YEAR),))

    def act() -> object:
        return build_path(leaf, store, Purpose.SIGNER, MOMENT + moment * DAY, proved=proved, now=MOMENT + now * DAY)

    if expected is None:
        assert act()
    else:
        assert refusal(act) == expected


def test_validity_includes_its_ends(authority: Authority) -> None:
    certificate = authority.department.certificate
    assert find(authority, certificate, moment=certificate.not_before)
    assert find(authority, certificate, moment=certificate.not_after)
    assert refusal(lambda: find(authority, certificate, moment=certificate.not_after + timedelta(seconds=1)))


def test_an_expired_ca_breaks_the_path(authority: Authority) -> None:
    ca = authority.forge("短期机构", authority.root, CA, period=(MOMENT - DAY, MOMENT + DAY))
    leaf = authority.forge("其下", ca).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate),), (ca.certificate,))
    assert build_path(leaf, store, Purpose.SIGNER, MOMENT)
    with pytest.raises(CheckFailed, match="短期机构") as caught:
        build_path(leaf, store, Purpose.SIGNER, MOMENT + 2 * DAY)
    assert caught.value.sub_indication == "OUT_OF_BOUNDS_NO_POE"


def test_an_anchors_period(authority: Authority) -> None:
    anchor = TrustAnchor(authority.issuing_ca.certificate, valid_from=MOMENT, valid_to=MOMENT + DAY)
    store = TrustStore((anchor,))
    leaf = authority.department.certificate
    assert build_path(leaf, store, Purpose.SIGNER, MOMENT + DAY, now=MOMENT + 9 * DAY)
    outside = ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "certificate.anchor_period")
    assert refusal(lambda: build_path(leaf, store, Purpose.SIGNER, MOMENT + 2 * DAY)) == outside
    claimed = refusal(lambda: build_path(leaf, store, Purpose.SIGNER, MOMENT, proved=False, now=MOMENT + 9 * DAY))
    assert claimed == outside


# ---------------------------------------------------------------- bounds


def test_loops_end(authority: Authority) -> None:
    a, b = authority.self_signed("甲"), authority.self_signed("乙")
    key = generate_key()
    from keys import authority as making
    from trust.certificates import load_certificate

    def cross(subject: str, issuer: SoftwareSigner) -> Certificate:
        extensions = making._extensions(CA, key.public_key, None, ())
        name = {"common_name": subject}
        tbs = making._tbs(
            name, issuer.certificate.subject_name_der, key.public_key, (MOMENT - DAY, MOMENT + DAY), None, extensions
        )
        return load_certificate(making._signed(tbs, key.sign))

    first, second = cross("甲", b), cross("乙", a)
    leaf = authority.forge("其下", SoftwareSigner(first, key)).certificate
    assert refusal(lambda: find(authority, leaf, extra=[first, second]))[1] == "NO_CERTIFICATE_CHAIN_FOUND"


def test_length_is_bounded(authority: Authority) -> None:
    chain = [authority.root]
    for number in range(MAX_LENGTH):
        chain.append(authority.forge(f"第{number}级", chain[-1], CA))
    leaf = authority.forge("末端", chain[-1]).certificate
    store = TrustStore((TrustAnchor(authority.root.certificate),), tuple(signer.certificate for signer in chain))
    assert refusal(lambda: find(authority, leaf, store=store))[2] == "certificate.path_too_long"
    below = authority.forge("末端", chain[MAX_LENGTH - 2]).certificate
    assert len(build_path(below, store, Purpose.SIGNER, MOMENT).certificates) == MAX_LENGTH


def test_many_false_issuers_cost_little(authority: Authority) -> None:
    """64 candidates are tried at most, each signature once."""
    name = {"common_name": "众多"}
    false = [self_signed_root(name, generate_key(), MOMENT - DAY, MOMENT + DAY) for _ in range(100)]
    key = generate_key()
    issuer = SoftwareSigner(self_signed_root(name, key, MOMENT - DAY, MOMENT + DAY), key)
    leaf = authority.forge("其下", issuer).certificate
    assert refusal(lambda: find(authority, leaf, extra=false))[1] == "NO_CERTIFICATE_CHAIN_FOUND"


def test_an_answer_is_remembered_with_the_store(authority: Authority) -> None:
    store = authority.store(anchors=[])
    failures = []
    for _ in range(2):
        with pytest.raises(CheckFailed) as caught:
            build_path(authority.department.certificate, store, Purpose.SIGNER, MOMENT)
        failures.append(caught.value)
    assert failures[0] is not failures[1]
    assert failures[0].message == failures[1].message
    assert len(store.memory) == 1


def test_all_in_one(authority: Authority) -> None:
    certificate = authority.department.certificate
    path, answer = check_certificate(
        certificate, authority.store(), Purpose.SIGNER, MOMENT, known_at=MOMENT, proved=False
    )
    assert [crl.issuer_name_der for crl in answer.lists] == [path.certificates[1].subject_name_der]
    assert answer.next_update is not None

