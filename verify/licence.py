"""证照数据: does the face say what the data message says, and is the licence current?

The questions of ``verify.checks``, asked of a licence. A file without data message is no licence of ours and
is judged by its signatures alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from seal.checking import disclosure_root_in
from seal.message import (
    DIGESTS_ENTRY,
    MESSAGE_ENTRY,
    DataMessage,
    custom_datas,
    disclosure_entry,
    disclosure_root,
)
from seal.ofd.package import Limits, open_package
from seal.provenance import SAME_LICENCE
from seal.ses import SESSignature
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed, Word
from trust.identifiers import check_credit_code, parse_licence_id
from trust.path import check_published
from trust.status_list import StatusList
from verify.checks import BEIJING, FAILED, INDETERMINATE, Question
from verify.face import Face, as_shown
from verify.opening import OpenedDocument
from verify.policy import STATE_NAMES, LicenceStatus, PeerStatusSource, StatusSource, indication_of
from verify.remarks import listed
from verify.report import Indication

# ---------------------------------------------------------------- the message and its copies


def check_message_attached(opened: OpenedDocument) -> None:
    """Is the data message an attachment of the document, so that other readers find it too?"""
    if opened.contents.named.get(MESSAGE_ENTRY) != "attachment":
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "message.not_attached", "证照数据电文不是文档的附件，文档没有提到它。"
        )


def check_custom_datas(opened: OpenedDocument, message: DataMessage) -> None:
    """Do the CustomDatas of OFD.xml say what the data message says?"""
    expected, got = dict(custom_datas(message)), opened.custom_datas
    if len(got) == len(expected) and dict(got) == expected:
        return
    stated = dict(got)
    names = [name for name in expected if stated.get(name) != expected[name]]
    names += [name for name, _text in got if name not in expected] or [n for n, _ in got if [*stated].count(n) > 1]
    raise CheckFailed(
        FAILED,
        "FORMAT_FAILURE",
        "message.custom_datas_differ",
        "文档的自定义数据（CustomDatas）与数据电文不一致：{names}。",
        names=listed(names),
    )


def check_face_shows_message(message: DataMessage, face: Face) -> None:
    """Does the face show every field as the data message states it?"""
    wrong = []
    for value in message.face:
        try:
            expected = as_shown(value.text)
        except Malformed:
            wrong.append(value.title)
            continue
        if as_shown(face.texts.get(value.name, "")) != expected:
            wrong.append(value.title)
    if wrong:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.face_differs",
            "照面文字与数据电文不一致：{titles}。",
            titles=listed(wrong),
        )


def check_metadata_on_face(message: DataMessage) -> None:
    """Do holder, number, issuer and date of the metadata stand on the face as well, where the face has them?"""
    facts, shown = message.metadata, {value.value for value in message.face}
    wrong = [key for key in ("holder_name", "holder_code") if facts[key] not in shown]
    for key in ("licence_number", "issuer_name", "issued_on"):
        value = message.face_value(key)
        if value is not None and value.value != facts[key]:
            wrong.append(key)
    if wrong:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.metadata_differs",
            "数据电文的元数据与照面不一致：{names}。",
            names=listed(wrong),
        )


def check_face_visible(face: Face) -> None:
    """Can every field's text be seen?"""
    if face.hidden:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.face_hidden",
            "照面文字被隐藏：{names}。",
            names=listed(face.hidden),
        )


def check_face_order(face: Face) -> None:
    """Do the pieces of each field follow each other on the page as they are read?"""
    if face.disordered:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.face_order",
            "照面文字在页面上的排列次序与读出的次序不同：{names}。",
            names=listed(face.disordered),
        )


def check_face_glyphs(face: Face) -> None:
    """Do the glyphs of the embedded fonts show the characters they stand for?"""
    if face.disguised:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.face_glyphs",
            "文件内嵌字体的字形与文字不符，看到的可能是别的字：{texts}。",
            texts=listed(face.disguised),
        )


def check_tags_bound(message: DataMessage, face: Face) -> None:
    """Does every tag belong to a field and point at a text of the page?"""
    unknown = [name for name in face.texts if message.face_value(name) is None]
    if face.dangling or unknown:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.tags",
            "自定义标引与数据电文或页面不符：{names}。",
            names=listed([*face.dangling, *unknown]),
        )


def check_digests(opened: OpenedDocument, message: DataMessage) -> None:
    """Are the field digests, by which fields can be shown one by one, those of the data message?"""
    if opened.entries.get(DIGESTS_ENTRY) != disclosure_entry(message):
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "message.digests_differ",
            "字段摘要文件与数据电文不一致。",
        )


def check_disclosure_root(message: DataMessage, sealed: Sequence[SESSignature]) -> None:
    """Is the root over the field digests the one the message states and every seal signature signed?"""
    root = disclosure_root(message.digests.values())
    roots = [disclosure_root_in(signature) for signature in sealed]
    if root.hex() != message.disclosure_root or any(other is not None and other != root for other in roots):
        raise CheckFailed(
            FAILED,
            "HASH_FAILURE",
            "message.disclosure_root",
            "字段摘要的根与数据电文或签章中的不一致。",
        )
    if sealed and not any(roots):
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "message.disclosure_root_missing",
            "签章中没有字段摘要的根。",
        )


# ---------------------------------------------------------------- the licence


def check_licence_id(message: DataMessage) -> None:
    """Is the licence id well formed, and does it agree with the version, type and issuer stated beside it?"""
    facts = message.metadata
    try:
        identifier = parse_licence_id(message.licence_id)
    except Malformed as error:
        raise CheckFailed(FAILED, "FORMAT_FAILURE", "licence.id", "电子证照标识无效：{detail}", detail=error) from error
    stated = (facts["version"], facts["type_code"], facts["issuer_code"], facts["licence_id"])
    spelt = (f"{identifier.version:03d}", identifier.type_code, identifier.issuer_code, identifier.text)
    if stated != spelt and (str(identifier.version), *spelt[1:]) != stated:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "licence.id_differs",
            "电子证照标识 {id} 与所述的版本、类型或颁证单位不一致。",
            id=message.licence_id,
        )


def check_lineage(message: DataMessage) -> None:
    """Can the file this one says it follows be its predecessor: an earlier version, or another licence it replaces?"""
    lineage = message.lineage
    if lineage is None:
        return
    try:
        own, before = parse_licence_id(message.licence_id), parse_licence_id(lineage.predecessor_id)
        same = own.base == before.base
        sound = same and before.version < own.version if lineage.kind in SAME_LICENCE else not same
    except Malformed:
        sound = False
    if not sound:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "licence.lineage",
            "数据电文所述的前一版本 {id} 不可能是该证照的前一版本。",
            id=lineage.predecessor_id,
        )


def check_required_seals(message: DataMessage, present: Sequence[str]) -> None:
    """Does the file carry every seal the data message says it must (``present``: esID of its seals)?"""
    missing = [seal.name or seal.id for seal in message.seals if seal.id not in present]
    if missing or not message.seals:
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "licence.required_seal_missing",
            "证照缺少应加盖的印章：{names}。",
            names=listed(missing),
        )


def check_seal_protects_all(message: DataMessage, bare: dict[str, list[str]]) -> None:
    """Does every required seal by itself protect all that can be seen (``bare``: esID → what it leaves out)?"""
    names = sorted({name for seal in message.seals for name in bare.get(seal.id, ())})
    if names:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "licence.seal_incomplete",
            "应加盖的印章没有保护以下内容：{names}。",
            names=listed(names),
        )


def check_no_other_pictures(message: DataMessage, shown: Mapping[str, str]) -> None:
    """Is no seal shown but those the data message names (``shown``: esID → name of the seal)?

    Whoever holds any seal can press it, in any size, over the face; the sealer does not do so to a licence.
    """
    named = {seal.id for seal in message.seals}
    others = sorted(name or identifier for identifier, name in shown.items() if identifier not in named)
    if others:
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "licence.other_seals",
            "证照上显示了数据电文没有列明的印章：{names}，照面可能被遮盖。",
            names=listed(others),
        )


def check_issuer_is_signer(message: DataMessage, sealed: Sequence[tuple[str, Certificate]]) -> None:
    """Does the issuing body stated on the licence stand behind one of its required seals?

    ``sealed`` are ``(esID, signer's certificate)``.
    """
    required = {seal.id for seal in message.seals}
    check_signed_by_issuer(message, [certificate for identifier, certificate in sealed if identifier in required])


def check_signed_by_issuer(message: DataMessage, signers: Sequence[Certificate]) -> None:
    """Is one of ``signers`` the issuing body stated on the licence? A body is known by its name and, where the
    certificate states one, its credit code: one of the two alone could be another body's.
    """
    code, name = message.metadata["issuer_code"], message.metadata["issuer_name"]
    for certificate in signers:
        if _is_body(certificate, name, code):
            return
    raise CheckFailed(
        INDETERMINATE,
        "SIG_CONSTRAINTS_FAILURE",
        "licence.issuer_not_signer",
        "证照所述的颁证单位“{issuer}”（{credit_code}）与签章人不是同一单位。",
        issuer=name,
        credit_code=code,
    )


def _is_body(certificate: Certificate, name: str, code: str) -> bool:
    """Is the subject the body of this name and credit code?"""
    values = {value for _field, value in certificate.subject_fields}
    codes = {value for value in values if len(value) == len(code) and _is_credit_code(value)}
    return bool(name) and any(name in value for value in values) and code in (codes or {code})


def _is_credit_code(text: str) -> bool:
    try:
        return check_credit_code(text) == text
    except Malformed:
        return False


def check_validity(message: DataMessage, question: Question) -> None:
    """Is the licence within the period it states? Days are Beijing days, the last one included."""
    begin, end = (_day(message.metadata[key]) for key in ("valid_from", "valid_to"))
    if end is not None and question.moment >= end + timedelta(days=1):
        raise CheckFailed(
            FAILED,
            "LICENCE_EXPIRED",
            "licence.expired",
            "证照的有效期至 {end}，已经届满。",
            end=message.metadata["valid_to"],
        )
    if begin is not None and question.moment < begin:
        raise CheckFailed(
            INDETERMINATE,
            "LICENCE_NOT_YET_VALID",
            "licence.not_yet_valid",
            "证照的有效期自 {begin} 起，尚未开始。",
            begin=message.metadata["valid_from"],
        )


def _day(text: str) -> datetime | None:
    """The beginning of a stated day; ``None`` for long-term. Raises ``CheckFailed`` for what is no date."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), BEIJING).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "licence.period", "证照的有效期“{text}”不是日期。", text=text[:40]
        ) from error


# ---------------------------------------------------------------- 证照状态


STATUS_SAID = ("licence.unknown", "licence.status_as_of", "licence.status_unreachable", "licence.status_place")
"""Findings that say already what is not known of the state."""


def find_status(
    message: DataMessage,
    statuses: StatusSource | None,
    store: TrustStore,
    question: Question,
    peers: PeerStatusSource | None = None,
) -> LicenceStatus | None:
    """The word of the register or, where it has none, of a fresh status list; ``None``: nobody knows.

    Of another region's licence ``peers`` is asked. Raises ``CheckFailed`` where a status list is there and cannot be
    believed, and where another region, asked, does not say.
    """
    known = _ask_register(message, statuses, question)
    if known is not None:
        return known
    return listed_status(message.status_list, message.status_index, store, question, peers)


def listed_status(
    address: str, index: str, store: TrustStore, question: Question, peers: PeerStatusSource | None
) -> LicenceStatus | None:
    """What stands at this place of a status list: of another region's, asked for now; raises as ``find_status``."""
    if store.entry is not None and peers is not None:
        return _ask_region(address, index, peers, store)
    return read_list(address, index, store, question)


def _ask_region(address: str, index: str, peers: PeerStatusSource, store: TrustStore) -> LicenceStatus | None:
    """What the licence's own region says now or, where it is silent, said last: never a wrong valid."""
    assert store.entry is not None
    region = store.entry.name
    if store.entry.status_place(address) is None:
        raise CheckFailed(
            INDETERMINATE,
            "LICENCE_STATUS_UNKNOWN",
            "licence.status_place",
            "证照所述的状态列表地址不是信任列表所列的地区“{region}”的地址，不能采信。",
            region=region,
        )
    said = peers.status_list(store, address)
    if said.published is None:
        raise CheckFailed(
            INDETERMINATE,
            "LICENCE_STATUS_UNKNOWN",
            "licence.status_unreachable",
            "地区“{region}”的状态列表无法取得（{reason}），证照现在的状态未知。",
            region=region,
            reason=said.reason or "-",
        )
    status = _state_in(said.published, index)
    if said.current or indication_of(status.state) is Indication.FAILED:
        return status
    raise CheckFailed(
        INDETERMINATE,
        "LICENCE_STATUS_AS_OF",
        "licence.status_as_of",
        "地区“{region}”现在无法访问（{reason}）；据其 {issued} 签发的状态列表，证照当时的状态为“{state}”，此后不详。",
        region=region,
        reason=said.reason or "-",
        issued=said.published.issued_at.isoformat(),
        state=Word(STATE_NAMES.get(status.state, status.state)),
    )


def _state_in(published: StatusList, index: str) -> LicenceStatus:
    try:
        return LicenceStatus(published.status_at(int(index)))
    except (Malformed, ValueError) as error:
        raise CheckFailed(
            INDETERMINATE, "LICENCE_STATUS_UNKNOWN", "licence.status_index", "{detail}", detail=error
        ) from error


def _ask_register(message: DataMessage, statuses: StatusSource | None, question: Question) -> LicenceStatus | None:
    if statuses is None:
        return None
    try:
        return statuses.status(message.licence_id, question.moment)
    except LicenceTrustError:
        return None


def read_list(address: str, index: str, store: TrustStore, question: Question) -> LicenceStatus | None:
    """What a fresh status list at hand says; ``None``: there is none. Raises ``CheckFailed``."""
    published = store.status_list(address) if address and index else None
    if published is None or not published.is_fresh(question.latest):
        return None
    check_published(published.document, store, published.issued_at, known_at=question.known_at)
    return _state_in(published, index)


def check_current(status: LicenceStatus) -> None:
    """Is the licence current (有效) in that state?"""
    indication = indication_of(status.state)
    if indication is not Indication.PASSED:
        raise CheckFailed(
            indication,
            f"LICENCE_{status.state}",
            f"licence.{status.state.lower()}",
            "证照状态为“{state}”（自 {since}），现不能据以办事。",
            state=Word(STATE_NAMES.get(status.state, status.state)),
            since=status.since.isoformat() if status.since else "-",
        )


def is_registered_file(status: LicenceStatus, digest: str) -> bool:
    """Is this, byte for byte, the file the register has (or does the register not say)?"""
    known = {status.file_digest, *(one.digest for one in status.others)}
    return status.file_digest is None or digest in {one.lower() for one in known if one}


def check_file_is_registered(status: LicenceStatus, opened: OpenedDocument, limits: Limits) -> None:
    """Does this file hold all the register issued under this id, unaltered?

    Packing it anew changes nothing, and others may add signatures; a second file sealed under the same id differs.
    """
    if is_registered_file(status, opened.digest) or _holds_all(opened, status, limits):
        return
    raise CheckFailed(
        INDETERMINATE,
        "LICENCE_FILE_DIFFERS",
        "licence.file_differs",
        "登记系统中该证照的文件与此文件不同（登记的杂凑值为 {expected}）。",
        expected=status.file_digest,
    )


def _holds_all(opened: OpenedDocument, status: LicenceStatus, limits: Limits) -> bool:
    """Is every entry of the issued file in this one (but for the list of signatures, which may have grown)?"""
    try:
        issued = open_package(status.issued_file(), limits).entries if status.issued_file else {}
    except LicenceTrustError:
        return False
    list_name = opened.signatures_name
    return bool(issued) and all(opened.entries.get(n) == data for n, data in issued.items() if n != list_name)


def check_register_knows(message: DataMessage, statuses: StatusSource | None, store: TrustStore) -> None:
    """Does the register of the licence's own region know it? (Asked when nobody told a state.)"""
    if statuses is not None and store.entry is None and store.region and message.metadata["region"] == store.region:
        raise CheckFailed(
            INDETERMINATE,
            "LICENCE_UNKNOWN",
            "licence.unknown",
            "本地区的登记系统中没有证照 {id}。",
            id=message.licence_id,
        )
