"""Rendering: one Jinja2 environment, and what every page is given."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from api import __version__
from api.errors import Problem, language_of, trace_id
from api.pages import navigation
from api.translating import translation
from trust.errors import LicenceTrustError

if TYPE_CHECKING:
    from api.deps import Visitor

HERE = Path(__file__).parent
CSRF_COOKIE = "lt_form"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, HTML-escaping, strict about names they were not given."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """Address of a static file; a new content gives a new address, so that browsers may keep it for long."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(
    request: Request,
    template: str,
    *,
    visitor: Visitor | None = None,
    status: int = 200,
    nav: str = "",
    holder_csrf: str = "",
    **values: Any,
) -> HTMLResponse:
    """The page ``template`` for ``visitor``, in the visitor's language.

    ``holder_csrf`` is what forms bring back where a holder is signed in to the space (``space_base``).
    """
    language = language_of(request)
    services = request.app.state.services
    form, translate = holder_csrf or form_token(request, visitor), translation(request)
    role = visitor.account.role if visitor else ""
    html = (
        environment()
        .get_template(template)
        .render(
            _=translate,
            lang=language,
            other_language=_other_language(request, language),
            region=services.region_facts,
            user=visitor.account if visitor else None,
            csrf=form,
            nav=nav,
            menus=navigation.menu(role, nav, request.url.path, translate),
            static=static,
            version=__version__,
            upload_limit=request.app.state.settings.upload_limit,
            **values,
        )
    )
    response = HTMLResponse(html, status, {"Cache-Control": "no-store", "Content-Language": language})
    _remember(request, response, "" if holder_csrf or visitor else form)
    return response


def form_token(request: Request, visitor: Visitor | None) -> str:
    """What a form must bring back: the session's token, or for a stranger the one in the cookie."""
    if visitor is not None:
        return visitor.csrf
    kept = request.cookies.get(CSRF_COOKIE, "")
    return kept if len(kept) == 43 else secrets.token_urlsafe(32)


def _remember(request: Request, response: HTMLResponse, form: str) -> None:
    """``form``: what a stranger's forms bring back; empty for whoever is signed in."""
    secure = request.app.state.settings.secure
    if form and request.cookies.get(CSRF_COOKIE) != form:
        response.set_cookie(CSRF_COOKIE, form, httponly=True, samesite="lax", secure=secure, path="/")
    if request.query_params.get("lang") in ("zh-CN", "en"):
        response.set_cookie("lang", request.query_params["lang"], max_age=31536000, samesite="lax", secure=secure)


def _other_language(request: Request, language: str) -> str:
    """The same page in the other language; a page that was posted leads back to where it starts."""
    other = "en" if language == "zh-CN" else "zh-CN"
    if request.method not in ("GET", "HEAD"):
        return f"{request.url.path.removesuffix('/check').removesuffix('/edit')}?lang={other}"
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    path = "/" + request.url.path.lstrip("/")  # two slashes would begin another site's address
    return f"{path}?{urlencode([*query, ('lang', other)])}"


def problem_page(request: Request, problem: Problem) -> HTMLResponse:
    """The page for a failure; it must not fail itself, so whoever cannot be recognised now is shown as a stranger."""
    if request.url.path == "/space" or request.url.path.startswith("/space/"):
        from api.pages.space_base import space_problem

        response = space_problem(request, problem)
    elif request.url.path == "/kiosk" or request.url.path.startswith("/kiosk/"):
        from api.pages.kiosk import kiosk_problem

        response = kiosk_problem(request, problem)
    else:
        response = page(
            request,
            "problem.html",
            visitor=_recognised(request),
            status=problem.status,
            layout="base.html",
            home="/",
            problem=problem,
            trace=trace_id.get(),
        )
    response.headers.update(problem.headers)
    return response


def _recognised(request: Request) -> Visitor | None:
    from api.deps import visitor

    try:
        return visitor(request, request.app.state.services)
    except LicenceTrustError:
        return None
