"""来件: one row on its way into the register, from a connector, a page or the quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from licence_store.collection.rules import QUARANTINE
from licence_store.collection.texts import to_text
from licence_store.extras import PLAIN, IssueExtras, PaperCopy
from seal.provenance import CaseLink
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Word

MAX_KEY = 200
_WORDS = ("relation", "what")
"""Parameters of our errors that are words of ours."""
_TEXTS = ("source", "credibility", "number", "issued_on")

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
    extras: IssueExtras = PLAIN
    """Origin, credibility, case, paper: what the licence will say besides the record."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def digest(self) -> str:
        """SM3 over what was delivered: two rows with one digest say the same."""
        content = self.content
        said: Any = {"error": content.code} if isinstance(content, LicenceTrustError) else _plain(content)
        return sm3(to_text({"record": said, "extras": extras_to_json(self.extras)}).encode()).hex()

    def to_json(self) -> dict[str, Any]:
        """As the quarantine keeps it."""
        record = {} if isinstance(self.content, LicenceTrustError) else _plain(self.content)
        evidence = [{"name": one.name, "digest": one.digest} for one in self.evidence]
        return {"record": record, "extras": extras_to_json(self.extras), "evidence": evidence}


def extras_to_json(extras: IssueExtras) -> dict[str, Any]:
    """What was said besides the record; what is left out is as usual."""
    texts = {name: getattr(extras, name) for name in _TEXTS}
    return {
        **{name: text for name, text in texts.items() if text != getattr(PLAIN, name)},
        **({"case": extras.case.to_json()} if extras.case else {}),
        **({"paper": extras.paper.to_text()} if extras.paper else {}),
    }


def extras_from_json(kept: Mapping[str, Any]) -> IssueExtras:
    """The same again."""
    case = CaseLink.from_json(kept["case"], "case") if "case" in kept else None
    texts = {name: kept[name] for name in _TEXTS if name in kept}
    return IssueExtras(case=case, paper=PaperCopy.from_text(kept.get("paper", "")), **texts)


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
    def error(self) -> LicenceTrustError:
        """As an error again; its words are translated with it."""
        params: dict[str, object] = dict(self.params)
        params |= {name: Word(params[name]) for name in _WORDS if name in params}
        return LicenceTrustError(self.code, self.template, **cast("dict[str, Any]", params))

    @classmethod
    def of(cls, finding: Finding) -> Told:
        error = finding.error
        params = {name: str(value)[:500] for name, value in error.params.items()}
        return cls(finding.rule, error.code, finding.field, finding.severity, error.template, params)
