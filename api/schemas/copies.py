"""For holders' portals and for systems that accept copies: what is sent and answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.common import Answer
from api.schemas.seals import Asked

Word = Annotated[str, Field(max_length=400)]
Recipient = Annotated[str, Field(max_length=400, description="Name of the body; a department's token accepts for it")]


class CopyRequestBody(Asked):
    """用证副本: of what, for whom, what for, until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "item": "1.2.156.3005.2.11990000MB0D000292001.11990000MB0D000292.00000000000000000001.001.X",
                "recipient": "演示省住房公积金中心",
                "purpose": "提取住房公积金",
                "until": "2027-01-31",
                "uses": 1,
                "masked": ["id_number"],
            }
        },
    )

    item: str = Field(min_length=1, max_length=200, description="Id of a licence or of a material")
    recipient: Word
    purpose: Word
    until: str = Field(max_length=40, description="A day (good to its end, Beijing time) or an RFC 3339 moment")
    service_item: Word = ""
    case_number: Word = ""
    uses: int = Field(default=0, ge=0, le=1000, description="Acceptances it is good for; 0: not limited")
    masked: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=256, description="Names of face fields not to be shown"
    )
    form: Literal["ofd", "pdf"] = "ofd"


class RevocationRequest(Asked):
    """收回."""

    reason: str = Field(default="", max_length=600)


class LinkRequest(Asked):
    """一次性链接."""

    minutes: int = Field(default=1440, ge=1, le=7 * 24 * 60)


class _Stated(Asked):
    purpose: Word
    case_number: Word = ""
    recipient: Recipient = ""
    service_item: Word = ""


class AcceptanceRequest(_Stated):
    """采用: counts one use."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"purpose": "提取住房公积金", "case_number": "2027-0001", "digest": "9f…"}},
    )

    original_seen: bool = Field(default=False, description="The original was held beside it, where that is needed")
    digest: str = Field(
        default="", max_length=64, description="SM3 of the file that was verified, hex; another file is refused"
    )


class RefusalRequest(_Stated):
    """不予采用: counts nothing."""

    reason: str = Field(min_length=1, max_length=600)


class OriginalAnswer(Answer):
    """原件."""

    kind: str
    id: str
    title: str
    type_code: str


class CopyForSystems(Answer):
    """副本 as a system sees it that may accept it."""

    copy_id: str
    state: str = Field(description="`ACTIVE`, `REVOKED`, `USED_UP`, `EXPIRED`")
    title: str
    level: str
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    until: str
    last_day: str
    uses: int
    used: int
    left: int | None
    original_check: bool
    form: str
    digest: str
    revoked: str | None
    original_in_force: bool = Field(description="Is what it was made of still good? If not, it is not accepted")


class CopyAnswer(Answer):
    """用证副本 as its holder sees it."""

    copy_id: str
    state: str
    original: OriginalAnswer
    level: str
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    until: str = Field(description="The moment from which it is over")
    last_day: str
    uses: int
    used: int
    left: int | None
    original_check: bool
    masked: list[str]
    form: str
    digest: str
    size: int
    made: str
    revoked: str | None
    reason: str


class AcceptanceAnswer(Answer):
    """采用 as recorded."""

    copy_id: str
    number: int
    left: int | None
    at: str
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    original_seen: bool
    digest: str


class RefusalAnswer(Answer):
    """不予采用 as recorded."""

    copy_id: str
    at: str
    recipient: str
    purpose: str
    case_number: str
    code: str
    reason: str


class LinkAnswer(Answer):
    """一次性链接 on record."""

    id: str
    state: str
    made: str
    expires: str


class MadeLinkAnswer(Answer):
    """A new link; `url` is told once and never again."""

    id: str
    copy_id: str
    url: str | None
    expires: str


class CopyHistoryAnswer(CopyAnswer):
    """With what became of it, newest first."""

    original_in_force: bool

    acceptances: list[AcceptanceAnswer]
    refusals: list[RefusalAnswer]
    links: list[LinkAnswer]


class CopyPage(Answer):
    """副本, newest first."""

    items: list[CopyAnswer]
    next: str | None
