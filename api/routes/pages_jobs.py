"""任务页面: the background jobs, one of them with what failed, a file issued as a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.deps import Visitor, form, officer, services, staff, upload
from api.errors import language_of
from api.job_office import EVERYTHING, OVERSEERS, Reach
from api.job_shapes import result
from api.pages import job_views, register_views
from api.pages.form_text import text_of
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.translating import translation
from api.wiring import Services
from licence_store.jobs.queue import STATES, JobView
from trust.errors import LicenceTrustError, Refused

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
Officer = Annotated[Visitor, Depends(officer)]
Before = Annotated[str, Query(max_length=64)]
PAGE = 25


def reach(person: Staff) -> Reach:
    """Whoever administers or audits sees every job, other staff their own and their department's."""
    if person.account.role in OVERSEERS:
        return EVERYTHING
    return Reach(person.account.name, person.account.department or "")


Within = Annotated[Reach, Depends(reach)]


def acting(person: Staff) -> Visitor:
    """Somebody who may call off and repeat; raises ``Refused("account.only_looks")``."""
    if person.account.role not in ("admin", "officer"):
        raise Refused("account.only_looks", "您的账号只能查看，不能办理。")
    return person


Acting = Annotated[Visitor, Depends(acting)]


@router.get("/jobs")
def jobs(
    request: Request, found: Found, person: Staff, within: Within, state: str = "", before: Before = ""
) -> Response:
    translate, state = translation(request), state if state in STATES else ""
    shown, following = found.jobs.page(within, state=state, before=before, limit=PAGE)
    return page(
        request,
        "jobs.html",
        visitor=person,
        nav="jobs",
        rows=[job_views.job_row(one, translate) for one in shown],
        chips=job_views.chips(job_views.JOB_STATES, state, "/jobs", translate),
        next=f"/jobs?state={state}&before={quote(following)}" if following else "",
        newest=bool(before),
    )


@router.get("/jobs/new")
def new(request: Request, found: Found, person: Officer) -> Response:
    return _new(request, found, person, "", None)


@router.post("/jobs")
async def ask(request: Request, found: Found, data: Form, person: Officer) -> Response:
    """Take down a file to be issued; the form's token is the key, so that sent twice it is one job."""
    type_name, ticket = text_of(data, "type", 80), text_of(data, "ticket", 64)
    try:
        content, name = await upload(request, data)
        suffix = PurePath(name).suffix.lower()
        key = f"page:{person.account.name}:{ticket}" if ticket else ""
        job = found.jobs.ask_issue(type_name, suffix, content, person.actor, key=key)
    except LicenceTrustError as error:
        return _new(request, found, person, type_name, error)
    return RedirectResponse(f"/jobs/{quote(job.id)}", 303)


@router.get("/jobs/{job_id}")
def one_job(
    request: Request,
    found: Found,
    person: Staff,
    within: Within,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=1 << 60)] = 0,
) -> Response:
    return _job(request, found, person, found.jobs.get(job_id, within), after, None)


@router.get("/jobs/{job_id}/results")
def results(request: Request, found: Found, within: Within, job_id: str) -> Response:
    """Every record's, as a file."""
    job, translate = found.jobs.get(job_id, within), translation(request)

    def lines() -> Iterator[bytes]:
        for line in found.desk.jobs.all_results(job.id):
            yield json.dumps(result(line, translate), ensure_ascii=False).encode() + b"\n"

    name = {"Content-Disposition": f'attachment; filename="{job.id}.jsonl"'}
    return StreamingResponse(lines(), media_type="application/jsonl", headers=name)


@router.post("/jobs/{job_id}/cancel")
def cancel(request: Request, found: Found, data: Form, person: Acting, within: Within, job_id: str) -> Response:
    try:
        found.jobs.cancel(job_id, person.actor, within)
    except LicenceTrustError as error:
        return _job(request, found, person, found.jobs.get(job_id, within), 0, error)
    return RedirectResponse(f"/jobs/{quote(job_id)}", 303)


@router.post("/jobs/{job_id}/retry")
def retry(request: Request, found: Found, data: Form, person: Acting, within: Within, job_id: str) -> Response:
    try:
        found.jobs.retry(job_id, person.actor, within)
    except LicenceTrustError as error:
        return _job(request, found, person, found.jobs.get(job_id, within), 0, error)
    return RedirectResponse(f"/jobs/{quote(job_id)}", 303)


def _new(
    request: Request, found: Services, person: Visitor, type_name: str, error: LicenceTrustError | None
) -> Response:
    from secrets import token_hex

    language = language_of(request)
    types = [
        (one.slug, register_views.type_title(one, language)) for one, _ in found.issuable(person.account.department)
    ]
    return page(
        request,
        "job_new.html",
        visitor=person,
        status=status_of(error, request),
        nav="jobs",
        types=types,
        chosen=type_name,
        ticket=token_hex(12),
        problem=error.localised(translation(request)) if error else None,
    )


def _job(
    request: Request, found: Services, person: Visitor, job: JobView, after: int, error: LicenceTrustError | None
) -> Response:
    translate = translation(request)
    failures = found.desk.jobs.results(job.id, after=after, failed_only=True, limit=PAGE + 1)
    may_act = person.account.role in ("admin", "officer")
    return page(
        request,
        "job.html",
        visitor=person,
        status=status_of(error, request),
        nav="jobs",
        job=job,
        title=job_views.kind_title(job.kind, translate),
        badge=job_views.badge(job_views.JOB_STATES, job.state, translate),
        known=job_views.job_facts(job, translate),
        failures=[job_views.result_row(one, translate) for one in failures[:PAGE]],
        next=f"/jobs/{quote(job.id)}?after={failures[PAGE - 1].number}" if len(failures) > PAGE else "",
        has_results=bool(found.desk.jobs.results(job.id, limit=1)),
        trouble=(job.error.message(translate), job.error.code) if job.error else None,
        may_cancel=may_act and not job.over and not job.stop_asked,
        may_retry=may_act and job.state in ("failed", "cancelled"),
        problem=error.localised(translate)[0] if error else "",
    )
