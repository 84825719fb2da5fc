"""证书: what an X.509 certificate says (GB/T 20518, RFC 5280), SM2 included. Reading is not believing.

``load_certificate`` parses once and remembers; ``trust.path`` decides whether to believe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from asn1crypto import core, pem, x509

from trust.algorithms import SM2_CURVE, sm3
from trust.der import read_tlv
from trust.der_reader import CONTEXT_0, SEQUENCE, Cursor
from trust.errors import Malformed
from trust.sm2 import PublicKey, load_public_key

_MAX_SIZE: Final = 1 << 16
_MAX_NAME_PARTS: Final = 32
_MAX_EXTENSION: Final = 4096
"""Of the extensions we look into. Certificates come with strangers' files: none may take long to read."""

_PROCESSED: Final = frozenset(
    {
        "2.5.29.14",  # subjectKeyIdentifier
        "2.5.29.15",  # keyUsage
        "2.5.29.17",  # subjectAltName: we compare no host names
        "2.5.29.18",  # issuerAltName
        "2.5.29.19",  # basicConstraints
        "2.5.29.31",  # cRLDistributionPoints
        "2.5.29.32",  # certificatePolicies: the initial policy set is any-policy, so nothing is to enforce
        "2.5.29.35",  # authorityKeyIdentifier
        "2.5.29.37",  # extKeyUsage
        "1.3.6.1.5.5.7.48.1.5",  # id-pkix-ocsp-nocheck
    }
)

_SHORT_NAMES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.42": "GN",
    "2.5.4.4": "SN",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "1.2.840.113549.1.9.1": "E",
}


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """数字证书: the facts of one certificate, with the octets they were read from."""

    der: bytes
    subject: str
    """RFC 4514 order (most particular first), e.g. ``CN=…,O=…,C=CN``."""
    common_name: str
    """The last CN of the subject, or the subject itself where it has none."""
    issuer: str
    serial: int
    not_before: datetime
    """Aware, UTC."""
    not_after: datetime
    """Aware, UTC; the last moment of validity, itself included."""
    key_algorithm: str
    """OID of the key's algorithm; for EC keys, of the curve."""
    point: bytes | None
    """Public key as 04 ‖ X ‖ Y where the key is on the SM2 curve, else ``None``."""
    key_usage: frozenset[str] | None
    """asn1crypto's words (``digital_signature``, ``non_repudiation``, ``key_cert_sign``, ``crl_sign`` …);
    ``None`` where the extension is absent."""
    extended_key_usage: frozenset[str] | None
    """asn1crypto's words (``time_stamping`` …) or dotted OIDs; ``None`` where absent."""
    extended_key_usage_critical: bool
    is_ca: bool
    path_length: int | None
    subject_key_id: bytes | None
    authority_key_id: bytes | None
    critical_unknown: tuple[str, ...]
    """OIDs of critical extensions we do not process: such a certificate is not to be believed."""
    extensions: tuple[str, ...]
    """OIDs of all extensions, in order."""
    crl_urls: tuple[str, ...]
    """Where the issuer says its lists are."""
    ocsp_urls: tuple[str, ...]
    """Where the issuer says its OCSP responder is."""
    no_check: bool
    """id-pkix-ocsp-nocheck: an OCSP responder's certificate that is not to be asked about."""
    digest: bytes
    """SM3 of ``der``."""
    signature_algorithm: str
    """OID."""
    tbs: bytes
    """The octets the issuer signed."""
    signature: bytes
    issuer_name_der: bytes
    subject_name_der: bytes
    version: int
    """1, 2 or 3."""
    subject_fields: tuple[tuple[str, str], ...] = field(default=())
    """``(short name or OID, value)`` in the order of the certificate."""

    def __repr__(self) -> str:
        return f"<Certificate {self.subject!r} serial={self.serial:x}>"

    @property
    def public_key(self) -> PublicKey:
        """The SM2 key, prepared. ``Malformed("certificate.key_not_sm2")`` where it is of another kind."""
        if self.point is None:
            raise Malformed(
                "certificate.key_not_sm2",
                "证书“{subject}”的公钥不是 SM2 公钥（算法 {algorithm}）。",
                subject=self.subject,
                algorithm=self.key_algorithm,
            )
        return load_public_key(self.point)

    @property
    def is_self_issued(self) -> bool:
        """Is the issuer's name the subject's own?"""
        return self.issuer_name_der == self.subject_name_der

    def subject_field(self, name: str) -> str:
        """The last value of ``CN``, ``O``, ``OU``, ``SERIALNUMBER`` … in the subject, or the empty string."""
        return next((value for key, value in reversed(self.subject_fields) if key == name), "")

    def to_pem(self) -> bytes:
        return bytes(pem.armor("CERTIFICATE", self.der))


def load_certificate(data: bytes) -> Certificate:
    """The certificate in ``data``, DER or PEM (one). Cached by its octets.

    Raises ``Malformed("certificate.malformed")`` for anything that is not exactly one certificate.
    """
    return _load(bytes(data))


@lru_cache(maxsize=2048)
def _load(data: bytes) -> Certificate:
    if len(data) > _MAX_SIZE:
        raise Malformed("certificate.malformed", "无法解析证书：数据超过 64 KB。")
    try:
        return _read(_unarmour(data))
    except Malformed:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError) as error:
        raise Malformed("certificate.malformed", "无法解析证书：不是有效的 X.509 证书（DER 或 PEM）。") from error


def load_certificates(data: bytes) -> tuple[Certificate, ...]:
    """All certificates of a PEM file, or the one of a DER file, in order; ``Malformed`` as above."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", data, re.DOTALL)
    return tuple(load_certificate(block) for block in blocks) if blocks else (load_certificate(data),)


def _unarmour(data: bytes) -> bytes:
    if not pem.detect(data):
        return data
    if data.count(b"-----BEGIN") != 1 or data.count(b"-----END") != 1:
        raise Malformed("certificate.malformed", "无法解析证书：PEM 文件应恰有一段证书。")
    name, _, der = pem.unarmor(data)
    if name not in ("CERTIFICATE", "X509 CERTIFICATE"):
        raise Malformed("certificate.malformed", "无法解析证书：PEM 段是“{name}”，不是证书。", name=name)
    return bytes(der)


def _read(der: bytes) -> Certificate:
    parsed = x509.Certificate.load(der, strict=True)
    tbs, tbs_octets = parsed["tbs_certificate"], _first_element(der)
    _check_names(tbs_octets)
    outer, inner = parsed["signature_algorithm"]["algorithm"].dotted, tbs["signature"]["algorithm"].dotted
    if outer != inner:
        raise Malformed("certificate.malformed", "无法解析证书：证书内外标注的签名算法不一致。")
    extensions = _Extensions(tbs["extensions"])
    subject, issuer = list(name_fields(tbs["subject"])), list(name_fields(tbs["issuer"]))
    algorithm, point = key_point(tbs["subject_public_key_info"])
    return Certificate(
        der=der,
        subject=show_name(subject),
        common_name=next((v for k, v in reversed(subject) if k == "CN"), show_name(subject)),
        issuer=show_name(issuer),
        serial=tbs["serial_number"].native,
        not_before=_moment(tbs["validity"]["not_before"]),
        not_after=_moment(tbs["validity"]["not_after"]),
        key_algorithm=algorithm,
        point=point,
        digest=sm3(der),
        signature_algorithm=outer,
        tbs=tbs_octets,
        signature=parsed["signature_value"].native,
        issuer_name_der=tbs["issuer"].dump(),
        subject_name_der=tbs["subject"].dump(),
        version={"v1": 1, "v2": 2, "v3": 3}[tbs["version"].native],
        subject_fields=tuple(subject),
        **extensions.facts(),
    )


def _first_element(der: bytes) -> bytes:
    """The first element inside the outer SEQUENCE, exactly as it came: what the issuer signed."""
    _, body, _ = read_tlv(der)
    _, _, end = read_tlv(body)
    return body[:end]


def _check_names(tbs: bytes) -> None:
    """Refuse names of very many parts before they are parsed."""
    fields = Cursor(tbs).enter(SEQUENCE)
    if fields.peek() == CONTEXT_0:
        fields.skip()
    for _ in range(2):  # serial number and algorithm before the issuer, validity before the subject
        while fields.peek() not in (SEQUENCE, -1):
            fields.skip()
        fields.skip()
        name, count = fields.enter(SEQUENCE), 0
        while name:
            name.skip()
            count += 1
        if count > _MAX_NAME_PARTS:
            raise Malformed("certificate.malformed", "无法解析证书：主体或颁发者的名称过长。")


class _Extensions:
    """The extensions of one certificate, each parsed only when asked for."""

    def __init__(self, extensions: Any) -> None:
        self._by_oid: dict[str, Any] = {}
        for extension in extensions if not isinstance(extensions, core.Void) else ():
            oid = extension["extn_id"].dotted
            if oid in self._by_oid:
                raise Malformed("certificate.malformed", "无法解析证书：扩展 {oid} 出现两次。", oid=oid)
            self._by_oid[oid] = extension

    def value(self, oid: str) -> Any:
        extension = self._by_oid.get(oid)
        if extension is not None and len(extension["extn_value"].contents) > _MAX_EXTENSION:
            raise Malformed("certificate.malformed", "无法解析证书：扩展 {oid} 过长。", oid=oid)
        return None if extension is None else extension["extn_value"].parsed.native

    def critical(self, oid: str) -> bool:
        extension = self._by_oid.get(oid)
        return extension is not None and bool(extension["critical"].native)

    def facts(self) -> dict[str, Any]:
        constraints = self.value("2.5.29.19") or {"ca": False, "path_len_constraint": None}
        authority = self.value("2.5.29.35") or {}
        usage, extended = self.value("2.5.29.15"), self.value("2.5.29.37")
        return {
            "key_usage": None if usage is None else frozenset(usage),
            "extended_key_usage": None if extended is None else frozenset(extended),
            "extended_key_usage_critical": self.critical("2.5.29.37"),
            "is_ca": constraints["ca"],
            "path_length": constraints["path_len_constraint"],
            "subject_key_id": self.value("2.5.29.14"),
            "authority_key_id": authority.get("key_identifier"),
            "critical_unknown": tuple(o for o in self._by_oid if self.critical(o) and o not in _PROCESSED),
            "extensions": tuple(self._by_oid),
            "crl_urls": tuple(self._crl_urls()),
            "ocsp_urls": tuple(self._ocsp_urls()),
            "no_check": "1.3.6.1.5.5.7.48.1.5" in self._by_oid,
        }

    def _ocsp_urls(self) -> Iterator[str]:
        for access in self.value("1.3.6.1.5.5.7.1.1") or ():
            if access["access_method"] == "ocsp" and isinstance(access["access_location"], str):
                yield access["access_location"]

    def _crl_urls(self) -> Iterator[str]:
        for point in self.value("2.5.29.31") or ():
            names = point["distribution_point"]
            for name in names if isinstance(names, list) else ():
                if isinstance(name, str):
                    yield name


def key_point(info: Any) -> tuple[str, bytes | None]:
    """``(algorithm or curve, SM2 point)`` of a SubjectPublicKeyInfo."""
    algorithm = info["algorithm"]
    if algorithm["algorithm"].native != "ec":
        return algorithm["algorithm"].dotted, None
    parameters = algorithm["parameters"]
    curve = parameters.chosen.dotted if parameters.name == "named" else parameters.name
    point = info["public_key"].native if curve == SM2_CURVE else None
    return curve, point


def _moment(time: Any) -> datetime:
    native = time.native
    if not isinstance(native, datetime):
        raise Malformed("certificate.malformed", "无法解析证书：有效期不是有效的时间。")
    return native.astimezone(UTC) if native.tzinfo else native.replace(tzinfo=UTC)


def name_fields(name: Any) -> Iterator[tuple[str, str]]:
    """``(short name or OID, value)`` in the order of the Name."""
    for relative in name.chosen:
        for attribute in relative:
            oid = attribute["type"].dotted
            yield _SHORT_NAMES.get(oid, oid), _text(attribute["value"])


def _text(value: Any) -> str:
    native = value.native
    return native if isinstance(native, str) else value.dump().hex()


def show_name(fields: Sequence[tuple[str, str]]) -> str:
    """A name for people, most particular part first (RFC 4514)."""
    return ",".join(f"{name}={_escape(value)}" for name, value in reversed(fields))


def _escape(value: str) -> str:
    """RFC 4514, 2.4; control characters too, for the text is shown to people."""
    escaped = re.sub(r'([",+;<>\\])', r"\\\1", value)
    escaped = re.sub(r"^([ #])|( )$", r"\\\g<0>", escaped)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped)
