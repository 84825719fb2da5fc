"""用证副本: is this copy what its terms say, and may it be used for what it is wanted for (004 五(一)3(2); T1, T2)?

What the file shows is compared with its terms; the terms with what whoever verifies has stated; and what became of the
copy, and of its original, is asked of those who know. A copy passes inside its terms and nowhere else. How face and
watermark are read stands in ``verify.copy_page`` (OFD) and ``verify.pdf.copy_page``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seal.copies import COPY_SEAL_KIND, CopyTerms, band_lines, same_text, watermark_lines
from seal.kinds import kind_of
from seal.ses import SESeal
from trust.anchors import TrustStore
from trust.entitlement import division_of, find_standing
from trust.errors import CheckFailed, LicenceTrustError
from trust.i18n import N_
from trust.identifiers import parse_licence_id
from verify import licence
from verify.checks import FAILED, INDETERMINATE, Question
from verify.face import Face, as_shown
from verify.policy import (
    COPY_STATUS_NOT_CHECKED,
    LICENCE_STATUS_NOT_CHECKED,
    CopySource,
    CopyStatus,
    LicenceStatus,
    PeerStatusSource,
    StatusSource,
)
from verify.remarks import listed
from verify.report import Finding, Severity, rfc3339
from verify.steps import Found


@dataclass(frozen=True, slots=True)
class SealedBy:
    """加盖的印章 of a copy, as far as the questions here need it."""

    seal: SESeal
    signer: str
    """Common name of the signer's certificate; ``""``: it could not be read."""
    whole: bool
    """It covers everything that can be seen or read."""


def is_copy_seal(seal: SESeal) -> bool:
    """Does the seal state the kind that makes copies?"""
    return kind_of(seal) == COPY_SEAL_KIND


# ---------------------------------------------------------------- the seal and the terms


def check_not_both(*, terms: bool, message: bool) -> None:
    """A copy holds no data message of a licence."""
    if terms and message:
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "copy.with_message", "文件同时带有副本条款和证照数据电文，不能判断它是什么。"
        )


def check_terms_there(seals: Iterable[SESeal], *, terms: bool, message: bool) -> None:
    """A copy seal stands on copies only."""
    if terms or not any(map(is_copy_seal, seals)):
        return
    if message:
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "licence.copy_seal",
            "证照上加盖的是证照副本专用章，这种印章不能签发证照。",
        )
    raise CheckFailed(
        FAILED, "FORMAT_FAILURE", "copy.terms_missing", "文件加盖了证照副本专用章，却没有副本条款，不是用证副本。"
    )


def check_copy_seal(terms: CopyTerms, seals: Sequence[SealedBy]) -> None:
    """Is it sealed, as a whole, by a copy seal of the body the terms name, and by nothing else?"""
    ours = [one for one in seals if is_copy_seal(one.seal)]
    if not ours:
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "copy.seal_missing",
            "副本没有加盖证照副本专用章；其他印章不能制作用证副本。",
        )
    if not any(one.whole for one in ours):
        raise CheckFailed(FAILED, "FORMAT_FAILURE", "copy.seal_incomplete", "证照副本专用章没有保护副本的全部内容。")
    if not any(one.whole and one.signer == terms.by for one in ours):
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "copy.maker_differs",
            "副本条款所述的制作单位“{by}”与加盖证照副本专用章的单位不符。",
            by=terms.by,
        )
    if len(seals) > 1:  # whoever holds any seal could press it over the terms, in any size
        raise CheckFailed(
            FAILED,
            "SIG_CONSTRAINTS_FAILURE",
            "copy.other_seals",
            "副本上应当只有一枚证照副本专用章，实有 {count} 枚印章，加注文字可能被遮盖。",
            count=len(seals),
        )


# ---------------------------------------------------------------- what is shown


def check_shown(terms: CopyTerms, face: Face) -> None:
    """Do the face and the band say what the terms say, visibly, and does nothing else claim to?"""
    wrong = [one.title for one in terms.face if as_shown(face.texts.get(one.name, "")) != as_shown(one.text)]
    if wrong:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "copy.face_differs",
            "副本的照面与副本条款不一致：{titles}。",
            titles=listed(wrong),
        )
    lines = dict(band_lines(terms))
    if any(as_shown(face.texts.get(name, "")) != as_shown(line) for name, line in lines.items()):
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "copy.statement_differs", "副本上的加注说明与副本条款不一致，文字可能被改动。"
        )
    if face.hidden:
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "copy.face_hidden", "副本上的文字被隐藏：{names}。", names=listed(face.hidden)
        )
    if face.disordered or face.disguised:
        raise CheckFailed(
            FAILED,
            "FORMAT_FAILURE",
            "copy.face_disguised",
            "副本上的文字排列次序或字形与读出的文字不符，看到的可能是别的字：{texts}。",
            texts=listed([*face.disordered, *face.disguised]),
        )
    known = {*lines, *(one.name for one in terms.face)}
    unknown = [name for name in face.texts if name not in known]
    if face.dangling or unknown:
        names = listed([*face.dangling, *unknown])
        raise CheckFailed(
            FAILED, "FORMAT_FAILURE", "copy.tags", "副本的标引与副本条款或页面不符：{names}。", names=names
        )


@dataclass(frozen=True, slots=True)
class Row:
    """水印的一行, as a page shows it; millimetres from its top left corner."""

    text: str
    x: float
    y: float
    size: float
    dark: bool
    visible: bool
    inside: bool


@dataclass(frozen=True, slots=True)
class ShownPage:
    """一页 of a copy, as far as the watermark goes."""

    width: float
    height: float
    """Without the band."""
    rows: tuple[Row, ...]
    clear: bool
    """Nothing is drawn over the watermark and nothing stands beside it in the watermark's place."""
    picture: str | None = None
    """SM3 of the page's one picture, hex; ``""``: there is not exactly one; ``None``: it cannot be told."""


SMALLEST: Final = 1.5
"""Millimetres: text below that cannot be read."""


def check_watermark(terms: CopyTerms, pages: Sequence[ShownPage]) -> None:
    """信息加注: does every page show the words that follow from the terms, over itself, readable on any ground?"""
    words = "".join(watermark_lines(terms))
    if not pages or (terms.pages and len(pages) != len(terms.pages)) or (terms.face and len(pages) != 1):
        raise CheckFailed(FAILED, "FORMAT_FAILURE", "copy.pages", "副本的页数与副本条款不符。")
    for number, page in enumerate(pages, 1):
        dark, light = ([row for row in page.rows if row.dark is shade] for shade in (True, False))
        if not dark or not light:
            raise _watermark("copy.watermark_missing", N_("第 {page} 页没有水印。"), number)
        if not all(_repeats(rows, words) for rows in (dark, light)):
            template = N_("第 {page} 页的水印文字与副本条款不一致，可能被改动。")
            raise _watermark("copy.watermark_differs", template, number)
        seen = page.clear and all(row.visible and row.inside and row.size >= SMALLEST for row in page.rows)
        if not seen or not _pairs(page.rows) or not _spread(page, dark):
            template = N_("第 {page} 页的水印被隐藏、遮挡、移出页面或没有铺满页面。")
            raise _watermark("copy.watermark_hidden", template, number)


def _watermark(code: str, template: str, page: int) -> CheckFailed:
    return CheckFailed(FAILED, "FORMAT_FAILURE", code, template, page=page)


def _repeats(rows: Sequence[Row], words: str) -> bool:
    """Are the rows, in their order, the words some times over?"""
    shown = "".join(row.text for row in rows)
    count, rest = divmod(len(shown), len(words))
    return count > 0 and rest == 0 and shown == words * count


def _pairs(rows: Sequence[Row]) -> bool:
    """Does every dark row lie upon a light one of the same words?"""
    for light, dark in zip(rows[::2], rows[1::2], strict=False):
        aside = max(abs(light.x - dark.x), abs(light.y - dark.y))
        if light.dark or not dark.dark or light.text != dark.text or aside > 0.3 * dark.size:
            return False
    return len(rows) % 2 == 0


def _spread(page: ShownPage, rows: Sequence[Row]) -> bool:
    """Do rows begin in the upper and in the lower half, and reach both sides?"""
    tops = [row.y for row in rows]
    reach = [row.x + 0.9 * len(row.text) * row.size / 2 for row in rows]
    high = max(tops) - min(tops) >= 0.3 * page.height or page.height < 90
    return high and min(row.x for row in rows) < 0.5 * page.width and max(reach) > 0.4 * page.width


def check_pictures(terms: CopyTerms, pages: Sequence[ShownPage]) -> None:
    """Are the pictures those of the terms?"""
    if any(page.picture not in (None, want) for page, want in zip(pages, terms.pages, strict=False)):
        raise CheckFailed(FAILED, "HASH_FAILURE", "copy.picture_differs", "副本上的页面图像与副本条款不一致。")


# ---------------------------------------------------------------- the use


def check_period(terms: CopyTerms, question: Question) -> None:
    """Is it used in its time?"""
    if question.moment >= terms.until:
        raise CheckFailed(
            FAILED,
            "COPY_EXPIRED",
            "copy.expired",
            "副本的有效期至 {until}，已经届满。",
            until=terms.last_day.isoformat(),
        )
    if question.moment < terms.made:
        raise CheckFailed(
            INDETERMINATE, "COPY_NOT_YET_VALID", "copy.not_yet_valid", "副本于 {made} 才制作，所询问的时间在此之前。",
            made=rfc3339(terms.made),
        )  # fmt: skip


def check_purpose(terms: CopyTerms, question: Question) -> None:
    """Is it wanted for what it was made for?"""
    stated = question.stated.purpose
    if not stated.strip():
        raise CheckFailed(
            INDETERMINATE,
            "COPY_PURPOSE_NOT_STATED",
            "copy.purpose_not_stated",
            "用证副本只对所述用途有效，核验时没有说明用途。",
        )
    if not same_text(stated, terms.purpose):
        raise CheckFailed(
            FAILED,
            "COPY_PURPOSE_DIFFERS",
            "copy.purpose_differs",
            "副本仅供“{purpose}”使用，不能用于“{stated}”。",
            purpose=terms.purpose,
            stated=stated[:100],
        )


def check_recipient(terms: CopyTerms, question: Question) -> None:
    """By whom it was made for, if that is stated?"""
    _check_same(question.stated.recipient, terms.recipient, "COPY_RECIPIENT_DIFFERS", "copy.recipient_differs",
                N_("副本仅供“{expected}”使用，“{stated}”不能使用。"))  # fmt: skip


def check_case(terms: CopyTerms, question: Question) -> None:
    """In the case, and for the item, if they are stated and the terms have one?"""
    if terms.service_item:
        _check_same(question.stated.service_item, terms.service_item, "COPY_SERVICE_ITEM_DIFFERS",
                    "copy.service_item_differs", N_("副本仅供事项“{expected}”使用，不能用于“{stated}”。"))  # fmt: skip
    if terms.case_number:
        _check_same(question.stated.case_number, terms.case_number, "COPY_CASE_DIFFERS", "copy.case_differs",
                    N_("副本仅供办件“{expected}”使用，不能用于“{stated}”。"))  # fmt: skip


def _check_same(stated: str, expected: str, sub: str, code: str, template: str) -> None:
    if stated.strip() and not same_text(stated, expected):
        raise CheckFailed(FAILED, sub, code, template, expected=expected, stated=stated[:100])


def check_original_seen(terms: CopyTerms) -> None:
    """May it be taken without looking at the original (R051, R058)?"""
    if terms.level == "C" or terms.original.check_required:
        raise CheckFailed(
            INDETERMINATE,
            "ORIGINAL_CHECK_REQUIRED",
            "copy.original_check_required",
            "可信等级 {level} 的材料，须核对原件后才能使用。",
            level=terms.level,
        )


def judge_use(
    found: Found,
    terms: CopyTerms,
    question: Question,
    copies: CopySource | None,
    statuses: StatusSource | None,
    store: TrustStore,
    peers: PeerStatusSource | None = None,
) -> None:
    """用证: time, purpose, recipient, case; whether the original must be seen; what became of copy and original."""
    found.ask(check_region, terms, store)
    found.ask(check_period, terms, question)
    found.ask(check_purpose, terms, question)
    found.ask(check_recipient, terms, question)
    found.ask(check_case, terms, question)
    found.ask(check_original_seen, terms)
    check_status(found, terms, copies, question)
    check_original(found, terms, statuses, store, question, peers)


# ---------------------------------------------------------------- what became of it


def check_region(terms: CopyTerms, store: TrustStore) -> None:
    """Is it of the region whose anchors believe its seal, and may that one issue what it was made of (T12)?"""
    if store.region and terms.region != store.region:
        raise CheckFailed(
            INDETERMINATE,
            "COPY_STATUS_UNKNOWN",
            "copy.other_region",
            "副本自称由地区 {region} 制作，印章却属于地区 {sealed_by}，不能采信。",
            region=terms.region[:20],
            sealed_by=store.region,
        )
    if store.entry is None or store.trust_list is None or terms.original.kind != "licence":
        return
    asked = parse_licence_id(terms.original.id)
    division = division_of(store.region, asked.issuer_code)
    standing = find_standing(store.trust_list, store.region, division, asked.type_code, terms.made)
    if standing is None or standing.entitlement is None:
        raise CheckFailed(
            INDETERMINATE,
            "ENTITLEMENT_MISSING",
            "copy.not_entitled",
            "第 {number} 号信任列表没有授权地区“{region}”签发此类证照，它制作的副本只能作为需要核对的材料。",
            number=store.trust_list.number,
            region=store.entry.name,
        )


def check_status(found: Found, terms: CopyTerms, copies: CopySource | None, question: Question) -> None:
    """Was it revoked, or used as often as it may be? Says so where nobody is there to ask."""
    status: CopyStatus | None = None
    try:
        status = copies.copy_status(terms.copy_id, question.moment, terms.region) if copies is not None else None
    except LicenceTrustError:
        status = None
    if status is None or status.state == "UNKNOWN":
        template = N_("未能查询副本是否已被收回或用完次数（制作副本的节点不在手边），结论仅依据副本本身。")
        found.findings.append(Finding(COPY_STATUS_NOT_CHECKED, Severity.WARNING, template))
        return
    found.ask(_check_state, status)


def _check_state(status: CopyStatus) -> None:
    if status.state == "REVOKED":
        since = rfc3339(status.since) if status.since else "-"
        raise CheckFailed(
            FAILED, "COPY_REVOKED", "copy.revoked", "副本已被收回（自 {since}），不能再使用。", since=since
        )
    if status.state == "USED_UP":
        raise CheckFailed(
            FAILED,
            "COPY_USED_UP",
            "copy.used_up",
            "副本限用 {limit} 次，已经用完。",
            limit=status.limit,
        )
    if status.silent:
        raise _silent(status)
    if status.state != "ACTIVE":
        raise CheckFailed(
            INDETERMINATE, "COPY_STATUS_UNKNOWN", "copy.status", "副本的状态“{state}”未知。", state=status.state[:40]
        )


def _silent(status: CopyStatus) -> CheckFailed:
    """没有应答: whether it was taken back or used up since, only the region that made it knows."""
    if status.as_of is None:
        return CheckFailed(
            INDETERMINATE,
            "COPY_STATUS_UNKNOWN",
            "copy.status_unreachable",
            "制作副本的地区“{region}”现在问不到（{reason}），副本是否已被收回、次数是否用完不详。",
            region=status.region,
            reason=status.silent,
        )
    return CheckFailed(
        INDETERMINATE,
        "COPY_STATUS_AS_OF",
        "copy.status_as_of",
        "制作副本的地区“{region}”现在问不到（{reason}）；据它 {as_of} 的签名应答，副本当时可用，此后不详。",
        region=status.region,
        reason=status.silent,
        as_of=rfc3339(status.as_of),
    )


def check_original(
    found: Found,
    terms: CopyTerms,
    statuses: StatusSource | None,
    store: TrustStore,
    question: Question,
    peers: PeerStatusSource | None = None,
) -> None:
    """原件的状态 counts for the copy as for the original: the register's word, else that of a fresh status list; of
    another region's, ``peers`` is asked for it.
    """
    if terms.original.kind != "licence":
        return
    status: LicenceStatus | None = None
    with found.asking():
        status = _ask_register(terms, statuses, question)
        if status is None:
            place = terms.original.status_list, terms.original.status_index
            status = licence.listed_status(*place, store, question, peers)
    if status is None and any(found.has(code) for code in licence.STATUS_SAID):
        return
    if status is None:
        template = N_("未能查询证照状态（没有登记系统，也没有有效的状态列表），结论仅依据文件本身。")
        found.findings.append(Finding(LICENCE_STATUS_NOT_CHECKED, Severity.WARNING, template))
        return
    found.ask(licence.check_current, status)
    found.ask(_check_original_file, terms, status)


def _ask_register(terms: CopyTerms, statuses: StatusSource | None, question: Question) -> LicenceStatus | None:
    try:
        return statuses.status(terms.original.id, question.moment) if statuses is not None else None
    except LicenceTrustError:
        return None


def _check_original_file(terms: CopyTerms, status: LicenceStatus) -> None:
    """Is the original the copy points to the file the register has?"""
    if not licence.is_registered_file(status, terms.original.sm3):
        raise CheckFailed(
            INDETERMINATE,
            "COPY_ORIGINAL_DIFFERS",
            "copy.original_differs",
            "副本所指的原件（SM3 {digest}）与登记系统中的文件不同。",
            digest=terms.original.sm3,
        )


# ---------------------------------------------------------------- the report


def face_of(terms: CopyTerms | None) -> tuple[tuple[str, str, str], ...]:
    """``(name, title, text)`` of what the copy shows."""
    return tuple((one.name, one.title, one.text) for one in terms.face) if terms is not None else ()


def facts(terms: CopyTerms | None) -> Mapping[str, object] | None:
    """``document.copy`` of a report: the terms, as they stand in the file."""
    if terms is None:
        return None
    original = terms.original
    return {
        "id": terms.copy_id,
        "level": terms.level,
        "recipient": terms.recipient,
        "purpose": terms.purpose,
        "service_item": terms.service_item,
        "case_number": terms.case_number,
        "made": rfc3339(terms.made),
        "until": rfc3339(terms.until),
        "uses": terms.uses,
        "by": terms.by,
        "region": terms.region,
        "masked": list(terms.masked),
        "original": {
            "kind": original.kind,
            "id": original.id,
            "title": original.title,
            "issuer": original.issuer,
            "sm3": original.sm3,
            "check_required": bool(original.check_required) or terms.level == "C",
        },
        "watermark": list(watermark_lines(terms)),
    }
