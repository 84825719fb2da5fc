"""异议: opened by the holder, answered in time by the department, told to both; on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from licence_store.desk import Desk
from licence_store.disputes.disputes import deadline
from licence_store.holding.holder import Holder, HolderSession
from licence_store.ledger.ledger import UseNote
from licence_store.notices.models import Notice
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.licence_store.conftest import OFFICER
from tests.licence_store.presenting.test_presenter import session_of
from tests.licence_store.test_life import code_of, forward, issued, told  # noqa: F401  fixtures
from trust.errors import LicenceTrustError
from trust.identifiers import parse_licence_id
from trust.journal import Actor

STRANGER = HolderSession("a-9", *[Holder("another", "111", "别人")] * 2)


@pytest.fixture
def held(told: Desk, issued: IssuedLicence) -> tuple[Desk, HolderSession, str]:  # noqa: F811
    return told, session_of(told, issued), issued.licence_id


Held = tuple[Desk, HolderSession, str]


def officer(desk: Desk, licence_id: str) -> Official:
    department = desk.register.find(licence_id).summary.department_id
    return Official(Actor("wang", department), Role.OFFICER)


def looked(held: Held) -> int:
    """An entry in the holder's ledger: somebody looked at the licence."""
    desk, who, licence_id = held
    desk.journal.record(actor=OFFICER, action="licence.read", subject=licence_id, reason="核对")
    return desk.ledger.head(who.holder.code).count


def test_an_entry_disputed_and_upheld(held: Held) -> None:
    desk, who, licence_id = held
    seq = looked(held)
    dispute = desk.disputes.about_entry(who, seq, "我没有办理过此项业务。\n请核实。")
    entry, digest = desk.ledger.entry(who.holder.code, seq)
    assert (dispute.kind, dispute.entry_seq, dispute.entry_digest) == ("entry", seq, digest)
    assert dispute.subject == entry.subject == parse_licence_id(licence_id).base
    assert dispute.department_id == desk.register.find(licence_id).summary.department_id
    assert desk.disputes.waiting(dispute.department_id) == (1, 0)
    clerk = officer(desk, licence_id)
    desk.disputes.note(dispute.id, clerk, "已调取日志。")
    answered = desk.disputes.answer(dispute.id, clerk, upheld=True, words="属实，已处理。")
    assert (answered.state, answered.answer) == ("upheld", "属实，已处理。")
    assert [one.act for one in desk.disputes.steps(dispute.id)] == ["open", "note", "uphold"]
    assert desk.disputes.of_holder(who.holder.code) == (answered,)
    with desk.sessions.read() as session:
        told_of = sorted((one.kind, one.party_kind, one.party) for one in session.query(Notice))
    assert told_of == [
        ("dispute.answered", "holder", who.holder.code),
        ("dispute.opened", "department", dispute.department_id),
    ]
    assert {one.heading for one in (view.text for view in desk.notices.list())} >= {"您的异议已答复：" + _type(held)}
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.answer(dispute.id, clerk, upheld=False, words="再答")
    assert code_of(refused) == "dispute.closed"


def _type(held: Held) -> str:
    return held[0].register.find(held[2]).summary.type_name


def test_a_mistake_on_a_licence_disputed_and_rejected(held: Held) -> None:
    desk, who, licence_id = held
    field = desk.register.find(licence_id).message.face[0].name
    dispute = desk.disputes.about_licence(who, licence_id, field, "有误")
    assert (dispute.kind, dispute.field, dispute.entry_seq) == ("licence", field, None)
    answered = desk.disputes.answer(dispute.id, officer(desk, licence_id), upheld=False, words="与档案一致。")
    assert answered.state == "rejected"


def test_late_is_shown(held: Held) -> None:
    desk, who, licence_id = held
    dispute = desk.disputes.about_licence(who, licence_id, "", "有误")
    assert not dispute.is_overdue(desk.clock())
    assert desk.disputes.page(dispute.department_id, overdue=True) == ()
    forward(desk, days=20)
    [late] = desk.disputes.page(dispute.department_id, overdue=True)
    assert late.is_overdue(desk.clock()) and desk.disputes.waiting(None) == (1, 1)
    closed = desk.disputes.answer(late.id, officer(desk, licence_id), upheld=True, words="已更正。")
    assert closed.is_overdue(desk.clock())


def test_withdrawn(held: Held) -> None:
    desk, who, licence_id = held
    dispute = desk.disputes.about_licence(who, licence_id, "", "有误")
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.withdraw(STRANGER, dispute.id)
    assert code_of(refused) == "dispute.unknown"
    agent = replace(who, account_id="h-agent", delegation_id="d-1")
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.withdraw(agent, dispute.id)
    assert code_of(refused) == "dispute.not_yours"
    theirs = desk.disputes.about_licence(agent, licence_id, "name", "有误")
    assert desk.disputes.withdraw(agent, theirs.id).state == "withdrawn"
    assert desk.disputes.withdraw(who, dispute.id).state == "withdrawn"
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.withdraw(who, dispute.id)
    assert code_of(refused) == "dispute.closed"


def test_whoever_may_only_look_disputes_nothing(held: Held) -> None:
    desk, who, licence_id = held
    seq, type_code = looked(held), desk.register.find(licence_id).summary.type_code
    reader = replace(who, account_id="h-agent", delegation_id="d-1", rights=frozenset({"view"}))
    elsewhere = replace(reader, rights=frozenset({"view", "use"}), types=frozenset({"another"}))
    for session, entry_code in ((reader, "holder.right"), (elsewhere, "ledger.unknown")):
        for attempt, code in (
            (lambda one: desk.disputes.about_entry(one, seq, "x"), entry_code),
            (lambda one: desk.disputes.about_licence(one, licence_id, "", "x"), "holder.right"),
        ):
            with pytest.raises(LicenceTrustError) as refused:
                attempt(session)
            assert code_of(refused) == code
    allowed = replace(elsewhere, types=frozenset({type_code}))
    assert desk.disputes.about_entry(allowed, seq, "x").state == "open"


def test_not_too_many_or_twice_by_asking_all_at_once(held: Held) -> None:
    desk, who, licence_id = held
    face = [one.name for one in desk.register.find(licence_id).message.face]
    seqs = [looked(held) for _ in range(19)]

    def attempt(number: int) -> str:
        try:
            if number < len(seqs):
                return desk.disputes.about_entry(who, seqs[number], "x").state
            return desk.disputes.about_licence(who, licence_id, face[number % 2], "x").state
        except LicenceTrustError as error:
            return error.code

    for number in range(17):
        assert attempt(number) == "open"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(attempt, [17, 18, 19, 20, 21, 22]))
    assert answers.count("open") == 3 and set(answers) <= {"open", "dispute.too_many", "dispute.already"}
    rows = {(one.entry_seq, one.field) for one in desk.disputes.of_holder(who.holder.code)}
    assert len(rows) == len(desk.disputes.of_holder(who.holder.code)) == 20


def test_who_may_not(held: Held) -> None:
    desk, who, licence_id = held
    seq = looked(held)
    dispute = desk.disputes.about_entry(who, seq, "x")
    for attempt, code in (
        (lambda: desk.disputes.about_entry(STRANGER, seq, "x"), "ledger.unknown"),
        (lambda: desk.disputes.about_licence(STRANGER, licence_id, "", "x"), "licence.unknown"),
        (lambda: desk.disputes.about_licence(who, licence_id, "no_such", "x"), "dispute.field"),
        (lambda: desk.disputes.about_licence(who, licence_id, "", " "), "dispute.words"),
        (lambda: desk.disputes.about_licence(who, licence_id, "", "长" * 1001), "dispute.words"),
        (lambda: desk.disputes.about_licence(who, licence_id, "", "\x1b[2J"), "dispute.words"),
        (lambda: desk.disputes.of_holder(STRANGER.holder.code, dispute.id), "dispute.unknown"),
        (lambda: desk.disputes.get(dispute.id, "another"), "dispute.unknown"),
        (lambda: desk.disputes.answer(dispute.id, Official(Actor("x", "another"), Role.OFFICER), upheld=True, words="x"), "dispute.unknown"),
        (lambda: desk.disputes.answer(dispute.id, Official(Actor("x"), Role.AUDITOR), upheld=True, words="x"), "dispute.role"),
        (lambda: desk.disputes.answer("no-such", officer(desk, licence_id), upheld=True, words="x"), "dispute.unknown"),
        (lambda: desk.disputes.about_entry(who, seq, "again"), "dispute.already"),
    ):  # fmt: skip
        with pytest.raises(LicenceTrustError) as refused:
            attempt()
        assert code_of(refused) == code


def test_an_entry_about_something_else_goes_to_who_acted(held: Held) -> None:
    desk, who, licence_id = held
    department = desk.register.find(licence_id).summary.department_id
    mine = UseNote(who.holder.code, "m-1", "view", "某局", "li", "", "ok", desk.clock(), department)
    nobodys = UseNote(who.holder.code, "m-1", "view", "公众", "anonymous", "", "ok", desk.clock())
    desk.ledger.record(mine, nobodys)
    assert desk.disputes.about_entry(who, 1, "x").department_id == department
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.about_entry(who, 2, "x")
    assert code_of(refused) == "dispute.no_department"


def test_not_too_many(held: Held) -> None:
    desk, who, _ = held
    for _ in range(21):
        seq = looked(held)
    for one in range(1, 21):
        desk.disputes.about_entry(who, one, "x")
    with pytest.raises(LicenceTrustError) as refused:
        desk.disputes.about_entry(who, seq, "x")
    assert code_of(refused) == "dispute.too_many"
    listed = desk.disputes.page(None, limit=7)
    rest = desk.disputes.page(None, after=listed[-1].id, limit=50)
    assert len({one.id for one in (*listed, *rest)}) == 20


def test_events_only_grow(held: Held) -> None:
    desk, who, licence_id = held
    desk.disputes.about_licence(who, licence_id, "", "有误")
    for statement in ("UPDATE dispute_event SET words = 'x'", "DELETE FROM dispute_event"):
        with pytest.raises(Exception, match=r"append-only|已有数据冲突"), desk.sessions.begin() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("opened", "ends"),
    [
        (datetime(2026, 11, 23, 1, tzinfo=UTC), datetime(2026, 12, 7, 16, tzinfo=UTC)),  # a Monday: Monday in two weeks
        (datetime(2026, 11, 27, 15, 59, tzinfo=UTC), datetime(2026, 12, 11, 16, tzinfo=UTC)),  # Friday night
        (datetime(2026, 11, 27, 16, tzinfo=UTC), datetime(2026, 12, 11, 16, tzinfo=UTC)),  # Saturday in Beijing
    ],
)
def test_ten_working_days(opened: datetime, ends: datetime) -> None:
    assert deadline(opened) == ends
