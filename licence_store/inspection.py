"""年检: which year's inspection comes next, and from when on it is overdue (R063). Pure.

What an inspection asks for is written into the licence's own events, when it is issued and whenever it is
inspected: a type whose rule changes does not change what held before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from licence_store.standing import beginning_of, day_of
from licence_store.type_rules import InspectionRule
from trust.errors import Malformed, Refused


class Due(NamedTuple):
    """下次年检."""

    year: int | None = None
    """The year that comes next; ``None``: none is asked for."""
    by: datetime | None = None
    """From this moment on it is overdue; ``None``: the type's rule lets nothing follow from it."""


NONE_DUE = Due()
"""No inspection is asked for."""


def opens(rule: InspectionRule, year: int) -> datetime:
    """When ``year``'s window opens."""
    return beginning_of(rule.window(year)[0])


def closes(rule: InspectionRule, year: int) -> datetime:
    """The first moment after ``year``'s window."""
    return beginning_of(rule.window(year)[1] + timedelta(days=1))


def due_in(rule: InspectionRule, year: int) -> Due:
    """What is due when ``year`` comes next."""
    return Due(year, closes(rule, year) if rule.overdue else None)


def first_due(rule: InspectionRule | None, issued_on: str, registered: datetime) -> Due:
    """What is due from issue on; of a licence that was there before it was ``registered`` here, the inspection that
    comes next.
    """
    if rule is None:
        return NONE_DUE
    year = max(rule.first_year(issued_on), day_of(registered).year)
    return due_in(rule, year if registered < closes(rule, year) else year + 1)


def due_after(rule: InspectionRule, before: Due, period: int, result: str, effective: datetime) -> Due:
    """What is due once ``period`` was inspected with that result, ``before`` being due till then.

    A failed one whose rule says so is overdue at once, until the same year passes.
    """
    if result == "failed" and rule.failed == "INSPECTION_OVERDUE":
        return Due(period, effective)
    following = due_in(rule, period + 1)
    return before if before.year is not None and before.year > period + 1 else following


def read_period(rule: InspectionRule | None, period: str, due: Due, issued_on: str, effective: datetime) -> int:
    """Which year an inspection is for: the one named, else the one that is due, else this year's. ``issued_on`` is
    the day of the first issue.

    Raises ``Refused("licence.no_inspection", "licence.inspection_period")``, ``Malformed("licence.inspection_year")``.
    """
    if rule is None:
        raise Refused("licence.no_inspection", "此类证照没有年检规则，不办理年检。")
    this_year = day_of(effective).year
    if period and not (period.isascii() and period.isdigit() and len(period) == 4):
        raise Malformed("licence.inspection_year", "年检年度应为四位年份，实为“{got}”。", got=period[:20])
    year = int(period) if period else min(due.year or this_year, this_year)
    if not rule.first_year(issued_on) <= year <= this_year or effective < opens(rule, year):
        raise Refused(
            "licence.inspection_period",
            "{year} 年度的年检不能办理：首次年检为 {first} 年度，每年 {opens} 起。",
            year=year,
            first=rule.first_year(issued_on),
            opens=rule.opens,
        )
    return year


def check_result(rule: InspectionRule, result: str) -> None:
    """Raises ``Malformed("licence.inspection_result")`` for a word the rule does not have."""
    if result not in rule.results:
        raise Malformed(
            "licence.inspection_result",
            "年检结论应为{expected}，实为“{got}”。",
            expected="、".join(rule.results),
            got=result[:40],
        )
