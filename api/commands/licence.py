"""``licence``: the life of a licence: its history, versions, states, annual inspections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands import licence_queries
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
    from datetime import datetime

    from api.licence_office import Asked
    from api.wiring import Services
    from licence_store.reserving import IssuedLicence
    from licence_store.views import EventView

command = Group("licence", help="证照：经过、变更、延续、补发、暂扣、挂失、年检、吊销、撤销、注销")
for one in licence_queries.COMMANDS:
    command.add_command(one)
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
reason_option = option("--reason", default="", metavar="R", help="理由")
basis_option = option("--basis", default="", metavar="TEXT", help="依据：文号、条款")
effective_option = option(
    "--effective", default=None, metavar="T", help="自何时起生效（RFC 3339；默认现在，不得早于颁证、不得晚于现在）"
)
at_option = option("--at", "at", default=None, metavar="T", help="当时的实情（RFC 3339；默认现在）")
known_option = option("--known-at", default=None, metavar="T", help="当时所知：只算此时刻前已登记的（RFC 3339）")
out_option = option("--out", type=click.Path(path_type=Path), metavar="FILE", help="把证照文件（OFD）写到哪里")
licence_argument = click.argument("licence_id", metavar="ID")


# Questions


@command.command("show", help="显示一份证照：状态、版本、事件、年检；可问过去任一时刻")
@licence_argument
@at_option
@known_option
@out_option
@as_json
@acting
@common
@refusable
def show(
    licence_id: str,
    at: str | None,
    known_at: str | None,
    out: Path | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import licence_office, licence_shapes
    from api.pages.provenance_views import provenance_shape

    with open_services(directory) as services:
        asked = _asked(services, account, at, known_at)
        found = licence_office.history(services, licence_id, asked, "licence.read")
        if out:
            write_whole(out, services.register.file(found.view))
        origin = provenance_shape(services, found.view)
    if as_json:
        put({**licence_shapes.history(found, asked.at, asked.known_at), **origin})
        return
    one = found.view.summary
    click.echo(f"{one.licence_id}  {_state(one.state)}  {one.type_name}\n{one.holder_name}  {one.licence_number}")
    click.echo(tr("第 {n} 版，自 {since} 起").format(n=one.version, since=_utc(one.since)))
    _tell_events(found.events)


@command.command("history", help="证照经过：每一事件何时生效、何时登记、由谁、为何")
@licence_argument
@at_option
@known_option
@as_json
@acting
@common
@refusable
def history(
    licence_id: str, at: str | None, known_at: str | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api import licence_office, licence_shapes

    with open_services(directory) as services:
        found = licence_office.history(services, licence_id, _asked(services, account, at, known_at))
    if not as_json:
        _tell_events(found.events)
        return
    for one in found.events:
        put(licence_shapes.event(one))


@command.command("lineage", help="版本承接：每一版写明的前一版摘要是否与所存文件相符；不相符则退出码 1")
@licence_argument
@as_json
@acting
@common
@refusable
def lineage(licence_id: str, as_json: bool, account: str | None, directory: Path | None) -> int:
    from api import licence_office, licence_shapes

    with open_services(directory) as services:
        proof = licence_office.lineage(services, licence_id, _asked(services, account))
    if as_json:
        put(licence_shapes.lineage(proof))
    else:
        for one in proof.links:
            click.echo(f"{one.licence_id}  {one.file_digest}  {one.problem}".rstrip())
        say(tr("承接完好") if proof.is_unbroken else tr("承接有断裂"))
    return 0 if proof.is_unbroken else 1


@command.command("holdings", help="持证者名下的证照；可问过去任一时刻")
@click.argument("holder_code", metavar="CODE")
@at_option
@known_option
@as_json
@acting
@common
@refusable
def holdings(
    holder_code: str, at: str | None, known_at: str | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api import licence_office, licence_shapes

    with open_services(directory) as services:
        found = licence_office.holdings(services, holder_code, _asked(services, account, at, known_at))
    for one in found:
        if as_json:
            put(licence_shapes.line(one))
        else:
            click.echo(f"{one.licence_id}  {_state(one.state):<8}  {one.type_name}  {one.licence_number}")


@command.command("inspections", help="年检工作表：某一类型待检、逾期、已检的证照")
@option("--type", "type_name", required=True, metavar="TYPE", help="证照类型（代码、短名或名称）")
@option("--show", type=click.Choice(["due", "overdue", "done"]), default="due", help="待检、逾期或已检（默认待检）")
@option("--year", type=click.IntRange(1950, 9999), default=None, metavar="YEAR", help="已检的年度（默认最近一年）")
@as_json
@acting
@common
@refusable
def inspections(
    type_name: str, show: str, year: int | None, as_json: bool, account: str | None, directory: Path | None
) -> None:
    from api import licence_office, licence_shapes

    with open_services(directory) as services:
        asked, after = _asked(services, account), ""
        while True:
            some = licence_office.inspections(services, asked, type_name, show, year or 0, after, 500)
            for one in some:
                if as_json:
                    put(licence_shapes.waiting(one))
                else:
                    click.echo(f"{one.licence_id}  {one.year}  {one.holder_name}  {one.result}".rstrip())
            if len(some) < 500:
                break
            after = some[-1].place


# Steps


def _plain(name: str, step: str, *, help: str, further: Callable[[Any], Any] = lambda run: run) -> None:
    """A command for a step that needs no more than a reason, a basis and a moment; ``further``: one more option."""

    @command.command(name, help=help)
    @licence_argument
    @further
    @reason_option
    @basis_option
    @effective_option
    @as_json
    @acting
    @common
    @refusable
    def run(
        licence_id: str,
        reason: str,
        basis: str,
        effective: str | None,
        as_json: bool,
        account: str | None,
        directory: Path | None,
        to: str = "",
    ) -> None:
        from api.licence_office import Given, take_step

        with open_services(directory) as services:
            given = Given(reason, basis, moment_of(effective), to)
            made = take_step(services, licence_id, step, _asked(services, account), given)
            _tell(services, licence_id, made, as_json)


_plain("suspend", "suspend", help="暂扣；须说明理由")
_plain("resume", "resume", help="恢复；须说明理由")
_plain("report-lost", "report_lost", help="挂失；须说明理由")
_plain("found", "found", help="解除挂失；须说明理由")
_plain("revoke", "revoke", help="吊销（行政处罚）；须说明理由")
_plain("annul", "annul", help="撤销；须说明理由")
_plain("cancel", "cancel", help="注销；须说明理由")
_plain(
    "transfer-out",
    "transfer_out",
    help="转出到不在信任列表上的地区，无接收函；须说明理由（在列表上的，用 transfer release）",
    further=option("--to", required=True, metavar="REGION", help="转往哪个地区（6位行政区划代码）"),
)


@command.command("inspect", help="年检：登记一个年度的结论")
@licence_argument
@option("--result", required=True, metavar="RESULT", help="结论：passed、failed，或该类型另定的结论")
@option("--period", default="", metavar="YEAR", help="年度（默认：应检的年度）")
@option("--remarks", default="", metavar="TEXT", help="说明")
@option("--evidence", type=click.Path(path_type=Path), metavar="FILE", help="佐证文件，原样保存")
@effective_option
@as_json
@acting
@common
@refusable
def inspect(
    licence_id: str,
    result: str,
    period: str,
    remarks: str,
    evidence: Path | None,
    effective: str | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api import licence_office

    kept = (evidence.name, file_bytes(evidence)) if evidence else None
    found = licence_office.Inspected(result, period, remarks, kept, moment_of(effective))
    with open_services(directory) as services:
        made = licence_office.inspect(services, licence_id, _asked(services, account), found)
        _tell(services, licence_id, made, as_json)


# Further versions


@command.command("revise", help="变更：内容改动即签发新的一版，旧版留作历史；输入为一条 JSON 记录，可只写改动的字段")
@licence_argument
@option("--input", "source", type=click.Path(path_type=Path), required=True, metavar="FILE", help="记录（.json）")
@reason_option
@out_option
@as_json
@acting
@common
@refusable
def revise(
    licence_id: str, source: Path, reason: str, account: str | None, directory: Path | None, **given: Any
) -> None:
    from api import licence_office

    record = _record(source)
    with open_services(directory) as services:
        asked = _asked(services, account)
        _tell_issued(services, licence_office.revise(services, licence_id, asked, record, reason), **given)


@command.command("renew", help="延续（换证）：签发后一份证照，与原证照互相指明；输入为改动的字段，如新的有效期")
@licence_argument
@option("--input", "source", type=click.Path(path_type=Path), metavar="FILE", help="记录（.json；默认内容照旧）")
@reason_option
@out_option
@as_json
@acting
@common
@refusable
def renew(
    licence_id: str, source: Path | None, reason: str, account: str | None, directory: Path | None, **given: Any
) -> None:
    from api import licence_office

    record = _record(source) if source else None
    with open_services(directory) as services:
        asked = _asked(services, account)
        _tell_issued(services, licence_office.renew(services, licence_id, asked, record, reason), **given)


@command.command("reissue", help="补发：挂失后以新的一版重新签发，内容照旧，挂失的那版不再有效")
@licence_argument
@reason_option
@out_option
@as_json
@acting
@common
@refusable
def reissue(licence_id: str, reason: str, account: str | None, directory: Path | None, **given: Any) -> None:
    from api import licence_office

    with open_services(directory) as services:
        asked = _asked(services, account)
        _tell_issued(services, licence_office.reissue(services, licence_id, asked, reason), **given)


# Shared


def _asked(services: Services, account: str | None, at: str | None = None, known_at: str | None = None) -> Asked:
    from api.licence_office import Asked, console_official

    return Asked(console_official(services, account), at=moment_of(at), known_at=moment_of(known_at))


def _record(path: Path) -> dict[str, object]:
    """The one record in a file. Raises ``Malformed("input.json")``."""
    import json

    from trust.errors import Malformed

    try:
        found = json.loads(file_bytes(path))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed("licence.input", "输入应为一条 JSON 记录（对象）。")
    return found


def _tell(services: Services, licence_id: str, made: EventView, as_json: bool) -> None:
    """The appended event; without ``--json`` one line for people."""
    from api import licence_shapes

    if as_json:
        put(licence_shapes.stepped(services.register, made, licence_id))
        return
    one = services.register.find(licence_id).summary
    click.echo(f"{one.licence_id}  {one.state}")
    say(f"{_title(made.kind)}：{_state(one.state)}  {one.licence_number}")


def _tell_issued(services: Services, made: IssuedLicence, *, out: Path | None, as_json: bool) -> None:
    """A further version, or a successor: as ``_tell``, for the licence that was issued."""
    from api import licence_shapes

    view = services.register.find(made.licence_id)
    if out:
        write_whole(out, services.register.file(view))
    if as_json:
        put({**licence_shapes.issued(services.register, made), "files": {"ofd": str(out)} if out else {}})
        return
    click.echo(f"{made.licence_id}  {view.state}")
    say(tr("已签发第 {n} 版").format(n=made.version))


def _tell_events(events: tuple[EventView, ...]) -> None:
    for one in events:
        said = (_utc(one.effective), _title(one.kind), _state(one.state), one.actor, one.reason)
        click.echo(("  " + "  ".join(said)).rstrip())


def _state(state: str) -> str:
    from verify.policy import STATE_NAMES

    return tr(STATE_NAMES.get(state, state))


def _title(step: str) -> str:
    from licence_store.lifecycle import STEPS

    return tr(STEPS[step].title) if step in STEPS else step


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
