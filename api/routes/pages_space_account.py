"""Pages of the space: one's account, where one is signed in, closing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import services, translation
from api.holder_deps import HolderVisitor, assured, holder, holder_form
from api.pages.holder_views import account_facts, sign_in_row
from api.pages.space_base import space_page
from api.routes.pages_space_sign_in import forget
from api.signing_in import SIGNED_OUT
from api.wiring import Services
from trust.errors import Refused

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Proved = Annotated[HolderVisitor, Depends(assured(2))]
Form = Annotated[FormData, Depends(holder_form)]


@router.get("/space/account")
def account(request: Request, found: Found, person: Space, ended: int = -1) -> Response:
    session, translate = person.session, translation(request)
    view = found.desk.holders.get(session.account_id)
    rows = [sign_in_row(one, translate) for one in found.desk.holders.sign_ins(session.account_id)]
    return space_page(
        request,
        "space_account.html",
        person,
        nav="account",
        facts_rows=account_facts(view, session, found.clock(), translate),
        fresh=session.proves(2, found.clock()),
        rows=rows,
        ended=ended,
    )


@router.post("/space/account/sign-out-others")
def sign_out_others(found: Found, data: Form, person: Space) -> Response:
    session = person.session
    ended = found.spaces.close_all(session.account_id, but=session.token)
    found.journal.record(actor=person.actor, action="holder.sign_out", subject=session.account_id)
    return RedirectResponse(f"/space/account?ended={ended}", 303)


@router.get("/space/account/close")
def close_page(request: Request, found: Found, person: Proved) -> Response:
    return space_page(request, "space_close.html", person, nav="account", problem="")


@router.post("/space/account/close")
def close(request: Request, found: Found, data: Form, person: Proved) -> Response:
    if data.get("sure") != "yes":
        problem = translation(request)("请勾选确认后再注销。")
        return space_page(request, "space_close.html", person, nav="account", status=422, problem=problem)
    if person.session.acts_for_another:
        raise Refused("holder.not_yourself", "代他人办事时不能注销账号。", remedy="请先切换到本人。")
    found.desk.closing.close(person.session.account_id, person.actor)
    return forget(found, f"{SIGNED_OUT}?closed=true")
