"""Accounts: passwords, sessions, tokens; nothing secret is kept readable."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest
from argon2 import DEFAULT_MEMORY_COST, DEFAULT_TIME_COST, PasswordHasher, profiles
from sqlalchemy import text

from licence_store.accounts import AccountRules, Accounts, check_csrf, new_password
from licence_store.journal import check_journal, entries
from licence_store.models import Account
from seal.database import Sessions
from tests.licence_store.conftest import ToldClock
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused, Unauthenticated
from trust.journal import SYSTEM, Actor

PASSWORD = "正确的口令-correct"


@pytest.fixture
def accounts(sessions: Sessions, clock: ToldClock) -> Accounts:
    return Accounts(sessions, clock, AccountRules())


@pytest.fixture
def zhang(accounts: Accounts) -> Account:
    return accounts.create("zhang", PASSWORD, display_name="张三", role="officer", actor=SYSTEM)


def refused(code: str, act: object, *args: object, **kwargs: object) -> None:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **kwargs)  # type: ignore[operator]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "password", "role", "code"),
    [
        ("", PASSWORD, "officer", "account.name"),
        ("a b", PASSWORD, "officer", "account.name"),
        ("a", "short", "officer", "account.password"),
        ("a", "x" * 2000, "officer", "account.password"),
        ("a", PASSWORD, "king", "account.role"),
    ],
)
def test_bad_accounts(accounts: Accounts, name: str, password: str, role: str, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        accounts.create(name, password, display_name="", role=role, actor=SYSTEM)
    assert caught.value.code == code


def test_account_twice_or_of_no_department(accounts: Accounts, zhang: Account) -> None:
    with pytest.raises(Conflict):
        accounts.create("zhang", PASSWORD, display_name="", role="officer", actor=SYSTEM)
    with pytest.raises(NotFound):
        accounts.create("li", PASSWORD, display_name="", role="officer", department="none", actor=SYSTEM)
    assert [a.name for a in accounts.list()] == ["zhang"]
    assert accounts.get("zhang").display_name == "张三"
    refused("account.unknown", accounts.get, "wang")


def test_sign_in(accounts: Accounts, zhang: Account, clock: ToldClock) -> None:
    token, csrf = accounts.open_session(accounts.authenticate("zhang", PASSWORD, address="192.0.2.7"))
    signed_in = accounts.session(token)
    assert (signed_in.account.name, signed_in.csrf) == ("zhang", csrf)
    check_csrf(token, csrf)
    for wrong in ("", "x", csrf[:-1] + "g", "钥"):
        refused("session.csrf", check_csrf, token, wrong)
    clock.forward(hours=8)
    refused("session.ended", accounts.session, token)


def test_sign_out(accounts: Accounts, zhang: Account) -> None:
    token, _ = accounts.open_session(zhang)
    accounts.close_session(token)
    accounts.close_session(token)
    refused("session.ended", accounts.session, token)


@pytest.mark.parametrize(
    ("name", "password"), [("zhang", "wrong"), ("nobody", PASSWORD), ("", ""), ("zhang", "x" * 9999)]
)
def test_wrong_sign_in_says_the_same(accounts: Accounts, zhang: Account, name: str, password: str) -> None:
    refused("account.sign_in", accounts.authenticate, name, password)


def test_guessing_is_slowed(accounts: Accounts, zhang: Account, clock: ToldClock) -> None:
    for _ in range(5):
        refused("account.sign_in", accounts.authenticate, "zhang", "wrong", address="192.0.2.7")
    refused("account.throttled", accounts.authenticate, "ZHANG", PASSWORD)
    refused("account.throttled", accounts.authenticate, "zhang", PASSWORD)
    clock.forward(minutes=16)
    accounts.authenticate("zhang", PASSWORD)
    refused("account.sign_in", accounts.authenticate, "zhang", "wrong")


def test_guessing_many_names_from_one_address_is_slowed(accounts: Accounts, zhang: Account) -> None:
    for n in range(50):
        refused("account.sign_in", accounts.authenticate, f"name{n}", "wrong", address="192.0.2.7")
    refused("account.throttled", accounts.authenticate, "zhang", PASSWORD, address="192.0.2.7")
    accounts.authenticate("zhang", PASSWORD, address="192.0.2.8")


def test_disabled_account(accounts: Accounts, zhang: Account) -> None:
    token, _ = accounts.open_session(zhang)
    _, secret = accounts.create_token(zhang, ["read"], ["*"], ["*"], label="x", actor=SYSTEM)
    accounts.disable("zhang", actor=SYSTEM)
    refused("session.ended", accounts.session, token)
    refused("token.invalid", accounts.token, secret)
    refused("account.sign_in", accounts.authenticate, "zhang", PASSWORD)
    refused("account.unknown", accounts.disable, "wang", actor=SYSTEM)


def test_new_password_ends_sessions(accounts: Accounts, zhang: Account) -> None:
    token, _ = accounts.open_session(zhang)
    accounts.set_password("zhang", fresh := new_password(), actor=SYSTEM)
    refused("session.ended", accounts.session, token)
    assert accounts.authenticate("zhang", fresh).name == "zhang"


def test_token_scopes(accounts: Accounts, zhang: Account, clock: ToldClock) -> None:
    token_id, secret = accounts.create_token(zhang, ["issue"], ["market"], ["*"], label="系统", actor=SYSTEM)
    grant = accounts.token(secret)
    grant.demand("issue", department="market", type_code="any")
    with pytest.raises(Refused):
        grant.demand("read")
    with pytest.raises(Refused):
        grant.demand("issue", department="education")
    assert [t.id for t in accounts.tokens("zhang")] == [token_id]
    clock.forward(days=366)
    refused("token.invalid", accounts.token, secret)


def test_revoked_token(accounts: Accounts, zhang: Account) -> None:
    token_id, secret = accounts.create_token(zhang, ["read"], [], [], label="x", actor=SYSTEM)
    accounts.revoke_token(token_id, actor=SYSTEM)
    accounts.revoke_token(token_id, actor=SYSTEM)
    refused("token.invalid", accounts.token, secret)
    refused("token.unknown", accounts.revoke_token, "none", actor=SYSTEM)


@pytest.mark.parametrize(("scopes", "days"), [([], 1), (["fly"], 1), (["*"], 1), (["read"], 0), (["read"], 999)])
def test_bad_tokens(accounts: Accounts, zhang: Account, scopes: list[str], days: int) -> None:
    with pytest.raises(Malformed):
        accounts.create_token(zhang, scopes, [], [], label="x", actor=SYSTEM, valid=timedelta(days=days))


def test_nothing_secret_is_kept(accounts: Accounts, sessions: Sessions, zhang: Account) -> None:
    token, _ = accounts.open_session(zhang)
    _, secret = accounts.create_token(zhang, ["read"], ["*"], ["*"], label="x", actor=Actor("zhang"))
    with pytest.raises(Unauthenticated):
        accounts.authenticate(PASSWORD, "typed into the wrong box")
    with sessions.read() as session:
        tables = ("account", "staff_session", "api_token", "journal_entry", "sign_in_failure")
        kept = repr([session.execute(text(f"SELECT * FROM {t}")).all() for t in tables])
        assert check_journal(session).intact
        assert {e.action for e in entries(session)} >= {"account.create", "token.create", "account.sign_in"}
    assert not any(s in kept for s in (token, secret, PASSWORD))
    assert "argon2id" in kept


def test_a_password_costs_what_the_library_advises() -> None:
    """Only tests make it cheaper (``tests.passwords``)."""
    [hasher] = [one for one in fields(Accounts) if one.name == "hasher"]
    assert hasher.default_factory is PasswordHasher
    advised = profiles.RFC_9106_LOW_MEMORY
    assert (advised.memory_cost, advised.time_cost, advised.parallelism) >= (65536, 3, 4)
    assert (advised.memory_cost, advised.time_cost) == (DEFAULT_MEMORY_COST, DEFAULT_TIME_COST)
