"""``bag``: archive a case as a BagIt bag, and check one."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable

command = Group("bag", help="办件归档包（BagIt）：制作和核验")


@command.command("make", help="把一个办件的证照、材料、证据和过程记录归档为一个 ZIP，附独立核验脚本")
@option("--case", "number", required=True, metavar="N", help="办件编号")
@option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="写到哪个文件")
@option("--reason", default="", metavar="R", help="理由")
@acting
@common
@refusable
def make(number: str, out: Path, reason: str, account: str | None, directory: Path | None) -> None:
    from api.material_office import console_official
    from keys.keyring import sync_directory

    with open_services(directory) as services:
        pieces = services.desk.bags.make(number, console_official(services, account), reason=reason)
        part = out.with_name(f".{out.name}.part")
        try:
            with part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            part.replace(out)
            sync_directory(out.absolute().parent)
        finally:
            part.unlink(missing_ok=True)
    put({"case": number, "bag": str(out), "size": out.stat().st_size})


@command.command("check", help="核验归档包：全部文件的杂凑值、发布者的签名和证书（退出码 0 完好，1 不完好）")
@click.argument("file", type=click.Path(path_type=Path))
@common
def check(file: Path, directory: Path | None) -> int:
    from licence_store.archive_bag.service import check_bag

    with open_services(directory) as services:
        report = check_bag(file, services.desk.trust, services.clock())
    put(report.to_json())
    return 0 if report.sound else 1
