"""``subscribe``: systems that are told of changes by webhook."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from api.commands.common import (
    Group,
    acting,
    common,
    open_services,
    option,
    overlap_option,
    put,
    refusable,
    say,
    tr,
)  # fmt: skip

command = Group("subscribe", help="订阅：证照变更事件的回调（CloudEvents）、重投、退订")
SCHEMES = ("hmac", "sm2")
id_argument = click.argument("subscription_id", metavar="ID")


@command.command("add", help="登记一个订阅；回调密钥只显示一次")
@click.argument("address", metavar="URL")
@option("--name", required=True, metavar="TEXT", help="订阅方名称")
@option("--scheme", type=click.Choice(SCHEMES), default="hmac", help="签名方式：共享密钥 hmac，或本地区私钥 sm2")
@option("--type", "types", multiple=True, metavar="TYPE", help="只要这些类型（默认全部）")
@option("--department", "departments", multiple=True, metavar="ID", help="只要这些部门的证照（默认全部）")
@option("--change", "steps", multiple=True, metavar="STEP", help="只要这些变更，如 issue、revoke（默认全部）")
@option("--since", default=None, metavar="T", help="从这一时刻起补送（RFC 3339；默认从现在起）")
@acting
@common
@refusable
def add(
    address: str,
    name: str,
    scheme: str,
    types: tuple[str, ...],
    departments: tuple[str, ...],
    steps: tuple[str, ...],
    since: str | None,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.schemas.seals import moment
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        made = services.desk.subscriptions.add(
            name, address, services.administrator(account), scheme=scheme, departments=departments, types=types,
            steps=steps, since=moment(since),
        )  # fmt: skip
    if made.secret:
        say(tr("请妥善保存回调密钥，只显示这一次。"))
    put({**subscription_json(made), **({"secret": made.secret} if made.secret else {})})


@command.command("list", help="列出订阅")
@common
def list_subscriptions(directory: Path | None) -> None:
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        for one in services.desk.subscriptions.list():
            put(subscription_json(one))


@command.command("show", help="显示一个订阅和各状态的投递数")
@id_argument
@common
@refusable
def show(subscription_id: str, directory: Path | None) -> None:
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        put(subscription_json(services.desk.subscriptions.get(subscription_id)))


@command.command("pause", help="暂停一个订阅；期间的变更恢复后补送")
@id_argument
@acting
@common
@refusable
def pause(subscription_id: str, account: str | None, directory: Path | None) -> None:
    _pause(subscription_id, account, directory, paused=True)


@command.command("resume", help="恢复一个订阅")
@id_argument
@acting
@common
@refusable
def resume(subscription_id: str, account: str | None, directory: Path | None) -> None:
    _pause(subscription_id, account, directory, paused=False)


def _pause(subscription_id: str, account: str | None, directory: Path | None, *, paused: bool) -> None:
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        actor = services.administrator(account)
        put(subscription_json(services.desk.subscriptions.pause(subscription_id, actor, paused=paused)))


@command.command("end", help="退订，不可恢复")
@id_argument
@acting
@common
@refusable
def end(subscription_id: str, account: str | None, directory: Path | None) -> None:
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        put(subscription_json(services.desk.subscriptions.end(subscription_id, services.administrator(account))))


@command.command("rotate", help="更换一个订阅的回调密钥；新的只显示一次，旧的再并用一段时间")
@id_argument
@overlap_option
@acting
@common
@refusable
def rotate(subscription_id: str, overlap: int, account: str | None, directory: Path | None) -> None:
    from api.subscription_shapes import subscription_json

    with open_services(directory) as services:
        made = services.desk.subscriptions.rotate(
            subscription_id, services.administrator(account), overlap=timedelta(hours=overlap)
        )
    say(tr("请妥善保存回调密钥，只显示这一次。"))
    put({**subscription_json(made), "secret": made.secret})


@command.command("replay", help="重投：投递失败的，或自某一时刻起的全部；事件标识不变")
@id_argument
@option("--since", default=None, metavar="T", help="自这一时刻起形成的（RFC 3339）")
@option("--all", "everything", is_flag=True, help="已送到的也重投")
@acting
@common
@refusable
def replay(
    subscription_id: str, since: str | None, everything: bool, account: str | None, directory: Path | None
) -> None:
    from api.schemas.seals import moment

    with open_services(directory) as services:
        actor = services.administrator(account)
        count = services.desk.subscriptions.replay(
            subscription_id, actor, since=moment(since), dead_only=not everything
        )
    put({"id": subscription_id, "replayed": count})
