"""Regions as users meet them: the federation of the documents set up as written, three nodes running, one licence."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

import licence_store.desk
from api.app import create_app
from api.cli import run
from api.settings import load_settings
from api.wiring import Services, build
from licence_store.desk import now
from licence_store.region import Region
from trust.fetching import HTTPFetcher

DOCUMENT = Path(__file__).parents[2] / "docs" / "regions.md"
CODES = {"A": ("990000", "演示省"), "B": ("120000", "乙省"), "C": ("310000", "丙市")}


class HandClock:
    """The machine's time, and what is put to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass
class Node:
    """A running node."""

    url: str
    place: Path
    services: Services
    clock: HandClock

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=60, trust_env=False)

    def verify(self, content: bytes) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/api/v1/verifications", content=content, headers={"Content-Type": "application/ofd"},
            timeout=60, trust_env=False,
        )  # fmt: skip
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def node_at(listener: socket.socket, place: Path, clock: HandClock, **settings: object) -> Iterator[Node]:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given = load_settings({}, dir=place, base_url=url, public_rate=0, online_revocation="false", **settings)
    with build(given) as plain:
        desk = replace(plain.desk, clock=clock)
        services = Services(given, desk)
        config = uvicorn.Config(create_app(services), log_level="error", ws="none", lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Node(url, place, services, clock)
        finally:
            server.should_exit = True
            thread.join(10)
            listener.close()


def command(line: str, status: int = 0) -> list[dict[str, Any]]:
    """One command of the console, its answers."""
    with redirect_stdout(io.StringIO()) as said:
        assert run(shlex.split(line)) == status, line
    return [json.loads(one) for one in said.getvalue().splitlines() if one.startswith("{")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regions")
    for name, (code, title) in CODES.items():
        Region.create(folder / name, code, title, clock=now)
    return folder


@pytest.fixture(scope="module")
def nodes(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """The federation of ``docs/regions.md``, set up as written there, and running."""
    place = tmp_path_factory.mktemp("federation") / "work"
    shutil.copytree(made, place)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(place)
        monkeypatch.setattr(licence_store.desk, "HTTPFetcher", patient)
        yield from _set_up(place, monkeypatch)


def patient(*, timeout: float = 0, **options: Any) -> HTTPFetcher:
    """All nodes share one process: where the machine is busy, a node's first answer takes longer than the few seconds
    regions give each other, and ``region join`` fails.
    """
    return HTTPFetcher(timeout=60, **options)


def _set_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Node]]:
    listeners = {}
    for name in CODES:
        listeners[name] = socket.socket()
        listeners[name].bind(("127.0.0.1", 0))
    found = re.search(r"<!-- federation:begin -->\n```sh\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found is not None
    answer: list[dict[str, Any]] = []
    for line in found[1].replace("\\\n", " ").splitlines():
        text = line.partition("  #")[0]
        for name, listener in listeners.items():
            text = text.replace(f"https://{name.lower()}.example.cn", f"http://127.0.0.1:{listener.getsockname()[1]}")
        words = shlex.split(text)
        with monkeypatch.context() as environment:
            while "=" in words[0]:
                environment.setenv(*words.pop(0).split("=", 1))
            assert words.pop(0) == "licence-trust"
            answer = command(shlex.join(words))
    [listed] = answer
    assert (listed["number"], listed["threshold"], len(listed["regions"])) == (1, 2, 3)
    with ExitStack() as stack:
        running = {}
        for name, listener in listeners.items():
            hub = f"http://127.0.0.1:{listeners['A'].getsockname()[1]}"
            role = {"node_role": "hub"} if name == "A" else {"hub_url": hub}
            running[name] = stack.enter_context(node_at(listener, place / name, HandClock(), **role))
        for name in ("B", "C"):
            wrong = command(f"region join --hub {running['A'].url} --pin {'0' * 64} --dir {name} --json", 1)
            assert wrong[0]["error"]["code"] == "trust_list.pin"
            [joined] = command(f"region join --hub {running['A'].url} --pin {listed['digest']} --dir {name}")
            assert joined["digest"] == listed["digest"]
        for one in running.values():
            one.services.tend()
        yield running


@pytest.fixture(scope="module")
def licence(nodes: dict[str, Node]) -> tuple[str, bytes]:
    """Minted in A."""
    desk = nodes["A"].services.desk
    record = next(iter(desk.catalogue.get("business-licence").example_records(1, 9)))
    issued = nodes["A"].services.issue("business-licence", record, nodes["A"].services.actor(None), "1")
    return issued.licence_id, desk.files.get(issued.file_digest)


def test_minted_in_one_region_and_good_in_another(
    nodes: dict[str, Node], licence: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    licence_id, document = licence
    b = nodes["B"]
    report = b.verify(document)
    assert report["indication"] == "TOTAL-PASSED", report["findings"]
    entitlement = report["trust_list"]["entitlement"]
    assert (entitlement["region"], entitlement["level"], report["trust_list"]["number"]) == ("990000", "A", 1)

    # the same licence as PDF
    minted = nodes["A"].services
    digest = minted.further_form(minted.register.find(licence_id), "pdf", minted.actor(None))
    judged = b.services.desk.verifier().verify(minted.desk.files.get(digest))
    assert str(judged.indication) == "TOTAL-PASSED" and "entitlement" in judged.trust_list

    # lost in A, refused in B well within a minute
    command(f"licence report-lost {licence_id} --reason 遗失 --dir A --json")
    b.clock.forward(seconds=11)
    assert b.verify(document)["sub_indication"] == "LICENCE_LOST"
    command(f"licence found {licence_id} --reason 找到 --dir A --json")
    b.clock.forward(seconds=11)
    assert b.verify(document)["indication"] == "TOTAL-PASSED"

    # all a verifier without network needs
    bundle, file = tmp_path / "bundle.json", tmp_path / "l.ofd"
    file.write_bytes(document)
    command(f"trust export --out {bundle} --dir B")
    [offline] = command(f"verify {file} --trust {bundle} --dir {tmp_path / 'nowhere'} --json")
    assert offline["trust_list"]["entitlement"]["region"] == "990000"
    assert "LICENCE_STATUS_NOT_CHECKED" not in [one["code"] for one in offline["findings"]]

    # a silent region is known as of its last word
    cut = replace(b.services.desk.publications, fetcher=Silent())
    monkeypatch.setitem(b.services.desk.__dict__, "publications", cut)
    b.clock.forward(seconds=90)
    silent = b.verify(document)
    assert (silent["indication"], silent["sub_indication"]) == ("INDETERMINATE", "LICENCE_STATUS_AS_OF")
    assert "known as of" in english(b, document)
    b.clock.ahead = timedelta(0)


class Silent:
    """Stands in for a network that is cut."""

    def fetch(self, exchange: object) -> bytes:
        from trust.errors import Unavailable

        raise Unavailable("fetch.timeout", "信息源 {url} 未在限定时间内应答。", url="-")


def english(node: Node, document: bytes) -> str:
    answer = httpx.post(
        f"{node.url}/api/v1/verifications", content=document, timeout=60, trust_env=False,
        headers={"Content-Type": "application/ofd", "Accept-Language": "en"},
    )  # fmt: skip
    return json.dumps(answer.json()["findings"])


def test_a_city_flows_up_to_its_province(nodes: dict[str, Node]) -> None:
    c, b = nodes["C"], nodes["B"]
    record = next(iter(c.services.catalogue.get("business-licence").example_records(1, 3)))
    issued = c.services.issue("business-licence", record, c.services.actor(None), "1")
    [told] = command("region report --dir C")
    assert told == {"upper": "120000", "licences": 1}
    [row] = command(f"region below --licence {issued.licence_id} --purpose 核对 --dir B")
    assert (row["region"], row["state"], row["licence_id"]) == ("310000", "CURRENT", issued.licence_id)
    command("region below --of 310000 --purpose ' ' --dir B", 3)
    head = b.get("/api/v1/upward/310000").json()
    assert (head["region"], head["number"]) == ("310000", 1)
    assert b.get("/api/v1/lower-licences?region=310000&purpose=x").status_code == 401
    command(f"licence suspend {issued.licence_id} --reason 调查 --dir C --json")
    c.services.tend()
    [row] = command("region below --of 310000 --purpose 核对 --dir B")
    assert row["state"] == "SUSPENDED"


def test_hub_and_pages(nodes: dict[str, Node]) -> None:
    a, b = nodes["A"], nodes["B"]
    union = a.get("/api/v1/union-catalogue").json()
    assert set(union["regions"]) == {"990000", "120000", "310000"} and all(union["regions"].values())
    assert all(sorted(one["regions"]) == ["120000", "310000", "990000"] for one in union["types"])
    assert b.get("/api/v1/union-catalogue").json()["code"] == "region.not_hub"
    tag = a.get("/api/v1/trust-list").headers["etag"]
    assert a.get("/api/v1/trust-list", **{"If-None-Match": tag}).status_code == 304
    assert a.get("/api/v1/trust-list/2").status_code == 404 and a.get("/api/v1/trust-list/0").status_code == 422
    assert b.get("/regions", accept="text/html").status_code == 303  # a stranger signs in first
    rows = {one["code"]: one for one in command("region peers --dir B")}
    assert rows["120000"]["own"] and rows["990000"]["publications"][0]["failure"] is None
    [drilled] = command("drill rollover --dir B --json")
    assert drilled["would_break"] == [] and drilled["nodes"] == 2


SILLY = [
    ("POST", "/api/v1/upward", b"", 422), ("POST", "/api/v1/upward", b"{}", 422),
    ("POST", "/api/v1/upward", b"\xff" * 100, 422), ("POST", "/api/v1/upward", b"[" * 90_000, 422),
    ("GET", "/api/v1/trust-list/x", b"", 422), ("GET", "/api/v1/trust-list/-1", b"", 422),
    ("GET", "/api/v1/trust-list/99999999999999999999", b"", 422), ("GET", "/api/v1/upward/..", b"", 404),
    ("GET", "/api/v1/upward/abcdef", b"", 422), ("GET", "/api/v1/status-lists/%00", b"", 404),
    ("GET", "/api/v1/status-lists/" + "a" * 3000, b"", 404), ("POST", "/api/v1/trust-list", b"", 405),
]  # fmt: skip


def test_silly_requests(nodes: dict[str, Node]) -> None:
    for method, path, body, status in SILLY:
        answer = httpx.request(
            method, nodes["B"].url + path, content=body, headers={"Idempotency-Key": "k"}, timeout=60, trust_env=False
        )
        assert answer.status_code == status, (method, path[:40], answer.text[:200])
    bare = httpx.post(nodes["B"].url + "/api/v1/upward", content=b"{}", timeout=60, trust_env=False)
    assert bare.json()["code"] == "idempotency.missing"


def test_entitlements_change_and_the_list_is_walked(
    nodes: dict[str, Node], licence: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENCE_TRUST_NODE_ROLE", "hub")
    b = nodes["B"]
    for rights in ("990000=990000:X", "990000=990000:Y"):
        command(f"region propose --entitle {rights} --out next.json --dir A")
        command("region sign next.json --key keeper-2 --dir B")
        command("region publish next.json --dir A", 1)
        command("region sign next.json --key keeper-3 --dir C")
        command("region publish next.json --dir A")
    assert b.get("/api/v1/region").json()["number"] == 1
    nodes["A"].services.desk.peers.forget()  # a running node looks again after two seconds
    b.services.tend()
    assert b.get("/api/v1/region").json()["number"] == 3
    report = b.verify(licence[1])
    assert (report["indication"], report["sub_indication"]) == ("INDETERMINATE", "ENTITLEMENT_MISSING")
    shown = command("region show --number 2 --dir B")
    assert shown[0]["regions"][2]["entitlements"] == [{"division": "990000", "types": ["X"]}]
    refused = command("region fetch --file list.json --dir B --json", 1)
    assert refused[0]["error"]["code"] == "trust_list.older"
    assert [one["code"] for one in command("region refused --dir B")] == ["trust_list.older", "trust_list.pin"]
    ready = {one["part"]: one for one in b.get("/readyz").json()["checks"]}["trust_list"]
    assert ready["ready"] and "第 3 号" in ready["detail"] and len(ready["warnings"]) == 1


WRONG = [
    ("region show --dir A", 3),
    ("region peers --dir A", 0),
    ("region refused --dir A", 0),
    ("region report --dir A", 0),
    ("region propose --out x --dir A", 1),
    ("region fetch --dir A", 1),
    ("region join --pin x --dir A", 3),
    ("region join --hub http://127.0.0.1:9/ --pin x --dir A", 3),
    ("region join --hub file:///etc/passwd --pin x --dir A", 3),
    ("region join --file nothing --pin x --dir A", 3),
    ("region join --file list.json --pin x --dir A", 3),
    ("region fetch --file list.json --dir A", 3),
    ("region init-list --name x --threshold 1 --out x --dir A", 3),
    ("region init-list --name x --threshold 1 --keeper list.json --out x --dir A", 3),
    ("region sign list.json --key publisher --dir A", 3),
    ("region publish list.json --dir A", 3),
    ("region keeper ../x --out k --dir A", 3),
    ("region entry --upper abc --out x --dir A", 3),
    ("region below --of x --purpose p --dir A", 0),
    ("region below --purpose p --dir A", 3),
    ("region show --number 0 --dir A", 3),
    ("region nothing --dir A", 3),
    ("drill rollover --dir A", 1),
    ("drill rollover --begins never --dir A", 3),
    ("drill nothing", 3),
]


def test_wrong_calls(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    shutil.copytree(made / "A", tmp_path / "A")
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_bytes(b'{"payload":{}}')
    for line, status in WRONG:
        assert run(shlex.split(line)) == status, line
        said = capsys.readouterr()
        assert "Traceback" not in said.err and "internal.fault" not in said.err, line
