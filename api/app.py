"""应用: the HTTP application over ``Services``; routes by audience, one shape of error, one envelope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import __version__, errors
from api.deps import SignInNeeded
from api.holder_deps import SpaceSignInNeeded, to_space_sign_in, to_step_up
from api.middleware import Envelope
from api.routes import (
    bags,
    catalogue,
    certificates,
    collection,
    copies,
    entry,
    health,
    issuer,
    jobs,
    licences,
    materials,
    oauth,
    pages_catalogue,
    pages_collection,
    pages_copies,
    pages_crossing,
    pages_designer,
    pages_disputes,
    pages_entry,
    pages_hook_secrets,
    pages_inspections,
    pages_jobs,
    pages_kiosk,
    pages_licence_acts,
    pages_licences,
    pages_notices,
    pages_paper,
    pages_present,
    pages_proofs,
    pages_public,
    pages_regions,
    pages_seal_acts,
    pages_seal_uses,
    pages_seals,
    pages_search,
    pages_sharing,
    pages_space,
    pages_space_account,
    pages_space_copies,
    pages_space_delegations,
    pages_space_materials,
    pages_space_sign_in,
    pages_space_uploads,
    pages_staff,
    pages_subscriptions,
    pages_transfers,
    pages_trust,
    pages_window,
    pages_window_copies,
    proofs,
    queries,
    regions,
    seals,
    sharing,
    space,
    space_delegations,
    space_materials,
    space_sessions,
    staff,
    subscriptions,
    transfers,
    trust,
    trust_services,
    uploads,
    verifier,
)
from api.schemas.common import ProblemBody
from api.testidp import routes as test_idp
from api.wiring import Services
from licence_store.holding.holder import StepUpNeeded
from trust.i18n import translator

DESCRIPTION = (
    "电子证照、印章与签章信任服务。错误一律为 RFC 9457 problem+json，带稳定的 `code`、`remedy` 和 `trace_id`。\n\n"
    "Issue, fetch and verify sealed electronic licences. Errors are RFC 9457 problems; a POST that changes something "
    "takes an `Idempotency-Key`; reading personal data takes a declared `purpose`."
)
API = (
    queries, issuer, catalogue, licences, verifier, seals, certificates, trust, staff, collection, jobs, entry, proofs,
    space, space_sessions, space_delegations, space_materials, copies, materials, uploads, bags,
    regions, oauth, sharing, transfers, subscriptions,
)  # fmt: skip
"""Under ``/api/v1``; of two that match, the first answers."""
PAGES = (
    trust_services, health, pages_public, pages_search, pages_staff, pages_trust,
    pages_seals, pages_seal_acts, pages_seal_uses, pages_designer, pages_catalogue,
    pages_inspections, pages_licence_acts, pages_licences, pages_collection, pages_entry, pages_paper, pages_proofs,
    pages_jobs, pages_notices,
    pages_space_sign_in, pages_space_account, pages_space_delegations, pages_space, pages_kiosk, pages_present,
    pages_disputes, pages_copies, pages_space_copies, pages_window_copies,
    pages_space_uploads, pages_space_materials, pages_window,
    pages_regions, pages_sharing, pages_crossing, pages_transfers, pages_hook_secrets, pages_subscriptions,
)  # fmt: skip
"""At addresses of their own."""


def create_app(services: Services) -> FastAPI:
    """The application; it lives as long as ``services``, which the caller closes."""
    app = FastAPI(title="licence-trust", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.settings = services.settings
    app.add_middleware(Envelope, settings=services.settings, metrics=services.metrics)
    errors.install(app)
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(SpaceSignInNeeded, to_space_sign_in)
    app.add_exception_handler(StepUpNeeded, to_step_up)
    for module in API:
        app.include_router(module.router, prefix="/api/v1")
    for module in PAGES:
        app.include_router(module.router)
    app.include_router(oauth.metadata)
    services.providers("")  # a file of providers that cannot be understood stops the start
    if services.demonstration_provider is not None:
        app.include_router(test_idp.router)
    app.mount("/static", Static(directory=Path(__file__).parent / "pages" / "static"), name="static")
    app.state.describe = lambda: _openapi(app)
    app.add_api_route("/openapi.json", _described, include_in_schema=False)
    return app


class Static(StaticFiles):
    """Static files; their addresses change with their content, so they may be kept for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _to_sign_in(request: Request, error: Exception) -> Response:
    """A stranger who asks for a staff page signs in first; anything but a browser's reading gets the problem."""
    if request.method != "GET" or not errors.wants_page(request):
        return errors.answer(request, error)
    from urllib.parse import quote

    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(target, safe='')}", 303)


def _described(request: Request) -> JSONResponse:
    """The OpenAPI document, its summaries in the caller's language."""
    translate = translator(errors.language_of(request))
    document = request.app.state.describe()
    paths = {
        path: {method: {**one, "summary": translate(one["summary"])} for method, one in operations.items()}
        for path, operations in document["paths"].items()
    }
    return JSONResponse({**document, "paths": paths}, headers={"Vary": "Accept-Language"})


def _openapi(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of ``/api/v1`` and the health addresses."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="licence-trust",
            version=__version__,
            description=DESCRIPTION,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": app.state.settings.base_url}],
        )
        parts = document.setdefault("components", {})
        parts.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
        schemas = parts.setdefault("schemas", {})
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemBody"] = problem
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for operations in document["paths"].values():
            for operation in operations.values():
                _leave_out_default_errors(operation["responses"])
        app.openapi_schema = document
    return app.openapi_schema


def _leave_out_default_errors(responses: dict[str, Any]) -> None:
    """FastAPI announces errors in a shape of its own, which we never send."""
    content = responses.get("422", {}).get("content", {})
    if "HTTPValidationError" in str(content.get("application/json")):
        del content["application/json"]
        if not content:
            del responses["422"]
