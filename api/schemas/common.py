"""问题说明 and other shapes every audience meets."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An answer of ours: only the fields named."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    code: str = ""
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:licence-trust:problem:record.missing_field",
                "title": "提交的数据有误",
                "status": 422,
                "detail": "缺少必填字段“名称”（name）。",
                "code": "record.missing_field",
                "remedy": "请按说明修改所提交的数据后重试。",
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    type: str = Field(description="URN of the problem; ends in the code")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable code, `area.what`")
    remedy: str = Field(description="What the caller can do")
    trace_id: str
    errors: list[FieldProblem] = Field(default_factory=list, description="The fields that are wrong, if any")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for OpenAPI."""
    named = {400: "Bad request", 401: "No valid token", 403: "Refused", 404: "Not found", 406: "Not acceptable",
             409: "Conflict", 413: "Too large", 415: "Unsupported media type", 422: "Invalid", 429: "Too many requests",
             503: "Unavailable"}  # fmt: skip
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {status: {"description": named[status], "content": content} for status in statuses}
