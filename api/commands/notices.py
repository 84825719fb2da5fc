"""``notices``: what holders and departments were told, and whether it reached them."""

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

command = Group("notices", help="通知：列出、查看投递经过、重投；登记和撤销联系方式")
STATES = ("waiting", "sent", "dead")
LINES = "每条一行 JSON（总是如此）"


@command.command("list", help="列出投递，新的在前")
@option("--state", type=click.Choice(STATES), help="只列这种状态的")
@option("--limit", type=click.IntRange(1, 1000), default=50, metavar="N", help="最多几条（默认 50）")
@option("--json", "as_json", is_flag=True, help=LINES)
@common
def list_notices(state: str | None, limit: int, as_json: bool, directory: Path | None) -> None:
    from api.notice_shapes import delivery

    with open_services(directory) as services:
        for one in services.desk.notices.list(state=state or "", limit=limit):
            put(delivery(one))


@command.command("show", help="一次投递：文字和每次尝试")
@click.argument("delivery_id", metavar="ID")
@option("--json", "as_json", is_flag=True, help=LINES)
@common
def show(delivery_id: str, as_json: bool, directory: Path | None) -> None:
    from api.notice_shapes import attempt, delivery

    with open_services(directory) as services:
        found = services.desk.notices.get(delivery_id)
        attempts = [attempt(one, tr) for one in services.desk.notices.attempts(delivery_id)]
        text = found.text
        put({**delivery(found), "heading": text.heading, "text": text.body, "made": attempts})


@command.command("replay", help="重投一条已放弃的通知")
@click.argument("delivery_id", metavar="ID")
@option("--json", "as_json", is_flag=True, help=LINES)
@acting
@common
@refusable
def replay(delivery_id: str, account: str | None, as_json: bool, directory: Path | None) -> None:
    from api.notice_shapes import delivery

    with open_services(directory) as services:
        put(delivery(services.desk.notices.replay(delivery_id, services.actor(account))))


@command.command("contacts", help="列出联系方式")
@option("--holder", default="", metavar="CODE", help="只列这一持证者的")
@option("--department", default="", metavar="ID", help="只列这一部门的")
@option("--json", "as_json", is_flag=True, help=LINES)
@common
def contacts(holder: str, department: str, as_json: bool, directory: Path | None) -> None:
    from api.notice_shapes import contact

    kind = "holder" if holder else "department" if department else ""
    with open_services(directory) as services:
        for one in services.desk.notices.contacts.list(party_kind=kind, party=holder or department):
            put(contact(one))


@command.command("add-contact", help="登记联系方式；回调的签名密钥只显示一次")
@option("--holder", default="", metavar="CODE", help="持证者代码")
@option("--department", default="", metavar="ID", help="部门")
@option("--mail", default="", metavar="ADDRESS", help="邮件地址")
@option("--webhook", default="", metavar="URL", help="回调地址（https）")
@option("--language", type=click.Choice(["zh-CN", "en"]), default="zh-CN", help="通知的语言（默认 zh-CN）")
@option("--json", "as_json", is_flag=True, help=LINES)
@acting
@common
@refusable
def add_contact(
    holder: str,
    department: str,
    mail: str,
    webhook: str,
    language: str,
    account: str | None,
    as_json: bool,
    directory: Path | None,
) -> None:
    from api.notice_shapes import contact

    if bool(holder) == bool(department) or bool(mail) == bool(webhook):
        raise click.UsageError(tr("请写明 --holder 或 --department 之一，以及 --mail 或 --webhook 之一"))
    kind, channel = ("holder" if holder else "department"), ("smtp" if mail else "webhook")
    with open_services(directory) as services:
        actor = services.actor(account)
        made = services.desk.notices.contacts.add(
            kind, holder or department, channel, mail or webhook, actor=actor, language=language
        )
    if made.secret:
        say(tr("请妥善保存签名密钥，只显示这一次。"))
    put({**contact(made), **({"secret": made.secret} if made.secret else {})})


@command.command("rotate-contact", help="更换回调的签名密钥；新的只显示一次，旧的再并用一段时间")
@click.argument("contact_id", metavar="ID")
@overlap_option
@option("--json", "as_json", is_flag=True, help=LINES)
@acting
@common
@refusable
def rotate_contact(contact_id: str, overlap: int, account: str | None, as_json: bool, directory: Path | None) -> None:
    from api.notice_shapes import contact

    with open_services(directory) as services:
        made = services.desk.notices.contacts.rotate(
            contact_id, actor=services.actor(account), overlap=timedelta(hours=overlap)
        )
    say(tr("请妥善保存签名密钥，只显示这一次。"))
    put({**contact(made), "secret": made.secret})


@command.command("end-contact", help="撤销联系方式，不再向其投递")
@click.argument("contact_id", metavar="ID")
@option("--json", "as_json", is_flag=True, help=LINES)
@acting
@common
@refusable
def end_contact(contact_id: str, account: str | None, as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.notices.contacts.end(contact_id, actor=services.actor(account))
    put({"contact_id": contact_id, "ended": True})
