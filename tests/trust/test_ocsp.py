"""OCSP answers: read strictly, believed only from who may speak, weighed beside lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import ocsp as reference
from hypothesis import given
from hypothesis import strategies as st

from keys.authority import OCSP_RESPONDER, SIGNER, Profile, Revocation
from keys.ocsp import ListedStandings, OCSPResponder, Standing
from keys.software import SoftwareSigner
from tests.authority import DAY, MOMENT, YEAR, Authority, make_authority
from tests.trust.test_revocation import forge_crl
from trust import der
from trust.algorithms import SHA1, SHA256, SM3
from trust.anchors import Purpose
from trust.crl import CertificateList, Revoked
from trust.errors import CheckFailed, Malformed, Unavailable
from trust.ocsp import OCSPResponse, Status, build_ocsp_request, load_ocsp
from trust.path import build_path, check_certificate
from trust.revocation import SilentSource, check_revocation

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@dataclass
class World:
    """The department's certificate, its CA, and whoever answers about it."""

    authority: Authority
    responder: SoftwareSigner

    def answer(
        self,
        standing: Standing | None = None,
        *,
        at: datetime = MOMENT,
        signer: SoftwareSigner | None = None,
        period: timedelta = 12 * HOUR,
        change: Callable[[OCSPResponder], None] | None = None,
        algorithm: str = SM3,
    ) -> OCSPResponse:
        said = standing or Standing(issued=True)

        class Said:
            def standing(self, serial: int) -> Standing:
                return said

        responder = OCSPResponder(
            self.authority.issuing_ca.certificate, signer or self.responder, Said(), lambda: at, period
        )
        return load_ocsp(responder.answer(self.authority.department.certificate.serial, algorithm=algorithm))

    def ask(
        self,
        ocsp: Sequence[OCSPResponse],
        crls: Sequence[CertificateList] = (),
        *,
        moment: datetime = MOMENT,
        proved: bool = True,
        known_at: datetime = MOMENT,
        silent: Sequence[SilentSource] = (),
    ) -> str:
        path = build_path(self.authority.department.certificate, self.authority.store(), Purpose.SIGNER, MOMENT)
        try:
            check_revocation(path, crls, moment, known_at=known_at, proved=proved, ocsp=ocsp, silent=silent)
        except CheckFailed as failure:
            return f"{failure.indication}/{failure.code}"
        return "ok"


@pytest.fixture(scope="module")
def world(authority: Authority) -> World:
    return World(authority, authority.issue("在线状态服务", OCSP_RESPONDER))


def crl(authority: Authority, *revoked: Revocation, at: datetime = MOMENT - DAY) -> CertificateList:
    return forge_crl(authority.issuing_ca, revoked, this_update=at)


def revoked(days: float, reason: str | None = "keyCompromise", since: float | None = None) -> Standing:
    earlier = None if since is None else MOMENT + since * DAY
    return Standing(issued=True, revoked=Revoked(MOMENT + days * DAY, reason, earlier))


UNKNOWN = Standing(issued=False)
REVOKED, NO_POE = "TOTAL-FAILED/revocation.revoked", "INDETERMINATE/revocation.revoked_no_poe"
IN_DOUBT = "INDETERMINATE/revocation.unknown"


# ---------------------------------------------------------------- one answer alone


@pytest.mark.parametrize(
    ("standing", "moment", "proved", "known_at", "expected"),
    [
        # days from MOMENT; the answer is of day 20
        (Standing(issued=True), 0, True, 20, "ok"),
        (Standing(issued=True), 0, False, 20, "ok"),
        (UNKNOWN, 0, True, 20, IN_DOUBT),
        (UNKNOWN, 0, False, 20, IN_DOUBT),
        (revoked(10), 0, True, 20, "ok"),  # sealed before, proved
        (revoked(10), 0, False, 20, NO_POE),
        (revoked(10), 15, True, 20, REVOKED),
        (revoked(10), 10, True, 20, REVOKED),
        (revoked(10), 9, False, 20, NO_POE),
        (revoked(10, since=8), 9, True, 20, REVOKED),  # stolen two days before anyone noticed
        (revoked(10, since=8), 7, True, 20, "ok"),
        (revoked(10, "certificateHold"), 15, True, 20, REVOKED),
        (revoked(10, None), 15, True, 20, REVOKED),
        (Standing(issued=True), 0, True, 20.4, "ok"),
        (Standing(issued=True), 0, True, 20.6, "INDETERMINATE/revocation.ocsp_stale"),
    ],
)
def test_what_an_answer_is_worth(
    world: World, standing: Standing, moment: float, proved: bool, known_at: float, expected: str
) -> None:
    answer = world.answer(standing, at=MOMENT + 20 * DAY)
    said = world.ask([answer], moment=MOMENT + moment * DAY, proved=proved, known_at=MOMENT + known_at * DAY)
    assert said == expected


@pytest.mark.parametrize("algorithm", [SM3, SHA1, SHA256])
def test_the_issuer_is_named_by_any_known_digest(world: World, algorithm: str) -> None:
    assert world.ask([world.answer(algorithm=algorithm)]) == "ok"


def test_the_authority_itself_may_answer(world: World) -> None:
    answer = world.answer(signer=world.authority.issuing_ca)
    assert world.ask([answer]) == "ok" and not answer.certificates


# ---------------------------------------------------------------- who may speak


def impostors(world: World) -> dict[str, SoftwareSigner]:
    authority = world.authority
    return {
        "another CA's responder": authority.issue("responder", OCSP_RESPONDER, ca="seal-ca"),
        "a department": authority.issue("department", SIGNER),
        "expired": authority.issue("old", OCSP_RESPONDER, not_before=MOMENT - DAY, not_after=MOMENT - HOUR),
        "not yet": authority.issue("early", OCSP_RESPONDER, not_before=MOMENT + HOUR, not_after=MOMENT + DAY),
        "usage": authority.issue(
            "usage", Profile("x", frozenset({"key_agreement"}), extended_key_usage=("ocsp_signing",))
        ),
        "signed by nobody": authority.forge("forged", authority.issuing_ca, OCSP_RESPONDER, sign=authority.tsa.sign),
        "critical": authority.forge(
            "critical",
            authority.issuing_ca,
            OCSP_RESPONDER,
            extensions=[{"extn_id": "1.2.3.4.5", "critical": True, "extn_value": b"\x05\x00"}],
        ),
    }


@pytest.mark.parametrize(
    "who",
    ["another CA's responder", "a department", "expired", "not yet", "usage", "signed by nobody", "critical"],
)
def test_nobody_else_may_speak(world: World, who: str) -> None:
    signer = impostors(world)[who]
    answer = load_ocsp(signed_as(world, signer))
    assert world.ask([answer]) == "INDETERMINATE/revocation.responder"


def signed_as(world: World, signer: SoftwareSigner) -> bytes:
    """An answer that ``OCSPResponder`` itself would refuse to give in this signer's name."""
    honest = world.answer().der
    parsed = reference.OCSPResponse.load(honest)
    basic = parsed["response_bytes"]["response"].parsed
    data = basic["tbs_response_data"]
    data["responder_id"] = reference.ResponderId(
        name="by_name", value=data["responder_id"].chosen.load(signer.certificate.subject_name_der)
    )
    tbs = data.dump(force=True)
    return envelope(tbs, signer.sign(tbs), signer.certificate.der)


def envelope(tbs: bytes, signature: bytes, *certificates: bytes) -> bytes:
    algorithm = der.tlv(der.SEQUENCE, der.oid("1.2.156.10197.1.501"))
    some = der.tlv(0xA0, der.tlv(der.SEQUENCE, *certificates)) if certificates else b""
    basic = der.tlv(der.SEQUENCE, tbs, algorithm, der.tlv(der.BIT_STRING, b"\0", signature), some)
    typed = der.tlv(der.SEQUENCE, der.oid("1.3.6.1.5.5.7.48.1.1"), der.tlv(der.OCTET_STRING, basic))
    return der.tlv(der.SEQUENCE, b"\x0a\x01\x00", der.tlv(0xA0, typed))


def test_a_bad_signature(world: World) -> None:
    whole = world.answer()
    other = world.responder.sign(b"something else")
    answer = load_ocsp(envelope(whole.tbs, other, world.responder.certificate.der))
    assert world.ask([answer]) == "INDETERMINATE/revocation.ocsp_signature"


def test_an_answer_without_the_responders_certificate(world: World) -> None:
    whole = world.answer()
    answer = load_ocsp(envelope(whole.tbs, whole.signature))
    assert world.ask([answer]) == "INDETERMINATE/revocation.responder"


def test_a_responder_that_is_to_be_asked_about(world: World) -> None:
    """Without ocsp-nocheck the responder must itself be known not to be revoked, from a list."""
    authority = world.authority
    plain = Profile("ocsp", frozenset({"digital_signature"}), extended_key_usage=("ocsp_signing",))
    signer = authority.issue("asked", plain)
    answer = world.answer(signer=signer)
    assert world.ask([answer]) == "INDETERMINATE/revocation.missing"
    assert world.ask([answer], [crl(authority)]) == "ok"
    gone = Revocation(signer.certificate.serial, MOMENT - 2 * DAY)
    assert world.ask([world.answer(UNKNOWN, signer=signer)], [crl(authority, gone)]) == "ok"  # the list alone speaks


def test_an_answer_about_another_certificate(world: World) -> None:
    other = world.authority.departments[1].certificate.serial
    responder = OCSPResponder(
        world.authority.issuing_ca.certificate,
        world.responder,
        ListedStandings(frozenset({other}), {}),
        lambda: MOMENT,
    )
    assert world.ask([load_ocsp(responder.answer(other, algorithm=SM3))]) == "INDETERMINATE/revocation.missing"


# ---------------------------------------------------------------- lists and answers together


def listed(authority: Authority, days: float, reason: str = "key_compromise", at: float = -1) -> CertificateList:
    entry = Revocation(authority.department.certificate.serial, MOMENT + days * DAY, reason)
    return crl(authority, entry, at=MOMENT + at * DAY)


@pytest.mark.parametrize(
    ("said", "of", "in_list", "expected"),
    [
        # said by the responder, on which day; in the list: (revoked on, reason, list of); asked on day 5
        (Standing(issued=True), 5, None, "ok"),
        (Standing(issued=True), 5, (1, "key_compromise", 4), REVOKED),  # what is revoked for good stays so
        (Standing(issued=True), 3, (1, "key_compromise", 4), REVOKED),
        (Standing(issued=True), 5, (1, "certificate_hold", 4), "ok"),  # the hold was lifted
        (Standing(issued=True), 4.9, (1, "certificate_hold", 5), REVOKED),  # held after the answer
        (revoked(1), 5, None, REVOKED),
        (revoked(1), 4.9, None, REVOKED),  # the list is newer and silent: nobody un-revokes
        (revoked(1, "certificateHold"), 4.9, "silent", "ok"),
        (UNKNOWN, 5, None, IN_DOUBT),  # a list can only say whom it names
        (UNKNOWN, 4.9, "silent", IN_DOUBT),
        (UNKNOWN, 5, (1, "key_compromise", 4), REVOKED),
        (revoked(3), 5, (1, "key_compromise", 4), REVOKED),  # the earlier date counts
    ],
)
def test_weighed_together(world: World, said: Standing, of: float, in_list: Any, expected: str) -> None:
    authority = world.authority
    lists = [crl(authority, at=MOMENT + (5 if in_list == "silent" else 4) * DAY)]
    if isinstance(in_list, tuple):
        lists = [listed(authority, in_list[0], in_list[1], in_list[2])]
    answer = world.answer(said, at=MOMENT + of * DAY)
    assert world.ask([answer], lists, moment=MOMENT + 2 * DAY, known_at=MOMENT + 5 * DAY) == expected


def test_either_alone_is_enough(world: World) -> None:
    stale = forge_crl(world.authority.issuing_ca, this_update=MOMENT - 9 * DAY, next_update=MOMENT - DAY)
    old = world.answer(at=MOMENT - 20 * HOUR)
    fresh_list, fresh = crl(world.authority), world.answer()
    assert world.ask([fresh], [stale]) == "ok"
    assert world.ask([old], [fresh_list]) == "ok"
    assert world.ask([old], [stale]) == "INDETERMINATE/revocation.stale"
    assert world.ask([old]) == "INDETERMINATE/revocation.ocsp_stale"
    assert world.ask([old, fresh]) == "ok"
    assert world.ask([]) == "INDETERMINATE/revocation.missing"


def test_an_expired_certificate_is_spoken_of_no_more(authority: Authority) -> None:
    signer = authority.issue("short", not_before=MOMENT - DAY, not_after=MOMENT + DAY)
    responder = authority.issue("responder", OCSP_RESPONDER, not_after=MOMENT + YEAR)
    standings = ListedStandings(frozenset({signer.certificate.serial}), {})
    late = MOMENT + 3 * DAY
    asked = OCSPResponder(authority.issuing_ca.certificate, responder, standings, lambda: late)
    answer = load_ocsp(asked.answer(signer.certificate.serial, algorithm=SM3))
    path = build_path(signer.certificate, authority.store(), Purpose.SIGNER, MOMENT)
    with pytest.raises(CheckFailed) as met:
        check_revocation(path, (), MOMENT, known_at=late, proved=True, ocsp=[answer])
    assert met.value.code == "revocation.expired_not_listed"


def test_a_silent_source_is_named(world: World) -> None:
    issuer = world.authority.issuing_ca.certificate
    silent = [SilentSource("http://crl.example/x.crl", issuer.subject_name_der, "fetch.timeout", "未应答")]
    others = [SilentSource("http://crl.example/y.crl", b"0", "fetch.timeout", "未应答")]
    assert world.ask([], silent=silent) == "INDETERMINATE/revocation.source_silent"
    assert world.ask([], silent=others) == "INDETERMINATE/revocation.missing"
    assert world.ask([world.answer()], silent=silent) == "ok"  # what is at hand is still good


def test_a_store_brings_answers(world: World) -> None:
    authority = world.authority
    store = authority.store(crls=()).with_ocsp([world.answer()])
    _path, answer = check_certificate(
        authority.department.certificate, store, Purpose.SIGNER, MOMENT, known_at=MOMENT, proved=True
    )
    assert answer.ocsp == store.ocsp and answer.lists == ()
    assert answer.next_update == MOMENT + 12 * HOUR


# ---------------------------------------------------------------- reading


def test_read_as_asn1crypto_reads(world: World) -> None:
    """A second reader, which is not ours, sees the same."""
    answer = world.answer(revoked(-1, "superseded"))
    data = reference.OCSPResponse.load(answer.der).response_data
    single = data["responses"][0]
    assert data["produced_at"].native == answer.produced_at
    assert single["cert_status"].name == "revoked"
    assert single["cert_status"].chosen["revocation_reason"].native == "superseded"
    assert single["this_update"].native == answer.answers[0].this_update
    assert single["next_update"].native == answer.answers[0].next_update
    assert single["cert_id"]["serial_number"].native == answer.answers[0].subject.serial
    assert answer.answers[0].status is Status.REVOKED


def test_our_request_as_asn1crypto_reads_it(authority: Authority) -> None:
    certificate, issuer = authority.department.certificate, authority.issuing_ca.certificate
    request = reference.OCSPRequest.load(build_ocsp_request(certificate, issuer, nonce=b"n" * 32), strict=True)
    assert request.nonce_value.native == b"n" * 32
    one = request["tbs_request"]["request_list"][0]["req_cert"]
    assert one["serial_number"].native == certificate.serial
    assert one["hash_algorithm"]["algorithm"].native == "sm3"


@pytest.mark.parametrize(("status", "word"), [(1, "malformedRequest"), (3, "tryLater"), (6, "unauthorized")])
def test_a_refusal_is_not_an_answer(status: int, word: str) -> None:
    with pytest.raises(Unavailable, match=word) as met:
        load_ocsp(b"\x30\x03\x0a\x01" + bytes((status,)))
    assert met.value.code == "ocsp.refused"


@given(data=st.data())
def test_damage_is_malformed_and_nothing_else(data: st.DataObject) -> None:
    whole = _whole()
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[position] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([bytes(changed), whole[:position], whole + bytes(changed[:5])]))
    with suppress(Malformed, Unavailable):
        load_ocsp(cut)


@given(st.binary(max_size=80))
def test_noise_is_malformed(noise: bytes) -> None:
    with pytest.raises((Malformed, Unavailable)):
        load_ocsp(noise)


def test_too_large() -> None:
    with pytest.raises(Malformed, match="too large"):
        load_ocsp(bytes(1 << 19))


def _whole() -> bytes:
    authority = make_authority()
    key = "ocsp-whole"
    if key not in authority._stores:
        answer = World(authority, authority.issuing_ca).answer(revoked(-1))
        authority._stores[key] = authority.store().with_ocsp([answer])
    return authority._stores[key].ocsp[0].der
