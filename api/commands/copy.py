"""``copy``: copies for one purpose: make, hand over once, take back, accept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    open_services,
    option,
    put,
    refusable,
    say,
    tr,
    write_whole,
)

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.copying.uses import Acceptance
    from licence_store.holding.holder import HolderSession

command = Group("copy", help="用证副本：为一项用途制作、交付、收回、采用")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
copy_argument = click.argument("copy_id", metavar="ID")
reason_option = option("--reason", default="", metavar="R", help="理由")
holder_option = option("--holder", default="", metavar="CODE", help="持证者代码（默认：证照、材料或副本的持证者）")


@command.command("make", help="制作一份用证副本：另行盖章，写明给谁、作何用、到何时；原件不动")
@click.argument("item", metavar="ID")
@option("--to", "recipient", required=True, metavar="RECIPIENT", help="使用单位")
@option("--purpose", required=True, metavar="P", help="用途")
@option("--until", required=True, metavar="DATE", help="有效期至哪一天（含；或 RFC 3339 时刻）；原件先到期的以原件为准")
@option("--count", "uses", type=click.IntRange(0, 1000), default=0, metavar="N", help="可采用几次（默认 0：不限）")
@option("--service-item", default="", metavar="ITEM", help="只用于这一办理事项")
@option("--case", "case_number", default="", metavar="NUMBER", help="只用于这一办件")
@option("--mask", "masked", multiple=True, metavar="FIELD", help="不显示的照面字段（可多次给出）")
@option("--format", "form", type=click.Choice(["ofd", "pdf"]), default="ofd", help="格式（默认 ofd）")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪里")
@holder_option
@as_json
@acting
@common
@refusable
def make(
    item: str,
    recipient: str,
    purpose: str,
    until: str,
    out: Path,
    form: str,
    holder: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
    **more: Any,
) -> None:
    from api import copy_office
    from licence_store.copying.originals import holder_of
    from seal.copies import CopyRequest

    request = CopyRequest(recipient, purpose, copy_office.until_of(until), **more)
    with open_services(directory) as services:
        who = _session(services, holder or holder_of(services.desk, item), account)
        made = services.desk.copier.make(who, item, request, form)
        write_whole(out, made.data)
        if as_json:
            put({**copy_office.shape(made.view, services.clock()), "file": str(out)})
            return
    click.echo(made.id)
    say(tr("已写到 {file}：仅供{recipient}用于“{purpose}”，有效期至 {day}。").format(
        file=out, recipient=made.view.recipient, purpose=made.view.purpose, day=copy_office.last_day(made.view.until)
    ))  # fmt: skip


@command.command("list", help="一位持证者的用证副本，新的在前")
@option("--holder", required=True, metavar="CODE", help="持证者代码：公民身份号码或统一社会信用代码")
@as_json
@acting
@common
@refusable
def list_copies(holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import copy_office

    with open_services(directory) as services:
        who, after, now = _session(services, holder, account), None, services.clock()
        while some := services.desk.copier.of_holder(who, after=after, limit=200):
            for one in some:
                if as_json:
                    put(copy_office.shape(one, now))
                else:
                    click.echo(f"{one.id}  {_state(one.state(now))}  {one.title}  {one.recipient}  {one.purpose}")
            after = (some[-1].made, some[-1].id)


@command.command("show", help="一份副本：状态、采用与拒绝、链接")
@copy_argument
@holder_option
@as_json
@acting
@common
@refusable
def show(copy_id: str, holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import copy_office

    with open_services(directory) as services:
        history = services.desk.copier.history(_of_copy(services, copy_id, holder, account), copy_id)
        now = services.clock()
        if as_json:
            put(copy_office.history_shape(services, history))
            return
    one = history.view
    click.echo(f"{one.id}  {_state(one.state(now))}  {one.title}  {one.source_id}")
    click.echo(f"{one.recipient}  {one.purpose}  {copy_office.last_day(one.until)}  {one.used}/{one.uses or '∞'}")
    for use in history.uses:
        click.echo(f"  {use.at:%Y-%m-%dT%H:%M:%SZ}  {tr('采用')}  {use.recipient}  {use.case_number}".rstrip())
    for refusal in history.refusals:
        click.echo(f"  {refusal.at:%Y-%m-%dT%H:%M:%SZ}  {tr('拒绝')}  {refusal.recipient}  {refusal.code}")


@command.command("revoke", help="收回一份副本：此后核验不再通过，链接作废，文件不再保存")
@copy_argument
@reason_option
@holder_option
@as_json
@acting
@common
@refusable
def revoke(copy_id: str, reason: str, holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import copy_office

    with open_services(directory) as services:
        found = services.desk.copier.revoke(_of_copy(services, copy_id, holder, account), copy_id, reason)
        now = services.clock()
    if as_json:
        put(copy_office.shape(found, now))
        return
    click.echo(f"{found.id}  {_state(found.state(now))}")


@command.command("link", help="一次性下载链接：只能取一次，取走或到时即作废")
@copy_argument
@option("--minutes", type=click.IntRange(1, 7 * 24 * 60), default=24 * 60, help="几分钟内有效（默认 1440，最长七天）")
@holder_option
@as_json
@acting
@common
@refusable
def link(copy_id: str, minutes: int, holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from datetime import timedelta

    from api import copy_office

    with open_services(directory) as services:
        who = _of_copy(services, copy_id, holder, account)
        made = services.desk.copier.link(who, copy_id, timedelta(minutes=minutes))
        told = copy_office.made_link_shape(services, made)
    if as_json:
        put(told)
        return
    click.echo(told["url"])
    say(tr("请妥善交给使用单位，只显示这一次。"))


def _accepting(function: Any) -> Any:
    """What somebody states who accepts or refuses."""
    for one in (
        option("--purpose", required=True, metavar="P", help="用于什么"),
        option("--case", "case_number", default="", metavar="NUMBER", help="办件编号"),
        option("--to", "recipient", default="", metavar="RECIPIENT", help="由哪个单位采用（账号属于部门的，即该部门）"),
        option("--service-item", default="", metavar="ITEM", help="办理事项"),
    ):
        function = one(function)
    return function


@command.command("accept", help="采用一份副本（文件或其编号），登记一次使用；超出条款的一律拒绝")
@click.argument("copy", metavar="FILE|ID")
@_accepting
@option("--original-seen", is_flag=True, help="已与原件核对（须核验原件的材料）")
@option("--key", default="", metavar="KEY", help="幂等键：同一键只计一次")
@as_json
@acting
@common
@refusable
def accept(copy: str, as_json: bool, account: str | None, directory: Path | None, **stated: Any) -> None:
    from api import copy_office

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        made = services.desk.copier.accept(_shown(copy), actor, _acceptance(stated), services.verifier())
    if as_json:
        put({**copy_office.use_shape(made), "replayed": made.replayed})
        return
    click.echo(f"{made.copy_id}  {made.number}/{made.uses or '∞'}")


@command.command("refuse", help="不予采用一份副本（文件或其编号），登记理由；不计次数")
@click.argument("copy", metavar="FILE|ID")
@_accepting
@option("--reason", required=True, metavar="R", help="理由")
@as_json
@acting
@common
@refusable
def refuse(copy: str, reason: str, as_json: bool, account: str | None, directory: Path | None, **stated: Any) -> None:
    from api import copy_office

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        made = services.desk.copier.refuse(_shown(copy), actor, _acceptance(stated), reason, services.verifier())
    if as_json:
        put(copy_office.refusal_shape(made))
        return
    click.echo(f"{made.copy_id}  {made.code}")


# Shared


def _session(services: Services, code: str, account: str | None) -> HolderSession:
    from api.commands.holders import holder_session

    return holder_session(services, code, account)


def _of_copy(services: Services, copy_id: str, code: str, account: str | None) -> HolderSession:
    """For whoever the copy belongs to, unless another is named."""
    return _session(services, code or services.desk.copies.find(copy_id).holder_code, account)


def _shown(named: str) -> bytes | str:
    """The copy's id, or the content of its file."""
    from licence_store.copying.grants import is_id

    return named if is_id(named) and not Path(named).exists() else file_bytes(Path(named))


def _acceptance(stated: dict[str, Any]) -> Acceptance:
    from licence_store.copying.uses import Acceptance

    return Acceptance(**stated)


def _state(state: str) -> str:
    from licence_store.copying.grants import STATE_WORDS, CopyState

    return tr(STATE_WORDS[CopyState(state)])
