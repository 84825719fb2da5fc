"""任务现场: what a handler is given."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.jobs.models import Job, JobEffect, JobInput
from licence_store.jobs.queue import RUNNING
from trust.errors import Conflict
from trust.journal import Actor

if TYPE_CHECKING:
    from licence_store.desk import Desk

LEASE = timedelta(seconds=30)
"""A worker that has not been heard of for so long is taken to be dead."""
_SHOW_EVERY = 1.0
"""Seconds between two writings of mere progress."""


class JobLost(Conflict):
    """The job is somebody else's by now (this worker was silent for too long): nothing of it may take effect."""

    def __init__(self, job_id: str) -> None:
        super().__init__("job.lost", "任务 {job_id} 已由别的进程接手。", job_id=job_id)


@dataclass(slots=True)
class JobContext:
    """任务现场."""

    desk: Desk
    job_id: str
    kind: str
    actor: Actor
    ticket: str
    """Of this run; see ``Job.holder``."""
    attempt: int
    """From 1."""
    position: Any = None
    """What ``save`` was given last, in this run or one before it; ``None`` at the very beginning."""
    told_to_stop: bool = False
    """The handler has been told; what it returns then is no outcome."""
    lost: bool = False
    _stop: bool = False
    _figures: dict[str, int | None] = field(default_factory=dict)
    _shown: float = 0.0

    def progress(self, done: int, total: int | None = None, failed: int = 0) -> None:
        """So far, for people to see; written down once a second at most, and at the end."""
        self._figures = {"done": done, "failed": failed}
        if total is not None:
            self._figures["total"] = total
        if time.monotonic() - self._shown >= _SHOW_EVERY:
            with self.desk.sessions.begin() as session:
                self._note(session, {})
            self._shown = time.monotonic()

    def stopped(self) -> bool:
        """Come back now: the job was called off, or the worker is to end. What was saved is gone on with later."""
        self.told_to_stop = self.told_to_stop or self._stop or self.lost
        return self.told_to_stop

    def once(self, session: Session, key: str) -> bool:
        """True exactly once for a key of this job, however often it runs: the effect belongs into ``session``.

        Raises ``JobLost`` when the job is no longer ours.
        """
        held = select(Job.id).where(*self._ours()).with_for_update(read=True)
        if session.execute(held).scalar() is None:
            raise self._gone()
        dialect = sqlite if self.desk.sessions.dialect == "sqlite" else postgresql
        taken = dialect.insert(JobEffect).values(job_id=self.job_id, key=key[:200])
        answer = session.execute(taken.on_conflict_do_nothing().returning(JobEffect.key)).first()
        return answer is not None

    def save(self, session: Session, position: Any) -> None:
        """Go on from here after an interruption: in the transaction of what was done up to here.

        Raises ``JobLost`` when the job is no longer ours.
        """
        self._note(session, {"position": json.dumps(position, ensure_ascii=False)})
        self.position = position

    def content(self) -> Iterator[bytes]:
        """What was uploaded with the job, piece by piece."""
        number = 0
        while True:
            query = select(JobInput.data).where(JobInput.job_id == self.job_id, JobInput.number == number)
            with self.desk.sessions.read() as session:
                piece = session.execute(query).scalar()
            if piece is None:
                return
            yield piece
            number += 1

    # For the runner

    def ask_to_stop(self) -> None:
        self._stop = True

    @property
    def figures(self) -> dict[str, int | None]:
        """Progress as last said."""
        return self._figures

    def _ours(self) -> tuple[ColumnElement[bool], ...]:
        return Job.id == self.job_id, Job.holder == self.ticket, Job.state == RUNNING

    def _note(self, session: Session, values: dict[str, Any]) -> None:
        changed = update(Job).where(*self._ours()).values(**values, **self._figures)
        if session.execute(changed).rowcount != 1:  # type: ignore[attr-defined]
            raise self._gone()

    def _gone(self) -> JobLost:
        self.lost = True
        return JobLost(self.job_id)
