"""The seal register: whole lives, every cell of the table, every rule, exact answers for any moment."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, update
from sqlalchemy.exc import DBAPIError

from bench.seals import enrol_many, many_id
from licence_store import journal
from seal import using
from seal.database import Sessions
from seal.lifecycle import STEPS, Official, Role, State
from seal.models import SealEvent, SealObject, SealUse
from seal.records import Basis, NewSeal, Permission
from seal.ses import parse_seal
from seal.using import Use, Wish
from tests.authority import EDUCATION, MARKET
from tests.seal.conftest import Drawn
from tests.seal.seal_world import (
    ADMIN,
    APPLICANT_CODE,
    APPROVER,
    AUDITOR,
    BASIS,
    BY_ROLE,
    FACE,
    HOLDER,
    KEEPER,
    OFFICER,
    World,
)
from tests.seal.test_lifecycle import printed
from trust.errors import Conflict, LicenceTrustError, Malformed
from trust.journal import Actor
from trust.seal_status import SealHistory

HOUR = timedelta(hours=1)


@pytest.fixture
def world(sessions: Sessions) -> World:
    return World(sessions)


def code_of(act: Callable[..., object], *args: object, **named: object) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **named)
    return caught.value.code


def attempt(world: World, step: str, seal_id: str, who: Official) -> None:
    """One step by ``who``, with everything given that the step asks for."""
    register = world.register
    if step == "make":
        register.make(who, seal_id, key_name="first", impression=FACE)
    elif step == "import":
        made = world.made_elsewhere(
            seal_id, register.view(seal_id).summary.name, world.signers["first"], world.authority.seal_maker
        )
        register.import_made(who, seal_id, made, key_name="first")
    elif step == "change_face":
        register.change_face(who, seal_id, impression=Drawn(height_mm=41.0))
    elif step == "change_certificate":
        register.change_certificate(who, seal_id, key_name="second")
    elif step == "grant":
        register.grant(who, seal_id, Permission())
    elif step == "end_grant":
        grants = register.view(seal_id).grants
        register.end_grant(who, seal_id, grants[0].id if grants else "none")
    elif step == "request":
        register.request(who, seal_id, "face", BASIS)
    elif step == "use":
        wish = Wish(seal_id, who.actor, who.role, "TYPE", 1, who.holder_code)
        with world.sessions.begin() as session:
            room = using.admit(session, wish, world.now)
        if room.refusal is not None:
            raise room.refusal
    elif step == "audit":
        register.ledger(who, seal_id)
    else:
        register._step(step, seal_id, who, reason="理由", basis=BASIS)


def prepare(world: World, step: str, seal_id: str, *, holder: bool) -> None:
    """What a step needs besides the state."""
    kinds = {"change_face": "face", "change_certificate": "certificate", "destroy": "destruction"}
    if step in kinds:
        world.approved_request(seal_id, kinds[step], holder=holder)
    elif step in ("approve_request", "reject_request"):
        world.register.request(HOLDER if holder else OFFICER, seal_id, "face", BASIS)


def with_grant(world: World, state: State) -> str:
    """A seal in ``state`` whose use was granted while it could be."""
    seal_id = world.applied()
    register = world.register
    register.approve(APPROVER, seal_id)
    register.make(KEEPER, seal_id, key_name="first", impression=FACE)
    register.grant(KEEPER, seal_id, Permission())
    later = (
        (State.MADE, ()),
        (State.ISSUED, ("issue",)),
        (State.ACTIVE, ("issue", "activate")),
        (State.FROZEN, ("issue", "activate", "freeze")),
        (State.LOST, ("issue", "activate", "report_lost")),
        (State.CONFISCATED, ("confiscate",)),
        (State.DESTROYED, ("confiscate", "destroy_confiscated")),
    )
    for step in dict(later)[state]:
        attempt(world, step, seal_id, BY_ROLE[STEPS[step].roles[0]])
    return seal_id


def test_every_cell_in_the_register(world: World) -> None:
    """Role × step × state, through the register itself: what the document allows happens, all else is refused and
    leaves the seal as it was."""
    cells = printed()
    standing = {state: world.seal(state) for state in State if state is not State.NONE}
    happened = refused = 0
    for role, step, state in itertools.product(Role, STEPS, standing):
        if STEPS[step].moves.keys() == {State.NONE}:
            continue
        who, wanted, holder = BY_ROLE[role], cells.get((role, step, state)), role is Role.HOLDER
        if wanted is None:
            seal_id = standing[state]
            code = code_of(attempt, world, step, seal_id, who)
            assert code in ("seal.role", "seal.step", "seal.not_active"), (role, step, state, code)
            assert world.register.view(seal_id).state is state
            refused += 1
            continue
        granted = step in ("end_grant", "use") and not holder
        seal_id = with_grant(world, state) if granted else world.seal(state, holder=holder)
        prepare(world, step, seal_id, holder=holder)
        attempt(world, step, seal_id, who)
        assert world.register.view(seal_id).state == wanted, (role, step, state)
        happened += 1
    assert happened == len([1 for _, step, state in cells if state != "NONE"])
    assert refused > 1500


def test_only_some_may_apply(world: World) -> None:
    for role, who in BY_ROLE.items():
        holder = role is Role.HOLDER
        wanted = NewSeal(
            "章", "education",
            holder_kind="applicant" if holder else "institution",
            holder_name="演示公司" if holder else "",
            holder_code=APPLICANT_CODE if holder else "",
        )  # fmt: skip
        if role in STEPS["apply"].roles:
            assert world.register.apply(who, wanted, BASIS)
        else:
            assert code_of(world.register.apply, who, wanted, BASIS) == "seal.role"


def test_whole_life(world: World) -> None:
    register = world.register
    seal_id = register.apply(OFFICER, NewSeal("演示省教育厅合同专用章", "education", kind="contract"), BASIS, reason="新设")
    assert seal_id == "99000000000001"
    assert register.status(seal_id) is None
    for act in (
        lambda: register.approve(APPROVER, seal_id, reason="同意"),
        lambda: register.make(KEEPER, seal_id, key_name="first"),
        lambda: register.issue(KEEPER, seal_id),
        lambda: register.activate(OFFICER, seal_id),
        lambda: register.freeze(KEEPER, seal_id, reason="核查"),
        lambda: register.unfreeze(APPROVER, seal_id, reason="核查完毕"),
        lambda: register.report_lost(OFFICER, seal_id, reason="密钥介质遗失"),
        lambda: world.approved_request(seal_id, "certificate"),
        lambda: register.change_certificate(KEEPER, seal_id, key_name="second"),
        lambda: register.activate(OFFICER, seal_id),
        lambda: world.approved_request(seal_id, "destruction"),
        lambda: register.freeze(APPROVER, seal_id, reason="机构撤销"),
        lambda: register.destroy(KEEPER, seal_id, reason="机构撤销"),
    ):
        world.forward(hours=1)
        act()
    view = register.view(seal_id)
    assert [e.step for e in view.events] == [
        "apply", "approve", "make", "issue", "activate", "freeze", "unfreeze", "report_lost", "request",
        "approve_request", "change_certificate", "activate", "request", "approve_request", "freeze", "destroy",
    ]  # fmt: skip
    assert [(o.number, o.key_name, o.origin) for o in view.objects] == [(1, "first", "own"), (2, "second", "own")]
    assert {r.state for r in view.requests} == {"done"}
    first, second = (parse_seal(register.object(seal_id, n)) for n in (1, 2))
    assert first.seal_id == second.seal_id == seal_id
    assert first.picture == second.picture
    assert first.certificates != second.certificates
    assert register.files.basis(view.requests[0].basis_digest) == BASIS.data
    with world.sessions.read() as session:
        written = [e.action for e in journal.entries(session, limit=99, subject=seal_id)]
        assert written == [f"seal.{e.step}" for e in view.events]
        assert journal.check_journal(session).intact


def test_exact_status_at_every_moment(world: World) -> None:
    seal_id, register = world.applied(), world.register
    start = world.now
    said = []
    for act in (
        lambda: register.approve(APPROVER, seal_id),
        lambda: register.make(KEEPER, seal_id, key_name="first", impression=FACE),
        lambda: register.issue(KEEPER, seal_id),
        lambda: register.activate(OFFICER, seal_id),
        lambda: register.freeze(KEEPER, seal_id, reason="x"),
        lambda: register.unfreeze(APPROVER, seal_id, reason="x"),
        lambda: register.report_lost(OFFICER, seal_id, reason="x"),
        lambda: register.confiscate(APPROVER, seal_id, BASIS, reason="x"),
        lambda: register.destroy(KEEPER, seal_id, reason="x"),
    ):
        world.forward(hours=1)
        act()
    for hour in range(11):
        status = register.status(seal_id, start + hour * HOUR + HOUR / 2)
        said.append((status.state, status.since and (status.since - start) / HOUR) if status else None)
    assert said == [
        ("INACTIVE", None), ("INACTIVE", None), ("INACTIVE", 2), ("INACTIVE", 2), ("VALID", 4), ("FROZEN", 5),
        ("VALID", 6), ("LOST", 7), ("CONFISCATED", 8), ("DESTROYED", 9), ("DESTROYED", 9),
    ]  # fmt: skip


def test_loss_with_effect_from_earlier(world: World) -> None:
    """What had been said of the time since then is said anew; what came before stands."""
    seal_id, register, start = world.seal(), world.register, world.now
    world.forward(hours=2)
    register.freeze(KEEPER, seal_id, reason="x")
    world.forward(hours=2)
    register.unfreeze(APPROVER, seal_id, reason="x")
    world.forward(hours=2)
    register.report_lost(OFFICER, seal_id, reason="被盗", since=start + HOUR)
    states = [register.status(seal_id, start + n * HOUR).state for n in (0, 1, 3, 5, 9)]  # type: ignore[union-attr]
    assert states == ["VALID", "LOST", "LOST", "LOST", "LOST"]
    later = world.now + HOUR
    assert code_of(lambda: register.report_lost(OFFICER, seal_id, reason="x", since=later)) == "seal.since"


def test_each_object_has_its_time(world: World) -> None:
    seal_id, register = world.seal(), world.register
    old = register.view(seal_id).summary.digest
    first = world.now
    world.approved_request(seal_id, "face")
    changed = world.forward(days=1)
    register.change_face(KEEPER, seal_id, impression=Drawn(height_mm=40.0))
    new = register.view(seal_id).summary.digest
    assert old != new
    answers = {
        (name, when): register.status(seal_id, at, digest=digest)
        for name, digest in (("old", old), ("new", new), ("none", "00" * 32))
        for when, at in (("before", first), ("at", changed), ("after", changed + HOUR))
    }
    assert {key: status and status.state for key, status in answers.items()} == {
        ("old", "before"): "VALID", ("old", "at"): "VALID", ("old", "after"): "SUPERSEDED",
        ("new", "before"): "INACTIVE", ("new", "at"): "VALID", ("new", "after"): "VALID",
        ("none", "before"): "UNREGISTERED", ("none", "at"): "UNREGISTERED", ("none", "after"): "UNREGISTERED",
    }  # fmt: skip
    assert parse_seal(register.object(seal_id)).height == 40
    assert register.object(seal_id, 1) != register.object(seal_id, 2)


def test_lost_seal_with_a_new_certificate_must_be_activated_anew(world: World) -> None:
    seal_id = world.seal(State.LOST)
    world.approved_request(seal_id, "certificate")
    world.register.change_certificate(KEEPER, seal_id, key_name="second")
    assert world.register.view(seal_id).state is State.ISSUED
    assert world.register.status(seal_id, world.now + HOUR).state == "INACTIVE"  # type: ignore[union-attr]


RULES: dict[str, tuple[State, Callable[[World, str], object]]] = {
    "seal.reason_missing": (State.ACTIVE, lambda w, s: w.register.freeze(KEEPER, s, reason=" ")),
    "seal.basis_missing": (State.ACTIVE, lambda w, s: w.register.request(OFFICER, s, "face", None)),
    "seal.other_department": (
        State.ACTIVE,
        lambda w, s: w.register.report_lost(Official(Actor("li", "market"), Role.OFFICER), s, reason="x"),
    ),
    "seal.other_holder": (State.ACTIVE, lambda w, s: w.register.report_lost(HOLDER, s, reason="x")),
    "seal.own_request": (
        State.APPLIED, lambda w, s: w.register.approve(Official(OFFICER.actor, Role.SEAL_APPROVER), s)
    ),
    "seal.not_own_request": (
        State.APPLIED, lambda w, s: w.register.withdraw(Official(Actor("li", "education"), Role.OFFICER), s)
    ),
    "seal.same_hand": (
        State.APPROVED,
        lambda w, s: w.register.make(Official(APPROVER.actor, Role.SEAL_KEEPER), s, key_name="first", impression=FACE),
    ),
    "seal.no_request": (
        State.ACTIVE, lambda w, s: w.register.change_face(KEEPER, s, impression=Drawn())
    ),
    "seal.request_kind": (State.ACTIVE, lambda w, s: w.register.request(OFFICER, s, "new", BASIS)),
    "seal.basis": (State.ACTIVE, lambda w, s: w.register.request(OFFICER, s, "face", Basis("x.pdf", b""))),
    "seal.grant": (State.ACTIVE, lambda w, s: w.register.grant(KEEPER, s, Permission(daily_limit=0))),
    "seal.grant_unknown": (State.ACTIVE, lambda w, s: w.register.end_grant(KEEPER, s, "none")),
    "department.unknown": (State.ACTIVE, lambda w, s: w.register.grant(KEEPER, s, Permission("nowhere"))),
    "keys.unknown": (State.APPROVED, lambda w, s: w.register.make(KEEPER, s, key_name="none", impression=FACE)),
    "seal.unknown": (State.ACTIVE, lambda w, s: w.register.freeze(KEEPER, "0", reason="x")),
    "seal.no_object": (State.APPROVED, lambda w, s: w.register.object(s)),
}  # fmt: skip


@pytest.mark.parametrize("code", RULES)
def test_rule_is_named(world: World, code: str) -> None:
    state, act = RULES[code]
    seal_id = world.seal(state)
    assert code_of(lambda: act(world, seal_id)) == code
    assert world.register.view(seal_id).state is state


def test_refusals_are_journalled(world: World) -> None:
    seal_id = world.seal()
    code_of(lambda: world.register.freeze(ADMIN, seal_id, reason="x"))
    with world.sessions.read() as session:
        last = journal.entries(session, limit=99, subject=seal_id)[-1]
    assert (last.action, last.actor, last.result) == ("seal.freeze", "wu", "seal.role")


def test_no_unit_applies_for_the_seal_of_another(world: World) -> None:
    other = NewSeal("演示省市场监督管理局合同专用章", "education", holder_code=MARKET)
    assert code_of(lambda: world.register.apply(OFFICER, other, BASIS)) == "seal.other_department"
    assert world.register.apply(OFFICER, NewSeal("合同专用章", "education", holder_code=EDUCATION), BASIS)


def test_what_is_refused_leaves_no_document(world: World) -> None:
    seal_id, before = world.seal(), dict(world.files.kept)
    other = Basis("x.pdf", b"another")
    assert code_of(lambda: world.register.confiscate(OFFICER, seal_id, other, reason="x")) == "seal.role"
    assert code_of(lambda: world.register.request(KEEPER, seal_id, "face", other)) == "seal.role"
    assert world.files.kept == before


def test_one_request_at_a_time(world: World) -> None:
    seal_id = world.seal()
    world.register.request(OFFICER, seal_id, "face", BASIS)
    assert code_of(lambda: world.register.request(OFFICER, seal_id, "certificate", BASIS)) == "seal.request_open"
    world.register.reject_request(APPROVER, seal_id, reason="不必要")
    world.register.request(OFFICER, seal_id, "certificate", BASIS)
    world.register.approve_request(APPROVER, seal_id)
    assert code_of(lambda: world.register.change_face(KEEPER, seal_id, impression=FACE)) == "seal.no_request"


BAD = [
    {"name": ""}, {"name": "章" * 129}, {"name": "a\nb"}, {"kind": "crown"}, {"holder_kind": "cat"},
    {"kind": "name"}, {"holder_kind": "office"}, {"holder_name": "长" * 201}, {"seal_id": "a b"},
]  # fmt: skip


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_bad_applications(world: World, changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        world.register.apply(OFFICER, NewSeal(**{"name": "章", "department": "education", **changes}), BASIS)


def test_office_holder_s_name_seal(world: World) -> None:
    wanted = NewSeal("张三名章", "education", kind="name", holder_kind="office", holder_name="张三")
    seal_id = world.register.apply(OFFICER, wanted, BASIS)
    world.register.approve(APPROVER, seal_id)
    world.register.make(KEEPER, seal_id, key_name="first")
    made = parse_seal(world.register.object(seal_id))
    assert (made.name, made.type) == ("张三名章", 2)


def test_seal_made_elsewhere(world: World) -> None:
    register, elsewhere = world.register, world.authority.seal_maker
    seal_id = world.applied(name="外制印章", seal_id="3401000000001")
    register.approve(APPROVER, seal_id)
    first, second = world.signers["first"], world.signers["second"]
    stranger = world.authority.self_signed("stranger maker")
    for made, code in (
        (world.made_elsewhere("3401000000002", "外制印章", first, elsewhere), "seal.not_as_applied"),
        (world.made_elsewhere(seal_id, "别的印章", first, elsewhere), "seal.not_as_applied"),
        (world.made_elsewhere(seal_id, "外制印章", second, elsewhere), "seal.signer_not_listed"),
        (b"junk", "ses.seal_malformed"),
    ):
        assert code_of(register.import_made, KEEPER, seal_id, made, key_name="first") == code
    unknown = world.made_elsewhere(seal_id, "外制印章", first, stranger)
    assert code_of(lambda: register.import_made(KEEPER, seal_id, unknown, key_name="first")).startswith("certificate.")
    sound = world.made_elsewhere(seal_id, "外制印章", first, elsewhere)
    register.import_made(KEEPER, seal_id, sound, key_name="first")
    assert register.object(seal_id) == sound
    assert register.view(seal_id).objects[0].origin == "import"
    assert code_of(lambda: world.applied(seal_id=seal_id)) == "seal.id_taken"


def test_revoked_certificate_may_not_be_activated(world: World) -> None:
    seal_id = world.seal(State.ISSUED)
    world.store = world.authority.revoking(world.signers["first"], world.now - HOUR)
    assert code_of(lambda: world.register.activate(OFFICER, seal_id)).startswith("revocation.revoked")
    frozen = world.seal  # a frozen one is not unfrozen either
    world.store = world.authority.store()
    other = frozen(State.FROZEN)
    world.store = world.authority.revoking(world.signers["first"], world.now - HOUR)
    assert code_of(lambda: world.register.unfreeze(APPROVER, other, reason="x")).startswith("revocation.revoked")


# Using


def wish(world: World, seal_id: str, count: int = 1, who: Official = OFFICER, type_code: str = "A") -> using.Room:
    with world.sessions.begin() as session:
        return using.admit(session, Wish(seal_id, who.actor, who.role, type_code, count, who.holder_code), world.now)


def refusal(room: using.Room) -> str:
    return room.refusal.code if room.refusal else ""


def test_grants_bound_the_use(world: World) -> None:
    seal_id, register = world.seal(), world.register
    assert refusal(wish(world, seal_id)) == "seal.no_grant"
    register.grant(KEEPER, seal_id, Permission(account="zhang", types=("A", "B")))
    other = Official(Actor("li", "education"), Role.OFFICER)
    assert wish(world, seal_id, 40).count == 40
    assert refusal(wish(world, seal_id, type_code="C")) == "seal.no_grant"
    assert refusal(wish(world, seal_id, who=other)) == "seal.no_grant"
    grant = register.grant(KEEPER, seal_id, Permission(types=("*",)))
    assert wish(world, seal_id, who=other, type_code="C").count == 1
    assert refusal(wish(world, seal_id, who=Official(Actor("li", "market"), Role.OFFICER))) == "seal.no_grant"
    register.grant(KEEPER, seal_id, Permission(department="market", types=("M",)))
    assert wish(world, seal_id, who=Official(Actor("li", "market"), Role.OFFICER), type_code="M").count == 1
    register.end_grant(KEEPER, seal_id, grant)
    assert refusal(wish(world, seal_id, who=other, type_code="C")) == "seal.no_grant"
    assert [refusal(wish(world, seal_id, who=who)) for who in (KEEPER, APPROVER, AUDITOR, ADMIN)] == ["seal.role"] * 4


def test_so_many_a_day(world: World) -> None:
    seal_id = world.seal()
    world.register.grant(KEEPER, seal_id, Permission(daily_limit=5))
    assert wish(world, seal_id, 3) == using.Room(3)
    room = wish(world, seal_id, 4)
    assert (room.count, refusal(room)) == (2, "seal.daily_limit")
    assert wish(world, seal_id).count == 0
    world.forward(days=1)
    assert wish(world, seal_id, 5).count == 5


def test_applicant_s_own_seal(world: World) -> None:
    seal_id = world.seal(holder=True)
    other = Official(HOLDER.actor, Role.HOLDER, "91990000MA00000027")
    assert wish(world, seal_id, who=HOLDER).count == 1
    assert refusal(wish(world, seal_id, who=other)) == "seal.other_holder"
    assert refusal(wish(world, seal_id)) == "seal.other_holder"
    assert code_of(lambda: world.register.report_lost(other, seal_id, reason="x")) == "seal.other_holder"
    assert code_of(lambda: world.register.report_lost(OFFICER, seal_id, reason="x")) == "seal.other_holder"


def put(world: World, seal_id: str, *numbers: int) -> None:
    uses = [
        Use(seal_id, "0" * 64, f"{n:064x}", f"licence-{n}", "A", "zhang", "education",
            world.now + n * HOUR, world.now + n * HOUR)
        for n in numbers
    ]  # fmt: skip
    with world.sessions.begin() as session:
        using.write(session, uses)


def test_which_documents_between(world: World) -> None:
    seal_id, other, start = world.seal(), world.seal(), world.now
    put(world, seal_id, *range(10))
    put(world, other, 3)
    found = world.register.uses(seal_id, start + 3 * HOUR, start + 6 * HOUR)
    assert [u.subject for u in found] == ["licence-3", "licence-4", "licence-5"]
    first = world.register.ledger(AUDITOR, seal_id, limit=4)
    rest = world.register.ledger(AUDITOR, seal_id, after=first[-1].id)
    assert [u.subject for u in (*first, *rest)] == [f"licence-{n}" for n in range(10)]
    assert [u.document for u in world.register.ledger(AUDITOR, seal_id, text=f"{7:064X}")] == [f"{7:064x}"]
    for who in (OFFICER, KEEPER, APPROVER, ADMIN):
        assert code_of(world.register.ledger, who, seal_id) == "seal.role"
    with world.sessions.read() as session:
        assert [e.result for e in journal.entries(session, actor="zhou")] == ["ok"] * 3


@pytest.mark.parametrize("model", [SealEvent, SealObject, SealUse])
def test_what_happened_cannot_be_changed(world: World, model: type) -> None:
    put(world, world.seal(), 1)
    column = "subject" if model is SealUse else "actor"
    for act in (update(model).values({column: "nobody"}), delete(model)):
        with pytest.raises((DBAPIError, Conflict)) as caught, world.sessions.begin() as session:
            session.execute(act)
        assert "append-only" in f"{caught.value} {caught.value.__cause__}"


# Many


def test_search(world: World) -> None:
    ids = [world.applied(name=f"章{n}") for n in range(3)]
    active = world.seal()
    search = world.register.search
    assert [s.id for s in search()] == [*ids, active]
    assert [s.id for s in search(limit=2)] == ids[:2]
    assert [s.id for s in search(after=ids[1])] == [ids[2], active]
    assert [s.id for s in search(text="章2")] == [ids[2]]
    assert [s.id for s in search(text=ids[0])] == [ids[0]]
    assert [s.id for s in search(state=State.ACTIVE)] == [active]
    assert search(departments=["market"]) == ()
    assert search(text="%") == ()


def test_codes_follow_one_another_and_are_never_given_twice(world: World) -> None:
    ids = [world.applied() for _ in range(3)]
    assert ids == ["99000000000001", "99000000000002", "99000000000003"]


def test_changed_meanwhile_by_others(world: World) -> None:
    """Two keepers make the same seal: one of them does."""
    seal_id = world.seal(State.APPROVED)
    register = world.register
    inner = register._made

    def slow(*args: object) -> bytes:
        made = inner(*args)  # type: ignore[arg-type]
        register.make(Official(Actor("li"), Role.SEAL_KEEPER), seal_id, key_name="second", impression=FACE)
        return made

    class Slow(type(register)):  # type: ignore[misc]
        _made = staticmethod(slow)

    again = Slow(**{name: getattr(register, name) for name in register.__slots__})
    assert code_of(lambda: again.make(KEEPER, seal_id, key_name="first", impression=FACE)) in ("seal.step", "seal.changed")
    [one] = register.view(seal_id).objects
    assert (one.key_name, one.actor) == ("second", "li")


def test_status_asks_as_little_of_many_seals_as_of_one(world: World) -> None:
    """The statements one answer takes, and that each finds its rows by an index (bench: ``seal_status``)."""
    enrol_many(world.sessions, 3_000, world.now, "education")
    statements: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        statements.append((statement, parameters))

    event.listen(world.sessions.reader, "before_cursor_execute", note)
    try:
        status = world.register.status(many_id(1_234), world.now + HOUR, digest=f"{1_234:064x}")
    finally:
        event.remove(world.sessions.reader, "before_cursor_execute", note)
    assert status
    assert status.state == "VALID"
    assert len(statements) <= 4
    if world.sessions.dialect == "sqlite":
        with world.sessions.read() as session:
            for statement, parameters in statements:
                plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                assert not [row for row in plan if str(row[-1]).startswith("SCAN")], (statement, plan)


def test_history_without_states_is_inactive(world: World) -> None:
    history = SealHistory(((world.now, "VALID"),), (("a" * 64, world.now),))
    assert history.at(world.now - HOUR).state == "INACTIVE"
    assert history.at(world.now).state == "VALID"


def test_stranger_certificate_does_not_make_a_seal(world: World) -> None:
    seal_id = world.seal(State.APPROVED)
    world.signers["alien"] = world.authority.self_signed("alien")
    code = code_of(world.register.make, KEEPER, seal_id, key_name="alien", impression=FACE)
    assert code.startswith("certificate.")
    assert world.register.view(seal_id).objects == ()
