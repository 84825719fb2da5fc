"""下一版的预留: step one for a further version of a licence, whichever step asks for it.

The version follows the newest one: its message names that file and its digest (lineage). Two who reserve at once
meet at the licence id, which only one of them gets; what became impossible meanwhile is found when it is recorded
(``licence_store.following``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from licence_store.catalogue import IssuingRight
from licence_store.models import IssueIntent, Licence, LicenceVersion, table
from licence_store.numbering import StatusSlot
from licence_store.reserving import RESERVED, status_address
from seal.message import DataMessage, FaceValue, RequiredSeal
from seal.provenance import CaseLink, Lineage
from trust.errors import Conflict
from trust.identifiers import LicenceId, parse_licence_id
from trust.journal import Actor

_INTENTS = table(IssueIntent)
KINDS = {"revise": "revision", "reissue": "reissue", "reseal": "reseal"}
"""Step → kind of lineage."""


def newest_query() -> Any:
    """Newest versions, with what their successor needs of them."""
    return (
        select(
            LicenceVersion.licence_id,
            LicenceVersion.base,
            LicenceVersion.version,
            LicenceVersion.type_code,
            LicenceVersion.type_version,
            LicenceVersion.message,
            LicenceVersion.file_digest,
            LicenceVersion.valid_to,
            Licence.department_id,
            Licence.number,
            Licence.record_key,
            Licence.holder_code,
            Licence.successor,
        )
        .join(Licence, Licence.base == LicenceVersion.base)
        .where(Licence.version == LicenceVersion.version)
    )


def begun(session: Session, bases: Sequence[str]) -> dict[str, Row[Any]]:
    """What was reserved for further versions of these and not finished."""
    query = select(*_INTENTS.c).where(_INTENTS.c.base.in_(bases), _INTENTS.c.version > 1, _INTENTS.c.state == RESERVED)
    return {row.base: row for row in session.execute(query)}


def next_versions(session: Session, bases: Sequence[str]) -> dict[str, int]:
    """One above whatever was reserved before: the number of a void version is not used again."""
    query = select(_INTENTS.c.base, func.max(_INTENTS.c.version)).where(_INTENTS.c.base.in_(bases))
    return {base: newest + 1 for base, newest in session.execute(query.group_by(_INTENTS.c.base))}


def next_id(row: Row[Any], version: int) -> LicenceId:
    """The licence id of that version."""
    return parse_licence_id(row.licence_id).with_version(version)


def lineage_to(row: Row[Any], step: str) -> Lineage:
    """前一文件: the newest version."""
    return Lineage(KINDS[step], row.licence_id, row.file_digest)


def same_again(
    old: DataMessage, identifier: LicenceId, lineage: Lineage, right: IssuingRight, slot: StatusSlot, base_url: str
) -> DataMessage:
    """数据电文 with the same face and facts; id, seal, place in a status list, lineage and salts are new."""
    return rewritten(old.metadata, old.face, old.case, identifier, lineage, right, slot, base_url)


def rewritten(
    metadata: Mapping[str, str],
    face: Sequence[FaceValue],
    case: CaseLink | None,
    identifier: LicenceId,
    lineage: Lineage,
    right: IssuingRight,
    slot: StatusSlot,
    base_url: str,
) -> DataMessage:
    """数据电文 of a further version."""
    return DataMessage.create(
        {**metadata, "licence_id": identifier.text, "version": f"{identifier.version:03d}"},
        [replace(value, salt="") for value in face],
        (RequiredSeal(right.seal_id, right.seal_name),),
        status_list=status_address(base_url, slot.list_id),
        status_index=slot.index,
        lineage=lineage,
        case=case,
    )


def intent(
    row: Row[Any],
    step: str,
    message: DataMessage,
    right: IssuingRight,
    slot: StatusSlot,
    officer: Actor,
    reason: str,
    now: datetime,
    *,
    type_version: int | None = None,
    paper: str = "",
) -> dict[str, Any]:
    """The row of ``issue_intent`` that reserves it."""
    return {
        "licence_id": message.licence_id,
        "base": row.base,
        "version": int(message.metadata["version"]),
        "type_code": row.type_code,
        "type_version": type_version or row.type_version,
        "department_id": row.department_id,
        "seal_id": right.seal_id,
        "record_key": row.record_key,
        "number": row.number,
        "number_held": False,  # the first version holds it
        "status_list": slot.list_id,
        "status_index": slot.index,
        "payload": message.to_bytes(),
        "actor": officer.account[:100],
        "address": (officer.address or "")[:100],
        "channel": officer.channel[:16],
        "reserved": now,
        "state": RESERVED,
        "reason": reason[:500],
        "kind": step,
        "paper": paper,
    }


def under_way(licence_id: str) -> Conflict:
    """Somebody else is making the next version."""
    return Conflict(
        "licence.version_under_way",
        "证照 {licence_id} 的新版本正在制作，请稍后再办。",
        remedy="若是中断遗留的，重新启动服务后会自动完成或作废。",
        licence_id=licence_id,
    )
