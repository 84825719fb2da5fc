"""``types``: the catalogue of licence types."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.commands.common import Group, acting, common, file_bytes, language, open_services, option, put, tr

command = Group("types", help="证照目录：列出、查看、导入类型，生成示例数据")


@command.command("list", help="列出全部证照类型")
@option("--json", "as_json", is_flag=True, help="输出 JSON")
@common
def list_types(as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        types = services.catalogue.list()
    if as_json:
        put([{"code": t.code, "slug": t.slug, "name": t.name, "name_en": t.name_en} for t in types])
        return
    for one in types:
        click.echo(f"{one.code}  {one.slug:<22}  {one.name_en if language.name == 'en' else one.name}")


@command.command("show", help="显示一个类型的照面字段")
@click.argument("code")
@option("--json", "as_json", is_flag=True, help="输出照面的 JSON Schema")
@common
def show_type(code: str, as_json: bool, directory: Path | None) -> None:
    with open_services(directory) as services:
        found = services.catalogue.get(code)
    if as_json:
        put({**found.schema, "x-code": found.code, "x-slug": found.slug, "x-name": found.name})
        return
    click.echo(f"{found.name}  {found.code}  {found.slug}")
    for name, field in found.schema["properties"].items():
        need = tr("必填") if name in found.schema["required"] else tr("选填")
        title = field.get("x-title-en", field["title"]) if language.name == "en" else field["title"]
        rule = " | ".join(field["enum"]) if "enum" in field else field.get("x-placeholder", "")
        click.echo(f"  {name:<26} {need}  {title}  {rule}".rstrip())


@command.command("import", help="从文件导入一个类型（新类型或新版本）")
@click.argument("file", type=click.Path(path_type=Path))
@option("--department", metavar="ID", help="由哪个部门签发（演示区域有默认）")
@acting
@common
def import_type(file: Path, department: str | None, account: str | None, directory: Path | None) -> None:
    from trust.errors import Malformed

    try:
        source = json.loads(file_bytes(file))
    except (ValueError, RecursionError):
        raise Malformed("type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=file.name) from None
    with open_services(directory) as services:
        actor = services.actor(account)
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
