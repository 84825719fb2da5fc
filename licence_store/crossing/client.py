"""提问: one question to another region, signed with our request key, its answer checked by the trust list.

    answer = asker.ask(peer, "licence", {"licence_id": "…"}, purpose)

1. is the list we believe in force, is the region still on it; 2. does its breaker let us; 3. sign (RFC 9421) and send,
again where it was silent, each time with a new nonce; 4. believe the answer: its publisher by that region's anchors
alone, to this very question, for us, just now.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from keys.signer import Signer
from licence_store.crossing.breaker import Breaker
from licence_store.regions.peers import Peer, Peers
from licence_store.sharing.purposes import Purpose
from trust.anchors import TrustStore
from trust.entitlement import peer_store
from trust.errors import CheckFailed, LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.fetching import Exchange, Fetcher
from trust.http_signatures import HTTPMessage, sign_request
from trust.request_keys import HTTP_LABELS, SM2
from trust.sharing_answer import MAX_BYTES, SharedAnswer, check_answer, read_answer
from trust.sm2 import split_signature

ATTEMPTS: Final = 3
YOUNG: Final = timedelta(seconds=60)
"""So old an answer may be, or so far ahead: clocks and ways; what is older tells only what was."""
_STATUSES: Final = frozenset({200, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503})
"""What a region says itself; anything else is no word of it."""
_CODE: Final = re.compile(r"[a-z][a-z_]*\.[a-z0-9_.]{2,60}")
_OURS: Final = ("signature.", "digest.", "trust_list.", "sharing.client_", "sharing.token_")
"""Refusals that are about our node, not about the question: nobody answered it."""
_BUSY: Final = ("sharing.rate", "sharing.quota", "request.rate", "sharing.provider_silent")
_SAYS: Final[Mapping[str, frozenset[str]]] = {
    "catalogue": frozenset({"FOUND"}),
    "fields": frozenset({"FOUND"}),
    "licence": frozenset({"FOUND", "NOT_FOUND"}),
    "holder": frozenset({"FOUND", "NOT_FOUND"}),
    "qr": frozenset({"FOUND", "NOT_FOUND"}),
    "batch": frozenset({"FOUND", "NOT_FOUND"}),
    "check": frozenset({"TRUE", "FALSE", "NOT_FOUND"}),
    "verify": frozenset({"TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE"}),
    "compare": frozenset({"SAME", "DIFFERENT", "INDETERMINATE", "NOT_FOUND"}),
    "download": frozenset({"FOUND", "NOT_FOUND"}),
    "copy": frozenset({"FOUND", "NOT_FOUND"}),
    "accept": frozenset({"TRUE", "FALSE"}),
}
"""Operation → what an issuing region may say to it; whatever else is no answer."""


@dataclass(frozen=True)
class Asker:
    """提问者: this node, towards the others. Safe to share between threads."""

    home: str
    peers: Peers
    fetcher: Fetcher
    signer: Callable[[], Signer]
    """Our request key; raises ``NotFound("keys.*")``."""
    clock: Callable[[], datetime]
    refresh: Callable[[], object]
    """Get what the regions publish, where that is due."""
    breaker: Breaker = field(default_factory=Breaker)
    pause: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random

    def ask(self, peer: Peer, operation: str, parameters: Mapping[str, Any], purpose: Purpose) -> SharedAnswer:
        """Raises ``Unavailable`` (``crossing.*``, ``fetch.*``, ``peer.*``) where nobody answered whom we can believe,
        ``Refused("crossing.refused")`` where the region itself refused the question, ``Malformed("json.surrogate")``
        for what nobody can be asked.
        """
        body = _body(parameters, purpose)
        self._demand_listed(peer)
        self.breaker.demand(peer.code)
        try:
            answer = self._asked(peer, operation, body, purpose)
        except Refused:
            self.breaker.succeeded(peer.code)  # it is there, and said no
            raise
        except BaseException:
            self.breaker.failed(peer.code)
            raise
        self.breaker.succeeded(peer.code)
        return answer

    def _demand_listed(self, peer: Peer) -> None:
        believed, now = self.peers.believed(), self.clock()
        if believed is None or not believed.is_fresh(now):
            raise Unavailable("crossing.list_expired", "本节点的信任列表已到期，不能据以采信其他地区的应答。")
        if peer.entry.left_at is not None and peer.entry.left_at <= now:
            raise Unavailable("crossing.left", "地区“{region}”已退出联盟。", region=peer.name)

    def _asked(self, peer: Peer, operation: str, body: bytes, purpose: Purpose) -> SharedAnswer:
        attempts = 1 if operation == "download" else ATTEMPTS  # a copy asked for twice is made twice
        for attempt in range(1, attempts + 1):
            try:
                data = self._send(peer, operation, body)
                break
            except Unavailable as error:
                if attempt == attempts or not error.code.startswith(("fetch.", "crossing.status")):
                    raise
                self.pause(0.1 * 2**attempt * (0.5 + self.chance()))
        return self._believed(peer, operation, purpose, body, data)

    def _send(self, peer: Peer, operation: str, body: bytes) -> bytes:
        url = f"{self._endpoint(peer)}/{operation}"
        message = HTTPMessage("POST", urlsplit(url).path, body=body)
        signer = self._signer()
        added = sign_request(
            message,
            sign=lambda data: _raw(signer.sign(data)),
            key_id=self._key_id(signer),
            algorithm=HTTP_LABELS[SM2],
            region=peer.code,
            nonce=secrets.token_urlsafe(24),
            now=self.clock(),
        )
        data = self.fetcher.fetch(
            Exchange(url, body, "application/json", "application/json", MAX_BYTES, tuple(added.items()), _STATUSES)
        )
        _demand_answer(peer, data)
        return data

    def _endpoint(self, peer: Peer) -> str:
        try:
            return peer.endpoint("sharing")
        except NotFound as error:
            raise Unavailable("crossing.no_endpoint", "地区“{region}”没有公布共享地址。", region=peer.name) from error

    def _signer(self) -> Signer:
        try:
            return self.signer()
        except LicenceTrustError as error:
            raise Unavailable(
                "crossing.no_key", "本节点的请求签名密钥无法使用。", remedy="请运行 region entry。"
            ) from error

    def _key_id(self, signer: Signer) -> str:
        """The name under which the list has our key, in use now."""
        spki = signer.certificate.public_key.spki
        own = next((one for one in self.peers.list() if one.code == self.home), None)
        for listed in own.keys(self.clock()) if own is not None else ():
            if listed.key.spki == spki:
                return listed.id
        raise Unavailable("crossing.key_unlisted", "信任列表中没有本节点现用的请求签名公钥。")

    def _believed(self, peer: Peer, operation: str, purpose: Purpose, body: bytes, data: bytes) -> SharedAnswer:
        now = self.clock()
        try:
            answer = read_answer(data)
            try:
                check_answer(answer, self._store(peer), known_at=now, question=body, region=peer.code)
            except CheckFailed as error:
                if not error.code.startswith("revocation."):
                    raise
                self.refresh()  # its list of revoked certificates is not at hand, or was due
                check_answer(answer, self._store(peer), known_at=now, question=body, region=peer.code)
        except (CheckFailed, Malformed) as error:
            raise Unavailable(
                "crossing.not_believed", "地区“{region}”的应答不可信（{reason}）。", region=peer.name, reason=error.code
            ) from error
        if not -YOUNG <= now - answer.as_of <= YOUNG:
            raise Unavailable(
                "crossing.answer_old", "地区“{region}”的应答不是现在作出的，或双方时钟不一致。", region=peer.name
            )
        ours = (operation, f"region:{self.home}", purpose.to_json())
        if (answer.operation, answer.caller, dict(answer.purpose)) != ours or answer.outcome not in _SAYS[operation]:
            raise Unavailable(
                "crossing.not_believed",
                "地区“{region}”的应答不可信（{reason}）。",
                region=peer.name,
                reason="sharing.answer_other_question",
            )
        return answer

    def _store(self, peer: Peer) -> TrustStore:
        """Of that region alone."""
        store = peer_store(self.peers.trust_store_with_peers(), peer.code)
        if store is None:
            raise Unavailable("crossing.left", "地区“{region}”已退出联盟。", region=peer.name)
        return store


def _body(parameters: Mapping[str, Any], purpose: Purpose) -> bytes:
    try:
        return json.dumps({"purpose": purpose.to_json(), **parameters}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("json.surrogate", "文本中含有不成对的代理字符，无法规范化。") from None


def _demand_answer(peer: Peer, data: bytes) -> None:
    """Is it a signed answer, at least by its form? A problem is told by its code alone: nobody signed its words.

    Raises ``Refused("crossing.refused")``, ``Unavailable``: ``crossing.busy``, ``crossing.not_admitted``,
    ``crossing.status``.
    """
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and "payload" in said:
        return
    code = str(said.get("code", "")) if isinstance(said, dict) else ""
    if not _CODE.fullmatch(code) or code.startswith(("internal.", "database.")):
        raise Unavailable("crossing.status", "地区“{region}”没有给出应答。", region=peer.name)
    if code in _BUSY:
        raise Unavailable("crossing.busy", "地区“{region}”一时应接不暇（{reason}）。", region=peer.name, reason=code)
    if code.startswith(_OURS):
        raise Unavailable(
            "crossing.not_admitted", "地区“{region}”没有接受本节点的请求（{reason}）。", region=peer.name, reason=code
        )
    raise Refused(
        "crossing.refused",
        "颁证地区“{region}”没有同意（{reason}）。",
        remedy="请按该地区的共享要求申请，或请持证者本人出示。",
        region=peer.name,
        reason=code,
    )


def _raw(signature: bytes) -> bytes:
    r, s = split_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
