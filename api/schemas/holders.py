"""用户空间的接口: sessions of portals, and delegations, as they are sent and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.delegation_office import Wanted
from api.schemas.common import Answer
from api.schemas.seals import Asked

Word = Annotated[str, Field(max_length=100)]
Right = Literal["view", "use", "upload", "report_loss", "delegate"]


class SessionRequest(Asked):
    """开立会话: what a portal brings."""

    id_token: str = Field(max_length=65536, description="Id token of the identity provider for this portal; good once")
    acting_for: str = Field(
        default="", max_length=80, description="Credit code of one's own company, or id of a delegation; empty: oneself"
    )


class Party(Answer):
    """当事人; a person's number without year, month and day."""

    code: str
    name: str


class SessionAnswer(Answer):
    """用户会话; the token is in the first answer only."""

    token: str | None
    account_id: str
    person: Party
    holder: Party
    delegation_id: str | None
    rights: list[Right]
    types: list[str]
    items: list[str]
    assurance: int
    assurance_until: str = Field(description="Until when it counts for what needs more than level 1")
    expires: str


class TermsRequest(Asked):
    """授权范围."""

    rights: list[Right] = Field(min_length=1, max_length=5)
    types: list[Word] = Field(default=[], max_length=50, description="Codes or names of licence types; none: all")
    items: list[Word] = Field(default=[], max_length=50, description="Codes of service items; none: all")
    since: str = Field(default="", max_length=40, alias="from", description="A day, or RFC 3339; default now")
    until: str = Field(max_length=40, description="A day (included), or RFC 3339")
    reason: str = Field(default="", max_length=300)

    def wanted(self) -> Wanted:
        return Wanted(tuple(self.rights), self.until, self.since, tuple(self.types), tuple(self.items))


class DelegationRequest(TermsRequest):
    """授权给一个人, or, of a request, the holder it is asked of."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "code": "990000197305106289",
                "name": "周代办",
                "rights": ["view", "use"],
                "until": "2027-06-30",
            }
        },
    )

    code: str = Field(max_length=64, description="Citizen number of the delegate (request: code of the holder asked)")
    name: str = Field(max_length=100)


class DecisionRequest(Asked):
    """答复或收回."""

    reason: str = Field(default="", max_length=300)


class DelegationAnswer(Answer):
    """授权."""

    id: str
    state: str
    holder: Party
    delegate: Party
    parent_id: str | None
    depth: int
    rights: list[Right]
    types: list[str]
    items: list[str]
    from_: str = Field(alias="from")
    until: str
    mine: bool = Field(description="Given to, or asked for by, whoever asks")


class DelegationStepAnswer(Answer):
    """授权经过."""

    act: str
    at: str
    by: str
    terms: dict[str, Any]
    reason: str


class DelegationDetails(DelegationAnswer):
    """授权 and its past."""

    steps: list[DelegationStepAnswer]


class DelegationList(Answer):
    """授权, the newest first."""

    given: list[DelegationAnswer]
    received: list[DelegationAnswer]
