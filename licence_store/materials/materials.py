"""材料: what a holder may use besides the licences of the register, each item with its level and where it comes from.

    view = materials.add(session, upload, kind="licence_scan", title="教师资格证书", type_code="teacher-certificate")
    view.level, view.usable                                      # "C", "after_check"
    materials.check(view.id, officer, compared=[("编号", "2011…", "2011…")], original_seen=True, reason="与原件相符")
    materials.get(view.id, session).level                        # "B", for the department has signed that it is so
    materials.take_better(view.id, session)                      # the register's original takes its place

Every act asks the one matrix (``steps``), is chained to the item's history (``events``) and journalled. What is none of
the asker's does not exist for them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, update

from keys.signer import Signer, Timestamper
from licence_store import journal
from licence_store.cabinet import SealCabinet
from licence_store.catalogue import Catalogue
from licence_store.holding.holder import NONE, HolderSession
from licence_store.journal import SQLJournal
from licence_store.ledger.ledger import Ledger
from licence_store.materials import events, listing, scope
from licence_store.materials.kinds import WINDOW, MaterialKind, find_kind
from licence_store.materials.models import MaterialStanding, MaterialWords
from licence_store.materials.steps import demand, matrix, unknown
from licence_store.materials.views import (
    DELETED,
    HOLDER,
    BetterCopy,
    CaseLine,
    EventLine,
    MaterialPage,
    MaterialView,
    UploadStore,
    Who,
    actor_of,
)
from licence_store.notices.outbox import Outbox
from licence_store.register import Register
from licence_store.uploads.stored import StoredUpload
from seal.database import Sessions
from seal.lifecycle import Official
from seal.models import table
from trust.anchors import TrustStore
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.identifiers import parse_licence_id, plain_number
from trust.journal import Actor, Entry
from verify.credibility import TrustedStatements
from verify.verifier import Verifier

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.materials.checking import Checked
    from licence_store.materials.provenance import Provenance

LONGEST_TITLE: Final = 200
LONGEST_NUMBER: Final = 100
MOST_AT_ONCE: Final = 200
"""Items of one page."""


@dataclass(frozen=True)
class Materials:
    """材料库: the collaborators. Callers have authenticated whoever acts."""

    sessions: Sessions
    catalogue: Catalogue
    register: Register
    journal: SQLJournal
    ledger: Ledger
    notices: Outbox
    seals: SealCabinet
    seal_object: Callable[[str, str], bytes]
    """The seal object with this id and SM3."""
    trust: Callable[[], TrustStore]
    timestamper: Callable[[], Timestamper]
    verifier: Callable[[], Verifier]
    """With the register's word."""
    uploads: Callable[[], UploadStore]
    publisher: Callable[[], Signer]
    """Who signs exports."""
    base_url: str
    clock: Callable[[], datetime]

    # 放入

    def add(
        self,
        who: HolderSession,
        upload: StoredUpload,
        *,
        kind: str,
        title: str,
        type_code: str = "",
        stated_number: str = "",
        case_number: str = "",
        department: str = "",
    ) -> MaterialView:
        """A holder's upload as a material of the level its kind is born with; a better copy is looked for at once.

        ``type_code`` is the code, slug or name of a licence type, ``department`` whose window it is for. Raises
        ``Malformed("material.kind", "material.kind_who", "material.words", "material.case")``,
        ``NotFound("type.unknown", "department.unknown")``, ``Refused("holder.right")``.
        """
        rule = _holders(find_kind(kind))
        code = self._type(rule, type_code)
        who.demand("upload", code or NONE)
        words = {"title": _title(title), "stated_number": _line(stated_number, LONGEST_NUMBER)}
        row = self._row(who.holder.code, rule, upload, code, self._department(department), who.actor().account)
        happened = events.Happening("add", who.actor(), "holder", self.clock())
        with self.sessions.begin() as session:
            events.begin(session, row, words, happened)
            if case_number:
                from licence_store.materials import casework

                casework.record(session, row["id"], words["title"], case_number, row["holder_code"], happened)
            self.note(session, who.actor(), "material.add", row["id"], {"kind": kind, "level": rule.level})
        self.offer_better(row["id"], who, quiet=True)
        return self.get(row["id"], who)

    def scan(
        self,
        official: Official,
        holder_code: str,
        upload: StoredUpload,
        checked: Checked,
        *,
        title: str,
        type_code: str = "",
        stated_number: str = "",
    ) -> MaterialView:
        """窗口扫描件: an officer's own scan of an original before them, compared and signed at once: B.

        It is the back office's: the holder sees and uses it and cannot change it (R059). Raises as ``add`` and
        ``check`` do.
        """
        from licence_store.materials import checking

        rule = find_kind(WINDOW)
        department = checking.department_of(self, official, "")
        code = self._type(rule, type_code)
        words = {"title": _title(title), "stated_number": _line(stated_number, LONGEST_NUMBER)}
        holder = plain_number(_line(holder_code, 64))
        if not holder:
            raise Malformed("material.holder", "请写明持证者代码。")
        row = self._row(holder, rule, upload, code, department.id, official.actor.account)
        return checking.scan(self, official, row, words, checked, department)

    # 查看

    def get(self, item_id: str, who: Who, action: str = "view") -> MaterialView:
        """The item, or the licence with this id seen as one, if they may ``action`` it.

        Raises ``NotFound("material.unknown")`` for what is none of theirs, and what the matrix says.
        """
        view = self.find(item_id)
        demand(action, view, self.role_of(who, view, action))
        return view

    def find(self, item_id: str) -> MaterialView:
        """The item, whoever asks; not for the outside. Raises ``NotFound("material.unknown")``."""
        if not item_id.startswith("m-"):
            return self._licence(item_id)
        with self.sessions.read() as session:
            held = events.look(session, item_id[:40])
        if held is None:
            raise unknown(item_id)
        return events.view(held, self.statements())

    def demand_usable(self, item_id: str, who: Who) -> MaterialView:
        """可否直接使用: raises ``Refused("material.original_check")`` where an officer must compare it first."""
        return self.get(item_id, who, "use")

    def content(self, item_id: str, who: Who) -> bytes:
        """The file; journalled. Raises as ``get`` does, and ``files.*``."""
        view = self.get(item_id, who, "content")
        self._opened(view, who, "download")
        return self.uploads().open(view.upload_id)

    def picture(self, item_id: str, who: Who, page: int = 1, width: int = 1200) -> bytes:
        """PNG of a page; journalled. Raises as ``content`` does."""
        view = self.get(item_id, who, "content")
        self._opened(view, who, "view")
        return self.uploads().page_picture(view.upload_id, page, width)

    def history(self, item_id: str, who: Who) -> tuple[EventLine, ...]:
        """材料经过, oldest first."""
        view = self.get(item_id, who, "history")
        with self.sessions.read() as session:
            return tuple(map(events.line, events.events_of(session, [view.id]).get(view.id, ())))

    def of_holder(
        self, who: HolderSession, *, state: str = "", kind: str = "", after: str = "", limit: int = 50
    ) -> MaterialPage:
        """The holder's materials, newest first; deleted ones only where ``state`` asks for them."""
        who.demand("view")
        return listing.of_holder(self, who, listing.Wanted(state, kind), after, limit)

    def waiting(
        self, official: Official, *, kind: str = "", type_code: str = "", show: str = "waiting", after: str = "",
        limit: int = 50,
    ) -> MaterialPage:  # fmt: skip
        """待核验: the work list of a window, oldest first. Raises ``Refused("material.role")``."""
        scope.demand_officer(official)
        return listing.of_window(self, official, listing.Wanted(show, kind, type_code), after, limit)

    def at_window(self, official: Official, holder_code: str, purpose: str) -> MaterialPage:
        """What a holder who stands at the counter has there, titles only in practice; journalled with its purpose.

        Raises ``Refused("material.role")``, ``Malformed("purpose.missing")``.
        """
        scope.demand_officer(official)
        return listing.at_window(self, official, plain_number(_line(holder_code, 64)), purpose)

    # 改动

    def replace(self, item_id: str, who: HolderSession, upload: StoredUpload) -> MaterialView:
        """替换 by a new upload of the same kind: a new item that begins anew at its level; the old one says so.

        Raises as ``get`` does, and ``Conflict("material.state")``.
        """
        old = self.get(item_id, who, "replace")
        row = self._row(old.holder_code, old.kind, upload, old.type_code, old.department_id, who.actor().account)
        now, words = self.clock(), {"title": old.title, "stated_number": old.stated_number}
        with self.journalled("material.replace", item_id, who), self.sessions.begin() as session:
            held = self.hold(session, old, who, "replace")
            added = events.Happening("add", who.actor(), "holder", now, details={"instead_of": old.id})
            events.begin(session, row, words, added)
            events.append(
                session, held, events.Happening("replace", who.actor(), "holder", now, details={"by": row["id"]})
            )
            self.note(session, who.actor(), "material.replace", old.id, {"by": row["id"]})
        self.offer_better(row["id"], who, quiet=True)
        return self.get(row["id"], who)

    def delete(self, item_id: str, who: Who) -> None:
        """删除: the file and its words go; who did what remains, without them. Raises as ``get`` does."""
        view = self.get(item_id, who, "delete")
        with self.journalled("material.delete", item_id, who), self.sessions.begin() as session:
            held = self.hold(session, view, who, "delete")
            role = "officer" if isinstance(who, Official) else "holder"
            events.append(session, held, events.Happening("delete", actor_of(who), role, self.clock()))
            dropped = self._wipe(session, held, actor_of(who))
            self.note(session, actor_of(who), "material.delete", view.id)
        self._discard(dropped)

    def forget(self, holder_code: str, actor: Actor) -> int:
        """清除: with a closed account its own uploads go (R104); what a window put there stays. Implements
        ``licence_store.holding.closing.ClosingPart``.
        """
        with self.sessions.read() as session:
            own = listing.own_of(session, holder_code)
        gone, why = 0, {"why": "account_closed"}
        for material_id in own:
            with self.sessions.begin() as session:
                held = events.hold(session, material_id)
                if held is None or events.state_of(held.events) == DELETED:
                    continue
                happened = events.Happening("delete", actor, "system", self.clock(), details=why)
                events.append(session, held, happened)
                dropped = self._wipe(session, held, actor)
                self.note(session, actor, "material.delete", material_id, why)
            self._discard(dropped)
            gone += 1
        return gone

    # 核验 (``checking``)

    def check(
        self,
        item_id: str,
        official: Official,
        *,
        compared: Sequence[tuple[str, str, str]],
        original_seen: bool,
        reason: str,
        valid_until: str = "",
        department: str = "",
    ) -> MaterialView:
        """核验为 B: the officer has compared the upload with its original and the department signs that they have.

        ``compared`` are ``(what, upload says, original says)``; where two differ it is refused. Raises as ``get``
        does, ``Refused("material.original_unseen", "material.differs", "material.department", "seal.*")``,
        ``Malformed("material.compared", "material.words", "material.valid_until")``, ``Unavailable`` where key or
        time stamp is away.
        """
        from licence_store.materials import checking

        checked = checking.Checked(tuple(compared), original_seen, reason, valid_until)
        return checking.check(self, item_id, official, checked, department)

    def refuse(self, item_id: str, official: Official, reason_code: str, words: str = "") -> MaterialView:
        """退回 with a reason of the code book, which says what the holder must do. Raises as ``get`` does, and
        ``Malformed("material.reason", "material.reason_words")``.
        """
        from licence_store.materials import checking

        return checking.refuse(self, item_id, official, reason_code, words)

    # 更可信的原件 (``matching``)

    def better(self, item_id: str, who: Who) -> BetterCopy | None:
        """The holder's own licence that could take its place; ``None``: there is none, or none of theirs."""
        from licence_store.materials import matching

        return matching.find(self, self.get(item_id, who, "better"))

    def offer_better(self, item_id: str, who: Who, *, quiet: bool = False) -> BetterCopy | None:
        """As ``better``, and written down as an offer. ``quiet``: what has no original is passed over."""
        from licence_store.materials import matching

        return matching.offer(self, item_id, who, quiet=quiet)

    def take_better(self, item_id: str, who: Who) -> MaterialView:
        """以原件取代: the offered original takes its place, if it can. Raises ``Conflict("material.no_offer")``."""
        from licence_store.materials import matching

        return matching.take(self, item_id, who)

    def decline_better(self, item_id: str, who: Who) -> MaterialView:
        """暂不改用: the offer is set aside."""
        from licence_store.materials import matching

        return matching.decline(self, item_id, who)

    # 办件 (``casework``)

    def link(
        self,
        case_number: str,
        official: Official,
        *,
        subject: str = "",
        title: str = "",
        received: str = "",
        holder_code: str = "",
        service_item: str = "",
    ) -> CaseLine:
        """接件: an item received for a case, and how (R093, R101). With the holder's code an officer of any window may
        take an item of theirs in hand; from then on it is this window's too.

        Raises as ``get`` does, ``Malformed("material.case", "material.received", "material.words")``.
        """
        from licence_store.materials import casework

        wanted = casework.Receiving(case_number, subject, title, received, holder_code, service_item)
        return casework.link(self, official, wanted)

    def of_case(self, case_number: str, who: Who | None = None) -> tuple[CaseLine, ...]:
        """办件材料, in the order received; ``who`` narrows it to what they may see."""
        from licence_store.materials import casework

        return casework.of_case(self, case_number, who)

    # 来历 (``provenance``)

    def provenance(self, item_id: str, who: Who) -> Provenance:
        """来历图: nodes and edges, and all that proves them; ``.export()`` is signed and checked without us."""
        from licence_store.materials import provenance

        return provenance.build(self, self.get(item_id, who, "history"))

    # 谁可以做什么

    def may(self, action: str, level: str, role: str) -> str:
        """The matrix's word: the code of the refusal, empty where it may be done."""
        return matrix().verdict(action, level, role)

    def role_of(self, who: Who, view: MaterialView, action: str = "view") -> str:
        """The row of the matrix ``who`` stands in towards this item."""
        return scope.role_of(self, who, view, action)

    def statements(self) -> TrustedStatements:
        """Who is believed about checks, now."""
        return TrustedStatements(self.trust(), self.seal_object, self.clock())

    # Inside

    def _licence(self, licence_id: str) -> MaterialView:
        try:
            parse_licence_id(licence_id)
            view = self.register.find(licence_id)
        except (Malformed, NotFound) as error:
            raise unknown(licence_id) from error
        return listing.licence_view(view)

    def hold(self, session: Session, view: MaterialView, who: Who, action: str) -> events.Held:
        """The item, held, and asked once more whether this may be done: it may have changed meanwhile."""
        held = events.hold(session, view.id)
        if held is None:
            raise unknown(view.id)
        now = events.view(held, self.statements())
        demand(action, now, self.role_of(who, now, action))
        return held

    def _wipe(self, session: Session, held: events.Held, actor: Actor) -> Any:
        """The words go, and the key of the file; answers what is left of it to be discarded."""
        words, standings = table(MaterialWords), table(MaterialStanding)
        session.execute(delete(words).where(words.c.material_id == held.row.id))
        session.execute(update(standings).where(standings.c.material_id == held.row.id).values(better=""))
        try:
            return self.uploads().drop_in(session, held.row.upload_id, actor, "material deleted")
        except NotFound:
            return None

    def _discard(self, dropped: Any) -> None:
        if dropped is not None:
            self.uploads().vault.discard(dropped)

    def _row(
        self, holder: str, kind: MaterialKind, upload: StoredUpload, type_code: str, department: str, account: str
    ) -> dict[str, Any]:
        if upload.owner != holder or upload.kind != kind.code:
            raise NotFound("upload.unknown", "没有这份上传的文件，或已删除。")
        now = self.clock()
        return {
            "id": f"m-{int(now.timestamp() * 1000):011x}{secrets.token_hex(10)}",
            "holder_code": holder,
            "kind": kind.code,
            "origin": HOLDER if kind.code != WINDOW else "window",
            "upload_id": upload.id,
            "digest": upload.digest,
            "media_type": upload.media_type,
            "size": upload.size,
            "pages": upload.pages,
            "type_code": type_code,
            "department_id": department,
            "uploaded_by": account[:100],
            "created": now,
        }

    def _type(self, kind: MaterialKind, name: str) -> str:
        if not name.strip():
            return ""
        if not kind.is_licence:
            raise Malformed("material.type", "“{kind}”不是证照，不必指明证照类型。", kind=kind.code)
        return self.catalogue.get(name.strip()).code

    def _department(self, name: str) -> str:
        if name and name not in {one.id for one in self.catalogue.departments()}:
            raise NotFound("department.unknown", "没有部门 {id}。", id=name[:40])
        return name

    def _opened(self, view: MaterialView, who: Who, act: str) -> None:
        """A file was looked at; by somebody else than its holder, they can read that too."""
        with self.sessions.begin() as session:
            if isinstance(who, Official):
                self.ledger.note_once(session, scope.use_of(session, view.holder_code, view.id, act, who, self.clock()))
            elif who.acts_for_another:
                self.ledger.note_once(session, scope.use_for(view, act, who, self.clock()))
            self.note(session, actor_of(who), "material.open", view.id, {"act": act})

    def noted(self, session: Session, holder_code: str, subject: str, act: str, who: Official, why: str = "") -> None:
        """用证记录 of an officer's act, before its journal entry."""
        self.ledger.note(session, scope.use_of(session, holder_code, subject, act, who, self.clock(), why))

    def note(
        self, session: Session, actor: Actor, action: str, subject: str, details: Mapping[str, str] | None = None
    ) -> None:
        journal.append(session, [Entry(self.clock(), actor, action, subject, details=details or {})])

    @contextmanager
    def journalled(self, action: str, subject: str, who: Who) -> Iterator[None]:
        try:
            yield
        except LicenceTrustError as error:
            self.journal.failed(error, actor=actor_of(who), action=action, subject=subject[:160])
            raise


def _holders(kind: MaterialKind) -> MaterialKind:
    if kind.who != "holder":
        raise Malformed("material.kind_who", "“{kind}”不能由持证者上传。", kind=kind.code)
    return kind


def _title(text: str) -> str:
    title = _line(text, LONGEST_TITLE)
    if not title:
        raise Malformed("material.words", "请写明材料名称（最多 {limit} 字，一行）。", limit=LONGEST_TITLE)
    return title


def _line(text: str, limit: int) -> str:
    line = text.strip()
    if len(line) > limit or not line.isprintable():
        raise Malformed("material.words", "文字应为一行，最多 {limit} 字。", limit=limit)
    return line
