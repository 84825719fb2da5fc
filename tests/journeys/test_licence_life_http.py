"""The life of licences over HTTP: every act, every question of the past, and who may do which."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.conftest import Live
from tests.journeys.inspected import ORGANISATION, inspected_at_once
from tests.journeys.test_http import problem

WHY = {"Licence-Purpose": quote("监督检查")}
EVIDENCE = {"name": "年检报告.pdf", "data": b64encode(b"%PDF-1.4 report").decode()}
SCOPES = {
    "civil": ["issue", "read", "search", "life"],
    "health": ["issue", "read", "search", "life"],
    "market": ["read", "search", "life"],
    "auditor": ["read", "search"],
    "admin": ["read", "search"],
    "keeper": ["seals"],
    "approver": ["seals"],
}


@pytest.fixture(scope="module")
def tokens(live: Live) -> dict[str, str]:
    """One token for each demonstration account, as wide as its role allows."""
    live.services.catalogue.import_definition(inspected_at_once(), live.services.actor("admin"))
    answer = {}
    with live.client() as client:
        for account, scopes in SCOPES.items():
            made = client.post(
                "/api/v1/tokens",
                json={"label": "life", "scopes": scopes},
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


Ask = Callable[..., httpx.Response]
Post = Callable[..., httpx.Response]


@pytest.fixture
def post(client: httpx.Client, tokens: dict[str, str]) -> Post:
    """``post(account, path, body)`` with a fresh key."""

    def do(account: str, path: str, body: Any = None, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if account:
            headers["Authorization"] = f"Bearer {tokens[account]}"
        return client.post(f"/api/v1{path}", json=body if body is not None else {}, headers=headers)

    return do


@pytest.fixture
def ask(client: httpx.Client, tokens: dict[str, str]) -> Ask:
    """``ask(account, path)`` for a declared purpose."""

    def do(account: str, path: str, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[account]}"} if account else {}
        return client.get(f"/api/v1{path}", params=query, headers={**headers, **WHY})

    return do


@pytest.fixture
def issue(live: Live, post: Post) -> Callable[[int], str]:
    """Issue the example with this seed; the same seed is the same licence."""

    def do(seed: int) -> str:
        [record] = live.services.catalogue.get(ORGANISATION).example_records(1, seed)
        answer = post("civil", "/licences", {"type": ORGANISATION, "record": record})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["licence_id"])

    return do


def stepped(post: Post, licence_id: str, step: str, **body: Any) -> dict[str, Any]:
    answer = post("civil", f"/licences/{licence_id}/events", {"step": step, "reason": "按规定", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert (made["event"]["step"], made["event"]["by"]) == (step, "civil")
    return made


def test_marks_and_their_past(post: Post, ask: Ask, issue: Callable[[int], str]) -> None:
    one = issue(101)
    assert stepped(post, one, "suspend", basis="〔2026〕12 号")["state"] == "SUSPENDED"
    assert stepped(post, one, "report_lost")["state"] == "LOST"
    assert stepped(post, one, "found")["state"] == "SUSPENDED"
    assert stepped(post, one, "resume")["state"] == "CURRENT"
    course = ask("civil", f"/licences/{one}/events").json()
    assert [event["step"] for event in course["items"]] == ["issue", "suspend", "report_lost", "found", "resume"]
    assert course["items"][1]["basis"] == "〔2026〕12 号"
    for event in course["items"]:
        then = ask("civil", f"/licences/{one}/events", at=event["effective"]).json()
        assert then["state"] == event["state"]
    known = ask("civil", f"/licences/{one}/events", known_at=course["items"][0]["recorded"]).json()
    assert (known["state"], len(known["items"])) == ("CURRENT", 1)
    problem(ask("civil", f"/licences/{one}/events", at="2020-01-01T00:00:00Z"), 404, "licence.unknown")


def test_a_new_version_and_its_lineage(post: Post, ask: Ask, issue: Callable[[int], str]) -> None:
    one = issue(102)
    changed = {"record": {"address": "演示省演示市新址路 9 号"}, "reason": "住所变更"}
    answer = post("civil", f"/licences/{one}/versions", changed, key="revise-102")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["version"], made["event"]["step"]) == (2, "revise")
    again = post("civil", f"/licences/{one}/versions", changed, key="revise-102")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made, "true")
    other = post("civil", f"/licences/{one}/versions", {**changed, "reason": "别的"}, key="revise-102")
    problem(other, 422, "idempotency.mismatch")
    versions = ask("civil", f"/licences/{one}/versions").json()["items"]
    assert [(v["version"], v["step"]) for v in versions] == [(1, "issue"), (2, "revise")]
    assert versions[1]["predecessor"]["file_digest"] == versions[0]["file_digest"]
    proof = ask("civil", f"/licences/{one}/lineage").json()
    assert (proof["unbroken"], proof["complete"], len(proof["links"])) == (True, True, 2)

    stepped(post, one, "report_lost")
    anew = post("civil", f"/licences/{one}/versions", {"reissue": True, "reason": "补发"})
    assert (anew.status_code, anew.json()["version"], anew.json()["state"]) == (201, 3, "CURRENT")
    again = post("civil", f"/licences/{one}/versions", {"reissue": True, "reason": "再来"}).json()
    assert (again["version"], again["created"]) == (3, False)


def test_inspections(post: Post, ask: Ask, issue: Callable[[int], str]) -> None:
    one = issue(103)
    body = {"result": "passed", "remarks": "材料齐全", "evidence": EVIDENCE}
    answer = post("civil", f"/licences/{one}/inspections", body)
    assert answer.status_code == 201, answer.text
    found = answer.json()["event"]["inspection"]
    assert found["evidence"]["name"] == EVIDENCE["name"]
    assert [line["period"] for line in ask("auditor", f"/licences/{one}/inspections").json()["items"]] == [
        found["period"]
    ]
    problem(post("civil", f"/licences/{one}/inspections", body), 409, "licence.already_inspected")
    problem(post("civil", f"/licences/{one}/inspections", {"result": "splendid"}), 422, "licence.inspection_result")
    failed = post("civil", f"/licences/{issue(104)}/inspections", {"result": "failed"})
    assert failed.json()["state"] == "SUSPENDED"


def test_the_list_of_inspections(post: Post, ask: Ask, issue: Callable[[int], str]) -> None:
    mine = {issue(seed) for seed in (121, 122, 123)}
    [done, *_] = sorted(mine)
    assert post("civil", f"/licences/{done}/inspections", {"result": "passed"}).status_code == 201
    seen, cursor = [], ""
    while cursor is not None:
        page = ask("civil", "/inspections", type=ORGANISATION, limit="2", cursor=cursor).json()
        seen += [one["licence_id"] for one in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen))
    assert mine - set(seen) == {done}
    listed = ask("auditor", "/inspections", type=ORGANISATION, show="done").json()["items"]
    assert {"licence_id": done, "result": "passed"}.items() <= next(
        x for x in listed if x["licence_id"] == done
    ).items()
    assert ask("market", "/inspections", type=ORGANISATION).json()["items"] == []
    problem(ask("keeper", "/inspections", type=ORGANISATION), 403, "licence.reader")
    for query, status in (
        ({"type": "nothing"}, 404),
        ({"type": ORGANISATION, "show": "all"}, 422),
        ({"type": ORGANISATION, "cursor": "x"}, 422),
        ({"type": "business-licence"}, 200),
    ):
        assert ask("civil", "/inspections", **query).status_code == status


def test_a_holder_s_licences(ask: Ask, post: Post, issue: Callable[[int], str]) -> None:
    one = issue(105)
    code = ask("civil", f"/licences/{one}").json()["holder_code"]
    before = ask("civil", f"/licences/{one}/events").json()["items"][0]["recorded"]
    stepped(post, one, "cancel")
    assert [(h["licence_id"], h["state"]) for h in ask("civil", f"/holders/{code}/licences").json()["items"]] == [
        (one, "CANCELLED")
    ]
    assert ask("civil", f"/holders/{code}/licences", at=before).json()["items"][0]["state"] == "CURRENT"
    assert ask("market", f"/holders/{code}/licences").json()["items"] == []
    assert ask("auditor", f"/holders/{code}/licences").json()["items"][0]["state"] == "CANCELLED"


def test_renewal_keeps_to_its_window(post: Post, issue: Callable[[int], str]) -> None:
    problem(post("civil", f"/licences/{issue(106)}/successor", {"reason": "换证"}), 403, "licence.renewal_window")


def test_renewed_in_time(live: Live, ask: Ask, post: Post) -> None:
    today = live.services.clock().date()
    [record] = live.services.catalogue.get("nurse-certificate").example_records(1, 9)
    first = {**record, "valid_until": (today + timedelta(days=60)).isoformat()}
    one = post("health", "/licences", {"type": "nurse-certificate", "record": first}).json()["licence_id"]
    problem(post("health", f"/licences/{one}/successor", {"reason": "期满延续"}), 403, "licence.renewal_period")
    later = {"valid_until": (today + timedelta(days=1800)).isoformat()}
    made = post("health", f"/licences/{one}/successor", {"record": later, "reason": "期满延续"})
    assert made.status_code == 201, made.text
    new = made.json()
    assert (new["state"], new["valid_to"], new["version"]) == ("CURRENT", later["valid_until"], 1)
    course = ask("health", f"/licences/{one}/events").json()
    assert (course["state"], course["items"][-1]["step"]) == ("SUPERSEDED", "renew")
    proof = ask("health", f"/licences/{new['licence_id']}/lineage").json()
    assert (proof["unbroken"], proof["links"][1]["predecessor"]["licence_id"]) == (True, one)
    again = post("health", f"/licences/{one}/successor", {"record": later, "reason": "再来"}).json()
    assert (again["licence_id"], again["created"]) == (new["licence_id"], False)


READS = ("events", "versions", "inspections", "lineage")
ACTS: dict[str, dict[str, Any]] = {
    "events": {"step": "suspend", "reason": "x"},
    "versions": {"record": {"address": "新址"}, "reason": "x"},
    "inspections": {"result": "passed"},
    "successor": {"reason": "x"},
}
UNKNOWN, READER, SCOPE, TOKEN = "licence.unknown", "licence.reader", "token.scope", "token.missing"
# account → (status, code) of reading, of acting; 0: whatever the rule of that act says
MATRIX: dict[str, tuple[tuple[int, str], tuple[int, str]]] = {
    "civil": ((200, ""), (0, "")),
    "market": ((404, UNKNOWN), (404, UNKNOWN)),
    "auditor": ((200, ""), (403, SCOPE)),
    "admin": ((200, ""), (403, SCOPE)),
    "keeper": ((403, READER), (403, READER)),
    "approver": ((403, READER), (403, READER)),
    "": ((401, TOKEN), (401, TOKEN)),
}


@pytest.mark.parametrize("account", MATRIX)
def test_who_may_do_what(post: Post, ask: Ask, issue: Callable[[int], str], account: str) -> None:
    one = issue(107)
    (reading, why), (acting, why_not) = MATRIX[account]
    for name in READS:
        answer = ask(account, f"/licences/{one}/{name}")
        assert answer.status_code == reading, (name, answer.text)
        assert reading == 200 or answer.json()["code"] == why
    if acting:
        for name, body in ACTS.items():
            problem(post(account, f"/licences/{one}/{name}", body), acting, why_not)
        assert ask("civil", f"/licences/{one}/events").json()["state"] == "CURRENT"


def test_a_token_is_no_wider_than_it_was_made(live: Live, client: httpx.Client, issue: Callable[[int], str]) -> None:
    one = issue(108)
    for more, code in (
        ({"scopes": ["read"]}, "token.scope"),
        ({"scopes": ["read", "life"], "types": ["teacher-certificate"]}, "licence.unknown"),
    ):
        made = client.post(
            "/api/v1/tokens",
            json={"label": "narrow", **more},
            auth=("civil", live.passwords["civil"]),
            headers={"Idempotency-Key": uuid.uuid4().hex},
        ).json()
        headers = {"Authorization": f"Bearer {made['token']}", "Idempotency-Key": uuid.uuid4().hex}
        answer = client.post(f"/api/v1/licences/{one}/events", json=ACTS["events"], headers=headers)
        assert answer.json()["code"] == code


def test_what_is_not_in_force_is_not_handed_out(
    ask: Ask, client: httpx.Client, tokens: dict[str, str], post: Post, issue: Callable[[int], str]
) -> None:
    one = issue(112)

    def fetched(account: str, media: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[account]}", "Accept": media, **WHY}
        return client.get(f"/api/v1/licences/{one}", headers=headers)

    files = ("application/ofd", "image/png")
    assert [fetched("auditor", media).status_code for media in files] == [200, 200]
    stepped(post, one, "report_lost")
    for media in files:
        problem(fetched("auditor", media), 403, "licence.not_referencable")
        assert fetched("civil", media).status_code == 200
    assert fetched("auditor", "application/json").json()["state"] == "LOST"


@pytest.mark.parametrize("account", ["auditor", "admin", "keeper"])
def test_only_officers_hand_on_the_right_to_act(live: Live, client: httpx.Client, account: str) -> None:
    made = client.post(
        "/api/v1/tokens",
        json={"label": "wide", "scopes": ["life"]},
        auth=(account, live.passwords[account]),
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    problem(made, 403, "token.too_wide")


def test_it_is_written_down(live: Live, post: Post, ask: Ask, issue: Callable[[int], str]) -> None:
    one = issue(109)
    ask("auditor", f"/licences/{one}/events", at="2999-01-01T00:00:00Z")
    stepped(post, one, "suspend")
    post("market", f"/licences/{one}/events", ACTS["events"])
    post("civil", f"/licences/{one}/events", {"step": "suspend", "reason": "again"})
    entries, _ = live.services.journal_page(live.services.actor("auditor"), None, 200)
    seen = {(e.action, e.actor, e.result) for e in entries if e.subject.startswith(one[:60])}
    assert {
        ("licence.history", "auditor", "ok"),
        ("licence.suspend", "civil", "ok"),
        ("licence.suspend", "market", "licence.unknown"),
        ("licence.suspend", "civil", "licence.step"),
    } <= seen
    reasons = {e.reason for e in entries if e.subject.startswith(one[:60])}
    assert {"监督检查", "按规定"} <= reasons


BODIES: tuple[tuple[str, Any, int, str], ...] = (
    ("events", {"step": "conjure", "reason": "x"}, 404, "licence.step_unknown"),
    ("events", {"step": "revise", "reason": "x"}, 404, "licence.step_unknown"),
    ("events", {"step": "suspend"}, 403, "licence.reason_missing"),
    ("events", {"step": "suspend", "reason": "  "}, 403, "licence.reason_missing"),
    ("events", {"step": "suspend", "reason": "x", "effective": "yesterday"}, 422, "request.invalid"),
    ("events", {"step": "suspend", "reason": "x", "effective": "2001-01-01T00:00:00Z"}, 422, "licence.effective"),
    ("events", {"step": "suspend", "reason": "x", "effective": "9999-01-01T00:00:00Z"}, 422, "licence.effective"),
    ("events", {"step": "suspend", "reason": "x\u0000y"}, 422, "licence.words"),
    ("events", {"step": "suspend", "reason": "长" * 501}, 422, "request.invalid"),
    ("events", {"step": "suspend", "reason": "x", "surplus": 1}, 422, "request.invalid"),
    ("events", [1, 2], 422, "request.invalid"),
    ("inspections", {"result": "passed", "period": "0000"}, 403, "licence.inspection_period"),
    ("inspections", {"result": "passed", "period": "二〇二六"}, 422, "licence.inspection_year"),
    ("inspections", {"result": "passed", "evidence": {"name": "x", "data": "!"}}, 422, "request.invalid"),
    ("inspections", {"result": "passed", "evidence": {"name": "\u0007", "data": "eA=="}}, 422, "licence.evidence"),
    ("versions", {"record": {"no_such_field": "x"}, "reason": "x"}, 422, "record.unknown_field"),
    ("versions", {"record": {"address": ["x"]}, "reason": "x"}, 422, "record.not_text"),
    ("versions", {"record": {"credit_code": "51990000MA49QUAQ21"}, "reason": "x"}, 403, "licence.holder_changed"),
    ("versions", {"record": {}, "reason": "x"}, 403, "licence.unchanged"),
    ("versions", {"record": {"address": "新址"}}, 403, "licence.reason_missing"),
)


@pytest.mark.parametrize(("path", "body", "status", "code"), BODIES)
def test_hostile_bodies(post: Post, issue: Callable[[int], str], path: str, body: Any, status: int, code: str) -> None:
    answer = post("civil", f"/licences/{issue(110)}/{path}", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"].startswith(code)


@pytest.mark.parametrize("licence_id", ["x", "1.2.156.3005.2.x", "%00", "..%2f..%2fetc", "长" * 60, "1" * 300])
def test_hostile_ids(post: Post, ask: Ask, licence_id: str) -> None:
    for name in READS:
        assert ask("civil", f"/licences/{licence_id}/{name}").status_code in (404, 422)
    for name, body in ACTS.items():
        assert post("civil", f"/licences/{licence_id}/{name}", body).status_code in (404, 422)


def test_questions_need_a_purpose_and_acts_a_key(
    client: httpx.Client, tokens: dict[str, str], issue: Callable[[int], str]
) -> None:
    one, headers = issue(111), {"Authorization": f"Bearer {tokens['civil']}"}
    problem(client.get(f"/api/v1/licences/{one}/events", headers=headers), 422, "purpose.missing")
    answer = client.post(f"/api/v1/licences/{one}/events", json=ACTS["events"], headers=headers)
    problem(answer, 422, "idempotency.missing")
