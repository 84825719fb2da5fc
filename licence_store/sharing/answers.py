"""应答内容: what an operation of sharing found, before it is signed (``trust.sharing_answer``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What an answer comes to; the words of ``trust.sharing_answer.OUTCOMES``."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    """The register asked has no such licence: never said by a region that could not look."""
    TRUE = "TRUE"
    FALSE = "FALSE"
    PASSED = "TOTAL-PASSED"
    FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"
    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    UNREACHABLE = "UNREACHABLE"
    """For answers composed across regions: the issuing region is silent; ``result`` says what is known, as of when."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. ``result`` holds strings, lists and objects only."""

    outcome: Outcome
    result: Mapping[str, object]
    type_code: str = ""
    department: str = ""
    subject: str = ""
    """Licence id, or ``sm3:…`` of a file; empty: neither."""
    holder_code: str = ""
    """Whose licence it was: for the use ledger."""
    source: str = "register"
    """``register``, ``provider:<name>``, or ``region:<code>`` of whoever answered."""
    uses: tuple[tuple[str, str], ...] = ()
    """Further ``(holder code, licence id)`` that were told, of a batch."""
