"""Delegations through the command line, the interface of portals and the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import run
from api.testidp.people import DemoPerson, made_up, sample_people
from tests.journeys.conftest import Live
from tests.journeys.holders import People, act_for, hidden, portal, sign_in, step_up

PAGE = {"Accept": "text/html"}
BO, CHEN = made_up("柏舟", "柏舟"), made_up("陈晨", "陈晨")


def cli(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    status = run(["delegation", *words])
    said = capsys.readouterr()
    return status, [json.loads(line) for line in said.out.splitlines()], said.err


def test_the_life_of_a_delegation_on_the_command_line(
    place: Path,
    cast: People,
    capsys: pytest.CaptureFixture[str],
) -> None:
    company = cast.representative.company
    assert company is not None
    where, holder = ("--dir", str(place)), ("--holder", company.code)
    scope = ("--right", "view", "--until", "2027-06-30")
    asks = ("request", "--holder", BO.code, "--holder-name", BO.name, "--of", company.code, "--of-name", company.name)
    status, [asked], _ = cli(capsys, *asks, *scope, "--right", "delegate", *where)
    assert (status, asked["state"], asked["holder"]["name"]) == (0, "requested", company.name)
    status, [given], _ = cli(capsys, "accept", asked["id"], *holder, *where)
    assert (status, given["state"], given["until"]) == (0, "granted", "2027-06-30T16:00:00Z")
    assert BO.code not in json.dumps(given)
    to = ("--to", CHEN.code, "--to-name", CHEN.name)
    status, [direct], _ = cli(capsys, "grant", *holder, *to, *scope, "--type", "business-licence", *where)
    assert status == 0 and len(direct["types"][0]) == 21
    status, listed, _ = cli(capsys, "list", *holder, *where)
    assert {one["id"] for one in listed} == {given["id"], direct["id"]}
    status, [changed], _ = cli(
        capsys, "change", direct["id"], *holder, "--right", "use", "--until", "2026-12-31", *where
    )
    assert (changed["rights"], changed["from"]) == (["use"], direct["from"])
    status, [over], _ = cli(capsys, "cancel", direct["id"], *holder, "--reason", "离职", *where)
    assert (status, over["state"]) == (0, "cancelled")
    status, [shown], _ = cli(capsys, "show", direct["id"], *holder, *where)
    assert [one["act"] for one in shown["steps"]] == ["grant", "change", "cancel"]
    status, [told], err = cli(capsys, "cancel", direct["id"], *holder, "--json", *where)
    assert (status, told["error"]["code"]) == (1, "delegation.moved_on") and "delegation.moved_on" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "d-none", "--holder", "{company}"), "delegation.unknown"),
        (("list", "--holder", "1"), "holder.code"),
        (("list", "--holder", "\udcff"), "holder.code"),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                "1",
                "--to-name",
                "x",
                "--right",
                "view",
                "--until",
                "2027-01-01",
            ),
            "holder.code",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                " ",
                "--right",
                "view",
                "--until",
                "2027-01-01",
            ),
            "holder.name",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                "x",
                "--right",
                "view",
                "--until",
                "2027-99-01",
            ),
            "moment.day",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                "x",
                "--right",
                "view",
                "--until",
                "9999-12-31",
            ),
            "moment.day",
        ),
        (
            ("grant", "--holder", "{company}", "--to", BO.code, "--to-name", "x", "--right", "view", "--until", "soon"),
            "moment.malformed",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                "x",
                "--right",
                "view",
                "--until",
                "2020-01-01",
            ),
            "delegation.period",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                "x",
                "--right",
                "fly",
                "--until",
                "2027-01-01",
            ),
            "cli.usage",
        ),
        (
            (
                "grant",
                "--holder",
                "{company}",
                "--to",
                BO.code,
                "--to-name",
                "x",
                "--right",
                "view",
                "--until",
                "2027-01-01",
                "--type",
                "?",
            ),
            "type.unknown",
        ),
    ],
)
def test_wrong_calls(
    place: Path,
    cast: People,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: str,
) -> None:
    assert cast.representative.company is not None
    given = [one.format(company=cast.representative.company.code) for one in words]
    status, out, err = cli(capsys, *given, "--dir", str(place))
    assert (status, out) == (3, []) and code in err


def test_elsewhere_an_officer_acts_at_the_counter(
    place: Path, cast: People, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cast.representative.company is not None
    holder = ("--holder", cast.representative.company.code, "--dir", str(place))
    assert cli(capsys, "list", *holder, "--as", "market")[0] == 0
    status, _, err = cli(capsys, "list", *holder, "--as", "auditor")
    assert status == 3 and "account.not_officer" in err


def test_accounts_on_the_command_line(live: Live, cast: People, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--dir", str(live.place))
    with live.client() as client:
        sign_in(client, cast.agent.person.code)
        assert run(["holders", "list", *where]) == 0
        out = capsys.readouterr().out
        assert cast.agent.person.code not in out and cast.agent.person.masked_code in out
        [one] = [json.loads(line) for line in out.splitlines() if cast.agent.person.masked_code in line]
        assert run(["holders", "sign-ins", one["account_id"], *where]) == 0
        assert '"act": "sign_in"' in capsys.readouterr().out
        assert run(["holders", "sign-out", one["account_id"], *where, "--as", "market"]) == 1
        assert run(["holders", "sign-out", one["account_id"], *where]) == 0
        assert client.get("/space/account", headers=PAGE).status_code == 303
        assert run(["holders", "close", one["account_id"], *where]) == 0
        assert run(["holders", "close", one["account_id"], *where]) == 3
        assert run(["holders", "sign-ins", "h-none", *where]) == 3
        assert "holder.unknown" in capsys.readouterr().err


@pytest.fixture
def firm(live: Live, cast: People) -> Iterator[httpx.Client]:
    """A portal in which the representative acts for the company."""
    assert cast.representative.company is not None
    with portal(live, cast) as (client, token):
        body = {"id_token": token, "acting_for": cast.representative.company.code}
        answer = client.post("/api/v1/space/sessions", json=body, headers={"Idempotency-Key": "s"})
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


def test_delegations_by_portal(live: Live, cast: People, firm: httpx.Client) -> None:
    agent = cast.agent.person
    body = {"code": agent.code, "name": agent.name, "rights": ["view", "delegate"], "until": "2027-06-30"}
    made = firm.post("/api/v1/space/delegations", json=body, headers={"Idempotency-Key": "1"})
    assert made.status_code == 201, made.text
    place = f"/api/v1/space/delegations/{made.json()['id']}"
    assert firm.post("/api/v1/space/delegations", json=body, headers={"Idempotency-Key": "1"}).json() == made.json()
    with portal(live, cast, sub="agent", identity_code=agent.code, name=agent.name, legal_person=None) as (
        other,
        token,
    ):
        opened = {"id_token": token, "acting_for": made.json()["id"]}
        session = other.post("/api/v1/space/sessions", json=opened, headers={"Idempotency-Key": "2"}).json()
        assert session["rights"] == ["view", "delegate"] and session["delegation_id"] == made.json()["id"]
        other.headers["Authorization"] = f"Bearer {session['token']}"
        below = {**body, "code": CHEN.code, "name": CHEN.name, "rights": ["view"]}
        child = other.post("/api/v1/space/delegations", json=below, headers={"Idempotency-Key": "3"})
        assert (child.status_code, child.json()["depth"]) == (201, 2)
        wider = other.post(
            "/api/v1/space/delegations", json={**below, "rights": ["use"]}, headers={"Idempotency-Key": "4"}
        )
        assert (wider.status_code, wider.json()["code"]) == (403, "delegation.wider")
        narrowed = {"rights": ["view", "delegate"], "until": "2027-01-31"}
        answer = firm.post(f"{place}/terms", json=narrowed, headers={"Idempotency-Key": "5"})
        assert answer.json()["until"] == "2027-01-31T16:00:00Z"
        below_now = other.get(f"/api/v1/space/delegations/{child.json()['id']}").json()
        assert below_now["until"] == answer.json()["until"]
        assert [one["act"] for one in below_now["steps"]] == ["grant", "narrow"]
        assert firm.post(f"{place}/cancellation", json={}, headers={"Idempotency-Key": "6"}).status_code == 200
        ended = other.get("/api/v1/space/delegations")
        assert (ended.status_code, ended.json()["code"]) == (403, "holder.delegation_ended")
    listed = firm.get("/api/v1/space/delegations").json()
    assert {one["state"] for one in listed["given"] if one["id"] in (made.json()["id"], child.json()["id"])} == {
        "cancelled"
    }


def test_requests_by_portal(live: Live, cast: People, firm: httpx.Client) -> None:
    company = cast.representative.company
    assert company is not None
    agent = cast.agent.person
    with portal(live, cast, sub="agent", identity_code=agent.code, name=agent.name, legal_person=None) as (
        other,
        token,
    ):
        opened = other.post("/api/v1/space/sessions", json={"id_token": token}, headers={"Idempotency-Key": "a"})
        other.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        body = {"code": company.code, "name": company.name, "rights": ["view"], "until": "2027-06-30"}
        asked = [
            other.post("/api/v1/space/delegation-requests", json=body, headers={"Idempotency-Key": f"r{n}"}).json()[
                "id"
            ]
            for n in range(2)
        ]
        own = other.post(f"/api/v1/space/delegations/{asked[0]}/acceptance", json={}, headers={"Idempotency-Key": "b"})
        assert (own.status_code, own.json()["code"]) == (403, "delegation.not_yours")
    said = [
        firm.post(
            f"/api/v1/space/delegations/{one}/{act}", json={"reason": "x"}, headers={"Idempotency-Key": f"d{act}"}
        )
        for one, act in zip(asked, ("acceptance", "refusal"), strict=True)
    ]
    assert [one.json()["state"] for one in said] == ["granted", "refused"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"code": 7, "name": [], "rights": "view", "until": None}, 422),
        ({"code": "x", "name": "x", "rights": ["fly"], "until": "2027-01-01"}, 422),
        ({"code": "x" * 65, "name": "x", "rights": ["view"], "until": "2027-01-01"}, 422),
        ({"code": BO.code, "name": "x\u0000", "rights": ["view"], "until": "2027-01-01"}, 422),
        ({"code": BO.code, "name": "x", "rights": ["view"], "until": "2027-01-01", "more": 1}, 422),
        ({"code": BO.code, "name": "x", "rights": ["view"], "until": "2027-01-01", "types": ["none"]}, 404),
    ],
)
def test_silly_bodies(firm: httpx.Client, body: dict[str, Any], status: int) -> None:
    answer = firm.post("/api/v1/space/delegations", json=body, headers={"Idempotency-Key": "z"})
    assert answer.status_code == status, answer.text


def test_a_portal_with_a_low_proof_cannot_delegate(live: Live, cast: People) -> None:
    assert cast.representative.company is not None
    with portal(live, cast, level="loa1") as (client, token):
        opened = client.post("/api/v1/space/sessions", json={"id_token": token}, headers={"Idempotency-Key": "l"})
        client.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        body = {"code": BO.code, "name": BO.name, "rights": ["view"], "until": "2027-06-30"}
        answer = client.post("/api/v1/space/delegations", json=body, headers={"Idempotency-Key": "m"})
        assert (answer.status_code, answer.json()["code"]) == (401, "holder.step_up")


def test_delegations_on_pages(live: Live, cast: People) -> None:
    """Asked for by the agent, given by the representative, used by the agent, taken back: nobody is left behind."""
    company, agent = cast.representative.company, cast.agent.person
    assert company is not None
    with live.client(Accept="text/html") as firm, live.client(Accept="text/html") as clerk:
        sign_in(clerk, agent.code)
        page = clerk.get("/space/delegations/ask")
        wrong = {
            "csrf": hidden(page.text)["csrf"],
            "code": "9",
            "name": company.name,
            "right": "view",
            "until": "2027-05-31",
        }
        again = clerk.post("/space/delegations/ask", data=wrong)
        assert again.status_code == 422 and 'value="9"' in again.text and "没有办成" in again.text
        asked = clerk.post("/space/delegations/ask", data={**wrong, "code": company.code}).headers["location"]
        assert "等待答复" in clerk.get(asked).text
        sign_in(firm, company.code, level=1)
        act_for(firm, company.code)
        assert "等待您答复的申请" in firm.get("/space/delegations").text
        place = asked.partition("?")[0]
        assert firm.get(f"{place}/decide").headers["location"].startswith("/space/step-up")
        step_up(firm, company.code)
        form = firm.get(f"{place}/decide").text
        data = {"csrf": hidden(form)["csrf"], "right": ["view", "use"], "until": "2027-04-30", "items": "A1，A2\nA3"}
        assert firm.post(f"{place}/decide", data=data).headers["location"] == f"{place}?done=given"
        shown = firm.get(place).text
        assert "有效" in shown and "A1、A2、A3" in shown and "2027-05-01 00:00" in shown
        act_for(clerk, place.rpartition("/")[2])
        assert "正在代办" in clerk.get("/space/account").text
        menu = clerk.get("/space/account").text
        assert "经办人" in menu
        taken = firm.post(f"{place}/cancel", data={"csrf": data["csrf"], "reason": "办完了"})
        assert taken.headers["location"] == "/space/delegations?done=cancelled"
        ended = clerk.get("/space/account")
        assert ended.status_code == 403 and "现已回到您本人的空间" in ended.text
        assert "本人：" in clerk.get("/space/account").text
        assert "办完了" in clerk.get(place).text


def test_contacts_are_the_holders_own(live: Live, cast: People) -> None:
    person = cast.agent.person
    with live.client(Accept="text/html") as client, live.client(Accept="text/html") as other:
        sign_in(client, person.code)
        csrf = hidden(client.get("/space/account").text)["csrf"]
        wrong = client.post("/space/account/contacts", data={"csrf": csrf, "address": "nonsense"})
        assert wrong.status_code == 422 and 'value="nonsense"' in wrong.text
        given = {"csrf": csrf, "address": "someone@example.cn"}
        assert client.post("/space/account/contacts", data=given).status_code == 303
        assert client.post("/space/account/contacts", data=given).status_code == 409
        place = f"/space/account/contacts/{_contact(client)}/end"
        sign_in(other, cast.citizen.person.code)
        theirs = hidden(other.get("/space/account").text)["csrf"]
        assert "someone@example.cn" not in other.get("/space/account").text
        assert other.post(place, data={"csrf": theirs}).status_code == 404
        assert client.post(place, data={"csrf": csrf}).headers["location"] == "/space/account?contact=ended"
        assert "someone@example.cn" not in client.get("/space/account").text


def _contact(client: httpx.Client) -> str:
    return client.get("/space/account").text.partition("/space/account/contacts/")[2].partition("/")[0]


def test_closing_an_account_on_pages(live: Live) -> None:
    person: DemoPerson = sample_people(live.services.desk)[1]
    with live.client(Accept="text/html") as client:
        sign_in(client, person.person.code)
        assert client.get("/space/account/close").headers["location"].startswith("/space/step-up")
        step_up(client, person.person.code, target="/space/account/close")
        csrf = hidden(client.get("/space/account/close").text)["csrf"]
        assert client.post("/space/account/close", data={"csrf": csrf}).status_code == 422
        gone = client.post("/space/account/close", data={"csrf": csrf, "sure": "yes"})
        assert gone.headers["location"] == "/space/signed-out?closed=true"
        assert "账号已注销" in client.get(gone.headers["location"]).text
        assert client.get("/space/account").status_code == 303
        assert sign_in(client, person.person.code).status_code == 303  # and back again
