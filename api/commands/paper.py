"""``paper``: print licences on pre-printed forms, and account for the forms."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable

command = Group("paper", help="套打与纸质件：把证照内容印到预制的空白证照上，登记每张空白证照的去向")
licence_argument = click.argument("licence_id", metavar="ID")
form_option = option("--form", "form_number", required=True, metavar="NUMBER", help="空白证照的印刷编号")


@command.command("print", help="登记一张空白证照，并写出套打页（实际大小的 PNG，只有各项内容）")
@licence_argument
@form_option
@option("--out", required=True, type=click.Path(path_type=Path), metavar="PNG", help="套打页写到哪个文件")
@option("--qr", is_flag=True, help="同时印核验二维码")
@acting
@common
@refusable
def print_on(
    licence_id: str, form_number: str, out: Path, qr: bool, account: str | None, directory: Path | None
) -> None:
    from api import paper_office

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        view, _ = paper_office.find(services, licence_id, actor)
        desk = paper_office.paper_desk(services)
        content = desk.page(view, qr=qr)
        desk.print_on(view, form_number, actor)
        width, height = desk.size(view)
    out.write_bytes(content)
    put({"licence_id": view.licence_id, "form": form_number, "file": str(out), "width_mm": width, "height_mm": height})


@command.command("spoil", help="登记作废：印坏或损毁的空白证照")
@licence_argument
@form_option
@option("--reason", required=True, metavar="R", help="原因")
@acting
@common
@refusable
def spoil(licence_id: str, form_number: str, reason: str, account: str | None, directory: Path | None) -> None:
    from api import paper_office

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        view, _ = paper_office.find(services, licence_id, actor)
        paper_office.paper_desk(services).spoil(view, form_number, reason, actor)
    put({"licence_id": view.licence_id, "form": form_number, "use": "spoilt"})


@command.command("list", help="一份证照用过的空白证照")
@licence_argument
@option("--json", "as_json", is_flag=True, help="输出 JSON")
@acting
@common
def list_forms(licence_id: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import paper_office
    from verify.report import rfc3339

    with open_services(directory) as services:
        _, uses = paper_office.find(services, licence_id, services.issuing_actor(account))
    for one in uses:
        if as_json:
            line = {"form": one.form_number, "use": one.use, "at": rfc3339(one.happened), "by": one.actor}
            put({**line, "reason": one.reason, "licence_id": one.licence_id})
        else:
            click.echo(f"{one.form_number}  {one.use}  {rfc3339(one.happened)}  {one.actor}  {one.reason}".rstrip())
