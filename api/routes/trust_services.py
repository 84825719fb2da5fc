"""For verifiers and signers anywhere: revocation lists, certificate status (RFC 6960), time stamps (RFC 3161).

Addresses as certificates and time-stamp clients have them: short, outside ``/api/v1``, with the protocols' own media
types. Nothing personal is asked or told; callers are only counted.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import body, services, stranger
from api.refusals import Unreadable, UnsupportedMedia
from api.routes.trust import cacheable
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_
from trust.journal import Actor
from trust.timestamp_protocol import REQUEST_TYPE, RESPONSE_TYPE

router = APIRouter(tags=["trust services"])
Found = Annotated[Services, Depends(services)]
Anybody = Annotated[Actor, Depends(stranger)]
CRL, CERTIFICATE = "application/pkix-crl", "application/pkix-cert"
OCSP_REQUEST, OCSP_RESPONSE = "application/ocsp-request", "application/ocsp-response"


def _binary(kind: str) -> dict[str, object]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


def _demand_type(request: Request, wanted: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != wanted:
        raise UnsupportedMedia("request.media_type", "Content-Type 应为 {allowed}。", allowed=wanted)


@router.get(
    "/crls/{name}.crl",
    response_class=Response,
    responses={**problems(404), 200: {"content": {CRL: {}}}},
    summary=N_("证书废止列表（DER），按证书机构"),
)
def crl(request: Request, found: Found, name: str) -> Response:
    return cacheable(request, found.authorities.crl(name), 60, CRL)


@router.get(
    "/certificates/{name}.cer",
    response_class=Response,
    responses={**problems(404), 200: {"content": {CERTIFICATE: {}}}},
    summary=N_("证书机构的证书（DER）"),
)
def authority(request: Request, found: Found, name: str) -> Response:
    return cacheable(request, found.authorities.certificate(name).der, 3600, CERTIFICATE)


@router.post(
    "/ocsp",
    response_class=Response,
    responses={**problems(413, 415, 429), 200: {"content": {OCSP_RESPONSE: {}}}},
    openapi_extra=_binary(OCSP_REQUEST),
    summary=N_("在线证书状态（RFC 6960）"),
)
def ocsp(request: Request, found: Found, content: Annotated[bytes, Depends(body)], anybody: Anybody) -> Response:
    """What cannot be answered is answered with an OCSP status, as the protocol has it."""
    _demand_type(request, OCSP_REQUEST)
    return Response(found.certificate_status(content), media_type=OCSP_RESPONSE)


@router.get(
    "/ocsp/{asked:path}",
    response_class=Response,
    responses={**problems(400, 429), 200: {"content": {OCSP_RESPONSE: {}}}},
    summary=N_("在线证书状态，以 GET（RFC 6960 附录 A.1）：请求的 base64"),
)
def ocsp_by_get(request: Request, found: Found, asked: str, anybody: Anybody) -> Response:
    try:
        content = b64decode(asked, validate=True)
    except (ValueError, binascii.Error):
        raise Unreadable("ocsp.address", "地址中的 OCSP 请求应为 base64。") from None
    return cacheable(request, found.certificate_status(content), 60, OCSP_RESPONSE)


@router.post(
    "/tsa",
    response_class=Response,
    responses={**problems(413, 415, 429, 503), 200: {"content": {RESPONSE_TYPE: {}}}},
    openapi_extra=_binary(REQUEST_TYPE),
    summary=N_("时间戳（RFC 3161）"),
)
def timestamp(request: Request, found: Found, content: Annotated[bytes, Depends(body)], anybody: Anybody) -> Response:
    """A request that cannot be granted is answered with a refusal that says why, as the protocol has it."""
    _demand_type(request, REQUEST_TYPE)
    return Response(found.timestamp(content), media_type=RESPONSE_TYPE)
