"""判断的步骤: what every signature is asked, in whatever container it stands.

Each step asks the checks of ``verify.checks`` and ``seal.checking`` and keeps what they say; none raises for what a
document holds. The order of the steps is in ``verify.verifier`` (OFD) and ``verify.pdf.judging`` (PDF).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ParamSpec

from seal import checking
from seal.message import DataMessage
from seal.ses import SESeal
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.errors import CheckFailed
from trust.i18n import N_
from verify import checks, licence, remarks, seal_standing
from verify.checks import Question, SigningTime
from verify.policy import (
    LICENCE_STATUS_NOT_CHECKED,
    LicenceStatus,
    PeerStatusSource,
    SealStatusSource,
    StatusSource,
)
from verify.report import Finding, Severity

P = ParamSpec("P")


@dataclass(slots=True)
class Found:
    """What has been found so far."""

    findings: list[Finding] = field(default_factory=list)

    def ask(self, check: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Ask ``check``; a no becomes a finding."""
        try:
            check(*args, **kwargs)
        except CheckFailed as failure:
            self.add_failures([failure])

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The same for a block of checks."""
        try:
            yield
        except CheckFailed as failure:
            self.add_failures([failure])

    def add_failures(self, failures: Iterable[CheckFailed]) -> None:
        for failure in failures:
            finding = Finding.of(failure)
            if finding not in self.findings:
                self.findings.append(finding)

    def add_remarks(self, found: Iterable[remarks.Remark]) -> None:
        self.findings.extend(remark.finding for remark in found)

    def has(self, code: str) -> bool:
        return any(finding.code == code for finding in self.findings)


@dataclass(slots=True)
class Judging:
    """One signature while it is judged."""

    found: Found = field(default_factory=Found)
    signer: Certificate | None = None
    time: SigningTime | None = None


def check_signer_value(judging: Judging, certificate: bytes, value: bytes, signed: bytes) -> None:
    """签名值 by the certificate that came along."""
    with judging.found.asking():
        judging.signer = checks.signer_certificate(certificate)
        checks.check_value(judging.signer, value, signed)


def establish_time(
    judging: Judging,
    claimed: datetime | None,
    token: bytes | None,
    value: bytes,
    trust: TrustStore,
    question: Question,
) -> None:
    """签章时间: proved by a time stamp over the signature ``value``, else only claimed."""
    judging.time = SigningTime(claimed, proved=False) if claimed is not None else None
    if token is not None:
        with judging.found.asking():
            judging.time = checks.check_time_stamp(token, value, trust, question)
            checks.check_time_order(claimed or judging.time.value, judging.time.value)
    if judging.time is not None:
        judging.found.ask(checks.check_time_not_future, judging.time, question)


def check_seal(
    judging: Judging,
    seal: SESeal,
    certificate: bytes,
    trust: TrustStore,
    seals: SealStatusSource | None,
    question: Question,
) -> None:
    """印章: form, maker's signature, the signer in its list, maker's chain, period, standing."""
    found, time = judging.found, judging.time
    assert time is not None
    found.ask(checking.check_seal_form, seal)
    found.ask(checking.check_maker_signature, seal)
    found.ask(checking.check_signer_listed, seal, certificate)
    with found.asking():
        checking.check_maker(seal, trust, moment=time.value, known_at=question.known_at, proved=time.proved)
    with found.asking():
        checking.check_seal_time(seal, trust, known_at=question.known_at)
    with found.asking():
        checking.check_seal_period(seal, moment=time.value, known_at=question.latest, proved=time.proved)
    with found.asking():
        if not seal_standing.check_in_force(seal, time, trust, seals, question):
            found.add_remarks([remarks.STANDING_NOT_CHECKED])


def check_certificate(
    judging: Judging, trust: TrustStore, question: Question, attached: tuple[Certificate, ...] = ()
) -> None:
    """签章人证书: 合法·在期·未废止, at the time established."""
    if judging.signer is None:
        return
    time = judging.time or SigningTime(question.latest, proved=False)
    judging.found.ask(checks.check_signed_in_period, judging.signer, time)
    judging.found.ask(checks.check_certificate, judging.signer, trust, time, question, attached)


def check_status(
    found: Found,
    message: DataMessage,
    statuses: StatusSource | None,
    trust: TrustStore,
    question: Question,
    check_file: Callable[[LicenceStatus], None],
    peers: PeerStatusSource | None = None,
) -> None:
    """证照状态: the register's word, else a fresh status list's, else a warning that nobody was asked.

    ``check_file`` raises where the register holds another file under this id.
    """
    status: LicenceStatus | None = None
    with found.asking():
        status = licence.find_status(message, statuses, trust, question, peers)
        if status is None:
            licence.check_register_knows(message, statuses, trust)
    if status is not None:
        found.ask(licence.check_current, status)
        found.ask(check_file, status)
    elif not any(found.has(code) for code in licence.STATUS_SAID):
        template = N_("未能查询证照状态（没有登记系统，也没有有效的状态列表），结论仅依据文件本身。")
        found.findings.append(Finding(LICENCE_STATUS_NOT_CHECKED, Severity.WARNING, template))
