"""``space``: what a holder has, and reporting it lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Group, option, put, refusable
from api.commands.holders import holder_option, in_space

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.holder import HolderSession

command = Group("space", help="用户空间：一个持证者的证照、材料和办件，挂失")


@command.command("list", help="列出持证者名下的证照，各颁证单位的都在内，每份一行 JSON")
@holder_option
@in_space
def list_licences(services: Services, who: HolderSession) -> None:
    from api import space_office, space_shapes

    for one in space_office.gathering(services).licences(who):
        put(space_shapes.licence(one, list(services.register.forms(one.licence_id))))


@command.command("show", help="显示持证者的一份证照；可取回文件")
@click.argument("licence_id", metavar="ID")
@holder_option
@option("--format", "form", type=click.Choice(["ofd", "pdf"]), default="ofd", help="文件格式（默认 ofd）")
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把文件写到哪里")
@refusable
@in_space
def show(services: Services, who: HolderSession, licence_id: str, form: str, out: Path | None) -> None:
    from api import space_office, space_shapes

    view = space_office.find(services, who, licence_id)
    if out is not None:
        out.write_bytes(space_office.file(services, who, licence_id, form)[1])
    face = [{"name": one.name, "title": one.title, "text": one.text} for one in view.message.face]
    put({**space_shapes.licence(view.summary, list(services.register.forms(view.licence_id))), "face": face})


@command.command("cases", help="按办件归集：每个办件的证照、材料和副本，每件一行 JSON")
@holder_option
@in_space
def cases(services: Services, who: HolderSession) -> None:
    from api import space_office

    for one in space_office.gathering(services).cases(who):
        put(
            {
                "case_number": one.number,
                "service_item": one.service_item,
                "licences": [each.licence_id for each in one.licences],
                "materials": [each.id for each in one.materials],
                "copies": [each.id for each in one.copies],
            }
        )


@command.command("report-lost", help="持证者挂失一份证照，立即生效")
@click.argument("licence_id", metavar="ID")
@holder_option
@option("--reason", default="", metavar="R", help="挂失原因")
@refusable
@in_space
def report_lost(services: Services, who: HolderSession, licence_id: str, reason: str) -> None:
    from api import space_office
    from api.moments import exact

    event = space_office.report_lost(services, who, licence_id, reason)
    services.anchor_journal()
    put({"licence_id": licence_id, "state": event.state, "effective": exact(event.effective)})
