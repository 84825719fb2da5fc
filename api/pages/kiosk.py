"""Pages of a self-service terminal, refusals too: each says who is signed in, and forgets them when left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.deps import address_of
from api.errors import Problem, trace_id
from api.holder_deps import HolderVisitor
from api.pages.rendering import page
from api.signing_in import KIOSK, KIOSK_COOKIE
from licence_store.holding.sessions import KIOSK as KIOSK_CHANNEL
from trust.errors import LicenceTrustError, Unauthenticated

if TYPE_CHECKING:
    from api.wiring import Services

IDLE: Final = 60
"""Seconds without a touch after which a terminal forgets."""


def whoever_stands_there(request: Request, found: Services) -> HolderVisitor | None:
    """Whoever stands at the terminal, or nobody (any more)."""
    try:
        session = found.spaces.find(request.cookies.get(KIOSK_COOKIE, ""), KIOSK_CHANNEL)
    except Unauthenticated:
        return None
    return HolderVisitor(session, session.csrf, session.actor(address_of(request), KIOSK_CHANNEL))


def kiosk_page(
    request: Request, template: str, person: HolderVisitor | None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    holder = person.session.holder if person else None
    return page(request, template, status=status, holder=holder, idle=IDLE, **values)


def kiosk_problem(request: Request, problem: Problem) -> HTMLResponse:
    """The page for a failure at a terminal; it must not fail itself."""
    try:
        person = whoever_stands_there(request, request.app.state.services)
    except LicenceTrustError:
        person = None
    return kiosk_page(
        request,
        "problem.html",
        person,
        status=problem.status,
        layout="kiosk_base.html",
        home=KIOSK,
        problem=problem,
        trace=trace_id.get(),
    )
