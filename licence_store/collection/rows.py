"""来件: one row on its way into the register, from a connector, a page or the quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from licence_store.collection.rules import QUARANTINE
from licence_store.extras import IssueExtras
from trust.algorithms import sm3
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError, fill

MAX_KEY = 200

Content = Mapping[str, object] | LicenceTrustError
"""A record, or why it could not be read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """采集凭据: what was looked at when the row was made; kept, never published."""

    name: str
    digest: str
    """SM3 of the file in the store."""


@dataclass(frozen=True, slots=True)
class IncomingRow:
    """来件: a record in the fields of the type, not checked yet, or why it could not be read.

    Same source and same ``key``: the same thing, delivered again. Same content as well: nothing new.
    """

    number: int
    """Its number in the delivery, from 1."""
    key: str
    """The source's own key; empty: the row has none."""
    content: Content
    position: str = ""
    """Where the connector goes on after this row, in its own words; empty: only after a later one."""
    extras: IssueExtras = field(default_factory=IssueExtras)
    """Origin, credibility, case, paper: what the licence will say besides the record."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def digest(self) -> str:
        """SM3 over what was delivered: two rows with one digest say the same."""
        content = self.content
        said: Any = {"error": content.code} if isinstance(content, LicenceTrustError) else _plain(content)
        case = self.extras.case.to_json() if self.extras.case else {}
        return sm3(canonical_json({"record": said, "case": case})).hex()


def _plain(content: Mapping[str, object]) -> dict[str, str]:
    return {str(name): value if isinstance(value, str) else repr(value) for name, value in content.items()}


@dataclass(frozen=True, slots=True)
class Finding:
    """清洗结论: one reason against a row, as an error of ours, with the rule that found it."""

    rule: str
    """Id of the type's rule; ``schema``, ``reading``, ``delivery`` or ``issue`` for what is always asked."""
    error: LicenceTrustError
    field: str = ""
    severity: str = QUARANTINE

    @property
    def holds_back(self) -> bool:
        return self.severity == QUARANTINE

    @property
    def code(self) -> str:
        return self.error.code


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as it is kept: its message can be rendered in either language."""

    rule: str
    code: str
    field: str
    severity: str
    template: str
    params: Mapping[str, str]

    @property
    def message(self) -> str:
        return fill(self.template, self.params)

    @classmethod
    def of(cls, finding: Finding) -> Told:
        error = finding.error
        params = {name: str(value)[:500] for name, value in error.params.items()}
        return cls(finding.rule, error.code, finding.field, finding.severity, error.template, params)
