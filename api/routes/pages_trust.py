"""证书与信任: what this service believes, by what it signs, and what ends soon. For administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import Visitor, services, staff
from api.pages import trust_views
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from trust.errors import Refused

router = APIRouter(include_in_schema=False)


def administrator(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Somebody who keeps the system."""
    if person.account.role != "admin":
        raise Refused("account.not_admin", "此页面只供系统管理员使用。")
    return person


@router.get("/trust")
def trust_page(
    request: Request,
    found: Annotated[Services, Depends(services)],
    person: Annotated[Visitor, Depends(administrator)],
) -> Response:
    translate, now, store = translation(request), found.clock(), found.desk.trust()
    keyring = found.desk.region.keyring
    keys = [(name, keyring.certificate(name)) for name in keyring.names()]
    return page(
        request,
        "trust.html",
        visitor=person,
        nav="trust",
        moment=when(now),
        endings=trust_views.endings(store, keys, now, translate),
        anchors=trust_views.anchors(store, now, translate),
        keys=trust_views.keys(keys, store, now, translate),
        lists=trust_views.lists(store, now, translate),
    )
