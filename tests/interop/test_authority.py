"""The ``openssl`` command line reads what our authorities issue, and speaks to our time-stamp authority."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from keys.software import generate_key, load_key, save_key
from tests.interop.programs import OpenSSL
from trust.identifiers import credit_code_check_char
from trust.sm2 import load_public_key

FIRST_17 = "11990000MB0X00001"
DISTID = "distid:1234567812345678"


@pytest.fixture(scope="module")
def authority() -> DemonstrationAuthority:
    code = FIRST_17 + credit_code_check_char(FIRST_17)
    return make_demonstration_authority("演示省", "990000", datetime.now(UTC).replace(microsecond=0), [("演示省某局", code)])


def test_every_chain_verifies(authority: DemonstrationAuthority, openssl: OpenSSL) -> None:
    known = [authority.root.certificate.der, *(c.der for c in authority.ca_certificates)]
    for name, signer in authority.signers().items():
        assert openssl.check_chain(signer.certificate.der, known)[-1] == authority.root.certificate.der, name


def test_certificates_say_what_they_are_for(authority: DemonstrationAuthority, openssl: OpenSSL) -> None:
    text = openssl("x509", "-inform", "DER", "-noout", "-text", "-nameopt", "utf8", data=authority.tsa.certificate.der).decode()
    assert "SM2-with-SM3" in text
    assert re.search(r"Extended Key Usage: critical\s+Time Stamping", text)
    assert "DEMO" in text


def test_crls_are_signed_by_their_issuers(authority: DemonstrationAuthority, openssl: OpenSSL) -> None:
    """CRL SEQ{TBS, algorithm, BIT STRING}, signed as everything else is."""
    certificates = {authority.root.certificate.der, *(c.der for c in authority.ca_certificates)}
    assert authority.crls
    for crl in authority.crls:
        assert b"Next Update" in openssl("crl", "-inform", "DER", "-noout", "-text", data=crl)
        outer = openssl.parse(crl)
        assert any(openssl.verifies(c, outer[2].content, outer[0].whole) for c in certificates)


@pytest.mark.parametrize("options", [[], ["-cert"], ["-no_nonce"]])
def test_a_time_stamp_query_of_openssl_is_answered(
    options: list[str], authority: DemonstrationAuthority, openssl: OpenSSL
) -> None:
    data = openssl.write("data.bin", b"some document")
    openssl("ts", "-query", "-data", data, "-sm3", *options, "-out", "query.tsq")
    answer = authority.timestamp_authority().respond((openssl.folder / "query.tsq").read_bytes())
    text = openssl("ts", "-reply", "-in", openssl.write("answer.tsr", answer), "-text").decode()
    assert "Status: Granted" in text
    assert "Hash Algorithm: sm3" in text
    assert ("Nonce: unspecified" in text) == ("-no_nonce" in options)


def test_openssl_and_we_share_keys_and_signatures(openssl: OpenSSL) -> None:
    """A key made here signs there, and the other way round."""
    ours = generate_key()
    openssl.write("ours.pem", save_key(ours, b"a passphrase"))
    data = openssl.write("data.bin", b"what is signed")
    openssl("dgst", "-sm3", "-sign", "ours.pem", "-passin", "pass:a passphrase", "-sigopt", DISTID, "-out", "theirs.sig", data)
    assert ours.public_key.verify((openssl.folder / "theirs.sig").read_bytes(), data.read_bytes())

    openssl("genpkey", "-algorithm", "SM2", "-aes-256-cbc", "-pass", "pass:another one", "-out", "made.pem")
    made = load_key((openssl.folder / "made.pem").read_bytes(), b"another one")
    openssl("pkey", "-in", "made.pem", "-passin", "pass:another one", "-pubout", "-out", "public.pem")
    openssl.write("ours.sig", made.sign(b"what is signed"))
    said = openssl("dgst", "-sm3", "-verify", "public.pem", "-sigopt", DISTID, "-signature", "ours.sig", data)
    assert b"Verified OK" in said
    assert load_public_key(made.public_key.point).verify((openssl.folder / "ours.sig").read_bytes(), b"what is signed")
