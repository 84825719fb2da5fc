"""A demonstration region made once, copies of it, and a real server on localhost."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.cli import run
from api.settings import load_settings
from api.wiring import Services, build
from tests.journeys.holders import cast  # noqa: F401  a fixture

TEACHER = "teacher-certificate"


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A region after ``demo``, made once; copy it, do not use it."""
    folder = tmp_path_factory.mktemp("demo") / "region"
    assert run(["demo", "--dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def place(made_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration region of the module's own."""
    return Path(shutil.copytree(made_demo, tmp_path_factory.mktemp("place") / "region"))


@dataclass(frozen=True)
class Live:
    """A running server and what stands behind it."""

    url: str
    services: Services
    place: Path

    @property
    def passwords(self) -> dict[str, str]:
        kept = json.loads((self.place / "demo" / "accounts.json").read_text("utf-8"))
        return {one["account"]: one["password"] for one in kept}

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def serving(place: Path, **settings: object) -> Iterator[Live]:
    """Serve ``place`` on a free port until the block ends."""
    with build(load_settings({}, dir=place, **settings)) as services:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(services), log_level="error", ws="none", lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Live(f"http://127.0.0.1:{listener.getsockname()[1]}", services, place)
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="module")
def live(place: Path) -> Iterator[Live]:
    with serving(place, public_rate=0) as one:
        yield one


@pytest.fixture(scope="module")
def token(live: Live) -> str:
    """An interface token that may do everything."""
    return make_token(live)


def make_token(
    live: Live,
    scopes: tuple[str, ...] = ("issue", "read", "search", "types", "journal", "trust"),
    departments: tuple[str, ...] = ("*",),
    types: tuple[str, ...] = ("*",),
) -> str:
    accounts, actor = live.services.accounts, live.services.actor("admin")
    if "system" not in {one.name for one in accounts.list()}:
        accounts.create("system", "a long password", display_name="对接系统", role="officer", actor=actor)
    return accounts.create_token(accounts.get("system"), scopes, departments, types, label="tests", actor=actor)[1]


@pytest.fixture
def people(live: Live) -> Callable[[int, int], list[dict[str, str]]]:
    """Synthetic teachers: ``people(count, seed)``."""

    def make(count: int, seed: int) -> list[dict[str, str]]:
        return list(live.services.catalogue.get(TEACHER).example_records(count, seed))

    return make
