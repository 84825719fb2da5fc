"""``convert``: a licence of ours as PDF or picture that says it is a copy."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Command, acting, common, file_bytes, open_services, option, put
from trust.i18n import N_

HELP = N_(
    "把本系统签发的证照原件转换为 PDF 或图片（转换件）\n"
    "转换件上注明不是原件，带有签名的转换说明和通向原件核验的二维码；不是证照原件，不能当作原件使用。"
)


@click.command("convert", cls=Command, help=HELP)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@option("--to", "form", required=True, type=click.Choice(["pdf", "png"]), help="转换为什么格式")
@option("--out", required=True, type=click.Path(path_type=Path), metavar="OUT", help="转换件写到哪里")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def command(file: Path, form: str, out: Path, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.files import write_whole

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        made = services.desk.converter.convert(file_bytes(file), form, actor)
    write_whole(out, made.data, mode=0o644, sync=False)
    put({"licence_id": made.licence_id, "format": made.form, "file": str(out)})
