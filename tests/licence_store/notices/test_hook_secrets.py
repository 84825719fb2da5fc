"""回调密钥 in the register: under the master key, also those of before; gone with their contact; wrapped anew."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from keys.master import KeyWrapper
from licence_store import migrations
from licence_store.jobs import running
from licence_store.notices.hook_secrets import HookSecrets, lock_away
from licence_store.notices.models import HookSecret
from licence_store.rewrapping import renew
from seal.database import Sessions, open_database
from tests.licence_store.notices.conftest import CLERK, Office
from trust.errors import LicenceTrustError, Refused, Unavailable

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Reversing:
    """Stands in for a master key."""

    def __init__(self, away: bool = False) -> None:
        self.away = away

    def wrap(self, key: bytes, context: bytes) -> bytes:
        if self.away:
            raise Refused("keys.wrong_passphrase", "无法打开密钥文件：口令不正确，或文件已损坏。")
        return b"\0\0\0\7" + context + b"|" + key[::-1]

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        found, _, key = wrapped[4:].partition(b"|")
        if self.away or found != context:
            raise Unavailable("keys.wrapped_damaged", "文件密钥无法打开：登记的密钥已损坏或被调换。")
        return key[::-1]


def rows(sessions: Sessions) -> list[HookSecret]:
    with sessions.read() as session:
        return list(session.execute(select(HookSecret)).scalars())


def test_nothing_in_the_register_signs(office: Office) -> None:
    made = office.desk.notices.contacts.add("holder", office.holder, "webhook", "https://x.example.test/", actor=CLERK)
    [row] = rows(office.desk.sessions)
    assert made.secret not in row.sealed and row.master in office.desk.region.masters.numbers()
    secrets = office.desk.notices.contacts.secrets
    assert secrets.of(made.id) == (made.secret,)

    # a new master key wraps it anew, and it is the same secret
    renew(office.desk, CLERK, "年度更换")
    running.run_due(office.desk)
    assert rows(office.desk.sessions)[0].master == office.desk.region.masters.newest != row.master
    assert secrets.of(made.id) == (made.secret,)

    # a row that was put to another place does not open, and a delivery waits for it
    with office.desk.sessions.begin() as session:
        session.execute(text("UPDATE webhook_secret SET id = 'other'"))
    with pytest.raises(Unavailable) as locked:
        secrets.of(made.id)
    assert locked.value.code == "notice.secret_locked"
    office.days_before_end(30)
    office.do("expiry-notices")
    [waiting] = [one for one in office.deliveries() if one.channel == "webhook"]
    [attempt] = office.desk.notices.attempts(waiting.id)
    assert waiting.state == "waiting" and attempt.error is not None and attempt.error.code == "notice.secret_locked"

    office.desk.notices.contacts.end(made.id, actor=CLERK)
    assert rows(office.desk.sessions) == []
    with pytest.raises(LicenceTrustError) as gone:
        office.desk.notices.contacts.rotate(made.id, actor=CLERK)
    assert gone.value.code == "contact.unknown"


def test_those_of_an_older_version_are_locked_away(database_url: str) -> None:
    """The migration brings them along, the next opening wraps them; where no key is at hand, the one after."""
    sessions = open_database(database_url, durable=False)
    migrations.upgrade(sessions, "0019")
    contact = (
        "INSERT INTO contact (id, party_kind, party, channel, address, language, secret, created, created_by, ended, "
        "ended_by) VALUES (:id, 'subscriber', :id, 'event', 'https://x.example.test', 'zh-CN', :secret, "
        "'2026-11-01 00:00:00+00:00', 'a', :ended, '')"
    )
    with sessions.begin() as session:
        for name, secret, ended in (("a", OLD, None), ("b", "", None), ("c", OLD, "2026-11-02 00:00:00+00:00")):
            session.execute(text(contact), {"id": name, "secret": secret, "ended": ended})
    migrations.upgrade(sessions)

    def secrets(wrapper: KeyWrapper) -> HookSecrets:
        return HookSecrets(sessions, lambda: datetime(2026, 11, 22, tzinfo=UTC), wrapper)

    assert [(one.contact_id, one.sealed, one.master) for one in rows(sessions)] == [("a", OLD, None)]
    assert secrets(Reversing()).of("a") == (OLD,)
    with pytest.raises(Refused):
        lock_away(sessions, Reversing(away=True))
    assert lock_away(sessions, Reversing()) == 1
    assert lock_away(sessions, Reversing()) == 0
    [row] = rows(sessions)
    assert OLD not in row.sealed and row.master == 7
    assert secrets(Reversing()).of("a") == (OLD,) and secrets(Reversing()).of("b") == ()
    sessions.close()
