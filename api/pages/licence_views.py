"""证照页面: the life of a licence as a time line, facts and offers for pages.

Nothing is decided here: what may be done next is asked of ``licence_store.lifecycle``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from api.pages.issue_form import title_of
from api.pages.public import STATE_WORDS
from api.pages.verdict import joined, state_view, when
from licence_store.lifecycle import ROLE_NAMES, STEPS, LicenceState, Rule, Step, allowed
from seal.message import render_value
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from seal.lifecycle import Official
    from seal.message import DataMessage
    from trust.errors import LicenceTrustError

Translate = Callable[[str], str]
Rows = list[tuple[str, str]]
GRAVE: Final = frozenset({"suspend", "report_lost", "revoke", "annul", "cancel", "transfer_out"})
FIRST: Final = frozenset({"inspect", "renew", "reissue", "resume", "found"})
"""Steps that carry a matter on: shown as the thing to do."""
ISSUING: Final = frozenset({"revise", "renew"})
"""Steps with a record to fill in."""
_ADDRESSES: Final = {"inspect": "inspect", "revise": "revise", "renew": "renew"}
NOT_HERE: Final = frozenset({"issue", "reseal", "overdue", "expire"})
"""Steps that are not taken from the licence's page."""

CONSEQUENCES: Final[Mapping[str, str]] = {
    "suspend": N_("暂扣后证照立即不得使用，核验结论为“无法确认”；可以解除暂扣。"),
    "resume": N_("解除暂扣后证照恢复到暂扣前的状态。"),
    "report_lost": N_("挂失后证照立即不得使用；找回后可以解除挂失，或者补发新的一版。"),
    "found": N_("解除挂失后证照恢复到挂失前的状态。"),
    "reissue": N_("以相同内容重新盖章签发新的一版，证照编号不变；挂失的那一版从此只作历史，即使找回也不再有效。"),
    "revoke": N_("吊销是行政处罚，自生效时起证照不再有效，不能恢复。"),
    "annul": N_("撤销的是不应作出的许可，自生效时起证照不再有效，不能恢复。"),
    "cancel": N_("注销后证照不再有效，不能恢复。"),
    "transfer_out": N_("转出后证照在本地区不再有效；是否接续，由转往的地区决定。"),
    "revise": N_("盖章签发新的一版，证照编号不变；现行的这一版成为历史，只供查阅，核验时显示已被新版本取代。"),
    "renew": N_("签发一份后续的证照，与这一份互相指明；这一份按类型的规则被取代，或用到期满为止。"),
    "inspect": N_("结论逐年附在证照上；不合格的按类型的规则改变证照状态。"),
}
"""What a step brings about, said before it is taken."""


WRONG_FIELDS: Final[Mapping[str, str]] = {
    "licence.reason_missing": "reason",
    "licence.words": "reason",
    "licence.effective": "effective",
    "licence.later_event": "effective",
    "moment.local": "effective",
    "transfer.to": "to",
    "transfer.to_own": "to",
    "transfer.papers_needed": "to",
    "licence.inspection_year": "period",
    "licence.inspection_period": "period",
    "licence.already_inspected": "period",
    "licence.evidence": "evidence",
}
"""Which field of a form an error is about, by its code."""


def wrong_field(error: LicenceTrustError | None, fields: Container[str]) -> str:
    """The field of a form that ``error`` is about; empty: none of them."""
    name = WRONG_FIELDS.get(error.code, "") if error else ""
    return name if name in fields else ""


def badge(state: str, translate: Translate) -> dict[str, str]:
    """A state as chip."""
    tone, word = state_view(state, translate)
    return {"tone": tone, "word": word}


def sentence(state: str, since: datetime, translate: Translate) -> str:
    """A state in words, with since when."""
    return fill(translate(STATE_WORDS.get(state, "{since}")), {"since": when(since)})


def step_title(name: str, translate: Translate) -> str:
    """A step as a button or a heading names it."""
    return translate(STEPS[name].title) if name in STEPS else name


def step_facts(step: Step, translate: Translate) -> Rows:
    """One line of the table, for somebody who is about to take the step, or may not."""
    return [
        (translate("由谁办理"), joined((translate(ROLE_NAMES[role]) for role in step.roles), translate)),
        (translate("办理前的状态"), joined((translate(before.label) for before in step.moves), translate)),
        (translate("办理后"), joined(dict.fromkeys(_arrivals(step, translate)), translate)),
        (translate("规则"), "\n".join(translate(rule.label) for rule in step.rules) or "—"),
    ]


def _arrivals(step: Step, translate: Translate) -> Iterable[str]:
    for before, after in step.moves.items():
        if after is None:
            yield translate("恢复到此前的状态")
        elif before is after:
            yield translate("状态不变")
        else:
            yield fill(translate("变为“{state}”"), {"state": translate(after.label)})


def after_step(step: Step, state: str, translate: Translate) -> dict[str, str]:
    """What the licence will be, said before the step is taken."""
    after = step.moves.get(LicenceState(state))
    if after is None:
        back = N_("证照回到暂扣或挂失前的状态；其间到期或年检逾期的照样计算。")
        return {"tone": "info", "word": translate("恢复到此前的状态"), "sentence": translate(back)}
    tone, word = state_view(after, translate)
    said = translate("办理后核验这份证照，结论是“{verdict}”。")
    return {"tone": tone, "word": word, "sentence": fill(said, {"verdict": translate(_VERDICTS[tone])})}


_VERDICTS: Final = {"pass": N_("核验通过"), "unsure": N_("无法确认"), "fail": N_("核验未通过")}


def needs(step: Step, rule: Rule) -> bool:
    return rule in step.rules


@dataclass(frozen=True, slots=True)
class Offer:
    """A step as the licence's page offers it."""

    name: str
    title: str
    href: str
    first: bool
    grave: bool


def offers(state: str, who: Official, base: str, possible: Callable[[str], bool], translate: Translate) -> list[Offer]:
    """The steps that this person may take now; ``possible`` knows the rules that the table leaves to the act."""
    found = [
        Offer(one.name, step_title(one.name, translate), address(base, one.name), one.name in FIRST, one.name in GRAVE)
        for one in allowed(LicenceState(state), who.role)
        if one.name not in NOT_HERE and possible(one.name)
    ]
    return sorted(found, key=lambda one: (one.grave, not one.first))


def address(base: str, step: str) -> str:
    """Where a step's form is."""
    return f"{base}/{_ADDRESSES.get(step, f'steps/{step}')}"


# The face


def face_rows(message: DataMessage, definition: LicenceTypeDefinition, language: str) -> Rows:
    """照面内容 as it was sealed, its titles in the reader's language."""
    named = {one.name: one.title_en for one in definition.fields} if language == "en" else {}
    return [(named.get(value.name) or value.title, value.text) for value in message.face]


def face_changes(
    old: Mapping[str, str], new: Mapping[str, str], properties: Mapping[str, Any], language: str
) -> list[dict[str, str]]:
    """The fields of a face that differ, as they are printed."""
    changed = []
    for name, prop in properties.items():
        if old.get(name, "") != new.get(name, ""):
            shown = {"title": title_of(prop, language)}
            for key, values in (("old", old), ("new", new)):
                shown[key] = render_value(values[name], prop.get("x-format", "text")) if values.get(name) else ""
            changed.append(shown)
    return changed
