"""归集页面: sources and their runs, the quarantine, the quality report."""

# ruff: noqa: FAST003 - the dependencies ``the_source`` and ``the_row`` read what is in the path

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, form, officer, services, staff
from api.errors import language_of, problem_of
from api.pages import collection_views as views
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.translating import translation
from api.wiring import Services
from licence_store.collection.holding import STATES, WAITING
from licence_store.collection.quarantine import Held, Mending, Wanted
from licence_store.collection.sources import SourceView
from licence_store.collection.spreadsheets import STATE_NAMES, quality_workbook
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused

router = APIRouter(prefix="/collection", include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
Officer = Annotated[Visitor, Depends(officer)]
PAGE = 25
RUNS = 10
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READERS = ("officer", "auditor", "admin")


def reader(person: Staff) -> Visitor:
    """Officers work with collection, auditors and administrators look at it."""
    if person.account.role not in READERS:
        raise Refused("collection.role", "您的账号不办理数据归集。")
    return person


Reader = Annotated[Visitor, Depends(reader)]


def reach(person: Visitor) -> frozenset[str] | None:
    """Whose sources somebody sees: their department's; who has none, all."""
    return frozenset({person.account.department}) if person.account.department else None


def the_source(source_id: str, found: Found, person: Reader) -> SourceView:
    """The source, for somebody of its department; another's is unknown."""
    view = found.desk.sources.get(source_id)
    within = reach(person)
    if within is not None and view.department_id not in within:
        raise NotFound("source.unknown", "没有来源“{id}”。", id=source_id[:40])
    return view


Source = Annotated[SourceView, Depends(the_source)]


def the_row(quarantine_id: str, found: Found, person: Reader) -> Held:
    return found.desk.quarantine.get(quarantine_id, reach(person))


TheRow = Annotated[Held, Depends(the_row)]


# Sources


@router.get("")
def overview(request: Request, found: Found, person: Reader) -> Response:
    translate, language = translation(request), language_of(request)
    register = found.desk.sources
    cards = []
    for view in register.list(reach(person)):
        last = next(iter(register.runs(view.id, limit=1)), None)
        cards.append(views.source_card(view, last, translate, language))
    return page(
        request, "collect_sources.html", visitor=person, nav="collection", sources=cards,
        may=person.account.can_issue, waiting=found.desk.quarantine.count(Wanted(departments=reach(person))),
    )  # fmt: skip


@router.get("/declare")
def declare_page(
    request: Request, found: Found, person: Officer, source: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    if source:
        declared = the_source(source, found, person).declaration.source
    else:
        declared = {
            "id": "", "title": "", "type": "", "department": person.account.department or "", "mode": "repository",
            "authority": 50, "key": ["编号"], "fields": {}, "connector": {"kind": "upload"}, "schedule": "once",
        }  # fmt: skip
    text = json.dumps(declared, ensure_ascii=False, indent=2)
    return _declare_form(request, found, person, text, None)


def _declare_form(
    request: Request, found: Services, person: Visitor, text: str, error: LicenceTrustError | None
) -> Response:
    translate, language = translation(request), language_of(request)
    types = [
        {"slug": one.slug, "name": one.name_en if language == "en" else one.name,
         "fields": [(name, prop["title"]) for name, prop in one.schema["properties"].items()]}
        for one, _ in found.issuable(person.account.department)
    ]  # fmt: skip
    return page(
        request, "collect_declare.html", visitor=person, nav="collection", text=text, types=types,
        status=status_of(error, request),
        problem=" ".join(error.localised(translate)) if error else "",
    )  # fmt: skip


@router.post("/declare")
def declare(request: Request, found: Found, person: Officer, data: Form) -> Response:
    text = str(data.get("declaration", ""))
    try:
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Malformed("source.not_json", "来源声明不是有效的 JSON（UTF-8）。") from error
        view = found.desk.sources.declare(raw, person.actor)
    except LicenceTrustError as error:
        return _declare_form(request, found, person, text, error)
    return RedirectResponse(f"/collection/sources/{view.id}", 303)


@router.get("/sources/{source_id}")
def one_source(request: Request, found: Found, person: Reader, source: Source,
               job: Annotated[str, Query(max_length=32)] = "") -> Response:  # fmt: skip
    return _source_page(request, found, person, source, job, None)


def _source_page(
    request: Request, found: Services, person: Visitor, source: SourceView, job: str, error: LicenceTrustError | None
) -> Response:
    translate, language = translation(request), language_of(request)
    register = found.desk.sources
    runs = [views.run_row(one, translate, language) for one in register.runs(source.id, limit=RUNS)]
    waiting = _job(found, job)
    return page(
        request, "collect_source.html", visitor=person, nav="collection",
        source=views.source_card(source, None, translate, language), runs=runs,
        brings=source.declaration.connector.kind == "upload",
        reads=source.declaration.connector.kind not in ("upload", "entry"),
        declaration=json.dumps(source.declaration.source, ensure_ascii=False, indent=2),
        rules=[(views.title_of(rule, translate, language), rule) for rule in register.rules_of(source.type_code)],
        gone=register.gone(source.id, limit=50), may=person.account.can_issue, job=waiting,
        refresh=bool(waiting and not waiting["over"]) or any(run["running"] for run in runs),
        status=status_of(error, request),
        problem=" ".join(error.localised(translate)) if error else "",
    )  # fmt: skip


def _job(found: Services, job_id: str) -> dict[str, Any] | None:
    """The job that was asked for just now."""
    if not job_id:
        return None
    try:
        one = found.desk.jobs.get(job_id)
    except LicenceTrustError:
        return None
    return {"id": one.id, "state": one.state, "over": one.over}


@router.post("/sources/{source_id}/run")
async def run(request: Request, found: Found, person: Officer, source: Source, data: Form) -> Response:
    """归集 in the background; with the file that was brought."""
    given = data.get("file")
    limit = found.settings.upload_limit
    content, name = b"", ""
    if isinstance(given, UploadFile) and given.filename:
        content, name = await given.read(), given.filename
    try:
        if len(content) > limit:
            raise Malformed("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
        job = found.collection.ask_run(source.id, person.actor, content, name, check=bool(data.get("check")))
    except LicenceTrustError as error:
        return _source_page(request, found, person, source, "", error)
    return RedirectResponse(f"/collection/sources/{source.id}?job={job}", 303)


@router.post("/sources/{source_id}/rerun")
def rerun(request: Request, found: Found, person: Officer, source: Source, data: Form) -> Response:
    """重新清洗 in the background."""
    try:
        job = found.collection.ask_rerun(source.id, person.actor)
    except LicenceTrustError as error:
        return _source_page(request, found, person, source, "", error)
    return RedirectResponse(f"/collection/sources/{source.id}?job={job}", 303)


@router.post("/sources/{source_id}/close")
def close(request: Request, found: Found, person: Officer, source: Source, data: Form) -> Response:
    try:
        found.desk.sources.close(source.id, person.actor, str(data.get("reason", "")))
    except LicenceTrustError as error:
        return _source_page(request, found, person, source, "", error)
    return RedirectResponse(f"/collection/sources/{source.id}", 303)


@router.get("/runs/{run_id}")
def one_run(request: Request, found: Found, person: Reader, run_id: str) -> Response:
    translate, language = translation(request), language_of(request)
    view = found.desk.sources.run(run_id)
    source = the_source(view.source_id, found, person)
    shown = views.run_row(view, translate, language)
    held = found.desk.quarantine.page(Wanted(run=view.id, states=STATES, departments=reach(person)), limit=PAGE)
    return page(
        request, "collect_run.html", visitor=person, nav="collection", run=shown, refresh=shown["running"],
        source=views.source_card(source, None, translate, language),
        rows=[views.held_row(row, translate, language) for row in held],
    )  # fmt: skip


# Quarantine


@router.get("/quarantine")
def quarantine(
    request: Request,
    found: Found,
    person: Reader,
    source: Annotated[str, Query(max_length=40)] = "",
    rule: Annotated[str, Query(max_length=64)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    translate, language = translation(request), language_of(request)
    states = (state,) if state in STATES else WAITING
    wanted = Wanted(source, rule, states, departments=reach(person))
    rows = found.desk.quarantine.page(wanted, after=after, limit=PAGE + 1)
    sources = found.desk.sources.list(reach(person))
    types = {one.type_code for one in sources if source in ("", one.id)}
    rules = {r.id: r for code in sorted(types) for r in found.desk.sources.rules_of(code)}
    asked = {"source": source, "rule": rule}
    following = {**asked, "state": state if state in STATES else "", "after": rows[PAGE - 1].id if rows[PAGE:] else ""}
    return page(
        request, "collect_quarantine.html", visitor=person, nav="collection",
        rows=[views.held_row(row, translate, language) for row in rows[:PAGE]],
        total=found.desk.quarantine.count(wanted),
        sources=[(one.id, one.title) for one in sources], source=source, rule=rule, state=state, done=done,
        rules=views.rule_choices(list(rules.values()), translate, language),
        chips=views.choices(states, asked, translate), may=person.account.can_issue,
        next=f"/collection/quarantine?{urlencode(following)}" if rows[PAGE:] else "",
        export=urlencode(asked) if source and person.account.can_issue else "",
    )  # fmt: skip


@router.get("/quarantine/export")
def export(
    request: Request,
    found: Found,
    person: Officer,
    source: Annotated[str, Query(max_length=40)],
    rule: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What waits in a source's quarantine, as a workbook to be mended."""
    the_source(source, found, person)
    wanted = Wanted(source, rule, departments=reach(person))
    data = found.collection.export(wanted, person.actor, ".xlsx", translation(request))
    return _attached(data, f"quarantine-{source}.xlsx")


def _attached(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
    return Response(data, media_type=XLSX, headers=headers)


@router.post("/quarantine/import")
async def import_rows(request: Request, found: Found, person: Officer, data: Form) -> Response:
    """Mended rows from a file that was exported before."""
    from starlette.concurrency import run_in_threadpool

    given = data.get("file")
    content = await given.read() if isinstance(given, UploadFile) else b""
    name = given.filename or "" if isinstance(given, UploadFile) else ""
    return await run_in_threadpool(_import, request, found, person, content, name)


def _import(request: Request, found: Services, person: Visitor, content: bytes, name: str) -> Response:
    translate, language = translation(request), language_of(request)
    done, refused, problem = 0, [], None
    try:
        if not content or len(content) > found.settings.upload_limit:
            raise Malformed("upload.missing", "没有收到文件，请选择一份证照文件。", remedy="表单字段名应为 file。")
        for number, answer in enumerate(found.collection.mend_file(content, name, person.actor), 1):
            if isinstance(answer, str):
                done += 1
            else:
                refused.append((number, answer.localised(translate)[0]))
    except LicenceTrustError as error:
        problem = error
    if problem is None and not refused:
        return RedirectResponse(f"/collection/quarantine?done={done}", 303)
    return page(
        request, "collect_imported.html", visitor=person, nav="collection", count=done, refused=refused[:200],
        more=max(0, len(refused) - 200), problem=" ".join(problem.localised(translate)) if problem else "",
        status=problem_of(problem, language).status if problem else 422 if not done else 200,
    )  # fmt: skip


@router.get("/quarantine/{quarantine_id}")
def one_row(request: Request, found: Found, person: Reader, row: TheRow) -> Response:
    found.journal.record(actor=person.actor, action="quarantine.read", subject=row.id, reason="", details={})
    return _row_page(request, found, person, row, dict(row.record), None)


def _row_page(
    request: Request, found: Services, person: Visitor, row: Held, given: dict[str, str],
    error: LicenceTrustError | None,
) -> Response:  # fmt: skip
    translate, language = translation(request), language_of(request)
    definition = found.catalogue.get(row.type_code)
    return page(
        request, "collect_row.html", visitor=person, nav="collection",
        row=views.held_row(row, translate, language), revision=row.revision, waiting=row.waiting,
        fields=views.mend_fields(row, definition, given, translate, language),
        source_id=row.source_id,
        may=person.account.can_issue and row.waiting, type=definition.name,
        status=status_of(error, request),
        problem=" ".join(error.localised(translate)) if error else "",
    )  # fmt: skip


@router.post("/quarantine/{quarantine_id}")
def mend(request: Request, found: Found, person: Officer, row: TheRow, data: Form) -> Response:
    """更正, and run again at once: the row is released, or shown with what is still against it."""
    names = found.catalogue.get(row.type_code).schema["properties"]
    given = {name: str(data.get(f"f.{name}", "")).replace("\r\n", "\n").strip() for name in names}
    given = {name: value for name, value in given.items() if value}
    revision = str(data.get("revision", ""))
    try:
        seen = int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else 0
        found.desk.quarantine.mend(Mending(row.id, given, seen), person.actor)
        view = found.desk.collector.rerun(row.source_id, person.actor, ids=[row.id], workers=1)
        stopped = view.stopped_by
        if stopped is not None:
            raise stopped
    except LicenceTrustError as error:
        return _row_page(request, found, person, found.desk.quarantine.get(row.id), given, error)
    return RedirectResponse(f"/collection/quarantine/{row.id}", 303)


@router.post("/quarantine/{quarantine_id}/discard")
def discard(request: Request, found: Found, person: Officer, row: TheRow, data: Form) -> Response:
    try:
        found.desk.quarantine.discard([row.id], person.actor, str(data.get("reason", "")))
    except LicenceTrustError as error:
        return _row_page(request, found, person, row, dict(row.record), error)
    return RedirectResponse(f"/collection/quarantine/{row.id}", 303)


# Quality


@router.get("/quality")
def quality(
    request: Request, found: Found, person: Reader, source: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    translate, language = translation(request), language_of(request)
    report = found.desk.quality.report(sources=[source] if source else None, departments=reach(person))
    return page(
        request, "collect_quality.html", visitor=person, nav="collection", source=source,
        report=[views.quality_card(one, translate, language) for one in report],
        state_names=[translate(STATE_NAMES[state]) for state in STATES],
    )  # fmt: skip


@router.get("/quality.xlsx")
def quality_file(
    request: Request, found: Found, person: Reader, source: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    report = found.desk.quality.report(sources=[source] if source else None, departments=reach(person))
    return _attached(quality_workbook(report, translation(request)), "data-quality.xlsx")
