"""身份提供方 of this service: which one, reached how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.oidc import Registration, RelyingParty
from api.settings import Settings, pairs_of
from trust.fetching import Fetcher, HTTPFetcher

if TYPE_CHECKING:
    from api.testidp.provider import DemonstrationProvider

EMBEDDED = "demonstration"
"""Under which name accounts of the demonstration provider are kept, wherever it is met."""


def registration(settings: Settings, issuer: str, account_issuer: str = "") -> Registration:
    """登记 as the settings have it."""
    audiences = frozenset(one.strip() for one in settings.oidc_audiences.split(",") if one.strip())
    levels = {acr: int(level) for acr, level in pairs_of(settings.oidc_levels).items()}
    claims = pairs_of(settings.oidc_claims)
    return Registration(
        issuer, settings.oidc_client_id, settings.oidc_client_secret, account_issuer, audiences, claims, levels
    )


def relying_parties(
    settings: Settings, demonstration: DemonstrationProvider | None, clock: Callable[[], datetime]
) -> Callable[[str], RelyingParty | None]:
    """Who asks the provider, for people who meet us at an origin; ``None``: there is no provider."""
    if settings.oidc_issuer:
        party = RelyingParty(registration(settings, settings.oidc_issuer), _outside(settings.oidc_issuer), clock)
        return lambda _origin: party
    if demonstration is None:
        return lambda _origin: None
    from api.testidp.provider import PATH, InProcess

    within = InProcess(demonstration)

    @lru_cache(maxsize=16)
    def embedded(origin: str) -> RelyingParty:
        return RelyingParty(registration(settings, f"{origin}{PATH}", EMBEDDED), lambda _url: within, clock)

    return embedded


def _outside(issuer: str) -> Callable[[str], Fetcher]:
    """The issuer's own host was named by the operator and may be a neighbour; what its documents name may not."""
    named, others = HTTPFetcher(redirects=0, allow_private=True), HTTPFetcher(redirects=0)
    home = urlsplit(issuer).netloc
    return lambda url: named if urlsplit(url).netloc == home else others
