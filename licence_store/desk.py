"""签发台: everything needed to issue and to look up, built from a region's folder.

The service, the commands and each process of a batch build one; what it opens it keeps: keys, seals,
prepared faces, trust material, which it renews by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from keys.signer import Timestamper
from licence_store.cabinet import SealCabinet
from licence_store.catalogue import Catalogue
from licence_store.catalogue_life import CatalogueLife
from licence_store.changes import ChangeFeed
from licence_store.collection.sources import Sources
from licence_store.comparing import Comparer
from licence_store.copying.copies import Copies
from licence_store.files import FileStore, open_store
from licence_store.holding.accounts import HolderAccounts
from licence_store.holding.closing import Closing, ClosingPart
from licence_store.holding.delegation import Delegations
from licence_store.issuance import Issuer
from licence_store.jobs.queue import Jobs
from licence_store.journal import SQLJournal
from licence_store.ledger.ledger import Ledger
from licence_store.ledger.witness import LedgerWitness
from licence_store.life import LicenceLife
from licence_store.notices.addresses import NoticeSettings
from licence_store.notices.outbox import Outbox
from licence_store.region import Region
from licence_store.regions.keeping import ListKeeping
from licence_store.regions.peers import Peers
from licence_store.regions.publications import Publications
from licence_store.register import Register
from licence_store.resealing import Resealer
from licence_store.reserving import RegionFacts
from licence_store.revising import Reviser
from licence_store.search import LicenceSearch
from licence_store.sharing.callers import Callers
from licence_store.stamping import Stamper
from licence_store.status_list import StatusPublisher
from licence_store.uploads.quota import UploadSettings
from seal.database import Sessions
from seal.register import SealRegister
from seal.sealing import Sealer, SealingMaterial
from seal.status import SealStatusPublisher
from trust.anchors import TrustStore
from trust.errors import LicenceTrustError
from trust.fetching import HTTPFetcher
from verify.verifier import Verifier

if TYPE_CHECKING:
    from licence_store.archive_bag.service import Bags
    from licence_store.archiving import Archiver
    from licence_store.collection.collector import Collector
    from licence_store.collection.quality import Quality
    from licence_store.collection.quarantine import Quarantine
    from licence_store.conversion import Converter
    from licence_store.copying.copier import Copier
    from licence_store.crossing.copies import CopiesElsewhere
    from licence_store.crossing.guide import Guide
    from licence_store.disputes.disputes import Disputes
    from licence_store.eventing.subscriptions import Subscriptions
    from licence_store.materials.materials import Materials
    from licence_store.presenting.presenter import Presenter
    from licence_store.sharing.operations import Sharing
    from licence_store.transferring.transfers import Transfers
    from licence_store.uploads.service import Uploads
    from licence_store.uploads.vault import Vault

_LOOK_AGAIN = 60.0
"""Seconds after which trust material is looked at again."""


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class DeskSettings:
    """What a desk needs to know besides the region's folder. Can be sent to another process."""

    directory: Path
    database_url: str = ""
    """Empty: the SQLite file in the folder."""
    base_url: str = "http://localhost:8000"
    """Public address, printed into QR codes."""
    passphrase: str = field(default="", repr=False)
    timestamp_urls: tuple[str, ...] = ()
    """Outside time-stamp authorities, the preferred one first; empty: our own."""
    custodian: str = "file"
    """密钥保管者 of the signers' keys."""
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    files_url: str = ""
    """Where sealed files are kept: ``s3://…``; empty: in the folder."""
    uploads: UploadSettings = field(default_factory=UploadSettings)
    hub_url: str = ""
    """枢纽节点: where the regions' catalogues can be had from in one place; empty: of each region."""
    durable: bool = True
    """False leaves out the flush to disk; for tests only."""


@dataclass(frozen=True)
class Desk:
    """签发台."""

    settings: DeskSettings
    region: Region
    sessions: Sessions
    clock: Callable[[], datetime]

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.sessions, self.clock)

    @cached_property
    def catalogue_life(self) -> CatalogueLife:
        """目录编制."""
        return CatalogueLife(self.catalogue)

    @cached_property
    def copies(self) -> Copies:
        """副本登记."""
        return Copies(self.sessions)

    def copy_seal(self) -> SealingMaterial:
        """证照副本专用章 of this node. Raises ``Refused("copy.no_seal")`` and as ``material`` does."""
        from licence_store.copying.node_seal import demand_copy_seal

        return self.material(demand_copy_seal(self.region, self.catalogue, self.seal_register, self.clock()))

    @cached_property
    def copier(self) -> Copier:
        """用证."""
        from licence_store.copying.copier import Copier

        return Copier(self)

    @cached_property
    def journal(self) -> SQLJournal:
        return SQLJournal(self.sessions, self.clock, self.witness)

    @cached_property
    def ledger(self) -> Ledger:
        """用证记录."""
        signer = partial(self.region.keyring.signer, "publisher")
        return Ledger(self.sessions, self.clock, signer, self.region.code)

    @cached_property
    def witness(self) -> LedgerWitness:
        """见证: notes in the holders' ledgers what the journal tells."""
        return LedgerWitness(self.ledger)

    @cached_property
    def presenter(self) -> Presenter:
        """亮证台."""
        from licence_store.presenting.presenter import Presenter

        return Presenter(self.sessions, self.register, self.ledger, self.clock)

    @cached_property
    def disputes(self) -> Disputes:
        """异议办理."""
        from licence_store.disputes.disputes import Disputes

        return Disputes(self.sessions, self.register, self.ledger, self.notices, self.clock)

    @cached_property
    def files(self) -> FileStore:
        """证照文件库."""
        return open_store(self.settings.files_url, self.region.directory / "files", durable=self.settings.durable)

    @cached_property
    def vault(self) -> Vault:
        """加密文件库: what only this region can read."""
        from licence_store.uploads.vault import Vault

        return Vault(self.files, self.region.masters, self.settings.uploads.cipher)

    @cached_property
    def uploads(self) -> Uploads:
        """上传."""
        from licence_store.uploads.scanning import open_scanner
        from licence_store.uploads.service import Uploads

        scanner = open_scanner(self.settings.uploads.scanner)
        return Uploads(self.sessions, self.vault, self.verifier, self.clock, self.settings.uploads.quota, scanner)

    @cached_property
    def bags(self) -> Bags:
        """办件归档."""
        from licence_store.archive_bag.service import Bags

        return Bags(self)

    @cached_property
    def jobs(self) -> Jobs:
        """任务队列."""
        return Jobs(self.sessions, self.clock)

    @cached_property
    def notices(self) -> Outbox:
        """通知发件箱."""
        signer = partial(self.region.keyring.signer, "request")
        return Outbox(self.sessions, self.clock, self.jobs, self.settings.notices, self.region.masters, signer)

    @cached_property
    def holders(self) -> HolderAccounts:
        """用户账号."""
        return HolderAccounts(self.sessions, self.clock)

    @cached_property
    def closing(self) -> Closing:
        """注销账号."""
        return Closing(self.sessions, self.delegations, self._personal_parts, self.clock)

    def _personal_parts(self) -> tuple[ClosingPart, ...]:
        return self.copier, self.presenter, self.materials, self.uploads

    @cached_property
    def delegations(self) -> Delegations:
        """授权."""
        return Delegations(self.sessions, self.clock)

    @cached_property
    def sources(self) -> Sources:
        """来源登记."""
        return Sources(self.sessions, self.catalogue, self.clock)

    @cached_property
    def collector(self) -> Collector:
        """归集."""
        from licence_store.collection.collector import Collector

        return Collector(self)

    @cached_property
    def quarantine(self) -> Quarantine:
        """隔离区."""
        from licence_store.collection.quarantine import Quarantine

        return Quarantine(self.sessions, self.catalogue, self.clock)

    @cached_property
    def quality(self) -> Quality:
        """数据质量."""
        from licence_store.collection.quality import Quality

        return Quality(self.sessions, self.catalogue, self.clock)

    @cached_property
    def register(self) -> Register:
        return Register(self.sessions, self.files, self.clock)

    @cached_property
    def search(self) -> LicenceSearch:
        """检索."""
        return LicenceSearch(self.sessions, self.clock)

    @cached_property
    def changes(self) -> ChangeFeed:
        """变更推送."""
        return ChangeFeed(self.sessions)

    @cached_property
    def comparer(self) -> Comparer:
        """真伪核对."""
        return Comparer(self.register, self.search, self.catalogue, self.clock)

    @cached_property
    def facts(self) -> RegionFacts:
        region = self.region
        return RegionFacts(region.code, region.name, self.settings.base_url, region.demonstration)

    @cached_property
    def issuer(self) -> Issuer:
        """签发; opening the time stamp's key. Raises ``keys.*`` where the keys cannot be had."""
        return Issuer(
            sessions=self.sessions,
            catalogue=self.catalogue,
            files=self.files,
            facts=self.facts,
            seals=self.seals,
            sealer=Sealer(self.timestamper, self.clock),
            verifier=self.own_verifier,
            clock=self.clock,
        )

    @cached_property
    def timestamper(self) -> Timestamper:
        """时间戳 on what is sealed: outside authorities where any are named, else our own."""
        if not self.settings.timestamp_urls:
            return self.region.timestamper(self.clock)
        from keys.remote import RemoteTimestamper

        fetcher = HTTPFetcher(allow_private=True)  # the operator has named them himself
        return RemoteTimestamper(self.settings.timestamp_urls, fetcher, self.trust, self.clock)

    @cached_property
    def life(self) -> LicenceLife:
        """证照办理."""
        return LicenceLife(self.sessions, self.catalogue, self.files, self.clock)

    @cached_property
    def reviser(self) -> Reviser:
        """变更、补发、延续; opening the time stamp's key."""
        return Reviser(self.issuer)

    @cached_property
    def resealer(self) -> Resealer:
        """重新盖章."""
        return Resealer(self.issuer)

    @cached_property
    def stamper(self) -> Stamper:
        """加盖 of what somebody brings; opening the time stamp's key."""
        sealer = Sealer(self.timestamper, self.clock)
        return Stamper(self.sessions, self.journal, self.seals, sealer, self.own_verifier, self.clock)

    @cached_property
    def archiver(self) -> Archiver:
        """长期保存 of PDFs."""
        from licence_store.archiving import Archiver

        return Archiver(self.sessions, self.files, self.timestamper, self.trust, self.own_verifier, self.clock)

    @cached_property
    def converter(self) -> Converter:
        """格式转换."""
        from licence_store.conversion import Converter

        return Converter(
            sessions=self.sessions,
            catalogue=self.catalogue,
            register=self.register,
            seals=self.seals,
            sealer=Sealer(self.timestamper, self.clock),
            verifier=self.verifier,
            journal=self.journal,
            base_url=self.facts.base_url,
            demonstration=self.facts.demonstration,
            clock=self.clock,
        )

    @cached_property
    def materials(self) -> Materials:
        """材料."""
        from licence_store.materials.materials import Materials

        return Materials(
            sessions=self.sessions,
            catalogue=self.catalogue,
            register=self.register,
            journal=self.journal,
            ledger=self.ledger,
            notices=self.notices,
            seals=self.seals,
            seal_object=self.region.seal_folder.object,
            trust=self.trust,
            timestamper=lambda: self.timestamper,
            verifier=self.verifier,
            uploads=lambda: self.uploads,
            publisher=partial(self.region.keyring.signer, "publisher"),
            base_url=self.facts.base_url,
            clock=self.clock,
        )

    @cached_property
    def status_lists(self) -> StatusPublisher:
        """状态列表发布."""
        facts = self.facts
        signer = partial(self.region.keyring.signer, "publisher")
        return StatusPublisher(self.sessions, signer, facts.code, facts.base_url, self.clock)

    @cached_property
    def trust(self) -> FreshTrust:
        return FreshTrust(self.region, self.clock)

    @cached_property
    def peers(self) -> Peers:
        """对端地区: the trust list and what peers publish."""
        return Peers(self.sessions, self.region.code, self.trust, self.clock)

    @cached_property
    def trust_lists(self) -> ListKeeping:
        """信任列表保管."""
        return ListKeeping(self.sessions, self.journal, self.peers, self.clock)

    @cached_property
    def publications(self) -> Publications:
        """对端材料."""
        agent = f"licence-trust (region {self.region.code})"
        # the keepers have named the addresses; a region names no others, least of all of our own network
        fetcher = HTTPFetcher(timeout=3.0, redirects=0, allow_private=True, agent=agent)
        return Publications(self.sessions, self.peers, fetcher, self.clock)

    def own_verifier(self) -> Verifier:
        """For the issuer's self-check: without the register's word."""
        return Verifier(self.trust(), self.clock)

    def verifier(self) -> Verifier:
        """核验 with the word of both registers, of licences and of seals."""
        return Verifier(
            self.peers.trust_store_with_peers(),
            self.clock,
            self.register,
            seals=self.seal_register,
            copies=self.copies_elsewhere,
            peers=self.publications,
        )

    @cached_property
    def callers(self) -> Callers:
        """接入系统."""
        return Callers(self.sessions, self.clock, self.region)

    @cached_property
    def sharing(self) -> Sharing:
        """共享服务."""
        from licence_store.sharing.operations import Sharing

        made = Sharing(self)
        made.elsewhere = self.guide
        return made

    @cached_property
    def guide(self) -> Guide:
        """引导: to the region that issued it."""
        from licence_store.crossing.client import Asker
        from licence_store.crossing.guide import Guide

        agent = f"licence-trust (region {self.region.code})"
        fetcher = HTTPFetcher(timeout=4.0, redirects=0, allow_private=True, agent=agent)  # addresses of the trust list
        signer = partial(self.region.keyring.signer, "request")
        return Guide(self, Asker(self.region.code, self.peers, fetcher, signer, self.clock, self.publications.refresh))

    @cached_property
    def copies_elsewhere(self) -> CopiesElsewhere:
        """他地副本: of ours and of other regions', each asked where it was made."""
        from licence_store.crossing.copies import CopiesElsewhere

        return CopiesElsewhere(self)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """事件订阅."""
        from licence_store.eventing.subscriptions import Subscriptions

        return Subscriptions(self)

    @cached_property
    def transfers(self) -> Transfers:
        """证照转移."""
        from licence_store.transferring.transfers import Transfers

        return Transfers(self)

    @cached_property
    def seals(self) -> SealCabinet:
        """印章柜."""
        return SealCabinet(self.sessions, lambda s: self.region.seal_material(s.id, s.key_name, s.digest))

    @cached_property
    def seal_register(self) -> SealRegister:
        """印章登记."""
        return self.region.seal_register(self.sessions, self.clock, self.trust)

    @cached_property
    def seal_status(self) -> SealStatusPublisher:
        """印章状态发布."""
        signer = partial(self.region.keyring.signer, "publisher")
        return SealStatusPublisher(self.sessions, signer, self.region.code, self.clock)

    def material(self, seal_id: str) -> SealingMaterial:
        """用印材料 of a seal in use. Raises ``NotFound("seal.unknown")``, ``Refused("seal.not_active")``."""
        self.seals.look([seal_id])
        return self.seals.material(seal_id)

    def close(self) -> None:
        """Give the database back."""
        self.sessions.close()


class FreshTrust:
    """信任库 that looks after itself: CRLs are published anew in time, changed files are read again."""

    def __init__(self, region: Region, clock: Callable[[], datetime]) -> None:
        self._region, self._clock = region, clock
        self._store: TrustStore | None = None
        self._stamps: object = None
        self._looked, self._changed = 0.0, 0
        self._lock = Lock()

    def __call__(self) -> TrustStore:
        """The store; raises ``Malformed`` or ``Unavailable`` when it cannot be read at all."""
        with self._lock:
            if self._store is None or time.monotonic() - self._looked > _LOOK_AGAIN or self._touched():
                self._look()
            assert self._store is not None
            return self._store

    def _look(self) -> None:
        try:
            self._region.refresh_crls(self._clock())
        except LicenceTrustError:
            pass  # no keys here: the lists at hand are judged by their age
        self._touched()
        stamps = sorted((p.name, p.stat().st_mtime_ns) for p in (self._region.directory / "trust").iterdir())
        if self._store is None or stamps != self._stamps:
            self._store, self._stamps = self._region.trust_store(), stamps
        self._looked = time.monotonic()

    def _touched(self) -> bool:
        """Was a file of ours put in place since we looked? An anchor taken out, a list renewed: it counts at once."""
        try:
            changed = (self._region.directory / "trust").stat().st_mtime_ns
        except OSError:
            return False
        self._changed, before = changed, self._changed
        return changed != before


def open_desk(settings: DeskSettings, clock: Callable[[], datetime] = now) -> Desk:
    """打开签发台. Raises as ``Region.open`` and ``Region.open_register`` do."""
    region = Region.open(settings.directory, passphrase=settings.passphrase, custodian=settings.custodian)
    sessions = region.open_register(settings.database_url, durable=settings.durable)
    return Desk(settings, region, sessions, clock)
