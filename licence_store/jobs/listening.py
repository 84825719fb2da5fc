"""监听: the workers of pgqueuer on PostgreSQL, in a thread with an event loop of its own.

A message of a worker that died is given to another after the lease; a worker whose connection breaks begins again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job as Message
from psycopg.rows import dict_row
from sqlalchemy import Engine

from licence_store.jobs.context import LEASE
from licence_store.jobs.postgresql import LONG, SHORT, queue_settings

log = logging.getLogger("licence_trust.jobs")
Answer = Callable[[str, bool], timedelta | None]
_PAUSE = 5.0


class _Driver(PsycopgDriver):
    """Listens on one connection and works on another: who waits for a notification holds the connection meanwhile."""

    def __init__(self, working: psycopg.AsyncConnection, ear: psycopg.AsyncConnection) -> None:
        super().__init__(ear)
        self._working = working

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        cursor = psycopg.AsyncRawCursor(self._working, row_factory=dict_row)
        await cursor.execute(query, args or None)
        return await cursor.fetchall()

    async def execute(self, query: str, *args: object) -> str:
        cursor = psycopg.AsyncRawCursor(self._working)
        await cursor.execute(query, args or None)
        return cursor.statusmessage or ""


class Listener:
    """监听."""

    def __init__(self, engine: Engine, workers: int, answer: Answer) -> None:
        self._engine, self._answer = engine, answer
        self._workers = max(2, workers)
        """pgqueuer takes no fewer."""
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._manager: QueueManager | None = None

    def run(self) -> None:
        """Until ``stop``; the body of a thread."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    def stop(self) -> None:
        """From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._ending.set()
        if self._manager is not None:
            self._manager.shutdown.set()

    async def _run(self) -> None:
        with ThreadPoolExecutor(self._workers, "jobs") as pool:
            while not self._ending.is_set():
                try:
                    await self._listen(pool)
                except Exception as error:  # noqa: BLE001 - whatever broke the connection, begin again
                    log.warning("the queue is away: %s", (str(error).splitlines() or [type(error).__name__])[0][:200])
                    await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._ending.wait(), _PAUSE)
        except TimeoutError:
            pass

    async def _listen(self, pool: ThreadPoolExecutor) -> None:
        settings = queue_settings()
        _, parameters = self._engine.dialect.create_connect_args(self._engine.url)
        given: dict[str, Any] = {key: value for key, value in parameters.items() if key != "context"}
        connect = psycopg.AsyncConnection.connect
        async with await connect(**given, autocommit=True) as working, await connect(**given, autocommit=True) as ear:
            queries = Queries(
                _Driver(working, ear),
                QueryBuilderEnvironment(settings),
                QueryQueueBuilder(settings),
                QuerySchedulerBuilder(settings),
            )
            await queries.apply_upgrade()
            manager = QueueManager(queries, channel=settings.channel)

            async def handle(message: Message) -> None:
                job_id = (message.payload or b"").decode("ascii", "replace")
                again = await self._loop.run_in_executor(pool, self._answer, job_id, message.entrypoint == LONG)
                if again is not None:
                    raise RetryRequested(again)

            for name in (SHORT, LONG):
                manager.entrypoint(name, accepts_context=False)(handle)
            self._manager = manager
            if self._ending.is_set():
                return
            await manager.run(
                dequeue_timeout=timedelta(seconds=10),
                batch_size=self._workers // 2,  # pgqueuer takes no more
                max_concurrent_tasks=self._workers,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=LEASE,
            )
