"""令牌接口: OAuth 2 client credentials with ``private_key_jwt`` (RFC 6749, RFC 7523); what a client must know."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.deps import address_of, body, services
from api.sharing_office import TOKEN_PATH
from api.translating import translation
from api.wiring import Services
from licence_store.sharing.calls import OPERATIONS
from licence_store.sharing.log import caller_actor
from trust.errors import LicenceTrustError, Malformed, Refused, Unauthenticated
from trust.i18n import N_
from trust.request_keys import HTTP_LABELS, JOSE_LABELS

router = APIRouter(tags=["sharing"])
metadata = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MEMBERS = {"grant_type", "client_assertion_type", "client_assertion", "scope", "client_id"}
_ERRORS = {
    "oauth.grant_type": "unsupported_grant_type",
    "oauth.scope_malformed": "invalid_scope",
    "oauth.scope_too_wide": "invalid_scope",
}


@router.post("/oauth/token", summary=N_("共享：取访问令牌"))
def token(request: Request, found: Found, sent: Annotated[bytes, Depends(body)]) -> Response:
    """`grant_type=client_credentials`, `client_assertion_type`, `client_assertion` and, if less than all, `scope`."""
    address, translate = address_of(request), translation(request)
    try:
        asked = _form(request, sent)
        issued = found.sharing.tokens.issue(
            asked["client_assertion"], asked.get("scope", ""), caller_actor("token", address)
        )
    except LicenceTrustError as error:
        found.public_rate.admit(address)
        found.desk.sharing.log.turned_away("token", error, caller="", request="", address=address)
        known = isinstance(error, Unauthenticated)
        word = _ERRORS.get(error.code, "invalid_client" if known else "invalid_request")
        if isinstance(error, Refused) and not known and error.code not in _ERRORS:
            word = "unauthorized_client"
        message, remedy = error.localised(translate)
        told = {"error": word, "error_description": message, "code": error.code, "remedy": remedy}
        headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Bearer"} if known else {})
        return JSONResponse(told, 401 if known else 400, headers)
    told = {"access_token": issued.secret, "token_type": "Bearer", "scope": issued.scope}
    return JSONResponse({**told, "expires_in": issued.seconds}, headers={"Cache-Control": "no-store"})


@metadata.get("/.well-known/oauth-authorization-server")
def described(found: Found) -> Response:
    """What a client has to know before its first call."""
    base = found.settings.base_url
    return JSONResponse(
        {
            "issuer": base,
            "token_endpoint": f"{base}{TOKEN_PATH}",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": sorted(JOSE_LABELS.values()),
            "scopes_supported": [f"op:{one}" for one in OPERATIONS],
            "licence_trust_region": found.desk.region.code,
            "licence_trust_sharing": f"{base}/api/v1/sharing/",
            "licence_trust_request_signatures": sorted(HTTP_LABELS.values()),
        }
    )


def _form(request: Request, sent: bytes) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Malformed("oauth.media_type", "令牌申请应以 application/x-www-form-urlencoded 提交。")
    try:
        pairs = parse_qsl(sent.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=10)
    except ValueError:
        raise Malformed("oauth.form", "令牌申请的表单无法解析。") from None
    asked = dict(pairs)
    if len(asked) != len(pairs) or not set(asked) <= _MEMBERS:
        raise Malformed("oauth.parameter", "令牌申请含有重复或未知的参数。")
    if asked.get("grant_type") != "client_credentials":
        raise Malformed("oauth.grant_type", "grant_type 应为 client_credentials。")
    if asked.get("client_assertion_type") != BEARER or not asked.get("client_assertion"):
        raise Unauthenticated("oauth.client_assertion", "请以 client_assertion（private_key_jwt）证明身份。")
    return asked
