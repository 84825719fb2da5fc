"""授权办理: what command line, interface and pages bring, as terms and holders; one door for all three."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from api.moments import exact, parse_moment
from licence_store.holding.counter import code_type_of
from licence_store.holding.holder import ALL, EVERYTHING, Holder, HolderSession
from licence_store.holding.terms import Terms, listed
from trust.errors import Malformed
from trust.identifiers import plain_number

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.delegation import DelegationStep, DelegationView

_BEIJING = timezone(timedelta(hours=8))
USUAL = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Wanted:
    """授权范围 as somebody writes it."""

    rights: tuple[str, ...]
    until: str
    """A day (its end counts, Beijing time) or an RFC 3339 moment."""
    since: str = ""
    """The same; empty: now."""
    types: tuple[str, ...] = ()
    """Codes, slugs or names; none: all."""
    items: tuple[str, ...] = ()


def terms_of(services: Services, wanted: Wanted) -> Terms:
    """Raises ``Malformed("delegation.*", "moment.*")``, ``NotFound("type.unknown")``."""
    codes = {services.catalogue.get(one).code if one != ALL else ALL for one in _given(wanted.types)}
    ends = moment_of(wanted.until, end=True)
    starts = moment_of(wanted.since, end=False) if wanted.since.strip() else services.clock()
    return Terms(
        frozenset(_given(wanted.rights)),
        starts,
        ends,
        frozenset(codes) or EVERYTHING,
        frozenset(_given(wanted.items)) or EVERYTHING,
    )


def changed_terms(services: Services, before: Terms, wanted: Wanted) -> Terms:
    """As ``terms_of``, for a delegation that began already: its beginning stays unless another is written."""
    return (
        terms_of(services, wanted)
        if wanted.since.strip()
        else replace(terms_of(services, wanted), starts=before.starts)
    )


def moment_of(text: str, *, end: bool) -> datetime:
    """A day's beginning or end in Beijing, or an RFC 3339 moment. Raises ``Malformed("moment.*")``."""
    text = text.strip()
    if len(text) != 10:
        return parse_moment(text).astimezone(UTC)
    try:
        day = datetime.fromisoformat(text).replace(tzinfo=_BEIJING)
        return (day + timedelta(days=1) if end else day).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("moment.day", "日期“{got}”无效，应为年-月-日。", got=text) from None


def person_of(code: str, name: str) -> Holder:
    """被授权人 as written. Raises ``Malformed("holder.code", "holder.name")``."""
    number = plain_number(code)
    return Holder(number, code_type_of(number), name.strip())


def view_json(view: DelegationView, moment: datetime, who: HolderSession | None = None) -> dict[str, Any]:
    """授权 for programs; parties see each other's name and number."""
    return {
        "id": view.id,
        "state": view.stands(moment),
        "holder": _party(view.holder),
        "delegate": _party(view.delegate),
        "parent_id": view.parent_id or None,
        "depth": view.depth,
        "rights": listed(view.terms.rights),
        "types": sorted(view.terms.types),
        "items": sorted(view.terms.items),
        "from": exact(view.terms.starts),
        "until": exact(view.terms.ends),
        **({"mine": view.delegate.code == who.person.code} if who else {}),
    }


def step_json(step: DelegationStep) -> dict[str, Any]:
    terms: Mapping[str, Any] = step.terms
    return {"act": step.act, "at": exact(step.at), "by": step.actor, "terms": terms, "reason": step.reason}


def _party(holder: Holder) -> dict[str, str]:
    return {"code": holder.masked_code, "name": holder.name}


def _given(words: Iterable[str]) -> list[str]:
    return [one.strip() for one in words if one.strip()]
