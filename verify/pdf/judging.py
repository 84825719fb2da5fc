"""判断 PDF: each signature, the file, the licence; the order of the steps is that of ``verify.verifier``.

Signatures with SM2 are judged with our own means, as in OFD. What time has done to them is undone by the document
time stamps, newest first: each proves that everything below it existed at its time, so the signature and the older
stamps are judged with what was known then, by the lists and answers the file itself carries (EN 319 102-1, 5.6).
Signatures with RSA or ECDSA are judged by pyHanko (``verify.pdf.classical``), with the same trust anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from seal import checking
from seal.copies import COPY_FILE
from seal.message import DataMessage, disclosure_entry, disclosure_root
from seal.pdf.structures import MESSAGE_FILE
from trust.algorithms import SM2_SIGNATURE_OIDS, SM3, sm3
from trust.anchors import TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed
from trust.i18n import N_
from trust.ocsp import load_ocsp
from trust.revocation import load_crl
from trust.timestamp import binds_certificate, check_timestamp
from verify import checks, copies, federation, licence, remarks, steps
from verify.checks import Question, SigningTime
from verify.pdf import active, changes, classical, copy_page, seal_shown
from verify.pdf.face import read_face
from verify.pdf.opening import BROKEN, OpenedPDF, PDFSignature, malformed, open_pdf
from verify.policy import LicenceStatus
from verify.remarks import Remark, listed
from verify.report import Indication, Report, Severity, SignatureReport, rfc3339, worst
from verify.seal_shown import check_shown
from verify.seal_view import view_certificate, view_seal
from verify.steps import Found, Judging

if TYPE_CHECKING:
    from verify.verifier import Verifier

T = TypeVar("T")
FAILED, INDETERMINATE = Indication.FAILED, Indication.INDETERMINATE
_SIGNING_CERTIFICATE = frozenset({"1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"})
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_DATA_DER = bytes.fromhex("06092a864886f70d010701")


@dataclass(slots=True)
class Knowledge:
    """当时所知: how far what is believed reaches back, by the time stamps that hold."""

    trust: TrustStore
    question: Question
    revision: int
    """The newest revision that this knowledge covers."""
    proved: tuple[datetime, ...] = ()
    """Times proved by document time stamps, newest first."""


@dataclass(slots=True)
class Judged(Judging):
    """One signature on its way to a ``SignatureReport``."""

    signature: PDFSignature = field(kw_only=True)
    pages: tuple[str, ...] = ()
    level: str = ""
    evidence: tuple[str, ...] = ()

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
            seal=view_seal(signature.seal) if signature.seal else None,
            time=self.time.value if self.time else None,
            time_proved=self.time.proved if self.time else False,
            covered=(f"0–{signature.end}",) if signature.end else (),
            certificate=view_certificate(signer) if signer else None,
            time_authority=self.time.authority if self.time else "",
            pages=(signature.page,) if signature.page else (),
            level=self.level,
            evidence=self.evidence,
        )


def verify_pdf(verifier: Verifier, document: bytes, question: Question) -> Report:
    """核验 a PDF with what ``verifier`` believes. Raises ``Malformed`` where it cannot be read."""
    opened = open_pdf(document)
    makers = [one.seal.maker_certificate for one in opened.signatures if one.seal]
    makers = makers or [der for one in opened.signatures if one.cms for der in one.cms.certificates]
    from verify.verifier import region_of

    verifier = verifier.for_region_of(region_of(opened.message, opened.copy), makers)
    trust = verifier.trust
    if verifier.evidence is not None:
        trust = verifier.evidence.current(trust, _certificates(opened))
    return _Judge(verifier, opened, trust, question).report()


@dataclass(slots=True)
class _Judge:
    """The whole act on one file."""

    verifier: Verifier
    opened: OpenedPDF
    trust: TrustStore
    question: Question
    found: Found = field(default_factory=Found)
    certified: int | None = None

    def report(self) -> Report:
        """Judge everything; the worst finding decides."""
        opened = self.opened
        self._judge_file()
        known = self._judge_stamps()
        judged = [self._judge_signature(one, known) for one in opened.signatures]
        if opened.message is not None:
            self._judge_licence(opened.message, judged)
        self._judge_copy(judged)
        facts: dict[str, str | int] = {"format": "PDF", "digest": opened.digest}
        message = opened.message
        if message is not None:
            version = message.metadata["version"]
            facts |= {key: message.metadata[key] for key in ("licence_id", "licence_number")}
            facts["version"] = int(version) if version.isascii() and version.isdigit() else version
        from verify.verifier import face_of

        verifier = self.verifier
        mutual = federation.judge(verifier.home or verifier.trust, verifier.trust, message, judged, self.question)
        self.found.findings[:0] = mutual.findings
        report = Report.of(
            facts,
            tuple(j.report() for j in judged),
            tuple(self.found.findings),
            self.question.moment,
            face_of(message) if message is not None else copies.face_of(opened.copy),
            message.metadata if message is not None else None,
            copies.facts(opened.copy),
        )
        return replace(report, trust_list=mutual.facts)

    # ------------------------------------------------------------ the file

    def _judge_file(self) -> None:
        """Nothing active, nothing hidden, nothing from outside; one certification; stamps and signatures cover."""
        opened, found = self.opened, self.found
        found.add_failures(opened.faults)
        if not opened.signatures:
            found.add_failures([_unsigned()])
        with found.asking():
            self.certified = changes.check_one_certification(opened)
        try:
            activity = active.read_activity(opened)
        except Malformed as error:
            found.add_failures([_format(error)])
        else:
            found.ask(active.check_inactive, activity)
            found.ask(active.check_nothing_hidden, activity)
            found.ask(active.check_self_contained, activity)
            if activity.links:
                template = N_("文件带有链接：{names}")
                names = listed(sorted(activity.links))
                found.add_remarks([Remark(Severity.WARNING, "format.links", template, {"names": names})])
        found.ask(active.check_attachments, opened)
        if opened.message is not None or opened.copy is not None:
            found.ask(_check_appearances, opened)
        if opened.signatures and opened.message is None and opened.copy is None:
            template = N_("文件不带证照数据电文：结论只说明由谁签署、内容是否完整，不说明它是一份证照。")
            found.add_remarks([Remark(Severity.INFO, "message.none", template)])
        found.add_remarks(remarks.on_trust(self.trust, self.question.known_at))

    # ------------------------------------------------------------ document time stamps

    def _judge_stamps(self) -> list[Knowledge]:
        """时间戳链, newest first: what is known at each step back. The first is what is known now."""
        opened = self.opened
        newest = opened.revisions - 1
        known = [Knowledge(self._with_store(self.trust, newest), self.question, newest)]
        for stamp in reversed(opened.stamps):
            here = known[-1]
            if not self._covers(stamp):
                continue
            try:
                verified = check_timestamp(
                    stamp.contents, stamp.signed_octets(opened.data), here.trust, known_at=here.question.known_at
                )
            except CheckFailed as failure:
                self.found.add_failures([failure])
                continue
            then = verified.time
            question = Question(min(self.question.moment, then), then)
            trust = self._with_store(self.trust, stamp.revision)
            known.append(Knowledge(trust, question, stamp.revision, (then, *here.proved)))
        return known

    def _covers(self, one: PDFSignature) -> bool:
        """Does it cover its revision, and is what came later allowed?"""
        before = len(self.found.findings)
        self.found.add_failures(one.faults)
        self.found.ask(changes.check_coverage, self.opened, one)
        with self.found.asking(), _malformed_fails():
            changes.check_changes(self.opened, one, self.certified)
        return len(self.found.findings) == before and one.whole_revision

    def _with_store(self, trust: TrustStore, revision: int) -> TrustStore:
        """``trust`` and what the file carries of lists and answers as of ``revision``."""
        try:
            store = self.opened.store_at(revision)
        except Malformed as error:
            self.found.add_failures([_format(error)])
            return trust
        if not store:
            return trust
        crls = tuple(_loaded(load_crl, store.crls))
        answers = tuple(_loaded(load_ocsp, store.ocsp))
        others = tuple(_loaded(load_certificate, store.certificates))
        return trust.changed(
            crls=(*trust.crls, *crls), ocsp=(*trust.ocsp, *answers), intermediates=(*trust.intermediates, *others)
        )

    # ------------------------------------------------------------ each signature

    def _judge_signature(self, signature: PDFSignature, known: list[Knowledge]) -> Judged:
        """One signature: coverage, changes, value, time, seal, certificate, level."""
        judged = Judged(signature=signature)
        found = judged.found
        found.add_failures(signature.faults)
        found.ask(changes.check_coverage, self.opened, signature)
        with found.asking(), _malformed_fails():
            filled = changes.check_changes(self.opened, signature, self.certified)
            if filled:
                template = N_("签名之后填写了表单域：{names}。")
                found.add_remarks([Remark(Severity.WARNING, "pdf.filled", template, {"names": listed(filled)})])
        if not signature.end:
            return judged
        stamped = [one for one in reversed(known[1:]) if one.revision > signature.revision]
        attempts = [self._judge_value(signature, then) for then in (stamped or known[:1])]
        best = min(attempts, key=lambda one: worst(one.found.findings)[0].rank)
        found.findings += [one for one in best.found.findings if one not in found.findings]
        judged.signer, judged.time = best.signer, best.time
        judged.level, judged.evidence = self._level(judged, stamped), self._evidence(stamped)
        return judged

    def _judge_value(self, signature: PDFSignature, then: Knowledge) -> Judged:
        """The value, its time, seal and certificate, with what was known at one of the time stamps over it.

        Such a stamp proves that the signature existed by then, not that it was made then: the signing time stays what
        the signature's own time stamp proves, or what the signer claims.
        """
        judged = Judged(signature=signature)
        if signature.ses is not None:
            self._judge_ses(judged, then)
        elif signature.cms is not None:
            self._judge_cms(judged, then)
        return judged

    def _judge_ses(self, judged: Judged, then: Knowledge) -> None:
        """电子签章 (GB/T 38540) in ``Contents``: over the digest of the octets covered."""
        signature, found = judged.signature, judged.found
        ses = signature.ses
        assert ses is not None
        found.ask(_check_digest, signature, ses.data_hash, self.opened.data)
        steps.check_signer_value(judged, ses.signer_certificate, ses.signature, ses.tbs_der)
        found.ask(checking.check_signature_form, ses)
        found.ask(checks.check_structures_agree, ses)
        token = ses.timestamp if ses.structure != "SES-V1" else None
        steps.establish_time(judged, ses.time, token, ses.signature, then.trust, then.question)
        steps.check_seal(judged, ses.seal, ses.signer_certificate, then.trust, self.verifier.seals, then.question)
        steps.check_certificate(judged, self._speaking_of(judged, then), then.question)

    def _judge_cms(self, judged: Judged, then: Knowledge) -> None:
        """CMS with SM2, or with the algorithms of elsewhere."""
        signature, found = judged.signature, judged.found
        cms = signature.cms
        assert cms is not None
        if len(cms.signers) != 1:
            found.add_failures([_signers(len(cms.signers))])
            return
        signer = cms.signers[0]
        if signer.signature_algorithm not in SM2_SIGNATURE_OIDS:
            if signature.seal is not None:
                found.add_failures([_not_with_this_algorithm(signature)])
            classical.judge(judged, self.opened, then.trust, then.question)
            return
        certificate = cms.certificate_of(signer)
        found.ask(_check_signed_attributes, signature, self.opened.data)
        if certificate is None:
            found.add_failures([_no_certificate()])
            return
        steps.check_signer_value(judged, certificate, signer.signature, signer.attributes_der or b"")
        if judged.signer is not None:
            found.ask(_check_bound, signer.attributes, judged.signer)
        claimed = signer.signing_time or pdf_time(signature.claimed)
        steps.establish_time(judged, claimed, signer.timestamp, signer.signature, then.trust, then.question)
        if judged.time is None:
            judged.time = SigningTime(then.question.latest, proved=False)
        if signature.seal is not None:
            steps.check_seal(judged, signature.seal, certificate, then.trust, self.verifier.seals, then.question)
        others = tuple(one for one in _loaded(load_certificate, cms.certificates) if one is not judged.signer)
        steps.check_certificate(judged, self._speaking_of(judged, then), then.question, others)

    def _speaking_of(self, judged: Judged, then: Knowledge) -> TrustStore:
        """What was known, without what speaks of a time before the signature and is over by now: whoever signs with a
        revoked key can put an old list into the file and have it stamped.
        """
        trust, signer, time, now = then.trust, judged.signer, judged.time, self.question.known_at
        if signer is None or time is None or not then.proved:
            return trust
        name, signed = signer.issuer_name_der, time.value
        spent = {
            one.digest
            for one in trust.crls
            if one.issuer_name_der == name and one.this_update < signed and (one.next_update or signed) < now
        }
        answers = tuple(one for one in trust.ocsp if one.produced_at >= signed)
        if not spent and len(answers) == len(trust.ocsp):
            return trust
        return trust.changed(crls=tuple(one for one in trust.crls if one.digest not in spent), ocsp=answers)

    def _level(self, judged: Judged, over: list[Knowledge]) -> str:
        """级别 (EN 319 142-1, 6): what the signature and the file carry, if what they carry holds."""
        signature = judged.signature
        if signature.structure not in ("PAdES", "PKCS7") and signature.ses is None:
            return ""
        stamped = bool(over) or (judged.time is not None and judged.time.proved)
        try:
            store = self.opened.store_at(self.opened.revisions - 1)
            stored = bool(_loaded(load_crl, store.crls) or _loaded(load_ocsp, store.ocsp))
        except Malformed:
            stored = False
        if stamped and stored and over:
            return "B-LTA"
        if stamped and stored:
            return "B-LT"
        return "B-T" if stamped else "B-B"

    def _evidence(self, over: list[Knowledge]) -> tuple[str, ...]:
        """What the file brings to be judged by: time stamps over the signature, lists and answers put in."""
        said = [f"document-timestamp {rfc3339(one.proved[0])}" for one in over]
        try:
            store = self.opened.store_at(self.opened.revisions - 1)
        except Malformed:
            return tuple(said)
        said += [f"crl {rfc3339(one.this_update)}" for one in _loaded(load_crl, store.crls)]
        said += [f"ocsp {rfc3339(one.produced_at)}" for one in _loaded(load_ocsp, store.ocsp)]
        return tuple(said)

    # ------------------------------------------------------------ the licence

    def _judge_licence(self, message: DataMessage, judged: list[Judged]) -> None:
        """证照: message, face, digests, required seals, then its state."""
        found = self.found
        found.ask(licence.check_metadata_on_face, message)
        try:
            face = read_face(self.opened)
        except Malformed as error:
            found.add_failures([_format(error)])
        else:
            found.ask(licence.check_face_shows_message, message, face)
            found.ask(licence.check_face_visible, face)
            found.ask(licence.check_face_order, face)
            found.ask(licence.check_face_glyphs, face)
            found.ask(licence.check_tags_bound, message, face)
            found.add_remarks(remarks.on_face(face))
        found.ask(_check_digests, self.opened, message)
        found.ask(_check_roots, message, [j.signature for j in judged])
        self._check_seals(message, judged)
        found.ask(licence.check_licence_id, message)
        found.ask(licence.check_validity, message, self.question)
        check_file = _registered(self.opened.digest, self.opened.data)
        verifier = self.verifier
        steps.check_status(found, message, verifier.statuses, self.trust, self.question, check_file, verifier.peers)

    def _check_seals(self, message: DataMessage, judged: list[Judged]) -> None:
        """应盖之章: all there, each over the whole document, and of the issuing body; no picture without a seal."""
        found = self.found
        found.ask(_check_pictures, [*self.opened.signatures, *self.opened.stamps])
        sealed = [(j.signature.seal.seal_id, j) for j in judged if j.signature.seal is not None]
        found.ask(licence.check_required_seals, message, [identifier for identifier, _ in sealed])
        bare = {identifier: [] if j.signature.whole_revision else [j.signature.id] for identifier, j in sealed}
        if sealed:
            found.ask(licence.check_seal_protects_all, message, bare)
        signers = [(identifier, j.signer) for identifier, j in sealed if j.signer is not None]
        if sealed:
            found.ask(licence.check_issuer_is_signer, message, signers)


    # ------------------------------------------------------------ the copy

    def _judge_copy(self, judged: list[Judged]) -> None:
        """用证副本: as ``verify.verifier`` judges one in OFD."""
        opened, found, terms = self.opened, self.found, self.opened.copy
        is_message, is_copy = MESSAGE_FILE in opened.files, COPY_FILE in opened.files
        found.ask(copies.check_not_both, terms=is_copy, message=is_message)
        sealed = [(j, j.signature.seal) for j in judged if j.signature.seal is not None]
        found.ask(copies.check_terms_there, [seal for _, seal in sealed], terms=is_copy, message=is_message)
        if terms is None:
            return
        seals = [
            copies.SealedBy(seal, j.signer.common_name if j.signer else "", j.signature.whole_revision)
            for j, seal in sealed
        ]
        found.ask(copies.check_copy_seal, terms, seals)
        found.ask(copy_page.check_attached, opened)
        found.ask(_check_pictures, [*opened.signatures, *opened.stamps])
        try:
            face, pages = read_face(opened), copy_page.read_pages(opened)
        except Malformed as error:
            found.add_failures([_format(error)])
        else:
            found.ask(copies.check_shown, terms, face)
            found.ask(copies.check_watermark, terms, pages)
            found.ask(copies.check_pictures, terms, pages)
        verifier = self.verifier
        copies.judge_use(found, terms, self.question, verifier.copies, verifier.statuses, self.trust, verifier.peers)


# ---------------------------------------------------------------- single questions


def _check_digest(signature: PDFSignature, stated: bytes, data: bytes) -> None:
    """Is what was signed these very octets (原文杂凑)?"""
    if sm3(signature.signed_octets(data)) != stated:
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "pdf.digest_mismatch",
            "受签名“{field}”保护的内容在签名之后被改动：其杂凑值与签名中的不符。",
            field=signature.id,
        )


def _check_signed_attributes(signature: PDFSignature, data: bytes) -> None:
    """Content type, digest of the document, digest algorithm (RFC 5652, 11; EN 319 142-1, 6.3)."""
    assert signature.cms is not None
    signer = signature.cms.signers[0]
    if signature.cms.content is not None or signer.attributes.get(_CONTENT_TYPE) != _DATA_DER:
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "pdf.attributes", "签名“{field}”的签名属性缺失或不正确。", field=signature.id
        )
    if signer.digest_algorithm != SM3:
        checks.check_algorithm(signer.digest_algorithm, (SM3,))
    _check_digest(signature, signer.message_digest or b"", data)


def _check_bound(attributes: Mapping[str, bytes], certificate: Certificate) -> None:
    """Is the signer's certificate among what is signed (signing-certificate-v2)?"""
    if not binds_certificate(attributes, certificate):
        raise CheckFailed(
            INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.signing_certificate",
            "签名属性没有指明签名人证书“{signer}”（signing-certificate-v2），证书可能被替换。",
            signer=certificate.common_name,
        )


def _check_digests(opened: OpenedPDF, message: DataMessage) -> None:
    """Are the field digests those of the data message?"""
    if opened.digests != disclosure_entry(message):
        raise CheckFailed(FAILED, "HASH_FAILURE", "message.digests_differ", "字段摘要文件与数据电文不一致。")


def _check_roots(message: DataMessage, signatures: list[PDFSignature]) -> None:
    """Is the root over the field digests the one the message states and every seal signed?"""
    root = disclosure_root(message.digests.values())
    stated = [checking.disclosure_root_in(s.ses) if s.ses else s.disclosure for s in signatures if s.seal is not None]
    if root.hex() != message.disclosure_root or any(other is not None and other != root for other in stated):
        raise CheckFailed(FAILED, "HASH_FAILURE", "message.disclosure_root", "字段摘要的根与数据电文或签章中的不一致。")
    if stated and not any(stated):
        raise CheckFailed(FAILED, "FORMAT_FAILURE", "message.disclosure_root_missing", "签章中没有字段摘要的根。")


def _registered(digest: str, data: bytes) -> Callable[[LicenceStatus], None]:
    """Does the register know this file, or one that this file only adds to (long-term material, a signature)?"""

    def check(status: LicenceStatus) -> None:
        if licence.is_registered_file(status, digest) or _grown(status, data):
            return
        raise CheckFailed(
            INDETERMINATE,
            "LICENCE_FILE_DIFFERS",
            "licence.file_differs",
            "登记系统中该证照的文件与此文件不同（登记的杂凑值为 {expected}）。",
            expected=status.file_digest,
        )

    return check


def _grown(status: LicenceStatus, data: bytes) -> bool:
    """A PDF only ever grows at its end: does it begin with an issued file, octet for octet?"""
    for fetch in (status.issued_file, *(one.fetch for one in status.others)):
        try:
            issued = fetch() if fetch is not None else b""
        except LicenceTrustError:
            continue
        if issued and data.startswith(issued):
            return True
    return False


def _unsigned() -> CheckFailed:
    return CheckFailed(
        INDETERMINATE,
        "NO_SIGNATURE_FOUND",
        "signature.none",
        "文件没有任何电子签章或数字签名，无法证明出自何处、是否被改动。",
    )


def _no_certificate() -> CheckFailed:
    return CheckFailed(
        INDETERMINATE,
        "NO_SIGNING_CERTIFICATE_FOUND",
        "signature.no_certificate",
        "签名中没有签名人的证书，须另行取得该证书才能判断。",
    )


def _not_with_this_algorithm(signature: PDFSignature) -> CheckFailed:
    """A seal lists certificates of SM2; used with another key, it is a copy."""
    return CheckFailed(
        FAILED,
        "SIG_CONSTRAINTS_FAILURE",
        "pdf.seal_algorithm",
        "签名“{field}”带有电子印章，却不是用 SM2 签署的，印章无效。",
        field=signature.id,
    )


def _check_appearances(opened: OpenedPDF) -> None:
    """Is every seal shown as it was made?"""
    try:
        wrong = seal_shown.wrongly_shown(opened)
    except BROKEN as error:
        raise _format(malformed(error)) from error
    check_shown(wrong)


def _check_pictures(signatures: list[PDFSignature]) -> None:
    """Does nothing look like a seal that is none?"""
    names = [one.id for one in signatures if one.visible and one.seal is None]
    if names:
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "pdf.picture_without_seal",
            "证照上有可见的签名或时间戳不带电子印章：{names}，其图样不能证明任何印章。",
            names=listed(names),
        )


def _signers(count: int) -> CheckFailed:
    return CheckFailed(
        FAILED, "FORMAT_FAILURE", "signature.signers", "数字签名应当恰有一名签名人，实有 {count} 名。", count=count
    )


@contextmanager
def _malformed_fails() -> Iterator[None]:
    """What cannot be read (in time) is a no."""
    try:
        yield
    except Malformed as error:
        raise _format(error) from error


def _format(error: Malformed) -> CheckFailed:
    return CheckFailed(FAILED, "FORMAT_FAILURE", error.code, error.template, **error.params)


def pdf_time(text: str) -> datetime | None:
    """A PDF date (ISO 32000-1, 7.9.4), if it is one with a zone."""
    digits = text.removeprefix("D:")
    if len(digits) < 14 or not digits[:14].isdigit():
        return None
    zone = digits[14:].replace("'", "")
    try:
        moment = datetime.strptime(digits[:14], "%Y%m%d%H%M%S")
        if zone in ("", "Z", "Z0000"):
            return moment.replace(tzinfo=UTC)
        return datetime.strptime(digits[:14] + zone[:5], "%Y%m%d%H%M%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _loaded(load: Callable[[bytes], T], some: tuple[bytes, ...]) -> list[T]:
    """Those that can be read; what cannot proves nothing."""
    found = []
    for one in some:
        try:
            found.append(load(one))
        except Malformed:
            continue
    return found


def _certificates(opened: OpenedPDF) -> list[Certificate]:
    """Certificates about which lists and answers may be fetched."""
    ders = [der for one in opened.signatures if one.cms for der in one.cms.certificates]
    ders += [one.ses.signer_certificate for one in opened.signatures if one.ses]
    ders += [one.seal.maker_certificate for one in opened.signatures if one.seal]
    return _loaded(load_certificate, tuple(ders))
