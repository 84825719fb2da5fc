"""``init``: a new demonstration region."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Command, common, option, put, say, settings_for, tr


@click.command("init", cls=Command, help="新建演示区域：证书、时间戳、部门、印章和证照类型；已有区域则拒绝")
@option("--region", "code", metavar="CODE", help="行政区划代码，6 位（默认 990000）")
@option("--name", metavar="NAME", help="区域名称（默认 演示省）")
@common
def command(code: str | None, name: str | None, directory: Path | None) -> None:
    put(make_region(directory, code, name))


def make_region(directory: Path | None, code: str | None, name: str | None) -> dict[str, object]:
    """Make the region and say what it is."""
    from api import __version__
    from licence_store.desk import now
    from licence_store.region import DEFAULT_CODE, DEFAULT_NAME, Region

    settings = settings_for(directory)
    say(tr("正在新建演示区域 {place} …").format(place=settings.dir))
    region = Region.create(
        settings.dir,
        code if code is not None else DEFAULT_CODE,
        name if name is not None else DEFAULT_NAME,
        clock=now,
        database_url=settings.database_url,
        library_version=__version__,
    )
    say(tr("演示区域已就绪。它签发的证照都带“样本”字样，不具法律效力。"))
    return {"region": region.code, "name": region.name, "dir": str(settings.dir), "demonstration": True}
