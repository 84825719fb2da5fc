"""``proof``: proof documents composed from a department's query."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.commands.common import Group, acting, common, file_bytes, language, open_services, option, put, refusable

command = Group("proof", help="电子证明：按部门查询接口的答复组成、盖章、留存，并交给申请人")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")


@command.command("types", help="列出电子证明类型和各自的查询条件")
@as_json
@common
def types(as_json: bool, directory: Path | None) -> None:
    from api import proof_office

    with open_services(directory) as services:
        found = [one for one, _ in proof_office.proof_desk(services).definitions()]
    for one in found:
        if as_json:
            put(proof_office.kind_shape(one))
        else:
            asked = "、".join(p.name for p in one.parameters)
            click.echo(f"{one.code:<24}  {one.title_en if language.name == 'en' else one.title}  {asked}")


@command.command("import", help="导入一个电子证明类型（新类型或新版本）；连接写在地区文件夹的 connections.json")
@click.argument("file", type=click.Path(path_type=Path))
@acting
@common
def import_type(file: Path, account: str | None, directory: Path | None) -> None:
    from api import proof_office
    from trust.errors import Malformed

    try:
        source = json.loads(file_bytes(file))
    except (ValueError, RecursionError):
        raise Malformed("proof.not_json", "电子证明类型不是有效的 JSON：{name}", name=file.name) from None
    with open_services(directory) as services:
        actor = services.administrator(account)
        definition, version = proof_office.proof_desk(services).import_definition(source, actor)
    put({"code": definition.code, "version": version, "type": definition.type_name})


@command.command("make", help="出具一份电子证明；查询结果不符合条件的不出具，退出码 1")
@click.argument("code")
@option("--param", "params", multiple=True, metavar="NAME=VALUE", help="查询条件，可多次给出")
@option("--purpose", required=True, metavar="P", help="证明用途（留痕，并写在证明上）")
@option("--request-id", default="", metavar="ID", help="申请编号：同一编号不会重复出具")
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把证明（OFD）写到文件")
@acting
@common
@refusable
def make(
    code: str,
    params: tuple[str, ...],
    purpose: str,
    request_id: str,
    out: Path | None,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import proof_office

    given = dict(one.partition("=")[::2] for one in params)
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        proof = proof_office.make(services, code, given, actor, purpose=purpose, request_id=request_id)
        answer = proof_office.shape(services, proof)
        if out is not None:
            out.write_bytes(services.register.file(services.register.find(proof.licence_id)))
            answer["file"] = str(out)
        services.anchor_journal()
    put(answer)


@command.command("show", help="显示一次证明申请：谁、为何、结果；可取回证明")
@click.argument("request_id", metavar="ID")
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把证明（OFD）写到文件")
@as_json
@acting
@common
def show(request_id: str, out: Path | None, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import proof_office

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        proof = proof_office.find(services, request_id, actor)
        answer = proof_office.shape(services, proof)
        if proof.licence_id:
            services.journal.record(
                actor=actor, action="licence.download" if out else "licence.read", subject=proof.licence_id
            )
        if out is not None and proof.licence_id:
            out.write_bytes(services.register.file(services.register.find(proof.licence_id)))
    if as_json:
        put(answer)
    else:
        click.echo(f"{proof.id}  {proof.proof_code}  {proof.outcome}  {proof.actor}  {proof.reason}")
        click.echo(f"  {answer.get('licence_number', '')}  {proof.licence_id}".rstrip())
