"""``journal``: is the record of acts whole (全过程留痕)?"""

from __future__ import annotations

from pathlib import Path

from api.commands.common import Group, common, open_services, option, put

command = Group("journal", help="全过程留痕：检查记录链")


@command.command("check", help="逐条检查留痕链；退出码：0 完好，1 有缺损")
@option("--json", "as_json", is_flag=True, help="输出 JSON（默认即是）")
@common
def check(as_json: bool, directory: Path | None) -> int:
    with open_services(directory) as services:
        found = services.check_journal()
        if found.intact:
            services.anchor_journal()
    put(
        {
            "intact": found.intact,
            "entries": found.entries,
            "head": found.head,
            "problem": found.problem or None,
            "at": found.at,
        }
    )
    return 0 if found.intact else 1
