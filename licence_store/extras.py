"""签发附加事项: what may be said of a licence beside its record, when it is issued.

    issuer.issue("teacher-certificate", record, officer=actor, extras=IssueExtras(case=CaseLink("990000-2026-0007")))

Source, credibility, case and lineage are sealed into the data message; the paper copy stands in the register only.
None of it belongs to the key that tells two applications apart: the first to be reserved has the word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from seal.provenance import CaseLink, Lineage
from trust.canonical import canonical_json
from trust.errors import Malformed, Word
from trust.i18n import N_

CREDIBILITY: Final = ("A", "B", "C", "D")
"""可信等级."""
FILE_FORMS: Final = ("ofd", "pdf", "both")
_LONGEST_SOURCE = 200
_LONGEST_NUMBER = 100


@dataclass(frozen=True, slots=True)
class PaperCopy:
    """同步纸质证照 (R043): the paper licence issued together with the electronic one."""

    number: str
    """印刷编号 of the form it is printed on."""
    printed: datetime | None = None
    """When it was printed, where it was."""

    def to_text(self) -> str:
        """As the register keeps it."""
        printed = self.printed.isoformat() if self.printed else ""
        return canonical_json({"number": self.number, "printed": printed}).decode()

    @classmethod
    def from_text(cls, text: str) -> PaperCopy | None:
        """What the register keeps; ``None`` where there is no paper copy."""
        if not text:
            return None
        kept = json.loads(text)
        return cls(kept["number"], datetime.fromisoformat(kept["printed"]) if kept["printed"] else None)


@dataclass(frozen=True, slots=True)
class IssueExtras:
    """签发附加事项; the defaults are those of a licence that its own department issues."""

    source: str = ""
    """信息来源 (R030); empty: the issuing department itself."""
    credibility: str = "A"
    """可信等级: a word of ``CREDIBILITY``."""
    case: CaseLink | None = None
    paper: PaperCopy | None = None
    lineage: Lineage | None = None
    """Set by us where a licence takes another's place."""
    number: str = ""
    """原证照编号: of a licence that was there before it came to us; empty: by the type's rule."""
    issued_on: str = ""
    """原颁证日期, ``YYYY-MM-DD``, of such a licence; empty: today."""
    forms: str = "ofd"
    """文件格式: ``ofd``, ``pdf`` or ``both``."""

    def check(self) -> None:
        """Raises ``Malformed("record.extras")`` naming what does not fit."""
        if self.forms not in FILE_FORMS:
            raise _bad(N_("文件格式（ofd、pdf、both）"))
        if self.credibility not in CREDIBILITY:
            raise _bad(N_("可信等级（A、B、C、D）"))
        if len(self.source) > _LONGEST_SOURCE or not self.source.isprintable():
            raise _bad(N_("信息来源"))
        if self.number and not _fits(self.number):
            raise _bad(N_("原证照编号"))
        if self.issued_on and not _is_day(self.issued_on):
            raise _bad(N_("原颁证日期"))
        if self.paper is not None and not _fits(self.paper.number):
            raise _bad(N_("纸质证照的印刷编号"))
        if self.paper is not None and self.paper.printed is not None and self.paper.printed.tzinfo is None:
            raise _bad(N_("打印时间（须带时区）"))
        for part, name in ((self.case, N_("办件关联")), (self.lineage, N_("前一文件"))):
            try:
                if part is not None:
                    part.check()
            except Malformed as error:
                raise _bad(name) from error


PLAIN: Final = IssueExtras()
"""Nothing in particular."""


def _fits(number: str) -> bool:
    return len(number.strip()) > 0 and len(number) <= _LONGEST_NUMBER and number.isprintable()


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _bad(what: str) -> Malformed:
    return Malformed("record.extras", "所附的“{what}”缺失或无效。", what=Word(what))
