"""跨地区的答复: who said so, how old it is, what lets it count; and what is known where a region is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from api.pages.verdict import state_view, when
from trust.i18n import N_
from verify.policy import indication_of
from verify.report import Indication

if TYPE_CHECKING:
    from trust.sharing_answer import SharedAnswer

Translate = Callable[[str], str]
WHY: Final[Mapping[str, str]] = {
    "crossing.answer_old": N_("它的应答不是现在作出的，或双方时钟不一致"),
    "crossing.busy": N_("它一时应接不暇"),
    "crossing.key_unlisted": N_("信任列表中没有本节点现用的请求签名公钥"),
    "crossing.left": N_("它已退出联盟"),
    "crossing.list_expired": N_("本节点的信任列表已到期"),
    "crossing.no_endpoint": N_("它没有公布共享地址"),
    "crossing.no_key": N_("本节点的请求签名密钥无法使用"),
    "crossing.not_admitted": N_("它没有接受本节点的请求"),
    "crossing.not_believed": N_("它的应答签名不可信"),
    "crossing.open": N_("它连续没有应答，暂不再问"),
}
"""Reason → words; what is not here is silence."""
_SILENT: Final = N_("它没有应答")
_AGAINST: Final[Mapping[str, str]] = {
    "crossing.contradicted": N_(
        "地区“{region}”答复说这份证照有效，它签名的状态列表却不是这样说的：不能采信，请向颁证部门核实。"
    ),
    "crossing.no_state": N_("地区“{region}”的应答没有说清证照的状态，不能认定有效。请向颁证部门核实。"),
    "crossing.other_licence": N_("地区“{region}”答复的是另一份证照，不是所问的这份，不能据以采信。"),
    "crossing.too_many": N_("地区“{region}”的应答列出的证照比所问的多，没有逐份核对，不能采信。"),
    "crossing.not_its_own": N_("地区“{region}”答复的不是它自己签发的证照，不能据以采信。"),
    "entitlement.missing": N_("信任列表没有授权地区“{region}”签发此类证照：不能按 A 级采信，只能作为需要核对的材料。"),
}
_AS_OF: Final = N_(
    "现在问不到地区“{region}”：{why}。据它 {as_of} 签名的{by}，证照当时的状态为“{state}”，此后不详。请稍后再查，"
    "不要据此认定证照有效。"
)
_FINAL: Final = N_(
    "现在问不到地区“{region}”：{why}。据它 {as_of} 签名的{by}，证照的状态为“{state}”，这是不可恢复的状态，不能采信。"
)
_NEVER: Final = N_(
    "现在问不到地区“{region}”：{why}。本节点从未得到过它关于这份证照的消息，不能认定有效，也不能认定无效。请稍后再查。"
)
_BY: Final[Mapping[str, str]] = {"status_list": N_("状态列表"), "answer": N_("应答")}
_VERIFIED_ALONE: Final = N_("文件已由本节点按信任列表和状态列表核验；没有问到地区“{region}”：{why}。")


_ANYWHERE: Final[Mapping[str, str]] = {
    "NOT_FOUND": N_("本地区和签发此类证照的其他地区都答复没有。请核对填写的内容；不要据此认定证照是假的。"),
    "UNREACHABLE": N_("答复了的地区都没有，有的地区没有应答：不能认定没有，请稍后再查。"),
    "INDETERMINATE": N_("没有查到；有的地区没有同意答复，或者其答复不能采信：不能认定没有。"),
}
_MAY_BE_THERE: Final = N_("本地区没有登记这份证照。{regions}也签发此类证照：请在“颁证地区”中选择后再查。")


@dataclass(frozen=True, slots=True)
class AskedRegion:
    """问过的地区, and what became of it."""

    name: str
    outcome: str
    """One of the outcomes of an answer, or ``refused``."""
    why: str


def asked_regions(answer: SharedAnswer, translate: Translate) -> list[AskedRegion]:
    """Of a question that was put wherever such licences are issued."""
    told = answer.result.get("regions")
    rows = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    found = []
    for one in rows:
        outcome, reason = str(one.get("outcome", "")), str(one.get("reason", ""))
        why = translate(WHY.get(reason, _SILENT)) if outcome == "UNREACHABLE" else reason
        found.append(AskedRegion(f"{one.get('name', '')}（{one.get('code', '')}）", outcome, why))
    return found


def issuing_region(answer: SharedAnswer, one: Mapping[str, Any], translate: Translate) -> list[tuple[str, str]]:
    """Which of the regions that were asked said so of this licence."""
    told = answer.result.get("regions")
    rows = [row for row in told if isinstance(row, Mapping)] if isinstance(told, list) else []
    return [(translate(N_("颁证地区")), f"{row.get('name', '')}（{row.get('code', '')}）")
            for row in rows if row.get("code") == one.get("region")]  # fmt: skip


def anywhere_sentence(answer: SharedAnswer, translate: Translate) -> str:
    """Empty: the answer speaks for itself."""
    if "regions" in answer.result:
        return translate(_ANYWHERE[answer.outcome]) if answer.outcome in _ANYWHERE else ""
    others = answer.result.get("elsewhere")
    names = [str(one.get("name", "")) for one in others if isinstance(one, Mapping)] if isinstance(others, list) else []
    return translate(_MAY_BE_THERE).format(regions=translate("、").join(names)) if names else ""


@dataclass(frozen=True, slots=True)
class Across:
    """What another region has to do with an answer."""

    tone: str
    """Empty: as the outcome says."""
    title: str
    sentence: str
    proof: list[tuple[str, str]]
    licence_id: str
    """For further questions; empty: none can be asked."""
    answered: bool
    """There is a signed answer of that region."""


def across(answer: SharedAnswer, translate: Translate) -> Across | None:
    """``None``: the answer is this region's own."""
    region = answer.result.get("region")
    if not isinstance(region, Mapping):
        return None
    tone, title, sentence = _said(answer, region, translate)
    licence_id = "" if answer.outcome in ("UNREACHABLE", "NOT_FOUND") else str(answer.result.get("licence_id", ""))
    return Across(tone, title, sentence, _proof(region, translate), licence_id, bool(region.get("answer")))


def _said(answer: SharedAnswer, region: Mapping[str, Any], translate: Translate) -> tuple[str, str, str]:
    name, reason = str(region.get("name", "")), str(region.get("reason", ""))
    why = translate(WHY.get(reason, _SILENT))
    if answer.outcome == "UNREACHABLE":
        return _as_of(answer.result.get("known"), name, why, translate)
    if reason in _AGAINST:
        return "unsure", translate(N_("不能采信")), translate(_AGAINST[reason]).format(region=name)
    if answer.operation == "verify" and reason:
        return "", "", translate(_VERIFIED_ALONE).format(region=name, why=why)
    state = str(answer.result.get("state", ""))
    if answer.outcome == "SAME" and state and state != "CURRENT":
        tone, word = state_view(state, translate)
        said = translate(N_("文件与登记逐项一致，但证照的状态为“{state}”，目前不能采信。")).format(state=word)
        return tone, translate(N_("不能采信")), said
    return "", "", ""


def _as_of(known: object, name: str, why: str, translate: Translate) -> tuple[str, str, str]:
    title = translate(N_("颁证地区现在问不到"))
    state = str(known.get("state", "")) if isinstance(known, Mapping) else ""
    if not isinstance(known, Mapping) or not state:
        return "unsure", title, translate(_NEVER).format(region=name, why=why)
    final = indication_of(state) is Indication.FAILED
    words = {
        "region": name, "why": why, "state": state_view(state, translate)[1], "as_of": _when(known.get("as_of")),
        "by": translate(_BY.get(str(known.get("by")), _BY["answer"])),
    }  # fmt: skip
    if final:
        return "fail", translate(N_("不能采信")), translate(_FINAL).format(**words)
    return "unsure", title, translate(_AS_OF).format(**words)


def _proof(region: Mapping[str, Any], translate: Translate) -> list[tuple[str, str]]:
    entitlement, listed = region.get("entitlement") or {}, region.get("status_list") or {}
    entitled = ""
    if entitlement:
        template = (
            N_("第 {list} 号信任列表授权它为行政区划 {division} 签发此类证照：A 级")
            if entitlement.get("entitled") == "true"
            else N_("第 {list} 号信任列表没有授权它为行政区划 {division} 签发此类证照")
        )
        entitled = translate(template).format(
            list=entitlement.get("list", ""), division=entitlement.get("division", "")
        )
    state = ""
    if listed.get("state"):
        state = f"{state_view(str(listed['state']), translate)[1]} · {_when(listed.get('as_of'))}"
    rows = [
        (N_("颁证地区"), f"{region.get('name', '')}（{region.get('code', '')}）"),
        (N_("它作答的时间"), _when(region.get("as_of"))),
        (N_("互认依据"), entitled),
        (N_("它的状态列表"), state),
        (N_("它的应答编号"), str(region.get("answer_id", ""))),
        (N_("它的应答摘要（SM3）"), str(region.get("answer", ""))),
        (N_("没有问到的原因"), str(region.get("reason", ""))),
    ]
    return [(translate(title), text) for title, text in rows if text]


def _when(text: object) -> str:
    try:
        return when(datetime.fromisoformat(str(text))) if text else ""
    except ValueError:
        return ""
