"""窗口代办: an officer acts for a holder who stands at the counter with their papers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from licence_store.holding.accounts import check_holder
from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, LEVELS, Holder, HolderSession
from licence_store.holding.models import HolderAccount
from licence_store.journal import SQLJournal
from licence_store.models import Licence
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Malformed
from trust.identifiers import check_citizen_number, check_credit_code
from trust.journal import Actor

LENGTH = timedelta(minutes=15)
CODE_LENGTH = 64


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
    """Who this is, by the newest licence or account with this code; of others by ``name``, or the code alone."""
    code = code.strip()
    if not code.isprintable() or len(code) > CODE_LENGTH:
        raise _not_a_code()
    licences = select(Licence.holder_code_type, Licence.holder_name).where(Licence.holder_code == code)
    accounts = select(HolderAccount.code_type, HolderAccount.name).where(
        HolderAccount.code == code, HolderAccount.closed.is_(None)
    )
    with sessions.read() as session:
        found = session.execute(licences.order_by(Licence.place.desc()).limit(1)).first()
        found = found or session.execute(accounts.limit(1)).first()
    if found is not None:
        return Holder(code, found[0], found[1])
    return check_holder(Holder(code, code_type_of(code), name.strip() or code))


def code_type_of(code: str) -> str:
    """持证者代码类型 by the form of the code. Raises ``Malformed("holder.code")``."""
    for check, code_type in ((check_citizen_number, CITIZEN_NUMBER), (check_credit_code, CREDIT_CODE)):
        try:
            check(code)
        except Malformed:
            continue
        return code_type
    raise _not_a_code()


def _not_a_code() -> Malformed:
    return Malformed("holder.code", "证件号码不正确，请核对各位数字和字母。")
