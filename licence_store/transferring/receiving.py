"""收文: the papers of the other region, in any number of copies; refused when they do not fit what went before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from licence_store import events
from licence_store.transferring.models import Transfer
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
)
from licence_store.transferring.records import (
    COMPLETED,
    CONSENTED,
    DECLINED,
    IN,
    OUT,
    RELEASED,
    TransferRecords,
    TransferView,
    demand_state,
    move,
)
from trust.entitlement import division_of, find_standing
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import parse_licence_id
from trust.journal import Actor


@dataclass(frozen=True, slots=True)
class Receiving(TransferRecords):
    """收文."""

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
        if not fits or shared(paper) != shared(read_paper(kept[named].data)):
            raise Refused("transfer.not_following", "该转移文书与先前的文书不相接。")
        demand_state(row, RELEASED if paper.kind == RECEIPT else CONSENTED)
        if paper.kind == RECEIPT:
            _check_successor(paper)
            row.successor, row.successor_digest = paper["successor"], paper["successor_digest"]
        move(row, {RELEASE: RELEASED, DECLINE: DECLINED, RECEIPT: COMPLETED}[paper.kind], now, unsent="")
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


def shared(paper: Paper) -> dict[str, str]:
    """What all papers of one transfer say alike."""
    return {name: paper[name] for name in ("id", "from", "to", "licence_id", "file_digest", "type_code")}


def _direction_of(paper: Paper) -> str:
    return OUT if paper.kind in (CONSENT, RECEIPT) else IN


def _check_successor(paper: Paper) -> None:
    try:
        parse_licence_id(paper["successor"])
    except LicenceTrustError as error:
        raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason="successor") from error


def _other_paper(paper: Paper) -> Conflict:
    return Conflict("transfer.other_paper", "转移 {transfer_id} 已有另一份同类文书。", transfer_id=paper["id"])
