"""Copies made, shown, accepted, refused, taken back: within the terms and no further, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from licence_store.copying import grants
from licence_store.copying.models import CopyEnd, CopyFile, CopyGrant, CopyLink, CopyLinkEnd, CopyRefusal, CopyUse
from licence_store.copying.uses import BY_CLERK
from licence_store.gathering import Gathering
from licence_store.holding.holder import StepUpNeeded
from licence_store.journal import entries
from licence_store.sharing.calls import Call, Caller
from licence_store.sharing.log import caller_actor
from licence_store.sharing.purposes import Purpose
from seal.lifecycle import Official, Role
from tests.licence_store.copying.conftest import CASE, CONSOLE, PURPOSE, Counter
from tests.licence_store.test_forms import issue
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused
from trust.journal import Actor
from trust.sharing_answer import read_answer
from verify.policy import StatedPurpose
from verify.report import Indication


def code_of(act: Callable[[], object]) -> str:
    """The code of the refusal, or ``ok``."""
    try:
        act()
    except LicenceTrustError as error:
        return error.code
    return "ok"


def told(counter: Counter, content: bytes, *, ahead: timedelta = timedelta(0), **stated: str) -> tuple[str, str | None]:
    """What the verifier says of a copy for what is stated, then."""
    report = counter.desk.verifier().verify(
        content, moment=counter.clock() + ahead, stated=StatedPurpose(**stated) if stated else None
    )
    return str(report.indication), report.sub_indication


# Making


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_the_same_copy_answers_differently_for_two_purposes_and_two_dates(counter: Counter, form: str) -> None:
    made = counter.make(form, uses=2)
    mine = {"purpose": PURPOSE, "recipient": counter.recipient}
    assert told(counter, made.data, **mine) == (Indication.PASSED, None)
    assert told(counter, made.data) == (Indication.INDETERMINATE, "COPY_PURPOSE_NOT_STATED")
    assert told(counter, made.data, **{**mine, "purpose": "申请贷款"}) == (Indication.FAILED, "COPY_PURPOSE_DIFFERS")
    assert told(counter, made.data, ahead=timedelta(days=9), **mine) == (Indication.FAILED, "COPY_EXPIRED")
    assert told(counter, made.data, **{**mine, "recipient": "某银行"}) == (Indication.FAILED, "COPY_RECIPIENT_DIFFERS")


def test_a_copy_is_on_record_and_kept_out_of_sight(counter: Counter) -> None:
    made = counter.make(uses=3, service_item="资格认定", case_number=CASE)
    view = counter.desk.copies.find(made.id)
    assert (view.recipient, view.purpose, view.uses, view.used, view.left) == (counter.recipient, PURPOSE, 3, 0, 3)
    assert view.digest == sm3(made.data).hex()
    assert view.terms["copy_id"] == made.id
    assert counter.copier.file(counter.who, made.id).data == made.data
    with counter.desk.sessions.read() as session:
        kept = grants.file_of(session, view)
    assert made.data[:64] not in counter.desk.files.get(kept.file)
    original = counter.desk.register.file(counter.desk.register.find(counter.licence_id))
    assert original not in made.data
    with counter.desk.sessions.read() as session:
        actions = [one.action for one in entries(session, subject=made.id)]
    assert actions == ["copy.make", "copy.download"]


def test_a_copy_ends_with_its_original_if_that_is_earlier(counter: Counter) -> None:
    asked = counter.request().until + timedelta(days=200)
    assert counter.make(until=asked).view.until == asked
    valid_to = counter.desk.register.find(counter.licence_id).summary.valid_to
    assert valid_to == ""  # long-term: the copy's own end counts


def test_the_original_stays_as_it_was(counter: Counter) -> None:
    view = counter.desk.register.find(counter.licence_id)
    before = counter.desk.register.file(view)
    made = counter.make()
    counter.copier.accept(made.id, counter.clerk, counter.stated())
    counter.copier.revoke(counter.who, made.id)
    assert counter.desk.register.file(counter.desk.register.find(counter.licence_id)) == before
    assert counter.desk.verifier().verify(before).indication is Indication.PASSED


UNASKABLE: list[tuple[dict[str, Any], str]] = [
    ({"recipient": " "}, "copy.word"),
    ({"purpose": ""}, "copy.word"),
    ({"purpose": "a\0b"}, "copy.word"),
    ({"recipient": "长" * 101}, "copy.word"),
    ({"recipient": "长" * 100_000}, "copy.word"),
    ({"service_item": "\u202e倒"}, "copy.word"),
    ({"case_number": "\ud800"}, "copy.word"),
    ({"uses": -1}, "copy.uses"),
    ({"uses": 1001}, "copy.uses"),
    ({"masked": ("nothing_like_it",)}, "copy.mask"),
]


def test_what_cannot_be_asked_for(counter: Counter) -> None:
    answered = [(changes, code_of(lambda changes=changes: counter.make(**changes))) for changes, _ in UNASKABLE]
    assert answered == UNASKABLE
    assert counter.copier.of_holder(counter.who) == ()


def test_a_copy_is_for_a_time_to_come(counter: Counter) -> None:
    moment = counter.clock()
    assert code_of(lambda: counter.make(until=moment)) == "copy.until"
    assert code_of(lambda: counter.make(until=moment - timedelta(days=1))) == "copy.until"
    assert code_of(lambda: counter.make(until=moment + timedelta(days=400))) == "copy.until"
    assert code_of(lambda: counter.make("docx")) == "copy.form"


def test_another_s_licence_is_not_there(counter: Counter) -> None:
    other = issue(counter.desk, "ofd").licence_id
    assert code_of(lambda: counter.copier.make(counter.who, other, counter.request())) == "licence.unknown"
    for item in ("", "nonsense", "m-nothing", "c-" + "0" * 24, "\0", "长" * 300):
        answer = code_of(lambda item=item: counter.copier.make(counter.who, item, counter.request()))
        assert answer.startswith("identifier.") or answer == "material.unknown", item


def test_rights_and_proof_are_asked_for(counter: Counter) -> None:
    looking = replace(counter.who, rights=frozenset({"view"}))
    elsewhere = replace(counter.who, types=frozenset({"11990000MB0D000105001"}))
    for_one_item = replace(counter.who, items=frozenset({"社保登记"}))
    weak = replace(counter.who, assurance=1)
    old = replace(counter.who, fresh_until=counter.clock() - timedelta(seconds=1))
    for who in (looking, elsewhere):
        assert (
            code_of(lambda who=who: counter.copier.make(who, counter.licence_id, counter.request())) == "holder.right"
        )
    item = counter.request(service_item="贷款")
    assert code_of(lambda: counter.copier.make(for_one_item, counter.licence_id, item)) == "holder.right"
    assert code_of(lambda: counter.copier.make(for_one_item, counter.licence_id, counter.request())) == "holder.right"
    allowed = counter.request(service_item="社保登记")
    assert code_of(lambda: counter.copier.make(for_one_item, counter.licence_id, allowed)) == "ok"
    made = counter.make()
    assert code_of(lambda: counter.copier.file(for_one_item, made.id)) == "holder.right"
    for who in (weak, old):
        with pytest.raises(StepUpNeeded):
            counter.copier.make(who, counter.licence_id, counter.request())
        with pytest.raises(StepUpNeeded):
            counter.copier.link(who, made.id)
    assert code_of(lambda: counter.copier.revoke(looking, made.id)) == "holder.right"
    assert code_of(lambda: counter.copier.own(elsewhere, made.id)) == "copy.unknown"
    assert counter.copier.of_holder(elsewhere) == ()
    assert made.id in {one.id for one in counter.copier.of_holder(looking)}


def test_nobody_else_s_copies_are_seen(counter: Counter) -> None:
    made = counter.make()
    stranger = replace(counter.who, holder=replace(counter.who.holder, code="51990000MA00000072"))
    for act in (
        lambda: counter.copier.own(stranger, made.id),
        lambda: counter.copier.history(stranger, made.id),
        lambda: counter.copier.file(stranger, made.id),
        lambda: counter.copier.revoke(stranger, made.id),
        lambda: counter.copier.link(stranger, made.id),
        lambda: counter.copier.withdraw(stranger, made.id, "k-0"),
    ):
        assert code_of(act) == "copy.unknown"
    assert counter.copier.of_holder(stranger) == ()


def test_only_what_is_in_force_is_copied(counter: Counter) -> None:
    official = Official(counter.clerk, Role.OFFICER)
    made = counter.make()
    counter.desk.life.take(counter.licence_id, "suspend", official, reason="调查")
    assert code_of(counter.make) == "licence.not_referencable"
    assert code_of(lambda: counter.copier.accept(made.id, counter.clerk, counter.stated())) == "copy.original_ended"
    stated = {"purpose": PURPOSE, "recipient": counter.recipient}
    assert told(counter, made.data, **stated) == (Indication.INDETERMINATE, "LICENCE_SUSPENDED")
    counter.desk.life.take(counter.licence_id, "resume", official, reason="查清")
    assert counter.copier.accept(made.id, counter.clerk, counter.stated()).number == 1


def test_what_is_masked_is_not_in_the_copy(counter: Counter) -> None:
    message = counter.desk.register.find(counter.licence_id).message
    hidden = next(one for one in message.face if one.name != "name" and len(one.text) > 6)
    made = counter.make(masked=(hidden.name,))
    assert made.view.terms["masked"] == [hidden.name]
    assert hidden.text not in str(made.view.terms)
    stated = {"purpose": PURPOSE, "recipient": counter.recipient}
    assert told(counter, made.data, **stated) == (Indication.PASSED, None)


# Accepting


def test_a_use_is_counted_by_an_acceptance_and_by_nothing_else(counter: Counter) -> None:
    made = counter.make(uses=2)
    stated = StatedPurpose(PURPOSE, counter.recipient)
    for _ in range(3):
        assert counter.copier.show(made.data, stated).report.indication is Indication.PASSED
    assert counter.desk.copies.find(made.id).used == 0
    first = counter.copier.accept(made.data, counter.clerk, counter.stated())
    assert (first.number, first.left, first.recipient, first.digest) == (1, 1, counter.recipient, made.view.digest)
    second = counter.copier.accept(made.id, counter.clerk, counter.stated(case_number="另一件"))
    assert (second.number, second.left) == (2, 0)
    assert code_of(lambda: counter.copier.accept(made.data, counter.clerk, counter.stated())) == "copy.used_up"
    assert told(counter, made.data, purpose=PURPOSE, recipient=counter.recipient) == ("TOTAL-FAILED", "COPY_USED_UP")
    history = counter.copier.history(counter.who, made.id)
    assert [one.number for one in history.uses] == [2, 1]
    assert [one.code for one in history.refusals] == ["copy.used_up"]


STATED: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({}, {"purpose": "申请贷款"}, "copy.purpose_differs"),
    ({}, {"purpose": f"　{PURPOSE[:3]} {PURPOSE[3:]}"}, "ok"),
    ({}, {"recipient": "某银行"}, "copy.recipient_differs"),
    ({"recipient": "某银行"}, {}, "copy.recipient_differs"),
    ({"service_item": "资格认定"}, {}, "copy.service_item_differs"),
    ({"service_item": "资格认定"}, {"service_item": "资格认定"}, "ok"),
    ({"case_number": CASE}, {"case_number": "另一件"}, "copy.case_differs"),
    ({"case_number": CASE}, {}, "ok"),
    ({}, {"case_number": ""}, "ok"),
    ({}, {"digest": "0" * 64}, "copy.file_differs"),
    ({}, {"purpose": ""}, "copy.word"),
    ({}, {"purpose": "长" * 1000}, "copy.word"),
    ({}, {"key": "键"}, "copy.key"),
]


def test_acceptance_stays_within_the_terms(counter: Counter) -> None:
    for terms, given, code in STATED:
        made, stated = counter.make(**terms), counter.stated(**given)
        answered = code_of(lambda made=made, stated=stated: counter.copier.accept(made.id, counter.clerk, stated))
        assert answered == code, (terms, given)
        assert len(counter.copier.history(counter.who, made.id).uses) == (code == "ok")


def test_refusals_are_recorded_and_count_nothing(counter: Counter) -> None:
    made = counter.make(uses=1)
    with pytest.raises(Refused):
        counter.copier.accept(made.id, counter.clerk, counter.stated(purpose="申请贷款"))
    counter.copier.refuse(made.data, counter.clerk, counter.stated(), "照片与本人不符")
    assert code_of(lambda: counter.copier.refuse(made.id, counter.clerk, counter.stated(), " ")) == "copy.reason"
    history = counter.copier.history(counter.who, made.id)
    assert history.refusals[0].reason == "照片与本人不符"
    assert [one.code for one in history.refusals] == [BY_CLERK, "copy.purpose_differs"]
    assert history.view.used == 0
    assert counter.copier.accept(made.id, counter.clerk, counter.stated()).number == 1


def test_the_use_ledger_tells_the_holder(counter: Counter) -> None:
    made = counter.make(uses=1)
    counter.copier.accept(made.data, counter.clerk, counter.stated())
    with pytest.raises(Refused):
        counter.copier.accept(made.data, counter.clerk, counter.stated())
    page = counter.desk.ledger.page(counter.who.holder.code)
    told_of = [(one.act, one.result, one.who) for one in page.entries if one.subject == made.id]
    assert told_of[0] == ("refuse", "copy.used_up", counter.recipient)
    assert told_of[1] == ("use", "ok", counter.recipient)
    assert told_of[2][:2] == ("copy", "ok")
    assert counter.desk.ledger.check(counter.who.holder.code).intact


def test_who_belongs_to_no_department_says_for_whom(counter: Counter) -> None:
    made = counter.make(recipient="某银行")
    system = Actor("bank/core", None, None, "http")
    assert code_of(lambda: counter.copier.accept(made.id, system, counter.stated())) == "copy.recipient_missing"
    use = counter.copier.accept(made.id, system, counter.stated(recipient="某银行"))
    assert (use.recipient, use.department, use.actor) == ("某银行", "", "bank/core")


def test_a_changed_copy_is_not_accepted(counter: Counter) -> None:
    made = counter.make()
    changed = bytearray(made.data)
    changed[len(changed) // 2] ^= 1
    assert code_of(lambda: counter.copier.accept(bytes(changed), counter.clerk, counter.stated())) in (
        "copy.not_ours", "copy.file_differs", "copy.not_passed",
    )  # fmt: skip
    original = counter.desk.register.file(counter.desk.register.find(counter.licence_id))
    assert code_of(lambda: counter.copier.accept(original, counter.clerk, counter.stated())) == "copy.not_ours"
    assert code_of(lambda: counter.copier.accept(b"", counter.clerk, counter.stated())) == "copy.not_ours"
    assert counter.desk.copies.find(made.id).used == 0


def test_what_is_no_copy_of_ours(counter: Counter) -> None:
    for copy_id in ("", "c-", "c-" + "0" * 24, "c-\0", "c-长", "x" * 5000, "c-" + "a" * 5000):
        accept = partial(counter.copier.accept, copy_id, counter.clerk, counter.stated())
        assert code_of(accept) == "copy.unknown"
        assert counter.desk.copies.copy_status(copy_id, counter.clock()) is None


def test_the_same_key_is_the_same_use(counter: Counter) -> None:
    made = counter.make(uses=1)
    first = counter.copier.accept(made.id, counter.clerk, counter.stated(key="t1"))
    again = counter.copier.accept(made.id, counter.clerk, counter.stated(key="t1"))
    assert (first.number, first.replayed, again.number, again.replayed) == (1, False, 1, True)
    other = counter.stated(key="t1", case_number="另一件")
    assert code_of(lambda: counter.copier.accept(made.id, counter.clerk, other)) == "copy.key_reused"
    assert counter.desk.copies.find(made.id).used == 1


def test_never_beyond_the_count_however_many_come_at_once(counter: Counter) -> None:
    made = counter.make(uses=3)
    start, outcomes = threading.Barrier(12), list[str]()

    def come(number: int) -> None:
        start.wait()
        stated = counter.stated(case_number=f"件{number}", key=f"k{number}")
        outcomes.append(code_of(lambda: counter.copier.accept(made.id, counter.clerk, stated)))

    run_all(come, 12)
    assert sorted(outcomes) == ["copy.used_up"] * 9 + ["ok"] * 3
    history = counter.copier.history(counter.who, made.id)
    assert [one.number for one in history.uses] == [3, 2, 1]
    assert len(history.refusals) == 9


def test_regions_that_send_the_same_at_once(counter: Counter) -> None:
    """Each asks again before it was answered, under the same key: one use of each, and no answer of the other's."""
    made, everything = counter.make(uses=2), frozenset({"*"})
    start, told = threading.Barrier(6), list[tuple[str, str, str]]()
    stated = {"purpose": made.view.purpose, "recipient": made.view.recipient}

    def come(number: int) -> None:
        region = ("110000", "310000")[number % 2]
        caller = Caller(f"region:{region}", region, "region", region, everything, everything, everything)
        asked = {"copy_id": made.id, "key": "k", "stated": {**stated, "case_number": region}}
        call = Call(caller, "accept", asked, Purpose("s", *"一二三四"), "0" * 64, caller_actor(caller.id, "192.0.2.1"))
        start.wait()
        answer = read_answer(counter.desk.sharing.ask(call))
        told.append((region, answer.outcome, str(answer.result["number"])))

    run_all(come, 6)
    assert len(told) == 6 and {outcome for _, outcome, _ in told} == {"TRUE"}
    assert {number for _, _, number in told} == {"1", "2"} and len(set(told)) == 2
    assert {one.case_number for one in counter.copier.history(counter.who, made.id).uses} == {"110000", "310000"}


def test_the_tables_themselves_know_the_limit(counter: Counter) -> None:
    made = counter.make(uses=1)
    use = counter.copier.accept(made.id, counter.clerk, counter.stated())
    row = {
        "copy_id": made.id, "number": 2, "uses": 1, "at": use.at, "actor": "x", "department": "", "recipient": "",
        "purpose": "", "service_item": "", "case_number": "", "original_seen": False, "digest": "", "key": "y",
    }  # fmt: skip
    for changes in ({}, {"uses": 0}, {"uses": 5}, {"number": 1}):
        with pytest.raises(Conflict), counter.desk.sessions.begin() as session:
            session.execute(insert(CopyUse), [{**row, **changes}])


def test_what_is_on_record_stays(counter: Counter) -> None:
    made = counter.make()
    counter.copier.accept(made.id, counter.clerk, counter.stated())
    counter.copier.refuse(made.id, counter.clerk, counter.stated(), "试")
    counter.copier.link(counter.who, made.id)
    counter.copier.revoke(counter.who, made.id)
    for model in (CopyGrant, CopyEnd, CopyUse, CopyRefusal, CopyLink, CopyLinkEnd):
        column = next(iter(model.__table__.columns))
        for act in (delete(model), update(model).values({column.name: column})):
            with pytest.raises(Exception, match="append-only|冲突|不可用"), counter.desk.sessions.begin() as session:
                session.execute(act)


# Taking back


def test_a_revoked_copy_is_refused_everywhere(counter: Counter) -> None:
    made = counter.make()
    before = counter.clock()
    link = counter.copier.link(counter.who, made.id)
    counter.clock.forward(minutes=1)
    view = counter.copier.revoke(counter.fresh(), made.id, "不再需要")
    assert (view.state(counter.clock()), view.reason) == ("REVOKED", "不再需要")
    stated = {"purpose": PURPOSE, "recipient": counter.recipient}
    assert told(counter, made.data, **stated) == (Indication.FAILED, "COPY_REVOKED")
    assert told(counter, made.data, ahead=before - counter.clock(), **stated) == (Indication.PASSED, None)
    for act, code in (
        (lambda: counter.copier.accept(made.data, counter.clerk, counter.stated()), "copy.revoked"),
        (lambda: counter.copier.file(counter.who, made.id), "copy.revoked"),
        (lambda: counter.copier.link(counter.fresh(), made.id), "copy.revoked"),
        (lambda: counter.copier.take(link.token, CONSOLE), "copy.link_withdrawn"),
        (lambda: counter.copier.revoke(counter.who, made.id), "copy.revoked_already"),
    ):
        assert code_of(act) == code
    with counter.desk.sessions.read() as session:
        assert code_of(lambda: grants.file_of(session, view)) == "copy.file_gone"


def test_all_go_when_an_account_is_closed(counter: Counter) -> None:
    made = [counter.make() for _ in range(3)]
    assert counter.copier.forget(counter.who.holder.code, CONSOLE) == 3
    assert counter.copier.forget(counter.who.holder.code, CONSOLE) == 0
    assert {counter.desk.copies.find(one.id).state(counter.clock()) for one in made} == {"REVOKED"}


def test_files_go_when_their_time_is_over(counter: Counter) -> None:
    made, later = counter.make(), counter.make(until=counter.request().until + timedelta(days=30))
    with counter.desk.sessions.read() as session:
        place = grants.file_of(session, made.view).file
    assert counter.copier.sweep(counter.clock()) == 0
    counter.clock.forward(days=9)
    assert counter.copier.sweep(counter.clock()) == 1
    with pytest.raises(NotFound):
        counter.desk.files.get(place)
    assert code_of(lambda: counter.copier.file(counter.who, made.id)) == "copy.expired"
    assert counter.copier.file(counter.who, later.id).data == later.data
    with counter.desk.sessions.read() as session:
        assert session.query(CopyFile).count() == 1


def test_copies_come_page_by_page(counter: Counter) -> None:
    ids = {counter.make().id for _ in range(5)}
    seen: list[str] = []
    after = None
    while page := counter.copier.of_holder(counter.who, after=after, limit=2):
        seen += [one.id for one in page]
        after = (page[-1].made, page[-1].id)
    assert len(seen) == 5
    assert set(seen) == ids


# Links


def test_a_link_gives_the_copy_once(counter: Counter) -> None:
    made = counter.make()
    link = counter.copier.link(counter.who, made.id)
    for _ in range(3):
        offered = counter.copier.offered(link.token)
        assert (offered.link.state(counter.clock()), offered.view.id) == ("open", made.id)
    assert counter.copier.take(link.token, CONSOLE).data == made.data
    assert code_of(lambda: counter.copier.take(link.token, CONSOLE)) == "copy.link_taken"
    [record] = counter.copier.history(counter.who, made.id).links
    assert (record.id, record.state(counter.clock())) == (link.id, "taken")
    assert link.token not in str(record)


def test_a_link_burns_once_however_many_come_at_once(counter: Counter) -> None:
    made = counter.make()
    link = counter.copier.link(counter.who, made.id)
    start, outcomes = threading.Barrier(8), list[str]()

    def come(_: int) -> None:
        start.wait()
        outcomes.append(code_of(lambda: counter.copier.take(link.token, CONSOLE)))

    run_all(come, 8)
    assert sorted(outcomes) == ["copy.link_taken"] * 7 + ["ok"]


def test_links_end(counter: Counter) -> None:
    made = counter.make()
    for valid in (timedelta(0), timedelta(days=8), timedelta(days=-1)):
        assert code_of(lambda valid=valid: counter.copier.link(counter.who, made.id, valid)) == "copy.link_valid"
    short = counter.copier.link(counter.who, made.id, timedelta(minutes=5))
    kept = counter.copier.link(counter.who, made.id)
    counter.copier.withdraw(counter.who, made.id, kept.id)
    assert code_of(lambda: counter.copier.take(kept.token, CONSOLE)) == "copy.link_withdrawn"
    assert code_of(lambda: counter.copier.withdraw(counter.who, made.id, kept.id)) == "copy.link_withdrawn"
    counter.clock.forward(minutes=6)
    assert code_of(lambda: counter.copier.take(short.token, CONSOLE)) == "copy.link_expired"
    for token in ("", "x", "\ud800", short.token[:-1], "长" * 100):
        assert code_of(lambda token=token: counter.copier.take(token, CONSOLE)) == "copy.link_unknown"
    assert code_of(lambda: counter.copier.withdraw(counter.who, made.id, "k-nothing")) == "copy.link_unknown"


def test_a_key_that_is_away_leaves_the_link_good(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    made = counter.make()
    link = counter.copier.link(counter.who, made.id)
    with counter.desk.sessions.read() as session:
        place = grants.file_of(session, made.view).file
    content = counter.desk.files.get(place)
    counter.desk.files.discard(place)
    with pytest.raises(LicenceTrustError):
        counter.copier.take(link.token, CONSOLE)
    counter.desk.files.put(content)
    assert counter.copier.take(link.token, CONSOLE).data == made.data


def run_all(come: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=come, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def test_the_holder_is_told_of_what_was_accepted_and_what_was_not(counter: Counter) -> None:
    made = counter.make(uses=2)
    counter.copier.accept(made.data, counter.clerk, counter.stated())
    for _ in range(3):
        wrong = partial(counter.copier.accept, made.data, counter.clerk, counter.stated(purpose="申请贷款"))
        assert code_of(wrong) == "copy.purpose_differs"
    told = Gathering(counter.desk).notices(counter.who, "zh-CN")
    assert [one.licence_id for one in told] == [made.id, made.id], "the same refusal is told once a day"
    refused, accepted = told
    assert refused.text.heading.startswith("用证副本没有被采用") and "申请贷款" in refused.text.body
    assert f"用途：{PURPOSE}" in accepted.text.body and "这是第 1 次" in accepted.text.body
