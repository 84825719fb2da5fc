"""``share``: systems that may ask, their keys, what is shared with whom, what was asked; and asking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, acting, common, file_bytes, open_services, option, put, refusable, say, tr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from licence_store.sharing.models import SharingClient

command = Group("share", help="共享互认：接入系统、共享属性、申请审核、查询与日志")
OPERATIONS = ("catalogue", "fields", "licence", "holder", "qr", "batch", "check", "verify", "compare", "download")
TIERS = ("open", "application", "closed")


# ---------------------------------------------------------------- systems


@command.command("register", help="登记一个接入系统")
@option("--name", required=True, metavar="TEXT", help="系统名称")
@option("--organisation", required=True, metavar="TEXT", help="所属单位")
@option("--code", "organisation_code", required=True, metavar="CODE", help="单位的统一社会信用代码")
@option("--region", required=True, metavar="CODE", help="所在行政区划代码")
@option("--operation", "operations", multiple=True, type=click.Choice(OPERATIONS), help="可用的操作（默认全部）")
@option("--type", "types", multiple=True, metavar="TYPE", help="可查的证照类型（默认全部）")
@option("--for-region", "regions", multiple=True, metavar="CODE", help="可查哪些地区的证照（默认全部）")
@option("--rate", type=int, default=600, help="每分钟次数上限（0 不限）")
@option("--quota", type=int, default=100_000, help="每日次数上限（0 不限）")
@option("--node", is_flag=True, help="这是另一地区的节点：以信任列表中的密钥签名，不另登记密钥")
@option("--certificate", default="", metavar="HEX", help="TLS 客户端证书的 SHA-256 指纹")
@acting
@common
@refusable
def register(
    name: str,
    organisation: str,
    organisation_code: str,
    region: str,
    operations: tuple[str, ...],
    types: tuple[str, ...],
    regions: tuple[str, ...],
    rate: int,
    quota: int,
    node: bool,
    certificate: str,
    account: str | None,
    directory: Path | None,
) -> None:
    from licence_store.sharing.callers import NewClient

    with open_services(directory) as services:
        codes = [services.catalogue.get(one).code for one in types]
        new = NewClient(
            name, organisation, organisation_code, region, operations or OPERATIONS, codes or ("*",), regions or ("*",),
            rate, quota, certificate, node,
        )  # fmt: skip
        client = services.desk.callers.register(new, services.administrator(account))
        put(_client(client))


@command.command("systems", help="列出接入系统")
@common
def systems(directory: Path | None) -> None:
    with open_services(directory) as services:
        for client in services.desk.callers.list():
            keys = [
                {"id": key.id, "kind": key.kind, "ended": key.ended is not None}
                for key in services.desk.callers.keys(client.id)
            ]
            put({**_client(client), "keys": keys})


@command.command("key", help="为接入系统登记一把公钥（SM2 或 P-256，PEM）")
@click.argument("client_id", metavar="SYSTEM")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@option("--id", "key_id", default="", metavar="ID", help="密钥标识（默认取公钥的指纹）")
@acting
@common
@refusable
def key(client_id: str, file: Path, key_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        actor = services.administrator(account)
        made = services.desk.callers.add_key(client_id, file_bytes(file), actor, key_id=key_id)
        put({"id": made.id, "client": made.client_id, "kind": made.kind})


@command.command("secret", help="为接入系统发放访问密钥（AK/SK）；SK 只显示一次")
@click.argument("client_id", metavar="SYSTEM")
@acting
@common
@refusable
def secret(client_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        access_key, told = services.desk.callers.add_secret(client_id, services.administrator(account))
    say(tr("请妥善保存 SK，只显示这一次。"))
    put({"access_key": access_key, "secret_key": told, "client": client_id})


@command.command("end-key", help="停用一把接入密钥")
@click.argument("key_id", metavar="KEY")
@acting
@common
@refusable
def end_key(key_id: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.callers.end_key(key_id, services.administrator(account))
    put({"id": key_id, "ended": True})


@command.command("suspend", help="暂停一个接入系统")
@click.argument("client_id", metavar="SYSTEM")
@option("--reason", required=True, metavar="TEXT", help="理由")
@acting
@common
@refusable
def suspend(client_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.callers.suspend(client_id, services.administrator(account), reason)
    put({"id": client_id, "state": "suspended"})


@command.command("resume", help="恢复一个接入系统")
@click.argument("client_id", metavar="SYSTEM")
@option("--reason", required=True, metavar="TEXT", help="理由")
@acting
@common
@refusable
def resume(client_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.callers.resume(client_id, services.administrator(account), reason)
    put({"id": client_id, "state": "active"})


@command.command("end", help="注销一个接入系统，不可恢复")
@click.argument("client_id", metavar="SYSTEM")
@option("--reason", required=True, metavar="TEXT", help="理由")
@acting
@common
@refusable
def end(client_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.callers.end(client_id, services.administrator(account), reason)
    put({"id": client_id, "state": "ended"})


# ---------------------------------------------------------------- what is shared


@command.command("tiers", help="列出各部门各类证照的共享属性")
@common
def tiers(directory: Path | None) -> None:
    with open_services(directory) as services:
        for one in services.desk.sharing.access.tiers():
            put({"type": one.type_code, "name": one.type_name, "department": one.department, "tier": one.tier})


@command.command("tier", help="定一类证照的共享属性：完全共享 open、申请共享 application、不予共享 closed")
@click.argument("type_name", metavar="TYPE")
@click.argument("tier", type=click.Choice(TIERS))
@option("--department", required=True, metavar="ID", help="颁发此类证照的部门")
@option("--reason", required=True, metavar="TEXT", help="理由")
@acting
@common
@refusable
def set_tier(
    type_name: str, tier: str, department: str, reason: str, account: str | None, directory: Path | None
) -> None:
    with open_services(directory) as services:
        access = services.desk.sharing.access
        access.set_tier(type_name, department, tier, reason, services.issuing_actor(account))
    put({"type": type_name, "department": department, "tier": tier})


@command.command("apply", help="代接入系统提交共享申请")
@click.argument("client_id", metavar="SYSTEM")
@click.argument("type_name", metavar="TYPE")
@option("--operation", "operations", multiple=True, required=True, type=click.Choice(OPERATIONS), help="申请的操作")
@option("--service-item", "items", multiple=True, required=True, metavar="TEXT", help="用于哪些政务服务事项")
@option("--basis", required=True, metavar="TEXT", help="法律依据")
@option("--reason", required=True, metavar="TEXT", help="理由")
@option("--department", default="", metavar="ID", help="向哪个部门申请")
@acting
@common
@refusable
def apply(
    client_id: str,
    type_name: str,
    operations: tuple[str, ...],
    items: tuple[str, ...],
    basis: str,
    reason: str,
    department: str,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.sharing_office import application_json

    with open_services(directory) as services:
        made = services.desk.sharing.access.apply(
            client_id, type_name, department=department, operations=operations, items=items, basis=basis,
            reason=reason, actor=services.administrator(account),
        )  # fmt: skip
        put(application_json(made))


@command.command("applications", help="列出共享申请")
@option("--state", default="", metavar="STATE", help="只列这一状态：requested、approved、refused、ended…")
@common
def applications(state: str, directory: Path | None) -> None:
    from api.sharing_office import application_json

    with open_services(directory) as services:
        for one in services.desk.sharing.access.applications(state=state):
            put(application_json(one))


@command.command("decide", help="审核共享申请：approve、refuse，或 end 终止已同意的")
@click.argument("application_id", metavar="APPLICATION")
@click.argument("decision", type=click.Choice(("approve", "refuse", "end", "withdraw")))
@option("--reason", required=True, metavar="TEXT", help="理由")
@option("--until", default="", metavar="DATE", help="同意到哪一天（YYYY-MM-DD，含当日）")
@acting
@common
@refusable
def decide(
    application_id: str, decision: str, reason: str, until: str, account: str | None, directory: Path | None
) -> None:
    from api.sharing_office import application_json

    with open_services(directory) as services:
        made = services.desk.sharing.access.decide(
            application_id, decision, reason=reason, actor=services.issuing_actor(account), until=last_moment(until)
        )
        put(application_json(made))


@command.command("provider", help="登记一个外部证照源（JSON 定义）")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@acting
@common
@refusable
def provider(file: Path, account: str | None, directory: Path | None) -> None:
    from trust.errors import Malformed

    try:
        definition = json.loads(file_bytes(file))
    except (ValueError, RecursionError):
        raise Malformed("sharing.provider", "外部证照源的定义有误：{part}。", part="JSON") from None
    with open_services(directory) as services:
        made = services.desk.sharing.providers.add(definition, services.administrator(account))
        put({"name": made.name, "kind": made.kind, "type": made.type_code, "department": made.department_id})


@command.command("providers", help="列出外部证照源")
@common
def providers(directory: Path | None) -> None:
    with open_services(directory) as services:
        for one in services.desk.sharing.providers.list():
            put({"name": one.name, "kind": one.kind, "type": one.type_code, "ended": one.ended is not None})


@command.command("end-provider", help="停用一个外部证照源")
@click.argument("name", metavar="NAME")
@acting
@common
@refusable
def end_provider(name: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.sharing.providers.end(name, services.administrator(account))
    put({"name": name, "ended": True})


# ---------------------------------------------------------------- asking, and what was asked


@command.command("ask", help="以工作人员身份提一个共享问题，打印签名应答")
@click.argument("operation", type=click.Choice(OPERATIONS))
@option("--parameters", default="{}", metavar="JSON", help="操作的参数（JSON 对象）")
@option("--service-item", required=True, metavar="TEXT", help="事项")
@option("--material", required=True, metavar="TEXT", help="要件")
@option("--case", "case_number", required=True, metavar="NUMBER", help="办件编号")
@option("--basis", required=True, metavar="TEXT", help="法律依据")
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把签名应答原样存入文件")
@acting
@common
@refusable
def ask(
    operation: str,
    parameters: str,
    service_item: str,
    material: str,
    case_number: str,
    basis: str,
    out: Path | None,
    account: str | None,
    directory: Path | None,
) -> None:
    from trust.errors import Malformed
    from trust.sharing_answer import read_answer

    try:
        given = json.loads(parameters)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Malformed("sharing.body", "请求正文应为一个 JSON 对象，名称不得重复。")
    purpose = {"service_item": service_item, "material": material, "case_number": case_number, "basis": basis}
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        data = services.sharing.look_up(actor, actor.account, operation, given, purpose)
    if out is not None:
        out.write_bytes(data)
    answer = read_answer(data)
    put({"id": answer.id, "outcome": answer.outcome, "source": answer.source, "result": answer.result})


@command.command("check-answer", help="离线核对一份签名应答；不需要地区文件夹，给出信任包即可")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@option("--trust", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="信任包（默认用本地区的信任库）")
@option("--question", type=click.Path(path_type=Path), metavar="FILE", help="所提问题的原文，核对应答答的正是它")
@common
def check_answer(file: Path, bundle: Path | None, question: Path | None, directory: Path | None) -> int:
    from licence_store.desk import now
    from trust.errors import CheckFailed
    from trust.sharing_answer import check_answer, read_answer
    from verify.report import rfc3339

    if bundle is not None:
        from trust.anchors import load_bundle

        store = load_bundle(file_bytes(bundle))
    else:
        with open_services(directory) as services:
            store = services.desk.trust()
    answer = read_answer(file_bytes(file))
    said: Mapping[str, Any] = {
        "id": answer.id, "region": answer.region, "as_of": rfc3339(answer.as_of), "operation": answer.operation,
        "caller": answer.caller, "outcome": answer.outcome,
    }  # fmt: skip
    try:
        check_answer(answer, store, known_at=now(), question=file_bytes(question) if question else None)
    except CheckFailed as error:
        message, _ = error.localised(tr)
        put({**said, "checked": False, "code": error.code, "message": message})
        return 1
    put({**said, "checked": True})
    return 0


@command.command("calls", help="列出共享调用，新的在前")
@option("--refusals", is_flag=True, help="只列被拒绝的")
@option("--system", "client_id", default="", metavar="SYSTEM", help="只列这一系统的")
@option("--limit", type=click.IntRange(1, 500), default=50, help="最多几条（默认 50）")
@acting
@common
def calls(refusals: bool, client_id: str, limit: int, account: str | None, directory: Path | None) -> None:
    from verify.report import rfc3339

    with open_services(directory) as services:
        services.administrator(account)
        page, _ = services.desk.sharing.log.page(limit=limit, client_id=client_id, refusals_only=refusals)
        for one in page:
            put(
                {
                    "at": rfc3339(one.at), "client": one.client_id, "operation": one.operation, "type": one.type_code,
                    "subject": one.subject, "purpose": one.purpose, "result": one.result, "answer": one.answer,
                }
            )  # fmt: skip


def last_moment(day: str) -> datetime | None:
    """The end of a day in Beijing; empty: none. Raises ``Malformed("sharing.until")``."""
    from licence_store.standing import end_of
    from trust.errors import Malformed

    try:
        return end_of(day) if day else None
    except (ValueError, OverflowError):
        raise Malformed("sharing.until", "请给出授权截止时间：应在将来，且不超过三年。") from None


def _client(client: SharingClient) -> dict[str, object]:
    state = "ended" if client.ended else "suspended" if client.suspended else "active"
    lists = {name: json.loads(getattr(client, name)) for name in ("operations", "types", "regions")}
    return {
        "id": client.id, "name": client.name, "organisation": client.organisation, "region": client.region, **lists,
        "rate": client.rate, "quota": client.quota, "state": state,
    }  # fmt: skip
