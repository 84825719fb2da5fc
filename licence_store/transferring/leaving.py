"""无文书的转出: a licence that goes to a region which is on no trust list, and so can sign nothing we could check.

    leave(desk, licence_id, officer, to="650000", reason="迁出")

Nobody has promised a successor, and the history says so. A region that can promise is not left out: where the list
names it, or where it has given its consent already, the transfer goes by papers
(``licence_store.transferring.transfers``).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from licence_store.transferring.models import Transfer
from licence_store.transferring.records import CONSENTED, OUT
from licence_store.views import EventView
from seal.lifecycle import Official
from trust.errors import Malformed, Refused
from trust.identifiers import parse_licence_id

if TYPE_CHECKING:
    from licence_store.desk import Desk

STEP: Final = "transfer_out"
_DIVISION: Final = re.compile(r"[1-9][0-9]{5}")


def leave(
    desk: Desk,
    licence_id: str,
    who: Official,
    *,
    to: str,
    reason: str,
    basis: str = "",
    effective: datetime | None = None,
) -> EventView:
    """转出 without papers to the region with the code ``to``.

    Raises ``Malformed("transfer.to")``, ``Refused("transfer.to_own", "transfer.papers_needed",
    "transfer.consent_open")``, and as ``LicenceLife.take`` does.
    """

    def checked(session: Session) -> None:
        if not _DIVISION.fullmatch(to):
            raise Malformed("transfer.to", "请写明转往哪个地区：6位行政区划代码。")
        _demand_no_consent(session, licence_id, desk.clock())
        _demand_unlisted(desk, to)

    stated = f"{basis.strip()} 转往 {to[:6]}（不在信任列表上，无接收函）".strip()
    return desk.life.take(licence_id, STEP, who, reason=reason, basis=stated, effective=effective, also=checked)


def _demand_unlisted(desk: Desk, to: str) -> None:
    """Is neither ``to`` itself nor what it lies in on the list, or ours? A region that has left counts as unlisted."""
    trust_list, now = desk.peers.believed(), desk.clock()
    for code in (to, f"{to[:4]}00", f"{to[:2]}0000"):
        if code == desk.region.code:
            raise Refused("transfer.to_own", "转往的地区不能是本地区。")
        listed = trust_list.region(code) if trust_list is not None else None
        if listed is not None and (listed.left_at is None or listed.left_at > now):
            raise Refused(
                "transfer.papers_needed", "地区“{name}”在信任列表上，须由它先出具接收函，再凭文书转出。",
                remedy="请持证者到该地区申请接收；接收函到达后，在“跨地区转移”中办理转出。", name=listed.name,
            )  # fmt: skip
        if listed is not None:
            return


def _demand_no_consent(session: Session, licence_id: str, now: datetime) -> None:
    open_ones = select(Transfer).where(
        Transfer.licence_id.like(f"{parse_licence_id(licence_id).base}.%"),
        Transfer.direction == OUT,
        Transfer.state == CONSENTED,
        Transfer.expires > now,
    )
    found = session.execute(open_ones.order_by(Transfer.created).limit(1)).scalar()
    if found is not None:
        raise Refused(
            "transfer.consent_open", "地区“{name}”已同意接收该证照（{transfer_id}）。",
            remedy="请在“跨地区转移”中凭其接收函转出，或先谢绝。", name=found.region_name, transfer_id=found.id,
        )  # fmt: skip
