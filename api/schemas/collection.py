"""归集 over HTTP."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer


class SourceAnswer(Answer):
    """One source."""

    id: str
    title: str
    type: str
    type_name: str
    department: str
    mode: Literal["scan", "material", "result", "compose", "repository"]
    connector: str = Field(description="`upload`, `entry`, `file`, `folder`, `table` or `service`")
    authority: int = Field(description="0…100: where sources contradict each other, the higher one is believed")
    schedule: str = Field(description="`once`, or `every 1d`")
    next_run: str | None
    declared: str
    closed: str | None
    items: dict[str, int] = Field(description="How many of its rows stand how; `gone`: the source has them no more")


class SourceDeclaration(BaseModel):
    """A declaration; `docs/collection.md` describes its members."""

    model_config = ConfigDict(extra="allow")

    id: str
    title: str
    type: str
    department: str


class TroubleAnswer(Answer):
    """Why a run stopped."""

    code: str
    message: str
    remedy: str


class RunAnswer(Answer):
    """One run."""

    run: str
    source: str
    number: int
    kind: Literal["collect", "check", "rerun", "enter"]
    state: Literal["running", "stopped", "done", "failed"] = Field(
        description="`stopped`: goes on where it stopped when it is asked for again"
    )
    delivery: dict[str, Any] = Field(description="Which delivery it reads")
    started: str
    changed: str
    finished: str | None
    actor: str
    total: int | None
    counts: dict[str, int] = Field(description="seen, unchanged, issued, revised, held, warned, gone")
    error: TroubleAnswer | None


class AskedAnswer(Answer):
    """A background job that was asked for; see `/jobs/{job_id}`."""

    job_id: str


class FindingAnswer(Answer):
    """One reason against a row."""

    rule: str = Field(description="Id of the type's rule; or `schema`, `reading`, `delivery`, `issue`")
    code: str
    field: str
    severity: Literal["quarantine", "warn"]
    message: str


class EnteredRow(BaseModel):
    """A row to be entered."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=200, description="Your own key: same key and content, nothing new")
    record: dict[str, Any] = Field(description="Face fields; `case` and `paper` beside them")


class EnteredRows(BaseModel):
    """Rows to be cleansed and sealed at once."""

    model_config = ConfigDict(extra="forbid")

    rows: list[EnteredRow] = Field(min_length=1, max_length=100)


class EnteredAnswer(Answer):
    """What became of one row."""

    key: str
    what: Literal["issued", "revised", "unchanged", "held"]
    licence_id: str | None
    licence_number: str | None
    findings: list[FindingAnswer]


class EnteredAnswers(Answer):
    """What became of each, in their order."""

    items: list[EnteredAnswer]


class HeldAnswer(Answer):
    """One row of the quarantine."""

    id: str
    source: str
    type: str
    department: str
    key: str
    row: int
    run: str
    state: Literal["open", "mended", "released", "discarded"]
    revision: int = Field(description="Say it when you mend: a row that changed meanwhile is refused")
    held: str
    changed: str
    reason: str
    licence_id: str | None
    findings: list[FindingAnswer]
    record: dict[str, str] = Field(description="Empty once the row has left the quarantine")


class HeldPage(Answer):
    """Rows of the quarantine, the newest first."""

    items: list[HeldAnswer]
    next: str | None


class Mended(BaseModel):
    """A row's record anew."""

    model_config = ConfigDict(extra="forbid")

    record: dict[str, str]
    revision: int | None = Field(default=None, ge=1)


class Discarded(BaseModel):
    """Rows that are given up."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=500)
    reason: str


class DiscardedAnswer(Answer):
    """How many were."""

    discarded: int


class Again(BaseModel):
    """Which rows are run again; left out: all that wait."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] | None = Field(default=None, max_length=500)


class RuleQualityAnswer(Answer):
    """One rule in one field."""

    rule: str
    title: str
    field: str
    severity: str
    findings: int
    quarantine: dict[str, int]


class QualityAnswer(Answer):
    """One source's quality."""

    source: str
    title: str
    type_name: str
    department: str
    seen: int
    passed: int
    held: int
    warned: int
    rate: float = Field(description="Share of rows that survived")
    quarantine: dict[str, int]
    rules: list[RuleQualityAnswer]
    runs: list[RunAnswer]
