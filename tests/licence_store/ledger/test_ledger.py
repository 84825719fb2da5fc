"""用证记录: chained per holder, whole or known not to be, on both engines."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from licence_store.desk import Desk
from licence_store.ledger.ledger import ACTS, UseFilter, UseNote
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Unavailable
from trust.path import check_published
from trust.use_ledger import check_export, load_export, load_head

HOLDER, OTHER = "330102199001011234", "91330100MA0000000X"
MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def note(number: int = 0, holder: str = HOLDER, **changes: object) -> UseNote:
    made = UseNote(
        holder, f"licence-{number}", "view", "市场监管局", "clerk", "受理核对", "ok", MOMENT + timedelta(seconds=number)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def filled(desk: Desk, count: int = 5, holder: str = HOLDER) -> None:
    desk.ledger.record(*(note(number, holder) for number in range(count)))


def break_guards(desk: Desk) -> None:
    """What the owner of a database can do: take the guards away first."""
    with desk.sessions.begin() as session:
        if desk.sessions.dialect == "sqlite":
            names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'use_%'"
            for name in session.execute(text(names)).scalars().all():
                session.execute(text(f"DROP TRIGGER {name}"))
            return
        for table in ("use_entry", "use_head"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def test_entries_are_kept_in_order_and_paged(desk: Desk) -> None:
    filled(desk, 7)
    filled(desk, 2, OTHER)
    page = desk.ledger.page(HOLDER, limit=3)
    assert [one.seq for one in page.entries] == [7, 6, 5] and page.next == 5
    rest = desk.ledger.page(HOLDER, page.next, limit=10)
    assert [one.seq for one in rest.entries] == [4, 3, 2, 1] and rest.next is None
    assert desk.ledger.head(HOLDER).count == 7 and desk.ledger.check(HOLDER).intact
    assert desk.ledger.head(OTHER).count == 2 and desk.ledger.check(OTHER).intact
    assert desk.ledger.page("unknown").entries == () and desk.ledger.check("unknown").intact
    with pytest.raises(NotFound):
        desk.ledger.entry(OTHER, 7)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (UseFilter(), [4, 3, 2, 1]),
        (UseFilter(acts=("refuse", "copy")), [4, 2]),
        (UseFilter(subject="licence-2"), [3]),
        (UseFilter(since=MOMENT + timedelta(seconds=1), until=MOMENT + timedelta(seconds=3)), [3, 2]),
        (UseFilter(others_only=True), [3, 2, 1]),
    ],
)
def test_filters(desk: Desk, filters: UseFilter, expected: list[int]) -> None:
    acts = ("view", "refuse", "view")
    mine = note(3, act="copy", who="本人", who_id="holder:a-1")
    desk.ledger.record(*(note(number, act=act) for number, act in enumerate(acts)), mine)
    assert [one.seq for one in desk.ledger.page(HOLDER, filters=filters).entries] == expected


def test_hostile_words_are_kept_as_they_are_digested(desk: Desk) -> None:
    words = "\udcff\0e\u0301<script>" + "长" * 900
    desk.ledger.record(note(1, why=words, who=words, who_id=words, result=words, department=words, subject=words))
    assert desk.ledger.check(HOLDER).intact
    [entry] = desk.ledger.page(HOLDER).entries
    assert len(entry.why) == 500 and "\0" not in entry.why
    with pytest.raises(Malformed):
        desk.ledger.record(note(act="steal"))
    assert desk.ledger.head(HOLDER).count == 1


def test_what_belongs_to_nobody_is_left_out(desk: Desk) -> None:
    desk.ledger.record(note(holder=""))
    assert desk.ledger.check("").count == 0


def test_undone_with_the_act(desk: Desk) -> None:
    with pytest.raises(RuntimeError), desk.sessions.begin() as session:
        desk.ledger.note(session, note())
        raise RuntimeError
    assert desk.ledger.head(HOLDER).count == 0


GUARDED = [
    "UPDATE use_entry SET why = 'x' WHERE seq = 2",
    "DELETE FROM use_entry WHERE seq = 5",
    "UPDATE use_head SET count = 3",
    "UPDATE use_head SET digest = 'x'",
    "DELETE FROM use_head",
]


@pytest.mark.parametrize("statement", GUARDED)
def test_the_database_refuses(desk: Desk, statement: str) -> None:
    filled(desk)
    with (
        pytest.raises((Conflict, Unavailable, Exception), match=r"append-only|已有数据冲突"),
        desk.sessions.begin() as session,
    ):
        session.execute(text(statement))
    assert desk.ledger.check(HOLDER).count == 5


TAMPERING = {
    "altered": (["UPDATE use_entry SET why = 'x' WHERE seq = 2"], "ledger.edited", 2),
    "altered time": (["UPDATE use_entry SET at = '2020-01-01 00:00:00' WHERE seq = 5"], "ledger.edited", 5),
    "altered with a digest that is none": (["UPDATE use_entry SET digest = 'x' WHERE seq = 3"], "ledger.edited", 3),
    "removed at the beginning": (["DELETE FROM use_entry WHERE seq = 1"], "ledger.missing", 1),
    "removed inside": (["DELETE FROM use_entry WHERE seq = 3"], "ledger.missing", 3),
    "removed and closed up": (
        ["DELETE FROM use_entry WHERE seq = 5", "UPDATE use_head SET count = 4"],
        "ledger.head",
        5,
    ),
    "two exchanged": (
        [
            "UPDATE use_entry SET seq = 90 WHERE seq = 2",
            "UPDATE use_entry SET seq = 2 WHERE seq = 3",
            "UPDATE use_entry SET seq = 3 WHERE seq = 90",
        ],
        "ledger.edited",
        2,
    ),
    "cut off": (["DELETE FROM use_entry WHERE seq > 3"], "ledger.head", 4),
    "all gone": (["DELETE FROM use_entry"], "ledger.head", 1),
    "head gone": (["DELETE FROM use_head"], "ledger.head", 1),
    "another's entry put here": (
        [
            "UPDATE use_entry SET seq = 6, holder_code = '330102199001011234' WHERE holder_code = '91330100MA0000000X'",
            "UPDATE use_head SET count = 6 WHERE holder_code = '330102199001011234'",
        ],
        "ledger.edited",
        6,
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_caught(desk: Desk, how: str) -> None:
    filled(desk)
    filled(desk, 1, OTHER)
    break_guards(desk)
    statements, code, at = TAMPERING[how]
    mine = "" if how == "another's entry put here" else f" AND holder_code = '{HOLDER}'"
    with desk.sessions.begin() as session:
        for one in statements:
            session.execute(text(one + (mine if " WHERE " in one else mine.replace(" AND", " WHERE", 1))))
    check = desk.ledger.check(HOLDER)
    assert (check.problem, check.at, check.intact) == (code, at, False)


def test_a_signed_head_catches_what_the_chain_alone_cannot(desk: Desk) -> None:
    """Cut off together with its head, and written anew from the beginning: only a head kept elsewhere knows."""
    filled(desk)
    at_three = load_head(desk.ledger.export(HOLDER).splitlines()[-1])
    filled(desk, 3)
    assert desk.ledger.check(HOLDER, [at_three]).intact
    break_guards(desk)
    with desk.sessions.begin() as session:
        [digest] = session.execute(text("SELECT digest FROM use_entry WHERE seq = 2")).scalars()
        session.execute(text("DELETE FROM use_entry WHERE seq > 2"))
        session.execute(text("UPDATE use_head SET count = 2, digest = :digest"), {"digest": digest})
    assert desk.ledger.check(HOLDER).intact
    assert desk.ledger.check(HOLDER, [at_three]).problem == "ledger.head"
    filled(desk, 6)
    assert desk.ledger.check(HOLDER).intact
    assert desk.ledger.check(HOLDER, [at_three]).problem == "ledger.rewritten"
    assert desk.ledger.check(OTHER, [at_three]).problem == "ledger.head"


def test_export_is_checked_offline(desk: Desk) -> None:
    filled(desk)
    export = load_export(desk.ledger.export(HOLDER))
    assert check_export(export).intact and len(export.entries) == 5
    signed = export.signed
    assert (signed.holder, signed.region, signed.head.count) == (HOLDER, desk.region.code, 5)
    now = desk.clock()
    check_published(signed.document, desk.trust(), signed.as_of, known_at=now)


def test_export_tampered_with(desk: Desk) -> None:
    """One octet changed anywhere: refused, found, or no longer signed. Lines left out, repeated, in another order too."""
    filled(desk)
    data = desk.ledger.export(HOLDER)
    lines = data.splitlines(keepends=True)
    others = desk.ledger.export(OTHER).splitlines(keepends=True)
    *entries, head = lines
    edited = [
        [*entries[1:], head], [*entries[:-1], head], [entries[1], entries[0], *entries[2:], head],
        [*entries, entries[-1], head], [head], [*entries, others[-1]], entries, [*entries[:2], *entries[3:], head],
    ]  # fmt: skip
    numbers = random.Random(6)
    places = [numbers.randrange(len(data)) for _ in range(120)]
    hostile = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in places]
    for changed in [*map(b"".join, edited), *hostile, b"", b"\n", b"{}\n", data[:-1], data * 2]:
        with pytest.raises((LicenceTrustError, AssertionError)):
            export = load_export(changed)
            assert check_export(export).intact
            check_published(export.signed.document, desk.trust(), export.signed.as_of, known_at=desk.clock())
            assert export.signed.holder == HOLDER


def test_many_writers(desk: Desk) -> None:
    """Writers of one holder, and of two at once in either order: nothing lost, nobody waits for ever."""

    def write(number: int) -> None:
        notes = [note(number), note(number, OTHER)]
        desk.ledger.record(*(notes if number % 2 else reversed(notes)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    for holder in (HOLDER, OTHER):
        check = desk.ledger.check(holder)
        assert check.intact and check.count == 40
        subjects = {one.subject for one in desk.ledger.page(holder, limit=100).entries}
        assert subjects == {f"licence-{number}" for number in range(40)}


def test_every_act_has_a_name() -> None:
    assert all(ACTS.values())
