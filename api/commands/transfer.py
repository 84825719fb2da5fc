"""``transfer``: licences that go to another region or come from one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, acting, common, file_bytes, open_services, option, put, refusable, write_whole

if TYPE_CHECKING:
    from api.licence_office import Asked
    from api.wiring import Services

command = Group("transfer", help="转移：证照转往其他地区、自其他地区转入（双方签名的文书）")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", required=True, metavar="TEXT", help="理由")
out_option = option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把本步的签名文书写到哪里")
changes_option = option("--changes", default="", metavar="JSON", help="后续证照与原证照不同的内容（JSON 对象）")
id_argument = click.argument("transfer_id", metavar="ID")


@command.command("consent", help="同意接收：核对其他地区的证照原件，出具接收函（接收地区）")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@option("--department", default="", metavar="ID", help="由哪个部门签发后续证照")
@changes_option
@reason_option
@out_option
@as_json
@acting
@common
@refusable
def consent(
    file: Path,
    department: str,
    changes: str,
    reason: str,
    out: Path | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    with open_services(directory) as services:
        asked, given = _asked(services, account), _changes(changes)
        one = services.transfers.consent(file_bytes(file), department, asked, reason, given)
        _tell(services, one.id, asked, "consent", out)


@command.command("release", help="转出：原证照终止，仅为出具接收函的地区（转出地区）")
@id_argument
@reason_option
@option("--basis", default="", metavar="TEXT", help="依据：文号、条款")
@out_option
@as_json
@acting
@common
@refusable
def release(
    transfer_id: str,
    reason: str,
    basis: str,
    out: Path | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    with open_services(directory) as services:
        asked = _asked(services, account)
        services.transfers.release(transfer_id, asked, reason, basis)
        _tell(services, transfer_id, asked, "release", out)


@command.command("decline", help="谢绝转出：证照留在本地区（转出地区）")
@id_argument
@reason_option
@out_option
@as_json
@acting
@common
@refusable
def decline(
    transfer_id: str, reason: str, out: Path | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    with open_services(directory) as services:
        asked = _asked(services, account)
        services.transfers.decline(transfer_id, asked, reason)
        _tell(services, transfer_id, asked, "decline", out)


@command.command("issue", help="转入：签发后续证照，出具回执（接收地区）")
@id_argument
@changes_option
@out_option
@as_json
@acting
@common
@refusable
def issue(
    transfer_id: str, changes: str, out: Path | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    with open_services(directory) as services:
        asked = _asked(services, account)
        services.transfers.issue(transfer_id, asked, _changes(changes))
        _tell(services, transfer_id, asked, "receipt", out)


@command.command("receive", help="收文：登记对方地区的签名文书（无网络时用）")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@as_json
@acting
@common
@refusable
def receive(file: Path, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api.transfer_office import transfer_json

    with open_services(directory) as services:
        asked = _asked(services, account)
        put(transfer_json(services.desk.transfers.receive(file_bytes(file), asked.who.actor)))


@command.command("send", help="送达：把尚未送到的文书再送一次")
@id_argument
@as_json
@acting
@common
@refusable
def send(transfer_id: str, as_json: bool, account: str | None, directory: Path | None) -> int:
    from api.transfer_office import transfer_json

    with open_services(directory) as services:
        services.transfers.get(transfer_id, _asked(services, account), "life")
        one = services.desk.transfers.send(transfer_id)
        put(transfer_json(one))
    return 1 if one.unsent else 0


@command.command("list", help="列出转移")
@option("--direction", default="", metavar="DIRECTION", help="只列转出 out 或转入 in")
@option("--state", default="", metavar="STATE", help="只列这一状态：consented、released、completed、declined")
@acting
@common
@refusable
def list_transfers(direction: str, state: str, account: str | None, directory: Path | None) -> None:
    from api.transfer_office import transfer_json

    with open_services(directory) as services:
        for one in services.transfers.list(_asked(services, account), direction=direction, state=state):
            put(transfer_json(one))


@command.command("show", help="显示一件转移；可取出其中一份签名文书")
@id_argument
@option("--paper", default="", metavar="KIND", help="文书种类：consent、release、receipt、decline")
@out_option
@acting
@common
@refusable
def show(transfer_id: str, paper: str, out: Path | None, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        _tell(services, transfer_id, _asked(services, account), paper, out)


def _asked(services: Services, account: str | None) -> Asked:
    from api.licence_office import Asked, console_official

    return Asked(console_official(services, account))


def _changes(text: str) -> dict[str, Any] | None:
    from trust.errors import Malformed

    if not text:
        return None
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Malformed("transfer.changes", "变更内容应为 JSON 对象。")
    return given


def _tell(services: Services, transfer_id: str, asked: Asked, kind: str, out: Path | None) -> None:
    from api.transfer_office import transfer_json

    one = services.transfers.get(transfer_id, asked)
    if out is not None:
        write_whole(out, services.transfers.paper(transfer_id, kind, asked))
    put(transfer_json(one))
