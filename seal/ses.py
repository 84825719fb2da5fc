"""安全电子签章 structures: seal (电子印章) and seal signature (电子签章) as DER.

Written is GB/T 38540-2020 ("V4") and, marked as an experiment, GM/T 0031-2025 ("V5": as the one public
implementation has it, the standard's text was not at hand); read is also GM/T 0031-2014 ("V1"). Reading keeps
the ORIGINAL bytes: what was signed is never encoded again. Lengths must be in their shortest form and nothing may
follow the structure; where real files differ from the text (extDatas and timeStamp without their tag, IA5String
certificates, times with fractions) both forms are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NoReturn

from trust import der
from trust.algorithms import SM2_WITH_SM3
from trust.der import read_tlv, tlv
from trust.errors import Malformed

V4 = 4
V5 = 5
"""Experimental: shape V4 with version 5, and the seal may carry a time stamp of its own."""
_BOOLEAN, _INTEGER, _BITS, _OCTETS, _OID = 0x01, 0x02, 0x03, 0x04, 0x06
_UTF8, _PRINTABLE, _IA5, _UTC, _GENERALIZED = 0x0C, 0x13, 0x16, 0x17, 0x18
_SEQUENCE, _TAGGED = 0x30, 0xA0
_TEXTS = (_IA5, _UTF8, _PRINTABLE)
_TIMES = (_GENERALIZED, _UTC)
_MAX_SIDE = 2000
_CACHED_SIZE = 256 << 10
_BEIJING = timezone(timedelta(hours=8))


# ---------------------------------------------------------------- structures


@dataclass(frozen=True, slots=True)
class Extension:
    """ExtData: OID, criticality, and the octets inside extnValue."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SESeal:
    """电子印章 (SESeal, GB/T 38540 clause 6.1), as it was read."""

    structure: str
    """``SES-V1``, ``SES-V4`` or ``SES-V5``: which standard's shape it has."""
    version: int
    """header.version, as stated."""
    vendor_id: str
    seal_id: str
    """esID: the seal's code."""
    name: str
    type: int
    cert_list_type: int
    """1 certificates, 2 digests of certificates."""
    certificates: tuple[bytes, ...]
    """DER of the signers' certificates (certListType 1)."""
    certificate_digests: tuple[tuple[str, bytes], ...]
    """Algorithm text and digest (certListType 2)."""
    created: datetime
    valid_from: datetime
    valid_to: datetime
    picture_type: str
    """As stated, lower case: ``png``, ``jpg``, ``ofd`` …"""
    picture: bytes
    width: int
    """Millimetres."""
    height: int
    """Millimetres."""
    extensions: tuple[Extension, ...]
    maker_certificate: bytes
    algorithm: str
    """OID of the maker's signature."""
    signature: bytes
    """The maker's signature value: octets of the BIT STRING."""
    info_der: bytes
    """SES_SealInfo, original octets."""
    signed: bytes
    """What the maker signed: ``info_der``; in V1 SEQUENCE{info, certificate, algorithm}."""
    der: bytes
    timestamp: bytes | None = None
    """V5 only."""

    def __repr__(self) -> str:
        return f"<SESeal {self.structure} {self.seal_id!r}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SESSignature:
    """电子签章 (SES_Signature with its TBS_Sign, GB/T 38540 clause 7.1), as it was read."""

    structure: str
    """``SES-V1``, ``SES-V4`` or ``SES-V5``."""
    version: int
    """TBS_Sign.version, as stated."""
    seal: SESeal
    time: datetime
    """timeInfo: claimed until a time stamp proves it."""
    data_hash: bytes
    """Octets of dataHash: the digest of Signature.xml."""
    property_info: str
    """The absolute path of Signature.xml."""
    extensions: tuple[Extension, ...]
    signer_certificate: bytes
    algorithm: str
    signature: bytes
    """The signer's signature value: octets of the BIT STRING; also what the time stamp is over."""
    timestamp: bytes | None
    """RFC 3161 token."""
    tbs_der: bytes
    """What the signer signed, original octets."""
    der: bytes

    def __repr__(self) -> str:
        return f"<SESSignature {self.structure} of {self.seal!r}>"


# ---------------------------------------------------------------- reading: elements


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    body: bytes
    raw: bytes = field(repr=False)


def _no(reason: str) -> NoReturn:
    raise ValueError(reason)


def _split(body: bytes, most: int) -> list[_Element]:
    """The elements a constructed element's body is made of; no more are read than one too many."""
    elements: list[_Element] = []
    offset = 0
    while offset < len(body) and len(elements) <= most:
        tag, inner, end = read_tlv(body, offset)
        elements.append(_Element(tag, inner, body[offset:end]))
        offset = end
    return elements


def _fields(element: _Element, what: str, least: int, most: int) -> list[_Element]:
    """The fields of a SEQUENCE that has between ``least`` and ``most`` of them."""
    if element.tag != _SEQUENCE:
        _no(f"{what}: SEQUENCE expected, got tag {element.tag:#04x}")
    parts = _split(element.body, most)
    if not least <= len(parts) <= most:
        _no(f"{what}: {least} to {most} fields expected, got {len(parts) if len(parts) <= most else 'more'}")
    return parts


def _whole(data: bytes, what: str) -> _Element:
    tag, body, end = read_tlv(data)
    if end != len(data):
        _no(f"{what}: {len(data) - end} octets follow")
    return _Element(tag, body, data)


def _take(element: _Element, what: str, *tags: int) -> bytes:
    if element.tag not in tags:
        _no(f"{what}: unexpected tag {element.tag:#04x}")
    return element.body


def _integer(element: _Element, what: str) -> int:
    body = _take(element, what, _INTEGER)
    if not 1 <= len(body) <= 8:
        _no(f"{what}: integer of {len(body)} octets")
    return int.from_bytes(body, "big", signed=True)


def _text(element: _Element, what: str) -> str:
    return _take(element, what, *_TEXTS).decode()


def _bits(element: _Element, what: str, *also: int) -> bytes:
    body = _take(element, what, _BITS, *also)
    if element.tag != _BITS:
        return body
    if not body or body[0]:
        _no(f"{what}: BIT STRING is not whole octets")
    return body[1:]


@lru_cache(maxsize=256)
def _dotted(body: bytes) -> str:
    """Dotted text of an OBJECT IDENTIFIER's body."""
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in body:
        if fresh and octet == 0x80:
            _no("OID: padded arc")
        value = value << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    if not arcs or not fresh or len(body) > 64:
        _no("OID: malformed")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


_TIME_REST = rb"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:[.,](\d{1,9}))?(Z|[+-]\d{4})"
_TIME = {_GENERALIZED: re.compile(rb"(\d{4})" + _TIME_REST), _UTC: re.compile(rb"(\d{2})" + _TIME_REST)}


def _time(element: _Element, what: str) -> datetime:
    """GeneralizedTime or UTCTime, with fractions and offsets; a zone must be there."""
    body = _take(element, what, *_TIMES)
    match = _TIME[element.tag].fullmatch(body)
    if match is None:
        _no(f"{what}: not a time")
    year, month, day, hour, minute = (int(match[i]) for i in range(1, 6))
    if element.tag == _UTC:
        year += 2000 if year < 50 else 1900
    micros = int(((match[7] or b"") + b"000000")[:6])
    moment = datetime(year, month, day, hour, minute, int(match[6] or 0), micros, UTC)
    return moment - _offset(match[8].decode())


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    return ahead if zone[0] == "+" else -ahead


def _extensions(element: _Element | None) -> tuple[Extension, ...]:
    """ExtensionDatas: untagged or [0] EXPLICIT, critical stated or not."""
    if element is None:
        return ()
    if element.tag == _TAGGED:
        element = _whole(element.body, "extDatas")
    return tuple(_extension(part) for part in _fields(element, "extDatas", 0, 256))


def _extension(element: _Element) -> Extension:
    parts = _fields(element, "ExtData", 2, 3)
    critical = False
    if len(parts) == 3:
        flag = _take(parts[1], "critical", _BOOLEAN)
        if len(flag) != 1:
            _no("critical: BOOLEAN of another size")
        critical = flag != b"\x00"
    return Extension(_dotted(_take(parts[0], "extnID", _OID)), critical, _take(parts[-1], "extnValue", _OCTETS))


def _tagged_bits(element: _Element, what: str) -> bytes:
    """BIT STRING, [0] EXPLICIT or untagged."""
    return _bits(_whole(element.body, what) if element.tag == _TAGGED else element, what)


# ---------------------------------------------------------------- reading: seal


def parse_seal(data: bytes) -> SESeal:
    """打开电子印章: the seal in ``data`` (DER), nothing before or behind it.

    Raises ``Malformed("ses.seal_malformed")``. Nothing is believed yet: see ``seal.checking``.
    """
    return _parse_seal_cached(data) if len(data) <= _CACHED_SIZE else _parse_seal(data)


def _parse_seal(data: bytes) -> SESeal:
    try:
        return _read_seal(_whole(data, "SESeal"))
    except (ValueError, OverflowError, IndexError) as error:
        raise Malformed("ses.seal_malformed", "电子印章数据无法解析：{reason}。", reason=str(error)[:200]) from None


@lru_cache(maxsize=64)
def _parse_seal_cached(data: bytes) -> SESeal:
    return _parse_seal(bytes(data))


def _read_seal(element: _Element) -> SESeal:
    parts = _fields(element, "SESeal", 2, 5)
    info = _fields(parts[0], "SES_SealInfo", 4, 5)
    header = _fields(info[0], "header", 3, 3)
    if _text(header[0], "header.ID") != "ES":
        _no("header.ID is not ES")
    version = _integer(header[1], "header.version")
    if len(parts) == 2:
        structure, maker = "SES-V1", _fields(parts[1], "SES_SignInfo", 3, 3)
        signed = tlv(_SEQUENCE, parts[0].raw, maker[0].raw, maker[1].raw)
    elif len(parts) >= 4:
        structure, maker = "SES-V5" if len(parts) == 5 or version == 5 else "SES-V4", parts[1:]
        signed = parts[0].raw
    else:
        _no("SESeal: 3 fields")
    property_ = _read_property(info[2], structure == "SES-V1")
    picture_type, picture, width, height = _read_picture(info[3])
    return SESeal(
        structure,
        version,
        _text(header[2], "Vid"),
        _text(info[1], "esID"),
        *property_,
        picture_type,
        picture,
        width,
        height,
        _extensions(info[4] if len(info) == 5 else None),
        _take(maker[0], "maker certificate", _OCTETS, _IA5),
        _dotted(_take(maker[1], "signature algorithm", _OID)),
        _bits(maker[2], "maker signature"),
        parts[0].raw,
        signed,
        element.raw,
        _tagged_bits(parts[4], "timeStamp") if len(parts) == 5 else None,
    )


_Property = tuple[str, int, int, tuple[bytes, ...], tuple[tuple[str, bytes], ...], datetime, datetime, datetime]


def _read_property(element: _Element, first_version: bool) -> _Property:
    """SES_ESPropertyInfo: name, type, certListType, certificates, digests, three times."""
    parts = _fields(element, "property", 6 if first_version else 7, 6 if first_version else 7)
    list_type = 1 if first_version else _integer(parts[2], "certListType")
    items = _fields(parts[-4], "certList", 0, 1024)
    certificates: tuple[bytes, ...] = ()
    digests: tuple[tuple[str, bytes], ...] = ()
    if list_type == 1:
        certificates = tuple(_take(item, "certificate", _OCTETS, _IA5) for item in items)
    elif list_type == 2:
        pairs = [_fields(item, "CertDigestObj", 2, 2) for item in items]
        digests = tuple((_text(kind, "digest type"), _take(value, "digest", _OCTETS)) for kind, value in pairs)
    else:
        _no(f"certListType {list_type}")
    created, valid_from, valid_to = (_time(part, "time") for part in parts[-3:])
    name = _text(parts[1], "name")
    return name, _integer(parts[0], "type"), list_type, certificates, digests, created, valid_from, valid_to


def _read_picture(element: _Element) -> tuple[str, bytes, int, int]:
    parts = _fields(element, "picture", 4, 4)
    width, height = _integer(parts[2], "width"), _integer(parts[3], "height")
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        _no("picture: size out of range")
    return _text(parts[0], "picture type").lower(), _take(parts[1], "picture", _OCTETS), width, height


# ---------------------------------------------------------------- reading: signature


def parse_signature(data: bytes) -> SESSignature:
    """打开电子签章: the seal signature in ``data`` (DER), nothing before or behind it.

    Raises ``Malformed("ses.signature_malformed")`` or, for the seal inside, ``ses.seal_malformed``.
    """
    try:
        return _read_signature(_whole(data, "SES_Signature"))
    except (ValueError, OverflowError, IndexError) as error:
        raise Malformed(
            "ses.signature_malformed", "电子签章数据无法解析：{reason}。", reason=str(error)[:200]
        ) from None


def _read_signature(element: _Element) -> SESSignature:
    parts = _fields(element, "SES_Signature", 2, 5)
    if len(parts) == 3:
        _no("SES_Signature: 3 fields")
    if len(parts) == 2:
        return _read_first_signature(element, parts)
    tbs = _fields(parts[0], "TBS_Sign", 5, 6)
    seal = parse_seal(tbs[1].raw)
    return SESSignature(
        "SES-V5" if seal.version == 5 else "SES-V4",
        _integer(tbs[0], "TBS_Sign.version"),
        seal,
        _time(tbs[2], "timeInfo"),
        _bits(tbs[3], "dataHash", _OCTETS),
        _text(tbs[4], "propertyInfo"),
        _extensions(tbs[5] if len(tbs) == 6 else None),
        _take(parts[1], "signer certificate", _OCTETS, _IA5),
        _dotted(_take(parts[2], "signature algorithm", _OID)),
        _bits(parts[3], "signature"),
        _tagged_bits(parts[4], "timeStamp") if len(parts) == 5 else None,
        parts[0].raw,
        element.raw,
    )


def _read_first_signature(element: _Element, parts: list[_Element]) -> SESSignature:
    """GM/T 0031-2014: certificate and algorithm stand inside TBS_Sign, the time is in a BIT STRING."""
    tbs = _fields(parts[0], "TBS_Sign", 7, 7)
    stated = _bits(tbs[2], "timeInfo", _OCTETS)
    token = stated if stated[:1] == b"\x30" else None
    return SESSignature(
        "SES-V1",
        _integer(tbs[0], "TBS_Sign.version"),
        parse_seal(tbs[1].raw),
        _token_time(token) if token else _text_time(stated),
        _bits(tbs[3], "dataHash", _OCTETS),
        _text(tbs[4], "propertyInfo"),
        (),
        _take(tbs[5], "signer certificate", _OCTETS, _IA5),
        _dotted(_take(tbs[6], "signature algorithm", _OID)),
        _bits(parts[1], "signature"),
        token,
        parts[0].raw,
        element.raw,
    )


def _text_time(stated: bytes) -> datetime:
    """``2020-01-25T07:31:56.377Z``, ``2020-01-25 15:31:56`` (Beijing time) or a plain ASN.1 time."""
    if _TIME[_GENERALIZED].fullmatch(stated):
        return _time(_Element(_GENERALIZED, stated, stated), "timeInfo")
    moment = datetime.fromisoformat(stated.decode("ascii"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=_BEIJING)).astimezone(UTC)


def _token_time(token: bytes) -> datetime:
    from trust.timestamp import load_timestamp  # only the 2014 form needs it: time and proof are one field there

    return load_timestamp(token).gen_time


# ---------------------------------------------------------------- writing


def _octets(value: bytes) -> bytes:
    return tlv(_OCTETS, value)


def _bit_string(value: bytes) -> bytes:
    return tlv(_BITS, b"\x00", value)


def _ia5(value: str) -> bytes:
    try:
        return tlv(_IA5, value.encode("ascii"))
    except UnicodeEncodeError:
        raise Malformed("ses.not_ascii", "“{value}”只能使用 ASCII 字符。", value=value[:64]) from None


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime of an aware ``moment``: UTC, whole seconds, ``Z``."""
    return tlv(_GENERALIZED, f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}".encode())


def _build_extensions(extensions: Iterable[Extension]) -> bytes:
    """ExtensionDatas with ``critical`` always stated, as readers in the field expect it."""
    return tlv(
        _SEQUENCE,
        *(
            tlv(_SEQUENCE, der.oid(e.oid), b"\x01\x01\xff" if e.critical else b"\x01\x01\x00", _octets(e.value))
            for e in extensions
        ),
    )


def build_seal_info(
    *,
    seal_id: str,
    name: str,
    type: int,
    certificates: Iterable[bytes] = (),
    certificate_digests: Iterable[tuple[str, bytes]] = (),
    created: datetime,
    valid_from: datetime,
    valid_to: datetime,
    picture: bytes,
    width: int,
    height: int,
    picture_type: str = "PNG",
    vendor_id: str = "LICENCE-TRUST",
    extensions: Iterable[Extension] = (),
    version: int = V4,
) -> bytes:
    """印章信息 (SES_SealInfo V4, V5), DER: what the maker signs. ``width`` and ``height`` in millimetres.

    With ``certificate_digests`` certListType is 2, else 1; giving both is ``Malformed("ses.cert_list")``.
    """
    certs, digests, extra = list(certificates), list(certificate_digests), list(extensions)
    if bool(certs) == bool(digests):
        raise Malformed("ses.cert_list", "印章的签章人列表应为证书或证书摘要之一，且不能为空。")
    listed = [tlv(_SEQUENCE, tlv(_PRINTABLE, kind.encode("ascii")), _octets(value)) for kind, value in digests]
    property_ = tlv(
        _SEQUENCE,
        der.integer(type),
        tlv(_UTF8, name.encode()),
        der.integer(2 if digests else 1),
        tlv(_SEQUENCE, *(listed or map(_octets, certs))),
        *map(generalized_time, (created, valid_from, valid_to)),
    )
    header = tlv(_SEQUENCE, _ia5("ES"), der.integer(version), _ia5(vendor_id))
    drawing = tlv(_SEQUENCE, _ia5(picture_type), _octets(picture), der.integer(width), der.integer(height))
    tail = _build_extensions(extra) if extra else b""
    return tlv(_SEQUENCE, header, _ia5(seal_id), property_, drawing, tail)


def build_seal(
    info_der: bytes,
    maker_certificate: bytes,
    signature: bytes,
    timestamp: bytes | None = None,
    *,
    algorithm: str = SM2_WITH_SM3,
) -> bytes:
    """电子印章 (SESeal V4, V5), DER, from the signed ``info_der`` and the maker's DER signature value.

    ``timestamp`` (V5 only) is the token over the octets of ``signature``.
    """
    tail = b"" if timestamp is None else tlv(_TAGGED, _bit_string(timestamp))
    return tlv(_SEQUENCE, info_der, _octets(maker_certificate), der.oid(algorithm), _bit_string(signature), tail)


def build_tbs(
    seal_der: bytes,
    moment: datetime,
    data_hash: bytes,
    property_info: str,
    extensions: Iterable[Extension] = (),
    *,
    version: int = V4,
) -> bytes:
    """待签名数据 (TBS_Sign V4, V5), DER; ``seal_der`` goes in as it is and ``version`` is the one it states.

    ``data_hash`` is the SM3 of Signature.xml, ``property_info`` its absolute path.
    """
    extra = list(extensions)
    return tlv(
        _SEQUENCE,
        bytes((_INTEGER, 1, version)),
        seal_der,
        generalized_time(moment),
        _bit_string(data_hash),
        _ia5(property_info),
        tlv(_TAGGED, _build_extensions(extra)) if extra else b"",
    )


def build_signature(
    tbs_der: bytes,
    signer_certificate: bytes,
    signature: bytes,
    timestamp: bytes | None = None,
    *,
    algorithm: str = SM2_WITH_SM3,
) -> bytes:
    """电子签章 (SES_Signature V4, V5), DER; ``timestamp`` is the token over the octets of ``signature``."""
    return tlv(
        _SEQUENCE,
        tbs_der,
        _octets(signer_certificate),
        _encoded_oid(algorithm),
        _bit_string(signature),
        tlv(_TAGGED, _bit_string(timestamp)) if timestamp is not None else b"",
    )


@lru_cache(maxsize=8)
def _encoded_oid(dotted: str) -> bytes:
    return der.oid(dotted)
