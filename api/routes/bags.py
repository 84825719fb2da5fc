"""For the systems of a department: the archive bag of a case (R090, R091)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response, StreamingResponse

from api import material_office
from api.deps import Caller, caller, purpose, services
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_

router = APIRouter(tags=["cases"], dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))])
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]


@router.get(
    "/cases/{number}/bag",
    responses={200: {"content": {"application/zip": {}}}, **problems(401, 403, 404, 422, 503)},
    response_class=Response,
    summary=N_("办件归档包"),
)
def bag(
    found: Found,
    system: System,
    number: Annotated[str, Path(max_length=200)],
    reason: Annotated[str, Depends(purpose)],
) -> Response:
    """A BagIt bag as ZIP: licences, materials, evidence, process; the script that verifies it lies inside."""
    official = material_office.official_by_token(found, system.grant, system.actor)
    pieces = found.desk.bags.make(number, official, reason=reason)
    headers = {"Content-Disposition": 'attachment; filename="case-bag.zip"', "Cache-Control": "private, no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)
