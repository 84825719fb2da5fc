"""The simulator's page over regions that do not run: what it shows, what it refuses."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.cli import run
from api.simulator.federation import Federation, plan
from api.simulator.journey import STEPS, Journey
from api.simulator.page import application
from api.simulator.relay import FAULTS
from api.simulator.stage import Stage
from trust.errors import Malformed


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = plan(3, tmp_path)
    for one in made.everybody:
        one.relay.start()
        one.relay.upstream = 1
    yield made
    made.stop()


@pytest.fixture
def client(federation: Federation) -> Iterator[httpx.Client]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application(Stage(federation)), log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False, timeout=30) as one:
        yield one
    server.should_exit = True
    thread.join(10)
    listener.close()


def token(client: httpx.Client) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/").text)
    assert found is not None
    return found[1]


def post(client: httpx.Client, name: str, **form: str) -> httpx.Response:
    return client.post(f"/act/{name}", data={"csrf": token(client), **form})


def test_the_page_in_both_languages(client: httpx.Client) -> None:
    chinese, english = client.get("/"), client.get("/?lang=en")
    assert "跨地区模拟" in chinese.text
    assert "default-src 'none'" in chinese.headers["content-security-policy"]
    assert "Topology" in english.text
    assert "http-equiv" not in chinese.text
    assert "http-equiv" in client.get("/?live=1").text
    assert [one["region"] for one in client.get("/state").json()["nodes"]] == ["100000", "110000", "120000", "130000"]


def test_faults_and_clocks(client: httpx.Client, federation: Federation) -> None:
    for fault in FAULTS:
        assert post(client, "fault", region="110000", fault=fault, on="1").status_code == 303
    assert federation.node("110000").relay.faults == set(FAULTS)
    assert federation.node("130000").relay.faults == {"split"}
    assert "网络分割" in client.get("/?lang=zh-CN").text
    assert post(client, "fault", region="110000", fault="silent", on="").status_code == 303
    assert "silent" not in federation.node("110000").relay.faults
    assert post(client, "clock", region="*", minutes="-30").status_code == 303
    assert {one.clock.offset() for one in federation.everybody} == {-1800.0}
    assert post(client, "heal").status_code == 303
    assert {one.clock.offset() for one in federation.everybody} == {0.0}
    assert not any(one.relay.faults for one in federation.everybody)


SILLY: list[tuple[str, dict[str, str], int]] = [
    ("journey", {}, 409), ("journey", {"a": "110000", "b": "110000"}, 409), ("journey", {"a": "100000", "b": "110000"}, 409),
    ("fault", {"region": "110000", "fault": "x", "on": "1"}, 409), ("fault", {"region": "x", "fault": "silent"}, 409),
    ("clock", {"region": "*", "minutes": "nan"}, 409), ("clock", {"region": "*", "minutes": ""}, 409),
    ("clock", {"region": "*", "minutes": "1e9"}, 409), ("clock", {"region": "zz", "minutes": "1"}, 409),
    ("roll", {"region": "../x"}, 409), ("nothing", {}, 409), ("heal", {"csrf": "x"}, 403),
    ("heal", {"csrf": "密"}, 403), ("fault", {"region": "x" * 5000}, 200),
]  # fmt: skip


@pytest.mark.parametrize(("name", "form", "status"), SILLY)
def test_silly_forms(client: httpx.Client, name: str, form: dict[str, str], status: int) -> None:
    answer = post(client, name, **form)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


def test_other_names_are_not_answered(client: httpx.Client) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/act/heal").status_code == 405


def test_what_cannot_be_done_is_a_failed_step_and_the_rest_is_left(federation: Federation) -> None:
    results = list(Journey(federation, *federation.nodes[:2]).run())
    assert [one.name for one in results] == [one.name for one in STEPS]
    assert results[0].got == "simulator.command"
    assert {one.got for one in results[1:]} == {"SKIPPED"}
    assert not any(one.passed for one in results)


def test_a_folder_that_is_none_or_holds_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        assert run(["simulate", "--once", "--dir", str(place)]) == 3
    said = capsys.readouterr().err
    assert said.count("simulator.") == 3
    assert "Traceback" not in said
    assert run(["simulate", "--regions", "1", "--once"]) == 3


@pytest.mark.parametrize("count", [1, 35])
def test_too_few_and_too_many(tmp_path: Path, count: int) -> None:
    with pytest.raises(Malformed):
        plan(count, tmp_path)
