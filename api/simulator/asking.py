"""提问: small HTTP for the simulator, and a clerk's questions at the own node."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

from api.simulator.processes import Node
from trust.errors import Refused, Unavailable

_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PATIENCE: Final = 60.0
_CODES: Final = re.compile(r"\b[a-z]+\.[a-z_]+\b")


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


@dataclass(frozen=True, slots=True)
class Clerk:
    """经办人员 of a region, who asks at the own node; it goes to the region that issued the licence."""

    node: Node
    account: str
    purpose: tuple[str, ...]
    """The options of ``share ask`` that say what it is for."""

    def ask(self, operation: str, **parameters: object) -> dict[str, Any]:
        """The answer. Raises ``Refused`` with the code the other region gave, else the own node's."""
        given = json.dumps(parameters, ensure_ascii=False)
        words = ("share", "ask", operation, "--as", self.account, "--parameters", given, *self.purpose)
        try:
            [answer] = self.node.command(*words)
        except Refused as error:
            codes = _CODES.findall(str(error.params.get("why", "")))
            raise Refused(codes[-1] if codes else error.code, "{why}", why=error.params.get("why", "")) from error
        return answer


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return {}
