"""Collection over HTTP: sources, files as jobs, rows entered one by one, the quarantine, the quality report; and who may not."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from licence_store.definitions import shipped_definitions
from licence_store.jobs.runner import JobRunner
from tests.journeys.conftest import Live, make_token
from tests.journeys.test_http import problem

BASE = "/api/v1/collection"
[BUSINESS] = [one for one in shipped_definitions() if one.slug == "business-licence"]
WHY = {"Licence-Purpose": quote("数据清洗")}
Post = Callable[..., httpx.Response]


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    token = make_token(live, ("collect", "issue"))
    with live.client(Authorization=f"Bearer {token}", **WHY) as one:
        yield one


@pytest.fixture
def post(client: httpx.Client) -> Post:
    def do(path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": more.pop("key", "") or uuid.uuid4().hex, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return client.post(f"{BASE}{path}", headers=headers, **more)

    return do


def rows(count: int, seed: int) -> list[dict[str, str]]:
    return list(BUSINESS.example_records(count, seed))


def declaration(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"来源{name}", "type": "business-licence", "department": "market",
            "key": ["credit_code"], **more}  # fmt: skip


def done(live: Live, client: httpx.Client, asked: httpx.Response) -> dict[str, Any]:
    assert asked.status_code == 202, asked.text
    with JobRunner(live.services.desk):
        while (job := client.get(asked.headers["Location"]).json())["state"] in ("waiting", "running"):
            threading.Event().wait(0.05)
    return dict(job)


def test_a_file_through_cleansing_and_mending(live: Live, client: httpx.Client, post: Post) -> None:
    made = post("/sources", declaration("http"))
    assert made.status_code == 201, made.text
    given = rows(3, 61)
    given[1]["company_type"] = "?"
    content = "".join(json.dumps(row) + "\n" for row in given).encode()
    asked = post("/sources/http/runs", content=content, headers={"Content-Type": "application/jsonl"})
    job = done(live, client, asked)
    assert (job["state"], job["outcome"]["issued"], job["outcome"]["held"]) == ("done", 2, 1)
    [run] = client.get(f"{BASE}/runs?source=http").json()
    assert client.get(f"{BASE}/runs/{run['run']}").json()["counts"]["seen"] == 3
    page = client.get(f"{BASE}/quarantine?source=http").json()
    [held] = page["items"]
    assert (page["next"], held["row"], held["findings"][0]["field"]) == (None, 2, "company_type")
    english = client.get(f"{BASE}/quarantine/{held['id']}", headers={"Accept-Language": "en"}).json()
    assert "should be one of" in english["findings"][0]["message"] or "one of" in english["findings"][0]["message"]
    record = {**held["record"], "company_type": "普通合伙企业"}
    moved = post(f"/quarantine/{held['id']}/mendings", {"record": record, "revision": 99})
    problem(moved, 409, "quarantine.moved")
    mended = post(f"/quarantine/{held['id']}/mendings", {"record": record, "revision": held["revision"]})
    assert mended.json()["state"] == "mended"
    job = done(live, client, post("/sources/http/reruns", {"ids": [held["id"]]}))
    assert job["outcome"]["issued"] == 1
    after = client.get(f"{BASE}/quarantine/{held['id']}").json()
    assert (after["state"], after["record"]) == ("released", {})
    assert after["licence_id"]
    [report] = client.get(f"{BASE}/quality?source=http").json()
    assert (report["seen"], report["held"], report["quarantine"]["released"]) == (3, 1, 1)
    assert [one["id"] for one in client.get(f"{BASE}/sources").json()] == ["http"]


def test_rows_entered_and_given_up(client: httpx.Client, post: Post) -> None:
    assert post("/sources", declaration("rows", connector={"kind": "entry"}, mode="compose")).status_code == 201
    good, bad = rows(2, 67)
    body = {"rows": [{"key": "1", "record": {**good, "case": {"number": "C-1"}}},
                     {"key": "2", "record": {**bad, "address": 5}}]}  # fmt: skip
    key = uuid.uuid4().hex
    answer = post("/sources/rows/rows", body, key=key)
    assert answer.status_code == 201, answer.text
    first, second = answer.json()["items"]
    assert (first["what"], second["what"], second["findings"][0]["code"]) == ("issued", "held", "record.not_text")
    again = post("/sources/rows/rows", body, key=key)
    assert (again.headers["Idempotency-Replayed"], again.json()) == ("true", answer.json())
    [held] = client.get(f"{BASE}/quarantine?source=rows").json()["items"]
    assert post("/quarantine/discards", {"ids": [held["id"]], "reason": "录错了"}).json() == {"discarded": 1}
    problem(post("/quarantine/discards", {"ids": [held["id"]], "reason": "录错了"}), 409, "quarantine.left")


def test_who_may_not(live: Live, client: httpx.Client, post: Post) -> None:
    assert post("/sources", declaration("mine")).status_code == 201
    for scopes, departments, types in (
        (("issue", "read"), ("*",), ("*",)),
        (("collect",), ("education",), ("*",)),
        (("collect",), ("market",), ("11990000MB0D000292001",)),
    ):
        token = make_token(live, scopes, departments, types)
        with live.client(Authorization=f"Bearer {token}", **WHY, **{"Idempotency-Key": uuid.uuid4().hex}) as other:
            for answer in (
                other.get(f"{BASE}/sources/mine"),
                other.post(f"{BASE}/sources/mine/runs", content=b"{}"),
                other.post(f"{BASE}/sources/mine/rows", json={"rows": [{"key": "1", "record": {}}]}),
                other.post(f"{BASE}/sources", json=declaration("mine")),
                other.get(f"{BASE}/quality?source=mine"),
            ):
                assert answer.status_code in (403, 404), answer.text
    with live.client() as stranger:
        problem(stranger.get(f"{BASE}/sources"), 401, "token.missing")
    with live.client(Authorization=client.headers["Authorization"]) as nameless:
        problem(nameless.get(f"{BASE}/quarantine"), 422, "purpose.missing")


HOSTILE: list[tuple[str, str, Any]] = [
    ("POST", "/sources", {"id": "A b", "title": "x", "type": "business-licence", "department": "market"}),
    ("POST", "/sources", declaration("x", connector={"kind": "file", "path": "/etc/passwd"})),
    ("POST", "/sources", declaration("x", connector={"kind": "table", "url": "sqlite:///x", "table": "t", "key": "a"})),
    ("POST", "/sources", declaration("x", type="nobody")),
    ("POST", "/sources", declaration("x", department="nobody")),
    ("POST", "/sources", declaration("x", fields={"name": {"column": "\ud800"}}) | {"title": "\x00"}),
    ("POST", "/sources", []),
    ("POST", "/sources/nobody/runs", None),
    ("POST", "/sources/nobody/rows", {"rows": []}),
    ("POST", "/sources/nobody/reruns", {"ids": [1]}),
    ("POST", "/quarantine/nobody/mendings", {"record": {}}),
    ("POST", "/quarantine/discards", {"ids": ["\x00"], "reason": "x"}),
    ("GET", "/sources/%00", None),
    ("GET", "/sources/" + "x" * 5000, None),
    ("GET", "/runs/nobody", None),
    ("GET", "/runs?limit=-1", None),
    ("GET", "/runs?source=%ff", None),
    ("GET", "/quarantine?cursor=x", None),
    ("GET", "/quarantine?cursor=WyJub2JvZHkiXQ", None),
    ("GET", "/quarantine?limit=9999", None),
    ("GET", "/quarantine/%F0%9F%92%A9", None),
    ("GET", "/quality?source=nobody", None),
]


@pytest.mark.parametrize(("method", "path", "body"), HOSTILE)
def test_silly_requests_are_answered_with_a_problem(
    client: httpx.Client, method: str, path: str, body: Any
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
    content = json.dumps(body).encode() if body is not None else b""
    answer = client.request(method, f"{BASE}{path}", content=content, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("state", ["nonsense", "open", "released&state=discarded"])
def test_states_that_are_asked_for(client: httpx.Client, state: str) -> None:
    answer = client.get(f"{BASE}/quarantine?state={state}")
    assert answer.status_code == 200
