"""核验报告: what a verification answers (ETSI EN 319 102-1 words, findings with stable codes).

``Report`` has no truth value on purpose: ask ``report.indication``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn

from trust.errors import CheckFailed, LicenceTrustError, Word, fill


class Indication(StrEnum):
    """Result of a validation (EN 319 102-1, table 5)."""

    PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    FAILED = "TOTAL-FAILED"

    @property
    def rank(self) -> int:
        """0 passed, 1 indeterminate, 2 failed: the highest decides."""
        return _RANK[self]


_RANK = {Indication.PASSED: 0, Indication.INDETERMINATE: 1, Indication.FAILED: 2}


class Severity(StrEnum):
    """``error`` decides the indication; ``warning`` and ``info`` do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def _shown(value: object, translate: Callable[[str], str]) -> object:
    """A parameter as the reader's language has it: our words and our errors are translated too."""
    if isinstance(value, LicenceTrustError):
        return value.localised(translate)[0]
    return translate(value) if isinstance(value, Word) else value


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, in words a clerk can use."""

    code: str
    """Stable, e.g. ``integrity.digest_mismatch``; listed in ``docs/findings.md``."""
    severity: Severity
    template: str
    """Chinese msgid with ``{named}`` places."""
    params: Mapping[str, object] = field(default_factory=dict)
    indication: Indication = Indication.PASSED
    """What this finding alone would make of the document."""
    sub_indication: str | None = None

    def message(self, translate: Callable[[str], str] = str) -> str:
        """The message, in Chinese unless ``translate`` says otherwise."""
        return fill(translate(self.template), {name: _shown(value, translate) for name, value in self.params.items()})

    @classmethod
    def of(cls, failure: CheckFailed) -> Finding:
        """The finding a failed check becomes."""
        return cls(
            failure.code,
            Severity.ERROR,
            failure.template,
            failure.params,
            Indication(failure.indication),
            failure.sub_indication,
        )

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, str]:
        return {"code": self.code, "severity": str(self.severity), "message": self.message(translate)}


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """证书信息 shown to anyone (R073): basics, validity, authority, purpose."""

    subject: str
    """Readable name of the holder, as RFC 4514 writes it."""
    common_name: str
    issuer: str
    """The authority, likewise."""
    serial: str
    """Hexadecimal."""
    valid_from: datetime
    valid_to: datetime
    usage: tuple[str, ...]
    """Key usages, then extended ones, by asn1crypto's words: ``digital_signature``, ``time_stamping`` …"""
    digest: str
    """SM3 of the certificate, hex."""
    der: bytes = field(repr=False)

    def to_json(self) -> dict[str, object]:
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "serial": self.serial,
            "valid_from": rfc3339(self.valid_from),
            "valid_to": rfc3339(self.valid_to),
            "usage": list(self.usage),
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class SealInfo:
    """印章信息 shown to anyone (R073)."""

    id: str
    name: str
    valid_from: datetime
    valid_to: datetime
    maker: str
    """Subject of the seal maker's certificate."""
    picture: bytes
    picture_type: str
    """``png``, ``jpg``, … in lower case."""
    structure: str = ""
    """``SES-V1``, ``SES-V4``, ``SES-V5``."""
    kind: str = ""
    """A code of ``seal.kinds.KINDS``, ``""`` where the seal states none."""
    purpose: str = ""
    """What the seal says it is for."""
    type: int = 0
    """``property.type``: 1 unit, 2 person; other values are the maker's own."""
    vendor: str = ""
    created: datetime | None = None
    width_mm: int = 0
    height_mm: int = 0
    maker_certificate: CertificateInfo | None = None
    listed: tuple[str, ...] = ()
    """Who may use it: names of the certificates listed, or their digests in hex."""

    def to_json(self) -> dict[str, object]:
        """Everything but the picture, which has an address of its own."""
        return {
            "id": self.id,
            "name": self.name,
            "structure": self.structure,
            "kind": self.kind,
            "purpose": self.purpose,
            "type": self.type,
            "vendor": self.vendor,
            "created": rfc3339(self.created) if self.created else None,
            "valid_from": rfc3339(self.valid_from),
            "valid_to": rfc3339(self.valid_to),
            "size_mm": [self.width_mm, self.height_mm],
            "picture_type": self.picture_type,
            "maker": self.maker_certificate.to_json() if self.maker_certificate else {"subject": self.maker},
            "signers": list(self.listed),
        }


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """The answer for one signature of the document."""

    id: str
    kind: str
    """``seal`` (电子签章) or ``signature`` (数字签名)."""
    structure: str
    """``SES-V4``, ``SES-V1``, ``SES-V5``, ``GBT-35275``, ``unknown``."""
    signer: str
    findings: tuple[Finding, ...]
    indication: Indication
    sub_indication: str | None
    seal: SealInfo | None = None
    time: datetime | None = None
    time_proved: bool = False
    covered: tuple[str, ...] = ()
    """Names of the entries this signature protects."""
    certificate: CertificateInfo | None = None
    """The signer's."""
    time_authority: str = ""
    """Who proved the time."""
    pages: tuple[str, ...] = ()
    """IDs of the pages on which the seal is shown."""
    level: str = ""
    """``B-B``, ``B-T``, ``B-LT`` or ``B-LTA`` (EN 319 142-1), of a signature in PDF."""
    evidence: tuple[str, ...] = ()
    """What spoke for its certificates: lists and answers used, time stamps of the document."""

    def details(self, translate: Callable[[str], str] = str) -> dict[str, object]:
        """签章信息 (R073): ``to_json`` with everything that can be told of seal, certificate, time and cover."""
        answer = self.to_json(translate)
        if self.seal is not None:
            answer["seal"] = self.seal.to_json()
        if self.time is not None and self.time_authority:
            answer["time"] = {"value": rfc3339(self.time), "proved": True, "authority": self.time_authority}
        answer["certificate"] = self.certificate.to_json() if self.certificate is not None else None
        answer["protects"] = list(self.covered)
        answer["pages"] = list(self.pages)
        answer["evidence"] = list(self.evidence)
        return answer

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, object]:
        answer: dict[str, object] = {
            "kind": self.kind,
            "structure": self.structure,
            "signer": self.signer,
            "indication": str(self.indication),
            "sub_indication": self.sub_indication,
            "findings": [f.to_json(translate) for f in self.findings],
        }
        if self.seal is not None:
            answer["seal"] = {"id": self.seal.id, "name": self.seal.name}
        if self.time is not None:
            answer["time"] = {"value": rfc3339(self.time), "proved": self.time_proved}
        if self.level:
            answer["level"] = self.level
        return answer


@dataclass(frozen=True, slots=True)
class Report:
    """The answer for a whole document; the worst finding decides."""

    indication: Indication
    sub_indication: str | None
    document: Mapping[str, str | int]
    """``format``, ``digest`` (SM3, hex) and, of a licence, ``licence_id``, ``licence_number``, ``version``."""
    signatures: tuple[SignatureReport, ...]
    findings: tuple[Finding, ...]
    moment: datetime
    """The moment for which the question was asked."""
    face: tuple[tuple[str, str, str], ...] = ()
    """``(name, title, text)`` of each face field, as the sealed data message states it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    copy: Mapping[str, object] | None = None
    """用证副本: its terms as they stand in the file; ``None``: it is no copy."""
    trust_list: Mapping[str, object] = field(default_factory=dict)
    """信任列表 by which documents of other regions are judged: number, age and, of such a document, its entitlement."""

    def __bool__(self) -> NoReturn:
        raise TypeError("a Report has no truth value: ask report.indication")

    @classmethod
    def of(
        cls,
        document: Mapping[str, str | int],
        signatures: tuple[SignatureReport, ...],
        findings: tuple[Finding, ...],
        moment: datetime,
        face: tuple[tuple[str, str, str], ...] = (),
        metadata: Mapping[str, str] | None = None,
        copy: Mapping[str, object] | None = None,
    ) -> Report:
        """The worst finding decides, the signatures' before the document's; without signature nothing passes."""
        every = [*(f for s in signatures for f in s.findings), *findings]
        indication, sub = worst(every)
        if not signatures and indication is Indication.PASSED:
            indication, sub = Indication.INDETERMINATE, "NO_SIGNATURE_FOUND"
        return cls(indication, sub, document, signatures, findings, moment, face, metadata or {}, copy)

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, object]:
        """The object of the console contract (``verify --json``)."""
        return {
            "indication": str(self.indication),
            "sub_indication": self.sub_indication,
            "document": {**self.document, **({"copy": dict(self.copy)} if self.copy is not None else {})},
            "signatures": [s.to_json(translate) for s in self.signatures],
            "findings": [f.to_json(translate) for f in self.findings],
            **({"trust_list": dict(self.trust_list)} if self.trust_list else {}),
        }


def worst(findings: list[Finding]) -> tuple[Indication, str | None]:
    """The highest indication among ``findings`` with the sub-indication of the first that has it."""
    indication, sub = Indication.PASSED, None
    for finding in findings:
        if finding.indication.rank > indication.rank:
            indication, sub = finding.indication, finding.sub_indication
    return indication, sub


def rfc3339(moment: datetime) -> str:
    """``2026-11-22T08:00:00Z`` (RFC 3339, UTC)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
