"""``licence search|changes|check``: questions to the register."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Command, acting, common, open_services, option, put

if TYPE_CHECKING:
    from api.wiring import Services
    from trust.journal import Actor

PURPOSE = "命令行查询"


@click.command("search", cls=Command, help="检索证照；每行一份（JSON），新签发的在前")
@click.argument("text", required=False, default="", metavar="[TEXT]")
@option("--number", default="", metavar="NUMBER", help="证照编号")
@option("--holder-code", default="", metavar="CODE", help="持证者代码")
@option("--holder-name", default="", metavar="NAME", help="持证者名称的任何部分")
@option("--type", "type_name", default="", metavar="TYPE", help="证照类型（代码、短名或名称）")
@option("--department", default="", metavar="ID", help="颁证部门")
@option("--state", "states", multiple=True, metavar="STATE", help="证照状态，如 CURRENT、EXPIRED；可给出多次")
@option("--issued-from", default="", metavar="DAY", help="首次颁证日期从（YYYY-MM-DD）")
@option("--issued-to", default="", metavar="DAY", help="首次颁证日期到")
@option("--valid-to-from", "ends_from", default="", metavar="DAY", help="有效期届满日从")
@option("--valid-to-until", "ends_to", default="", metavar="DAY", help="有效期届满日到")
@option("--changed-since", default=None, metavar="T", help="此时刻（RFC 3339）起有变更的")
@option("--limit", type=click.IntRange(1, 1_000_000), default=50, metavar="N", help="最多给出多少份")
@option("--purpose", default=PURPOSE, metavar="P", help="查阅事由")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def search(
    text: str,
    number: str,
    holder_code: str,
    holder_name: str,
    type_name: str,
    department: str,
    states: tuple[str, ...],
    issued_from: str,
    issued_to: str,
    ends_from: str,
    ends_to: str,
    changed_since: str | None,
    limit: int,
    purpose: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import query_office
    from api.schemas.queries import line
    from api.schemas.seals import moment
    from licence_store.criteria import Criteria

    criteria = Criteria(
        text=text, number=number, holder_code=holder_code, name=holder_name, department=department, states=states,
        issued_from=issued_from, issued_to=issued_to, ends_from=ends_from, ends_to=ends_to,
        changed_since=moment(changed_since),
    )  # fmt: skip
    with open_services(directory) as services:
        actor, cursor, left = _reader(services, account), "", limit
        while left > 0:
            page, following = query_office.search(
                services, actor, purpose, criteria, type_name=type_name, cursor=cursor, limit=min(left, 200)
            )
            for one in page.items:
                put(line(one).model_dump())
            left -= len(page.items)
            if following is None:
                break
            cursor = following


@click.command("changes", cls=Command, help="证照变更推送：每行一项（JSON），末行是接着取用的游标")
@option("--since", default=None, metavar="T", help="从此时刻（RFC 3339）起")
@option("--cursor", default="", metavar="CURSOR", help="上次末行给出的游标")
@option("--limit", type=click.IntRange(1, 10_000), default=1000, metavar="N", help="最多给出多少项")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def changes(
    since: str | None, cursor: str, limit: int, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api import query_office
    from api.schemas.queries import change
    from api.schemas.seals import moment

    with open_services(directory) as services:
        page, following = query_office.changes(
            services, _reader(services, account), since=moment(since), cursor=cursor, limit=limit
        )
    for one in page.items:
        put(change(one).model_dump())
    put({"next": following, "more": page.more})


@click.command("check", cls=Command, help="真伪核对：只答是或否；退出码：0 全部属实，1 有不属实的")
@click.argument("licence_id", required=False, default="", metavar="[ID]")
@option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="要核对的字段和值；可给出多次")
@option("--type", "type_name", default="", metavar="TYPE", help="不知道标识时：证照类型")
@option("--holder-code", default="", metavar="CODE", help="不知道标识时：持证者代码")
@option("--purpose", default=PURPOSE, metavar="P", help="核对事由")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@acting
@common
def check(
    licence_id: str,
    fields: tuple[str, ...],
    type_name: str,
    holder_code: str,
    purpose: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> int:
    from api import query_office
    from api.schemas.queries import checked
    from trust.errors import Malformed

    values = dict(one.partition("=")[::2] for one in fields)
    if bool(licence_id) == bool(type_name and holder_code) or not all("=" in one for one in fields):
        raise Malformed("check.call", "请给出证照标识，或者 --type 和 --holder-code；字段写作 --field NAME=VALUE。")
    with open_services(directory) as services:
        actor = _reader(services, account)
        if licence_id:
            answer = query_office.check(services, actor, purpose, licence_id, values)
        else:
            answer = query_office.check_holder(services, actor, purpose, type_name, holder_code, values)
    put(checked(answer).model_dump())
    return 0 if answer.all_hold else 1


def _reader(services: Services, account: str | None) -> Actor:
    """Who asks; raises as ``console_official`` and ``Asked.demand``."""
    from api.licence_office import Asked, console_official

    who = console_official(services, account)
    Asked(who).demand()
    return who.actor


COMMANDS = (search, changes, check)
"""Of the group ``licence``."""
