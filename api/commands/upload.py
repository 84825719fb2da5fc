"""``upload``: hand in a file for a holder, see what its checks said, fetch and drop it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Group, acting, common, open_services, option, put, refusable, say, tr
from api.commands.holders import holder_option, holder_session

if TYPE_CHECKING:
    from trust.errors import LicenceTrustError

command = Group("upload", help="上传：收取持证者提交的文件，按内容检查，加密保存")
upload_argument = click.argument("upload_id", metavar="ID")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")


@command.command("add", help="检查并收取一个文件；没有通过检查的不收取（退出码 1），说明怎样改正")
@click.argument("file", type=click.Path(path_type=Path))
@holder_option
@option("--kind", required=True, metavar="KIND", help="材料种类，如 licence_scan、third_party_report、self_made")
@as_json
@acting
@common
@refusable
def add(file: Path, holder: str, kind: str, as_json: bool, account: str | None, directory: Path | None) -> int:
    from api import upload_office
    from trust.errors import LicenceTrustError

    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        try:
            data = _read(file, kind)
            view = upload_office.accept(services, session, session.actor(None, "cli"), file.name, data, kind)
        except LicenceTrustError as error:
            if not error.code.startswith("upload.") or error.code == "upload.kind_unknown":
                raise
            _refused(error, as_json)
            return 1
        put(view.to_json())
        if not as_json:
            scanned = upload_office.is_scanned(services)
            for step in upload_office.steps_of(view, tr, scanned=scanned):
                say(f"{_MARKS[step.state]} {step.title}  {step.remark}".rstrip())
    return 0


@command.command("list", help="一个持证者上传的文件，每个一行 JSON")
@holder_option
@acting
@common
def list_uploads(holder: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        for one in services.desk.uploads.of_owner(session.holder.code):
            put(one.to_json())


@command.command("meter", help="一个持证者的存储空间：已用、总量、份数")
@holder_option
@acting
@common
def meter(holder: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        put(services.desk.uploads.meter(session.holder.code).to_json())


@command.command("get", help="取出一个上传的文件（核对杂凑值后写到文件）")
@upload_argument
@holder_option
@option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="写到哪个文件")
@acting
@common
def get(upload_id: str, holder: str, out: Path, account: str | None, directory: Path | None) -> None:
    from api import upload_office

    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        view = upload_office.own(services, session, upload_id)
        out.write_bytes(services.desk.uploads.open(view.id))
    put({**view.to_json(), "file": str(out)})


@command.command("seal", help="在上传的 PDF 或 OFD 上加盖持证者本人的印章；盖章后的文件取代原文件")
@upload_argument
@holder_option
@option("--seal", "seal_id", required=True, metavar="SEAL", help="持证者本人在印章登记中的印章编码")
@acting
@common
@refusable
def seal(upload_id: str, holder: str, seal_id: str, account: str | None, directory: Path | None) -> None:
    from api import upload_office

    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        put(upload_office.seal(services, session, session.actor(None, "cli"), upload_id, seal_id).to_json())


@command.command("drop", help="删除一个没有作为材料使用的上传文件：先销毁密钥，再删除密文")
@upload_argument
@holder_option
@acting
@common
@refusable
def drop(upload_id: str, holder: str, account: str | None, directory: Path | None) -> None:
    from api import upload_office

    with open_services(directory) as services:
        session = holder_session(services, holder, account)
        upload_office.drop(services, session, session.actor(None, "cli"), upload_id)
    put({"id": upload_id, "dropped": True})


_MARKS = {"pass": "+", "note": "!", "fail": "-", "none": " "}


def _read(file: Path, kind: str) -> bytes:
    """The file, and one octet more than its kind takes at most."""
    from licence_store.uploads.limits import limits_of
    from trust.errors import Malformed

    try:
        with file.open("rb") as opened:
            return opened.read(limits_of(kind).max_size + 1)
    except OSError as error:
        raise Malformed(
            "file.unreadable", "无法读取文件 {name}：{why}", remedy="请检查文件名和权限。", name=str(file),
            why=error.strerror or type(error).__name__,
        ) from None  # fmt: skip


def _refused(error: LicenceTrustError, as_json: bool) -> None:
    message, remedy = error.localised(tr)
    say(f"{tr('错误')} {error.code}: {message}" + (f" — {remedy}" if remedy else ""))
    if as_json:
        put({"error": {"code": error.code, "message": message, "remedy": remedy}})
