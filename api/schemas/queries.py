"""For systems that ask: search, changes, true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.common import Answer
from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.changes import Change, ChangePage
    from licence_store.comparing import Comparison
    from licence_store.views import LicenceSummary

Value = Annotated[str, Field(max_length=4000)]
FIELDS: Final[dict[str, JsonValue]] = {"holder_name": "林望舒", "valid_to": "2031-11-21"}


class LicenceLine(Answer):
    """A licence in a list."""

    licence_id: str
    licence_number: str
    version: int
    type_code: str
    state: str
    since: str = Field(description="Since when it is in this state")
    holder_name: str
    issued_on: str
    valid_to: str = Field(description="Last valid day; empty: long-term")
    issued_at: str


class LicencePage(Answer):
    """One page of a list. A page may be short, or even empty, and not the last: only `next` says whether it is."""

    items: list[LicenceLine]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


class ChangeLine(Answer):
    """变更: one event. Names no person."""

    licence_id: str = Field(description="The version it made, or the newest then")
    version: int
    type_code: str
    department: str
    change: str = Field(description="`issue`, `revise`, `suspend`, `expire`, `revoke` …")
    state: str = Field(description="From `effective` on")
    tombstone: bool = Field(description="The licence has come to its end: let go of what was kept of it")
    effective: str
    recorded: str


class ChangesPage(Answer):
    """Changes in order."""

    items: list[ChangeLine]
    next: str = Field(description="Cursor to go on from, now or later; always given")
    more: bool = Field(description="There is more to be had at once")


class CheckRequest(BaseModel):
    """真伪核对: values to be compared with what a licence says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"fields": FIELDS}})

    fields: dict[str, Value] = Field(
        min_length=1, max_length=64, description="Field of the type's schema or common fact, and the value to compare"
    )


class HolderCheckRequest(CheckRequest):
    """真伪核对 by holder and type."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"type": "teacher-certificate", "holder_code": "110101199003070011", "fields": FIELDS}
        },
    )

    type: str = Field(min_length=1, max_length=80, description="Code, slug or name of the licence type")
    holder_code: str = Field(min_length=1, max_length=64)


class CheckAnswer(Answer):
    """Yes or no, and nothing else."""

    current: bool = Field(description="There is such a licence, and others may rely on it now; if not, nothing holds")
    holds: dict[str, bool]
    all: bool


class ManyChecksRequest(BaseModel):
    """真伪核对 of many at once."""

    model_config = ConfigDict(extra="forbid")

    items: list[HolderCheckRequest] = Field(min_length=1, max_length=100)


class ManyChecksAnswer(Answer):
    """In the order asked."""

    items: list[CheckAnswer]


def line(one: LicenceSummary) -> LicenceLine:
    """A licence in a list."""
    return LicenceLine(
        licence_id=one.licence_id,
        licence_number=one.licence_number,
        version=one.version,
        type_code=one.type_code,
        state=one.state,
        since=rfc3339(one.since),
        holder_name=one.holder_name,
        issued_on=one.issued_on,
        valid_to=one.valid_to,
        issued_at=rfc3339(one.issued),
    )


def change(one: Change) -> ChangeLine:
    """A change in the feed."""
    return ChangeLine(
        licence_id=one.licence_id,
        version=one.version,
        type_code=one.type_code,
        department=one.department_id,
        change=one.kind,
        state=one.state,
        tombstone=one.tombstone,
        effective=rfc3339(one.effective),
        recorded=rfc3339(one.recorded),
    )


def changes(page: ChangePage, following: str) -> ChangesPage:
    """A page of the feed."""
    return ChangesPage(items=[change(one) for one in page.items], next=following, more=page.more)


def checked(one: Comparison) -> CheckAnswer:
    """The answer to a comparison."""
    return CheckAnswer(current=one.current, holds=dict(one.holds), all=one.all_hold)
