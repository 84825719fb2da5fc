"""用户空间: what a holder may do with what is theirs; one door for command line, interface and pages.

Nothing is decided here: ``licence_store.life`` has the rules of a loss, ``presenting`` those of a presentation,
``disputes`` those of a dispute. What this adds is whose item it is (another's is unknown), what the session covers,
and the entry in the holder's ledger.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from licence_store.disputes.disputes import REJECTED, UPHELD
from licence_store.gathering import Gathering
from licence_store.holding.holder import EVERYTHING
from licence_store.ledger.ledger import UseFilter, UseNote
from licence_store.ledger.scope import covered, covers, demand_all, is_theirs, limits
from licence_store.ledger.witness import who_holds, who_of
from licence_store.presenting.presenter import VALID, Offered, PresentationView, Shown, Viewer
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, Malformed, NotFound

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.disputes.disputes import DisputeView
    from licence_store.holding.holder import HolderSession
    from licence_store.ledger.ledger import UsePage
    from licence_store.views import EventView, LicenceView
    from trust.journal import Actor
    from trust.use_ledger import SignedHead, UseEntry, UseLedgerCheck
    from verify.report import Report

LOSS_LEVEL: Final = 2
"""认证等级 that reporting a loss needs, proved lately."""


def gathering(services: Services) -> Gathering:
    """归集 of the region."""
    return Gathering(services.desk)


# Licences


def find(
    services: Services, who: HolderSession, licence_id: str, act: str = "view", *, right: str = "view"
) -> LicenceView:
    """The holder's licence, newest version; noted in their ledger. Another's, or one outside the rights, is unknown.

    Raises ``NotFound("licence.unknown")``, ``Malformed("identifier.*")``, ``Refused("holder.right")``.
    """
    view = own(services, who, licence_id)
    who.demand(right, view.summary.type_code)
    _note(services, who, view.summary.base, act, "ok", once=act == "view")
    return view


def file(services: Services, who: HolderSession, licence_id: str, form: str) -> tuple[LicenceView, bytes]:
    """下载: the sealed file. Raises as ``find``, and ``NotFound("licence.form_absent")``."""
    view = own(services, who, licence_id)
    who.demand("view", view.summary.type_code)
    data = services.register.file(view, form)
    _note(services, who, view.summary.base, "download", "ok")
    return view, data


def report_lost(services: Services, who: HolderSession, licence_id: str, reason: str) -> EventView:
    """挂失 by the holder. Raises ``StepUpNeeded``, ``Refused`` naming the rule, and as ``find``."""
    view = own(services, who, licence_id)
    who.demand("report_loss", view.summary.type_code)
    who.demand_assurance(LOSS_LEVEL, services.clock())
    official = Official(who.actor(), Role.HOLDER, who.holder.code)
    event = services.desk.life.take(view.licence_id, "report_lost", official, reason=reason)
    _note(services, who, view.summary.base, "report_lost", "ok", reason)
    return event


def own(services: Services, who: HolderSession, licence_id: str) -> LicenceView:
    """The holder's licence, within the session's rights; not noted. Raises as ``find``."""
    view = services.register.find(licence_id)
    if not is_theirs(who, view.summary) or not who.may("view", view.summary.type_code):
        raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
    return view


def looked(services: Services, who: HolderSession, view: LicenceView) -> None:
    """The face stands on a page on the way to something else: that is a look too."""
    _note(services, who, view.summary.base, "view", "ok", once=True)


def _note(
    services: Services, who: HolderSession, base: str, act: str, result: str, why: str = "", *, once: bool = False
) -> None:
    ledger, actor = services.desk.ledger, who.actor()
    note = UseNote(who.holder.code, base, act, who_holds(who), actor.account, why, result, services.clock())
    with ledger.sessions.begin() as session:
        (ledger.note_once if once else ledger.note)(session, note)


# The ledger


def base_of(text: str) -> str:
    """What entries are about, from a licence's id; anything else as it is."""
    from trust.identifiers import parse_licence_id

    try:
        return parse_licence_id(text).base
    except Malformed:
        return text.strip()


def ledger_page(
    services: Services, who: HolderSession, filters: UseFilter, cursor: int | None = None, limit: int = 50
) -> UsePage:
    """用证记录 of the holder, as far as the session covers. Raises ``Refused("holder.right")``."""
    who.demand("view")
    return services.desk.ledger.page(who.holder.code, cursor, limit, replace(filters, types=limits(who)))


def entry(services: Services, who: HolderSession, seq: int) -> tuple[UseEntry, str]:
    """One entry of the holder's, and its digest; raises ``NotFound("ledger.unknown")``."""
    found, digest = services.desk.ledger.entry(who.holder.code, seq)
    if not covers(who, found.subject):
        raise NotFound("ledger.unknown", "您的用证记录中没有第 {seq} 条。", seq=seq)
    return found, digest


def ledger_check(services: Services, who: HolderSession, earlier: tuple[SignedHead, ...] = ()) -> UseLedgerCheck:
    """完整性 of the holder's ledger. Raises ``Refused("holder.right")``."""
    demand_all(who)
    return services.desk.ledger.check(who.holder.code, earlier)


def ledger_export(services: Services, who: HolderSession) -> bytes:
    """导出, for the holder or whoever may see everything of theirs; journalled. Raises ``Refused("holder.right")``."""
    demand_all(who)
    data = services.desk.ledger.export(who.holder.code)
    services.journal.record(actor=who.actor(), action="ledger.export", subject=who.account_id or "counter")
    return data


# Presenting


def offer(
    services: Services,
    who: HolderSession,
    licence_id: str,
    *,
    fields: Collection[str] = (),
    verifier: str = "",
    purpose: str = "",
    valid: timedelta = VALID,
) -> tuple[Offered, str]:
    """亮证: the code, and the address its QR code carries. Raises as ``Presenter.offer``."""
    offered = services.desk.presenter.offer(
        who, licence_id, fields=fields, verifier=verifier, purpose=purpose, valid=valid
    )
    return offered, f"{services.settings.base_url.rstrip('/')}/present/{offered.token}"


def presentations(services: Services, who: HolderSession, limit: int = 20) -> list[PresentationView]:
    """This holder's, newest first, as far as the session covers."""
    who.demand("use")
    return [one for one in services.desk.presenter.of_holder(who.holder.code, limit=limit) if covers(who, one.base)]


def presentation(services: Services, who: HolderSession, presentation_id: str) -> PresentationView:
    """One of the holder's; raises ``NotFound("present.unknown")``."""
    [found] = services.desk.presenter.of_holder(who.holder.code, presentation_id)
    if not covers(who, found.base, "use"):
        raise NotFound("present.unknown", "没有这个亮证码。")
    return found


def viewer(services: Services, actor: Actor) -> Viewer:
    """查验方: an officer of a department, or the public."""
    if actor.account == "anonymous":
        return Viewer()
    with services.desk.sessions.read() as session:
        name, department = who_of(session, actor)
    return Viewer(actor.department or department, name, actor.account)


def open_code(services: Services, actor: Actor, text: str, types: frozenset[str] = EVERYTHING) -> Shown:
    """查验: what was scanned (the address, or its token) or typed (the digits). Raises as ``Presenter.open``."""
    digits = text.replace(" ", "")
    if digits.isdecimal():
        return _opened(services, actor, "", digits, types)
    _, found, token = text.strip().partition("/present/")
    return _opened(services, actor, token if found else text.strip(), "", types)


def open_token(services: Services, actor: Actor, token: str) -> Shown:
    """查验 what a QR code carries, also by the public. Raises as ``Presenter.open``."""
    return _opened(services, actor, token, "")


def _opened(services: Services, actor: Actor, token: str, digits: str, types: frozenset[str] = EVERYTHING) -> Shown:
    """Opened, and journalled: the holder's ledger has it already, refusals too."""
    shown = services.desk.presenter.open(token, replace(viewer(services, actor), types=types), code=digits)
    services.journal.record(actor=actor, action="present.open", subject=shown.view.id, reason=shown.view.purpose)
    return shown


def verdict(services: Services, shown: Shown) -> Report:
    """The verdict on the file the register has of what is shown, now; it is part of the presentation's one look."""
    return services.verifier().verify(services.register.file(shown.licence))


def masked_picture(services: Services, shown: Shown) -> bytes:
    """The face with what is masked masked, and across it that it was presented, to whom and when; without seal."""
    from api.pictures import presented_face

    key = f"{shown.view.id} {shown.licence.file_digest}"
    return services.kept_picture(key, lambda: presented_face(services.desk, shown))


# Disputes


def disputes(services: Services, who: HolderSession) -> list[DisputeView]:
    """The holder's, newest first, as far as the session covers."""
    who.demand("view")
    return covered(who, services.desk.disputes.of_holder(who.holder.code))


def dispute(services: Services, who: HolderSession, dispute_id: str) -> DisputeView:
    """One of the holder's; raises ``NotFound("dispute.unknown")``."""
    [found] = services.desk.disputes.of_holder(who.holder.code, dispute_id)
    if not covers(who, found.subject):
        raise NotFound("dispute.unknown", "没有异议 {id}。", id=dispute_id[:40])
    return found


def open_dispute(
    services: Services, who: HolderSession, words: str, *, seq: int | None = None, licence_id: str = "", field: str = ""
) -> DisputeView:
    """异议 about an entry of the ledger or about a licence.

    Raises as ``Disputes`` does, ``Malformed("dispute.about")``.
    """
    if (seq is None) == (not licence_id):
        raise Malformed("dispute.about", "异议应当针对一条用证记录，或者一份证照。")
    if seq is not None:
        return services.desk.disputes.about_entry(who, seq, words)
    return services.desk.disputes.about_licence(who, licence_id, field, words)


def answer(services: Services, dispute_id: str, who: Official, outcome: str, words: str) -> DisputeView:
    """答复 by the department (``upheld``, ``rejected``), or only how far it is (``note``). Raises as ``Disputes``."""
    if outcome == "note":
        return services.desk.disputes.note(dispute_id, who, words)
    if outcome not in (UPHELD, REJECTED):
        raise Malformed("dispute.outcome", "答复应为 {expected} 之一。", expected="upheld、rejected、note")
    return services.desk.disputes.answer(dispute_id, who, upheld=outcome == UPHELD, words=words)


@dataclass(frozen=True, slots=True)
class Subject:
    """用证记录所指: what an entry, a presentation or a dispute is about, in words."""

    title: str
    number: str
    licence_id: str
    """Empty: it is no licence."""


def subject(services: Services, text: str) -> Subject:
    """What ``text`` (base of a licence, id of a material or copy) names. Only for whoever may see it already."""
    from trust.identifiers import first_version

    try:
        one = services.register.find(first_version(text).text).summary
        return Subject(one.type_name, one.licence_number, one.licence_id)
    except LicenceTrustError:
        pass
    try:
        if text.startswith("m-"):
            found = services.desk.materials.find(text)
            return Subject(found.title, found.stated_number, "")
        copy = services.desk.copies.find(text)
        return Subject(copy.title, copy.recipient, "")
    except LicenceTrustError:
        return Subject(text, "", "")
