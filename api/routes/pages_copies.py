"""用证副本, for everybody: the page of a one-time link, and the page that the code on a copy leads to.

Looking at a link takes nothing, the button does: programs that fetch a preview of an address do not burn it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from api import copy_office
from api.deps import MaybeVisitor, Visitor, form, services, stranger
from api.pages import copy_views
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from trust.errors import LicenceTrustError
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Anybody = Annotated[Actor, Depends(stranger)]


@router.get("/c/{copy_id}")
def check(request: Request, found: Found, copy_id: str, person: MaybeVisitor, anybody: Anybody) -> Response:
    """What a copy on paper is good for, and whether it still is; nothing of whose it is."""
    translate = translation(request)
    view, good = found.desk.copier.look_up(copy_id, person.actor if person else anybody)
    response = page(
        request,
        "copy_check.html",
        visitor=person,
        copy=view,
        good=good,
        badge=copy_views.badge(view, found.clock(), translate),
        facts_of_copy=copy_views.public_facts(view, translate),
        asked=when(found.clock()),
    )
    return _unlisted(response)


@router.get("/d/{token}")
def link(request: Request, found: Found, token: str, person: MaybeVisitor, _: Anybody) -> Response:
    """Looking takes nothing: programs that fetch a preview do not burn the link."""
    return _link(request, found, token, person)


@router.post("/d/{token}")
def take(request: Request, found: Found, token: str, person: MaybeVisitor, anybody: Anybody, data: Form) -> Response:
    actor = person.actor if person else anybody
    try:
        return copy_office.download(found.desk.copier.take(copy_office.token_in(token), actor))
    except LicenceTrustError as error:
        return _link(request, found, token, person, error)


def _link(
    request: Request, found: Services, token: str, person: Visitor | None, error: LicenceTrustError | None = None
) -> Response:
    now = found.clock()
    offered = found.desk.copier.offered(copy_office.token_in(token))
    state = offered.link.state(now)
    response = page(
        request,
        "copy_link.html",
        visitor=person,
        status=status_of(error, request),
        state=state if offered.view.state(now) == "ACTIVE" or state != "open" else "ended",
        copy=offered.view,
        last_day=copy_office.last_day(offered.view.until),
        expires=when(offered.link.expires),
        action=f"/d/{token}",
    )
    return _unlisted(response)


def _unlisted(response: Response) -> Response:
    """Not for search engines, and not told to the next site."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
