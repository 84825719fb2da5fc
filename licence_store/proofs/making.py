"""出具证明 (R047): ask, compose, seal, keep, give back; who asked and why is written down.

    proof = proofs.make("no-penalty", {"credit_code": "51…"}, actor, purpose="申请政府购买服务")
    proof.licence_id, proofs.file(proof)

A proof is a licence of its type: numbered, sealed with the department's seal, in the register, verified like any
other, and it ends on its day.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, insert, select

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.extras import IssueExtras
from licence_store.issuance import BEIJING, Issuer
from licence_store.proofs.definition import ProofDefinition, load_proof
from licence_store.proofs.models import ProofRequest, ProofType
from licence_store.proofs.queries import QueryPort, check_statement, open_query
from seal.database import Sessions
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor, Entry

MADE = "made"
Ports = Callable[[ProofDefinition], QueryPort]


@dataclass(frozen=True, slots=True)
class ProofView:
    """证明申请 and what came of it."""

    id: str
    proof_code: str
    proof_version: int
    department_id: str
    licence_id: str
    """Empty: none was made."""
    outcome: str
    actor: str
    reason: str
    recorded: datetime


@dataclass(frozen=True)
class ProofDesk:
    """证明台."""

    sessions: Sessions
    catalogue: Catalogue
    issuer: Callable[[], Issuer]
    ports: Ports
    clock: Callable[[], datetime]

    # Kinds

    def definitions(self) -> tuple[tuple[ProofDefinition, int], ...]:
        """Every kind of proof in its newest version, by code."""
        latest = func.max(ProofType.version).label("version")
        newest = select(ProofType.code, latest).group_by(ProofType.code).subquery()
        query = (
            select(ProofType.definition, ProofType.version)
            .join(newest, (newest.c.code == ProofType.code) & (newest.c.version == ProofType.version))
            .order_by(ProofType.code)
        )
        with self.sessions.read() as session:
            return tuple((load_proof(json.loads(text)), version) for text, version in session.execute(query))

    def definition(self, code: str) -> tuple[ProofDefinition, int]:
        """One kind in its newest version; raises ``NotFound("proof.unknown")``."""
        for found, version in self.definitions():
            if found.code == code:
                return found, version
        raise NotFound("proof.unknown", "没有电子证明类型“{name}”。", name=code[:40])

    def import_definition(self, source: object, actor: Actor) -> tuple[ProofDefinition, int]:
        """A new kind, or a new version of one; the same content again changes nothing.

        Raises ``Malformed("proof.*")``, ``NotFound("type.unknown")``.
        """
        definition = load_proof(source)
        if definition.query.get("kind") == "sql":
            check_statement(definition.query.get("statement"))
        kind = self.catalogue.get(definition.type_name)
        if unknown := sorted(set(definition.face) - set(kind.schema["properties"])):
            raise Malformed(
                "proof.face", "证照类型“{type}”没有字段“{field}”。", type=kind.name, field="、".join(unknown)[:200]
            )
        now = self.clock()
        with self.sessions.begin() as session:
            query = select(ProofType.version, ProofType.digest).where(ProofType.code == definition.code)
            last = session.execute(query.order_by(ProofType.version.desc()).limit(1)).first()
            if last is not None and last.digest == definition.digest:
                return definition, last.version
            version = last.version + 1 if last else 1
            row = {
                "code": definition.code,
                "version": version,
                "digest": definition.digest,
                "definition": json.dumps(definition.source, ensure_ascii=False, separators=(",", ":")),
                "imported": now,
                "imported_by": actor.account[:100],
            }
            session.execute(insert(ProofType), [row])
            details = {"version": str(version), "digest": definition.digest}
            journal.append(session, [Entry(now, actor, "proof.import", definition.code, details=details)])
        return definition, version

    # Proofs

    def make(
        self, code: str, parameters: Mapping[str, str], actor: Actor, *, purpose: str, request_id: str = ""
    ) -> ProofView:
        """出具. The same ``request_id`` again gives the same proof.

        Raises ``NotFound("proof.unknown", "proof.nothing_found")``, ``Malformed("proof.parameter", "proof.purpose")``,
        ``Refused("proof.not_met")`` where the answer does not bear it out, ``Unavailable`` where nobody answers, and
        what the issuer raises.
        """
        definition, version = self.definition(code)
        asked = definition.read_parameters(parameters)
        purpose = purpose.strip()
        if not purpose or len(purpose) > 100 or not purpose.isprintable():
            raise Malformed("proof.purpose", "请说明证明的用途（不超过 100 字）。")
        if len(request_id) > 64 or not request_id.isascii():
            raise Malformed("proof.request", "申请编号应为不超过 64 个字符的英文、数字。")
        kind = self.catalogue.get(definition.type_name)
        with self.sessions.read() as session:
            right = self.catalogue.right(session, kind.code, actor.department)
        request = f"{code}:{request_id or secrets.token_hex(16)}"
        try:
            licence_id = self._compose(definition, kind.code, asked, actor, purpose, request)
        except LicenceTrustError as error:
            self._record(definition.code, version, kind.code, right.department_id, "", error.code, actor, purpose)
            raise
        return self._record(
            definition.code, version, kind.code, right.department_id, licence_id, MADE, actor, purpose
        )

    def _compose(
        self,
        definition: ProofDefinition,
        type_code: str,
        asked: Mapping[str, str],
        actor: Actor,
        purpose: str,
        request: str,
    ) -> str:
        rows = self.ports(definition).ask(asked)
        if not rows:
            raise NotFound("proof.nothing_found", "部门查询接口没有查到相应的信息，不能出具证明。")
        if not definition.met(rows):
            said = definition.otherwise or "查询结果不符合出具该证明的条件。"
            raise Refused(
                "proof.not_met",
                "不能出具证明：{reason}",
                remedy="请核对查询条件，或向查询接口的主管部门咨询。",
                reason=said,
            )
        today = self.clock().astimezone(BEIJING).date()
        record = definition.record(rows, asked, purpose, today)
        extras = IssueExtras(source=f"电子证明：{definition.title}")
        issued = self.issuer().issue(type_code, record, officer=actor, record_id=f"proof:{request}", extras=extras)
        return issued.licence_id

    def _record(
        self,
        code: str,
        version: int,
        type_code: str,
        department: str,
        licence_id: str,
        outcome: str,
        actor: Actor,
        purpose: str,
    ) -> ProofView:
        now = self.clock()
        row = {
            "id": secrets.token_hex(16),
            "proof_code": code,
            "proof_version": version,
            "type_code": type_code,
            "department_id": department,
            "licence_id": licence_id,
            "outcome": outcome,
            "actor": actor.account[:100],
            "reason": purpose,
            "recorded": now,
        }
        result = "ok" if outcome == MADE else outcome
        with self.sessions.begin() as session:
            session.execute(insert(ProofRequest), [row])
            details = {"proof": code, "request": str(row["id"])}
            entry = Entry(now, actor, "proof.make", licence_id or code, purpose, result, details)
            journal.append(session, [entry])
        return self.request(str(row["id"]))

    def request(self, request_id: str) -> ProofView:
        """One request; raises ``NotFound("proof.request_unknown")``."""
        with self.sessions.read() as session:
            row = session.execute(_REQUESTS.where(ProofRequest.id == request_id)).first()
        if row is None:
            raise NotFound("proof.request_unknown", "没有证明申请 {id}。", id=request_id[:40])
        return ProofView(*row)

    def requests(self, *, department: str | None, code: str = "", limit: int = 50) -> tuple[ProofView, ...]:
        """The newest requests first."""
        query = _REQUESTS.order_by(ProofRequest.recorded.desc(), ProofRequest.id)
        if department:
            query = query.where(ProofRequest.department_id == department)
        if code:
            query = query.where(ProofRequest.proof_code == code)
        with self.sessions.read() as session:
            return tuple(ProofView(*row) for row in session.execute(query.limit(limit)))


_REQUESTS = select(*(getattr(ProofRequest, name) for name in ProofView.__slots__))


def folder_ports(directory: Path) -> Ports:
    """Ports as the region's ``connections.json`` names them."""
    return lambda definition: open_query(directory, definition.query)
