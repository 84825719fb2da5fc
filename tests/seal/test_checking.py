"""印章核验 and 制章: who made the seal, who may use it, when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keys.software import generate_key
from seal import ses
from seal.checking import (
    check_maker,
    check_maker_signature,
    check_seal,
    check_seal_form,
    check_seal_period,
    check_signature_form,
    check_signer_listed,
    disclosure_root_in,
)
from seal.making import make_seal
from seal.message import DISCLOSURE_ROOT_OID
from seal.ses import Extension, SESeal, SESSignature, parse_seal, parse_signature
from tests.seal.conftest import NOW, Drawn, Office, sample
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.errors import CheckFailed, Malformed, Refused
from trust.sm2 import PublicKey

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def seal(office: Office) -> SESeal:
    return parse_seal(office.seal())


def verdict(check: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(CheckFailed) as raised:
        check()
    return raised.value.code, raised.value.indication, raised.value.sub_indication


def test_a_sound_seal(seal: SESeal, office: Office) -> None:
    verified = check_seal(seal, office.store(), moment=NOW, known_at=NOW)
    assert verified.seal is seal
    assert verified.maker.certificates[0].der == office.maker.certificate.der
    assert verified.maker.anchor.certificate.der == office.root.der


def test_the_second_check_asks_no_signature_again(seal: SESeal, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    store = office.store()
    check_seal(seal, store, moment=NOW, known_at=NOW)
    asked: list[bytes] = []
    monkeypatch.setattr(PublicKey, "verify", lambda *_args, **_named: asked.append(b"") or True)
    assert check_seal(seal, store, moment=NOW, known_at=NOW).seal is seal
    assert not asked


def test_an_unknown_maker_names_the_missing_issuer(seal: SESeal) -> None:
    store = TrustStore(anchors=())
    code, indication, sub = verdict(lambda: check_seal(seal, store, moment=NOW, known_at=NOW))
    assert (indication, sub) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND") and code


def test_an_anchor_for_another_purpose_does_not_do(seal: SESeal, office: Office) -> None:
    anchor = TrustAnchor(office.root, frozenset({Purpose.SIGNER}))
    store = replace(office.store(), anchors=(anchor,))
    _, indication, _ = verdict(lambda: check_maker(seal, store, moment=NOW, known_at=NOW))
    assert indication == "INDETERMINATE"


def test_a_changed_seal(seal: SESeal, office: Office) -> None:
    store = office.store()
    info = seal.info_der.replace("教育厅".encode(), "财政厅".encode())
    forged = parse_seal(ses.build_seal(info, seal.maker_certificate, seal.signature))
    assert verdict(lambda: check_seal(forged, store, moment=NOW, known_at=NOW)) == (
        "seal.maker_signature",
        "TOTAL-FAILED",
        "SIG_CRYPTO_FAILURE",
    )


def test_a_seal_made_by_a_stranger(seal: SESeal, office: Office) -> None:
    """The stranger's signature under the maker's certificate."""
    signature = generate_key().sign(seal.info_der)
    forged = parse_seal(ses.build_seal(seal.info_der, seal.maker_certificate, signature))
    assert verdict(lambda: check_maker_signature(forged))[0] == "seal.maker_signature"
    unreadable = parse_seal(ses.build_seal(seal.info_der, b"no certificate", signature))
    assert verdict(lambda: check_maker_signature(unreadable))[0] == "seal.maker_certificate"


def test_raw_signature_values_are_read(seal: SESeal) -> None:
    from trust.sm2 import der_to_raw

    raw = parse_seal(ses.build_seal(seal.info_der, seal.maker_certificate, der_to_raw(seal.signature)))
    check_maker_signature(raw)


def test_revoked_maker(seal: SESeal, office: Office) -> None:
    store = office.store((office.maker.certificate, NOW - DAY))
    claimed = verdict(lambda: check_seal(seal, store, moment=NOW - 5 * DAY, known_at=NOW))
    assert claimed[1:] == ("INDETERMINATE", "REVOKED_NO_POE")
    check_seal(seal, store, moment=NOW - 5 * DAY, known_at=NOW, proved=True)
    proved = verdict(lambda: check_seal(seal, store, moment=NOW, known_at=NOW, proved=True))
    assert proved[1:] == ("TOTAL-FAILED", "REVOKED")


def test_a_maker_who_has_expired_since_still_counts(office: Office) -> None:
    """Seals outlive their maker's certificate: it is judged when the seal was made."""
    from keys.authority import SEAL_MAKER

    brief = office.person("TEST brief maker", SEAL_MAKER, days=1)
    made = parse_seal(make_seal(office.application(), brief, Drawn(), moment=NOW - 5 * DAY))
    check_maker(made, office.store(), moment=NOW, known_at=NOW)
    later = office.store()
    path = check_maker(made, later, moment=NOW + 20 * DAY, known_at=NOW, proved=True)
    assert path.maker.moment == NOW - 5 * DAY


def test_period(seal: SESeal) -> None:
    end = seal.valid_to
    check_seal_period(seal, moment=NOW, known_at=NOW)
    check_seal_period(seal, moment=end, known_at=end)
    check_seal_period(seal, moment=NOW, known_at=end + DAY, proved=True)
    cases = [
        (seal.valid_from - DAY, NOW, "seal.not_yet_valid", "TOTAL-FAILED", "NOT_YET_VALID"),
        (end + DAY, end + DAY, "seal.expired", "TOTAL-FAILED", "EXPIRED"),
        (NOW, end + DAY, "seal.expired_no_poe", "INDETERMINATE", "OUT_OF_BOUNDS_NO_POE"),
    ]
    for moment, known_at, *expected in cases:
        got = verdict(lambda m=moment, k=known_at: check_seal_period(seal, moment=m, known_at=k))  # type: ignore[misc]
        assert list(got) == expected


def test_used_before_it_was_made(office: Office) -> None:
    early = office.application(valid_from=NOW - 100 * DAY)
    made = parse_seal(make_seal(early, office.maker, Drawn(), moment=NOW))
    code, indication, _ = verdict(lambda: check_seal_period(made, moment=NOW - DAY, known_at=NOW))
    assert (code, indication) == ("seal.not_yet_made", "TOTAL-FAILED")


def test_extensions(office: Office) -> None:
    harmless = parse_seal(office.seal(extensions=(Extension("1.2.3", False, b""),)))
    check_seal_form(harmless)
    with pytest.raises(CheckFailed) as raised:
        office.seal(extensions=(Extension("1.2.3", True, b""),))
    assert raised.value.code == "seal.critical_extension"


def test_form(seal: SESeal) -> None:
    wrong = parse_seal(seal.der.replace(b"\x16\x02ES\x02\x01\x04", b"\x16\x02ES\x02\x01\x07"))
    assert verdict(lambda: check_seal_form(wrong))[0] == "seal.version"
    rsa = parse_seal(ses.build_seal(seal.info_der, b"m", b"s", algorithm="1.2.840.113549.1.1.11"))
    assert verdict(lambda: check_seal_form(rsa))[0] == "seal.algorithm"


# ---------------------------------------------------------------- signer and seal


def test_listed_by_certificate_and_by_digest(seal: SESeal, office: Office) -> None:
    stranger = office.person("TEST stranger").certificate
    by_digest = parse_seal(office.seal(list_digests=True))
    assert by_digest.cert_list_type == 2 and not by_digest.certificates
    for listed in (seal, by_digest):
        check_signer_listed(listed, office.signer.certificate.der)
        assert verdict(lambda listed=listed: check_signer_listed(listed, stranger.der)) == (  # type: ignore[misc]
            "seal.signer_not_listed",
            "TOTAL-FAILED",
            "SIGNER_NOT_IN_SEAL",
        )


@pytest.mark.parametrize("kind", ["SM3", "sm3", "certificate SM3 digest", "1.2.156.10197.1.401"])
def test_words_for_sm3(kind: str, office: Office) -> None:
    from trust.algorithms import sm3

    der = office.signer.certificate.der
    check_signer_listed(listing((kind, sm3(der))), der)
    with pytest.raises(CheckFailed):
        check_signer_listed(listing((kind, sm3(der)[:-1])), der)


def test_other_digests(office: Office) -> None:
    from hashlib import sha256

    der = office.signer.certificate.der
    check_signer_listed(listing(("SHA-256", sha256(der).digest())), der)
    assert verdict(lambda: check_signer_listed(listing(("MD2", b"x" * 16)), der))[0] == "seal.signer_list_unknown"


def listing(*digests: tuple[str, bytes]) -> SESeal:
    info = ses.build_seal_info(
        seal_id="1",
        name="x",
        type=1,
        certificate_digests=digests,
        created=NOW,
        valid_from=NOW,
        valid_to=NOW,
        picture=b"p",
        width=1,
        height=1,
    )
    return parse_seal(ses.build_seal(info, b"m", b"s"))


def signature(seal: SESeal, *extensions: Extension, algorithm: str = "1.2.156.10197.1.501") -> SESSignature:
    tbs = ses.build_tbs(seal.der, NOW, bytes(32), "/x", extensions)
    return parse_signature(ses.build_signature(tbs, b"c", b"s", algorithm=algorithm))


def test_signature_form(seal: SESeal) -> None:
    root = Extension(DISCLOSURE_ROOT_OID, True, bytes(32))
    sound = signature(seal, root)
    check_signature_form(sound)
    assert disclosure_root_in(sound) == bytes(32) and disclosure_root_in(signature(seal)) is None
    strange = signature(seal, Extension("1.3.6.1.5.5.7.1.4", True, b""))
    assert verdict(lambda: check_signature_form(strange))[0] == "signature.critical_extension"
    other = signature(seal, algorithm="1.2.156.10197.1.301")
    assert verdict(lambda: check_signature_form(other))[0] == "signature.algorithm"
    version = parse_signature(sound.der.replace(b"\x02\x01\x04\x30", b"\x02\x01\x05\x30", 1))
    assert verdict(lambda: check_signature_form(version))[0] == "signature.version"
    for bad in (signature(seal, root, root), signature(seal, Extension(DISCLOSURE_ROOT_OID, False, b"short"))):
        assert verdict(lambda bad=bad: disclosure_root_in(bad))[0] == "signature.disclosure_root"  # type: ignore[misc]


# ---------------------------------------------------------------- making


def test_made_seals_say_what_was_applied_for(seal: SESeal, office: Office) -> None:
    assert (seal.structure, seal.seal_id, seal.name) == ("SES-V4", "99000000000001", "演示省教育厅电子印章")
    assert seal.certificates == (office.signer.certificate.der,)
    assert (seal.picture_type, seal.picture, seal.width, seal.height) == ("png", Drawn().picture, 42, 42)
    assert seal.created == NOW - 10 * DAY


@pytest.mark.parametrize(
    "changes",
    [
        {"seal_id": ""},
        {"seal_id": "印章"},
        {"seal_id": "x" * 65},
        {"name": ""},
        {"name": "a\nb"},
        {"signers": ()},
        {"valid_to": NOW - 11 * DAY},
    ],
)
def test_bad_applications(office: Office, changes: dict[str, object]) -> None:
    with pytest.raises(Malformed) as raised:
        office.seal(**changes)
    assert raised.value.code == "seal.application"


def test_a_maker_makes_seals_only_in_his_time(office: Office) -> None:
    with pytest.raises(Refused) as raised:
        make_seal(office.application(), office.maker, Drawn(), moment=NOW + 731 * DAY)
    assert raised.value.code == "seal.maker_not_valid"


# ---------------------------------------------------------------- seals of others


@pytest.mark.parametrize("name", ["UserV1", "UserV4", "UserV5"])
def test_seals_of_others_are_sound_but_their_maker_is_unknown(name: str, office: Office) -> None:
    other = parse_seal(sample(f"{name}.esl"))
    check_seal_form(other)
    check_maker_signature(other)
    _, indication, sub = verdict(lambda: check_maker(other, office.store(), moment=NOW, known_at=NOW))
    assert (indication, sub) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
