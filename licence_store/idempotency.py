"""幂等: the same key with the same body gets the same answer (``Idempotency-Key``).

The answer is kept for a day. A key whose act was cut short (a crash) may be taken up again after a
minute: the acts themselves do nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.models import IdempotencyRecord
from seal.database import Sessions
from trust.errors import Conflict, Malformed, Refused

_KEY = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer given before."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Idempotency:
    """幂等记录."""

    sessions: Sessions
    clock: Callable[[], datetime]
    kept: timedelta = timedelta(days=1)
    """How long an answer is given again."""
    abandoned: timedelta = timedelta(minutes=1)
    """After this long without an answer, the act is taken to have been cut short."""

    def begin(self, key: str, caller: str, body_digest: str) -> Replay | None:
        """Claim ``key`` for ``caller``; ``None`` means: act now, then ``finish`` or ``abandon``.

        Raises ``Malformed("idempotency.key")``, ``Refused("idempotency.mismatch")`` when the key came with
        another body before, ``Conflict("idempotency.in_progress")`` while the first act runs.
        """
        if not _KEY.fullmatch(key):
            raise Malformed("idempotency.key", "Idempotency-Key 应为1至128个可见ASCII字符。")
        now = self.clock()
        with self.sessions.begin() as session:
            session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.expires <= now))
            if self._claimed(session, key, caller, body_digest, now):
                return None
            return self._again(session, key, caller, body_digest, now)

    def _claimed(self, session: Session, key: str, caller: str, body_digest: str, now: datetime) -> bool:
        dialect = sqlite if self.sessions.dialect == "sqlite" else postgresql
        statement = dialect.insert(IdempotencyRecord).values(
            caller=caller[:100],
            key=key,
            body_digest=body_digest,
            content_type="",
            body=b"",
            begun=now,
            expires=now + self.kept,
        )
        return session.execute(statement.on_conflict_do_nothing().returning(IdempotencyRecord.key)).first() is not None

    def _again(self, session: Session, key: str, caller: str, body_digest: str, now: datetime) -> Replay | None:
        found = session.execute(select(IdempotencyRecord).where(*_named(key, caller)).with_for_update()).scalar_one()
        if found.body_digest != body_digest:
            raise Refused(
                "idempotency.mismatch",
                "同一 Idempotency-Key 曾用于内容不同的请求。",
                remedy="请为新的请求换用新的 Idempotency-Key。",
            )
        if found.status is not None:
            return Replay(found.status, found.content_type, found.body)
        if found.begun > now - self.abandoned:
            raise Conflict("idempotency.in_progress", "同一 Idempotency-Key 的请求正在处理中。")
        session.execute(update(IdempotencyRecord).where(*_named(key, caller)).values(begun=now))
        return None

    def finish(self, key: str, caller: str, status: int, content_type: str, body: bytes) -> None:
        """Keep the answer."""
        values = {"status": status, "content_type": content_type[:100], "body": body}
        with self.sessions.begin() as session:
            session.execute(update(IdempotencyRecord).where(*_named(key, caller)).values(**values))

    def abandon(self, key: str, caller: str) -> None:
        """Give the key back: the act failed in a way that is worth trying again."""
        with self.sessions.begin() as session:
            unfinished = (*_named(key, caller), IdempotencyRecord.status.is_(None))
            session.execute(delete(IdempotencyRecord).where(*unfinished))


def _named(key: str, caller: str) -> tuple[ColumnElement[bool], ...]:
    return IdempotencyRecord.key == key, IdempotencyRecord.caller == caller[:100]
