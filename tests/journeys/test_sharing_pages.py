"""Pages of sharing: who sees what, decisions on applications and tiers, a clerk's look-up that ends in one answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import httpx
import pytest

from tests.journeys.conftest import TEACHER, Live
from tests.sharing_systems import CONSOLE, ITEM, ask, make_system, share
from trust.sharing_answer import check_answer, read_answer

PURPOSE = {"service_item": ITEM, "material": "教师资格证书", "case_number": "办件-1", "basis": "教师法"}


def signed_in(live: Live, account: str) -> httpx.Client:
    client = live.client()
    form = client.get("/sign-in").text
    answer = client.post(
        "/sign-in", data={"csrf": csrf(form), "name": account, "password": live.passwords[account], "next": "/"}
    )
    assert answer.status_code == 303, answer.text
    return client


def csrf(html: str) -> str:
    match = re.search(r'name="csrf" value="([^"]*)"', html)
    assert match
    return match[1]


@pytest.fixture(scope="module")
def people(live: Live) -> Iterator[dict[str, httpx.Client]]:
    found = {name: signed_in(live, name) for name in ("education", "market", "auditor", "admin", "keeper")}
    yield found
    for client in found.values():
        client.close()


@pytest.fixture(scope="module")
def licence(live: Live) -> tuple[str, dict[str, str]]:
    record = next(iter(live.services.catalogue.get(TEACHER).example_records(1, 801)))
    return live.services.issue(TEACHER, record, CONSOLE, "sharing-pages").licence_id, record


def applied(live: Live) -> str:
    system = make_system(live.services.desk, name="人才服务平台")
    access = live.services.desk.sharing.access
    return access.apply(
        system.id, TEACHER, operations=["licence"], items=[ITEM], basis="《教师法》", reason="评审", actor=CONSOLE
    ).id


PAGES = (
    "/sharing",
    "/sharing/applications",
    "/sharing/applications?state=requested",
    "/sharing/calls",
    "/sharing/calls?refusals=true",
)


@pytest.mark.parametrize("path", PAGES)
def test_who_may_look(live: Live, people: dict[str, httpx.Client], path: str) -> None:
    for name, status in {"education": 200, "market": 200, "auditor": 200, "admin": 200, "keeper": 403}.items():
        assert people[name].get(path).status_code == status, name
        for language in ("en", "zh-CN"):
            both = path + ("&" if "?" in path else "?") + f"lang={language}"
            assert people[name].get(both).status_code == status
    with live.client() as stranger:
        assert stranger.get(path, headers={"Accept": "text/html"}).status_code == 303


def test_only_officers_look_up(live: Live, people: dict[str, httpx.Client]) -> None:
    for name, status in {"education": 200, "auditor": 403, "admin": 403, "keeper": 403}.items():
        assert people[name].get("/sharing/look-up").status_code == status
        assert people[name].post("/sharing/look-up", data={"csrf": "x"}).status_code == 403


def test_a_department_sees_and_decides_its_own_applications(live: Live, people: dict[str, httpx.Client]) -> None:
    application = applied(live)
    path = f"/sharing/applications/{application}"
    assert "人才服务平台" in people["education"].get("/sharing").text
    assert application not in people["market"].get("/sharing/applications").text
    assert people["market"].get(path).status_code == 404
    token = csrf(people["market"].get("/sharing/look-up").text)
    given = {"csrf": token, "decision": "approve", "reason": "同意", "until": "2999-01-01"}
    assert people["market"].post(f"{path}/decisions", data=given).status_code == 404
    assert people["auditor"].post(f"{path}/decisions", data=given).status_code == 403
    token = csrf(people["education"].get(path).text)
    for wrong in (
        {"until": "2999-01-01"},
        {"until": "gestern"},
        {"until": ""},
        {"reason": ""},
        {"decision": "end"},
        {"decision": "x"},
    ):
        answer = people["education"].post(f"{path}/decisions", data={**given, "csrf": token, **wrong})
        assert answer.status_code in (403, 422), wrong
        assert "没有办理成功" in answer.text
    day = (live.services.clock() + timedelta(days=30)).strftime("%Y-%m-%d")
    done = people["education"].post(f"{path}/decisions", data={**given, "csrf": token, "until": day})
    assert done.status_code == 303
    assert "终止授权" in people["education"].get(path).text
    assert live.services.desk.sharing.access.application(application).state == "approved"
    assert people["education"].post(f"{path}/decisions", data={"csrf": "forged", "decision": "end"}).status_code == 403


def test_a_department_sets_its_own_tiers(live: Live, people: dict[str, httpx.Client]) -> None:
    code = live.services.catalogue.get(TEACHER).code
    given = {"type": code, "tier": "open", "reason": "依目录"}
    for name, status in {"education": 303, "market": 403, "auditor": 403}.items():
        page = people[name].get("/sharing").text
        token = csrf(page) if 'name="csrf"' in page else "x"
        assert people[name].post("/sharing/tiers", data={**given, "csrf": token}).status_code == status
    token = csrf(people["education"].get("/sharing").text)
    for wrong in ({"tier": "wide"}, {"reason": ""}, {"type": "x"}):
        assert people["education"].post("/sharing/tiers", data={**given, "csrf": token, **wrong}).status_code in (
            404,
            422,
        )
    people["education"].post("/sharing/tiers", data={**given, "csrf": token, "tier": "application"})
    assert live.services.desk.sharing.access.tiers("education")[0].tier == "application"


TOKENS: dict[int, str] = {}
"""The form token of each session, fetched once."""


def look_up(client: httpx.Client, file: tuple[str, bytes] | None = None, **given: str) -> httpx.Response:
    token = TOKENS.get(id(client)) or csrf(client.get("/sharing/look-up").text)
    TOKENS[id(client)] = token
    files = {"file": file} if file else {"file": ("", b"")}
    return client.post("/sharing/look-up", data={"csrf": token, **PURPOSE, **given}, files=files)


def test_a_clerk_gets_one_explained_answer(
    live: Live, people: dict[str, httpx.Client], licence: tuple[str, dict[str, str]]
) -> None:
    licence_id, record = licence
    desk = live.services.desk
    before = desk.ledger.head(record["citizen_number"]).count
    answer = look_up(people["education"], what=f"http://localhost:8000/v/{licence_id}")
    assert answer.status_code == 200
    assert "可以采信" in answer.text
    assert record["name"] in answer.text
    raw = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert raw
    told = read_answer(unescape(raw[1]).encode())
    check_answer(told, desk.trust(), known_at=live.services.clock())
    assert told.caller == "clerk:education@education"
    [entry] = desk.ledger.page(record["citizen_number"], limit=1).entries
    assert desk.ledger.head(record["citizen_number"]).count == before + 1
    assert "办件-1" in entry.why
    number = desk.register.find(licence_id).summary.licence_number
    for given in ({"type": TEACHER, "number": number}, {"type": TEACHER, "holder": record["citizen_number"]}):
        assert "可以采信" in look_up(people["education"], **given).text
    file = desk.register.file(desk.register.find(licence_id))
    assert "逐项一致" in look_up(people["education"], ("a.ofd", file)).text
    assert "无法认定" in look_up(people["education"], ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99))).text
    assert "查无此证" in look_up(people["education"], type=TEACHER, number="none").text


def test_what_a_clerk_may_not_see_is_refused_and_told(
    live: Live, people: dict[str, httpx.Client], licence: tuple[str, dict[str, str]]
) -> None:
    licence_id, record = licence
    answer = look_up(people["market"], what=licence_id)
    assert answer.status_code == 403
    assert "sharing.access_none" in answer.text
    assert record["name"] not in answer.text
    assert live.services.desk.ledger.page(record["citizen_number"], limit=1).entries[0].act == "refuse"
    # a system of the clerk's own department was approved: then its officers may ask for the same matter
    desk = live.services.desk
    [market] = [one for one in desk.catalogue.departments() if one.id == "market"]
    share(desk, make_system(desk, organisation_code=market.code), TEACHER)
    assert "可以采信" in look_up(people["market"], what=licence_id).text
    assert look_up(people["market"], what=licence_id, service_item="别的").status_code == 403


@pytest.mark.parametrize(
    "given",
    [{}, {"what": "nonsense"}, {"what": "1.2.156.3005.2.x"}, {"type": TEACHER}, {"type": "x", "number": "1"}, {"number": "1"},
     {"what": "\x00\ud7ff", "basis": "x\ny"}, {"what": "x" * 5000}, {"type": TEACHER, "number": "1", "basis": "-"}],
)  # fmt: skip
def test_silly_questions(people: dict[str, httpx.Client], given: dict[str, str]) -> None:
    answer = look_up(people["education"], **given)
    assert answer.status_code in (404, 422), answer.status_code
    assert "没有查成" in answer.text


def test_refusals_are_shown_with_their_codes(
    live: Live, people: dict[str, httpx.Client], licence: tuple[str, dict[str, str]]
) -> None:
    with live.client() as client:
        system = make_system(live.services.desk, name="某系统").signed_in(client)
        assert ask(client, system, "licence", licence_id=licence[0]).status_code == 403
        client.post("/api/v1/sharing/licence", content=json.dumps({}))
    own = people["education"].get("/sharing/calls?refusals=true").text
    assert "sharing.access_none" in own
    assert "某系统" in own
    assert "signature.missing" not in own
    whole = people["auditor"].get("/sharing/calls?refusals=true").text
    assert "signature.missing" in whole
    assert "signature.missing" in people["auditor"].get("/sharing").text
    assert licence[0] not in people["market"].get("/sharing/calls?refusals=true").text
