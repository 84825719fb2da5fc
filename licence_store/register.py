"""电子证照登记: what has been issued, and in which state it is, now or at an earlier moment.

The register answers for a licence by the id of any of its versions, and is the ``StatusSource`` of our own
verifier. Expiry is not written down: it follows from the period of validity whenever somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, union
from sqlalchemy.orm import Session

from licence_store.files import FileStore
from licence_store.models import Department, Licence, LicenceEvent, LicenceType, LicenceVersion, Seal, table
from seal.database import Sessions
from seal.message import DataMessage, parse_message
from trust.errors import Malformed, NotFound
from trust.identifiers import parse_licence_id
from verify.policy import LicenceStatus

BEIJING = timezone(timedelta(hours=8))
_BASES = table(Licence).alias()
_LAST = "\U0010ffff"
"""Sorts after every character a name may hold."""
LASTING = frozenset({"REVOKED", "ANNULLED", "CANCELLED", "TRANSFERRED", "SUPERSEDED"})
"""States that running out of time does not change."""


@dataclass(frozen=True, slots=True)
class LicenceSummary:
    """证照 as a list shows it: the newest version and its state."""

    licence_id: str
    base: str
    version: int
    licence_number: str
    type_code: str
    type_name: str
    department_id: str
    issuer_name: str
    holder_name: str
    holder_code: str
    state: str
    since: datetime
    issued: datetime
    issued_on: str
    valid_from: str
    valid_to: str
    """Last valid day; empty: long-term."""

    @property
    def place(self) -> tuple[datetime, str]:
        """Where this one stands in a search, for ``after``."""
        return self.issued, self.base


@dataclass(frozen=True, slots=True)
class LicenceView:
    """证照 in full: the newest version as of the moment asked about."""

    summary: LicenceSummary
    message: DataMessage
    """What was sealed."""
    type_version: int
    file_digest: str
    file_size: int
    seal_id: str
    seal_name: str
    signed_at: datetime
    asked_id: str
    """The id that was asked for; it may be an older version's."""

    @property
    def licence_id(self) -> str:
        return self.summary.licence_id

    @property
    def state(self) -> str:
        return self.summary.state


@dataclass(frozen=True, slots=True)
class EventView:
    """证照事件."""

    kind: str
    version: int
    state: str
    effective: datetime
    recorded: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the register holds."""

    licences: int
    today: int
    """Issued since the beginning of the day, Beijing time."""
    by_type: Mapping[str, int]
    """Type code → licences."""


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
            if row is None or row.sealed > moment:
                return None
            events = session.execute(_EVENTS, {"base": row.base}).all()
        state, since = state_at(row.version, row.valid_to, events, moment)
        digest = row.file_digest
        return LicenceStatus(state, since, digest, row.number, lambda: self.files.get(digest))

    def find(self, licence_id: str, moment: datetime | None = None) -> LicenceView:
        """The licence any of whose versions has this id.

        Raises ``Malformed("identifier.*")`` for what is no id and ``NotFound("licence.unknown")``.
        """
        asked = parse_licence_id(licence_id)
        moment = moment or self.clock()
        with self.sessions.read() as session:
            query = _view_query().where(LicenceVersion.base == asked.base, LicenceVersion.sealed <= moment)
            row = session.execute(query.order_by(LicenceVersion.version.desc()).limit(1)).first()
            if row is None or asked.version > row.newest:
                raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=asked.text)
            events = session.execute(_EVENTS, {"base": row.base}).all()
        return LicenceView(
            _summary(row, events, moment),
            parse_message(row.message),
            row.type_version,
            row.file_digest,
            row.file_size,
            row.seal_id,
            row.seal_name,
            row.sealed,
            asked.text,
        )

    def events(self, licence_id: str) -> tuple[EventView, ...]:
        """What happened to a licence, oldest first."""
        base = parse_licence_id(licence_id).base
        with self.sessions.read() as session:
            rows = session.execute(_EVENTS, {"base": base}).all()
        names = EventView.__slots__
        return tuple(EventView(**{name: getattr(row, name) for name in names}) for row in rows)

    def file(self, view: LicenceView) -> bytes:
        """The sealed file; raises ``NotFound`` or ``Unavailable("files.damaged")``."""
        return self.files.get(view.file_digest)

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
        query = _view_query().where(LicenceVersion.version == Licence.version)
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
            events = _events_of(session, [row.base for row in rows])
        return tuple(_summary(row, events[row.base], moment) for row in rows)

    def counts(self) -> Counts:
        """How many licences there are."""
        midnight = datetime.combine(self.clock().astimezone(BEIJING).date(), time(), BEIJING)
        with self.sessions.read() as session:
            by_type = session.execute(select(Licence.type_code, func.count()).group_by(Licence.type_code)).all()
            today = session.execute(select(func.count()).where(Licence.issued >= midnight)).scalar_one()
        counted = {code: number for code, number in by_type}  # noqa: C416  a row is not a pair to mypy
        return Counts(sum(counted.values()), today, counted)


def state_at(version: int, valid_to: str, events: Sequence[Row[Any]], moment: datetime) -> tuple[str, datetime]:
    """State of ``version`` at ``moment`` and since when; ``events`` of the licence in order, the first before it."""
    past = [e for e in events if e.effective <= moment]
    newer = [e for e in past if e.version > version]
    if newer:
        return "SUPERSEDED", newer[0].effective
    own = past or list(events[:1])
    state, since = own[-1].state, own[-1].effective
    for event in reversed(own):
        if event.state != state:
            break
        since = event.effective
    end = end_of(valid_to)
    if end is not None and moment >= end and state not in LASTING:
        return "EXPIRED", end
    return state, since


def end_of(valid_to: str) -> datetime | None:
    """The first moment after the last valid day (Beijing); ``None`` for long-term."""
    if not valid_to:
        return None
    return datetime.combine(date.fromisoformat(valid_to), time(), BEIJING).astimezone(UTC) + timedelta(days=1)


_OF_VERSION = (
    select(
        LicenceVersion.base,
        LicenceVersion.version,
        LicenceVersion.valid_to,
        LicenceVersion.sealed,
        LicenceVersion.file_digest,
        Licence.number,
    )
    .join(Licence, Licence.base == LicenceVersion.base)
    .where(LicenceVersion.licence_id == bindparam("licence_id"))
)
_EVENT_COLUMNS = tuple(getattr(LicenceEvent, name) for name in ("base", *EventView.__slots__))
_EVENTS = (
    select(*_EVENT_COLUMNS)
    .where(LicenceEvent.base == bindparam("base"))
    .order_by(LicenceEvent.effective, LicenceEvent.id)
)


def _view_query() -> Select[*tuple[Any, ...]]:
    """Versions with all that a summary or a view needs."""
    return (
        select(
            LicenceVersion.licence_id,
            LicenceVersion.base,
            LicenceVersion.version,
            LicenceVersion.type_version,
            LicenceVersion.file_digest,
            LicenceVersion.file_size,
            LicenceVersion.message,
            LicenceVersion.seal_id,
            LicenceVersion.sealed,
            LicenceVersion.issued_on,
            LicenceVersion.valid_from,
            LicenceVersion.valid_to,
            Licence.version.label("newest"),
            Licence.number,
            Licence.type_code,
            Licence.department_id,
            Licence.holder_name,
            Licence.holder_code,
            Licence.issued,
            LicenceType.name.label("type_name"),
            Department.name.label("issuer_name"),
            Seal.name.label("seal_name"),
        )
        .join(Licence, Licence.base == LicenceVersion.base)
        .join(LicenceType, LicenceType.code == Licence.type_code)
        .join(Department, Department.id == Licence.department_id)
        .join(Seal, Seal.id == LicenceVersion.seal_id)
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


def _events_of(session: Session, bases: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {base: [] for base in bases}
    query = select(*_EVENT_COLUMNS).where(LicenceEvent.base.in_(bases))
    for row in session.execute(query.order_by(LicenceEvent.effective, LicenceEvent.id)):
        found[row.base].append(row)
    return found


def _summary(row: Row[Any], events: Sequence[Row[Any]], moment: datetime) -> LicenceSummary:
    state, since = state_at(row.version, row.valid_to, events, moment)
    return LicenceSummary(
        licence_id=row.licence_id,
        base=row.base,
        version=row.version,
        licence_number=row.number,
        type_code=row.type_code,
        type_name=row.type_name,
        department_id=row.department_id,
        issuer_name=row.issuer_name,
        holder_name=row.holder_name,
        holder_code=row.holder_code,
        state=state,
        since=since,
        issued=row.issued,
        issued_on=row.issued_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
