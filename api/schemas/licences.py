"""For officers and auditors: the life of a licence, as it is sent and answered."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated

from pydantic import ConfigDict, Field

from api import licence_office
from api.schemas.common import Answer
from api.schemas.seals import Asked, BasisBody, Moment, moment
from licence_store.lifecycle import MARKS

Reason = Annotated[str, Field(default="", max_length=500, description="Kept with the event; most steps need one")]


class EventRequest(Asked):
    """办理一步."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"step": "suspend", "reason": "立案调查", "basis": "〔2026〕12号"}},
    )

    step: str = Field(max_length=32, description=", ".join(MARKS))
    reason: Reason
    basis: str = Field(default="", max_length=200, description="Number of a decision, article of a law")
    effective: Moment | None = Field(default=None, description="RFC 3339; default now. Not before the issue, not later")
    to: str = Field(
        default="", max_length=6, description="`transfer_out` only: a region that is on no trust list, six digits"
    )


class VersionRequest(Asked):
    """变更, or with `reissue` 补发: the next version."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"record": {"name": "新名称"}, "reason": "名称变更"}}
    )

    record: dict[str, object] = Field(
        default_factory=dict, description="Face fields that change, values as strings; the others stay"
    )
    reissue: bool = Field(default=False, description="After a loss: the same content in a new version")
    reason: Reason


class SuccessorRequest(Asked):
    """延续: the licence that takes this one's place."""

    record: dict[str, object] | None = Field(default=None, description="Face fields that change; null: none")
    reason: Reason


class InspectionRequest(Asked):
    """年检 of one period."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"result": "passed", "period": "2026", "remarks": "材料齐全"}}
    )

    result: str = Field(max_length=32, description="A word of the type's rule: passed, failed …")
    period: str = Field(default="", max_length=16, description="The year; empty: the one that is due")
    remarks: str = Field(default="", max_length=500)
    evidence: BasisBody | None = None
    effective: Moment | None = Field(default=None, description="RFC 3339; default now")


class EvidenceAnswer(Answer):
    """佐证文件."""

    name: str
    digest: str = Field(description="SM3, hex")


class FoundAnswer(Answer):
    """年检 of one year: what was found."""

    period: str
    result: str
    remarks: str
    evidence: EvidenceAnswer | None
    next_year: int | None = Field(description="The year that comes next")
    next_overdue: str | None = Field(description="From this moment on that one is overdue")


class InspectionAnswer(FoundAnswer):
    """年检 of one year, and who inspected."""

    effective: str
    recorded: str
    by: str


class EventAnswer(Answer):
    """证照事件."""

    step: str
    version: int
    state: str = Field(description="From `effective` on, as it was known when the event was recorded")
    effective: str
    recorded: str
    by: str
    role: str
    reason: str
    basis: str | None
    inspection: FoundAnswer | None = Field(default=None, description="Of `inspect` only")


class LicenceStanding(Answer):
    """证照 and its state."""

    licence_id: str
    licence_number: str
    version: int
    type_code: str
    type_name: str
    department: str
    issuer_name: str
    holder_name: str
    holder_code: str
    state: str
    since: str
    issued_on: str
    valid_from: str
    valid_to: str = Field(description="Last valid day; empty: long-term")


class StepAnswer(LicenceStanding):
    """The licence as it is then, and the event that was appended."""

    event: EventAnswer


class IssuedVersionAnswer(StepAnswer):
    """A further version, or a successor."""

    file_digest: str = Field(description="SM3 of the file, hex")
    created: bool = Field(description="false: the same had been asked before")


class PredecessorAnswer(Answer):
    """前一文件, as the sealed message names it."""

    licence_id: str
    file_digest: str
    kind: str = Field(description="revision, reseal, reissue, renewal, transfer")


class VersionAnswer(Answer):
    """证照版本."""

    licence_id: str
    version: int
    step: str
    reason: str
    issued_on: str
    valid_from: str
    valid_to: str
    file_digest: str
    file_size: int
    seal_id: str
    signed_at: str
    recorded: str
    predecessor: PredecessorAnswer | None


class VersionList(Answer):
    """一份证照的各版, oldest first."""

    items: list[VersionAnswer]


class EventList(Answer):
    """证照经过, in order of effect."""

    licence_id: str
    state: str
    since: str
    items: list[EventAnswer]


class InspectionList(Answer):
    """年检 year by year."""

    items: list[InspectionAnswer]


class WaitingAnswer(Answer):
    """年检工作表 line."""

    licence_id: str
    licence_number: str
    holder_name: str
    department: str
    year: int
    overdue_from: str | None = Field(description="From this moment on it is overdue")
    result: str | None = Field(description="Of what is done")
    inspected: str | None


class WaitingPage(Answer):
    """One page of the work list."""

    items: list[WaitingAnswer]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


class LinkAnswer(Answer):
    """One version in a proof of lineage."""

    licence_id: str
    version: int
    file_digest: str = Field(description="As registered")
    recomputed: str | None = Field(description="Of the file as it lies there now; null: it cannot be read")
    predecessor: PredecessorAnswer | None
    problem: str | None = Field(description="file, predecessor, unstated; null: sound")


class LineageAnswer(Answer):
    """版本承接; licences that this one was renewed from come first."""

    unbroken: bool = Field(description="No link is wrong; one that was never stated breaks nothing")
    complete: bool = Field(description="Every link is proved")
    links: list[LinkAnswer]


class HoldingsAnswer(Answer):
    """持证者的证照."""

    items: list[LicenceStanding]


def given(asked: EventRequest) -> licence_office.Given:
    """What comes with a step."""
    return licence_office.Given(asked.reason, asked.basis, moment(asked.effective), asked.to)


def inspected(asked: InspectionRequest) -> licence_office.Inspected:
    """What an inspection found."""
    evidence = (asked.evidence.name, b64decode(asked.evidence.data)) if asked.evidence else None
    return licence_office.Inspected(asked.result, asked.period, asked.remarks, evidence, moment(asked.effective))
