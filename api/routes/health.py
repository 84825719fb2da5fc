"""For operators: alive, ready (and if not, why), version, metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api import __version__
from api.deps import services
from api.metrics import CONTENT_TYPE
from api.translating import translation
from api.wiring import Services
from trust.i18n import N_

router = APIRouter(tags=["operations"])


@router.get("/livez", summary=N_("进程在运行"))
def livez() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary=N_("能否提供服务；不能时说明原因"))
def readyz(request: Request, found: Annotated[Services, Depends(services)]) -> JSONResponse:
    translate = translation(request)
    parts = found.readiness()
    body = {
        "status": "ok" if all(part.ready for part in parts) else "unavailable",
        "checks": [
            {
                "part": p.name,
                "ready": p.ready,
                "detail": p.message(translate),
                "warnings": p.warning_texts(translate),
            }
            for p in parts
        ],
    }
    return JSONResponse(body, 200 if body["status"] == "ok" else 503)


@router.get("/version", summary=N_("版本"))
def version(found: Annotated[Services, Depends(services)]) -> dict[str, object]:
    region = found.region_facts
    return {"version": __version__, "api": "1", "region": region.code, "demonstration": region.demonstration}


@router.get("/metrics", include_in_schema=False)
def metrics(found: Annotated[Services, Depends(services)]) -> Response:
    return Response(found.measures(), media_type=CONTENT_TYPE)
