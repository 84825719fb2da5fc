"""The catalogue over HTTP: for everybody to read, for officers to draft, for administrators to review."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from licence_store.desk import now
from licence_store.report_upward import check_report
from tests.journeys.conftest import Live
from tests.journeys.test_http import problem

SLUG = "nurse-certificate"


@pytest.fixture(scope="module")
def tokens(live: Live) -> dict[str, str]:
    """One token for each demonstration account, made as its owner would."""
    answer = {}
    with live.client() as client:
        for account in ("health", "market", "admin"):
            made = client.post(
                "/api/v1/tokens",
                json={"label": "types", "scopes": ["types"]},
                auth=(account, live.passwords[account]),
                headers={"Idempotency-Key": uuid.uuid4().hex},
            )
            assert made.status_code == 201, made.text
            answer[account] = made.json()["token"]
    return answer


@pytest.fixture
def client(live: Live) -> Any:
    with live.client() as one:
        yield one


Send = Callable[..., httpx.Response]


@pytest.fixture
def send(client: httpx.Client, tokens: dict[str, str]) -> Send:
    """``send(account, path, body, method)`` with a fresh key."""

    def do(account: str, path: str, body: Any = None, method: str = "POST", key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[account]}", "Idempotency-Key": key or uuid.uuid4().hex}
        asked = {} if method == "GET" else {"json": {} if body is None else body}
        return client.request(method, f"/api/v1/catalogue{path}", headers=headers, **asked)

    return do


def source(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/catalogue/types/{SLUG}/definition")
    assert answer.status_code == 200
    return copy.deepcopy(answer.json()) | changes


def test_the_catalogue_is_for_everybody(live: Live, client: httpx.Client) -> None:
    every = client.get("/api/v1/catalogue/types").json()
    assert {one["slug"] for one in every} >= {SLUG, "business-licence"}
    asked = {"kind": "registration", "holder": "legal_person", "body": "民政部门"}
    assert [one["slug"] for one in client.get("/api/v1/catalogue/types", params=asked).json()] == [
        "social-organisation"
    ]
    whole = client.get("/api/v1/catalogue/types/社会团体法人登记证书").json()
    assert whole["inspection"]["opens"] == "01-01" and whole["renewal"]["opens_days"] == 90
    sample = client.get(f"/api/v1/catalogue/types/{SLUG}/sample")
    assert sample.content.startswith(b"\x89PNG") and sample.headers["content-type"] == "image/png"
    tag = {"If-None-Match": sample.headers["etag"]}
    assert client.get(f"/api/v1/catalogue/types/{SLUG}/sample", headers=tag).status_code == 304
    [found] = client.get("/api/v1/materials/DEMO-M-0202").json()
    assert found["slug"] == "teacher-certificate"
    assert found["material"]["where"] == {"qualification_kind": ["高级中学教师资格", "高等学校教师资格"]}
    problem(client.get("/api/v1/materials/nothing"), 404, "material.unknown")
    problem(client.get("/api/v1/catalogue/types/nothing/sample"), 404, "type.unknown")
    problem(client.get(f"/api/v1/catalogue/types/{SLUG}/definition?version=77"), 404, "type.unknown")
    report = check_report(client.get("/api/v1/catalogue/report").content, live.services.desk.trust(), now())
    assert len(report.types) == len(every)


def test_a_draft_is_reviewed_by_another_and_told_by_the_feed(client: httpx.Client, send: Send) -> None:
    place = client.get("/api/v1/catalogue/changes?limit=500").json()["next"]
    key = uuid.uuid4().hex
    body = {"definition": source(client, notices={"days_before": [45]})}
    made = send("health", "/drafts", body, key=key)
    assert made.status_code == 201 and made.json()["problem"] is None
    draft = made.json()["draft"]
    assert send("health", "/drafts", body, key=key).json()["draft"] == draft
    saved = send("health", f"/drafts/{draft}", {**body, "revision": 1}, "PUT")
    assert saved.json()["revision"] == 2
    problem(send("health", f"/drafts/{draft}", {**body, "revision": 1}, "PUT"), 409, "type.draft_changed")
    problem(send("market", f"/drafts/{draft}", method="GET"), 404, "type.draft_unknown")
    assert send("health", f"/drafts/{draft}/steps/submit").json()["state"] == "REVIEW"
    problem(send("health", f"/drafts/{draft}/steps/publish"), 403, "type.role")
    problem(send("admin", f"/drafts/{draft}/steps/reject"), 403, "type.reason")
    problem(send("admin", f"/drafts/{draft}/steps/fly"), 404, "type.step_unknown")
    assert [one["draft"] for one in send("admin", "/drafts", method="GET").json()] == [draft]
    assert send("admin", f"/drafts/{draft}/steps/publish").json()["state"] == "PUBLISHED"
    page = client.get("/api/v1/catalogue/changes", params={"cursor": place}).json()
    assert [(one["event"], one["code"]) for one in page["items"]] == [("publish", body["definition"]["code"])]
    assert client.get("/api/v1/catalogue/changes", params={"cursor": page["next"]}).json()["items"] == []


def test_types_are_retired_and_grants_end(client: httpx.Client, send: Send) -> None:
    problem(send("health", f"/types/{SLUG}/steps/retire", {"reason": "x"}), 403, "type.role")
    assert send("admin", f"/types/{SLUG}/steps/retire", {"reason": "停用"}).json()["state"] == "RETIRED"
    listed = client.get("/api/v1/catalogue/types", params={"state": "RETIRED"}).json()
    assert [one["slug"] for one in listed] == [SLUG]
    problem(send("admin", f"/types/{SLUG}/grants", {"department": "market"}), 403, "type.retired")
    assert send("admin", f"/types/{SLUG}/steps/restore", {"reason": "恢复"}).json()["state"] == "PUBLISHED"
    ended = send("admin", f"/types/{SLUG}/grants/health/end", {"reason": "调整"})
    assert (ended.status_code, ended.json()["ended"]) == (200, True)
    problem(send("admin", f"/types/{SLUG}/grants/health/end", {"reason": "调整"}), 403, "grant.missing")
    again = {"department": "health", "until": "2099-01-01T00:00:00+08:00"}
    assert send("admin", f"/types/{SLUG}/grants", again).status_code == 201
    problem(send("admin", f"/types/{SLUG}/grants", again), 409, "grant.exists")
    problem(send("admin", f"/types/{SLUG}/grants", {"department": "nobody"}), 422, "department.no_seal")
    problem(send("admin", f"/types/{SLUG}/grants", {**again, "until": "soon"}), 422, "")


@pytest.mark.parametrize(
    "body",
    [{}, [], {"definition": []}, {"definition": {}, "other": 1}, {"definition": None}, {"definition": "x"}],
)
def test_silly_drafts_are_refused(send: Send, body: Any) -> None:
    problem(send("health", "/drafts", body), 422, "")


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"code": {}},
        {"style": []},
        {"schema": {"properties": []}},
        {"name": {"zh": "\x00"}},
        {"a": {"b": [1, None]}},
    ],
)
def test_unsound_drafts_are_kept_and_not_handed_in(send: Send, definition: dict[str, Any]) -> None:
    made = send("health", "/drafts", {"definition": definition})
    assert made.status_code == 201, made.text
    assert made.json()["definition"] == definition and made.json()["problem"]
    answer = send("health", f"/drafts/{made.json()['draft']}/steps/submit")
    assert answer.status_code == 422 and json.loads(answer.content)["code"].startswith("type.")


def test_a_token_without_the_scope_drafts_nothing(live: Live, client: httpx.Client) -> None:
    answer = client.post("/api/v1/catalogue/drafts", json={"definition": {}}, headers={"Idempotency-Key": "k"})
    problem(answer, 401, "token.missing")
