"""Nonces, limits, tokens, keys: on both engines, by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from licence_store.desk import Desk
from licence_store.sharing import nonces
from licence_store.sharing.callers import NewClient
from licence_store.sharing.gate import Gate, PeerKey, spend
from licence_store.sharing.models import SharingCall, SharingDecision, SharingNonce
from licence_store.sharing.tokens import Tokens
from seal.database import Sessions
from tests.sharing_systems import CONSOLE, Draft, System, make_system, sm2_key
from trust.errors import Conflict, LicenceTrustError, Malformed, Refused, Unauthenticated
from trust.request_keys import load_request_key

NOW = datetime(2026, 11, 22, 8, 0, 30, tzinfo=UTC)


def test_a_nonce_counts_once_however_many_bring_it(sessions: Sessions) -> None:
    def bring(_: int) -> bool:
        with sessions.begin() as session:
            return nonces.note(session, "k", "the same nonce of all", NOW, NOW + timedelta(minutes=5))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(bring, range(24))) == 1
    with sessions.begin() as session:
        assert nonces.note(session, "other", "the same nonce of all", NOW, NOW + timedelta(minutes=5))
        later = NOW + timedelta(minutes=6)
        assert nonces.note(session, "k", "the same nonce of all", later, later)
        assert session.query(SharingNonce).count() == 1


def test_calls_are_counted_exactly(sessions: Sessions) -> None:
    def one(_: int) -> nonces.Allowance:
        with sessions.begin() as session:
            return nonces.count(session, "c", 10, 15, NOW)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(20)))
    assert sorted(one.rate_left for one in found) == list(range(-10, 10))
    assert sorted(one.quota_left for one in found) == list(range(-5, 15))
    assert {one.rate_reset for one in found} == {30}
    assert found[0].headers()["RateLimit-Policy"] == '"minute";q=10;w=60, "day";q=15;w=86400'
    with sessions.begin() as session:
        fresh = nonces.count(session, "c", 10, 15, NOW + timedelta(minutes=1))
        assert (fresh.rate_left, fresh.quota_left) == (9, -6)
        assert nonces.count(session, "free", 0, 0, NOW).headers() == {}


@pytest.fixture
def system(desk: Desk) -> System:
    made = make_system(desk)
    tokens = tokens_of(desk)
    return replace(made, token=tokens.issue(made.assertion(), "", CONSOLE).secret)


def tokens_of(desk: Desk) -> Tokens:
    return Tokens(desk.callers, desk.catalogue, (f"urn:licence-trust:region:{desk.region.code}",))


def gate_of(desk: Desk, peer: PeerKey | None = None) -> Gate:
    return Gate(desk.callers, tokens_of(desk), desk.region.code, lambda key_id, moment: peer)


def code_of(gate: Gate, draft: Draft) -> str:
    headers = {name.lower(): [value] for name, value in draft.signed().items()}
    try:
        spend(gate.admit(replace(draft.message(), headers=headers)))
    except LicenceTrustError as error:
        return error.code
    return ""


def test_one_request_is_admitted_once(desk: Desk, system: System) -> None:
    gate = gate_of(desk)
    draft = Draft(system, "licence", {}, nonce="a-nonce-of-its-own-1")
    headers = {name.lower(): [value] for name, value in draft.signed().items()}
    message = replace(draft.message(), headers=headers)

    def bring(_: int) -> str:
        try:
            return gate.admit(message).caller.id
        except Unauthenticated as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(bring, range(8)))
    assert sorted(found) == sorted([system.id] + ["signature.replayed"] * 7)


def test_a_region_signs_without_a_token(desk: Desk, system: System) -> None:
    spki, sign = sm2_key()
    peer = PeerKey("520000", "另一省", load_request_key(spki))
    draft = Draft(system, "licence", {}, key_id="520000:main", sign=sign, token=None)
    headers = {name.lower(): [value] for name, value in draft.signed().items()}
    admitted = gate_of(desk, peer).admit(replace(draft.message(), headers=headers))
    assert (admitted.caller.id, admitted.caller.kind, admitted.caller.region) == ("region:520000", "region", "520000")
    assert admitted.caller.regions == {desk.region.code}
    again = Draft(system, "licence", {}, key_id="520000:main", token=None)
    assert code_of(gate_of(desk, peer), again) == "signature.invalid"
    assert code_of(gate_of(desk), Draft(system, "licence", {}, key_id="520000:main")) == "signature.key_unknown"


def test_a_registered_region_is_held_to_its_bounds(desk: Desk, system: System) -> None:
    spki, sign = sm2_key()
    gate = gate_of(desk, PeerKey("520000", "另一省", load_request_key(spki)))
    new = NewClient("另一省节点", "另一省", "91990000MA49QUAQ2W", "520000", operations=("check",), rate=1, node=True)
    assert desk.callers.register(new, CONSOLE).id == "region:520000"
    with pytest.raises(Conflict):
        desk.callers.register(new, CONSOLE)
    draft = Draft(system, "licence", {}, key_id="520000:main", sign=sign, token=None)
    headers = {name.lower(): [value] for name, value in draft.signed().items()}
    caller = gate.admit(replace(draft.message(), headers=headers)).caller
    assert (caller.kind, caller.operations, caller.regions) == ("region", {"check"}, {desk.region.code})
    assert code_of(gate, replace(draft, headers={}, nonce="another-nonce-000000")) == "sharing.rate"
    desk.callers.suspend("region:520000", CONSOLE, "r")
    assert code_of(gate, replace(draft, headers={}, nonce="another-nonce-000001")) == "sharing.client_suspended"


def test_keys_overlap_and_end(desk: Desk, system: System) -> None:
    gate, (spki, sign) = gate_of(desk), sm2_key()
    new = desk.callers.add_key(system.id, spki, CONSOLE)
    renewed = replace(system, key_id=new.id, sign=sign)
    assert code_of(gate, Draft(renewed, "licence", {})) == ""
    desk.callers.end_key(system.key_id, CONSOLE)
    assert code_of(gate, Draft(system, "licence", {})) == "signature.key_unknown"
    assert code_of(gate, Draft(renewed, "licence", {})) == ""
    with pytest.raises(Conflict):
        desk.callers.add_key(system.id, spki, CONSOLE)


def test_a_secret_is_kept_wrapped(desk: Desk, system: System) -> None:
    access_key, secret = desk.callers.add_secret(system.id, CONSOLE)
    assert all(secret not in key.public for key in desk.callers.keys(system.id))
    known = desk.callers.known_key(access_key)
    assert known is not None
    assert known.secret.hex() == secret
    assert code_of(gate_of(desk), Draft(system, "licence", {}, secret=(access_key, secret))) == ""


def test_a_token_is_never_wider_than_the_system_is_now(desk: Desk) -> None:
    made = make_system(desk, operations=("check", "licence"))
    tokens = tokens_of(desk)
    secret = tokens.issue(made.assertion(), "op:check type:teacher-certificate", CONSOLE).secret
    caller = tokens.caller(secret)
    assert caller.operations == {"check"}
    assert caller.types == {desk.catalogue.get("teacher-certificate").code}
    for wide in ("op:batch", "op:check op:batch"):
        with pytest.raises(Refused) as caught:
            tokens.issue(made.assertion(), wide, CONSOLE)
        assert caught.value.code == "oauth.scope_too_wide"


SILLY: tuple[dict[str, object], ...] = (
    {"name": ""}, {"name": "a\nb"}, {"organisation": "x" * 201}, {"organisation_code": "1"}, {"region": "x"},
    {"operations": ("everything",)}, {"operations": ()}, {"types": ()}, {"regions": ("x",)}, {"rate": -1},
    {"certificate": "x"},
)  # fmt: skip


def test_systems_that_are_none(desk: Desk) -> None:
    good = {"name": "n", "organisation": "o", "organisation_code": "91990000MA49QUAQ2W", "region": "990000"}
    for changed in SILLY:
        with pytest.raises(Malformed):
            desk.callers.register(NewClient(**{**good, **changed}), CONSOLE)  # type: ignore[arg-type]


def test_what_was_written_down_stays(desk: Desk, system: System) -> None:
    log = desk.sharing.log
    log.turned_away("licence", Unauthenticated("x.y", "x"), caller="", request="", address="")
    made = desk.sharing.access.apply(
        system.id, "teacher-certificate", operations=["check"], items=["i"], basis="b", reason="r", actor=CONSOLE
    )
    desk.sharing.access.decide(made.id, "refuse", reason="r", actor=CONSOLE)
    for act in (
        update(SharingCall).values(result="y"), delete(SharingCall),
        update(SharingDecision).values(reason="y"), delete(SharingDecision),
    ):  # fmt: skip
        with pytest.raises((DBAPIError, Conflict)), desk.sessions.begin() as session:
            session.execute(act)
