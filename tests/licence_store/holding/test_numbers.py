"""证件号码: one form wherever it comes in, and matched together with the kind of document that bears it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from licence_store import migrations
from licence_store.copying.grants import end_of_day
from licence_store.desk import Desk
from licence_store.holding.accounts import Identity, check_holder
from licence_store.holding.counter import code_type_of, known_holder
from licence_store.holding.holder import Holder, HolderSession
from licence_store.holding.sessions import HolderSessions
from licence_store.materials import events
from licence_store.models import Licence
from licence_store.notices.models import Contact
from licence_store.reserving import IssuedLicence
from licence_store.standing import day_of
from licence_store.uploads.models import UploadKey
from seal.copies import CopyRequest
from seal.database import Sessions, open_database
from tests.licence_store.conftest import OFFICER
from tests.licence_store.test_issuance import TEACHER, example
from tests.licence_store.test_life import code_of, issued, told  # noqa: F401  fixtures
from tests.licence_store.test_life_migration import filler
from tests.licence_store.uploads import makers as m
from trust.errors import LicenceTrustError
from trust.identifiers import citizen_check_char, plain_number

NUMBER = "99000019900101001X"
WRITTEN = {
    "as kept": NUMBER,
    "small x": NUMBER.lower(),
    "blanks around": f" {NUMBER}\t",
    "full-width": "９９００００１９９００１０１００１ｘ",
    "full-width blanks": f"　{NUMBER}　",
}


def _citizen() -> str:
    """One that ends in X."""
    number = next(
        first
        for day in range(1, 28)
        for order in range(1, 200)
        if citizen_check_char(first := f"990000199001{day:02d}{order:03d}") == "X"
    )
    return f"{number}X"


@pytest.mark.parametrize("name", WRITTEN)
def test_one_form(name: str) -> None:
    assert plain_number(WRITTEN[name]) == NUMBER


@given(st.text())
def test_the_one_form_is_the_last(text: str) -> None:
    once = plain_number(text)
    assert plain_number(once).casefold() == once.casefold()


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) for one in text.lower())


@pytest.mark.parametrize("bend", [str.lower, lambda one: f" {one} ", _wide])
def test_every_door_takes_every_form(sessions: Sessions, bend: Callable[[str], str]) -> None:
    number = _citizen()
    holder = check_holder(Holder(bend(number), "111", "林望舒"))
    assert holder.code == number
    assert check_holder(Holder(bend("e12345678"), "414", "J. Doe")).code == "E12345678"
    assert known_holder(sessions, bend(number), "林望舒") == holder
    assert code_type_of(plain_number(bend(number))) == "111"


def test_a_record_with_a_full_width_number_is_issued_with_the_plain_one(told: Desk) -> None:  # noqa: F811
    record = example(told)
    number = record["citizen_number"]
    made = told.issuer.issue(TEACHER, {**record, "citizen_number": _wide(number)}, officer=OFFICER)
    view = told.register.find(made.licence_id)
    assert view.summary.holder_code == view.message.metadata["holder_code"] == number
    assert {one.value for one in view.message.face} >= {number}
    assert [one.licence_id for one in told.register.holdings(_wide(number))] == [made.licence_id]


def _as_kind(desk: Desk, licence: IssuedLicence, code: str, kind: str) -> None:
    base = desk.register.find(licence.licence_id).summary.base
    with desk.sessions.begin() as session:
        session.execute(update(Licence).where(Licence.base == base).values(holder_code=code, holder_code_type=kind))


def test_the_same_number_of_another_document_is_somebody_else(told: Desk, issued: IssuedLicence) -> None:  # noqa: F811
    """A passport and a permit may bear the same number; neither's holder reaches the other's licence."""
    _as_kind(told, issued, "E12345678", "414")
    theirs, other = (Holder("E12345678", kind, "J. Doe") for kind in ("414", "513"))
    owner, stranger = (HolderSession("a-1", one, one) for one in (theirs, other))
    assert [one.licence_id for one in told.register.holdings("e12345678", code_type="414")] == [issued.licence_id]
    assert told.register.holdings("E12345678", code_type="513") == ()
    assert told.presenter.own(owner, issued.licence_id).licence_id == issued.licence_id
    for attempt in (
        lambda: told.presenter.offer(stranger, issued.licence_id),
        lambda: told.disputes.about_licence(stranger, issued.licence_id, "", "x"),
    ):
        with pytest.raises(LicenceTrustError) as refused:
            attempt()
        assert code_of(refused) == "licence.unknown"


def test_nobody_is_let_in_by_a_number_that_two_kinds_bear(told: Desk, issued: IssuedLicence) -> None:  # noqa: F811
    def sign_in(code: str, kind: str) -> str:
        person = Holder(code, kind, "J. Doe")
        identity = Identity("https://id.example.cn", f"{code}-{kind}", person, 2, told.clock())
        try:
            return HolderSessions(told.sessions, told.delegations, told.clock).open(identity) and "in"
        except LicenceTrustError as error:
            return error.code

    _as_kind(told, issued, "E12345678", "414")
    assert sign_in("E12345678", "513") == "holder.kind"
    assert sign_in("e12345678", "414") == "in"
    assert known_holder(told.sessions, "E12345678").code_type == "414"
    assert (sign_in("P7654321", "414"), sign_in("P7654321", "511")) == ("in", "holder.kind")
    number = _citizen()
    _as_kind(told, issued, number, "999")  # a kind mistaken once keeps nobody out who has proved a citizen number
    assert (sign_in(number, "111"), sign_in(number, "999")) == ("in", "holder.kind")


def test_at_the_counter_a_number_of_two_kinds_is_not_guessed(told: Desk, issued: IssuedLicence) -> None:  # noqa: F811
    second = told.issuer.issue(TEACHER, example(told, number=2), officer=OFFICER)
    _as_kind(told, issued, "E12345678", "414")
    _as_kind(told, second, "E12345678", "513")
    with pytest.raises(LicenceTrustError) as refused:
        known_holder(told.sessions, "e12345678")
    assert code_of(refused) == "holder.kind"
    number = _citizen()
    _as_kind(told, issued, number, "111")
    _as_kind(told, second, number, "999")
    assert known_holder(told.sessions, number.lower()).code_type == "111"


def test_numbers_from_before_are_brought_into_the_one_form(database_url: str) -> None:
    sessions = open_database(database_url, durable=False)
    migrations.upgrade(sessions, "0020")
    put, moment = filler(sessions), datetime(2026, 11, 1, tzinfo=UTC)
    put("department", id="d", code="d")
    put("licence_type", code="t", slug="t", version=1)
    for base, code in (("a", "e1234567x"), ("b", "Ｅ1234567Ｘ"), ("c", " E1234567X"), ("d", "E1234567X")):
        put("licence", base=base, record_key=base, holder_code=code, holder_code_type="414", place=ord(base))
    put("holder_account", id="h-1", issuer="i", subject="s", code="e1234567x", code_type="414", opened=moment)
    put("upload", id="u-1")
    put("upload_key", upload_id="u-1", owner="e1234567x", wrapped=b"")
    for number, (party, address) in enumerate((("e1234567x", "a"), ("E1234567X", "a"), ("e1234567x", "b"))):
        put("contact", id=f"c-{number}", party_kind="holder", party=party, channel="smtp", address=address)
    put("contact", id="c-9", party_kind="department", party="d", channel="smtp", address="a")
    longest = "\N{SQUARE CORPORATION}" * 64  # four characters each, once they are half-width
    put("licence", base="e", record_key="e", holder_code=longest, holder_code_type="414", place=5)
    migrations.upgrade(sessions)
    with sessions.read() as session:
        assert set(session.query(Licence.holder_code)) == {("E1234567X",), (longest,)}
        assert session.query(UploadKey.owner).all() == [("E1234567X",)]
        assert sorted(session.query(Contact.id, Contact.party)) == [
            ("c-0", "e1234567x"), ("c-1", "E1234567X"), ("c-2", "E1234567X"), ("c-9", "d"),
        ]  # fmt: skip
    assert known_holder(sessions, "e1234567x").code == "E1234567X"
    sessions.close()


def test_what_only_grows_is_found_as_an_earlier_version_wrote_it(
    told: Desk,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A passport's number in small letters is part of a material's chain, and of a copy's grant: neither is changed."""
    small, person, now = "e1234567x", Holder("E1234567X", "414", "J. Doe"), told.clock()
    who = HolderSession("a-1", person, person, assurance=2, proved=now, fresh_until=now + timedelta(minutes=9))
    before = replace(who, person=replace(who.person, code=small), holder=replace(who.holder, code=small))
    file = told.uploads.accept("a.pdf", m.text_pdf(), owner=small, kind="self_made", actor=OFFICER)
    request = CopyRequest("演示省教育厅", "资格认定", end_of_day(day_of(told.clock())))
    with monkeypatch.context() as earlier:
        earlier.setattr(events, "plain_number", str)
        made = told.materials.add(before, file, kind="self_made", title="简历")
        copy = told.copier.make(before, made.id, request)
    [found] = told.materials.of_holder(who).items
    assert (found.id, found.holder_code, found.state) == (made.id, "E1234567X", made.state)
    assert told.materials.role_of(who, found, "delete") == "owner"
    assert told.copier.own(who, copy.id).id == copy.id
    assert [one.id for one in told.copier.of_holder(who)] == [copy.id]
    assert told.copier.forget(who.holder.code, OFFICER) == told.materials.forget(who.holder.code, OFFICER) == 1


def test_a_contact_is_told_by_number_however_it_was_written(told: Desk) -> None:  # noqa: F811
    added = told.notices.contacts.add("holder", "e1234567x ", "smtp", "doe@example.cn", actor=OFFICER)
    assert added.party == "E1234567X"
    assert [one.id for one in told.notices.contacts.list(party_kind="holder", party="e1234567X")] == [added.id]
