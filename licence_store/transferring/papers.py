"""转移文书: the four signed papers by which a licence goes from one region to another.

    接收函 consent   the receiving region: "we would issue its successor", naming file and digest
    转出函 release   the region that issued it: "it has ended here, for you alone"
    回执   receipt   the receiving region: "this licence has taken its place"
    谢绝函 decline   the region that issued it: "it stays"

Each is canonical JSON signed by its region's publisher (``trust.signed``) and names the one before it by the SM3 of
its payload, so that none fits another transfer. They hold no personal data but the licence's identifier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from trust.algorithms import sm3
from trust.entitlement import peer_store
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.list_chain import SKEW
from trust.path import check_published
from trust.signed import SignedDocument, members, moment, open_signed, sign_document, text, write_moment

if TYPE_CHECKING:
    from licence_store.desk import Desk

CONSENT, RELEASE, RECEIPT, DECLINE = "consent", "release", "receipt", "decline"
FORMATS: Final = {kind: f"licence-trust/transfer-{kind}/1" for kind in (CONSENT, RELEASE, RECEIPT, DECLINE)}
MAX_BYTES: Final = 64 << 10
LIFE: Final = timedelta(days=30)
"""So long a consent counts."""
_COMMON: Final = {
    "format": 64, "id": 40, "from": 6, "to": 6, "licence_id": 160, "file_digest": 64, "type_code": 21, "made": 20,
}  # fmt: skip
_OWN: Final[Mapping[str, Mapping[str, int]]] = {
    CONSENT: {"department_name": 200, "department_code": 18, "expires": 20},
    RELEASE: {"consent": 64, "effective": 20, "reason": 500, "basis": 500},
    RECEIPT: {"release": 64, "successor": 160, "successor_digest": 64},
    DECLINE: {"consent": 64, "reason": 500},
}
_ID: Final = re.compile(r"tr-[0-9a-f]{24}")
_HEX64: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Paper:
    """转移文书, read; believed only after ``check_paper``."""

    kind: str
    facts: Mapping[str, str]
    made: datetime
    document: SignedDocument = field(repr=False)
    data: bytes = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return self.facts[name]

    @property
    def digest(self) -> str:
        """SM3 of what was signed, hex."""
        return sm3(self.document.payload_octets).hex()

    @property
    def sender(self) -> str:
        """The region whose word it is."""
        return self["to"] if self.kind in (CONSENT, RECEIPT) else self["from"]

    @property
    def receiver(self) -> str:
        return self["from"] if self.kind in (CONSENT, RECEIPT) else self["to"]

    def moment(self, name: str) -> datetime:
        """``expires`` or ``effective``."""
        return moment(dict(self.facts), name)


def write_paper(desk: Desk, kind: str, facts: Mapping[str, str]) -> Paper:
    """成文 and sign; ``format`` and ``made`` are added."""
    signer = desk.region.keyring.signer("publisher")
    payload: dict[str, object] = {"format": FORMATS[kind], "made": write_moment(desk.clock()), **facts}
    return read_paper(sign_document(payload, signer.sign, [signer.certificate.der]))


def read_paper(data: bytes) -> Paper:
    """Parse without trusting. Raises ``Malformed("transfer.malformed")``."""
    for kind, stated in FORMATS.items():
        if f'"{stated}"'.encode() not in data:
            continue
        try:
            document = open_signed(data, stated, limit=MAX_BYTES)
            limits = {**_COMMON, **_OWN[kind]}
            payload = members(dict(document.payload), set(limits))
            facts = {name: text(payload, name, limit=limit) for name, limit in limits.items()}
            paper = Paper(kind, facts, moment(payload, "made"), document, bytes(data))
            for name in ("expires", "effective"):
                if name in facts:
                    paper.moment(name)
        except LicenceTrustError as error:
            raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason=error.message) from error
        _check_form(paper)
        return paper
    raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason="format")


def _check_form(paper: Paper) -> None:
    digests = [paper.facts[name] for name in ("file_digest", "consent", "release", "successor_digest")
               if name in paper.facts]  # fmt: skip
    sound = _ID.fullmatch(paper["id"]) and all(_HEX64.fullmatch(one) for one in digests)
    regions = all(len(paper[name]) == 6 and paper[name].isascii() and paper[name].isdigit() for name in ("from", "to"))
    lines = all(value.isprintable() for value in paper.facts.values())
    if not sound or not regions or not lines or paper["from"] == paper["to"]:
        raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason="facts")


def check_paper(desk: Desk, paper: Paper) -> str:
    """Is it meant for us, and the word of a region on a trust list that has not expired? Answers the sender's name.

    Raises ``Refused("transfer.other_region", "transfer.list_expired", "transfer.future", "transfer.untrusted",
    "trust_list.none")``, ``NotFound("peer.unlisted")``.
    """
    now, peer = desk.clock(), desk.peers.region(paper.sender)
    if paper.receiver != desk.region.code:
        raise Refused("transfer.other_region", "该转移文书是发给地区 {region} 的，不是本地区。", region=paper.receiver)
    demand_fresh_list(desk, now)
    if paper.made > now + SKEW:
        raise Refused("transfer.future", "转移文书的时间 {made} 在将来。", made=write_moment(paper.made))
    store = peer_store(desk.peers.trust_store_with_peers(), paper.sender)
    try:
        if store is None or (peer.entry.left_at is not None and peer.entry.left_at <= paper.made):
            raise Refused("peer.left", "地区“{name}”已退出。", name=peer.name)
        check_published(paper.document, store, paper.made, known_at=max(now, paper.made))
    except LicenceTrustError as error:
        raise Refused("transfer.untrusted", "转移文书的签名人不可信：{reason}", reason=error.message) from error
    return peer.name


def demand_fresh_list(desk: Desk, now: datetime) -> None:
    """Raises ``Refused("trust_list.none", "transfer.list_expired")``."""
    trust_list = desk.peers.believed()
    if trust_list is None:
        raise Refused("trust_list.none", "本节点尚未加入任何信任列表。", remedy="请先用 region join 加入。")
    if not trust_list.is_fresh(now):
        raise Refused(
            "transfer.list_expired", "本节点的信任列表已到期，不能办理跨地区转移。", remedy="请先取得新的信任列表。"
        )
