"""For departments' systems: issuing and fetching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Answer

if TYPE_CHECKING:
    from licence_store.register import LicenceView
    from licence_store.reserving import IssuedLicence


class CaseBody(BaseModel):
    """办件关联."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=200, description="Case number (办件编号)")
    service_item: str = Field(default="", max_length=200, description="Service item (事项)")
    result_document: str = Field(default="", max_length=200, description="Result document (结果文书)")
    valid_until: str = Field(default="", max_length=10, description="Last day of the result, `YYYY-MM-DD`; empty: none")


class PaperBody(BaseModel):
    """纸质证照."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=60, description="Number of the pre-printed form")
    printed: str = Field(default="", max_length=40, description="When it was printed, RFC 3339; empty: not said")


class IssueRequest(BaseModel):
    """签发申请: one record of one type."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "type": "teacher-certificate",
                "record_id": "2026-000123",
                "record": {"name": "林望舒", "…": "see GET /api/v1/types/teacher-certificate"},
            }
        },
    )

    type: str = Field(min_length=1, max_length=80, description="Code, slug or name of the licence type")
    record: dict[str, object] = Field(description="Face fields by name, values as strings")
    case: CaseBody | None = Field(default=None, description="The case the licence is the result of; sealed with it")
    paper: PaperBody | None = Field(default=None, description="The paper licence issued together with it")
    record_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="Your own reference: the same one never issues twice"
    )
    format: Literal["ofd", "pdf", "both"] = Field(default="ofd", description="In which file formats")


    @property
    def whole_record(self) -> dict[str, object]:
        """The record with its reserved members."""
        members = {"case": self.case, "paper": self.paper}
        return {**self.record, **{name: one.model_dump() for name, one in members.items() if one is not None}}


class IssuedAnswer(Answer):
    """签发结果."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "licence_id": "1.2.156.3005.2.11990000MB0D000292001.11990000MB0D000292.3XZGMYG9TNXTNF714UCB.001.N",
                "licence_number": "20269900000000001",
                "version": 1,
                "file_digest": "c09f6c0e2e578f7d737e9d4ac9eaa5d818838aa3f5b94c2e2231d725c908cf42",
                "files": {"ofd": "c09f6c0e2e578f7d737e9d4ac9eaa5d818838aa3f5b94c2e2231d725c908cf42"},
                "created": True,
            }
        },
    )

    licence_id: str
    licence_number: str
    version: int
    file_digest: str = Field(description="SM3 of the OFD file, hex")
    files: dict[str, str] = Field(default_factory=dict, description="SM3 of each file, by format")
    created: bool = Field(description="false: this record had been issued before")


class FaceAnswer(Answer):
    """One face field as it was sealed."""

    name: str
    title: str
    value: str


class LicenceAnswer(Answer):
    """证照: the register's view of one licence."""

    licence_id: str
    licence_number: str
    version: int
    type_code: str
    type_name: str
    state: str
    holder_name: str
    holder_code: str
    issuer_name: str
    issued_on: str
    valid_from: str
    valid_to: str = Field(description="Last valid day; empty: long-term")
    file_digest: str
    face: list[FaceAnswer]
    case: CaseBody | None = Field(description="The case it is the result of, as it was sealed")


class TypeLine(Answer):
    """证照类型."""

    code: str
    slug: str
    name: str
    name_en: str


class TypeAnswer(TypeLine):
    """证照类型 with the schema of its face fields (JSON Schema 2020-12)."""

    schema_: dict[str, object] = Field(serialization_alias="schema")


def issued(one: IssuedLicence, files: Mapping[str, str]) -> dict[str, object]:
    """The answer to an issue; ``files`` by format."""
    return IssuedAnswer(
        files=dict(files),
        licence_id=one.licence_id,
        licence_number=one.licence_number,
        version=one.version,
        file_digest=one.file_digest,
        created=one.created,
    ).model_dump()


def licence(view: LicenceView) -> LicenceAnswer:
    """A licence in full."""
    one = view.summary
    return LicenceAnswer(
        licence_id=one.licence_id,
        licence_number=one.licence_number,
        version=one.version,
        type_code=one.type_code,
        type_name=one.type_name,
        state=one.state,
        holder_name=one.holder_name,
        holder_code=one.holder_code,
        issuer_name=one.issuer_name,
        issued_on=one.issued_on,
        valid_from=one.valid_from,
        valid_to=one.valid_to,
        file_digest=view.file_digest,
        face=[FaceAnswer(name=v.name, title=v.title, value=v.value) for v in view.message.face],
        case=case_of(view),
    )


def case_of(view: LicenceView) -> CaseBody | None:
    """The case a licence is the result of."""
    case = view.message.case
    if case is None:
        return None
    return CaseBody(
        number=case.case_number,
        service_item=case.service_item,
        result_document=case.result_document,
        valid_until=case.result_valid_until,
    )
