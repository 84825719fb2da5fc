"""For staff and auditors: interface tokens and the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer
from verify.report import rfc3339

if TYPE_CHECKING:
    from api.wiring import CreatedToken
    from licence_store.models import JournalEntry


class TokenRequest(BaseModel):
    """令牌申请."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"label": "school system", "scopes": ["issue"], "types": ["teacher-certificate"]}
        },
    )

    label: str = Field(min_length=1, max_length=100, description="Which system it is for")
    scopes: list[str] = Field(
        min_length=1, max_length=10, description="issue, read, search, types, journal, seals, trust"
    )
    departments: list[str] = Field(default_factory=list, max_length=100, description="Empty: the account's own")
    types: list[str] = Field(default_factory=list, max_length=100, description="Code, slug or name; empty: all")
    days: int = Field(default=90, ge=1, le=365)


class TokenAnswer(Answer):
    """接口令牌; the secret is in the first answer only."""

    id: str
    token: str | None
    scopes: list[str]
    departments: list[str]
    types: list[str]


class JournalLine(Answer):
    """留痕条目."""

    seq: int
    at: str
    actor: str
    department: str
    address: str
    channel: str
    action: str
    subject: str
    reason: str
    result: str
    digest: str


class JournalPage(Answer):
    """Entries, newest first."""

    items: list[JournalLine]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


def token(made: CreatedToken) -> dict[str, object]:
    """The answer to a token request."""
    return TokenAnswer(
        id=made.id,
        token=made.secret,
        scopes=list(made.scopes),
        departments=list(made.departments),
        types=list(made.types),
    ).model_dump()


def entry(one: JournalEntry) -> JournalLine:
    """An entry as it is shown."""
    return JournalLine(
        seq=one.seq,
        at=rfc3339(one.at),
        actor=one.actor,
        department=one.department,
        address=one.address,
        channel=one.channel,
        action=one.action,
        subject=one.subject,
        reason=one.reason,
        result=one.result,
        digest=one.digest,
    )
