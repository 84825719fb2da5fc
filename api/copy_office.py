"""用证办理: what command line, interface and pages share about copies: words in, shapes out, who accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from api.moments import exact, parse_moment
from licence_store.copying.grants import end_of_day
from licence_store.holding.holder import NONE
from trust.errors import Malformed, NotFound
from trust.journal import Actor

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.copying.copier import Taken
    from licence_store.copying.copies import CopyHistory
    from licence_store.copying.grants import CopyView
    from licence_store.copying.links import LinkView, MadeLink
    from licence_store.copying.uses import RefusalView, UseView

MEDIA: Final[Mapping[str, str]] = {"ofd": "application/ofd", "pdf": "application/pdf"}
SCOPE: Final = "accept"
"""What a token needs to ask about copies and to accept them."""
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_COPY: Final = re.compile(r"(?:\S*/c/)?(c-[0-9a-z]{16,38})/?(?:[?#]\S*)?")
_TOKEN: Final = re.compile(r"(?:\S*/d/)?([A-Za-z0-9_-]{43})/?(?:[?#]\S*)?")


def until_of(text: str) -> datetime:
    """有效期: a day (good to its end, Beijing time) or an RFC 3339 moment.

    Raises ``Malformed("copy.day", "moment.malformed")``.
    """
    found = text.strip()
    if not _DAY.fullmatch(found):
        return parse_moment(found)
    try:
        return end_of_day(date.fromisoformat(found))
    except ValueError:
        raise Malformed("copy.day", "日期“{day}”无效。", day=found, field="until") from None


def last_day(until: datetime) -> str:
    """The last day somebody may use it, as people write an end, Beijing time."""
    from licence_store.standing import day_of

    return day_of(until - timedelta(seconds=1)).isoformat()


def link_address(services: Services, token: str) -> str:
    """The address of a one-time link."""
    return f"{services.region_facts.base_url}/d/{token}"


def token_in(text: str) -> str:
    """The secret in a link's address, or as it is. Raises ``NotFound("copy.link_unknown")``."""
    found = _TOKEN.fullmatch(text.strip()[:2000])
    if found is None:
        raise NotFound("copy.link_unknown", "没有这个下载链接。", remedy="请核对地址，或请持证者重新发送。")
    return found[1]


def copy_in(text: str) -> str:
    """The copy's id in what its code leads to, or as it is printed; empty: there is none."""
    found = _COPY.fullmatch(text.strip()[:2000])
    return found[1] if found else ""


def download(taken: Taken) -> Response:
    """The copy as a file to be saved."""
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{taken.view.id}.{taken.view.form}"',
    }
    return Response(taken.data, media_type=MEDIA[taken.view.form], headers=headers)


# Who accepts


def acceptor_by_token(services: Services, grant: TokenGrant, actor: Actor) -> Actor:
    """采用单位 behind a token: the account's department, or the one department the token is for; else nobody's, and
    the request names it. Raises ``Refused("token.scope")``.
    """
    grant.demand(SCOPE)
    own = services.accounts.get(grant.account).department_id
    only = next(iter(grant.departments), "") if len(grant.departments) == 1 else ""
    department = own or (only if only != "*" else "") or None
    return Actor(actor.account, department, actor.address, actor.channel)


def readable(services: Services, copy_id: str, grant: TokenGrant) -> CopyView:
    """A copy, for a system that may accept it. Raises ``Refused("token.scope")``, ``NotFound("copy.unknown")``."""
    grant.demand(SCOPE)
    view = services.desk.copies.find(copy_id)
    grant.demand(SCOPE, type_code=view.type_code or NONE)
    return view


def demand_readable(services: Services, copy_id: str, grant: TokenGrant) -> None:
    """As ``readable``, also of a copy that another region made: its type is known there alone, so the token must not
    be limited to types.
    """
    if services.desk.copies_elsewhere.region_of(copy_id):
        grant.demand(SCOPE, type_code=NONE)
    else:
        readable(services, copy_id, grant)


# Shapes


def shape(view: CopyView, moment: datetime) -> dict[str, Any]:
    """For the holder."""
    return {
        "copy_id": view.id,
        "state": str(view.state(moment)),
        "original": {"kind": view.source_kind, "id": view.source_id, "title": view.title, "type_code": view.type_code},
        "level": view.level,
        "recipient": view.recipient,
        "purpose": view.purpose,
        "service_item": view.service_item,
        "case_number": view.case_number,
        "until": exact(view.until),
        "last_day": last_day(view.until),
        "uses": view.uses,
        "used": view.used,
        "left": view.left,
        "original_check": view.original_check,
        "masked": list(view.terms.get("masked", ())),
        "form": view.form,
        "digest": view.digest,
        "size": view.size,
        "made": exact(view.made),
        "revoked": exact(view.revoked) if view.revoked else None,
        "reason": view.reason,
    }


def shape_for_systems(services: Services, view: CopyView) -> dict[str, Any]:
    """For whoever may accept it: not which licence it was made of."""
    moment = services.clock()
    full = {**shape(view, moment), "original_in_force": services.desk.copier.is_good(view, moment)}
    hidden = ("original", "masked", "reason", "made", "size")
    return {name: value for name, value in full.items() if name not in hidden} | {"title": view.title}


def history_shape(services: Services, history: CopyHistory) -> dict[str, Any]:
    moment = services.clock()
    return {
        **shape(history.view, moment),
        "original_in_force": services.desk.copier.is_good(history.view, moment),
        "acceptances": [use_shape(one) for one in history.uses],
        "refusals": [refusal_shape(one) for one in history.refusals],
        "links": [link_shape(one, moment) for one in history.links],
    }


def use_shape(one: UseView) -> dict[str, Any]:
    return {
        "copy_id": one.copy_id,
        "number": one.number,
        "left": one.left,
        "at": exact(one.at),
        "recipient": one.recipient,
        "purpose": one.purpose,
        "service_item": one.service_item,
        "case_number": one.case_number,
        "original_seen": one.original_seen,
        "digest": one.digest,
    }


def refusal_shape(one: RefusalView) -> dict[str, Any]:
    return {
        "copy_id": one.copy_id,
        "at": exact(one.at),
        "recipient": one.recipient,
        "purpose": one.purpose,
        "case_number": one.case_number,
        "code": one.code,
        "reason": one.reason,
    }


def made_link_shape(services: Services, made: MadeLink) -> dict[str, Any]:
    """With the address, told once."""
    address = link_address(services, made.token)
    return {"id": made.id, "copy_id": made.copy_id, "url": address, "expires": exact(made.expires)}


def link_shape(one: LinkView, moment: datetime) -> dict[str, Any]:
    return {"id": one.id, "state": one.state(moment), "made": exact(one.made), "expires": exact(one.expires)}
