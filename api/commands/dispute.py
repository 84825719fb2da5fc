"""``dispute``: what a holder says is wrong, and the department's answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable
from api.commands.holders import holder_option, holder_session

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.disputes.disputes import DisputeView

command = Group("dispute", help="异议：持证者提出，颁证部门限期答复")
dispute_argument = click.argument("dispute_id", metavar="ID")
words_option = option("--words", required=True, metavar="TEXT", help="情况说明")


@command.command("open", help="提出异议：针对一条用证记录（--entry）或一份证照（--licence）")
@holder_option
@option("--entry", "seq", type=click.IntRange(1, 1 << 62), metavar="N", help="用证记录的条目号")
@option("--licence", "licence_id", default="", metavar="ID", help="证照标识")
@option("--field", default="", metavar="FIELD", help="有误的照面字段")
@words_option
@acting
@common
@refusable
def open_dispute(
    holder: str,
    seq: int | None,
    licence_id: str,
    field: str,
    words: str,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import space_office

    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        _put(services, space_office.open_dispute(services, who, words, seq=seq, licence_id=licence_id, field=field))


@command.command("mine", help="持证者的异议，新的在前，每件一行 JSON")
@holder_option
@acting
@common
def mine(holder: str, account: str | None, directory: Path | None) -> None:
    from api import space_office

    with open_services(directory) as services:
        for one in space_office.disputes(services, holder_session(services, holder, account)):
            _put(services, one)


@command.command("list", help="部门的异议，期限近的在前，每件一行 JSON")
@option("--show", type=click.Choice(["open", "overdue", "all"]), default="open", help="范围（默认 open）")
@acting
@common
def list_disputes(show: str, account: str | None, directory: Path | None) -> None:
    from api.licence_office import Asked, console_official
    from licence_store.disputes.disputes import OPEN

    with open_services(directory) as services:
        who, after = console_official(services, account), ""
        Asked(who).demand()
        while True:
            state = "" if show == "all" else OPEN
            rows = services.desk.disputes.page(
                who.actor.department or None, state=state, overdue=show == "overdue", after=after, limit=100
            )
            for one in rows:
                _put(services, one)
            if len(rows) < 100:
                break
            after = rows[-1].id


@command.command("answer", help="答复异议；--outcome note 只记办理情况")
@dispute_argument
@option("--outcome", type=click.Choice(["upheld", "rejected", "note"]), required=True, help="成立、不成立、办理情况")
@words_option
@acting
@common
@refusable
def answer(dispute_id: str, outcome: str, words: str, account: str | None, directory: Path | None) -> None:
    from api import space_office
    from api.licence_office import console_official

    with open_services(directory) as services:
        who = console_official(services, account)
        _put(services, space_office.answer(services, dispute_id, who, outcome, words))


@command.command("withdraw", help="持证者撤回异议")
@dispute_argument
@holder_option
@acting
@common
@refusable
def withdraw(dispute_id: str, holder: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        _put(services, services.desk.disputes.withdraw(who, dispute_id))


def _put(services: Services, one: DisputeView) -> None:
    from api import space_shapes

    put(space_shapes.dispute(one, services.clock(), services.desk.disputes.steps(one.id)))
