"""False promotion is impossible: nothing but a department's believed statement about just this item raises a level."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from licence_store.desk import DeskSettings, now, open_desk
from licence_store.materials import checking, events
from licence_store.materials.kinds import find_kind
from licence_store.materials.models import MaterialEvent
from licence_store.materials.views import MaterialView
from seal.models import table
from seal.using import uses
from tests.licence_store.materials.world import REASON, SAME, Bench, code_of
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError
from trust.journal import Actor
from trust.signed import sign_document, write_moment
from verify.credibility import Aspect, Event, open_statement, statement_payload, wrap_statement

PROPER: Mapping[str, Any] = {"compared": SAME, "original_seen": True, "reason": REASON}


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act()
    return code_of(caught.value)


def test_a_check_raises_and_says_on_whose_word(bench: Bench) -> None:
    mine = bench.add()
    assert (mine.level, mine.usable, mine.original_check_required) == ("C", "after_check", True)
    checked = bench.check(mine.id, valid_until="2036-12-31")
    assert (checked.level, checked.usable, checked.original_check_required) == ("B", "directly", False)
    assert (checked.checked_by, checked.checked_officer, checked.valid_until) == ("演示省教育厅", "wang", "2036-12-31")
    assert checked.problems == ()
    with bench.desk.sessions.read() as reading:
        [_, event] = events.events_of(reading, [mine.id])[mine.id]
    statement = open_statement(event.statement)
    assert statement.compared[1] == Aspect("姓名", "林 望舒", "林望舒")
    assert (statement.material_id, statement.upload, statement.before, statement.after) == (
        mine.id,
        mine.digest,
        "C",
        "B",
    )
    with bench.desk.sessions.read() as reading:
        [use] = uses(reading, statement.seal_id)
    assert (use.subject, use.document, use.officer) == (mine.id, event.details["statement"], "wang")
    [note] = bench.desk.ledger.page(bench.owner.holder.code).entries
    assert (note.act, note.subject, note.who_id, note.why) == ("check", mine.id, "wang", REASON)
    report = bench.add(kind="third_party_report", title="检测报告")
    assert (report.level, bench.check(report.id).level) == ("D", "B")


REFUSED = [
    ({"original_seen": False}, "material.original_unseen"),
    ({"compared": ()}, "material.compared"),
    ({"compared": (("姓名", "甲", ""),)}, "material.compared"),
    ({"compared": (("姓名", "甲\n", "甲"), ("x" * 301, "甲", "甲"))}, "material.compared"),
    ({"compared": (("姓名", "甲", "乙"),)}, "material.differs"),
    ({"compared": SAME * 51}, "material.compared"),
    ({"reason": "  "}, "material.words"),
    ({"reason": "x" * 501}, "material.words"),
    ({"reason": "a\x00b"}, "material.words"),
    ({"valid_until": "2020-01-01"}, "material.expired"),
    ({"valid_until": "31.12.2036"}, "material.valid_until"),
    ({"valid_until": "2036-1-1"}, "material.valid_until"),
]


def test_what_bears_no_b(bench: Bench) -> None:
    mine = bench.add()
    for changed, expected in REFUSED:
        assert code(lambda changed=changed: bench.check(mine.id, **changed)) == expected
    assert bench.materials.find(mine.id).level == "C"
    assert len(bench.materials.history(mine.id, bench.owner)) == 1


def test_the_seal_must_be_in_use_and_granted(bench: Bench) -> None:
    mine = bench.add()
    with bench.desk.sessions.begin() as session:
        session.execute(text("UPDATE seal SET state = 'FROZEN' WHERE department_id = 'education'"))
    assert code(lambda: bench.check(mine.id)) == "material.no_seal"
    with bench.desk.sessions.begin() as session:
        session.execute(text("UPDATE seal SET state = 'ACTIVE' WHERE department_id = 'education'"))
        session.execute(text("UPDATE seal_grant SET ended = granted WHERE department_id = 'education'"))
    assert code(lambda: bench.check(mine.id)) == "seal.no_grant"
    assert bench.materials.find(mine.id).level == "C"


def test_a_refusal_says_what_to_do_and_some_leave_room(bench: Bench) -> None:
    first, second = bench.add(), bench.add()
    gone = bench.materials.refuse(first.id, bench.officer(), "illegible")
    assert (gone.state, gone.usable, gone.refusal) == ("refused", "no", "illegible")
    assert code(lambda: bench.check(first.id)) == "material.refused"
    bench.materials.refuse(second.id, bench.officer(), "original_missing")
    back = bench.check(second.id)
    assert (back.state, back.level, back.usable) == ("active", "B", "directly")
    undone = bench.materials.refuse(second.id, bench.officer(), "suspected_forgery")
    assert undone.usable == "no"


def test_replacing_begins_anew_and_deleting_wipes(bench: Bench) -> None:
    mine = bench.check(bench.add(title="旧件").id)
    fresh = bench.materials.replace(mine.id, bench.owner, bench.scan())
    assert (fresh.level, fresh.title, bench.materials.find(mine.id).state) == ("C", "旧件", "replaced")
    assert code(lambda: bench.materials.replace(mine.id, bench.owner, bench.scan())) == "material.state"
    upload = fresh.upload_id
    bench.materials.delete(fresh.id, bench.owner)
    gone = bench.materials.find(fresh.id)
    assert (gone.state, gone.title, gone.stated_number, gone.usable) == ("deleted", "", "", "no")
    assert upload in bench.uploads.discarded
    assert code(lambda: bench.materials.content(fresh.id, bench.owner)) == "material.state"


def test_anothers_upload_is_nobodys_material(bench: Bench) -> None:
    theirs = bench.scan(who=bench.other)
    assert code(lambda: bench.add(upload=theirs)) == "upload.unknown"
    mine = bench.scan()
    assert code(lambda: bench.add(upload=mine, kind="self_made")) == "upload.unknown"
    bench.add(upload=mine)
    assert code(lambda: bench.add(upload=mine)) == "database.conflict"


def test_closing_an_account_takes_ones_own_and_leaves_the_windows(bench: Bench) -> None:
    mine, scanned = bench.add(), bench.window_scan()
    assert bench.materials.forget(bench.owner.holder.code, Actor("holder:a")) == 1
    assert (bench.materials.find(mine.id).state, bench.materials.find(scanned.id).state) == ("deleted", "active")


# ---------------------------------------------------------------- 伪造


def forged(bench: Bench, view: MaterialView, statement: bytes, **changed: Any) -> Event:
    """A check as somebody with the database in hand would write it: in its place, well chained."""
    with bench.desk.sessions.read() as reading:
        held = events.look(reading, view.id)
    assert held is not None
    actor = Actor(changed.pop("officer", "wang"), changed.pop("department", "education"))
    happened = events.Happening("check", actor, "officer", now(), REASON, changed.pop("details", {}), statement)
    return events.chained(held.birth, held.place, happened)


def write(connection: Connection, event: Event) -> None:
    row = {name: getattr(event, name) for name in Event.__slots__ if name not in ("details", "at")}
    connection.execute(
        insert(table(MaterialEvent)),
        [{**row, "at": now().fromisoformat(event.at), "details": canonical_json(dict(event.details)).decode()}],
    )


def signed(bench: Bench, view: MaterialView, signer: Any, seal: tuple[str, str], **changed: Any) -> bytes:
    """A statement in the right form by any key at all."""
    with bench.desk.sessions.read() as reading:
        held = events.look(reading, view.id)
    assert held is not None
    birth = replace(held.birth, **changed.pop("birth", {}))
    department = changed.pop("department", ("education", "11990000MB0D000292", "演示省教育厅"))
    payload = statement_payload(
        birth, changed.pop("place", held.place), department, changed.pop("officer", "wang"),
        write_moment(changed.pop("when", now())), [Aspect("a", "b", "b")], reason=REASON, valid_until="", seal=seal,
    )  # fmt: skip
    payload |= changed
    document = sign_document(payload, signer.sign, [signer.certificate.der])
    return wrap_statement(document, bench.desk.timestamper.stamp(checking._signature_of(document)))


def test_no_forged_statement_is_believed(bench: Bench) -> None:
    desk = bench.desk
    own_seal, other_seal = "99000000000002", "99000000000001"
    material, foreign = desk.material(own_seal), desk.material(other_seal)
    seal, foreign_seal = (own_seal, material.entry.digest.hex()), (other_seal, foreign.entry.digest.hex())
    publisher = desk.region.keyring.signer("publisher")
    good = bench.check(bench.add().id)
    with desk.sessions.read() as reading:
        real = events.events_of(reading, [good.id])[good.id][1].statement

    def fresh(**changed: Any) -> tuple[MaterialView, bytes]:
        view = bench.add()
        return view, signed(bench, view, material.signer, seal, **changed)

    view = bench.add()
    tries: dict[str, tuple[MaterialView, bytes, dict[str, Any]]] = {
        "no statement": (bench.add(), b"", {}),
        "noise": (bench.add(), b"{}", {}),
        "another item's": (bench.add(), real, {}),
        "by the publisher": (view, signed(bench, view, publisher, seal), {}),
        "by another department": (view, signed(bench, view, foreign.signer, foreign_seal), {}),
        "another's key with our seal": (view, signed(bench, view, foreign.signer, seal), {}),
        "our key with another's seal": (view, signed(bench, view, material.signer, foreign_seal), {}),
        "a seal that is not there": (view, signed(bench, view, material.signer, (own_seal, "00" * 32)), {}),
        "another upload": (*fresh(birth={"upload": "00" * 32}), {}),
        "another level": (*fresh(to="A"), {}),
        "another place": (*fresh(place=(7, "00" * 32)), {}),
        "original not seen": (*fresh(original_seen="no"), {}),
        "nothing compared": (*fresh(compared=[]), {}),
        "another officer": (*fresh(officer="li"), {}),
        "another department's name": (
            *fresh(department=("education", "11990000MB0D000105", "演示省市场监督管理局")),
            {},
        ),
        "long ago": (*fresh(when=now() - timedelta(days=2)), {}),
        "recorded for another department": (*fresh(), {"department": "health"}),
    }
    for name, (item, statement, changed) in tries.items():
        event = forged(bench, item, statement, **changed)
        with desk.sessions.begin() as session:
            write(session.connection(), event)
        now_is = bench.materials.find(item.id)
        assert (now_is.level, bool(now_is.problems)) == ("C", True), name
        assert now_is.usable == "after_check", name
    item, statement = fresh()
    event = forged(bench, item, statement)
    with desk.sessions.begin() as session:
        write(session.connection(), event)
    assert (
        bench.materials.find(item.id).level == "B"
    )  # the very same, signed and in its place: the table tells the truth


def test_self_made_material_never_rises_even_by_a_departments_key(bench: Bench) -> None:
    material = bench.desk.material("99000000000002")
    view = bench.add(kind="self_made", title="说明")
    seal = ("99000000000002", material.entry.digest.hex())
    for target in ("B", "A", ""):
        statement = signed(bench, view, material.signer, seal, to=target)
        with bench.desk.sessions.begin() as session:
            write(session.connection(), forged(bench, view, statement))
        assert bench.materials.find(view.id).level == "D"


def test_history_cannot_be_rewritten(bench: Bench) -> None:
    mine = bench.check(bench.add().id)
    statements = [
        f"UPDATE material_event SET kind = 'refuse' WHERE material_id = '{mine.id}'",
        f"DELETE FROM material_event WHERE material_id = '{mine.id}'",
        f"UPDATE material SET kind = 'window_scan' WHERE id = '{mine.id}'",
        f"UPDATE material SET digest = '{'00' * 32}' WHERE id = '{mine.id}'",
        f"DELETE FROM material WHERE id = '{mine.id}'",
        "UPDATE case_material SET received = 'repository'",
    ]
    bench.materials.link("C-1", bench.officer(), subject=mine.id)
    for statement in statements:
        with pytest.raises((LicenceTrustError, DBAPIError)), bench.desk.sessions.begin() as session:
            session.execute(text(statement))
    assert bench.materials.find(mine.id).level == "B"


def test_the_list_is_believed_by_nobody(bench: Bench) -> None:
    mine = bench.add()
    with bench.desk.sessions.begin() as session:
        session.execute(text("UPDATE material_standing SET waiting = false, state = 'active', better = 'x'"))
    found = bench.materials.find(mine.id)
    assert (found.level, found.usable, found.better) == ("C", "after_check", "")


ROLES = ("owner", "delegate", "limited", "other", "officer", "elsewhere", "auditor", "seal_keeper", "admin")
ACTS = ("check", "refuse", "delete", "replace", "better", "take", "decline", "link", "forge", "replay", "relabel")


@pytest.fixture
def one_bench(settings: DeskSettings) -> Any:
    desk = open_desk(settings)
    yield Bench(desk)
    desk.close()


def test_no_sequence_of_acts_raises_a_level_without_a_check(one_bench: Bench) -> None:
    """Whatever is done in whatever order, by whom: B stands only behind a check an officer in charge was allowed."""
    bench, people = one_bench, one_bench.people(one_bench.owner.holder)
    earlier = bench.check(bench.add().id)
    with bench.desk.sessions.read() as reading:
        old = events.events_of(reading, [earlier.id])[earlier.id][1]
    tally = itertools.count()

    @settings_of(bench)
    @given(
        kind=st.sampled_from(("licence_scan", "third_party_report", "self_made")),
        steps=st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(ROLES)), min_size=1, max_size=6),
    )
    def hold(kind: str, steps: list[tuple[str, str]]) -> None:
        item, raised = bench.add(kind=kind), False
        for act, role in steps:
            who: Any = people[role]
            try:
                if act in ("forge", "replay", "relabel"):
                    statement = {"forge": b"{}", "replay": old.statement, "relabel": b""}[act]
                    with bench.desk.sessions.begin() as session:
                        write(session.connection(), forged(bench, item, statement))
                elif act == "check":
                    bench.materials.check(item.id, who, **PROPER)
                    raised = True
                    assert role == "officer"
                    assert find_kind(kind).promotes_to == "B"
                elif act == "refuse":
                    bench.materials.refuse(item.id, who, "original_missing")
                elif act == "replace":
                    item, raised = bench.materials.replace(item.id, who, bench.scan(kind=kind)), False
                elif act == "link":
                    bench.materials.link(f"L-{next(tally)}", who, subject=item.id)
                else:
                    named = {"better": "offer_better", "take": "take_better", "decline": "decline_better"}
                    getattr(bench.materials, named.get(act, act))(item.id, who)
            except LicenceTrustError:
                pass
            found = bench.materials.find(item.id)
            assert found.level == ("B" if raised else find_kind(kind).level)

    hold()


def settings_of(bench: Bench) -> Any:
    """As many tries as an engine's speed allows."""
    return settings(max_examples=40 if bench.desk.sessions.dialect == "sqlite" else 12, deadline=None)
