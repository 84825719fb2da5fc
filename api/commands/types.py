"""``types``: the catalogue of licence types, and the life of a type from a draft to its retirement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    language,
    moment_of,
    open_services,
    option,
    put,
    refusable,
    tr,
    write_whole,
)

command = Group("types", help="证照目录：列出、查看、编制、审核发布、停用、授权、上报，生成示例数据")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", default="", metavar="R", help="理由")
draft_argument = click.argument("draft_id", metavar="DRAFT")


# The catalogue


@command.command("list", help="列出全部证照类型")
@option("--kind", default="", metavar="KIND", help="只列此类别，如 licence、permit、registration")
@option("--holder", default="", metavar="HOLDER", help="只列授予此类对象的：natural_person、legal_person、project")
@option("--material", default="", metavar="CODE", help="只列可作为此申请材料的")
@option("--state", default="", metavar="STATE", help="PUBLISHED（默认）或 RETIRED")
@as_json
@common
def list_types(kind: str, holder: str, material: str, state: str, as_json: bool, directory: Path | None) -> None:
    from api import catalogue_office, catalogue_shapes

    wanted = catalogue_office.Wanted(kind=kind, holder=holder, material=material, state=state.upper())
    with open_services(directory) as services:
        types = catalogue_office.listed(services, wanted)
    if as_json:
        put([catalogue_shapes.line(one) for one in types])
        return
    for one in types:
        name = one.definition.name_en if language.name == "en" else one.definition.name
        click.echo(f"{one.definition.code}  {one.definition.slug:<22}  {name}")


@command.command("show", help="显示一个类型的照面字段")
@click.argument("code")
@option("--json", "as_json", is_flag=True, help="输出照面的 JSON Schema")
@option("--rules", is_flag=True, help="输出有效期、年检、延续、材料、颁证单位和履历（JSON）")
@common
def show_type(code: str, as_json: bool, rules: bool, directory: Path | None) -> None:
    from api import catalogue_shapes

    with open_services(directory) as services:
        one = services.catalogue.current(code)
        found = one.definition
        if rules:
            with services.desk.sessions.read() as session:
                rights = services.catalogue.rights(session, found.code)
            put(catalogue_shapes.whole(one, rights, services.desk.catalogue_life.history(found.code)))
            return
    if as_json:
        put({**found.schema, "x-code": found.code, "x-slug": found.slug, "x-name": found.name})
        return
    click.echo(f"{found.name}  {found.code}  {found.slug}")
    for name, field in found.schema["properties"].items():
        need = tr("必填") if name in found.schema["required"] else tr("选填")
        title = field.get("x-title-en", field["title"]) if language.name == "en" else field["title"]
        rule = " | ".join(field["enum"]) if "enum" in field else field.get("x-placeholder", "")
        click.echo(f"  {name:<26} {need}  {title}  {rule}".rstrip())


@command.command("import", help="从文件导入一个类型（新类型或新版本），立即发布；--draft 只留作草稿")
@click.argument("file", type=click.Path(path_type=Path))
@option("--department", metavar="ID", help="由哪个部门签发（演示区域有默认）")
@option("--draft", is_flag=True, help="只留作草稿，由他人审核发布")
@acting
@common
@refusable
def import_type(file: Path, department: str | None, draft: bool, account: str | None, directory: Path | None) -> None:
    from api import catalogue_office, catalogue_shapes

    source = _document(file)
    with open_services(directory) as services:
        if draft or account is not None:
            who = catalogue_office.console_official(services, account, "draft")
            life = services.desk.catalogue_life
            opened = life.open_draft(who, source)
            put(catalogue_shapes.draft_line((opened if draft else life.take(who, opened.id, "submit")).summary))
            return
        actor = services.actor(None)
        found = services.catalogue.import_definition(source, actor)
        granted = services.grant_to_department(found.definition.code, actor, department)
    definition = found.definition
    put(
        {
            "code": definition.code,
            "slug": definition.slug,
            "name": definition.name,
            "version": found.version,
            "departments": granted,
        }
    )


@command.command("export", help="导出一个类型为一个文件（可再导入）")
@click.argument("code")
@option("--version", type=click.IntRange(1), default=None, metavar="N", help="第几版（默认最新）")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪个文件")
@common
def export(code: str, version: int | None, out: Path, directory: Path | None) -> None:
    from api import catalogue_office

    with open_services(directory) as services:
        found = catalogue_office.version_of(services, code, version)
    text = json.dumps(found.definition.source, ensure_ascii=False, indent=2) + "\n"
    write_whole(out, text.encode())
    put({"file": str(out), "code": found.definition.code, "version": found.version, "digest": found.definition.digest})


@command.command("sample", help="结果样本：虚构并遮盖的照面图片（PNG）")
@click.argument("code")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="PNG", help="写到哪个文件")
@common
def sample(code: str, out: Path, directory: Path | None) -> None:
    from api import catalogue_office

    with open_services(directory) as services:
        write_whole(out, catalogue_office.sample(services, services.catalogue.get(code)))
    put({"file": str(out)})


@command.command("materials", help="哪些证照可作为一项申请材料")
@click.argument("material", metavar="CODE")
@common
def materials(material: str, directory: Path | None) -> None:
    from api import catalogue_office, catalogue_shapes

    with open_services(directory) as services:
        for one, mapping in catalogue_office.satisfying(services, material):
            put({**catalogue_shapes.line(one), "material": catalogue_shapes.material(mapping)})


@command.command("example", help="生成虚构但合格的示例记录，可直接用于 issue")
@click.argument("code")
@option("--count", type=click.IntRange(1, 10_000_000), default=1, metavar="N", help="几条（默认 1）")
@option("--seed", type=int, default=0, metavar="S", help="随机种子：相同种子得到相同记录（默认 0）")
@common
def example(code: str, count: int, seed: int, directory: Path | None) -> None:
    with open_services(directory) as services:
        found = services.catalogue.get(code)
    for record in found.example_records(count, seed):
        click.echo(json.dumps(record, ensure_ascii=False))


@command.command("changes", help="目录变更：发布、停用、恢复、授权，按发生的次序")
@option("--after", type=click.IntRange(0), default=0, metavar="SEQ", help="从这个序号之后起")
@common
def changes(after: int, directory: Path | None) -> None:
    from api import catalogue_shapes

    with open_services(directory) as services:
        while page := services.desk.catalogue_life.changes(after, 500):
            for one in page:
                put(catalogue_shapes.change(one))
            after = page[-1].seq


# Upward


@command.command("report", help="目录上报：整个目录，以本区域发布者的密钥签名")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪个文件")
@common
def report(out: Path, directory: Path | None) -> None:
    from api import catalogue_office

    with open_services(directory) as services:
        data = catalogue_office.report(services)
    write_whole(out, data)
    put({"file": str(out), "size": len(data)})


@command.command("check-report", help="核对一份目录上报的签名和发布者\n退出码：0 可信，1 不可信，3 调用有误。")
@click.argument("file", type=click.Path(path_type=Path))
@option("--trust", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="用这份信任包，而不是区域自己的")
@common
def check_report(file: Path, bundle: Path | None, directory: Path | None) -> int:
    from api import catalogue_shapes
    from licence_store.desk import now
    from licence_store.report_upward import check_report as check
    from trust.anchors import load_bundle
    from trust.errors import CheckFailed

    data = file_bytes(file)
    if bundle is None:
        with open_services(directory) as services:
            store = services.desk.trust()
    else:
        store = load_bundle(file_bytes(bundle))
    try:
        put(catalogue_shapes.report(check(data, store, now())))
    except CheckFailed as error:
        put({"error": {"code": error.code, "message": error.message}})
        return 1
    return 0


# Drafts


@command.command("drafts", help="列出目录草稿")
@option("--all", "closed", is_flag=True, help="连同已发布和已作废的")
@acting
@common
def drafts(closed: bool, account: str | None, directory: Path | None) -> None:
    from api import catalogue_office, catalogue_shapes

    with open_services(directory) as services:
        who = catalogue_office.console_reader(services, account)
        for one in services.desk.catalogue_life.drafts(who, closed=closed):
            put(catalogue_shapes.draft_line(one))


@command.command("draft", help="起草一个类型；--id 存入已有的草稿，不给文件则显示它")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@option("--id", "draft_id", default="", metavar="DRAFT", help="已有的草稿")
@acting
@common
@refusable
def draft(file: Path | None, draft_id: str, account: str | None, directory: Path | None) -> None:
    from api import catalogue_office, catalogue_shapes

    if file is None and not draft_id:
        raise click.UsageError(tr("请给出文件，或用 --id 指明草稿"))
    source = _document(file) if file else None
    with open_services(directory) as services:
        life = services.desk.catalogue_life
        who = catalogue_office.console_official(services, account, "save" if draft_id else "draft")
        if not draft_id:
            found = life.open_draft(who, source)
        else:
            found = life.draft(who, draft_id)
            if source is not None:
                found = life.save(who, draft_id, source, revision=found.summary.revision)
    put(catalogue_shapes.draft(found))


def _step(name: str, help: str) -> None:
    @command.command(name, help=help)
    @draft_argument
    @reason_option
    @as_json
    @acting
    @common
    @refusable
    def act(draft_id: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
        from api import catalogue_office, catalogue_shapes

        with open_services(directory) as services:
            who = catalogue_office.console_official(services, account, name)
            found = services.desk.catalogue_life.take(who, draft_id, name, reason=reason)
        put(catalogue_shapes.draft_line(found.summary))


_step("submit", "提交审核")
_step("recall", "收回修改")
_step("reject", "退回修改（管理员，须说明理由）")
_step("withdraw", "作废草稿")
_step("publish", "审核发布（管理员，不得是编制或提交的人）")


# Types


def _change(name: str, help: str) -> None:
    @command.command(name, help=help)
    @click.argument("code")
    @reason_option
    @as_json
    @acting
    @common
    @refusable
    def act(code: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
        from api import catalogue_office, catalogue_shapes

        with open_services(directory) as services:
            who = catalogue_office.console_official(services, account, name)
            life = services.desk.catalogue_life
            found = (life.retire if name == "retire" else life.restore)(who, code, reason)
        put(catalogue_shapes.line(found))


_change("retire", "停用一个类型：不再签发，已签发的继续有效")
_change("restore", "恢复启用一个类型")


@command.command("grant", help="授权一个部门颁发一个类型")
@click.argument("code")
@option("--department", required=True, metavar="ID", help="哪个部门")
@option("--seal", "seal_id", default="", metavar="SEAL", help="用哪枚印章（默认该部门的印章）")
@option("--until", default=None, metavar="T", help="授权到何时为止（RFC 3339）")
@as_json
@acting
@common
@refusable
def grant(
    code: str,
    department: str,
    seal_id: str,
    until: str | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import catalogue_office

    with open_services(directory) as services:
        who = catalogue_office.console_official(services, account, "grant")
        seal_id = seal_id or services.seal_for(department)
        services.desk.catalogue_life.grant(who, code, department, seal_id, until=moment_of(until))
    put({"type": code, "department": department, "seal": seal_id, "until": until})


@command.command("end-grant", help="收回一个部门的颁证授权")
@click.argument("code")
@option("--department", required=True, metavar="ID", help="哪个部门")
@option("--at", "moment", default=None, metavar="T", help="从何时起（RFC 3339，默认现在）")
@reason_option
@as_json
@acting
@common
@refusable
def end_grant(
    code: str,
    department: str,
    moment: str | None,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import catalogue_office

    with open_services(directory) as services:
        who = catalogue_office.console_official(services, account, "end_grant")
        services.desk.catalogue_life.end_grant(who, code, department, reason, at=moment_of(moment))
    put({"type": code, "department": department, "ended": True})


def _document(file: Path) -> Any:
    from trust.errors import Malformed

    try:
        return json.loads(file_bytes(file))
    except (ValueError, RecursionError):
        raise Malformed("type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=file.name) from None
