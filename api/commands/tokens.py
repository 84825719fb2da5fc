"""``tokens``: what a connected system may do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, say, tr

command = Group("tokens", help="接口令牌：发放、列出、收回")
SCOPES = (
    "issue",
    "read",
    "search",
    "check",
    "life",
    "accept",
    "materials",
    "collect",
    "types",
    "journal",
    "seals",
    "trust",
)


@command.command("create", help="发放接口令牌；密钥只显示一次")
@option("--label", required=True, metavar="TEXT", help="给哪个系统用")
@option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="可做什么（可多次给出）")
@option("--department", "departments", multiple=True, metavar="ID", help="限于这些部门（默认：账号所属部门）")
@option("--type", "types", multiple=True, metavar="CODE", help="限于这些证照类型（默认：全部）")
@option("--days", type=click.IntRange(1, 365), default=90, help="有效天数（默认 90）")
@acting
@common
def create(
    label: str,
    scopes: tuple[str, ...],
    departments: tuple[str, ...],
    types: tuple[str, ...],
    days: int,
    account: str | None,
    directory: Path | None,
) -> None:
    with open_services(directory) as services:
        actor = services.actor(account)
        holder = services.accounts.get(actor.account)
        made = services.create_token(
            holder, scopes, departments, types, label=label, valid=timedelta(days=days), actor=actor
        )
    say(tr("请妥善保存令牌，只显示这一次。"))
    put(
        {
            "id": made.id,
            "token": made.secret,
            "scopes": made.scopes,
            "departments": made.departments,
            "types": made.types,
        }
    )


@command.command("list", help="列出接口令牌（不含密钥）")
@common
def list_tokens(directory: Path | None) -> None:
    from verify.report import rfc3339

    with open_services(directory) as services:
        for one in services.accounts.tokens():
            put(
                {
                    "id": one.id,
                    "label": one.label,
                    "account": one.account_name,
                    "expires": rfc3339(one.expires),
                    "revoked": one.revoked is not None,
                }
            )


@command.command("revoke", help="收回接口令牌")
@click.argument("token_id", metavar="ID")
@acting
@common
def revoke(token_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        own = {one.id for one in services.accounts.tokens(account)} if account is not None else set()
        actor = services.actor(account) if token_id in own else services.administrator(account)
        services.accounts.revoke_token(token_id, actor=actor)
    put({"id": token_id, "revoked": True})
