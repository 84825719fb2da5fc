"""证书请求: what a PKCS#10 request asks for, and whether who asks holds the key (RFC 2986; SM2 as in GB/T 20518).

request = load_request(data)         # DER or PEM; reading is not believing
check_request(request)               # signed by the very key it is for
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from asn1crypto import csr, pem

from trust.algorithms import SM2_SIGNATURE_OIDS, algorithm_name, sm3
from trust.certificates import key_point, name_fields, show_name
from trust.der import read_tlv
from trust.errors import Malformed, Refused
from trust.sm2 import PublicKey, load_public_key, signature_from_raw

_MAX_SIZE: Final = 1 << 16
_NAMES: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


@dataclass(frozen=True, slots=True, repr=False)
class CertificateRequest:
    """证书请求 (PKCS#10), parsed and not yet believed."""

    subject: str
    """RFC 4514 order, as ``Certificate.subject``."""
    common_name: str
    subject_fields: tuple[tuple[str, str], ...]
    subject_name_der: bytes
    key_algorithm: str
    """OID of the key's algorithm; for EC keys, of the curve."""
    point: bytes | None
    """04 ‖ X ‖ Y where the key is on the SM2 curve."""
    key_usage: frozenset[str] | None
    """Asked for; the issuer decides. asn1crypto's words."""
    extended_key_usage: frozenset[str] | None
    signature_algorithm: str
    tbs: bytes
    signature: bytes
    digest: bytes
    """SM3 of ``der``."""
    der: bytes

    def __repr__(self) -> str:
        return f"<CertificateRequest {self.subject!r}>"

    @property
    def public_key(self) -> PublicKey:
        """``Refused("request.key_not_sm2")`` where the key is of another kind."""
        if self.point is None:
            raise Refused(
                "request.key_not_sm2",
                "证书请求“{subject}”的公钥不是 SM2 公钥（算法 {algorithm}）。",
                subject=self.subject,
                algorithm=self.key_algorithm,
            )
        return load_public_key(self.point)

    def to_pem(self) -> bytes:
        return bytes(pem.armor("CERTIFICATE REQUEST", self.der))


def load_request(data: bytes) -> CertificateRequest:
    """The request in ``data``, DER or PEM (one). ``Malformed("request.malformed")`` for anything else."""
    return _load(bytes(data))


@lru_cache(maxsize=64)
def _load(data: bytes) -> CertificateRequest:
    if len(data) > _MAX_SIZE:
        raise _malformed("too large")
    try:
        return _read(_unarmour(data))
    except Malformed as error:
        raise _malformed(error.message) from error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError) as error:
        raise _malformed("not PKCS#10, DER or PEM") from error


def check_request(request: CertificateRequest) -> None:
    """持有私钥的证明: was the request signed with the key it is for?

    Raises ``Refused``: ``request.key_not_sm2``, ``request.algorithm``, ``request.bad_signature``,
    ``request.no_subject``.
    """
    key = request.public_key
    if request.signature_algorithm not in SM2_SIGNATURE_OIDS:
        raise Refused(
            "request.algorithm",
            "证书请求的签名算法 {algorithm} 不在准用之列。",
            algorithm=algorithm_name(request.signature_algorithm),
        )
    if not key.verify(signature_from_raw(request.signature), request.tbs):
        raise Refused(
            "request.bad_signature",
            "证书请求“{subject}”的签名与其公钥不符：请求者不能证明持有私钥，或请求已被改动。",
            subject=request.subject,
        )
    if not request.subject_fields:
        raise Refused("request.no_subject", "证书请求没有写明主体。")


def _unarmour(data: bytes) -> bytes:
    if not pem.detect(data):
        return data
    name, _, der = pem.unarmor(data)
    if name not in _NAMES or data.count(b"-----BEGIN") != 1:
        raise _malformed("PEM")
    return bytes(der)


def _read(der: bytes) -> CertificateRequest:
    parsed = csr.CertificationRequest.load(der, strict=True)
    info = parsed["certification_request_info"]
    if info["version"].native != "v1":
        raise _malformed("version")
    fields = tuple(name_fields(info["subject"]))
    algorithm, point = key_point(info["subject_pk_info"])
    asked = _asked_extensions(info["attributes"])
    _, body, _ = read_tlv(der)
    _, _, end = read_tlv(body)
    return CertificateRequest(
        subject=show_name(fields),
        common_name=next((v for k, v in reversed(fields) if k == "CN"), show_name(fields)),
        subject_fields=fields,
        subject_name_der=info["subject"].dump(),
        key_algorithm=algorithm,
        point=point,
        key_usage=_words(asked.get("2.5.29.15")),
        extended_key_usage=_words(asked.get("2.5.29.37")),
        signature_algorithm=parsed["signature_algorithm"]["algorithm"].dotted,
        tbs=body[:end],
        signature=parsed["signature"].native,
        digest=sm3(der),
        der=der,
    )


def _asked_extensions(attributes: Any) -> dict[str, Any]:
    """extensionRequest (PKCS#9); other attributes (challenge password …) are passed over."""
    found: dict[str, Any] = {}
    for attribute in attributes:
        if attribute["type"].native != "extension_request":
            continue
        for extension in attribute["values"][0]:
            oid = extension["extn_id"].dotted
            if oid in found:
                raise _malformed("extension stands twice")
            found[oid] = extension["extn_value"].parsed.native
    return found


def _words(value: Any) -> frozenset[str] | None:
    return None if value is None else frozenset(value)


def _malformed(reason: str) -> Malformed:
    return Malformed("request.malformed", "无法解析证书请求：{reason}。", reason=reason)
