"""换钥演练: what would break if a region's key were changed? Nothing is changed; the running nodes are only asked.

A successor of the region's authority for signers is made up, and with it a seal-maker's. Then three questions:

1. *Old documents*: would what this region sealed before still pass at its peers once the old key has ended? What passes
   only because its signing time is claimed, not proved, would not.
2. *New documents*: which running nodes would not know the new key when it comes into use, because they are silent, or
   hold an older list, another one, or one that has expired?
3. *The list itself*: do old and new overlap, is the list in force until then, are there keepers to sign the next?
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from keys.authority import INTERMEDIATE, SIGNER, CertificateAuthority, self_signed_root
from keys.software import SoftwareSigner, generate_key
from licence_store.models import Licence, LicenceVersion
from licence_store.regions.drafting import merge, next_list
from licence_store.regions.peers import Peer
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.entitlement import peer_store
from trust.errors import CheckFailed, LicenceTrustError, Refused
from trust.fetching import Exchange, Fetcher
from trust.i18n import N_
from trust.path import build_path
from trust.trust_list import RegionEntry, TrustList
from verify.report import Report
from verify.verifier import Verifier

if TYPE_CHECKING:
    from licence_store.desk import Desk

_ABROAD: Final = "000000"
"""The judge of a drill: a region that is nobody's."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """What would have broken."""

    what: str
    """``document``, ``node``, ``list``."""
    subject: str
    template: str
    params: dict[str, object]


@dataclass(frozen=True, slots=True)
class Drilled:
    """演练结果."""

    region: str
    begins: datetime
    """From here on the new key is in use."""
    ends: datetime
    """Up to here the old one is believed."""
    documents: int
    nodes: int
    breakages: tuple[Breakage, ...]


@dataclass(frozen=True, slots=True)
class RolloverDrill:
    """换钥演练 of the region this desk belongs to."""

    desk: Desk
    fetcher: Fetcher

    def run(self, begins: datetime, ends: datetime, *, sample: int = 20) -> Drilled:
        """Rehearse a change of the signers' authority. Raises ``Refused("trust_list.none", "drill.unlisted")``."""
        believed, code = self.desk.peers.believed(), self.desk.region.code
        if believed is None:
            raise Refused("trust_list.none", "本节点尚未加入任何信任列表。", remedy="请先用 region join 加入。")
        entry = believed.region(code)
        if entry is None:
            raise Refused("drill.unlisted", "信任列表中没有本地区，无从演练换钥。")
        rehearsed, leaf = self._rehearsed(believed, entry, begins, ends)
        found = list(self._of_list(believed, begins, ends))
        documents, broken = self._of_documents(rehearsed, ends, sample)
        nodes, away = self._of_nodes(believed, begins)
        found += [*broken, *away, *self._of_new_key(believed, rehearsed, leaf, begins)]
        return Drilled(code, begins, ends, documents, nodes, tuple(found))

    def _rehearsed(
        self, believed: TrustList, entry: RegionEntry, begins: datetime, ends: datetime
    ) -> tuple[TrustList, SoftwareSigner]:
        """The next list as it would be: the successors stand beside the old anchors, which end at ``ends``."""
        start, stop = begins - timedelta(hours=1), begins + timedelta(days=3650)
        root_key = generate_key()
        subject = {"country_name": "CN", "organization_name": self.desk.region.name, "common_name": "换钥演练 DRILL"}
        root = SoftwareSigner(self_signed_root(subject, root_key, start, stop), root_key, "drill-root")
        authorities = CertificateAuthority(root)
        key = generate_key()
        named = {**subject, "common_name": "换钥演练签章人证书机构 DRILL"}
        certificate = authorities.issue(named, key.public_key, INTERMEDIATE, start, stop)
        authority = SoftwareSigner(certificate, key, "drill-ca")
        purposes = frozenset({Purpose.SIGNER, Purpose.SEAL_MAKER})
        leaf_key = generate_key()
        leaf = CertificateAuthority(authority).issue(
            {**subject, "common_name": "换钥演练签章人 DRILL"},
            leaf_key.public_key,
            SIGNER,
            start,
            begins + timedelta(days=365),
        )
        kept = tuple(one for one in entry.anchors if not one.purposes & purposes)
        after = replace(entry, anchors=(*kept, TrustAnchor(certificate, purposes, begins)))
        changed = merge(entry, after, ends)
        regions = tuple(changed if one.code == entry.code else one for one in believed.regions)
        draft = next_list(believed, self.desk.clock(), max(ends - self.desk.clock(), timedelta(0)) + timedelta(days=30))
        return replace(draft, regions=regions), SoftwareSigner(leaf, leaf_key, "drill-signer")

    # ------------------------------------------------------------ the list

    def _of_list(self, believed: TrustList, begins: datetime, ends: datetime) -> list[Breakage]:
        found, now = [], self.desk.clock()
        if ends <= begins:
            template = N_("没有重叠期：旧密钥在新密钥启用（{begins}）之前就到期，其间所签不被采信。")
            found.append(Breakage("list", believed.name, template, {"begins": begins.isoformat()}))
        if believed.next_update < begins:
            template = N_("现用的第 {number} 号列表在新密钥启用之前（{until}）就到期，须先发布新的列表。")
            words: dict[str, object] = {"number": believed.number, "until": believed.next_update.isoformat()}
            found.append(Breakage("list", believed.name, template, words))
        able = [one for one in believed.keepers if one.may_sign(max(now, begins - timedelta(days=1)))]
        if len(able) < believed.threshold:
            template = N_("届时只有 {count} 名管理人的密钥可用，不足 {threshold} 名，无法会签新列表。")
            words = {"count": len(able), "threshold": believed.threshold}
            found.append(Breakage("list", believed.name, template, words))
        return found

    # ------------------------------------------------------------ documents sealed with the old key

    def _of_documents(self, rehearsed: TrustList, ends: datetime, sample: int) -> tuple[int, list[Breakage]]:
        """The newest licences, judged as a peer would: today, and an hour after the old key's end."""
        own, later = self.desk.trust(), ends + timedelta(hours=1)
        lasting = tuple(replace(one, next_update=later + timedelta(days=1)) for one in own.crls)  # renewed until then
        store = own.changed(region=_ABROAD, trust_list=rehearsed, crls=lasting)
        newest = (LicenceVersion.base == Licence.base) & (LicenceVersion.version == Licence.version)
        query = select(LicenceVersion.licence_id, LicenceVersion.file_digest).join(Licence, newest)
        query = query.where(Licence.state == "CURRENT").order_by(Licence.place.desc()).limit(sample)
        with self.desk.sessions.read() as session:
            rows = session.execute(query).all()
        found: list[Breakage] = []
        today = self.desk.clock()
        for licence_id, digest in rows:
            data = self.desk.files.get(digest)
            before, after = self._judged(store, data, today), self._judged(store, data, later)
            if before.indication.rank < after.indication.rank:
                why = next((f.code for f in _all(after) if f.indication.rank == after.indication.rank), "-")
                template = N_("证照 {subject} 在旧密钥到期后不再通过（{reason}）：请重新盖章或补时间戳。")
                found.append(Breakage("document", licence_id, template, {"subject": licence_id, "reason": why}))
        return len(rows), found

    def _judged(self, store: TrustStore, data: bytes, at: datetime) -> Report:
        return Verifier(store, lambda: at).verify(data)

    # ------------------------------------------------------------ the running nodes

    def _of_nodes(self, believed: TrustList, begins: datetime) -> tuple[int, list[Breakage]]:
        """Who would not have heard of the new key in time?"""
        peers = [one for one in self.desk.peers.list() if one.code != self.desk.region.code]
        found = []
        for peer in peers:
            broken = self._of_node(peer, believed, begins)
            if broken is not None:
                found.append(broken)
        return len(peers), found

    def _of_node(self, peer: Peer, believed: TrustList, begins: datetime) -> Breakage | None:
        words: dict[str, object] = {"name": peer.name}
        try:
            said = self._asked(peer)
            number, fresh = said.get("number"), said.get("fresh")
        except LicenceTrustError as error:
            template = N_("地区“{name}”的节点没有应答（{reason}）：它不会知道新密钥，新签的证照在那里不被采信。")
            return Breakage("node", peer.code, template, {**words, "reason": error.code})
        if not isinstance(number, int):
            template = N_("地区“{name}”的节点没有信任列表：新签的证照在那里不被采信。")
            return Breakage("node", peer.code, template, words)
        if number < believed.number:
            template = N_("地区“{name}”的节点还停在第 {number} 号列表（现为第 {ours} 号）：它没有按时取新。")
            return Breakage("node", peer.code, template, {**words, "number": number, "ours": believed.number})
        if number == believed.number and said.get("digest") != believed.digest:
            template = N_("地区“{name}”的节点持有另一份第 {number} 号列表（分叉）。")
            return Breakage("node", peer.code, template, {**words, "number": number})
        if fresh is not True:
            template = N_("地区“{name}”的节点的信任列表已到期。")
            return Breakage("node", peer.code, template, words)
        return None

    def _asked(self, peer: Peer) -> dict[str, Any]:
        data = self.fetcher.fetch(Exchange(f"{peer.endpoint('api')}/region", accept="application/json", limit=65536))
        try:
            found = json.loads(data)
        except ValueError as error:
            raise Refused("drill.answer", "节点的应答无法读取。") from error
        return found if isinstance(found, dict) else {}

    # ------------------------------------------------------------ the new key

    def _of_new_key(
        self, believed: TrustList, rehearsed: TrustList, leaf: SoftwareSigner, begins: datetime
    ) -> list[Breakage]:
        """Under today's list the new key must fail, under the rehearsed one it must hold: else the drill lies."""
        found, code = [], self.desk.region.code
        moment = begins + timedelta(minutes=1)
        if self._holds(believed, leaf, moment):
            template = N_("现用的列表已经相信演练用的密钥，演练结果不可信。")
            found.append(Breakage("list", code, template, {}))
        if not self._holds(rehearsed, leaf, moment):
            template = N_("新密钥在启用时（{begins}）不能按新列表建立证书路径。")
            found.append(Breakage("list", code, template, {"begins": begins.isoformat()}))
        return found

    def _holds(self, trust_list: TrustList, leaf: SoftwareSigner, moment: datetime) -> bool:
        store = peer_store(TrustStore(region=_ABROAD, trust_list=trust_list), self.desk.region.code)
        assert store is not None
        try:
            build_path(leaf.certificate, store, Purpose.SIGNER, moment)
        except CheckFailed:
            return False
        return True


def _all(report: Report) -> list[Any]:
    return [*(f for s in report.signatures for f in s.findings), *report.findings]
