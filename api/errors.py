"""错误应答: error family → HTTP status, once; every error is an RFC 9457 problem (or, for a browser, a page).

The families of ``trust.errors`` say who has to act; only here do they get a status. ``problem_of`` makes the object
from any exception, so that a caller meets one shape for a refused rule, a bad field, an unknown path and a defect.
"""

from __future__ import annotations

import contextvars
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.refusals import NotAcceptable, TooLarge, TooMany, Unreadable, UnsupportedMedia
from trust.errors import (
    CheckFailed,
    Conflict,
    LicenceTrustError,
    Malformed,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    printable,
)
from trust.i18n import N_, translator

log = logging.getLogger("licence_trust.api")
trace_id: contextvars.ContextVar[str] = contextvars.ContextVar("trace_id", default="")
MEDIA_TYPE = "application/problem+json"


FAMILIES: tuple[tuple[type[LicenceTrustError], int, str], ...] = (
    (TooLarge, 413, N_("内容过大")),
    (TooMany, 429, N_("请求过于频繁")),
    (UnsupportedMedia, 415, N_("不支持的内容类型")),
    (NotAcceptable, 406, N_("无法提供所要求的格式")),
    (Unreadable, 400, N_("请求无法解析")),
    (Unauthenticated, 401, N_("需要登录")),
    (Malformed, 422, N_("提交的数据有误")),
    (Refused, 403, N_("操作被拒绝")),
    (NotFound, 404, N_("未找到")),
    (Conflict, 409, N_("状态冲突")),
    (Unavailable, 503, N_("服务暂不可用")),
    (CheckFailed, 422, N_("核验未通过")),
)
"""Family, status, title; the first that fits counts, so subclasses stand before their family."""

CODES = {"idempotency.mismatch": 422, "account.throttled": 429, "sharing.rate": 429, "sharing.quota": 429}
"""The few codes whose status differs from their family's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """问题说明 (RFC 9457)."""

    status: int
    code: str
    title: str
    detail: str
    remedy: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[Mapping[str, str], ...] = ()
    """Of a form or body: one ``{field, message}`` for each field that is wrong."""

    def to_json(self) -> dict[str, object]:
        body: dict[str, object] = {
            "type": f"urn:licence-trust:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "remedy": self.remedy,
            "trace_id": trace_id.get(),
        }
        if self.errors:
            body["errors"] = [dict(one) for one in self.errors]
        return body


def problem_of(error: Exception, language: str) -> Problem:
    """The problem an exception becomes, in ``language``; an unexpected one tells nothing but its trace id."""
    if isinstance(error, LicenceTrustError):
        return _of_family(error, language)
    if isinstance(error, RequestValidationError):
        return _of_validation(error, language)
    if isinstance(error, HTTPException):
        return _of_http(error, language)
    return _of_defect(language)


def _of_family(error: LicenceTrustError, language: str) -> Problem:
    _ = translator(language)
    detail, remedy = error.localised(_)
    status, title = next(((s, t) for family, s, t in FAMILIES if isinstance(error, family)), (500, N_("内部错误")))
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="licence-trust"'
    if "retry_after" in error.params:
        headers["Retry-After"] = str(error.params["retry_after"])
    status = CODES.get(error.code, status)
    return Problem(status, error.code, _(title), detail, remedy, headers, _fields(error, language))


def _fields(error: LicenceTrustError, language: str) -> tuple[Mapping[str, str], ...]:
    """The fields named by an error that carries a list of others (a record with several bad fields)."""
    parts = getattr(error, "errors", ())
    _ = translator(language)
    return tuple(
        {"field": str(one.params.get("field", "")), "code": one.code, "message": one.localised(_)[0]}
        for one in parts
        if isinstance(one, LicenceTrustError)
    )


def _of_validation(error: RequestValidationError, language: str) -> Problem:
    _ = translator(language)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        detail, remedy = _("请求正文不是有效的 JSON。"), _("请检查正文的语法和 UTF-8 编码。")
        return Problem(400, "request.json", _("请求无法解析"), detail, remedy)
    errors = tuple(
        {"field": printable(".".join(str(part) for part in one["loc"])), "message": printable(str(one["msg"]))}
        for one in found
    )
    names = "、".join(one["field"] for one in errors)
    detail = _("这些参数有误：{names}").format(names=names)
    return Problem(422, "request.invalid", _("提交的数据有误"), detail, _("请按接口说明修改后重试。"), errors=errors)


_HTTP: dict[int, tuple[str, str, str]] = {
    400: ("request.malformed", N_("请求无法解析"), N_("请求的格式不正确。")),
    404: ("path.unknown", N_("未找到"), N_("没有这个地址。")),
    405: ("method.not_allowed", N_("方法不允许"), N_("该地址不支持这种请求方法。")),
    406: ("accept.unsupported", N_("无法提供所要求的格式"), N_("无法提供所要求的格式。")),
    413: ("request.too_large", N_("内容过大"), N_("提交的内容超过上限。")),
    415: ("request.media_type", N_("不支持的内容类型"), N_("不支持这种内容类型。")),
}


def _of_http(error: HTTPException, language: str) -> Problem:
    _ = translator(language)
    code, title, detail = _HTTP.get(error.status_code, ("request.refused", N_("请求被拒绝"), N_("请求被拒绝。")))
    return Problem(error.status_code, code, _(title), _(detail), _("请核对地址和接口说明。"), dict(error.headers or {}))


def _of_defect(language: str) -> Problem:
    _ = translator(language)
    detail = _("服务内部出错，已记录。追踪号：{trace}").format(trace=trace_id.get())
    return Problem(500, "internal.fault", _("内部错误"), detail, _("请把追踪号告诉系统管理员。"))


def new_trace_id() -> str:
    """32 hex digits, as in a W3C trace context."""
    return secrets.token_hex(16)


def language_of(request: Request) -> str:
    """``zh-CN`` or ``en``: the page's choice (query, cookie), else ``Accept-Language``, else the settings."""
    for named in (request.query_params.get("lang"), request.cookies.get("lang")):
        if named in ("zh-CN", "en"):
            return named
    return accepted_language(request.headers.get("accept-language", "")) or request.app.state.settings.lang


def accepted_language(header: str) -> str | None:
    """The first of our languages in an ``Accept-Language`` header, by weight."""
    weighed: list[tuple[float, str]] = []
    for item in header[:500].split(","):
        tag, _, parameters = item.strip().partition(";")
        try:
            weight = float(parameters.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        weighed.append((-weight, tag.strip().lower()))
    for weight, tag in sorted(weighed, key=lambda pair: pair[0]):
        language = {"zh": "zh-CN", "en": "en"}.get(tag.split("-")[0])
        if language and weight < 0:
            return language
    return None


def wants_page(request: Request) -> bool:
    """A browser asks: an HTML page is the better answer."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def answer(request: Request, error: Exception) -> Response:
    """The response an exception becomes: a page for a browser, else ``application/problem+json``."""
    problem = problem_of(error, language_of(request))
    if problem.status >= 500:
        unforeseen = error if not isinstance(error, LicenceTrustError) else None
        path = getattr(request.scope.get("route"), "path", request.url.path)  # without what a path may tell of people
        what = (trace_id.get(), request.method, path, problem.code)
        log.error("trace %s: %s %s failed: %s", *what, exc_info=unforeseen)
    if wants_page(request):
        from api.pages.rendering import problem_page

        return problem_page(request, problem)
    headers = {**problem.headers, "Content-Language": language_of(request), "Vary": "Accept-Language"}
    return JSONResponse(problem.to_json(), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register the one handler for every kind of failure."""
    for kind in (LicenceTrustError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
