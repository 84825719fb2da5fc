"""``accounts``: who works here."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from api.commands.common import Group, acting, common, open_services, option, put, say, tr

ROLES = ("officer", "seal_keeper", "seal_approver", "auditor", "admin")
command = Group("accounts", help="工作人员账号：开立、列出、重设口令、停用")


@command.command("list", help="列出账号")
@common
def list_accounts(directory: Path | None) -> None:
    with open_services(directory) as services:
        for one in services.accounts.list():
            put(
                {
                    "account": one.name,
                    "name": one.display_name,
                    "role": one.role,
                    "department": one.department_id,
                    "disabled": one.disabled is not None,
                }
            )


@command.command("create", help="开立账号；口令从标准输入读一行，或由系统生成并显示一次")
@click.argument("name")
@option("--role", type=click.Choice(ROLES), default="officer", help="角色（默认 officer）")
@option("--department", metavar="ID", help="所属部门")
@option("--display-name", metavar="NAME", help="显示的姓名")
@option("--password-stdin", is_flag=True, help="从标准输入读口令")
@acting
@common
def create(
    name: str,
    role: str,
    department: str | None,
    display_name: str | None,
    password_stdin: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    with open_services(directory) as services:
        password, made = _password(password_stdin)
        services.accounts.create(
            name,
            password,
            display_name=display_name or name,
            role=role,
            department=department,
            actor=services.administrator(account),
        )
    put({"account": name, "role": role, "department": department, **({"password": password} if made else {})})


@command.command("set-password", help="重设口令；其会话随即结束")
@click.argument("name")
@option("--password-stdin", is_flag=True, help="从标准输入读口令")
@acting
@common
def set_password(name: str, password_stdin: bool, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        password, made = _password(password_stdin)
        actor = services.actor(account) if account == name else services.administrator(account)
        services.accounts.set_password(name, password, actor=actor)
    put({"account": name, **({"password": password} if made else {})})


@command.command("disable", help="停用账号")
@click.argument("name")
@acting
@common
def disable(name: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.accounts.disable(name, actor=services.administrator(account))
    put({"account": name, "disabled": True})


def _password(from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether we made it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    from licence_store.accounts import new_password

    say(tr("已生成口令，只显示这一次。"))
    return new_password(), True
