"""地区事务: what the pages, the interface and the commands of regions ask, in one place."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from licence_store.regions.own import OwnEntry
from licence_store.regions.upward import Upward
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.journal import SYSTEM, Actor
from trust.trust_list import TrustList
from verify.report import rfc3339

if TYPE_CHECKING:
    from api.settings import Settings
    from licence_store.desk import Desk
    from licence_store.regions.models import UpwardLicence
    from licence_store.regions.publications import Publication

log = logging.getLogger("licence_trust.api")


@dataclass(frozen=True, slots=True)
class RegionOffice:
    """地区办理."""

    desk: Desk
    settings: Settings

    @property
    def own(self) -> OwnEntry:
        return OwnEntry(self.desk)

    @property
    def upward(self) -> Upward:
        return Upward(self.desk)

    @property
    def is_hub(self) -> bool:
        return self.settings.node_role == "hub"

    def demand_hub(self) -> None:
        """Raises ``Refused("region.not_hub")``."""
        if not self.is_hub:
            raise Refused(
                "region.not_hub",
                "本节点不是枢纽节点，不办理此事。",
                remedy="枢纽节点请设置 LICENCE_TRUST_NODE_ROLE=hub。",
            )

    def join(self, address: str, pin: str, actor: Actor) -> TrustList:
        """加入: the first list from ``address``, checked against ``pin``; then what the peers publish."""
        found = self.desk.trust_lists.fetch(list_address(address), self.desk.publications.fetcher, actor, pin=pin)
        self.desk.publications.refresh(force=True, catalogues=self.is_hub)
        return found

    def fetch(self, address: str, actor: Actor, *, peers: bool = True) -> TrustList:
        """取新: the newest list from ``address`` or the hub of the settings, and what the peers publish.

        Raises ``Refused("region.no_hub")`` and as ``ListKeeping.fetch``.
        """
        hub = address or self.settings.hub_url
        if not hub:
            raise Refused(
                "region.no_hub",
                "没有指明枢纽节点。",
                remedy="请给出 --hub，或设置 LICENCE_TRUST_HUB_URL。",
            )
        found = self.desk.trust_lists.fetch(list_address(hub), self.desk.publications.fetcher, actor)
        if peers:
            self.desk.publications.refresh(force=True, catalogues=self.is_hub)
        return found

    def state(self) -> dict[str, object]:
        """本节点和它的信任列表."""
        facts, found = self.desk.facts, self.desk.peers.state()
        said: dict[str, object] = {"region": facts.code, "name": facts.name, "role": self.settings.node_role}
        if found is None:
            return said
        return said | {
            "number": found.number,
            "digest": found.digest,
            "issued_at": rfc3339(found.issued_at),
            "next_update": rfc3339(found.next_update),
            "age_seconds": int(found.age.total_seconds()),
            "fresh": found.fresh,
        }

    def union_catalogue(self) -> dict[str, object]:
        """汇总目录 of a hub: every region's signed catalogue and its own. Raises ``Refused("region.not_hub")``."""
        self.demand_hub()
        types: dict[str, tuple[str, list[str]]] = {}
        regions: dict[str, str | None] = {peer.code: None for peer in self.desk.peers.list()}
        own = [(one.definition.code, one.definition.name) for one in self.desk.catalogue.entries()]
        told = [(self.desk.region.code, self.desk.clock(), own)]
        told += [
            (one.region, one.generated, [(str(t.get("code")), str(t.get("name"))) for t in one.types])
            for one in self.desk.publications.catalogues()
        ]
        for region, generated, named in told:
            regions[region] = rfc3339(generated)
            for code, name in named:
                types.setdefault(code, (name, []))[1].append(region)
        listed = [{"code": code, "name": name, "regions": where} for code, (name, where) in sorted(types.items())]
        return {"types": listed, "regions": regions}

    def regional_catalogue(self, region: str) -> bytes:
        """目录上报 of one region as it signed it, for nodes that look for who issues a type.

        Raises ``Refused("region.not_hub")``, ``NotFound("peer.no_catalogue")``.
        """
        self.demand_hub()
        return self.desk.publications.catalogue_data(region)

    def find_below(
        self, actor: Actor, purpose: str, *, holder_code: str = "", licence_id: str = "", region: str = ""
    ) -> list[UpwardLicence]:
        """下级证照, for somebody who says why; journalled. Raises ``Malformed("upward.*", "purpose.*")``."""
        if not purpose.strip():
            raise Malformed("purpose.missing", "读取个人信息应说明事由。")
        found = self.upward.find(holder_code=holder_code, licence_id=licence_id, region=region)
        subject = licence_id or region or "holder"
        details = {"count": str(len(found))}
        self.desk.journal.record(
            actor=actor, action="upward.read", subject=subject, reason=purpose[:500], details=details
        )
        return found

    def tend(self) -> None:
        """To be run now and then beside requests: list, peers, upward. Whoever is away is noted and asked again."""
        if self.settings.hub_url and self.desk.peers.believed() is not None:
            try:
                self.fetch("", SYSTEM, peers=False)
            except LicenceTrustError as error:
                log.warning("trust list not renewed: %s", error.code)
        if self.desk.peers.believed() is not None:
            self.desk.publications.refresh(catalogues=self.is_hub)
            try:
                self.upward.send()
            except LicenceTrustError as error:
                log.warning("nothing reported upward: %s", error.code)


def list_address(hub: str) -> str:
    """Where a hub publishes its trust list."""
    return f"{hub.rstrip('/')}/api/v1/trust-list" if "/api/" not in hub else hub


def list_facts(found: TrustList, now: datetime) -> dict[str, object]:
    """A list in words for an answer."""
    signers = {one.id for one in found.signers()}
    return {
        "name": found.name,
        "number": found.number,
        "digest": found.digest,
        "previous": found.previous or None,
        "issued_at": rfc3339(found.issued_at),
        "next_update": rfc3339(found.next_update),
        "fresh": found.is_fresh(now),
        "threshold": found.threshold,
        "keepers": [{"name": one.name, "certificate": one.id, "signed": one.id in signers} for one in found.keepers],
        "regions": [
            {
                "code": one.code,
                "name": one.name,
                "upper": one.upper or None,
                "left_at": rfc3339(one.left_at) if one.left_at else None,
                "anchors": len(one.anchors),
                "entitlements": [{"division": e.division, "types": sorted(e.types)} for e in one.entitlements],
                "endpoints": dict(one.endpoints),
                "request_keys": [key.id for key in one.request_keys],
            }
            for one in found.regions
        ],
    }


def peer_rows(office: RegionOffice) -> list[dict[str, object]]:
    """Each region of the list with how what it publishes fares."""
    known: dict[str, list[Publication]] = {}
    for one in office.desk.publications.all():
        known.setdefault(one.region, []).append(one)
    rows = []
    for peer in office.desk.peers.list():
        rows.append(
            {
                "code": peer.code,
                "name": peer.name,
                "own": peer.code == office.desk.region.code,
                "address": peer.entry.endpoints.get("api"),
                "entitlements": [{"division": e.division, "types": sorted(e.types)} for e in peer.entitlements],
                "left_at": rfc3339(peer.entry.left_at) if peer.entry.left_at else None,
                "publications": [_publication(one) for one in known.get(peer.code, [])],
            }
        )
    return rows


def _publication(one: Publication) -> dict[str, object]:
    return {
        "kind": one.kind,
        "address": one.address,
        "known_as_of": rfc3339(one.issued) if one.issued else None,
        "next_update": rfc3339(one.next_update) if one.next_update else None,
        "asked": rfc3339(one.asked) if one.asked else None,
        "failure": one.failure or None,
        "failing_since": rfc3339(one.failing_since) if one.failing_since else None,
    }
