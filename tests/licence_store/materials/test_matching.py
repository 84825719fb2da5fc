"""更可信的原件: what is offered, what is not, and that nobody learns of another's licence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text

from licence_store.materials.views import BetterCopy, MaterialView
from licence_store.views import LicenceView
from tests.licence_store.materials.world import NURSE, TEACHER, Bench, code_of, picture
from trust.errors import LicenceTrustError
from trust.identifiers import parse_licence_id

BASE = "http://localhost:8000/v/"


@dataclass
class Register:
    """Who holds what: the corpus is about these."""

    bench: Bench
    mine: LicenceView
    nurse: LicenceView
    theirs: LicenceView
    revoked: LicenceView


@pytest.fixture
def register(bench: Bench) -> Register:
    mine = bench.issue(bench.owner.holder, seed=1)
    nurse = bench.issue(bench.owner.holder, NURSE, seed=2)
    theirs = bench.issue(bench.other.holder, seed=3)
    revoked = bench.issue(bench.owner.holder, seed=4)
    bench.step(revoked.licence_id, "revoke")
    return Register(bench, mine, nurse, theirs, bench.desk.register.find(revoked.licence_id))


def add(at: Register, *, code: str = "", data: bytes | None = None, media: str = "image/png", number: str = "",
        kind: str = TEACHER) -> MaterialView:  # fmt: skip
    bench = at.bench
    content = data if data is not None else picture(next(bench.numbers), code)
    upload = bench.uploads.put(content, bench.owner.holder.code, "licence_scan", media)
    return bench.add(upload=upload, type_code=kind, stated_number=number)


def near(text: str, place: int = -1) -> str:
    """The same but for one digit."""
    old = text[place]
    new = str((int(old) + 1) % 10) if old.isdigit() else ("A" if old != "A" else "B")
    place %= len(text)
    return text[:place] + new + text[place + 1 :]


def file_of(at: Register, view: LicenceView) -> bytes:
    return at.bench.desk.register.file(view)


def spoilt(data: bytes) -> bytes:
    """The sealed file with one byte of its middle changed."""
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


OFD = "application/ofd"
FOUND: list[tuple[str, Callable[[Register], MaterialView], str]] = [
    ("the sealed file itself", lambda at: add(at, data=file_of(at, at.mine), media=OFD), "file"),
    ("the sealed file, no type stated", lambda at: add(at, data=file_of(at, at.mine), media=OFD, kind=""), "file"),
    ("a photo with its code", lambda at: add(at, code=BASE + at.mine.licence_id), "code"),
    ("a photo with its code, no type", lambda at: add(at, code=BASE + at.mine.licence_id, kind=""), "code"),
    ("the code and the number", lambda at: add(at, code=BASE + at.mine.licence_id,
                                               number=at.mine.summary.licence_number), "code"),
    ("the number", lambda at: add(at, number=at.mine.summary.licence_number), "number"),
    ("the number in full width", lambda at: add(at, number="".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c
                                                for c in at.mine.summary.licence_number)), "number"),
    ("the number with blanks", lambda at: add(at, number=" ".join(at.mine.summary.licence_number)), "number"),
    ("the only one of its type", lambda at: add(at), "type"),
]  # fmt: skip
NOT: list[tuple[str, Callable[[Register], MaterialView]]] = [
    ("a number that differs by a digit", lambda at: add(at, number=near(at.mine.summary.licence_number))),
    ("a number with a digit too many", lambda at: add(at, number=at.mine.summary.licence_number + "0")),
    ("a number with a digit too few", lambda at: add(at, number=at.mine.summary.licence_number[:-1])),
    ("two digits exchanged", lambda at: add(at, number=at.mine.summary.licence_number[:-2] + "10")),
    ("my number under another type", lambda at: add(at, number=at.mine.summary.licence_number, kind=NURSE)),
    ("my revoked one's number", lambda at: add(at, number=at.revoked.summary.licence_number)),
    ("my revoked one's code", lambda at: add(at, code=BASE + at.revoked.licence_id)),
    ("my revoked one's file", lambda at: add(at, data=file_of(at, at.revoked), media=OFD)),
    ("another's number", lambda at: add(at, number=at.theirs.summary.licence_number)),
    ("another's code", lambda at: add(at, code=BASE + at.theirs.licence_id)),
    ("another's code with my number", lambda at: add(at, code=BASE + at.theirs.licence_id,
                                                     number=at.mine.summary.licence_number)),
    ("another's sealed file", lambda at: add(at, data=file_of(at, at.theirs), media=OFD)),
    ("another's sealed file, no type", lambda at: add(at, data=file_of(at, at.theirs), media=OFD, kind="")),
    ("my code with another number", lambda at: add(at, code=BASE + at.mine.licence_id, number="20119900000000077")),
    ("my code under another type", lambda at: add(at, code=BASE + at.mine.licence_id, kind=NURSE)),
    ("the code of my nurse's certificate as a teacher's", lambda at: add(at, code=BASE + at.nurse.licence_id)),
    ("a code that is no licence of anybody's", lambda at: add(at, code=BASE + unknown(at), kind="", number="")),
    ("an unsealed look-alike of no type and number", lambda at: add(at, kind="")),
    ("a code with a wrong check character", lambda at: add(at, code=BASE + near(at.mine.licence_id), kind="")),
    ("a web address of somebody else's", lambda at: add(at, code="https://example.invalid/pay?x=1", kind="")),
]  # fmt: skip


def unknown(at: Register) -> str:
    """A well-formed licence id that was never issued."""
    return replace(parse_licence_id(at.mine.licence_id), serial="Z" * 20).text


def test_what_is_offered(register: Register) -> None:
    for name, made, how in FOUND:
        view = made(register)
        lines = register.bench.materials.history(view.id, register.bench.owner)
        assert view.better == register.mine.licence_id, name
        assert (lines[-1].kind, lines[-1].details["how"]) == ("offer", how), name
        assert view.level == "C", name


def test_near_duplicates_are_offered_nothing(register: Register) -> None:
    wrong = []
    for name, made in NOT:
        view = made(register)
        if (
            view.better
            or view.level != "C"
            or len(register.bench.materials.history(view.id, register.bench.owner)) != 1
        ):
            wrong.append(name)
    assert wrong == []


def test_two_of_a_type_are_told_apart_by_number_only(register: Register) -> None:
    second = register.bench.issue(register.bench.owner.holder, seed=9)
    assert add(register).better == ""
    assert add(register, number=second.summary.licence_number).better == second.licence_id
    assert add(register, number=register.mine.summary.licence_number).better == register.mine.licence_id


def test_an_altered_original_leads_to_the_true_one_and_is_not_it(register: Register) -> None:
    bench = register.bench
    data = spoilt(file_of(register, register.mine))
    view = add(register, data=data, media=OFD)
    found = bench.materials.better(view.id, bench.owner)
    assert found is None or (found.licence_id == register.mine.licence_id and not found.is_original)
    assert view.level == "C"


def test_another_holder_sees_no_difference(register: Register) -> None:
    """What an upload says of another's licence is answered as what it says of none: same answer, same history."""
    bench = register.bench
    pairs = [
        ({"number": register.theirs.summary.licence_number}, {"number": near(register.theirs.summary.licence_number)}),
        ({"code": BASE + register.theirs.licence_id}, {"code": BASE + unknown(register)}),
        ({"code": BASE + register.theirs.licence_id, "kind": ""}, {"code": BASE + unknown(register), "kind": ""}),
    ]
    for known, stranger in pairs:
        told = []
        for given in (known, stranger):
            view = add(register, **given)  # type: ignore[arg-type]
            lines = bench.materials.history(view.id, bench.owner)
            told.append((view.better, view.level, view.usable, [(one.kind, dict(one.details)) for one in lines]))
        assert told[0] == told[1]
    with bench.desk.sessions.read() as reading:
        rows = reading.execute(text("SELECT subject, details FROM journal_entry WHERE action LIKE 'material.%'")).all()
    assert not [row for row in rows if register.theirs.summary.base in row.subject + row.details]
    assert bench.desk.ledger.page(bench.other.holder.code).entries == ()


def test_the_original_takes_its_place_once(register: Register) -> None:
    bench = register.bench
    view = add(register)
    assert bench.materials.decline_better(view.id, bench.owner).better == ""
    with pytest.raises(LicenceTrustError) as caught:
        bench.materials.take_better(view.id, bench.owner)
    assert code_of(caught.value) == "material.no_offer"
    assert bench.materials.offer_better(view.id, bench.officer()) == BetterCopy(register.mine.licence_id, "type")
    taken = bench.materials.take_better(view.id, bench.owner)
    assert (taken.state, taken.better, taken.level, taken.usable) == ("replaced", register.mine.licence_id, "C", "no")
    with pytest.raises(LicenceTrustError) as caught:
        bench.materials.take_better(view.id, bench.owner)
    assert code_of(caught.value) == "material.state"


def test_what_is_no_longer_current_takes_nothing(register: Register) -> None:
    bench = register.bench
    view = add(register)
    bench.step(register.mine.licence_id, "suspend")
    with pytest.raises(LicenceTrustError) as caught:
        bench.materials.take_better(view.id, bench.owner)
    assert code_of(caught.value) == "material.no_offer"
    assert bench.materials.find(view.id).state == "active"
