"""迁移: bring a database to the tables this version of the product needs (Alembic, without an ini file)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from seal.database import Sessions
from trust.errors import Unavailable

HEAD = "0022"
"""The newest revision; a test compares it with the scripts."""
_LOCK = 5_870_213_001
"""PostgreSQL advisory lock, so that two starting servers do not migrate at once."""


def upgrade(sessions: Sessions, revision: str = "head") -> None:
    """Bring the database to ``revision``, in one transaction; a database already there is left alone."""
    with sessions.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if revision != "head" or current(connection) != HEAD:
            _run(connection, revision)


def _run(connection: Connection, revision: str) -> None:
    from alembic import command  # costs 0.2 s, and only a database that is behind needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def current(connection: Connection) -> str | None:
    """The revision the database is at; ``None`` when it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_schema(sessions: Sessions) -> None:
    """Raises ``Unavailable("database.schema")`` unless the database is at the revision this version needs."""
    with sessions.read() as session:
        found = current(session.connection())
    if found != HEAD:
        raise Unavailable(
            "database.schema",
            "数据库结构版本为 {found}，本程序需要 {expected}：请先执行数据库升级。",
            found=found or "—",
            expected=HEAD,
        )
