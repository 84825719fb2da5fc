"""来历: what a data message says beside the licence: the file it follows (lineage), the case it came from (R020).

    Lineage("revision", "1.2.156.…001.X", sm3_of_its_file_in_hex)
    CaseLink("990000-2026-000123", service_item="…", result_document="…", result_valid_until="2027-06-30")

Both are sealed with the message, so that they can be proved without the register.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Self

from trust.errors import Malformed

KINDS = ("revision", "reseal", "reissue", "renewal", "transfer")
"""变更、重新盖章、补发: the next version of the same licence. 延续、转入: another licence that takes its place."""
SAME_LICENCE = frozenset({"revision", "reseal", "reissue"})

_HEX64 = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")
_LIMIT = 200


@dataclass(frozen=True, slots=True)
class _Strings:
    """An object of the message all of whose members are text."""

    def to_json(self) -> dict[str, str]:
        """As it stands in the message."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, value: Any, where: str) -> Self:
        """Read; raises ``Malformed("message.field")``."""
        names = {field.name for field in fields(cls)}
        if not isinstance(value, dict) or set(value) != names or not all(isinstance(v, str) for v in value.values()):
            raise _bad(where)
        return cls(**value)


@dataclass(frozen=True, slots=True)
class Lineage(_Strings):
    """前一文件: which file this one follows, and how."""

    kind: str
    """A word of ``KINDS``."""
    predecessor_id: str
    """Its licence id, the version included."""
    predecessor_digest: str
    """SM3 of its file, hex."""

    def check(self) -> None:
        """Raises ``Malformed("message.field")``."""
        sound = self.kind in KINDS and bool(_HEX64.fullmatch(self.predecessor_digest))
        if not sound or not self.predecessor_id or not _is_line(self.predecessor_id):
            raise _bad("lineage")


@dataclass(frozen=True, slots=True)
class CaseLink(_Strings):
    """办件关联 (R020): the case whose result the licence is."""

    case_number: str
    """办件编号."""
    service_item: str = ""
    """事项编码 or name."""
    result_document: str = ""
    """结果文书: its name or number."""
    result_valid_until: str = ""
    """结果时效: the last day, ``YYYY-MM-DD``; empty: no end stated."""

    def check(self) -> None:
        """Raises ``Malformed("message.field")``."""
        if not self.case_number.strip() or not all(_is_line(text) for text in self.to_json().values()):
            raise _bad("case")
        if self.result_valid_until and not _is_day(self.result_valid_until):
            raise _bad("case.result_valid_until")


def _is_line(text: str) -> bool:
    return len(text) <= _LIMIT and not _UNPRINTABLE.search(text)


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _bad(where: str) -> Malformed:
    return Malformed("message.field", "数据电文的“{field}”缺失、多余或无效。", field=where)
