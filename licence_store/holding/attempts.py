"""登录途中: what is remembered while somebody is with the identity provider; taken once, by the same browser."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert

from licence_store.holding.models import SignInAttempt
from licence_store.holding.sessions import digest
from seal.database import Sessions
from trust.errors import Refused

LENGTH = timedelta(minutes=15)
"""How long somebody may take with the identity provider."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """登录途中的记录."""

    sessions: Sessions
    clock: Callable[[], datetime]

    def keep(self, state: str, browser: str, facts: Mapping[str, str]) -> None:
        """Remember ``facts`` under ``state`` for the browser that holds ``browser``."""
        now = self.clock()
        row = {
            "digest": digest(state),
            "browser": digest(browser),
            "facts": json.dumps(dict(facts), ensure_ascii=False),
            "expires": now + LENGTH,
        }
        with self.sessions.begin() as session:
            session.execute(delete(SignInAttempt).where(SignInAttempt.expires <= now))
            session.execute(insert(SignInAttempt), [row])

    def take(self, state: str, browser: str) -> dict[str, str]:
        """The facts, once. Raises ``Refused("holder.attempt")``: unknown, used, too old, or another browser's."""
        taken = (
            delete(SignInAttempt)
            .where(SignInAttempt.digest == digest(state))
            .returning(SignInAttempt.browser, SignInAttempt.facts, SignInAttempt.expires)
        )
        with self.sessions.begin() as session:
            row = session.execute(taken).first()
        if row is None or row.expires <= self.clock() or not hmac.compare_digest(row.browser, digest(browser)):
            raise Refused(
                "holder.attempt",
                "这次登录已经失效、已经用过，或不是从这个浏览器开始的。",
                remedy="请重新点击登录；浏览器应允许本站使用 Cookie。",
            )
        found: dict[str, str] = json.loads(row.facts)
        return found
