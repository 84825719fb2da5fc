"""``entry``: scans of paper licences, entered, checked and sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, acting, common, file_bytes, open_services, option, put, refusable, say, tr

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.collection.entry import EntryDesk
    from licence_store.collection.sheets import SheetView
    from trust.journal import Actor

command = Group("entry", help="证照采集：扫描件收件、录入、复核、盖章（证照录入、申请材料电子化、审批结果电子化）")
MODES = ("scan", "material", "result")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
sheet_argument = click.argument("sheet_id", metavar="ID")
reason_option = option("--reason", default="", metavar="R", help="理由")


@command.command("receive", help="收件：扫描件（JPEG、PNG、TIFF、PDF、OFD）、文件夹或 ZIP，每份一张采集单")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("--type", "type_name", required=True, metavar="CODE", help="证照类型：代码、短名或名称")
@option("--mode", type=click.Choice(MODES), default="scan", help="采集方式：证照录入、申请材料电子化、审批结果电子化")
@option("--case", "case_number", default="", metavar="NUMBER", help="办件编号")
@acting
@common
def receive(
    paths: tuple[Path, ...],
    type_name: str,
    mode: str,
    case_number: str,
    account: str | None,
    directory: Path | None,
) -> int:
    from api import entry_office
    from licence_store.collection.bundle import gather

    files = [one for path in paths for one in gather(path)]
    reserved = {"case.number": case_number} if case_number else {}
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        received = entry_office.receive(services, mode, type_name, files, actor, reserved)
        for sheet in received.sheets:
            put(entry_office.shape(sheet))
        for name, error in received.refused:
            put({"error": {"code": error.code, "message": error.localised(tr)[0]}, "scan": name})
    said = tr("收件 {done} 份，不能作为扫描件的 {failed} 份。")
    say(said.format(done=len(received.sheets), failed=len(received.refused)))
    return 1 if received.refused else 0


@command.command("list", help="列出采集单")
@option("--state", default="", metavar="STATE", help="只列此状态：open、checking、sealing、issued、discarded")
@as_json
@acting
@common
def list_sheets(state: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.collection import sheets

    with open_services(directory) as services:
        actor, after = services.issuing_actor(account), None
        while True:
            with services.desk.sessions.read() as session:
                found = sheets.list_sheets(session, department=actor.department, state=state, after=after, limit=500)
            for sheet in found:
                _show(sheet, as_json)
            if len(found) < 500:
                return
            after = found[-1].position


def _show(sheet: SheetView, as_json: bool) -> None:
    from api import entry_office
    from licence_store.collection.sheets import STATES

    if as_json:
        put(entry_office.shape(sheet))
    else:
        click.echo(f"{sheet.id}  {tr(STATES[sheet.state]):<6}  {sheet.scan_name}  {sheet.licence_id}".rstrip())


@command.command("show", help="显示一张采集单：识别建议、录入内容、经过")
@sheet_argument
@option("--picture", type=click.Path(path_type=Path), metavar="JPEG", help="把扫描件首页的图像写到文件")
@as_json
@acting
@common
def show(sheet_id: str, picture: Path | None, as_json: bool, account: str | None, directory: Path | None) -> None:
    from licence_store.collection.scans import page_picture

    with open_services(directory) as services:
        desk, actor = _desk(services, account)
        sheet = desk.sheet(sheet_id, actor)
        services.journal.record(actor=actor, action="entry.read", subject=sheet.id)
        if picture is not None:
            picture.write_bytes(page_picture(desk.scan(sheet)))
    _show(sheet, as_json)
    if not as_json:
        for name, value in sheet.content.values.items():
            said = sheet.content.suggestions.get(name)
            mark = tr("（{source}，未核实）").format(source=tr(said.source)) if said else ""
            click.echo(f"  {name:<26} {value} {mark}".rstrip())


@command.command("recognise", help="图文识别：用本机的识别程序补上还空着的字段（建议，须人工核实）")
@sheet_argument
@acting
@common
@refusable
def recognise(sheet_id: str, account: str | None, directory: Path | None) -> None:
    from licence_store.collection.ocr import default_recognisers

    _step(directory, account, lambda desk, actor: desk.recognise(sheet_id, actor, default_recognisers()))


@command.command("complete", help="录入完成：照扫描件填好并核实各字段，盖章成证照（类型要求复核的，先交第二人）")
@sheet_argument
@option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="录入内容（JSON，见 docs/collection.md）",
)
@acting
@common
@refusable
def complete(sheet_id: str, source: Path, account: str | None, directory: Path | None) -> None:
    from api import entry_office
    from trust.errors import Malformed

    try:
        given = json.loads(file_bytes(source))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Malformed("entry.not_json", "录入内容应为一个 JSON 对象：{name}", name=source.name)
    filled = entry_office.filled_from(given)
    _step(directory, account, lambda desk, actor: desk.complete(sheet_id, filled, actor))


@command.command("approve", help="复核通过，盖章成证照（须由另一人）")
@sheet_argument
@acting
@common
@refusable
def approve(sheet_id: str, account: str | None, directory: Path | None) -> None:
    _step(directory, account, lambda desk, actor: desk.approve(sheet_id, actor))


@command.command("send-back", help="退回重新录入")
@sheet_argument
@reason_option
@acting
@common
@refusable
def send_back(sheet_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    _step(directory, account, lambda desk, actor: desk.send_back(sheet_id, reason, actor))


@command.command("discard", help="作废一张采集单；扫描件留存，录入内容抹去")
@sheet_argument
@reason_option
@acting
@common
@refusable
def discard(sheet_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    _step(directory, account, lambda desk, actor: desk.discard(sheet_id, reason, actor))


@command.command("seal", help="接着盖章：此前因密钥、时间戳或存储不可用而停下的")
@sheet_argument
@acting
@common
@refusable
def seal(sheet_id: str, account: str | None, directory: Path | None) -> None:
    _step(directory, account, lambda desk, actor: desk.seal(sheet_id, actor))


def _desk(services: Services, account: str | None) -> tuple[EntryDesk, Actor]:
    from api import entry_office

    return entry_office.entry_desk(services), services.issuing_actor(account)


def _step(directory: Path | None, account: str | None, act: Callable[[EntryDesk, Actor], Any]) -> None:
    from api import entry_office

    with open_services(directory) as services:
        put(entry_office.shape(act(*_desk(services, account))))
        services.anchor_journal()
