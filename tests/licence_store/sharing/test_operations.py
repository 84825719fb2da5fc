"""Each operation once, on both engines; through tokens of each width see tests/journeys/test_sharing_http.py."""

from __future__ import annotations

from licence_store.desk import Desk
from licence_store.sharing.calls import Call
from licence_store.sharing.purposes import Purpose
from tests.sharing_systems import CONSOLE, b64, make_system, share
from trust.sharing_answer import check_answer, read_answer

TYPE = "teacher-certificate"


def test_every_operation_is_answered_signed_and_written_down(desk: Desk) -> None:
    record = next(iter(desk.catalogue.get(TYPE).example_records(1, 31)))
    licence_id = desk.issuer.issue(TYPE, record, officer=CONSOLE).licence_id
    file = desk.register.file(desk.register.find(licence_id))
    system = make_system(desk)
    share(desk, system, TYPE)
    caller, purpose = desk.callers.caller(desk.callers.get(system.id)), Purpose.read(system.purpose())
    code, since = record["citizen_number"], "2020-01-01T00:00:00+08:00"
    questions: dict[str, tuple[dict[str, object], str]] = {
        "catalogue": ({}, "FOUND"),
        "fields": ({"type": TYPE}, "FOUND"),
        "licence": ({"licence_id": licence_id}, "FOUND"),
        "holder": ({"type": TYPE, "holder_code": code}, "FOUND"),
        "qr": ({"qr": f"https://x.test/v/{licence_id}"}, "FOUND"),
        "batch": ({"type": TYPE, "changed_since": since, "states": ["CURRENT"], "limit": 5}, "FOUND"),
        "check": ({"licence_id": licence_id, "fields": {"holder_name": record["name"]}}, "TRUE"),
        "verify": ({"document": b64(file)}, "TOTAL-PASSED"),
        "compare": ({"document": b64(file)}, "SAME"),
        "download": ({"licence_id": licence_id}, "FOUND"),
    }
    before = desk.ledger.head(code).count
    digests = []
    for operation, (parameters, outcome) in questions.items():
        answer = read_answer(desk.sharing.ask(Call(caller, operation, parameters, purpose, "ab" * 32, CONSOLE)))
        check_answer(answer, desk.trust(), known_at=desk.clock(), region=desk.region.code)
        assert (answer.operation, answer.outcome, answer.request) == (operation, outcome, "ab" * 32)
        digests.append(answer.digest)
    calls, _ = desk.sharing.log.page(limit=20)
    assert [one.operation for one in reversed(calls)] == list(questions)
    assert [one.answer for one in reversed(calls)] == digests
    assert (
        desk.ledger.head(code).count == before + 8
    )  # all but the catalogue and the fields tell of the holder's licence
    assert desk.ledger.check(code).intact
    assert {one.result for one in desk.sharing.log.traffic()} == {outcome for _, outcome in questions.values()}
