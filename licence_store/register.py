"""电子证照登记: what has been issued, and in which state it is, now or at an earlier moment.

The register answers for a licence by the id of any of its versions, and is the ``StatusSource`` of our own
verifier. What it says of a moment is a replay of the events of that moment (``licence_store.standing``): "as it was"
by all that is known today, "as was known then" by what had been recorded by ``known_at``.

    register.find(licence_id, moment, known_at)          # one licence
    register.holdings(code, at=moment)                    # all of one holder
    register.history(licence_id)                          # versions, events, inspections
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, union

from licence_store import events, forms, histories
from licence_store.files import FileStore
from licence_store.models import Licence, LicenceVersion, table
from licence_store.standing import beginning_of, day_of, state_at, version_at
from licence_store.views import (
    Counts,
    EventView,
    LicenceHistory,
    LicenceSummary,
    LicenceView,
    LineageLink,
    LineageProof,
    VersionView,
)
from seal.database import Sessions
from trust.errors import Malformed, Refused, Word
from trust.identifiers import parse_licence_id
from verify.policy import STATE_NAMES, IssuedFile, LicenceStatus

_BASES = table(Licence).alias()
_LAST = "\U0010ffff"
"""Sorts after every character a name may hold."""

__all__ = [
    "Counts",
    "EventView",
    "LicenceHistory",
    "LicenceSummary",
    "LicenceView",
    "LineageLink",
    "LineageProof",
    "Register",
    "VersionView",
]


@dataclass(frozen=True, slots=True)
class Register:
    """登记簿: questions only; nothing here changes anything."""

    sessions: Sessions
    files: FileStore
    clock: Callable[[], datetime]

    def status(self, licence_id: str, moment: datetime) -> LicenceStatus | None:
        """证照状态 of this version at ``moment``; ``None``: not issued here. Implements ``StatusSource``."""
        try:
            text = parse_licence_id(licence_id).text
        except Malformed:
            return None
        with self.sessions.read() as session:
            row = session.execute(_OF_VERSION, {"licence_id": text}).first()
            if row is None:
                return None
            happened = events.of_licence(session, row.base)
            further = forms.digests_of(session, text)
        if version_at(happened, moment) < row.version:
            return None
        state, since = state_at(row.version, row.valid_to, happened, moment)
        digest = row.file_digest
        others = tuple(IssuedFile(one, partial(self.files.get, one)) for one in further if one != digest)
        return LicenceStatus(state, since, digest, row.number, partial(self.files.get, digest), others)

    def find(self, licence_id: str, moment: datetime | None = None, known_at: datetime | None = None) -> LicenceView:
        """The licence any of whose versions has this id: as it was at ``moment`` (default: now, or ``known_at``), and,
        where ``known_at`` is given, as was known then.

        Raises ``Malformed("identifier.*")`` for what is no id and ``NotFound("licence.unknown")``.
        """
        asked = parse_licence_id(licence_id)
        moment = moment or known_at or self.clock()
        with self.sessions.read() as session:
            return histories.find(session, asked, moment, known_at)

    def referencable(self, licence_id: str, moment: datetime | None = None) -> LicenceView:
        """可引用: the licence, if others may rely on it at ``moment`` and be given its file; the one question for all
        who hand it out.

        Raises as ``find``, ``Refused("licence.not_referencable")`` in any state but CURRENT, and
        ``Refused("licence.old_version")`` for the id of a version that another has taken the place of.
        """
        view = self.find(licence_id, moment)
        if view.asked_id != view.licence_id:
            raise Refused("licence.old_version", "该版本已被新版本取代，只供查考，不对外提供。")
        if not view.is_referencable:
            raise Refused(
                "licence.not_referencable",
                "证照状态为“{state}”，不能引用。",
                state=Word(STATE_NAMES.get(view.state, view.state)),
            )
        return view

    def history(
        self, licence_id: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> LicenceHistory:
        """证照经过 up to ``at`` (default: now, or ``known_at``), as far as it was known at ``known_at``.

        Raises as ``find``.
        """
        asked = parse_licence_id(licence_id)
        with self.sessions.read() as session:
            return histories.history(session, asked, at or known_at or self.clock(), known_at)

    def lineage(self, licence_id: str) -> LineageProof:
        """版本链: each version's file digested anew, and what its successor says of it. Raises as ``find``."""
        asked = parse_licence_id(licence_id)
        with self.sessions.read() as session:
            return histories.lineage(session, asked, self.files)

    def holdings(
        self,
        holder_code: str,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        departments: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
    ) -> tuple[LicenceSummary, ...]:
        """持证者名下的证照, ended ones included, newest first: as they were ``at``, as was known ``known_at``."""
        moment = at or known_at or self.clock()
        with self.sessions.read() as session:
            return histories.holdings(session, holder_code.strip().upper(), moment, known_at, departments, types)

    def events(self, licence_id: str) -> tuple[EventView, ...]:
        """What happened to a licence, in order of effect."""
        base = parse_licence_id(licence_id).base
        with self.sessions.read() as session:
            return tuple(EventView.of(row) for row in events.of_licence(session, base))

    def file(self, view: LicenceView, form: str = "") -> bytes:
        """The sealed file, in the form asked for; raises ``NotFound("licence.form_absent")``, ``files.*``."""
        if not form:
            return self.files.get(view.file_digest)
        with self.sessions.read() as session:
            digest = forms.digest_of(session, view.summary.licence_id, form)
        return self.files.get(digest)

    def forms(self, licence_id: str) -> Mapping[str, str]:
        """文件格式: form → SM3 of the newest file."""
        with self.sessions.read() as session:
            return forms.files_of(session, [licence_id]).get(licence_id, {})

    def first_forms(self, licence_ids: Sequence[str]) -> dict[str, str]:
        """Licence id → the form of its first file."""
        with self.sessions.read() as session:
            return {one: next(iter(held)) for one, held in forms.files_of(session, licence_ids).items()}

    def search(
        self,
        *,
        text: str = "",
        type_code: str = "",
        departments: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
        moment: datetime | None = None,
    ) -> tuple[LicenceSummary, ...]:
        """Licences, newest first, from the one after ``after`` (a summary's ``place``).

        ``text`` is a licence id, a number, a holder's code or the beginning of a holder's name; ``departments``
        and ``types``, where given, bound what may be seen.
        """
        moment = moment or self.clock()
        query = histories.view_query().where(LicenceVersion.version == Licence.version)
        if text := text.strip():
            query = query.where(_named(text))
        if type_code:
            query = query.where(Licence.type_code == type_code)
        for column, allowed in ((Licence.department_id, departments), (Licence.type_code, types)):
            if allowed is not None:
                query = query.where(column.in_(allowed))
        if after is not None:
            issued, base = after
            query = query.where(or_(Licence.issued < issued, and_(Licence.issued == issued, Licence.base < base)))
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(Licence.issued.desc(), Licence.base.desc()).limit(limit)).all()
            happened = events.of_licences(session, [row.base for row in rows])
        return tuple(histories.summary(row, happened[row.base], moment) for row in rows)

    def counts(self) -> Counts:
        """How many licences there are."""
        midnight = beginning_of(day_of(self.clock()))
        with self.sessions.read() as session:
            by_type = session.execute(select(Licence.type_code, func.count()).group_by(Licence.type_code)).all()
            today = session.execute(select(func.count()).where(Licence.issued >= midnight)).scalar_one()
        counted = {code: number for code, number in by_type}  # noqa: C416  a row is not a pair to mypy
        return Counts(sum(counted.values()), today, counted)


_OF_VERSION = (
    select(
        LicenceVersion.base,
        LicenceVersion.version,
        LicenceVersion.valid_to,
        LicenceVersion.file_digest,
        Licence.number,
    )
    .join(Licence, Licence.base == LicenceVersion.base)
    .where(LicenceVersion.licence_id == bindparam("licence_id"))
)


def _named(text: str) -> ColumnElement[bool]:
    """The condition a word typed into a search field makes; each branch by an index of its own."""
    try:
        return Licence.base == parse_licence_id(text, strict=False).base
    except Malformed:
        bases = select(_BASES.c.base)
        number = bases.where(_BASES.c.number == text)
        holder = bases.where(_BASES.c.holder_code == text.upper())
        name = bases.where(_BASES.c.holder_name >= text, _BASES.c.holder_name < text + _LAST)
        return Licence.base.in_(union(number, holder, name))
