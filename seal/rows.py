"""登记簿的行: what the acts of ``seal.register`` write down, in the caller's transaction."""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from seal.lifecycle import Official, State
from seal.models import Department, Seal, SealGrant, SealObject, SealRequest, table
from seal.records import Basis, NewSeal, Permission
from trust.errors import Conflict, NotFound, Refused, Word
from trust.i18n import N_
from trust.seal_status import whole_second


def insert_seal(session: Session, wanted: NewSeal, state: State, region: str, now: datetime) -> str:
    """A seal applied for or enrolled; answers its code. Raises ``Conflict("seal.id_taken")``."""
    department = session.get(Department, wanted.department)
    if department is None:
        raise NotFound("department.unknown", "没有部门“{department}”。", department=wanted.department[:40])
    if wanted.holder_kind == "institution" and wanted.holder_code not in ("", department.code):
        raise Refused("seal.other_department", "该印章不属于您所在的单位。")
    row = {
        "name": wanted.name,
        "department_id": wanted.department,
        "digest": "",
        "key_name": "",
        "created": now,
        "kind": wanted.kind,
        "purpose": wanted.purpose,
        "holder_kind": wanted.holder_kind,
        "holder_name": wanted.holder_name or department.name,
        "holder_code": wanted.holder_code or (department.code if wanted.holder_kind == "institution" else ""),
        "state": state,
        "object_number": 0,
    }
    for _ in range(50):
        row["id"] = wanted.seal_id or _next_id(session, region)
        if _insert_once(session, row):
            return str(row["id"])
        if wanted.seal_id:
            break
    raise Conflict("seal.id_taken", "印章编码 {id} 已在登记簿中。", id=str(row["id"]))


def insert_object(
    session: Session,
    seal_id: str,
    number: int,
    digest: str,
    key_name: str,
    origin: str,
    who: Official,
    now: datetime,
) -> None:
    """A seal object, from now on the seal's present one. Raises ``Conflict("seal.object_known")``."""
    if session.execute(select(SealObject.seal_id).where(SealObject.digest == digest)).first() is not None:
        raise Conflict("seal.object_known", "该印章数据已登记。")
    row = {
        "seal_id": seal_id,
        "number": number,
        "digest": digest,
        "key_name": key_name,
        "origin": origin,
        "effective": whole_second(now, up=False),
        "recorded": now,
        "actor": who.actor.account[:100],
    }
    session.execute(insert(SealObject), [row])
    present = {"object_number": number, "digest": digest, "key_name": key_name}
    session.execute(update(Seal).where(Seal.id == seal_id).values(present))


def insert_request(
    session: Session,
    seal_id: str,
    kind: str,
    who: Official,
    reason: str,
    basis: Basis | None,
    kept: str,
    now: datetime,
) -> str:
    """An open request; ``kept``: SM3 of its basis. Answers its id."""
    if basis is None:
        raise Refused("seal.basis_missing", "“{step}”须附依据文件。", step=Word(N_("申请")))
    row = {
        "id": secrets.token_hex(8),
        "seal_id": seal_id,
        "kind": kind,
        "reason": reason[:500],
        "basis_name": basis.name[:200],
        "basis_digest": kept,
        "applicant": who.actor.account[:100],
        "applied": now,
        "state": "open",
        "decided_by": "",
        "decided": None,
        "decision": "",
    }
    session.execute(insert(SealRequest), [row])
    return str(row["id"])


def insert_grant(
    session: Session, seal_id: str, department: str, permission: Permission, who: Official, now: datetime
) -> str:
    """A grant of use; answers its id."""
    row = {
        "id": secrets.token_hex(8),
        "seal_id": seal_id,
        "account": permission.account[:100],
        "department_id": department,
        "types": json.dumps(sorted(set(permission.types)), separators=(",", ":")),
        "daily_limit": permission.daily_limit,
        "granted": now,
        "granted_by": who.actor.account[:100],
        "ended": None,
        "ended_by": "",
    }
    session.execute(insert(SealGrant), [row])
    return str(row["id"])


def _next_id(session: Session, code: str) -> str:
    """The next free code: region and eight digits."""
    pattern = f"{code}{'_' * 8}"
    last = session.execute(select(Seal.id).where(Seal.id.like(pattern)).order_by(Seal.id.desc()).limit(1)).scalar()
    number = int(last[len(code) :]) + 1 if last and last[len(code) :].isdigit() else 1
    return f"{code}{number:08d}"


def _insert_once(session: Session, row: dict[str, object]) -> bool:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table(Seal)).on_conflict_do_nothing().returning(table(Seal).c.id)
    return session.execute(statement, [row]).first() is not None
