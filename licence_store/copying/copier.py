"""用证: make a copy for one purpose, hand it over once, take it back, record that it was accepted.

    made = copier.make(who, licence_id, CopyRequest("住房公积金中心", "提取住房公积金", until, uses=1))
    link = copier.link(who, made.id)
    copier.accept(made.data, clerk, Acceptance("提取住房公积金", "2026-0001"))
    copier.revoke(who, made.id, "已办结")

Making draws the original anew (never the original's file), seals with the node's copy seal, and lets nothing out that
the verifier would not pass. Each act is in the journal and in the holder's use ledger, in its own transaction.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from licence_store import journal
from licence_store.copying import grants, links, uses
from licence_store.copying.accepting import Accepting, check_original, passes, told_of
from licence_store.copying.copies import CopyHistory
from licence_store.copying.drawing import draw_copy, preview_copy
from licence_store.copying.evidence import holds, note, write
from licence_store.copying.grants import CopyView, tidied, unknown
from licence_store.copying.links import LinkView, MadeLink
from licence_store.copying.originals import Opened, demand_use, open_original
from licence_store.copying.uses import tidy_reason
from licence_store.holding.holder import ALL, NONE
from seal.copies import CopyRequest, CopyTerms
from seal.message import new_nonce
from seal.sealing import Sealer
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, NotFound, Unavailable
from trust.journal import Actor, Entry
from verify.policy import StatedPurpose

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.holding.holder import HolderSession
    from licence_store.uploads.vault import VaultEntry

ASSURANCE: Final = 2
"""What a holder must have proved, and lately, to hand out what is theirs."""
_SWEPT: Final = 200
_CLOSED: Final = "注销账号"


@dataclass(frozen=True, slots=True)
class MadeCopy:
    """制成的副本."""

    id: str
    data: bytes = field(repr=False)
    form: str
    view: CopyView


@dataclass(frozen=True, slots=True)
class Taken:
    """取走的副本."""

    data: bytes = field(repr=False)
    view: CopyView


@dataclass(frozen=True, slots=True)
class Offered:
    """链接所指: what somebody with the address sees before they take it."""

    link: LinkView
    view: CopyView


@dataclass(frozen=True)
class Copier(Accepting):
    """用证: the holder's side, and that of whoever has a link; ``Accepting`` is the other."""

    # The holder

    def make(
        self, who: HolderSession, item: str, request: CopyRequest, form: str = "ofd", *, actor: Actor | None = None
    ) -> MadeCopy:
        """制作用证副本 of ``item`` (a licence's id or a material's) as ``ofd`` or ``pdf``.

        Raises ``NotFound("licence.unknown", "material.unknown")``, ``Refused`` (``holder.right``, ``copy.*``,
        ``licence.not_referencable``), ``StepUpNeeded``, ``Malformed("copy.*")``, and as sealing does.
        """
        now = self.desk.clock()
        request = tidied(request, now)
        opened = open_original(self.desk, who, item, request.masked)
        demand_use(who, opened.original.type_code, request.service_item)
        who.demand_assurance(ASSURANCE, now)
        terms = self._terms(opened, request, now)
        data = self._sealed(terms, opened, form)
        self._check_own(data, terms)
        return self._record(who, actor or who.actor(), terms, opened, form, data)

    def preview(self, who: HolderSession, item: str, request: CopyRequest) -> bytes:
        """预览: the copy as it would look, PNG; nothing is made or kept. Raises as ``make`` does."""
        now = self.desk.clock()
        request = tidied(request, now)
        opened = open_original(self.desk, who, item, request.masked)
        return preview_copy(self._terms(opened, request, now), opened.source)

    def own(self, who: HolderSession, copy_id: str) -> CopyView:
        """The holder's copy. Raises ``NotFound("copy.unknown")``."""
        view = self.desk.copies.find(copy_id)
        if view.holder_code != who.holder.code or not who.may("view", view.type_code or NONE):
            raise unknown(copy_id)
        return view

    def of_holder(
        self, who: HolderSession, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> tuple[CopyView, ...]:
        """The holder's copies that this session may see, newest first, from the one after ``after``."""
        who.demand("view")
        types = None if ALL in who.types else who.types
        return self.desk.copies.of_holder(who.holder.code, types=types, after=after, limit=limit)

    def history(self, who: HolderSession, copy_id: str) -> CopyHistory:
        """The copy with its links, uses and refusals. Raises ``NotFound("copy.unknown")``."""
        return self.desk.copies.history(self.own(who, copy_id).id)

    def file(self, who: HolderSession, copy_id: str, *, actor: Actor | None = None) -> Taken:
        """The copy's file once more. Raises as ``own``; ``Refused("copy.revoked", …)`` when it has ended."""
        now, actor = self.desk.clock(), actor or who.actor()
        view = self.own(who, copy_id)
        demand_use(who, view.type_code, view.service_item)
        self._check_fetchable(view, now)
        data = self._open(view)
        with self.desk.sessions.begin() as session:
            note(self.desk, session, view, "download", holds(session, who, actor), actor.account, now)
            write(session, now, actor, "copy.download", view)
        return Taken(data, view)

    def picture(self, who: HolderSession, copy_id: str) -> bytes:
        """What the copy looks like, PNG, drawn anew of its terms. Raises as ``own``; ``Refused("copy.revoked", …)``;
        ``NotFound("copy.no_picture")`` where the original has changed since.
        """
        view = self.own(who, copy_id)
        uses.check_state(view, self.desk.clock())
        terms = CopyTerms.from_json(view.terms)
        opened = open_original(self.desk, who, view.source_id, terms.masked)
        if (opened.face, opened.pages) != (terms.face, terms.pages):
            raise NotFound("copy.no_picture", "原件已有变化，不能按原样显示该副本。")
        return preview_copy(terms, opened.source)

    def revoke(self, who: HolderSession, copy_id: str, reason: str = "", *, actor: Actor | None = None) -> CopyView:
        """收回. From now on it is refused everywhere where our word is asked; its file and open links go.

        Raises ``NotFound("copy.unknown")``, ``Conflict("copy.revoked_already")``, ``Malformed("copy.reason")``.
        """
        reason, now, actor = tidy_reason(reason, needed=False), self.desk.clock(), actor or who.actor()
        view = self.own(who, copy_id)
        who.demand("use", view.type_code or NONE)
        with self.desk.sessions.begin() as session:
            gone = self._end(session, copy_id, now, actor, reason)
            note(
                self.desk,
                session,
                view,
                "copy",
                holds(session, who, actor),
                actor.account,
                now,
                result="revoked",
                why=reason,
            )
            write(session, now, actor, "copy.revoke", view, reason=reason)
        self._discard(gone)
        return self.desk.copies.find(copy_id)

    def forget(self, holder_code: str, actor: Actor) -> int:
        """收回 every copy a holder still has out: they close their account (``ClosingPart``). Answers how many."""
        now = self.desk.clock()
        with self.desk.sessions.begin() as session:
            found, gone = grants.open_copies(session, holder_code), []
            for copy_id in found:
                gone += self._end(session, copy_id, now, actor, _CLOSED)
            if found:
                details = {"count": str(len(found))}
                journal.append(session, [Entry(now, actor, "copy.revoke_all", "copies", _CLOSED, details=details)])
        self._discard(gone)
        return len(found)

    def link(
        self, who: HolderSession, copy_id: str, valid: timedelta = links.USUAL, *, actor: Actor | None = None
    ) -> MadeLink:
        """一次性链接. Raises as ``file`` does; ``Malformed("copy.link_valid")``, ``StepUpNeeded``."""
        now, actor = self.desk.clock(), actor or who.actor()
        view = self.own(who, copy_id)
        demand_use(who, view.type_code, view.service_item)
        who.demand_assurance(ASSURANCE, now)
        self._check_fetchable(view, now)
        with self.desk.sessions.begin() as session:
            uses.check_state(grants.find(session, copy_id, hold=True), now)
            grants.file_of(session, view)
            made = links.make(session, copy_id, actor.account, now, valid)
            write(session, now, actor, "copy.link", view, {"link": made.id})
        return made

    def withdraw(self, who: HolderSession, copy_id: str, link_id: str, *, actor: Actor | None = None) -> None:
        """撤回链接. Raises ``NotFound``, ``Conflict("copy.link_taken", …)``."""
        now, actor = self.desk.clock(), actor or who.actor()
        view = self.own(who, copy_id)
        who.demand("use", view.type_code or NONE)
        with self.desk.sessions.begin() as session:
            links.burn(session, links.of_id(session, copy_id, link_id), links.WITHDRAWN, now)
            write(session, now, actor, "copy.link_withdraw", view, {"link": link_id})

    # Whoever has the address

    def offered(self, token: str) -> Offered:
        """What the link leads to; looking takes nothing. Raises ``NotFound("copy.link_unknown")``."""
        with self.desk.sessions.read() as session:
            link = links.find(session, token)
            return Offered(link, grants.find(session, link.copy_id))

    def take(self, token: str, actor: Actor) -> Taken:
        """取走, once. Raises ``NotFound("copy.link_unknown")``, ``Conflict("copy.link_taken", "copy.link_expired",
        "copy.link_withdrawn")``, ``Refused("copy.revoked", …)``, ``Unavailable`` (and then the link is still good).
        """
        now = self.desk.clock()
        found = self.offered(token)
        links.check_open(found.link, now)
        self._check_fetchable(found.view, now)
        data = self._open(found.view)
        with self.desk.sessions.begin() as session:
            view = grants.find(session, found.view.id, hold=True)
            uses.check_state(view, now)
            links.burn(session, found.link, links.TAKEN, now)
            note(self.desk, session, view, "download", "一次性链接", f"link:{found.link.id}", now)
            write(session, now, actor, "copy.take", view, {"link": found.link.id})
        return Taken(data, view)

    # Upkeep

    def sweep(self, moment: datetime) -> int:
        """Drop the files of copies whose time is over; harmless at any time, in any number of processes."""
        with self.desk.sessions.begin() as session:
            ended = grants.ended_files(session, moment, _SWEPT)
            gone = grants.forget_files(session, ended)
        self._discard(gone)
        return len(gone)

    # Inside

    def _terms(self, opened: Opened, request: CopyRequest, now: datetime) -> CopyTerms:
        facts, copy_id = self.desk.facts, f"c-{secrets.token_hex(12)}"
        return CopyTerms.of(
            request,
            opened.original,
            opened.level,
            copy_id=copy_id,
            made=now.replace(microsecond=0),
            by=self.desk.copy_seal().signer.certificate.common_name,
            region=facts.code,
            nonce=new_nonce(),
            face=opened.face,
            pages=opened.pages,
            check_url=f"{facts.base_url}/c/{copy_id}",
            demonstration=facts.demonstration,
        )

    def _sealed(self, terms: CopyTerms, opened: Opened, form: str) -> bytes:
        material = self.desk.copy_seal()
        drawn = draw_copy(terms, opened.source, form)
        return (
            Sealer(self.desk.timestamper, self.desk.clock)
            .seal(drawn.document, material, drawn.placements(material.seal))
            .data
        )

    def _check_own(self, data: bytes, terms: CopyTerms) -> None:
        """Nothing leaves that we would not accept."""
        stated = StatedPurpose(terms.purpose, terms.recipient, terms.service_item, terms.case_number)
        report = self.desk.own_verifier().verify(data, stated=stated)
        if not passes(report, original_seen=True):
            raise Unavailable("copy.self_check", "副本未通过自检（{finding}），没有交出。", finding=told_of(report))

    def _record(
        self, who: HolderSession, actor: Actor, terms: CopyTerms, opened: Opened, form: str, data: bytes
    ) -> MadeCopy:
        file = self.desk.vault.put(data, context_of(terms.copy_id))
        row = {
            "copy_id": terms.copy_id,
            "holder_code": opened.holder_code,
            "holder_kind": who.holder.kind,
            "source_kind": terms.original.kind,
            "source_id": terms.original.id,
            "title": terms.original.title,
            "type_code": terms.original.type_code,
            "level": terms.level,
            "recipient": terms.recipient,
            "purpose": terms.purpose,
            "service_item": terms.service_item,
            "case_number": terms.case_number,
            "until": terms.until,
            "uses": terms.uses,
            "original_check": bool(terms.original.check_required) or terms.level == "C",
            "form": form,
            "terms": terms.to_bytes().decode(),
            "digest": sm3(data).hex(),
            "size": len(data),
            "made": terms.made,
            "made_by": actor.account[:100],
        }
        with self.desk.sessions.begin() as session:
            grants.add(session, row, file)
            view = grants.find(session, terms.copy_id)
            note(self.desk, session, view, "copy", holds(session, who, actor), actor.account, terms.made)
            details = {"original": terms.original.id, "form": form, "copy": view.digest}
            write(session, terms.made, actor, "copy.make", view, details, reason=terms.purpose)
        return MadeCopy(view.id, data, form, view)

    def _end(self, session: Session, copy_id: str, now: datetime, actor: Actor, reason: str) -> list[VaultEntry]:
        grants.end(session, copy_id, now, actor.account, reason)
        for link in links.of_copy(session, copy_id):
            if link.state(now) == "open":
                links.burn(session, link, links.WITHDRAWN, now)
        return grants.forget_files(session, [copy_id])

    def _check_fetchable(self, view: CopyView, now: datetime) -> None:
        """Nothing is handed out any more that would not be accepted."""
        uses.check_state(view, now)
        check_original(self.is_good(view, now))

    def _open(self, view: CopyView) -> bytes:
        with self.desk.sessions.read() as session:
            entry = grants.file_of(session, view)
        return self.desk.vault.get(entry, context_of(view.id))

    def _discard(self, entries: list[VaultEntry]) -> None:
        for one in entries:
            try:
                self.desk.vault.discard(one)
            except LicenceTrustError:
                continue  # without its key nobody can read it; the upkeep of files sweeps it


def context_of(copy_id: str) -> str:
    """What the vault is told the file is."""
    return f"copy {copy_id}"
