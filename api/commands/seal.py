"""``seal``: the life of a seal, its standing, its ledger of uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import (
    Group,
    acting,
    common,
    file_bytes,
    moment_of,
    open_services,
    option,
    put,
    refusable,
    say,
    tr,
    write_whole,
)

if TYPE_CHECKING:

    from api.seal_office import Given
    from api.wiring import Services
    from seal.records import Basis

command = Group("seal", help="电子印章：申请、审批、制作、发放、启用、冻结、挂失、变更、收缴、销毁、台账")
CHANGES = ("face", "certificate", "destruction")
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", default="", metavar="R", help="理由")
basis_option = option("--basis", type=click.Path(path_type=Path), metavar="FILE", help="依据文件")
key_option = option("--key", "key_name", default="", metavar="NAME", help="使用该印章的密钥名称（单位印章有默认）")
picture_option = option(
    "--picture", type=click.Path(path_type=Path), metavar="PNG", help="印模图片：透明底色的 PNG（默认由系统绘制）"
)
size_option = option("--size", default="", metavar="WxH", help="印模尺寸，毫米，如 42x42（默认取该种类的常用尺寸）")
seal_argument = click.argument("seal_id", metavar="ID")


# Questions


@command.command("list", help="列出印章")
@option("--query", "text", default="", metavar="TEXT", help="印章编码、持章人代码，或名称中的文字")
@option("--state", default=None, metavar="STATE", help="只列此状态，如 ACTIVE、FROZEN、LOST")
@as_json
@acting
@common
def list_seals(text: str, state: str | None, as_json: bool, account: str | None, directory: Path | None) -> None:
    from api import seal_office, seal_shapes
    from seal.lifecycle import State

    wanted = State(_one_of(state.upper(), tuple(State), "--state")) if state else None
    with open_services(directory) as services:
        who = seal_office.console_reader(services, account)
        seals, _ = seal_office.search(services, who, "", text=text, state=wanted, limit=1_000_000)
    for one in seals:
        if as_json:
            put(seal_shapes.line(one))
        else:
            click.echo(f"{one.id}  {tr(one.state.label):<8}  {one.name}  {one.department_name}")


@command.command("show", help="显示一枚印章：印章数据、申请、事件、用章授权")
@seal_argument
@option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把现行印章数据（DER）写到文件")
@option("--picture", type=click.Path(path_type=Path), metavar="PNG", help="把印模图片写到文件")
@as_json
@acting
@common
def show(
    seal_id: str, out: Path | None, picture: Path | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api import seal_office, seal_shapes

    with open_services(directory) as services:
        view = seal_office.find(services, seal_id, seal_office.console_reader(services, account), "")
        if out:
            write_whole(out, services.desk.seal_register.object(view.id))
        if picture:
            write_whole(picture, seal_office.picture(services, view.id))
    if as_json:
        put(seal_shapes.whole(view))
        return
    one = view.summary
    click.echo(f"{one.id}  {tr(one.state.label)}  {one.name}\n{one.holder_name}  {one.department_name}  {one.kind}")
    for event in view.events:
        click.echo(
            f"  {event.recorded:%Y-%m-%dT%H:%M:%SZ}  {_title(event.step)}  {event.actor}  {event.reason}".rstrip()
        )


@command.command("status", help="印章在某一时刻的状态：VALID、FROZEN、LOST、DESTROYED …")
@seal_argument
@option("--at", "moment", default=None, metavar="T", help="RFC 3339 时刻（默认现在）")
@option("--digest", default=None, metavar="SM3", help="只问这一份印章数据（其 SM3，十六进制）")
@as_json
@common
def status(seal_id: str, moment: str | None, digest: str | None, as_json: bool, directory: Path | None) -> None:
    from api import seal_office, seal_shapes
    from trust.seal_status import STATES

    with open_services(directory) as services:
        found, at = seal_office.status_of(services, seal_id, moment_of(moment), digest)
    if as_json:
        put(seal_shapes.standing(seal_id, at, found))
    else:
        click.echo(f"{found.state}  {tr(STATES[found.state])}")


@command.command("uses", help="用章台账：一段时间内该印章盖过哪些文件（审计员）")
@seal_argument
@option("--from", "begin", default=None, metavar="T", help="从此时刻起（RFC 3339）")
@option("--to", "end", default=None, metavar="T", help="到此时刻前（RFC 3339）")
@option("--query", "text", default="", metavar="TEXT", help="证照标识、文件摘要或经办人")
@as_json
@acting
@common
@refusable
def uses(
    seal_id: str,
    begin: str | None,
    end: str | None,
    text: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import seal_shapes
    from api.seal_office import console_official

    with open_services(directory) as services:
        who = console_official(services, account, "audit")
        register, after = services.desk.seal_register, 0
        while True:
            page = register.ledger(who, seal_id, moment_of(begin), moment_of(end), text=text, after=after, limit=1000)
            for one in page:
                if as_json:
                    put(seal_shapes.use(one))
                else:
                    click.echo(f"{one.used:%Y-%m-%dT%H:%M:%SZ}  {one.subject}  {one.officer}  {one.document}")
            if len(page) < 1000:
                break
            after = page[-1].id


@command.command("rules", help="印出电子印章管理办法（Markdown）")
@common
def rules(directory: Path | None) -> None:
    from seal.rules import management_rules

    with open_services(directory) as services:
        click.echo(management_rules(services.region_facts.name), nl=False)


# Applications


@command.command("apply", help="申请新制一枚印章；附依据文件")
@option("--name", required=True, metavar="NAME", help="印章名称")
@option("--department", metavar="ID", help="由哪个部门登记（默认：账号所属部门）")
@option("--kind", default="special", metavar="KIND", help="种类：official、contract、finance、special、name …")
@option("--purpose", default="", metavar="TEXT", help="用途")
@option("--holder-kind", type=click.Choice(["institution", "office"]), default="institution", help="持章人种类")
@option("--holder", "holder_name", default="", metavar="NAME", help="持章人（名章须写明；默认为该部门）")
@option("--holder-code", default="", metavar="CODE", help="持章人代码")
@option("--id", "seal_id", default="", metavar="ID", help="他处制作的印章自有的编码")
@basis_option
@reason_option
@as_json
@acting
@common
@refusable
def apply(
    name: str,
    department: str | None,
    kind: str,
    purpose: str,
    holder_kind: str,
    holder_name: str,
    holder_code: str,
    seal_id: str,
    basis: Path | None,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.seal_office import console_official
    from seal.records import NewSeal
    from trust.errors import Malformed

    with open_services(directory) as services:
        who = console_official(services, account, "apply")
        unit = department or who.actor.department
        if not unit:
            raise Malformed("seal.department_missing", "请指明由哪个部门登记该印章。")
        wanted = NewSeal(name, unit, kind, purpose, holder_kind, holder_name, holder_code, seal_id)
        register = services.desk.seal_register
        made = register.apply(who, wanted, _basis(basis), reason=reason)
        _tell(services, made, as_json)


@command.command("request", help="申请变更印模（face）、变更证书（certificate）或销毁（destruction）；附依据文件")
@seal_argument
@option("--change", required=True, type=click.Choice(CHANGES), help="申请什么")
@basis_option
@reason_option
@as_json
@acting
@common
@refusable
def request(
    seal_id: str,
    change: str,
    basis: Path | None,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.seal_office import Given

    given = Given(change=change, basis=_basis(basis), reason=reason)
    _step(directory, account, seal_id, "request", given, as_json)


# Steps with what comes with them


def _plain(name: str, step: str, *, help: str) -> None:
    """A command for a step that needs no more than a reason."""

    @command.command(name, help=help)
    @seal_argument
    @reason_option
    @as_json
    @acting
    @common
    @refusable
    def run(seal_id: str, reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
        from api.seal_office import Given

        _step(directory, account, seal_id, step, Given(reason=reason), as_json)


_plain("withdraw", "withdraw", help="撤回本人的申请")
_plain("approve", "approve", help="批准申请（新制、变更或销毁）；不得批准本人的申请")
_plain("reject", "reject", help="驳回申请（新制、变更或销毁）；须说明理由")
_plain("issue", "issue", help="发放给持章人")
_plain("activate", "activate", help="持章人签收启用")
_plain("freeze", "freeze", help="冻结；须说明理由")
_plain("unfreeze", "unfreeze", help="解冻；须说明理由")
_plain("destroy", "destroy", help="销毁（已批准销毁的，或已收缴的）；须说明理由")


@command.command("make", help="制作印章：由本系统的制章人签名，印模自绘或上传")
@seal_argument
@key_option
@picture_option
@size_option
@reason_option
@as_json
@acting
@common
@refusable
def make(seal_id: str, as_json: bool, account: str | None, directory: Path | None, **given: Any) -> None:
    _step(directory, account, seal_id, "make", _given(**given), as_json)


@command.command("import", help="导入他处制作的印章：印章数据（DER）和使用它的密钥名称")
@seal_argument
@option("--object", "seal", type=click.Path(path_type=Path), required=True, metavar="FILE", help="印章数据（.esl）")
@key_option
@reason_option
@as_json
@acting
@common
@refusable
def import_seal(seal_id: str, as_json: bool, account: str | None, directory: Path | None, **given: Any) -> None:
    _step(directory, account, seal_id, "import", _given(**given), as_json)


@command.command("change-face", help="变更印模：新的印章数据，同一印章，旧的留存")
@seal_argument
@picture_option
@size_option
@reason_option
@as_json
@acting
@common
@refusable
def change_face(seal_id: str, as_json: bool, account: str | None, directory: Path | None, **given: Any) -> None:
    _step(directory, account, seal_id, "change_face", _given(**given), as_json)


@command.command("change-certificate", help="变更证书：为另一密钥或新证书重制印章数据")
@seal_argument
@key_option
@reason_option
@as_json
@acting
@common
@refusable
def change_certificate(seal_id: str, as_json: bool, account: str | None, directory: Path | None, **given: Any) -> None:
    _step(directory, account, seal_id, "change_certificate", _given(**given), as_json)


@command.command("report-lost", help="挂失；须说明理由，可写明自何时起失控")
@seal_argument
@option("--since", default=None, metavar="T", help="自何时起失控（RFC 3339；默认现在）")
@reason_option
@as_json
@acting
@common
@refusable
def report_lost(
    seal_id: str, since: str | None, reason: str, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api.seal_office import Given

    _step(directory, account, seal_id, "report_lost", Given(reason=reason, since=moment_of(since)), as_json)


@command.command("confiscate", help="收缴；须附依据文件并说明理由")
@seal_argument
@basis_option
@reason_option
@as_json
@acting
@common
@refusable
def confiscate(
    seal_id: str, basis: Path | None, reason: str, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api.seal_office import Given

    _step(directory, account, seal_id, "confiscate", Given(reason=reason, basis=_basis(basis)), as_json)


# Who may use it


@command.command("grant", help="授权用章：哪个部门或账号、哪些证照类型、每日几次")
@seal_argument
@option("--department", default="", metavar="ID", help="哪个部门（默认：印章所属部门）")
@option("--account", "user", default="", metavar="NAME", help="只限这一账号（默认：该部门全体经办人）")
@option("--type", "types", multiple=True, metavar="CODE", help="证照类型（可多次给出；默认：全部）")
@option("--daily-limit", type=click.IntRange(1, 10_000_000), metavar="N", help="每日最多几次（默认不限）")
@reason_option
@acting
@common
@refusable
def grant(
    seal_id: str,
    department: str,
    user: str,
    types: tuple[str, ...],
    daily_limit: int | None,
    reason: str,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.seal_office import console_official
    from seal.records import Permission

    with open_services(directory) as services:
        codes = [services.catalogue.get(one).code if one != "*" else one for one in types] or ["*"]
        who = console_official(services, account, "grant")
        permission = Permission(department, user, codes, daily_limit)
        made = services.desk.seal_register.grant(who, seal_id, permission, reason=reason)
    put({"seal_id": seal_id, "grant": made})


@command.command("end-grant", help="收回用章授权")
@seal_argument
@click.argument("grant_id", metavar="GRANT")
@reason_option
@acting
@common
@refusable
def end_grant(seal_id: str, grant_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    from api.seal_office import console_official

    with open_services(directory) as services:
        who = console_official(services, account, "end_grant")
        services.desk.seal_register.end_grant(who, seal_id, grant_id, reason=reason)
    put({"seal_id": seal_id, "grant": grant_id, "ended": True})


# On what somebody brings


@command.command(
    "put",
    help="在送来的 OFD 或 PDF 文件上加盖印章（经办人）；不给位置则盖在末页右下，再盖一次即多枚印章；证照不在此盖章",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@option("--seal", "seal_id", required=True, metavar="ID", help="印章编码")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="OUT", help="盖好的文件写到哪里")
@option("--page", "pages", type=int, multiple=True, metavar="N", help="页码，从 1 起（可多次给出，各有 --x 和 --y）")
@option("--x", "xs", type=float, multiple=True, metavar="MM", help="印模左边距页面左边，毫米")
@option("--y", "ys", type=float, multiple=True, metavar="MM", help="印模上边距页面上边，毫米；骑缝章的放在最后")
@option("--cross-page", is_flag=True, help="加盖骑缝章（默认在页面中部）")
@option("--keyword", default="", metavar="WORDS", help="盖在这些文字最后出现之处（PDF）")
@option("--field", default="", metavar="NAME", help="盖在预置的签章域中（PDF）")
@reason_option
@as_json
@acting
@common
@refusable
def put_seal(
    file: Path,
    seal_id: str,
    out: Path,
    pages: tuple[int, ...],
    xs: tuple[float, ...],
    ys: tuple[float, ...],
    cross_page: bool,
    keyword: str,
    field: str,
    reason: str,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import seal_office, seal_shapes

    across = ys[-1] if cross_page and len(ys) == len(pages) + 1 else None
    marks = seal_office.marks_of(
        pages,
        xs,
        ys[:-1] if across is not None else ys,
        cross_page=cross_page,
        cross_y=across,
        keyword=keyword,
        field=field,
    )
    with open_services(directory) as services:
        who = seal_office.console_official(services, account, "use")
        sealed = services.desk.stamper.stamp(who, seal_id, file_bytes(file), marks, reason=reason)
        write_whole(out, sealed.data)
    if as_json:
        put(seal_shapes.stamped(seal_id, sealed, str(out)))
    else:
        click.echo(str(out))


@command.command(
    "countersign",
    help="国际算法副签：为已盖章的 PDF 再加一个 ECDSA 或 RSA 签名，供不支持 SM2 的阅读器显示为有效；不代替电子印章",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@option("--key", type=click.Path(path_type=Path), required=True, metavar="P12", help="密钥和证书（PKCS #12 文件）")
@option("--passphrase-file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="其口令所在的文件")
@option("--out", type=click.Path(path_type=Path), required=True, metavar="OUT", help="签好的文件写到哪里")
@refusable
def countersign(file: Path, key: Path, passphrase_file: Path, out: Path) -> None:
    from datetime import UTC, datetime

    from keys.classical import load_classical_signer
    from seal.pdf.viewers import sign_for_viewers

    signer = load_classical_signer(file_bytes(key), file_bytes(passphrase_file).rstrip(b"\r\n"))
    write_whole(out, sign_for_viewers(file_bytes(file), signer, datetime.now(UTC).replace(microsecond=0)))
    click.echo(str(out))


# After a compromise


@command.command("reseal", help="重新盖章：一段时间内盖过该印章的现行证照，逐份以新版本重新签发（经办人）；可重复执行")
@seal_argument
@option("--from", "begin", default=None, metavar="T", help="从此时刻起（RFC 3339）")
@option("--to", "end", default=None, metavar="T", help="到此时刻前（RFC 3339）")
@option("--dry-run", is_flag=True, help="只列出受影响的证照，不重新签发")
@reason_option
@acting
@common
@refusable
def reseal(
    seal_id: str,
    begin: str | None,
    end: str | None,
    dry_run: bool,
    reason: str,
    account: str | None,
    directory: Path | None,
) -> int:
    from api import seal_office, seal_shapes

    failed = 0
    with open_services(directory) as services:
        who = seal_office.console_official(services, account, "use")
        if dry_run:
            for one in seal_office.affected(services, who, seal_id, moment_of(begin), moment_of(end)):
                put({"licence_id": one})
            return 0
        for done in seal_office.reseal(services, who, seal_id, moment_of(begin), moment_of(end), reason):
            shape = seal_shapes.resealed(done, tr)
            failed += "error" in shape
            put(shape)
    return 1 if failed else 0


# Shared


def _step(directory: Path | None, account: str | None, seal_id: str, step: str, given: Given, as_json: bool) -> None:
    from api.seal_office import console_official, take_step

    with open_services(directory) as services:
        who = console_official(services, account, step)
        take_step(services.desk.seal_register, who, seal_id, step, given)
        _tell(services, seal_id, as_json)


def _tell(services: Services, seal_id: str, as_json: bool) -> None:
    """The appended event, as JSON; without ``--json`` one line for people."""
    from api import seal_shapes

    view = services.desk.seal_register.view(seal_id)
    if as_json:
        put(seal_shapes.step_answer(view))
        return
    click.echo(f"{view.id}  {view.state}")
    say(f"{_title(view.events[-1].step)}：{tr(view.state.label)}  {view.summary.name}")


def _given(
    key_name: str = "",
    picture: Path | None = None,
    size: str = "",
    reason: str = "",
    seal: Path | None = None,
) -> Given:
    from api.seal_office import Given

    return Given(
        reason=reason,
        key_name=key_name,
        picture=file_bytes(picture) if picture else b"",
        size=_size(size) if size else None,
        seal=file_bytes(seal) if seal else b"",
    )


def _basis(path: Path | None) -> Basis | None:
    from seal.records import Basis

    return Basis(path.name, file_bytes(path)) if path else None


def _size(text: str) -> tuple[int, int]:
    import re

    found = re.fullmatch(r"(\d{1,3})[x×](\d{1,3})", text)
    if found is None:
        raise click.BadParameter(tr("应为 宽x高，如 42x42"), param_hint="--size")
    return int(found[1]), int(found[2])


def _one_of(value: str, allowed: tuple[str, ...], name: str) -> str:
    if value not in allowed:
        raise click.BadParameter(tr("应为 {allowed} 之一").format(allowed="、".join(allowed)), param_hint=name)
    return value


def _title(step: str) -> str:
    from seal.lifecycle import STEPS

    return tr(STEPS[step].title)
