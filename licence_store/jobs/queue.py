"""任务队列: take work down, look at it, call it off, have it done again.

    with desk.sessions.begin() as session:
        ...                                                     # what the work is about
        desk.jobs.enqueue(session, "expiry-sweep", {}, actor=actor)

``enqueue`` is part of the caller's transaction on both engines: what is rolled back was never asked for.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any

from sqlalchemy import delete, event, false, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.jobs.kinds import JobKind, kind_of
from licence_store.jobs.models import Job, JobEffect, JobInput, JobResult
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, fill
from trust.journal import Actor, Entry

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
STATES = (WAITING, RUNNING, DONE, FAILED, CANCELLED)
_LATELY = timedelta(days=1)
_PIECE = 1 << 18
"""Input is kept in pieces of so many octets."""


@dataclass(frozen=True, slots=True)
class JobError:
    """What went wrong, in a form that any language can be made from."""

    code: str
    template: str
    params: Mapping[str, str]

    @classmethod
    def load(cls, text: str) -> JobError | None:
        said = json.loads(text) if text else None
        return cls(said["code"], said["template"], said["params"]) if said else None

    def message(self, translate: Callable[[str], str] = str) -> str:
        return fill(translate(self.template), self.params)


@dataclass(frozen=True, slots=True)
class JobView:
    """任务 as it stands."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    state: str
    actor: Actor
    enqueued: datetime
    due: datetime
    started: datetime | None
    finished: datetime | None
    attempts: int
    stop_asked: bool
    done: int
    total: int | None
    failed: int
    outcome: Mapping[str, Any]
    error: JobError | None

    @property
    def over(self) -> bool:
        """Nothing more happens by itself."""
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def percent(self) -> int | None:
        """How far it has come; ``None`` where nobody knows how much there is."""
        if self.state == DONE:
            return 100
        return min(100, self.done * 100 // self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class ResultLine:
    """任务结果 of one record."""

    number: int
    made: Mapping[str, Any] | None
    error: JobError | None


@dataclass(frozen=True, slots=True)
class QueueState:
    """队列现状."""

    counts: Mapping[str, int]
    """Jobs by state."""
    oldest_due: datetime | None
    """Since when the job that should have begun first has been waiting; ``None``: none is late."""
    failed_lately: int
    """Given up within a day."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """任务队列."""

    sessions: Sessions
    clock: Callable[[], datetime]
    bell: Event = field(default_factory=Event, repr=False, compare=False)
    """Rung when something was taken down in this process."""

    def enqueue(
        self,
        session: Session,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        actor: Actor,
        key: str = "",
        not_before: datetime | None = None,
        content: bytes = b"",
    ) -> str:
        """Take a job down in the caller's transaction; answers its id.

        The same kind and ``key`` again is the job there is. ``content`` is kept with the job, see
        ``JobContext.content``. Raises ``NotFound("job.kind_unknown")``, ``Malformed("job.arguments")``.
        """
        known, now = kind_of(kind), self.clock()
        row = _row(known, _written(arguments), actor, key, now, max(not_before or now, now))
        dialect = sqlite if self.sessions.dialect == "sqlite" else postgresql
        taken = dialect.insert(Job).values(row).on_conflict_do_nothing().returning(Job.id)
        job_id = session.execute(taken).scalar()
        if job_id is None:
            there = select(Job.id).where(Job.kind == kind, Job.key == key[:200])
            return str(session.execute(there).scalar_one())
        if content:
            pieces = [content[at : at + _PIECE] for at in range(0, len(content), _PIECE)]
            session.execute(
                insert(JobInput), [{"job_id": job_id, "number": n, "data": one} for n, one in enumerate(pieces)]
            )
        self.announce(session, [(job_id, known)], row["due"] - now)
        return str(job_id)

    def announce(self, session: Session, jobs: Sequence[tuple[str, JobKind]], delay: timedelta | None = None) -> None:
        """Tell the workers, once the transaction is through."""
        if self.sessions.dialect == "postgresql":
            from licence_store.jobs.postgresql import send

            send(session, jobs, delay)
        event.listen(session, "after_commit", lambda _session: self.bell.set(), once=True)

    # Looking

    def get(self, job_id: str) -> JobView:
        """Raises ``NotFound("job.unknown")``."""
        with self.sessions.read() as session:
            found = session.get(Job, job_id)
        if found is None:
            raise _unknown(job_id)
        return view(found)

    def list(
        self,
        *,
        state: str = "",
        kind: str = "",
        account: str = "",
        department: str = "",
        before: str = "",
        limit: int = 50,
    ) -> tuple[JobView, ...]:
        """Jobs, the newest first; ``before`` is the last id of the page before.

        ``account`` and ``department`` narrow it to what either of them asked for.
        """
        query = select(Job).order_by(Job.id.desc()).limit(limit)
        if state:
            query = query.where(Job.state == state)
        if kind:
            query = query.where(Job.kind == kind)
        if account or department:
            own = Job.department == department if department else false()
            query = query.where(own | (Job.account == account) if account else own)
        if before:
            query = query.where(Job.id < before)
        with self.sessions.read() as session:
            return tuple(view(one) for one in session.execute(query).scalars())

    def outcome(self, job_id: str) -> Mapping[str, Any] | None:
        """What a job answered, ``None`` while it has not. Raises ``NotFound("job.unknown")``."""
        found = self.get(job_id)
        return found.outcome if found.state == DONE else None

    def results(
        self, job_id: str, *, after: int = 0, failed_only: bool = False, limit: int = 1000
    ) -> tuple[ResultLine, ...]:
        """What became of the records after number ``after``, in their order."""
        query = select(JobResult).where(JobResult.job_id == job_id, JobResult.number > after)
        if failed_only:
            query = query.where(JobResult.failed)
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(JobResult.number).limit(limit)).scalars()
            return tuple(_line(one) for one in rows)

    def all_results(self, job_id: str, after: int = 0) -> Iterator[ResultLine]:
        """Every record's behind number ``after``, a page in memory at a time."""
        while page := self.results(job_id, after=after):
            yield from page
            after = page[-1].number

    def state(self) -> QueueState:
        """队列现状, for readiness and figures."""
        now = self.clock()
        with self.sessions.read() as session:
            counts = session.execute(select(Job.state, func.count().label("number")).group_by(Job.state)).all()
            late = select(func.min(Job.due)).where(Job.state.in_((WAITING, RUNNING)), Job.due <= now)
            oldest = session.execute(late).scalar()
            given_up = select(func.count()).where(Job.state == FAILED, Job.finished > now - _LATELY)
            failed = session.execute(given_up).scalar_one()
        return QueueState({row.state: row.number for row in counts}, oldest, failed)

    # Changing

    def cancel(self, job_id: str, actor: Actor) -> JobView:
        """取消: a waiting job ends at once, a running one when it next looks.

        Raises ``NotFound("job.unknown")``, ``Conflict("job.over")``.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            job = _locked(session, job_id)
            if job.state == WAITING:
                job.state, job.finished = CANCELLED, now
            elif job.state == RUNNING:
                job.stop_asked = True
            else:
                raise Conflict("job.over", "任务 {job_id} 已结束，不能取消。", job_id=job_id)
            session.flush()
            journal.append(session, [Entry(now, actor, "job.cancel", job_id, details={"kind": job.kind})])
            return view(job)

    def retry(self, job_id: str, actor: Actor) -> JobView:
        """重做: a job that failed or was called off waits again, and goes on where it stopped.

        Raises ``NotFound("job.unknown")``, ``Conflict("job.not_failed")``.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            job = _locked(session, job_id)
            if job.state not in (FAILED, CANCELLED):
                raise Conflict("job.not_failed", "任务 {job_id} 没有失败或取消，不需重做。", job_id=job_id)
            job.state, job.due, job.finished, job.attempts = WAITING, now, None, 0
            job.stop_asked, job.error = False, ""
            session.flush()
            self.announce(session, [(job_id, kind_of(job.kind))])
            journal.append(session, [Entry(now, actor, "job.retry", job_id, details={"kind": job.kind})])
            return view(job)


def view(job: Job) -> JobView:
    """The row as others may keep it."""
    return JobView(
        job.id,
        job.kind,
        json.loads(job.arguments),
        job.state,
        Actor(job.account, job.department or None, job.address or None, job.channel),
        job.enqueued,
        job.due,
        job.started,
        job.finished,
        job.attempts,
        job.stop_asked,
        job.done,
        job.total,
        job.failed,
        json.loads(job.outcome or "{}"),
        JobError.load(job.error),
    )


def clear_effects(session: Session, job_id: str) -> None:
    """The job is done for good: its keys are not asked for again."""
    session.execute(delete(JobEffect).where(JobEffect.job_id == job_id))


def _row(kind: JobKind, arguments: str, actor: Actor, key: str, now: datetime, due: datetime) -> dict[str, Any]:
    return {
        "id": f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}",
        "kind": kind.name,
        "key": key[:200],
        "arguments": arguments,
        "state": WAITING,
        "account": actor.account[:100],
        "department": (actor.department or "")[:32],
        "address": (actor.address or "")[:100],
        "channel": actor.channel[:16],
        "enqueued": now,
        "due": due,
        "attempts": 0,
        "holder": "",
        "stop_asked": False,
        "done": 0,
        "failed": 0,
        "position": "",
        "outcome": "",
        "error": "",
    }


def _written(arguments: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(arguments), ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Malformed("job.arguments", "任务的参数应为 JSON 对象。") from error


def _locked(session: Session, job_id: str) -> Job:
    found = session.execute(select(Job).where(Job.id == job_id).with_for_update()).scalar()
    if found is None:
        raise _unknown(job_id)
    return found


def _unknown(job_id: str) -> NotFound:
    return NotFound("job.unknown", "没有任务 {job_id}。", job_id=job_id[:32])


def _line(row: JobResult) -> ResultLine:
    if row.failed:
        return ResultLine(row.number, None, JobError.load(row.content))
    return ResultLine(row.number, json.loads(row.content), None)


def forget(session: Session, before: datetime, *, account: str = "", state: str = "", limit: int = 500) -> int:
    """Drop jobs that ended before ``before``, with their input and results; answers how many."""
    old = select(Job.id).where(Job.finished < before).order_by(Job.finished).limit(limit)
    if account:
        old = old.where(Job.account == account)
    if state:
        old = old.where(Job.state == state)
    ids = session.execute(old).scalars().all()
    session.execute(delete(Job).where(Job.id.in_(ids)))
    return len(ids)
