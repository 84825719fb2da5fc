"""用户账号: what an identity provider says of somebody becomes an account; one for each of its subjects.

An account is opened by the first sign-in. It holds code and name as the provider gave them last; a provider that
suddenly gives another number for the same subject is not believed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, LEVELS, Holder
from licence_store.holding.models import HolderAccount, SpaceSignIn
from licence_store.models import Licence
from seal.database import Sessions
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import check_citizen_number, check_credit_code, plain_number

_CODE_TYPE = re.compile(r"[0-9]{3}", re.ASCII)
HISTORY = 50
"""Sign-ins shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """身份: what an identity provider has proved."""

    issuer: str
    subject: str
    person: Holder
    assurance: int
    proved: datetime
    offices: tuple[Holder, ...] = ()
    """Organisations whose legal representative they are, by the provider's word."""
    word: str = field(default="", repr=False)
    """身份令牌 as the provider gave it, by which it knows whom to sign out; kept for a terminal's few minutes only."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """用户账号."""

    id: str
    issuer: str
    person: Holder
    opened: datetime
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class SignInView:
    """登录记录."""

    at: datetime
    act: str
    assurance: int
    address: str


@dataclass(frozen=True, slots=True)
class HolderAccounts:
    """用户账号登记."""

    sessions: Sessions
    clock: Callable[[], datetime]

    def get(self, account_id: str) -> AccountView:
        """Raises ``NotFound("holder.unknown")``."""
        with self.sessions.read() as session:
            found = session.get(HolderAccount, account_id[:32])
        if found is None:
            raise NotFound("holder.unknown", "没有这一用户账号。")
        return view(found)

    def of_code(self, code: str) -> tuple[AccountView, ...]:
        """Open accounts of the person with this number."""
        query = select(HolderAccount).where(HolderAccount.code == code, HolderAccount.closed.is_(None))
        with self.sessions.read() as session:
            return tuple(view(one) for one in session.execute(query.order_by(HolderAccount.id)).scalars())

    def list(self, limit: int = 200) -> tuple[AccountView, ...]:
        """The newest first."""
        query = select(HolderAccount).order_by(HolderAccount.opened.desc(), HolderAccount.id).limit(limit)
        with self.sessions.read() as session:
            return tuple(view(one) for one in session.execute(query).scalars())

    def sign_ins(self, account_id: str, limit: int = HISTORY) -> tuple[SignInView, ...]:
        """登录记录, the newest first."""
        query = select(SpaceSignIn).where(SpaceSignIn.account_id == account_id).order_by(SpaceSignIn.id.desc())
        with self.sessions.read() as session:
            rows = session.execute(query.limit(limit)).scalars()
            return tuple(SignInView(one.at, one.act, one.assurance, one.address) for one in rows)


def check_identity(identity: Identity) -> Identity:
    """The identity with its codes in their usual form. Raises ``Refused("holder.identity")``: the provider's fault."""
    try:
        person = check_holder(identity.person)
        offices = tuple(check_holder(one) for one in identity.offices)
    except Malformed as error:
        raise _bad_identity() from error
    good = identity.subject and len(identity.subject) <= 255 and len(identity.issuer) <= 300
    if not good or identity.assurance not in LEVELS or person.kind != "person":
        raise _bad_identity()
    return replace(identity, person=person, offices=offices)


def check_holder(holder: Holder) -> Holder:
    """A holder as licences name them. Raises ``Malformed("holder.code", "holder.name")``."""
    code, name = plain_number(holder.code), holder.name.strip()
    try:
        if holder.code_type == CITIZEN_NUMBER:
            code = check_citizen_number(code)
        elif holder.code_type == CREDIT_CODE:
            code = check_credit_code(code)
    except LicenceTrustError as error:
        raise Malformed("holder.code", "证件号码不正确，请核对各位数字和字母。") from error
    if not 1 <= len(code) <= 64 or not code.isprintable() or not _CODE_TYPE.fullmatch(holder.code_type):
        raise Malformed("holder.code", "证件号码不正确，请核对各位数字和字母。")
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Malformed("holder.name", "请填写姓名或名称，不超过100个字。")
    return Holder(code, holder.code_type, name)


def admit(session: Session, identity: Identity, moment: datetime) -> tuple[HolderAccount, bool]:
    """The account of a checked identity, and whether it is new. Raises ``Refused("holder.identity_changed",
    "holder.kind")``.
    """
    wanted = select(HolderAccount).where(
        HolderAccount.issuer == identity.issuer,
        HolderAccount.subject == identity.subject,
        HolderAccount.closed.is_(None),
    )
    person = identity.person
    _demand_one_kind(session, person)
    account = session.execute(wanted).scalar()
    opened = account is None and _open(session, identity, moment)
    if account is None:
        account = session.execute(wanted).scalar_one()
    if not person.holds(account.code, account.code_type):
        raise Refused(
            "holder.identity_changed",
            "身份提供方给出的证件号码与此账号登记的不一致。",
            remedy="请持身份证件到办事窗口核实；原账号由管理员注销后，可重新登录开立。",
        )
    if account.name != person.name:
        session.execute(update(HolderAccount).where(HolderAccount.id == account.id).values(name=person.name))
    return account, opened


def _demand_one_kind(session: Session, person: Holder) -> None:
    """Ledger, presentations and materials are kept by number: where its form does not say of which kind it is, and
    somebody of another kind has the same, nobody is let in by it alone. Raises ``Refused("holder.kind")``.
    """
    if person.speaks_for_itself:
        return
    accounts = select(HolderAccount.id).where(
        HolderAccount.code == person.code, HolderAccount.code_type != person.code_type, HolderAccount.closed.is_(None)
    )
    licences = select(Licence.base).where(
        Licence.holder_code == person.code, Licence.holder_code_type != person.code_type
    )
    if any(session.execute(one.limit(1)).first() is not None for one in (accounts, licences)):
        raise same_number()


def _open(session: Session, identity: Identity, moment: datetime) -> bool:
    """Open the account, unless another sign-in does so this very moment."""
    account_id, person = f"h-{secrets.token_hex(12)}", identity.person
    row = {
        "id": account_id,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "code": person.code,
        "code_type": person.code_type,
        "name": person.name,
        "opened": moment,
    }
    dialect = sqlite if session.connection().dialect.name == "sqlite" else postgresql
    opening = dialect.insert(HolderAccount).values(row).on_conflict_do_nothing().returning(HolderAccount.id)
    return session.execute(opening).first() is not None


def note_sign_in(session: Session, account_id: str, moment: datetime, act: str, assurance: int, address: str) -> None:
    """登录记录, for the person to see."""
    row = {"account_id": account_id, "at": moment, "act": act, "assurance": assurance, "address": address[:100]}
    session.execute(insert(SpaceSignIn), [row])


def view(row: HolderAccount) -> AccountView:
    return AccountView(row.id, row.issuer, Holder(row.code, row.code_type, row.name), row.opened, row.closed)


def named(holders: Iterable[Holder], code: str) -> Holder | None:
    return next((one for one in holders if one.code == code), None)


def same_number() -> Refused:
    """Documents of several kinds bear the number."""
    return Refused(
        "holder.kind",
        "登记簿中有另一种证件的持证者使用同一号码，仅凭号码不能确定是谁。",
        remedy="请持身份证件到办事窗口核实、办理。",
    )


def _bad_identity() -> Refused:
    return Refused(
        "holder.identity",
        "身份提供方没有给出完整、正确的身份信息。",
        remedy="请先在身份提供方完成实名认证；如已完成，请联系系统管理员核对设置。",
    )
