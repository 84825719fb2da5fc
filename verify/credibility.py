"""可信等级 (R048-R060): how far a material is believed, worked out of what has happened to it and of nothing else.

A level is never a stored word. It begins with what the kind of material is born with, and rises only by a 核验声明: a
statement an officer makes who has compared the upload with its original, signed and time-stamped with a seal key of
the department. ``credibility_of`` asks a ``StatementCheck`` about each; what that does not believe does not count.

    found = credibility_of(birth, events, check)
    found.level, found.by.department_name, found.problems
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from seal.checking import check_seal, check_signer_listed
from seal.ses import SESeal, parse_seal
from trust.algorithms import sm3
from trust.anchors import Purpose, TrustStore
from trust.canonical import Value, canonical_json, parse_canonical
from trust.certificates import Certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed
from trust.journal import chain_digest
from trust.path import check_certificate
from trust.signed import SignedDocument, decode, items, members, moment, open_signed, text
from trust.timestamp import check_timestamp

FORMAT: Final = "licence-trust/material-check/1"
LARGEST: Final = 256 << 10
MOST_ASPECTS: Final = 100
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SKEW: Final = timedelta(minutes=5)
"""Between the statement's own time and the one that is proved."""
_RISES: Final = frozenset({("C", "B"), ("D", "B")})
"""The only ways up (五(一)3(2), (3)); A is born, never made of something else."""
_MEMBERS: Final = frozenset(
    {
        "compared", "department", "event", "format", "from", "kind", "material", "officer", "original_seen", "previous",
        "reason", "seal", "to", "upload", "valid_until", "when",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aspect:
    """核对项: one thing looked at in both."""

    name: str
    upload: str
    """What the upload says."""
    original: str
    """What the original says."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a material is, before anything has happened to it."""

    material_id: str
    upload: str
    """SM3 of the content, hex."""
    kind: str
    level: str
    promotes_to: str
    holder_code: str

    def digested(self) -> str:
        """What the chain of its events begins with, hex."""
        said = {
            "material": self.material_id, "upload": self.upload, "kind": self.kind, "level": self.level,
            "promotes_to": self.promotes_to, "holder": self.holder_code,
        }  # fmt: skip
        return sm3(canonical_json(said)).hex()


@dataclass(frozen=True, slots=True)
class Event:
    """材料事件 as the chain has it."""

    material_id: str
    number: int
    kind: str
    actor: str
    role: str
    department_id: str
    at: str
    """RFC 3339, UTC."""
    reason: str
    details: Mapping[str, str]
    statement: bytes
    previous: str
    digest: str

    def digested(self) -> str:
        """链摘要: SM3 over the one before and all of this one, hex."""
        said = canonical_json(
            {
                "material": self.material_id, "number": str(self.number), "kind": self.kind, "actor": self.actor,
                "role": self.role, "department": self.department_id, "at": self.at, "reason": self.reason,
                "details": dict(self.details), "statement": sm3(self.statement).hex() if self.statement else "",
            }
        )  # fmt: skip
        return chain_digest(bytes.fromhex(self.previous), said).hex()


@dataclass(frozen=True, slots=True)
class Statement:
    """核验声明, read and not yet believed."""

    document: SignedDocument
    timestamp: bytes
    material_id: str
    upload: str
    kind: str
    before: str
    after: str
    event: int
    previous: str
    """Digest of the event before it: a statement belongs to one place in one history."""
    department_id: str
    department_code: str
    department_name: str
    officer: str
    when: datetime
    original_seen: bool
    compared: tuple[Aspect, ...]
    reason: str
    valid_until: str
    """Last day of the original, ``YYYY-MM-DD``; empty: it names none."""
    seal_id: str
    seal_digest: str


@dataclass(frozen=True, slots=True)
class Credibility:
    """可信等级 now, and on whose word."""

    level: str
    by: Statement | None = None
    """The statement it rests on; ``None``: it is as it was born."""
    proved: datetime | None = None
    """When that statement was signed, by its time stamp."""
    problems: tuple[str, ...] = ()
    """Codes of what was found wrong: with a statement that is therefore not believed, or with the chain."""


StatementCheck = Callable[[Statement], datetime]
"""Is the statement to be believed? Answers the proved time; raises ``CheckFailed``."""


# ---------------------------------------------------------------- 写与读


def statement_payload(
    birth: Birth,
    place: tuple[int, str],
    department: tuple[str, str, str],
    officer: str,
    when: str,
    compared: Sequence[Aspect],
    *,
    reason: str,
    valid_until: str,
    seal: tuple[str, str],
) -> dict[str, object]:
    """What a department signs: ``place`` is the number of the event and the digest before it, ``department`` id, code
    and name, ``seal`` id and SM3.
    """
    return {
        "format": FORMAT,
        "material": birth.material_id,
        "upload": birth.upload,
        "kind": birth.kind,
        "from": birth.level,
        "to": birth.promotes_to,
        "event": str(place[0]),
        "previous": place[1],
        "department": dict(zip(("id", "code", "name"), department, strict=True)),
        "officer": officer,
        "when": when,
        "original_seen": "yes",
        "compared": [{"aspect": one.name, "upload": one.upload, "original": one.original} for one in compared],
        "reason": reason,
        "valid_until": valid_until,
        "seal": {"id": seal[0], "sm3": seal[1]},
    }


def wrap_statement(signed: bytes, timestamp: bytes) -> bytes:
    """The statement with its time stamp, as it is kept."""
    return canonical_json({"signed": b64encode(signed).decode(), "timestamp": b64encode(timestamp).decode()})


def open_statement(data: bytes) -> Statement:
    """Parse without trusting; anything odd raises ``Malformed``."""
    outer = members(parse_canonical(data, limit=LARGEST), {"signed", "timestamp"})
    document = open_signed(decode(outer["signed"]), FORMAT, limit=LARGEST)
    said = members(document.payload, set(_MEMBERS))
    department = members(said["department"], {"id", "code", "name"})
    seal = members(said["seal"], {"id", "sm3"})
    aspects = [members(one, {"aspect", "upload", "original"}) for one in items(said, "compared")]
    number = text(said, "event", limit=9)
    if not number.isascii() or not number.isdigit() or len(aspects) > MOST_ASPECTS:
        raise Malformed("material.statement", "核验声明的内容不符合格式要求。")
    return Statement(
        document=document,
        timestamp=decode(outer["timestamp"]),
        material_id=text(said, "material"),
        upload=text(said, "upload"),
        kind=text(said, "kind"),
        before=text(said, "from"),
        after=text(said, "to"),
        event=int(number),
        previous=text(said, "previous"),
        department_id=text(department, "id"),
        department_code=text(department, "code"),
        department_name=text(department, "name"),
        officer=text(said, "officer"),
        when=moment(said, "when"),
        original_seen=text(said, "original_seen") == "yes",
        compared=tuple(Aspect(text(one, "aspect"), text(one, "upload"), text(one, "original")) for one in aspects),
        reason=text(said, "reason"),
        valid_until=text(said, "valid_until"),
        seal_id=_plain(seal, "id"),
        seal_digest=_plain(seal, "sm3"),
    )


def _plain(value: dict[str, Value], name: str) -> str:
    """What may stand in the name of a file, and leads nowhere else."""
    found = text(value, name, limit=64)
    if not _FILE_NAME.fullmatch(found):
        raise Malformed("material.statement", "核验声明的内容不符合格式要求。")
    return found


# ---------------------------------------------------------------- 相信与否


@dataclass(frozen=True, slots=True)
class TrustedStatements:
    """A ``StatementCheck`` by a trust store: needs no register."""

    store: TrustStore
    seal: Callable[[str, str], bytes]
    """The seal object with this id and SM3; raises ``LicenceTrustError`` where there is none."""
    known_at: datetime

    def __call__(self, statement: Statement) -> datetime:
        """When it was signed, if a seal key of the department did; raises ``CheckFailed``."""
        statement.document.check_signature()
        signer, *others = statement.document.certificates
        time = check_timestamp(statement.timestamp, statement.document.signature, self.store, known_at=self.known_at)
        if abs(time.time - statement.when) > _SKEW:
            raise _unbelieved("material.statement_time", "核验声明自称的时间与时间戳证明的时间不符。")
        check_certificate(
            signer, self.store, Purpose.SIGNER, time.time, known_at=self.known_at, proved=True, extra=others
        )
        if not _speaks_for(signer, statement):
            raise _unbelieved("material.statement_department", "签名人不是核验声明所称的单位。")
        seal = self._seal(statement)
        check_seal(seal, self.store, moment=time.time, known_at=self.known_at, proved=True)
        check_signer_listed(seal, signer.der)
        return time.time

    def _seal(self, statement: Statement) -> SESeal:
        try:
            der = self.seal(statement.seal_id, statement.seal_digest)
            seal = parse_seal(der)
        except LicenceTrustError as error:
            raise _unbelieved("material.statement_seal", "核验声明所用的印章无法读取。") from error
        if sm3(der).hex() != statement.seal_digest or seal.seal_id != statement.seal_id:
            raise _unbelieved("material.statement_seal", "核验声明所用的印章与所附的印章不符。")
        return seal


def _speaks_for(signer: Certificate, statement: Statement) -> bool:
    """Is it the certificate of the department the statement names: by its code, or where it states none by its name?"""
    code = signer.subject_field("SERIALNUMBER")
    return code == statement.department_code if code else signer.common_name == statement.department_name


def _unbelieved(code: str, template: str) -> CheckFailed:
    return CheckFailed("TOTAL-FAILED", "SIG_CONSTRAINTS_FAILURE", code, template)


# ---------------------------------------------------------------- 等级


def credibility_of(birth: Birth, events: Iterable[Event], check: StatementCheck) -> Credibility:
    """The level after ``events``, in their order; an event that does not fit its chain ends the reading there."""
    found, previous = Credibility(birth.level), birth.digested()
    for number, event in enumerate(events, 1):
        fits = (event.number, event.material_id, event.previous) == (number, birth.material_id, previous)
        if not fits or event.digested() != event.digest:
            return Credibility(birth.level, None, None, (*found.problems, "material.chain"))
        previous = event.digest
        if event.kind == "check":
            found = _checked(birth, event, found, check)
    return found


def _checked(birth: Birth, event: Event, before: Credibility, check: StatementCheck) -> Credibility:
    """What a check makes of the level: nothing, unless its statement is believed and speaks of just this."""
    try:
        statement = open_statement(event.statement)
        proved = check(statement)
    except (Malformed, CheckFailed) as error:
        return Credibility(before.level, before.by, before.proved, (*before.problems, error.code))
    if not _speaks_of(statement, birth, event):
        return Credibility(before.level, before.by, before.proved, (*before.problems, "material.statement_other"))
    return Credibility(birth.promotes_to, statement, proved, before.problems)


def _speaks_of(statement: Statement, birth: Birth, event: Event) -> bool:
    return (
        (birth.level, birth.promotes_to) in _RISES
        and (statement.before, statement.after) == (birth.level, birth.promotes_to)
        and (statement.material_id, statement.upload, statement.kind) == (birth.material_id, birth.upload, birth.kind)
        and (statement.event, statement.previous) == (event.number, event.previous)
        and (statement.officer, statement.department_id) == (event.actor, event.department_id)
        and statement.original_seen
        and len(statement.compared) > 0
    )
