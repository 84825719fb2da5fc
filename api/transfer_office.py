"""转移办理: who may act on a transfer, and its shape; one door for command line, interface and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.licence_office import READERS
from licence_store.transferring.records import STATES, TransferView
from trust.errors import Malformed, NotFound, Refused
from verify.report import rfc3339

if TYPE_CHECKING:
    from api.licence_office import Asked
    from licence_store.desk import Desk

PAPERS = ("consent", "release", "receipt", "decline")


@dataclass(frozen=True, slots=True)
class TransferOffice:
    """转移办理."""

    desk: Desk

    def list(self, asked: Asked, *, direction: str = "", state: str = "") -> tuple[TransferView, ...]:
        """Those of their department. Raises ``Malformed("transfer.filter")``."""
        _reader(asked, "read")
        if direction not in ("", "in", "out") or state not in ("", *STATES):
            raise Malformed("transfer.filter", "方向应为 in 或 out，状态应为 {states} 之一。", states="、".join(STATES))
        found = self.desk.transfers.list(direction=direction, state=state)
        return tuple(one for one in found if asked.covers(one.department, one.type_code, "read"))

    def get(self, transfer_id: str, asked: Asked, scope: str = "read") -> TransferView:
        """Raises ``NotFound("transfer.unknown")``, also for another department's."""
        _reader(asked, scope)
        one = self.desk.transfers.get(transfer_id)
        if not asked.covers(one.department, one.type_code, scope):
            raise NotFound("transfer.unknown", "没有转移 {transfer_id}。", transfer_id=transfer_id[:40])
        return one

    def paper(self, transfer_id: str, kind: str, asked: Asked) -> bytes:
        """Raises ``NotFound("transfer.no_paper")``."""
        self.get(transfer_id, asked)
        if kind not in PAPERS:
            raise NotFound("transfer.no_paper", "该转移没有这种文书：{kind}。", kind=kind[:16])
        return self.desk.transfers.paper(transfer_id, kind)

    def consent(
        self, data: bytes, department: str, asked: Asked, reason: str, changes: Mapping[str, object] | None
    ) -> TransferView:
        """同意接收. A token covers it as it covers issuing."""
        _reader(asked, "life")
        own = asked.who.actor.department or ""
        if own and department not in ("", own):
            raise Refused("licence.department", "只有颁证部门可以办理该证照。")
        if asked.grant is not None:
            asked.grant.demand("life", department=department or own or None)
        found = self.desk.transfers
        return found.consent(data, department or own or None, asked.who, reason=reason, changes=changes)

    def release(self, transfer_id: str, asked: Asked, reason: str, basis: str) -> TransferView:
        """转出."""
        self.get(transfer_id, asked, "life")
        return self.desk.transfers.release(transfer_id, asked.who, reason=reason, basis=basis)

    def decline(self, transfer_id: str, asked: Asked, reason: str) -> TransferView:
        """谢绝."""
        self.get(transfer_id, asked, "life")
        return self.desk.transfers.decline(transfer_id, asked.who, reason=reason)

    def issue(self, transfer_id: str, asked: Asked, changes: Mapping[str, object] | None) -> TransferView:
        """转入."""
        self.get(transfer_id, asked, "life")
        return self.desk.transfers.issue(transfer_id, asked.who, changes=changes)


def transfer_json(one: TransferView) -> dict[str, object]:
    """As the interface and the command line show it; papers are fetched by name."""
    return {
        "id": one.id,
        "direction": one.direction,
        "state": one.state,
        "region": one.region,
        "region_name": one.region_name,
        "licence_id": one.licence_id,
        "file_digest": one.file_digest,
        "type": one.type_code,
        "department": one.department,
        "successor": one.successor,
        "expires": rfc3339(one.expires),
        "created": rfc3339(one.created),
        "changed": rfc3339(one.changed),
        "unsent": one.unsent,
        "failure": one.failure,
        "papers": list(one.papers),
    }


def _reader(asked: Asked, scope: str) -> None:
    if asked.who.role not in READERS:
        raise Refused("licence.reader", "证照只供颁证部门的经办人、审计员和系统管理员查阅。")
    asked.demand(scope)
