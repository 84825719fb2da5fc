"""For officers, keepers, approvers and auditors of seals: what is sent and what is answered."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.moments import parse_moment
from api.schemas.common import Answer
from api.seal_office import Given
from seal.records import Basis, NewSeal, Permission
from trust.errors import LicenceTrustError


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not base64") from None
    return text


def _moment(text: str) -> str:
    try:
        parse_moment(text)
    except LicenceTrustError as error:
        raise ValueError(error.message) from None
    return text


Base64 = Annotated[str, AfterValidator(_base64)]
Moment = Annotated[str, AfterValidator(_moment)]


class Asked(BaseModel):
    """A body of ours: only the members named."""

    model_config = ConfigDict(extra="forbid")


class BasisBody(Asked):
    """依据文件."""

    name: str = Field(min_length=1, max_length=200, description="File name")
    data: Base64 = Field(min_length=1, max_length=28 << 20, description="Content, base64")


class ApplyRequest(Asked):
    """印章申请."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "演示省教育厅合同专用章",
                "kind": "contract",
                "basis": {"name": "批复.txt", "data": "5ZCM5oSP"},
            }
        },
    )

    name: str = Field(min_length=1, max_length=128)
    department: str = Field(default="", max_length=32, description="Empty: the account's own")
    kind: str = Field(default="special", max_length=32)
    purpose: str = Field(default="", max_length=200)
    holder_kind: str = Field(default="institution", description="institution, office")
    holder_name: str = Field(default="", max_length=200)
    holder_code: str = Field(default="", max_length=64)
    seal_id: str = Field(default="", max_length=64, description="Only of a seal made elsewhere: its own code")
    reason: str = Field(default="", max_length=500)
    basis: BasisBody | None = None


class StepRequest(Asked):
    """办理一步; a step needs only what the table says."""

    reason: str = Field(default="", max_length=500)
    basis: BasisBody | None = None
    key: str = Field(default="", max_length=64, description="make, import, change_certificate: name of the signer")
    picture: Base64 = Field(default="", description="make, change_face: the impression, PNG in base64")
    size: Annotated[list[int], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="Of the picture: width and height in mm"
    )
    object: Base64 = Field(default="", description="import: the seal object, DER in base64")
    since: Moment | None = Field(default=None, description="report_lost: with effect from (RFC 3339)")
    change: str = Field(default="", max_length=16, description="request: face, certificate or destruction")


class GrantRequest(Asked):
    """用章授权."""

    department: str = Field(default="", max_length=32, description="Empty: the seal's own")
    account: str = Field(default="", max_length=100, description="Empty: every officer of the department")
    types: list[str] = Field(default_factory=lambda: ["*"], min_length=1, max_length=1000)
    daily_limit: int | None = Field(default=None, ge=1, le=10_000_000)
    reason: str = Field(default="", max_length=500)


class ResealRequest(Asked):
    """重新盖章 after a compromise."""

    begin: Moment | None = Field(default=None, alias="from", description="RFC 3339, included")
    end: Moment | None = Field(default=None, alias="to", description="RFC 3339, excluded")
    reason: str = Field(min_length=1, max_length=500)
    limit: int = Field(default=100, ge=1, le=500, description="Most licences to seal anew in this call")


class ReasonRequest(Asked):
    """A reason alone."""

    reason: str = Field(default="", max_length=500)


class Holder(Answer):
    """持章人."""

    kind: str
    name: str
    code: str


class SealLine(Answer):
    """印章 as a list shows it."""

    seal_id: str
    name: str
    kind: str
    purpose: str
    holder: Holder
    department: str
    department_name: str
    state: str = Field(description="APPLIED, APPROVED, MADE, ISSUED, ACTIVE, FROZEN, LOST, CONFISCATED, DESTROYED …")
    object: int | None = Field(description="Number of the present seal object")
    digest: str | None = Field(description="SM3 of its DER, hex")
    key: str | None
    created: str


class SealPage(Answer):
    """Seals by code."""

    items: list[SealLine]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


class ObjectLine(Answer):
    """印章数据."""

    number: int
    digest: str
    key: str
    origin: str
    effective: str
    by: str


class BasisLine(Answer):
    """依据文件: its name and SM3."""

    name: str
    digest: str


class RequestLine(Answer):
    """印章申请 and what became of it."""

    kind: str
    state: str
    reason: str
    basis: BasisLine
    applicant: str
    applied: str
    decided_by: str | None
    decided: str | None
    decision: str


class EventLine(Answer):
    """印章事件."""

    step: str
    state: str
    effective: str
    recorded: str
    by: str
    role: str
    reason: str
    basis: str | None
    object: int | None


class GrantLine(Answer):
    """用章授权."""

    id: str
    account: str | None
    department: str
    types: list[str]
    daily_limit: int | None
    granted: str
    granted_by: str
    ended: str | None


class SealAnswer(SealLine):
    """印章 in full."""

    objects: list[ObjectLine]
    requests: list[RequestLine]
    events: list[EventLine]
    grants: list[GrantLine]


class StepAnswer(SealLine):
    """The seal after a step, and the event that was appended."""

    event: EventLine


class GrantAnswer(Answer):
    """A grant given or ended."""

    seal_id: str
    grant: str
    ended: bool = False


class StandingAnswer(Answer):
    """印章状态 at a moment."""

    seal_id: str
    at: str
    state: str = Field(description="VALID, INACTIVE, FROZEN, LOST, CONFISCATED, DESTROYED, SUPERSEDED, UNREGISTERED")
    since: str | None


class UseLine(Answer):
    """用章台账 line."""

    number: int
    seal_id: str
    object_digest: str
    document: str = Field(description="SM3 of the sealed file, hex")
    subject: str = Field(description="What the document is: a licence id")
    type: str
    officer: str
    department: str
    used: str


class UsePage(Answer):
    """Uses in the order recorded."""

    items: list[UseLine]
    next: str | None


class ResealedLine(Answer):
    """One licence: its next version, or why there is none."""

    licence_id: str
    new_licence_id: str | None = None
    version: int | None = None
    file_digest: str | None = None
    error: dict[str, str] | None = None


class ResealAnswer(Answer):
    """重新盖章."""

    items: list[ResealedLine]
    left: int = Field(description="Affected licences that were not tried in this call: ask again")


class AffectedAnswer(Answer):
    """受影响的证照."""

    items: list[str] = Field(description="Licence ids")
    count: int


def basis(given: BasisBody | None) -> Basis | None:
    """依据文件 as sent."""
    return Basis(given.name, b64decode(given.data)) if given else None


def new_seal(asked: ApplyRequest, department: str) -> NewSeal:
    """拟制印章 as asked for."""
    return NewSeal(
        asked.name,
        asked.department or department,
        asked.kind,
        asked.purpose,
        asked.holder_kind,
        asked.holder_name,
        asked.holder_code,
        asked.seal_id,
    )


def given(asked: StepRequest) -> Given:
    """What comes with a step."""
    return Given(
        reason=asked.reason,
        basis=basis(asked.basis),
        key_name=asked.key,
        picture=b64decode(asked.picture),
        size=(asked.size[0], asked.size[1]) if asked.size else None,
        seal=b64decode(asked.object),
        since=moment(asked.since),
        change=asked.change,
    )


def permission(asked: GrantRequest) -> Permission:
    """拟授予的用章权."""
    return Permission(asked.department, asked.account, asked.types, asked.daily_limit)


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 moment, where there is one."""
    return parse_moment(text) if text else None
