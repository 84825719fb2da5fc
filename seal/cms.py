"""数字签名数据 SignedData (GB/T 35275-2017): the value of an OFD signature of Type=Sign. Structures only.

    content = digest_content(signature_xml)
    value = build_signed_data(content, signer.sign(content), [signer.certificate.der])

Two layouts occur in real files and both are read: with authenticated attributes (the signature
covers the DER SET OF attributes) and without (it covers the 32-byte content, the SM3 of
Signature.xml). The bytes that were signed are kept as they stand; nothing is encoded again.
Written is the second, which GM/T 0099-2020 (7.2.2) has in view and public readers check; a time stamp over
the signature value (RFC 3161, GB/T 20520) goes into an unauthenticated attribute, as CAdES has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asn1crypto import core, parser

from trust import der as encoding
from trust.algorithms import SM2_WITH_SM3, SM3, sm3
from trust.errors import Malformed

SIGNED_DATA = "1.2.156.10197.6.1.4.2.2"
"""签名数据类型 signedData of GB/T 35275."""
_SIGNED_DATA_PKCS = "1.2.840.113549.1.7.2"
DATA_TYPES = ("1.2.156.10197.6.1.4.2.1", "1.2.840.113549.1.7.1")
"""数据类型 data, by its GB/T 35275 and its PKCS #7 name."""
MAX_CERTIFICATES = 32
MAX_SIGNERS = 16
MAX_SIZE = 1 << 20
_MAX_NODES = 256
"""Most elements inside one another."""
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
STAMP_ATTRIBUTE = "1.2.840.113549.1.9.16.2.14"
"""id-aa-timeStampToken (RFC 3161, appendix A)."""

_SEQUENCE, _SET, _INTEGER, _OID, _OCTETS = (0, 16), (0, 17), (0, 2), (0, 6), (0, 4)


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """签名者信息 signerInfo."""

    issuer: bytes
    """DER of the issuer's name."""
    serial: int
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    """DER ``SEQUENCE {r, s}`` or, of some makers, 64 raw bytes."""
    attributes_der: bytes | None = None
    """The authenticated attributes as signed (tag 0x31), or ``None``."""
    message_digest: bytes | None = None
    signing_time: datetime | None = None
    timestamp: bytes | None = None
    """Time-stamp token over the octets of ``signature``, from the unauthenticated attributes."""
    attributes: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """OID → DER of the first value of each authenticated attribute."""


@dataclass(frozen=True, slots=True)
class SignedData:
    """签名数据 signedData."""

    content_type: str
    content: bytes | None
    """The attached content; ``None`` if the signature is detached."""
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]
    der: bytes = field(repr=False)

    def certificate_of(self, signer: SignerInfo) -> bytes | None:
        """DER of the attached certificate that ``signer`` names, if it is attached."""
        for der in self.certificates:
            if _issuer_and_serial(der) == (signer.issuer, signer.serial):
                return der
        return None


@dataclass(frozen=True, slots=True)
class _Node:
    kind: tuple[int, int]
    der: bytes
    content: bytes

    def children(self) -> list[_Node]:
        return list(_nodes(self.content))


def parse_signed_data(der: bytes) -> SignedData:
    """Parse the ContentInfo ``der``.

    Raises ``Malformed("cms.malformed")`` for anything else, trailing bytes included.
    """
    if len(der) > MAX_SIZE:
        raise _malformed(f"{len(der)} octets")
    try:
        outer = _only(der, _SEQUENCE).children()
        if _oid(outer[0]) not in (SIGNED_DATA, _SIGNED_DATA_PKCS):
            raise _malformed("contentType")
        return _signed_data(_explicit(outer[1]), der)
    except Malformed:
        raise
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise _malformed(type(error).__name__) from error


def is_bare_signature(data: bytes) -> bool:
    """Whether ``data`` is a bare SM2 value, DER ``SEQUENCE {r, s}`` or 64 raw bytes: no certificate inside."""
    if len(data) == 64 and data[:1] != b"\x30":
        return True
    if len(data) > MAX_SIZE:
        return False
    try:
        return [node.kind for node in _only(data, _SEQUENCE).children()] == [_INTEGER, _INTEGER]
    except (Malformed, ValueError, IndexError):
        return False


def _signed_data(body: _Node, der: bytes) -> SignedData:
    """SignedData ::= SEQUENCE {version, digestAlgorithms, contentInfo, [0] certificates?, [1] crls?, signerInfos}."""
    _version, _digests, info, *rest = _expect(body, _SEQUENCE).children()
    inside = _expect(info, _SEQUENCE).children()
    content = _content(inside[1]) if len(inside) > 1 else None
    certificates = tuple(c.der for node in rest if node.kind == (2, 0) for c in node.children())
    signers = tuple(_signer(node) for node in _expect(rest[-1], _SET).children())
    if len(certificates) > MAX_CERTIFICATES or len(signers) > MAX_SIGNERS:
        raise _malformed(f"{len(certificates)} certificates, {len(signers)} signers")
    return SignedData(_oid(inside[0]), content, certificates, signers, der)


def _signer(node: _Node) -> SignerInfo:
    """SignerInfo ::= SEQUENCE {version, issuerAndSerial, digestAlgorithm, [0] attributes?, algorithm, value, [1]?}."""
    _version, name, digest, *rest = _expect(node, _SEQUENCE).children()
    issuer, serial = _expect(name, _SEQUENCE).children()
    attributes = rest.pop(0) if rest[0].kind == (2, 0) else None
    algorithm, value = rest[0], _expect(rest[1], _OCTETS)
    values = dict(_attributes(attributes)) if attributes else {}
    return SignerInfo(
        issuer.der,
        _integer(serial),
        _algorithm(digest),
        _algorithm(algorithm),
        value.content,
        b"\x31" + attributes.der[1:] if attributes else None,
        values[_MESSAGE_DIGEST].content if _MESSAGE_DIGEST in values else None,
        _time(values[_SIGNING_TIME]) if _SIGNING_TIME in values else None,
        _token(rest[2]) if len(rest) > 2 else None,
        {oid: value.der for oid, value in values.items()},
    )


def _token(attributes: _Node) -> bytes | None:
    """The time stamp among the unauthenticated attributes ``[1]``."""
    token = dict(_attributes(_expect(attributes, (2, 1)))).get(STAMP_ATTRIBUTE)
    return token.der if token is not None else None


def _attributes(node: _Node) -> Iterator[tuple[str, _Node]]:
    seen: set[str] = set()
    for attribute in node.children():
        name, values = _expect(attribute, _SEQUENCE).children()
        if _oid(name) in seen:
            raise _malformed("attribute twice")
        seen.add(_oid(name))
        yield _oid(name), _expect(values, _SET).children()[0]


def _issuer_and_serial(certificate: bytes) -> tuple[bytes, int] | None:
    """The issuer (DER) and serial number a certificate states, read without trusting it."""
    try:
        fields = _only(certificate, _SEQUENCE).children()[0].children()
        offset = 1 if fields[0].kind == (2, 0) else 0
        return fields[offset + 2].der, _integer(fields[offset])
    except (Malformed, ValueError, IndexError):
        return None


def _nodes(data: bytes) -> Iterator[_Node]:
    for _ in range(_MAX_NODES):
        if not data:
            return
        class_, _method, tag, header, content, trailer = parser.parse(data, strict=False)
        size = len(header) + len(content) + len(trailer)
        yield _Node((class_, tag), data[:size], content)
        data = data[size:]
    raise _malformed(f"more than {_MAX_NODES - 1} elements")


def _only(data: bytes, kind: tuple[int, int]) -> _Node:
    class_, _method, tag, _header, content, _trailer = parser.parse(data, strict=True)
    return _expect(_Node((class_, tag), data, content), kind)


def _expect(node: _Node, kind: tuple[int, int]) -> _Node:
    if node.kind != kind:
        raise _malformed(f"tag {node.kind}")
    return node


def _explicit(node: _Node) -> _Node:
    (inner,) = _expect(node, (2, 0)).children()
    return inner


def _content(node: _Node) -> bytes:
    return _expect(_explicit(node), _OCTETS).content


def _oid(node: _Node) -> str:
    return str(core.ObjectIdentifier.load(_expect(node, _OID).der).dotted)


def _algorithm(node: _Node) -> str:
    return _oid(_expect(node, _SEQUENCE).children()[0])


def _integer(node: _Node) -> int:
    return int.from_bytes(_expect(node, _INTEGER).content, "big", signed=True)


def _time(node: _Node) -> datetime | None:
    value = {23: core.UTCTime, 24: core.GeneralizedTime}.get(node.kind[1])
    native = value.load(node.der).native if value is not None and node.kind[0] == 0 else None
    return native if isinstance(native, datetime) and native.tzinfo is not None else None


def _malformed(detail: str) -> Malformed:
    return Malformed("cms.malformed", "签名值不是 GB/T 35275 的签名数据（SignedData）：{detail}。", detail=detail)


# ---------------------------------------------------------------- writing


def digest_content(signature_xml: bytes) -> bytes:
    """What the signer of an OFD digital signature signs: the 32 octets of SM3 over Signature.xml."""
    return sm3(signature_xml)


def build_signed_data(
    content: bytes, signature: bytes, certificates: Sequence[bytes], timestamp: bytes | None = None
) -> bytes:
    """签名数据 (SignedData in ContentInfo), DER: ``content`` attached, no authenticated attributes.

    ``certificates`` are DER, the signer's first; ``signature`` is the signer's DER value over ``content``;
    ``timestamp`` the token over the octets of ``signature``. Raises ``Malformed("sealing.certificate")``.
    """
    named = _issuer_and_serial(certificates[0]) if certificates else None
    if named is None:
        raise Malformed("sealing.certificate", "数字签名须附带签名人的证书。")
    tlv = encoding.tlv
    digest = tlv(encoding.SEQUENCE, encoding.oid(SM3))
    signer = tlv(
        encoding.SEQUENCE,
        encoding.integer(1),
        tlv(encoding.SEQUENCE, named[0], encoding.integer(named[1])),
        digest,
        tlv(encoding.SEQUENCE, encoding.oid(SM2_WITH_SM3)),
        tlv(encoding.OCTET_STRING, signature),
        _unauthenticated(timestamp),
    )
    inside = tlv(encoding.CONTEXT_0, tlv(encoding.OCTET_STRING, content))
    body = tlv(
        encoding.SEQUENCE,
        encoding.integer(1),
        encoding.set_of(digest),
        tlv(encoding.SEQUENCE, encoding.oid(DATA_TYPES[0]), inside),
        tlv(encoding.CONTEXT_0, *certificates),
        encoding.set_of(signer),
    )
    return tlv(encoding.SEQUENCE, encoding.oid(SIGNED_DATA), tlv(encoding.CONTEXT_0, body))


def _unauthenticated(timestamp: bytes | None) -> bytes:
    if timestamp is None:
        return b""
    attribute = encoding.tlv(encoding.SEQUENCE, encoding.oid(STAMP_ATTRIBUTE), encoding.set_of(timestamp))
    return encoding.tlv(0xA1, attribute)
