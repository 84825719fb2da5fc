"""证照的一生: every step through the doors, on both engines; what it makes of the licence, its list, its file, its past."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from licence_store import journal
from licence_store.desk import Desk
from licence_store.extras import PLAIN
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.licence_store.conftest import OFFICER, ToldClock
from tests.licence_store.test_issuance import TEACHER, example
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import parse_licence_id
from trust.journal import Actor
from trust.status_list import load_status_list
from verify.report import Indication

WHO = Official(OFFICER, Role.OFFICER)


@pytest.fixture
def told(desk: Desk) -> Desk:
    """The same desk on a clock that can be put forward."""
    start = desk.clock()
    clock = ToldClock()
    clock.now = start
    return dataclasses.replace(desk, clock=clock)


def forward(desk: Desk, **length: float) -> datetime:
    clock = desk.clock
    assert isinstance(clock, ToldClock)
    clock.forward(**length)
    return clock()


@pytest.fixture
def issued(told: Desk) -> IssuedLicence:
    made = told.issuer.issue(TEACHER, example(told), officer=OFFICER)
    forward(told, minutes=1)
    return made


def state(desk: Desk, licence_id: str, moment: datetime | None = None) -> str:
    status = desk.register.status(licence_id, moment or desk.clock())
    assert status is not None
    return str(status.state)


def published(desk: Desk, licence_id: str) -> str:
    """What the published list says."""
    message = desk.register.find(licence_id).message
    data = desk.status_lists.publish(message.status_list.rsplit("/", 1)[1])
    return load_status_list(data).status_at(int(message.status_index))


def code_of(refused: pytest.ExceptionInfo[BaseException]) -> str:
    error = refused.value
    assert isinstance(error, LicenceTrustError)
    return error.code


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        (["suspend", "resume"], ["SUSPENDED", "CURRENT"]),
        (["report_lost", "found"], ["LOST", "CURRENT"]),
        (["suspend", "report_lost", "found", "resume"], ["SUSPENDED", "LOST", "SUSPENDED", "CURRENT"]),
        (["suspend", "report_lost", "revoke"], ["SUSPENDED", "LOST", "REVOKED"]),
        (["report_lost", "annul"], ["LOST", "ANNULLED"]),
        (["cancel"], ["CANCELLED"]),
        (["transfer_out"], ["TRANSFERRED"]),
    ],
)
def test_steps_take_effect_at_once_everywhere(
    told: Desk, issued: IssuedLicence, steps: list[str], states: list[str]
) -> None:
    one = issued.licence_id
    assert published(told, one) == "CURRENT"
    for step, expected in zip(steps, states, strict=True):
        done = told.life.take(one, step, WHO, reason="测试", basis="〔2026〕1号")
        assert (done.kind, done.state, done.basis) == (step, expected, "〔2026〕1号")
        assert state(told, one) == published(told, one) == told.register.find(one).state == expected
        report = told.verifier().verify(told.register.file(told.register.find(one)))
        assert (report.indication is Indication.PASSED) is (expected == "CURRENT")
        if expected == "CURRENT":
            assert told.register.referencable(one).licence_id == one
        else:
            with pytest.raises(Refused) as refused:
                told.register.referencable(one)
            assert code_of(refused) == "licence.not_referencable"
        forward(told, hours=1)


def test_refusals_name_their_rule_and_are_journalled(told: Desk, issued: IssuedLicence) -> None:
    one, take = issued.licence_id, told.life.take
    other = Official(Actor("li", "market"), Role.OFFICER)
    cases: list[tuple[str, type[LicenceTrustError], object]] = [
        ("licence.reason_missing", Refused, lambda: take(one, "suspend", WHO, reason=" ")),
        ("licence.step", Refused, lambda: take(one, "resume", WHO, reason="x")),
        ("licence.department", Refused, lambda: take(one, "suspend", other, reason="x")),
        ("licence.role", Refused, lambda: take(one, "suspend", Official(OFFICER, Role.AUDITOR), reason="x")),
        ("licence.holder", Refused, lambda: take(one, "report_lost", Official(OFFICER, Role.HOLDER), reason="x")),
        ("licence.step_unknown", NotFound, lambda: take(one, "destroy", WHO, reason="x")),
        ("licence.step_form", Malformed, lambda: take(one, "inspect", WHO, reason="x")),
        ("licence.words", Malformed, lambda: take(one, "suspend", WHO, reason="x" * 501)),
        ("licence.words", Malformed, lambda: take(one, "suspend", WHO, reason="x", basis="a\0b")),
        ("licence.effective", Malformed, lambda: take(one, "suspend", WHO, reason="x", effective=datetime(2030, 1, 1))),
        ("licence.effective", Malformed, lambda: take(one, "suspend", WHO, reason="x", effective=_far(told, 1))),
        ("licence.effective", Malformed, lambda: take(one, "suspend", WHO, reason="x", effective=_far(told, -1))),
        ("licence.no_inspection", Refused, lambda: told.life.inspect(one, WHO, result="passed")),
    ]
    for code, family, act in cases:
        with pytest.raises(family) as refused:
            act()  # type: ignore[operator]
        assert code_of(refused) == code
    assert state(told, one) == "CURRENT"
    with told.sessions.read() as session:
        written = [e.result for e in journal.entries(session, limit=200) if e.action.startswith("licence.")]
    assert {code for code, _, _ in cases} <= set(written)


def _far(desk: Desk, days: int) -> datetime:
    return desk.clock() + timedelta(days=days)


def test_the_holder_reports_the_loss_of_their_own(told: Desk, issued: IssuedLicence) -> None:
    holder = told.register.find(issued.licence_id).summary.holder_code
    own = Official(Actor("holder"), Role.HOLDER, holder)
    assert told.life.take(issued.licence_id, "report_lost", own, reason="遗失").role == "holder"


def test_written_later_than_it_happened(told: Desk, issued: IssuedLicence) -> None:
    """As it was, and as was known then."""
    one = issued.licence_id
    happened = told.clock()
    forward(told, days=10)
    between = told.clock()
    forward(told, days=10)
    done = told.life.take(one, "suspend", WHO, reason="补登", effective=happened)
    assert (done.effective, done.recorded) == (happened, told.clock())
    assert state(told, one, between) == "SUSPENDED"
    assert told.register.find(one, between).state == "SUSPENDED"
    assert told.register.find(one, between, known_at=between).state == "CURRENT"
    assert told.register.find(one, known_at=between).state == "CURRENT"
    assert [e.kind for e in told.register.history(one, at=between, known_at=between).events] == ["issue"]
    assert [e.kind for e in told.register.history(one, at=between).events] == ["issue", "suspend"]


def test_what_happened_later_must_stay_possible(told: Desk, issued: IssuedLicence) -> None:
    one = issued.licence_id
    early = told.clock()
    forward(told, days=1)
    told.life.take(one, "suspend", WHO, reason="x")
    forward(told, days=1)
    with pytest.raises(Refused) as refused:
        told.life.take(one, "revoke", WHO, reason="x", effective=early)
    assert code_of(refused) == "licence.later_event"
    told.life.take(one, "report_lost", WHO, reason="x", effective=told.clock() - timedelta(hours=1))
    assert state(told, one) == "LOST"


def test_revising_makes_a_version_and_keeps_the_old_one(told: Desk, issued: IssuedLicence) -> None:
    one, old = issued.licence_id, told.register.find(issued.licence_id)
    old_file = told.register.file(old)
    record = told.reviser.record_of(one)
    before = told.clock()
    forward(told, hours=1)
    name = next(n for n in ("subject", "name") if n in record)
    made = told.reviser.revise(one, {name: "物理" if name == "subject" else "李四"}, WHO, reason="更正")
    assert (made.version, made.created, made.licence_number) == (2, True, issued.licence_number)
    again = told.reviser.revise(one, {name: "物理" if name == "subject" else "李四"}, WHO, reason="更正")
    assert again == dataclasses.replace(made, created=False)
    view = told.register.find(one)
    lineage = view.message.lineage
    assert lineage is not None
    assert (lineage.kind, lineage.predecessor_id, lineage.predecessor_digest) == ("revision", one, old.file_digest)
    assert state(told, one) == published_old(told, old.message.status_list, old.message.status_index) == "SUPERSEDED"
    assert state(told, made.licence_id) == published(told, made.licence_id) == "CURRENT"
    assert told.register.find(one, before).licence_id == one
    with pytest.raises(Refused) as refused:
        told.register.referencable(one)
    assert code_of(refused) == "licence.old_version"
    report = told.verifier().verify(old_file)
    assert (str(report.indication), report.sub_indication) == ("TOTAL-FAILED", "LICENCE_SUPERSEDED")
    assert told.verifier().verify(told.register.file(view)).indication is Indication.PASSED
    past = told.register.history(one)
    assert [v.kind for v in past.versions] == ["issue", "revise"] and past.lineage_ok
    assert told.register.lineage(one).is_complete
    assert told.files.get(old.file_digest) == old_file


def published_old(desk: Desk, address: str, index: str) -> str:
    data = desk.status_lists.publish(address.rsplit("/", 1)[1])
    return load_status_list(data).status_at(int(index))


def test_reissue_after_loss(told: Desk, issued: IssuedLicence) -> None:
    one = issued.licence_id
    with pytest.raises(Refused) as refused:
        told.reviser.reissue(one, WHO, reason="补发")
    assert code_of(refused) == "licence.step"
    told.life.take(one, "suspend", WHO, reason="x")
    told.life.take(one, "report_lost", WHO, reason="x")
    made = told.reviser.reissue(one, WHO, reason="补发")
    assert made.version == 2 and state(told, made.licence_id) == "SUSPENDED"
    told.life.take(one, "resume", WHO, reason="x")
    assert state(told, made.licence_id) == "CURRENT"
    assert told.reviser.reissue(one, WHO, reason="补发") == dataclasses.replace(made, created=False)
    face = [(f.name, f.value) for f in told.register.find(one).message.face]
    assert face == [(f.name, f.value) for f in told.register.history(one).versions[0].message.face]
    told.life.take(one, "revoke", WHO, reason="x")
    with pytest.raises(Refused) as refused:
        told.reviser.reissue(one, WHO, reason="补发")  # what was made before is no answer any more
    assert code_of(refused) == "licence.step"


def test_two_revise_at_once(told: Desk, issued: IssuedLicence) -> None:
    def revise(name: str) -> IssuedLicence | LicenceTrustError:
        try:
            return told.reviser.revise(issued.licence_id, {"name": name}, WHO, reason="更名")
        except LicenceTrustError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(revise, ("张一", "张二")))
    won = [o for o in outcomes if isinstance(o, IssuedLicence)]
    lost = [o for o in outcomes if isinstance(o, LicenceTrustError)]
    assert won and all(isinstance(o, Conflict) for o in lost), lost
    past = told.register.history(issued.licence_id)
    assert len(past.versions) == 1 + len(won) and past.lineage_ok


def test_stopped_half_way_it_is_completed(told: Desk, issued: IssuedLicence) -> None:
    reviser = told.reviser
    with told.sessions.begin() as session:
        reviser._reserve_next(session, "revise", issued.licence_id, WHO, "更名", PLAIN, {"name": "李四"})
    with pytest.raises(Conflict) as refused:
        reviser.revise(issued.licence_id, {"name": "王五"}, WHO, reason="另改")
    assert code_of(refused) == "licence.version_under_way"
    found = recover(told.issuer)
    assert [o.version for o in found.completed] == [2]
    assert told.register.find(issued.licence_id).message.metadata["holder_name"] == "李四"


def test_what_became_impossible_is_void(told: Desk, issued: IssuedLicence) -> None:
    """Revoked between reservation and recording."""
    with told.sessions.begin() as session:
        told.reviser._reserve_next(session, "revise", issued.licence_id, WHO, "更名", PLAIN, {"name": "李四"})
    told.life.take(issued.licence_id, "revoke", WHO, reason="x")
    found = recover(told.issuer)
    assert not found.completed and len(found.voided) == 1
    assert told.register.find(issued.licence_id).summary.version == 1
    assert state(told, issued.licence_id) == "REVOKED"
    assert recover(told.issuer).voided == ()


def test_holder_and_number_stay(told: Desk, issued: IssuedLicence) -> None:
    record = told.reviser.record_of(issued.licence_id)
    other = example(told, number=1)
    holder = told.catalogue.get(TEACHER).holder
    changed = {k: other[k] for k in record if k in other}
    assert changed[holder.code] != record[holder.code]
    with pytest.raises(Refused) as refused:
        told.reviser.revise(issued.licence_id, changed, WHO, reason="x")
    assert code_of(refused) == "licence.holder_changed"
    with pytest.raises(Refused) as refused:
        told.reviser.revise(issued.licence_id, {}, WHO, reason="x")
    assert code_of(refused) == "licence.unchanged"
    for bad in ({"nonsense": "x"}, {holder.name: 7}, [1], "x", {"case": 1}):
        with pytest.raises(Malformed):
            told.reviser.revise(issued.licence_id, bad, WHO, reason="x")  # type: ignore[arg-type]


def test_holdings_of_a_moment(told: Desk, issued: IssuedLicence) -> None:
    view = told.register.find(issued.licence_id)
    code, then = view.summary.holder_code, told.clock()
    forward(told, days=1)
    told.reviser.revise(issued.licence_id, {"name": "李四"}, WHO, reason="更名")
    told.life.take(issued.licence_id, "cancel", WHO, reason="x")
    [now] = told.register.holdings(code)
    assert (now.holder_name, now.version, now.state) == ("李四", 2, "CANCELLED")
    [before] = told.register.holdings(code.lower(), at=then)
    assert (before.holder_name, before.version, before.state) == (view.summary.holder_name, 1, "CURRENT")
    assert told.register.holdings(code, at=then, types=["x"]) == ()
    assert told.register.holdings(code, at=then - timedelta(days=9)) == ()
    assert told.register.holdings("nobody") == ()


def test_ids_of_every_version_find_it(told: Desk, issued: IssuedLicence) -> None:
    made = told.reviser.revise(issued.licence_id, {"name": "李四"}, WHO, reason="更名")
    third = parse_licence_id(made.licence_id).with_version(3).text
    assert told.life.take(issued.licence_id, "suspend", WHO, reason="x").version == 2
    for act in (told.register.find, told.register.history, told.register.lineage):
        with pytest.raises(NotFound):
            act(third)


def test_two_act_at_once(told: Desk, issued: IssuedLicence) -> None:
    def suspend(_: int) -> str:
        try:
            return told.life.take(issued.licence_id, "suspend", WHO, reason="x").state
        except LicenceTrustError as error:
            return error.code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(suspend, range(3))) == ["SUSPENDED", "licence.step", "licence.step"]


def test_the_past_of_a_long_life_is_a_few_queries(told: Desk, issued: IssuedLicence) -> None:
    one, middle = issued.licence_id, told.clock()
    for number in range(50):
        told.life.take(one, "resume" if number % 2 else "suspend", WHO, reason="x")
        middle = forward(told, days=1) if number == 25 else middle
    holder = told.register.find(one).summary.holder_code
    asked: list[str] = []
    engine = told.sessions.reader
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for question in (
        lambda: told.register.history(one),
        lambda: told.register.history(one, at=middle, known_at=middle),
        lambda: told.register.find(one, middle),
        lambda: told.register.holdings(holder, at=middle),
        lambda: told.register.status(one, middle),
    ):
        asked.clear()
        question()
        assert 0 < len([a for a in asked if "SELECT" in a.upper()]) <= 3
    assert len(told.register.history(one).events) == 51
