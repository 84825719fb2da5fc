"""互认 (T12): a document of another region is judged by that region's own anchors, and counts where the trust list
entitles it to that type, for that division, at that time.

A document says which region it is of. Whether that is true, its seal shows: where the stated region's anchors do not
know it and another region's do, it is judged by those, and the report says whose seal it is and that the list does not
let it speak for the region stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seal.message import DataMessage
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate, load_certificate
from trust.entitlement import Standing, division_of, find_standing, peer_store, regions_behind, stands_below
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from trust.trust_list import TrustList
from verify.checks import INDETERMINATE, Question, SigningTime
from verify.remarks import Remark
from verify.report import Finding, Indication, Severity, rfc3339, worst
from verify.steps import Judging

ENTITLEMENT_MISSING = "ENTITLEMENT_MISSING"
TRUST_LIST_EXPIRED = "TRUST_LIST_EXPIRED"


def judging_store(home: TrustStore, stated: str, makers: Iterable[bytes]) -> TrustStore:
    """By whom a document is judged. ``stated``: the region it says it is of, empty where it says none; ``makers``:
    certificates (DER) of its seals' makers or, without seal, of its signers.
    """
    if home.trust_list is None:
        return home
    chosen = _store_of(home, stated or home.region) or home
    certificates = _loaded(makers)
    if not certificates or any(_knows(chosen, one) for one in certificates):
        return chosen
    if chosen is not home and any(_knows(home, one) for one in certificates):
        return home
    for one in certificates:
        for purpose in (Purpose.SEAL_MAKER, Purpose.SIGNER):
            for region in regions_behind(home, one, purpose):
                return peer_store(home, region) or chosen
    return chosen


def _store_of(home: TrustStore, region: str) -> TrustStore | None:
    return home if region == home.region else peer_store(home, region)


def _knows(store: TrustStore, certificate: Certificate) -> bool:
    return any(stands_below(certificate, store, purpose) for purpose in (Purpose.SEAL_MAKER, Purpose.SIGNER))


def _loaded(some: Iterable[bytes]) -> list[Certificate]:
    found = []
    for der in some:
        try:
            found.append(load_certificate(der))
        except Malformed:
            continue
    return found


def is_foreign(home: TrustStore, judged_by: TrustStore, message: DataMessage) -> bool:
    """Does it say that it is another region's, or is its seal another's?"""
    stated = message.metadata["region"]
    return bool(home.region) and (stated != home.region or judged_by.entry is not None)


def check_entitled(
    home: TrustStore,
    judged_by: TrustStore,
    message: DataMessage,
    times: Sequence[SigningTime],
    question: Question,
) -> Standing | None:
    """Is whoever sealed it entitled to that type and division, when it was sealed?

    ``None``: it is ours, or there is no list. Raises ``CheckFailed``, all INDETERMINATE: ``entitlement.other_region``,
    ``entitlement.region_unlisted``, ``entitlement.list_expired``, ``entitlement.missing``.
    """
    trust_list = home.trust_list
    if trust_list is None or not is_foreign(home, judged_by, message):
        return None
    stated = message.metadata["region"]
    _check_own(home, trust_list, stated, judged_by.entry.code if judged_by.entry is not None else home.region)
    standing: Standing | None = None
    for time in times or [SigningTime(question.latest, proved=False)]:
        _check_in_force(trust_list, time, question.known_at)
        for moment in (time.value,) if time.proved else (time.value, question.known_at):
            standing = _entitled(trust_list, message, moment)
    return standing


def _check_own(home: TrustStore, trust_list: TrustList, stated: str, sealed_by: str) -> None:
    """Is the region that the licence names on the list, and its seal that region's?"""
    if trust_list.region(stated) is None and stated != home.region:
        raise CheckFailed(
            INDETERMINATE,
            ENTITLEMENT_MISSING,
            "entitlement.region_unlisted",
            "证照所述的地区 {region} 不在第 {number} 号信任列表上，不能据以互认。",
            region=stated[:20],
            number=trust_list.number,
        )
    if sealed_by != stated:
        raise CheckFailed(
            INDETERMINATE,
            ENTITLEMENT_MISSING,
            "entitlement.other_region",
            "证照自称属于地区 {region}，印章却属于地区 {sealed_by}：第 {number} 号信任列表没有授权其代为签发。",
            region=stated[:20],
            sealed_by=sealed_by,
            number=trust_list.number,
        )


def _check_in_force(trust_list: TrustList, time: SigningTime, known_at: datetime) -> None:
    """An expired list still speaks of what was provably sealed before it expired."""
    if not trust_list.is_fresh(known_at) and not (time.proved and time.value <= trust_list.next_update):
        raise CheckFailed(
            INDETERMINATE,
            TRUST_LIST_EXPIRED,
            "entitlement.list_expired",
            "第 {number} 号信任列表已于 {until} 到期，没有可信时间证明签章在此之前完成。",
            number=trust_list.number,
            until=rfc3339(trust_list.next_update),
        )


def _entitled(trust_list: TrustList, message: DataMessage, moment: datetime) -> Standing:
    """What entitled the region at ``moment`` to seal this type for this division."""
    facts = message.metadata
    stated, type_code = facts["region"], facts["type_code"]
    division = division_of(stated, facts["issuer_code"])
    standing = find_standing(trust_list, stated, division, type_code, moment)
    if standing is None or standing.entitlement is None:
        raise CheckFailed(
            INDETERMINATE,
            ENTITLEMENT_MISSING,
            "entitlement.missing",
            "第 {number} 号信任列表没有授权地区“{region}”在 {moment} 为行政区划 {division} 签发类型 {type_code}"
            " 的证照：只能作为需要核对的材料，不能按 A 级采信。",
            number=trust_list.number,
            region=standing.region_name if standing else stated,
            moment=rfc3339(moment),
            division=division,
            type_code=type_code[:40],
        )
    return standing


def on_entitlement(standing: Standing, home: TrustStore, question: Question) -> Remark:
    """What lets it count, and how old the list is that says so."""
    assert home.trust_list is not None
    template = N_(
        "互认依据：第 {number} 号信任列表（签发于 {issued}，已 {hours} 小时）授权地区“{region}”为行政区划 {division} "
        "签发类型 {type_code} 的证照，其原件属 A 级。"
    )
    params: dict[str, object] = {
        "number": standing.list_number,
        "issued": rfc3339(home.trust_list.issued_at),
        "hours": (question.known_at - home.trust_list.issued_at) // timedelta(hours=1),
        "region": standing.region_name,
        "division": standing.division,
        "type_code": standing.type_code,
    }
    return Remark(Severity.INFO, "entitlement.found", template, params)


NOT_CHECKED = Remark(
    Severity.WARNING,
    "entitlement.not_checked",
    N_("本节点没有信任列表：没有核对其他地区的签章人是否有权签发此类证照。"),
)


@dataclass(frozen=True, slots=True)
class Mutual:
    """互认结论."""

    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """信任列表, for the report: which one, how old, and what it says of this document."""


def judge(
    home: TrustStore,
    judged_by: TrustStore,
    message: DataMessage | None,
    judged: Sequence[Judging],
    question: Question,
) -> Mutual:
    """What the trust list makes of a document whose signatures ``judged`` by the store ``judged_by``; nothing good is
    said of one whose seals do not hold.
    """
    trust_list = home.trust_list
    if trust_list is None:
        foreign = message is not None and home.region and message.metadata["region"] != home.region
        return Mutual((NOT_CHECKED.finding,) if foreign else ())
    standing, findings = None, []
    if message is not None:
        try:
            times = [one.time for one in judged if one.time is not None]
            standing = check_entitled(home, judged_by, message, times, question)
        except CheckFailed as failure:
            findings.append(Finding.of(failure))
    if not judged or any(worst(one.found.findings)[0] is not Indication.PASSED for one in judged):
        standing = None
    if standing is not None:
        findings.append(on_entitlement(standing, home, question).finding)
    return Mutual(tuple(findings), _facts(trust_list, question, standing))


def _facts(trust_list: TrustList, question: Question, standing: Standing | None) -> Mapping[str, object]:
    facts: dict[str, object] = {
        "number": trust_list.number,
        "issued_at": rfc3339(trust_list.issued_at),
        "next_update": rfc3339(trust_list.next_update),
        "age_seconds": int(max(question.known_at - trust_list.issued_at, timedelta(0)).total_seconds()),
        "fresh": trust_list.is_fresh(question.known_at),
    }
    if standing is not None:
        facts["entitlement"] = standing.to_json()
    return facts
