"""数字签名 (Type=Sign, GB/T 35275): both layouts, made here byte by byte, and what can be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from keys.software import SoftwareSigner
from seal import cms
from seal.ofd.signatures import ListedSignature, build_signature_xml, build_signatures_xml
from tests.verify import cases, world
from tests.verify.world import NOW, SIGNED
from trust import der
from trust.algorithms import SM2_WITH_SM3, SM3, sm3
from trust.errors import Malformed
from trust.sm2 import der_to_raw
from verify.checks import written_time
from verify.report import Report
from verify.verifier import Verifier

CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{n}" for n in (3, 4, 5))
FOLDER = "Doc_0/Signs/Sign_1"


@dataclass(frozen=True)
class Recipe:
    """How the value is made; the defaults make an honest one with attributes."""

    signer: str = "other"
    attributes: bool = True
    attached: bool = False
    """The digest of Signature.xml stands inside as content."""
    certificate: bool = True
    digest: str = ""
    """Hex of another messageDigest or content."""
    algorithm: str = "1.2.156.10197.1.301.1"
    digest_algorithm: str = SM3
    raw: bool = False
    signers: int = 1
    outer: str = cms.SIGNED_DATA
    time: datetime = SIGNED
    broken: bool = False


def build(xml: bytes, recipe: Recipe) -> bytes:
    """SignedData over ``xml``."""
    signer = world.person(recipe.signer)
    digest = bytes.fromhex(recipe.digest) or sm3(xml)
    info = [der.oid(cms.DATA_TYPES[0 if recipe.attached else 1])]
    if recipe.attached:
        info.append(der.tlv(der.CONTEXT_0, der.tlv(der.OCTET_STRING, digest)))
    certificates = der.tlv(der.CONTEXT_0, signer.certificate.der) if recipe.certificate else b""
    one = _signer_info(signer, digest, xml, recipe)
    digests = der.tlv(der.SET, der.tlv(der.SEQUENCE, der.oid(SM3), der.NULL))
    body = der.tlv(
        der.SEQUENCE,
        der.integer(1),
        digests,
        der.tlv(der.SEQUENCE, *info),
        certificates,
        der.tlv(der.SET, *[one] * recipe.signers),
    )
    return der.tlv(der.SEQUENCE, der.oid(recipe.outer), der.tlv(der.CONTEXT_0, body))


def _signer_info(signer: SoftwareSigner, digest: bytes, xml: bytes, recipe: Recipe) -> bytes:
    attributes = _attributes(digest, recipe.time) if recipe.attributes else b""
    signed = b"\x31" + attributes[1:] if attributes else digest if recipe.attached else xml
    value = signer.sign(signed + b"x" * recipe.broken)
    name = der.tlv(der.SEQUENCE, signer.certificate.issuer_name_der, der.integer(signer.certificate.serial))
    return der.tlv(
        der.SEQUENCE,
        der.integer(1),
        name,
        der.tlv(der.SEQUENCE, der.oid(recipe.digest_algorithm), der.NULL),
        attributes,
        der.tlv(der.SEQUENCE, der.oid(recipe.algorithm), der.NULL),
        der.tlv(der.OCTET_STRING, der_to_raw(value) if recipe.raw else value),
    )


def _attributes(digest: bytes, time: datetime) -> bytes:
    def attribute(oid: str, value: bytes) -> bytes:
        return der.tlv(der.SEQUENCE, der.oid(oid), der.tlv(der.SET, value))

    stated = der.tlv(0x17, f"{time:%y%m%d%H%M%SZ}".encode())
    return der.tlv(
        der.CONTEXT_0,
        attribute(CONTENT_TYPE, der.oid(cms.DATA_TYPES[0])),
        attribute(MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, digest)),
        attribute(SIGNING_TIME, stated),
    )


def signed(recipe: Recipe) -> bytes:
    """Our sealed licence with a digital signature of another department over all of it."""
    entries = world.seal_again(world.plain_entries(), [world.SignatureRecipe()])
    references = [(f"/{name}", sm3(data)) for name, data in entries.items() if name != world.SIGNATURES]
    xml = build_signature_xml(references, [], signed_at=SIGNED, signed_value_loc=f"/{FOLDER}/SignedValue.dat")
    entries |= {f"{FOLDER}/Signature.xml": xml, f"{FOLDER}/SignedValue.dat": build(xml, recipe)}
    rows = [("s001", "Seal", "/Doc_0/Signs/Sign_0/Signature.xml"), ("s003", "Sign", f"/{FOLDER}/Signature.xml")]
    entries[world.SIGNATURES] = build_signatures_xml([ListedSignature(*row) for row in rows], "s003")
    return world.pack(entries)


def verify(recipe: Recipe) -> Report:
    return Verifier(world.authority().store(), lambda: NOW).verify(signed(recipe))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(attached=True),
        Recipe(attributes=False, attached=True, algorithm=SM2_WITH_SM3),
        Recipe(attributes=False, attached=True, raw=True),
        Recipe(attributes=False),
    ],
)
def test_honest_layouts_pass(recipe: Recipe) -> None:
    report = verify(recipe)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    second = report.signatures[1]
    assert (second.kind, second.structure, second.signer) == ("signature", "GBT-35275", "演示省教育厅")
    assert second.time == SIGNED and not second.time_proved
    assert ("signature.raw_value" in {f.code for f in second.findings}) == recipe.raw


@pytest.mark.parametrize(
    ("recipe", "sub", "code"),
    [
        (Recipe(broken=True), "SIG_CRYPTO_FAILURE", "signature.value"),
        (Recipe(digest="00" * 32), "HASH_FAILURE", "signature.data_hash"),
        (Recipe(digest="00" * 32, attributes=False, attached=True), "HASH_FAILURE", "signature.data_hash"),
        (Recipe(certificate=False), "NO_SIGNING_CERTIFICATE_FOUND", "signature.no_certificate"),
        (Recipe(signers=2), "FORMAT_FAILURE", "signature.signers"),
        (Recipe(signers=0), "FORMAT_FAILURE", "signature.signers"),
        (Recipe(algorithm="1.2.840.113549.1.1.11"), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "signature.algorithm"),
        (Recipe(digest_algorithm="1.3.14.3.2.26"), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "signature.algorithm"),
        (Recipe(outer="1.2.3.4"), "FORMAT_FAILURE", "cms.malformed"),
        (Recipe(signer="stranger"), "NO_CERTIFICATE_CHAIN_FOUND", "certificate.unknown_issuer"),
        (Recipe(signer="expired"), "EXPIRED", "certificate.not_valid_when_signed"),
        (Recipe(time=datetime(2027, 1, 1, tzinfo=UTC)), "SIG_CONSTRAINTS_FAILURE", "time.in_future"),
    ],
)
def test_what_is_wrong_is_named(recipe: Recipe, sub: str, code: str) -> None:
    report = verify(recipe)
    assert str(report.indication) != "TOTAL-PASSED"
    assert report.sub_indication == sub, cases.codes(report)
    assert code in {f.code for f in report.signatures[1].findings}
    assert str(report.signatures[0].indication) == "TOTAL-PASSED"


def test_rubbish_is_malformed() -> None:
    good = build(b"<x/>", Recipe())
    for data in (b"", b"\x30", good[:-1], good + b"\x00", b"\x30\x80\x00\x00", good.replace(b"\xa0", b"\xa1")):
        with pytest.raises(Malformed, match="GB/T 35275"):
            cms.parse_signed_data(data)


def test_any_changed_byte_of_the_value_is_survived() -> None:
    good = build(b"<x/>", Recipe())
    for where in range(len(good)):
        try:
            cms.parse_signed_data(good[:where] + bytes((good[where] ^ 0x55,)) + good[where + 1 :])
        except Malformed:
            continue


def test_bare_values_are_recognised() -> None:
    value = world.person("department").sign(b"x")
    assert cms.is_bare_signature(value) and cms.is_bare_signature(der_to_raw(value))
    assert not cms.is_bare_signature(build(b"<x/>", replace(Recipe(), signers=1)))


def test_a_time_at_the_edge_of_the_calendar_is_no_time() -> None:
    """SignatureDateTime is free text of a stranger: the first Beijing day has no name in UTC."""
    assert written_time("0001-01-01 00:00:00") is None
    assert written_time("9999-12-31T23:59:59Z") is not None


def test_a_flood_of_elements_is_refused_at_once() -> None:
    flood = der.tlv(der.SEQUENCE, der.NULL * 400_000)
    assert not cms.is_bare_signature(flood)
    with pytest.raises(Malformed, match="256|255"):
        cms.parse_signed_data(flood)
    with pytest.raises(Malformed):
        cms.parse_signed_data(der.tlv(der.SEQUENCE, der.NULL * 4_000_000))
