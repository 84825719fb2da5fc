"""提问: small HTTP for the simulator, and one region's signed question to another."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

from api.simulator.processes import Node
from licence_store.region import Region
from trust.errors import Unavailable
from trust.http_signatures import HTTPMessage, sign_request
from trust.request_keys import HTTP_LABELS
from trust.sm2 import split_signature

_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PATIENCE: Final = 60.0


def send(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None, patience: float = _PATIENCE
) -> tuple[int, Any]:
    """Status and JSON of an answer. Raises ``Unavailable("simulator.silent")``."""
    asked = urllib.request.Request(url, body, headers or {})  # noqa: S310 - addresses of our own making
    try:
        with _OPENER.open(asked, timeout=patience) as answer:
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read())
    except (OSError, ValueError) as error:
        raise Unavailable("simulator.silent", "{url} 没有应答。", url=url[:120]) from error


def verify(node: Node, document: bytes, *, direct: bool = False) -> dict[str, Any]:
    """What this node says of a file; ``direct``: asked at the node itself, past its relay."""
    base = f"http://127.0.0.1:{node.relay.upstream}" if direct else node.relay.url
    found: dict[str, Any] = send(f"{base}/api/v1/verifications", document, {"Content-Type": "application/ofd"})[1]
    return found


@dataclass
class PeerAsker:
    """One region asks another as nodes do: signed with the request key that the trust list names."""

    asking: Node
    asked: Node
    purpose: dict[str, str]
    _keys: dict[str, Any] = field(default_factory=dict)

    def ask(self, operation: str, **parameters: object) -> tuple[int, dict[str, Any]]:
        """Status, and the answer's payload or the problem."""
        path = f"/api/v1/sharing/{operation}"
        body = json.dumps({"purpose": self.purpose, **parameters}, ensure_ascii=False).encode()
        signer = self._keys.setdefault("request", None) or Region.open(self.asking.place).keyring.signer("request")
        self._keys["request"] = signer

        def sign(data: bytes) -> bytes:
            r, s = split_signature(signer.sign(data))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        added = sign_request(
            HTTPMessage("POST", path, "", {"content-type": ["application/json"]}, body), sign=sign,
            key_id=f"{self.asking.code}:request", algorithm=HTTP_LABELS["sm2"], region=self.asked.code,
            nonce=secrets.token_urlsafe(24), now=self.asking.clock(),
        )  # fmt: skip
        agent = f"licence-trust (region {self.asking.code})"
        headers = {"Content-Type": "application/json", "User-Agent": agent, **added}
        status, answer = send(self.asked.relay.url + path, body, headers)
        return status, answer.get("payload", answer) if isinstance(answer, dict) else {}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return {}
