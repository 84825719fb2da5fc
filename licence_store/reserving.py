"""预留: step one of issuing. An intent is written down, with all that is needed to finish, before anything is signed.

An intent leaves ``reserved`` exactly once: to ``done`` (``licence_store.recording``) or to ``void``. A void
licence id is never used again, nor is a void number of a sequence; a number that is the holder's own
code is free again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.catalogue import CataloguedType, IssuingRight
from licence_store.extras import PLAIN, IssueExtras
from licence_store.lifecycle import ENDED
from licence_store.models import Account, IssueIntent, Licence, LicenceVersion, table
from licence_store.numbering import StatusSlot, new_serial, pass_number, read_number, take_numbers, take_slots
from licence_store.standing import effective_state
from seal.lifecycle import Role
from seal.message import DataMessage, RequiredSeal, parse_message
from seal.using import Wish, account_of, admit
from trust.errors import Conflict, LicenceTrustError
from trust.identifiers import LicenceId, parse_licence_id
from trust.journal import Actor, Entry

RESERVED, DONE, VOID = "reserved", "done", "void"

_INTENTS, _VERSIONS = table(IssueIntent), table(LicenceVersion)
_I = _INTENTS.c
_KNOWN = (
    select(*_I, _VERSIONS.c.file_digest)
    .outerjoin(_VERSIONS, _VERSIONS.c.licence_id == _I.licence_id)
    .where(_I.type_code == bindparam("type_code"), _I.record_key.in_(bindparam("keys", expanding=True)))
    .where(_I.state != VOID, _I.version == 1)
)
_HELD = select(_I.number, _I.licence_id, _I.base).where(
    _I.type_code == bindparam("type_code"), _I.number.in_(bindparam("numbers", expanding=True)), _I.number_held
)
_ROLE = select(table(Account).c.role).where(table(Account).c.name == bindparam("name"))
_INSERT = {
    "sqlite": sqlite.insert(_INTENTS).on_conflict_do_nothing().returning(_I.licence_id),
    "postgresql": postgresql.insert(_INTENTS).on_conflict_do_nothing().returning(_I.licence_id),
}


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """What every data message says about the region that issues it."""

    code: str
    """行政区划代码, 6 digits."""
    name: str
    base_url: str
    """Public address of this service, without a slash at the end."""
    demonstration: bool


@dataclass(frozen=True, slots=True)
class Application:
    """申请: a checked record, and with what right it becomes a licence."""

    type: CataloguedType
    right: IssuingRight
    record: Mapping[str, str]
    key: str
    """Same type and same key: the same licence."""
    issued_on: str
    officer: Actor
    extras: IssueExtras = PLAIN
    kind: str = "issue"
    """The step it is for: ``issue``, or ``renew`` where it takes another licence's place."""
    reason: str = ""
    starts: str = ""
    """The day from which its validity counts; empty: the day of issue."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """预留: an intent as it stands in the database."""

    licence_id: str
    base: str
    version: int
    type_code: str
    type_version: int
    department_id: str
    seal_id: str
    number: str
    status_list: str
    status_index: int
    record_key: str
    payload: bytes
    """The data message."""
    actor: Actor
    reason: str = ""
    """Why there is a further version; empty for the first."""
    kind: str = "issue"
    """The step it is for."""
    paper: str = ""
    """``extras.PaperCopy`` as text."""
    forms: str = "ofd"
    """In which forms it is to be made: ``ofd``, ``pdf`` or ``both``."""
    built: DataMessage | None = field(default=None, repr=False, compare=False)
    """The message ``payload`` was written from, where it was written just now."""

    @property
    def message(self) -> DataMessage:
        """The data message to be sealed."""
        return self.built or parse_message(self.payload)


@dataclass(frozen=True, slots=True)
class IssuedLicence:
    """已签发的证照."""

    licence_id: str
    licence_number: str
    version: int
    file_digest: str
    """SM3 of the file, hex."""
    created: bool
    """False: it had been issued before for the same record."""


Answer = Reservation | IssuedLicence | LicenceTrustError


def reserve(session: Session, applications: Sequence[Application], facts: RegionFacts, now: datetime) -> list[Answer]:
    """Step one for a chunk of one type: for each application what is reserved, was issued before, or why not.

    Runs inside the caller's transaction. A record reserved before and not finished is given again, to be
    finished now.
    """
    wanted: dict[str, Application] = {}
    for application in applications:
        wanted.setdefault(application.key, application)
    found = _known(session, applications[0].type.definition.code, wanted)
    new = [a for key, a in wanted.items() if key not in found]
    if new:
        new, refused = _admitted(session, new, now)
        found |= refused
    if new:
        found |= _reserve_new(session, new, facts, now)
    return [found[a.key] for a in applications]


def _known(session: Session, type_code: str, keys: Mapping[str, Application]) -> dict[str, Answer]:
    """What is known of these keys: reserved, or issued."""
    rows = session.connection().execute(_KNOWN, {"type_code": type_code, "keys": list(keys)})
    return {row.record_key: _answer(row) for row in rows}


def _answer(row: Row[*tuple[Any, ...]]) -> Reservation | IssuedLicence:
    if row.state == DONE:
        return IssuedLicence(row.licence_id, row.number, row.version, row.file_digest, created=False)
    return reservation_of(row)


def reservation_of(row: Row[*tuple[Any, ...]]) -> Reservation:
    """The reservation a row of ``issue_intent`` in state ``reserved`` holds."""
    return Reservation(
        row.licence_id,
        row.base,
        row.version,
        row.type_code,
        row.type_version,
        row.department_id,
        row.seal_id,
        row.number,
        row.status_list,
        row.status_index,
        row.record_key,
        row.payload,
        Actor(row.actor, row.department_id, row.address, row.channel),
        row.reason,
        row.kind,
        row.paper,
        forms=row.forms,
    )


def _admitted(
    session: Session, applications: Sequence[Application], now: datetime
) -> tuple[list[Application], dict[str, Answer]]:
    """可否用章: those for which the seal may be used now, and why not for the others."""
    first = applications[0]
    wish = Wish(
        first.right.seal_id,
        first.officer,
        role_of(session, first.officer.account),
        first.type.definition.code,
        len(applications),
    )
    room = admit(session, wish, now)
    if room.refusal is None:
        return list(applications), {}
    return list(applications[: room.count]), {a.key: room.refusal for a in applications[room.count :]}


def role_of(session: Session, account: str) -> Role:
    """In which role an account uses seals, a token in that of the account which made it; who has no account here acts
    as an officer (whoever let them in says so).
    """
    role = session.connection().execute(_ROLE, {"name": account_of(account)}).scalar()
    return Role(role) if role is not None else Role.OFFICER


def _reserve_new(
    session: Session, applications: Sequence[Application], facts: RegionFacts, now: datetime
) -> dict[str, Answer]:
    numbered = _numbered(session, applications)
    answers: dict[str, Answer] = {a.key: _in_use(a, n) for a, n in _clashes(session, numbered, now)}
    free = [(a, number) for a, number in numbered if a.key not in answers]
    slots = take_slots(session, len(free), now, applications[0].type.definition.code) if free else []
    messages: dict[str, DataMessage] = {}
    rows = [_row(a, number, slot, facts, now, messages) for (a, number), slot in zip(free, slots, strict=True)]
    inserted = insert_intents(session, rows)
    kept = [row for row in rows if row["licence_id"] in inserted]
    if kept:
        journal.append(session, [_entry(row, now) for row in kept])
    answers |= {row["record_key"]: _made(row, messages[row["licence_id"]]) for row in kept}
    # What was not inserted, another process reserved a moment ago (PostgreSQL): its word holds.
    late = {a.key: a for a, _ in free if a.key not in answers}
    if late:
        answers |= _known(session, applications[0].type.definition.code, late)
        answers |= {key: _in_use(a, "") for key, a in late.items() if key not in answers}
    return answers


def _numbered(session: Session, applications: Sequence[Application]) -> list[tuple[Application, str]]:
    """Each application with its licence number, by the type's rule."""
    definition = applications[0].type.definition
    rule, issuer = definition.number_rule, applications[0].right.department_code
    if not rule.needs_sequence:
        return [(a, a.extras.number or rule.number(a.record)) for a in applications]
    numbered = [(a, a.extras.number) for a in applications if a.extras.number]
    for application, _ in numbered:
        _pass_over(session, application)
    applications = [a for a in applications if not a.extras.number]
    issued = {a.issued_on[:4]: [b for b in applications if b.issued_on[:4] == a.issued_on[:4]] for a in applications}
    for year, some in issued.items():
        number = partial(rule.number, issuer_code=issuer, year=int(year))
        block = take_numbers(session, f"{definition.code}:{number({}, sequence=0)}", len(some))
        numbered += [(a, number(a.record, sequence=n)) for a, n in zip(some, block, strict=True)]
    return numbered


def _pass_over(session: Session, application: Application) -> None:
    """A licence that was there before brings its number along: our own sequence goes on behind it."""
    definition, issuer = application.type.definition, application.right.department_code
    read = read_number(definition.number_rule.pattern, application.extras.number)
    if read is not None and read[0] in ("", issuer[2:8]):
        scope = definition.number_rule.number({}, issuer_code=issuer, year=read[1] or int(application.issued_on[:4]))
        pass_number(session, f"{definition.code}:{scope}", min(read[2], 1 << 60))


def _clashes(
    session: Session, numbered: Sequence[tuple[Application, str]], now: datetime
) -> list[tuple[Application, str]]:
    """Applications whose number is another licence's that has not ended, with that licence's id; a renewal has the
    number of its predecessor.
    """
    definition = numbered[0][0].type.definition
    if definition.number_rule.needs_sequence:  # one fresh from the sequence is nobody else's
        numbered = [(a, number) for a, number in numbered if a.extras.number]
    if not numbered:
        return []
    asked = {"type_code": definition.code, "numbers": [number for _, number in numbered]}
    holders = session.connection().execute(_HELD, asked).all()
    ended = _let_go(session, [row.base for row in holders], now) if holders else set()
    held: dict[str, str] = {row.number: row.licence_id for row in holders if row.base not in ended}
    bases = {row.licence_id: row.base for row in holders}
    clashes = []
    for application, number in numbered:
        if number in held and not _takes_over(application, bases.get(held[number], "")):
            clashes.append((application, held[number]))
        held.setdefault(number, "")
    return clashes


def _takes_over(application: Application, base: str) -> bool:
    """Is the holder of the number the licence that this one renews?"""
    lineage = application.extras.lineage
    return application.kind == "renew" and lineage is not None and parse_licence_id(lineage.predecessor_id).base == base


def _let_go(session: Session, bases: Sequence[str], now: datetime) -> set[str]:
    """Licences that have ended let go of their numbers; answers those."""
    query = select(Licence.base).where(Licence.base.in_(bases), effective_state(now).in_([str(s) for s in ENDED]))
    ended = set(session.execute(query).scalars())
    if ended:
        held = update(_INTENTS).where(_I.base.in_(ended), _I.version == 1)
        session.execute(held.values(number_held=False))
    return ended


def _in_use(application: Application, other: str) -> Conflict:
    return Conflict(
        "licence.number_in_use",
        "该持证者已有一份现行的“{type}”，证照编号不能重复（已有证照：{licence_id}）。",
        remedy="请核对是否重复申请；如需更改内容，请对已有证照办理变更。",
        type=application.type.definition.name,
        licence_id=other or "—",
    )


def _row(
    application: Application,
    number: str,
    slot: StatusSlot,
    facts: RegionFacts,
    now: datetime,
    messages: dict[str, DataMessage],
) -> dict[str, Any]:
    definition, right = application.type.definition, application.right
    identifier = LicenceId(definition.code, right.department_code, new_serial(), 1)
    message = messages[identifier.text] = build_message(application, identifier, number, slot, facts)
    return {
        "licence_id": identifier.text,
        "base": identifier.base,
        "version": 1,
        "type_code": definition.code,
        "type_version": application.type.version,
        "department_id": right.department_id,
        "seal_id": right.seal_id,
        "record_key": application.key,
        "number": number,
        "number_held": application.kind == "issue",  # a renewal's is its predecessor's until it is recorded
        "status_list": slot.list_id,
        "status_index": slot.index,
        "payload": message.to_bytes(),
        "actor": application.officer.account[:100],
        "address": (application.officer.address or "")[:100],
        "channel": application.officer.channel[:16],
        "reserved": now,
        "state": RESERVED,
        "reason": application.reason[:500],
        "kind": application.kind,
        "paper": application.extras.paper.to_text() if application.extras.paper is not None else "",
        "forms": application.extras.forms,
    }


def _made(row: dict[str, Any], message: DataMessage) -> Reservation:
    names = [n for n in Reservation.__slots__ if n not in ("actor", "built")]
    actor = Actor(row["actor"], row["department_id"], row["address"], row["channel"])
    return Reservation(**{n: row[n] for n in names}, actor=actor, built=message)


def build_message(
    application: Application, identifier: LicenceId, number: str, slot: StatusSlot, facts: RegionFacts
) -> DataMessage:
    """数据电文 of a new licence: metadata, face, the seal it requires, where its status is published."""
    definition, right, extras = application.type.definition, application.right, application.extras
    holder = definition.holder_of(application.record)
    starts = application.starts or application.issued_on
    valid_from, valid_to = definition.valid_period(application.record, starts)
    computed = {"licence_number": number, "issuer_name": right.department_name, "issued_on": application.issued_on}
    metadata = {
        "licence_id": identifier.text,
        "licence_number": number,
        "version": f"{identifier.version:03d}",
        "type_code": definition.code,
        "type_name": definition.name,
        "issuer_name": right.department_name,
        "issuer_code": right.department_code,
        "holder_name": holder.name,
        "holder_code": holder.code,
        "holder_code_type": holder.code_type,
        "issued_on": application.issued_on,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "region": facts.code,
        "source": extras.source or right.department_name,
        "repository": f"{facts.name}电子证照库",
        "credibility": extras.credibility,
        "demonstration": "true" if facts.demonstration else "false",
    }
    return DataMessage.create(
        metadata,
        definition.face_values(application.record, computed),
        (RequiredSeal(right.seal_id, right.seal_name),),
        status_list=status_address(facts.base_url, slot.list_id),
        status_index=slot.index,
        lineage=extras.lineage,
        case=extras.case,
    )


def status_address(base_url: str, list_id: str) -> str:
    """Where a status list is published: what the data message names."""
    return f"{base_url}/api/v1/status-lists/{list_id}"


def insert_intents(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert what nobody else has inserted; answers the licence ids that were."""
    if not rows:
        return set()
    connection = session.connection()
    return set(connection.execute(_INSERT[connection.dialect.name], list(rows)).scalars())


def _entry(row: Mapping[str, Any], now: datetime) -> Entry:
    actor = Actor(row["actor"], row["department_id"], row["address"], row["channel"])
    return Entry(now, actor, "licence.reserve", row["licence_id"], details={"number_rule_type": row["type_code"]})


_CLOSE = (
    update(_INTENTS)
    .where(_I.licence_id.in_(bindparam("ids", expanding=True)), _I.state == RESERVED)
    .returning(_I.licence_id)
)
_CLOSE_DONE = _CLOSE.values(state=DONE, payload=None)


def close_done(session: Session, licence_ids: Sequence[str]) -> set[str]:
    """reserved → done; answers those that were still reserved. The payload goes on in the licence's version."""
    return set(session.connection().execute(_CLOSE_DONE, {"ids": list(licence_ids)}).scalars())


def void(
    session: Session, reservation: Reservation, *, keep_number: bool, reason: str, actor: Actor, now: datetime
) -> bool:
    """作废: reserved → void, the personal data wiped; false if it was no longer reserved.

    ``keep_number``: the number came from a sequence and is never given again.
    """
    keep_number = keep_number and reservation.kind == "issue"  # what follows another licence never held it
    values = {"state": VOID, "payload": None, "reason": reason[:500], "number_held": keep_number}
    closed = session.execute(_CLOSE.values(values), {"ids": [reservation.licence_id]}).first()
    if closed is None:
        return False
    details = {"number": reservation.number} if keep_number else {}
    journal.append(session, [Entry(now, actor, "licence.void", reservation.licence_id, result=reason, details=details)])
    return True


def open_reservations(session: Session, *, before: datetime, limit: int = 64) -> list[Reservation]:
    """Intents still reserved since before ``before``, oldest first."""
    query = select(*_INTENTS.c).where(_INTENTS.c.state == RESERVED, _INTENTS.c.reserved <= before)
    rows = session.execute(query.order_by(_INTENTS.c.reserved, _INTENTS.c.licence_id).limit(limit))
    return [reservation_of(row) for row in rows]
