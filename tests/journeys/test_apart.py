"""互不可见: over every route of the application, nobody sees another's, and holders and staff are kept apart.

The routes are read from the application itself: a new one is asked here too, and one with a name in its address that
nobody thought of fails until somebody has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from api.holder_deps import SPACE_COOKIE
from tests.journeys.apart import WORDS, Household, Route, household, routes_of, signed_in
from tests.journeys.conftest import Live, make_token

PLAIN = {
    "application_id": "1", "asked": "verify", "code": "teacher-certificate", "contact_id": "1", "department": "market", "form": "ofd",
    "delivery_id": "1", "digest": "0" * 64, "draft": "1", "draft_id": "1", "grant_id": "1", "job_id": "1", "key": "x", "kind": "consent",
    "list_id": "1", "name": "x", "number": "1", "page": "1", "quarantine_id": "1", "region": "990000", "request_id": "1", "run_id": "1",
    "seal_id": "1", "serial": "1", "sheet_id": "1", "slug": "teacher-certificate", "source_id": "1", "step": "cancel",
    "subscription_id": "1", "transfer_id": "1",
}  # fmt: skip
"""What stands in an address and belongs to no holder."""
ENDS = {"/space/sign-out", "/space/account/close", "/api/v1/space/session"}
"""Asked last: they end the session."""
BEARERS = {"/c/{copy_id}": "whoever has a copy reads on it what it is for; of the holder nothing more is told"}
"""Where the purpose of a copy may stand, because its code led there."""
SCOPES = ("issue", "read", "search", "check", "life", "accept", "types", "journal", "trust", "seals", "collect")


@pytest.fixture(scope="module")
def one(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 1)


@pytest.fixture(scope="module")
def other(live: Live) -> Household:
    return household(live.services, "nurse-certificate", 2)


@pytest.fixture(scope="module")
def routes(live: Live) -> list[Route]:
    from api.app import create_app

    found = routes_of(create_app(live.services))
    assert len(found) > 300
    return sorted(found, key=lambda each: (each.path in ENDS, each.path))


def address(route: Route, whose: Household) -> str:
    """The route, asked for what is ``whose``; a code that waits is theirs too."""
    token = "another" if route.path.startswith("/d/") else whose.ids["waiting_token"]
    full = route.address({**PLAIN, **whose.ids, "token": token})
    return full.replace("m-m-", "m-")


def ask(client: httpx.Client, route: Route, path: str, csrf: str = "") -> httpx.Response:
    """With nothing but what the form's or the program's door asks for."""
    headers = {"Idempotency-Key": f"apart {path}"[:120], "Accept": "text/html" if "/api/" not in path else "*/*"}
    if route.method == "GET":
        return client.get(path, params={"purpose": "test"}, headers=headers)
    if "/api/" in path or route.method == "DELETE":
        return client.request(route.method, path, headers=headers, json={"words": "x", "reason": "x", "purpose": "x"})
    return client.request(route.method, path, headers=headers, data={"csrf": csrf, "reason": "x", "words": "x"})


def leaks(answer: httpx.Response, whose: Household) -> list[str]:
    """What of theirs is in an answer; the address that was asked for may be repeated in it."""
    asked = str(answer.request.url)
    text = answer.text.replace(asked, "").replace(answer.request.url.raw_path.decode(), "")
    return [secret for secret in whose.secrets if secret in text and secret not in asked]


class Person:
    """A holder in a browser or through a portal, signed in anew when the session has been ended."""

    def __init__(self, live: Live, who: Household, portal: bool) -> None:
        self.live, self.who, self.portal = live, who, portal

    def __enter__(self) -> Person:
        channel = "http" if self.portal else "page"
        token = signed_in(self.live.services, self.who.holder, channel)
        self.session = self.live.services.spaces.find(token, channel)
        headers = {"Authorization": f"Bearer {token}"} if self.portal else {}
        self.client = self.live.client(**headers)
        if not self.portal:
            self.client.cookies.set(SPACE_COOKIE, token)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


@pytest.fixture(params=[False, True], ids=["browser", "portal"])
def person(request: pytest.FixtureRequest, live: Live, one: Household) -> Iterator[Person]:
    with Person(live, one, request.param) as found:
        yield found


def theirs(live: Live, whose: Household) -> tuple[object, ...]:
    """All that must be as before when somebody else has tried everything."""
    desk, code = live.services.desk, whose.holder.code
    session = live.services.spaces.find(signed_in(live.services, whose.holder))
    return (
        live.services.register.holdings(code),
        desk.disputes.of_holder(code),
        desk.copies.history(whose.ids["copy_id"]).view,
        desk.materials.of_holder(session, limit=100).items,
        desk.delegations.given(session),
        [(each.id, each.ended) for each in desk.presenter.of_holder(code)],
    )


def test_no_holder_sees_or_changes_anothers(
    live: Live, person: Person, one: Household, other: Household, routes: list[Route]
) -> None:
    before, wrong, own_lists = theirs(live, other), [], set()
    for route in routes:
        if route.path.startswith("/present/{token}"):
            continue  # whoever holds the code may open it: that is what it is for
        path = address(route, other)
        answer = ask(person.client, route, path, person.session.csrf)
        assert answer.status_code < 500, f"{route} {answer.text[:300]}"
        own_lists |= {route.path} if answer.status_code == 200 and "space" in route.path else set()
        allowed_words = {f"{WORDS}2"} if route.path in BEARERS else set()
        if found := set(leaks(answer, other)) - allowed_words:
            wrong.append((route.method, route.path, answer.status_code, found))
    assert wrong == []
    assert ("/api/v1/space/ledger" if person.portal else "/space/ledger") in own_lists  # signed in all the while
    assert theirs(live, other) == before


def test_a_holder_sees_their_own(live: Live, other: Household) -> None:
    """The addresses above are good ones: whose they are gets an answer."""
    ids = other.ids
    shown = [
        f"/space/licences/{other.licence_id}", f"/space/licences/{other.licence_id}/face.png",
        f"/space/licences/{other.licence_id}/small.jpg", f"/space/licences/{other.licence_id}/licence.ofd",
        f"/space/licences/{other.licence_id}/print", f"/space/licences/{other.licence_id}/present",
        f"/space/licences/{other.licence_id}/dispute", f"/space/licences/{other.licence_id}/loss",
        f"/space/disputes/{ids['dispute_id']}", f"/space/presentations/{ids['presentation_id']}",
        f"/space/ledger/{ids['seq']}/dispute", f"/space/copies/{ids['copy_id']}",
        f"/space/materials/{ids['material']}", f"/space/delegations/{ids['delegation_id']}", "/space", "/space/ledger",
        "/space/present", "/space/disputes", "/space/copies", "/space/materials", "/space/delegations", "/space/account",
        "/space/ledger/export",
    ]  # fmt: skip
    with Person(live, other, portal=False) as person:
        for path in shown:
            answer = person.client.get(path)
            assert answer.status_code == 200, f"{path} {answer.status_code} {answer.text[:200]}"
        assert WORDS in person.client.get("/space/ledger").text
    asked = [
        "/space/licences", f"/space/licences/{other.licence_id}", "/space/ledger", "/space/ledger/check",
        "/space/ledger/export", "/space/presentations", "/space/disputes", f"/space/disputes/{ids['dispute_id']}",
        "/space/copies", f"/space/copies/{ids['copy_id']}", f"/space/materials/{ids['material']}",
        f"/space/uploads/{ids['upload_id']}", f"/space/delegations/{ids['delegation_id']}", "/space/session",
    ]  # fmt: skip
    with Person(live, other, portal=True) as person:
        for path in asked:
            answer = person.client.get(f"/api/v1{path}")
            assert answer.status_code == 200, f"{path} {answer.status_code} {answer.text[:200]}"


def test_a_holder_is_nobody_to_the_staffs_routes(
    live: Live, person: Person, one: Household, other: Household, routes: list[Route]
) -> None:
    """Whatever is not of the space answers a holder as it answers a stranger; what is of it answers no stranger."""
    wrong = []
    with live.client() as stranger:
        for route in routes:
            mine = route.path.startswith(("/space", "/api/v1/space"))
            path = address(route, one)
            if route.path.startswith("/present/{token}") or (route.method != "GET" and not mine):
                continue
            unknown = ask(stranger, route, path)
            if mine and unknown.status_code < 300 and leaks(unknown, one):
                wrong.append(("stranger", route.method, route.path, unknown.status_code))
            if not mine:
                known = ask(person.client, route, path)
                refused = (known.status_code >= 400 or known.status_code == 303) and not leaks(known, other)
                if known.status_code != unknown.status_code and not refused:
                    wrong.append(("holder", route.method, route.path, known.status_code))
    assert wrong == []


def signed_in_staff(live: Live, account: str) -> httpx.Client:
    client = live.client()
    page = client.get("/sign-in").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    data = {"csrf": csrf, "name": account, "password": live.passwords[account], "next": "/"}
    assert client.post("/sign-in", data=data).status_code == 303
    return client


@pytest.mark.parametrize("account", ["market", "admin", "auditor", "keeper"])
def test_staff_are_strangers_to_the_space(live: Live, one: Household, routes: list[Route], account: str) -> None:
    wrong = []
    with closing(signed_in_staff(live, account)) as staff, live.client() as stranger:
        for route in routes:
            if route.path.startswith("/space") and route.method == "GET":
                path = address(route, one)
                known, unknown = ask(staff, route, path), ask(stranger, route, path)
                if known.status_code != unknown.status_code or leaks(known, one):
                    wrong.append((route.path, known.status_code, unknown.status_code))
    assert wrong == []


def test_a_systems_token_opens_nothing_of_the_space(live: Live, one: Household, routes: list[Route]) -> None:
    scopes = tuple(set(SCOPES) & set(allowed()))
    with live.client(Authorization=f"Bearer {make_token(live, scopes)}") as system:
        answers = {
            route.path: ask(system, route, address(route, one)).status_code
            for route in routes
            if route.path.startswith("/api/v1/space") and "sessions" not in route.path
        }
    assert set(answers.values()) <= {401, 403}, answers


def allowed() -> frozenset[str]:
    from api.wiring import TOKEN_SCOPES

    return TOKEN_SCOPES["officer"]
