"""归集页面的内容: what the pages of collection show, ready for their templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from api.collection_shapes import run_error
from api.pages.verdict import when
from licence_store.collection.checks import DELIVERY, ISSUE, READING, SCHEMA
from licence_store.collection.declarations import MODES
from licence_store.collection.holding import STATES
from licence_store.collection.spreadsheets import STATE_NAMES
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.collection.quality import RuleQuality, SourceQuality
    from licence_store.collection.quarantine import Held
    from licence_store.collection.rows import Told
    from licence_store.collection.rules import Rule
    from licence_store.collection.runs import RunView
    from licence_store.collection.sources import SourceView
    from licence_store.definitions import LicenceTypeDefinition

Translate = Callable[[str], str]
KINDS = {"collect": N_("归集"), "check": N_("只清洗"), "rerun": N_("重新清洗"), "enter": N_("录入")}
RUN_STATES = {
    "running": (N_("进行中"), "info"),
    "stopped": (N_("已中断"), "unsure"),
    "done": (N_("已完成"), "pass"),
    "failed": (N_("未完成"), "fail"),
}
CONNECTORS = {
    "upload": N_("上传文件"), "entry": N_("页面与接口录入"), "file": N_("文件"), "folder": N_("文件夹与清单"),
    "table": N_("数据库表"), "service": N_("服务接口"),
}  # fmt: skip
TONES = {"open": "unsure", "mended": "info", "released": "pass", "discarded": "none"}
BUILT_IN = {SCHEMA: N_("照面项规范"), READING: N_("可读性"), DELIVERY: N_("来源主键"), ISSUE: N_("签发校验")}
_WIDTH, _HEIGHT = 320, 96


def source_card(view: SourceView, last: RunView | None, translate: Translate, language: str) -> dict[str, Any]:
    """来源 in the list."""
    held = view.items.get("held", 0)
    return {
        "href": f"/collection/sources/{view.id}",
        "id": view.id,
        "title": view.title,
        "type": view.type_name,
        "department": view.department_name,
        "mode": translate(MODES[view.declaration.mode]),
        "connector": translate(CONNECTORS[view.declaration.connector.kind]),
        "schedule": schedule(view, translate),
        "next_run": when(view.next_run) if view.next_run and view.closed is None else "",
        "closed": view.closed is not None,
        "issued": view.items.get("issued", 0),
        "held": held,
        "gone": view.items.get("gone", 0),
        "last": run_row(last, translate, language) if last is not None else None,
    }


def schedule(view: SourceView, translate: Translate) -> str:
    """How often it is run by itself."""
    said = view.declaration.schedule
    if said == "once":
        return translate(N_("按需"))
    return translate(N_("每 {length}")).format(length=said.removeprefix("every "))


def run_row(view: RunView, translate: Translate, language: str) -> dict[str, Any]:
    """批次 in a list, with how far it has come."""
    word, tone = RUN_STATES[view.state]
    counts = view.counts
    told = run_error(view, translate)
    return {
        "number": view.number,
        "href": f"/collection/runs/{view.id}",
        "kind": translate(KINDS[view.kind]),
        "badge": {"word": translate(word), "tone": tone},
        "started": when(view.started),
        "changed": when(view.changed),
        "actor": view.actor,
        "counts": counts,
        "passed": counts["seen"] - counts["held"],
        "total": view.total,
        "problem": f"{told['message']} {told['remedy']}".strip() if told else "",
        "running": view.state == "running",
        "delivery": [
            (translate(_DELIVERY.get(name, name)), translate(CONNECTORS.get(value, value)) if name == "kind" else value)
            for name, value in view.input.items()
            if value
        ],
    }


_DELIVERY = {
    "file": N_("文件"), "sm3": N_("SM3 摘要"), "kind": N_("方式"), "table": N_("表"), "since": N_("自上次以来"),
    "service": N_("服务"), "delivery": N_("交付批次"), "manifest": N_("清单摘要"), "quarantine": N_("隔离行"),
    "entered": N_("录入内容摘要"), "at": N_("时间"),
}  # fmt: skip


def held_row(row: Held, translate: Translate, language: str) -> dict[str, Any]:
    """隔离行 in the list."""
    return {
        "id": row.id,
        "href": f"/collection/quarantine/{row.id}",
        "source": row.source_title,
        "row": row.row,
        "key": row.key,
        "state": {"word": translate(STATE_NAMES[row.state]), "tone": TONES[row.state]},
        "held": when(row.held),
        "reasons": [reason(told, translate) for told in row.findings if told.template],
        "rules": sorted({told.rule for told in row.findings}),
        "licence": f"/licences/{row.licence_id}" if row.licence_id else "",
        "discarded": row.reason,
    }


def reason(told: Told, translate: Translate) -> dict[str, str]:
    return {
        "message": told.error.localised(translate)[0],
        "code": told.code,
        "rule": told.rule,
        "tone": "fail" if told.severity == "quarantine" else "unsure",
        "field": told.field,
    }


def mend_fields(
    row: Held, definition: LicenceTypeDefinition, given: Mapping[str, str], translate: Translate, language: str
) -> list[dict[str, Any]]:
    """更正 form: every field of the type with its value and the reasons against it."""
    properties, required = definition.schema["properties"], definition.schema["required"]
    found: dict[str, list[str]] = {}
    for told in row.findings:
        if told.template:
            found.setdefault(told.field, []).append(told.error.localised(translate)[0])
    return [
        {
            "name": name,
            "title": prop.get("x-title-en", name) if language == "en" else prop["title"],
            "value": given.get(name, ""),
            "required": name in required,
            "choices": prop.get("enum", ()),
            "hint": prop.get("x-placeholder", ""),
            "multiline": bool(prop.get("x-multiline")) or prop["maxLength"] > 300,
            "errors": found.get(name, []),
        }
        for name, prop in properties.items()
    ]


def choices(states: Sequence[str], asked: Mapping[str, str], translate: Translate) -> list[dict[str, Any]]:
    """Chips of the quarantine's states."""
    chips = [("", N_("待处理和已更正")), *((state, STATE_NAMES[state]) for state in STATES)]
    chosen = states[0] if len(states) == 1 else ""
    return [
        {
            "href": "/collection/quarantine?" + urlencode({**asked, "state": state}),
            "word": translate(word),
            "on": chosen == state,
        }
        for state, word in chips
    ]


def rule_choices(rules: Sequence[Rule], translate: Translate, language: str) -> list[tuple[str, str]]:
    """Rules to filter by."""
    named = {rule.id: title_of(rule, translate, language) for rule in rules}
    return [*sorted(named.items()), *((name, translate(title)) for name, title in BUILT_IN.items())]


def title_of(rule: Rule | RuleQuality, translate: Translate, language: str) -> str:
    """A rule's title in the reader's language."""
    return rule.title_en if language == "en" and rule.title_en != rule.title else translate(rule.title)


# 质量报告


def quality_card(one: SourceQuality, translate: Translate, language: str) -> dict[str, Any]:
    """质量 of one source: figures, a chart of its rules, a chart of its runs."""
    most = max((rule.rows for rule in one.rules), default=0)
    return {
        "id": one.source_id,
        "title": one.title,
        "type": one.type_name,
        "seen": one.seen,
        "passed": one.passed,
        "held": one.held,
        "warned": one.warned,
        "rate": f"{one.rate:.1%}",
        "states": [
            {"word": translate(STATE_NAMES[state]), "count": one.states[state], "tone": TONES[state],
             "href": f"/collection/quarantine?{urlencode({'source': one.source_id, 'state': state})}"}
            for state in STATES
        ],
        "rules": [_rule_bar(one, rule, most, translate, language) for rule in one.rules],
        "runs": _run_chart(one.runs, translate),
    }  # fmt: skip


def _rule_bar(one: SourceQuality, rule: RuleQuality, most: int, translate: Translate, language: str) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "title": title_of(rule, translate, language),
        "field": rule.field_title,
        "rows": rule.rows,
        "width": round(rule.rows * 100 / most, 1) if most else 0,
        "held": rule.severity == "quarantine",
        "states": [rule.states.get(state, 0) for state in STATES],
        "href": f"/collection/quarantine?{urlencode({'source': one.source_id, 'rule': rule.rule})}",
    }


def _run_chart(runs: Sequence[RunView], translate: Translate) -> dict[str, Any]:
    """Bars, one for each run: what survived stands below, what was held back above."""
    most = max((run.counts["seen"] for run in runs), default=0)
    if not most:
        return {}
    step = _WIDTH / len(runs)
    width = min(step * 0.7, 36)
    bars = []
    for place, run in enumerate(runs):
        seen, held = run.counts["seen"], run.counts["held"]
        tall, top = seen / most * _HEIGHT, held / most * _HEIGHT
        bars.append({
            "x": round(place * step + (step - width) / 2, 1), "width": round(width, 1), "number": run.number,
            "passed_y": round(_HEIGHT - tall + top, 1), "passed_height": round(tall - top, 1),
            "held_y": round(_HEIGHT - tall, 1), "held_height": round(top, 1), "seen": seen, "held": held,
            "middle": round(place * step + step / 2, 1),
        })  # fmt: skip
    said = translate(N_("最近 {n} 次归集；最近一次 {seen} 行，隔离 {held} 行"))
    last = runs[-1].counts
    return {"bars": bars, "width": _WIDTH, "height": _HEIGHT, "most": most,
            "said": said.format(n=len(runs), seen=last["seen"], held=last["held"])}  # fmt: skip
