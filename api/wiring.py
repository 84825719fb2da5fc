"""接线: ``build(settings)`` makes ``Services``, which the command line and HTTP share; tests build their own.

This is the only place where settings become objects. What a request asks for is a method here only where more than one
collaborator takes part (the act, its evidence, a picture); everything else is asked of the collaborator itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from api import __version__
from api.limits import RateLimit
from api.settings import Settings
from api.simulated_clock import SimulatedClock
from licence_store.accounts import AccountRules, Accounts
from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.idempotency import Idempotency
from licence_store.notices.addresses import NoticeSettings
from licence_store.uploads.quota import Quota, UploadSettings
from trust.errors import CheckFailed, LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor

if TYPE_CHECKING:
    from api.collection_office import CollectionOffice
    from api.job_office import JobOffice
    from api.metrics import Metrics
    from api.providers import Providers
    from api.readiness import Part
    from api.region_office import RegionOffice
    from api.sharing_office import SharingOffice
    from api.testidp.provider import DemonstrationProvider
    from api.transfer_office import TransferOffice
    from keys.lifecycle import KeyLifecycle
    from keys.signer import Signer
    from keys.timestamping import TimeStampAuthority
    from licence_store.accounts import TokenGrant
    from licence_store.anchors import AnchorKeeper
    from licence_store.authorities import Authorities
    from licence_store.catalogue import Catalogue
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.holding.attempts import Attempts
    from licence_store.holding.sessions import HolderSessions
    from licence_store.issuance import Issuer
    from licence_store.journal import JournalCheck, SQLJournal
    from licence_store.models import Account, JournalEntry
    from licence_store.recovery import Recovery
    from licence_store.register import LicenceView, Register
    from licence_store.reserving import IssuedLicence, RegionFacts
    from trust.sources import RevocationSources
    from verify.policy import CopySource, StatedPurpose, StatusSource
    from verify.report import Report
    from verify.verifier import Verifier

log = logging.getLogger("licence_trust.api")
CONSOLE = "console"
"""Who acts on the command line of a demonstration region when nobody is named."""


SCANS = 30
"""Presentations one officer may try to open in a minute."""
PICTURES = 64
"""Rendered faces kept in memory."""
TOKEN_SCOPES = {
    "officer": frozenset(
        {"issue", "read", "search", "check", "life", "accept", "materials", "collect", "types", "seals"}
    ),
    "seal_keeper": frozenset({"seals"}),
    "seal_approver": frozenset({"seals"}),
    "auditor": frozenset({"read", "search", "journal", "materials", "seals"}),
    "admin": frozenset({"read", "search", "check", "types", "journal", "trust"}),
}
"""What an account of a role may hand on to a system."""


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A new interface token; ``secret`` is shown once and kept nowhere."""

    id: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...]
    departments: tuple[str, ...]
    types: tuple[str, ...]


def build(settings: Settings) -> Services:
    """Open the region and what belongs to it.

    Stops with ``region.missing``, ``region.register_missing``, ``database.*`` …: nothing is made silently.
    """
    desk = open_desk(
        DeskSettings(
            settings.dir,
            settings.database_url,
            settings.base_url,
            settings.passphrase,
            tuple(one for one in settings.timestamp_urls.split(",") if one),
            custodian=settings.key_custodian,
            files_url=settings.files_url,
            hub_url=settings.hub_url,
            uploads=UploadSettings(
                Quota(octets=settings.upload_quota), settings.upload_scanner, settings.upload_cipher
            ),
            notices=NoticeSettings(settings.smtp_url, settings.mail_from, settings.private_webhooks),
        ),
        clock=SimulatedClock(Path(settings.simulated_clock)) if settings.simulated_clock else now,
    )
    if settings.simulated_clock and not desk.region.demonstration:
        desk.close()
        raise Refused(
            "clock.simulated",
            "模拟时钟只能用于演示区域。",
            remedy="请去掉设置 LICENCE_TRUST_SIMULATED_CLOCK。",
        )
    return Services(settings, desk)


def console() -> Actor:
    """Somebody at the command line, unnamed."""
    return Actor(CONSOLE, None, None, "cli")


def bundle_verifier(bundle: bytes, statuses: StatusSource | None, copies: CopySource | None = None) -> Verifier:
    """核验 by somebody else's trust bundle; no region is needed."""
    from trust.anchors import load_bundle
    from verify.verifier import Verifier

    return Verifier(load_bundle(bundle), now, statuses, copies=copies)


def _asked_about(report: Report) -> str:
    """What a verification is noted under: the licence, the original of a copy of one, else the file's digest."""
    original = (report.copy or {}).get("original")
    if isinstance(original, dict) and original["kind"] == "licence":
        return str(original["id"])
    return str(report.document.get("licence_id") or f"sm3:{report.document['digest']}")


@dataclass(frozen=True)
class Services:
    """服务: the region's desk, who may use it, and what the public edge needs."""

    settings: Settings
    desk: Desk
    _pictures: dict[str, bytes] = field(default_factory=dict, repr=False)
    _bundles: dict[str, bytes] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.desk.close()

    # Collaborators

    @property
    def catalogue(self) -> Catalogue:
        return self.desk.catalogue

    @property
    def register(self) -> Register:
        return self.desk.register

    @property
    def journal(self) -> SQLJournal:
        return self.desk.journal

    @property
    def issuer(self) -> Issuer:
        return self.desk.issuer

    @property
    def region_facts(self) -> RegionFacts:
        return self.desk.facts

    def clock(self) -> datetime:
        return self.desk.clock()

    def verifier(self) -> Verifier:
        """核验 with the registers' word and, unless switched off, what the sources of revocation say now."""
        verifier = self.desk.verifier()
        return replace(verifier, evidence=self.sources) if self.settings.online_revocation else verifier

    @cached_property
    def sources(self) -> RevocationSources:
        """废止信息源 that certificates name, asked over HTTP."""
        from trust.fetching import HTTPFetcher
        from trust.sources import RevocationSources

        return RevocationSources(HTTPFetcher(), self.desk.clock)

    def tend(self) -> None:
        """Ask the sources of revocation, the hub and the peers for what is due; to be run now and then."""
        if self.settings.online_revocation:
            self.sources.refresh(self.desk.trust())
        self.regions.tend()

    @cached_property
    def accounts(self) -> Accounts:
        rules = AccountRules(
            session_length=timedelta(minutes=self.settings.session_minutes),
            failures_per_account=self.settings.sign_in_attempts,
            failures_per_address=self.settings.sign_in_attempts * 10,
        )
        return Accounts(self.desk.sessions, self.desk.clock, rules)

    @cached_property
    def spaces(self) -> HolderSessions:
        """用户会话."""
        from licence_store.holding.sessions import HolderSessions, SessionRules

        rules = SessionRules(
            timedelta(minutes=self.settings.space_minutes), timedelta(minutes=self.settings.proof_minutes)
        )
        return HolderSessions(self.desk.sessions, self.desk.delegations, self.desk.clock, rules)

    @cached_property
    def attempts(self) -> Attempts:
        """登录途中."""
        from licence_store.holding.attempts import Attempts

        return Attempts(self.desk.sessions, self.desk.clock)

    @cached_property
    def demonstration_provider(self) -> DemonstrationProvider | None:
        """演示用身份提供方: in a demonstration region whose settings name no other in its place."""
        if not self.region_facts.demonstration or self.settings.oidc_issuer:
            return None
        from api.testidp.provider import DemonstrationProvider

        return DemonstrationProvider(self.settings.base_url, self.settings.oidc_client_id, self.desk.clock)

    @cached_property
    def providers(self) -> Callable[[str], Providers]:
        """Which identity providers there are, for people who meet us at an origin."""
        from api.providers import providers_of

        return providers_of(self.settings, self.demonstration_provider, self.desk.clock)

    @cached_property
    def idempotency(self) -> Idempotency:
        return Idempotency(self.desk.sessions, self.desk.clock)

    @cached_property
    def public_rate(self) -> RateLimit:
        return RateLimit(self.settings.public_rate)

    @cached_property
    def check_rate(self) -> RateLimit:
        """How often one token may ask true or false."""
        return RateLimit(self.settings.check_rate)

    @cached_property
    def scan_rate(self) -> RateLimit:
        """How often one officer may open presentations: a typed code must not be guessed."""
        return RateLimit(SCANS)

    @cached_property
    def metrics(self) -> Metrics:
        from api.metrics import Metrics

        return Metrics(__version__)

    @cached_property
    def collection(self) -> CollectionOffice:
        """采集办理."""
        from api.collection_office import CollectionOffice

        return CollectionOffice(self.desk)

    @cached_property
    def regions(self) -> RegionOffice:
        """地区办理."""
        from api.region_office import RegionOffice

        return RegionOffice(self.desk, self.settings)

    @cached_property
    def transfers(self) -> TransferOffice:
        """转移办理."""
        from api.transfer_office import TransferOffice

        return TransferOffice(self.desk)

    @cached_property
    def jobs(self) -> JobOffice:
        """任务办理."""
        from api.job_office import JobOffice

        return JobOffice(self.desk)

    @cached_property
    def sharing(self) -> SharingOffice:
        """共享办理."""
        from api.sharing_office import SharingOffice

        return SharingOffice(self)

    @cached_property
    def authorities(self) -> Authorities:
        """内置证书机构."""
        from licence_store.authorities import Authorities

        return Authorities(self.desk.region, self.journal, self.desk.clock)

    @cached_property
    def anchors(self) -> AnchorKeeper:
        """信任库保管."""
        from licence_store.anchors import AnchorKeeper

        return AnchorKeeper(self.desk.region, self.journal, self.desk.clock)

    @cached_property
    def keys(self) -> KeyLifecycle:
        """密钥管理."""
        from keys.lifecycle import KeyLifecycle

        return KeyLifecycle(self.desk.region.keyring, self.journal, self.desk.clock)

    @cached_property
    def timestamp_authority(self) -> TimeStampAuthority:
        """时间戳服务, on a clock that is checked. Raises ``keys.*`` where its key cannot be had."""
        from keys.clock import GuardedClock
        from keys.timestamping import DEMONSTRATION_POLICY, TimeStampAuthority

        policy = self.settings.timestamp_policy or DEMONSTRATION_POLICY
        clock = GuardedClock(wall=self.desk.clock)
        return TimeStampAuthority(self.desk.region.keyring.signer("tsa"), policy=policy, clock=clock)

    # Who acts

    def actor(self, account: str | None) -> Actor:
        """Who acts on the command line: ``--as``, or in a demonstration region the console itself.

        Raises ``NotFound("account.unknown")``, ``Refused("account.disabled", "account.needed")``.
        """
        if account is None:
            if not self.region_facts.demonstration:
                raise Refused("account.needed", "请用 --as 指明以哪个账号办理。", remedy="用 accounts list 查看账号。")
            return console()
        found = self.accounts.get(account)
        if found.disabled is not None:
            raise Refused("account.disabled", "账号“{name}”已停用。", name=account)
        return Actor(found.name, found.department_id, None, "cli")

    def administrator(self, account: str | None) -> Actor:
        """As ``actor``, for whoever manages accounts, keys and trust; raises ``Refused("account.not_admin")``."""
        actor = self.actor(account)
        if account is not None and self.accounts.get(account).role != "admin":
            raise Refused("account.not_admin", "账号、密钥和信任库由系统管理员管理，您的账号没有此权限（三员分立）。")
        return actor

    def issuing_actor(self, account: str | None) -> Actor:
        """As ``actor``, for somebody who may issue; raises ``Refused("account.not_officer")``."""
        actor = self.actor(account)
        if account is not None and self.accounts.get(account).role != "officer":
            raise Refused("account.not_officer", "您的账号没有签发权限。")
        return actor

    def right_of(self, grant: TokenGrant, actor: Actor, type_code: str) -> Actor:
        """The actor a token issues as: in the one department that may and that the token covers.

        Raises ``Refused("token.scope", "grant.missing", "grant.ambiguous")``.
        """
        grant.demand("issue", type_code=type_code)
        with self.desk.sessions.read() as session:
            rights = self.catalogue.rights(session, type_code)
        covered = [one for one in rights if "*" in grant.departments or one.department_id in grant.departments]
        if not covered:
            grant.demand("issue", department=rights[0].department_id if rights else "-")
            raise Refused("grant.missing", "没有部门可签发此类证照。")
        if len(covered) > 1:
            raise Refused("grant.ambiguous", "有多个部门可签发此类证照，请以其中一个部门的账号操作。")
        return Actor(actor.account, covered[0].department_id, actor.address, actor.channel)

    def create_token(
        self,
        account: Account,
        scopes: Collection[str],
        departments: Collection[str],
        types: Collection[str],
        *,
        label: str,
        valid: timedelta,
        actor: Actor,
    ) -> CreatedToken:
        """发放令牌, no wider than the account itself: officers for their department, auditors for the journal.

        Empty ``departments`` or ``types`` mean all the account may have. Raises ``Refused("token.too_wide")``,
        ``Malformed("token.*")``, ``NotFound("type.unknown")``.
        """
        codes = [self.catalogue.get(name).code for name in types if name != "*"] or ["*"]
        own = [account.department_id] if account.department_id else ["*"]
        wanted = list(departments) or own
        allowed = TOKEN_SCOPES.get(account.role, frozenset())
        if not set(scopes) <= allowed or ("*" not in own and not set(wanted) <= set(own)):
            raise Refused(
                "token.too_wide",
                "账号“{name}”只能发放这些范围的令牌：{scopes}；部门：{departments}。",
                name=account.name,
                scopes="、".join(sorted(allowed)) or "—",
                departments="、".join(own),
            )
        token, secret = self.accounts.create_token(
            account, scopes, wanted, codes, label=label, actor=actor, valid=valid
        )
        return CreatedToken(token, secret, tuple(sorted(set(scopes))), tuple(wanted), tuple(codes))

    # Acts and their evidence

    def issue(
        self,
        type_name: str,
        record: Mapping[str, object],
        actor: Actor,
        record_id: str | None,
        form: str = "ofd",
    ) -> IssuedLicence:
        """签发 one licence in that format; the issuer keeps the journal. One issued before gets the format it lacks."""
        from licence_store.extras import IssueExtras
        from licence_store.forms import forms_of
        from licence_store.further_forms import FurtherForms

        wanted, extras = forms_of(form), IssueExtras(forms=form)
        issued = self.issuer.issue(type_name, record, officer=actor, record_id=record_id, extras=extras)
        self.metrics.issued.labels(self.catalogue.get(type_name).slug).inc(int(issued.created))
        for one in wanted if not issued.created else ():
            FurtherForms(self.issuer).ensure(issued.licence_id, one, actor)
        return issued

    def further_form(self, view: LicenceView, form: str, actor: Actor) -> str:
        """补制 a format of a licence; SM3 of the file."""
        from licence_store.further_forms import FurtherForms

        return FurtherForms(self.issuer).ensure(view.summary.licence_id, form, actor)

    def verify(
        self, content: bytes, actor: Actor, moment: datetime | None, stated: StatedPurpose | None = None
    ) -> Report:
        """核验 a document somebody brings; that it was asked is journalled, the answer too.

        A copy of a licence is noted as the licence, with what it was ``stated`` to be wanted for; a copy of a material
        as the copy.
        """
        report = self.verifier().verify(content, moment=moment, stated=stated)
        subject = _asked_about(report)
        reason = stated.purpose[:200] if stated is not None and report.copy is not None else ""
        self.metrics.verified.labels(str(report.indication), report.sub_indication or "").inc()
        result = str(report.indication) + (f" {report.sub_indication}" if report.sub_indication else "")
        try:
            if subject.startswith("sm3:") and self.desk.copier.note_check(report, actor, reason):
                return report
            self.journal.record(actor=actor, action="document.verify", subject=subject, result=result, reason=reason)
        except LicenceTrustError:
            log.exception("the journal could not be written")
        return report

    def find(
        self,
        licence_id: str,
        actor: Actor,
        reason: str,
        *,
        action: str = "licence.read",
        grant: TokenGrant | None = None,
        details: Mapping[str, str] | None = None,
    ) -> LicenceView:
        """One licence for somebody who says why; journalled. Staff of a department see its own licences only.

        Raises ``Malformed("identifier.*")``, ``NotFound("licence.unknown")``, ``Refused("token.scope")``.
        """
        view = self.register.find(licence_id)
        department, type_code = view.summary.department_id, view.summary.type_code
        try:
            if grant is not None:
                grant.demand("read", department=department, type_code=type_code)
            elif actor.department not in (None, "", department):
                raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
        except LicenceTrustError as error:
            self.journal.failed(error, actor=actor, action=action, subject=view.licence_id, reason=reason)
            raise
        self.journal.record(
            actor=actor, action=action, subject=view.licence_id, reason=reason, details=dict(details or {})
        )
        return view

    def journal_page(
        self, actor: Actor, before: int | None, limit: int, reason: str = ""
    ) -> tuple[list[JournalEntry], int | None]:
        """Entries, newest first, and where the next page begins; that somebody looked is an entry too."""
        from sqlalchemy import select

        from licence_store.models import JournalEntry

        query = select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(JournalEntry.seq < before)
        with self.desk.sessions.read() as session:
            found = list(session.execute(query).scalars())
        self.journal.record(actor=actor, action="journal.read", subject="journal", reason=reason)
        return found[:limit], found[limit - 1].seq if len(found) > limit else None

    def check_journal(self) -> JournalCheck:
        """留痕完整性, also against the heads written down outside the database."""
        from licence_store.journal import JournalCheck, check_journal

        try:
            anchors = self.desk.region.journal_anchors()
        except CheckFailed as error:
            return JournalCheck(0, "", error.code)
        with self.desk.sessions.read() as session:
            return check_journal(session, anchors)

    def anchor_journal(self) -> None:
        """链首存证 of the newest entry; where no key is at hand, or the folder is read-only, it is left for later."""
        from licence_store.journal import head

        try:
            with self.desk.sessions.read() as session:
                newest = head(session)
            if newest not in self.desk.region.journal_anchors()[-1:]:
                self.desk.region.anchor_journal(newest, self.clock())
        except LicenceTrustError as error:
            log.warning("journal not anchored: %s", error.code)

    # Trust for verifiers elsewhere

    def bundle(self) -> bytes:
        """信任包, signed; renewed at most once an hour, so that its ``ETag`` lasts."""
        store, hour = self.desk.trust(), self.clock().replace(minute=0, second=0, microsecond=0)
        key = f"{hour.isoformat()} {id(store)}"
        with self._lock:
            if key not in self._bundles:
                self._bundles.clear()
                self._bundles[key] = self.desk.region.bundle(self.clock())
            return self._bundles[key]

    def offline_bundle(self) -> bytes:
        """离线信任包: ours and, where there is a trust list, the list and what every peer published."""
        from licence_store.regions.exporting import federated_store

        store = federated_store(self.desk)
        return self.bundle() if store is None else self.desk.region.bundle(self.clock(), store=store)

    def status_list(self, list_id: str) -> bytes:
        """状态列表 as published. Raises ``NotFound("status_list.unknown")``."""
        return self.desk.status_lists.publish(list_id)

    def certificate_status(self, request: bytes) -> bytes:
        """OCSP in, OCSP out; counted."""
        self.metrics.answers.labels("ocsp").inc()
        return self.authorities.answer(request)

    def timestamp(self, request: bytes) -> bytes:
        """RFC 3161 in, RFC 3161 out; counted. Raises ``Unavailable`` where the authority's key is away."""
        self.metrics.answers.labels("timestamp").inc()
        return self.timestamp_authority.respond(request)

    def rotate_key(self, name: str, actor: Actor, reason: str) -> Signer:
        """密钥更换 with a certificate of our own authority; the old key is retired.

        Raises ``NotFound("keys.unknown")``, ``Refused("authority.*")``, ``Unavailable``.
        """
        from keys.software import generate_key

        old, key = self.desk.region.keyring.certificate(name), generate_key()
        certificate = self.authorities.renew(old, key.public_key, actor, reason=reason)
        return self.keys.rotate(name, key, certificate, actor, reason)

    # What a page shows beside the facts

    def issuable(self, department: str | None) -> list[tuple[LicenceTypeDefinition, str]]:
        """Types somebody of ``department`` may issue, with the department that would."""
        answer = []
        with self.desk.sessions.read() as session:
            for definition in self.catalogue.list():
                rights = self.catalogue.rights(session, definition.code)
                mine = [one for one in rights if department in (None, "", one.department_id)]
                if mine:
                    answer.append((definition, mine[0].department_name))
        return answer

    def preview(
        self,
        definition: LicenceTypeDefinition,
        values: Mapping[str, str],
        actor: Actor,
        *,
        follows: LicenceView | None = None,
    ) -> bytes:
        """预览: the face as it would be drawn, PNG; ``follows``: the licence whose next version it would be.

        Raises what the record or the right to issue deserves.
        """
        from api.pictures import preview

        return preview(self.desk, definition, values, actor, follows=follows)

    def picture_of(self, content: bytes, report: Report) -> str:
        """The face drawn from the data a *passed* document has under its seal, as an address; else empty."""
        from api.pictures import sealed_face

        return sealed_face(self.desk, content, report)

    def face_png(self, view: LicenceView) -> bytes:
        """照面图片 of a registered licence, with its seal."""
        from api.pictures import registered_face

        return self.kept_picture(view.file_digest, lambda: registered_face(self.desk, view))

    def kept_picture(self, key: str, draw: Callable[[], bytes]) -> bytes:
        """A picture drawn once and kept for a while."""
        with self._lock:
            kept = self._pictures.get(key)
        if kept is None:
            kept = draw()
            with self._lock:
                while len(self._pictures) >= PICTURES:
                    self._pictures.pop(next(iter(self._pictures)))
                self._pictures[key] = kept
        return kept

    def face_size(self, view: LicenceView) -> tuple[int, int]:
        """Width and height of the picture, for the page's layout."""
        from api.pictures import face_size

        return face_size(self.desk, view)

    def example(self, definition: LicenceTypeDefinition) -> dict[str, str]:
        """A made-up record, another one each time."""
        import secrets

        return next(definition.example_records(1, seed=secrets.randbelow(1 << 30)))

    # Running

    def recover(self) -> Recovery:
        """重启恢复: complete or void what a crash left."""
        from licence_store.recovery import recover

        return recover(self.issuer)

    def readiness(self) -> list[Part]:
        """能否提供服务, part by part."""
        from api.readiness import parts

        found = parts(self.desk, self.sources.silent())
        for part in found:
            self.metrics.ready.labels(part.name).set(int(part.ready))
        return found

    def measures(self) -> bytes:
        """计量 with what can only be known by looking: what ends soon, silent sources, custodians."""
        from api import readiness

        self.metrics.silent.set(len(self.sources.silent()))
        for custodian in readiness.custodians(self.desk):
            self.metrics.custodian.labels(custodian.name).set(int(custodian.present))
        try:
            self.metrics.note_endings(readiness.endings(self.desk))
        except LicenceTrustError as error:
            log.warning("endings not known: %s", error.code)
        try:
            queue = self.desk.jobs.state()
            delay = (self.clock() - queue.oldest_due).total_seconds() if queue.oldest_due else 0.0
            self.metrics.note_queue(queue.counts, delay, self.desk.notices.counts())
        except LicenceTrustError as error:
            log.warning("queue not known: %s", error.code)
        return self.metrics.text()

    def grant_to_department(self, type_code: str, actor: Actor, department: str | None) -> list[str]:
        """Let a department issue a type that nobody may issue yet; answers the departments that may.

        The department named, else the one that defines the type, else the actor's, else (demonstration) the first.
        """
        with self.desk.sessions.read() as session:
            rights = [one.department_id for one in self.catalogue.rights(session, type_code)]
        departments = self.catalogue.departments()
        chosen = department or next((d.id for d in departments if d.code == type_code[:18]), None) or actor.department
        if chosen is None and not rights and self.region_facts.demonstration and departments:
            chosen = departments[0].id
        if chosen is None or chosen in rights or (rights and department is None):
            return rights
        self.catalogue.grant(type_code, chosen, self.seal_for(chosen), actor)
        return [*rights, chosen]

    def seal_for(self, department: str) -> str:
        """The seal a department issues with when none is named. Raises ``Malformed("department.no_seal")``."""
        from sqlalchemy import select

        from licence_store.models import Seal

        query = select(Seal.id).where(Seal.department_id == department).order_by(Seal.id.desc()).limit(1)
        with self.desk.sessions.read() as session:
            found = session.execute(query).scalar()
        if found is None:
            raise Malformed(
                "department.no_seal", "部门“{department}”不存在或没有电子印章。", department=department[:40]
            )
        return found


def upgrade_database(settings: Settings) -> str:
    """Bring the register's tables to this version; answers the revision."""
    from licence_store.migrations import HEAD

    with build(settings):
        return HEAD
