"""跨地区办理页面: from a licence found in another region to true or false, the original, or a copy for the purpose."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from api.deps import Visitor, form, officer, services
from api.pages import crossing_asking as crossing
from api.pages.form_text import text_of
from api.routes.pages_sharing import ASKED, PURPOSE, answer_page, look_up_page
from api.wiring import Services
from trust.errors import LicenceTrustError
from trust.sharing_answer import read_answer

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]


@router.post("/sharing/look-up/check")
def check(request: Request, found: Found, data: Form, person: Officer) -> Response:
    """真伪核对 of what the person at the counter says."""
    given = _given(data)
    said = {name.removeprefix("field."): text_of(data, name, 400) for name in data if name.startswith("field.")}
    parameters: dict[str, object] = {
        "licence_id": given["what"],
        "fields": {name: text for name, text in said.items() if text},
    }
    try:
        return answer_page(request, found, person, _ask(found, person, "check", parameters, given), given)
    except LicenceTrustError as error:
        return look_up_page(request, found, person, given, error)


@router.post("/sharing/look-up/download")
def download(request: Request, found: Found, data: Form, person: Officer) -> Response:
    """The file, or why there is none."""
    given = _given(data)
    try:
        wished = crossing.wishes(*(text_of(data, name, 20) for name in ("kind", "form", "until")))
        answer = _ask(found, person, "download", {"licence_id": given["what"], **wished}, given)
    except LicenceTrustError as error:
        return look_up_page(request, found, person, given, error)
    file = crossing.file_in(read_answer(answer).result)
    if file is None:
        return answer_page(request, found, person, answer, given)
    content, media_type, name = file
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )


def _given(data: FormData) -> dict[str, str]:
    return {name: text_of(data, name, 2000) for name in ASKED}


def _ask(
    found: Services, person: Visitor, operation: str, parameters: dict[str, object], given: dict[str, str]
) -> bytes:
    purpose = {name: given[name] for name in PURPOSE}
    return found.sharing.look_up(person.actor, person.account.display_name, operation, parameters, purpose)
