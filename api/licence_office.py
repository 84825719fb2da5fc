"""证照办理: who may look at a licence and who may act on it; one door for command line, interface and pages.

Nothing is decided here: ``licence_store.lifecycle`` has the table, ``licence_store.life`` and ``revising`` obey it.
What this adds is whose licence it is (another department's is unknown), what a token covers, and the evidence that it
was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, NoReturn

from api.moments import exact
from api.seal_office import official_of
from licence_store.inspection import Due, read_period
from licence_store.inspection_list import InspectionList, Waiting
from licence_store.lifecycle import MARKS, LicenceState
from licence_store.revision_rules import check_window
from licence_store.standing import marks_of
from licence_store.transferring import leaving
from seal.lifecycle import Official, Role
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.reserving import IssuedLicence
    from licence_store.type_rules import InspectionRule
    from licence_store.views import EventView, LicenceHistory, LicenceSummary, LicenceView, LineageProof
    from trust.journal import Actor

READERS: Final = frozenset({Role.OFFICER, Role.AUDITOR, Role.ADMIN, Role.SYSTEM})
"""Who may look at a licence's past; officers at their own department's."""
MAX_EVIDENCE: Final = 20 << 20


@dataclass(frozen=True, slots=True)
class Given:
    """办理所附: what comes with a step."""

    reason: str = ""
    basis: str = ""
    """Number of a decision, article of a law: what the step rests on."""
    effective: datetime | None = None
    """``None``: now."""
    to: str = ""
    """Of a licence that leaves: the region it goes to, six digits."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """年检: what was found."""

    result: str
    period: str = ""
    """The year; empty: the one that is due."""
    remarks: str = ""
    evidence: tuple[str, bytes] | None = field(default=None, repr=False)
    """Name and content of a file."""
    effective: datetime | None = None


# Who


def console_official(services: Services, account: str | None) -> Official:
    """办理人 on the command line: ``--as``; in a demonstration region the console, as an officer.

    Raises ``NotFound("account.unknown")``, ``Refused("account.disabled", "account.needed")``.
    """
    actor = services.actor(account)
    if account is not None:
        return official_of(services.accounts.get(account), actor)
    return Official(actor, Role.OFFICER)


def official_by_token(services: Services, grant: TokenGrant, actor: Actor) -> Official:
    """办理人 behind an interface token: the account that made it, in its role."""
    return official_of(services.accounts.get(grant.account), actor)


# Questions


@dataclass(frozen=True, slots=True)
class Asked:
    """提问: by whom, why, by which token, and of which past."""

    who: Official
    reason: str = ""
    grant: TokenGrant | None = None
    at: datetime | None = None
    """As it was then; ``None``: now."""
    known_at: datetime | None = None
    """As was known then; ``None``: by all that is known."""

    @property
    def details(self) -> dict[str, str]:
        """What of it the journal keeps."""
        named = (("at", self.at), ("known_at", self.known_at))
        return {name: exact(moment) for name, moment in named if moment is not None}

    def covers(self, department: str, type_code: str, scope: str = "read") -> bool:
        """Is it a licence of their department, and within the token?"""
        if self.who.actor.department not in (None, "", department):
            return False
        try:
            if self.grant is not None:
                self.grant.demand(scope, department=department, type_code=type_code)
        except Refused:
            return False
        return True

    def demand(self, scope: str = "read") -> None:
        """Raises ``Refused("licence.reader")`` for a role that has no business with licences (三员分立);
        ``Refused("token.scope")``.
        """
        if self.who.role not in READERS:
            raise Refused("licence.reader", "证照只供颁证部门的经办人、审计员和系统管理员查阅。")
        if self.grant is not None:
            self.grant.demand(scope)

    @property
    def departments(self) -> list[str] | None:
        """Whose licences they may see; ``None``: all."""
        own = {self.who.actor.department} if self.who.actor.department else None
        named = None if self.grant is None or "*" in self.grant.departments else set(self.grant.departments)
        found = own & named if own is not None and named is not None else own if own is not None else named
        return None if found is None else sorted(found)

    @property
    def types(self) -> list[str] | None:
        """Which types they may see; ``None``: all."""
        return None if self.grant is None or "*" in self.grant.types else sorted(self.grant.types)


def find(services: Services, licence_id: str, asked: Asked, action: str = "licence.read") -> LicenceView:
    """The licence for somebody who may see it; journalled. Another department's is unknown.

    Raises ``Malformed("identifier.*")``, ``NotFound("licence.unknown")``, ``Refused("licence.reader", "token.scope")``.
    """
    asked.demand()
    view = services.register.find(licence_id)
    _note(services, view, asked, action)
    return view


def history(services: Services, licence_id: str, asked: Asked, action: str = "licence.history") -> LicenceHistory:
    """证照经过: every version, event and inspection, as of ``asked``; journalled. Raises as ``find`` does."""
    find(services, licence_id, asked, action)
    return services.register.history(licence_id, at=asked.at, known_at=asked.known_at)


def version(services: Services, view: LicenceView, number: int) -> LicenceView:
    """The licence as it was when version ``number`` was sealed: its face, its file. Raises ``NotFound``."""
    if number == view.summary.version:
        return view
    for one in services.register.history(view.licence_id).versions:
        if one.version == number:
            return services.register.find(one.licence_id, one.signed_at)
    raise NotFound("licence.version_unknown", "该证照没有第 {n} 版。", n=number)


def lineage(services: Services, licence_id: str, asked: Asked) -> LineageProof:
    """版本承接: each version's predecessor by its digest; journalled. Raises as ``find`` does."""
    find(services, licence_id, asked, "licence.lineage")
    return services.register.lineage(licence_id)


def holdings(services: Services, holder_code: str, asked: Asked) -> tuple[LicenceSummary, ...]:
    """持证者的证照 as of ``asked``, of the departments and types the caller may see; journalled."""
    asked.demand("search")
    code = "".join(char for char in holder_code if char.isprintable())
    found = services.register.holdings(
        code, at=asked.at, known_at=asked.known_at, departments=asked.departments, types=asked.types
    )
    details = {**asked.details, "shown": str(len(found))}
    services.journal.record(
        actor=asked.who.actor, action="licence.holdings", subject="register", reason=asked.reason, details=details,
        concerning=[one.licence_id for one in found],
    )  # fmt: skip
    return found


def _note(services: Services, view: LicenceView, asked: Asked, action: str) -> None:
    """Write down that the licence was read, or that somebody tried to whom it does not belong."""
    if not asked.covers(view.summary.department_id, view.summary.type_code):
        _unknown(services, view, asked, action)
    services.journal.record(
        actor=asked.who.actor, action=action, subject=view.licence_id, reason=asked.reason, details=asked.details
    )


def _unknown(services: Services, view: LicenceView, asked: Asked, action: str) -> NoReturn:
    error = NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
    services.journal.failed(error, actor=asked.who.actor, action=action, subject=view.licence_id, reason=asked.reason)
    raise error


def inspections(
    services: Services, asked: Asked, type_name: str, show: str, year: int = 0, after: str = "", limit: int = 50
) -> tuple[Waiting, ...]:
    """年检工作表 of one type: ``due``, ``overdue`` or ``done``; journalled. Raises ``NotFound("type.unknown")``."""
    asked.demand("search")
    definition = services.catalogue.get(type_name)
    if asked.types is not None and definition.code not in asked.types:
        raise Refused("token.scope", "该接口令牌的授权范围不包括“{wanted}”。", wanted=definition.code)
    found = InspectionList(services.desk.sessions, services.desk.clock).page(
        definition, show, year=year, departments=asked.departments, after=after, limit=limit
    )
    details = {"shown": str(len(found)), "type": definition.code}
    services.journal.record(
        actor=asked.who.actor, action="licence.inspections", subject="register", reason=asked.reason, details=details,
        concerning=[one.licence_id for one in found],
    )  # fmt: skip
    return found


# What may be done now


def obstacle(services: Services, view: LicenceView, step: str, who: Official) -> LicenceTrustError | None:
    """可否办理: why this person cannot take the step now; ``None``: they can, once the form is filled in."""
    refusal = services.desk.life.refusal(view.licence_id, step, who)
    if refusal is not None or step not in ("inspect", "renew"):
        return refusal
    definition, now = services.catalogue.get(view.summary.type_code), services.clock()
    happened = services.register.events(view.licence_id)
    try:
        if step == "renew":
            state = LicenceState(view.state)
            check_window(definition.renewal, state, marks_of(happened), view.summary.valid_to, now)
        else:
            _check_inspectable(definition.inspection, happened, view.summary.issued_on, now)
    except LicenceTrustError as error:
        return error
    return None


def _check_inspectable(
    rule: InspectionRule | None, happened: Sequence[EventView], issued_on: str, now: datetime
) -> None:
    """Is there a year to inspect? Raises as ``LicenceLife.inspect`` would, were no year named."""
    marks = marks_of(happened)
    year = read_period(rule, "", Due(marks.due_year, marks.due), issued_on, now)
    if any(one.kind == "inspect" and one.period == str(year) and one.result != "failed" for one in happened):
        raise Conflict("licence.already_inspected", "{year} 年度的年检已经办理。", year=year)


# Acts


def take_step(services: Services, licence_id: str, step: str, asked: Asked, given: Given) -> EventView:
    """办理 one step of the table and answer the event that was appended.

    Raises ``NotFound("licence.unknown", "licence.step_unknown")``, ``Refused`` or ``Conflict`` naming the rule,
    ``Malformed``.
    """
    if step not in MARKS:
        raise NotFound("licence.step_unknown", "证照没有“{step}”这一步骤。", step=step[:40])
    view = own(services, licence_id, asked, f"licence.{step}")
    if step == leaving.STEP:
        return leaving.leave(
            services.desk, view.licence_id, asked.who, to=given.to, reason=given.reason, basis=given.basis,
            effective=given.effective,
        )  # fmt: skip
    return services.desk.life.take(
        view.licence_id, step, asked.who, reason=given.reason, basis=given.basis, effective=given.effective
    )


def inspect(services: Services, licence_id: str, asked: Asked, found: Inspected) -> EventView:
    """年检 of one period. Raises as ``take_step`` does."""
    view = own(services, licence_id, asked, "licence.inspect")
    return services.desk.life.inspect(
        view.licence_id,
        asked.who,
        result=found.result,
        period=found.period,
        remarks=found.remarks,
        evidence=found.evidence,
        effective=found.effective,
    )


def revise(
    services: Services, licence_id: str, asked: Asked, record: Mapping[str, object], reason: str
) -> IssuedLicence:
    """变更: the next version, with the fields that ``record`` names changed.

    Raises as ``take_step`` does, and as issuing does.
    """
    view = own(services, licence_id, asked, "licence.revise")
    return services.desk.reviser.revise(view.licence_id, record, asked.who, reason=reason)


def reissue(services: Services, licence_id: str, asked: Asked, reason: str) -> IssuedLicence:
    """补发 after a loss: the same content in a new version. Raises as ``revise`` does."""
    view = own(services, licence_id, asked, "licence.reissue")
    return services.desk.reviser.reissue(view.licence_id, asked.who, reason=reason)


def renew(
    services: Services, licence_id: str, asked: Asked, record: Mapping[str, object] | None, reason: str
) -> IssuedLicence:
    """延续: the licence that takes this one's place. Raises as ``revise`` does."""
    view = own(services, licence_id, asked, "licence.renew")
    return services.desk.reviser.renew(view.licence_id, record, asked.who, reason=reason)


def own(services: Services, licence_id: str, asked: Asked, action: str) -> LicenceView:
    """The licence somebody wants to act on, if it is theirs; what they try on another's is written down."""
    asked.demand("life")
    view = services.register.find(licence_id)
    if not asked.covers(view.summary.department_id, view.summary.type_code, "life"):
        _unknown(services, view, asked, action)
    return view
