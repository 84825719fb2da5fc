"""电子证明页面: which proofs the department gives, asking for one, and what was given before."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import proof_office
from api.deps import Visitor, form, officer, services
from api.errors import language_of
from api.pages.form_text import text_of
from api.pages.issue_form import FormField
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from licence_store.proofs.definition import ProofDefinition
from licence_store.proofs.making import MADE
from trust.errors import LicenceTrustError, NotFound
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]
OUTCOMES = {
    MADE: N_("已出具"),
    "proof.not_met": N_("不符合出具条件"),
    "proof.nothing_found": N_("没有查到"),
    "proof.unavailable": N_("查询接口不可用"),
}


@router.get("/proofs")
def overview(request: Request, found: Found, person: Officer) -> Response:
    translate, language = translation(request), language_of(request)
    kinds = proof_office.offered(found, person.account.department)
    titles = {one.code: _title(one, language) for one in kinds}
    requests = proof_office.proof_desk(found).requests(department=person.account.department, limit=25)
    return page(
        request,
        "proofs.html",
        visitor=person,
        nav="proofs",
        kinds=[{"code": one.code, "title": _title(one, language), "days": one.valid_days} for one in kinds],
        rows=[
            {
                "title": titles.get(one.proof_code, one.proof_code),
                "when": when(one.recorded),
                "who": one.actor,
                "purpose": one.reason,
                "made": one.outcome == MADE,
                "outcome": translate(OUTCOMES.get(one.outcome, N_("没有出具"))),
                "href": f"/licences/{quote(one.licence_id)}" if one.licence_id else "",
            }
            for one in requests
        ],
    )


@router.get("/proofs/{code}")
def ask(request: Request, found: Found, code: str, person: Officer) -> Response:
    return _form(request, found, person, _kind(found, code, person), {})


@router.post("/proofs/{code}")
def make(request: Request, found: Found, code: str, person: Officer, data: Form) -> Response:
    """Sent twice, it gives one proof: the form carries the number of the request."""
    kind = _kind(found, code, person)
    names = ["purpose", "request", *(f"p.{one.name}" for one in kind.parameters)]
    given = {name: text_of(data, name, 400) for name in names}
    asked = {one.name: given[f"p.{one.name}"] for one in kind.parameters}
    try:
        proof = proof_office.make(
            found, code, asked, person.actor, purpose=given["purpose"], request_id=given["request"]
        )
    except LicenceTrustError as error:
        return _form(request, found, person, kind, given, error)
    return RedirectResponse(f"/licences/{quote(proof.licence_id)}?fresh=1", 303)


def _kind(found: Services, code: str, person: Visitor) -> ProofDefinition:
    for one in proof_office.offered(found, person.account.department):
        if one.code == code:
            return one
    raise NotFound("proof.unknown", "没有电子证明类型“{name}”。", name=code[:40])


def _form(
    request: Request,
    found: Services,
    person: Visitor,
    kind: ProofDefinition,
    given: dict[str, str],
    error: LicenceTrustError | None = None,
) -> Response:
    import secrets

    translate, language = translation(request), language_of(request)
    said = " ".join(error.localised(translate)) if error else ""
    wrong = str(error.params.get("field", "")) if error and error.code == "proof.parameter" else ""
    wrong = "purpose" if error and error.code == "proof.purpose" else wrong
    fields = [
        FormField(
            f"p.{one.name}", one.title_en if language == "en" else one.title, "text", one.required,
            given.get(f"p.{one.name}", ""), "", said if wrong == one.name else "", 200, (),
        )
        for one in kind.parameters
    ]  # fmt: skip
    purpose = FormField(
        "purpose", translate(N_("证明用途")), "text", True, given.get("purpose", ""),
        translate(N_("写在证明上，并留痕。")), said if wrong == "purpose" else "", 100, (),
    )  # fmt: skip
    return page(
        request,
        "proof_form.html",
        visitor=person,
        status=status_of(error, request),
        nav="proofs",
        code=kind.code,
        title=_title(kind, language),
        days=kind.valid_days,
        fields=[*fields, purpose],
        problem="" if wrong else said,
        errors=bool(wrong),
        request_id=given.get("request") or secrets.token_hex(16),
    )


def _title(kind: ProofDefinition, language: str) -> str:
    return kind.title_en if language == "en" else kind.title
