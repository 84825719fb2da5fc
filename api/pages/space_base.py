"""用户空间的页面: what every page of the space is given, and its menu.

    return space_page(request, "space_home.html", person, nav="home", rows=rows)

A template begins with ``{% extends "space_base.html" %}``, with the blocks ``title`` and ``content``. The menu shows
an entry only where its page exists and the rights of the session cover it: nobody is led to a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from starlette.responses import HTMLResponse
from starlette.routing import Match

from api.errors import Problem, language_of, trace_id
from api.pages.rendering import page
from licence_store.holding.holder import LEVEL_TITLES, HolderSession
from trust.errors import LicenceTrustError
from trust.i18n import N_, translator

if TYPE_CHECKING:
    from api.holder_deps import HolderVisitor


@dataclass(frozen=True, slots=True)
class SpaceEntry:
    """导航项 of the space."""

    key: str
    href: str
    title: str
    icon: str
    right: str = "view"
    """Empty: for everybody who is signed in."""


MENU: Final = (
    SpaceEntry("home", "/space", N_("我的证照"), "card"),
    SpaceEntry("materials", "/space/materials", N_("我的材料"), "file"),
    SpaceEntry("copies", "/space/copies", N_("用证副本"), "stamp", "use"),
    SpaceEntry("present", "/space/present", N_("亮证"), "seal", "use"),
    SpaceEntry("ledger", "/space/ledger", N_("用证记录"), "clock"),
    SpaceEntry("disputes", "/space/disputes", N_("异议"), "alert"),
    SpaceEntry("delegations", "/space/delegations", N_("授权"), "chain", ""),
    SpaceEntry("account", "/space/account", N_("我的账号"), "whole", ""),
)


@dataclass(frozen=True, slots=True)
class SpaceLink:
    """An entry as shown."""

    href: str
    title: str
    icon: str
    here: str


def menu(
    session: HolderSession, key: str, path: str, exists: Callable[[str], bool], translate: Callable[[str], str]
) -> tuple[SpaceLink, ...]:
    """What this session is offered on the page ``path``, which belongs to ``key``."""
    return tuple(
        SpaceLink(
            one.href,
            translate(one.title),
            one.icon,
            ("page" if one.href == path else "true") if one.key == key else "",
        )
        for one in MENU
        if exists(one.href) and (not one.right or session.may(one.right))
    )


def space_page(
    request: Request, template: str, person: HolderVisitor | None, *, nav: str = "", status: int = 200, **values: Any
) -> HTMLResponse:
    """The page ``template`` of the space; ``person`` is ``None`` on the pages before signing in."""
    translate = translator(language_of(request))
    session = person.session if person else None
    links = menu(session, nav, request.url.path, _pages(request).__contains__, translate) if session else ()
    space = {
        "links": links,
        "holder": session.holder if session else None,
        "person": session.person if session else None,
        "for_another": bool(session and session.acts_for_another),
        "level": translate(LEVEL_TITLES[session.assurance]) if session else "",
    }
    csrf = session.csrf if session else ""
    return page(request, template, status=status, nav=nav, holder_csrf=csrf, space=space, **values)


def space_problem(request: Request, problem: Problem) -> HTMLResponse:
    """The page for a failure in the space; it must not fail itself."""
    from api.holder_deps import maybe_holder

    try:
        person = maybe_holder(request, request.app.state.services)
    except LicenceTrustError:
        person = None
    return space_page(
        request,
        "problem.html",
        person,
        status=problem.status,
        layout="space_base.html",
        home="/space",
        problem=problem,
        trace=trace_id.get(),
    )


def _pages(request: Request) -> frozenset[str]:
    """Which entries of the menu have their page; looked at once per application."""
    kept: frozenset[str] | None = getattr(request.app.state, "space_pages", None)
    if kept is None:
        kept = frozenset(one.href for one in MENU if _is_there(request, one.href))
        request.app.state.space_pages = kept
    return kept


def _is_there(request: Request, path: str) -> bool:
    asked = {**request.scope, "path": path, "raw_path": path.encode(), "method": "GET"}
    return any(one.matches(asked)[0] is Match.FULL for one in request.app.routes)
