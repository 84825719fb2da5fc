"""``holders``: accounts of the space; and for other commands the holder they act for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.accounts import AccountView
    from licence_store.holding.holder import HolderSession

command = Group("holders", help="用户空间的账号：列出、查看登录记录、结束会话、注销")


def holder_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--holder CODE``: for whom a command acts."""
    return option("--holder", required=True, metavar="CODE", help="持证者代码：公民身份号码或统一社会信用代码")(
        function
    )


def holder_session(services: Services, code: str, account: str | None, name: str = "") -> HolderSession:
    """The session in which a command acts for a holder: in a demonstration region the console's; elsewhere that of the
    officer named by ``--as``, before whom the holder stands (窗口代办). ``name``: of somebody who holds nothing yet.
    Journalled.

    Raises ``Refused("account.needed", "account.disabled", "account.not_officer")``, ``Malformed("holder.code")``.
    """
    from licence_store.holding.counter import at_counter

    actor = services.issuing_actor(account)
    return at_counter(services.desk.sessions, services.desk.journal, code, actor, services.clock(), name)


def in_space(function: Callable[..., Any]) -> Callable[..., Any]:
    """The frame of a command in a holder's space, whose options (``holder_option``) name the holder: the act is given
    ``Services`` and the holder's session. ``--json`` is for ``refusable``, around it: such acts print JSON anyhow.
    """

    @acting
    @common
    @functools.wraps(function)
    def framed(
        holder: str,
        account: str | None,
        directory: Path | None,
        holder_name: str = "",
        as_json: bool = False,
        **given: Any,
    ) -> Any:
        with open_services(directory) as services:
            return function(services, holder_session(services, holder, account, holder_name), **given)

    return framed


@command.command("list", help="列出账号，号码和姓名部分隐去，每个一行 JSON")
@common
def list_holders(directory: Path | None) -> None:
    with open_services(directory) as services:
        for one in services.desk.holders.list():
            put(_shown(one))


def _shown(one: AccountView) -> dict[str, object]:
    from api.moments import exact

    return {
        "account_id": one.id,
        "code": one.person.masked_code,
        "name": one.person.masked_name,
        "opened": exact(one.opened),
        "closed": exact(one.closed) if one.closed else None,
    }


@command.command("sign-ins", help="一个账号的登录记录，新的在前，每条一行 JSON")
@click.argument("account_id", metavar="ID")
@common
def sign_ins(account_id: str, directory: Path | None) -> None:
    from api.moments import exact

    with open_services(directory) as services:
        services.desk.holders.get(account_id)
        for one in services.desk.holders.sign_ins(account_id):
            put({"at": exact(one.at), "act": one.act, "assurance": one.assurance, "address": one.address})


@command.command("close", help="注销一个账号：会话、登录记录、联系方式、授权和上传的材料随之清除，证照仍在登记簿")
@click.argument("account_id", metavar="ID")
@acting
@common
@refusable
def close(account_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.closing.close(account_id, services.administrator(account))
        put({"account_id": account_id, "closed": True})


@command.command("sign-out", help="结束一个账号的全部会话")
@click.argument("account_id", metavar="ID")
@acting
@common
@refusable
def sign_out(account_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        actor = services.administrator(account)
        found = services.desk.holders.get(account_id)
        ended = services.spaces.close_all(found.id)
        services.journal.record(actor=actor, action="holder.sign_out", subject=found.id)
        put({"account_id": found.id, "ended": ended})
