"""就绪: can the service do its work, and if not, which part stands in the way and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trust.errors import LicenceTrustError, Unavailable, fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.desk import Desk

FINE = N_("正常")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the service depends on."""

    name: str
    ready: bool
    template: str = FINE
    params: dict[str, object] = field(default_factory=dict)

    def message(self, translate: Callable[[str], str]) -> str:
        return fill(translate(self.template), self.params)


def parts(desk: Desk) -> list[Part]:
    """Database, trust material, revocation data, clock, files, keys; each is asked even if another is away."""
    return [_asked(name, check, desk) for name, check in _CHECKS.items()]


def _asked(name: str, check: Callable[[Desk], None], desk: Desk) -> Part:
    try:
        check(desk)
    except LicenceTrustError as error:
        return Part(name, False, error.template, dict(error.params))
    except OSError as error:
        return Part(name, False, N_("无法访问：{why}"), {"why": error.strerror or type(error).__name__})
    return Part(name, True)


def _database(desk: Desk) -> None:
    from licence_store.migrations import check_schema

    check_schema(desk.sessions)


def _trust(desk: Desk) -> None:
    if desk.trust().is_empty:
        raise Unavailable("trust.empty", "信任库是空的。")


def _revocation(desk: Desk) -> None:
    store, moment = desk.trust(), desk.clock()
    if not store.is_fresh(moment):
        raise Unavailable("revocation.stale_store", "吊销列表缺失或已过期，请更新。")


def _clock(desk: Desk) -> None:
    """A clock that has gone back behind what was already written down is not to be trusted."""
    from licence_store.journal import head
    from licence_store.models import JournalEntry

    moment = desk.clock()
    with desk.sessions.read() as session:
        newest = session.get(JournalEntry, head(session).seq)
    made = datetime.fromisoformat(desk.region.created).astimezone(UTC)
    latest = max(made, newest.at) if newest else made
    if moment < latest - timedelta(minutes=5):
        raise Unavailable("clock.behind", "系统时钟落后于已有记录（{latest}）。", latest=latest.isoformat())


def _files(desk: Desk) -> None:
    folder = desk.region.directory / "files"
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable("files.not_writable", "证照文件库不可写。")


def _keys(desk: Desk) -> None:
    desk.region.keyring.signer("tsa")


_CHECKS: dict[str, Callable[[Desk], None]] = {
    "database": _database,
    "trust": _trust,
    "revocation": _revocation,
    "clock": _clock,
    "files": _files,
    "keys": _keys,
}
