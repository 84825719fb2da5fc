"""Shapes of the space: licences of a holder, the use ledger, presentations, disputes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer


class Asked(BaseModel):
    """What is sent to us: nothing but what is named."""

    model_config = ConfigDict(extra="forbid")


class OwnLicence(Answer):
    """A licence of the holder's."""

    licence_id: str
    licence_number: str
    type_code: str
    type_name: str
    issuer: str
    level: str
    version: int
    state: str
    since: str
    issued_on: str
    valid_from: str
    valid_to: str | None
    forms: list[str] | None = None


class OwnLicences(Answer):
    items: list[OwnLicence]


class OwnLicenceFace(OwnLicence):
    """With its face."""

    face: list[dict[str, str]]


class LossRequest(Asked):
    reason: str = Field(max_length=500)


class LossAnswer(Answer):
    licence_id: str
    state: str
    effective: str


class UseEntryAnswer(Answer):
    """An entry of the use ledger."""

    seq: int
    at: str
    subject: str = Field(description="Licence id without version and check character, or a material's or copy's id")
    act: str
    who: str
    who_id: str
    department: str | None
    why: str
    result: str
    digest: str | None = None


class UseLedgerPage(Answer):
    items: list[UseEntryAnswer]
    next: int | None = Field(description="`before` of the next page")


class UseLedgerCheckAnswer(Answer):
    """Whether the ledger is whole."""

    intact: bool
    count: int
    digest: str
    problem: str | None
    at: int | None


class PresentationRequest(Asked):
    licence_id: str = Field(max_length=200)
    fields: list[str] = Field(default_factory=list, max_length=100, description="What is shown; the others are masked")
    verifier: str = Field(default="", max_length=32, description="A department; empty: whoever opens it first")
    purpose: str = Field(default="", max_length=300)
    seconds: int = Field(default=120, ge=30, le=600)


class PresentationAnswer(Answer):
    """A presentation as its holder sees it."""

    id: str
    subject: str
    shown: list[str]
    verifier: str | None
    purpose: str
    state: str
    made: str
    expires: str
    opened: str | None
    opened_by: str | None


class OfferedAnswer(PresentationAnswer):
    """With what opens it: told once."""

    address: str | None = Field(description="What the QR code carries; null when asked again")
    code: str | None = Field(description="For typing, by staff; null when asked again")


class PresentationList(Answer):
    items: list[PresentationAnswer]


class OpeningRequest(Asked):
    code: str = Field(min_length=1, max_length=400, description="The address of the QR code, its token, or the digits")


class ShownField(Answer):
    name: str
    title: str
    value: str | None = Field(description="null: masked by the holder")


class ShownAnswer(Answer):
    """What the holder shows, and the verdict on the original."""

    id: str
    type_code: str
    type_name: str
    issuer: str
    state: str
    valid_to: str | None
    purpose: str
    fields: list[ShownField] | None = Field(description="Told once: null when asked again")
    indication: str
    sub_indication: str | None
    until: str


class DisputeRequest(Asked):
    """About an entry of the ledger, or about a licence: one of the two."""

    words: str = Field(max_length=2000)
    entry: int | None = Field(default=None, ge=1, le=1 << 62)
    licence_id: str = Field(default="", max_length=200)
    field: str = Field(default="", max_length=100, description="Of the licence's face; empty: something else")


class DisputeStepAnswer(Answer):
    at: str
    act: str
    words: str


class DisputeAnswer(Answer):
    """A dispute as it stands."""

    id: str
    kind: str
    subject: str
    entry: int | None
    field: str | None
    department: str
    words: str
    opened: str
    deadline: str
    state: str
    overdue: bool
    closed: str | None
    answer: str | None
    steps: list[DisputeStepAnswer]


class DisputeList(Answer):
    items: list[DisputeAnswer]


class DisputeReply(Asked):
    outcome: Literal["upheld", "rejected", "note"] = Field(description="`note`: only how far it is")
    words: str = Field(max_length=2000)
