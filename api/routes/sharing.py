"""共享互认接口: one address for each operation; signed questions in, signed answers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.deps import idempotency_key
from api.idempotent import once
from api.schemas.common import problems
from api.sharing_deps import Found, answered, asked
from api.sharing_office import Asked, application_json
from licence_store.sharing.calls import BETWEEN, OPERATIONS
from licence_store.sharing.purposes import REQUIRED
from licence_store.sharing.questions import PARAMETERS
from trust.i18n import N_

router = APIRouter(tags=["sharing"])
Question = Annotated[Asked, Depends(asked)]
SUMMARIES = {
    "catalogue": N_("共享：证照目录"),
    "fields": N_("共享：一类证照的字段说明"),
    "licence": N_("共享：按标识或编号取一份证照"),
    "holder": N_("共享：按持证者和类型取证照"),
    "qr": N_("共享：按二维码取一份证照"),
    "batch": N_("共享：按条件批量取证照"),
    "check": N_("共享：真伪核对"),
    "verify": N_("共享：核验一份文件"),
    "compare": N_("共享：文件与登记逐项比对"),
    "download": N_("共享：下载原件或限定用途的副本"),
    "copy": N_("共享：其他地区询问一份用证副本的状态"),
    "accept": N_("共享：其他地区采用一份用证副本，登记一次使用"),
}
_KINDS: dict[str, dict[str, Any]] = {
    "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    "stated": {"type": "object", "additionalProperties": {"type": "string"}},
    "copy": {"type": "object"},
    "states": {"type": "array", "items": {"type": "string"}},
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
}


def _schema(operation: str) -> dict[str, Any]:
    needed, allowed = PARAMETERS[operation]
    line = {"type": "string", "maxLength": 200}
    purpose = {"type": "object", "required": list(REQUIRED), "properties": dict.fromkeys([*REQUIRED, "officer"], line)}
    names = {name: _KINDS.get(name, {"type": "string"}) for name in sorted(needed | allowed)}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["purpose", *sorted(needed)],
        "properties": {"purpose": purpose, **names},
    }


def _route(operation: str) -> Callable[[Request, Found, Question], Response]:
    def ask(request: Request, found: Found, question: Question) -> Response:
        """A request signed after RFC 9421 (or by AK/SK) with a declared purpose; the answer is a signed document."""
        question.operation = operation
        return answered(
            request, question, lambda: Response(found.sharing.answer(question), media_type="application/json")
        )

    ask.__name__ = f"share_{operation}"
    return ask


for _operation in (*OPERATIONS, *BETWEEN):
    router.add_api_route(
        f"/sharing/{_operation}",
        _route(_operation),
        methods=["POST"],
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}, **problems(400, 401, 403, 404, 415, 422, 429, 503)},
        summary=SUMMARIES[_operation],
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": _schema(_operation)}}}
        },
    )


@router.post(
    "/sharing/applications",
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 415, 422, 429),
    summary=N_("共享：提交共享申请"),
)
def apply(request: Request, found: Found, question: Question) -> Response:
    """`{"type", "department", "operations", "service_items", "basis", "reason"}`; the owning department decides. Takes
    an `Idempotency-Key`.
    """

    def made() -> Response:
        caller = found.sharing.admit(question)
        key = idempotency_key(request.headers.get("idempotency-key"))
        return once(
            found.idempotency,
            key,
            f"sharing:{caller.id}",
            question.message.body,
            lambda: application_json(found.sharing.apply(caller, question)),
        )

    return answered(request, question, made)


@router.get("/sharing/applications", responses=problems(401, 403, 429), summary=N_("共享：本系统的共享申请"))
def applications(request: Request, found: Found, question: Question) -> Response:
    """Newest first, with what was decided."""

    def told() -> Response:
        return JSONResponse({"items": [application_json(one) for one in found.sharing.applications(question)]})

    return answered(request, question, told)
