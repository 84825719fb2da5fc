"""证照转移: a licence goes to another region; there are never two in force, and never none without a promise.

    in.consent(file, department, officer)      # the receiving region promises (接收函)
    out.receive(consent); out.release(id, …)   # the issuing region ends its licence for that region alone (转出函)
    in.receive(release); in.issue(id, …)       # the successor, whose message names the file it follows (转入)
    out.receive(receipt)                       # the old register knows the successor

Who promises has first checked all that could stop the issue: the original by trust list and entitlement, its own
right, the record. Each act may be repeated: it answers what was done. Papers travel by HTTP or by hand, in any number
of copies, and are refused when they do not fit what went before.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from licence_store import events, journal
from licence_store.life import check_reason
from licence_store.lifecycle import check_role
from licence_store.sharing.comparing import message_in
from licence_store.transferring import arriving
from licence_store.transferring.models import Transfer, TransferPaper
from licence_store.transferring.papers import (
    CONSENT,
    DECLINE,
    LIFE,
    RECEIPT,
    RELEASE,
    Paper,
    check_paper,
    demand_fresh_list,
    read_paper,
    write_paper,
)
from seal.lifecycle import Official
from trust.algorithms import sm3
from trust.entitlement import division_of, find_standing
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import parse_licence_id
from trust.journal import Actor, Entry
from trust.signed import write_moment

if TYPE_CHECKING:
    from licence_store.desk import Desk

OUT, IN = "out", "in"
CONSENTED, RELEASED, COMPLETED, DECLINED = "consented", "released", "completed", "declined"
STATES: Final = (CONSENTED, RELEASED, COMPLETED, DECLINED)
LICENCE: Final = "licence"
"""Kind of the row that keeps the file itself, in the receiving region."""


@dataclass(frozen=True, slots=True)
class TransferView:
    """转移, as this region knows it."""

    id: str
    direction: str
    region: str
    region_name: str
    licence_id: str
    file_digest: str
    type_code: str
    department: str
    state: str
    successor: str
    expires: datetime
    created: datetime
    changed: datetime
    unsent: str
    failure: str
    papers: tuple[str, ...] = ()
    """Kinds of the papers at hand."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """证照转移."""

    desk: Desk

    # ------------------------------------------------------------ the receiving region

    def consent(
        self,
        data: bytes,
        department: str | None,
        who: Official,
        *,
        reason: str,
        changes: Mapping[str, object] | None = None,
    ) -> TransferView:
        """同意接收 the licence whose file is ``data``; ``changes``: what its successor will say otherwise.

        The same file again answers the same consent while it counts. Raises ``Refused("transfer.original",
        "transfer.same_region", "transfer.not_entitled", "transfer.holder_changed", "transfer.period", "licence.role",
        "licence.reason_missing", "grant.*", "type.retired", "trust_list.none")``, ``Malformed("record.*")``.
        """
        desk = self.desk
        with self._journalled("consent", f"sm3:{sm3(data).hex()}", who, reason):
            check_role("issue", who.role)
            check_reason("renew", reason)
            demand_fresh_list(desk, desk.clock())
            message = message_in(data)
            original = arriving.check_original(desk, data, message)
            facts = original.message.metadata
            right = arriving.right_for(desk, facts["type_code"], department or who.actor.department)
            self._demand_entitled(desk.region.code, right.department_code, facts["type_code"])
            arriving.application(
                desk, original.message, right.department_id, who.actor, changes or {}, follows=original.digest,
                transfer_id="", reason=reason,
            )  # fmt: skip
            before = self._open_consent(original.licence_id, original.digest, right.department_id)
            if before is not None:
                return self.get(before)
            now, transfer_id = desk.clock(), f"tr-{secrets.token_hex(12)}"
            peer = desk.peers.region(original.region)
            paper = write_paper(
                desk,
                CONSENT,
                {
                    "id": transfer_id,
                    "from": original.region,
                    "to": desk.region.code,
                    "licence_id": original.licence_id,
                    "file_digest": original.digest,
                    "type_code": facts["type_code"],
                    "department_name": right.department_name,
                    "department_code": right.department_code,
                    "expires": write_moment(now + LIFE),
                },
            )
            with desk.sessions.begin() as session:
                self._add(session, IN, paper, peer.name, right.department_id, now, json.dumps(dict(changes or {})))
                self._keep(session, transfer_id, LICENCE, original.digest, data, who.actor, now)
                self._paper(session, transfer_id, paper, who.actor, now)
                self._note(session, "consent", who.actor, transfer_id, reason, original.licence_id)
        return self.send(transfer_id)

    def issue(self, transfer_id: str, who: Official, *, changes: Mapping[str, object] | None = None) -> TransferView:
        """转入: issue the successor of what was released to us, and the receipt; again: what was issued.

        Raises ``Refused("transfer.state", "transfer.original", "licence.department", …)``,
        ``Unavailable("transfer.not_shown")`` while the other region's own list does not show it as gone, and as
        issuing does.
        """
        desk = self.desk
        with self._journalled("transfer_in", transfer_id, who, ""):
            check_role("issue", who.role)
            with desk.sessions.read() as session:
                row = self._row(session, transfer_id, IN)
                kept = self._papers(session, transfer_id)
            self._demand_own(row, who)
            if row.state == COMPLETED:
                return self.get(transfer_id)
            _demand_state(row, RELEASED)
            data = kept[LICENCE].data
            message = arriving.check_released(desk, data, row.file_digest)
            wanted = {**json.loads(row.changes), **(changes or {})}
            application = arriving.application(
                desk, message, row.department_id, who.actor, wanted, follows=row.file_digest,
                transfer_id=transfer_id, reason=f"自 {row.region} 转入（{transfer_id}）",
            )  # fmt: skip
            issued = arriving.issue(desk, application)
            now = desk.clock()
            release = read_paper(kept[RELEASE].data)
            paper = write_paper(
                desk,
                RECEIPT,
                {
                    **_shared(release),
                    "release": release.digest,
                    "successor": issued.licence_id,
                    "successor_digest": issued.file_digest,
                },
            )
            with desk.sessions.begin() as session:
                held = self._row(session, transfer_id, IN, hold=True)
                if held.state == RELEASED:  # else somebody else was as quick; the licence is the same
                    held.successor, held.successor_digest = issued.licence_id, issued.file_digest
                    _move(held, COMPLETED, now, unsent=RECEIPT)
                    self._paper(session, transfer_id, paper, who.actor, now)
                    self._note(session, "transfer_in", who.actor, transfer_id, "", issued.licence_id)
        return self.send(transfer_id)

    # ------------------------------------------------------------ the region that issued it

    def release(self, transfer_id: str, who: Official, *, reason: str, basis: str = "") -> TransferView:
        """转出: our licence ends as TRANSFERRED, for the region that consented; again: what was done.

        Raises ``Refused("transfer.state", "transfer.expired", "transfer.not_entitled", "transfer.changed",
        "licence.*")``, ``Conflict``.
        """
        desk, now = self.desk, self.desk.clock()
        with self._journalled("release", transfer_id, who, reason):
            with desk.sessions.read() as session:
                row = self._row(session, transfer_id, OUT)
                kept = self._papers(session, transfer_id)
            self._demand_own(row, who)
            if row.state in (RELEASED, COMPLETED):
                return self.get(transfer_id)
            _demand_state(row, CONSENTED)
            consent = read_paper(kept[CONSENT].data)
            self._check_consent(consent, now)

            def with_it(session: Session) -> None:
                held = self._row(session, transfer_id, OUT, hold=True)
                _demand_state(held, CONSENTED)
                self._demand_newest(session, consent)
                facts = {
                    **_shared(consent),
                    "consent": consent.digest,
                    "effective": write_moment(now),
                    "reason": reason.strip(),
                    "basis": basis.strip(),
                }
                self._paper(session, transfer_id, write_paper(desk, RELEASE, facts), who.actor, now)
                _move(held, RELEASED, now, unsent=RELEASE)

            stated = f"{basis.strip()} 转往 {row.region}（{transfer_id}）".strip()
            try:
                desk.life.take(row.licence_id, "transfer_out", who, reason=reason, basis=stated, also=with_it)
            except Refused:
                if self.get(transfer_id).state in (RELEASED, COMPLETED):  # somebody else was as quick
                    return self.get(transfer_id)
                raise
        return self.send(transfer_id)

    def decline(self, transfer_id: str, who: Official, *, reason: str) -> TransferView:
        """谢绝: the licence stays. Raises ``Refused("transfer.state", "licence.reason_missing")``."""
        desk = self.desk
        with self._journalled("decline", transfer_id, who, reason):
            check_role("transfer_out", who.role)
            check_reason("transfer_out", reason)
            with desk.sessions.begin() as session:
                row = self._row(session, transfer_id, OUT, hold=True)
                self._demand_own(row, who)
                if row.state == DECLINED:
                    return self.get(transfer_id)
                _demand_state(row, CONSENTED)
                consent, now = read_paper(self._papers(session, transfer_id)[CONSENT].data), desk.clock()
                facts = {**_shared(consent), "consent": consent.digest, "reason": reason.strip()}
                self._paper(session, transfer_id, write_paper(desk, DECLINE, facts), who.actor, now)
                _move(row, DECLINED, now, unsent=DECLINE)
                self._note(session, "decline", who.actor, transfer_id, reason, row.licence_id)
        return self.send(transfer_id)

    # ------------------------------------------------------------ papers of the other region

    def receive(self, data: bytes, actor: Actor) -> TransferView:
        """收文 of any kind; the same paper again changes nothing.

        Raises ``Malformed("transfer.malformed")``, ``Refused("transfer.*")``, ``NotFound("transfer.unknown",
        "licence.unknown", "peer.unlisted")``, ``Conflict("transfer.other_paper")``.
        """
        paper = read_paper(data)
        try:
            name = check_paper(self.desk, paper)
            with self.desk.sessions.begin() as session:
                now = self.desk.clock()
                known = self._row(session, paper["id"], "", hold=True, missing=True)
                if known is not None and self._is_known(session, known, paper):
                    pass
                elif paper.kind == CONSENT:
                    self._take_consent(session, paper, name, actor, now)
                else:
                    self._take_further(session, paper, actor, known, now)
        except LicenceTrustError as error:
            self.desk.journal.failed(error, actor=actor, action=f"transfer.{paper.kind}", subject=paper["id"])
            raise
        return self.get(paper["id"])

    def _is_known(self, session: Session, row: Transfer, paper: Paper) -> bool:
        """Raises ``Conflict("transfer.other_paper")`` where another of the kind is kept."""
        if _direction_of(paper) != row.direction or row.region != paper.sender:
            raise _other_paper(paper)
        kept = self._papers(session, row.id).get(paper.kind)
        if kept is not None and kept.digest != paper.digest:
            raise _other_paper(paper)
        return kept is not None

    def _take_consent(self, session: Session, paper: Paper, name: str, actor: Actor, now: datetime) -> None:
        self._check_consent(paper, now)
        licence = self._demand_newest(session, paper)
        known = self._row(session, paper["id"], "", hold=True, missing=True)  # by another way, while we waited
        if known is not None:
            if not self._is_known(session, known, paper):
                raise _other_paper(paper)
            return
        self._add(session, OUT, paper, name, licence.department_id, now, "{}", unsent="")
        self._paper(session, paper["id"], paper, actor, now)
        self._note(session, "asked", actor, paper["id"], "", paper["licence_id"])

    def _take_further(self, session: Session, paper: Paper, actor: Actor, row: Transfer | None, now: datetime) -> None:
        if row is None:
            raise NotFound("transfer.unknown", "没有转移 {transfer_id}。", transfer_id=paper["id"])
        kept = self._papers(session, row.id)
        named = {RELEASE: CONSENT, DECLINE: CONSENT, RECEIPT: RELEASE}[paper.kind]
        fits = named in kept and paper[named] == kept[named].digest
        if not fits or _shared(paper) != _shared(read_paper(kept[named].data)):
            raise Refused("transfer.not_following", "该转移文书与先前的文书不相接。")
        _demand_state(row, RELEASED if paper.kind == RECEIPT else CONSENTED)
        if paper.kind == RECEIPT:
            _check_successor(paper)
            row.successor, row.successor_digest = paper["successor"], paper["successor_digest"]
        _move(row, {RELEASE: RELEASED, DECLINE: DECLINED, RECEIPT: COMPLETED}[paper.kind], now, unsent="")
        self._paper(session, row.id, paper, actor, now)
        action = {RELEASE: "released", DECLINE: "declined", RECEIPT: "receipt"}[paper.kind]
        self._note(session, action, actor, row.id, "", row.licence_id)

    def _check_consent(self, paper: Paper, now: datetime) -> None:
        demand_fresh_list(self.desk, now)
        if paper.moment("expires") < now or paper.made + LIFE + LIFE < now:
            raise Refused("transfer.expired", "接收函已于 {expires} 到期。", expires=paper["expires"],
                          remedy="请接收地区重新出具。")  # fmt: skip
        self._demand_entitled(paper["to"], paper["department_code"], paper["type_code"])

    def _demand_entitled(self, region: str, department_code: str, type_code: str) -> None:
        """May the region that is to issue the successor seal that type for its department's division?"""
        trust_list = self.desk.peers.believed()
        division = division_of(region, department_code)
        standing = trust_list and find_standing(trust_list, region, division, type_code, self.desk.clock())
        if not standing or standing.entitlement is None:
            raise Refused(
                "transfer.not_entitled",
                "信任列表没有授权地区 {region} 为行政区划 {division} 签发类型 {type_code} 的证照，不能转往该地区。",
                region=region,
                division=division,
                type_code=type_code,
            )

    def _demand_newest(self, session: Session, paper: Paper) -> Any:
        """Our licence, if the paper means its newest version. Raises ``Refused("transfer.changed")``."""
        asked = parse_licence_id(paper["licence_id"])
        row = events.lock(session, asked.base, asked.text)
        same = row.licence_id == paper["licence_id"] and row.file_digest == paper["file_digest"]
        if not same or row.type_code != paper["type_code"]:
            raise Refused(
                "transfer.changed",
                "接收函所指的文件不是证照的现行文件。",
                remedy="请持证者提供现行的证照文件，由接收地区重新出具接收函。",
            )
        return row

    # ------------------------------------------------------------ sending

    def send(self, transfer_id: str) -> TransferView:
        """送达 what the other region lacks, if it can be reached now; otherwise it is sent later."""
        from licence_store.transferring.delivering import deliver

        deliver(self.desk, transfer_id)
        return self.get(transfer_id)

    # ------------------------------------------------------------ looking

    def get(self, transfer_id: str, department: str | None = None) -> TransferView:
        """Raises ``NotFound("transfer.unknown")``, also where another department's staff asks."""
        with self.desk.sessions.read() as session:
            row = self._row(session, transfer_id, "")
            kept = tuple(session.execute(_KINDS.where(TransferPaper.transfer_id == row.id)).scalars())
        if department not in (None, "", row.department_id):
            raise _unknown(transfer_id)
        return _view(row, kept)

    def list(
        self, *, department: str | None = None, direction: str = "", state: str = "", limit: int = 200
    ) -> tuple[TransferView, ...]:
        """The newest first."""
        query = select(Transfer).order_by(Transfer.created.desc(), Transfer.id).limit(limit)
        named = ((Transfer.department_id, department), (Transfer.direction, direction), (Transfer.state, state))
        for column, value in named:
            if value:
                query = query.where(column == value)
        with self.desk.sessions.read() as session:
            return tuple(_view(row) for row in session.execute(query).scalars())

    def of_licence(self, base: str) -> tuple[TransferView, ...]:
        """Transfers by which this licence left or came: for its page."""
        prefix = f"{base}.%"
        query = select(Transfer).where(or_(Transfer.licence_id.like(prefix), Transfer.successor.like(prefix)))
        with self.desk.sessions.read() as session:
            found = session.execute(query.order_by(Transfer.created)).scalars()
            return tuple(_view(row) for row in found if row.state != DECLINED)

    def paper(self, transfer_id: str, kind: str) -> bytes:
        """One signed paper as it stands. Raises ``NotFound("transfer.no_paper", "transfer.unknown")``."""
        with self.desk.sessions.read() as session:
            self._row(session, transfer_id, "")
            found = session.get(TransferPaper, (transfer_id, kind))
        if found is None:
            raise NotFound("transfer.no_paper", "该转移没有这种文书：{kind}。", kind=kind[:16])
        return found.data

    # ------------------------------------------------------------ rows

    def _row(
        self, session: Session, transfer_id: str, direction: str, *, hold: bool = False, missing: bool = False
    ) -> Any:
        query = select(Transfer).where(Transfer.id == transfer_id)
        row = session.execute(query.with_for_update() if hold else query).scalar()
        if (row is None or direction not in ("", row.direction)) and not missing:
            raise _unknown(transfer_id)
        return row

    def _open_consent(self, licence_id: str, digest: str, department: str) -> str | None:
        query = select(Transfer.id).where(
            Transfer.licence_id == licence_id,
            Transfer.file_digest == digest,
            Transfer.direction == IN,
            Transfer.department_id == department,
            or_(Transfer.state != CONSENTED, Transfer.expires > self.desk.clock()),
            Transfer.state != DECLINED,
        )
        with self.desk.sessions.read() as session:
            return session.execute(query.order_by(Transfer.created).limit(1)).scalar()

    def _papers(self, session: Session, transfer_id: str) -> dict[str, TransferPaper]:
        rows = session.execute(select(TransferPaper).where(TransferPaper.transfer_id == transfer_id)).scalars()
        return {row.kind: row for row in rows}

    def _add(
        self,
        session: Session,
        direction: str,
        paper: Paper,
        name: str,
        department: str,
        now: datetime,
        changes: str,
        unsent: str = CONSENT,
    ) -> None:
        session.add(
            Transfer(
                id=paper["id"],
                direction=direction,
                region=paper["from"] if direction == IN else paper["to"],
                region_name=name[:200],
                licence_id=paper["licence_id"],
                file_digest=paper["file_digest"],
                type_code=paper["type_code"],
                department_id=department,
                state=CONSENTED,
                successor="",
                successor_digest="",
                changes=changes,
                expires=paper.moment("expires"),
                created=now,
                changed=now,
                unsent=unsent,
                attempts=0,
                due=now if unsent else None,
                failure="",
            )
        )
        session.flush()

    def _paper(self, session: Session, transfer_id: str, paper: Paper, actor: Actor, now: datetime) -> None:
        self._keep(session, transfer_id, paper.kind, paper.digest, paper.data, actor, now)

    def _keep(
        self, session: Session, transfer_id: str, kind: str, digest: str, data: bytes, actor: Actor, now: datetime
    ) -> None:
        kept = TransferPaper(transfer_id=transfer_id, kind=kind, digest=digest, data=data, recorded=now)
        kept.account = actor.account[:100]
        session.add(kept)
        session.flush()

    def _demand_own(self, row: Transfer, who: Official) -> None:
        if who.actor.department not in (None, "", row.department_id):
            raise _unknown(row.id)

    def _note(self, session: Session, step: str, actor: Actor, transfer_id: str, reason: str, licence_id: str) -> None:
        details = {"transfer": transfer_id}
        entry = Entry(self.desk.clock(), actor, f"transfer.{step}", licence_id[:200], reason, details=details)
        journal.append(session, [entry])

    @contextmanager
    def _journalled(self, step: str, subject: str, who: Official, reason: str) -> Iterator[None]:
        """What is refused or fails is written down, with its code."""
        try:
            yield
        except LicenceTrustError as error:
            action = f"transfer.{step}"
            self.desk.journal.failed(error, actor=who.actor, action=action, subject=subject[:200], reason=reason[:500])
            raise


_KINDS: Any = select(TransferPaper.kind).order_by(TransferPaper.recorded, TransferPaper.kind)


def _shared(paper: Paper) -> dict[str, str]:
    """What all papers of one transfer say alike."""
    return {name: paper[name] for name in ("id", "from", "to", "licence_id", "file_digest", "type_code")}


def _direction_of(paper: Paper) -> str:
    return OUT if paper.kind in (CONSENT, RECEIPT) else IN


def _demand_state(row: Transfer, state: str) -> None:
    if row.state != state:
        raise Refused("transfer.state", "该转移现为 {got}，此步须为 {expected}。", got=row.state, expected=state,
                      remedy="请刷新后查看办理进度。")  # fmt: skip


def _check_successor(paper: Paper) -> None:
    try:
        parse_licence_id(paper["successor"])
    except LicenceTrustError as error:
        raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason="successor") from error


def _move(row: Transfer, state: str, now: datetime, *, unsent: str) -> None:
    row.state, row.changed, row.unsent = state, now, unsent
    row.attempts, row.failure, row.due = 0, "", now if unsent else None


def _other_paper(paper: Paper) -> Conflict:
    return Conflict("transfer.other_paper", "转移 {transfer_id} 已有另一份同类文书。", transfer_id=paper["id"])


def _unknown(transfer_id: str) -> NotFound:
    return NotFound("transfer.unknown", "没有转移 {transfer_id}。", transfer_id=transfer_id[:40])


def _view(row: Transfer, kinds: tuple[str, ...] = ()) -> TransferView:
    return TransferView(
        row.id, row.direction, row.region, row.region_name, row.licence_id, row.file_digest, row.type_code,
        row.department_id, row.state, row.successor, row.expires, row.created, row.changed, row.unsent, row.failure,
        kinds,
    )  # fmt: skip
