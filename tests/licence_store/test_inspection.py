"""年检、到期与延续: what time brings is so from its moment, whether or not a sweep has said it; both engines."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, timedelta

import pytest

from licence_store.criteria import Criteria
from licence_store.desk import Desk
from licence_store.extras import IssueExtras
from licence_store.models import Licence
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from licence_store.standing import beginning_of
from tests.licence_store.conftest import OFFICER, ToldClock
from tests.licence_store.test_issuance import example
from tests.licence_store.test_life import WHO, code_of, forward, published, state
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.identifiers import LicenceId, parse_licence_id

SOCIETY, NURSE = "social-organisation", "nurse-certificate"


@pytest.fixture
def told(desk: Desk) -> Desk:
    """The desk on a clock that is told the time, which stands where the region was made."""
    clock = ToldClock()
    clock.now = desk.clock()
    return dataclasses.replace(desk, clock=clock)


def issue(desk: Desk, slug: str = SOCIETY, years: int = 4, number: int = 0) -> IssuedLicence:
    """A licence valid for ``years`` from today."""
    today = desk.clock().date()
    until = today.replace(year=today.year + years) - timedelta(days=1)
    stated = {"valid_period": f"{today}/{until}"} if slug == SOCIETY else {"valid_until": str(until)}
    made = desk.issuer.issue(slug, example(desk, slug, number, **stated), officer=OFFICER)
    forward(desk, minutes=1)
    return made


def at(desk: Desk, day: date, **more: float) -> datetime:
    """Put the clock to a day's beginning, Beijing time."""
    clock = desk.clock
    assert isinstance(clock, ToldClock)
    clock.now = beginning_of(day) + timedelta(**more)
    desk.trust._looked = float("-inf")  # lists of revoked certificates are renewed in time
    return clock.now


def everywhere(desk: Desk, licence_id: str) -> str:
    """What everybody says, which must be the same."""
    one = state(desk, licence_id)
    found = desk.register.find(licence_id)
    [listed] = desk.search.page(Criteria(text=licence_id)).items
    assert {one, published(desk, licence_id), str(found.state), str(listed.state)} == {one}
    return one


def test_an_inspection_missed_is_overdue_from_its_moment(told: Desk) -> None:
    one = issue(told).licence_id
    year = told.clock().year + 1
    at(told, date(year, 5, 31), hours=23, minutes=59)
    assert everywhere(told, one) == "CURRENT" and not told.life.sweep().licences
    at(told, date(year, 6, 1))
    assert everywhere(told, one) == "INSPECTION_OVERDUE"
    since = told.register.find(one).summary.since
    swept = told.life.sweep()
    assert (swept.expired, swept.overdue) == (0, 1) and not told.life.sweep().licences
    assert everywhere(told, one) == "INSPECTION_OVERDUE" and told.register.find(one).summary.since == since
    event = told.life.inspect(one, WHO, result="passed", evidence=("年检报告.pdf", b"%PDF-"))
    assert (event.period, event.state, event.due_year) == (str(year), "CURRENT", year + 1)
    assert told.files.get(event.evidence) == b"%PDF-" and event.evidence_name == "年检报告.pdf"
    assert everywhere(told, one) == "CURRENT"
    assert recover(told.issuer, sweep_after=-1).swept == 0
    assert told.files.get(event.evidence) == b"%PDF-"
    [inspection] = told.register.history(one).inspections
    assert inspection == event


def test_an_inspection_written_later_undoes_nothing_that_was_known(told: Desk) -> None:
    one = issue(told).licence_id
    year = told.clock().year + 1
    overdue = at(told, date(year, 6, 2))
    told.life.sweep()
    forward(told, days=1)
    told.life.inspect(one, WHO, result="passed", effective=beginning_of(date(year, 5, 2)))
    assert everywhere(told, one) == "CURRENT" and state(told, one, overdue) == "CURRENT"
    assert told.register.find(one, overdue, known_at=overdue).state == "INSPECTION_OVERDUE"
    at(told, date(year + 1, 6, 1))
    assert everywhere(told, one) == "INSPECTION_OVERDUE"


def test_a_failed_inspection_has_its_consequence(told: Desk) -> None:
    one = issue(told).licence_id
    year = told.clock().year + 1
    at(told, date(year, 2, 1))
    told.life.inspect(one, WHO, result="failed", remarks="账目不清\n限期整改")
    assert everywhere(told, one) == "SUSPENDED"
    assert [e.kind for e in told.register.events(one)] == ["issue", "inspect", "suspend"]
    told.life.inspect(one, WHO, result="basically_passed", period=str(year))
    assert everywhere(told, one) == "SUSPENDED"
    with pytest.raises(Conflict) as refused:
        told.life.inspect(one, WHO, result="passed", period=str(year))
    assert code_of(refused) == "licence.already_inspected"
    told.life.take(one, "resume", WHO, reason="整改合格")
    assert everywhere(told, one) == "CURRENT"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"result": "excellent"}, "licence.inspection_result"),
        ({"result": "passed"}, "licence.inspection_period"),
        ({"result": "passed", "period": "2999"}, "licence.inspection_period"),
        ({"result": "passed", "period": "0000"}, "licence.inspection_period"),
        ({"result": "passed", "period": "٢٠٢٧"}, "licence.inspection_year"),
        ({"result": "passed", "period": "soon"}, "licence.inspection_year"),
        ({"result": "passed", "remarks": "x" * 501}, "licence.words"),
        ({"result": "passed", "evidence": ("x.pdf", b"")}, "licence.evidence"),
        ({"result": "passed", "evidence": ("", b"x")}, "licence.evidence"),
    ],
)
def test_inspections_that_are_refused(told: Desk, given: dict[str, object], code: str) -> None:
    made = issue(told).licence_id
    with pytest.raises((Refused, Malformed)) as refused:
        told.life.inspect(made, WHO, effective=None, **given)  # type: ignore[arg-type]
    assert code_of(refused) in (code, "licence.inspection_period")
    assert len(told.register.events(made)) == 1


def test_a_licence_that_was_there_before_is_not_overdue_at_once(told: Desk) -> None:
    """Issued on paper ten years ago, entered today: the next inspection is the one that comes next."""
    today = told.clock().date()
    record = example(told, SOCIETY, valid_period=f"2016-01-01/{today.year + 2}-12-31")
    made = told.issuer.issue(SOCIETY, record, officer=OFFICER, extras=IssueExtras(issued_on="2016-01-01"))
    assert state(told, made.licence_id) == "CURRENT"
    at(told, date(today.year + 1, 6, 1))
    assert everywhere(told, made.licence_id) == "INSPECTION_OVERDUE"


def test_expiry_before_and_after_its_sweep(told: Desk) -> None:
    one = issue(told, NURSE, years=1).licence_id
    last = date.fromisoformat(told.register.find(one).summary.valid_to)
    at(told, last, hours=23, minutes=59, seconds=59)
    assert everywhere(told, one) == "CURRENT"
    at(told, last + timedelta(days=1))
    assert everywhere(told, one) == "EXPIRED"
    assert told.life.sweep().expired == 1 and not told.life.sweep().licences
    assert everywhere(told, one) == "EXPIRED"
    assert told.register.events(one)[-1].effective == beginning_of(last + timedelta(days=1))
    with pytest.raises(Refused) as refused:
        told.life.take(one, "suspend", WHO, reason="x")
    assert code_of(refused) == "licence.step"
    told.life.take(one, "cancel", WHO, reason="到期注销")
    assert everywhere(told, one) == "CANCELLED"


def test_a_list_is_not_given_again_past_an_expiry(told: Desk) -> None:
    one = issue(told, NURSE, years=1).licence_id
    last = date.fromisoformat(told.register.find(one).summary.valid_to)
    at(told, last, hours=23, minutes=59, seconds=50)
    assert published(told, one) == "CURRENT"
    forward(told, seconds=20)
    assert published(told, one) == "EXPIRED"


def test_sweeps_in_small_pieces(told: Desk) -> None:
    made = [issue(told, NURSE, years=1, number=n).licence_id for n in range(3)]
    at(told, date(told.clock().year + 1, 12, 31))
    assert told.life.sweep(limit=2).expired == 2
    assert told.life.sweep(limit=2).expired == 1
    assert {state(told, one) for one in made} == {"EXPIRED"}
    with told.sessions.read() as session:
        assert {row.next_change for row in session.query(Licence)} == {None}


# ---------------------------------------------------------------- 延续


def test_renewal_in_its_window(told: Desk) -> None:
    made = issue(told, NURSE, years=1)
    one, old = made.licence_id, told.register.find(made.licence_id)
    last = date.fromisoformat(old.summary.valid_to)
    new_end = str(last.replace(year=last.year + 1))
    with pytest.raises(Refused) as refused:
        told.reviser.renew(one, {"valid_until": new_end}, WHO, reason="延续")
    assert code_of(refused) == "licence.renewal_window"
    before = at(told, last - timedelta(days=90))
    with pytest.raises(Refused) as refused:
        told.reviser.renew(one, None, WHO, reason="延续")
    assert code_of(refused) == "licence.renewal_period"
    forward(told, minutes=1)
    renewed = told.reviser.renew(one, {"valid_until": new_end}, WHO, reason="延续")
    assert renewed.created and renewed.version == 1 and renewed.licence_number == made.licence_number
    assert told.reviser.renew(one, None, WHO, reason="延续") == dataclasses.replace(renewed, created=False)
    assert (everywhere(told, one), everywhere(told, renewed.licence_id)) == ("SUPERSEDED", "CURRENT")
    assert told.register.find(one).successor == renewed.licence_id
    assert told.register.find(renewed.licence_id).predecessor == one
    assert told.register.find(one, before).successor == ""
    lineage = told.register.find(renewed.licence_id).message.lineage
    assert lineage is not None and (lineage.kind, lineage.predecessor_digest) == ("renewal", old.file_digest)
    proof = told.register.lineage(renewed.licence_id)
    assert [link.licence_id for link in proof.links] == [one, renewed.licence_id] and proof.is_complete
    with pytest.raises(Refused):
        told.reviser.revise(one, {"workplace": "别处"}, WHO, reason="x")


def test_renewal_of_a_number_that_is_the_holder_s(told: Desk) -> None:
    made = issue(told, years=1)
    last = date.fromisoformat(told.register.find(made.licence_id).summary.valid_to)
    year = last.year
    at(told, date(year, 4, 1))
    told.life.inspect(made.licence_id, WHO, result="passed")
    at(told, last + timedelta(days=20))
    assert state(told, made.licence_id) == "EXPIRED"
    period = {"valid_period": f"{last + timedelta(days=1)}/{last.replace(year=year + 4)}"}
    renewed = told.reviser.renew(made.licence_id, period, WHO, reason="延续")
    assert renewed.licence_number == made.licence_number
    assert everywhere(told, made.licence_id) == "SUPERSEDED"
    record = {**told.reviser.record_of(renewed.licence_id), "name": "演示另一协会"}
    with pytest.raises(Conflict) as refused:
        told.issuer.issue(SOCIETY, record, officer=OFFICER)
    assert code_of(refused) == "licence.number_in_use"


def test_what_was_suspended_before_it_expired_is_not_renewed(told: Desk) -> None:
    made = issue(told, years=1)
    told.life.take(made.licence_id, "suspend", WHO, reason="x")
    last = date.fromisoformat(told.register.find(made.licence_id).summary.valid_to)
    at(told, last + timedelta(days=2))
    period = {"valid_period": f"{last}/{last.replace(year=last.year + 4)}"}
    with pytest.raises(Refused) as refused:
        told.reviser.renew(made.licence_id, period, WHO, reason="延续")
    assert code_of(refused) == "licence.renewal_not_sound"


@pytest.mark.parametrize("step", ["revoke", "annul", "cancel"])
def test_an_ended_licence_lets_go_of_its_number(told: Desk, step: str) -> None:
    made = issue(told)
    record = {**told.reviser.record_of(made.licence_id), "name": "演示新办协会"}
    with pytest.raises(Conflict):
        told.issuer.issue(SOCIETY, record, officer=OFFICER)
    told.life.take(made.licence_id, step, WHO, reason="x")
    again = told.issuer.issue(SOCIETY, record, officer=OFFICER)
    assert again.created and again.licence_number == made.licence_number
    with pytest.raises(Conflict):
        told.issuer.issue(SOCIETY, {**record, "name": "演示第三协会"}, officer=OFFICER)


def test_questions_before_an_act(told: Desk) -> None:
    one = issue(told).licence_id
    assert told.life.refusal(one, "suspend", WHO) is None
    refusal = told.life.refusal(one, "found", WHO)
    assert refusal is not None and refusal.code == "licence.step"
    assert {"suspend", "revise", "cancel"} <= {s.name for s in told.life.allowed(one, WHO)}
    with pytest.raises(NotFound):
        told.life.allowed(_other(one), WHO)


def _other(licence_id: str) -> str:
    one = parse_licence_id(licence_id)
    return LicenceId(one.type_code, one.issuer_code, "0" * 20, 1).text


def test_a_predecessor_that_keeps_its_term(told: Desk) -> None:
    """By the type's rule the renewed licence stays until its own end, and its successor is current beside it."""
    source = json.loads(json.dumps(told.catalogue.get(NURSE).source))
    source["renewal"] = {"opens_days": 90, "closes_days": 0, "predecessor": "until_end"}
    told.catalogue.import_definition(source, OFFICER)
    one = issue(told, NURSE, years=1).licence_id
    last = date.fromisoformat(told.register.find(one).summary.valid_to)
    at(told, last - timedelta(days=30))
    new_end = {"valid_until": str(last.replace(year=last.year + 1))}
    renewed = told.reviser.renew(one, new_end, WHO, reason="延续").licence_id
    assert (everywhere(told, one), everywhere(told, renewed)) == ("CURRENT", "CURRENT")
    assert told.register.find(one).successor == renewed
    with pytest.raises(Refused):
        told.life.take(one, "found", WHO, reason="x")
    assert told.reviser.renew(one, new_end, WHO, reason="延续").licence_id == renewed
    at(told, last + timedelta(days=1))
    assert (everywhere(told, one), everywhere(told, renewed)) == ("EXPIRED", "CURRENT")
