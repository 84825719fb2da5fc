"""A seal register in a database, its authority in memory, and the people who act."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import insert

from keys.authority import SIGNER
from keys.software import SoftwareSigner
from licence_store.journal import SQLJournal
from seal.database import Sessions
from seal.lifecycle import Official, Role, State
from seal.making import SealApplication, make_seal
from seal.models import Department
from seal.records import Basis, NewSeal
from seal.register import SealRegister
from tests.authority import EDUCATION, MARKET, MOMENT, Authority, make_authority
from tests.seal.conftest import Drawn
from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.errors import NotFound
from trust.journal import Actor

APPLICANT_CODE = "91990000MA00000019"
OFFICER = Official(Actor("zhang", "education"), Role.OFFICER)
APPROVER = Official(Actor("qian"), Role.SEAL_APPROVER)
KEEPER = Official(Actor("sun"), Role.SEAL_KEEPER)
AUDITOR = Official(Actor("zhou"), Role.AUDITOR)
ADMIN = Official(Actor("wu"), Role.ADMIN)
HOLDER = Official(Actor("shang"), Role.HOLDER, APPLICANT_CODE)
SYSTEM = Official(Actor("system"), Role.SYSTEM)
BY_ROLE = {who.role: who for who in (OFFICER, APPROVER, KEEPER, AUDITOR, ADMIN, HOLDER, SYSTEM)}
BASIS = Basis("刻章批复.pdf", b"%PDF basis")
FACE = Drawn()


@dataclass
class MemoryFiles:
    """Seal objects and basis documents; implements ``seal.register.SealFiles``."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def keep_object(self, seal_id: str, der: bytes) -> str:
        return self.keep_basis(der)

    def object(self, seal_id: str, digest: str) -> bytes:
        return self.kept[digest]

    def keep_basis(self, data: bytes) -> str:
        digest = sm3(data).hex()
        self.kept[digest] = data
        return digest

    def basis(self, digest: str) -> bytes:
        return self.kept[digest]


class World:
    """Two departments, and seals brought to any state by the people whose task it is."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.now, self.count = sessions, MOMENT, 0
        self.authority: Authority = make_authority()
        self.store: TrustStore = self.authority.store()
        self.signers: dict[str, SoftwareSigner] = {
            "first": self.authority.issue("演示省教育厅", SIGNER),
            "second": self.authority.issue("演示省教育厅（新）", SIGNER),
        }
        self.files = MemoryFiles()
        self.register = SealRegister(
            sessions=sessions,
            journal=SQLJournal(sessions, lambda: self.now),
            files=self.files,
            certificate=self.certificate,
            maker=lambda: self.authority.seal_maker,
            trust=lambda: self.store,
            clock=lambda: self.now,
            code="990000",
        )
        rows = [("education", EDUCATION, "演示省教育厅"), ("market", MARKET, "演示省市场监督管理局")]
        with sessions.begin() as session:
            names = ("id", "code", "name")
            session.execute(insert(Department), [{**dict(zip(names, r, strict=True)), "created": MOMENT} for r in rows])

    def certificate(self, name: str) -> Certificate:
        if name not in self.signers:
            raise NotFound("keys.unknown", "没有密钥 {name}。", name=name)
        return self.signers[name].certificate

    def forward(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now

    def applied(self, *, holder: bool = False, name: str = "", seal_id: str = "") -> str:
        self.count += 1
        title = name or f"演示省教育厅电子证照专用章（{self.count}）"
        wanted = NewSeal(title, "education", seal_id=seal_id)
        if holder:
            wanted = NewSeal(
                title, "education", holder_kind="applicant", holder_name="演示公司", holder_code=APPLICANT_CODE
            )
        return self.register.apply(HOLDER if holder else OFFICER, wanted, BASIS)

    def seal(self, state: State = State.ACTIVE, *, holder: bool = False) -> str:
        """A seal in ``state``, by the shortest lawful way."""
        register, user = self.register, HOLDER if holder else OFFICER
        seal_id = self.applied(holder=holder)
        way = {
            State.APPLIED: (),
            State.WITHDRAWN: (lambda: register.withdraw(user, seal_id),),
            State.REJECTED: (lambda: register.reject(APPROVER, seal_id, reason="不符合规定"),),
        }
        making = (
            (State.APPROVED, lambda: register.approve(APPROVER, seal_id)),
            (State.MADE, lambda: register.make(KEEPER, seal_id, key_name="first", impression=FACE)),
            (State.ISSUED, lambda: register.issue(KEEPER, seal_id)),
            (State.ACTIVE, lambda: register.activate(user, seal_id)),
        )
        after = {
            State.FROZEN: (lambda: register.freeze(KEEPER, seal_id, reason="年检"),),
            State.LOST: (lambda: register.report_lost(user, seal_id, reason="遗失"),),
            State.CONFISCATED: (lambda: register.confiscate(APPROVER, seal_id, BASIS, reason="违规"),),
            State.DESTROYED: (
                lambda: register.confiscate(APPROVER, seal_id, BASIS, reason="违规"),
                lambda: register.destroy(KEEPER, seal_id, reason="销毁"),
            ),
        }
        if state in way:
            steps = way[state]
        else:
            upto = [s for s, _ in making].index(state) + 1 if state in dict(making) else len(making)
            steps = (*(act for _, act in making[:upto]), *after.get(state, ()))
        for act in steps:
            act()
        assert register.view(seal_id).state is state
        return seal_id

    def approved_request(self, seal_id: str, kind: str, *, holder: bool = False) -> None:
        self.register.request(HOLDER if holder else OFFICER, seal_id, kind, BASIS)
        self.register.approve_request(APPROVER, seal_id)

    def made_elsewhere(self, seal_id: str, name: str, signer: SoftwareSigner, maker: SoftwareSigner) -> bytes:
        certificate = signer.certificate
        application = SealApplication(seal_id, name, (certificate,), self.now, certificate.not_after)
        return make_seal(application, maker, FACE, moment=self.now)
