"""Sessions of holders: from a proved identity to a token, from the token to who acts for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import select

from licence_store.holding.accounts import Identity
from licence_store.holding.attempts import Attempts
from licence_store.holding.holder import NEVER, Holder, HolderSession, StepUpNeeded, mask_number
from licence_store.holding.models import SpaceSession
from licence_store.models import JournalEntry
from tests.licence_store.holding.conftest import ANNA, BO, COMPANY, EMIN, Space
from trust.errors import LicenceTrustError, Refused, Unauthenticated


def test_a_session_says_who_and_how_well(space: Space) -> None:
    token = space.signed_in(ANNA)
    found = space.spaces.find(token)
    assert (found.person, found.holder, found.assurance) == (ANNA, ANNA, 2)
    assert found.may("delegate") and not found.acts_for_another
    assert found.actor().account == f"holder:{found.account_id}"
    with space.sessions.read() as session:
        kept = session.execute(select(SpaceSession)).scalar_one()
        journal = [f"{one.actor}{one.subject}{one.details}" for one in session.execute(select(JournalEntry)).scalars()]
    assert token not in kept.digest
    assert journal and not any(ANNA.code in line or ANNA.name in line for line in journal)


def test_the_same_subject_keeps_its_account(space: Space) -> None:
    first = space.spaces.find(space.signed_in(ANNA)).account_id
    renamed = Holder(ANNA.code, ANNA.code_type, "安娜·新")
    second = space.spaces.find(space.signed_in(renamed))
    assert (second.account_id, second.person.name) == (first, "安娜·新")
    assert [one.act for one in space.accounts.sign_ins(first)] == ["sign_in", "sign_in"]


WRONG: tuple[tuple[Callable[[Identity], Identity], str], ...] = (
    (lambda one: replace(one, person=BO), "holder.identity_changed"),
    (lambda one: replace(one, subject=""), "holder.identity"),
    (lambda one: replace(one, subject="x" * 256), "holder.identity"),
    (lambda one: replace(one, assurance=4), "holder.identity"),
    (lambda one: replace(one, person=COMPANY), "holder.identity"),
    (lambda one: replace(one, person=Holder("990000199001011234", "111", "错号")), "holder.identity"),
    (lambda one: replace(one, person=Holder(ANNA.code, "111", " ")), "holder.identity"),
    (lambda one: replace(one, person=Holder(ANNA.code, "11", "安娜")), "holder.identity"),
    (lambda one: replace(one, offices=(Holder("91990000", "001", "短"),)), "holder.identity"),
    (lambda one: replace(one, person=Holder("X\x00", "414", "零")), "holder.identity"),
)


def test_what_a_provider_may_not_say(space: Space) -> None:
    space.signed_in(ANNA)
    for wrong, code in WRONG:
        with pytest.raises(Refused) as caught:
            space.spaces.open(wrong(space.identity(ANNA)))
        assert caught.value.code == code


def test_two_first_sign_ins_at_once_open_one_account(space: Space) -> None:
    tokens: list[str] = []
    threads = [Thread(target=lambda: tokens.append(space.signed_in(EMIN))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 4
    assert len({space.spaces.find(token).account_id for token in tokens}) == 1


def test_a_session_ends_by_time_by_hand_and_everywhere(space: Space) -> None:
    tokens = [space.signed_in(ANNA) for _ in range(3)]
    space.spaces.close(tokens[0])
    space.spaces.close("unknown")
    account = space.spaces.find(tokens[1]).account_id
    assert space.spaces.close_all(account, but=tokens[1]) == 1
    assert space.spaces.find(tokens[1])
    space.clock.forward(minutes=61)
    for token in (*tokens, ""):
        with pytest.raises(Unauthenticated):
            space.spaces.find(token)


def test_a_cookie_is_no_bearer_token(space: Space) -> None:
    cookie = space.signed_in(ANNA)
    bearer = space.spaces.open(space.identity(ANNA), channel="http", proof="one")
    assert bearer.startswith("lts_")
    for token, channel in ((cookie, "http"), (bearer, "page")):
        with pytest.raises(Unauthenticated):
            space.spaces.find(token, channel)
    assert space.spaces.find(bearer, "http").person == ANNA


def test_a_portals_proof_is_good_once(space: Space) -> None:
    space.spaces.open(space.identity(ANNA), channel="http", proof="one")
    with pytest.raises(Refused) as caught:
        space.spaces.open(space.identity(ANNA), channel="http", proof="one")
    assert caught.value.code == "holder.proof_used"


def test_step_up_is_asked_for_by_level_and_by_age(space: Space) -> None:
    low = space.spaces.find(space.spaces.open(space.identity(ANNA, 1)))
    low.demand_assurance(1, space.clock())
    with pytest.raises(StepUpNeeded) as caught:
        low.demand_assurance(2, space.clock())
    assert (caught.value.code, caught.value.level) == ("holder.step_up", 2)
    high = space.spaces.find(space.signed_in(ANNA))
    high.demand_assurance(2, space.clock())
    assert not high.proves(2, space.clock() + timedelta(minutes=15))
    assert high.proves(1, space.clock() + timedelta(minutes=15))


def test_step_up_gives_a_new_token_to_the_same_person_only(space: Space) -> None:
    token = space.spaces.open(space.identity(ANNA, 1, COMPANY))
    space.spaces.act_for(token, COMPANY.code)
    with pytest.raises(Refused) as caught:
        space.spaces.prove_again(token, space.identity(BO, 3))
    assert caught.value.code == "holder.other_person"
    fresh = space.spaces.prove_again(token, space.identity(ANNA, 3, COMPANY))
    found = space.spaces.find(fresh)
    assert (found.assurance, found.holder) == (3, COMPANY)
    assert found.expires == space.clock() + timedelta(minutes=60)  # proving again does not prolong
    with pytest.raises(Unauthenticated):
        space.spaces.find(token)


def test_an_unsaid_time_of_proof_counts_as_long_ago(space: Space) -> None:
    token = space.spaces.open(replace(space.identity(ANNA, 3), proved=NEVER))
    with pytest.raises(StepUpNeeded):
        space.spaces.find(token).demand_assurance(2, space.clock())


def test_who_may_act_for_whom(space: Space) -> None:
    given = space.delegations.grant(space.acting(ANNA), BO, space.terms("view"))
    token = space.signed_in(BO)
    assert [one.key for one in space.spaces.capacities(token)] == ["", given.id]
    acting = space.spaces.act_for(token, given.id)
    assert (acting.holder, acting.person, acting.rights) == (COMPANY, BO, frozenset({"view"}))
    for key in (COMPANY.code, "d-unknown", ANNA.code):
        with pytest.raises(Refused) as caught:
            space.spaces.act_for(token, key)
        assert caught.value.code == "holder.capacity"
    assert space.spaces.act_for(token, "").holder == BO


def test_a_delegation_taken_back_ends_in_every_session_at_once(space: Space) -> None:
    who = space.acting(ANNA)
    given = space.delegations.grant(who, BO, space.terms("view"))
    token = space.signed_in(BO)
    space.spaces.act_for(token, given.id)
    space.delegations.cancel(who, given.id)
    with pytest.raises(Refused) as caught:
        space.spaces.find(token)
    assert caught.value.code == "holder.delegation_ended"
    assert space.spaces.act_for(token, "").holder == BO


def test_rights_types_and_items_are_what_was_given() -> None:
    session = HolderSession("h", BO, COMPANY, "d", frozenset({"view"}), frozenset({"T1"}), frozenset({"I1"}))
    session.demand("view", "T1", "I1")
    session.demand("view")
    for asked in (("use",), ("view", "T2"), ("view", "T1", "I2")):
        with pytest.raises(Refused) as caught:
            session.demand(*asked)
        assert caught.value.code == "holder.right"


def test_attempts_are_taken_once_by_the_same_browser(space: Space) -> None:
    attempts = Attempts(space.sessions, space.clock)
    for state in ("one", "two", "three"):
        attempts.keep(state, "browser", {"nonce": state})
    assert attempts.take("one", "browser") == {"nonce": "one"}
    space.clock.forward(minutes=14)
    wrong: list[tuple[str, str]] = [("one", "browser"), ("two", "another"), ("two", ""), ("", ""), ("nine", "browser")]
    space.clock.forward(minutes=2)
    for state, browser in [*wrong, ("three", "browser")]:
        with pytest.raises(LicenceTrustError) as caught:
            attempts.take(state, browser)
        assert caught.value.code == "holder.attempt"


def test_closing_takes_what_is_personal_and_lets_come_back(space: Space) -> None:
    given = space.delegations.grant(space.acting(BO), ANNA, space.terms("view"))
    own = space.delegations.grant(space.spaces.find(space.signed_in(ANNA)), EMIN, space.terms("view"))
    token = space.signed_in(ANNA)
    found = space.spaces.find(token)
    space.closing.close(found.account_id, found.actor())
    with pytest.raises(Unauthenticated):
        space.spaces.find(token)
    closed = space.accounts.get(found.account_id)
    assert (closed.person.code, closed.person.name, closed.closed) == ("", "", space.clock())
    assert space.accounts.sign_ins(found.account_id) == ()
    assert space.forgotten == [ANNA.code]
    assert space.delegations.get(space.acting(BO), given.id).state == "cancelled"
    assert space.delegations.active(EMIN, space.clock()) == () and own.state == "granted"
    again = space.spaces.find(space.signed_in(ANNA))
    assert again.account_id != found.account_id
    with pytest.raises(LicenceTrustError) as caught:
        space.closing.close(found.account_id, found.actor())
    assert caught.value.code == "holder.unknown"


def test_what_belongs_to_the_person_stays_while_another_account_is_open(space: Space) -> None:
    other = space.spaces.open(replace(space.identity(ANNA), issuer="https://other.example.cn"))
    found = space.spaces.find(space.signed_in(ANNA))
    space.closing.close(found.account_id, found.actor())
    assert space.forgotten == [] and space.spaces.find(other).person == ANNA


@pytest.mark.parametrize(
    ("code", "shown"),
    [("990000199001011234", "990000********1234"), ("X1234567", "X1****67"), ("12", "****"), ("", "****")],
)
def test_numbers_are_masked(code: str, shown: str) -> None:
    assert mask_number(code) == shown
