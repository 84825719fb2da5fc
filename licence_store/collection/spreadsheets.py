"""电子表格: the quality report and the quarantine as workbooks, and mended rows read back from one.

Every cell is written as text or as a number, never as a formula, whatever it begins with.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from licence_store.collection.connectors.files import FileDelivery
from licence_store.collection.holding import STATES
from licence_store.collection.quality import SourceQuality
from licence_store.collection.quarantine import Held, Mending
from trust.errors import LicenceTrustError, Malformed
from trust.i18n import N_

ID, REVISION, REASONS = "quarantine_id", "revision", "reasons"
"""Columns beside the record's fields."""
_BESIDE = (ID, REVISION, "source", "row", "state", REASONS)
Translate = Callable[[str], str]
STATE_NAMES = {"open": N_("待处理"), "mended": N_("已更正"), "released": N_("已放行"), "discarded": N_("已弃用")}


def quality_workbook(report: Sequence[SourceQuality], translate: Translate) -> bytes:
    """数据质量报告: a sheet of sources, one of rules, one of runs."""
    sources = [
        [one.source_id, one.title, one.type_name, one.seen, one.passed, one.held, round(one.rate, 4), one.warned,
         *(one.states[state] for state in STATES)]
        for one in report
    ]  # fmt: skip
    rules = [
        [one.source_id, rule.rule, translate(rule.title), rule.field, rule.field_title, rule.severity, rule.rows,
         *(rule.states.get(state, 0) for state in STATES)]
        for one in report for rule in one.rules
    ]  # fmt: skip
    runs = [
        [one.source_id, run.number, run.kind, run.state, run.started.isoformat(), *run.counts.values()]
        for one in report for run in one.runs
    ]  # fmt: skip
    states = [translate(STATE_NAMES[state]) for state in STATES]
    head = [N_("来源"), N_("名称"), N_("证照类型"), N_("行数"), N_("通过"), N_("隔离"), N_("通过率"), N_("提示")]
    rule_head = [N_("来源"), N_("规则"), N_("规则名称"), N_("字段"), N_("字段名称"), N_("处置"), N_("问题数")]
    run_head = [N_("来源"), N_("批次"), N_("类别"), N_("状态"), N_("开始"), N_("行数"), N_("未变"), N_("签发"),
                N_("变更"), N_("隔离"), N_("提示"), N_("来源已无")]  # fmt: skip
    return _workbook(
        (translate(N_("来源质量")), [*map(translate, head), *states], sources),
        (translate(N_("规则统计")), [*map(translate, rule_head), *states], rules),
        (translate(N_("归集批次")), [*map(translate, run_head)], runs),
    )


def quarantine_workbook(
    rows: Iterable[Held], fields: Sequence[str], told: Callable[[Held], str], translate: Translate
) -> bytes:
    """隔离区 as a workbook to be mended: the first row names the fields."""
    return _workbook((translate(N_("隔离区")), [*_BESIDE, *fields], (_line(row, fields, told) for row in rows)))


def _line(row: Held, fields: Sequence[str], told: Callable[[Held], str]) -> list[object]:
    beside = [row.id, str(row.revision), row.source_id, row.row, row.state, told(row)]
    return [*beside, *(row.record.get(name, "") for name in fields)]


def as_line(row: Held, told: Callable[[Held], str]) -> dict[str, Any]:
    """The same as one JSON line."""
    beside = dict(zip(_BESIDE, (row.id, row.revision, row.source_id, row.row, row.state, told(row)), strict=True))
    return beside | {"record": dict(row.record)}


def read_mended(path: Path) -> Iterator[Mending | LicenceTrustError]:
    """Mended rows of a file that was exported before; raises as ``FileDelivery.rows`` does."""
    for one in FileDelivery(path).rows(""):
        if isinstance(one.content, LicenceTrustError):
            yield one.content
            continue
        content = dict(one.content)
        record = content.get("record")
        if not isinstance(record, dict):
            record = {name: _text(value) for name, value in content.items() if name not in _BESIDE}
        revision = _text(content.get(REVISION, ""))
        if not content.get(ID) or (revision and not (revision.isascii() and revision.isdigit() and len(revision) < 10)):
            yield Malformed(
                "quarantine.line", "第 {row} 行没有隔离编号（{column}），或版次不是数字。", row=one.number, column=ID
            )
            continue
        yield Mending(_text(content[ID]), record, int(revision) if revision else None)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _workbook(*sheets: tuple[str, Sequence[object], Iterable[Sequence[object]]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for title, head, lines in sheets:
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "A2"
        for line in (head, *lines):
            sheet.append([_cell(sheet, value) for value in line])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _cell(sheet: Any, value: object) -> object:
    if isinstance(value, (int, float)):
        return value
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(sheet)
    text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(value))[:32_767]
    cell._value, cell.data_type = text.encode("utf-8", "replace").decode(), "s"
    cell.number_format = "@"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell
