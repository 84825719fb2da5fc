"""A seal's whole life over HTTP, each step by a token of the role it belongs to."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from seal.impression import round_seal
from seal.ses import parse_seal
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_http import People, problem
from trust.seal_status import load_seal_status_list

EDUCATION, MARKET = "99000000000002", "99000000000001"
BASIS = {"name": "批复.txt", "data": b64encode("同意".encode()).decode()}
WHY = {"Licence-Purpose": quote("印章检查")}


@pytest.fixture(scope="module")
def tokens(live: Live) -> dict[str, str]:
    """One token for each demonstration account, made as its owner would."""
    answer = {}
    with live.client() as client:
        for account, scopes in (
            ("education", ["seals", "issue", "read"]),
            ("market", ["seals"]),
            ("keeper", ["seals"]),
            ("approver", ["seals"]),
            ("auditor", ["seals", "journal"]),
        ):
            made = client.post(
                "/api/v1/tokens",
                json={"label": "seals", "scopes": scopes},
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


Post = Callable[..., httpx.Response]


@pytest.fixture
def post(client: httpx.Client, tokens: dict[str, str]) -> Post:
    """``post(account, path, body)`` with a fresh key."""

    def do(account: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[account]}", "Idempotency-Key": key or uuid.uuid4().hex}
        return client.post(f"/api/v1/seals{path}", json=body or {}, headers=headers)

    return do


def stepped(post: Post, account: str, seal_id: str, step: str, **body: Any) -> dict[str, Any]:
    answer = post(account, f"/{seal_id}/steps/{step}", body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    assert made["event"]["by"] == account
    return made


def applied(post: Post, name: str, **more: Any) -> str:
    answer = post("education", "", {"name": name, "kind": "contract", "basis": BASIS, **more})
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "APPLIED"
    return str(answer.json()["seal_id"])


def standing(client: httpx.Client, seal_id: str, **query: str) -> str:
    answer = client.get(f"/api/v1/seals/{seal_id}/status", params=query)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


def test_a_seal_from_application_to_destruction(
    live: Live, client: httpx.Client, post: Post, tokens: dict[str, str]
) -> None:
    seal_id = applied(post, "演示省教育厅接口章")
    problem(client.get(f"/api/v1/seals/{seal_id}/status"), 404, "seal.unknown")
    stepped(post, "approver", seal_id, "approve", reason="同意")
    made = stepped(post, "keeper", seal_id, "make")
    assert (made["state"], made["object"]) == ("MADE", 1)
    stepped(post, "keeper", seal_id, "issue")
    assert standing(client, seal_id) == "INACTIVE"
    stepped(post, "education", seal_id, "activate")
    assert standing(client, seal_id) == "VALID"

    given = post("keeper", f"/{seal_id}/grants", {"daily_limit": 3})
    assert given.status_code == 201, given.text
    stepped(post, "keeper", seal_id, "freeze", reason="盘点")
    assert standing(client, seal_id) == "FROZEN"
    stepped(post, "approver", seal_id, "unfreeze", reason="盘点完毕")

    picture = round_seal("演示省教育厅", seal_id, centre_text="合同专用章", size_mm=40).picture
    stepped(post, "education", seal_id, "request", change="face", basis=BASIS)
    stepped(post, "approver", seal_id, "approve_request")
    changed = stepped(
        post, "keeper", seal_id, "change_face", picture=b64encode(picture).decode(), size=[40, 40], reason="换样"
    )
    assert (changed["state"], changed["object"]) == ("ACTIVE", 2)

    reader = {"Authorization": f"Bearer {tokens['education']}", **WHY}
    shown = client.get(f"/api/v1/seals/{seal_id}", headers=reader).json()
    assert [one["step"] for one in shown["events"]][:4] == ["apply", "approve", "make", "issue"]
    assert len(shown["objects"]) == 2
    assert standing(client, seal_id, digest=shown["objects"][0]["digest"]) == "SUPERSEDED"
    face = client.get(f"/api/v1/seals/{seal_id}/picture", headers=reader)
    assert face.content.startswith(b"\x89PNG")
    old = client.get(f"/api/v1/seals/{seal_id}/object?number=1", headers=reader)
    assert parse_seal(old.content).seal_id == seal_id
    assert post("keeper", f"/{seal_id}/grants/{given.json()['grant']}/end").status_code == 200

    stepped(post, "education", seal_id, "report_lost", reason="遗失")
    stepped(post, "education", seal_id, "request", change="destruction", basis=BASIS)
    stepped(post, "approver", seal_id, "approve")
    assert stepped(post, "keeper", seal_id, "destroy", reason="遗失")["state"] == "DESTROYED"
    assert standing(client, seal_id) == "DESTROYED"

    published = client.get("/api/v1/seal-status")
    assert load_seal_status_list(published.content).region == "990000"
    assert client.get("/api/v1/seal-status", headers={"If-None-Match": published.headers["etag"]}).status_code == 304
    entries, _ = live.services.journal_page(live.services.actor("auditor"), None, 80)
    seen = {(one.action, one.actor) for one in entries if one.subject == seal_id}
    assert {("seal.approve", "approver"), ("seal.make", "keeper"), ("seal.destroy", "keeper")} <= seen
    assert live.services.check_journal().intact


def test_roles_are_kept_apart(client: httpx.Client, post: Post, tokens: dict[str, str]) -> None:
    seal_id = applied(post, "演示省教育厅三员章")
    for account, step in (
        ("education", "approve"),
        ("keeper", "approve"),
        ("auditor", "approve"),
        ("approver", "make"),
    ):
        problem(post(account, f"/{seal_id}/steps/{step}"), 403, "seal.role")
    problem(post("keeper", f"/{seal_id}/steps/make"), 403, "seal.step")
    problem(post("approver", f"/{seal_id}/steps/reject"), 403, "seal.reason_missing")
    problem(post("market", f"/{seal_id}/steps/withdraw"), 403, "token.scope")
    problem(post("keeper", f"/{EDUCATION}/grants", {"types": []}), 422, "request.invalid")
    problem(post("education", f"/{EDUCATION}/grants"), 403, "seal.role")
    ledger = client.get(
        f"/api/v1/seals/{EDUCATION}/uses", headers={"Authorization": f"Bearer {tokens['education']}", **WHY}
    )
    problem(ledger, 403, "seal.role")
    problem(post("keeper", f"/{EDUCATION}/reseal", {"reason": "x"}), 403, "seal.role")


def test_a_unit_sees_its_own_seals_only(client: httpx.Client, tokens: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens['market']}", **WHY}
    assert [one["department"] for one in client.get("/api/v1/seals", headers=headers).json()["items"]] == ["market"]
    problem(client.get(f"/api/v1/seals/{EDUCATION}", headers=headers), 404, "seal.unknown")
    keeper = {"Authorization": f"Bearer {tokens['keeper']}", **WHY}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get("/api/v1/seals", params={"limit": 2, "cursor": cursor}, headers=keeper).json()
        seen += [one["seal_id"] for one in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) >= 3


def test_the_same_key_takes_one_step_once(post: Post) -> None:
    seal_id = applied(post, "演示省教育厅重复章")
    first = post("approver", f"/{seal_id}/steps/approve", {"reason": "同意"}, "twice")
    again = post("approver", f"/{seal_id}/steps/approve", {"reason": "同意"}, "twice")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    other = applied(post, "演示省教育厅另一章")
    problem(post("approver", f"/{other}/steps/approve", {"reason": "同意"}, "twice"), 422, "idempotency.mismatch")


def test_the_ledger_and_resealing(
    live: Live, client: httpx.Client, post: Post, tokens: dict[str, str], people: People
) -> None:
    bearer = {"Authorization": f"Bearer {tokens['education']}"}
    issued = []
    for number, record in enumerate(people(3, 811)):
        answer = client.post(
            "/api/v1/licences", json={"type": TEACHER, "record": record},
            headers={**bearer, "Idempotency-Key": f"ledger-{number}"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        issued.append(answer.json()["licence_id"])
    auditor = {"Authorization": f"Bearer {tokens['auditor']}", **WHY}
    address, seen, cursor = f"/api/v1/seals/{EDUCATION}/uses", [], ""
    while cursor is not None:
        page = client.get(
            address, params={"from": "2026-01-01T00:00:00Z", "limit": 2, "cursor": cursor}, headers=auditor
        )
        assert page.status_code == 200, page.text
        seen += [one["subject"] for one in page.json()["items"]]
        cursor = page.json()["next"]
    assert set(issued) <= set(seen)
    assert len(seen) == len(set(seen))
    problem(client.get(address, headers={"Authorization": auditor["Authorization"]}), 422, "purpose.missing")
    assert client.get(address, params={"to": "2020-01-01T00:00:00Z"}, headers=auditor).json()["items"] == []

    concerned = client.get(f"/api/v1/seals/{EDUCATION}/affected", headers={**bearer, **WHY}).json()
    assert set(issued) <= set(concerned["items"])
    done = post("education", f"/{EDUCATION}/reseal", {"reason": "密钥疑似泄露", "limit": 2})
    assert done.status_code == 200, done.text
    assert len(done.json()["items"]) == 2
    assert done.json()["left"] == concerned["count"] - 2
    rest = post("education", f"/{EDUCATION}/reseal", {"reason": "密钥疑似泄露"}).json()
    assert rest["left"] == 0
    assert {one["version"] for one in (*done.json()["items"], *rest["items"])} == {2}
    assert live.services.desk.resealer.affected(EDUCATION) == []
    entries, _ = live.services.journal_page(live.services.actor("auditor"), None, 100)
    assert "印章检查" in {one.reason for one in entries if one.action == "seal.audit"}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", {"name": "x"}, 403, "seal.basis_missing"),
        ("", {"name": "x", "kind": "splendid", "basis": BASIS}, 422, "seal.kind"),
        ("", {"name": "x", "basis": {"name": "n", "data": "***"}}, 422, "request.invalid"),
        ("", {"name": "x", "more": 1}, 422, "request.invalid"),
        (f"/{EDUCATION}/steps/dance", {}, 404, "seal.step_unknown"),
        (f"/{EDUCATION}/steps/request", {"change": "colour", "basis": BASIS}, 422, "seal.request_kind"),
        (f"/{EDUCATION}/steps/report_lost", {"reason": "r", "since": "2999-01-01T00:00:00Z"}, 422, "seal.since"),
        (f"/{EDUCATION}/steps/report_lost", {"reason": "r", "since": "gestern"}, 422, "request.invalid"),
        ("/nope/steps/freeze", {"reason": "r"}, 404, "seal.unknown"),
    ],
)
def test_bad_input_is_a_problem(post: Post, path: str, body: dict[str, Any], status: int, code: str) -> None:
    problem(post("education", path, body), status, code)


def test_bad_questions_are_problems(client: httpx.Client, tokens: dict[str, str]) -> None:
    keeper = {"Authorization": f"Bearer {tokens['keeper']}", **WHY}
    problem(client.get(f"/api/v1/seals/{EDUCATION}/status?at=never"), 422, "moment.malformed")
    problem(client.get("/api/v1/seals", headers=WHY), 401, "token.missing")
    problem(client.get("/api/v1/seals?state=SPLENDID", headers=keeper), 422, "request.invalid")
    problem(client.get("/api/v1/seals?cursor=xyz", headers=keeper), 422, "cursor.malformed")
    problem(client.get(f"/api/v1/seals/{EDUCATION}/object?number=99", headers=keeper), 404, "seal.no_object")
    rules = client.get("/api/v1/seal-rules")
    assert rules.headers["content-type"].startswith("text/markdown")
    assert "管理办法" in rules.text
