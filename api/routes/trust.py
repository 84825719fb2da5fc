"""For verifiers elsewhere: the signed trust bundle and the published status lists; public, cacheable."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import services
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_

router = APIRouter(tags=["trust"])


@router.get(
    "/trust-bundle",
    response_class=Response,
    responses=problems(503),
    summary=N_("信任包：核验所需的全部信任材料，已签名"),
)
def trust_bundle(request: Request, found: Annotated[Services, Depends(services)]) -> Response:
    return cacheable(request, found.bundle(), 300)


@router.get(
    "/status-lists/{list_id}", response_class=Response, responses=problems(404, 503), summary=N_("状态列表，已签名")
)
def status_list(request: Request, list_id: str, found: Annotated[Services, Depends(services)]) -> Response:
    return cacheable(request, found.status_list(list_id), 10)


def cacheable(request: Request, content: bytes, seconds: int, media_type: str = "application/json") -> Response:
    """The content with its ``ETag``, or 304 if the caller has it."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
