"""他地副本: a copy that another region made is verified, accepted and refused where it was made.

    desk.copies_elsewhere.copy_status(copy_id, moment, "120000")       # as the verifier asks (``CopySource``)
    desk.copies_elsewhere.accept("120000", copy_id, clerk, stated)      # counted there, once, or refused

Only the region that made a copy knows whether it was taken back and how often it was used. So it is asked, signed both
ways like any question between regions. What it said last is kept: taken back or used up stays so, whoever is silent;
"may be used" is never repeated from memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from licence_store.copying.grants import CopyView
from licence_store.copying.uses import Acceptance, RefusalView, UseView
from licence_store.crossing.known_as_of import Known
from licence_store.regions.peers import Peer
from licence_store.sharing.purposes import Purpose
from seal.copies import CopyTerms
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.i18n import N_
from trust.journal import Actor
from trust.sharing_answer import SharedAnswer
from trust.signed import write_moment
from verify.policy import CopyStatus

if TYPE_CHECKING:
    from licence_store.desk import Desk

_STATES: Final = ("ACTIVE", "REVOKED", "USED_UP")
ABSENT: Final = "ABSENT"
"""The region says that it made no such copy: no state a verifier passes."""
_NOW: Final = timedelta(minutes=1)
"""A moment so near is now."""
_MOST_SAID: Final = 1000
_MATERIAL: Final = "用证副本"
_REFUSED: Final[Mapping[str, str]] = {
    "copy.unknown": N_("地区“{region}”没有制作过这份副本。"),
    "copy.recipient_differs": N_("地区“{region}”答复：这份副本不是给采用单位使用的。"),
    "copy.purpose_differs": N_("地区“{region}”答复：这份副本不是用于所述用途的。"),
    "copy.service_item_differs": N_("地区“{region}”答复：这份副本不是用于所述事项的。"),
    "copy.case_differs": N_("地区“{region}”答复：这份副本不是用于所述办件的。"),
    "copy.original_check_required": N_("地区“{region}”答复：须核验原件后才能采用。"),
    "copy.original_ended": N_("地区“{region}”答复：副本所依据的原件现已失效或不能引用。"),
    "copy.file_differs": N_("地区“{region}”答复：所核验的文件不是登记的那一份副本。"),
    "copy.revoked": N_("地区“{region}”答复：该副本已被持证者收回。"),
    "copy.used_up": N_("地区“{region}”答复：该副本的使用次数已经用完。"),
    "copy.expired": N_("地区“{region}”答复：该副本已过有效期。"),
    "copy.key_reused": N_("地区“{region}”答复：同一幂等键曾用于另一次采用。"),
}
"""Code of a refusal there → our words for it; no word of another region's answer is shown as if it were ours."""
_OTHERWISE: Final = N_("地区“{region}”不同意采用这份副本（{reason}）。")


@dataclass(frozen=True)
class CopiesElsewhere:
    """他地副本. Implements ``verify.policy.CopySource`` for copies of ours and of others."""

    desk: Desk
    _said: dict[tuple[str, str], CopyStatus] = field(default_factory=dict, repr=False)
    """Region and copy → what was said last, lately, for showing beside the file."""

    # Whose is it?

    def region_of(self, copy_id: str) -> str:
        """Code of the other region that spoke of this copy before; empty: none did, or it is ours.

        Raises ``Refused("copy.two_regions")``: a number alone does not tell whose word counts.
        """
        spoke = list(self.desk.guide.known.copy(copy_id))
        if not spoke or self.desk.copies.has(copy_id):
            return ""
        if len(spoke) > 1:
            raise Refused(
                "copy.two_regions", "不止一个地区自称制作了副本 {id}，不能采用。",
                remedy="请持证者重新制作副本，并向信任列表的管理者报告。", id=copy_id[:40],
            )  # fmt: skip
        return spoke[0]

    def region_at(self, address: str) -> str:
        """Code of the other region of the list at this address, as the code on a copy names it; empty: none."""
        host = _host(address.strip()[:2000])
        for peer in self.desk.peers.list() if host else ():
            if peer.code != self.desk.region.code and host in map(_host, peer.entry.endpoints.values()):
                return peer.code
        return ""

    def view(self, terms: Mapping[str, Any], digest: str, form: str) -> CopyView | None:
        """What a report says of another region's copy (``document.copy``), as a copy on record; ``None``: ours, or of
        no region of the list.
        """
        peer = self._peer(str(terms["region"]))
        if peer is None:
            return None
        original, status = terms["original"], self._said.get((peer.code, str(terms["id"])), CopyStatus(""))
        ended = (status.since or status.as_of) if status.state == "REVOKED" else None
        return CopyView(
            id=str(terms["id"]), holder_code="", holder_kind="", source_kind=str(original["kind"]),
            source_id=str(original["id"]), title=str(original["title"]), type_code="", level=str(terms["level"]),
            recipient=str(terms["recipient"]), purpose=str(terms["purpose"]), service_item=str(terms["service_item"]),
            case_number=str(terms["case_number"]), until=datetime.fromisoformat(str(terms["until"])),
            uses=int(terms["uses"]), original_check=bool(original["check_required"]), form=form,
            terms={"masked": list(terms["masked"])}, digest=digest, size=0,
            made=datetime.fromisoformat(str(terms["made"])), made_by=str(terms["by"]), used=status.uses,
            revoked=ended, reason="", region=peer.name,
        )  # fmt: skip

    def _peer(self, region: str) -> Peer | None:
        if not region or region == self.desk.region.code:
            return None
        return next((one for one in self.desk.peers.list() if one.code == region), None)

    def _demand_peer(self, region: str) -> Peer:
        peer = self._peer(region)
        if peer is None:
            raise NotFound("peer.unlisted", "信任列表中没有地区 {region}。", region=region[:20])
        return peer

    # What became of it

    def copy_status(self, copy_id: str, moment: datetime, region: str = "") -> CopyStatus | None:
        """副本状态: our own register's word, else that of the region that made it, or what it said last."""
        own = self.desk.copies.copy_status(copy_id, moment)
        peer = self._peer(region) if own is None else None
        if peer is None:
            return own
        known = self._known(peer, copy_id)
        if known.state and known.state != "ACTIVE" and known.as_of is not None and moment >= known.as_of:
            return CopyStatus(known.state, region=peer.name, as_of=known.as_of)
        asked, now = {"copy_id": copy_id}, self.desk.clock()
        if abs(now - moment) > _NOW:
            asked["at"] = write_moment(moment)
        try:
            answer = self._ask(peer, "copy", asked, copy_id)
        except LicenceTrustError as error:
            as_of = known.as_of if known.as_of is not None and known.as_of <= moment else None
            return CopyStatus("ACTIVE" if as_of else "", region=peer.name, as_of=as_of, silent=error.code)
        return self._told(peer, copy_id, answer, remember="at" not in asked)

    def _told(self, peer: Peer, copy_id: str, answer: SharedAnswer, *, remember: bool) -> CopyStatus:
        said = answer.result
        if said.get("copy_id") != copy_id:
            return CopyStatus("", region=peer.name, silent="crossing.other_copy")
        if answer.outcome == "NOT_FOUND":
            return CopyStatus(ABSENT, region=peer.name, as_of=answer.as_of)
        state = str(said.get("state", ""))
        if state not in _STATES:
            return CopyStatus("", region=peer.name, silent="crossing.no_state")
        if remember:
            self.desk.guide.known.remember_copy(peer.code, copy_id, state, answer.as_of)
        digest = str(said.get("digest", ""))
        status = CopyStatus(
            state, _count(said.get("used")), _count(said.get("uses")), (digest,) if digest else (),
            _moment(said.get("since")), peer.name, answer.as_of,
        )  # fmt: skip
        if len(self._said) >= _MOST_SAID:
            self._said.clear()
        self._said[peer.code, copy_id] = status
        return status

    def _known(self, peer: Peer, copy_id: str) -> Known:
        return self.desk.guide.known.copy(copy_id).get(peer.code, Known())

    # On paper

    def look_at(
        self, region: str, copy_id: str, actor: Actor, stated: Acceptance
    ) -> tuple[CopyView, LicenceTrustError | None]:
        """What is on record there of a copy somebody has before them on paper, and what speaks against accepting it.

        Raises ``NotFound("copy.unknown")``, ``Unavailable("copy.region_silent")``, ``Refused("crossing.refused")``.
        """
        peer = self._demand_peer(region)
        asked = {"copy_id": copy_id, "stated": _words(stated)}
        answer = self._demand(peer, "copy", asked, copy_id, actor, stated)
        said = answer.result
        if answer.outcome == "NOT_FOUND":
            raise NotFound("copy.unknown", "没有用证副本 {id}。", id=copy_id[:40])
        try:
            view = _on_record(peer, said)
        except (KeyError, TypeError, ValueError, AttributeError, Malformed) as error:
            raise _unreadable(peer) from error
        if view.id != copy_id:
            raise _unreadable(peer)
        self.desk.guide.known.remember_copy(peer.code, copy_id, str(said["state"]), answer.as_of)
        against = str(said.get("against", ""))
        return view, _refusal(peer, against) if against else None

    # Accepted, or not

    def accept(self, region: str, copy_id: str, actor: Actor, stated: Acceptance) -> UseView:
        """采用: counted by the region that made it, under its lock, once for each key.

        Raises ``Refused`` with that region's reason (``copy.*``), ``Unavailable("copy.region_silent")``: asked again
        under the same key it is the same use.
        """
        peer, said = self._decided(region, copy_id, actor, stated, "")
        number, uses = _count(said.get("number")), _count(said.get("uses"))
        if number < 1:
            raise _unreadable(peer)
        made = UseView(
            copy_id, number, uses, _moment(said.get("at")) or self.desk.clock(), actor.account, actor.department or "",
            stated.recipient, stated.purpose, stated.service_item, stated.case_number, stated.original_seen,
            stated.digest, said.get("replayed") == "true",
        )  # fmt: skip
        return made

    def refuse(self, region: str, copy_id: str, actor: Actor, stated: Acceptance, reason: str) -> RefusalView:
        """不予采用, written down where it was made; its holder is told. Raises as ``accept``."""
        _, said = self._decided(region, copy_id, actor, stated, reason)
        at = _moment(said.get("at")) or self.desk.clock()
        return RefusalView(
            copy_id, at, actor.account, actor.department or "", stated.recipient, stated.purpose, stated.case_number,
            str(said.get("code", "")), reason,
        )  # fmt: skip

    def _decided(
        self, region: str, copy_id: str, actor: Actor, stated: Acceptance, reason: str
    ) -> tuple[Peer, Mapping[str, Any]]:
        peer = self._demand_peer(region)
        key = sm3(f"{actor.account}\n{stated.key}".encode()).hex() if stated.key else secrets.token_hex(16)
        asked: dict[str, Any] = {"copy_id": copy_id, "stated": _words(stated), "key": key, "digest": stated.digest}
        asked |= {"reason": reason} if reason else {}
        asked |= {"original_seen": "true"} if stated.original_seen else {}
        answer = self._demand(peer, "accept", asked, copy_id, actor, stated)
        said = answer.result
        if said.get("copy_id") != copy_id:
            raise _unreadable(peer)
        code = str(said.get("code", ""))
        self._note(peer, copy_id, actor, stated, answer, code)
        if answer.outcome == "FALSE":
            self._remember_end(peer, copy_id, code, answer.as_of)
            raise _refusal(peer, code)
        if said.get("left") == "0":
            self._remember_end(peer, copy_id, "copy.used_up", answer.as_of)
        return peer, said

    def _remember_end(self, peer: Peer, copy_id: str, code: str, as_of: datetime) -> None:
        state = {"copy.used_up": "USED_UP", "copy.revoked": "REVOKED"}.get(code)
        if state is not None:
            self.desk.guide.known.remember_copy(peer.code, copy_id, state, as_of)

    def _note(
        self, peer: Peer, copy_id: str, actor: Actor, stated: Acceptance, answer: SharedAnswer, code: str
    ) -> None:
        """Our own record of what was asked there, and of the signed answer by its digest."""
        details = {"region": peer.code, "answer": answer.digest, "answer_id": answer.id}
        why = "，".join(filter(None, (stated.purpose, stated.case_number)))
        self.desk.journal.record(
            actor=actor, action="copy.accept_elsewhere", subject=copy_id, reason=why, result=code or answer.outcome,
            details=details,
        )  # fmt: skip

    # Asking

    def _demand(
        self, peer: Peer, operation: str, asked: Mapping[str, Any], copy_id: str, actor: Actor, stated: Acceptance
    ) -> SharedAnswer:
        try:
            return self._ask(peer, operation, asked, copy_id, actor, stated)
        except Refused:
            raise
        except LicenceTrustError as error:
            raise Unavailable(
                "copy.region_silent",
                "制作副本的地区“{region}”现在问不到（{reason}），不能确认是否已登记采用。",
                remedy="请稍后用原来的页面或同一幂等键重试：同一次采用只登记一次。",
                region=peer.name,
                reason=error.code,
            ) from error

    def _ask(
        self,
        peer: Peer,
        operation: str,
        asked: Mapping[str, Any],
        copy_id: str,
        actor: Actor | None = None,
        stated: Acceptance | None = None,
    ) -> SharedAnswer:
        item = (stated.service_item or stated.purpose) if stated is not None else ""
        number = stated.case_number if stated is not None else ""
        purpose = Purpose(
            "licence-trust", item or "核验用证副本", _MATERIAL, number or copy_id, "持证者出示的用证副本",
            actor.account if actor is not None else "",
        )  # fmt: skip
        return self.desk.guide.asker.ask(peer, operation, asked, purpose)


def _on_record(peer: Peer, said: Mapping[str, Any]) -> CopyView:
    """A copy as its region tells of it; raises ``KeyError`` and such where it does not."""
    terms = said.get("terms")
    face = CopyTerms.from_json(terms).to_json()["face"] if isinstance(terms, Mapping) else ()
    made, until, uses = _moment(said["made"]), _moment(said["until"]), _count(said["uses"])
    words = (said[name] for name in ("title", "level", "recipient", "purpose", "service_item", "case_number", "digest"))
    if made is None or until is None or said["state"] not in _STATES or not all(isinstance(one, str) for one in words):
        raise ValueError
    revoked = (_moment(said.get("since")) or made) if said["state"] == "REVOKED" else None
    return CopyView(
        id=said["copy_id"], holder_code="", holder_kind="", source_kind="", source_id="", title=said["title"],
        type_code="", level=said["level"], recipient=said["recipient"], purpose=said["purpose"],
        service_item=said["service_item"], case_number=said["case_number"],
        until=until, uses=uses,
        original_check=said["original_check"] == "true", form="", terms={"face": face}, digest=said["digest"], size=0,
        made=made, made_by="", used=_count(said["used"]), revoked=revoked, reason="",
        region=peer.name,
    )  # fmt: skip


def _refusal(peer: Peer, code: str) -> Refused:
    known = code if code in _REFUSED else "copy.refused_elsewhere"
    return Refused(known, _REFUSED.get(code, _OTHERWISE), region=peer.name, reason=code[:64])


def _unreadable(peer: Peer) -> Unavailable:
    return Unavailable("copy.region_answer", "地区“{region}”的应答没有说清这份副本。", region=peer.name)


def _words(stated: Acceptance) -> dict[str, str]:
    names = ("purpose", "recipient", "service_item", "case_number")
    return {name: text for name in names if (text := getattr(stated, name))}


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _count(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8 else 0


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and value else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
