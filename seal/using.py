"""用章: may this seal be used now, by this officer, for this type; and the ledger of every use.

On the straight path of issuing, so in few statements for a whole chunk: ``admit`` stands in the transaction that
reserves, ``unchanged`` and ``write`` in the one that records. What was admitted counts towards the day's limit, even
if nothing comes of it.

    room = admit(session, Wish(seal_id, officer, role, type_code, 32), now)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from seal.lifecycle import Role, State, take
from seal.models import Seal, SealDayCount, SealGrant, SealUse, table
from trust.errors import LicenceTrustError, NotFound, Refused, Unavailable, Word
from trust.i18n import N_
from trust.journal import Actor

BEIJING = timezone(timedelta(hours=8))
ANY = "*"
"""In a grant's types: all of them."""

_SEALS, _GRANTS, _COUNTS, _USES = table(Seal), table(SealGrant), table(SealDayCount), table(SealUse)
_STANDING = select(
    _SEALS.c.id, _SEALS.c.name, _SEALS.c.state, _SEALS.c.digest, _SEALS.c.key_name, _SEALS.c.department_id,
    _SEALS.c.holder_kind, _SEALS.c.holder_code, _SEALS.c.object_number,
)  # fmt: skip
_OF_SEALS = _STANDING.where(_SEALS.c.id.in_(bindparam("ids", expanding=True)))
_OF_SEALS_HELD = _OF_SEALS.order_by(_SEALS.c.id).with_for_update(read=True)
_HELD = _STANDING.where(_SEALS.c.id == bindparam("id")).with_for_update(read=True)
_OPEN_GRANTS = (
    select(_GRANTS.c.id, _GRANTS.c.account, _GRANTS.c.department_id, _GRANTS.c.types, _GRANTS.c.daily_limit)
    .where(_GRANTS.c.seal_id == bindparam("id"), _GRANTS.c.ended.is_(None))
    .order_by(_GRANTS.c.granted, _GRANTS.c.id)
)
_BEGIN_DAY = {
    "sqlite": sqlite.insert(_COUNTS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_COUNTS).on_conflict_do_nothing(),
}
_THIS_DAY = and_(_COUNTS.c.grant_id == bindparam("grant"), _COUNTS.c.day == bindparam("on"))
_USED = select(_COUNTS.c.used).where(_THIS_DAY).with_for_update()
_COUNT = update(_COUNTS).where(_THIS_DAY).values(used=_COUNTS.c.used + bindparam("more"))
_WRITE = insert(_USES).inline()


@dataclass(frozen=True, slots=True)
class SealStanding:
    """印章现状, as the register has it now."""

    id: str
    name: str
    state: State
    digest: str
    """SM3 of the present seal object's DER, hex."""
    key_name: str

    def demand_active(self, *, waiting: bool = False) -> None:
        """Raises ``Refused("seal.not_active")`` unless the seal may be used now; or ``Unavailable`` where something is
        ``waiting`` for it and it may come back, which a destroyed one never does.
        """
        if self.state is not State.ACTIVE:
            family = Unavailable if waiting and self.state is not State.DESTROYED else Refused
            raise family(
                "seal.not_active",
                N_("印章“{name}”现为“{state}”，不能使用。"),
                name=self.name,
                state=Word(self.state.label),
            )


@dataclass(frozen=True, slots=True)
class Wish:
    """用章请求: ``count`` documents of one type, by one officer."""

    seal_id: str
    officer: Actor
    role: Role
    type_code: str
    count: int
    holder_code: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """How many of the wish are admitted, and why the others are not."""

    count: int
    refusal: LicenceTrustError | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """用章台账 line."""

    seal_id: str
    object_digest: str
    document: str
    """SM3 of the sealed file, hex."""
    subject: str
    type_code: str
    officer: str
    department: str
    used: datetime
    recorded: datetime


def standings(session: Session, seal_ids: Collection[str], *, hold: bool = False) -> dict[str, SealStanding]:
    """印章现状 of these seals; one that is unknown is left out. ``hold``: they stay so until the transaction ends."""
    rows = session.connection().execute(_OF_SEALS_HELD if hold else _OF_SEALS, {"ids": list(seal_ids)})
    return {row.id: _standing(row) for row in rows}


def _standing(row: Row[*tuple[Any, ...]]) -> SealStanding:
    return SealStanding(row.id, row.name, State(row.state), row.digest, row.key_name)


def admit(session: Session, wish: Wish, now: datetime) -> Room:
    """可否用章: role, state, grant, the day's limit. Inside the caller's writing transaction."""
    row = session.connection().execute(_HELD, {"id": wish.seal_id}).one_or_none()
    if row is None:
        return Room(0, NotFound("seal.unknown", "没有登记印章 {id}。", id=wish.seal_id))
    try:
        _standing(row).demand_active()
        take("use", State(row.state), wish.role)
        if row.holder_kind == "applicant" or wish.role is Role.HOLDER:
            _demand_holder(row, wish)
            return Room(wish.count)
        return _within(session, row, wish, now)
    except LicenceTrustError as refusal:
        return Room(0, refusal)


def _demand_holder(row: Row[*tuple[Any, ...]], wish: Wish) -> None:
    """Officers do not use an applicant's seal, nor applicants an institution's."""
    given = (row.holder_kind, row.holder_code)
    if wish.role is not Role.HOLDER or not wish.holder_code or given != ("applicant", wish.holder_code):
        raise Refused("seal.other_holder", "申请人的印章只能由其本人办理。")


def _within(session: Session, row: Row[*tuple[Any, ...]], wish: Wish, now: datetime) -> Room:
    """By the grant that leaves most room."""
    day, best = now.astimezone(BEIJING).date().isoformat(), -1
    chosen: Row[*tuple[Any, ...]] | None = None
    for grant in session.connection().execute(_OPEN_GRANTS, {"id": row.id}).all():
        if not _covers(grant, row, wish):
            continue
        if grant.daily_limit is None:
            return Room(wish.count)
        room = grant.daily_limit - _used(session, grant.id, day)
        if room > best:
            best, chosen = room, grant
    if chosen is None:
        raise Refused(
            "seal.no_grant",
            "账号“{account}”没有为此类证照使用印章“{name}”的授权。",
            remedy="请印章管理员授权用章。",
            account=wish.officer.account,
            name=row.name,
        )
    admitted = max(0, min(best, wish.count))
    if admitted:
        session.connection().execute(_COUNT, {"grant": chosen.id, "on": day, "more": admitted})
    return Room(admitted, None if admitted == wish.count else _over(row.name, chosen.daily_limit))


def _over(name: str, limit: int) -> Refused:
    return Refused(
        "seal.daily_limit",
        "印章“{name}”今日的用章次数已达授权上限（{limit} 次）。",
        remedy="请次日再办，或请印章管理员调整授权。",
        name=name,
        limit=limit,
    )


def _covers(grant: Row[*tuple[Any, ...]], row: Row[*tuple[Any, ...]], wish: Wish) -> bool:
    types, account = json.loads(grant.types), account_of(wish.officer.account)
    department = wish.officer.department or row.department_id  # somebody of no department acts for the seal's
    return (
        grant.account in ("", account)
        and grant.department_id == department
        and (ANY in types or wish.type_code in types)
    )


def account_of(officer: str) -> str:
    """The account behind an officer of the ledger: by token they act as ``account/label``."""
    return officer.partition("/")[0]


def _used(session: Session, grant_id: str, day: str) -> int:
    connection = session.connection()
    connection.execute(_BEGIN_DAY[connection.dialect.name], {"grant_id": grant_id, "day": day, "used": 0})
    used: int = connection.execute(_USED, {"grant": grant_id, "on": day}).scalar_one()
    return used


def changed(session: Session, used: Iterable[tuple[str, str]]) -> dict[str, LicenceTrustError]:
    """Which of these seals may no longer be used, and why; ``used`` are ``(seal id, digest of the object used)``.

    Asked in the transaction that records: what was sealed with a seal that was frozen, lost or changed meanwhile does
    not become valid.
    """
    wanted = dict(used)
    found = standings(session, wanted, hold=True)
    return {one: why for one, digest in wanted.items() if (why := _why_not(found.get(one), one, digest)) is not None}


def _why_not(standing: SealStanding | None, seal_id: str, digest: str) -> LicenceTrustError | None:
    if standing is not None and standing.state is State.ACTIVE and standing.digest == digest:
        return None
    return Unavailable(
        "seal.changed_meanwhile",
        "盖章期间印章 {id} 的状态已变（现为“{state}”），该次盖章未生效。",
        remedy="请在印章恢复有效后重新提交。",
        id=seal_id,
        state=Word(standing.state.label) if standing else "—",
    )


def write(session: Session, uses: Sequence[Use]) -> None:
    """记用章台账, in the transaction that makes the documents valid."""
    rows = [{name: getattr(use, name) for name in Use.__slots__} for use in uses]
    session.connection().execute(_WRITE, rows)


def uses(
    session: Session,
    seal_id: str,
    begin: datetime | None = None,
    end: datetime | None = None,
    *,
    text: str = "",
    after: int = 0,
    limit: int | None = None,
) -> list[SealUse]:
    """用章台账 of a seal with signing times in [``begin``, ``end``), in the order recorded, after entry ``after``.

    ``text`` is a subject, a file's digest or an officer.
    """
    query = select(SealUse).where(SealUse.seal_id == seal_id, SealUse.id > after)
    if begin is not None:
        query = query.where(SealUse.used >= begin)
    if end is not None:
        query = query.where(SealUse.used < end)
    if text:
        query = query.where(or_(SealUse.subject == text, SealUse.document == text.lower(), SealUse.officer == text))
    return list(session.execute(query.order_by(SealUse.id).limit(limit)).scalars())
