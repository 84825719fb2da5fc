"""``present``: showing a licence for a moment, and opening what is shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable
from api.commands.holders import holder_option, holder_session

command = Group("present", help="亮证：生成短时、限一次的亮证码；查验亮证码")
presentation_argument = click.argument("presentation_id", metavar="ID")


@command.command("make", help="生成亮证码；网址放进二维码，数字供窗口输入，都只给出这一次")
@click.argument("licence_id", metavar="ID")
@holder_option
@option("--show", "fields", multiple=True, metavar="FIELD", help="出示的照面字段（可多次给出），其余遮住")
@option("--verifier", default="", metavar="DEPARTMENT", help="限这一部门查验（默认：谁先扫到谁看）")
@option("--purpose", default="", metavar="P", help="用途")
@option("--seconds", type=click.IntRange(30, 600), default=120, metavar="N", help="多少秒内有效（默认 120）")
@acting
@common
@refusable
def make(
    licence_id: str,
    holder: str,
    fields: tuple[str, ...],
    verifier: str,
    purpose: str,
    seconds: int,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import space_office
    from api.moments import exact

    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        offered, address = space_office.offer(
            services,
            who,
            licence_id,
            fields=fields,
            verifier=verifier,
            purpose=purpose,
            valid=timedelta(seconds=seconds),
        )
    put({"id": offered.id, "address": address, "code": offered.code, "expires": exact(offered.expires)})


@command.command("open", help="查验亮证码（网址或数字），只此一次；退出码：0 核验通过，1 未通过或被拒绝，2 无法确认")
@click.argument("code", metavar="CODE")
@acting
@common
@refusable
def open_code(code: str, account: str | None, directory: Path | None) -> int:
    from api import space_office, space_shapes
    from api.commands.verify import STATUS

    with open_services(directory) as services:
        shown = space_office.open_code(services, services.issuing_actor(account), code)
        report = space_office.verdict(services, shown)
    put(space_shapes.shown(shown, report))
    return STATUS[str(report.indication)]


@command.command("list", help="持证者最近的亮证，每次一行 JSON")
@holder_option
@acting
@common
def list_presentations(holder: str, account: str | None, directory: Path | None) -> None:
    from api import space_office, space_shapes

    with open_services(directory) as services:
        for one in space_office.presentations(services, holder_session(services, holder, account)):
            put(space_shapes.presentation(one, services.clock()))


@command.command("end", help="收回一次亮证")
@presentation_argument
@holder_option
@acting
@common
@refusable
def end(presentation_id: str, holder: str, account: str | None, directory: Path | None) -> None:
    from api import space_shapes

    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        put(space_shapes.presentation(services.desk.presenter.end(who, presentation_id), services.clock()))
