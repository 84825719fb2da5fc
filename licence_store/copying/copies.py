"""副本登记: what is on record of copies; questions only. The verifier's ``CopySource``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from licence_store.copying import grants, links, uses
from licence_store.copying.grants import CopyState, CopyView
from licence_store.copying.links import LinkView
from licence_store.copying.uses import RefusalView, UseView
from seal.database import Sessions
from verify.policy import CopyStatus


@dataclass(frozen=True, slots=True)
class CopyHistory:
    """副本经过: the copy with its links, uses and refusals, each newest first."""

    view: CopyView
    links: Sequence[LinkView]
    uses: Sequence[UseView]
    refusals: Sequence[RefusalView]


@dataclass(frozen=True, slots=True)
class Copies:
    """副本登记."""

    sessions: Sessions

    def copy_status(self, copy_id: str, moment: datetime, region: str = "") -> CopyStatus | None:
        """副本状态 at ``moment``; ``None``: not made here. Implements ``verify.policy.CopySource``.

        That a copy's time is over its terms say themselves. A copy of a material that was refused or deleted since
        counts as taken back: there is no register of materials to ask.
        """
        with self.sessions.read() as session:
            found = grants.find_or_none(session, copy_id, moment=moment)
            if found is None:
                return None
            withdrawn = found.source_kind == "material" and _withdrawn(session, found.source_id, moment)
        state = CopyState.REVOKED if withdrawn else found.state(moment)
        told = state if state in (CopyState.REVOKED, CopyState.USED_UP) else CopyState.ACTIVE
        since = found.revoked if state is CopyState.REVOKED else found.made
        return CopyStatus(str(told), found.used, found.uses, (found.digest,), since)

    def has(self, copy_id: str) -> bool:
        """Was it made here?"""
        with self.sessions.read() as session:
            return grants.find_or_none(session, copy_id) is not None

    def find(self, copy_id: str) -> CopyView:
        """Raises ``NotFound("copy.unknown")``."""
        with self.sessions.read() as session:
            return grants.find(session, copy_id)

    def history(self, copy_id: str) -> CopyHistory:
        """Raises ``NotFound("copy.unknown")``."""
        with self.sessions.read() as session:
            return CopyHistory(
                grants.find(session, copy_id),
                links.of_copy(session, copy_id),
                uses.uses_of(session, copy_id),
                uses.refusals_of(session, copy_id),
            )

    def of_holder(
        self,
        holder_code: str,
        *,
        types: Collection[str] | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> tuple[CopyView, ...]:
        """A holder's copies (``types``: only of these licence types), newest first, from the one after ``after``."""
        with self.sessions.read() as session:
            return grants.of_holder(session, holder_code, types=types, after=after, limit=limit)


def _withdrawn(session: Session, material_id: str, moment: datetime) -> bool:
    """Had the material been refused by an officer or deleted by then?"""
    from licence_store.materials import events
    from licence_store.materials.views import DELETED, REFUSED

    happened = events.events_of(session, [material_id]).get(material_id, [])
    return events.state_of([one for one in happened if one.at <= events.written(moment)]) in (REFUSED, DELETED)
