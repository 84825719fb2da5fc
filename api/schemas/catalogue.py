"""证照目录: what is sent and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.moments import parse_moment
from api.schemas.common import Answer
from trust.errors import LicenceTrustError


def _moment(text: str) -> str:
    try:
        parse_moment(text)
    except LicenceTrustError as error:
        raise ValueError(error.message) from None
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class Asked(BaseModel):
    """A body of ours: only the members named."""

    model_config = ConfigDict(extra="forbid")


class DraftRequest(Asked):
    """起草."""

    definition: dict[str, Any] = Field(description="The type's document; it need not be sound yet")
    reason: str = Field(default="", max_length=500)


class SaveRequest(Asked):
    """保存草稿."""

    definition: dict[str, Any]
    revision: int = Field(ge=1, description="Of the draft you changed; another one answers 409")


class ReasonRequest(Asked):
    """办理一步."""

    reason: str = Field(default="", max_length=500)


class GrantRequest(Asked):
    """授权颁证."""

    department: str = Field(min_length=1, max_length=32)
    seal: str = Field(default="", max_length=64, description="Default: the department's own")
    until: Moment | None = Field(default=None, max_length=40, description="RFC 3339; default: without end")


class EndGrantRequest(Asked):
    """收回颁证授权."""

    reason: str = Field(default="", max_length=500)
    at: Moment | None = Field(default=None, max_length=40, description="RFC 3339; default: now")


class TypeHeading(Answer):
    """证照类型 in a list."""

    code: str
    slug: str
    name: str
    name_en: str
    version: int
    state: str = Field(description="`PUBLISHED` or `RETIRED`")
    kind: str
    holder: str
    issuing_body: str


class ChangeAnswer(Answer):
    """目录事件."""

    seq: int
    code: str
    event: str
    state: str
    version: int
    digest: str | None
    department: str | None
    time: str


class MaterialDemand(Answer):
    """材料要求 of an item."""

    formats: list[str] = Field(description="`ofd`, `pdf`, `image`, `paper`")
    copies: int = Field(description="On paper; 0: none")
    seal: str = Field(description="`issuer`, `copy` (a copy's seal is enough), `applicant`, `none`")
    level: str = Field(description="Least credibility that is taken without the original")


class MaterialAnswer(Answer):
    """申请材料."""

    code: str
    name: str
    name_en: str
    item: str | None
    where: dict[str, list[str]] = Field(description="Only licences with one of these values in these fields")
    demand: MaterialDemand | None = Field(description="In which form the item wants it; null: nothing stated")


class WholeType(TypeHeading):
    """证照类型 with its rules."""

    digest: str
    validity: dict[str, Any]
    inspection: dict[str, Any] | None
    renewal: dict[str, Any] | None
    notices: dict[str, Any]
    materials: list[MaterialAnswer]
    entitled: list[dict[str, Any]]
    issuers: list[dict[str, str]]
    events: list[ChangeAnswer]


class ChangePage(Answer):
    """目录变更, a page."""

    items: list[ChangeAnswer]
    next: str = Field(description="Cursor for what comes later; keep it and ask again")


class SatisfyingType(TypeHeading):
    """A type whose licences satisfy the material."""

    material: MaterialAnswer


class DraftHeading(Answer):
    """目录草稿 in a list."""

    draft: str
    code: str
    slug: str
    name: str
    state: str = Field(description="`DRAFT`, `REVIEW`, `PUBLISHED` or `WITHDRAWN`")
    department: str | None
    hands: list[str]
    base_version: int
    revision: int
    opened: str
    changed: str


class DraftAnswer(DraftHeading):
    """目录草稿 with its definition."""

    problem: dict[str, str] | None = Field(description="What still stops it from being handed in")
    events: list[dict[str, Any]]
    definition: dict[str, Any]


class GrantAnswer(Answer):
    """颁证授权."""

    type: str
    department: str
    ended: bool


def moment(text: str | None) -> datetime | None:
    """A checked moment of a body."""
    return parse_moment(text) if text else None
