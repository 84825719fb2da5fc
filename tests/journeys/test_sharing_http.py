"""Sharing over HTTP: every operation, what is written down, and who may do what to whom."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import qrcode
from PIL import Image

from api.cli import run
from tests.journeys.conftest import TEACHER, Live
from tests.sharing_systems import ALL, CONSOLE, ITEM, Draft, System, ask, b64, make_system, payload, send, share
from trust.algorithms import sm3
from trust.anchors import load_bundle
from trust.errors import CheckFailed
from trust.sharing_answer import check_answer, read_answer

REASON = "依法办理"


@dataclass(frozen=True)
class Place:
    live: Live
    client: httpx.Client
    system: System
    licence_id: str
    number: str
    record: dict[str, str]
    file: bytes


@pytest.fixture(scope="module")
def here(live: Live) -> Iterator[Place]:
    desk = live.services.desk
    record = next(iter(live.services.catalogue.get(TEACHER).example_records(1, 601)))
    issued = live.services.issue(TEACHER, record, CONSOLE, "sharing-http", "both")
    with live.client() as client:
        system = make_system(desk).signed_in(client)
        share(desk, system, TEACHER)
        file = desk.register.file(desk.register.find(issued.licence_id), "ofd")
        yield Place(live, client, system, issued.licence_id, issued.licence_number, record, file)


def answered(here: Place, operation: str, **parameters: object) -> dict[str, Any]:
    return dict(payload(ask(here.client, here.system, operation, **parameters)))


def test_catalogue_and_fields(here: Place) -> None:
    types = answered(here, "catalogue")["result"]["types"]
    [teacher] = [one for one in types if one["slug"] == TEACHER]
    assert teacher["owners"][0]["tier"] == "application"
    told = answered(here, "fields", type=TEACHER)["result"]
    assert {one["name"] for one in told["fields"]} >= {"name", "citizen_number"}
    assert ask(here.client, here.system, "fields", type="nothing").json()["code"] == "type.unknown"


def test_one_licence_by_each_way(here: Place) -> None:
    for operation, parameters in (
        ("licence", {"licence_id": here.licence_id}),
        ("licence", {"licence_number": here.number, "type": TEACHER}),
        ("qr", {"qr": f"http://localhost:8000/v/{here.licence_id}"}),
        ("qr", {"qr": here.licence_id}),
    ):
        told = answered(here, operation, **parameters)
        assert told["outcome"] == "FOUND"
        assert told["result"]["licence_id"] == here.licence_id
        assert told["result"]["face"]["name"]["value"] == here.record["name"]
        assert told["source"] == "register"
    [mine] = answered(here, "holder", type=TEACHER, holder_code=here.record["citizen_number"])["result"]["licences"]
    assert mine["licence_id"] == here.licence_id
    nobody = answered(here, "holder", type=TEACHER, holder_code="990101199001010000")
    assert (nobody["outcome"], nobody["result"]) == ("NOT_FOUND", {})


def test_batch_goes_on_where_it_stopped(here: Place) -> None:
    for number in range(3):
        record = next(iter(here.live.services.catalogue.get(TEACHER).example_records(1, 700 + number)))
        here.live.services.issue(TEACHER, record, CONSOLE, f"batch-{number}")
    seen, cursor = [], ""
    while True:
        given = {"cursor": cursor} if cursor else {}
        told = answered(here, "batch", type=TEACHER, limit=2, changed_since="2020-01-01T00:00:00Z", **given)["result"]
        seen += [one["licence_id"] for one in told["licences"]]
        assert "face" not in json.dumps(told)
        cursor = told["next"]
        if not cursor:
            break
    assert here.licence_id in seen
    assert len(seen) == len(set(seen)) >= 4
    assert answered(here, "batch", type=TEACHER, changed_since="2999-01-01T00:00:00Z")["outcome"] == "NOT_FOUND"


def test_true_or_false_tells_nothing_else(here: Place) -> None:
    right, wrong = {"holder_name": here.record["name"]}, {"holder_name": "别人"}
    for parameters in (
        {"licence_id": here.licence_id}, {"type": TEACHER, "holder_code": here.record["citizen_number"]},
    ):  # fmt: skip
        assert answered(here, "check", fields=right, **parameters)["outcome"] == "TRUE"
        told = answered(here, "check", fields=wrong, **parameters)
        assert told["outcome"] == "FALSE"
        assert here.record["name"] not in json.dumps(told, ensure_ascii=False)


def test_a_file_is_verified_and_compared(here: Place) -> None:
    assert answered(here, "verify", document=b64(here.file))["outcome"] == "TOTAL-PASSED"
    spoilt = here.file.replace(b"OFD.xml", b"OFD.xmk")
    assert answered(here, "verify", document=b64(spoilt))["outcome"] == "TOTAL-FAILED"
    told = answered(here, "compare", document=b64(here.file))
    assert (told["outcome"], told["result"]["identical"]) == ("SAME", "true")
    assert set(told["result"]["fields"].values()) == {"SAME"}
    assert answered(here, "compare", document=b64(b"nothing at all"))["outcome"] == "INDETERMINATE"


def picture(text: str) -> bytes:
    image = qrcode.make(text).convert("RGB") if text else Image.new("RGB", (200, 200), "white")
    kept = BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def test_a_picture_is_compared_by_its_code(here: Place) -> None:
    shown = picture(f"http://localhost:8000/v/{here.licence_id}")
    told = answered(here, "compare", document=b64(shown))
    assert (told["outcome"], told["result"]["by"]) == ("INDETERMINATE", "qr")
    read = {"holder_name": here.record["name"]}
    assert answered(here, "compare", document=b64(shown), fields=read)["outcome"] == "SAME"
    told = answered(here, "compare", document=b64(shown), fields={"holder_name": "别人"})
    assert (told["outcome"], told["result"]["given"]) == ("DIFFERENT", {"holder_name": "DIFFERENT"})
    assert answered(here, "compare", document=b64(picture("")))["outcome"] == "INDETERMINATE"
    bomb = b"\x89PNG\r\n\x1a\n" + bytes(200)
    assert answered(here, "compare", document=b64(bomb))["outcome"] == "INDETERMINATE"


def test_downloads(here: Place) -> None:
    for form in ("ofd", "pdf"):
        told = answered(here, "download", licence_id=here.licence_id, form=form)["result"]
        data = base64.b64decode(told["content"])
        assert sm3(data).hex() == told["sm3"]
        assert told["kind"] == "original"
    assert ask(here.client, here.system, "download", licence_id=here.licence_id, form="exe").status_code == 422


def test_a_copy_for_one_purpose(here: Place) -> None:
    pytest.importorskip("licence_store.copying.node_seal")
    until = (here.live.services.clock() + timedelta(days=2)).isoformat()
    answer = ask(here.client, here.system, "download", licence_id=here.licence_id, copy={"until": until})
    told = dict(payload(answer))["result"]
    assert told["kind"] == "copy"
    data = base64.b64decode(told["content"])
    assert data != here.file
    asked = {"purpose": ITEM, "recipient": "公积金业务系统"}
    verified = answered(here, "verify", document=b64(data), stated=asked)
    assert verified["outcome"] == "TOTAL-PASSED", verified["result"]["report"]
    other = answered(here, "verify", document=b64(data), stated={**asked, "purpose": "别的事项"})
    assert other["outcome"] == "TOTAL-FAILED"


@pytest.mark.parametrize("copy", [{}, {"until": "gestern"}, {"until": "2020-01-01T00:00:00Z"}, {"x": "y"}, "all"])
def test_silly_copies(here: Place, copy: object) -> None:
    assert ask(here.client, here.system, "download", licence_id=here.licence_id, copy=copy).status_code in (403, 422)


def test_an_answer_is_checked_offline_against_its_question(here: Place) -> None:
    draft = Draft(here.system, "licence", {"purpose": here.system.purpose(), "licence_id": here.licence_id})
    data = send(here.client, draft).content
    store = load_bundle(here.live.services.bundle())
    answer, moment = read_answer(data), here.live.services.clock()
    check_answer(answer, store, known_at=moment, question=draft.octets(), region=here.system.region)
    assert answer.caller == here.system.id
    for given in ({"question": b"{}"}, {"region": "110000"}):
        with pytest.raises(CheckFailed):
            check_answer(answer, store, known_at=moment, **given)
    with pytest.raises(CheckFailed):
        check_answer(read_answer(data.replace(b"CURRENT", b"REVOKED")), store, known_at=moment)


def test_a_lost_licence_is_told_as_lost_and_not_handed_out(here: Place) -> None:
    services = here.live.services
    record = next(iter(services.catalogue.get(TEACHER).example_records(1, 650)))
    issued = services.issue(TEACHER, record, CONSOLE, "sharing-lost")
    from seal.lifecycle import Official, Role

    services.desk.life.take(issued.licence_id, "report_lost", Official(CONSOLE, Role.OFFICER), reason="遗失")
    told = answered(here, "licence", licence_id=issued.licence_id)["result"]
    assert (told["state"], told["referencable"]) == ("LOST", "false")
    assert answered(here, "check", licence_id=issued.licence_id, fields={"holder_name": record["name"]})["outcome"] == (
        "FALSE"
    )
    refused = ask(here.client, here.system, "download", licence_id=issued.licence_id)
    assert (refused.status_code, refused.json()["code"]) == (403, "licence.not_referencable")


def test_each_use_stands_in_the_holders_ledger_and_in_the_log(here: Place) -> None:
    desk = here.live.services.desk
    code = here.record["citizen_number"]
    before = desk.ledger.head(code).count
    answered(here, "licence", licence_id=here.licence_id)
    stranger = make_system(desk).signed_in(here.client)
    assert ask(here.client, stranger, "licence", licence_id=here.licence_id).status_code == 403
    entries = desk.ledger.page(code, limit=2).entries
    assert desk.ledger.head(code).count == before + 2
    assert [(one.act, one.result) for one in entries] == [("refuse", "sharing.access_none"), ("view", "FOUND")]
    assert (entries[1].who, entries[1].who_id) == ("公积金业务系统", here.system.id)
    assert "办件-2026-0001" in entries[1].why
    assert "教师资格条例" in entries[1].why
    assert desk.ledger.check(code).intact
    calls, _ = desk.sharing.log.page(limit=2)
    assert [one.result for one in calls] == ["sharing.access_none", "FOUND"]
    assert calls[1].purpose["case_number"] == "办件-2026-0001"
    assert len(calls[1].answer) == 64
    assert here.live.services.check_journal().intact


def test_a_system_applies_by_itself(here: Place) -> None:
    system = make_system(here.live.services.desk).signed_in(here.client)
    body = {"type": TEACHER, "operations": ["check"], "service_items": [ITEM], "basis": "条例", "reason": "办事"}
    path = "/api/v1/sharing/applications"

    def post(content: object, key: str) -> httpx.Response:
        return send(here.client, Draft(system, "applications", content, headers={"Idempotency-Key": key}))

    made = post(body, "one")
    assert made.status_code == 201, made.text
    assert made.json()["state"] == "requested"
    again = post(body, "one")
    assert (again.status_code, again.json()["id"]) == (201, made.json()["id"])
    other = post(body, "two")
    assert (other.status_code, other.json()["code"]) == (409, "sharing.application_open")
    assert send(here.client, Draft(system, "applications", body)).json()["code"] == "idempotency.missing"
    mine = send(here.client, Draft(system, "applications", None, method="GET", path=path))
    assert [one["id"] for one in mine.json()["items"]] == [made.json()["id"]]
    for number, wrong in enumerate(
        ({}, {**body, "operations": "check"}, {**body, "x": 1}, {**body, "service_items": []}, {**body, "basis": ""})
    ):
        assert post(wrong, f"wrong-{number}").status_code in (404, 409, 422), wrong


# ---------------------------------------------------------------- role × scope × route


def everything(here: Place) -> dict[str, dict[str, object]]:
    """A right question for each operation."""
    own, file = {"licence_id": here.licence_id}, b64(here.file)
    return {
        "catalogue": {}, "fields": {"type": TEACHER}, "licence": own, "qr": {"qr": here.licence_id},
        "holder": {"type": TEACHER, "holder_code": here.record["citizen_number"]}, "batch": {"type": TEACHER},
        "check": {**own, "fields": {"holder_name": "x"}}, "verify": {"document": file}, "compare": {"document": file},
        "download": own,
    }  # fmt: skip


ROLES = ("open", "approved", "applied", "nothing", "closed")
FREE = ("catalogue", "fields", "verify")
"""Tells nothing of a licence the caller does not hold."""


@pytest.fixture(scope="module")
def cast(here: Place) -> dict[str, System]:
    """A system of each standing; ``open`` and ``closed`` change how the type is shared while they ask."""
    desk = here.live.services.desk
    made = {role: make_system(desk) for role in ROLES}
    share(desk, made["approved"], TEACHER)
    desk.sharing.access.apply(
        made["applied"].id, TEACHER, operations=ALL, items=[ITEM], basis="b", reason="r", actor=CONSOLE
    )
    return made


@pytest.mark.parametrize("role", ROLES)
def test_no_licence_leaves_without_right(here: Place, cast: dict[str, System], role: str) -> None:
    """Every standing × a token for every operation alone × every operation."""
    desk, questions = here.live.services.desk, everything(here)
    owner = desk.register.find(here.licence_id).summary.department_id
    if role in ("open", "closed"):
        desk.sharing.access.set_tier(TEACHER, owner, role, REASON, CONSOLE)
    try:
        for scope in ALL:
            system = cast[role].signed_in(here.client, f"op:{scope} type:{TEACHER} region:{cast[role].region}")
            for operation, question in questions.items():
                answer = ask(here.client, system, operation, **question)
                allowed = operation == scope and (operation in FREE or role in ("open", "approved"))
                assert answer.status_code == (200 if allowed else 403), (role, scope, operation, answer.text)
                if not allowed:
                    assert answer.json()["code"].startswith(("sharing.scope_", "sharing.access_"))
                    assert here.record["citizen_number"] not in answer.text
    finally:
        if role in ("open", "closed"):
            desk.sharing.access.set_tier(TEACHER, owner, "application", REASON, CONSOLE)


@pytest.mark.parametrize("operation", ALL)
def test_nobody_gets_in_by_another_door(here: Place, operation: str) -> None:
    """No credentials, a staff token, a cookie: never past the gate; and a sharing token opens nothing else."""
    path, body = f"/api/v1/sharing/{operation}", {"purpose": here.system.purpose(), **everything(here)[operation]}
    from tests.journeys.conftest import make_token

    for headers in ({}, {"Authorization": f"Bearer {make_token(here.live)}"}, {"Cookie": "lt_session=x"}):
        answer = here.client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature.missing")
    bearer = {"Authorization": f"Bearer {here.system.token}"}
    for route in (
        f"/api/v1/licences/{here.licence_id}?purpose=x",
        "/api/v1/licences?purpose=x",
        "/api/v1/journal?purpose=x",
    ):
        assert here.client.get(route, headers=bearer).status_code in (401, 404)


# ---------------------------------------------------------------- on the console


def told(place: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    capsys.readouterr()
    status = run(["share", arguments[0], "--dir", str(place), *arguments[1:]])
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [status, *out]


def test_the_console(made_demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(shutil.copytree(made_demo, tmp_path / "region"))
    status, client = told(place, capsys, "register", "--name", "系统", "--organisation", "单位", "--code",
                          "91990000MA49QUAQ2W", "--region", "990000", "--operation", "check")  # fmt: skip
    assert status == 0
    assert client["operations"] == ["check"]
    status, secret = told(place, capsys, "secret", client["id"])
    assert len(secret["secret_key"]) == 64
    status, made = told(place, capsys, "apply", client["id"], TEACHER, "--operation", "check", "--service-item", ITEM,
                        "--basis", "b", "--reason", "r")  # fmt: skip
    assert (status, made["state"]) == (0, "requested")
    status, decided = told(place, capsys, "decide", made["id"], "refuse", "--reason", "不符")
    assert (status, decided["state"]) == (0, "refused")
    assert told(place, capsys, "decide", made["id"], "end", "--reason", "x")[0] == 1
    assert [one["id"] for one in told(place, capsys, "applications", "--state", "refused")[1:]] == [made["id"]]
    tiers = told(place, capsys, "tiers")[1:]
    owner = next(one["department"] for one in tiers if one["name"] == "教师资格证书")
    assert told(place, capsys, "tier", TEACHER, "open", "--department", owner, "--reason", REASON)[0] == 0
    assert told(place, capsys, "tier", TEACHER, "open", "--department", "market", "--reason", REASON)[0] == 1
    purpose = ("--service-item", ITEM, "--material", "证", "--case", "1", "--basis", "条例")
    status, answer = told(place, capsys, "ask", "batch", "--parameters", json.dumps({"type": TEACHER}), *purpose,
                          "--out", str(tmp_path / "a.json"))  # fmt: skip
    assert (status, answer["outcome"]) == (0, "FOUND")
    assert told(place, capsys, "check-answer", str(tmp_path / "a.json"))[1]["checked"] is True
    assert told(place, capsys, "calls")[1]["operation"] == "batch"
    assert [one["id"] for one in told(place, capsys, "systems")[1:]] == [client["id"]]
    for step in ("suspend", "resume", "end"):
        assert told(place, capsys, step, client["id"], "--reason", "r")[0] == 0
    assert told(place, capsys, "resume", client["id"], "--reason", "r")[0] == 1
    assert told(place, capsys, "end-key", secret["access_key"])[0] == 0
    for silly in (("ask", "batch", "--parameters", "[]", *purpose), ("key", client["id"], str(tmp_path / "none")),
                  ("check-answer", str(tmp_path / "none")), ("provider", str(tmp_path / "a.json")),
                  ("decide", "app-x", "approve", "--reason", "x", "--until", "gestern"),
                  ("register", "--name", "", "--organisation", "x", "--code", "x", "--region", "x")):  # fmt: skip
        assert told(place, capsys, *silly)[0] in (1, 3), silly
