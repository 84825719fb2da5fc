"""印章登记: the acts of a seal's life. Each checks the one table, then appends an event and journals.

    seal_id = register.apply(officer, NewSeal("演示省教育厅电子证照专用章", "education"), Basis("批复.pdf", data))
    register.approve(approver, seal_id)
    register.make(keeper, seal_id, key_name="education")
    register.issue(keeper, seal_id)
    register.activate(officer, seal_id)

What is refused is journalled too, with the code of the rule. Nothing is signed while a transaction is open: a
seal is made first, then registered, and the step is checked again when it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from keys.signer import Signer
from seal import checking, standing, using
from seal.database import Sessions
from seal.demands import close_request, demand_applicant, demand_department, demand_holder, request_for
from seal.kinds import find_kind
from seal.lifecycle import STEPS, Official, Role, Rule, State, take
from seal.making import Picture, SealApplication, make_seal
from seal.models import Department, Seal, SealEvent, SealGrant, SealObject, SealRequest, SealUse, table
from seal.records import REQUESTS, Basis, GrantView, NewSeal, Permission, SealSummary, SealView
from seal.rows import insert_grant, insert_object, insert_request, insert_seal
from seal.ses import SESeal, parse_seal
from trust.anchors import Purpose, TrustStore
from trust.certificates import Certificate
from trust.errors import CheckFailed, Conflict, LicenceTrustError, Malformed, NotFound, Refused, Word
from trust.journal import SYSTEM, Journal
from trust.path import build_path
from trust.revocation import check_revocation
from trust.seal_status import SealStatus, whole_second


class SealFiles(Protocol):
    """印章文件库: where seal objects and basis documents lie."""

    def keep_object(self, seal_id: str, der: bytes) -> str: ...

    def object(self, seal_id: str, digest: str) -> bytes: ...

    def keep_basis(self, data: bytes) -> str: ...

    def basis(self, digest: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SealRegister:
    """印章登记簿. Callers have authenticated whoever acts; what the acts need is here."""

    sessions: Sessions
    journal: Journal
    files: SealFiles
    certificate: Callable[[str], Certificate]
    """Name in the keyring → the certificate of that signer."""
    maker: Callable[[], Signer]
    """制章人."""
    trust: Callable[[], TrustStore]
    clock: Callable[[], datetime]
    code: str
    """行政区划代码 of the region: the first six digits of our own seals' codes."""

    # 申请·审批

    def apply(self, who: Official, wanted: NewSeal, basis: Basis | None, *, reason: str = "") -> str:
        """申请: a new seal; answers its code. Raises ``Refused("seal.*")``, ``Malformed("seal.application")``."""
        with self._journalled("apply", wanted.seal_id or wanted.name, who):
            wanted.check()
            take("apply", State.NONE, who.role)
            demand_applicant(who, wanted)
            kept, now = self._keep_basis(STEPS["apply"].rules, basis), self.clock()
            with self.sessions.begin() as session:
                seal_id = insert_seal(session, wanted, State.APPLIED, self.code, now)
                request = insert_request(session, seal_id, "new", who, reason, basis, kept, now)
                self._append(session, seal_id, "apply", State.APPLIED, 0, who, reason, kept, request)
        return seal_id

    def withdraw(self, who: Official, seal_id: str, *, reason: str = "") -> None:
        """撤回申请, by whoever applied."""
        self._step("withdraw", seal_id, who, reason=reason)

    def approve(self, who: Official, seal_id: str, *, reason: str = "") -> None:
        """批准 the application for a new seal; nobody approves their own."""
        self._step("approve", seal_id, who, reason=reason)

    def reject(self, who: Official, seal_id: str, *, reason: str) -> None:
        """驳回 the application for a new seal."""
        self._step("reject", seal_id, who, reason=reason)

    def request(self, who: Official, seal_id: str, kind: str, basis: Basis | None, *, reason: str = "") -> None:
        """申请变更或销毁: ``kind`` is ``face``, ``certificate`` or ``destruction``."""
        if kind not in REQUESTS or kind == "new":
            raise Malformed("seal.request_kind", "申请种类应为 face、certificate 或 destruction。")
        with self._journalled("request", seal_id, who):
            kept = self._keep_basis_for("request", seal_id, who, reason, basis)
            with self.sessions.begin() as session:
                seal, after, _ = self._checked(session, "request", seal_id, who, reason, kept)
                request = insert_request(session, seal_id, kind, who, reason, basis, kept, self.clock())
                self._append(session, seal_id, "request", after, seal.object_number, who, reason, kept, request)

    def approve_request(self, who: Official, seal_id: str, *, reason: str = "") -> None:
        """批准变更或销毁."""
        self._step("approve_request", seal_id, who, reason=reason)

    def reject_request(self, who: Official, seal_id: str, *, reason: str) -> None:
        """驳回变更或销毁."""
        self._step("reject_request", seal_id, who, reason=reason)

    # 制作·导入·变更: each gives the seal a new object

    def make(
        self, who: Official, seal_id: str, *, key_name: str, impression: Picture | None = None, reason: str = ""
    ) -> None:
        """制作 by our own seal maker, for the signer ``key_name``; drawn by us unless a picture is given."""
        self._new_object("make", seal_id, who, key_name, lambda seal: self._made(seal, key_name, impression), reason)

    def import_made(self, who: Official, seal_id: str, der: bytes, *, key_name: str, reason: str = "") -> None:
        """导入 a seal made elsewhere: its object and the name of the key that uses it.

        It must bear the code and name applied for, pass every check and list the signer's certificate.
        """
        self._new_object("import", seal_id, who, key_name, lambda _: der, reason)

    def change_face(self, who: Official, seal_id: str, *, impression: Picture, reason: str = "") -> None:
        """变更印模: a new object with another picture and the same signer."""
        key = self.view(seal_id).summary.key_name
        self._new_object("change_face", seal_id, who, key, lambda seal: self._made(seal, key, impression), reason)

    def change_certificate(self, who: Official, seal_id: str, *, key_name: str, reason: str = "") -> None:
        """变更证书: a new object with the same picture, for the signer ``key_name``."""
        made = lambda seal: self._remade(seal, key_name)
        self._new_object("change_certificate", seal_id, who, key_name, made, reason)

    def enrol(self, wanted: NewSeal, der: bytes, *, key_name: str) -> None:
        """建库登记 of a seal that is in use when the register is begun; its department may use it for every type."""
        who = Official(SYSTEM, Role.SYSTEM)
        after, now = take("enrol", State.NONE, who.role), self.clock()
        digest = self.files.keep_object(wanted.seal_id, der)
        with self.sessions.begin() as session:
            seal_id = insert_seal(session, wanted, after, self.code, now)
            insert_object(session, seal_id, 1, digest, key_name, "enrol", who, now)
            insert_grant(session, seal_id, wanted.department, Permission(), who, now)
            self._append(session, seal_id, "enrol", after, 1, who, details={"digest": digest})

    # 发放·启用·冻结·挂失·收缴·销毁

    def issue(self, who: Official, seal_id: str, *, reason: str = "") -> None:
        """发放 to its holder."""
        self._step("issue", seal_id, who, reason=reason)

    def activate(self, who: Official, seal_id: str, *, reason: str = "") -> None:
        """签收启用: the holder has received it, and it is sound (certificate valid and not revoked)."""
        self._step("activate", seal_id, who, reason=reason)

    def freeze(self, who: Official, seal_id: str, *, reason: str) -> None:
        """冻结: no use until it is unfrozen."""
        self._step("freeze", seal_id, who, reason=reason)

    def unfreeze(self, who: Official, seal_id: str, *, reason: str) -> None:
        """解冻, by an approver."""
        self._step("unfreeze", seal_id, who, reason=reason)

    def report_lost(self, who: Official, seal_id: str, *, reason: str, since: datetime | None = None) -> None:
        """挂失, with effect from ``since`` (default now): what was sealed from then on does not count."""
        if since is not None and (since.tzinfo is None or since > self.clock()):
            raise Malformed("seal.since", "失控时间不能晚于现在。")
        self._step("report_lost", seal_id, who, reason=reason, since=since)

    def confiscate(self, who: Official, seal_id: str, basis: Basis | None, *, reason: str) -> None:
        """收缴."""
        self._step("confiscate", seal_id, who, reason=reason, basis=basis)

    def destroy(self, who: Official, seal_id: str, *, reason: str) -> None:
        """销毁: on an approved request, or of a confiscated seal. Its record and objects are kept."""
        confiscated = self.view(seal_id).state is State.CONFISCATED
        self._step("destroy_confiscated" if confiscated else "destroy", seal_id, who, reason=reason)

    # 用章授权

    def grant(self, who: Official, seal_id: str, permission: Permission, *, reason: str = "") -> str:
        """授权用章; answers the grant's id."""
        permission.check()
        with self._journalled("grant", seal_id, who), self.sessions.begin() as session:
            seal, after, _ = self._checked(session, "grant", seal_id, who, "", "")
            department = permission.department or seal.department_id
            if session.get(Department, department) is None:
                raise NotFound("department.unknown", "没有部门“{department}”。", department=department[:40])
            grant_id = insert_grant(session, seal_id, department, permission, who, self.clock())
            details = {"grant": grant_id, "types": json.dumps(sorted(permission.types)),
                       "limit": str(permission.daily_limit or "")}  # fmt: skip
            self._append(session, seal_id, "grant", after, seal.object_number, who, reason, details=details)
        return grant_id

    def end_grant(self, who: Official, seal_id: str, grant_id: str, *, reason: str = "") -> None:
        """收回用章授权; raises ``NotFound("seal.grant_unknown")``."""
        with self._journalled("end_grant", seal_id, who), self.sessions.begin() as session:
            seal, after, _ = self._checked(session, "end_grant", seal_id, who, "", "")
            ended = {"ended": self.clock(), "ended_by": who.actor.account[:100]}
            statement = update(SealGrant).where(
                SealGrant.id == grant_id, SealGrant.seal_id == seal_id, SealGrant.ended.is_(None)
            )
            if session.execute(statement.values(ended).returning(SealGrant.id)).first() is None:
                raise NotFound("seal.grant_unknown", "没有用章授权 {id}，或已收回。", id=grant_id[:40])
            details = {"grant": grant_id}
            self._append(session, seal_id, "end_grant", after, seal.object_number, who, reason, details=details)

    # Questions

    def status(self, seal_id: str, moment: datetime | None = None, *, digest: str | None = None) -> SealStatus | None:
        """印章状态 at ``moment`` (default now), of the seal or of one of its objects; ``None``: never made here."""
        with self.sessions.read() as session:
            found = standing.history(session, seal_id)
        return found.at(moment or self.clock(), digest) if found is not None else None

    def seal_status(self, seal_id: str, digest: str, moment: datetime) -> SealStatus | None:
        """As ``status``; implements ``verify.policy.SealStatusSource``."""
        return self.status(seal_id, moment, digest=digest)

    def view(self, seal_id: str) -> SealView:
        """The seal in full; raises ``NotFound("seal.unknown")``."""
        with self.sessions.read() as session:
            row = session.execute(_SUMMARIES.where(Seal.id == seal_id)).one_or_none()
            if row is None:
                raise _unknown(seal_id)
            return SealView(
                SealSummary.of(*row),
                tuple(_all(session, select(SealObject).where(SealObject.seal_id == seal_id), SealObject.number)),
                tuple(_all(session, select(SealRequest).where(SealRequest.seal_id == seal_id), SealRequest.applied)),
                tuple(_all(session, select(SealEvent).where(SealEvent.seal_id == seal_id), SealEvent.id)),
                tuple(
                    GrantView.of(one)
                    for one in _all(session, select(SealGrant).where(SealGrant.seal_id == seal_id), SealGrant.granted)
                ),
            )

    def search(
        self,
        *,
        text: str = "",
        state: State | None = None,
        departments: Sequence[str] | None = None,
        pending: str = "",
        after: str = "",
        limit: int = 50,
    ) -> tuple[SealSummary, ...]:
        """Seals by code, from the one after ``after``; ``text`` is a code, or part of a seal's or holder's name.

        ``pending``: only those with a request in this state (``open``: to be decided, ``approved``: to be done).
        """
        query = _SUMMARIES.where(Seal.id > after)
        if text := text.strip():
            named = (Seal.name.contains(text, autoescape=True), Seal.holder_name.contains(text, autoescape=True))
            query = query.where(or_(Seal.id == text, Seal.holder_code == text.upper(), *named))
        if state is not None:
            query = query.where(Seal.state == state)
        if departments is not None:
            query = query.where(Seal.department_id.in_(departments))
        if pending:
            query = query.where(Seal.id.in_(select(SealRequest.seal_id).where(SealRequest.state == pending)))
        with self.sessions.read() as session:
            return tuple(SealSummary.of(*row) for row in session.execute(query.order_by(Seal.id).limit(limit)))

    def pending(self, seal_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """未办结的申请 of these seals: seal → kind and state of its request."""
        query = select(SealRequest.seal_id, SealRequest.kind, SealRequest.state).where(
            SealRequest.seal_id.in_(seal_ids), SealRequest.state.in_(("open", "approved"))
        )
        with self.sessions.read() as session:
            return {row.seal_id: (row.kind, row.state) for row in session.execute(query)}

    def object(self, seal_id: str, number: int | None = None) -> bytes:
        """印章数据: the DER of one of its objects (default: the present one)."""
        found = self.view(seal_id)
        wanted = number or found.summary.object_number
        for one in found.objects:
            if one.number == wanted:
                return self.files.object(seal_id, one.digest)
        raise NotFound("seal.no_object", "印章 {id} 尚未制作。", id=seal_id)

    def uses(
        self,
        seal_id: str,
        begin: datetime | None = None,
        end: datetime | None = None,
        *,
        text: str = "",
        after: int = 0,
        limit: int | None = None,
    ) -> list[SealUse]:
        """用章台账: which documents did this seal put its mark on between ``begin`` and ``end``? For our own acts;
        people ask ``ledger``.
        """
        with self.sessions.read() as session:
            return using.uses(session, seal_id, begin, end, text=text, after=after, limit=limit)

    def ledger(
        self,
        who: Official,
        seal_id: str,
        begin: datetime | None = None,
        end: datetime | None = None,
        *,
        text: str = "",
        after: int = 0,
        limit: int = 100,
        reason: str = "",
    ) -> list[SealUse]:
        """查阅用章台账, by an auditor; that it was read is journalled."""
        with self._journalled("audit", seal_id, who):
            seal = self.view(seal_id).summary
            take("audit", seal.state, who.role)
            demand_department(who, seal.department_id)
        details = {"after": str(after)}
        self.journal.record(actor=who.actor, action="seal.audit", subject=seal_id, reason=reason, details=details)
        return self.uses(seal_id, begin, end, text=text, after=after, limit=limit)

    def refusal(self, name: str, seal_id: str, who: Official) -> LicenceTrustError | None:
        """可否办理: what speaks against the step now, whatever its form will say; for pages that offer steps, and
        not journalled. ``None``: nothing that can be known before the act.
        """
        try:
            with self.sessions.read() as session:
                self._checked(session, name, seal_id, who, "-", "-", hold=False)
        except LicenceTrustError as error:
            return error
        return None

    # One step

    @contextmanager
    def _journalled(self, step: str, subject: str, who: Official) -> Iterator[None]:
        """What is refused is written down, with the code of the rule."""
        try:
            yield
        except LicenceTrustError as error:
            self.journal.record(
                actor=who.actor, action=f"seal.{step}", subject=subject, result=error.code, details={"role": who.role}
            )
            raise

    def _step(
        self,
        name: str,
        seal_id: str,
        who: Official,
        *,
        reason: str = "",
        basis: Basis | None = None,
        since: datetime | None = None,
    ) -> None:
        """A step that gives the seal no new object."""
        with self._journalled(name, seal_id, who):
            kept = self._keep_basis_for(name, seal_id, who, reason, basis)
            if Rule.SOUND in STEPS[name].rules:
                self._demand_sound(name, seal_id, who)
            with self.sessions.begin() as session:
                seal, after, request = self._checked(session, name, seal_id, who, reason, kept)
                close_request(session, name, request, who, reason, self.clock())
                session.execute(update(Seal).where(Seal.id == seal_id).values(state=after))
                number, request_id = seal.object_number, request.id if request else ""
                self._append(session, seal_id, name, after, number, who, reason, kept, request_id, since)

    def _checked(
        self, session: Session, name: str, seal_id: str, who: Official, reason: str, basis: str, *, hold: bool = True
    ) -> tuple[Seal, State, SealRequest | None]:
        """The seal, held until the transaction ends; its state after the step; the request the step is about.

        Raises ``Refused`` naming the rule that says no, ``NotFound("seal.unknown")``.
        """
        query = select(Seal).where(Seal.id == seal_id)
        seal = session.execute(query.with_for_update() if hold else query).scalar_one_or_none()
        if seal is None:
            raise _unknown(seal_id)
        after = take(name, State(seal.state), who.role)
        demand_holder(who, seal)
        demand_department(who, seal.department_id)
        rules = STEPS[name].rules
        if Rule.REASON in rules and not reason.strip():
            raise Refused("seal.reason_missing", "“{step}”须说明理由。", step=Word(STEPS[name].title))
        if Rule.BASIS in rules and not basis:
            raise Refused("seal.basis_missing", "“{step}”须附依据文件。", step=Word(STEPS[name].title))
        return seal, after, request_for(session, name, seal_id, who)

    def _append(
        self,
        session: Session,
        seal_id: str,
        step: str,
        after: State,
        number: int,
        who: Official,
        reason: str = "",
        basis: str = "",
        request: str = "",
        since: datetime | None = None,
        details: dict[str, str] | None = None,
    ) -> None:
        """The event and its evidence; last in the transaction."""
        now = self.clock()
        row = {
            "seal_id": seal_id,
            "step": step,
            "state": after,
            "effective": whole_second(since or now, up=since is None and after is not State.ACTIVE),
            "recorded": now,
            "actor": who.actor.account[:100],
            "role": who.role,
            "reason": reason[:500],
            "basis_digest": basis,
            "request_id": request,
            "object_number": number,
        }
        session.connection().execute(insert(table(SealEvent)).inline(), row)
        written = {"role": str(who.role), "state": str(after), **(details or {})}
        written |= {"basis": basis} if basis else {}
        self.journal.record(
            session, actor=who.actor, action=f"seal.{step}", subject=seal_id, reason=reason, details=written
        )

    # A new object

    def _new_object(
        self,
        name: str,
        seal_id: str,
        who: Official,
        key_name: str,
        make: Callable[[Seal], bytes],
        reason: str,
    ) -> None:
        """Check, make, check what was made, keep the file; then check again and register."""
        with self._journalled(name, seal_id, who):
            with self.sessions.read() as session:
                seal, _, _ = self._checked(session, name, seal_id, who, reason, "", hold=False)
            certificate = self.certificate(key_name)
            der = make(seal)
            self._check_object(seal, der, certificate)
            digest = self.files.keep_object(seal_id, der)
            with self.sessions.begin() as session:
                again, after, request = self._checked(session, name, seal_id, who, reason, "")
                if again.object_number != seal.object_number:
                    raise Conflict("seal.changed", "印章 {id} 已被他人变更。", id=seal_id)
                number = again.object_number + 1
                close_request(session, name, request, who, reason, self.clock())
                origin = "import" if name == "import" else "own"
                insert_object(session, seal_id, number, digest, key_name, origin, who, self.clock())
                session.execute(update(Seal).where(Seal.id == seal_id).values(state=after))
                details = {"digest": digest, "certificate": certificate.digest.hex()}
                request_id = request.id if request else ""
                self._append(session, seal_id, name, after, number, who, reason, request=request_id, details=details)

    def _made(self, seal: Seal, key_name: str, impression: Picture | None) -> bytes:
        certificate = self.certificate(key_name)
        start = self.clock().replace(microsecond=0)
        application = SealApplication(
            seal.id,
            seal.name,
            (certificate,),
            max(start, certificate.not_before),
            certificate.not_after,
            type=find_kind(seal.kind).type,
            kind=seal.kind,
            purpose=seal.purpose,
        )
        return make_seal(application, self.maker(), impression or draw(seal), moment=start)

    def _remade(self, seal: Seal, key_name: str) -> bytes:
        """The picture of the present object, for another certificate."""
        old = parse_seal(self.files.object(seal.id, seal.digest))
        return self._made(seal, key_name, _Kept(old))

    def _check_object(self, seal: Seal, der: bytes, certificate: Certificate) -> None:
        """Rule SOUND of a new object: the seal applied for, well made, by a maker we believe, for this signer."""
        made, now = parse_seal(der), self.clock()
        if (made.seal_id, made.name) != (seal.id, seal.name):
            raise Refused(
                "seal.not_as_applied",
                "印章数据的编码和名称（{got_id}，{got_name}）与所申请的（{id}，{name}）不符。",
                got_id=made.seal_id,
                got_name=made.name,
                id=seal.id,
                name=seal.name,
            )
        self._check_sound(made, certificate, now)

    def _demand_sound(self, name: str, seal_id: str, who: Official) -> None:
        """Rule SOUND of the present object, once the step itself is allowed."""
        with self.sessions.read() as session:
            seal, _, _ = self._checked(session, name, seal_id, who, "-", "-", hold=False)
        der = self.files.object(seal.id, seal.digest)
        self._check_sound(parse_seal(der), self.certificate(seal.key_name), self.clock())

    def _check_sound(self, made: SESeal, certificate: Certificate, now: datetime) -> None:
        """印章与其签章人证书: no seal tied to a revoked certificate may seal (R082)."""
        store = self.trust()
        try:
            checking.check_seal(made, store, moment=now, known_at=now)
            checking.check_signer_listed(made, certificate.der)
            path = build_path(certificate, store, Purpose.SIGNER, now)
            check_revocation(path, store.crls, now, known_at=now, proved=False, ocsp=store.ocsp, silent=store.silent)
        except CheckFailed as failure:
            raise Refused(failure.code, failure.template, remedy="", **failure.params) from failure

    # Rows

    def _keep_basis(self, rules: Sequence[Rule], basis: Basis | None) -> str:
        """Its SM3; empty where none is needed. Raises ``Malformed("seal.basis")``."""
        if basis is None or Rule.BASIS not in rules:
            return ""
        basis.check()
        return self.files.keep_basis(basis.data)

    def _keep_basis_for(self, name: str, seal_id: str, who: Official, reason: str, basis: Basis | None) -> str:
        """As ``_keep_basis``, once the step is allowed: nobody fills the folder with what is refused."""
        if basis is not None and Rule.BASIS in STEPS[name].rules:
            with self.sessions.read() as session:
                self._checked(session, name, seal_id, who, reason, "-", hold=False)
        return self._keep_basis(STEPS[name].rules, basis)


_SUMMARIES = select(Seal, Department.name).join(Department, Department.id == Seal.department_id)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The picture of a seal already made."""

    old: SESeal

    @property
    def picture(self) -> bytes:
        return self.old.picture

    @property
    def width_mm(self) -> float:
        return self.old.width

    @property
    def height_mm(self) -> float:
        return self.old.height


def draw(seal: Seal) -> Picture:
    """印模 as we draw it, from kind, name and code; what the name says beyond the holder's stands below the star."""
    from seal.engraving import draw_impression

    beyond = seal.name.removeprefix(seal.holder_name)
    text = beyond if beyond != seal.name and 0 < len(beyond) <= 12 and seal.kind not in ("official", "name") else None
    return draw_impression(seal.kind, seal.holder_name, seal.id if len(seal.id) <= 20 else "", text=text)


def _unknown(seal_id: str) -> NotFound:
    return NotFound("seal.unknown", "没有登记印章 {id}。", id=seal_id[:64])


def _all(session: Session, query: Any, order: Any) -> list[Any]:
    return list(session.execute(query.order_by(order)).scalars())
