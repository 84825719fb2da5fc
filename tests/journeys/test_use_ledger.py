"""每一次读取都入账: every way of reading, checking or fetching a licence leaves an entry in its holder's ledger.

Staff pages and systems' addresses are read from the application, so that a new way in is asked here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.cli import run
from licence_store.ledger import ledger as ledger_module
from tests.journeys.apart import Household, Route, household, routes_of
from tests.journeys.conftest import Live, make_token
from tests.journeys.test_apart import PLAIN, SCOPES, allowed, signed_in_staff

TELLS_NOTHING = {
    "/licences/{licence_id}/overprint.css": "measures of the type's page",
    "/licences/{licence_id}/evidence/{digest}": "there is no such evidence here: asked in the tests of inspections",
}
"""Addresses with a licence's id that tell nothing of it, and why."""


@pytest.fixture(scope="module")
def holder(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 7)


@pytest.fixture
def count(live: Live, holder: Household, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many entries there are; every look counts, however soon after another."""
    monkeypatch.setattr(ledger_module, "ONE_LOOK", timedelta(0))
    return lambda: live.services.desk.ledger.head(holder.holder.code).count


@pytest.fixture(scope="module")
def about_licences(live: Live) -> list[Route]:
    from api.app import create_app

    found = routes_of(create_app(live.services))
    named = [one for one in found if one.method == "GET" and {"licence_id", "holder_code"} & set(one.names)]
    return [one for one in named if "space" not in one.path]


def address(route: Route, holder: Household) -> str:
    return route.address({**PLAIN, **holder.ids, "step": "suspend", "number": "1", "token": "x"})


def test_every_page_of_staff_about_a_licence(
    live: Live, holder: Household, about_licences: list[Route], count: Callable[[], int]
) -> None:
    unnoted, asked = [], []
    with closing(signed_in_staff(live, "education")) as staff:
        for route in about_licences:
            if route.path.startswith("/api/") or route.path in TELLS_NOTHING:
                continue
            before = count()
            answer = staff.get(address(route, holder))
            assert answer.status_code < 500
            asked += [route.path] if answer.status_code == 200 else []
            if answer.status_code == 200 and count() == before:
                unnoted.append(route.path)
    assert unnoted == []
    assert len(asked) > 8, asked


def test_every_address_of_systems_about_a_licence(
    live: Live, holder: Household, about_licences: list[Route], count: Callable[[], int]
) -> None:
    unnoted, asked = [], []
    token = make_token(live, tuple(set(SCOPES) & allowed()))
    with live.client(Authorization=f"Bearer {token}", **{"Licence-Purpose": "test"}) as system:
        for route in about_licences:
            for accept in ("application/json", "application/ofd", "image/png") if "/api/" in route.path else ():
                before = count()
                answer = system.get(address(route, holder), headers={"Accept": accept})
                assert answer.status_code < 500
                asked += [route.path] if answer.status_code == 200 else []
                if answer.status_code == 200 and count() == before:
                    unnoted.append((route.path, accept))
    assert unnoted == []
    assert len(set(asked)) >= 6, asked


def test_searching_checking_verifying_and_following(live: Live, holder: Household, count: Callable[[], int]) -> None:
    """What names no licence in its address."""
    token, code = make_token(live, tuple(set(SCOPES) & allowed())), holder.holder.code
    face = {"name": holder.holder.name}
    original = live.services.register.file(live.services.register.find(holder.licence_id))
    acts: list[tuple[str, Callable[[httpx.Client], httpx.Response]]] = [
        ("list", lambda c: c.get("/api/v1/licences", params={"holder_code": code})),
        ("list", lambda c: c.get("/api/v1/licences/changes", params={"limit": 1000})),
        ("check", lambda c: c.post(f"/api/v1/licences/{holder.licence_id}/check", json={"fields": face})),
        ("check", lambda c: c.post("/api/v1/licences/check", json={"items": [
            {"type": "teacher-certificate", "holder_code": code, "fields": face}]})),
        ("verify", lambda c: c.post("/api/v1/verifications", content=original, headers={"Content-Type": "application/ofd"})),
    ]  # fmt: skip
    with live.client(Authorization=f"Bearer {token}", **{"Licence-Purpose": "test"}) as system:
        for act, ask in acts:
            before = count()
            answer = ask(system)
            assert answer.status_code == 200, answer.text
            assert count() == before + 1, act
            newest = live.services.desk.ledger.page(code, limit=1).entries[0]
            assert newest.act == act
    with live.client() as stranger:
        before = count()
        assert stranger.get(f"/v/{holder.licence_id}").status_code == 200
        stranger.post("/api/v1/verifications", content=original, headers={"Content-Type": "application/ofd"})
        assert count() == before + 2
        newest = live.services.desk.ledger.page(code, limit=1).entries[0]
        assert (newest.who, newest.result) == ("公众（未登录）", "TOTAL-PASSED")
    with closing(signed_in_staff(live, "education")) as staff:
        before = count()
        assert staff.get("/licences", params={"q": code}).status_code == 200
        assert staff.get("/holdings", params={"code": code}).status_code == 200
        assert count() == before + 2


def test_what_is_refused(live: Live, holder: Household, count: Callable[[], int]) -> None:
    """Another department, or a token without the right: refused, and the holder sees who tried."""
    before = count()
    with closing(signed_in_staff(live, "market")) as staff:
        assert staff.get(f"/licences/{holder.licence_id}").status_code == 404
    newest = live.services.desk.ledger.page(holder.holder.code, limit=1).entries[0]
    assert count() == before + 1 and newest.act == "refuse" and newest.result == "licence.unknown"
    assert newest.department == "market"
    narrow = make_token(live, ("read",), types=("nurse-certificate",))
    with live.client(Authorization=f"Bearer {narrow}", **{"Licence-Purpose": "test"}) as system:
        assert system.get(f"/api/v1/licences/{holder.licence_id}").status_code == 403
    newest = live.services.desk.ledger.page(holder.holder.code, limit=1).entries[0]
    assert count() == before + 2 and newest.result == "token.scope"


@pytest.fixture
def files(live: Live, holder: Household, tmp_path: Path) -> Path:
    path = tmp_path / "licence.ofd"
    path.write_bytes(live.services.register.file(live.services.register.find(holder.licence_id)))
    return path


COMMANDS = [
    ["licence", "show", "ID"],
    ["licence", "history", "ID"],
    ["licence", "search", "CODE"],
    ["licence", "check", "ID", "--field", "name=x"],
    ["licence", "changes", "--limit", "1000"],
    ["verify", "FILE"],
    ["convert", "FILE", "--to", "png", "--out", "OUT"],
    ["space", "show", "ID", "--holder", "CODE"],
    ["space", "show", "ID", "--holder", "CODE", "--out", "OUT"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_reads(
    live: Live, holder: Household, count: Callable[[], int], files: Path, tmp_path: Path, command: list[str]
) -> None:
    before = count()
    filled = {
        "ID": holder.licence_id,
        "CODE": holder.holder.code,
        "FILE": str(files),
        "OUT": str(tmp_path / "out"),
    }
    status = run([*(filled.get(word, word) for word in command), "--dir", str(live.place)])
    assert status in (0, 1) and count() > before


def test_entries_say_who_and_why(live: Live, holder: Household, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole in the end, after all that; and never the name of the person who looked, only the department."""
    capsys.readouterr()
    assert run(["ledger", "check", "--holder", holder.holder.code, "--dir", str(live.place)]) == 0
    assert json.loads(capsys.readouterr().out)["intact"]
    entries = live.services.desk.ledger.page(holder.holder.code, limit=200).entries
    assert all(one.who and one.at.tzinfo for one in entries)
    assert {"演示省教育厅", "公众（未登录）", "本人"} <= {one.who for one in entries}
