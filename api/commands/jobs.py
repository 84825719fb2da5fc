"""``jobs``: what the background work is at."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable, tr

command = Group("jobs", help="后台任务：列出、查看、取消、重做")
STATES = ("waiting", "running", "done", "failed", "cancelled")


@command.command("list", help="列出任务，新的在前")
@option("--state", type=click.Choice(STATES), help="只列这种状态的")
@option("--kind", default="", metavar="KIND", help="只列这一种类的")
@option("--limit", type=click.IntRange(1, 1000), default=50, metavar="N", help="最多几条（默认 50）")
@option("--json", "as_json", is_flag=True, help="每个任务一行 JSON（总是如此）")
@common
def list_jobs(state: str | None, kind: str, limit: int, as_json: bool, directory: Path | None) -> None:
    from api.job_shapes import job

    with open_services(directory) as services:
        for one in services.desk.jobs.list(state=state or "", kind=kind, limit=limit):
            put(job(one, tr))


@command.command("show", help="一个任务：状态、进度、结果；--results 逐条列出")
@click.argument("job_id", metavar="ID")
@option("--results", is_flag=True, help="另起行列出每条记录的结果")
@option("--json", "as_json", is_flag=True, help="每个任务一行 JSON（总是如此）")
@common
def show(job_id: str, results: bool, as_json: bool, directory: Path | None) -> None:
    from api.job_shapes import job, result

    with open_services(directory) as services:
        put(job(services.desk.jobs.get(job_id), tr))
        for line in services.desk.jobs.all_results(job_id) if results else ():
            put(result(line, tr))


@command.command("cancel", help="取消一个尚未结束的任务")
@click.argument("job_id", metavar="ID")
@option("--json", "as_json", is_flag=True, help="每个任务一行 JSON（总是如此）")
@acting
@common
@refusable
def cancel(job_id: str, account: str | None, as_json: bool, directory: Path | None) -> None:
    from api.job_shapes import job

    with open_services(directory) as services:
        put(job(services.jobs.cancel(job_id, services.actor(account)), tr))


@command.command("retry", help="重做一个失败或取消了的任务，从中断处继续")
@click.argument("job_id", metavar="ID")
@option("--json", "as_json", is_flag=True, help="每个任务一行 JSON（总是如此）")
@acting
@common
@refusable
def retry(job_id: str, account: str | None, as_json: bool, directory: Path | None) -> None:
    from api.job_shapes import job

    with open_services(directory) as services:
        put(job(services.jobs.retry(job_id, services.actor(account)), tr))
