"""Search, the feed of changes, true or false: over HTTP, on the command line and on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.cli import run
from tests.journeys.conftest import TEACHER, Live, make_token, serving

PURPOSE = {"Licence-Purpose": "test"}


@pytest.fixture(scope="module")
def asking(live: Live) -> Iterator[httpx.Client]:
    token = make_token(live, ("issue", "search", "check", "life"))
    with live.client(Authorization=f"Bearer {token}", **PURPOSE) as client:
        yield client


@pytest.fixture(scope="module")
def people_issued(live: Live, asking: httpx.Client) -> list[dict[str, str]]:
    """Four teachers with licences; the record and the id of each."""
    answer = []
    for number, record in enumerate(live.services.catalogue.get(TEACHER).example_records(4, 77)):
        body = {"type": TEACHER, "record": record}
        issued = asking.post("/api/v1/licences", json=body, headers={"Idempotency-Key": f"q{number}"}).json()
        answer.append({**record, "licence_id": issued["licence_id"], "number": issued["licence_number"]})
    return answer


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["licence_id"] for one in answer.json()["items"]]


def test_search_over_http(asking: httpx.Client, people_issued: list[dict[str, str]]) -> None:
    one = people_issued[1]
    for asked in (
        {"q": one["name"]}, {"q": one["licence_id"]}, {"number": one["number"]}, {"holder_code": one["citizen_number"]},
        {"holder_name": one["name"][1:], "type": TEACHER, "state": "CURRENT"},
        {"holder_name": one["name"], "department": "education", "issued_from": "2020-01-01", "issued_to": "2999-12-31"},
        {"q": one["citizen_number"], "changed_since": "2020-01-01T00:00:00Z"},
    ):  # fmt: skip
        assert one["licence_id"] in ids(asking.get("/api/v1/licences", params=asked)), asked
    assert ids(asking.get("/api/v1/licences", params={"q": one["name"], "state": ["REVOKED", "LOST"]})) == []
    assert ids(asking.get("/api/v1/licences", params={"changed_since": "2999-01-01T00:00:00Z"})) == []


def test_pages_follow_one_another(asking: httpx.Client, people_issued: list[dict[str, str]]) -> None:
    seen, cursor = [], ""
    while True:
        answer = asking.get("/api/v1/licences", params={"type": TEACHER, "limit": 2, "cursor": cursor})
        seen += ids(answer)
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert {one["licence_id"] for one in people_issued} <= set(seen)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"state": "FINE"}, 422, "search.state"),
        ({"issued_from": "gestern"}, 422, "search.date"),
        ({"valid_to_until": "2026-02-30"}, 422, "search.date"),
        ({"changed_since": "gestern"}, 422, None),
        ({"cursor": "x"}, 422, "cursor.malformed"),
        ({"type": "none"}, 404, "type.unknown"),
        ({"q": "\x00%_\"'*"}, 200, None),
        ({"limit": "0"}, 422, None),
    ],
)
def test_silly_questions(asking: httpx.Client, params: dict[str, str], status: int, code: str | None) -> None:
    answer = asking.get("/api/v1/licences", params=params)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code


def test_changes_over_http(asking: httpx.Client, people_issued: list[dict[str, str]]) -> None:
    changes, cursor = [], ""
    while True:
        page = asking.get("/api/v1/licences/changes", params={"limit": 2, "cursor": cursor}).json()
        changes += page["items"]
        cursor = page["next"]
        if not page["more"]:
            break
    assert [one["licence_id"] for one in changes][-4:] == [one["licence_id"] for one in people_issued]
    assert not any(one["tombstone"] for one in changes)
    assert not any(person["name"] in json.dumps(changes, ensure_ascii=False) for person in people_issued)
    ended = people_issued[3]["licence_id"]
    step = {"step": "cancel", "reason": "持证者申请"}
    address = f"/api/v1/licences/{ended}/events"
    assert asking.post(address, json=step, headers={"Idempotency-Key": "end"}).status_code in (200, 201)
    [one] = asking.get("/api/v1/licences/changes", params={"cursor": cursor}).json()["items"]
    assert (one["licence_id"], one["change"], one["state"], one["tombstone"]) == (ended, "cancel", "CANCELLED", True)
    since = asking.get("/api/v1/licences/changes", params={"since": one["recorded"]}).json()
    assert since["items"][-1] == one
    assert asking.get("/api/v1/licences/changes", params={"since": one["recorded"], "cursor": cursor}).status_code == 422
    assert asking.get("/api/v1/licences/changes", params={"cursor": "nonsense"}).status_code == 422
    assert ids(asking.get("/api/v1/licences", params={"q": people_issued[3]["name"], "state": "CANCELLED"})) == [ended]


def test_true_or_false_over_http(live: Live, asking: httpx.Client, people_issued: list[dict[str, str]]) -> None:
    one = people_issued[0]
    address = f"/api/v1/licences/{one['licence_id']}/check"
    answer = asking.post(address, json={"fields": {"holder_name": one["name"], "gender": "—"}})
    assert answer.json() == {"current": True, "holds": {"holder_name": True, "gender": False}, "all": False}
    assert one["name"] not in answer.text
    item = {"type": TEACHER, "holder_code": one["citizen_number"], "fields": {"holder_name": one["name"]}}
    many = asking.post("/api/v1/licences/check", json={"items": [item, {**item, "holder_code": "0"}]})
    assert [one["all"] for one in many.json()["items"]] == [True, False]
    for address_, body, status in (
        (address, {"fields": {"shoe": "42"}}, 422),
        (address, {"fields": {}}, 422),
        (address, {}, 422),
        ("/api/v1/licences/nonsense/check", {"fields": {"holder_name": "x"}}, 422),
        ("/api/v1/licences/check", {"items": []}, 422),
    ):
        assert asking.post(address_, json=body).status_code == status
    noted = live.services.journal_page(live.services.actor("admin"), None, 50)[0]
    checks = [entry for entry in noted if entry.action == "licence.check"]
    assert {"licence.check"} == {entry.action for entry in checks}
    assert not any(one["name"] in entry.details or one["citizen_number"] in entry.details for entry in checks)
    assert checks[0].reason == "test"


def test_a_token_asks_only_what_it_covers(live: Live, people_issued: list[dict[str, str]]) -> None:
    one = people_issued[0]["licence_id"]
    body = {"fields": {"holder_name": "x"}}
    for scopes, departments in ((("search",), ("*",)), (("check",), ("market",))):
        with live.client(Authorization=f"Bearer {make_token(live, scopes, departments)}", **PURPOSE) as other:
            assert other.post(f"/api/v1/licences/{one}/check", json=body).status_code == 403
    with live.client(Authorization=f"Bearer {make_token(live, ('check',), ('*',))}", **PURPOSE) as other:
        assert other.get("/api/v1/licences").status_code == 403
        assert other.get("/api/v1/licences/changes").status_code == 403
    with live.client(Authorization=f"Bearer {make_token(live, ('search',), ('market',))}", **PURPOSE) as other:
        assert all(item["department"] == "market" for item in other.get("/api/v1/licences/changes").json()["items"])
    with live.client(Authorization=f"Bearer {make_token(live, ('search', 'check'))}") as silent:
        assert silent.get("/api/v1/licences").status_code == 400 or silent.get("/api/v1/licences").status_code == 422
        assert silent.post(f"/api/v1/licences/{one}/check", json=body).json()["code"] == "purpose.missing"


def test_checks_are_limited(place: Path) -> None:
    with serving(place, check_rate=2) as live:
        with live.client(Authorization=f"Bearer {make_token(live, ('check',))}", **PURPOSE) as asking:
            item = {"type": TEACHER, "holder_code": "0", "fields": {"holder_name": "x"}}
            codes = [asking.post("/api/v1/licences/check", json={"items": [item]}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_the_command_line(
    live: Live, people_issued: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    one = people_issued[2]

    def call(*arguments: str) -> tuple[int, list[dict[str, object]]]:
        capsys.readouterr()
        status = run(["licence", *arguments, "--dir", str(live.place)])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    status, lines = call("search", one["name"], "--type", TEACHER, "--state", "CURRENT")
    assert (status, [line["licence_id"] for line in lines]) == (0, [one["licence_id"]])
    assert call("search", "--holder-name", "无此人")[1] == []
    assert call("search", "--state", "FINE")[0] == 3
    assert call("search", "--issued-from", "x")[0] == 3
    status, lines = call("changes", "--limit", "3")
    assert (status, len(lines)) == (0, 4)
    assert call("changes", "--cursor", str(lines[-1]["next"]))[1][0] not in lines
    status, [answer] = call("check", one["licence_id"], "--field", f"holder_name={one['name']}")
    assert (status, answer["all"]) == (0, True)
    by_holder = ("check", "--type", TEACHER, "--holder-code", one["citizen_number"])
    status, [answer] = call(*by_holder, "--field", "holder_name=x")
    assert (status, answer["holds"]) == (1, {"holder_name": False})
    for wrong in (("check", one["licence_id"]), ("check", "--field", "a=b"), ("check", one["licence_id"], "--field", "a")):
        assert call(*wrong)[0] == 3


def test_the_page(live: Live, people_issued: list[dict[str, str]]) -> None:
    one = people_issued[0]
    with live.client() as browser:
        browser.cookies.set("lt_lang", "zh-CN")
        form = re.search(r'name="csrf" value="([^"]+)"', browser.get("/sign-in").text)
        assert form
        entered = {"csrf": form[1], "name": "education", "password": live.passwords["education"]}
        browser.post("/sign-in", data=entered)
        found = browser.get("/licences", params={"q": one["name"][1:], "state": "CURRENT", "issued_from": "2020-01-01"})
        assert found.status_code == 200
        assert one["name"] in found.text
        assert 'id="department"' not in found.text  # officers see their own department's
        nothing = browser.get("/licences", params={"q": "无此人"})
        assert "没有符合条件的证照" in nothing.text
        wrong = browser.get("/licences", params={"ends_to": "31.12.2026", "q": "<script>"})
        assert wrong.status_code == 422
        assert "31.12.2026" in wrong.text
        assert "&lt;script&gt;" in wrong.text
