"""证明办理: one door for proof documents, shared by the command line, the pages and the interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trust.errors import NotFound
from verify.report import rfc3339

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.proofs.definition import ProofDefinition
    from licence_store.proofs.making import ProofDesk, ProofView
    from trust.journal import Actor


def proof_desk(services: Services) -> ProofDesk:
    """证明台 of the region."""
    from licence_store.proofs.making import ProofDesk, folder_ports

    desk = services.desk
    ports = folder_ports(desk.region.directory)
    return ProofDesk(desk.sessions, desk.catalogue, lambda: desk.issuer, ports, desk.clock)


def offered(services: Services, department: str | None) -> list[ProofDefinition]:
    """Kinds of proof somebody of a department may give."""
    mine = {one.code for one, _ in services.issuable(department)}
    found = proof_desk(services).definitions()
    return [one for one, _ in found if _type_code(services, one) in mine]


def _type_code(services: Services, definition: ProofDefinition) -> str:
    try:
        return services.catalogue.get(definition.type_name).code
    except NotFound:
        return ""


def make(
    services: Services,
    code: str,
    parameters: Mapping[str, str],
    actor: Actor,
    *,
    purpose: str,
    request_id: str = "",
    grant: TokenGrant | None = None,
) -> ProofView:
    """出具; for a system, in the department its token covers."""
    desk = proof_desk(services)
    if grant is not None:
        definition, _ = desk.definition(code)
        actor = services.right_of(grant, actor, services.catalogue.get(definition.type_name).code)
    return desk.make(code, parameters, actor, purpose=purpose, request_id=request_id)


def find(services: Services, request_id: str, actor: Actor, grant: TokenGrant | None = None) -> ProofView:
    """A request of the caller's own department; another's is unknown. Raises ``NotFound("proof.request_unknown")``."""
    found = proof_desk(services).request(request_id)
    if grant is not None:
        definition, _ = proof_desk(services).definition(found.proof_code)
        grant.demand("read", department=found.department_id, type_code=_type_code(services, definition))
    elif actor.department not in (None, "", found.department_id):
        raise NotFound("proof.request_unknown", "没有证明申请 {id}。", id=request_id[:40])
    return found


def shape(services: Services, proof: ProofView) -> dict[str, Any]:
    """A request as JSON."""
    answer: dict[str, Any] = {
        "id": proof.id,
        "type": proof.proof_code,
        "version": proof.proof_version,
        "department": proof.department_id,
        "outcome": proof.outcome,
        "purpose": proof.reason,
        "actor": proof.actor,
        "at": rfc3339(proof.recorded),
        "licence_id": proof.licence_id,
    }
    if proof.licence_id:
        view = services.register.find(proof.licence_id)
        answer |= {"licence_number": view.summary.licence_number, "file_digest": view.file_digest}
    return answer


def kind_shape(definition: ProofDefinition) -> dict[str, Any]:
    """A kind as JSON: what must be given."""
    return {
        "code": definition.code,
        "title": definition.title,
        "title_en": definition.title_en,
        "type": definition.type_name,
        "valid_days": definition.valid_days,
        "parameters": [
            {"name": one.name, "title": one.title, "title_en": one.title_en, "check": one.check,
             "required": one.required}
            for one in definition.parameters
        ],
    }  # fmt: skip
