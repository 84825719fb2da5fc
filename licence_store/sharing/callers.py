"""接入系统: which systems may ask, with which keys, within which bounds.

A system is registered here by an administrator, with the operations, types and regions that no token of its may exceed.
Its keys are public (SM2 or ES256), or the name of a shared secret (AK) for systems that can do no better.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from keys.master import number_of
from licence_store import journal
from licence_store.sharing.calls import ANY, OPERATIONS, Caller
from licence_store.sharing.models import SharingClient, SharingKey
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.identifiers import check_credit_code
from trust.journal import Actor, Entry
from trust.request_keys import SHARED_SECRET, RequestKey, load_request_key

if TYPE_CHECKING:
    from licence_store.region import Region

_REGION = re.compile(r"[0-9]{6}([0-9]{6})?")
_HEX = re.compile(r"[0-9a-f]{64}")
RATE, QUOTA = 600, 100_000
"""Calls a minute and a day, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """What is said of a system when it is registered."""

    name: str
    organisation: str
    organisation_code: str
    region: str
    operations: Collection[str] = OPERATIONS
    types: Collection[str] = (ANY,)
    regions: Collection[str] = (ANY,)
    rate: int = RATE
    quota: int = QUOTA
    certificate: str = ""
    """SHA-256 of its TLS certificate, hex; empty: not asked for."""
    node: bool = False
    """It is another region's node: its keys are those of the trust list, its id is ``region:<code>``."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key and whose it is."""

    client: SharingClient
    key: RequestKey
    secret: bytes = field(default=b"", repr=False)
    """Of an AK."""


@dataclass(frozen=True)
class Callers:
    """接入系统登记."""

    sessions: Sessions
    clock: Callable[[], datetime]
    region: Region

    # Registering

    def register(self, new: NewClient, actor: Actor) -> SharingClient:
        """登记. Raises ``Malformed("sharing.client_*")``, ``Conflict("sharing.client_exists")``."""
        _check(new)
        now, client_id = self.clock(), f"region:{new.region}" if new.node else f"sys-{secrets.token_hex(8)}"
        row = {
            "id": client_id,
            "name": new.name.strip(),
            "organisation": new.organisation.strip(),
            "organisation_code": check_credit_code(new.organisation_code),
            "region": new.region,
            "operations": _list(new.operations),
            "types": _list(new.types),
            "regions": _list(new.regions),
            "rate": new.rate,
            "quota": new.quota,
            "certificate": new.certificate,
            "created": now,
            "created_by": actor.account[:100],
        }
        with self.sessions.begin() as session:
            if session.get(SharingClient, client_id) is not None:
                raise Conflict("sharing.client_exists", "地区 {region} 的节点已登记。", region=new.region)
            session.execute(insert(SharingClient), [row])
            journal.append(session, [Entry(now, actor, "sharing.client_add", client_id)])
            return session.get_one(SharingClient, client_id)

    def add_key(self, client_id: str, public: bytes, actor: Actor, *, key_id: str = "") -> SharingKey:
        """Another public key (PEM or DER SubjectPublicKeyInfo); old ones stay until ended, so that keys can overlap.

        Raises ``Malformed("sharing.key_*")``, ``Conflict("sharing.key_exists")``,
        ``NotFound("sharing.client_unknown")``.
        """
        key = load_request_key(public)
        return self._add_key(client_id, key_id or key.thumbprint[:32], key.kind, b64encode(key.spki).decode(), actor)

    def add_secret(self, client_id: str, actor: Actor) -> tuple[str, str]:
        """``(AK, SK)``: the name of a new shared secret, and the secret, told once and kept wrapped."""
        key_id, secret = f"ak-{secrets.token_hex(12)}", secrets.token_bytes(32)
        wrapped = self.region.masters.wrap(secret, context_of(key_id))
        kept = b64encode(wrapped).decode()
        key = self._add_key(client_id, key_id, SHARED_SECRET, kept, actor, master=number_of(wrapped))
        return key.id, secret.hex()

    def _add_key(
        self, client_id: str, key_id: str, kind: str, public: str, actor: Actor, *, master: int | None = None
    ) -> SharingKey:
        now = self.clock()
        if not re.fullmatch(r"[A-Za-z0-9._-]{4,64}", key_id):
            raise Malformed("sharing.key_id", "密钥标识应为4至64位字母、数字或 . _ -。")
        row = {
            "id": key_id,
            "client_id": client_id,
            "kind": kind,
            "public": public,
            "master": master,
            "added": now,
            "added_by": actor.account[:100],
        }
        with self.sessions.begin() as session:
            _demand_known(session, client_id)
            if session.get(SharingKey, key_id) is not None:
                raise Conflict("sharing.key_exists", "密钥标识“{key}”已被使用。", key=key_id)
            session.execute(insert(SharingKey), [row])
            journal.append(
                session, [Entry(now, actor, "sharing.key_add", client_id, details={"key": key_id, "kind": kind})]
            )
            return session.get_one(SharingKey, key_id)

    def end_key(self, key_id: str, actor: Actor) -> None:
        """停用密钥, at once. Raises ``NotFound("sharing.key_unknown")``."""
        now = self.clock()
        with self.sessions.begin() as session:
            key = session.get(SharingKey, key_id)
            if key is None:
                raise NotFound("sharing.key_unknown", "没有接入密钥“{key}”。", key=key_id[:64])
            if key.ended is None:
                session.execute(update(SharingKey).where(SharingKey.id == key_id).values(ended=now))
                journal.append(session, [Entry(now, actor, "sharing.key_end", key.client_id, details={"key": key_id})])

    def suspend(self, client_id: str, actor: Actor, reason: str) -> None:
        """暂停: nothing of the system's works until it is resumed."""
        self._mark(client_id, actor, reason, "sharing.client_suspend", suspended=self.clock())

    def resume(self, client_id: str, actor: Actor, reason: str) -> None:
        """恢复."""
        self._mark(client_id, actor, reason, "sharing.client_resume", suspended=None)

    def end(self, client_id: str, actor: Actor, reason: str) -> None:
        """注销接入: for good."""
        self._mark(client_id, actor, reason, "sharing.client_end", ended=self.clock())

    def _mark(self, client_id: str, actor: Actor, reason: str, action: str, **values: object) -> None:
        with self.sessions.begin() as session:
            if _demand_known(session, client_id).ended is not None:
                raise Refused("sharing.client_ended", "接入系统 {client} 已注销。", client=client_id)
            session.execute(update(SharingClient).where(SharingClient.id == client_id).values(**values))
            journal.append(session, [Entry(self.clock(), actor, action, client_id, reason)])

    # Asking

    def get(self, client_id: str) -> SharingClient:
        """Raises ``NotFound("sharing.client_unknown")``."""
        with self.sessions.read() as session:
            return _demand_known(session, client_id)

    def find(self, client_id: str) -> SharingClient | None:
        """As ``get``; ``None``: there is none."""
        with self.sessions.read() as session:
            return session.get(SharingClient, client_id[:64])

    def list(self) -> tuple[SharingClient, ...]:
        with self.sessions.read() as session:
            return tuple(
                session.execute(select(SharingClient).order_by(SharingClient.created, SharingClient.id)).scalars()
            )

    def keys(self, client_id: str) -> tuple[SharingKey, ...]:
        query = select(SharingKey).where(SharingKey.client_id == client_id).order_by(SharingKey.added, SharingKey.id)
        with self.sessions.read() as session:
            return tuple(session.execute(query).scalars())

    def known_key(self, key_id: str) -> KnownKey | None:
        """The key of that name, if it and its system are in use; ``None``: there is none."""
        with self.sessions.read() as session:
            key = session.get(SharingKey, key_id[:64])
            client = session.get(SharingClient, key.client_id) if key is not None and key.ended is None else None
        if key is None or client is None or client.id.startswith("region:"):
            return None
        demand_active(client)
        if key.kind == SHARED_SECRET:
            secret = self.region.masters.unwrap(b64decode(key.public), context_of(key.id))
            return KnownKey(client, RequestKey(SHARED_SECRET, b""), secret)
        return KnownKey(client, load_request_key(b64decode(key.public)))

    def caller(self, client: SharingClient, *, key_id: str = "", mode: str = "") -> Caller:
        """As wide as the system was registered; a token narrows it."""
        kind = "region" if client.id.startswith("region:") else "system"
        return Caller(
            client.id, client.name, kind, client.region, listed(client.operations), listed(client.types),
            listed(client.regions), client.rate, client.quota, key_id, mode,
        )  # fmt: skip


def context_of(key_id: str) -> bytes:
    """What a wrapped secret is bound to."""
    return f"sharing {key_id}".encode()


def demand_active(client: SharingClient) -> None:
    """Raises ``Refused("sharing.client_ended", "sharing.client_suspended")``."""
    if client.ended is not None:
        raise Refused("sharing.client_ended", "接入系统 {client} 已注销。", client=client.id)
    if client.suspended is not None:
        raise Refused("sharing.client_suspended", "接入系统 {client} 已被暂停。", client=client.id)


def listed(text: str) -> frozenset[str]:
    """A JSON list of words."""
    return frozenset(json.loads(text))


def _list(words: Collection[str]) -> str:
    return json.dumps(sorted(set(words)), ensure_ascii=False)


def _demand_known(session: Session, client_id: str) -> SharingClient:
    found = session.get(SharingClient, client_id[:64])
    if found is None:
        raise NotFound("sharing.client_unknown", "没有接入系统“{client}”。", client=client_id[:64])
    return found


def _check(new: NewClient) -> None:
    for name, text in (("name", new.name), ("organisation", new.organisation)):
        if not text.strip() or len(text) > 200 or not text.isprintable():
            raise Malformed(
                "sharing.client_text", "“{field}”应为不超过 {limit} 个字符的一行文字。", field=name, limit=200
            )
    if not _REGION.fullmatch(new.region):
        raise Malformed("sharing.client_region", "行政区划代码应为6位或12位数字。")
    if not new.operations or not set(new.operations) <= {*OPERATIONS, ANY}:
        raise Malformed(
            "sharing.client_operations", "操作应为下列各项之一或多项：{expected}。", expected="、".join(OPERATIONS)
        )
    if not new.types or not new.regions or not all(one == ANY or _REGION.fullmatch(one) for one in new.regions):
        raise Malformed("sharing.client_regions", "应至少给出一个证照类型和一个行政区划（* 表示全部）。")
    if not 0 <= new.rate <= 1_000_000 or not 0 <= new.quota <= 1_000_000_000:
        raise Malformed("sharing.client_limits", "每分钟次数和每日次数应为不小于 0 的整数。")
    if new.certificate and not _HEX.fullmatch(new.certificate):
        raise Malformed("sharing.client_certificate", "TLS 证书指纹应为 SHA-256 的64位小写十六进制。")
