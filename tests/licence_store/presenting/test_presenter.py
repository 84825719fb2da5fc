"""亮证: bound to time and to one verifier; replays, late and other verifiers refused; all of it in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from licence_store.desk import Desk
from licence_store.holding.holder import Holder, HolderSession
from licence_store.presenting.presenter import LOOK, VALID, Offered, Viewer
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.licence_store.conftest import OFFICER
from tests.licence_store.test_life import code_of, forward, issued, told  # noqa: F401  fixtures
from trust.errors import LicenceTrustError

PUBLIC = Viewer()


def session_of(desk: Desk, licence: IssuedLicence) -> HolderSession:
    one = desk.register.find(licence.licence_id).summary
    who = Holder(one.holder_code, "111", one.holder_name)
    return HolderSession("a-1", who, who)


@pytest.fixture
def held(told: Desk, issued: IssuedLicence) -> tuple[Desk, HolderSession, str]:  # noqa: F811
    return told, session_of(told, issued), issued.licence_id


Held = tuple[Desk, HolderSession, str]


def offer(held: Held, **more: object) -> Offered:
    desk, who, licence_id = held
    return desk.presenter.offer(who, licence_id, **more)  # type: ignore[arg-type]


def acts(held: Held) -> list[tuple[str, str, str]]:
    """The ledger as the holder reads it, oldest first."""
    page = held[0].ledger.page(held[1].holder.code)
    return [(one.act, one.who, one.result) for one in reversed(page.entries)]


def test_opened_once_and_looked_at_again_by_the_same(held: Held) -> None:
    desk, _, licence_id = held
    face = [one.name for one in desk.register.find(licence_id).message.face]
    offered = offer(held, fields=face[:2], purpose="办理入学")
    assert desk.presenter.peek(offered.token).state(desk.clock()) == "open"
    shown = desk.presenter.open(offered.token, PUBLIC)
    assert shown.licence.licence_id == licence_id and shown.view.shown == tuple(sorted(face[:2]))
    forward(desk, minutes=3)  # past the code's time, not past the look's
    again = desk.presenter.find(offered.id, shown.claim)
    assert again.view.purpose == "办理入学" and again.until == shown.until
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.open(offered.token, PUBLIC)
    assert code_of(refused) == "present.taken"
    for claim in ("", "x", shown.claim[:-1]):
        with pytest.raises(LicenceTrustError) as refused:
            desk.presenter.find(offered.id, claim)
        assert code_of(refused) == "present.taken"
    forward(desk, seconds=LOOK.total_seconds())
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.find(offered.id, shown.claim)
    assert code_of(refused) == "present.expired"
    assert acts(held) == [
        ("present", "本人", "offered"),
        ("present", "公众（未登录）", "ok"),
        ("refuse", "公众（未登录）", "present.taken"),
    ]
    assert desk.ledger.check(held[1].holder.code).intact


def test_late_is_refused(held: Held) -> None:
    offered = offer(held)
    forward(held[0], seconds=VALID.total_seconds())
    with pytest.raises(LicenceTrustError) as refused:
        held[0].presenter.open(offered.token, PUBLIC)
    assert code_of(refused) == "present.expired" and acts(held)[-1][0] == "refuse"


def test_bound_to_a_department(held: Held) -> None:
    desk = held[0]
    department = desk.catalogue.departments()[0].id
    offered = offer(held, verifier=department)
    for other in (PUBLIC, Viewer("another", "别的部门", "li")):
        with pytest.raises(LicenceTrustError) as refused:
            desk.presenter.open(offered.token, other)
        assert code_of(refused) == "present.other_verifier"
    shown = desk.presenter.open(offered.token, Viewer(department, "本部门", "wang"))
    assert shown.view.opened_by == "本部门"
    assert [one[2] for one in acts(held)] == ["offered", "present.other_verifier", "present.other_verifier", "ok"]
    with pytest.raises(LicenceTrustError) as refused:
        offer(held, verifier="no-such")
    assert code_of(refused) == "department.unknown"


def test_codes_end_with_the_account(held: Held) -> None:
    desk, who, _ = held
    waiting, looked_at = offer(held), offer(held)
    shown = desk.presenter.open(looked_at.token, PUBLIC)
    assert desk.presenter.forget("another", who.actor()) == 0
    assert sum(part.forget(who.holder.code, who.actor()) for part in desk.closing.parts()) >= 2
    for attempt in (
        lambda: desk.presenter.open(waiting.token, PUBLIC),
        lambda: desk.presenter.find(looked_at.id, shown.claim),
    ):
        with pytest.raises(LicenceTrustError) as refused:
            attempt()
        assert code_of(refused) == "present.ended"


def test_typed_code(held: Held) -> None:
    desk, offered = held[0], offer(held)
    code = f"{offered.code[:3]} {offered.code[3:6]} {offered.code[6:]}"
    shown = desk.presenter.open("", Viewer("market", "市场监管局", "wang"), code=code)
    assert desk.presenter.find(shown.view.id, shown.claim).licence.licence_id == held[2]
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.find(shown.view.id, "")
    assert code_of(refused) == "present.taken"


def test_taken_back(held: Held) -> None:
    desk, who, _ = held
    offered = offer(held)
    other = HolderSession("a-2", *[Holder("another", "111", "别人")] * 2)
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.end(other, offered.id)
    assert code_of(refused) == "present.unknown"
    assert desk.presenter.end(who, offered.id).state(desk.clock()) == "ended"
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.open(offered.token, PUBLIC)
    assert code_of(refused) == "present.ended"
    second = offer(held)
    shown = desk.presenter.open(second.token, PUBLIC)
    desk.presenter.end(who, second.id)
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.find(second.id, shown.claim)
    assert code_of(refused) == "present.ended"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"fields": ["no_such"]}, "present.field"),
        ({"valid": timedelta(hours=1)}, "present.valid"),
        ({"valid": timedelta(0)}, "present.valid"),
        ({"purpose": "a\nb"}, "present.purpose"),
        ({"purpose": "长" * 201}, "present.purpose"),
    ],
)
def test_silly_offers(held: Held, more: dict[str, object], code: str) -> None:
    with pytest.raises(LicenceTrustError) as refused:
        offer(held, **more)
    assert code_of(refused) == code


def test_only_ones_own_in_force_and_within_the_rights(held: Held) -> None:
    desk, who, licence_id = held
    stranger = replace(who, holder=Holder("another", "111", "别人"))
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.offer(stranger, licence_id)
    assert code_of(refused) == "licence.unknown"
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.offer(replace(who, rights=frozenset({"view"})), licence_id)
    assert code_of(refused) == "holder.right"
    desk.life.take(licence_id, "suspend", Official(OFFICER, Role.OFFICER), reason="调查")
    with pytest.raises(LicenceTrustError) as refused:
        desk.presenter.offer(who, licence_id)
    assert code_of(refused) == "licence.not_referencable"


def test_not_too_many_at_once(held: Held) -> None:
    for _ in range(5):
        offer(held)
    with pytest.raises(LicenceTrustError) as refused:
        offer(held)
    assert code_of(refused) == "present.too_many"
    forward(held[0], minutes=3)
    offer(held)


def test_not_too_many_by_asking_all_at_once(held: Held) -> None:
    def attempt(_: int) -> str:
        try:
            return offer(held).id[:2]
        except LicenceTrustError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, range(8)))
    assert answers == [*["p-"] * 5, *["present.too_many"] * 3]


def test_of_many_who_open_at_once_one_has_it(held: Held) -> None:
    desk, offered = held[0], offer(held)

    def attempt(number: int) -> str:
        try:
            desk.presenter.open(offered.token, Viewer("", "", f"reader-{number}"))
        except LicenceTrustError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(attempt, range(6)))
    assert answers == ["ok", *["present.taken"] * 5]
    assert len(acts(held)) == 7 and desk.ledger.check(held[1].holder.code).intact


def test_unknown_tokens(held: Held) -> None:
    desk = held[0]
    for token in ("", "x", "\udcff", "a" * 5000):
        for act in (desk.presenter.peek, lambda one: desk.presenter.open(one, PUBLIC)):
            with pytest.raises(LicenceTrustError) as refused:
                act(token)
            assert code_of(refused) == "present.unknown"
    with pytest.raises(LicenceTrustError):
        desk.presenter.open("", PUBLIC, code="000000000")
