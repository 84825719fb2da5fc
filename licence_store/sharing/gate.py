"""门禁: is the request from whom it says, new, just now, for us, and within what its sender may ask so often?

    caller, allowance = gate.admit(message, certificate="")

Systems prove themselves by token and signature (RFC 9421), or by AK/SK; another region's node by the signature of a key
that the trust list names. What a proxy says of the sender's TLS certificate is compared where the system names one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from licence_store.sharing import nonces
from licence_store.sharing.callers import Callers, demand_active
from licence_store.sharing.calls import Caller
from licence_store.sharing.nonces import Allowance
from licence_store.sharing.tokens import MARK, Tokens
from trust.access_keys import check_proof, is_access_key, read_proof
from trust.errors import Refused, Unauthenticated
from trust.http_signatures import AHEAD, WINDOW, HTTPMessage, check_digest, check_signature, read_signature
from trust.request_keys import RequestKey

_REMEMBERED = WINDOW + 2 * AHEAD + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PeerKey:
    """A request key of another region, as the trust list has it now."""

    region: str
    name: str
    key: RequestKey


@dataclass(frozen=True, slots=True)
class Admitted:
    """Let in."""

    caller: Caller
    allowance: Allowance


@dataclass(frozen=True)
class Gate:
    """门禁."""

    callers: Callers
    tokens: Tokens
    region: str
    peer_key: Callable[[str, datetime], PeerKey | None] = lambda key_id, moment: None
    """``keyid`` of another region's node → its key."""
    peer_rate: int = 6000
    """Calls a minute from one region."""

    def admit(self, message: HTTPMessage, *, certificate: str = "") -> Admitted:
        """Raises ``Unauthenticated("signature.*", "digest.*", "access_key.*", "sharing.token_*", "sharing.mtls_*")``,
        ``Refused("sharing.client_*")``; see ``spend`` for what comes next.
        """
        now = self.callers.clock()
        if is_access_key(message):
            if message.header("authorization") or message.header("signature") or message.header("signature-input"):
                raise Unauthenticated("access_key.mixed", "AK/SK 与令牌、签名不能同时使用。")
            caller, nonce = self._by_access_key(message, now)
        else:
            caller, nonce = self._by_signature(message, now)
        self._demand_certificate(caller, certificate)
        with self.callers.sessions.begin() as session:
            fresh = nonces.note(session, f"{caller.mode}:{caller.key_id}", nonce, now, now + _REMEMBERED)
            allowance = nonces.count(session, caller.id, caller.rate, caller.quota, now) if fresh else None
        if allowance is None:
            area = "signature" if caller.mode == "signature" else "access_key"
            raise Unauthenticated(
                f"{area}.replayed", "该请求已收到过：nonce 重复。", remedy="请为每个请求生成新的 nonce。"
            )
        return Admitted(caller, allowance)

    def _by_signature(self, message: HTTPMessage, now: datetime) -> tuple[Caller, str]:
        signature = read_signature(message, region=self.region, now=now)
        peer = self.peer_key(signature.key_id, now) if ":" in signature.key_id else None
        if peer is not None:
            check_signature(signature, peer.key)
            return self._peer(peer, signature.key_id), signature.nonce
        known = self.callers.known_key(signature.key_id)
        if known is None or known.secret:
            raise Unauthenticated("signature.key_unknown", "签名所用的密钥没有登记，或已停用。")
        check_signature(signature, known.key)
        caller = self.tokens.caller(_bearer(message))
        if caller.id != known.client.id:
            raise Unauthenticated("signature.other_client", "签名密钥与访问令牌不属于同一个系统。")
        return replace(caller, key_id=signature.key_id, mode="signature"), signature.nonce

    def _by_access_key(self, message: HTTPMessage, now: datetime) -> tuple[Caller, str]:
        proof = read_proof(message, region=self.region, now=now)
        known = self.callers.known_key(proof.key_id)
        if known is None or not known.secret:
            raise Unauthenticated("access_key.key_unknown", "访问密钥没有登记，或已停用。")
        check_proof(proof, known.secret)
        if message.header("content-digest") is not None:
            check_digest(message)
        return self.callers.caller(known.client, key_id=proof.key_id, mode="access_key"), proof.nonce

    def _peer(self, peer: PeerKey, key_id: str) -> Caller:
        """Another region's node: within what it was registered for here, or, unregistered, what is open to all."""
        known = self.callers.find(f"region:{peer.region}")
        if known is not None:
            demand_active(known)
            caller = self.callers.caller(known, key_id=key_id, mode="signature")
            return replace(caller, regions=frozenset({self.region}))
        everything = frozenset({"*"})
        return Caller(
            f"region:{peer.region}", peer.name, "region", peer.region, everything, everything,
            frozenset({self.region}), self.peer_rate, 0, key_id, "signature",
        )  # fmt: skip

    def _demand_certificate(self, caller: Caller, certificate: str) -> None:
        """mTLS, where the system has named its certificate."""
        wanted = self.callers.get(caller.id).certificate if caller.kind == "system" else ""
        if not wanted:
            return
        if not certificate:
            raise Unauthenticated("sharing.mtls_missing", "该系统应以登记的 TLS 客户端证书连接。")
        if certificate.lower().replace(":", "") != wanted:
            raise Unauthenticated("sharing.mtls_differs", "TLS 客户端证书与该系统登记的不符。")


def spend(admitted: Admitted) -> None:
    """Raises ``Refused("sharing.rate", "sharing.quota")`` with the seconds to wait, where it was one call too many."""
    left = admitted.allowance
    if left.rate and left.rate_left < 0:
        raise Refused("sharing.rate", "每分钟 {limit} 次的限额已用完，请在 {retry_after} 秒后再试。", limit=left.rate,
                      retry_after=left.rate_reset, remedy="请降低调用频率，或申请提高限额。")  # fmt: skip
    if left.quota and left.quota_left < 0:
        raise Refused("sharing.quota", "每日 {limit} 次的限额已用完，请在 {retry_after} 秒后再试。", limit=left.quota,
                      retry_after=left.quota_reset, remedy="请降低调用频率，或申请提高限额。")  # fmt: skip


def _bearer(message: HTTPMessage) -> str:
    scheme, _, secret = (message.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("sharing.token_missing", "请在 Authorization 头中出示访问令牌（Bearer）。")
    if not secret.strip().startswith(MARK):
        raise Unauthenticated("sharing.token_kind", "共享接口只接受经 /api/v1/oauth/token 取得的访问令牌。")
    return secret.strip()
