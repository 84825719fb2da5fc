"""For holders' portals and for windows: materials, as they are sent and answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.common import Answer
from api.schemas.seals import Asked, Base64

Line = Annotated[str, Field(max_length=200)]


class MaterialRequest(Asked):
    """An upload that becomes a material."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "upload": "u-0123456789abcdef0123456789abcdef",
                "kind": "licence_scan",
                "title": "教师资格证书",
                "type": "teacher-certificate",
            }
        },
    )

    upload: str = Field(min_length=1, max_length=64, description="Id of an upload of the same holder and kind")
    kind: str = Field(max_length=40, description="`licence_scan`, `third_party_report`, `self_made`")
    title: Line
    type: str = Field(default="", max_length=80, description="Code, slug or name of a licence type")
    number: str = Field(default="", max_length=100, description="Number of the licence, as it stands on it")
    case_number: str = Field(default="", max_length=100)
    department: str = Field(default="", max_length=32, description="Whose window it is for; empty: of its type")


class ReplacementRequest(Asked):
    """替换."""

    upload: str = Field(min_length=1, max_length=64)


class BetterRequest(Asked):
    """更可信的原件."""

    act: Literal["look", "take", "decline"] = "look"


class AspectBody(Asked):
    """核对项."""

    aspect: str = Field(max_length=300)
    upload: str = Field(max_length=300, description="What the upload says")
    original: str = Field(max_length=300, description="What the original says")


class CheckRequest(Asked):
    """核验为 B."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "compared": [{"aspect": "证书编号", "upload": "20269900000000001", "original": "20269900000000001"}],
                "original_seen": True,
                "reason": "与原件核对无误",
                "valid_until": "",
            }
        },
    )

    compared: list[AspectBody] = Field(max_length=100)
    original_seen: bool = Field(description="The officer has had the original before them")
    reason: str = Field(max_length=500)
    valid_until: str = Field(default="", max_length=10, description="Last day of the original; empty: it names none")


class ScanRequest(CheckRequest):
    """窗口扫描件: scanned and compared at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={})

    holder_code: str = Field(min_length=1, max_length=64)
    title: Line
    type: str = Field(default="", max_length=80)
    number: str = Field(default="", max_length=100)
    name: str = Field(default="scan", max_length=200, description="File name")
    data: Base64 = Field(min_length=1, max_length=72 << 20, description="Content, base64")


class RefusalRequest(Asked):
    """退回."""

    reason: str = Field(max_length=40, description="A code of `/credibility-rules`")
    words: str = Field(default="", max_length=500)


class ReceivingRequest(Asked):
    """接件."""

    subject: str = Field(default="", max_length=200, description="Id of a material or licence; empty: on paper")
    title: Line = ""
    received: Literal["", "paper", "attachment", "repository"] = ""
    holder_code: str = Field(default="", max_length=64, description="Whose it is; lets any window take it in hand")
    service_item: Line = ""


class CheckedAnswer(Answer):
    """核验."""

    department: str
    officer: str
    on: str = Field(description="By the time stamp")
    valid_until: str | None


class RefusedAnswer(Answer):
    """退回理由."""

    code: str
    title: str
    next: str = Field(description="What the holder must do")


class MaterialAnswer(Answer):
    """材料."""

    id: str
    holder: str = Field(description="In full only to the holder")
    kind: str
    kind_title: str
    title: str
    level: str = Field(description="可信等级 A to D, worked out of signed events")
    original_check_required: bool
    usable: str = Field(description="`directly`, `after_check`, `no`")
    state: str = Field(description="`active`, `replaced`, `refused`, `deleted`; of a licence also `ended`")
    origin: str = Field(description="`holder`, `window`, `register`")
    digest: str = Field(description="SM3 of the content, hex")
    media_type: str
    size: int
    pages: int
    created: str
    type_code: str
    stated_number: str
    case_number: str
    better: str | None = Field(description="Licence id of the original offered instead, or that took its place")
    checked: CheckedAnswer | None
    refusal: RefusedAnswer | None
    problems: list[str] = Field(description="What is wrong with its evidence")


class MaterialList(Answer):
    """One page of materials."""

    items: list[MaterialAnswer]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


class BetterCopyAnswer(Answer):
    """更可信的原件."""

    licence_id: str
    how: str = Field(description="`file`, `message`, `code`, `number`, `seal`, `type`")
    is_original: bool = Field(description="The upload is the sealed original itself")


class BetterAnswer(Answer):
    """What was found."""

    better: BetterCopyAnswer | None


class MaterialEventAnswer(Answer):
    """材料经过."""

    number: int
    step: str
    at: str
    by: str
    role: str
    department: str | None
    reason: str
    details: dict[str, str]
    signed: bool


class MaterialHistory(Answer):
    """材料经过, oldest first."""

    items: list[MaterialEventAnswer]


class CaseMaterialAnswer(Answer):
    """办件材料."""

    case_number: str
    subject: str | None
    title: str
    received: str = Field(description="收取方式: `paper`, `attachment`, `repository`")
    holder: str | None
    service_item: str | None
    by: str
    department: str | None
    recorded: str


class CaseMaterialList(Answer):
    """办件材料, in the order received."""

    items: list[CaseMaterialAnswer]
