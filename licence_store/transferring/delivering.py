"""转移文书的送达: to the other region's interface, again until it has it (job ``transfer-delivery``)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from licence_store.jobs.context import JobContext
from licence_store.jobs.running import pause_after
from licence_store.transferring.models import Transfer, TransferPaper
from trust.errors import LicenceTrustError
from trust.fetching import Exchange

if TYPE_CHECKING:
    from licence_store.desk import Desk

log = logging.getLogger("licence_trust.transfers")
_FIRST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=1)


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``transfer-delivery``: whatever is due."""
    desk, sent, failed = context.desk, 0, 0
    waiting = select(Transfer.id).where(Transfer.unsent != "", Transfer.due <= desk.clock()).limit(200)
    with desk.sessions.read() as session:
        due = list(session.execute(waiting.order_by(Transfer.due)).scalars())
    for transfer_id in due:
        if context.stopped():
            break
        done = deliver(desk, transfer_id)
        sent, failed = sent + done, failed + (not done)
    return {"sent": sent, "failed": failed}


def deliver(desk: Desk, transfer_id: str) -> bool:
    """One try, if there is anything to be sent. Never raises; a refusal stands with the transfer."""
    with desk.sessions.read() as session:
        row = session.get(Transfer, transfer_id)
        paper = session.get(TransferPaper, (transfer_id, row.unsent)) if row is not None and row.unsent else None
        if row is None or paper is None:
            return True
        region, kind, data, digest, attempts = row.region, row.unsent, paper.data, paper.digest, row.attempts
    try:
        address = f"{desk.peers.region(region).endpoint('api')}/transfer-papers"
        key = (("Idempotency-Key", digest),)
        exchange = Exchange(address, data, "application/json", "application/json", headers=key)
        desk.publications.fetcher.fetch(exchange)
    except LicenceTrustError as error:
        log.info("transfer %s: %s not delivered (%s)", transfer_id, kind, error.code)
        due = desk.clock() + pause_after(attempts + 1, _FIRST, _LONGEST)
        values: dict[str, Any] = {"attempts": attempts + 1, "failure": error.code[:64], "due": due}
    else:
        values = {"unsent": "", "failure": "", "due": None, "attempts": attempts + 1}
    mine = update(Transfer).where(Transfer.id == transfer_id, Transfer.unsent == kind)
    with desk.sessions.begin() as session:
        session.execute(mine.values(values))
    return not values["failure"]
