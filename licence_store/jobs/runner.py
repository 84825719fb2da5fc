"""任务执行器: threads that do what is due, say that they live, and begin what is periodic.

``serve`` has one inside, ``licence-trust worker`` is one by itself; any number, on any machines, may work on one
register. On SQLite the threads look into the table; on PostgreSQL jobs come through ``licence_store.jobs.listening``.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from threading import Event, Lock, Semaphore, Thread
from typing import TYPE_CHECKING, Self

from sqlalchemy import select

from licence_store.jobs import running, schedule
from licence_store.jobs.context import LEASE, JobContext
from licence_store.jobs.kinds import kind_of, known_kinds
from licence_store.jobs.models import Job
from licence_store.jobs.queue import RUNNING, WAITING
from trust.errors import LicenceTrustError, NotFound

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.jobs.listening import Listener

log = logging.getLogger("licence_trust.jobs")
_LOOK, _KEEP = 1.0, 5.0
"""Seconds between two looks at the table (a bell in this process comes at once), and between two signs of life."""
_OVERLOOKED = timedelta(seconds=60)
"""A job due for so long, with nobody at it, is announced once more."""
_NO_WORKER_FREE = timedelta(seconds=5)


class JobRunner:
    """任务执行器."""

    def __init__(self, desk: Desk, workers: int = 2) -> None:
        self._desk, self._workers = desk, max(1, workers)
        self._ending = Event()
        self._lock, self._taking = Lock(), Lock()
        self._contexts: dict[str, JobContext] = {}
        self._threads: list[Thread] = []
        self._long = Semaphore(max(1, self._workers - 1))
        self._listener: Listener | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; comes back at once."""
        if self._desk.sessions.dialect == "postgresql":
            from licence_store.jobs.listening import Listener

            self._listener = Listener(self._desk.sessions.engine, self._workers, self._answer)
            self._begin("jobs-listener", self._listener.run)
        else:
            for number in range(self._workers):
                self._begin(f"jobs-{number}", self._work)
        self._begin("jobs-keeper", self._keep)

    def stop(self, timeout: float = 30.0) -> None:
        """Tell running jobs to come back, and wait for the threads; what was not finished is gone on with later."""
        self._ending.set()
        with self._lock:
            for context in self._contexts.values():
                context.ask_to_stop()
        self._desk.jobs.bell.set()
        if self._listener is not None:
            self._listener.stop()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def drain(self) -> None:
        """Wait until nothing is due and nothing runs here."""
        while not self._ending.is_set() and (self._contexts or running.something_due(self._desk)):
            time.sleep(0.05)

    def _begin(self, name: str, target: object) -> None:
        thread = Thread(target=target, name=name, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    # SQLite: look into the table

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                if not self._one():
                    self._desk.jobs.bell.wait(_LOOK)
                    self._desk.jobs.bell.clear()
            except LicenceTrustError as error:
                log.warning("jobs cannot be taken: %s", error.code)
                self._ending.wait(_KEEP)

    def _one(self) -> bool:
        """Do one job; false when there was none."""
        long = self._long.acquire(blocking=False)
        try:
            with self._taking:  # here they queue; in the database they would sleep
                taken = running.take(self._desk, long=long) if running.something_due(self._desk, long=long) else None
            if taken is None:
                return False
            if long and not kind_of(taken.context.kind).long:
                self._long.release()
                long = False
            self._do(taken)
            return True
        finally:
            if long:
                self._long.release()

    # PostgreSQL: somebody knocked

    def _answer(self, job_id: str, long: bool) -> timedelta | None:
        """Do the job that was knocked for; after how long to knock again, ``None`` for never."""
        if self._ending.is_set() or (long and not self._long.acquire(blocking=False)):
            return _NO_WORKER_FREE
        try:
            taken = running.take(self._desk, job_id)
            return self._do(taken) if taken is not None else self._later(job_id)
        except LicenceTrustError as error:
            log.warning("job %s cannot be taken: %s", job_id, error.code)
            return _NO_WORKER_FREE
        finally:
            if long:
                self._long.release()

    def _later(self, job_id: str) -> timedelta | None:
        """Not to be had now: it is over, another has it, it is not due yet, or only a newer program knows it."""
        try:
            found = self._desk.jobs.get(job_id)
        except NotFound:
            return None
        if found.over:
            return None
        pause = timedelta(seconds=1) if found.kind in known_kinds() else _NO_WORKER_FREE
        return max(found.due - self._desk.clock(), pause)

    # Both

    def _do(self, taken: running.Taken) -> timedelta | None:
        context = taken.context
        with self._lock:
            self._contexts[context.ticket] = context
            if self._ending.is_set():
                context.ask_to_stop()
        try:
            return running.run(taken)
        finally:
            with self._lock:
                del self._contexts[context.ticket]

    def _keep(self) -> None:
        """Signs of life, periods that begin, jobs overlooked."""
        assert LEASE.total_seconds() / 3 > _KEEP
        while True:
            try:
                with self._lock:
                    ours = list(self._contexts.values())
                running.renew(self._desk, ours)
                if not self._ending.is_set():
                    now = self._desk.clock()
                    schedule.tick(self._desk, now)
                    if self._listener is not None:
                        announce_overlooked(self._desk, now - _OVERLOOKED)
            except LicenceTrustError as error:
                log.warning("jobs cannot be looked after: %s", error.code)
            if self._ending.wait(_KEEP) and not self._contexts:
                return
            if self._ending.is_set():
                time.sleep(_KEEP / 10)  # the last ones come back; their leases hold till then


def announce_overlooked(desk: Desk, before: datetime, limit: int = 500) -> int:
    """Knock again for jobs due since ``before``: the knock was lost (a restored database, a race with a retry)."""
    overlooked = select(Job.id, Job.kind).where(Job.state.in_((WAITING, RUNNING)), Job.due < before)
    overlooked = overlooked.where(Job.kind.in_(known_kinds())).order_by(Job.due).limit(limit)
    with desk.sessions.read() as session:
        found = [(row.id, kind_of(row.kind)) for row in session.execute(overlooked)]
    if found:
        with desk.sessions.begin() as session:
            desk.jobs.announce(session, found)
    return len(found)
