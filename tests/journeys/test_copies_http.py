"""Copies over HTTP and on the pages: made by a holder, handed over once, accepted within their terms, taken back."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from licence_store.holding.accounts import Identity
from licence_store.holding.holder import CITIZEN_NUMBER, Holder
from tests.journeys.conftest import TEACHER, Live, make_token
from tests.journeys.test_http import problem
from trust.journal import Actor

PURPOSE, OTHER = "办理教师资格认定变更", "申请贷款"
NEXT_MONTH = (date.today() + timedelta(days=30)).isoformat()
OFFICER = "education"
Post = Callable[..., httpx.Response]


class Person:
    """Somebody with a teacher's certificate, signed in on pages and through a portal."""

    def __init__(self, live: Live, seed: int, assurance: int = 3) -> None:
        record = next(live.services.catalogue.get(TEACHER).example_records(1, seed))
        self.licence_id = live.services.issue(TEACHER, record, Actor("education", OFFICER), None).licence_id
        view = live.services.register.find(self.licence_id).summary
        holder = Holder(view.holder_code, CITIZEN_NUMBER, view.holder_name)
        self.code, self.name = view.holder_code, view.holder_name
        identity = Identity("https://id.example", f"s{seed}", holder, assurance, live.services.clock())
        self.portal = {"Authorization": f"Bearer {live.services.spaces.open(identity, channel='http')}"}
        self.cookie = live.services.spaces.open(identity)


@pytest.fixture(scope="module")
def person(live: Live) -> Person:
    return Person(live, 501)


@pytest.fixture(scope="module")
def recipient(live: Live) -> str:
    return next(one.name for one in live.services.catalogue.departments() if one.id == OFFICER)


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with live.client() as one:
        yield one


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """``post(headers, path, body)`` with a fresh key."""

    def do(headers: dict[str, str], path: str, body: Any = None, key: str = "") -> httpx.Response:
        sent = {**headers, "Idempotency-Key": key or uuid.uuid4().hex}
        return client.post(f"/api/v1{path}", json={} if body is None else body, headers=sent)

    return do


@pytest.fixture
def make(post: Post, person: Person, recipient: str) -> Callable[..., dict[str, Any]]:
    def do(**changes: Any) -> dict[str, Any]:
        wanted = {"item": person.licence_id, "recipient": recipient, "purpose": PURPOSE, "until": NEXT_MONTH}
        answer = post(person.portal, "/space/copies", {**wanted, **changes})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return do


@pytest.fixture(scope="module")
def system(live: Live) -> dict[str, str]:
    """A system of the department the copies are for."""
    return {"Authorization": f"Bearer {make_token(live, ('accept',), (OFFICER,))}"}


def test_one_copy_two_purposes(
    client: httpx.Client, make: Callable[..., dict[str, Any]], person: Person, recipient: str
) -> None:
    made = make(uses=2, masked=["ethnic_group"])
    file = client.get(f"/api/v1/space/copies/{made['copy_id']}/file", headers=person.portal)
    assert (file.status_code, file.headers["content-type"]) == (200, "application/ofd")
    past = (date.today() + timedelta(days=31)).isoformat() + "T00:00:00Z"
    for query, indication, sub in (
        ({"purpose": PURPOSE, "recipient": recipient}, "TOTAL-PASSED", None),
        ({}, "INDETERMINATE", "COPY_PURPOSE_NOT_STATED"),
        ({"purpose": OTHER, "recipient": recipient}, "TOTAL-FAILED", "COPY_PURPOSE_DIFFERS"),
        ({"purpose": PURPOSE, "recipient": recipient, "at": past}, "TOTAL-FAILED", "COPY_EXPIRED"),
    ):
        report = client.post(
            "/api/v1/verifications", params=query, content=file.content, headers={"Content-Type": "application/ofd"}
        ).json()
        assert (report["indication"], report["sub_indication"]) == (indication, sub)
        assert report["document"]["copy"]["id"] == made["copy_id"]
    status = client.get(f"/api/v1/space/copies/{made['copy_id']}", headers=person.portal).json()
    assert (status["used"], status["masked"]) == (0, ["ethnic_group"])


def test_a_system_accepts_and_refuses(
    client: httpx.Client, post: Post, make: Callable[..., dict[str, Any]], person: Person, system: dict[str, str]
) -> None:
    made = make(uses=1)
    place = f"/copies/{made['copy_id']}"
    told = client.get(f"/api/v1{place}", headers=system).json()
    assert (told["state"], told["left"], told["digest"]) == ("ACTIVE", 1, made["digest"])
    assert told["original_in_force"] is True
    assert person.licence_id not in str(told)
    assert person.name not in str(told)
    stated = {"purpose": PURPOSE, "case_number": "0042", "digest": made["digest"]}
    for changes, code in (
        ({"purpose": OTHER}, "copy.purpose_differs"),
        ({"recipient": "某银行"}, "copy.recipient_differs"),
        ({"digest": "0" * 64}, "copy.file_differs"),
    ):
        problem(post(system, f"{place}/acceptances", {**stated, **changes}), 403, code)
    key = uuid.uuid4().hex
    first = post(system, f"{place}/acceptances", stated, key)
    assert (first.status_code, first.json()["number"], first.json()["left"]) == (201, 1, 0)
    assert post(system, f"{place}/acceptances", stated, key).json() == first.json()
    problem(post(system, f"{place}/acceptances", stated), 403, "copy.used_up")
    refusal = post(system, f"{place}/refusals", {"purpose": PURPOSE, "reason": "已经办过"})
    assert (refusal.status_code, refusal.json()["code"]) == (201, "copy.clerk")
    history = client.get(f"/api/v1/space{place}", headers=person.portal).json()
    assert (history["state"], len(history["acceptances"]), len(history["refusals"])) == ("USED_UP", 1, 4)


def test_two_systems_at_once_are_not_both_let_through(
    live: Live, post: Post, make: Callable[..., dict[str, Any]], system: dict[str, str]
) -> None:
    made, outcomes, start = make(uses=1), list[int](), threading.Barrier(4)

    def come(number: int) -> None:
        with live.client() as client:
            start.wait()
            answer = client.post(
                f"/api/v1/copies/{made['copy_id']}/acceptances",
                json={"purpose": PURPOSE, "case_number": str(number)},
                headers={**system, "Idempotency-Key": uuid.uuid4().hex},
            )
            outcomes.append(answer.status_code)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes) == [201, 403, 403, 403]


def test_who_may_do_what(
    client: httpx.Client,
    live: Live,
    post: Post,
    make: Callable[..., dict[str, Any]],
    person: Person,
    system: dict[str, str],
) -> None:
    made = make()
    place = f"/space/copies/{made['copy_id']}"
    other, weak = Person(live, 502), Person(live, 503, assurance=1)
    for who in (other, weak):
        problem(client.get(f"/api/v1{place}", headers=who.portal), 404, "copy.unknown")
        problem(client.get(f"/api/v1{place}/file", headers=who.portal), 404, "copy.unknown")
        problem(post(who.portal, f"{place}/revocation"), 404, "copy.unknown")
        problem(post(who.portal, f"{place}/links"), 404, "copy.unknown")
    assert client.get("/api/v1/space/copies", headers=other.portal).json() == {"items": [], "next": None}
    wanted = {"item": person.licence_id, "recipient": "x", "purpose": "y", "until": NEXT_MONTH}
    problem(post(other.portal, "/space/copies", wanted), 404, "licence.unknown")
    problem(post(weak.portal, "/space/copies", {**wanted, "item": weak.licence_id}), 401, "holder.step_up")
    accept = f"/copies/{made['copy_id']}/acceptances"
    reader = {"Authorization": f"Bearer {make_token(live, ('read',))}"}
    problem(post(reader, accept, {"purpose": PURPOSE}), 403, "token.scope")
    problem(post(person.portal, accept, {"purpose": PURPOSE}), 401, "token.invalid")
    problem(post(system, "/space/copies", wanted), 401, "holder.session_ended")
    problem(post({}, accept, {"purpose": PURPOSE}), 401, "token.missing")
    wide = {"Authorization": f"Bearer {make_token(live, ('accept',))}"}
    problem(post(wide, accept, {"purpose": PURPOSE}), 422, "copy.recipient_missing")


@pytest.mark.parametrize(
    "changes",
    [
        {"item": ""}, {"item": "x" * 500}, {"recipient": ""}, {"purpose": "长" * 300}, {"until": "2026-02-30"},
        {"until": "0001-01-01"}, {"until": "9999-12-31"}, {"until": "x"}, {"uses": -1}, {"uses": 10**9},
        {"uses": "many"}, {"form": "docx"}, {"masked": ["\0"]}, {"masked": "name"}, {"more": 1}, {"purpose": "\ud800"},
    ],
)  # fmt: skip
def test_silly_wishes_are_told_so(post: Post, person: Person, changes: dict[str, Any]) -> None:
    wanted = {"item": person.licence_id, "recipient": "x", "purpose": "y", "until": NEXT_MONTH, **changes}
    try:
        answer = post(person.portal, "/space/copies", wanted)
    except UnicodeEncodeError:
        return
    assert answer.status_code in (400, 404, 422), answer.text


def test_a_link_is_looked_at_freely_and_taken_once(
    client: httpx.Client, post: Post, make: Callable[..., dict[str, Any]], person: Person
) -> None:
    made = make()
    key = uuid.uuid4().hex
    link = post(person.portal, f"/space/copies/{made['copy_id']}/links", {"minutes": 5}, key).json()
    again = post(person.portal, f"/space/copies/{made['copy_id']}/links", {"minutes": 5}, key).json()
    assert (again["id"], again["url"]) == (link["id"], None)
    path = link["url"][link["url"].index("/d/") :]
    for _ in range(3):
        seen = client.get(path, headers={"Accept": "text/html"})
        assert (seen.status_code, seen.headers["x-robots-tag"]) == (200, "noindex, nofollow")
        assert person.name not in seen.text
        assert person.code not in seen.text
    csrf = re.search(r'name="csrf" value="([^"]+)"', seen.text)
    assert csrf is not None
    problem(client.post(path, data={"csrf": "x"}), 403, "session.csrf")
    taken = client.post(path, data={"csrf": csrf[1]})
    assert (taken.status_code, taken.headers["content-type"]) == (200, "application/ofd")
    late = client.post(path, data={"csrf": csrf[1]}, headers={"Accept": "text/html"})
    assert late.status_code == 409
    assert "链接已经用过" in late.text
    for wrong in ("/d/x", f"/d/{'A' * 43}", "/d/%00", f"/d/{'长' * 43}"):
        assert client.get(wrong, headers={"Accept": "text/html"}).status_code == 404
    second = post(person.portal, f"/space/copies/{made['copy_id']}/links").json()
    withdrawn = client.delete(f"/api/v1/space/copies/{made['copy_id']}/links/{second['id']}", headers=person.portal)
    assert withdrawn.status_code == 204
    path = second["url"][second["url"].index("/d/") :]
    assert "持证者已撤回" in client.get(path, headers={"Accept": "text/html"}).text


def test_the_code_on_a_copy_leads_to_its_terms(
    client: httpx.Client, post: Post, make: Callable[..., dict[str, Any]], person: Person, live: Live
) -> None:
    made = make(uses=1)
    path = f"/c/{made['copy_id']}"
    terms = live.services.desk.copies.find(made["copy_id"]).terms
    assert str(terms["check_url"]).endswith(path)
    page = client.get(path, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["x-robots-tag"]) == (200, "noindex, nofollow")
    assert "登记有效" in page.text
    assert person.name not in page.text
    assert person.code not in page.text
    assert person.licence_id not in page.text
    post(person.portal, f"/space/copies/{made['copy_id']}/revocation")
    assert "不能采用" in client.get(path, headers={"Accept": "text/html"}).text
    noted = live.services.desk.ledger.page(person.code).entries
    assert [one.result for one in noted if (one.act, one.subject) == ("check", made["copy_id"])] == [
        "REVOKED",
        "ACTIVE",
    ]
    for wrong in ("/c/x", "/c/%00", f"/c/c-{'0' * 24}"):
        assert client.get(wrong, headers={"Accept": "text/html"}).status_code == 404


def test_copies_come_page_by_page(client: httpx.Client, make: Callable[..., dict[str, Any]], person: Person) -> None:
    made = {make()["copy_id"] for _ in range(3)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get("/api/v1/space/copies", params={"limit": 2, "cursor": cursor}, headers=person.portal).json()
        seen += [one["copy_id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert len(seen) == len(set(seen))
    assert made <= set(seen)
    problem(client.get("/api/v1/space/copies?cursor=x", headers=person.portal), 422, "cursor.malformed")


# On the pages


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return unescape(found[1])


def test_a_holder_makes_one_on_the_pages_and_a_clerk_accepts_it(live: Live, person: Person, recipient: str) -> None:
    with live.client(Accept="text/html") as mine, live.client(Accept="text/html") as clerk:
        mine.cookies.set("lt_space", person.cookie)
        assert person.licence_id in unescape(mine.get("/space/copies/new").text)
        form = mine.get("/space/copies/new", params={"item": person.licence_id})
        wanted = {
            "csrf": csrf_of(form.text), "item": person.licence_id, "recipient": recipient, "purpose": PURPOSE,
            "until": NEXT_MONTH, "uses": "1", "form": "pdf", "masked": "ethnic_group",
        }  # fmt: skip
        preview = mine.post("/space/copies/new", data={**wanted, "act": "preview"})
        assert "data:image/png;base64," in preview.text
        for changes in ({"uses": "x"}, {"until": "2026-02-30"}, {"purpose": ""}, {"until": "2020-01-01"}):
            wrong = mine.post("/space/copies/new", data={**wanted, **changes})
            assert (wrong.status_code, "有内容需要修改" in wrong.text) == (422, True), changes
        made = mine.post("/space/copies/new", data=wanted)
        assert made.status_code == 303, made.text
        page = mine.get(made.headers["location"])
        copy_id = re.search(r"c-[0-9a-z]{16,}", made.headers["location"])
        assert copy_id is not None
        assert mine.get(f"/space/copies/{copy_id[0]}/picture").content.startswith(b"\x89PNG")
        file = mine.get(f"/space/copies/{copy_id[0]}/file").content
        link = mine.post(f"/space/copies/{copy_id[0]}/links", data={"csrf": csrf_of(page.text), "minutes": "60"})
        address = re.search(r'value="(http[^"]+/d/[^"]+)"', link.text)
        assert address is not None

        signed_in = clerk.get("/sign-in")
        clerk.post(
            "/sign-in", data={"csrf": csrf_of(signed_in.text), "name": OFFICER, "password": live.passwords[OFFICER]}
        )
        csrf = csrf_of(clerk.get("/window/copies").text)
        said = {"csrf": csrf, "purpose": OTHER, "case_number": "0042", "service_item": "", "recipient": "", "named": ""}
        upload = {"file": ("copy.pdf", file, "application/pdf")}
        other = clerk.post("/window/copies", data=said, files=upload)
        assert "COPY_PURPOSE_DIFFERS" in other.text
        assert "/accept" not in other.text
        right = clerk.post("/window/copies", data={**said, "purpose": PURPOSE, "named": address[1]})
        assert ("data:image/jpeg;base64," in other.text, "data:image/jpeg;base64," in right.text) == (False, True)
        assert "TOTAL-PASSED" in right.text
        hidden = dict(
            re.findall(r'name="(\w+)" value="([^"]*)"', right.text.partition("/accept")[2].partition("</form>")[0])
        )
        done = clerk.post(f"/window/copies/{copy_id[0]}/accept", data=hidden)
        assert (done.status_code, "第 1 次采用" in done.text) == (200, True)
        again = clerk.post(f"/window/copies/{copy_id[0]}/accept", data=hidden)
        assert "第 1 次采用" in again.text
        late = clerk.post(f"/window/copies/{copy_id[0]}/accept", data={**hidden, "key": "other"})
        assert (late.status_code, "copy.used_up" in late.text) == (403, True)
        taken = clerk.post("/window/copies", data={**said, "named": address[1]})
        assert (taken.status_code, "该链接已经用过" in taken.text) == (409, True)
        paper = clerk.post("/window/copies", data={**said, "purpose": PURPOSE, "named": copy_id[0]})
        assert "copy.used_up" in paper.text
        refused = clerk.post(
            f"/window/copies/{copy_id[0]}/refuse", data={"csrf": csrf, "purpose": PURPOSE, "reason": "已用过"}
        )
        assert "已登记不予采用" in refused.text
        for silly in (
            {"named": ""},
            {"named": "nonsense"},
            {"named": "c-" + "0" * 24},
            {"purpose": ""},
            {"named": "\0"},
        ):
            answer = clerk.post("/window/copies", data={**said, "named": "x", **silly})
            assert answer.status_code in (403, 404, 422), silly

        seen = mine.get(f"/space/copies/{copy_id[0]}").text
        assert "第 1 次采用" in seen
        assert "已用过" in seen
        gone = mine.post(f"/space/copies/{copy_id[0]}/revoke", data={"csrf": csrf_of(page.text), "reason": "办完"})
        assert gone.status_code == 303
        assert "已被收回" in mine.get("/space/copies").text
        ledger = live.services.desk.ledger.page(person.code).entries
        acts = [(one.act, one.result) for one in ledger if one.subject == copy_id[0]]
        assert acts.count(("use", "ok")) == 1
        assert ("verify", "TOTAL-FAILED COPY_PURPOSE_DIFFERS") in acts
        assert ("download", "ok") in acts


def test_pages_are_for_those_they_are_meant_for(live: Live, person: Person) -> None:
    with live.client(Accept="text/html") as stranger, live.client(Accept="text/html") as other:
        assert stranger.get("/space/copies").headers["location"].startswith("/space/sign-in")
        assert stranger.get("/window/copies").headers["location"].startswith("/sign-in")
        other.cookies.set("lt_space", Person(live, 504).cookie)
        made = live.services.desk.copies.of_holder(person.code, limit=1)[0]
        for path in ("", "/file", "/picture"):
            assert other.get(f"/space/copies/{made.id}{path}").status_code == 404
        assert other.get("/space/copies/new", params={"item": person.licence_id}).status_code == 404
        assert other.get("/window/copies").status_code == 303
