"""Who may ask for what: every step of an application from every state, by department; purposes; providers."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from licence_store.desk import Desk
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.callers import NewClient
from licence_store.sharing.calls import Call, Caller
from licence_store.sharing.purposes import REQUIRED, Purpose
from tests.sharing_systems import CONSOLE, ITEM, System, make_system, share
from tests.trust.http_server import Answer, running_server
from trust.errors import LicenceTrustError, Malformed
from trust.journal import Actor
from trust.sharing_answer import SharedAnswer, check_answer, read_answer

TYPE = "pollutant-permit"
CODE = "91990000MA49QUAQ2W"
STEPS = ("approve", "refuse", "end", "withdraw")
LEADS = {"": "requested", "approve": "approved", "refuse": "refused", "withdraw": "withdrawn", "approve end": "ended"}
ALLOWED = {"requested": {"approve", "refuse", "withdraw"}, "approved": {"end", "withdraw"}}


@pytest.fixture
def system(desk: Desk) -> System:
    return make_system(desk)


def decide(desk: Desk, application: str, step: str, actor: Actor = CONSOLE) -> str:
    until = desk.clock() + timedelta(days=9) if step == "approve" else None
    try:
        return desk.sharing.access.decide(application, step, reason="r", actor=actor, until=until).state
    except LicenceTrustError as error:
        return error.code


def apply(desk: Desk, system: System) -> str:
    access = desk.sharing.access
    return access.apply(
        system.id, TYPE, operations=["holder", "licence"], items=[ITEM], basis="b", reason="r", actor=CONSOLE
    ).id


def test_every_step_from_every_state(desk: Desk, system: System) -> None:
    for way, state in LEADS.items():
        for step in STEPS:
            application = apply(desk, make_system(desk))
            for before in way.split():
                decide(desk, application, before)
            assert desk.sharing.access.application(application).state == state
            found = decide(desk, application, step)
            wanted = step in ALLOWED.get(state, set())
            assert (found == "sharing.step") is not wanted, (state, step, found)


def test_a_department_decides_for_its_own(desk: Desk, system: System) -> None:
    application = apply(desk, system)
    assert decide(desk, application, "approve", Actor("x", "market")) == "sharing.not_owner"
    assert decide(desk, application, "approve", Actor("x", "environment")) == "approved"
    with pytest.raises(LicenceTrustError):
        desk.sharing.access.set_tier(TYPE, "environment", "open", "r", Actor("x", "market"))
    with pytest.raises(LicenceTrustError):
        desk.sharing.access.set_tier(TYPE, "market", "open", "r", Actor("x", "market"))


def test_approval_ends(desk: Desk, system: System) -> None:
    application, now = apply(desk, system), desk.clock()
    for until in (None, now, now - timedelta(days=1), now + timedelta(days=5000)):
        with pytest.raises(Malformed, match="截止"):
            desk.sharing.access.decide(application, "approve", reason="r", actor=CONSOLE, until=until)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", ["", "  ", "-", "无", "N/A", None])
def test_purposes_that_say_nothing(name: str, value: str | None) -> None:
    given = dict.fromkeys(REQUIRED, "事由") | {name: value}
    with pytest.raises(Malformed) as caught:
        Purpose.read({key: one for key, one in given.items() if one is not None})
    assert caught.value.code == f"sharing.purpose_no_{name}"


@pytest.mark.parametrize("value", ["x", 1, [], {"x": "y"}, {"system": 1}, {"system": "a\nb"}, {"basis": "x" * 201}])
def test_purposes_that_are_none(value: object) -> None:
    with pytest.raises(Malformed) as caught:
        Purpose.read(value)
    assert caught.value.code == "sharing.purpose_malformed"


# ---------------------------------------------------------------- regions


ANYTHING = frozenset({"*"})


def region_asks(desk: Desk, operation: str, **parameters: object) -> str:
    """Another region's node passes on what a system of its asked; the outcome, or the code of the refusal."""
    caller = Caller("region:520000", "另一省", "region", "520000", ANYTHING, ANYTHING, frozenset({desk.region.code}))
    said = Purpose.read(
        {"system": "sys-over-there", "service_item": ITEM, "material": "m", "case_number": "1", "basis": "b"}
    )
    try:
        answer = read_answer(desk.sharing.ask(Call(caller, operation, parameters, said, "0" * 64, CONSOLE)))
    except LicenceTrustError as error:
        return error.code
    assert answer.purpose["system"] == "sys-over-there"
    return answer.outcome


def test_a_region_gets_what_is_open_and_what_it_applied_for(desk: Desk) -> None:
    asked = {"type": TYPE, "holder_code": CODE}
    assert region_asks(desk, "holder", **asked) == "sharing.access_none"
    assert region_asks(desk, "catalogue") == "FOUND"
    desk.sharing.access.set_tier(TYPE, "environment", "open", "r", CONSOLE)
    assert region_asks(desk, "holder", **asked) == "NOT_FOUND"
    desk.sharing.access.set_tier(TYPE, "environment", "application", "r", CONSOLE)
    new = NewClient("另一省节点", "另一省", CODE, "520000", node=True)
    node = System(desk.callers.register(new, CONSOLE).id, "", "sm2", bytes, desk.region.code)
    share(desk, node, TYPE)
    assert region_asks(desk, "holder", **asked) == "NOT_FOUND"


def test_what_is_not_here_is_asked_for_elsewhere_but_never_twice(desk: Desk, system: System) -> None:
    class Neighbour:
        asked = 0

        def named(self, call: Call) -> bool:
            return False

        def knows(self, licence_id: str) -> bool:
            return False

        def ask(self, call: Call, found: Found) -> Found | None:
            self.asked += 1
            return replace(found, outcome=Outcome.UNREACHABLE, result={"known_as_of": "…"}, source="region:520000")

    share(desk, system, TYPE)
    neighbour = desk.sharing.elsewhere = Neighbour()
    told = ask(desk, system, "holder", type=TYPE, holder_code=CODE)
    assert (told.outcome, told.source, neighbour.asked) == ("UNREACHABLE", "region:520000", 1)
    desk.sharing.access.set_tier(TYPE, "environment", "open", "r", CONSOLE)
    assert region_asks(desk, "holder", type=TYPE, holder_code=CODE) == "NOT_FOUND"  # a region is not sent on
    assert neighbour.asked == 1


# ---------------------------------------------------------------- licences kept elsewhere

FACTS = {"licence_number": "no", "holder_name": "company", "holder_code": "uscc", "state": "status", "valid_to": "ends"}


def ask(desk: Desk, system: System, operation: str, **parameters: object) -> SharedAnswer:
    said = Purpose.read(system.purpose())
    caller = desk.callers.caller(desk.callers.get(system.id))
    answer = read_answer(desk.sharing.ask(Call(caller, operation, parameters, said, "0" * 64, CONSOLE)))
    check_answer(answer, desk.trust(), known_at=desk.clock())
    return answer


def connected(desk: Desk, **addresses: str) -> None:
    where = {name: {"url": url, "departments": ["environment"]} for name, url in addresses.items()}
    (desk.region.directory / "connections.json").write_text(json.dumps(where), "utf-8")


def test_an_old_database_answers_through_the_same_door(desk: Desk, system: System, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with sqlite3.connect(old) as database:
        database.execute("CREATE TABLE permits (no, company, uscc, status, ends)")
        database.execute("INSERT INTO permits VALUES ('P-1', '星河公司', ?, '1', '2030-12-31')", [CODE])
    database.close()
    connected(desk, old=f"sqlite:///{old}")
    query = "SELECT * FROM permits WHERE"
    desk.sharing.providers.add(
        {"name": "old-permits", "type": TYPE, "department": "environment", "facts": FACTS, "states": {"1": "CURRENT"},
         "by_number": {"kind": "sql", "connection": "old", "statement": f"{query} no = :licence_number"},
         "by_holder": {"kind": "sql", "connection": "old", "statement": f"{query} uscc = :holder_code"}},
        CONSOLE,
    )  # fmt: skip
    share(desk, system, TYPE)
    told = ask(desk, system, "licence", type=TYPE, licence_number="P-1")
    assert (told.outcome, told.source) == ("FOUND", "provider:old-permits")
    assert (told.result["state"], told.result["sealed"], told.result["level"]) == ("CURRENT", "false", "")
    assert ask(desk, system, "holder", type=TYPE, holder_code=CODE).outcome == "FOUND"
    assert ask(desk, system, "licence", type=TYPE, licence_number="P-2").outcome == "NOT_FOUND"
    assert desk.ledger.page(CODE).entries[0].who_id == system.id
    desk.sharing.providers.end("old-permits", CONSOLE)
    assert ask(desk, system, "licence", type=TYPE, licence_number="P-1").outcome == "NOT_FOUND"


def test_a_service_answers_too_and_its_silence_is_said(desk: Desk, system: System) -> None:
    row = {"no": "P-7", "company": "c", "uscc": CODE, "status": "odd", "ends": ""}

    definition = {
        "name": "service", "type": TYPE, "department": "environment", "facts": FACTS,
        "by_number": {"kind": "http", "connection": "svc", "rows": "data", "method": "POST"},
    }  # fmt: skip
    desk.sharing.providers.add(definition, CONSOLE)
    share(desk, system, TYPE)
    with running_server() as server:
        server.answers["/old"] = Answer(body=json.dumps({"data": [row]}).encode())
        connected(desk, svc=f"{server.url}/old")
        told = ask(desk, system, "licence", type=TYPE, licence_number="P-7")
        assert (told.outcome, told.result["state"]) == ("FOUND", "UNKNOWN")
        assert (
            ask(desk, system, "licence", type=TYPE, licence_number="P-8").outcome == "NOT_FOUND"
        )  # not what was asked
    with pytest.raises(LicenceTrustError) as caught:
        ask(desk, system, "licence", type=TYPE, licence_number="P-7")
    assert caught.value.code == "sharing.provider_silent"


EXAMPLES = Path(__file__).parents[3] / "examples" / "sharing"


@pytest.mark.parametrize("name", ["provider-sql.json", "provider-http.json"])
def test_the_examples_of_providers_are_taken_as_they_are(desk: Desk, name: str) -> None:
    text = (EXAMPLES / name).read_text("utf-8")
    assert text in (EXAMPLES.parents[1] / "docs" / "sharing.md").read_text("utf-8")
    made = desk.sharing.providers.add(json.loads(text), CONSOLE)
    assert made.kind == name.removeprefix("provider-").removesuffix(".json")


SILLY: tuple[dict[str, object], ...] = (
    {"name": "X Y"}, {"type": 1}, {"department": "market"}, {"facts": {"x": "y"}}, {"states": {"1": "FINE"}},
    {"face": {"nothing": "x"}}, {"by_number": {"kind": "ftp"}}, {"extra": "x"}, {"facts": "all"},
    {"by_number": {"kind": "sql", "connection": "c", "statement": "DROP TABLE x"}},
)  # fmt: skip


def test_definitions_that_are_none(desk: Desk) -> None:
    good = {"name": "n", "type": TYPE, "department": "environment", "facts": FACTS,
            "by_number": {"kind": "http", "connection": "c"}}  # fmt: skip
    for changed in SILLY:
        with pytest.raises(Malformed):
            desk.sharing.providers.add({**good, **changed}, CONSOLE)
