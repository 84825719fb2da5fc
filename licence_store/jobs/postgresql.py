"""pgqueuer: carries the id of a job to a worker on any machine, with LISTEN/NOTIFY.

It lives in a schema of its own. A message is only a knock at the door: the row in ``job`` says what is to be done, and
by whom, so a message that comes twice, or for a job that is over, does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from licence_store.jobs.kinds import JobKind

if TYPE_CHECKING:
    from pgqueuer.domain.settings import DBSettings

SCHEMA = "licence_trust_queue"
SHORT, LONG = "short", "long"
"""The two entry points: long work never takes the last free worker."""


@cache
def queue_settings() -> DBSettings:
    """Names of its tables, said here one by one so that no environment variable changes them."""
    from pgqueuer.domain.settings import DBSettings, Durability

    return DBSettings(
        prefix="",
        db_schema=SCHEMA,
        channel="licence_trust_jobs",  # type: ignore[arg-type]
        function="fn_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table="pgqueuer",
        queue_table_log="pgqueuer_log",
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
        durability=Durability.durable,
    )


def install(connection: Connection) -> None:
    """Make the queue's tables, unless they are there; part of the caller's transaction."""
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

    there = connection.execute(
        text("SELECT 1 FROM information_schema.tables WHERE table_schema = :schema"), {"schema": SCHEMA}
    )
    if there.first() is None:
        _driver_of(connection).execute(QueryBuilderEnvironment(queue_settings()).build_install_query())


def send(session: Session, jobs: Sequence[tuple[str, JobKind]], delay: timedelta | None = None) -> None:
    """Knock for jobs, as part of the transaction; one knock per job is enough."""
    from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
    from pgqueuer.adapters.persistence.queries import SyncQueries

    queries = SyncQueries(_Transaction(session), QueryQueueBuilder(queue_settings()))
    count = len(jobs)
    queries.enqueue(
        [LONG if kind.long else SHORT for _, kind in jobs],
        [job_id.encode() for job_id, _ in jobs],
        [0] * count,
        [delay] * count,
        [job_id for job_id, _ in jobs],
        on_conflict="skip",
    )


def trim_log(session: Session, before: datetime) -> None:
    """Forget what the queue noted down long ago."""
    session.execute(text("DELETE FROM licence_trust_queue.pgqueuer_log WHERE created < :before"), {"before": before})


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


class _Transaction:
    """pgqueuer's ``SyncDriver`` inside a transaction of ours."""

    def __init__(self, session: Session) -> None:
        self._connection = _driver_of(session.connection())

    def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        from psycopg import RawCursor
        from psycopg.rows import dict_row

        with RawCursor(self._connection, row_factory=dict_row) as cursor:
            cursor.execute(query, args or None)
            return cursor.fetchall()
