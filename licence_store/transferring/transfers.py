"""证照转移: a licence goes to another region; there are never two in force, and never none without a promise.

    in.consent(file, department, officer)      # the receiving region promises (接收函)
    out.receive(consent); out.release(id, …)   # the issuing region ends its licence for that region alone (转出函)
    in.receive(release); in.issue(id, …)       # the successor, whose message names the file it follows (转入)
    out.receive(receipt)                       # the old register knows the successor

Who promises has first checked all that could stop the issue: the original by trust list and entitlement, its own
right, the record. Each act may be repeated: it answers what was done. Papers travel by HTTP or by hand, in any number
of copies, and are refused when they do not fit what went before.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from licence_store.life import check_reason
from licence_store.lifecycle import check_role
from licence_store.sharing.comparing import message_in
from licence_store.transferring import arriving
from licence_store.transferring.models import Transfer
from licence_store.transferring.papers import (
    CONSENT,
    DECLINE,
    LIFE,
    RECEIPT,
    RELEASE,
    demand_fresh_list,
    read_paper,
    write_paper,
)
from licence_store.transferring.receiving import Receiving, shared
from licence_store.transferring.records import (
    COMPLETED,
    CONSENTED,
    DECLINED,
    IN,
    LICENCE,
    OUT,
    RELEASED,
    TransferView,
    demand_state,
    move,
    unknown,
)
from seal.lifecycle import Official
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Refused
from trust.signed import write_moment


@dataclass(frozen=True, slots=True)
class Transfers(Receiving):
    """证照转移."""

    # ------------------------------------------------------------ the receiving region

    def consent(
        self,
        data: bytes,
        department: str | None,
        who: Official,
        *,
        reason: str,
        changes: Mapping[str, object] | None = None,
    ) -> TransferView:
        """同意接收 the licence whose file is ``data``; ``changes``: what its successor will say otherwise.

        The same file again answers the same consent while it counts. Raises ``Refused("transfer.original",
        "transfer.same_region", "transfer.not_entitled", "transfer.holder_changed", "transfer.period", "licence.role",
        "licence.reason_missing", "grant.*", "type.retired", "trust_list.none")``, ``Malformed("record.*")``.
        """
        desk = self.desk
        with self._journalled("consent", f"sm3:{sm3(data).hex()}", who, reason):
            check_role("issue", who.role)
            check_reason("renew", reason)
            demand_fresh_list(desk, desk.clock())
            message = message_in(data)
            original = arriving.check_original(desk, data, message)
            facts = original.message.metadata
            right = arriving.right_for(desk, facts["type_code"], department or who.actor.department)
            self._demand_entitled(desk.region.code, right.department_code, facts["type_code"])
            arriving.application(
                desk, original.message, right.department_id, who.actor, changes or {}, follows=original.digest,
                transfer_id="", reason=reason,
            )  # fmt: skip
            before = self._open_consent(original.licence_id, original.digest, right.department_id)
            if before is not None:
                return self.get(before)
            now, transfer_id = desk.clock(), f"tr-{secrets.token_hex(12)}"
            peer = desk.peers.region(original.region)
            paper = write_paper(
                desk,
                CONSENT,
                {
                    "id": transfer_id,
                    "from": original.region,
                    "to": desk.region.code,
                    "licence_id": original.licence_id,
                    "file_digest": original.digest,
                    "type_code": facts["type_code"],
                    "department_name": right.department_name,
                    "department_code": right.department_code,
                    "expires": write_moment(now + LIFE),
                },
            )
            with desk.sessions.begin() as session:
                self._add(session, IN, paper, peer.name, right.department_id, now, json.dumps(dict(changes or {})))
                self._keep(session, transfer_id, LICENCE, original.digest, data, who.actor, now)
                self._paper(session, transfer_id, paper, who.actor, now)
                self._note(session, "consent", who.actor, transfer_id, reason, original.licence_id)
        return self.send(transfer_id)

    def issue(self, transfer_id: str, who: Official, *, changes: Mapping[str, object] | None = None) -> TransferView:
        """转入: issue the successor of what was released to us, and the receipt; again: what was issued.

        Raises ``Refused("transfer.state", "transfer.original", "licence.department", …)``,
        ``Unavailable("transfer.not_shown")`` while the other region's own list does not show it as gone, and as
        issuing does.
        """
        desk = self.desk
        with self._journalled("transfer_in", transfer_id, who, ""):
            check_role("issue", who.role)
            with desk.sessions.read() as session:
                row = self._row(session, transfer_id, IN)
                kept = self._papers(session, transfer_id)
            self._demand_own(row, who)
            if row.state == COMPLETED:
                return self.get(transfer_id)
            demand_state(row, RELEASED)
            data = kept[LICENCE].data
            message = arriving.check_released(desk, data, row.file_digest)
            wanted = {**json.loads(row.changes), **(changes or {})}
            application = arriving.application(
                desk, message, row.department_id, who.actor, wanted, follows=row.file_digest,
                transfer_id=transfer_id, reason=f"自 {row.region} 转入（{transfer_id}）",
            )  # fmt: skip
            issued = arriving.issue(desk, application)
            now = desk.clock()
            release = read_paper(kept[RELEASE].data)
            paper = write_paper(
                desk,
                RECEIPT,
                {
                    **shared(release),
                    "release": release.digest,
                    "successor": issued.licence_id,
                    "successor_digest": issued.file_digest,
                },
            )
            with desk.sessions.begin() as session:
                held = self._row(session, transfer_id, IN, hold=True)
                if held.state == RELEASED:  # else somebody else was as quick; the licence is the same
                    held.successor, held.successor_digest = issued.licence_id, issued.file_digest
                    move(held, COMPLETED, now, unsent=RECEIPT)
                    self._paper(session, transfer_id, paper, who.actor, now)
                    self._note(session, "transfer_in", who.actor, transfer_id, "", issued.licence_id)
        return self.send(transfer_id)

    # ------------------------------------------------------------ the region that issued it

    def release(self, transfer_id: str, who: Official, *, reason: str, basis: str = "") -> TransferView:
        """转出: our licence ends as TRANSFERRED, for the region that consented; again: what was done.

        Raises ``Refused("transfer.state", "transfer.expired", "transfer.not_entitled", "transfer.changed",
        "licence.*")``, ``Conflict``.
        """
        desk, now = self.desk, self.desk.clock()
        with self._journalled("release", transfer_id, who, reason):
            with desk.sessions.read() as session:
                row = self._row(session, transfer_id, OUT)
                kept = self._papers(session, transfer_id)
            self._demand_own(row, who)
            if row.state in (RELEASED, COMPLETED):
                return self.get(transfer_id)
            demand_state(row, CONSENTED)
            consent = read_paper(kept[CONSENT].data)
            self._check_consent(consent, now)

            def with_it(session: Session) -> None:
                held = self._row(session, transfer_id, OUT, hold=True)
                demand_state(held, CONSENTED)
                self._demand_newest(session, consent)
                facts = {
                    **shared(consent),
                    "consent": consent.digest,
                    "effective": write_moment(now),
                    "reason": reason.strip(),
                    "basis": basis.strip(),
                }
                self._paper(session, transfer_id, write_paper(desk, RELEASE, facts), who.actor, now)
                move(held, RELEASED, now, unsent=RELEASE)

            stated = f"{basis.strip()} 转往 {row.region}（{transfer_id}）".strip()
            try:
                desk.life.take(row.licence_id, "transfer_out", who, reason=reason, basis=stated, also=with_it)
            except Refused:
                if self.get(transfer_id).state in (RELEASED, COMPLETED):  # somebody else was as quick
                    return self.get(transfer_id)
                raise
        return self.send(transfer_id)

    def decline(self, transfer_id: str, who: Official, *, reason: str) -> TransferView:
        """谢绝: the licence stays. Raises ``Refused("transfer.state", "licence.reason_missing")``."""
        desk = self.desk
        with self._journalled("decline", transfer_id, who, reason):
            check_role("transfer_out", who.role)
            check_reason("transfer_out", reason)
            with desk.sessions.begin() as session:
                row = self._row(session, transfer_id, OUT, hold=True)
                self._demand_own(row, who)
                if row.state == DECLINED:
                    return self.get(transfer_id)
                demand_state(row, CONSENTED)
                consent, now = read_paper(self._papers(session, transfer_id)[CONSENT].data), desk.clock()
                facts = {**shared(consent), "consent": consent.digest, "reason": reason.strip()}
                self._paper(session, transfer_id, write_paper(desk, DECLINE, facts), who.actor, now)
                move(row, DECLINED, now, unsent=DECLINE)
                self._note(session, "decline", who.actor, transfer_id, reason, row.licence_id)
        return self.send(transfer_id)

    # ------------------------------------------------------------ sending

    def send(self, transfer_id: str) -> TransferView:
        """送达 what the other region lacks, if it can be reached now; otherwise it is sent later."""
        from licence_store.transferring.delivering import deliver

        deliver(self.desk, transfer_id)
        return self.get(transfer_id)

    # ------------------------------------------------------------ inside

    def _open_consent(self, licence_id: str, digest: str, department: str) -> str | None:
        query = select(Transfer.id).where(
            Transfer.licence_id == licence_id,
            Transfer.file_digest == digest,
            Transfer.direction == IN,
            Transfer.department_id == department,
            or_(Transfer.state != CONSENTED, Transfer.expires > self.desk.clock()),
            Transfer.state != DECLINED,
        )
        with self.desk.sessions.read() as session:
            return session.execute(query.order_by(Transfer.created).limit(1)).scalar()

    def _demand_own(self, row: Transfer, who: Official) -> None:
        if who.actor.department not in (None, "", row.department_id):
            raise unknown(row.id)

    @contextmanager
    def _journalled(self, step: str, subject: str, who: Official, reason: str) -> Iterator[None]:
        """What is refused or fails is written down, with its code."""
        try:
            yield
        except LicenceTrustError as error:
            action = f"transfer.{step}"
            self.desk.journal.failed(error, actor=who.actor, action=action, subject=subject[:200], reason=reason[:500])
            raise
