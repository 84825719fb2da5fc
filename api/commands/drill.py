"""``drill``: rehearsals that change nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from api.commands.common import Group, common, open_services, option, put, refusable, say, tr
from trust.errors import fill

command = Group("drill", help="演练：不改变任何东西")


@command.command(
    "rollover",
    help="换钥演练：询问在运行的各节点，列出换钥会使哪些证照、节点出问题\n退出码：0 没有问题，1 有会出问题的。",
)
@option("--begins", metavar="T", default=None, help="新密钥何时启用（默认七天后）")
@option("--overlap", type=click.IntRange(0, 3650), default=14, help="新旧密钥并用的天数（默认 14）")
@option("--sample", type=click.IntRange(0, 1000), default=20, help="抽查最近签发的多少份证照（默认 20）")
@option("--json", "as_json", is_flag=True, help="输出 JSON")
@common
@refusable
def rollover(begins: str | None, overlap: int, sample: int, as_json: bool, directory: Path | None) -> int:
    from api.moments import parse_moment
    from licence_store.regions.rollover import RolloverDrill
    from verify.report import rfc3339

    with open_services(directory) as services:
        start = parse_moment(begins) if begins else services.clock() + timedelta(days=7)
        drill = RolloverDrill(services.desk, services.desk.publications.fetcher)
        found = drill.run(start, start + timedelta(days=overlap), sample=sample)
    rows = [
        {"what": one.what, "subject": one.subject, "message": fill(tr(one.template), one.params)}
        for one in found.breakages
    ]
    if as_json:
        facts = {"region": found.region, "begins": rfc3339(found.begins), "ends": rfc3339(found.ends)}
        put({**facts, "documents": found.documents, "nodes": found.nodes, "would_break": rows})
        return int(bool(rows))
    head = tr("演练：新密钥 {begins} 启用，旧密钥 {ends} 止；查了 {documents} 份证照、{nodes} 个节点。")
    click.echo(
        head.format(
            begins=rfc3339(found.begins), ends=rfc3339(found.ends), documents=found.documents, nodes=found.nodes
        )
    )
    for row in rows:
        click.echo(f"✗ {row['message']}")
    if not rows:
        say(tr("没有会出问题的。"))
    return int(bool(rows))
