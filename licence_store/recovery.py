"""重启恢复: what a crash left half-done is completed or made void; nothing is lost, nothing is doubled.

Run at each start, and harmless at any time: whoever finishes a reservation first wins, and files that no
record names are swept only when they have lain for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from licence_store import reserving
from licence_store.files import upkeep
from licence_store.issuance import Issuer
from licence_store.reserving import IssuedLicence, Reservation
from trust.errors import LicenceTrustError, Unavailable
from trust.journal import SYSTEM


@dataclass(frozen=True, slots=True)
class Recovery:
    """恢复结果."""

    completed: tuple[IssuedLicence, ...]
    voided: tuple[str, ...]
    """Licence ids never to be used."""
    waiting: tuple[str, ...]
    """Still reserved, because a key, the time stamp or the disk is away; the next start tries again."""
    swept: int
    """Files removed that no record names."""


def recover(issuer: Issuer, *, older_than: timedelta = timedelta(0), sweep_after: float | None = 3600.0) -> Recovery:
    """Finish or void every reservation older than ``older_than``; sweep files older than ``sweep_after`` seconds."""
    completed: list[IssuedLicence] = []
    voided: list[str] = []
    waiting: list[str] = []
    before = issuer.clock() - older_than
    while some := [r for r in _open(issuer, before, len(waiting) + 64) if r.licence_id not in waiting]:
        for reservation in some:
            outcome = _finish(issuer, reservation)
            if isinstance(outcome, IssuedLicence):
                completed.append(outcome)
            else:
                (waiting if isinstance(outcome, Unavailable) else voided).append(reservation.licence_id)
    swept = 0
    if sweep_after is not None and issuer.files.swept_at_start:
        swept = upkeep.sweep(issuer.files, issuer.sessions, older_than=sweep_after)
    return Recovery(tuple(completed), tuple(voided), tuple(waiting), swept)


def _open(issuer: Issuer, before: datetime, limit: int) -> list[Reservation]:
    with issuer.sessions.read() as session:
        return reserving.open_reservations(session, before=before, limit=limit)


def _finish(issuer: Issuer, reservation: Reservation) -> IssuedLicence | LicenceTrustError:
    """Complete, or void: ``produce`` voids what it cannot draw or seal; what it cannot even read is void too."""
    try:
        return issuer.complete(reservation)
    except Unavailable as error:
        return error
    except LicenceTrustError as error:
        issuer.void(reservation, error.code, SYSTEM)
        return error
