"""查询: search, changes and true-or-false for the command line, the interface and the pages; each leaves its evidence.

What a caller may see is decided here: staff of a department its own licences, a token what it covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from api import cursors
from licence_store.criteria import Criteria
from trust.errors import LicenceTrustError, Malformed, NotFound

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.changes import ChangePage
    from licence_store.comparing import Comparison
    from licence_store.search import Page
    from trust.journal import Actor


def search(
    services: Services,
    actor: Actor,
    reason: str,
    criteria: Criteria,
    *,
    type_name: str = "",
    cursor: str = "",
    limit: int,
    grant: TokenGrant | None = None,
) -> tuple[Page, str | None]:
    """Licences the caller may see, and the next page's cursor; journalled.

    Raises ``Refused("token.scope")``, ``NotFound("type.unknown")``, ``Malformed("search.*", "cursor.malformed")``.
    """
    type_code = services.catalogue.get(type_name).code if type_name else ""
    departments, types = _seen(actor, grant)
    if grant is not None:
        grant.demand("search", type_code=type_code or None)
    asked = replace(criteria, type_code=type_code, departments=departments, types=types)
    after = cursors.decode_number(cursor) if cursor else None
    page = services.desk.search.page(asked, after=after, limit=limit)
    details = {"shown": str(len(page.items)), "type": type_code}
    concerning = [one.licence_id for one in page.items]
    services.journal.record(
        actor=actor, action="licence.search", subject="register", reason=reason, details=details,
        concerning=concerning,
    )  # fmt: skip
    return page, cursors.encode([str(page.next)]) if page.next is not None else None


def changes(
    services: Services,
    actor: Actor,
    *,
    since: datetime | None = None,
    cursor: str = "",
    limit: int = 100,
    grant: TokenGrant | None = None,
) -> tuple[ChangePage, str]:
    """变更推送, and the cursor to go on from; journalled where anything was handed out.

    Raises ``Refused("token.scope")``, ``Malformed("cursor.malformed", "changes.start")``.
    """
    if since is not None and cursor:
        raise Malformed("changes.start", "since 与 cursor 只能给出一个。")
    departments, types = _seen(actor, grant)
    if grant is not None:
        grant.demand("search")
    feed = services.desk.changes
    after = feed.since(since) if since is not None else cursors.decode_number(cursor) if cursor else 0
    page = feed.page(after, limit=limit, departments=departments, types=types)
    if page.items:
        details = {"from": str(page.items[0].number), "to": str(page.items[-1].number)}
        concerning = [one.licence_id for one in page.items]
        services.journal.record(
            actor=actor, action="licence.changes", subject="register", details=details, concerning=concerning
        )
    return page, cursors.encode([str(page.next)])


def check(
    services: Services,
    actor: Actor,
    reason: str,
    licence_id: str,
    values: Mapping[str, str],
    *,
    grant: TokenGrant | None = None,
) -> Comparison:
    """真伪核对 by id; journalled with the names of the fields, never a value.

    Raises ``Malformed("identifier.*", "check.*")``, ``NotFound("licence.unknown")``, ``Refused("token.scope")``.
    """
    subject = licence_id[:200]
    try:
        if grant is not None:
            grant.demand("check")
        view = services.register.find(licence_id)
        subject = view.licence_id
        one = view.summary
        if grant is not None:
            grant.demand("check", department=one.department_id, type_code=one.type_code)
        elif actor.department not in (None, "", one.department_id):
            raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
        answer = services.desk.comparer.licence(view, values)
    except LicenceTrustError as error:
        services.journal.failed(error, actor=actor, action="licence.check", subject=subject, reason=reason)
        raise
    _note(services, actor, reason, answer, values)
    return answer


def check_holder(
    services: Services,
    actor: Actor,
    reason: str,
    type_name: str,
    holder_code: str,
    values: Mapping[str, str],
    *,
    grant: TokenGrant | None = None,
) -> Comparison:
    """真伪核对 by holder and type; journalled likewise.

    Raises ``NotFound("type.unknown")``, ``Malformed("check.*")``, ``Refused("token.scope")``.
    """
    try:
        definition = services.catalogue.get(type_name)
        if grant is not None:
            grant.demand("check", type_code=definition.code)
        departments, _ = _seen(actor, grant)
        answer = services.desk.comparer.holder(definition.code, holder_code, values, departments=departments)
    except LicenceTrustError as error:
        services.journal.failed(error, actor=actor, action="licence.check", subject="register", reason=reason)
        raise
    _note(services, actor, reason, answer, values)
    return answer


def _note(services: Services, actor: Actor, reason: str, answer: Comparison, values: Mapping[str, str]) -> None:
    details = {"fields": ",".join(sorted(values))[:500], "all": str(answer.all_hold).lower()}
    subject = answer.licence_id or "register"
    services.journal.record(actor=actor, action="licence.check", subject=subject, reason=reason, details=details)


def _seen(actor: Actor, grant: TokenGrant | None) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Departments and types the caller may see; ``None``: all."""
    if grant is None:
        return ((actor.department,) if actor.department else None), None
    departments = None if "*" in grant.departments else tuple(sorted(grant.departments))
    return departments, None if "*" in grant.types else tuple(sorted(grant.types))
