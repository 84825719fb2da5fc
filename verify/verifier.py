"""核验: the third door. Bytes in, a ``Report`` out (GB/T 38540-2020, 6.3 and 7.3; EN 319 102-1).

    report = Verifier(trust, clock).verify(data)
    report.indication, report.sub_indication

The body of ``verify`` is the whole act: open, judge each signature, judge the file, judge the licence, the worst
finding decides. Checks raise; this is the one place that catches them and makes findings, so that the answer
lists everything that is wrong. No key, no database, no disk; no network but through ``evidence``, if one is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from seal import checking
from seal.copies import COPY_ENTRY, CopyTerms
from seal.message import MESSAGE_ENTRY, DataMessage, FaceValue
from seal.ofd.package import Limits
from seal.ses import SESSignature
from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from verify import checks, copies, copy_page, federation, licence, remarks, seal_shown, steps
from verify.checks import Question
from verify.evidence import certificates_in, signers_in
from verify.face import Face
from verify.ofd.face import read_face
from verify.opening import OpenedDocument, OpenedSignature, open_document
from verify.policy import (
    CopySource,
    EvidenceSource,
    LicenceStatus,
    PeerStatusSource,
    SealStatusSource,
    StatedPurpose,
    StatusSource,
)
from verify.report import Finding, Indication, Report, Severity, SignatureReport, worst
from verify.seal_view import view_certificate, view_seal
from verify.steps import Found, Judging


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
    copies: CopySource | None = None
    """Who knows whether a copy was revoked or used up; absent, the report says that nobody was asked."""
    peers: PeerStatusSource | None = None
    """Who asks other regions for their status lists; absent, those in ``trust`` count while they are fresh."""
    home: TrustStore | None = None
    """Our own store, while ``trust`` is that of the region whose document is judged (``verify.federation``)."""

    def verify(self, document: bytes, *, moment: datetime | None = None, stated: StatedPurpose | None = None) -> Report:
        """核验 ``document``: is it whole, sealed by whom it should be, and good at ``moment`` (default: now)?

        ``moment`` is the time for which the question is asked: the licence's state and period are judged as of
        then. What is known about revocation is always today's knowledge: asking for a past moment proves nothing
        about when the file was made, and for a future one says what would be if nothing happens until then.
        ``stated`` is what a copy is wanted for (用证副本); without it no copy passes.
        Never raises for what ``document`` holds.
        """
        question = self._question(moment, stated or StatedPurpose())
        try:
            if document[:5] == b"%PDF-":
                return self._verify_pdf(document, question)
            opened = open_document(document, self.limits)
        except Malformed as error:
            return _unreadable(document, error, question)
        makers = [s.ses.seal.maker_certificate for s in opened.signatures if s.ses] or signers_in(opened)
        verifier = self.for_region_of(region_of(opened.message, opened.copy), makers)
        if self.evidence is not None:
            trust = self.evidence.current(verifier.trust, certificates_in(opened))
            verifier = replace(verifier, trust=trust, evidence=None)
        return verifier._judge(opened, question)

    def for_region_of(self, stated: str, makers: list[bytes]) -> Verifier:
        """The verifier that believes the anchors of the document's own region (T12)."""
        trust = federation.judging_store(self.trust, stated, makers)
        return replace(self, trust=trust, home=self.trust)

    def _verify_pdf(self, document: bytes, question: Question) -> Report:
        from verify.pdf.judging import verify_pdf  # its libraries cost half a second: only for those who bring a PDF

        return verify_pdf(self, document, question)

    def _judge(self, opened: OpenedDocument, question: Question) -> Report:
        """By what is at hand."""
        judged = [self._judge_signature(opened, signature, question) for signature in opened.signatures]
        file_findings = self._judge_file(opened, question)
        licence_findings = self._judge_licence(opened, judged, question)
        copy_findings = self._judge_copy(opened, judged, question)
        mutual = federation.judge(self.home or self.trust, self.trust, opened.message, judged, question)
        findings = [*file_findings, *mutual.findings, *licence_findings, *copy_findings]
        return replace(_report(opened, judged, findings, question), trust_list=mutual.facts)

    def _question(self, moment: datetime | None, stated: StatedPurpose) -> Question:
        now = _aware(self.clock())
        asked = _aware(moment) if moment is not None else now
        return Question(asked, now, stated)

    # ------------------------------------------------------------ each signature

    def _judge_signature(self, opened: OpenedDocument, signature: OpenedSignature, question: Question) -> _Judged:
        """One signature: integrity, seal, signature value, time, certificate, in this order."""
        judged = _Judged(signature=signature)
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
        steps.check_signer_value(judged, ses.signer_certificate, ses.signature, ses.tbs_der)
        found.ask(checking.check_signature_form, ses)
        found.ask(checks.check_structures_agree, ses)
        found.ask(checks.check_property_info, signature, ses)
        # In the form of 2014 the token stands inside what is signed: it cannot prove when the signature was made.
        token = ses.timestamp if ses.structure != "SES-V1" else None
        steps.establish_time(judged, ses.time, token, ses.signature, self.trust, question)
        found.ask(checks.check_seal_file, opened, signature)
        steps.check_seal(judged, ses.seal, ses.signer_certificate, self.trust, self.seals, question)
        steps.check_certificate(judged, self.trust, question, _attached(judged))

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
            steps.check_signer_value(judged, certificate, signer.signature, checks.signed_octets(signature))
        steps.establish_time(judged, claimed, signer.timestamp, signer.signature, self.trust, question)
        if certificate is not None:
            steps.check_certificate(judged, self.trust, question, _attached(judged))

    # ------------------------------------------------------------ the file

    def _judge_file(self, opened: OpenedDocument, question: Question) -> list[Finding]:
        """The container and what is in it: nothing seen or read without a signature over it."""
        found = Found()
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
        self._judge_pictures(found, opened)
        found.add_remarks(remarks.on_trust(self.trust, question.known_at))
        return found.findings

    def _judge_pictures(self, found: Found, opened: OpenedDocument) -> None:
        """印章外观: shown as it was made?"""
        try:
            wrong = seal_shown.wrongly_shown(opened)
        except Malformed:
            return  # the page, or the walk over the file, has said so already
        if opened.message is not None or opened.copy is not None:
            found.ask(seal_shown.check_shown, wrong)
        else:
            found.add_remarks(seal_shown.remark(wrong))

    # ------------------------------------------------------------ the licence

    def _judge_licence(self, opened: OpenedDocument, judged: list[_Judged], question: Question) -> list[Finding]:
        """证照: message, face, digests, required seals, then its state."""
        message = opened.message
        if message is None:
            return []
        found = Found()
        self._check_message(found, opened, message, judged)
        self._check_seals(found, opened, message, judged)
        found.ask(licence.check_licence_id, message)
        found.ask(licence.check_lineage, message)
        found.ask(licence.check_validity, message, question)
        self._check_status(found, opened, message, question)
        return found.findings

    def _check_message(self, found: Found, opened: OpenedDocument, message: DataMessage, judged: list[_Judged]) -> None:
        """照面: what is read, what is shown and what is sealed are one."""
        found.ask(licence.check_message_attached, opened)
        found.ask(licence.check_custom_datas, opened, message)
        found.ask(licence.check_metadata_on_face, message)
        face = self._read_face(found, opened)
        if face is not None:
            found.ask(licence.check_face_shows_message, message, face)
            found.ask(licence.check_face_visible, face)
            found.ask(licence.check_face_order, face)
            found.ask(licence.check_face_glyphs, face)
            found.ask(licence.check_tags_bound, message, face)
            found.add_remarks(remarks.on_face(face))
        found.ask(licence.check_digests, opened, message)
        found.ask(licence.check_disclosure_root, message, [j.signature.ses for j in judged if j.signature.ses])

    def _read_face(self, found: Found, opened: OpenedDocument) -> Face | None:
        try:
            return read_face(opened)
        except Malformed as error:
            template = N_("照面无法读取：{detail}")
            found.add_failures([CheckFailed(Indication.FAILED, "FORMAT_FAILURE", error.code, template, detail=error)])
            return None

    def _check_seals(self, found: Found, opened: OpenedDocument, message: DataMessage, judged: list[_Judged]) -> None:
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
        shown = [j.signature.ses.seal for j in judged if j.signature.ses and j.signature.xml and j.signature.xml.stamps]
        found.ask(licence.check_no_other_pictures, message, {seal.seal_id: seal.name for seal in shown})

    def _check_status(self, found: Found, opened: OpenedDocument, message: DataMessage, question: Question) -> None:
        """证照状态, and whether this is the file that was registered."""

        def check_file(status: LicenceStatus) -> None:
            licence.check_file_is_registered(status, opened, self.limits)
            if not licence.is_registered_file(status, opened.digest):
                found.add_remarks([remarks.PACKED_ANEW])

        steps.check_status(found, message, self.statuses, self.trust, question, check_file, self.peers)

    # ------------------------------------------------------------ the copy

    def _judge_copy(self, opened: OpenedDocument, judged: list[_Judged], question: Question) -> list[Finding]:
        """用证副本: the copy seal, what is shown, the use, then what became of copy and original."""
        found, terms = Found(), opened.copy
        is_message, is_copy = MESSAGE_ENTRY in opened.entries, COPY_ENTRY in opened.entries
        sealed = [(j, j.signature.ses) for j in judged if j.signature.ses is not None]
        found.ask(copies.check_not_both, terms=is_copy, message=is_message)
        found.ask(copies.check_terms_there, [ses.seal for _, ses in sealed], terms=is_copy, message=is_message)
        if terms is None:
            return found.findings
        seals = [
            copies.SealedBy(ses.seal, _named(j.signer), not checks.left_out(opened, j.signature)) for j, ses in sealed
        ]
        found.ask(copies.check_copy_seal, terms, seals)
        found.ask(copy_page.check_attached, opened)
        face = self._read_face(found, opened)
        if face is not None:
            found.ask(copies.check_shown, terms, face)
        self._judge_copy_pages(found, opened, terms)
        copies.judge_use(found, terms, question, self.copies, self.statuses, self.trust, self.peers)
        return found.findings

    def _judge_copy_pages(self, found: Found, opened: OpenedDocument, terms: CopyTerms) -> None:
        try:
            pages = copy_page.read_pages(opened)
        except Malformed as error:
            template = N_("副本的页面无法读取：{detail}")
            found.add_failures([CheckFailed(Indication.FAILED, "FORMAT_FAILURE", error.code, template, detail=error)])
            return
        found.ask(copies.check_watermark, terms, pages)
        found.ask(copies.check_pictures, terms, pages)


# ---------------------------------------------------------------- one signature


@dataclass(slots=True)
class _Judged(Judging):
    """One signature on its way to a ``SignatureReport``."""

    signature: OpenedSignature = field(kw_only=True)

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
        face_of(message) if message is not None else copies.face_of(opened.copy),
        message.metadata if message is not None else None,
        copies.facts(opened.copy),
    )


def region_of(message: DataMessage | None, terms: CopyTerms | None) -> str:
    """The region a document says it is of; empty: it says none."""
    if message is not None:
        return message.metadata["region"]
    return terms.region if terms is not None else ""


def face_of(message: DataMessage) -> tuple[tuple[str, str, str], ...]:
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


def _named(signer: Certificate | None) -> str:
    return signer.common_name if signer is not None else ""


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
