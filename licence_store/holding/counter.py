"""窗口代办: an officer acts for a holder who stands at the counter with their papers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from licence_store.holding.accounts import check_holder, same_number
from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, LEVELS, Holder, HolderSession
from licence_store.holding.models import HolderAccount
from licence_store.journal import SQLJournal
from licence_store.models import Licence
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Malformed
from trust.identifiers import check_citizen_number, check_credit_code, plain_number
from trust.journal import Actor

LENGTH = timedelta(minutes=15)
CODE_LENGTH = 64
_LOOKED_AT = 200
"""Licences among which the kinds of a number are looked for, the newest."""


def at_counter(
    sessions: Sessions, journal: SQLJournal, code: str, officer: Actor, moment: datetime, name: str = ""
) -> HolderSession:
    """The officer's session for this holder; journalled, the holder by a digest.

    Raises ``Malformed("holder.code")``.
    """
    found = known_holder(sessions, code, name)
    subject = f"sm3:{sm3(found.code.encode()).hex()[:16]}"
    journal.record(actor=officer, action="holder.counter", subject=subject)
    return HolderSession(
        "",
        found,
        found,
        assurance=LEVELS[-1],
        proved=moment,
        fresh_until=moment + LENGTH,
        expires=moment + LENGTH,
        counter=officer,
    )


def known_holder(sessions: Sessions, code: str, name: str = "") -> Holder:
    """Who this is, by the newest licence or account with this code; of others by ``name``, or the code alone.

    A number whose form says its kind is of that kind, whatever else bears it. Raises ``Malformed("holder.code")``,
    ``Refused("holder.kind")`` for one that documents of several kinds bear.
    """
    code = plain_number(code)
    if not code.isprintable() or len(code) > CODE_LENGTH:
        raise _not_a_code()
    licences = select(Licence.holder_code_type, Licence.holder_name).where(Licence.holder_code == code)
    accounts = select(HolderAccount.code_type, HolderAccount.name).where(
        HolderAccount.code == code, HolderAccount.closed.is_(None)
    )
    with sessions.read() as session:
        rows = [*session.execute(licences.order_by(Licence.place.desc()).limit(_LOOKED_AT)), *session.execute(accounts)]
    named = dict(reversed([(str(row[0]), str(row[1])) for row in rows]))  # the newest name of each kind
    kind = _form(code)
    if kind not in named and len(named) > 1:
        raise same_number()
    if named:
        kind = kind if kind in named else next(iter(named))
        return Holder(code, kind, named[kind])
    return check_holder(Holder(code, code_type_of(code), name.strip() or code))


def code_type_of(code: str) -> str:
    """持证者代码类型 by the form of the code. Raises ``Malformed("holder.code")``."""
    found = _form(code)
    if not found:
        raise _not_a_code()
    return found


def _form(code: str) -> str:
    """The kind whose form and check digit the code has; empty: none that we know."""
    for check, code_type in ((check_citizen_number, CITIZEN_NUMBER), (check_credit_code, CREDIT_CODE)):
        try:
            check(code)
        except Malformed:
            continue
        return code_type
    return ""


def _not_a_code() -> Malformed:
    return Malformed("holder.code", "证件号码不正确，请核对各位数字和字母。")
