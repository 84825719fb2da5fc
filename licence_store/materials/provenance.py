"""来历: the provenance graph of a material, and its export that proves itself (``verify.provenance``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from keys.signer import Signer
from licence_store.copying.models import CopyGrant
from licence_store.materials import events
from licence_store.materials.steps import unknown
from licence_store.materials.views import MaterialView
from seal.models import table
from trust.errors import LicenceTrustError, Malformed
from trust.signed import sign_document, write_moment
from verify.credibility import Credibility, Event, credibility_of, open_statement
from verify.provenance import Graph, export_payload, graph_of

if TYPE_CHECKING:
    from licence_store.materials.materials import Materials

_GRANTS = table(CopyGrant).c


@dataclass(frozen=True, slots=True)
class Provenance:
    """来历 of one item."""

    view: MaterialView
    held: events.Held
    copies: tuple[str, ...]
    """用证副本 drawn from it."""
    found: Credibility
    seal_object: Callable[[str, str], bytes]
    publisher: Callable[[], Signer]
    made: datetime

    @property
    def graph(self) -> Graph:
        return graph_of(self.held.birth, self.held.events, self.copies)

    def export(self) -> bytes:
        """Signed by the region's publisher; raises ``keys.*`` where that key cannot be had."""
        payload = export_payload(
            self.held.birth,
            self.held.events,
            {digest: self.seal_object(seal_id, digest) for seal_id, digest in self._seals()},
            self.found,
            self.view.state,
            self.copies,
            write_moment(self.made),
        )
        signer = self.publisher()
        return sign_document(payload, signer.sign, [signer.certificate.der])

    def _seals(self) -> set[tuple[str, str]]:
        return {found for event in self.held.events if (found := _seal_of(event)) is not None}


def build(materials: Materials, view: MaterialView) -> Provenance:
    """The history of an item with all that proves it."""
    copies = select(_GRANTS.copy_id).where(_GRANTS.source_kind == "material", _GRANTS.source_id == view.id)
    with materials.sessions.read() as session:
        held = events.look(session, view.id)
        drawn = tuple(session.execute(copies.order_by(_GRANTS.copy_id)).scalars())
    if held is None:
        raise unknown(view.id)
    found = credibility_of(held.birth, held.events, materials.statements())
    return Provenance(
        view, held, drawn, found, materials.seal_object, materials.publisher, materials.clock().replace(microsecond=0)
    )


def _seal_of(event: Event) -> tuple[str, str] | None:
    if not event.statement:
        return None
    try:
        statement = open_statement(event.statement)
    except (LicenceTrustError, Malformed):
        return None
    return statement.seal_id, statement.seal_digest
