"""任务 over HTTP."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas.common import Answer


class JobError(Answer):
    """Why a job, or one of its records, failed."""

    code: str
    message: str


class JobProgress(Answer):
    """How far it has come."""

    done: int
    total: int | None = Field(description="Not known before the input has been counted")
    failed: int


class JobAnswer(Answer):
    """One job."""

    job_id: str
    kind: str = Field(description="e.g. `issue-file`")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    account: str
    department: str | None
    enqueued: str
    due: str | None = Field(description="While waiting: not before this")
    started: str | None
    finished: str | None
    attempts: int
    stop_asked: bool = Field(description="Cancelled, but still running")
    progress: JobProgress
    outcome: dict[str, Any] | None = Field(description="`issue-file`: `records`, `issued`, `failed`")
    error: JobError | None = Field(description="What went wrong last; a waiting job is tried again")


class JobPage(Answer):
    """Jobs, the newest first."""

    items: list[JobAnswer]
    next: str | None
