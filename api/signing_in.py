"""登录用户空间: where somebody meets us, which identity provider there is, and where one goes on afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request

from api.oidc import LOOPBACK, Expected, RelyingParty
from trust.errors import Refused

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.accounts import Identity

BROWSER_COOKIE: Final = "lt_oidc"
CALLBACK: Final = "/space/sign-in/callback"
SIGNED_OUT: Final = "/space/signed-out"
HOME: Final = "/space"


def origin_of(request: Request) -> str:
    """Under which address somebody meets us: on this machine as they do, else the public one of the settings; a
    ``Host`` header alone decides nothing for anybody else.
    """
    if request.url.hostname in LOOPBACK:
        return f"{request.url.scheme}://{request.url.netloc}"
    base_url: str = request.app.state.settings.base_url
    return base_url


def inside(target: str) -> str:
    """A path of ours to go on to; anything else leads home."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    try:
        parts = urlsplit(target)
    except ValueError:
        return HOME
    ours = plain and "\\" not in target and not parts.scheme and not parts.netloc and len(target) < 1000
    return target if ours and target != "/" else HOME


def set_out(
    found: Services, request: Request, *, target: str, level: int = 1, again: bool = False, language: str = ""
) -> tuple[str, str]:
    """``(address, browser)``: where the browser is sent, and the word it keeps in its cookie meanwhile.

    Raises ``Refused("holder.no_provider")``, ``Unavailable("holder.provider")``.
    """
    party = demand_party(found, request)
    url, expected = party.begin(f"{origin_of(request)}{CALLBACK}", level=level, again=again, language=language)
    kept = request.cookies.get(BROWSER_COOKIE, "")
    browser = kept if len(kept) == 43 else secrets.token_urlsafe(32)
    facts = {name: str(value) for name, value in asdict(expected).items()}
    found.attempts.keep(expected.state, browser, {**facts, "target": inside(target)})
    return url, browser


def come_back(found: Services, request: Request, answer: Mapping[str, str]) -> tuple[Identity, str, bool]:
    """``(identity, target, again)`` of whom the provider sends back. Raises ``Refused("holder.attempt",
    "holder.denied", "holder.issuer", …)`` and what ``RelyingParty.complete`` raises.
    """
    facts = found.attempts.take(answer.get("state", "")[:200], request.cookies.get(BROWSER_COOKIE, ""))
    if answer.get("error"):
        raise Refused(
            "holder.denied",
            "身份提供方没有完成认证（{error}）。",
            remedy="如果是您取消了认证，可以重新登录。",
            error=answer["error"][:60],
        )
    party = demand_party(found, request)
    party.check_sender(facts["issuer"], answer.get("iss", ""))
    again = facts["again"] == "True"
    expected = Expected(
        facts["state"],
        facts["nonce"],
        facts["verifier"],
        facts["redirect_uri"],
        facts["issuer"],
        int(facts["level"]),
        again,
    )
    return party.complete(expected, answer.get("code", "")[:2000]), inside(facts["target"]), again


def demand_party(found: Services, request: Request) -> RelyingParty:
    """Raises ``Refused("holder.no_provider")`` where nobody can prove an identity."""
    party = found.relying_party(origin_of(request))
    if party is None:
        raise Refused(
            "holder.no_provider",
            "本地区尚未接入身份提供方，暂时不能登录用户空间。",
            remedy="请到办事窗口办理；系统管理员可在设置中登记身份提供方。",
        )
    return party
