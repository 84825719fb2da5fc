"""共享办理: from an HTTP request to a signed answer; who is asking, within which limits, for which purpose.

What goes wrong on the way is written down too: a refusal of a known caller with its name, of a stranger without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from api.refusals import Unreadable, UnsupportedMedia
from licence_store.sharing.calls import Call, Caller
from licence_store.sharing.gate import Admitted, Gate, PeerKey, spend
from licence_store.sharing.log import caller_actor
from licence_store.sharing.purposes import Purpose
from licence_store.sharing.tokens import Tokens
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.sharing.access import ApplicationView
    from trust.http_signatures import HTTPMessage
    from trust.journal import Actor

TOKEN_PATH = "/api/v1/oauth/token"  # noqa: S105 - an address


@dataclass
class Asked:
    """One request on its way: what is known of it so far."""

    message: HTTPMessage
    operation: str
    address: str
    certificate: str = ""
    """SHA-256 of the TLS certificate, as a proxy tells it."""
    admitted: Admitted | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """``RateLimit`` headers of the answer, whatever it is."""

    @property
    def request(self) -> str:
        """SM3 of the question."""
        return sm3(self.message.body).hex()


@dataclass(frozen=True)
class SharingOffice:
    """共享办理."""

    services: Services

    @cached_property
    def tokens(self) -> Tokens:
        desk = self.services.desk
        base = self.services.settings.base_url
        audiences = (f"{base}{TOKEN_PATH}", f"urn:licence-trust:region:{desk.region.code}")
        return Tokens(desk.callers, desk.catalogue, audiences)

    @cached_property
    def gate(self) -> Gate:
        desk = self.services.desk
        return Gate(desk.callers, self.tokens, desk.region.code, self._peer_key)

    def _peer_key(self, key_id: str, moment: datetime) -> PeerKey | None:
        """A request key of another region, by the trust list in force; raises ``Refused("trust_list.expired")``."""
        desk = self.services.desk
        if desk.peers.believed() is None or key_id.partition(":")[0] == desk.region.code:
            return None
        try:
            peer, key = desk.peers.request_key(key_id, moment)
        except NotFound:
            return None
        return PeerKey(peer.code, peer.name, key)

    # Systems

    def answer(self, asked: Asked) -> bytes:
        """The signed answer; raises what the gate and ``Sharing.ask`` raise, written down."""
        caller = self.admit(asked)
        actor = caller_actor(caller.id, asked.address)
        try:
            content = _content(asked.message)
            purpose = Purpose.read(content.pop("purpose", None))
        except LicenceTrustError as error:
            self._turned_away(asked, error)
            raise
        call = Call(caller, asked.operation, content, purpose, asked.request, actor)
        return self.services.desk.sharing.ask(call)

    def admit(self, asked: Asked) -> Caller:
        """Who asks, counted against their limits."""
        try:
            asked.admitted = self.gate.admit(asked.message, certificate=asked.certificate)
            asked.headers |= asked.admitted.allowance.headers()
            spend(asked.admitted)
        except LicenceTrustError as error:
            self._turned_away(asked, error)
            raise
        return asked.admitted.caller

    def _turned_away(self, asked: Asked, error: LicenceTrustError) -> None:
        known = asked.admitted.caller.id if asked.admitted else ""
        if not known:
            self.services.public_rate.admit(asked.address)  # strangers do not fill the log
        self.services.desk.sharing.log.turned_away(
            asked.operation, error, caller=known, request=asked.request, address=asked.address
        )

    def apply(self, caller: Caller, asked: Asked) -> ApplicationView:
        """共享申请 by the system itself, which was admitted. Raises as ``Access.apply``."""
        content = _content(asked.message)
        if not set(content) <= {"type", "department", "operations", "service_items", "basis", "reason"}:
            raise Malformed("sharing.application_members", "申请中含有未知的项目。")
        texts = {name: content.get(name, "") for name in ("type", "department", "basis", "reason")}
        lists = {name: content.get(name, []) for name in ("operations", "service_items")}
        if not all(isinstance(one, str) for one in texts.values()) or not all(map(_is_words, lists.values())):
            raise Malformed("sharing.application_members", "申请中含有未知的项目。")
        return self.services.desk.sharing.access.apply(
            caller.id,
            texts["type"],
            department=texts["department"],
            operations=lists["operations"],
            items=lists["service_items"],
            basis=texts["basis"],
            reason=texts["reason"],
            actor=caller_actor(caller.id, asked.address),
        )

    def applications(self, asked: Asked) -> tuple[ApplicationView, ...]:
        """Its own applications."""
        return self.services.desk.sharing.access.applications(client_id=self.admit(asked).id)

    # Clerks

    def look_up(
        self, actor: Actor, display_name: str, operation: str, parameters: Mapping[str, Any], purpose: Mapping[str, str]
    ) -> bytes:
        """As a system's question, asked by an officer at a page or at the console."""
        desk = self.services.desk
        caller_id = f"clerk:{actor.account}@{actor.department or ''}"
        everything = frozenset({"*"})
        caller = Caller(
            caller_id, display_name, "clerk", desk.region.code, everything, everything, everything, mode="page"
        )
        said = Purpose.read({**purpose, "system": "licence-trust", "officer": actor.account})
        question = json.dumps(
            {"purpose": said.to_json(), **dict(parameters)}, ensure_ascii=False, sort_keys=True
        ).encode(errors="backslashreplace")
        return desk.sharing.ask(Call(caller, operation, dict(parameters), said, sm3(question).hex(), actor))


def application_json(one: ApplicationView) -> dict[str, object]:
    """An application as a system or the console is told of it."""
    from verify.report import rfc3339

    return {
        "id": one.id,
        "client": one.client_id,
        "client_name": one.client_name,
        "type": one.type_code,
        "type_name": one.type_name,
        "department": one.department,
        "operations": list(one.operations),
        "service_items": list(one.items),
        "basis": one.basis,
        "reason": one.reason,
        "applied": rfc3339(one.applied),
        "state": one.state,
        "until": rfc3339(one.until) if one.until else None,
        "decided": rfc3339(one.decided) if one.decided else None,
        "decision_reason": one.decision_reason,
    }


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _content(message: HTTPMessage) -> dict[str, Any]:
    """The question's JSON object; raises ``Unreadable("sharing.body")``, ``UnsupportedMedia``."""
    if (message.header("content-type") or "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("request.media_type", "Content-Type 应为 application/json。")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("named twice")
        return dict(pairs)

    try:
        content = json.loads(message.body, object_pairs_hook=unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Unreadable("sharing.body", "请求正文应为一个 JSON 对象，名称不得重复。")
    return content


def _no_constant(text: str) -> Any:
    raise ValueError(text)
