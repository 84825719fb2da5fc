"""Proof documents: asked of a department, composed, sealed, kept; nothing given that the answer does not bear out."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from licence_store.desk import Desk
from licence_store.proofs.definition import ProofDefinition, load_proof
from licence_store.proofs.making import ProofDesk, folder_ports
from licence_store.proofs.queries import HTTPQuery, SQLQuery, check_statement
from tests.licence_store.conftest import OFFICER
from trust.errors import LicenceTrustError, Malformed, Refused, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM

EXAMPLE = Path(__file__).parents[2] / "examples/collection/proof"
SOURCE = json.loads((EXAMPLE / "proof.json").read_text("utf-8"))
PURPOSE = "申请承接政府购买服务"


@pytest.fixture
def department(desk: Desk) -> Path:
    """The department's database, named in the region's connections."""
    place = desk.region.directory / "penalties.sqlite3"
    with sqlite3.connect(place) as database:
        database.executescript((EXAMPLE / "penalties.sql").read_text("utf-8"))
    database.close()
    known = {"penalties": {"url": f"sqlite:///{place}"}}
    (desk.region.directory / "connections.json").write_text(json.dumps(known), "utf-8")
    return place


@pytest.fixture
def proofs(desk: Desk, department: Path) -> ProofDesk:
    kind = desk.catalogue.import_definition(json.loads((EXAMPLE / "type.json").read_text("utf-8")), SYSTEM)
    with desk.sessions.read() as session:
        seal = desk.catalogue.right(session, desk.catalogue.get("social-organisation").code, "civil").seal_id
    desk.catalogue.grant(kind.definition.code, "civil", seal, SYSTEM)
    made = ProofDesk(
        desk.sessions, desk.catalogue, lambda: desk.issuer, folder_ports(desk.region.directory), desk.clock
    )
    made.import_definition(SOURCE, SYSTEM)
    return made


def codes(department: Path) -> list[str]:
    with sqlite3.connect(department) as database:
        found = [row[0] for row in database.execute("SELECT credit_code FROM organisation ORDER BY registered_on")]
    database.close()
    return found


def test_a_proof_is_a_sealed_licence(desk: Desk, proofs: ProofDesk, department: Path) -> None:
    good, _ = codes(department)
    proof = proofs.make("no-penalty", {"credit_code": good}, OFFICER, purpose=PURPOSE, request_id="r-1")
    view = desk.register.find(proof.licence_id)
    assert str(desk.verifier().verify(desk.register.file(view)).indication) == "TOTAL-PASSED"
    face = {one.name: one.value for one in view.message.face}
    assert face["purpose"] == PURPOSE
    assert "没有受到登记管理机关行政处罚的记录" in face["statement"]
    assert "（2019年03月12日成立登记）" in face["statement"]
    begin, _, end = face["valid_period"].partition("/")
    assert (date.fromisoformat(end) - date.fromisoformat(begin)).days == 30
    assert view.message.metadata["source"] == "电子证明：无行政处罚记录证明"
    again = proofs.make("no-penalty", {"credit_code": good}, OFFICER, purpose=PURPOSE, request_id="r-1")
    assert again.licence_id == proof.licence_id
    other = proofs.make("no-penalty", {"credit_code": good}, OFFICER, purpose=PURPOSE)
    assert other.licence_id != proof.licence_id
    found = proofs.requests(department="civil")
    assert {one.id for one in found} == {proof.id, again.id, other.id}
    assert proofs.requests(department="market") == ()
    with desk.sessions.read() as session:
        entries = session.execute(_JOURNAL).all()
    assert {(row.subject, row.reason, row.actor) for row in entries} == {
        (proof.licence_id, PURPOSE, OFFICER.account), (other.licence_id, PURPOSE, OFFICER.account),
    }  # fmt: skip
    assert not any(good in row.details for row in entries)


def _journal() -> Any:
    from sqlalchemy import select

    from licence_store.models import JournalEntry

    return select(JournalEntry).with_only_columns(
        JournalEntry.subject, JournalEntry.reason, JournalEntry.actor, JournalEntry.details
    ).where(JournalEntry.action == "proof.make")  # fmt: skip


_JOURNAL = _journal()


def code_of(act: Any, *args: Any, **given: Any) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **given)
    code: str = caught.value.code
    return code


def test_what_is_not_borne_out_is_not_given(proofs: ProofDesk, department: Path) -> None:
    good, penalised = codes(department)
    with pytest.raises(Refused) as caught:
        proofs.make("no-penalty", {"credit_code": penalised}, OFFICER, purpose=PURPOSE)
    assert caught.value.code == "proof.not_met"
    assert "有行政处罚记录" in caught.value.message
    unknown = "51990000MA0000008U"
    with pytest.raises(LicenceTrustError):
        proofs.make("no-penalty", {"credit_code": unknown}, OFFICER, purpose=PURPOSE)
    outcomes = [one.outcome for one in proofs.requests(department=None)]
    assert "proof.not_met" in outcomes
    assert code_of(proofs.make, "no-penalty", {"credit_code": good}, OFFICER, purpose=" ") == "proof.purpose"
    assert code_of(proofs.make, "no-penalty", {"credit_code": "1"}, OFFICER, purpose=PURPOSE) == "proof.parameter"
    assert code_of(proofs.make, "no-penalty", {"x": good}, OFFICER, purpose=PURPOSE) == "proof.parameter"
    assert code_of(proofs.make, "no-penalty", {}, OFFICER, purpose=PURPOSE) == "proof.parameter"
    assert code_of(proofs.make, "none", {}, OFFICER, purpose=PURPOSE) == "proof.unknown"
    stranger = replace(OFFICER, department="market")
    assert code_of(proofs.make, "no-penalty", {"credit_code": good}, stranger, purpose=PURPOSE) == "grant.missing"
    assert code_of(proofs.request, "x") == "proof.request_unknown"


def test_the_database_is_only_read_and_may_be_away(proofs: ProofDesk, department: Path, desk: Desk) -> None:
    good, _ = codes(department)
    port = SQLQuery(proofs.ports(proofs.definition("no-penalty")[0]).engine, "SELECT 1")  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        replace(port, statement="INSERT INTO penalty VALUES ('a', 'b', 'c')").ask({})
    department.unlink()
    assert code_of(proofs.make, "no-penalty", {"credit_code": good}, OFFICER, purpose=PURPOSE) == "proof.unavailable"
    (desk.region.directory / "connections.json").unlink()
    assert code_of(proofs.make, "no-penalty", {"credit_code": good}, OFFICER, purpose=PURPOSE) == "source.connection"


class Answers:
    """A service's double: answers what it was told, and keeps what it was asked."""

    def __init__(self, body: str) -> None:
        self.body, self.asked = body, [Exchange("")]

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange)
        return self.body.encode()


@pytest.mark.parametrize(
    ("body", "rows", "expected"),
    [
        ('{"data": {"items": [{"Name": "x", "n": 3, "gone": null}]}}', "data.items", [{"name": "x", "n": "3", "gone": ""}]),
        ('{"name": "x"}', "", [{"name": "x"}]),
        ('{"data": null}', "data.items", []),
        ("[]", "", []),
    ],
)
def test_a_service_is_asked(body: str, rows: str, expected: list[Mapping[str, str]]) -> None:
    fetcher = Answers(body)
    assert HTTPQuery("https://a.test/q", fetcher, rows).ask({"code": "甲&b"}) == expected
    assert fetcher.asked[-1].url == "https://a.test/q?code=%E7%94%B2%26b"
    HTTPQuery("https://a.test/q", fetcher, rows, post=True, headers={"X-Key": "k"}).ask({"code": "甲"})
    assert json.loads(fetcher.asked[-1].body or b"") == {"code": "甲"}
    assert fetcher.asked[-1].headers == (("X-Key", "k"),)


@pytest.mark.parametrize("body", ["<html>", "[1]", '"x"', "[" * 100_000])
def test_a_service_that_answers_nonsense(body: str) -> None:
    with pytest.raises(Unavailable) as caught:
        HTTPQuery("https://a.test/q", Answers(body)).ask({})
    assert caught.value.code == "proof.answer"


@pytest.mark.parametrize(
    "statement", ["", "DELETE FROM x", "SELECT 1; DROP TABLE x", "update x set a = 1", 7, None, "x" * 5000]
)
def test_only_one_question_is_a_query(statement: object) -> None:
    with pytest.raises(Malformed):
        check_statement(statement)
    assert check_statement(" SELECT 1; ") == "SELECT 1"


def changed(**parts: object) -> dict[str, Any]:
    return {**copy.deepcopy(SOURCE), **parts}


@pytest.mark.parametrize(
    "source",
    [
        None, [], "x", {}, changed(code="X"), changed(code=7), changed(title="x"), changed(title={"zh": "x"}),
        changed(parameters=[]), changed(parameters=[{"name": "a"}]), changed(parameters=[{}] * 30),
        changed(parameters=[{"name": "today", "title": {"zh": "a", "en": "b"}}]),
        changed(parameters=[{"name": "a", "title": {"zh": "a", "en": "b"}, "check": "x"}]),
        changed(query="SELECT"), changed(when=[]), changed(when={"column": "x"}), changed(when={"x": 1}),
        changed(valid_days=0), changed(valid_days=True), changed(valid_days="30"), changed(face={}),
        changed(face={"A B": "x"}), changed(face={"a": 1}), changed(lists={"a": 1}), changed(more=1),
    ],
    ids=str,
)  # fmt: skip
def test_a_definition_that_is_none(source: object) -> None:
    with pytest.raises(Malformed) as caught:
        load_proof(source)
    assert caught.value.code == "proof.definition"


def test_a_definition_must_fit_its_type(proofs: ProofDesk) -> None:
    assert proofs.import_definition(SOURCE, SYSTEM)[1] == 1
    assert proofs.import_definition(changed(valid_days=60), SYSTEM)[1] == 2
    assert proofs.definition("no-penalty")[0].valid_days == 60
    for source, code in (
        (changed(type="no such type"), "type.unknown"),
        (changed(face={"subject": "x"}), "proof.face"),
        (changed(query={"kind": "sql", "connection": "x", "statement": "DROP TABLE x"}), "proof.query"),
    ):
        assert code_of(proofs.import_definition, source, SYSTEM) == code


def test_lists_and_missing_columns() -> None:
    source = changed(
        lists={"payments": "{month} {amount}元"}, face={"statement": "{name}：\n{payments}", "at": "{today|date}"}
    )
    definition: ProofDefinition = load_proof(source)
    rows = [{"name": "x", "month": "2026-01", "amount": "3"}, {"name": "x", "month": "2026-02", "amount": "4"}]
    record = definition.record(rows, {}, "p", date(2026, 11, 22))
    assert record == {"statement": "x：\n2026-01 3元\n2026-02 4元", "at": "2026年11月22日"}
    with pytest.raises(Malformed) as caught:
        load_proof(changed(face={"a": "{secret}"})).record(rows, {}, "p", date(2026, 11, 22))
    assert caught.value.code == "proof.column"
    assert not load_proof(changed(when={"column": "name", "equals": "y"})).met(rows)
