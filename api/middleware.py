"""Around every request: trace id, upload limits, security headers, metrics, and the last line of defence."""

from __future__ import annotations

import re
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer, new_trace_id, trace_id
from api.metrics import Metrics
from api.settings import Settings
from api.upload_form import LARGEST

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TRACE_PARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_UPLOADS = ("/verify", "/api/v1/verifications", "/entry", "/api/v1/entry/sheets", "/api/v1/jobs/issue", "/jobs",
            "/api/v1/sharing/verify", "/api/v1/sharing/compare", "/sharing/look-up")  # fmt: skip
_UPLOADS_BELOW = ("/seals/", "/api/v1/seals", "/types/", "/api/v1/catalogue/drafts")
"""Documents seals rest on, pictures, seal objects."""
_MATERIALS_BELOW = ("/space/materials/", "/api/v1/space/uploads", "/window/", "/api/v1/materials")
"""What holders and windows hand in: each kind of material has limits of its own, the largest counts here."""


class Envelope:
    """Pure ASGI: wraps ``receive`` (limits) and ``send`` (headers), so that nothing is buffered."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.headers = dict(HEADERS)
        if settings.secure:
            self.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        token = trace_id.set(_trace_of(scope))
        started, state = time.perf_counter(), {"status": 500, "begun": False}
        outward = self._sender(send, state)
        try:
            await self.app(scope, self._receiver(scope, receive), outward)
        except Exception as error:
            if state["begun"]:
                raise
            await answer(Request(scope, receive), error)(scope, receive, outward)
        finally:
            self.metrics.request(scope, int(state["status"]), time.perf_counter() - started)
            trace_id.reset(token)

    def _sender(self, send: Send, state: MutableMapping[str, Any]) -> Send:
        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"], state["begun"] = message["status"], True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Trace-Id"] = trace_id.get()
                headers["API-Version"] = "1"
            await send(message)

        return sender

    def _receiver(self, scope: Scope, receive: Receive) -> Receive:
        """``receive`` that stops at the limit: 413 before the body is read whole."""
        limit = self.settings.body_limit
        if scope["path"] in _UPLOADS or scope["path"].startswith(_UPLOADS_BELOW):
            limit = self.settings.upload_limit + 4096
        elif scope["path"].startswith(_MATERIALS_BELOW):
            limit = max(limit, LARGEST)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        size = int(declared) if declared.isdigit() else 0
        seen = 0

        async def receiver() -> Message:
            nonlocal seen
            if size > limit:
                raise HTTPException(413)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413)
            return message

        return receiver


def _without_body(send: Send) -> Send:
    """A HEAD is answered as the GET would be, with the headers alone."""

    async def sender(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sender


def _trace_of(scope: Scope) -> str:
    """The caller's W3C trace id, or a new one."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            found = _TRACE_PARENT.fullmatch(value.decode("latin-1"))
            if found and set(found[1]) != {"0"}:
                return found[1]
    return new_trace_id()
