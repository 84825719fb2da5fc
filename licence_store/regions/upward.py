"""上报汇聚 (R018): a lower region tells its upper region of its licences and their states, batch by batch.

    payload: {"format", "region", "number", "previous", "event", "made", "licences": [{…}]}

Each batch is signed by the lower region's publisher, has a number and names the batch before it by its SM3: the upper
region notices a missing, repeated or exchanged one, and refuses what another region says in its name. A batch holds
what licences *are*, not what happened; so the same licence may come again, and the last word counts. Files stay where
they were made. Who reports to whom, the trust list says (``upper``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.models import Department, Licence, LicenceVersion
from licence_store.regions.models import UpwardBatch, UpwardLicence, UpwardSent
from licence_store.reserving import status_address
from licence_store.standing import effective_state
from trust.algorithms import sm3
from trust.canonical import Value
from trust.entitlement import peer_store
from trust.errors import Conflict, LicenceTrustError, Malformed, Refused, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM, Actor
from trust.list_chain import SKEW
from trust.path import check_published
from trust.signed import SignedDocument, items, members, moment, odd, open_signed, sign_document, text, write_moment
from trust.status_list import CODES

if TYPE_CHECKING:
    from licence_store.desk import Desk

FORMAT: Final = "licence-trust/upward/1"
MAX_BYTES: Final = 4 << 20
_BATCH: Final = 200
"""Licences of one batch: well below what a request may hold, however long the names."""
_MOST_BATCHES: Final = 20
"""In one go."""
_NAMES: Final = {"format", "region", "number", "previous", "event", "made", "licences"}
_TEXTS: Final = {
    "base": 160, "licence_id": 160, "type_code": 21, "licence_number": 100, "holder_name": 400, "holder_code": 64,
    "holder_code_type": 3, "issuer_name": 200, "issuer_code": 18, "state": 32, "ends": 10, "file_digest": 64,
    "status_list": 500,
}  # fmt: skip
_COUNTS: Final = {"version", "status_index"}
_OLDEST: Final = timedelta(days=1)
"""A batch is made when it is sent; one that is older was kept back by somebody."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a lower region has been heard."""

    region: str
    number: int = 0
    digest: str = ""
    event: int = 0


@dataclass(frozen=True, slots=True)
class Upward:
    """上报与汇聚."""

    desk: Desk

    # ------------------------------------------------------------ below: sending

    def upper(self) -> str:
        """Code of the region this one reports to; empty: none."""
        trust_list = self.desk.peers.believed()
        entry = trust_list.region(self.desk.region.code) if trust_list is not None else None
        return entry.upper if entry is not None else ""

    def send(self) -> int:
        """Tell the upper region what it has not heard; answers how many licences were told.

        Raises ``NotFound("peer.*")``, ``Unavailable("fetch.*")``, ``Refused``.
        """
        upper = self.upper()
        if not upper:
            return 0
        address, told = self.desk.peers.region(upper).endpoint("upward"), 0
        head = self._sent(upper) or self._heard(address)
        for _turn in range(_MOST_BATCHES):
            batch, following, count = self.batch(head)
            if batch is None:
                break
            self._post(address, batch)
            head = Head(head.region, head.number + 1, sm3(_payload_of(batch)).hex(), following)
            self._remember(upper, head)
            told += count
        return told

    def batch(self, head: Head) -> tuple[bytes | None, int, int]:
        """The batch that follows ``head``, the place in the change feed it goes up to, how many licences it tells."""
        page = self.desk.changes.page(head.event, limit=_BATCH)
        if not page.items:
            return None, page.next, 0
        now = self.desk.clock()
        bases = {one.licence_id for one in page.items}
        with self.desk.sessions.read() as session:
            licences = _licences(session, bases, now, self.desk.facts.base_url)
        signer = self.desk.region.keyring.signer("publisher")
        payload: dict[str, object] = {
            "format": FORMAT,
            "region": self.desk.region.code,
            "number": str(head.number + 1),
            "previous": head.digest,
            "event": str(page.next),
            "made": write_moment(now),
            "licences": licences,
        }
        return sign_document(payload, signer.sign, [signer.certificate.der]), page.next, len(licences)

    def _post(self, address: str, batch: bytes) -> None:
        key = (("Idempotency-Key", sm3(batch).hex()),)
        exchange = Exchange(address, batch, "application/json", "application/json", headers=key)
        self.desk.publications.fetcher.fetch(exchange)

    def _sent(self, upper: str) -> Head | None:
        with self.desk.sessions.read() as session:
            row = session.get(UpwardSent, upper)
        return Head(upper, row.number, row.digest, row.event) if row is not None else None

    def _heard(self, address: str) -> Head:
        """What the upper region says it has: where our own note of it is gone."""
        said = self.desk.publications.fetcher.fetch(Exchange(f"{address}/{self.desk.region.code}", limit=4096))
        try:
            found: dict[str, Any] = json.loads(said)
            return Head(self.desk.region.code, int(found["number"]), str(found["digest"])[:64], int(found["event"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("upward.answer", "上级地区的应答无法读取。") from error

    def _remember(self, upper: str, head: Head) -> None:
        changed = {"number": head.number, "digest": head.digest, "event": head.event, "sent": self.desk.clock()}
        with self.desk.sessions.begin() as session:
            entry = _dialect(session).insert(UpwardSent).values(upper=upper, **changed)
            session.execute(entry.on_conflict_do_update(index_elements=["upper"], set_=changed))

    # ------------------------------------------------------------ above: gathering

    def head(self, region: str) -> Head:
        """How far ``region`` has been heard here."""
        query = select(UpwardBatch).where(UpwardBatch.region == region).order_by(UpwardBatch.number.desc()).limit(1)
        with self.desk.sessions.read() as session:
            row = session.execute(query).scalar()
        return Head(region, row.number, row.digest, row.event) if row is not None else Head(region)

    def receive(self, data: bytes, actor: Actor = SYSTEM) -> Head:
        """汇聚 one batch; the same one again changes nothing.

        Raises ``Malformed("upward.malformed")``, ``Refused("upward.*")``, ``NotFound("peer.unlisted")``,
        ``Conflict("upward.gap")``.
        """
        try:
            document = open_signed(data, FORMAT, limit=MAX_BYTES)
            payload = members(dict(document.payload), _NAMES)
            region, number = text(payload, "region", limit=6), _count(payload, "number")
            previous, event = text(payload, "previous", limit=64), _count(payload, "event")
            made = moment(payload, "made")
            licences = [_read(one) for one in items(payload, "licences")]
        except LicenceTrustError as error:
            raise Malformed("upward.malformed", "上报数据无法读取：{reason}", reason=error.message) from error
        self._check_sender(document, region, made)
        digest, head = sm3(document.payload_octets).hex(), self.head(region)
        if (number, digest) == (head.number, head.digest):
            return head
        if number != head.number + 1 or previous != head.digest or event < head.event:
            raise Conflict(
                "upward.gap",
                "地区 {region} 的上报批次不相接：应为第 {expected} 批，实为第 {got} 批。",
                remedy="请取上级记录的批次（GET …/upward/<地区>），从那里接着上报。",
                region=region,
                expected=head.number + 1,
                got=number,
            )
        now = self.desk.clock()
        with self.desk.sessions.begin() as session:
            row = UpwardBatch(
                region=region, number=number, digest=digest, event=event, count=len(licences), made=made, received=now
            )
            session.add(row)
            session.flush()
            for one in licences:
                _keep(session, {**one, "region": region, "as_of": made, "batch": number})
            details = {"number": str(number), "count": str(len(licences))}
            self.desk.journal.record(session, actor=actor, action="upward.receive", subject=region, details=details)
        return Head(region, number, digest, event)

    def _check_sender(self, document: SignedDocument, region: str, made: datetime) -> None:
        """The publisher of a region that the trust list puts below us."""
        now, peer = self.desk.clock(), self.desk.peers.region(region)
        if peer.entry.upper != self.desk.region.code:
            raise Refused("upward.not_below", "按信任列表，地区“{name}”不是本地区的下级。", name=peer.name)
        if not -SKEW <= now - made <= _OLDEST:
            raise Refused("upward.stale", "上报数据的时间 {made} 与现在相差过大。", made=made.isoformat())
        store = peer_store(self.desk.peers.trust_store_with_peers(), region)
        assert store is not None
        try:
            check_published(document, store, made, known_at=max(now, made))
        except LicenceTrustError as error:
            raise Refused("upward.untrusted", "上报数据的签名人不可信：{reason}", reason=error.message) from error

    def find(
        self, *, holder_code: str = "", licence_id: str = "", region: str = "", limit: int = 50
    ) -> list[UpwardLicence]:
        """下级证照 by holder, id or region. Raises ``Malformed("upward.no_criterion")``."""
        query = select(UpwardLicence).order_by(UpwardLicence.region, UpwardLicence.base).limit(min(limit, 200))
        given = {"holder_code": holder_code, "licence_id": licence_id, "region": region}
        if not any(given.values()):
            raise Malformed("upward.no_criterion", "请给出持证者代码、证照标识或地区之一。")
        for name, value in given.items():
            if value:
                query = query.where(getattr(UpwardLicence, name) == value)
        with self.desk.sessions.read() as session:
            return list(session.execute(query).scalars())


def _licences(session: Session, ids: set[str], now: datetime, base_url: str) -> list[dict[str, object]]:
    """What the licences with these version ids are now."""
    state = effective_state(now)
    newest = and_(LicenceVersion.base == Licence.base, LicenceVersion.version == Licence.version)
    named = select(LicenceVersion.base).where(LicenceVersion.licence_id.in_(ids))
    query = (
        select(Licence, LicenceVersion, Department, state)
        .join(LicenceVersion, newest)
        .join(Department, Department.id == Licence.department_id)
        .where(Licence.base.in_(named))
        .order_by(Licence.base)
    )
    found: list[dict[str, object]] = []
    for licence, version, department, said in session.execute(query):
        found.append(
            {
                "base": licence.base,
                "licence_id": version.licence_id,
                "version": str(version.version),
                "type_code": licence.type_code,
                "licence_number": licence.number,
                "holder_name": licence.holder_name,
                "holder_code": licence.holder_code,
                "holder_code_type": licence.holder_code_type,
                "issuer_name": department.name,
                "issuer_code": department.code,
                "state": said,
                "since": write_moment(licence.since),
                "ends": licence.ends,
                "file_digest": version.file_digest,
                "status_list": status_address(base_url, version.status_list),
                "status_index": str(version.status_index),
            }
        )
    return found


def _read(value: Value) -> dict[str, object]:
    one = members(value, set(_TEXTS) | _COUNTS | {"since"})
    found: dict[str, object] = {name: text(one, name, limit=limit) for name, limit in _TEXTS.items()}
    if found["state"] not in CODES:
        raise odd("state")
    found |= {name: _count(one, name) for name in _COUNTS}
    found["since"] = moment(one, "since")
    found["number"] = found.pop("licence_number")
    return found


def _keep(session: Session, values: Mapping[str, object]) -> None:
    entry = _dialect(session).insert(UpwardLicence).values(**values)
    changed = {name: value for name, value in values.items() if name not in ("region", "base")}
    session.execute(entry.on_conflict_do_update(index_elements=["region", "base"], set_=changed))


def _count(value: dict[str, Value], name: str) -> int:
    digits = text(value, name, limit=15)
    if not (digits.isascii() and digits.isdigit() and str(int(digits)) == digits):
        raise odd(name)
    return int(digits)


def _payload_of(batch: bytes) -> bytes:
    return open_signed(batch, FORMAT, limit=MAX_BYTES).payload_octets


def _dialect(session: Session) -> Any:
    return sqlite if session.connection().dialect.name == "sqlite" else postgresql
