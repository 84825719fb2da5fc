"""办件关联与纸质件 (R020, R043): what may stand beside a record under reserved names, and what became of paper forms.

    {"record_id": "…", "name": "…", "case": {"number": "990000-2026-7", "valid_until": "2027-06-30"}}
    CSV: name,…,case.number,case.service_item,case.result_document,case.valid_until,paper.number

``case`` goes into the sealed message and into ``licence_case``, where it is looked for by its number; ``paper`` names
the pre-printed form the licence is printed on. Neither is part of what makes two records the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from licence_store.case_models import LicenceCase, PaperForm
from licence_store.extras import PLAIN, IssueExtras, PaperCopy
from seal.database import Sessions
from seal.models import table
from seal.provenance import CaseLink
from trust.errors import Conflict, Malformed
from trust.identifiers import parse_licence_id

CASE_KEYS = {
    "number": "case_number",
    "service_item": "service_item",
    "result_document": "result_document",
    "valid_until": "result_valid_until",
}
"""Reserved member of ``case`` → field of the sealed ``CaseLink``."""
PAPER_KEYS = {"number": "number", "printed": "printed"}
PRINTED, SPOILT = "printed", "spoilt"
_INSERT = insert(table(LicenceCase))


def take_apart(record: Mapping[str, object], extras: IssueExtras = PLAIN) -> tuple[Mapping[str, object], IssueExtras]:
    """The record without ``case`` and ``paper``, and the extras with them.

    Raises ``Malformed("record.reserved")`` naming the member that does not fit.
    """
    reserved = [name for name in record if str(name).partition(".")[0] in ("case", "paper")]
    if not reserved:
        return record, extras
    case, paper = _members(record, "case", CASE_KEYS), _members(record, "paper", PAPER_KEYS)
    if case:
        if "case_number" not in case:
            raise _bad("case.number")
        extras = replace(extras, case=CaseLink(**case))
    if paper:
        extras = replace(extras, paper=_paper(paper))
    return {name: value for name, value in record.items() if name not in reserved}, extras


def _paper(given: Mapping[str, str]) -> PaperCopy:
    if "number" not in given:
        raise _bad("paper.number")
    if "printed" not in given:
        return PaperCopy(given["number"])
    try:
        printed = datetime.fromisoformat(given["printed"])
        printed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad("paper.printed") from None
    if printed.tzinfo is None:
        raise _bad("paper.printed")
    return PaperCopy(given["number"], printed)


def _members(record: Mapping[str, object], name: str, known: Mapping[str, str]) -> dict[str, str]:
    """``{"case": {…}}`` or ``case.number`` … as one mapping of texts; empty members are left out."""
    whole = record.get(name)
    if whole is not None and not isinstance(whole, Mapping):
        raise _bad(name)
    given: dict[str, object] = dict(whole or {})
    dotted = (str(key) for key in record)
    given |= {key.partition(".")[2]: record[key] for key in dotted if key.startswith(f"{name}.")}
    for key, value in given.items():
        if key not in known or not (value is None or isinstance(value, str)):
            raise _bad(f"{name}.{key}")
    return {known[key]: value.strip() for key, value in given.items() if isinstance(value, str) and value.strip()}


def _bad(where: str) -> Malformed:
    return Malformed(
        "record.reserved",
        "记录中的“{field}”缺失、多余或不是文本。",
        remedy="保留名 case 可含 number、service_item、result_document、valid_until，"
        "paper 可含 number 和 printed（打印时间，带时区），均为文本。",
        field=where[:80],
    )


# ---------------------------------------------------------------- 登记


def record_cases(session: Session, versions: Sequence[tuple[str, CaseLink | None]]) -> None:
    """Write down which case each version (licence id) came from, inside the transaction that registers it."""
    rows = [_case_row(licence_id, case) for licence_id, case in versions if case is not None]
    if rows:
        session.connection().execute(_INSERT, rows)


def _case_row(licence_id: str, case: CaseLink) -> dict[str, str]:
    return {
        "licence_id": licence_id,
        "base": parse_licence_id(licence_id).base,
        "number": case.case_number,
        "service_item": case.service_item,
        "result_document": case.result_document,
        "valid_until": case.result_valid_until,
    }


@dataclass(frozen=True, slots=True)
class PaperUse:
    """纸质件: one pre-printed form and what became of it."""

    form_number: str
    use: str
    """``printed`` or ``spoilt``."""
    licence_id: str
    actor: str
    reason: str
    happened: datetime


@dataclass(frozen=True, slots=True)
class Casework:
    """办件与纸质件 of licences: looked up, and forms accounted for."""

    sessions: Sessions

    def of_case(self, number: str) -> tuple[str, ...]:
        """Licence ids of every version that came from a case, oldest first."""
        query = select(LicenceCase.licence_id).where(LicenceCase.number == number).order_by(LicenceCase.licence_id)
        with self.sessions.read() as session:
            return tuple(session.execute(query).scalars())

    def papers(self, licence_id: str) -> tuple[PaperUse, ...]:
        """What was printed of a licence, in any version, oldest first."""
        names = PaperUse.__slots__
        query = select(*(getattr(PaperForm, name) for name in names))
        query = query.where(PaperForm.base == parse_licence_id(licence_id).base).order_by(PaperForm.id)
        with self.sessions.read() as session:
            return tuple(PaperUse(*row) for row in session.execute(query))


def record_paper(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Account for forms inside the caller's transaction; a form is printed on once.

    Raises ``Conflict("paper.form_used")``.
    """
    for row in rows:
        taken = select(PaperForm.id).where(
            PaperForm.type_code == row["type_code"], PaperForm.form_number == row["form_number"]
        )
        used = set(session.execute(taken.with_only_columns(PaperForm.use)).scalars())
        if row["use"] in used or (row["use"] == PRINTED and used):
            raise Conflict("paper.form_used", "编号为“{number}”的空白证照已用过。", number=row["form_number"])
    if rows:
        session.connection().execute(insert(table(PaperForm)), list(rows))


def case_rows(case: CaseLink | None) -> list[tuple[str, str]]:
    """``(Chinese title, text)`` for a page or the console; empty where there is no case."""
    from trust.i18n import N_

    if case is None:
        return []
    titled = (
        (N_("办件编号"), case.case_number),
        (N_("事项"), case.service_item),
        (N_("结果文书"), case.result_document),
        (N_("结果有效期至"), case.result_valid_until),
    )
    return [(title, text) for title, text in titled if text]
