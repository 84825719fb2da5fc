"""检查: one function per question. A check that says no raises ``CheckFailed``; it never reports.

Order of the questions and what is told about the answers: ``verify.verifier``. Words of the
sub-indications: EN 319 102-1, table 6.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from seal.ofd.signatures import PROVIDER_NAME, ListedSignature, build_signatures_xml
from seal.ses import SESSignature
from trust.algorithms import SM2_SIGNATURE_OIDS, SM2_WITH_SM3, SM3, sm3
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.errors import CheckFailed, Malformed
from trust.path import VerifiedPath, build_path
from trust.revocation import check_revocation
from trust.sm2 import signature_from_raw
from trust.timestamp import check_timestamp
from verify.opening import SEAL, OpenedDocument, OpenedSignature
from verify.policy import CLOCK_TOLERANCE, StatedPurpose
from verify.remarks import listed
from verify.report import Indication

FAILED, INDETERMINATE = Indication.FAILED, Indication.INDETERMINATE

BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Question:
    """所问: what is asked, and what we know when we answer."""

    moment: datetime
    """The time for which the question is asked: the licence's state is judged as of then."""
    known_at: datetime
    """Now: what we know about revocation is of this time. Asking for a past moment does not make us forget it, and
    for a future one nobody knows more."""
    stated: StatedPurpose = field(default_factory=StatedPurpose)
    """What a copy is wanted for."""

    @property
    def latest(self) -> datetime:
        """The later of the two: periods are judged by it wherever no time stamp proves an earlier time."""
        return max(self.moment, self.known_at)


@dataclass(frozen=True, slots=True)
class SigningTime:
    """签章时间: claimed until a time stamp proves it."""

    value: datetime
    proved: bool
    authority: str = ""
    """Who proved it."""


# ---------------------------------------------------------------- the file as a whole


def check_one_document(opened: OpenedDocument) -> None:
    """Is it one document (文档体)? Of several, readers show different ones."""
    if opened.contents.bodies > 1:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "format.several_documents",
            "文件含有 {count} 个文档体（DocBody），不同软件可能显示不同的文档，不予认可。",
            count=opened.contents.bodies,
        )


def check_one_version(opened: OpenedDocument) -> None:
    """Does the document claim no versions (版本), of which readers show different ones?"""
    if opened.contents.versions:
        raise CheckFailed(
            INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "format.versions",
            "文档声明了 {count} 个版本，不同软件可能显示不同版本。",
            count=opened.contents.versions,
        )


def check_signature_list(opened: OpenedDocument) -> None:
    """Is the list of signatures that OFD.xml announces there, and only one?"""
    lists = opened.contents.of_role("signatures")
    if len(lists) > 1:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.several_lists",
            "文档声明了多个签名列表：{names}，不同软件可能采用不同的列表。",
            names=listed(lists),
        )
    if lists and lists[0] not in opened.entries:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.list_missing",
            "文档声明的签名列表“{name}”不存在：文档尚未签章，或签章已被删除。",
            name=lists[0],
        )


def check_list_form(opened: OpenedDocument) -> None:
    """Is a list of signatures that are all ours written as we write it, byte for byte?

    Nobody signs Signatures.xml; of others' files no form can be demanded, of our own it can.
    """
    if not opened.signatures or any(s.xml is None or s.xml.provider != PROVIDER_NAME for s in opened.signatures):
        return
    ids = [identifier for s in opened.signatures if s.xml for identifier in (s.id, *(a.id for a in s.xml.stamps))]
    rows = [ListedSignature(s.id, "Seal" if s.kind == SEAL else "Sign", f"/{s.name}") for s in opened.signatures]
    expected = build_signatures_xml(rows, f"s{len(ids):03d}")
    whole = sorted(ids) == [f"s{number:03d}" for number in range(1, len(ids) + 1)]
    if not whole or opened.entries.get(opened.signatures_name or "") != expected:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.list_changed",
            "签名列表（Signatures.xml）不是盖章时的原样。",
        )


def check_signed(opened: OpenedDocument) -> None:
    """Is there a signature at all?"""
    if not opened.signatures:
        raise CheckFailed(
            INDETERMINATE,
            "NO_SIGNATURE_FOUND",
            "signature.none",
            "文件没有任何电子签章或数字签名，无法证明出自何处、是否被改动。",
        )


def covered_names(opened: OpenedDocument) -> set[str]:
    """Entries some signature protects: by a reference or, a seal file, by being the seal that was signed."""
    names = {name for signature in opened.signatures for name, _digest in signature.references}
    return names | {s.seal_name for s in opened.signatures if s.seal_name and seal_file_differs(opened, s) is False}


def excused_names(opened: OpenedDocument) -> set[str]:
    """What no signature need cover: the list of signatures, and each signature's own two files."""
    excused = {name for signature in opened.signatures for name in signature.own_names}
    return excused | ({opened.signatures_name} if opened.signatures_name else set())


def check_all_seen_is_covered(opened: OpenedDocument, covered: set[str]) -> None:
    """防替换: is everything that can be seen or read protected by a signature?"""
    free = covered | excused_names(opened)
    bare = [name for name in opened.contents.named if name in opened.entries and name not in free]
    if bare and opened.signatures:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "coverage.uncovered",
            "以下文件可被看到或读取，却不受任何签名保护：{names}。",
            names=listed(bare),
        )


def check_no_stowaways(opened: OpenedDocument, covered: set[str]) -> None:
    """防夹带: is there an entry that neither a signature nor the document knows?"""
    known = covered | excused_names(opened)
    loose = [name for name in opened.entries if name not in known and name not in opened.contents.named]
    if loose and opened.signatures_name in opened.entries:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "coverage.stowaway",
            "包内夹带了文档未使用、也不受签名保护的文件：{names}。",
            names=listed(loose),
        )


def left_out(opened: OpenedDocument, signature: OpenedSignature) -> list[str]:
    """What can be seen or read and this one signature does not protect."""
    mine = {name for name, _digest in signature.references} | excused_names(opened)
    mine |= {other.seal_name for other in opened.signatures if seal_file_differs(opened, other) is False}
    return [name for name in opened.contents.named if name in opened.entries and name not in mine]


def check_no_stray_folders(opened: OpenedDocument) -> None:
    """Is every folder entry the folder of some file?"""
    stray = [f for f in opened.package.directories if not any(name.startswith(f) for name in opened.entries)]
    if stray and opened.signatures_name in opened.entries:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "coverage.stray_folder",
            "包内夹带了不含任何文件的目录：{names}。",
            names=listed(stray),
        )


def check_signatures_distinct(opened: OpenedDocument) -> None:
    """Is every signature listed once, and no file the Signature.xml or the value of two?"""
    own = [name for signature in opened.signatures for name in signature.own_names]
    twice = sorted({name for name in own if own.count(name) > 1})
    if twice:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.listed_twice",
            "签名列表重复使用了同一签名文件：{names}。",
            names=listed(twice),
        )


def check_signature_files_unused(opened: OpenedDocument) -> None:
    """Are the uncovered files of a signature nothing else: no page, no attachment, no OFD.xml?"""
    used = [name for name in excused_names(opened) if opened.contents.named.get(name, "signatures") != "signatures"]
    if used:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.file_misused",
            "签名自身的文件同时被文档当作内容使用：{names}。",
            names=listed(used),
        )


# ---------------------------------------------------------------- 1: integrity 文档完整性


def check_digest_method(signature: OpenedSignature) -> None:
    """Are the files digested with SM3? MD5 and SHA-1 (the schema's defaults) prove nothing any more."""
    method = signature.xml.digest_algorithm if signature.xml else SM3
    if method != SM3:
        raise CheckFailed(
            FAILED,
            "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            "integrity.digest_method",
            "文件摘要算法应为 SM3，实为“{method}”，不能证明内容未被改动。",
            method=(method or "MD5")[:64],
        )


def check_references_exist(opened: OpenedDocument, signature: OpenedSignature) -> None:
    """Is every protected file still in the package?"""
    gone = [name for name, _digest in signature.references if name not in opened.entries]
    if gone:
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "integrity.entry_missing",
            "受签名保护的文件已被删除或改名：{names}。",
            names=listed(gone),
        )


def check_references_match(opened: OpenedDocument, signature: OpenedSignature) -> None:
    """Is every protected file as it was when it was signed?"""
    changed = [n for n, digest in signature.references if n in opened.entries and opened.files.digest(n) != digest]
    if changed and signature.xml and signature.xml.digest_algorithm == SM3:
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "integrity.digest_mismatch",
            "受签名保护的文件在签名之后被改动：{names}。",
            names=listed(changed),
        )


def check_references_present(signature: OpenedSignature) -> None:
    """Does the signature protect anything?"""
    if signature.xml is not None and not signature.references:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "integrity.no_references",
            "签名没有保护任何文件（References 为空）。",
        )


def check_references_once(signature: OpenedSignature) -> None:
    """Is every protected file named once?"""
    times = Counter(name for name, _digest in signature.references)
    twice = sorted(name for name, count in times.items() if count > 1)
    if twice:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "integrity.reference_twice",
            "同一文件在受保护清单中出现多次：{names}。",
            names=listed(twice),
        )


# ---------------------------------------------------------------- 2: the seal inside the signature 印章与签章数据


def seal_file_differs(opened: OpenedDocument, signature: OpenedSignature) -> bool | None:
    """Does Seal.esl differ from the seal that was signed? ``None``: one of them is not there."""
    stated = opened.entries.get(signature.seal_name) if signature.seal_name else None
    return None if stated is None or signature.ses is None else stated != signature.ses.seal.der


def check_seal_file(opened: OpenedDocument, signature: OpenedSignature) -> None:
    """Is Seal.esl, which readers show, byte for byte the seal that was signed?"""
    if seal_file_differs(opened, signature):
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "seal.file_differs",
            "包内的印章文件“{name}”与签章所用的印章不一致。",
            name=signature.seal_name,
        )


def check_property_info(signature: OpenedSignature, ses: SESSignature) -> None:
    """Does the signature say that it is this Signature.xml it protects (propertyInfo)?"""
    if ses.property_info.lstrip("/") != signature.name:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "seal.property_info",
            "签章原文属性应指向“/{expected}”，实为“{got}”。",
            expected=signature.name,
            got=ses.property_info[:160],
        )


def check_structures_agree(ses: SESSignature) -> None:
    """Are the signature and the seal in it of one standard?"""
    if ses.structure != ses.seal.structure:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "seal.structure",
            "签章数据（{signature}）与其中的印章（{seal}）不属于同一标准。",
            signature=ses.structure,
            seal=ses.seal.structure,
        )


# ---------------------------------------------------------------- 3: the signature value 签名值


def check_algorithm(stated: str, allowed: Iterable[str] = (SM2_WITH_SM3,)) -> None:
    """Is the signature stated to be SM2 with SM3?"""
    if stated not in allowed:
        raise CheckFailed(
            INDETERMINATE,
            "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            "signature.algorithm",
            "签名算法应为 SM2（{expected}），实为 {got}。",
            expected=SM2_WITH_SM3,
            got=stated,
        )


def check_data_hash(signature: OpenedSignature, stated: bytes) -> None:
    """Is what was signed this very Signature.xml (原文杂凑)?"""
    if sm3(signature.raw) != stated:
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "signature.data_hash",
            "签名描述文件“{name}”在签名之后被改动：其杂凑值与签名中的不符。",
            name=signature.name,
        )


def check_value(certificate: Certificate, value: bytes, signed: bytes) -> None:
    """Did the key of ``certificate`` sign these octets?"""
    try:
        good = certificate.public_key.verify(signature_from_raw(value), signed)
    except Malformed:
        good = False
    if not good:
        raise CheckFailed(
            FAILED,
            "SIG_CRYPTO_FAILURE",
            "signature.value",
            "签名值与签名人“{signer}”的公钥不符：签名数据被改动，或并非由此人签署。",
            signer=certificate.common_name,
        )


def signer_certificate(der: bytes) -> Certificate:
    """The signer's certificate, read. Raises ``CheckFailed`` where it is none."""
    try:
        return load_certificate(der)
    except Malformed as error:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.certificate_malformed",
            "签名人证书无法解析：{detail}",
            detail=error,
        ) from error


def check_certificate_attached(signature: OpenedSignature) -> None:
    """Does the signature bring the signer's certificate, without which nothing can be judged?"""
    signers = signature.cms.signers if signature.cms else ()
    lacking = signature.cms is not None and len(signers) == 1 and signature.cms.certificate_of(signers[0]) is None
    if signature.bare or lacking:
        raise CheckFailed(
            INDETERMINATE,
            "NO_SIGNING_CERTIFICATE_FOUND",
            "signature.no_certificate",
            "签名中没有签名人的证书，须另行取得该证书才能判断。",
        )


def check_one_signer(signature: OpenedSignature) -> None:
    """Has the signed data exactly one signer, as GM/T 0099 wants it?"""
    if signature.cms is not None and len(signature.cms.signers) != 1:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "signature.signers",
            "数字签名应当恰有一名签名人，实有 {count} 名。",
            count=len(signature.cms.signers),
        )


def check_signed_digest(signature: OpenedSignature) -> None:
    """Is what a GB/T 35275 signature was made over this very Signature.xml?"""
    assert signature.cms is not None
    signer, content, digest = signature.cms.signers[0], signature.cms.content, sm3(signature.raw)
    if signer.digest_algorithm != SM3:
        check_algorithm(signer.digest_algorithm, (SM3,))
    if content is not None and content not in (digest, signature.raw) and _from_base64(content) != digest:
        check_data_hash(signature, content)
    stated = signer.message_digest
    if stated is None and signer.attributes_der is not None:
        check_data_hash(signature, b"")
    if stated is not None and stated != digest and (content is None or stated != sm3(content)):
        check_data_hash(signature, stated)


def signed_octets(signature: OpenedSignature) -> bytes:
    """What the signer of a GB/T 35275 signature signed: attributes, attached content, or Signature.xml itself."""
    assert signature.cms is not None
    attributes, content = signature.cms.signers[0].attributes_der, signature.cms.content
    return attributes if attributes is not None else content if content is not None else signature.raw


def _from_base64(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


CMS_ALGORITHMS = SM2_SIGNATURE_OIDS


# ---------------------------------------------------------------- 4: time 签章时间


def check_time_stamp(token: bytes, value: bytes, store: TrustStore, question: Question) -> SigningTime:
    """When was it signed, by proof? The token is over the octets of the signature ``value``."""
    verified = check_timestamp(token, value, store, known_at=question.known_at)
    return SigningTime(verified.time, proved=True, authority=verified.path.certificates[0].common_name)


def check_time_order(claimed: datetime, proved: datetime) -> None:
    """Is the claimed time not after the proof that the signature existed?"""
    if claimed > proved + CLOCK_TOLERANCE:
        raise CheckFailed(
            INDETERMINATE,
            "TIMESTAMP_ORDER_FAILURE",
            "time.claimed_after_proof",
            "签章自称的时间 {claimed} 晚于时间戳证明的时间 {proved}。",
            claimed=claimed.isoformat(),
            proved=proved.isoformat(),
        )


def check_time_not_future(time: SigningTime, question: Question) -> None:
    """Was it signed before the moment in question?"""
    if time.value > min(question.moment, question.known_at) + CLOCK_TOLERANCE:
        raise CheckFailed(
            INDETERMINATE,
            "SIG_CONSTRAINTS_FAILURE",
            "time.in_future",
            "签章时间 {time} 晚于所询问的时间 {moment}。",
            time=time.value.isoformat(),
            moment=question.moment.isoformat(),
        )


def written_time(text: str) -> datetime | None:
    """SignatureDateTime in the spellings met; without a zone it is Beijing time. ``None`` if unreadable."""
    for form in ("%Y%m%d%H%M%S", "%Y%m%d%H%M%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"):
        try:
            moment = datetime.strptime(text.removesuffix("Z"), form)
            return moment.replace(tzinfo=UTC if text.endswith("Z") else BEIJING).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


# ---------------------------------------------------------------- 5: the signer's certificate 合法·在期·未废止


def check_signed_in_period(certificate: Certificate, time: SigningTime) -> None:
    """Does the signer not even claim to have signed while the certificate was valid?"""
    if time.proved or certificate.not_before <= time.value <= certificate.not_after:
        return
    early = time.value < certificate.not_before
    raise CheckFailed(
        FAILED,
        "NOT_YET_VALID" if early else "EXPIRED",
        "certificate.not_valid_when_signed",
        "签章时间 {time} 不在签名人证书的有效期内（{begin} 至 {end}）。",
        time=time.value.isoformat(),
        begin=certificate.not_before.isoformat(),
        end=certificate.not_after.isoformat(),
    )


def check_certificate(
    certificate: Certificate,
    store: TrustStore,
    time: SigningTime,
    question: Question,
    others: tuple[Certificate, ...] = (),
) -> VerifiedPath:
    """Is the signer's certificate from an authority we believe, valid and not revoked at that time?"""
    path = build_path(
        certificate, store, Purpose.SIGNER, time.value, proved=time.proved, now=question.latest, extra=others
    )
    check_revocation(
        path,
        store.crls,
        time.value,
        known_at=question.known_at,
        proved=time.proved,
        ocsp=store.ocsp,
        silent=store.silent,
    )
    return path
