"""登录用户空间: where somebody meets us, which identity provider there is, and where one goes on afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request

from api.oidc import LEEWAY, Expected, RelyingParty, proof_too_old
from api.registrations import LOOPBACK
from trust.errors import Refused

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.accounts import Identity

BROWSER_COOKIE: Final = "lt_oidc"
CALLBACK: Final = "/space/sign-in/callback"
SIGNED_OUT: Final = "/space/signed-out"
HOME: Final = "/space"
KIOSK: Final = "/kiosk"
KIOSK_COOKIE: Final = "lt_kiosk"
"""Sent to the terminal's pages only."""
KIOSK_LENGTH: Final = timedelta(minutes=5)
"""How long one may use a terminal at a time."""
KIOSK_WAY: Final = "lt_kiosk_way"
"""On the way from a terminal to the provider and back."""


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


def at_terminal(target: str) -> bool:
    """Does a path of ours lead to what somebody sees of their own at a terminal?"""
    return target.partition("?")[0].startswith(f"{KIOSK}/")


def callback_of(key: str) -> str:
    """Where a provider sends people back to: each has an address of its own, so that none can pass its answers off as
    another's (RFC 9700, 4.4).
    """
    return f"{CALLBACK}/{key}" if key else CALLBACK


def set_out(
    found: Services,
    request: Request,
    party: RelyingParty,
    *,
    target: str,
    level: int = 1,
    again: bool = False,
    fresh: bool = False,
    language: str = "",
) -> tuple[str, str]:
    """``(address, browser)``: where the browser is sent, and the word it keeps in its cookie meanwhile.

    ``again``: for the same person to prove themselves anew. ``fresh``: whoever it is, whoever the provider remembers.

    Raises ``Refused("holder.level_beyond")``, ``Unavailable("holder.provider")``.
    """
    registration = party.registration
    if level > registration.highest:
        raise Refused(
            "holder.level_beyond",
            "“{provider}”最高只证明到{highest}级，此操作需要{wanted}级。",
            remedy="请退出后，从能证明更高等级的身份提供方登录，或到办事窗口办理。",
            provider=registration.named(language),
            highest=registration.highest,
            wanted=level,
        )
    back = f"{origin_of(request)}{callback_of(registration.key)}"
    url, expected = party.begin(back, level=level, again=again or fresh, language=language)
    kept = request.cookies.get(BROWSER_COOKIE, "")
    browser = kept if len(kept) == 43 else secrets.token_urlsafe(32)
    facts = {name: str(value) for name, value in asdict(expected).items()}
    onward = inside(target)
    if at_terminal(onward) and not fresh:  # to a terminal's pages only from a terminal, where everybody proves anew
        onward = HOME
    began = found.clock().isoformat() if fresh else ""
    found.attempts.keep(expected.state, browser, {**facts, "target": onward, "step_up": str(again), "began": began})
    return url, browser


def come_back(found: Services, request: Request, key: str, answer: Mapping[str, str]) -> tuple[Identity, str, bool]:
    """``(identity, target, again)`` of whom the provider ``key`` sends back. Raises ``Refused("holder.attempt",
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
    party = found.providers(origin_of(request)).chosen(key)
    party.check_sender(facts["issuer"], answer.get("iss", ""))
    expected = Expected(
        facts["state"],
        facts["nonce"],
        facts["verifier"],
        facts["redirect_uri"],
        facts["issuer"],
        int(facts["level"]),
        facts["again"] == "True",
    )
    identity = party.complete(expected, answer.get("code", "")[:2000])
    began = facts.get("began", "")
    if began and identity.proved < datetime.fromisoformat(began) - timedelta(seconds=LEEWAY):
        raise proof_too_old()  # the word for whoever stood at the terminal before
    return identity, inside(facts["target"]), facts["step_up"] == "True"
