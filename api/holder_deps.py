"""谁在用户空间: the holder behind a page, a form or a portal's call; beside ``api.deps`` for staff and systems.

Space = Annotated[HolderVisitor, Depends(holder)]            # a page; a stranger signs in first
Form = Annotated[FormData, Depends(holder_form)]             # a form of such a page
Proved = Annotated[HolderVisitor, Depends(assured(2))]       # a page that needs a recent proof: step-up first
Portal = Annotated[HolderVisitor, Depends(holder_caller)]    # /api/v1/space/…, Authorization: Bearer lts_…
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import errors
from api.deps import address_of, checked_form, services
from api.wiring import Services
from licence_store.holding.holder import HolderSession, StepUpNeeded
from trust.errors import Refused, Unauthenticated
from trust.journal import Actor

SPACE_COOKIE = "lt_space"


class SpaceSignInNeeded(Unauthenticated):
    """A page of the space was asked for by a stranger: the browser is sent to sign in."""

    remedy_template = "请先登录用户空间。"


@dataclass(frozen=True, slots=True)
class HolderVisitor:
    """用户 signed in to the space."""

    session: HolderSession
    csrf: str
    actor: Actor

    @property
    def holder_code(self) -> str:
        """Whose space it is."""
        return self.session.holder.code


def maybe_holder(request: Request, found: Annotated[Services, Depends(services)]) -> HolderVisitor | None:
    """The holder signed in, or ``None``. Raises ``Refused("holder.delegation_ended")``, once."""
    token = request.cookies.get(SPACE_COOKIE, "")
    if not token:
        return None
    try:
        session = found.spaces.find(token)
    except Unauthenticated:
        return None
    except Refused:
        found.spaces.act_for(token, "", address=address_of(request))  # the next page is their own space
        raise
    return HolderVisitor(session, session.csrf, session.actor(address_of(request)))


MaybeHolder = Annotated[HolderVisitor | None, Depends(maybe_holder)]


def holder(person: MaybeHolder) -> HolderVisitor:
    """Somebody signed in to the space; raises ``SpaceSignInNeeded``."""
    if person is None:
        raise SpaceSignInNeeded("holder.sign_in_needed", "此页面需要登录用户空间。")
    return person


def assured(level: int) -> Callable[..., HolderVisitor]:
    """A dependency: as ``holder``, lately proved at ``level``; raises ``StepUpNeeded``, answered by a page."""

    def proved(
        person: Annotated[HolderVisitor, Depends(holder)], found: Annotated[Services, Depends(services)]
    ) -> HolderVisitor:
        person.session.demand_assurance(level, found.clock())
        return person

    return proved


async def holder_form(request: Request, person: Annotated[HolderVisitor, Depends(holder)]) -> AsyncIterator[FormData]:
    """The posted form of a page of the space: its token must be the session's."""
    async for data in checked_form(request, person.csrf, 200):
        yield data


def holder_caller(request: Request, found: Annotated[Services, Depends(services)]) -> HolderVisitor:
    """The holder behind a portal's ``Authorization: Bearer``; raises ``Unauthenticated``. Cookies do not count."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("token.missing", "请在 Authorization 头中出示接口令牌（Bearer）。")
    session = found.spaces.find(secret.strip(), "http")
    return HolderVisitor(session, session.csrf, session.actor(address_of(request), "http"))


def to_space_sign_in(request: Request, error: Exception) -> Response:
    """A browser's reading leads to the sign-in page of the space; anything else gets the problem."""
    if request.method != "GET" or not errors.wants_page(request):
        return errors.answer(request, error)
    return RedirectResponse(f"/space/sign-in?next={quote(_here(request), safe='')}", 303)


def to_step_up(request: Request, error: Exception) -> Response:
    """A browser is led to the step-up page, which says why; from there back to where it was."""
    if not isinstance(error, StepUpNeeded) or not errors.wants_page(request):
        return errors.answer(request, error)
    target = _here(request) if request.method == "GET" else _came_from(request)
    return RedirectResponse(f"/space/step-up?level={error.level}&next={quote(target, safe='')}", 303)


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _came_from(request: Request) -> str:
    """The page of ours on which the form stood."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    referer = request.headers.get("referer", "")
    return referer.removeprefix(origin) if referer.startswith(f"{origin}/") else "/space"
