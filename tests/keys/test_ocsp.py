"""The built-in responder: every request gets an answer; strangers read it."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.authority import OCSP_RESPONDER
from keys.ocsp import MAX_ASKED, ListedStandings, OCSPResponder, Standing
from keys.software import save_key
from tests.authority import DAY, MOMENT, Authority, make_authority
from tests.keys.openssl import DISTID, needs_openssl, openssl, read
from trust import der
from trust.algorithms import SHA1, SHA256, SM3
from trust.crl import Revoked, load_crl
from trust.errors import Refused, Unavailable
from trust.ocsp import CertID, Status, build_ocsp_request, check_responder, encode_cert_id, issuer_digests, load_ocsp
from trust.revocation import crl_signed_by


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


def make_responder(authority: Authority, standings: object = None, **options: object) -> OCSPResponder:
    issued = frozenset(signer.certificate.serial for signer in authority.departments)
    options.setdefault("clock", lambda: MOMENT)
    return OCSPResponder(
        authority.issuing_ca.certificate,
        options.pop("signer", None) or authority.issue("在线状态服务", OCSP_RESPONDER),  # type: ignore[arg-type]
        standings or ListedStandings(issued, {}),  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def responder(authority: Authority) -> OCSPResponder:
    return make_responder(authority)


def request(authority: Authority, **options: object) -> bytes:
    return build_ocsp_request(authority.department.certificate, authority.issuing_ca.certificate, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", [SM3, SHA1, SHA256])
@pytest.mark.parametrize("nonce", [None, b"n" * 16, b"n" * 32])
def test_asked_and_answered(
    authority: Authority, responder: OCSPResponder, algorithm: str, nonce: bytes | None
) -> None:
    answer = load_ocsp(responder.respond(request(authority, algorithm=algorithm, nonce=nonce)))
    said = answer.about(authority.department.certificate, authority.issuing_ca.certificate)
    assert said is not None and said.status is Status.GOOD and answer.nonce == nonce
    assert said.next_update == MOMENT + timedelta(hours=12)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(issued=False), (Status.UNKNOWN, None)),
        (Standing(issued=True), (Status.GOOD, None)),
        (Standing(True, Revoked(MOMENT - DAY, "keyCompromise")), (Status.REVOKED, "keyCompromise")),
        (Standing(True, Revoked(MOMENT - DAY, None)), (Status.REVOKED, None)),
        (Standing(True, Revoked(MOMENT + DAY, "superseded")), (Status.GOOD, None)),  # not yet
        (Standing(True, Revoked(MOMENT + DAY, "keyCompromise", MOMENT - DAY)), (Status.REVOKED, "keyCompromise")),
        (Standing(True, Revoked(MOMENT - DAY, "removeFromCRL")), (Status.GOOD, None)),
        (Standing(False, Revoked(MOMENT - DAY, "keyCompromise")), (Status.UNKNOWN, None)),
    ],
)
def test_standings(authority: Authority, standing: Standing, expected: tuple[Status, str | None]) -> None:
    class Said:
        def standing(self, serial: int) -> Standing:
            return standing

    answer = load_ocsp(make_responder(authority, Said()).respond(request(authority)))
    status, revoked = answer.answers[0].status, answer.answers[0].revoked
    assert (status, revoked.reason if revoked else None) == expected
    if revoked and standing.revoked:
        assert revoked.effective == standing.revoked.effective


def refusal(answer: bytes) -> str:
    with pytest.raises(Unavailable) as met:
        load_ocsp(answer)
    return str(met.value.params["status"])


def test_what_is_not_answered(authority: Authority, responder: OCSPResponder) -> None:
    other = build_ocsp_request(authority.seal_maker.certificate, authority.ca("seal-ca").certificate)
    assert refusal(responder.respond(other)) == "unauthorized"
    assert refusal(responder.respond(b"")) == "malformedRequest"
    assert refusal(responder.respond(bytes(1 << 17))) == "malformedRequest"
    assert refusal(responder.respond(request(authority, algorithm="1.2.3"))) == "malformedRequest"
    assert refusal(responder.respond(request(authority, nonce=b"n" * 129))) == "malformedRequest"
    assert refusal(responder.respond(request(authority, nonce=b""))) == "malformedRequest"


def test_many_asked_at_once(authority: Authority, responder: OCSPResponder) -> None:
    names = issuer_digests(
        authority.issuing_ca.certificate.subject_name_der, authority.issuing_ca.certificate.point or b"", SM3
    )

    def asking(count: int) -> bytes:
        asked = (der.tlv(der.SEQUENCE, encode_cert_id(CertID(SM3, *names, serial))) for serial in range(1, count + 1))
        return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, *asked)))

    assert len(load_ocsp(responder.respond(asking(MAX_ASKED))).answers) == MAX_ASKED
    assert refusal(responder.respond(asking(MAX_ASKED + 1))) == "malformedRequest"
    assert refusal(responder.respond(asking(0))) == "malformedRequest"


def test_a_register_that_is_away(authority: Authority) -> None:
    class Away:
        def standing(self, serial: int) -> Standing:
            raise Unavailable("register.away", "登记库不可用。")

    assert refusal(make_responder(authority, Away()).respond(request(authority))) == "tryLater"


def test_outside_its_validity(authority: Authority) -> None:
    late = make_responder(authority, clock=lambda: MOMENT + 4000 * DAY)
    assert refusal(late.respond(request(authority))) == "tryLater"
    with pytest.raises(Unavailable) as met:
        late.answer(1, algorithm=SM3)
    assert met.value.code == "ocsp.not_valid"


def test_who_may_not_be_a_responder(authority: Authority) -> None:
    for signer in (authority.department, authority.tsa, authority.issue("x", OCSP_RESPONDER, ca="seal-ca")):
        with pytest.raises(Refused) as met:
            make_responder(authority, signer=signer)
        assert met.value.code == "ocsp.not_a_responder"


@given(st.data())
def test_a_damaged_request_is_answered_too(data: st.DataObject) -> None:
    authority = make_authority()
    responder = make_responder(authority, signer=authority.issuing_ca)
    asked = bytearray(request(authority, nonce=b"n" * 16))
    asked[data.draw(st.integers(0, len(asked) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(Unavailable):  # a refusal; an answer we could not read would be Malformed
        load_ocsp(responder.respond(bytes(asked)))


# ---------------------------------------------------------------- the openssl command line


@needs_openssl
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sm3"])
def test_openssl_asks_and_reads(tmp_path: Path, authority: Authority, digest: str) -> None:
    """openssl makes the request, reads our answer, finds its own nonce and certificate in it.

    It cannot verify the signature itself: ``openssl ocsp`` gives no way to name the SM2 user ID, and checks without
    one (3.0). So the signature is verified by ``openssl dgst`` over the signed octets, with the ID named.
    """
    (tmp_path / "ca.pem").write_bytes(authority.issuing_ca.certificate.to_pem())
    (tmp_path / "d.pem").write_bytes(authority.department.certificate.to_pem())
    named = (f"-{digest}", "-issuer", tmp_path / "ca.pem", "-cert", tmp_path / "d.pem")
    openssl("ocsp", *named, "-reqout", tmp_path / "q.der")
    responder = make_responder(authority)
    answer = responder.respond((tmp_path / "q.der").read_bytes())
    (tmp_path / "r.der").write_bytes(answer)
    text = read("ocsp", "-respin", tmp_path / "r.der", *named, "-noverify", "-no_nonce", "-resp_text")
    assert re.search(r"d\.pem: good", text) and "SM2-with-SM3" in text and "OCSP No Check" in text
    asked = read("ocsp", "-reqin", tmp_path / "q.der", "-req_text")
    [nonce] = re.findall(r"OCSP Nonce:\s+0410(\w{32})", asked)
    parsed = load_ocsp(answer)
    assert parsed.nonce is not None and parsed.nonce.hex().upper() == nonce
    _verified_by_openssl(tmp_path, responder.signer.certificate.to_pem(), parsed.tbs, parsed.signature)


@needs_openssl
def test_openssl_reads_a_revocation(tmp_path: Path, authority: Authority) -> None:
    serial = authority.department.certificate.serial
    entry = Revoked(MOMENT - DAY, "keyCompromise", MOMENT - 2 * DAY)
    responder = make_responder(authority, ListedStandings(frozenset({serial}), {serial: entry}))
    (tmp_path / "r.der").write_bytes(responder.respond(request(authority, nonce=b"n" * 16)))
    text = read("ocsp", "-respin", tmp_path / "r.der", "-noverify", "-resp_text")
    assert "Cert Status: revoked" in text and "keyCompromise" in text and "Invalidity Date" in text


@needs_openssl
def test_openssl_reads_our_request(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "q.der").write_bytes(request(authority, nonce=b"n" * 16))
    text = read("ocsp", "-reqin", tmp_path / "q.der", "-req_text")
    assert f"Serial Number: {authority.department.certificate.serial:032X}" in text and "6E6E6E6E" in text


@needs_openssl
def test_what_openssl_answers_and_lists_is_believed(tmp_path: Path, authority: Authority) -> None:
    """The other way round: an OCSP answer and a CRL made by openssl with the CA's key hold before our eyes."""
    ca, certificate = authority.issuing_ca, authority.department.certificate
    (tmp_path / "ca.pem").write_bytes(ca.certificate.to_pem())
    (tmp_path / "d.pem").write_bytes(certificate.to_pem())
    (tmp_path / "ca.key").write_bytes(save_key(ca.key, b"p", iterations=1))
    other = authority.departments[1].certificate.serial
    (tmp_path / "index.txt").write_text(
        f"V\t400101000000Z\t\t{certificate.serial:X}\tunknown\t/CN=x\n"
        f"R\t400101000000Z\t250101000000Z,keyCompromise\t{other:X}\tunknown\t/CN=y\n"
    )
    (tmp_path / "crlnumber").write_text("07\n")
    (tmp_path / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={tmp_path}/index.txt\ncrlnumber={tmp_path}/crlnumber\n"
        "default_md=sm3\ndefault_crl_days=3\n"
    )
    openssl("ocsp", "-sm3", "-issuer", tmp_path / "ca.pem", "-cert", tmp_path / "d.pem", "-reqout", tmp_path / "q.der")
    openssl("ocsp", "-index", tmp_path / "index.txt", "-CA", tmp_path / "ca.pem", "-rsigner", tmp_path / "ca.pem",
            "-rkey", tmp_path / "ca.key", "-passin", "pass:p", "-rmd", "sm3", "-rsigopt", DISTID,
            "-reqin", tmp_path / "q.der", "-respout", tmp_path / "r.der", "-ndays", "1")  # fmt: skip
    openssl("ca", "-config", tmp_path / "ca.cnf", "-gencrl", "-cert", tmp_path / "ca.pem", "-keyfile",
            tmp_path / "ca.key", "-passin", "pass:p", "-sigopt", DISTID, "-out", tmp_path / "l.crl")  # fmt: skip
    answer, crl = load_ocsp((tmp_path / "r.der").read_bytes()), load_crl((tmp_path / "l.crl").read_bytes())
    assert check_responder(answer, ca.certificate, known_at=answer.produced_at) == ca.certificate
    said = answer.about(certificate, ca.certificate)
    assert said is not None and said.status is Status.GOOD and answer.nonce
    assert crl_signed_by(ca.certificate, crl) and crl.number == 7
    assert crl.revoked[other].reason == "keyCompromise"


def _verified_by_openssl(folder: Path, certificate: bytes, data: bytes, signature: bytes) -> None:
    (folder / "c.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(openssl("x509", "-in", folder / "c.pem", "-noout", "-pubkey"))
    (folder / "tbs").write_bytes(data)
    (folder / "sig").write_bytes(signature)
    options = ("-sm3", "-verify", folder / "key.pem", "-sigopt", DISTID, "-signature", folder / "sig")
    assert b"Verified OK" in openssl("dgst", *options, folder / "tbs")
