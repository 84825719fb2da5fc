"""采用与拒绝: what somebody brings is verified for what they state, then accepted within its terms, or refused.

Only ``accept`` counts a use. Every refusal of a copy of ours, by rule or by decision, is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from licence_store.copying import grants, uses
from licence_store.copying.drawing import preview_copy
from licence_store.copying.evidence import note, tell, write
from licence_store.copying.grants import CopyView
from licence_store.copying.originals import LICENCE, source_of
from licence_store.copying.uses import BY_CLERK, Acceptance, RefusalView, UseView, recipient_of, tidy_reason
from licence_store.ledger.witness import who_of
from licence_store.materials.views import ACTIVE
from licence_store.standing import day_of
from seal.copies import CopyTerms
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused
from trust.journal import Actor
from verify.policy import CURRENT, StatedPurpose
from verify.report import Finding, Indication, Report, Severity

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from verify.verifier import Verifier

ORIGINAL_CHECK: Final = "ORIGINAL_CHECK_REQUIRED"
_PUBLIC: Final = "扫码查询副本"


@dataclass(frozen=True, slots=True)
class Shown:
    """出示的副本: a file somebody brought, verified for what they state."""

    report: Report
    view: CopyView | None
    """``None``: it names no copy of ours, nor of another region's of the list."""


@dataclass(frozen=True)
class Accepting:
    """受理: the side of whoever is given a copy."""

    desk: Desk

    def show(self, content: bytes, stated: StatedPurpose, verifier: Verifier | None = None) -> Shown:
        """核验 what somebody brought, for what they state; counts nothing."""
        report = (verifier or self.desk.verifier()).verify(content, stated=stated)
        with self.desk.sessions.read() as session:
            view = grants.find_or_none(session, copy_id_in(report))
        if view is None and report.copy:
            digest, form = (str(report.document[name]) for name in ("digest", "format"))
            view = self.desk.copies_elsewhere.view(report.copy, digest, form.lower())
        return Shown(report, view)

    def picture_of(self, shown: Shown) -> bytes:
        """What the copy that was shown looks like, PNG, drawn anew of its terms.

        Raises ``NotFound("copy.no_picture")`` for a file that is not the one on record, or whose original has changed.
        """
        view = shown.view
        if view is None or view.region or shown.report.document["digest"] != view.digest:
            raise NotFound("copy.no_picture", "原件已有变化，不能按原样显示该副本。")
        return preview_copy(CopyTerms.from_json(view.terms), source_of(self.desk, view.source_id))

    def note_check(self, report: Report, actor: Actor, why: str = "") -> bool:
        """记下 that a copy of ours was verified, in its holder's ledger and the journal; ``False``: it is none."""
        now = self.desk.clock()
        with self.desk.sessions.begin() as session:
            view = grants.find_or_none(session, copy_id_in(report))
            if view is None:
                return False
            who, department = who_of(session, actor)
            result = " ".join(filter(None, (str(report.indication), report.sub_indication)))
            note(
                self.desk,
                session,
                view,
                "verify",
                who,
                actor.account,
                now,
                why=why or "—",
                result=result,
                department=department,
            )
            write(session, now, actor, "document.verify", view, reason=why, result=result)
        return True

    def look_up(self, copy_id: str, actor: Actor) -> tuple[CopyView, bool]:
        """What is on record of a copy somebody has before them on paper, and whether what it was made of is still in
        force; noted. Raises ``NotFound("copy.unknown")``.
        """
        now, view = self.desk.clock(), self.desk.copies.find(copy_id)
        good = self.is_good(view, now)
        result = str(view.state(now)) if good else "copy.original_ended"
        with self.desk.sessions.begin() as session:
            who, department = who_of(session, actor)
            note(
                self.desk, session, view, "check", who, actor.account, now, why=_PUBLIC, result=result,
                department=department,
            )  # fmt: skip
            write(session, now, actor, "copy.public_check", view, reason=_PUBLIC, result=result)
        return view, good

    def tidied(self, asked: Acceptance, actor: Actor) -> Acceptance:
        """What is stated, in one form, for whom ``actor`` accepts. Raises ``Malformed``, ``Refused``."""
        with self.desk.sessions.read() as session:
            return asked.tidied(recipient_of(session, actor, asked.recipient))

    def look_at(
        self, copy_id: str, actor: Actor, asked: Acceptance, address: str = ""
    ) -> tuple[CopyView, LicenceTrustError | None]:
        """Of a copy on paper, by its id: what is on record, and what speaks against accepting it; counts nothing.
        ``address``: where the code on it leads, which tells another region's.

        Raises ``NotFound("copy.unknown")``, ``Malformed``, ``Refused("copy.recipient_differs")``,
        ``Unavailable("copy.region_silent")``.
        """
        if region := self._region_of(copy_id, address):
            return self.desk.copies_elsewhere.look_at(region, copy_id, actor, self.tidied(asked, actor))
        now, (stated, found, _) = self.desk.clock(), self._stated(copy_id, actor, asked, None)
        view = self.desk.copies.find(found)
        try:
            uses.check_terms(view, replace(stated, original_seen=True), now)
            check_original(self.is_good(view, now))
        except Refused as error:
            return view, error
        return view, None

    def accept(self, what: bytes | str, actor: Actor, asked: Acceptance, verifier: Verifier | None = None) -> UseView:
        """采用: count a use of the copy that is shown (its file) or named (its id), never beyond its limit.

        Raises ``NotFound("copy.unknown")``; ``Refused`` (``copy.recipient_differs``, ``copy.purpose_differs``,
        ``copy.service_item_differs``, ``copy.case_differs``, ``copy.revoked``, ``copy.used_up``, ``copy.expired``,
        ``copy.original_check_required``, ``copy.original_ended``, ``copy.not_passed``); ``Malformed``; ``Conflict``. A
        refusal of a known copy is recorded. Of a copy that another region made, that region decides and counts
        (``licence_store.crossing.copies``).
        """
        now = self.desk.clock()
        stated, copy_id, report = self._stated(what, actor, asked, verifier)
        if region := self._region_of(copy_id, report=report):
            if report is not None and not (stated.key and _may_be_counted(report)):
                _check_passed(report)
            return self.desk.copies_elsewhere.accept(region, copy_id, actor, stated)
        good = self.is_good(self.desk.copies.find(copy_id), now)
        with self._refusals_recorded(copy_id, actor, stated, now), self.desk.sessions.begin() as session:
            view = grants.find(session, copy_id, hold=True)
            before = uses.recorded(session, view, actor, stated)
            if before is not None:
                return before
            uses.check_terms(view, stated, now)
            check_original(good)
            if report is not None:
                _check_passed(report)
            made = uses.count(session, view, actor, stated, now)
            why = _why(stated)
            note(
                self.desk,
                session,
                view,
                "use",
                made.recipient,
                actor.account,
                now,
                why=why,
                department=actor.department,
            )
            number = str(made.number)
            tell(
                self.desk, session, view, "copy.accepted", f"accepted-{number}", made.recipient, made.purpose,
                count=number,
            )  # fmt: skip
            write(session, now, actor, "copy.accept", view, {"number": number}, reason=why)
        return made

    def refuse(
        self, what: bytes | str, actor: Actor, asked: Acceptance, reason: str, verifier: Verifier | None = None
    ) -> RefusalView:
        """不予采用 by the clerk's own decision; counts nothing. Raises ``NotFound("copy.unknown")``, ``Malformed``."""
        now, reason = self.desk.clock(), tidy_reason(reason, needed=True)
        stated, copy_id, report = self._stated(what, actor, asked, verifier)
        if region := self._region_of(copy_id, report=report):
            return self.desk.copies_elsewhere.refuse(region, copy_id, actor, stated, reason)
        return self._refused(copy_id, actor, stated, now, BY_CLERK, reason)

    # Inside

    def _stated(
        self, what: bytes | str, actor: Actor, asked: Acceptance, verifier: Verifier | None
    ) -> tuple[Acceptance, str, Report | None]:
        """What is stated, of which copy; the verdict where its file was shown."""
        stated = self.tidied(asked, actor)
        if isinstance(what, str):
            copy_id = what.strip()
            elsewhere = bool(self.desk.copies_elsewhere.region_of(copy_id))
            return stated, copy_id if elsewhere else self.desk.copies.find(copy_id).id, None
        shown = self.show(what, stated.stated, verifier)
        if shown.view is None:
            raise Refused(
                "copy.not_ours", "这份文件不是本地区制作的用证副本（{finding}）。", finding=told_of(shown.report)
            )
        return replace(stated, digest=str(shown.report.document["digest"])), shown.view.id, shown.report

    def _region_of(self, copy_id: str, address: str = "", report: Report | None = None) -> str:
        """Code of the other region that made it: by its file, by its code's address, by what was asked before."""
        if self.desk.copies.has(copy_id):
            return ""
        if report is not None and report.copy:
            return str(report.copy["region"])
        return self.desk.copies_elsewhere.region_at(address) or self.desk.copies_elsewhere.region_of(copy_id)

    def is_good(self, view: CopyView, now: datetime) -> bool:
        """Is what the copy was made of still in force, and worth no less?"""
        if view.source_kind == LICENCE:
            status = self.desk.register.status(view.source_id, now)
            return status is not None and status.state == CURRENT
        material = self.desk.materials.find(view.source_id)
        return material.state == ACTIVE and material.level <= view.level

    @contextmanager
    def _refusals_recorded(self, copy_id: str, actor: Actor, stated: Acceptance, now: datetime) -> Iterator[None]:
        try:
            yield
        except (Refused, Conflict) as error:
            self._refused(copy_id, actor, stated, now, error.code, error.message[:300])
            raise

    def _refused(
        self, copy_id: str, actor: Actor, stated: Acceptance, now: datetime, code: str, reason: str
    ) -> RefusalView:
        with self.desk.sessions.begin() as session:
            view = grants.find(session, copy_id)
            made = uses.note_refusal(session, copy_id, actor, stated, now, code, reason)
            why = _why(stated)
            note(
                self.desk,
                session,
                view,
                "refuse",
                stated.recipient,
                actor.account,
                now,
                why=why,
                result=code,
                department=actor.department,
            )
            once = f"refused-{code}-{day_of(now)}"
            tell(self.desk, session, view, "copy.refused", once, stated.recipient, stated.purpose)
            write(session, now, actor, "copy.refuse", view, reason=why, result=code)
        return made


def copy_id_in(report: Report) -> str:
    """The id of the copy a report speaks of; empty: of none."""
    return str(report.copy["id"]) if report.copy else ""


def passes(report: Report, *, original_seen: bool) -> bool:
    """Did it pass, or would it with the original beside it, which was seen?"""
    if report.indication is Indication.PASSED:
        return True
    wrong = [one for one in _every(report) if one.severity is Severity.ERROR]
    return original_seen and bool(wrong) and all(one.sub_indication == ORIGINAL_CHECK for one in wrong)


def _check_passed(report: Report) -> None:
    """Raises ``Refused("copy.not_passed")``."""
    if not passes(report, original_seen=True):
        raise Refused("copy.not_passed", "副本未通过核验（{finding}），不能采用。", finding=told_of(report))


def _may_be_counted(report: Report) -> bool:
    """Is all that is wrong what its region decides itself? The answer to this very acceptance may have been lost."""
    wrong = {one.sub_indication for one in _every(report) if one.severity is Severity.ERROR}
    return bool(wrong) and wrong <= {"COPY_USED_UP", "COPY_REVOKED", ORIGINAL_CHECK}


def check_original(good: bool) -> None:
    """Raises ``Refused("copy.original_ended")``."""
    if not good:
        raise Refused("copy.original_ended", "副本所依据的原件现已失效或不能引用。")


def _every(report: Report) -> list[Finding]:
    return [*report.findings, *(one for signature in report.signatures for one in signature.findings)]


def told_of(report: Report) -> str:
    """Codes of what is wrong."""
    return "、".join(dict.fromkeys(one.code for one in _every(report) if one.severity is Severity.ERROR)) or "—"


def _why(stated: Acceptance) -> str:
    return "，".join(one for one in (stated.purpose, stated.service_item, stated.case_number) if one)
