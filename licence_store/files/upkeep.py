"""文件库养护: what records name is there and whole (巡检), what none names goes (清扫), a store moves house (搬迁)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any, Final

from sqlalchemy import Column, select, union
from sqlalchemy.orm import Session

from licence_store.files.store import FileStore
from licence_store.models import LicenceEvent, LicenceVersion, table
from seal.database import Sessions
from trust.errors import NotFound, Unavailable

_SOME: Final = 500
LISTED: Final = 100
"""As many damaged or missing files are named; the others are counted."""


def references() -> tuple[Column[Any], ...]:
    """Every column that names a kept file. What is not here is swept: a new column of digests belongs here first."""
    from licence_store.collection.entry_models import Evidence
    from licence_store.copying.models import CopyFile
    from licence_store.forms import LicenceFile
    from licence_store.uploads.models import UploadKey

    licences = table(LicenceVersion).c.file_digest, table(LicenceFile).c.digest
    encrypted = table(UploadKey).c.file, table(CopyFile).c.file
    return *licences, table(LicenceEvent).c.evidence, table(Evidence).c.digest, *encrypted


def named(session: Session, digests: Collection[str]) -> set[str]:
    """Which of these files a record names."""
    each = (select(column).where(column.in_(digests)) for column in references())
    return set(session.execute(union(*each)).scalars())


def sweep(store: FileStore, sessions: Sessions, *, older_than: float = 3600.0) -> int:
    """清扫: remove what no record names, and what is old enough that no act under way can mean it."""

    def known(some: list[str]) -> set[str]:
        with sessions.read() as session:
            return named(session, some)

    return store.sweep(known, older_than=older_than)


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """巡检结果."""

    checked: int
    damaged: tuple[str, ...]
    """Digests of files that are not what they were, at most ``LISTED``."""
    missing: tuple[str, ...]
    bad: int
    """Damaged and missing files together."""
    position: str
    """The last digest looked at; empty: the end was reached."""

    @property
    def sound(self) -> bool:
        return not self.bad


def scrub(
    store: FileStore,
    sessions: Sessions,
    *,
    after: str = "",
    most: int | None = None,
    again: Collection[str] = (),
    progress: Callable[[int, int], bool] | None = None,
) -> Scrubbed:
    """巡检: fetch every file that a record names, in order from the one after ``after``, and check its digest.

    ``again`` are looked at first, ``most`` bounds the rest; ``progress`` is told how many were looked at and how many
    of them are bad, and answers whether to go on. Raises ``Unavailable`` when the store or the database is away.
    """
    damaged: list[str] = []
    missing: list[str] = []
    bad = set(again)
    checked, recorded, position = 0, 0, after
    for digest, is_again in chain(((one, True) for one in sorted(bad)), zip(_recorded(sessions, after), repeat(False))):
        if not is_again:
            if recorded == most:
                return _scrubbed(checked, damaged, missing, position)
            recorded, position = recorded + 1, digest
            if digest in bad:
                continue
        checked += 1
        try:
            store.get(digest)
        except NotFound:
            missing.append(digest)
        except Unavailable as error:
            if error.code != "files.damaged":
                raise
            damaged.append(digest)
        if progress is not None and not progress(checked, len(damaged) + len(missing)):
            return _scrubbed(checked, damaged, missing, position)
    return _scrubbed(checked, damaged, missing, "")


def _scrubbed(checked: int, damaged: list[str], missing: list[str], position: str) -> Scrubbed:
    bad = len(damaged) + len(missing)
    return Scrubbed(checked, tuple(damaged[:LISTED]), tuple(missing[:LISTED]), bad, position)


def _recorded(sessions: Sessions, after: str) -> Iterator[str]:
    """Every digest that a record names, in order, each once."""
    while True:
        parts = []
        for column in references():
            some = select(column.label("digest")).where(column > after).order_by(column).limit(_SOME).subquery()
            parts.append(select(some.c.digest))
        query = union(*parts).subquery()
        with sessions.read() as session:
            found = session.execute(select(query.c.digest).order_by(query.c.digest).limit(_SOME)).scalars().all()
        yield from found
        if len(found) < _SOME:
            return
        after = found[-1]


def copy(source: FileStore, target: FileStore, progress: Callable[[int], object] | None = None) -> int:
    """搬迁: put every file of ``source`` into ``target``; says how many. Run again it puts only what is not there.

    Raises ``Unavailable`` where one cannot be read or put; what is damaged stops it, so that nothing is left behind
    unnoticed.
    """
    copied, every = 0, source.digests()
    while some := list(islice(every, 16)):
        files = [(source.get(digest), bytes.fromhex(digest)) for digest in some]
        target.put_many(files)
        copied += len(files)
        if progress is not None:
            progress(copied)
    return copied
