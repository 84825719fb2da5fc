"""身份令牌所述: the claims of a provider in our words; what they say about a person is checked where the account is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.registrations import Registration
from licence_store.holding.accounts import Identity
from licence_store.holding.holder import CITIZEN_NUMBER, CREDIT_CODE, LEVELS, NEVER, Holder

OFFICE_ROLE: Final = "legal_representative"
_MOST_OFFICES: Final = 20


def identity_of(registration: Registration, claims: Mapping[str, Any]) -> Identity:
    """Who somebody is, by this provider's names for it."""
    names = registration.claims
    person = Holder(
        str(claims.get(names.get("code", "")) or ""),
        str(claims.get(names.get("code_type", "")) or CITIZEN_NUMBER),
        str(claims.get(names.get("name", "")) or ""),
    )
    return Identity(
        registration.kept_as,
        str(claims["sub"]),
        person,
        registration.levels.get(str(claims.get("acr", "")), LEVELS[0]),
        moment_of(claims.get("auth_time")),
        _offices(claims.get(names.get("legal_person", ""))),
    )


def says_who(registration: Registration, claims: Mapping[str, Any]) -> bool:
    """Do these claims have number and name already?"""
    return all(claims.get(registration.claims.get(one, "")) for one in ("code", "name"))


def moment_of(seconds: object) -> datetime:
    """``NEVER`` for what is no time: it was not said, so it does not count as recent."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return NEVER
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return NEVER


def _offices(claim: object) -> tuple[Holder, ...]:
    """Organisations of which they are the legal representative; other roles act by delegation."""
    listed = claim if isinstance(claim, list) else [claim]
    return tuple(
        Holder(str(one.get("code") or ""), CREDIT_CODE, str(one.get("name") or ""))
        for one in listed[:_MOST_OFFICES]
        if isinstance(one, dict) and one.get("role") == OFFICE_ROLE
    )
