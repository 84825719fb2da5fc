"""``archive``: PDFs for the long term: evidence, document time stamps, and their renewal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Group, acting, common, open_services, option, put, tr
from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.archiving import Extended

command = Group("archive", help="长期保存：为 PDF 证照加入废止信息和文档时间戳，并在到期前续加")


@command.command("due", help="列出该延长的证照（JSON，每行一个）：已可取得新的废止信息，或最后一个时间戳即将到期")
@option("--limit", type=click.IntRange(1, 100_000), default=1000, metavar="N", help="最多几个（默认 1000）")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@common
def due(limit: int, as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        for licence_id in services.desk.archiver.due(limit=limit):
            put({"licence_id": licence_id})


@command.command(
    "extend", help="延长：给出证照标识则立即延长这些证照的 PDF，否则延长所有该延长的；退出码：0 全部完成，1 有失败"
)
@click.argument("licence_ids", metavar="[ID]...", nargs=-1)
@option("--limit", type=click.IntRange(1, 100_000), default=1000, metavar="N", help="最多几个（默认 1000）")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def extend(
    licence_ids: tuple[str, ...], limit: int, as_json: bool, account: str | None, directory: Path | None
) -> int:
    failed = 0
    with open_services(directory) as services:
        actor, archiver = services.issuing_actor(account), services.desk.archiver
        wanted = licence_ids or archiver.due(limit=limit)
        for one in archiver.extend_each(wanted, actor):
            failed += one.error is not None
            put(_line(one))
    return 1 if failed else 0


def _line(one: Extended) -> dict[str, object]:
    if one.error is not None:
        return {"licence_id": one.licence_id, "error": {"code": one.error.code, "message": one.error.localised(tr)[0]}}
    ends = rfc3339(one.renew_by) if one.renew_by else None
    return {"licence_id": one.licence_id, "level": "B-LTA", "digest": one.digest, "renew_by": ends}
