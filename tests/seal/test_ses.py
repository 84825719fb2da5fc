"""SES structures: written as the standard says, read as the field writes, never surprised."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal.ofd.package import open_package
from seal.ses import (
    Extension,
    build_seal,
    build_seal_info,
    build_signature,
    build_tbs,
    parse_seal,
    parse_signature,
)
from tests.seal.conftest import sample
from trust import der
from trust.algorithms import sm3
from trust.certificates import load_certificate
from trust.der import tlv
from trust.errors import Malformed
from trust.sm2 import signature_from_raw

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXTENSION = Extension("1.2.3.4", False, b"value")
OID = der.oid("1.2.156.10197.1.501")


def info(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "seal_id": "99000000000001",
        "name": "演示印章",
        "type": 1,
        "certificates": (b"certificate one", b"two"),
        "created": MADE,
        "valid_from": MADE,
        "valid_to": MADE + timedelta(days=365),
        "picture": b"\x89PNG",
        "width": 42,
        "height": 40,
    }
    return build_seal_info(**(values | changes))


SEAL = build_seal(info(extensions=(EXTENSION,)), b"maker", b"maker signature")
TBS = build_tbs(SEAL, MADE, b"\xaa" * 32, "/Doc_0/Signs/Sign_0/Signature.xml", (EXTENSION,))
SIGNATURE = build_signature(TBS, b"certificate one", b"signature", b"token")


# ---------------------------------------------------------------- written form


def parts(data: bytes) -> list[bytes]:
    """The elements right inside a constructed one, each whole."""
    tag, body, end = der.read_tlv(data)
    assert tag & 0x20 and end == len(data)
    found, offset = [], 0
    while offset < len(body):
        _, _, after = der.read_tlv(body, offset)
        found.append(body[offset:after])
        offset = after
    return found


def test_seal_is_written_as_the_standard_says() -> None:
    seal = parts(SEAL)
    assert [part[0] for part in seal] == [0x30, 0x04, 0x06, 0x03]
    header, seal_id, property_, picture, extensions = parts(seal[0])
    assert header == tlv(0x30, b"\x16\x02ES", b"\x02\x01\x04", tlv(0x16, b"LICENCE-TRUST"))
    assert seal_id[0] == 0x16
    assert [part[0] for part in parts(property_)] == [0x02, 0x0C, 0x02, 0x30, 0x18, 0x18, 0x18]
    assert [part[0] for part in parts(parts(property_)[3])] == [0x04, 0x04]
    assert parts(property_)[4] == b"\x18\x0f20260102030405Z"
    assert [part[0] for part in parts(picture)] == [0x16, 0x04, 0x02, 0x02]
    # extDatas untagged, critical stated although it is the default
    assert extensions == tlv(0x30, tlv(0x30, der.oid("1.2.3.4"), b"\x01\x01\x00", b"\x04\x05value"))


def test_signature_is_written_as_the_standard_says() -> None:
    tbs, certificate, algorithm, value, timestamp = parts(SIGNATURE)
    assert tbs == TBS and certificate == tlv(4, b"certificate one") and algorithm == OID
    assert value == b"\x03\x0a\x00signature"
    assert timestamp == tlv(0xA0, b"\x03\x06\x00token")
    version, seal, time, data_hash, path, extensions = parts(tbs)
    assert version == b"\x02\x01\x04" and seal == SEAL and time == b"\x18\x0f20260102030405Z"
    assert data_hash == b"\x03\x21\x00" + b"\xaa" * 32
    assert path == tlv(0x16, b"/Doc_0/Signs/Sign_0/Signature.xml")
    assert extensions[0] == 0xA0 and parts(extensions)[0][0] == 0x30


def test_optional_parts_are_left_out() -> None:
    seal = build_seal(info(), b"m", b"s")
    assert len(parts(parts(seal)[0])) == 4
    tbs = build_tbs(seal, MADE, bytes(32), "/x")
    assert len(parts(tbs)) == 5 and len(parts(build_signature(tbs, b"c", b"s"))) == 4
    assert parse_signature(build_signature(tbs, b"c", b"s")).timestamp is None


def test_what_was_written_reads_back() -> None:
    signature = parse_signature(SIGNATURE)
    seal = signature.seal
    assert (signature.structure, signature.version, seal.structure, seal.version) == ("SES-V4", 4, "SES-V4", 4)
    assert (seal.seal_id, seal.name, seal.type) == ("99000000000001", "演示印章", 1)
    assert seal.certificates == (b"certificate one", b"two") and seal.certificate_digests == ()
    assert (seal.created, seal.valid_from, seal.valid_to) == (MADE, MADE, MADE + timedelta(days=365))
    assert (seal.picture_type, seal.picture, seal.width, seal.height) == ("png", b"\x89PNG", 42, 40)
    assert seal.extensions == signature.extensions == (EXTENSION,)
    assert (seal.maker_certificate, seal.signature) == (b"maker", b"maker signature")
    assert seal.signed == seal.info_der == parts(SEAL)[0] and seal.der == SEAL
    assert signature.tbs_der == TBS and signature.der == SIGNATURE
    assert (signature.data_hash, signature.property_info) == (b"\xaa" * 32, "/Doc_0/Signs/Sign_0/Signature.xml")
    assert (signature.signer_certificate, signature.signature) == (b"certificate one", b"signature")
    assert signature.timestamp == b"token" and signature.time == MADE


def test_digest_list() -> None:
    seal = parse_seal(build_seal(info(certificates=(), certificate_digests=(("SM3", b"\x01" * 32),)), b"m", b"s"))
    assert (seal.cert_list_type, seal.certificates) == (2, ())
    assert seal.certificate_digests == (("SM3", b"\x01" * 32),)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificates": ()}, "ses.cert_list"),
        ({"certificate_digests": (("SM3", b"x"),)}, "ses.cert_list"),
        ({"seal_id": "印"}, "ses.not_ascii"),
    ],
)
def test_what_cannot_be_written(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as raised:
        info(**changes)
    assert raised.value.code == code


# ---------------------------------------------------------------- forms met in the field


def test_untagged_extensions_and_timestamp() -> None:
    head = parts(TBS)
    tbs = tlv(0x30, *head[:5], tlv(0x30, tlv(0x30, der.oid("1.2.3.4"), b"\x04\x05value")))
    signature = parse_signature(tlv(0x30, tbs, tlv(4, b"c"), OID, b"\x03\x02\x00s", b"\x03\x06\x00token"))
    assert signature.extensions == (EXTENSION,) and signature.timestamp == b"token"


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        (b"\x18\x1320260102030405.500Z", MADE + timedelta(milliseconds=500)),
        (b"\x18\x1320260102110405+0800", MADE),
        (b"\x18\x1320260101220405-0500", MADE),
        (b"\x18\x0d202601020304Z", MADE.replace(second=0)),
        (b"\x17\x0d260102030405Z", MADE),
    ],
)
def test_times(stated: bytes, moment: datetime) -> None:
    head = parts(TBS)
    tbs = tlv(0x30, head[0], head[1], stated, *head[3:])
    assert parse_signature(build_signature(tbs, b"c", b"s")).time == moment


@pytest.mark.parametrize(
    "stated",
    [b"\x18\x0e20260102030405", b"\x18\x0f20261302030405Z", b"\x17\x0f20260102030405Z", b"\x18\x00", b"\x0c\x01Z"],
)
def test_times_refused(stated: bytes) -> None:
    head = parts(TBS)
    with pytest.raises(Malformed):
        parse_signature(build_signature(tlv(0x30, head[0], head[1], stated, *head[3:]), b"c", b"s"))


def test_first_version() -> None:
    """GM/T 0031-2014: two parts, UTCTime, IA5String certificates, the certificate inside TBS_Sign."""
    utc = b"\x17\x0d260102030405Z"
    property_ = tlv(0x30, b"\x02\x01\x01", tlv(0x0C, b"seal"), tlv(0x30, tlv(0x16, b"cert")), utc, utc, utc)
    picture = tlv(0x30, tlv(0x16, b"GIF"), tlv(4, b"GIF89a"), b"\x02\x01\x28", b"\x02\x01\x28")
    sealed = tlv(0x30, tlv(0x30, b"\x16\x02ES", b"\x02\x01\x01", b"\x16\x01v"), b"\x16\x02id", property_, picture)
    seal = tlv(0x30, sealed, tlv(0x30, tlv(4, b"maker"), OID, b"\x03\x02\x00s"))
    parsed = parse_seal(seal)
    assert parsed.structure == "SES-V1" and parsed.certificates == (b"cert",) and parsed.created == MADE
    assert parsed.signed == tlv(0x30, sealed, tlv(4, b"maker"), OID) and parsed.picture_type == "gif"
    for text in (b"2026-01-02T03:04:05Z", b"2026-01-02 11:04:05", b"20260102030405Z"):
        rest = (b"\x16\x02/x", tlv(4, b"cert"), OID)
        tbs = tlv(0x30, b"\x02\x01\x01", seal, tlv(3, b"\0", text), tlv(3, b"\0", bytes(32)), *rest)
        signature = parse_signature(tlv(0x30, tbs, b"\x03\x02\x00s"))
        assert signature.structure == "SES-V1" and signature.time == MADE
        assert signature.signer_certificate == b"cert" and signature.tbs_der == tbs


def test_fifth_version() -> None:
    seal = parse_seal(tlv(0x30, *parts(SEAL), tlv(0xA0, b"\x03\x06\x00token")))
    assert seal.structure == "SES-V5" and seal.timestamp == b"token"


@pytest.mark.parametrize(("name", "structure"), [("UserV1", "SES-V1"), ("UserV4", "SES-V4"), ("UserV5", "SES-V5")])
def test_seals_of_others(name: str, structure: str) -> None:
    seal = parse_seal(sample(f"{name}.esl"))
    assert seal.structure == structure and seal.picture_type == "png" and seal.picture.startswith(b"\x89PNG")
    maker = load_certificate(seal.maker_certificate)
    assert maker.public_key.verify(signature_from_raw(seal.signature), seal.signed)


@pytest.mark.parametrize("name", ["SESV4SignDoc", "V4RideRight", "allprotected", "h"])
def test_signatures_of_others(name: str) -> None:
    package = open_package(sample(f"{name}.ofd"))
    values = [data for entry, data in package.entries.items() if entry.endswith("SignedValue.dat")]
    assert values
    for value in values:
        signature = parse_signature(value)
        signer = load_certificate(signature.signer_certificate)
        assert signer.public_key.verify(signature_from_raw(signature.signature), signature.tbs_der)
        assert signature.data_hash == sm3(package.entries[signature.property_info[1:]])
        assert signature.signer_certificate in signature.seal.certificates


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        SEAL + b"\x00",
        SEAL[:-1],
        b"\x30\x84" + (len(SEAL) - 4).to_bytes(4, "big") + SEAL[4:],
        SEAL.replace(b"\x16\x02ES", b"\x16\x02EX"),
        SEAL.replace(b"\x16\x02ES", b"\x0c\x02\xff\xff"),
        SEAL.replace(b"\x02\x01\x2a", b"\x02\x01\x00"),
        SEAL.replace(b"\x02\x01\x2a", b"\x02\x01\xff"),
        tlv(0x30, *parts(SEAL)[:3]),
        tlv(0x30, *parts(SEAL)[:3], b"\x03\x02\x04s"),
        tlv(0x31, *parts(SEAL)),
    ],
)
def test_junk_seals(data: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        parse_seal(data)
    assert raised.value.code == "ses.seal_malformed"


@pytest.mark.parametrize("data", [b"", SIGNATURE + b"\x00", SEAL, SIGNATURE[:-1], tlv(0x30, *parts(SIGNATURE)[:3])])
def test_junk_signatures(data: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        parse_signature(data)
    assert raised.value.code in ("ses.signature_malformed", "ses.seal_malformed")


@given(st.data())
def test_mutations_never_surprise(data: st.DataObject) -> None:
    mutated = bytearray(SIGNATURE)
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Malformed):
        parsed = parse_signature(bytes(mutated))
        assert parsed.tbs_der in mutated and parsed.seal.der in mutated and parsed.der == mutated


@given(st.binary(max_size=200))
def test_random_bytes_never_surprise(data: bytes) -> None:
    for attempt in (data, tlv(0x30, data), tlv(0x30, tlv(0x30, data), data)):
        for parse in (parse_seal, parse_signature):
            with suppress(Malformed):
                parse(attempt)
