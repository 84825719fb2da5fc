"""全过程留痕: the shape of evidence. Who did what, when, from where, why, and with what result.

This module knows no storage. ``licence_store.journal`` keeps entries in a table, append-only; each entry
holds the digest of the one before, so that a missing, changed or exchanged entry is noticed by anyone who
has the entries and the last digest.

Never put secrets into an entry, and of personal data only what names the subject.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from trust.canonical import canonical_json
from trust.errors import Malformed

GENESIS = bytes(32)
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Actor:
    """操作者: who acts, and through which door."""

    account: str
    """Account name, token name, or ``system``."""
    department: str | None = None
    address: str | None = None
    """Network address the request came from."""
    channel: str = "cli"
    """``cli``, ``http`` or ``page``."""


SYSTEM = Actor("system")
"""The product itself: recovery, expiry, publishing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """留痕条目: one act."""

    moment: datetime
    """When (aware, UTC)."""
    actor: Actor
    action: str
    """``area.verb``, e.g. ``licence.issue``."""
    subject: str
    """What was acted upon, e.g. a licence identifier."""
    reason: str = ""
    """The declared purpose."""
    result: str = "ok"
    """``ok``, or the code of the error."""
    details: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Canonical JSON of the entry: what the chain digests."""
        if self.moment.tzinfo is None:
            raise Malformed("journal.moment", "留痕时间必须带时区。")
        actor = self.actor
        return canonical_json(
            {
                "moment": self.moment.astimezone(UTC).isoformat(timespec="microseconds"),
                "account": actor.account,
                "department": actor.department or "",
                "address": actor.address or "",
                "channel": actor.channel,
                "action": self.action,
                "subject": self.subject,
                "reason": self.reason,
                "result": self.result,
                "details": dict(self.details),
            }
        )

    def digest(self, previous: bytes) -> bytes:
        """链摘要: SM3 over the previous digest (32 octets) and the canonical entry."""
        return chain_digest(previous, self.to_bytes())


def chain_digest(previous: bytes, entry: bytes) -> bytes:
    """SM3(``previous`` ‖ ``entry``): 32 octets. ``previous`` has 32 octets, ``GENESIS`` for the first."""
    if len(previous) != len(GENESIS):
        raise Malformed("journal.digest", "上一条留痕的摘要应为32字节。")
    return hashlib.new("sm3", previous + entry).digest()


def first_break(chain: Iterable[tuple[bytes, bytes]], start: bytes = GENESIS) -> int | None:
    """Position of the first pair ``(entry octets, digest)`` that does not fit its forerunner; None if all fit."""
    previous = start
    for position, (entry, digest) in enumerate(chain):
        if chain_digest(previous, entry) != digest:
            return position
        previous = digest
    return None


class Journal(Protocol):
    """留痕: where acts are written down. ``session`` is the unit of work the entry belongs to (of the
    store's own kind), so that an act and its evidence are kept or dropped together.
    """

    def record(
        self,
        session: Any = None,
        *,
        actor: Actor,
        action: str,
        subject: str,
        reason: str = "",
        result: str = "ok",
        details: Mapping[str, str] | None = None,
    ) -> None: ...
