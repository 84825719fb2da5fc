"""采集页面: sheets as rows, and one sheet's form beside its scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.pages import issue_form
from api.pages.case_form import case_fields, case_lines, entered_case
from api.pages.form_text import text_of
from api.pages.issue_form import FormField
from api.pages.register_views import type_title
from api.pages.verdict import when
from licence_store.collection.entry import Filled
from licence_store.collection.materials import MODES, ORIGINALS, Comparison, EntryRule
from licence_store.collection.sheets import CHECKING, DISCARDED, ISSUED, OPEN, SEALING, STATES, SheetView
from trust.errors import LicenceTrustError, fill
from trust.i18n import N_

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from licence_store.definitions import LicenceTypeDefinition

Translate = Callable[[str], str]
TONES = {OPEN: "info", CHECKING: "unsure", SEALING: "unsure", ISSUED: "pass", DISCARDED: "none"}
_HINTS = {
    "scan": N_("发证单位把存档的纸质证照集中电子化，或在窗口为持证者录入。"),
    "material": N_("受理申请时核验通过的证照类材料，由窗口人员扫描录入。"),
    "result": N_("发证环节把刚制发的纸质证照扫描录入，与电子证照同步。"),
}
CONFIRMED = N_("本机关是颁证单位，已与存档核对，确认该证照现行有效（按 A 级签发）")


@dataclass(frozen=True, slots=True)
class EntryField:
    """A field beside the scan: the form's field, and what a program read there."""

    field: FormField
    suggested: str
    """Who suggested the value that stands there now, in words; empty: a person entered it."""
    confirmed: bool


def sheet_row(sheet: SheetView, titles: Mapping[str, str], translate: Translate) -> dict[str, Any]:
    """A sheet in the list."""
    return {
        "href": f"/entry/{sheet.id}",
        "name": sheet.scan_name or "—",
        "pages": sheet.scan_pages,
        "type": titles.get(sheet.type_code, sheet.type_code),
        "mode": translate(MODES[sheet.mode].title),
        "state": translate(STATES[sheet.state]),
        "tone": TONES[sheet.state],
        "when": when(sheet.created),
        "who": "、".join(one for one in (sheet.entered_by, sheet.checked_by) if one),
        "licence": sheet.licence_id if sheet.state == ISSUED else "",
        "reason": sheet.reason,
    }


def modes(translate: Translate) -> list[dict[str, str]]:
    """The three ways, for a choice."""
    return [
        {"name": one.name, "title": translate(one.title), "hint": translate(_HINTS[one.name])} for one in MODES.values()
    ]


def filled(definition: LicenceTypeDefinition, data: FormData) -> Filled:
    """What was filled in beside the scan."""
    confirmed = frozenset(str(one) for one in data.getlist("confirmed"))
    words = {name: text_of(data, name, 200) for name in ("original", "original_number", "licence_number", "issued_on")}
    by_issuer = data.get("confirmed_by_issuer") == "yes"
    comparison = Comparison(words["original"], words["original_number"], by_issuer)
    values = issue_form.entered(definition, data)
    return Filled(values, confirmed, comparison, entered_case(data), words["licence_number"], words["issued_on"])


def sheet_form(
    sheet: SheetView,
    definition: LicenceTypeDefinition,
    error: LicenceTrustError | None,
    language: str,
    translate: Translate,
) -> dict[str, Any]:
    """Everything the form beside the scan shows."""
    content, mode, rule = sheet.content, MODES[sheet.mode], EntryRule.of(definition.source)
    wrong: dict[str, LicenceTrustError] = {}
    other = error
    if error is not None and error.code.startswith("record.") and "field" in error.params:
        wrong, other = issue_form.wrong_fields(definition, dict(content.values))
        other = other or (None if wrong else error)
    shown = issue_form.form_fields(definition, content.values, wrong, language, translate)
    fields = [_field(one, sheet, translate) for one in shown]
    return {
        "fields": fields,
        "first_wrong": [one.field for one in fields if one.field.error],
        "problem": " ".join(other.localised(translate)) if other else "",
        "number": content.number,
        "issued_on": content.issued_on,
        "needs_number": definition.number_rule.needs_sequence,
        "existing": mode.name != "result",
        "originals": [(name, translate(ORIGINALS[name])) for name in mode.originals],
        "original": content.comparison.original or mode.originals[0],
        "original_number": content.comparison.number,
        "may_confirm": mode.name != "result" and sheet.department_id not in rule.windows,
        "confirmed_by_issuer": content.comparison.confirmed_by_issuer,
        "confirm_words": translate(CONFIRMED),
        "second": rule.second_check,
        "case_fields": case_fields(content.reserved, other, translate),
        "unconfirmed": len(content.unconfirmed),
    }


def _field(one: FormField, sheet: SheetView, translate: Translate) -> EntryField:
    said = sheet.content.suggestions.get(one.name)
    stands = said is not None and one.value == said.value
    return EntryField(one, translate(said.source) if said and stands else "", one.name in sheet.content.confirmed)


def facts(
    sheet: SheetView, definition: LicenceTypeDefinition, language: str, translate: Translate
) -> list[tuple[str, str]]:
    """What was entered, for the second person or to look back."""
    content = sheet.content
    compared = translate(ORIGINALS.get(content.comparison.original, "—"))
    if content.comparison.number:
        compared += f" {content.comparison.number}"
    rows = issue_form.rows(definition, content.values, language)
    rows += [(translate("证照编号"), content.number), (translate("颁证日期"), content.issued_on)]
    rows += case_lines(content.reserved, translate)
    rows.append((translate("与原件核对"), compared))
    if content.comparison.confirmed_by_issuer:
        rows.append((translate("颁证单位确认"), translate(CONFIRMED)))
    return [(title, text) for title, text in rows if text]


def course(sheet: SheetView, translate: Translate) -> list[tuple[str, str]]:
    """Who did what, when."""
    rows = [(when(sheet.created), translate("收件"))]
    if sheet.entered is not None and sheet.entered_by:
        rows.append((when(sheet.entered), fill(translate("{who} 录入"), {"who": sheet.entered_by})))
    if sheet.checked is not None and sheet.checked_by:
        rows.append((when(sheet.checked), fill(translate("{who} 复核"), {"who": sheet.checked_by})))
    return rows


def sheet_head(
    sheet: SheetView, definition: LicenceTypeDefinition, language: str, translate: Translate
) -> dict[str, Any]:
    """What stands above a sheet."""
    return {
        "id": sheet.id,
        "title": type_title(definition, language),
        "mode": translate(MODES[sheet.mode].title),
        "state": translate(STATES[sheet.state]),
        "tone": TONES[sheet.state],
        "state_code": sheet.state,
        "place": sheet.place,
        "name": sheet.scan_name,
        "digest": sheet.scan_digest,
        "pages": list(range(1, sheet.scan_pages + 1)),
        "reason": sheet.reason,
        "licence": sheet.licence_id if sheet.state == ISSUED else "",
        "entered_by": sheet.entered_by,
    }


def tabs(counts: Mapping[str, int], chosen: str, translate: Translate) -> Sequence[dict[str, Any]]:
    """States as tabs with how many each has."""
    every = ("", *STATES)
    return [
        {
            "state": state,
            "title": translate(STATES[state]) if state else translate("全部"),
            "count": counts.get(state, 0) if state else sum(counts.values()),
            "here": state == chosen,
        }
        for state in every
    ]
