"""共享请求的依赖: the request as it was sent, for checking its signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from api import errors
from api.deps import address_of, body, services
from api.sharing_office import Asked
from api.wiring import Services
from trust.errors import LicenceTrustError
from trust.http_signatures import HTTPMessage

Found = Annotated[Services, Depends(services)]


def message_of(request: Request, body: bytes) -> HTTPMessage:
    """请求报文, octet for octet where it matters."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    path = raw.partition(b"?")[0].decode("latin-1")
    return HTTPMessage(request.method, path, query.decode("latin-1"), headers, body)


def asked(request: Request, found: Found, sent: Annotated[bytes, Depends(body)]) -> Asked:
    """One question; its address says which."""
    name = found.settings.mtls_header
    certificate = request.headers.get(name, "") if name else ""
    return Asked(message_of(request, sent), "applications", address_of(request), certificate)


def answered(request: Request, asked: Asked, act: Callable[[], Response]) -> Response:
    """What ``act`` answers, or the problem; with what is left of the caller's limits either way."""
    try:
        response = act()
    except LicenceTrustError as error:
        response = errors.answer(request, error)
    for name, value in asked.headers.items():
        response.headers[name] = value
    return response
