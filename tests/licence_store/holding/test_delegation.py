"""Delegations: who may give what to whom, and that a branch is never wider, longer or deeper than what it hangs on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from licence_store.holding.delegation import Delegations, DelegationView
from licence_store.holding.holder import CREDIT_CODE, EVERYTHING, HOLDER_RIGHTS, Holder, HolderSession, StepUpNeeded
from licence_store.holding.models import Delegation, DelegationEvent
from licence_store.holding.terms import LONGEST, Terms, read
from tests.licence_store.holding.conftest import ANNA, BO, CHEN, COMPANY, DING, EMIN, Space
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused

PEOPLE = (BO, CHEN, DING, EMIN)
OTHER = Holder("51990000MA49QUAQ21", CREDIT_CODE, "演示省瀚海围棋协会")


def chain(space: Space, *rights: str) -> list[DelegationView]:
    """COMPANY → BO → CHEN → DING, each with the right to pass it on."""
    made = [space.delegations.grant(space.acting(ANNA), BO, space.terms(*rights, "delegate", days=90))]
    for giver, taker in ((BO, CHEN), (CHEN, DING)):
        who = space.by(giver, made[-1].id)
        made.append(space.delegations.grant(who, taker, space.terms(*rights, "delegate", days=80)))
    return made


def test_three_levels_and_no_more(space: Space) -> None:
    made = chain(space, "view")
    assert [(one.depth, one.root_id) for one in made] == [(n, made[0].id) for n in (1, 2, 3)]
    with pytest.raises(Refused) as caught:
        space.delegations.grant(space.by(DING, made[-1].id), EMIN, space.terms("view", days=10))
    assert caught.value.code == "delegation.depth"


def test_taking_back_cuts_the_branch(space: Space) -> None:
    for level in (0, 1, 2):
        made = chain(space, "view")
        space.delegations.cancel(space.acting(ANNA), made[level].id, "离职")
        left = [space.delegations.active(person, space.clock()) for person in (BO, CHEN, DING)]
        assert [len(one) for one in left] == [1] * level + [0] * (3 - level)
        steps = space.delegations.steps(space.acting(ANNA), made[-1].id)
        assert [one.act for one in steps] == ["grant", "cancel" if level == 2 else "cut"]
        if level:
            space.delegations.cancel(space.acting(ANNA), made[0].id)


def test_narrowing_narrows_below_and_cuts_what_cannot_be_passed_on(space: Space) -> None:
    made = chain(space, "view", "use")
    who = space.acting(ANNA)
    space.delegations.change(who, made[0].id, space.terms("view", "delegate", days=50))
    [of_chen] = space.delegations.active(CHEN, space.clock())
    assert of_chen.terms.rights == {"view", "delegate"} and of_chen.terms.ends == space.clock() + timedelta(days=50)
    space.delegations.change(who, made[0].id, space.terms("view", days=50))
    assert space.delegations.active(CHEN, space.clock()) == () == space.delegations.active(DING, space.clock())
    space.delegations.change(who, made[0].id, space.terms("view", "delegate", days=200))  # widening brings none back
    assert space.delegations.active(CHEN, space.clock()) == ()


def test_time_ends_what_is_below_too(space: Space) -> None:
    made = chain(space, "view")
    space.clock.forward(days=81)
    assert space.delegations.active(BO, space.clock())
    assert not space.delegations.active(CHEN, space.clock())
    assert space.delegations.get(space.acting(ANNA), made[1].id).stands(space.clock()) == "ended"


def test_a_right_to_pass_on_that_was_taken_back_a_moment_ago(space: Space) -> None:
    top = chain(space, "view")[0].id
    found_before = space.by(BO, top)
    space.delegations.change(space.acting(ANNA), top, space.terms("view", days=90))
    with pytest.raises(Refused) as caught:
        space.delegations.grant(found_before, EMIN, space.terms("view", days=10))
    assert caught.value.code == "delegation.wider"
    assert space.delegations.active(EMIN, space.clock()) == ()


WRONG: dict[str, tuple[Callable[[Space, list[DelegationView]], object], str]] = {
    "wider rights": (lambda s, m: s.delegations.grant(s.by(BO, m[0].id), EMIN, s.terms("use")), "delegation.wider"),
    "longer": (lambda s, m: s.delegations.grant(s.by(BO, m[0].id), EMIN, s.terms("view", days=91)), "delegation.wider"),
    "to the holder": (lambda s, m: s.delegations.grant(s.acting(ANNA), ANNA, s.terms("view")), "delegation.self"),
    "to oneself": (lambda s, m: s.delegations.grant(s.by(BO, m[0].id), BO, s.terms("view")), "delegation.self"),
    "to a company": (lambda s, m: s.delegations.grant(s.acting(ANNA), OTHER, s.terms("view")), "delegation.person"),
    "in a circle": (
        lambda s, m: s.delegations.grant(s.by(CHEN, m[1].id), BO, s.terms("view", days=10)),
        "delegation.circle",
    ),
    "no rights": (lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms()), "delegation.rights"),
    "made-up right": (lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("fly")), "delegation.rights"),
    "ended already": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("view", days=-1)),
        "delegation.period",
    ),
    "for ever": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("view", days=LONGEST.days + 1)),
        "delegation.period",
    ),
    "no types": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("view", types=frozenset())),
        "delegation.scope",
    ),
    "odd item": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("view", items=frozenset({"a\nb"}))),
        "delegation.scope",
    ),
    "bad number": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), replace(EMIN, code="1"), s.terms("view")),
        "holder.code",
    ),
    "endless reason": (
        lambda s, m: s.delegations.grant(s.acting(ANNA), EMIN, s.terms("view"), reason="x" * 301),
        "delegation.reason",
    ),
    "change from below": (
        lambda s, m: s.delegations.change(s.by(CHEN, m[1].id), m[0].id, s.terms("view")),
        "delegation.not_yours",
    ),
    "change one's own": (
        lambda s, m: s.delegations.change(s.by(BO, m[0].id), m[0].id, s.terms("view")),
        "delegation.not_yours",
    ),
    "change wider than the parent": (
        lambda s, m: s.delegations.change(s.acting(ANNA), m[1].id, s.terms("view", "use", days=10)),
        "delegation.wider",
    ),
    "another company's": (
        lambda s, m: s.delegations.cancel(s.acting(EMIN, OTHER), m[0].id),
        "delegation.unknown",
    ),
    "nobody's": (lambda s, m: s.delegations.cancel(s.acting(ANNA), "d-nothing"), "delegation.unknown"),
    "twice": (
        lambda s, m: [s.delegations.cancel(s.acting(ANNA), m[2].id) for _ in range(2)],
        "delegation.moved_on",
    ),
    "accepting what is given": (lambda s, m: s.delegations.accept(s.acting(ANNA), m[0].id), "delegation.moved_on"),
    "asking oneself": (
        lambda s, m: s.delegations.request(s.spaces.find(s.signed_in(BO)), BO, s.terms("view")),
        "delegation.self",
    ),
    "accepting one's own request": (
        lambda s, m: s.delegations.accept(
            s.spaces.find(s.signed_in(EMIN)),
            s.delegations.request(s.spaces.find(s.signed_in(EMIN)), COMPANY, s.terms("view")).id,
        ),
        "delegation.not_yours",
    ),
    "refusing for another company": (
        lambda s, m: s.delegations.refuse(
            s.acting(EMIN, OTHER),
            s.delegations.request(s.spaces.find(s.signed_in(EMIN)), COMPANY, s.terms("view")).id,
            "",
        ),
        "delegation.not_yours",
    ),
}


def test_what_is_refused(space: Space) -> None:
    made = chain(space, "view")
    before = [space.delegations.active(person, space.clock()) for person in (BO, CHEN)]
    for name, (act, code) in WRONG.items():
        with pytest.raises(LicenceTrustError) as caught:
            act(space, made)
        assert caught.value.code == code, name
        if name != "twice":
            assert [space.delegations.active(person, space.clock()) for person in (BO, CHEN)] == before, name


def test_a_request_is_decided_by_the_holder_or_a_delegate_with_the_right(space: Space) -> None:
    person = space.spaces.find(space.signed_in(EMIN))
    asked = [space.delegations.request(person, COMPANY, space.terms("view", "use")) for _ in range(3)]
    assert {one.id for one in space.delegations.given(space.acting(ANNA))} == {one.id for one in asked}
    granted = space.delegations.accept(space.acting(ANNA), asked[0].id, space.terms("view"))
    assert (granted.state, granted.terms.rights, granted.depth) == ("granted", frozenset({"view"}), 1)
    agent = space.delegations.grant(space.acting(ANNA), BO, space.terms("view", "delegate"))
    below = space.delegations.accept(space.by(BO, agent.id), asked[1].id, space.terms("view", days=10))
    assert (below.parent_id, below.depth) == (agent.id, 2)
    assert space.delegations.refuse(space.acting(ANNA), asked[2].id, "不需要").state == "refused"
    with pytest.raises(Conflict):
        space.delegations.accept(space.acting(ANNA), asked[2].id)
    space.delegations.cancel(space.acting(ANNA), agent.id)
    assert [one.id for one in space.delegations.active(EMIN, space.clock())] == [granted.id]


def test_a_request_may_be_withdrawn_and_a_delegation_given_back(space: Space) -> None:
    person = space.spaces.find(space.signed_in(EMIN))
    asked = space.delegations.request(person, COMPANY, space.terms("view"))
    assert space.delegations.cancel(person, asked.id).state == "cancelled"
    made = chain(space, "view")
    space.delegations.cancel(space.spaces.find(space.signed_in(BO)), made[0].id)
    assert space.delegations.active(DING, space.clock()) == ()


def test_requests_are_few(space: Space) -> None:
    person = space.spaces.find(space.signed_in(EMIN))
    for _ in range(20):
        space.delegations.request(person, COMPANY, space.terms("view"))
    with pytest.raises(Refused) as caught:
        space.delegations.request(person, COMPANY, space.terms("view"))
    assert caught.value.code == "delegation.too_many"


def test_giving_needs_a_recent_proof_taking_back_does_not(space: Space) -> None:
    who = space.acting(ANNA)
    given = space.delegations.grant(who, BO, space.terms("view"))
    space.clock.forward(minutes=16)
    with pytest.raises(StepUpNeeded):
        space.delegations.grant(who, CHEN, space.terms("view"))
    with pytest.raises(StepUpNeeded):
        space.delegations.change(who, given.id, space.terms("view"))
    assert space.delegations.cancel(who, given.id).state == "cancelled"


def test_the_number_alone_is_not_enough(space: Space) -> None:
    """Mistyped into somebody else's number, a delegation is nobody's."""
    space.delegations.grant(space.acting(ANNA), replace(BO, name="旁人"), space.terms("view"))
    assert space.delegations.active(BO, space.clock()) == () == space.delegations.received(BO)
    dotted = replace(EMIN, name="阿依古丽 · 买买提")
    space.delegations.grant(space.acting(ANNA), dotted, space.terms("view"))
    assert len(space.delegations.active(EMIN, space.clock())) == 1


def test_nobody_sees_what_is_none_of_theirs(space: Space) -> None:
    made = chain(space, "view")
    sees: list[tuple[HolderSession, set[int]]] = [
        (space.acting(ANNA), {0, 1, 2}),
        (space.by(BO, made[0].id), {0, 1, 2}),
        (space.by(CHEN, made[1].id), {1, 2}),
        (space.spaces.find(space.signed_in(DING)), {2}),
        (space.spaces.find(space.signed_in(EMIN)), set()),
        (space.acting(EMIN, OTHER), set()),
        (space.spaces.find(space.signed_in(ANNA)), set()),  # for herself, she has no say in the company's
    ]
    for who, expected in sees:
        for number, one in enumerate(made):
            with suppress(NotFound):
                assert space.delegations.get(who, one.id) and number in expected
                continue
            assert number not in expected, (who.person.name, number)
    assert [len(space.delegations.given(who)) for who, _ in sees] == [3, 2, 1, 0, 0, 0, 0]


def test_events_cannot_be_changed(space: Space) -> None:
    space.delegations.grant(space.acting(ANNA), BO, space.terms("view"))
    for act in (update(DelegationEvent).values(act="x"), delete(DelegationEvent)):
        with pytest.raises((DBAPIError, Conflict)), space.sessions.begin() as session:
            session.execute(act)


def test_a_branch_does_not_grow_while_it_is_cut(space: Space) -> None:
    """Whoever comes first: nothing is left below what was taken back."""
    for _ in range(5):
        top = space.delegations.grant(space.acting(ANNA), BO, space.terms("view", "delegate"))
        givers, barrier = [space.by(BO, top.id) for _ in range(3)], Barrier(4)

        def give(who: HolderSession, barrier: Barrier = barrier) -> None:
            barrier.wait()
            with suppress(LicenceTrustError):
                space.delegations.grant(who, CHEN, space.terms("view", days=5))

        threads = [Thread(target=give, args=(who,)) for who in givers]
        for thread in threads:
            thread.start()
        barrier.wait()
        space.delegations.cancel(space.acting(ANNA), top.id)
        for thread in threads:
            thread.join()
        assert space.delegations.active(CHEN, space.clock()) == ()


# Whatever is done, in whatever order

_numbers = itertools.count(1)
_RIGHTS = st.frozensets(st.sampled_from(HOLDER_RIGHTS), min_size=1)
_SOME = st.one_of(st.just(EVERYTHING), st.just(EVERYTHING), st.frozensets(st.sampled_from(["A", "B", "C"]), min_size=1))
_SCOPES = st.builds(
    lambda rights, further, types, items, begins, lasts: (
        rights | {"delegate"} if further else rights,
        types,
        items,
        begins,
        lasts,
    ),
    _RIGHTS,
    st.sampled_from([True, True, True, False]),
    _SOME,
    _SOME,
    st.sampled_from([-2, -1, 0, 0, 0, 3]),
    st.integers(5, 40),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", *["grant fitting"] * 5, "change", "cancel", "forward"]),
        st.sampled_from([0, 0, 0, 1, 2, 5]),
        st.sampled_from(PEOPLE),
        _SCOPES,
    ),
    min_size=8,
    max_size=20,
)
Scope = tuple[frozenset[str], frozenset[str], frozenset[str], int, int]


@given(steps=_STEPS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_child_is_never_wider_longer_or_deeper(space: Space, steps: list[tuple[str, int, Holder, Scope]]) -> None:
    """Any steps in any order, on the newest delegations; those that a rule forbids are refused."""
    company = Holder(f"X{next(_numbers):08d}", "099", "演示机构")
    made = [""]
    for name, which, person, (rights, types, items, begins, lasts) in steps:
        who = replace(space.acting(ANNA), holder=company)
        starts = space.clock() + timedelta(days=begins)
        terms = Terms(rights, starts, starts + timedelta(days=lasts), types, items)
        place = made[-1 - which % len(made)]
        with suppress(LicenceTrustError):
            if name == "forward":
                space.clock.forward(days=1)
            elif name == "change":
                space.delegations.change(who, place, terms)
            elif name == "cancel":
                space.delegations.cancel(who, place)
            else:
                giver = space.by(*_given_to(space, place)) if place else who
                if place and name == "grant fitting":
                    terms = terms.narrowed(space.delegations.get(who, place).terms) or terms
                made.append(space.delegations.grant(giver, person, terms).id)
        deepest.append(_check(space.delegations, company))


deepest: list[int] = []


def test_the_trees_were_deep() -> None:
    assert max(deepest) == 3


def _given_to(space: Space, delegation_id: str) -> tuple[Holder, str]:
    with space.sessions.read() as session:
        row = session.get_one(Delegation, delegation_id)
    return Holder(row.delegate_code, row.delegate_code_type, row.delegate_name), delegation_id


def _check(delegations: Delegations, company: Holder) -> int:
    """The depth of the deepest that was ever given."""
    query = select(Delegation).where(Delegation.holder_code == company.code)
    with delegations.sessions.read() as session:
        rows = {one.id: one for one in session.execute(query).scalars()}
    for one in rows.values():
        if one.state != "granted":
            continue
        assert one.depth <= 3
        if not one.parent_id:
            continue
        parent = rows[one.parent_id]
        assert parent.state == "granted" and one.depth == parent.depth + 1
        assert "delegate" in read(parent.rights)
        assert _terms(one).within(_terms(parent))
    return max((one.depth for one in rows.values()), default=0)


def _terms(row: Delegation) -> Terms:
    return Terms(read(row.rights), row.starts, row.ends, read(row.types), read(row.items))


def test_what_is_above_counts_at_each_use(space: Space) -> None:
    """Should a parent ever end without its children, nobody acts by what hangs below."""
    made = chain(space, "view")
    with space.sessions.begin() as session:
        session.execute(update(Delegation).where(Delegation.id == made[0].id).values(state="cancelled"))
    assert space.delegations.active(DING, space.clock()) == ()
