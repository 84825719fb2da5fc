"""A licence moves from A to C as users do it: console, interface and pages, over running nodes."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.test_regions import Node, command, made, nodes  # noqa: F401

PASSWORD = "a long enough password"


def mint(node: Node, seed: int) -> tuple[str, bytes]:
    desk = node.services.desk
    record = next(iter(desk.catalogue.get("business-licence").example_records(1, seed)))
    issued = node.services.issue("business-licence", record, node.services.actor(None), str(seed))
    return issued.licence_id, desk.files.get(issued.file_digest)


def post(node: Node, path: str, token: str, key: str, **body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return httpx.post(f"{node.url}/api/v1{path}", json=body, headers=headers, timeout=60, trust_env=False)


def officer(node: Node, name: str = "clerk") -> str:
    """An officer with an interface token."""
    services = node.services
    desk = services.desk
    code = desk.catalogue.get("business-licence").code
    with desk.sessions.read() as session:
        department = desk.catalogue.rights(session, code)[0].department_id
    if name not in {one.name for one in services.accounts.list()}:
        services.accounts.create(
            name, PASSWORD, display_name="经办", role="officer", department=department, actor=services.actor(None)
        )
    account, scopes = services.accounts.get(name), {"life", "read"}
    length = services.accounts.rules.token_length
    return services.create_token(account, scopes, [], [], label="t", valid=length, actor=services.actor(None)).secret


def test_console(nodes: dict[str, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    old, data = mint(nodes["A"], 31)
    file = tmp_path / "licence.ofd"
    file.write_bytes(data)
    a, c = nodes["A"].place, nodes["C"].place
    monkeypatch.setenv("LICENCE_TRUST_BASE_URL", nodes["C"].url)
    [asked] = command(f"transfer consent {file} --reason 迁入 --dir {c} --out {tmp_path}/consent.json")
    assert (asked["state"], asked["direction"], asked["unsent"]) == ("consented", "in", "")
    assert json.loads((tmp_path / "consent.json").read_text())["payload"]["id"] == asked["id"]
    [again] = command(f"transfer consent {file} --reason 迁入 --dir {c}")
    assert again["id"] == asked["id"]

    monkeypatch.setenv("LICENCE_TRUST_BASE_URL", nodes["A"].url)
    [listed] = command(f"transfer list --direction out --dir {a}")
    assert (listed["id"], listed["licence_id"]) == (asked["id"], old)
    [early] = command(f"transfer issue {asked['id']} --json --dir {c}", 1)
    assert early["error"]["code"] == "transfer.state"
    [out] = command(f"transfer release {asked['id']} --reason 迁出 --basis 〔2026〕3号 --dir {a}")
    assert (out["state"], out["unsent"]) == ("released", "")

    monkeypatch.setenv("LICENCE_TRUST_BASE_URL", nodes["C"].url)
    [done] = command(f"transfer issue {asked['id']} --dir {c}")
    assert done["state"] == "completed" and done["successor"] and done["unsent"] == ""
    [told] = command(f"transfer show {asked['id']} --dir {a} --paper receipt --out {tmp_path}/receipt.json")
    assert told["successor"] == done["successor"]
    [same] = command(f"transfer receive {tmp_path}/receipt.json --dir {a}")
    assert same == told

    # the old one fails everywhere, the new one passes everywhere
    for node in nodes.values():
        node.clock.forward(seconds=15)
    verdict = nodes["B"].verify(data)
    assert (verdict["indication"], verdict["sub_indication"]) == ("TOTAL-FAILED", "LICENCE_TRANSFERRED")
    desk = nodes["C"].services.desk
    fresh = desk.files.get(desk.register.find(done["successor"]).file_digest)
    assert nodes["B"].verify(fresh)["indication"] == "TOTAL-PASSED"


def test_interface(nodes: dict[str, Node]) -> None:  # noqa: F811
    old, data = mint(nodes["A"], 32)
    ours, theirs = officer(nodes["A"]), officer(nodes["C"])
    body = {"document": b64encode(data).decode(), "reason": "迁入"}
    asked = post(nodes["C"], "/transfers", theirs, "k1", **body)
    assert asked.status_code == 201, asked.text
    transfer = asked.json()["id"]
    assert post(nodes["C"], "/transfers", theirs, "k1", **body).json() == asked.json()

    refused: list[tuple[Node, str, str, dict[str, Any], int, str]] = [
        (nodes["C"], "/transfers", theirs, {**body, "document": "?"}, 422, "transfer.document"),
        (nodes["C"], "/transfers", theirs, {**body, "reason": ""}, 403, "licence.reason_missing"),
        (nodes["A"], "/transfers", ours, body, 403, "transfer.same_region"),
        (nodes["C"], f"/transfers/{transfer}/release", theirs, {"reason": "x"}, 404, "transfer.unknown"),
        (nodes["A"], f"/transfers/{transfer}/release", ours, {"reason": " "}, 403, "licence.reason_missing"),
        (nodes["A"], f"/transfers/{transfer}/successor", ours, {}, 404, "transfer.unknown"),
        (nodes["A"], "/transfers/tr-0/release", ours, {"reason": "x"}, 404, "transfer.unknown"),
        *(
            (nodes["A"], f"/licences/{old}/events", ours, {"step": "transfer_out", "reason": "x", **to}, status, code)
            for to, status, code in (
                ({}, 422, "transfer.to"),
                ({"to": "?"}, 422, "transfer.to"),
                ({"to": "650000"}, 403, "transfer.consent_open"),
            )
        ),
    ]
    other, _ = mint(nodes["A"], 34)
    gone = {"step": "transfer_out", "reason": "x", "to": nodes["C"].services.desk.region.code}
    refused.append((nodes["A"], f"/licences/{other}/events", ours, gone, 403, "transfer.papers_needed"))
    for number, (node, path, token, given, status, code) in enumerate(refused):
        answer = post(node, path, token, f"r{number}", **given)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    stranger = httpx.get(f"{nodes['A'].url}/api/v1/transfers/{transfer}", trust_env=False)
    assert stranger.status_code == 401

    out = post(nodes["A"], f"/transfers/{transfer}/release", ours, "k2", reason="迁出")
    assert out.status_code == 201 and out.json()["state"] == "released"
    for node in nodes.values():
        node.clock.forward(seconds=15)
    answer = post(nodes["C"], f"/transfers/{transfer}/successor", theirs, "k4", changes={})
    assert answer.status_code == 201 and answer.json()["state"] == "completed", answer.text
    headers = {"Authorization": f"Bearer {ours}"}
    told = httpx.get(f"{nodes['A'].url}/api/v1/transfers", headers=headers, trust_env=False).json()["items"]
    assert {one["id"]: one["successor"] for one in told}[transfer] == answer.json()["successor"]
    paper = httpx.get(f"{nodes['A'].url}/api/v1/transfers/{transfer}/papers/receipt", headers=headers, trust_env=False)
    assert paper.json()["payload"]["licence_id"] == old
    junk = httpx.post(
        f"{nodes['A'].url}/api/v1/transfer-papers", content=b"{}", headers={"Idempotency-Key": "j"}, trust_env=False
    )
    assert (junk.status_code, junk.json()["code"]) == (422, "transfer.malformed")


def test_pages(nodes: dict[str, Node]) -> None:  # noqa: F811
    _, data = mint(nodes["A"], 33)
    with closing(signed_in(nodes["C"])) as theirs, closing(signed_in(nodes["A"])) as ours:
        assert "接收其他地区的证照" in theirs.get("/transfers").text
        sent = submit(theirs, "/transfers", {"reason": "迁入"}, {"file": ("l.ofd", data, "application/ofd")})
        assert sent.status_code == 303, sent.text
        place = sent.headers["location"]
        assert "已同意接收" in theirs.get(place).text and "待本地区转出" in ours.get(place).text
        assert submit(ours, f"{place}/release", {"reason": ""}, at=place).status_code == 403
        assert submit(ours, f"{place}/release", {"reason": "迁出"}, at=place).status_code == 303
        assert "对方已转出" in theirs.get(place).text
        for node in nodes.values():
            node.clock.forward(seconds=15)
        done = submit(theirs, f"{place}/issue", {"changes": ""}, at=place)
        assert done.status_code == 303, done.text
        assert "对方已签发后续证照" in ours.get(place).text and "回执" in ours.get(place).text
        assert ours.get(f"{place}/papers/receipt").json()["payload"]["format"] == "licence-trust/transfer-receipt/1"
        old = re.search(r'href="(/licences/[^"]+)"', ours.get(place).text)
        assert old is not None and "转往" in ours.get(old[1], params={"purpose": "核对"}).text
        assert ours.get("/transfers/tr-x").status_code == 404
        assert submit(ours, f"{place}/nothing", {}, at=place).status_code == 404
        junk = submit(theirs, "/transfers", {"reason": "x"}, {"file": ("l.ofd", b"junk", "application/ofd")})
        assert junk.status_code == 403 and "transfer" not in junk.headers


def signed_in(node: Node) -> httpx.Client:
    officer(node)
    client = httpx.Client(base_url=node.url, trust_env=False, timeout=60)
    given = {"name": "clerk", "password": PASSWORD}
    assert submit(client, "/sign-in", given).status_code == 303
    return client


def submit(
    client: httpx.Client, path: str, data: dict[str, str], files: dict[str, Any] | None = None, at: str = ""
) -> httpx.Response:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(at or path).text)
    assert found is not None
    return client.post(path, data={**data, "csrf": found[1]}, files=files or {"_": ("", b"")})
