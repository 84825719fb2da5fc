"""共享页面: systems, tiers, applications and calls as tables show them; one answer in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from api.pages.crossing_views import Across, across, anywhere_sentence, asked_regions, issuing_region
from api.pages.verdict import state_view, when
from licence_store.sharing.access import STATE_NAMES, TIERS, ApplicationView, TierView
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.sharing.log import CallView, Traffic
    from licence_store.sharing.models import SharingClient
    from trust.sharing_answer import SharedAnswer

Translate = Callable[[str], str]
OPERATIONS: Final[Mapping[str, str]] = {
    "catalogue": N_("证照目录"),
    "fields": N_("字段说明"),
    "licence": N_("取一份证照"),
    "holder": N_("按持证者取"),
    "qr": N_("按二维码取"),
    "batch": N_("批量"),
    "check": N_("真伪核对"),
    "verify": N_("核验文件"),
    "compare": N_("比对文件"),
    "download": N_("下载"),
    "token": N_("取令牌"),
    "applications": N_("提交申请"),
    "copy": N_("询问副本"),
    "accept": N_("采用副本"),
}
TIER_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("pass", N_("完全共享")),
    "application": ("info", N_("申请共享")),
    "closed": ("none", N_("不予共享")),
}
STATE_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    state: (tone, STATE_NAMES[state])
    for state, tone in (
        ("requested", "unsure"), ("approved", "pass"), ("refused", "fail"), ("withdrawn", "none"), ("ended", "none"),
        ("expired", "none"),
    )
}  # fmt: skip
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "FOUND": ("pass", N_("已提供")),
    "NOT_FOUND": ("none", N_("查无此证")),
    "TRUE": ("pass", N_("相符")),
    "FALSE": ("fail", N_("不符")),
    "SAME": ("pass", N_("一致")),
    "DIFFERENT": ("fail", N_("不一致")),
    "TOTAL-PASSED": ("pass", N_("核验通过")),
    "TOTAL-FAILED": ("fail", N_("核验未通过")),
    "INDETERMINATE": ("unsure", N_("无法确认")),
    "UNREACHABLE": ("unsure", N_("对方未应答")),
}
CLIENT_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "active": ("pass", N_("使用中")),
    "suspended": ("unsure", N_("已暂停")),
    "ended": ("none", N_("已注销")),
}
_ASKED: Final = {**OUTCOMES, "refused": ("unsure", N_("没有同意"))}
_SENTENCES: Final[Mapping[str, str]] = {
    "NOT_FOUND": N_(
        "所查登记簿中没有这份证照。请核对标识、编号和类型；仍查不到的，请向颁证部门核实，不要据此认定证照是假的。"
    ),
    "SAME": N_("文件与登记逐项一致。"),
    "DIFFERENT": N_("文件与登记不一致，不能采信。请留存文件，并向颁证部门核实。"),
    "INDETERMINATE": N_(
        "凭这份文件无法认定：它没有带证照数据，也没有可识读的二维码，或只有二维码而没有可比对的内容。请改用证照标识查询。"
    ),
    "UNREACHABLE": N_("颁证地区没有应答。下面是最近一次所知的状态，请稍后重试。"),
}
_USABLE: Final = N_("登记中有这份证照，现行有效，可以采信。")
_NOT_USABLE: Final = N_("登记中有这份证照，但其状态为“{state}”，目前不能采信。")
_ELSEWHERE: Final = N_("由外部系统“{source}”提供，没有加盖电子印章，不作为 A 级证照采信；需要时请核对原件。")


@dataclass(frozen=True, slots=True)
class Badge:
    tone: str
    word: str


def badge(words: Mapping[str, tuple[str, str]], key: str, translate: Translate) -> Badge:
    tone, word = words.get(key, ("none", key))
    return Badge(tone, translate(word))


def operation(name: str, translate: Translate) -> str:
    return translate(OPERATIONS.get(name, name))


def operations(names: Sequence[str], translate: Translate) -> str:
    return translate("、").join(operation(one, translate) for one in names)


def tier_row(one: TierView, translate: Translate) -> dict[str, Any]:
    return {
        "type": one.type_code, "name": one.type_name, "department": one.department, "owner": one.department_name,
        "tier": one.tier, "badge": badge(TIER_WORDS, one.tier, translate), "since": when(one.since),
    }  # fmt: skip


def tier_choices(translate: Translate) -> list[tuple[str, str]]:
    return [(one, translate(TIER_WORDS[one][1])) for one in TIERS]


def application_row(one: ApplicationView, translate: Translate) -> dict[str, Any]:
    return {
        "id": one.id, "href": f"/sharing/applications/{one.id}", "client": one.client_name,
        "organisation": one.organisation, "type": one.type_name, "owner": one.department_name,
        "operations": operations(one.operations, translate), "items": one.items, "basis": one.basis,
        "reason": one.reason, "applied": when(one.applied), "until": when(one.until), "decided": when(one.decided),
        "decided_by": one.decided_by, "decision_reason": one.decision_reason, "state": one.state,
        "badge": badge(STATE_WORDS, one.state, translate),
    }  # fmt: skip


def client_row(one: SharingClient, translate: Translate) -> dict[str, Any]:
    state = "ended" if one.ended else "suspended" if one.suspended else "active"
    return {
        "id": one.id, "name": one.name, "organisation": one.organisation, "region": one.region, "rate": one.rate,
        "quota": one.quota, "badge": badge(CLIENT_STATES, state, translate),
    }  # fmt: skip


def call_row(one: CallView, names: Mapping[str, str], translate: Translate) -> dict[str, Any]:
    said = one.purpose
    return {
        "at": when(one.at), "client": _caller(one.client_id, names, translate),
        "operation": operation(one.operation, translate), "subject": one.subject,
        "code": one.result if one.refused else "",
        "badge": Badge("fail", translate(N_("已拒绝"))) if one.refused else badge(OUTCOMES, one.result, translate),
        "purpose": f"{said['service_item']} · {said['material']} · {said['case_number']}" if said else "",
        "basis": said.get("basis", ""),
    }  # fmt: skip


def _caller(client_id: str, names: Mapping[str, str], translate: Translate) -> str:
    kind, _, name = client_id.partition(":")
    if kind == "clerk":
        return translate(N_("经办人员 {name}")).format(name=name.rpartition("@")[0])
    if kind == "region":
        return translate(N_("地区 {name}")).format(name=name)
    return names.get(client_id) or client_id or translate(N_("未识别的来源"))


def traffic_tiles(rows: Sequence[Traffic], translate: Translate) -> list[tuple[str, int, str]]:
    """``(title, count, tone)``: asked, answered, refused."""
    refused = sum(one.count for one in rows if one.result[:1].islower())
    whole = sum(one.count for one in rows)
    return [
        (translate(N_("收到")), whole, "info"),
        (translate(N_("已答复")), whole - refused, "pass"),
        (translate(N_("已拒绝")), refused, "fail" if refused else "none"),
    ]


def frequent_refusals(rows: Sequence[Traffic], most: int = 8) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in rows:
        if one.result[:1].islower():
            counts[one.result] = counts.get(one.result, 0) + one.count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


@dataclass(frozen=True, slots=True)
class Explained:
    """One answer for a clerk."""

    tone: str
    title: str
    sentence: str
    facts: list[tuple[str, str]]
    face: list[tuple[str, str]]
    compared: list[tuple[str, Badge]]
    proof: list[tuple[str, str]]
    more: list[tuple[str, str]]
    """Further licences of the same holder and type: number and state."""
    across: Across | None = None
    """What another region said."""
    asked: list[tuple[str, Badge, str]] = field(default_factory=list)
    """Regions that were asked, where it was not known whose it is: name, what they said, why."""


def explain(answer: SharedAnswer, region: str, translate: Translate) -> Explained:
    """应答 in words; the worst that can be read from it decides the tone."""
    one, others = _licence(answer.result)
    more = [(number, state_view(state, translate)[1]) for number, state in others]
    known = badge(OUTCOMES, answer.outcome, translate)
    tone, title, sentence = known.tone, known.word, translate(_SENTENCES.get(answer.outcome, ""))
    if answer.outcome == "FOUND" and one:
        tone, state = state_view(one.get("state", ""), translate)
        sentence = translate(_USABLE) if tone == "pass" else translate(_NOT_USABLE).format(state=state)
        title = translate(N_("可以采信")) if tone == "pass" else translate(N_("不能采信"))
        source = said_by(answer)
        if source.startswith("provider:"):
            tone, title = "unsure", translate(N_("查到，须核对原件"))
            sentence = translate(_ELSEWHERE).format(source=source.partition(":")[2])
    elsewhere = across(answer, translate)
    if elsewhere is not None and elsewhere.sentence:
        tone, title, sentence = elsewhere.tone or tone, elsewhere.title or title, elsewhere.sentence
    sentence = anywhere_sentence(answer, translate) or sentence
    asked = [(one.name, badge(_ASKED, one.outcome, translate), one.why) for one in asked_regions(answer, translate)]
    proof = [
        (translate(N_("由谁答复")), f"{region}（{answer.region}）"),
        (translate(N_("截至")), when(answer.as_of)),
        (translate(N_("应答编号")), answer.id),
        (translate(N_("应答摘要（SM3）")), answer.digest),
    ]
    face = [(str(two.get("title") or name), str(two.get("text") or two.get("value"))) for name, two in _face(one)]
    compared = _compared(answer, translate)
    facts = [*_facts(one, translate), *issuing_region(answer, one, translate)]
    return Explained(tone, title, sentence, facts, face, compared, proof, more, elsewhere, asked)


def said_by(answer: SharedAnswer) -> str:
    """Where it was found: of another region's answer, where that region found it."""
    region = answer.result.get("region")
    return str(region.get("source", "")) if isinstance(region, Mapping) else answer.source


def _licence(result: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    many = result.get("licences")
    if isinstance(many, list) and many:
        return dict(many[0]), [(str(one["licence_number"]), str(one["state"])) for one in many[1:]]
    return (dict(result), []) if "state" in result else ({}, [])


def _facts(one: Mapping[str, Any], translate: Translate) -> list[tuple[str, str]]:
    holder, issuer = one.get("holder") or {}, one.get("issuer") or {}
    rows = [
        (N_("证照类型"), one.get("type_name", "")),
        (N_("证照编号"), one.get("licence_number", "")),
        (N_("持证者"), holder.get("name", "") or one.get("holder_name", "")),
        (N_("颁证单位"), issuer.get("name", "") or one.get("issuer_name", "")),
        (N_("状态"), state_view(str(one["state"]), translate)[1] if one.get("state") else ""),
        (N_("颁证日期"), one.get("issued_on", "")),
        (N_("有效期至"), one.get("valid_to") or (translate(N_("长期")) if one.get("valid_from") else "")),
        (N_("证照标识"), one.get("licence_id", "")),
    ]
    return [(translate(title), str(text)) for title, text in rows if text]


def _face(one: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    face = one.get("face")
    return list(face.items()) if isinstance(face, Mapping) else []


_VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "SAME": ("pass", N_("一致")),
    "DIFFERENT": ("fail", N_("不一致")),
    "ONLY_IN_FILE": ("fail", N_("登记中没有")),
    "ONLY_IN_REGISTER": ("fail", N_("文件中没有")),
}


def _compared(answer: SharedAnswer, translate: Translate) -> list[tuple[str, Badge]]:
    fields = answer.result.get("fields")
    if answer.operation != "compare" or not isinstance(fields, Mapping):
        return []
    return [(name, badge(_VERDICTS, str(verdict), translate)) for name, verdict in fields.items()]
