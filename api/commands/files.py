"""``files``: the store of sealed files: what is in it, is it whole, what may go, and how it moves house."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, say, tr

command = Group("files", help="证照文件库：列出、巡检、清扫、搬迁")


@command.command("list", help="列出所存文件的杂凑值（SM3），每行一个（JSON）")
@option("--after", default="", metavar="DIGEST", help="从这个之后列起")
@option("--limit", type=click.IntRange(1), default=None, metavar="N", help="最多几个")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@common
def list_files(after: str, limit: int | None, as_json: bool, directory: Path | None) -> None:
    from itertools import islice

    with open_services(directory) as services:
        for digest in islice(services.desk.files.digests(after), limit):
            put({"digest": digest})


@command.command("scrub", help="巡检：登记簿中的文件逐个取出并核对杂凑值；退出码：0 完好，1 有损坏或缺失")
@option("--limit", type=click.IntRange(1), default=None, metavar="N", help="最多查几个（默认全部）")
@option("--after", default="", metavar="DIGEST", help="从这个之后查起")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def scrub(limit: int | None, after: str, as_json: bool, account: str | None, directory: Path | None) -> int:
    from licence_store.files import upkeep

    with open_services(directory) as services:
        desk, actor = services.desk, services.administrator(account)
        found = upkeep.scrub(desk.files, desk.sessions, after=after, most=limit, progress=_tell)
        result = "ok" if found.sound else "files.damaged"
        details = {"checked": str(found.checked), "bad": str(found.bad)}
        services.journal.record(actor=actor, action="files.scrub", subject="files", result=result, details=details)
    put(
        {
            "checked": found.checked,
            "bad": found.bad,
            "damaged": list(found.damaged),
            "missing": list(found.missing),
            "next": found.position or None,
        }
    )
    return 0 if found.sound else 1


def _tell(checked: int, bad: int) -> bool:
    if checked % 1000 == 0:
        say(tr("已查 {n} 个，有问题的 {bad} 个").format(n=checked, bad=bad))
    return True


@command.command("sweep", help="清扫：移除没有任何登记指向的文件")
@option(
    "--older-than",
    type=click.FloatRange(0),
    default=3600.0,
    metavar="SECONDS",
    help="只移除存入已超过这么久的（默认 3600 秒；正在签发时勿改小）",
)
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def sweep(older_than: float, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.files import upkeep

    with open_services(directory) as services:
        desk, actor = services.desk, services.administrator(account)
        removed = upkeep.sweep(desk.files, desk.sessions, older_than=older_than)
        details = {"removed": str(removed)}
        services.journal.record(actor=actor, action="files.sweep", subject="files", details=details)
    put({"removed": removed})


@command.command("copy", help="搬迁：把现用文件库的全部文件放进另一个文件库；可中断后重做")
@click.argument("target", metavar="FOLDER|URL")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def copy(target: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.files import open_store, upkeep

    with open_services(directory) as services:
        actor = services.administrator(account)
        if "://" not in target:
            Path(target).mkdir(parents=True, exist_ok=True)
        to = open_store(target if "://" in target else "", Path(target))
        to.check()
        copied = upkeep.copy(services.desk.files, to, _count)
        details = {"copied": str(copied)}
        services.journal.record(actor=actor, action="files.copy", subject="files", details=details)
    put({"copied": copied, "to": to.address})


def _count(copied: int) -> None:
    if copied % 1600 == 0:
        say(tr("已搬 {n} 个").format(n=copied))
