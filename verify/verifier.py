"""核验: the third door. Bytes in, a ``Report`` out (GB/T 38540-2020, 6.3 and 7.3; EN 319 102-1).

    report = Verifier(trust, clock).verify(data)
    report.indication, report.sub_indication

The body of ``verify`` is the whole act: open, judge each signature, judge the file, judge the licence, the worst
finding decides. Checks raise; this is the one place that catches them and makes findings, so that the answer
lists everything that is wrong. No key, no database, no disk; no network but through ``evidence``, if one is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ParamSpec

from seal import checking
from seal.message import DataMessage, FaceValue
from seal.ofd.package import Limits
from seal.ses import SESSignature
from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from verify import checks, licence, remarks, seal_standing
from verify.checks import Question, SigningTime
from verify.evidence import certificates_in
from verify.face import Face, read_face
from verify.opening import OpenedDocument, OpenedSignature, open_document
from verify.policy import (
    LICENCE_STATUS_NOT_CHECKED,
    EvidenceSource,
    LicenceStatus,
    SealStatusSource,
    StatusSource,
)
from verify.report import Finding, Indication, Report, Severity, SignatureReport, worst
from verify.seal_view import view_certificate, view_seal

P = ParamSpec("P")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Verifier:
    """核验人: whom it believes, what time it is, and who knows the state of licences."""

    trust: TrustStore
    """Anchors, certificates, revocation lists, status lists."""
    clock: Callable[[], datetime] = _now
    statuses: StatusSource | None = None
    """The register; absent offline and in the issuer's self-check, and then the report says so."""
    limits: Limits = field(default_factory=Limits)
    seals: SealStatusSource | None = None
    """The register of seals; absent, the lists in ``trust`` are asked."""
    evidence: EvidenceSource | None = None
    """Who fetches lists and answers about the certificates of a document; absent, ``trust`` alone is asked."""

    def verify(self, document: bytes, *, moment: datetime | None = None) -> Report:
        """核验 ``document``: is it whole, sealed by whom it should be, and good at ``moment`` (default: now)?

        ``moment`` is the time for which the question is asked: the licence's state and period are judged as of
        then. What is known about revocation is always today's knowledge: asking for a past moment proves nothing
        about when the file was made, and for a future one says what would be if nothing happens until then.
        Never raises for what ``document`` holds.
        """
        question = self._question(moment)
        try:
            opened = open_document(document, self.limits)
        except Malformed as error:
            return _unreadable(document, error, question)
        if self.evidence is not None:
            trust = self.evidence.current(self.trust, certificates_in(opened))
            return replace(self, trust=trust, evidence=None)._judge(opened, question)
        return self._judge(opened, question)

    def _judge(self, opened: OpenedDocument, question: Question) -> Report:
        """By what is at hand."""
        judged = [self._judge_signature(opened, signature, question) for signature in opened.signatures]
        file_findings = self._judge_file(opened, question)
        licence_findings = self._judge_licence(opened, judged, question)
        return _report(opened, judged, [*file_findings, *licence_findings], question)

    def _question(self, moment: datetime | None) -> Question:
        now = _aware(self.clock())
        asked = _aware(moment) if moment is not None else now
        return Question(asked, now)

    # ------------------------------------------------------------ each signature

    def _judge_signature(self, opened: OpenedDocument, signature: OpenedSignature, question: Question) -> _Judged:
        """One signature: integrity, seal, signature value, time, certificate, in this order."""
        judged = _Judged(signature)
        judged.found.add_failures(signature.faults)
        self._check_integrity(opened, judged)
        if signature.ses is not None:
            self._judge_seal_signature(opened, judged, signature.ses, question)
        else:
            self._judge_digital_signature(judged, question)
        judged.found.add_remarks(remarks.on_signature(signature, checks.left_out(opened, signature)))
        return judged

    def _check_integrity(self, opened: OpenedDocument, judged: _Judged) -> None:
        """文档完整性: every reference recomputed."""
        found, signature = judged.found, judged.signature
        found.ask(checks.check_references_present, signature)
        found.ask(checks.check_digest_method, signature)
        found.ask(checks.check_references_exist, opened, signature)
        found.ask(checks.check_references_match, opened, signature)
        found.ask(checks.check_references_once, signature)

    def _judge_seal_signature(
        self, opened: OpenedDocument, judged: _Judged, ses: SESSignature, question: Question
    ) -> None:
        """电子签章: the seal itself, the value, the time, the signer."""
        found, signature = judged.found, judged.signature
        found.ask(checks.check_data_hash, signature, ses.data_hash)
        self._check_signer_value(judged, ses.signer_certificate, ses.signature, ses.tbs_der)
        found.ask(checking.check_signature_form, ses)
        found.ask(checks.check_structures_agree, ses)
        found.ask(checks.check_property_info, signature, ses)
        # In the form of 2014 the token stands inside what is signed: it cannot prove when the signature was made.
        token = ses.timestamp if ses.structure != "SES-V1" else None
        self._establish_time(judged, ses.time, token, ses.signature, question)
        self._check_seal(opened, judged, ses, question)
        self._check_certificate(judged, question)

    def _check_signer_value(self, judged: _Judged, certificate: bytes, value: bytes, signed: bytes) -> None:
        """签名值 by the certificate that came along."""
        with judged.found.asking():
            judged.signer = checks.signer_certificate(certificate)
            checks.check_value(judged.signer, value, signed)

    def _establish_time(
        self, judged: _Judged, claimed: datetime | None, token: bytes | None, value: bytes, question: Question
    ) -> None:
        """签章时间: proved by a time stamp over the signature ``value``, else only claimed."""
        judged.time = SigningTime(claimed, proved=False) if claimed is not None else None
        if token is not None:
            with judged.found.asking():
                judged.time = checks.check_time_stamp(token, value, self.trust, question)
                checks.check_time_order(claimed or judged.time.value, judged.time.value)
        if judged.time is not None:
            judged.found.ask(checks.check_time_not_future, judged.time, question)

    def _check_seal(self, opened: OpenedDocument, judged: _Judged, ses: SESSignature, question: Question) -> None:
        """印章: form, maker's signature, the signer in its list, the file shown, maker's chain, period, standing."""
        found, time = judged.found, judged.time
        assert time is not None
        found.ask(checking.check_seal_form, ses.seal)
        found.ask(checking.check_maker_signature, ses.seal)
        found.ask(checking.check_signer_listed, ses.seal, ses.signer_certificate)
        found.ask(checks.check_seal_file, opened, judged.signature)
        with found.asking():
            checking.check_maker(
                ses.seal, self.trust, moment=time.value, known_at=question.known_at, proved=time.proved
            )
        with found.asking():
            checking.check_seal_time(ses.seal, self.trust, known_at=question.known_at)
        with found.asking():
            checking.check_seal_period(ses.seal, moment=time.value, known_at=question.latest, proved=time.proved)
        with found.asking():
            if not seal_standing.check_in_force(ses.seal, time, self.trust, self.seals, question):
                found.add_remarks([remarks.STANDING_NOT_CHECKED])

    def _judge_digital_signature(self, judged: _Judged, question: Question) -> None:
        """数字签名 (GB/T 35275): the value, the time it claims, the signer. There is no seal."""
        found, signature = judged.found, judged.signature
        found.ask(checks.check_one_signer, signature)
        found.ask(checks.check_certificate_attached, signature)
        if signature.cms is None or len(signature.cms.signers) != 1:
            return
        signer = signature.cms.signers[0]
        claimed = signer.signing_time or (checks.written_time(signature.xml.datetime) if signature.xml else None)
        found.ask(checks.check_signed_digest, signature)
        found.ask(checks.check_algorithm, signer.signature_algorithm, checks.CMS_ALGORITHMS)
        certificate = signature.cms.certificate_of(signer)
        if certificate is not None:
            self._check_signer_value(judged, certificate, signer.signature, checks.signed_octets(signature))
        self._establish_time(judged, claimed, signer.timestamp, signer.signature, question)
        if certificate is not None:
            self._check_certificate(judged, question)

    def _check_certificate(self, judged: _Judged, question: Question) -> None:
        """签章人证书: 合法·在期·未废止, at the time established."""
        if judged.signer is None:
            return
        time = judged.time or SigningTime(question.latest, proved=False)
        judged.found.ask(checks.check_signed_in_period, judged.signer, time)
        judged.found.ask(checks.check_certificate, judged.signer, self.trust, time, question, _attached(judged))

    # ------------------------------------------------------------ the file

    def _judge_file(self, opened: OpenedDocument, question: Question) -> list[Finding]:
        """The container and what is in it: nothing seen or read without a signature over it."""
        found = _Found()
        covered = checks.covered_names(opened)
        found.add_failures(opened.faults)
        found.ask(checks.check_signed, opened)
        found.ask(checks.check_signature_list, opened)
        found.ask(checks.check_list_form, opened)
        found.ask(checks.check_one_document, opened)
        found.ask(checks.check_one_version, opened)
        found.ask(checks.check_all_seen_is_covered, opened, covered)
        found.ask(checks.check_no_stowaways, opened, covered)
        found.ask(checks.check_no_stray_folders, opened)
        found.ask(checks.check_signatures_distinct, opened)
        found.ask(checks.check_signature_files_unused, opened)
        known = {*opened.contents.named, *checks.excused_names(opened), *(s.seal_name for s in opened.signatures)}
        found.add_remarks(remarks.on_document(opened, [n for n in opened.entries if n in covered and n not in known]))
        found.add_remarks(remarks.on_trust(self.trust, question.known_at))
        return found.findings

    # ------------------------------------------------------------ the licence

    def _judge_licence(self, opened: OpenedDocument, judged: list[_Judged], question: Question) -> list[Finding]:
        """证照: message, face, digests, required seals, then its state."""
        message = opened.message
        if message is None:
            return []
        found = _Found()
        self._check_message(found, opened, message, judged)
        self._check_seals(found, opened, message, judged)
        found.ask(licence.check_licence_id, message)
        found.ask(licence.check_lineage, message)
        found.ask(licence.check_validity, message, question)
        self._check_status(found, opened, message, question)
        return found.findings

    def _check_message(
        self, found: _Found, opened: OpenedDocument, message: DataMessage, judged: list[_Judged]
    ) -> None:
        """照面: what is read, what is shown and what is sealed are one."""
        found.ask(licence.check_message_attached, opened)
        found.ask(licence.check_custom_datas, opened, message)
        found.ask(licence.check_metadata_on_face, message)
        face = self._read_face(found, opened)
        if face is not None:
            found.ask(licence.check_face_shows_message, message, face)
            found.ask(licence.check_face_visible, face)
            found.ask(licence.check_tags_bound, message, face)
            found.add_remarks(remarks.on_face(face))
        found.ask(licence.check_digests, opened, message)
        found.ask(licence.check_disclosure_root, message, [j.signature.ses for j in judged if j.signature.ses])

    def _read_face(self, found: _Found, opened: OpenedDocument) -> Face | None:
        try:
            return read_face(opened)
        except Malformed as error:
            template = N_("照面无法读取：{detail}")
            found.add_failures([CheckFailed(Indication.FAILED, "FORMAT_FAILURE", error.code, template, detail=error)])
            return None

    def _check_seals(self, found: _Found, opened: OpenedDocument, message: DataMessage, judged: list[_Judged]) -> None:
        """应盖之章: all there, over everything, and of the issuing body; or its digital signature in their place."""
        digital = [j for j in judged if j.signature.cms is not None and j.signer is not None]
        if digital and not message.seals:
            whole = [j.signer for j in digital if j.signer and not checks.left_out(opened, j.signature)]
            found.ask(licence.check_signed_by_issuer, message, whole)
            return
        sealed = [(j.signature.ses.seal.seal_id, j) for j in judged if j.signature.ses is not None]
        found.ask(licence.check_required_seals, message, [identifier for identifier, _ in sealed])
        if sealed:
            bare = {identifier: checks.left_out(opened, j.signature) for identifier, j in sealed}
            found.ask(licence.check_seal_protects_all, message, bare)
            signers = [(identifier, j.signer) for identifier, j in sealed if j.signer is not None]
            found.ask(licence.check_issuer_is_signer, message, signers)

    def _check_status(self, found: _Found, opened: OpenedDocument, message: DataMessage, question: Question) -> None:
        """证照状态: the register's word, else a fresh status list's, else a warning that nobody was asked."""
        status: LicenceStatus | None = None
        with found.asking():
            status = licence.find_status(message, self.statuses, self.trust, question)
            if status is None:
                licence.check_register_knows(message, self.statuses, self.trust)
        if status is not None:
            found.ask(licence.check_current, status)
            found.ask(licence.check_file_is_registered, status, opened, self.limits)
            if not licence.is_registered_file(status, opened.digest) and not found.has("licence.file_differs"):
                found.add_remarks([remarks.PACKED_ANEW])
        elif not found.has("licence.unknown"):
            template = N_("未能查询证照状态（没有登记系统，也没有有效的状态列表），结论仅依据文件本身。")
            found.findings.append(Finding(LICENCE_STATUS_NOT_CHECKED, Severity.WARNING, template))


# ---------------------------------------------------------------- findings


@dataclass(slots=True)
class _Found:
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
class _Judged:
    """One signature on its way to a ``SignatureReport``."""

    signature: OpenedSignature
    found: _Found = field(default_factory=_Found)
    signer: Certificate | None = None
    time: SigningTime | None = None

    def report(self) -> SignatureReport:
        indication, sub = worst(self.found.findings)
        signature, signer = self.signature, self.signer
        return SignatureReport(
            id=signature.id,
            kind=signature.kind,
            structure=signature.structure,
            signer=signer.common_name if signer else "",
            findings=tuple(self.found.findings),
            indication=indication,
            sub_indication=sub,
            seal=view_seal(signature.ses.seal) if signature.ses else None,
            time=self.time.value if self.time else None,
            time_proved=self.time.proved if self.time else False,
            signer_issuer=signer.issuer if signer else "",
            signer_valid_from=signer.not_before if signer else None,
            signer_valid_to=signer.not_after if signer else None,
            covered=tuple(name for name, _digest in signature.references),
            certificate=view_certificate(signer) if signer else None,
            time_authority=self.time.authority if self.time else "",
            pages=tuple(dict.fromkeys(stamp.page_ref for stamp in signature.xml.stamps)) if signature.xml else (),
        )


# ---------------------------------------------------------------- the report


def _report(opened: OpenedDocument, judged: list[_Judged], findings: list[Finding], question: Question) -> Report:
    """``Report.of`` everything found: the worst decides."""
    facts: dict[str, str | int] = {"format": "OFD", "digest": opened.digest}
    message = opened.message
    if message is not None:
        version = message.metadata["version"]
        facts |= {key: message.metadata[key] for key in ("licence_id", "licence_number")}
        facts["version"] = int(version) if version.isascii() and version.isdigit() else version
    return Report.of(
        facts,
        tuple(j.report() for j in judged),
        tuple(findings),
        question.moment,
        _face(message) if message is not None else (),
        message.metadata if message is not None else None,
    )


def _face(message: DataMessage) -> tuple[tuple[str, str, str], ...]:
    """``(name, title, text)`` of every field; a value that does not fit its format is shown as it stands."""
    return tuple((value.name, value.title, _shown(value)) for value in message.face)


def _shown(value: FaceValue) -> str:
    try:
        return value.text
    except Malformed:
        return value.value


def _unreadable(document: bytes, error: Malformed, question: Question) -> Report:
    """The answer for what is no OFD file: TOTAL-FAILED / FORMAT_FAILURE, saying what was expected."""
    finding = Finding(error.code, Severity.ERROR, error.template, error.params, Indication.FAILED, "FORMAT_FAILURE")
    facts: dict[str, str | int] = {"format": "unknown", "digest": sm3(document).hex()}
    return Report.of(facts, (), (finding,), question.moment)


def _attached(judged: _Judged) -> tuple[Certificate, ...]:
    """Other certificates a GB/T 35275 signature brought along; they may stand in between, never be believed."""
    others = []
    for der in judged.signature.cms.certificates if judged.signature.cms else ():
        try:
            others.append(load_certificate(der))
        except Malformed:
            continue
    return tuple(c for c in others if c is not judged.signer)


def _aware(moment: datetime) -> datetime:
    """A time without zone is UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
