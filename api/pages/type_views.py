"""What the catalogue's pages show: cards, rules in words, drafts, differences, pictures of drafts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from api.pages.verdict import data_address, when
from licence_store.catalogue_life import TypeChange
from licence_store.catalogue_steps import DRAFT_STEPS, STEPS, TypeState, is_allowed
from licence_store.definitions import LicenceTypeDefinition, load_definition
from licence_store.designing.layout import PAGES, THEMES
from licence_store.sample import draw_sample
from licence_store.style import FONTS
from licence_store.type_rules import HOLDER_KINDS, LICENCE_KINDS, MaterialMapping
from seal.lifecycle import Official
from trust.errors import LicenceTrustError
from trust.i18n import N_
from verify.policy import STATE_NAMES

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.catalogue import CataloguedType
    from licence_store.catalogue_life import DraftSummary, DraftView

Translate = Callable[[str], str]
PREVIEW_SIDE: Final = 900
"""Pixels on the longer side of a draft's picture."""

_KINDS: Final = {
    "licence": N_("执照"), "permit": N_("许可证"), "qualification": N_("资格证"), "registration": N_("登记证书"),
    "approval": N_("批文"), "proof": N_("证明"), "other": N_("其他类别"),
}  # fmt: skip
_HOLDERS: Final = {"natural_person": N_("自然人"), "legal_person": N_("法人"), "project": N_("投资项目")}
_TONES: Final = {"DRAFT": "none", "REVIEW": "unsure", "PUBLISHED": "pass", "RETIRED": "fail", "WITHDRAWN": "none"}
_FORMATS: Final = {
    "text": N_("文字"), "date": N_("日期"), "date_range": N_("起止日期"), "year_month": N_("年月"),
    "number": N_("数字"), "amount": N_("金额（大写）"), "long_term": N_("日期或长期"),
}  # fmt: skip
_CHECKS: Final = {"": N_("不校验"), "credit_code": N_("统一社会信用代码"), "citizen_number": N_("公民身份号码")}
_MASKS: Final = {"": N_("按校验自动"), "keep": N_("不遮盖"), "name": N_("只留首字"), "identifier": N_("只留首尾"),
                 "hide": N_("全部遮盖")}  # fmt: skip
_VALIDITY: Final = {
    "none": N_("长期有效"), "years": N_("自签发起若干年"), "fixed": N_("统一的截止日期"), "until": N_("至某一日期字段"),
    "range_field": N_("按起止日期字段"),
}  # fmt: skip
_NUMBERS: Final = {"sequence": N_("按顺序编号"), "field": N_("取自一个字段"), "field_suffix": N_("字段加后缀")}
_THEMES: Final = {"blue": N_("青蓝"), "green": N_("松绿"), "red": N_("朱红"), "plum": N_("绛紫"), "slate": N_("石青")}
_PAGES: Final = {
    "a4-landscape": N_("A4 横"),
    "a4-portrait": N_("A4 竖"),
    "a3-landscape": N_("A3 横"),
    "card": N_("小证书"),
}
_GROUNDS: Final = {"frame": N_("花边与徽记"), "plain": N_("素底"), "picture": N_("上传的底图")}
_FONTS: Final = {"serif": N_("宋体"), "serif-bold": N_("宋体粗"), "sans": N_("黑体")}
_ALIGNS: Final = {"left": N_("左"), "center": N_("中"), "right": N_("右"), "justify": N_("两端")}
_PREDECESSORS: Final = {"superseded": N_("立即被取代"), "until_end": N_("用到原期限届满")}
DONE: Final = {
    "publish": N_("已发布。"), "retire": N_("已停用，不再签发。"), "restore": N_("已恢复启用。"),
    "grant": N_("已授权。"), "end_grant": N_("已收回授权。"), "submit": N_("已提交，等待另一位管理员审核。"),
    "recall": N_("已收回，可以继续修改。"), "reject": N_("已退回修改。"), "withdraw": N_("已作废。"),
}  # fmt: skip


def title(definition: LicenceTypeDefinition, language: str) -> str:
    """The type's name in the reader's language."""
    return definition.name_en if language == "en" else definition.name


def kind_title(kind: str, translate: Translate) -> str:
    return translate(_KINDS[kind])


def holder_title(holder: str, translate: Translate) -> str:
    return translate(_HOLDERS[holder])


def done_word(step: str, translate: Translate) -> str:
    return translate(DONE.get(step, ""))


_MATERIAL_FORMATS: Final = {"ofd": "OFD", "pdf": "PDF", "image": N_("图片"), "paper": N_("纸质件")}
_SEALING: Final = {
    "issuer": N_("须有颁证单位的印章"), "copy": N_("副本专用章亦可"), "applicant": N_("由申请人盖章或签名"),
    "none": N_("不要求盖章"),
}  # fmt: skip


def material_row(one: MaterialMapping, language: str, translate: Translate) -> tuple[str, str, str]:
    """申请材料 and in which form it is wanted (R094)."""
    name, demand = one.name_en if language == "en" else one.name, one.demand
    if demand is None:
        return one.code, name, ""
    formats = " / ".join(translate(_MATERIAL_FORMATS[form]) for form in demand.formats)
    words = [
        translate(N_("格式 {formats}")).format(formats=formats),
        *([translate(N_("纸质 {n} 份")).format(n=demand.copies)] if demand.copies else []),
        translate(_SEALING[demand.seal]),
        translate(N_("可信等级至少 {level}")).format(level=demand.level),
    ]
    return one.code, name, " · ".join(words)


def card(one: CataloguedType, language: str, translate: Translate) -> dict[str, Any]:
    """证照类型 in the catalogue."""
    kind, style = one.definition, one.definition.style
    told = kind.classification
    return {
        "href": f"/types/{kind.slug}",
        "slug": kind.slug,
        "code": kind.code,
        "title": title(kind, language),
        "kind": translate(_KINDS[told.kind]),
        "holder": translate(_HOLDERS[told.holder]),
        "body": told.issuing_body_en if language == "en" else told.issuing_body,
        "version": one.version,
        "digest": kind.digest,
        "badge": badge(TypeState(one.state), translate),
        "width": round(400 * style.width / max(style.width, style.height)),
        "height": round(400 * style.height / max(style.width, style.height)),
    }


def badge(state: TypeState, translate: Translate) -> dict[str, str]:
    return {"word": translate(state.label), "tone": _TONES.get(state, "none")}


def draft_row(one: DraftSummary, who: Official, translate: Translate) -> dict[str, Any]:
    """目录草稿 in a list."""
    editing = one.state is TypeState.DRAFT
    return {
        "id": one.id,
        "href": f"/types/drafts/{one.id}" + ("" if editing else "/review"),
        "name": one.name or translate(N_("（未命名）")),
        "code": one.code,
        "slug": one.slug,
        "state": str(one.state),
        "badge": badge(one.state, translate),
        "hands": list(one.hands),
        "base_version": one.base_version,
        "changed": when(one.changed),
        "todo": one.state is TypeState.REVIEW and is_allowed("publish", one.state, who.role)
                and who.actor.account not in one.hands,
    }  # fmt: skip


def steps_for(one: DraftSummary, who: Official, translate: Translate) -> list[dict[str, Any]]:
    """What this person may do with the draft now, the rules named."""
    answer = []
    for name in DRAFT_STEPS:
        step = STEPS[name]
        if is_allowed(name, one.state, who.role):
            stopped = "another_hand" in step.rules and who.actor.account in one.hands
            answer.append(
                {
                    "name": name,
                    "title": translate(step.title),
                    "rules": [translate(rule.label) for rule in step.rules],
                    "reason": "reason" in step.rules,
                    "stopped": stopped,
                }
            )
    return answer


def event_row(one: TypeChange, translate: Translate) -> dict[str, str]:
    """目录事件."""
    step = STEPS.get(one.kind)
    told = [translate(N_("第{n}版")).format(n=one.version)] if one.version and one.digest else []
    told += [one.department] if one.department else []
    return {
        "title": translate(step.title) if step else one.kind,
        "when": when(one.recorded),
        "told": " · ".join(told),
        "actor": one.actor,
        "reason": one.reason,
    }


def facts_of(source: Mapping[str, Any], translate: Translate) -> list[tuple[str, str]]:
    """The rules of a type in words; nothing where it cannot be read."""
    try:
        kind = load_definition(source)
    except LicenceTrustError:
        return []
    told, validity = kind.classification, kind.validity
    term = translate(_VALIDITY[validity.kind])
    more = validity.until or validity.field or (str(validity.years) if validity.years else "")
    rows = [
        (N_("类型代码"), kind.code),
        (N_("类别"), translate(_KINDS[told.kind])),
        (N_("颁证单位类别"), told.issuing_body or "—"),
        (N_("授予对象"), translate(_HOLDERS[told.holder])),
        (N_("有效期"), f"{term} {more}".strip()),
        (
            N_("编号"),
            f"{translate(_NUMBERS[kind.number_rule.kind])} {kind.number_rule.pattern or kind.number_rule.field}",
        ),
        (N_("到期提醒"), translate(N_("届满前 {days} 天")).format(days="、".join(map(str, kind.notices.days_before)))),
    ]
    if rule := kind.inspection:
        overdue = translate(STATE_NAMES[rule.overdue]) if rule.overdue else "—"
        said_ = translate(N_("每年 {opens} 至 {closes}，逾期：{overdue}"))
        rows.append((N_("年检"), said_.format(opens=rule.opens, closes=rule.closes, overdue=overdue)))
    if renewal := kind.renewal:
        said_ = translate(N_("届满前 {days} 天起，原证{fate}"))
        rows.append(
            (N_("延续"), said_.format(days=renewal.opens_days, fate=translate(_PREDECESSORS[renewal.predecessor])))
        )
    if kind.entitled:
        rows.append((N_("颁证范围"), "；".join(f"{e.area} {'、'.join(e.levels)}" for e in kind.entitled)))
    return [(translate(name), value) for name, value in rows]


def field_rows(source: Mapping[str, Any], translate: Translate) -> list[dict[str, str]]:
    """照面字段, as far as they can be read."""
    schema = source.get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    required = schema.get("required") if isinstance(schema, dict) else None
    rows = []
    for name, prop in properties.items() if isinstance(properties, dict) else ():
        if isinstance(prop, dict):
            check = prop.get("x-check")
            form = _CHECKS[check] if isinstance(check, str) and check in _CHECKS else _form_word(prop.get("x-format"))
            need = isinstance(required, list) and name in required
            rows.append(
                {
                    "title": str(prop.get("title", name)),
                    "name": str(name),
                    "form": translate(form),
                    "need": translate(N_("必填")) if need else translate(N_("选填")),
                    "most": str(prop.get("maxLength", "")),
                }
            )
    return rows


def _form_word(form: Any) -> str:
    return _FORMATS[form] if isinstance(form, str) and form in _FORMATS else _FORMATS["text"]


def differences(found: Services, draft: DraftView, translate: Translate) -> list[tuple[str, str]]:
    """What a draft changes of the version in the catalogue, part by part."""
    code = draft.source.get("code")
    current = next((one for one in found.catalogue.entries() if one.definition.code == code), None)
    if current is None:
        return []
    before, after = current.definition.source, draft.source
    words = {"added": N_("新增"), "gone": N_("删除"), "changed": N_("修改")}
    parts: list[tuple[str, str]] = []
    for key in sorted({*before, *after} - {"schema", "design"}):
        if before.get(key) != after.get(key):
            kind = "added" if key not in before else "gone" if key not in after else "changed"
            parts.append((_PARTS.get(key, key), words[kind]))
    old, new = (_properties(one) for one in (before, after))
    for name in [*old, *(one for one in new if one not in old)]:
        if old.get(name) != new.get(name):
            kind = "added" if name not in old else "gone" if name not in new else "changed"
            shown = new.get(name, old.get(name))
            parts.append((str(shown.get("title", name)) if isinstance(shown, dict) else name, words[kind]))
    return [(translate(name), translate(word)) for name, word in parts]


_PARTS: Final = {
    "name": N_("名称"), "style": N_("样式"), "example": N_("示例"), "validity": N_("有效期"), "inspection": N_("年检"),
    "renewal": N_("延续"), "notices": N_("到期提醒"), "materials": N_("申请材料"), "classification": N_("分类"),
    "number_rule": N_("编号"), "holder": N_("持证者"), "computed": N_("登记机关填写的项"), "entitled": N_("颁证范围"),
    "sample_masks": N_("样本遮盖"), "cleansing": N_("清洗规则"), "slug": N_("短名"), "face": N_("照面次序"),
}  # fmt: skip


def _properties(source: Mapping[str, Any]) -> dict[str, Any]:
    schema = source.get("schema")
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def preview(source: object) -> bytes:
    """The picture of a draft. Raises ``Malformed`` saying what keeps it from being drawn."""
    definition = load_definition(source)
    style = definition.style
    return draw_sample(definition, dpi=int(PREVIEW_SIDE / max(style.width, style.height) * 25.4))


def picture_address(source: object) -> str:
    """The same as a ``data:`` address; empty where it cannot be drawn."""
    try:
        return data_address(preview(source), "png")
    except LicenceTrustError:
        return ""


def wrong_row(error: LicenceTrustError | None, source: Mapping[str, Any]) -> int:
    """The row of the field an error speaks of; -1: of none."""
    told = json.dumps([str(value) for value in error.params.values()]) if error else ""
    names = list(_properties(source))
    longest = sorted((name for name in names if f".{name}" in told or f'"{name}"' in told), key=len)
    return names.index(longest[-1]) if longest else -1


def choices(translate: Translate) -> dict[str, list[tuple[str, str]]]:
    """The words of every select of the designer."""
    overdue = {"": N_("不改变状态"), "INSPECTION_OVERDUE": STATE_NAMES["INSPECTION_OVERDUE"]}
    failed = {**overdue, "SUSPENDED": STATE_NAMES["SUSPENDED"], "REVOKED": STATE_NAMES["REVOKED"]}
    every: dict[str, Mapping[str, str]] = {
        "kinds": {kind: _KINDS[kind] for kind in LICENCE_KINDS},
        "holders": {kind: _HOLDERS[kind] for kind in HOLDER_KINDS},
        "formats": _FORMATS,
        "checks": _CHECKS,
        "masks": _MASKS,
        "validity": _VALIDITY,
        "numbers": _NUMBERS,
        "themes": {theme: _THEMES[theme] for theme in THEMES},
        "pages": {name: _PAGES[name] for name in PAGES},
        "grounds": _GROUNDS,
        "fonts": {font: _FONTS[font] for font in FONTS},
        "aligns": _ALIGNS,
        "overdue": overdue,
        "failed": failed,
        "predecessors": _PREDECESSORS,
    }
    return {name: [(value, translate(word)) for value, word in words.items()] for name, words in every.items()}
