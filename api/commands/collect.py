"""``collect``: sources, their runs, the quarantine, the quality report."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands.common import Group, acting, common, file_bytes, open_services, option, put, refusable, say, tr

if TYPE_CHECKING:
    from licence_store.collection.quarantine import Held, Mending, Wanted
    from licence_store.collection.runs import RunView
    from trust.errors import LicenceTrustError

command = Group("collect", help="归集：来源、批次、比对清洗、隔离区、数据质量")
quarantine = Group("quarantine", help="隔离区：查看、更正、弃用、导出、导入")
command.add_command(quarantine)
as_json = option("--json", "as_json", is_flag=True, help="输出 JSON")
source_argument = click.argument("source_id", metavar="ID")
path = click.Path(path_type=Path)
STATES = ("open", "mended", "released", "discarded")
FORMATS = (".jsonl", ".xlsx")
_AT_ONCE = 200


# Sources


@command.command("sources", help="列出来源")
@as_json
@common
def sources(as_json: bool, directory: Path | None) -> None:
    from api.collection_shapes import source

    with open_services(directory) as services:
        found = services.desk.sources.list()
    for one in found:
        if as_json:
            put(source(one))
        else:
            click.echo(f"{one.id}  {one.title}  {one.type_name}  {one.department_name}  {one.declaration.schedule}")


@command.command("add", help="声明来源（JSON 文件）；同名来源改为新的声明")
@click.argument("file", type=path, metavar="FILE")
@acting
@common
@refusable
def add(file: Path, account: str | None, directory: Path | None) -> None:
    from api.collection_shapes import source
    from trust.errors import Malformed

    content = file_bytes(file)
    try:
        declared = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Malformed("source.not_json", "来源声明不是有效的 JSON（UTF-8）。") from error
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        put(source(services.desk.sources.declare(declared, actor, trusted=True)))


@command.command("show", help="一个来源：声明、最近的批次、来源已无的记录")
@source_argument
@as_json
@common
def show(source_id: str, as_json: bool, directory: Path | None) -> None:
    from api import collection_shapes as shapes

    with open_services(directory) as services:
        register = services.desk.sources
        view, runs, gone = register.get(source_id), register.runs(source_id), register.gone(source_id)
    whole = shapes.source(view) | {
        "declaration": dict(view.declaration.source),
        "runs": [shapes.run(one, tr) for one in runs],
        "gone": [{"key": key, "licence": licence or None} for key, licence in gone],
    }
    if as_json:
        put(whole)
        return
    click.echo(f"{view.id}  {view.title}  {view.type_name}  {view.department_name}")
    click.echo(json.dumps(whole["declaration"], ensure_ascii=False, indent=2))
    for run in runs:
        click.echo(_told(run))


@command.command("close", help="停用来源")
@source_argument
@option("--reason", default="", metavar="R", help="理由")
@acting
@common
@refusable
def close(source_id: str, reason: str, account: str | None, directory: Path | None) -> None:
    from api.collection_shapes import source

    with open_services(directory) as services:
        services.desk.sources.close(source_id, services.issuing_actor(account), reason)
        put(source(services.desk.sources.get(source_id)))


# Runs


@command.command("run", help="归集一个来源；中断过的批次从中断处继续。退出码：0 全部通过，1 有隔离或未完成")
@source_argument
@option("--file", "file", type=path, default=None, metavar="FILE", help="读这个文件：.csv、.json、.jsonl 或 .xlsx")
@option("--check", is_flag=True, help="只比对清洗，不签发")
@option("--background", is_flag=True, help="交给后台任务办理，立即返回任务编号")
@as_json
@acting
@common
@refusable
def run(
    source_id: str,
    file: Path | None,
    check: bool,
    background: bool,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> int:
    from api.collection_shapes import run as shape
    from api.commands.issue import Bar
    from licence_store.collection.collector import Watch

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        if background:
            content = file_bytes(file) if file else b""
            job = services.collection.ask_run(source_id, actor, content, file.name if file else "", check=check)
            put({"job_id": job})
            return 0
        with Bar(sys.stderr, 0) as bar:
            watch = Watch(told=lambda done, _total, held: bar.show(done, held))
            view = services.desk.collector.run(
                source_id, actor, file=file, check=check, workers=services.settings.workers, watch=watch
            )
        services.anchor_journal()
    return _answered(view, shape(view, tr), as_json=as_json)


@command.command("rerun", help="把隔离区中的行重新清洗，通过的予以签发")
@source_argument
@option("--row", "rows", multiple=True, metavar="QID", help="只重跑这些隔离行（可重复）")
@as_json
@acting
@common
@refusable
def rerun(source_id: str, rows: tuple[str, ...], as_json: bool, account: str | None, directory: Path | None) -> int:
    from api.collection_shapes import run as shape

    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        view = services.desk.collector.rerun(
            source_id, actor, ids=list(rows) or None, workers=services.settings.workers
        )
        services.anchor_journal()
    return _answered(view, shape(view, tr), as_json=as_json)


@command.command("status", help="批次的进展：全部、一个来源的，或一个批次")
@click.argument("name", required=False, default="", metavar="[ID|RUN]")
@option("--limit", type=click.IntRange(1, 1000), default=20, metavar="N", help="最多几条（默认 20）")
@as_json
@common
def status(name: str, limit: int, as_json: bool, directory: Path | None) -> None:
    from api.collection_shapes import run as shape

    with open_services(directory) as services:
        register = services.desk.sources
        is_run = len(name) == 32 and name.isalnum()
        if name and not is_run:
            register.get(name)
        found = (register.run(name),) if is_run else register.runs(name, limit=limit)
    for one in found:
        if as_json:
            put(shape(one, tr))
        else:
            click.echo(_told(one))


def _answered(view: RunView, shaped: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        put(shaped)
    else:
        click.echo(_told(view))
    if shaped["error"]:
        told = shaped["error"]
        say(f"{tr('错误')} {told['code']}: {told['message']}" + (f" — {told['remedy']}" if told["remedy"] else ""))
    return 1 if view.state != "done" or view.counts["held"] else 0


def _told(view: RunView) -> str:
    words = tr(
        "第 {number} 批 {state}：{seen} 行，签发 {issued}，变更 {revised}，未变 {unchanged}，"
        "隔离 {held}，提示 {warned}，来源已无 {gone}"
    )
    return f"{view.source_id}  " + words.format(number=view.number, state=view.state, **view.counts)


# Quarantine


@quarantine.command("list", help="列出隔离行，新的在前")
@option("--source", "source_id", default="", metavar="ID", help="只列这个来源的")
@option("--rule", default="", metavar="RULE", help="只列违反这条规则（或这个错误代码）的")
@option("--state", "states", type=click.Choice(STATES), multiple=True, help="只列这种状态的（默认 open、mended）")
@option("--limit", type=click.IntRange(1, 100_000), default=50, metavar="N", help="最多几条（默认 50）")
@as_json
@common
def list_rows(
    source_id: str, rule: str, states: tuple[str, ...], limit: int, as_json: bool, directory: Path | None
) -> None:
    from api.collection_shapes import held

    with open_services(directory) as services:
        shown, after = 0, ""
        while shown < limit:
            wanted = _wanted(source_id, rule, states)
            page = services.desk.quarantine.page(wanted, after=after, limit=min(_AT_ONCE, limit - shown))
            for one in page:
                if as_json:
                    put(held(one, tr))
                else:
                    _echo(one)
            if len(page) < min(_AT_ONCE, limit - shown):
                break
            shown, after = shown + len(page), page[-1].id


def _wanted(source_id: str, rule: str, states: tuple[str, ...]) -> Wanted:
    from licence_store.collection.holding import WAITING
    from licence_store.collection.quarantine import Wanted

    return Wanted(source_id, rule, states or WAITING)


def _echo(one: Held) -> None:
    click.echo(f"{one.id}  {one.source_id}  {one.row}  {one.state}  {one.key}")
    for told in one.findings:
        click.echo(f"    {told.rule}  {told.field}  {told.error.localised(tr)[0]}")


@quarantine.command("show", help="一行：记录和每一条原因")
@click.argument("quarantine_id", metavar="QID")
@as_json
@common
def show_row(quarantine_id: str, as_json: bool, directory: Path | None) -> None:
    from api.collection_shapes import held

    with open_services(directory) as services:
        one = services.desk.quarantine.get(quarantine_id)
    if as_json:
        put(held(one, tr))
        return
    _echo(one)
    click.echo(json.dumps(dict(one.record), ensure_ascii=False, indent=2))


@quarantine.command("mend", help="更正一行的字段（NAME=VALUE，值留空为删去），再用 collect rerun 重新清洗")
@click.argument("quarantine_id", metavar="QID")
@option("--set", "changes", multiple=True, required=True, metavar="NAME=VALUE", help="字段的新值（可重复）")
@option("--revision", type=click.IntRange(1), default=None, metavar="N", help="所见的版次；他人已更改时拒绝")
@as_json
@acting
@common
@refusable
def mend(
    quarantine_id: str,
    changes: tuple[str, ...],
    revision: int | None,
    as_json: bool,
    account: str | None,
    directory: Path | None,
) -> None:
    from api.collection_shapes import held
    from licence_store.collection.quarantine import Mending

    pairs = [change.partition("=") for change in changes]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise click.UsageError(tr("--set 应为 NAME=VALUE，实为“{got}”").format(got=wrong[0][:60]))
    with open_services(directory) as services:
        actor, register = services.issuing_actor(account), services.desk.quarantine
        record = dict(register.get(quarantine_id).record) | {name: value for name, _, value in pairs}
        mended = register.mend(Mending(quarantine_id, record, revision), actor)
    if as_json:
        put(held(mended, tr))
    else:
        _echo(mended)


@quarantine.command("discard", help="弃用隔离行，写明理由")
@click.argument("ids", nargs=-1, required=True, metavar="QID…")
@option("--reason", required=True, metavar="R", help="理由")
@as_json
@acting
@common
@refusable
def discard(ids: tuple[str, ...], reason: str, as_json: bool, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        done = services.desk.quarantine.discard(ids, services.issuing_actor(account), reason)
    if as_json:
        put({"discarded": done})
    else:
        click.echo(tr("弃用 {done} 行。").format(done=done))


@quarantine.command("export", help="导出隔离行到文件（.xlsx 或 .jsonl），更正后用 import 导入")
@option("--source", "source_id", required=True, metavar="ID", help="哪个来源")
@option("--out", required=True, type=path, metavar="FILE", help="写到这个文件")
@option("--rule", default="", metavar="RULE", help="只列违反这条规则（或这个错误代码）的")
@acting
@common
@refusable
def export(source_id: str, out: Path, rule: str, account: str | None, directory: Path | None) -> None:
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        data = services.collection.export(_wanted(source_id, rule, ()), actor, out.suffix.lower(), tr)
    out.write_bytes(data)


@quarantine.command("import", help="导入更正过的隔离行（export 导出的 .xlsx、.jsonl，或同样列名的 .csv）")
@click.argument("file", type=path, metavar="FILE")
@as_json
@acting
@common
@refusable
def import_rows(file: Path, as_json: bool, account: str | None, directory: Path | None) -> int:
    from api.collection_shapes import error
    from licence_store.collection.spreadsheets import read_mended

    done = failed = 0
    with open_services(directory) as services:
        actor = services.issuing_actor(account)
        for number, some in enumerate(_some(read_mended(file))):
            for place, answer in enumerate(services.collection.mend_all(some, actor), 1):
                if isinstance(answer, str):
                    done += 1
                else:
                    failed += 1
                    line = {"record": number * _AT_ONCE + place, "error": error(answer, tr)}
                    if as_json:
                        put(line)
                    else:
                        click.echo(json.dumps(line, ensure_ascii=False))
    if as_json:
        put({"mended": done, "failed": failed})
    else:
        click.echo(tr("更正 {done} 行，未更正 {failed} 行。").format(done=done, failed=failed))
    return 1 if failed else 0


def _some(lines: Iterable[Mending | LicenceTrustError]) -> Iterator[list[Mending | LicenceTrustError]]:
    iterator = iter(lines)
    while some := list(itertools.islice(iterator, _AT_ONCE)):
        yield some


# Quality


@command.command("quality", help="数据质量报告：每个来源、每条规则")
@option("--source", "source_ids", multiple=True, metavar="ID", help="只报这些来源（可重复）")
@option("--xlsx", "workbook", type=path, default=None, metavar="FILE", help="另存为电子表格")
@as_json
@common
def quality(source_ids: tuple[str, ...], workbook: Path | None, as_json: bool, directory: Path | None) -> None:
    from api import collection_shapes as shapes
    from licence_store.collection.spreadsheets import quality_workbook

    with open_services(directory) as services:
        for name in source_ids:
            services.desk.sources.get(name)
        report = services.desk.quality.report(sources=source_ids or None)
    if workbook is not None:
        workbook.write_bytes(quality_workbook(report, tr))
    for one in report:
        if as_json:
            put(shapes.quality(one, tr))
            continue
        words = tr("{seen} 行，通过 {passed}（{rate}），隔离 {held}，提示 {warned}")
        told = words.format(seen=one.seen, passed=one.passed, rate=f"{one.rate:.1%}", held=one.held, warned=one.warned)
        click.echo(f"{one.source_id}  {one.title}  {told}")
        for rule in one.rules:
            click.echo(f"    {rule.rows:>8}  {rule.rule}  {rule.field}  {tr(rule.title)}")
