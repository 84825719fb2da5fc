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

from sqlalchemy import bindparam, select

from licence_store import events, forms, histories
from licence_store.files import FileStore
from licence_store.models import Licence, LicenceEvent, LicenceVersion
from licence_store.standing import state_at, version_at
from licence_store.views import (
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
from trust.identifiers import parse_licence_id, plain_number
from verify.policy import STATE_NAMES, IssuedFile, LicenceStatus

__all__ = [
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
            happened = session.execute(_HAPPENED, {"base": row.base}).all()
            further = forms.digests_of(session, text)
        if version_at(happened, moment) < row.version:
            return None
        state, since = state_at(row.version, row.valid_to, happened, moment)
        digest = row.file_digest
        others = tuple(IssuedFile(one, partial(self.files.get, one)) for one in further if one != digest)
        return LicenceStatus(state, since, digest, row.number, partial(self.files.get, digest), others)

    def places(self, licence_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Version's id → the list and the index where its state is published."""
        columns = LicenceVersion.licence_id, LicenceVersion.status_list, LicenceVersion.status_index
        with self.sessions.read() as session:
            rows = session.execute(select(*columns).where(LicenceVersion.licence_id.in_(licence_ids))).all()
        return {row.licence_id: (row.status_list, row.status_index) for row in rows}

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
        code_type: str | None = None,
        at: datetime | None = None,
        known_at: datetime | None = None,
        departments: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
    ) -> tuple[LicenceSummary, ...]:
        """持证者名下的证照, ended ones included, newest first: as they were ``at``, as was known ``known_at``."""
        moment = at or known_at or self.clock()
        with self.sessions.read() as session:
            return histories.holdings(
                session, plain_number(holder_code), code_type, moment, known_at, departments, types
            )

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


_HAPPENED = (
    select(*(getattr(LicenceEvent, name) for name in ("version", "kind", "state", "effective", "due_year", "due")))
    .where(LicenceEvent.base == bindparam("base"))
    .order_by(LicenceEvent.effective, LicenceEvent.id)
)
"""No more than a replay needs."""
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
