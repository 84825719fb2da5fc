"""任务的表: what is to be done, how far it has come, what became of it.

The row in ``job`` is the truth on both engines; the queue of PostgreSQL (pgqueuer) only carries its id to a worker.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base

_JOB_ID = String(32)
_KEYED, _OPEN = text("key <> ''"), text("state IN ('waiting', 'running')")


class Job(Base):
    """任务."""

    __tablename__ = "job"
    __table_args__ = (
        Index("uq_job_kind_key", "kind", "key", unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED),
        Index("ix_job_open", "due", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_job_state_id", "state", "id"),
        Index("ix_job_account_id", "account", "id"),
    )

    id: Mapped[str] = mapped_column(_JOB_ID, primary_key=True)
    """Begins with the moment it was taken down, so that ids are in that order."""
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    """Same kind and same key: the same job. Empty: a job of its own."""
    arguments: Mapped[str] = mapped_column(Text)
    """JSON object."""
    state: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(100))
    """Who asked, with the next three: the actor its acts are written down for."""
    department: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(16))
    enqueued: Mapped[datetime]
    due: Mapped[datetime]
    """Waiting: not before this. Running: whoever has it must say by then that it still lives."""
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int]
    holder: Mapped[str] = mapped_column(String(64))
    """The worker's ticket while it runs; an effect is only made under the ticket that is valid."""
    stop_asked: Mapped[bool]
    done: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[str] = mapped_column(Text)
    """JSON: where to go on after an interruption."""
    outcome: Mapped[str] = mapped_column(Text)
    """JSON object, once done."""
    error: Mapped[str] = mapped_column(Text)
    """JSON ``{"code", "template", "params"}`` of what went wrong last; empty: nothing."""


class JobEffect(Base):
    """已生效: a key written together with the effect it stands for; kept until the job is done."""

    __tablename__ = "job_effect"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)


class JobInput(Base):
    """任务输入: what was uploaded for a job, in pieces; kept here so that any worker has it, and gone with the job."""

    __tablename__ = "job_input"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class JobResult(Base):
    """任务结果: what became of one record of a job's input."""

    __tablename__ = "job_result"
    __table_args__ = (
        Index("ix_job_result_failed", "job_id", "number", sqlite_where=text("failed"), postgresql_where=text("failed")),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    failed: Mapped[bool]
    content: Mapped[str] = mapped_column(Text)
    """JSON: what was made, or ``{"code", "template", "params"}``."""


class JobSchedule(Base):
    """定时: the newest period of each name that somebody has taken."""

    __tablename__ = "job_schedule"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    period: Mapped[datetime]
    """When it began."""
    taken: Mapped[datetime]
