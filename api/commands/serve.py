"""``serve``: pages and API."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Command, common, option, say, settings_for, tr
from trust.errors import LicenceTrustError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp, Message, Scope

    from api.wiring import Services

TENDING = 60.0
"""Seconds between two looks at the sources of revocation."""
log = logging.getLogger("licence_trust.api")


@click.command("serve", cls=Command, help="提供页面和接口（HTTP）")
@option("--host", metavar="HOST", help="监听地址（默认 127.0.0.1）")
@option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="端口（默认 8000）")
@common
def command(host: str | None, port: int | None, directory: Path | None) -> int:
    return run_server(directory, host, port)


def run_server(directory: Path | None, host: str | None, port: int | None) -> int:
    """Serve until told to stop; the region is opened first, so that a fault is said before the port is taken."""
    import uvicorn

    from api.app import create_app
    from api.wiring import build

    settings = settings_for(directory, host=host, port=port)
    with build(settings) as services:
        recovered = services.recover()
        if recovered.completed or recovered.voided:
            done, void = len(recovered.completed), len(recovered.voided)
            say(tr("已恢复上次中断的签发：完成 {done} 份，作废 {void} 份。").format(done=done, void=void))
        services.anchor_journal()
        listener = _listen(settings.host, settings.port)
        address = f"http://{settings.host}:{listener.getsockname()[1]}"
        app = create_app(services)
        asyncio.run(_first_answer(app))
        say(tr("服务已就绪：{address} （Ctrl-C 停止）").format(address=address))
        config = uvicorn.Config(
            app,
            log_level=settings.log_level,
            access_log=settings.log_level == "debug",
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
            timeout_keep_alive=20,
            limit_concurrency=512,
        )
        threading.Thread(target=_tend, args=(services,), daemon=True).start()
        server = uvicorn.Server(config)
        _end_quietly(server)
        gc.collect()
        gc.freeze()  # what lives as long as the service is not looked through again and again, 60 ms each time
        with _background(services):
            server.run(sockets=[listener])
        services.anchor_journal()
    return 0


async def _first_answer(app: ASGIApp) -> None:
    """The first request pays for the tables of all routes, half a second: not one of a peer that waits three."""

    async def receive() -> Message:
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never  # there is no body, and nobody leaves

    async def send(message: Message) -> None:
        """Nobody reads it."""

    path = "/static/app.css"  # matched after everything else
    scope: Scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 0),
    }  # fmt: skip
    await app(scope, receive, send)


def _background(services: Services) -> AbstractContextManager[object]:
    """Background jobs beside the requests, unless that is left to others."""
    from licence_store.jobs.runner import JobRunner

    workers = services.settings.job_workers
    return JobRunner(services.desk, workers) if workers else nullcontext()


def _end_quietly(server: uvicorn.Server) -> None:
    """The server, having ended by a signal, raises it once more; what comes after it should still be done. One that
    comes before the server listens to signals ends it as well.
    """

    def end(*_: object) -> None:
        server.should_exit = True

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)


def _tend(services: Services) -> None:
    """Look after what is asked of others, beside the requests."""
    while True:
        try:
            services.tend()
        except LicenceTrustError as error:
            log.warning("sources of revocation not asked: %s", error.code)
        time.sleep(TENDING)


def _listen(host: str, port: int) -> socket.socket:
    from trust.errors import Unavailable

    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Unavailable(
            "serve.address",
            "无法监听 {host}:{port}：{why}",
            remedy="请换一个端口（--port），或停止占用它的程序。",
            host=host,
            port=port,
            why=error.strerror or str(error),
        ) from None
    return listener
