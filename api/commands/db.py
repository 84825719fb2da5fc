"""``db``: the register's database."""

from __future__ import annotations

from pathlib import Path

from api.commands.common import Group, common, put, settings_for

command = Group("db", help="登记簿数据库：升级表结构")


@command.command("upgrade", help="把表结构升级到本版本")
@common
def upgrade(directory: Path | None) -> None:
    from api.wiring import upgrade_database

    put({"revision": upgrade_database(settings_for(directory))})
