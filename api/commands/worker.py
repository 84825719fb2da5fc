"""``worker``: does jobs, beside ``serve`` or on another machine."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from api.commands.common import Command, common, open_services, option, say, tr
from trust.i18n import N_

HELP = N_(
    "执行后台任务（到期、通知、批量签发、归集）\n"
    "可在任意多台机器上同时运行；被强行终止时，任务由别的进程接着做，不会丢失也不会重复。"
)


@click.command("worker", cls=Command, help=HELP)
@option("--workers", type=click.IntRange(1, 64), metavar="N", help="同时执行几个任务（默认见设置 job_workers）")
@option("--once", is_flag=True, help="做完已到时间的任务后退出")
@common
def command(workers: int | None, once: bool, directory: Path | None) -> int:
    from licence_store.jobs import schedule
    from licence_store.jobs.runner import JobRunner

    with open_services(directory) as services:
        count = workers or services.settings.job_workers or 2
        schedule.tick(services.desk, services.clock())
        with JobRunner(services.desk, count) as runner:
            if once:
                runner.drain()
            else:
                say(tr("正在执行后台任务（Ctrl-C 停止）"))
                _until_told()
        services.anchor_journal()
    return 0


def _until_told() -> None:
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()
