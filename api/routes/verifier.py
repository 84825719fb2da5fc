"""For whoever was shown a licence: verify an upload. No account is needed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.deps import Caller, document, maybe_caller, services, stranger
from api.moments import parse_moment
from api.schemas.common import problems
from api.schemas.verifier import VerificationBody
from api.stated import LONGEST, stated_purpose
from api.translating import translation
from api.wiring import Services
from trust.i18n import N_
from trust.journal import Actor
from verify.policy import StatedPurpose

router = APIRouter(tags=["verify"])
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "application/ofd": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


def asker(
    known: Annotated[Caller | None, Depends(maybe_caller)], anybody: Annotated[Actor, Depends(stranger)]
) -> Actor:
    """Who verifies: the system of the token, or somebody at an address."""
    return known.actor if known else Actor("anonymous", None, anybody.address, "http")


def stated_in_query(
    purpose: Annotated[str, Query(max_length=LONGEST, description="用证副本: what it is wanted for")] = "",
    recipient: Annotated[str, Query(max_length=LONGEST, description="用证副本: who is to use it")] = "",
    service_item: Annotated[str, Query(max_length=LONGEST, description="用证副本: for which service item")] = "",
    case_number: Annotated[str, Query(max_length=LONGEST, description="用证副本: in which case")] = "",
) -> StatedPurpose:
    """What a copy is wanted for; without a purpose no copy passes."""
    return stated_purpose(purpose, recipient, service_item, case_number)


@router.post(
    "/verifications",
    response_model=VerificationBody,
    responses=problems(400, 413, 415, 422, 429),
    openapi_extra=UPLOAD,
    summary=N_("核验一份文件"),
)
def verify(
    found: Annotated[Services, Depends(services)],
    content: Annotated[bytes, Depends(document)],
    actor: Annotated[Actor, Depends(asker)],
    translate: Annotated[Any, Depends(translation)],
    stated: Annotated[StatedPurpose, Depends(stated_in_query)],
    at: Annotated[str | None, Query(description="RFC 3339; the moment to verify at")] = None,
) -> dict[str, object]:
    report = found.verify(content, actor, parse_moment(at) if at else None, stated)
    return report.to_json(translate)
