"""``material``: what holders use besides licences: levels, checks at the window, better copies, provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    open_services,
    option,
    put,
    refusable,
    say,
    tr,
    write_whole,
)
from api.commands.holders import holder_option, holder_session

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.materials.views import MaterialView

command = Group("material", help="材料：可信等级 A 至 D、窗口核验、更可信的原件、来历")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
item_argument = click.argument("item_id", metavar="ID")
maybe_holder = option("--holder", default="", metavar="CODE", help="以该持证者办理（不给出：以窗口经办人办理）")
title_option = option("--title", required=True, metavar="TITLE", help="材料名称")
type_option = option("--type", "type_code", default="", metavar="CODE", help="证照类型（代码、简称或名称）")
number_option = option("--number", "stated_number", default="", metavar="N", help="证照上的编号")
department_option = option("--department", default="", metavar="ID", help="以哪个部门的名义（演示区域的控制台须给出）")
compared_option = option(
    "--compared",
    "compared",
    nargs=3,
    multiple=True,
    metavar="WHAT UPLOAD ORIGINAL",
    help="核对项：核对什么、上传件怎么写、原件怎么写（可多次给出）",
)
seen_option = option("--original-seen", is_flag=True, help="经办人见到了原件")
reason_option = option("--reason", default="", metavar="R", help="理由")
until_option = option("--valid-until", default="", metavar="DATE", help="原件的有效期至（默认：未写明）")


# The holder's


@command.command("add", help="上传一份材料：先经检查、加密保存，再按材料种类定级；登记簿中有原件的即行提示")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@holder_option
@option("--kind", required=True, metavar="KIND", help="licence_scan、third_party_report 或 self_made")
@title_option
@type_option
@number_option
@option("--case", "case_number", default="", metavar="NUMBER", help="随哪个办件提交")
@option("--department", default="", metavar="ID", help="由哪个窗口核验（默认：能办该类型证照的窗口）")
@as_json
@acting
@common
@refusable
def add(
    path: Path, holder: str, kind: str, as_json: bool, account: str | None, directory: Path | None, **given: Any
) -> None:
    from trust.errors import LicenceTrustError

    content = file_bytes(path)
    with open_services(directory) as services:
        who = holder_session(services, holder, account)
        stored = services.desk.uploads.accept(path.name, content, owner=who.holder.code, kind=kind, actor=who.actor())
        try:
            view = services.desk.materials.add(who, stored, kind=kind, **given)
        except LicenceTrustError:
            services.desk.uploads.drop(stored.id, who.actor(), reason="not taken as a material")
            raise
        _tell(view, as_json, own=True)


@command.command("list", help="一个持证者的材料，新的在前，每份一行 JSON")
@holder_option
@option("--state", default="", metavar="STATE", help="active、replaced、refused 或 deleted（默认：未删除的）")
@option("--kind", default="", metavar="KIND", help="只列这一种")
@acting
@common
@refusable
def list_materials(holder: str, state: str, kind: str, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        who, after = holder_session(services, holder, account), ""
        while True:
            page = services.desk.materials.of_holder(who, state=state, kind=kind, after=after, limit=200)
            for one in page.items:
                put(material_office.shape(one, own=True))
            if page.next is None:
                return
            after = page.next


@command.command("replace", help="以新的文件替换一份材料，等级从头算起")
@item_argument
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@holder_option
@as_json
@acting
@common
@refusable
def replace(item_id: str, path: Path, holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from trust.errors import LicenceTrustError

    content = file_bytes(path)
    with open_services(directory) as services:
        who, materials = holder_session(services, holder, account), services.desk.materials
        kind = materials.get(item_id, who, "replace").kind.code
        stored = services.desk.uploads.accept(path.name, content, owner=who.holder.code, kind=kind, actor=who.actor())
        try:
            view = materials.replace(item_id, who, stored)
        except LicenceTrustError:
            services.desk.uploads.drop(stored.id, who.actor(), reason="not taken as a material")
            raise
        _tell(view, as_json, own=True)


@command.command("delete", help="删除一份材料：文件和名称一并清除，只留办理记录")
@item_argument
@maybe_holder
@acting
@common
@refusable
def delete(item_id: str, holder: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        services.desk.materials.delete(item_id, _who(services, holder, account))
    say(tr("已删除"))


# Either's


@command.command("show", help="一份材料（或登记簿中的证照）：可信等级、由谁核验、可否直接使用")
@item_argument
@maybe_holder
@as_json
@acting
@common
@refusable
def show(item_id: str, holder: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        view = services.desk.materials.get(item_id, _who(services, holder, account))
        _tell(view, as_json, own=bool(holder))


@command.command("history", help="材料经过，每一步一行 JSON")
@item_argument
@maybe_holder
@acting
@common
@refusable
def history(item_id: str, holder: str, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        for line in services.desk.materials.history(item_id, _who(services, holder, account)):
            put(material_office.event_shape(line))


@command.command("better", help="登记簿中有无更可信的原件；--take 以原件取代，--decline 暂不改用")
@item_argument
@option("--take", "act", flag_value="take", help="以原件取代")
@option("--decline", "act", flag_value="decline", help="暂不改用")
@maybe_holder
@acting
@common
@refusable
def better(item_id: str, act: str | None, holder: str, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        put(material_office.better_act(services, item_id, _who(services, holder, account), act or "look"))


@command.command("provenance", help="把材料的来历图写成签名文件，可离线核验")
@item_argument
@option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="写到哪里")
@maybe_holder
@acting
@common
@refusable
def provenance(item_id: str, out: Path, holder: str, account: str | None, directory: Path | None) -> None:

    with open_services(directory) as services:
        write_whole(out, services.desk.materials.provenance(item_id, _who(services, holder, account)).export())
    say(str(out))


@command.command("check-provenance", help="离线核验一份来历图：签名、链、核验声明；重算可信等级。成立退出 0，否则 1")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@option("--trust", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="信任包（默认：本区域的信任库）")
@common
def check_provenance(path: Path, bundle: Path | None, directory: Path | None) -> int:
    from api import material_office
    from licence_store.desk import now
    from trust.anchors import load_bundle
    from verify import provenance as proof

    content = file_bytes(path)
    if bundle is not None:
        report = proof.check_provenance(content, load_bundle(file_bytes(bundle)), now())
    else:
        with open_services(directory) as services:
            report = proof.check_provenance(content, services.desk.trust(), services.clock())
    put(material_office.provenance_shape(report))
    return 1 if report.problems else 0


# The window's


@command.command("waiting", help="窗口工作表：待核验（或已核验、已退回）的材料，旧的在前，每份一行 JSON")
@option("--show", type=click.Choice(["waiting", "checked", "refused", "all"]), default="waiting", help="列哪些")
@option("--kind", default="", metavar="KIND", help="只列这一种")
@type_option
@acting
@common
@refusable
def waiting(show: str, kind: str, type_code: str, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        who, after = material_office.console_official(services, account), ""
        while True:
            page = services.desk.materials.waiting(
                who, show=show, kind=kind, type_code=type_code, after=after, limit=200
            )
            for one in page.items:
                put(material_office.shape(one))
            if page.next is None:
                return
            after = page.next


@command.command("check", help="与原件核对无误，升为 B 级：部门以印章签名，写明核对了什么")
@item_argument
@compared_option
@seen_option
@reason_option
@until_option
@department_option
@as_json
@acting
@common
@refusable
def check(item_id: str, as_json: bool, account: str | None, directory: Path | None, **given: Any) -> None:
    from api import material_office

    with open_services(directory) as services:
        official = material_office.console_official(services, account)
        _tell(services.desk.materials.check(item_id, official, **given), as_json)


@command.command("refuse", help="退回一份材料；理由取自理由表（material rules）")
@item_argument
@option("--reason", "code", required=True, metavar="CODE", help="理由代码")
@option("--words", default="", metavar="TEXT", help="说明")
@as_json
@acting
@common
@refusable
def refuse(item_id: str, code: str, words: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        official = material_office.console_official(services, account)
        _tell(services.desk.materials.refuse(item_id, official, code, words), as_json)


@command.command("scan", help="窗口扫描件：经办人扫描原件并当场核对，即为 B 级")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@holder_option
@title_option
@type_option
@number_option
@compared_option
@seen_option
@reason_option
@until_option
@as_json
@acting
@common
@refusable
def scan(
    path: Path,
    holder: str,
    title: str,
    type_code: str,
    stated_number: str,
    compared: tuple[tuple[str, str, str], ...],
    original_seen: bool,
    reason: str,
    valid_until: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import material_office
    from licence_store.materials.checking import Checked

    content, checked = file_bytes(path), Checked(compared, original_seen, reason, valid_until)
    with open_services(directory) as services:
        official = material_office.console_official(services, account)
        made = material_office.scan(
            services, official, holder, path.name, content, checked, title=title, type_code=type_code,
            number=stated_number,
        )  # fmt: skip
        _tell(made, as_json)


@command.command("link", help="接件：登记一个办件收到的材料及收取方式（纸质、附件、证照库）")
@click.argument("case_number", metavar="NUMBER")
@click.argument("subject", metavar="[ID]", default="")
@option("--title", default="", metavar="TITLE", help="材料名称（默认：该材料的名称）")
@option(
    "--received",
    type=click.Choice(["", "paper", "attachment", "repository"]),
    default="",
    help="收取方式（默认：按所关联的材料）",
)
@option("--holder", "holder_code", default="", metavar="CODE", help="持证者代码（本窗口尚未受理的材料须给出）")
@option("--service-item", default="", metavar="ITEM", help="办理事项")
@acting
@common
@refusable
def link(case_number: str, account: str | None, directory: Path | None, **given: Any) -> None:
    from api import material_office

    with open_services(directory) as services:
        official = material_office.console_official(services, account)
        put(material_office.case_shape(services.desk.materials.link(case_number, official, **given)))


@command.command("case", help="一个办件收到的材料，每份一行 JSON")
@click.argument("case_number", metavar="NUMBER")
@acting
@common
@refusable
def case(case_number: str, account: str | None, directory: Path | None) -> None:
    from api import material_office

    with open_services(directory) as services:
        official = material_office.console_official(services, account)
        for line in services.desk.materials.of_case(case_number, official):
            put(material_office.case_shape(line))


@command.command("rules", help="可信等级规则：材料种类、角色 × 等级 × 操作、退回理由（JSON）")
@common
def rules(directory: Path | None) -> None:
    from api import material_office
    from api.commands.common import language

    put(material_office.rules_shape(language.name))


# Shared


def _who(services: Services, holder: str, account: str | None) -> Any:
    from api import material_office

    if holder:
        return holder_session(services, holder, account)
    return material_office.console_official(services, account)


def _tell(view: MaterialView, as_json: bool, *, own: bool = False) -> None:
    """The item; without ``--json`` one line for people."""
    from api import material_office
    from licence_store.materials.steps import STATE_TITLES

    if as_json:
        put(material_office.shape(view, own=own))
        return
    click.echo(f"{view.id}  {view.level}  {tr(STATE_TITLES[view.state])}  {view.title}")
    if view.better:
        say(tr("登记簿中有更可信的原件：{id}").format(id=view.better))
