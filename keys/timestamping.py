"""内置时间戳机构: RFC 3161 (GB/T 20520) tokens with an SM3 imprint, signed with SM2-with-SM3.

A token is CMS SignedData (outer OIDs of PKCS#7, the signature algorithm named 1.2.156.10197.1.501).
All but six values of it never change between two tokens of one authority, so the constant parts are
encoded once and a token costs one SM2 signature and little else.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import tsp

from keys.signer import Signer
from trust import der
from trust.algorithms import DIGEST_SIZES, PKCS7_SIGNED_DATA, SM2_WITH_SM3, SM3, TST_INFO, sm3
from trust.certificates import Certificate
from trust.errors import Malformed, Refused, Unavailable

DEMONSTRATION_POLICY: Final = "2.25.125649306510230090844962598959671907617"
"""时间戳策略 of the built-in authority: the clock of the machine, no promise beyond its accuracy."""

_MAX_REQUEST: Final = 1 << 16

_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"

_BAD_ALG: Final = 0
_BAD_REQUEST: Final = 2
_BAD_DATA_FORMAT: Final = 5
_TIME_NOT_AVAILABLE: Final = 14
_UNACCEPTED_POLICY: Final = 15
_UNACCEPTED_EXTENSION: Final = 16
_SYSTEM_FAILURE: Final = 25

_SM3_ALGORITHM: Final = der.tlv(der.SEQUENCE, der.oid(SM3))
_SIGNED_DATA_VERSION: Final = der.integer(3)
_ONE: Final = der.integer(1)


class _RequestError(Exception):
    """A request that is answered with a refusal: ``(failure bit, words)``."""


@dataclass(frozen=True, slots=True)
class _Request:
    algorithm: bytes
    """AlgorithmIdentifier of the imprint, as the asker encoded it."""
    digest: bytes
    nonce: int | None
    wants_certificate: bool


@dataclass(frozen=True, slots=True)
class _Template:
    """The parts of a token that do not change, encoded once."""

    policy: bytes
    accuracy: bytes
    attributes_before: bytes
    attributes_after: bytes
    signed_data_head: bytes
    content_type: bytes
    certificates: bytes
    signer_head: bytes
    signature_algorithm: bytes

    @classmethod
    def prepare(
        cls, certificate: Certificate, chain: Sequence[Certificate], policy: str, accuracy: timedelta
    ) -> _Template:
        before, after = _signed_attributes(certificate)
        issuer_serial = der.tlv(der.SEQUENCE, certificate.issuer_name_der, der.integer(certificate.serial))
        certificates = sorted({c.der for c in (certificate, *chain)})
        return cls(
            policy=der.oid(policy),
            accuracy=_accuracy(accuracy),
            attributes_before=before,
            attributes_after=after,
            signed_data_head=_SIGNED_DATA_VERSION + der.tlv(der.SET, _SM3_ALGORITHM),
            content_type=der.oid(TST_INFO),
            certificates=der.tlv(der.CONTEXT_0, *certificates),
            signer_head=_ONE + issuer_serial + _SM3_ALGORITHM,
            signature_algorithm=der.tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3)),
        )

    def attributes(self, content: bytes) -> bytes:
        """DER SET OF the signed attributes: the octets that are signed."""
        return self.attributes_before + sm3(content) + self.attributes_after

    def token(self, content: bytes, attributes: bytes, signature: bytes, *, with_certificates: bool) -> bytes:
        signer = der.tlv(
            der.SEQUENCE,
            self.signer_head,
            bytes((der.CONTEXT_0,)) + attributes[1:],
            self.signature_algorithm,
            der.tlv(der.OCTET_STRING, signature),
        )
        encapsulated = der.tlv(der.CONTEXT_0, der.tlv(der.OCTET_STRING, content))
        signed_data = der.tlv(
            der.SEQUENCE,
            self.signed_data_head,
            der.tlv(der.SEQUENCE, self.content_type, encapsulated),
            self.certificates if with_certificates else b"",
            der.tlv(der.SET, signer),
        )
        return der.tlv(der.SEQUENCE, _SIGNED_DATA_OID, der.tlv(der.CONTEXT_0, signed_data))


_SIGNED_DATA_OID: Final = der.oid(PKCS7_SIGNED_DATA)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TimeStampAuthority:
    """时间戳机构: stamps with ``signer``'s key the time that ``clock`` tells. A ``Timestamper``."""

    signer: Signer
    policy: str = DEMONSTRATION_POLICY
    """OID under which tokens are given."""
    clock: Callable[[], datetime] = _now
    """Aware. A service uses ``keys.clock.GuardedClock``, which refuses to tell a time it doubts."""
    chain: tuple[Certificate, ...] = ()
    """Further certificates to put into tokens."""
    accuracy: timedelta = timedelta(seconds=1)
    _template: _Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ``Refused("timestamp.not_a_tsa")`` unless time stamping is the certificate's critical, only use."""
        certificate = self.signer.certificate
        only_stamps = certificate.extended_key_usage == frozenset({"time_stamping"})
        if not only_stamps or not certificate.extended_key_usage_critical:
            raise Refused(
                "timestamp.not_a_tsa",
                "证书“{subject}”不能用于签发时间戳：扩展密钥用途须为关键的、唯一的 timeStamping。",
                subject=certificate.subject,
            )
        template = _Template.prepare(certificate, self.chain, self.policy, self.accuracy)
        object.__setattr__(self, "_template", template)

    def stamp(self, data: bytes) -> bytes:
        """A token (DER ContentInfo) whose imprint is SM3 of ``data``.

        Raises ``Unavailable("timestamp.not_valid")`` outside the certificate's validity.
        """
        return self._token(_Request(_SM3_ALGORITHM, sm3(data), None, True))

    def respond(self, request: bytes) -> bytes:
        """TimeStampResp for a TimeStampReq (both DER): a token, or a refusal that says why; bad input never raises."""
        try:
            token = self._token(self._read(request))
        except _RequestError as rejected:
            bit, words = rejected.args
            return _rejection(bit, words)
        except Unavailable as unavailable:
            clock = unavailable.code == "timestamp.clock"
            return _rejection(_TIME_NOT_AVAILABLE if clock else _SYSTEM_FAILURE, unavailable.message)
        return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, der.integer(0)), token)

    def _token(self, request: _Request) -> bytes:
        content = self._content(request)
        attributes = self._template.attributes(content)
        signature = self.signer.sign(attributes)
        return self._template.token(content, attributes, signature, with_certificates=request.wants_certificate)

    def _content(self, request: _Request) -> bytes:
        """TSTInfo (RFC 3161, 2.4.2)."""
        moment = self._moment()
        return der.tlv(
            der.SEQUENCE,
            _ONE,
            self._template.policy,
            der.tlv(der.SEQUENCE, request.algorithm, der.tlv(der.OCTET_STRING, request.digest)),
            der.integer(time.time_ns() << 64 | secrets.randbits(64)),
            der.tlv(der.GENERALIZED_TIME, _generalized(moment)),
            self._template.accuracy,
            b"" if request.nonce is None else der.integer(request.nonce),
        )

    def _moment(self) -> datetime:
        moment, certificate = self.clock().astimezone(UTC), self.signer.certificate
        if not certificate.not_before <= moment <= certificate.not_after:
            raise Unavailable(
                "timestamp.not_valid",
                "时间戳证书“{subject}”此刻不在有效期内，不能签发时间戳。",
                subject=certificate.subject,
                remedy="请更新时间戳证书，或校正本机时钟。",
            )
        return moment

    def _read(self, request: bytes) -> _Request:
        try:
            parsed = tsp.TimeStampReq.load(request[: _MAX_REQUEST + 1], strict=True)
            return self._check(parsed)
        except (ValueError, TypeError, KeyError, AttributeError, Malformed, RecursionError) as error:
            raise _RequestError(_BAD_DATA_FORMAT, "请求无法解析 (bad data format)") from error

    def _check(self, parsed: Any) -> _Request:
        imprint = parsed["message_imprint"]
        algorithm, digest = imprint["hash_algorithm"], imprint["hashed_message"].native
        policy, nonce = parsed["req_policy"].native, parsed["nonce"].native
        size = DIGEST_SIZES.get(algorithm["algorithm"].dotted)
        if parsed["version"].native != "v1":
            raise _RequestError(_BAD_REQUEST, "请求版本须为 1 (version must be 1)")
        if size is None:
            raise _RequestError(_BAD_ALG, "不支持该杂凑算法 (hash algorithm not accepted)")
        if len(digest) != size:
            raise _RequestError(_BAD_DATA_FORMAT, "杂凑值长度与算法不符 (imprint has the wrong length)")
        if policy is not None and parsed["req_policy"].dotted != self.policy:
            raise _RequestError(_UNACCEPTED_POLICY, "不支持该时间戳策略 (policy not accepted)")
        if len(parsed["extensions"]):
            raise _RequestError(_UNACCEPTED_EXTENSION, "不支持请求扩展 (extensions not accepted)")
        return _Request(algorithm.dump(), digest, nonce, parsed["cert_req"].native)


def _signed_attributes(certificate: Certificate) -> tuple[bytes, bytes]:
    """What stands before and after the message digest in the SET OF signed attributes."""
    issuer = der.tlv(der.SEQUENCE, der.tlv(0xA4, certificate.issuer_name_der))
    issuer_serial = der.tlv(der.SEQUENCE, issuer, der.integer(certificate.serial))
    identifier = der.tlv(der.SEQUENCE, _SM3_ALGORITHM, der.tlv(der.OCTET_STRING, sm3(certificate.der)), issuer_serial)
    signing_certificate = der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, identifier))
    mark = bytes(32)
    encoded = der.set_of(
        _attribute(_CONTENT_TYPE, der.oid(TST_INFO)),
        _attribute(_MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, mark)),
        _attribute(_SIGNING_CERTIFICATE_V2, signing_certificate),
    )
    head = der.tlv(der.OCTET_STRING, mark)[:2]
    before, after = encoded.split(head + mark)
    return before + head, after


def _attribute(kind: str, value: bytes) -> bytes:
    return der.tlv(der.SEQUENCE, der.oid(kind), der.tlv(der.SET, value))


def _accuracy(accuracy: timedelta) -> bytes:
    """Accuracy ::= SEQUENCE { seconds, millis [0], micros [1] }, values of zero left out."""
    seconds, micros = divmod(int(accuracy / timedelta(microseconds=1)), 1_000_000)
    parts = [der.integer(seconds)] if seconds else []
    for tag, value in ((0x80, micros // 1000), (0x81, micros % 1000)):
        if value:
            parts.append(bytes((tag,)) + der.integer(value)[1:])
    return der.tlv(der.SEQUENCE, *parts)


def _generalized(moment: datetime) -> bytes:
    """DER GeneralizedTime to the millisecond: no trailing zeros, no lone point."""
    whole = moment.strftime("%Y%m%d%H%M%S")
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z".encode()


def _rejection(bit: int, words: str) -> bytes:
    """TimeStampResp with status ``rejection`` and one PKIFailureInfo bit."""
    octets = bytes(bit // 8) + bytes((0x80 >> bit % 8,))
    failure = der.tlv(der.BIT_STRING, bytes((7 - bit % 8,)), octets)
    text = der.tlv(der.SEQUENCE, der.tlv(0x0C, words.encode()))
    return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, der.integer(2), text, failure))
