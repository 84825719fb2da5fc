"""受理窗口的用证副本: a clerk brings a copy, states purpose and case, sees the verdict, accepts it or refuses."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from api import copy_office
from api.deps import Visitor, form, officer, services
from api.errors import language_of, problem_of
from api.pages import copy_views
from api.pages.form_text import text_of
from api.pages.rendering import page
from api.pages.verdict import data_address, verdict_view, when
from api.refusals import TooLarge
from api.translating import translation
from api.wiring import Services
from licence_store.copying.accepting import Shown, passes
from licence_store.copying.copier import Copier
from licence_store.copying.grants import CopyView
from licence_store.copying.uses import Acceptance
from trust.errors import LicenceTrustError, Malformed
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Officer = Annotated[Visitor, Depends(officer)]
Form = Annotated[FormData, Depends(form)]
NAV = "window-copies"
_PICTURE = 1200
"""Dots of the longer side of the copy's picture."""
_WORDS = ("purpose", "case_number", "service_item", "recipient")


@dataclass(frozen=True, slots=True)
class Brought:
    """窗口收到的: a file, a link or a number, and what is stated of it."""

    content: bytes = field(default=b"", repr=False)
    name: str = ""
    named: str = ""
    """Address of a one-time link, or the copy's number."""
    words: dict[str, str] = field(default_factory=dict)

    @property
    def stated(self) -> Acceptance:
        return Acceptance(
            self.words["purpose"], self.words["case_number"], self.words["recipient"], self.words["service_item"]
        )


async def brought(request: Request, data: Form) -> Brought:
    """Raises ``TooLarge``."""
    words, given = {name: text_of(data, name, 2000) for name in _WORDS}, data.get("file")
    content, name = b"", ""
    if isinstance(given, UploadFile):
        limit = request.app.state.settings.upload_limit
        content = await given.read()
        if len(content) > limit:
            raise TooLarge("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
        name = "".join(char for char in given.filename or "" if char.isprintable())[:200]
    return Brought(content, name, text_of(data, "named", 2000), words)


@router.get("/window/copies")
def start(request: Request, found: Found, person: Officer) -> Response:
    return _start(request, found, person, Brought(words=dict.fromkeys(_WORDS, "")), {})


@router.post("/window/copies")
def look(request: Request, found: Found, person: Officer, given: Annotated[Brought, Depends(brought)]) -> Response:
    """Verify what was brought for what is stated; nothing is counted yet."""
    try:
        return _look(request, found, person, given)
    except LicenceTrustError as error:
        problems = {str(error.params.get("field", "")): " ".join(error.localised(translation(request)))}
        status = problem_of(error, language_of(request)).status
        return _start(request, found, person, given, problems, status)


@router.post("/window/copies/{copy_id}/accept")
def accept(request: Request, found: Found, copy_id: str, person: Officer, data: Form) -> Response:
    """Sent twice, it is one use: the form carries the key."""
    stated = Acceptance(
        text_of(data, "purpose", 2000),
        text_of(data, "case_number", 2000),
        text_of(data, "recipient", 2000),
        text_of(data, "service_item", 2000),
        text_of(data, "original_seen", 2000) == "yes",
        text_of(data, "digest", 2000),
        text_of(data, "key", 2000),
    )
    try:
        use = found.desk.copier.accept(copy_id, person.actor, stated)
    except LicenceTrustError as error:
        return _done(request, found, person, copy_id, "fail", error=error)
    return _done(request, found, person, copy_id, "pass", number=use.number, at=when(use.at))


@router.post("/window/copies/{copy_id}/refuse")
def refuse(request: Request, found: Found, copy_id: str, person: Officer, data: Form) -> Response:
    stated = Brought(words={name: text_of(data, name, 2000) for name in _WORDS}).stated
    refusal = found.desk.copier.refuse(copy_id, person.actor, stated, text_of(data, "reason", 2000))
    return _done(request, found, person, copy_id, "none", reason=refusal.reason, at=when(refusal.at))


def _start(
    request: Request, found: Services, person: Visitor, given: Brought, problems: dict[str, str], status: int = 200
) -> Response:
    return page(
        request,
        "window_copies.html",
        visitor=person,
        nav=NAV,
        status=status,
        words=given.words,
        named=given.named,
        own=_own(found, person),
        problems=problems,
    )


def _look(request: Request, found: Services, person: Visitor, given: Brought) -> Response:
    copier, stated = found.desk.copier, given.stated
    if not given.content and not given.named:
        raise Malformed("copy.nothing_brought", "请选择副本文件，或填写链接地址、副本编号。", field="file")
    if not given.content and (on_paper := copy_office.copy_in(given.named)):
        view, against = copier.look_at(on_paper, person.actor, stated, given.named)
        return _verdict(request, found, person, given, view, _by_record(request, view, against), against is not None)
    content, name = given.content, given.name
    if not content:
        taken = copier.take(copy_office.token_in(given.named), person.actor)
        content, name = taken.data, f"{taken.view.id}.{taken.view.form}"
    tidy = copier.tidied(stated, person.actor)
    shown = copier.show(content, tidy.stated, found.verifier())
    report = shown.report
    if not copier.note_check(report, person.actor, tidy.purpose) and shown.view is not None:
        found.journal.record(
            actor=person.actor, action="document.verify", subject=shown.view.id, result=str(report.indication),
            reason=tidy.purpose,
        )  # fmt: skip
    said = verdict_view(report, name, translation(request), language_of(request))
    verdict = {
        "tone": said.tone,
        "title": said.title,
        "sentence": said.sentence,
        "word": said.word,
        "findings": [(one.tone, one.message, one.code) for one in said.findings],
        "face": said.face,
        "digest": str(report.document["digest"]),
    }
    wrong = shown.view is None or not passes(report, original_seen=shown.view.original_check)
    if not wrong:
        verdict["picture"] = _picture(copier, shown)
    return _verdict(request, found, person, given, shown.view, verdict, wrong)


def _picture(copier: Copier, shown: Shown) -> str:
    """Its first page as an address; empty where that cannot be had."""
    from api.pictures import thumbnail

    try:
        return data_address(thumbnail(copier.picture_of(shown), _PICTURE), "jpg")
    except LicenceTrustError:
        return ""


def _by_record(request: Request, view: CopyView, against: LicenceTrustError | None) -> dict[str, Any]:
    """The verdict on a copy that lies there on paper; what it shows is told to whom it is for, and while it is good."""
    translate = translation(request)
    if against is None:
        title, sentence = (
            N_("登记相符，请与纸面逐项对照"),
            N_("没有核验文件本身：请把纸面内容与下面登记的内容逐项对照。"),
        )
        face = [(one["title"], one["text"]) for one in view.terms.get("face", ())]
        return {
            "tone": "unsure", "title": translate(title), "sentence": translate(sentence), "word": "", "findings": [],
            "face": face, "digest": "",
        }  # fmt: skip
    return {
        "tone": "fail", "title": translate(N_("不能采用")), "sentence": against.localised(translate)[0],
        "word": against.code, "findings": [], "face": [], "digest": "",
    }  # fmt: skip


def _verdict(
    request: Request, found: Services, person: Visitor, given: Brought, view: CopyView | None,
    verdict: dict[str, Any], against: bool,
) -> Response:  # fmt: skip
    translate, now = translation(request), found.clock()
    return page(
        request,
        "window_copy.html",
        visitor=person,
        nav=NAV,
        verdict=verdict,
        picture=verdict.get("picture", ""),
        copy=view,
        badge=copy_views.badge(view, now, translate) if view else None,
        facts_of_copy=copy_views.facts(view, translate) if view else [],
        against=against,
        words={**given.words, "recipient": _own(found, person) or given.words["recipient"]},
        key=secrets.token_hex(16),
    )


def _done(
    request: Request,
    found: Services,
    person: Visitor,
    copy_id: str,
    tone: str,
    *,
    error: LicenceTrustError | None = None,
    **told: Any,
) -> Response:
    translate = translation(request)
    view = found.desk.copies.find(copy_id) if found.desk.copies.has(copy_id) else None
    problem = problem_of(error, language_of(request)) if error else None
    return page(
        request,
        "window_copy_done.html",
        visitor=person,
        nav=NAV,
        status=problem.status if problem else 200,
        tone=tone,
        copy=view,
        title_of_copy=view.title if view else translate(N_("其他地区的用证副本")),
        facts_of_copy=copy_views.facts(view, translate) if view else _elsewhere(found, copy_id, translate),
        problem=problem,
        told=told,
    )


def _elsewhere(found: Services, copy_id: str, translate: Callable[[str], str]) -> list[tuple[str, str]]:
    """What is known here of a copy that another region keeps."""
    code = found.desk.copies_elsewhere.region_of(copy_id)
    name = next((one.name for one in found.desk.peers.list() if one.code == code), "")
    return [(translate(N_("制作地区")), name), (translate(N_("副本编号")), copy_id)] if name else []


def _own(found: Services, person: Visitor) -> str:
    """Name of the clerk's department; empty: they say for whom."""
    names = {one.id: one.name for one in found.catalogue.departments()}
    return names.get(person.account.department or "", "")
