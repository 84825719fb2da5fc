"""转入的核对与签发: is it the original of a region that may issue it, has it ended there, what does the next say?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from licence_store.catalogue import IssuingRight
from licence_store.extras import IssueExtras
from licence_store.issuance import make_application
from licence_store.reserving import Application, IssuedLicence
from licence_store.revision_rules import record_in
from licence_store.standing import day_of
from seal.message import DataMessage
from seal.provenance import Lineage
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, Refused, Unavailable
from trust.identifiers import plain_number
from verify.report import Finding, Indication, Report, Severity

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from trust.journal import Actor

MAX_FILE: Final = 16 << 20
_GONE: Final = "LICENCE_TRANSFERRED"
_NOT_HEARD: Final = frozenset({_GONE, "LICENCE_STATUS_AS_OF", "LICENCE_STATUS_UNKNOWN"})


@dataclass(frozen=True, slots=True)
class Original:
    """原件: what the verifier says of it."""

    licence_id: str
    region: str
    digest: str
    message: DataMessage


def check_original(desk: Desk, data: bytes, message: DataMessage | None) -> Original:
    """Is it another region's licence, in force, sealed by whom the trust list entitles?

    Raises ``Refused("transfer.original", "transfer.same_region")``.
    """
    if len(data) > MAX_FILE:
        raise Malformed("transfer.too_large", "证照文件超过 {limit} MB。", limit=MAX_FILE >> 20)
    if message is not None and message.metadata["region"] == desk.region.code:
        raise Refused("transfer.same_region", "这是本地区的证照，不需转入。")
    report = desk.verifier().verify(data)
    standing = report.trust_list.get("entitlement")
    entitled = isinstance(standing, Mapping) and standing.get("level") == "A"
    if message is None or report.copy or report.indication is not Indication.PASSED or not entitled:
        raise _not_original(report)
    licence_id, digest = str(report.document["licence_id"]), str(report.document["digest"])
    return Original(licence_id, message.metadata["region"], digest, message)


def check_released(desk: Desk, data: bytes, digest: str) -> DataMessage:
    """After the release: the same file, still sound, and its region's own list says that it has gone, or says nothing.

    Raises ``Refused("transfer.original")``, ``Unavailable("transfer.not_shown")``.
    """
    from licence_store.sharing.comparing import message_in

    message, report = message_in(data), desk.verifier().verify(data)
    errors = _errors(report)
    if not errors:
        raise Unavailable(
            "transfer.not_shown",
            "转出地区公布的状态列表尚未显示该证照已转出，现在签发会使两份证照同时有效。",
            remedy="请在一分钟后重试。",
        )
    sound = message is not None and sm3(data).hex() == digest
    if not sound or any(one.sub_indication not in _NOT_HEARD for one in errors):
        raise _not_original(report)
    assert message is not None
    return message


def right_for(desk: Desk, type_code: str, department: str | None) -> IssuingRight:
    """With what right our department issues the type. Raises ``NotFound("type.unknown")``, ``Refused("grant.*")``."""
    with desk.sessions.read() as session:
        code = desk.catalogue.issued_in(session, type_code).definition.code
        return desk.catalogue.right(session, code, department)


def application(
    desk: Desk,
    message: DataMessage,
    department: str,
    officer: Actor,
    changes: Mapping[str, object],
    *,
    follows: str,
    transfer_id: str,
    reason: str,
) -> Application:
    """The successor as it would be issued: the same holder and, at most, the same period. ``follows``: SM3 of the file.

    Raises ``Malformed("record.*")``, ``Refused("transfer.holder_changed", "transfer.period")``.
    """
    facts, today = message.metadata, day_of(desk.clock()).isoformat()
    with desk.sessions.read() as session:
        kind = desk.catalogue.issued_in(session, facts["type_code"])
        right = desk.catalogue.right(session, facts["type_code"], department)
    record = {**record_in(message, kind.definition), **changes}
    lineage = Lineage("transfer", facts["licence_id"], follows)
    extras = IssueExtras(source=f"转入：{facts['issuer_name']}"[:200], lineage=lineage)
    made = make_application(kind, right, record, officer, today, extras)
    if isinstance(made, LicenceTrustError):
        raise made
    if plain_number(kind.definition.holder_of(made.record).code) != plain_number(facts["holder_code"]):
        raise Refused("transfer.holder_changed", "转入的证照，持证者不能改变。")
    _, ends = kind.definition.valid_period(made.record, facts["valid_from"])
    if facts["valid_to"] and (not ends or ends > facts["valid_to"]):
        raise Refused(
            "transfer.period", "转入的证照，有效期不能长于原证照（至 {valid_to}）。", valid_to=facts["valid_to"]
        )
    return replace(
        made,
        key="transfer:" + sm3(transfer_id.encode()).hex(),
        reason=reason[:500],
        starts=facts["valid_from"],
    )


def issue(desk: Desk, wanted: Application) -> IssuedLicence:
    """签发; asked again it answers the same licence. Raises as issuing does."""
    [outcome] = desk.issuer.finish(desk.issuer.reserve([wanted]))
    if isinstance(outcome, LicenceTrustError):
        raise outcome
    return outcome


def _errors(report: Report) -> list[Finding]:
    every = [*report.findings, *(one for signature in report.signatures for one in signature.findings)]
    return [one for one in every if one.severity is Severity.ERROR]


def _not_original(report: Report) -> Refused:
    found = [one.code for one in _errors(report)]
    return Refused(
        "transfer.original",
        "所附文件不是其他地区有权签发、现行有效的证照原件（{indication}，{finding}）。",
        remedy="请持证者提供现行的证照原件，并查看核验报告。",
        indication=str(report.sub_indication or report.indication),
        finding="、".join(found) or "—",
    )
