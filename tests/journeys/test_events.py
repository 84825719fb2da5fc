"""Events as users meet them: subscribed by console, interface and page, asked for in order, and told again."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from api.cli import run
from licence_store.eventing import fanout
from licence_store.jobs import running
from tests.journeys.conftest import TEACHER, Live, make_token


def headers(token: str, key: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}


def test_interface(live: Live) -> None:
    client = live.client()
    token = make_token(live, ("search",))
    wanted = {"name": "办件系统", "address": "https://subscriber.example.test/hook", "types": [TEACHER]}
    place = "/api/v1/event-subscriptions"
    made = client.post(place, json=wanted, headers=headers(token, "e1"))
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_"), made.text
    again = client.post(place, json=wanted, headers=headers(token, "e1")).json()
    assert again["id"] == made.json()["id"] and again["secret"] is None
    subscription = made.json()["id"]
    record = next(iter(live.services.catalogue.get(TEACHER).example_records(1, 71)))
    issued = live.services.issue(TEACHER, record, live.services.actor(None), "events-1")

    asked = client.get("/api/v1/events", params={"limit": 1000}, headers=headers(token)).json()
    event = asked["items"][-1]
    assert (event["subject"], event["type"]) == (issued.licence_id, "licence-trust.licence.issue")
    more = client.get("/api/v1/events", params={"cursor": asked["next"]}, headers=headers(token)).json()
    assert more["items"] == []

    # nobody can be reached at that name: attempts are kept, then it can be told again
    fanout.tell(live.services.desk, subscription)
    running.run_due(live.services.desk)
    [shown] = [one for one in client.get(place, headers=headers(token)).json()["items"] if one["id"] == subscription]
    assert shown["deliveries"]["waiting"] == 1 and shown["types"] == [live.services.catalogue.get(TEACHER).code]
    nothing = client.post(f"{place}/{subscription}/replays", json={}, headers=headers(token, "e2"))
    assert (nothing.status_code, nothing.json()) == (201, {"replayed": 0})

    turned = client.post(f"{place}/{subscription}/secrets", json={"overlap_hours": 2}, headers=headers(token, "e10"))
    assert turned.status_code == 201 and turned.json()["secret"] not in (None, made.json()["secret"]), turned.text
    assert turned.json()["older_secret_until"] and shown["secret"] is None
    again = client.post(f"{place}/{subscription}/secrets", json={"overlap_hours": 2}, headers=headers(token, "e10"))
    assert again.json() == {**turned.json(), "secret": None}

    narrow = make_token(live, ("search",), types=("nurse-certificate",))
    refused = [
        (client.post(place, json=wanted, headers=headers(narrow, "e3")), 403, "token.scope"),
        (client.post(f"{place}/{subscription}/replays", json={}, headers=headers(narrow, "e4")), 404, "event.unknown"),
        (client.post(f"{place}/{subscription}/secrets", json={}, headers=headers(narrow, "e11")), 404, "event.unknown"),
        (
            client.post(f"{place}/{subscription}/secrets", json={"overlap_hours": 721}, headers=headers(token, "e12")),
            422,
            None,
        ),
        (client.request("DELETE", f"{place}/{subscription}", headers=headers(narrow, "e5")), 404, "event.unknown"),
        (
            client.post(place, json={**wanted, "address": "http://127.0.0.1/"}, headers=headers(token, "e6")),
            422,
            "contact.address",
        ),
        (client.post(place, json={**wanted, "scheme": "none"}, headers=headers(token, "e7")), 422, "event.scheme"),
        (client.post(place, json={**wanted, "since": "never"}, headers=headers(token, "e8")), 422, None),
        (client.get("/api/v1/events", headers=headers(make_token(live, ("read",)))), 403, "token.scope"),
        (client.get("/api/v1/events"), 401, "token.missing"),
    ]
    for answer, status, code in refused:
        assert answer.status_code == status and code in (None, answer.json()["code"]), answer.text
    gone = client.request("DELETE", f"{place}/{subscription}", headers=headers(token, "e9"))
    assert (gone.status_code, gone.json()["state"]) == (200, "ended")
    client.close()


def test_console(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--dir", str(live.place)]

    def command(*words: str, status: int = 0) -> list[dict[str, object]]:
        assert run(["subscribe", *words, *place]) == status
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    [made] = command(
        "add", "https://two.example.test/hook", "--name", "乙系统", "--scheme", "sm2", "--change", "revoke"
    )
    name = str(made["id"])
    assert "secret" not in made and made["changes"] == ["revoke"] and made["state"] == "active"
    assert name in [one["id"] for one in command("list")]
    assert command("pause", name)[0]["state"] == "paused" and command("resume", name)[0]["state"] == "active"
    assert command("replay", name, "--all") == [{"id": name, "replayed": 0}]
    assert command("rotate", name, status=1) == []  # the region's own key signs
    [shared] = command("add", "https://four.example.test/hook", "--name", "丁系统")
    [turned] = command("rotate", str(shared["id"]), "--overlap", "0")
    assert turned["secret"] != shared["secret"] and turned["older_secret_until"] is None
    assert command("rotate", name, "--overlap", "-1", status=3) == []
    assert command("end", name)[0]["state"] == "ended"
    assert command("pause", name, status=1) == []
    assert command("add", "nowhere", "--name", "x", status=3) == []
    department = live.services.catalogue.departments()[0].id
    assert (
        run(["notices", "add-contact", "--department", department, "--webhook", "https://m.example.test/", *place]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert run(["notices", "rotate-contact", told["contact_id"], *place]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["contact_id"] == told["contact_id"] and again["secret"] != told["secret"]
    assert run(["notices", "rotate-contact", "nothing", *place]) == 3
    capsys.readouterr()
    with live.client() as client:
        key = client.get("/api/v1/event-key").json()
    assert key["algorithm"] == "sm2" and key["id"].endswith(":request")


def test_page(live: Live) -> None:
    client = live.client()
    sent = _submit(client, "/sign-in", {"account": "admin", "name": "admin", "password": live.passwords["admin"]})
    assert sent.status_code == 303, sent.text
    given = {"name": "丙系统", "address": "https://three.example.test/hook", "scheme": "hmac", "type": ""}
    made = _submit(client, "/subscriptions", given)
    assert made.status_code == 200 and "whsec_" in made.text
    shown = client.get("/subscriptions").text
    assert "丙系统" in shown and "whsec_" not in shown
    assert _submit(client, "/subscriptions", {**given, "address": "x"}).status_code == 422
    [name] = [one.id for one in live.services.desk.subscriptions.list() if one.name == "丙系统"]
    secret = f"/subscriptions/{name}/secret"
    assert "旧密钥立即作废" in client.get(secret).text
    turned = _submit(client, secret, {"overlap": "168"})
    assert turned.status_code == 200 and "whsec_" in turned.text and "两个签名" in turned.text
    assert "whsec_" not in client.get(secret).text and "新旧密钥并用至" in client.get("/subscriptions").text
    assert _submit(client, secret, {"overlap": "1000"}).status_code == 422
    [hook] = live.services.desk.notices.contacts.list(party_kind="subscriber", party=name)
    for strange in ("/subscriptions/sub-x/secret", "/notices/contacts/x/secret", f"/notices/contacts/{hook.id}/secret"):
        assert client.get(strange).status_code == 404
    assert _submit(client, f"/notices/contacts/{hook.id}/end", {}, "/subscriptions").status_code == 404
    office = live.services.catalogue.departments()[0].id
    contacts = live.services.desk.notices.contacts
    told = contacts.add("department", office, "webhook", "https://n.example.test/", actor=live.services.actor(None))
    place = f"/notices/contacts/{told.id}/secret"
    assert place in client.get("/notices/contacts").text
    turned = _submit(client, place, {"overlap": "0"})
    assert turned.status_code == 200 and "旧密钥已作废" in turned.text
    assert len(contacts.secrets.of(told.id)) == 1 and told.secret not in turned.text
    for step, state in (("pause", "paused"), ("resume", "active"), ("replay", "active"), ("end", "ended")):
        assert _submit(client, f"/subscriptions/{name}/{step}", {}, "/subscriptions").status_code == 303
        assert live.services.desk.subscriptions.get(name).state == state
    assert _submit(client, f"/subscriptions/{name}/nothing", {}, "/subscriptions").status_code == 404
    client.close()
    with live.client() as stranger:
        assert stranger.get("/subscriptions").status_code in (303, 401)


def _submit(client: httpx.Client, path: str, data: dict[str, str], at: str = "") -> httpx.Response:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(at or path).text)
    assert found is not None
    return client.post(path, data={**data, "csrf": found[1]})
