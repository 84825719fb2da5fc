"""``verify``: the verdict on one file, as exit status, sentence and JSON."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Command, common, file_bytes, open_services, option, put, settings_for, tr
from trust.errors import printable

if TYPE_CHECKING:
    from datetime import datetime

    from verify.policy import StatedPurpose
    from verify.report import Report

STATUS = {"TOTAL-PASSED": 0, "TOTAL-FAILED": 1, "INDETERMINATE": 2}


@click.command(
    "verify",
    cls=Command,
    help="核验一份 OFD 或 PDF 文件\n退出码：0 通过，1 未通过，2 无法确认，3 调用有误或故障。给出 --trust 时不需要区域。"
    "用证副本只在所写明的用途之内通过：请用 --purpose 说明用途。",
)
@click.argument("file", type=click.Path(path_type=Path))
@option("--trust", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="用这份信任包，而不是区域自己的")
@option("--at", metavar="RFC3339", help="按这一时刻核验")
@option("--purpose", metavar="P", help="用证副本：核验者要用它办什么")
@option("--recipient", metavar="R", help="用证副本：由谁使用")
@option("--service-item", metavar="ITEM", help="用证副本：用于哪一事项")
@option("--case", "case_number", metavar="N", help="用证副本：用于哪一办件")
@option("--json", "as_json", is_flag=True, help="输出一个 JSON 对象")
@common
def command(
    file: Path,
    bundle: Path | None,
    at: str | None,
    purpose: str | None,
    recipient: str | None,
    service_item: str | None,
    case_number: str | None,
    as_json: bool,
    directory: Path | None,
) -> int:
    from api.moments import parse_moment
    from api.stated import stated_purpose

    moment = parse_moment(at) if at else None
    stated = stated_purpose(purpose or "", recipient or "", service_item or "", case_number or "")
    document = file_bytes(file)
    with ExitStack() as stack:
        report = _verify(stack, directory, bundle, document, (moment, stated))
    if as_json:
        put(report.to_json(tr))
    else:
        _print(report, file.name)
    return STATUS[str(report.indication)]


def _verify(
    stack: ExitStack,
    directory: Path | None,
    bundle: Path | None,
    document: bytes,
    asked: tuple[datetime | None, StatedPurpose],
) -> Report:
    """By the region (and in its journal); with a bundle, by the bundle's trust and, if a region is at hand, the word of
    its register.
    """
    from api.wiring import bundle_verifier, console

    moment, stated = asked
    if bundle is None:
        return stack.enter_context(open_services(directory)).verify(document, console(), moment, stated)
    trust = file_bytes(bundle)
    if not (settings_for(directory).dir / "region.json").is_file():
        return bundle_verifier(trust, None).verify(document, moment=moment, stated=stated)
    services = stack.enter_context(open_services(directory))
    verifier = bundle_verifier(trust, services.register, services.desk.copies)
    return verifier.verify(document, moment=moment, stated=stated)


_MARKS = {"pass": "✓", "unsure": "!", "fail": "✗", "info": "·", "none": "-"}


def _print(report: Report, name: str) -> None:
    from api.pages.verdict import verdict_view

    view = verdict_view(report, name, tr)
    _line(f"{_MARKS[view.tone]} {view.title}  [{view.word}]")
    _line(f"  {view.sentence}")
    for title, text in (*view.copy, *view.document):
        _line(f"  {title}: {text}")
    for signature in view.signatures:
        _line(f"{signature.title}: {signature.seal_name}".rstrip(": "))
        for title, text in signature.rows:
            _line(f"  {title}: {text}")
    for one in view.findings:
        _line(f"  {_MARKS[one.tone]} {one.message} ({one.code})")
    _line(tr("接下来："))
    for step in view.advice:
        _line(f"  - {step}")


def _line(text: str) -> None:
    """One line of the answer: names and texts out of the file cannot make another."""
    click.echo(printable(text))
