"""执行任务: take a job, run its handler, write down what became of it.

A job is taken by writing a fresh ticket into its row; whoever is silent for longer than the lease loses it to the next,
and with it the right to make any effect (``JobContext.once`` and ``save`` look at the ticket).
"""

from __future__ import annotations

import importlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from licence_store.jobs.context import LEASE, JobContext, JobLost
from licence_store.jobs.kinds import kind_of, known_kinds
from licence_store.jobs.models import Job
from licence_store.jobs.queue import CANCELLED, DONE, FAILED, RUNNING, WAITING, clear_effects
from trust.errors import LicenceTrustError, Unavailable
from trust.journal import Actor

if TYPE_CHECKING:
    from licence_store.desk import Desk

log = logging.getLogger("licence_trust.jobs")
Handler = Callable[[JobContext, Mapping[str, Any]], Mapping[str, Any]]
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
_OPEN = (WAITING, RUNNING)


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that is ours for as long as we are heard of."""

    context: JobContext
    arguments: Mapping[str, Any]


def take(desk: Desk, job_id: str | None = None, *, long: bool = True) -> Taken | None:
    """The job ``job_id``, or the one that is due first; ``None`` when there is nothing to be had.

    ``long=False`` leaves out kinds that may take hours.
    """
    now = desk.clock()
    due = select(Job).where(Job.state.in_(_OPEN), Job.due <= now, Job.kind.in_(known_kinds(long=long)))
    if job_id is not None:
        due = due.where(Job.id == job_id)
    while True:
        with desk.sessions.begin() as session:
            found = session.execute(due.order_by(Job.due, Job.id).limit(1).with_for_update(skip_locked=True)).scalar()
            if found is None:
                return None
            taken = _begin(desk, session, found, now)
        if taken is not None or job_id is not None:
            return taken


def something_due(desk: Desk, *, long: bool = True) -> bool:
    """Is there anything to take? A mere look."""
    query = select(Job.id).where(Job.state.in_(_OPEN), Job.due <= desk.clock(), Job.kind.in_(known_kinds(long=long)))
    with desk.sessions.read() as session:
        return session.execute(query.limit(1)).first() is not None


def _begin(desk: Desk, session: Session, job: Job, now: datetime) -> Taken | None:
    """Put our ticket on it; a job that was called off, or has cost several workers, ends here."""
    if job.stop_asked:
        _end(session, job, CANCELLED, now)
        return None
    if job.state == RUNNING and job.attempts >= kind_of(job.kind).attempts:
        lost = Unavailable("job.worker_lost", "执行该任务的进程多次异常结束。")
        _end(session, job, FAILED, now, lost)
        return None
    job.state, job.holder, job.due = RUNNING, secrets.token_hex(16), now + LEASE
    job.started, job.attempts = job.started or now, job.attempts + 1
    actor = Actor(job.account, job.department or None, job.address or None, job.channel)
    context = JobContext(desk, job.id, job.kind, actor, job.holder, job.attempts)
    context.position = json.loads(job.position) if job.position else None
    return Taken(context, json.loads(job.arguments))


def run(taken: Taken) -> timedelta | None:
    """Do it and write down the end; answers after how long it is to be taken again, ``None`` for never.

    Never raises for what the handler does.
    """
    context = taken.context
    try:
        outcome = dict(_handler(context.kind)(context, taken.arguments))
        written = json.dumps(outcome, ensure_ascii=False)
    except JobLost:
        return None
    except LicenceTrustError as error:
        return _settle(context, error)
    except Exception:  # a defect in one job must not stop the others
        trace = secrets.token_hex(8)
        log.exception("job %s (%s): trace %s", context.job_id, context.kind, trace)
        fault = Unavailable("internal.fault", "程序内部出错（追踪号 {trace}）", trace=trace)
        return _settle(context, fault, final=True)
    if context.told_to_stop:
        return _settle(context, None)
    return _settle(context, None, written)


def _handler(kind: str) -> Handler:
    module, _, name = kind_of(kind).handler.partition(":")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def _settle(
    context: JobContext, error: LicenceTrustError | None, outcome: str | None = None, *, final: bool = False
) -> timedelta | None:
    """Done, failed, to be tried later, called off, or put back because the worker ends."""
    now = context.desk.clock()
    try:
        with context.desk.sessions.begin() as session:
            job = session.execute(select(Job).where(*context._ours()).with_for_update()).scalar()
            if job is None:
                return None
            for name, value in context.figures.items():
                setattr(job, name, value)
            if outcome is not None:
                job.outcome, job.done = outcome, max(job.done, job.total or 0)
                _end(session, job, DONE, now)
                clear_effects(session, job.id)
            elif job.stop_asked:
                _end(session, job, CANCELLED, now)
            elif error is None:
                _put_back(job, now)
                job.attempts -= 1  # not its fault
                return timedelta(0)
            elif final or not isinstance(error, Unavailable) or job.attempts >= kind_of(job.kind).attempts:
                _end(session, job, FAILED, now, error)
            else:
                pause = pause_after(int(job.attempts))
                _put_back(job, now + pause)
                job.error = written_error(error)
                return pause
            return None
    except LicenceTrustError as fault:
        log.warning("job %s could not be settled: %s", context.job_id, fault.code)
        return LEASE  # nobody renews it: whoever comes after the lease takes it again


def pause_after(attempts: int, first: timedelta = _FIRST_PAUSE, longest: timedelta = _LONGEST_PAUSE) -> timedelta:
    """10 s, 30 s, 90 s … an hour."""
    return min(longest, first * int(3 ** min(attempts - 1, 12)))


def written_error(error: LicenceTrustError) -> str:
    """An error as it is kept; see ``JobError``."""
    params = {name: str(value) for name, value in error.params.items()}
    return json.dumps({"code": error.code, "template": error.template, "params": params}, ensure_ascii=False)


def _put_back(job: Job, due: datetime) -> None:
    job.state, job.holder, job.due = WAITING, "", due


def _end(session: Session, job: Job, state: str, now: datetime, error: LicenceTrustError | None = None) -> None:
    job.state, job.holder, job.finished = state, "", now
    job.error = written_error(error) if error is not None else ""


def renew(desk: Desk, contexts: list[JobContext]) -> None:
    """We are still here: extend the leases, and hear which jobs were called off or lost."""
    now = desk.clock()
    for context in contexts:
        with desk.sessions.begin() as session:
            extend = update(Job).where(*context._ours()).values(due=now + LEASE).returning(Job.stop_asked)
            answer = session.execute(extend).first()
        if answer is None:
            context.lost = True
        elif answer.stop_asked:
            context.ask_to_stop()


def run_due(desk: Desk, limit: int = 1000) -> int:
    """Do what is due here and now, one after another, in this thread; answers how many runs that took."""
    runs = 0
    while runs < limit and (taken := take(desk)) is not None:
        run(taken)
        runs += 1
    return runs
