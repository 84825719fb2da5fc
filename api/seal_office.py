"""印章办理: who acts in which role, and one door for every step, shared by the command line and the interface.

Nothing is decided here: ``seal.lifecycle`` has the table, ``seal.register`` obeys it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from seal.lifecycle import STEPS, Official, Role, State, step_of, take
from seal.records import Basis
from trust.errors import Malformed, NotFound, Refused, Word
from trust.i18n import N_
from trust.journal import Actor
from trust.seal_status import whole_second

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.models import Account
    from licence_store.resealing import Resealed
    from licence_store.stamping import Marks
    from seal.impression import Impression
    from seal.records import SealSummary, SealView
    from seal.register import SealRegister
    from trust.seal_status import SealStatus

CHUNK: Final = 32
"""Licences sealed anew in one transaction."""
CONSOLE: Final = "console"
"""Who acts on the command line of a demonstration region when nobody is named; with the role, if not an officer's."""


@dataclass(frozen=True, slots=True)
class Given:
    """办理所附: what comes with a step. Which of it a step needs, the register says."""

    reason: str = ""
    basis: Basis | None = None
    key_name: str = ""
    """Name of the signer in the keyring; empty: the unit's own."""
    picture: bytes = b""
    """An impression made elsewhere, PNG; empty: drawn by us."""
    size: tuple[int, int] | None = None
    """Of that picture in millimetres; ``None``: the usual one of the kind."""
    seal: bytes = b""
    """A seal object made elsewhere (DER)."""
    since: datetime | None = None
    """Of a loss: with effect from."""
    change: str = ""
    """Of a request: ``face``, ``certificate`` or ``destruction``."""


# Who


def console_official(services: Services, account: str | None, step: str) -> Official:
    """办理人 on the command line: ``--as``; in a demonstration region the console in the step's first role.

    Raises ``NotFound("account.unknown")``, ``Refused("account.disabled", "account.needed")``.
    """
    actor = services.actor(account)
    if account is not None:
        return official_of(services.accounts.get(account), actor)
    role = step_of(step).roles[0]
    name = CONSOLE if role is Role.OFFICER else f"{CONSOLE}.{role}"
    return Official(Actor(name, None, None, "cli"), role)


def official_of(account: Account, actor: Actor) -> Official:
    """办理人 of an account: its one role, its own name, its unit."""
    return Official(Actor(account.name, account.department_id, actor.address, actor.channel), Role(account.role))


def official_by_token(services: Services, grant: TokenGrant, actor: Actor) -> Official:
    """办理人 behind an interface token: the account that made it, in its role. Raises ``Refused("token.scope")``."""
    grant.demand("seals")
    return official_of(services.accounts.get(grant.account), actor)


# Steps


def take_step(register: SealRegister, who: Official, seal_id: str, step: str, given: Given) -> SealView:
    """办理 one step and answer the seal as it is then.

    ``approve`` and ``reject`` also decide requests for a change, ``destroy`` also destroys what was confiscated.
    Raises ``NotFound("seal.unknown", "seal.step_unknown")``, ``Refused`` naming the rule, ``Malformed``.
    """
    if step not in _ACTS:
        raise NotFound("seal.step_unknown", "没有“{step}”这一步骤。", step=step[:40])
    if step in ("approve", "reject") and register.view(seal_id).state not in (State.APPLIED, State.NONE):
        step = f"{step}_request"
    _ACTS[step](register, who, seal_id, given)
    return register.view(seal_id)


def _make(register: SealRegister, who: Official, seal_id: str, given: Given) -> None:
    picture = _impression(register, seal_id, given) if given.picture else None
    register.make(who, seal_id, key_name=_key(register, seal_id, given), impression=picture, reason=given.reason)


def _import(register: SealRegister, who: Official, seal_id: str, given: Given) -> None:
    if not given.seal:
        raise Malformed("seal.object_missing", "请附上他处制作的印章数据。")
    register.import_made(who, seal_id, given.seal, key_name=_key(register, seal_id, given), reason=given.reason)


def _change_face(register: SealRegister, who: Official, seal_id: str, given: Given) -> None:
    register.change_face(who, seal_id, impression=_impression(register, seal_id, given), reason=given.reason)


def _change_certificate(register: SealRegister, who: Official, seal_id: str, given: Given) -> None:
    register.change_certificate(who, seal_id, key_name=_key(register, seal_id, given), reason=given.reason)


def _key(register: SealRegister, seal_id: str, given: Given) -> str:
    """The signer named, else that of the institution which holds the seal."""
    summary = register.view(seal_id).summary
    if given.key_name or summary.key_name:
        return given.key_name or summary.key_name
    if summary.holder_kind == "institution":
        return f"signer-{summary.holder_code}"
    raise Malformed("seal.key_missing", "请指明使用该印章的密钥名称。")


def _impression(register: SealRegister, seal_id: str, given: Given) -> Impression:
    """The picture given, checked; raises ``Malformed("impression.*")``."""
    from seal.kinds import PERSONAL_SEAL, find_kind
    from seal.uploads import check_upload

    if not given.picture:
        raise Malformed("seal.picture_missing", "请附上印模图片（PNG）。")
    kind = find_kind(register.view(seal_id).summary.kind)
    size = given.size or kind.sizes[0]
    kind.check_size(*size)
    return check_upload(given.picture, *size, red=kind.type != PERSONAL_SEAL)


_Act = Callable[["SealRegister", Official, str, Given], None]
_ACTS: Final[Mapping[str, _Act]] = MappingProxyType(
    {
        "withdraw": lambda r, who, one, given: r.withdraw(who, one, reason=given.reason),
        "approve": lambda r, who, one, given: r.approve(who, one, reason=given.reason),
        "reject": lambda r, who, one, given: r.reject(who, one, reason=given.reason),
        "make": _make,
        "import": _import,
        "issue": lambda r, who, one, given: r.issue(who, one, reason=given.reason),
        "activate": lambda r, who, one, given: r.activate(who, one, reason=given.reason),
        "freeze": lambda r, who, one, given: r.freeze(who, one, reason=given.reason),
        "unfreeze": lambda r, who, one, given: r.unfreeze(who, one, reason=given.reason),
        "report_lost": lambda r, who, one, given: r.report_lost(who, one, reason=given.reason, since=given.since),
        "request": lambda r, who, one, given: r.request(who, one, given.change, given.basis, reason=given.reason),
        "approve_request": lambda r, who, one, given: r.approve_request(who, one, reason=given.reason),
        "reject_request": lambda r, who, one, given: r.reject_request(who, one, reason=given.reason),
        "change_face": _change_face,
        "change_certificate": _change_certificate,
        "confiscate": lambda r, who, one, given: r.confiscate(who, one, given.basis, reason=given.reason),
        "destroy": lambda r, who, one, given: r.destroy(who, one, reason=given.reason),
    }
)
STEP_NAMES: Final = tuple(name for name in STEPS if name in _ACTS)
"""What ``take_step`` takes, in the table's order."""


# On what somebody brings


def marks_of(
    pages: Sequence[int],
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    cross_page: bool,
    cross_y: float | None = None,
    keyword: str = "",
    field: str = "",
) -> Marks:
    """盖章位置, from lists of equal length. Raises ``Malformed("stamping.places")``."""
    from licence_store.stamping import Marks

    if not len(pages) == len(xs) == len(ys) or (cross_y is not None and not cross_page):
        raise Malformed("stamping.places", "每一处盖章位置应有页码、x 和 y；骑缝章只需 y；签章域不再另给位置。")
    if field and (pages or cross_page or keyword):
        raise Malformed("stamping.places", "每一处盖章位置应有页码、x 和 y；骑缝章只需 y；签章域不再另给位置。")
    return Marks(tuple(zip(pages, xs, ys, strict=True)), cross_page, cross_y, keyword, field)


# After a compromise


def affected(
    services: Services, who: Official, seal_id: str, begin: datetime | None, end: datetime | None, reason: str = ""
) -> list[str]:
    """受影响的证照: current licences the seal was put on in [``begin``, ``end``); journalled. Raises as ``reseal``."""
    _demand_resealing(services, who, seal_id)
    found: list[str] = services.desk.resealer.affected(seal_id, begin, end)
    details = {"count": str(len(found))}
    services.journal.record(actor=who.actor, action="seal.affected", subject=seal_id, reason=reason, details=details)
    return found


def reseal(
    services: Services, who: Official, seal_id: str, begin: datetime | None, end: datetime | None, reason: str
) -> Iterator[Resealed]:
    """重新盖章 of what is affected, by an officer of the seal's unit; what is done stays done.

    Raises ``Refused("seal.role", "seal.other_department", "seal.reason_missing")``, ``NotFound("seal.unknown")``.
    """
    _demand_resealing(services, who, seal_id)
    return services.desk.resealer.reseal(seal_id, begin, end, officer=who.actor, reason=reason)


def reseal_some(
    services: Services,
    who: Official,
    seal_id: str,
    begin: datetime | None,
    end: datetime | None,
    reason: str,
    limit: int,
) -> tuple[list[Resealed], int]:
    """As ``reseal``, for at most ``limit`` licences, none of which is tried twice; and how many were left over."""
    if not reason.strip():
        raise Refused("seal.reason_missing", "“{step}”须说明理由。", step=Word(N_("重新盖章")))
    concerned = affected(services, who, seal_id, begin, end, reason)
    resealer = services.desk.resealer
    done: list[Resealed] = []
    for place in range(0, min(limit, len(concerned)), CHUNK):
        done += resealer.reseal_many(concerned[place : min(place + CHUNK, limit)], who.actor, reason)
    return done, len(concerned) - len(done)


def _demand_resealing(services: Services, who: Official, seal_id: str) -> None:
    """Who uses seals seals anew; the seal itself may be lost or destroyed by now."""
    department = services.desk.seal_register.view(seal_id).summary.department_id
    take("use", State.ACTIVE, who.role)
    if who.actor.department not in (None, "", department):
        raise Refused("seal.other_department", "该印章不属于您所在的单位。")


# Questions


def console_reader(services: Services, account: str | None) -> Official:
    """Who looks at the register on the command line."""
    actor = services.actor(account)
    return Official(actor, Role.SYSTEM) if account is None else official_of(services.accounts.get(account), actor)


def find(services: Services, seal_id: str, who: Official, reason: str, grant: TokenGrant | None = None) -> SealView:
    """One seal for somebody who says why; journalled. Raises ``NotFound("seal.unknown")``, also for other units'."""
    try:
        view = services.desk.seal_register.view(seal_id)
        _demand_visible(view, _visible_departments(who, grant))
    except NotFound as error:
        services.journal.failed(error, actor=who.actor, action="seal.read", subject=seal_id[:64], reason=reason)
        raise
    services.journal.record(actor=who.actor, action="seal.read", subject=view.id, reason=reason)
    return view


def search(
    services: Services,
    who: Official,
    reason: str,
    *,
    text: str = "",
    state: State | None = None,
    after: str = "",
    limit: int,
    grant: TokenGrant | None = None,
) -> tuple[tuple[SealSummary, ...], str | None]:
    """Seals the caller may see, and the code after which the next page begins; journalled."""
    found = services.desk.seal_register.search(
        text=text, state=state, departments=_visible_departments(who, grant), after=after, limit=limit + 1
    )
    shown = found[:limit]
    details = {"shown": str(len(shown))}
    services.journal.record(actor=who.actor, action="seal.search", subject="seals", reason=reason, details=details)
    return shown, shown[-1].id if len(found) > limit else None


def picture(services: Services, seal_id: str) -> bytes:
    """印模图片 of the present object, PNG as a rule. Raises ``NotFound("seal.no_object")``."""
    from seal.ses import parse_seal

    return parse_seal(services.desk.seal_register.object(seal_id)).picture


def status_of(
    services: Services, seal_id: str, moment: datetime | None, digest: str | None = None
) -> tuple[SealStatus, datetime]:
    """印章状态 at ``moment``, and that moment; the present one is the whole second that ends now, so that a step just
    taken counts. Raises ``NotFound("seal.unknown")`` for a seal never made here.
    """
    at = moment or whole_second(services.clock(), up=True)
    status = services.desk.seal_register.status(seal_id, at, digest=digest)
    if status is None:
        raise NotFound("seal.unknown", "没有登记印章 {id}。", id=seal_id[:64])
    return status, at


def _visible_departments(who: Official, grant: TokenGrant | None) -> list[str] | None:
    """Whose seals somebody may see: their unit's and, by token, its units'; ``None``: all."""
    own = {who.actor.department} if who.actor.department else None
    named = None if grant is None or "*" in grant.departments else set(grant.departments)
    if own is None or named is None:
        found = own or named
        return sorted(found) if found is not None else None
    return sorted(own & named)


def demand_covered(services: Services, seal_id: str, grant: TokenGrant) -> None:
    """Raises ``Refused("token.scope")`` unless the token covers the seal's unit, ``NotFound("seal.unknown")``."""
    grant.demand("seals", department=services.desk.seal_register.view(seal_id).summary.department_id)


def _demand_visible(view: SealView, departments: list[str] | None) -> None:
    if departments is not None and view.summary.department_id not in departments:
        raise NotFound("seal.unknown", "没有登记印章 {id}。", id=view.id)
