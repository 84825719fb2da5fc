"""``issue``: from records in a file to sealed licences in a folder."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import click

from api.commands.common import Command, acting, common, open_services, option, put, say, tr
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.batch import BatchOutcome
    from licence_store.intake import Row

HELP = N_(
    "按记录签发证照\n"
    "每条记录输出一行 JSON。退出码：0 全部签发，1 部分失败，3 调用有误或故障。\n"
    "同一命令再次执行不会重复签发（同一类型和 record_id，或同样内容的记录）。"
)


@click.command("issue", cls=Command, help=HELP)
@option("--type", "type_name", required=True, metavar="CODE", help="证照类型：代码、短名或名称")
@option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="记录：.json、.jsonl 或 .csv",
)
@option("--out", required=True, type=click.Path(path_type=Path), metavar="OUTDIR", help="签发的文件写到哪个文件夹")
@option("--format", "form", type=click.Choice(["ofd", "pdf", "both"]), default="ofd", help="文件格式（默认 ofd）")
@acting
@common
def command(type_name: str, source: Path, out: Path, form: str, account: str | None, directory: Path | None) -> int:
    from licence_store.batch import BatchJob, run_batch
    from licence_store.intake import read_records

    rows = _checked(read_records(source))
    with open_services(directory) as services:
        job = BatchJob(services.desk.settings, type_name, out, services.issuing_actor(account), forms=form)
        workers = services.settings.workers
    bar = Bar(sys.stderr, _count(source) if sys.stderr.isatty() else 0)
    failed = total = 0
    with bar:
        for outcome in run_batch(job, rows, workers=workers, on_progress=bar.show):
            total, failed = total + 1, failed + (outcome.error is not None)
            put(line_of(outcome))
    with open_services(directory) as services:
        services.anchor_journal()
    say(tr("签发 {done} 份，失败 {failed} 份。").format(done=total - failed, failed=failed))
    return 1 if failed else 0


def _checked(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, the first one read now: a file that cannot be used is said before anything else happens."""
    first = list(itertools.islice(rows, 1))
    return itertools.chain(first, rows)


def line_of(outcome: BatchOutcome) -> dict[str, object]:
    """One line of the contract: what was issued, or why not."""
    if outcome.issued is None:
        assert outcome.error is not None
        return {"error": _error(outcome), "record": outcome.record}
    issued = outcome.issued
    if outcome.error is not None:
        return {"error": _error(outcome), "record": outcome.record, "licence_id": issued.licence_id}
    return {
        "licence_id": issued.licence_id,
        "licence_number": issued.licence_number,
        "version": issued.version,
        "files": {form: str(place) for form, place in outcome.files.items()},
    }


def _error(outcome: BatchOutcome) -> dict[str, str]:
    assert outcome.error is not None
    return {"code": outcome.error.code, "message": outcome.error.localised(tr)[0]}


def _count(source: Path) -> int:
    """About how many records: lines, for the bar only."""
    try:
        with source.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return 0
    return max(1, lines - (source.suffix.lower() == ".csv"))


class Bar:
    """进度条 on a terminal; silent elsewhere."""

    WIDTH = 28

    def __init__(self, stream: TextIO, total: int) -> None:
        self.stream, self.total = stream, total
        self.started = time.monotonic()
        self.drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.drawn:
            self.stream.write("\r\033[K")
            self.stream.flush()

    def show(self, done: int, failed: int) -> None:
        """Draw anew; a terminal is asked for, so a pipe never sees this."""
        if not self.stream.isatty():
            return
        self.drawn = True
        rate = done / max(0.001, time.monotonic() - self.started)
        total = max(self.total, done)
        filled = self.WIDTH * done // max(1, total)
        left = int((total - done) / rate) if rate else 0
        words = tr("{done}/{total}  {rate}/秒  失败 {failed}  剩余 {left} 秒")
        text = words.format(done=done, total=total, rate=f"{rate:.0f}", failed=failed, left=left)
        self.stream.write(f"\r\033[K{'█' * filled}{'░' * (self.WIDTH - filled)} {text}")
        self.stream.flush()
