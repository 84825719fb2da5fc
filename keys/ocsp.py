"""在线证书状态服务: the built-in CA answers whether a certificate it issued stands (RFC 6960).

A pure act: what was issued and what was revoked, a ``StandingSource`` says. The signer is the CA itself or,
better, a responder with a short-lived certificate from it (``keys.authority.OCSP_RESPONDER``).

    responder = OCSPResponder(ca_certificate, signer, standings, clock)
    answer = responder.respond(request)         # DER in, DER out; never raises for a bad request
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from keys.signer import Signer
from trust import der
from trust.algorithms import SM2_WITH_SM3
from trust.certificates import Certificate
from trust.crl import REASONS, CertificateList, Revoked, read_extensions
from trust.der_reader import CONTEXT_0, CONTEXT_1, OCTET_STRING, SEQUENCE, Cursor
from trust.errors import Malformed, Refused, Unavailable
from trust.ocsp import BASIC_RESPONSE, DIGESTS, NONCE, CertID, encode_cert_id, nonce_extension, read_cert_id

MAX_REQUEST: Final = 1 << 16
MAX_ASKED: Final = 32
"""Most certificates asked about in one request."""
_MAX_NONCE: Final = 128
_KNOWN_EXTENSIONS: Final = frozenset({NONCE, "1.3.6.1.5.5.7.48.1.4"})
"""Nonce, and the acceptable response types: we have only the basic one."""

_MALFORMED, _TRY_LATER, _UNAUTHORIZED = 1, 3, 6


@dataclass(frozen=True, slots=True)
class Standing:
    """登记状态: what the CA's register says of one serial number."""

    issued: bool
    """Did this CA issue it? If not, the answer is *unknown*."""
    revoked: Revoked | None = None


class StandingSource(Protocol):
    """证书登记: what a CA remembers."""

    def standing(self, serial: int) -> Standing:
        """Of the certificate with ``serial``; ``Unavailable`` when the register cannot be asked."""


@dataclass(frozen=True, slots=True)
class ListedStandings:
    """A ``StandingSource`` over a CRL and the serial numbers issued."""

    issued: frozenset[int]
    revoked: Mapping[int, Revoked]

    @classmethod
    def of(cls, issued: frozenset[int], crl: CertificateList) -> ListedStandings:
        return cls(issued | frozenset(crl.revoked), crl.revoked)

    def standing(self, serial: int) -> Standing:
        return Standing(serial in self.issued, self.revoked.get(serial))


def _now() -> datetime:
    return datetime.now(UTC)


class _Answered(Exception):
    """A request that is answered with a bare status: ``(status,)``."""


@dataclass(frozen=True, slots=True)
class OCSPResponder:
    """在线证书状态服务 for the certificates of ``issuer``."""

    issuer: Certificate
    signer: Signer
    standings: StandingSource
    clock: Callable[[], datetime] = _now
    """Aware."""
    period: timedelta = timedelta(hours=12)
    """From thisUpdate to nextUpdate."""
    _head: bytes = field(init=False, repr=False, compare=False)
    _certificates: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ``Refused("ocsp.not_a_responder")`` unless the signer is the CA, or its delegate for OCSP."""
        certificate = self.signer.certificate
        own = certificate.digest == self.issuer.digest
        delegated = certificate.issuer_name_der == self.issuer.subject_name_der and "ocsp_signing" in (
            certificate.extended_key_usage or ()
        )
        if not own and not delegated:
            raise Refused(
                "ocsp.not_a_responder",
                "证书“{subject}”不能签发在线状态应答：须为证书机构本身，或由其签发且扩展密钥用途为 OCSPSigning。",
                subject=certificate.subject,
            )
        chain = b"" if own else der.tlv(CONTEXT_0, der.tlv(der.SEQUENCE, certificate.der))
        object.__setattr__(self, "_head", der.tlv(0xA1, certificate.subject_name_der))
        object.__setattr__(self, "_certificates", chain)

    def respond(self, request: bytes) -> bytes:
        """OCSPResponse for an OCSPRequest (both DER); what cannot be answered is answered with a status."""
        try:
            asked, nonce = _read_request(request)
            return self._signed([self._answer(subject) for subject in asked], nonce)
        except _Answered as bare:
            return _bare(bare.args[0])
        except Malformed:
            return _bare(_MALFORMED)
        except Unavailable:
            return _bare(_TRY_LATER)

    def answer(self, serial: int, *, algorithm: str) -> bytes:
        """An answer without nonce about one of our certificates, to be published or kept with a document.

        Raises ``Unavailable("ocsp.not_valid")`` outside the responder's validity.
        """
        digest = DIGESTS[algorithm]
        names = digest(self.issuer.subject_name_der), digest(self.issuer.point or b"")
        return self._signed([self._answer(CertID(algorithm, *names, serial))], None)

    def _answer(self, subject: CertID) -> bytes:
        """SingleResponse; a certificate of another CA is not ours to speak of."""
        if not subject.issued_by(self.issuer):
            raise _Answered(_UNAUTHORIZED)
        standing, now = self.standings.standing(subject.serial), self.clock()
        times = _time(now) + der.tlv(CONTEXT_0, _time(now + self.period))
        return der.tlv(der.SEQUENCE, encode_cert_id(subject), _status(standing, now), times, _extensions(standing))

    def _signed(self, answers: list[bytes], nonce: bytes | None) -> bytes:
        now, certificate = self.clock(), self.signer.certificate
        if not certificate.not_before <= now <= certificate.not_after:
            raise Unavailable(
                "ocsp.not_valid",
                "在线证书状态服务的证书“{subject}”此刻不在有效期内，不能应答。",
                subject=certificate.subject,
                remedy="请更新该证书，或校正本机时钟。",
            )
        extensions = b"" if nonce is None else der.tlv(CONTEXT_1, der.tlv(der.SEQUENCE, nonce_extension(nonce)))
        tbs = der.tlv(der.SEQUENCE, self._head, _time(now), der.tlv(der.SEQUENCE, *answers), extensions)
        signature = der.tlv(der.BIT_STRING, b"\0", self.signer.sign(tbs))
        basic = der.tlv(der.SEQUENCE, tbs, _ALGORITHM, signature, self._certificates)
        typed = der.tlv(der.SEQUENCE, der.oid(BASIC_RESPONSE), der.tlv(der.OCTET_STRING, basic))
        return der.tlv(der.SEQUENCE, _enumerated(0), der.tlv(CONTEXT_0, typed))


_ALGORITHM: Final = der.tlv(der.SEQUENCE, der.oid(SM2_WITH_SM3))


def _read_request(data: bytes) -> tuple[list[CertID], bytes | None]:
    """What is asked, and the nonce. A signature of the asker is passed over: everybody may ask."""
    if len(data) > MAX_REQUEST:
        raise _Answered(_MALFORMED)
    outer = Cursor(data)
    whole = outer.enter(SEQUENCE)
    outer.finish()
    tbs = whole.enter(SEQUENCE)
    if (version := tbs.optional(CONTEXT_0)) is not None and version.integer() != 0:
        raise _Answered(_MALFORMED)
    if tbs.peek() == CONTEXT_1:
        tbs.skip()
    asked = _read_asked(tbs.enter(SEQUENCE))
    nonce = _read_nonce(tbs.optional(0xA2))
    tbs.finish()
    return asked, nonce


def _read_asked(some: Cursor) -> list[CertID]:
    asked: list[CertID] = []
    while some:
        one = some.enter(SEQUENCE)
        subject = read_cert_id(one.enter(SEQUENCE))
        if subject.algorithm not in DIGESTS or len(asked) >= MAX_ASKED:
            raise _Answered(_MALFORMED)
        asked.append(subject)
    if not asked:
        raise _Answered(_MALFORMED)
    return asked


def _read_nonce(tagged: Cursor | None) -> bytes | None:
    if tagged is None:
        return None
    extensions = read_extensions(tagged.enter(SEQUENCE))
    if any(critical and oid not in _KNOWN_EXTENSIONS for oid, (critical, _) in extensions.items()):
        raise _Answered(_MALFORMED)
    if NONCE not in extensions:
        return None
    nonce = Cursor(extensions[NONCE][1]).body(OCTET_STRING)
    if not 1 <= len(nonce) <= _MAX_NONCE:
        raise _Answered(_MALFORMED)
    return nonce


def _status(standing: Standing, now: datetime) -> bytes:
    """CertStatus. A revocation dated later than now has not happened yet."""
    revoked = standing.revoked
    if not standing.issued:
        return b"\x82\x00"
    if revoked is None or revoked.reason == "removeFromCRL" or min(revoked.effective, revoked.time) > now:
        return b"\x80\x00"
    number = REASONS.index(revoked.reason) if revoked.reason else 0
    reason = der.tlv(CONTEXT_0, _enumerated(number)) if number else b""
    return der.tlv(CONTEXT_1, _time(revoked.time), reason)


def _extensions(standing: Standing) -> bytes:
    """invalidityDate, where the register knows since when the key was unsafe."""
    if not standing.issued or standing.revoked is None or standing.revoked.invalid_since is None:
        return b""
    value = der.tlv(der.OCTET_STRING, _time(standing.revoked.invalid_since))
    return der.tlv(CONTEXT_1, der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, der.oid("2.5.29.24"), value)))


def _time(moment: datetime) -> bytes:
    return der.tlv(der.GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def _enumerated(value: int) -> bytes:
    return bytes((0x0A, 1, value))


def _bare(status: int) -> bytes:
    return der.tlv(der.SEQUENCE, _enumerated(status))
