"""``simulate``: several regions and a hub on this machine, one licence across them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.common import Command, common, option, put, say, tr
from trust.i18n import N_

if TYPE_CHECKING:
    from types import FrameType

    from api.simulator.federation import Federation

STAGES = {
    "init": N_("新建各地区 …"),
    "trust_list": N_("各地区申请入列，起草并会签信任列表 …"),
    "join": N_("各地区采信列表 …"),
    "serve": N_("启动各节点 …"),
}


@click.command(
    "simulate",
    cls=Command,
    help="模拟：在本机启动 N 个地区节点和一个枢纽，办一次跨地区用证\n退出码：0 每一步都如预期，1 有不如预期的。",
)
@option("--regions", "count", type=click.IntRange(2, 34), default=3, metavar="N", help="几个地区（2–34，默认 3）")
@option("--once", is_flag=True, help="办完一次即结束；否则提供页面，直到 Ctrl-C")
@option("--json", "as_json", is_flag=True, help="输出 JSON：每步一行，最后一行汇总")
@option("--port", type=click.IntRange(0, 65535), default=8090, metavar="PORT", help="模拟页面的端口（默认 8090）")
@common
def command(count: int, once: bool, as_json: bool, port: int, directory: Path | None) -> int:
    from api.simulator.federation import Room, plan

    began = time.monotonic()
    with _ended_in_order(), Room(directory) as place:
        federation = plan(count, place)
        try:
            federation.make(lambda stage: say(tr(STAGES[stage])))
            ready = time.monotonic() - began
            return _once(federation, as_json, ready, began) if once else _serve(federation, port)
        except KeyboardInterrupt:
            say(tr("已停止。"))
            return 3 if once else 0
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C does not leave processes behind
            federation.stop()
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _once(federation: Federation, as_json: bool, ready: float, began: float) -> int:
    """The journey, told step by step."""
    from api.simulator.journey import Journey

    a, b = federation.nodes[:2]
    results = []
    for one in Journey(federation, a, b).run():
        results.append(one)
        if as_json:
            put(one.to_json())
        else:
            title = tr(one.title).format(A=a.name, B=b.name)
            mark = "✓" if one.passed else "✗"
            click.echo(f"{mark} {title}  {one.got}" + ("" if one.passed else f" ≠ {one.expected}"))
    good = all(one.passed for one in results)
    told = {
        "ok": good, "regions": len(federation.nodes), "hub": federation.hub.code, "steps": len(results),
        "failed": [one.name for one in results if not one.passed], "ready_seconds": round(ready, 1),
        "seconds": round(time.monotonic() - began, 1), "messages": federation.log.count,
    }  # fmt: skip
    if as_json:
        put(told)
    else:
        say(tr("每一步都如预期。") if good else tr("有步骤不如预期。"))
    return int(not good)


def _serve(federation: Federation, port: int) -> int:
    from api.simulator.page import serve

    serve(federation, port, lambda address: say(tr("模拟页面：{address} （Ctrl-C 停止）").format(address=address)))
    return 0


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Being told to end is as good as Ctrl-C: nothing is left behind."""
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
