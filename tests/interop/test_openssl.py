"""The ``openssl`` command line alone confirms digests, dataHash, signature values, chains and the time stamp."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.conftest import Issued
from tests.interop.programs import DER, OpenSSL, sample
from tests.interop.reading import Reading

MADE_BY_OTHERS = ["SESV4SignDoc.ofd", "V4RideRight.ofd", "allprotected.ofd"]


def signed_value(reading: Reading, signature: str) -> bytes:
    return reading.entries[reading.one(signature, ".//{*}SignedValue")]


def check_digests(reading: Reading, openssl: OpenSSL) -> None:
    for signature in reading.signatures:
        references = reading.references(signature)
        assert len(references) >= 2
        for name, digest in references:
            assert openssl.sm3(reading.entries[name]) == digest, name


def check_values(reading: Reading, openssl: OpenSSL) -> None:
    """SES V4: outer SEQ{TBS, OCTET certificate, OID, BIT STRING, [0]}; TBS SEQ{INT, seal, time, BIT STRING hash, path}."""
    for signature in reading.signatures:
        outer = openssl.parse(signed_value(reading, signature))
        tbs, signer, value = outer[0], outer[1].content, outer[3].content
        seal = tbs[1]
        assert tbs[3].content == openssl.sm3(reading.entries[signature]), "dataHash"
        assert tbs[4].content.decode() == "/" + signature, "propertyInfo"
        assert openssl.verifies(signer, value, tbs.whole), "signer's signature over the TBS"
        assert openssl.verifies(seal[1].content, seal[3].content, seal[0].whole), "maker's signature over the seal"
        assert not openssl.verifies(signer, value, tbs.whole[:-1] + b"\x00"), "a changed TBS must not verify"
        assert not openssl.verifies(signer, value, tbs.whole, user_id="someone else"), "another user ID must not verify"


@pytest.mark.parametrize("name", MADE_BY_OTHERS)
def test_the_harness_agrees_with_files_of_others(name: str, openssl: OpenSSL) -> None:
    reading = Reading(sample(name))
    check_digests(reading, openssl)
    check_values(reading, openssl)


def test_digests(issued: Issued, openssl: OpenSSL) -> None:
    check_digests(issued.reading, openssl)


def test_signature_values(issued: Issued, openssl: OpenSSL) -> None:
    check_values(issued.reading, openssl)


def test_everything_but_the_signature_itself_is_referenced(issued: Issued) -> None:
    reading = issued.reading
    [signature] = reading.signatures
    folder = signature.rpartition("/")[0]
    own = {reading.one("OFD.xml", ".//{*}Signatures"), signature, reading.one(signature, ".//{*}SignedValue")}
    assert {name for name, _ in reading.references(signature)} == set(reading.entries) - own
    assert own <= {"Doc_0/Signs/Signatures.xml", f"{folder}/Signature.xml", f"{folder}/SignedValue.dat"}


def test_the_seal_beside_is_the_seal_inside(issued: Issued, openssl: OpenSSL) -> None:
    reading = issued.reading
    [signature] = reading.signatures
    outer = openssl.parse(signed_value(reading, signature))
    assert reading.entries[reading.one(signature, ".//{*}Seal/{*}BaseLoc")] == outer[0][1].whole


def certificates_of(region: Path, openssl: OpenSSL) -> list[bytes]:
    """Every certificate in the region's trust folder, as DER."""
    found = []
    for path in sorted(region.rglob("*")):
        if path.suffix in {".cer", ".crt", ".der", ".pem"} and b"BEGIN CERTIFICATE" in (data := path.read_bytes()):
            for block in re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", data, re.DOTALL):
                found.append(openssl("x509", "-outform", "DER", data=block))
        elif path.suffix in {".cer", ".crt", ".der"}:
            found.append(path.read_bytes())
    return list(dict.fromkeys(found))


def test_chains_lead_to_a_root(issued: Issued, region: Path, openssl: OpenSSL) -> None:
    """Signer → its authority → root, and the seal maker's chain as well, by ``openssl verify``."""
    reading = issued.reading
    [signature] = reading.signatures
    outer = openssl.parse(signed_value(reading, signature))
    known = certificates_of(region, openssl)
    for certificate in (outer[1].content, outer[0][1][1].content):
        assert len(openssl.check_chain(certificate, known)) == 3


def token_of(reading: Reading, openssl: OpenSSL) -> tuple[bytes, bytes]:
    """``(signature octets, time-stamp token)`` of the only signature."""
    [signature] = reading.signatures
    outer = openssl.parse(signed_value(reading, signature))
    assert len(outer.children) == 5, "no time stamp"
    return outer[3].content, outer[4][0].content


def test_openssl_reads_the_time_stamp(issued: Issued, openssl: OpenSSL) -> None:
    _, token = token_of(issued.reading, openssl)
    said = openssl("ts", "-reply", "-token_in", "-in", openssl.write("token.der", token), "-text").decode()
    assert "Hash Algorithm: sm3" in said
    assert re.search(r"Time stamp: .* GMT", said)


def find(node: DER, test: object) -> list[DER]:
    """Every value below ``node``, itself included, that passes ``test``."""
    own = [node] if test(node) else []  # type: ignore[operator]
    return own + [hit for child in node.children for hit in find(child, test)]


def test_the_time_stamp_is_over_the_signature_and_signed(issued: Issued, openssl: OpenSSL) -> None:
    """``openssl ts -verify`` gives SM2 no user ID and so cannot judge this token: the same steps by hand."""
    value, token = token_of(issued.reading, openssl)
    signed_data = openssl.parse(token)[1][0]
    content = signed_data[2][1][0].content
    info = openssl.parse(content)
    assert info[2][1].content == openssl.sm3(value), "the imprint is SM3 of the signature's octets"
    signer_info = [c for c in signed_data.children if c.kind == "SET"][-1][0]
    attributes = next(c for c in signer_info.children if c.kind == "cont [ 0 ]")
    assert openssl.sm3(content) in [hit.content for hit in find(attributes, lambda n: n.kind == "OCTET STRING")]
    signature = [c for c in signer_info.children if c.kind == "OCTET STRING"][-1].content
    certificates = next(c for c in signed_data.children if c.kind == "cont [ 0 ]")
    signed = b"\x31" + attributes.whole[1:]
    assert any(openssl.verifies(c.whole, signature, signed) for c in certificates.children)


def test_openssl_opens_a_key_file_with_the_passphrase(region: Path, openssl: OpenSSL) -> None:
    """PKCS#8 with PBES2: the keys are not captive."""
    keys = sorted((region / "keys").glob("*.key.pem"))
    assert keys
    passphrase = region / "keys" / "passphrase"
    text = openssl("pkey", "-in", keys[0], "-passin", f"file:{passphrase}", "-noout", "-text").decode()
    assert "SM2" in text.upper()
    assert b"ENCRYPTED" in keys[0].read_bytes()
    openssl("pkey", "-in", keys[0], "-passin", "pass:wrong", "-noout", expect=1)
