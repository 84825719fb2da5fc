"""离线信任包: all a verifier without a network needs, of this region and of all its peers, in one signed file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from licence_store.regions.models import PeerEvidence
from trust.anchors import TrustStore
from trust.errors import LicenceTrustError
from trust.status_list import StatusList, load_status_list

if TYPE_CHECKING:
    from licence_store.desk import Desk


def federated_store(desk: Desk) -> TrustStore | None:
    """Our material, the trust list, the peers' and both sides' status lists; ``None`` where there is no trust list."""
    store = desk.peers.trust_store_with_peers()
    if store.trust_list is None:
        return None
    own = [load_status_list(desk.status_lists.publish(one)) for one in desk.status_lists.lists()]
    return store.changed(status_lists=(*own, *_peers_lists(desk)))


def _peers_lists(desk: Desk) -> tuple[StatusList, ...]:
    """The newest got from each peer; whoever reads the bundle judges their age."""
    query = select(PeerEvidence.data).where(PeerEvidence.kind == "status_list", PeerEvidence.digest != "")
    with desk.sessions.read() as session:
        rows = session.execute(query.order_by(PeerEvidence.address)).scalars().all()
    found = []
    for data in rows:
        try:
            found.append(load_status_list(data))
        except LicenceTrustError:
            continue
    return tuple(found)
