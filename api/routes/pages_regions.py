"""互认地区: how old the trust list is, which regions are on it, what they may seal, and how they can be reached."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import Visitor, services, staff
from api.pages import region_views
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from trust.errors import Refused

router = APIRouter(include_in_schema=False)
_READERS = frozenset({"officer", "auditor", "admin"})


def reader(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Officers, who decide by it, and those who watch over it."""
    if person.account.role not in _READERS:
        raise Refused("region.not_reader", "此页面供经办人员、审计人员和系统管理员使用。")
    return person


@router.get("/regions")
def regions_page(
    request: Request,
    found: Annotated[Services, Depends(services)],
    person: Annotated[Visitor, Depends(reader)],
) -> Response:
    translate, now, desk = translation(request), found.clock(), found.desk
    state = desk.peers.state()
    return page(
        request,
        "regions.html",
        visitor=person,
        nav="regions",
        moment=when(now),
        hub=found.regions.is_hub,
        listed=region_views.list_card(state, now, translate) if state else None,
        peers=region_views.peer_cards(desk.peers.list(), desk.publications.all(), desk.region.code, now, translate),
        refused=region_views.refusal_rows(desk.trust_lists.refusals(), translate),
    )
