"""身份提供方 of this service (R097: 一地注册、各地互认): which there are, reached how, and which of them is meant.

Whoever vouches, a person is one holder: number, its kind and name come from the provider, and licences and delegations
hang on them. Accounts are kept by issuer and subject, so that no provider can speak for another's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.oidc import RelyingParty
from api.registrations import Registration, plain_issuer, read_registrations
from api.settings import Settings, pairs_of
from trust.errors import NotFound, Refused
from trust.fetching import Fetcher, HTTPFetcher
from trust.i18n import N_

if TYPE_CHECKING:
    from api.testidp.provider import DemonstrationProvider

EMBEDDED = "demonstration"
"""Under which name accounts of the demonstration provider are kept, wherever it is met."""
EMBEDDED_TITLE = N_("演示用身份提供方")
_LONGEST = 64 << 10


@dataclass(frozen=True, slots=True)
class Providers:
    """Those to choose from, in the order of the sign-in page."""

    parties: tuple[RelyingParty, ...] = ()

    def chosen(self, key: str) -> RelyingParty:
        """The one with this key; the first without. Raises ``Refused("holder.no_provider")``,
        ``NotFound("holder.provider_unknown")``.
        """
        if not self.parties:
            raise Refused(
                "holder.no_provider",
                "本地区尚未接入身份提供方，暂时不能登录用户空间。",
                remedy="请到办事窗口办理；系统管理员可在设置中登记身份提供方。",
            )
        found = next((one for one in self.parties if not key or one.registration.key == key), None)
        if found is None:
            raise NotFound("holder.provider_unknown", "没有这一身份提供方。", remedy="请回到登录页重新选择。")
        return found

    def keeper(self, kept_as: str) -> RelyingParty:
        """Who vouches for the account kept under this name. Raises ``Refused("holder.no_provider",
        "holder.provider_gone")``.
        """
        self.chosen("")
        found = next((one for one in self.parties if one.registration.kept_as == kept_as), None)
        if found is None:
            raise Refused(
                "holder.provider_gone",
                "开立此账号的身份提供方已不再使用，不能再次认证。",
                remedy="请退出后从登录页列出的身份提供方重新登录；名下证照不受影响。",
            )
        return found

    def of_token(self, id_token: str) -> RelyingParty:
        """Whose word an id token claims to be; nothing is believed yet. The first, where it names none of ours."""
        issuer = plain_issuer(_claimed_issuer(id_token))
        named = (one for one in self.parties if plain_issuer(one.registration.issuer) == issuer)
        return next(named, None) or self.chosen("")


def providers_of(
    settings: Settings, demonstration: DemonstrationProvider | None, clock: Callable[[], datetime]
) -> Callable[[str], Providers]:
    """Which providers there are, for people who meet us at an origin. Raises ``Malformed("settings.providers")``."""
    usual = _registration(settings, settings.oidc_issuer)
    listed = read_registrations(settings.dir / settings.oidc_providers, usual) if settings.oidc_providers else ()
    named = ((usual,) if settings.oidc_issuer else ()) + listed
    outside = tuple(RelyingParty(one, _outside(one.issuer), clock) for one in named)
    if demonstration is None:
        return lambda _origin: Providers(outside)
    from api.testidp.provider import PATH, InProcess

    within = InProcess(demonstration)

    @lru_cache(maxsize=16)
    def embedded(origin: str) -> Providers:
        own = _registration(settings, f"{origin}{PATH}", EMBEDDED)
        return Providers((RelyingParty(own, lambda _url: within, clock), *outside))

    return embedded


def _registration(settings: Settings, issuer: str, account_issuer: str = "") -> Registration:
    """登记 as the settings have it."""
    audiences = frozenset(one.strip() for one in settings.oidc_audiences.split(",") if one.strip())
    levels = {acr: int(level) for acr, level in pairs_of(settings.oidc_levels).items()}
    claims = pairs_of(settings.oidc_claims)
    return Registration(
        issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        account_issuer,
        audiences,
        claims,
        levels,
        title=settings.oidc_title,
        signs_out_silently=account_issuer == EMBEDDED,
    )


def _outside(issuer: str) -> Callable[[str], Fetcher]:
    """The issuer's own host was named by the operator and may be a neighbour; what its documents name may not."""
    named, others = HTTPFetcher(redirects=0, allow_private=True), HTTPFetcher(redirects=0)
    home = urlsplit(issuer).netloc
    return lambda url: named if urlsplit(url).netloc == home else others


def _claimed_issuer(id_token: str) -> str:
    """``iss`` as the token says it, unproved; empty where it says nothing that can be read."""
    _, _, rest = id_token.partition(".")
    payload = rest.partition(".")[0][:_LONGEST]
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return ""
    issuer = said.get("iss") if isinstance(said, dict) else ""
    return issuer if isinstance(issuer, str) else ""
