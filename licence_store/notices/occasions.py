"""何时通知: which licences are near their end, or in the window of their inspection (R063, R066).

So many days before the end as the type says (``NoticeRule``), once for each version, each step and each party, whatever
runs twice; a step that was missed while nothing ran is not made up for when a later one has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from licence_store.definitions import LicenceTypeDefinition
from licence_store.inspection import opens
from licence_store.jobs.context import JobContext
from licence_store.lifecycle import LASTING
from licence_store.models import Department, Licence, LicenceVersion
from licence_store.notices.contacts import DEPARTMENT, HOLDER
from licence_store.notices.outbox import Occasion
from licence_store.standing import day_of

_PAGE = 200
_ENDED = [str(state) for state in LASTING]
_ROWS = (
    select(
        Licence.base,
        LicenceVersion.licence_id,
        LicenceVersion.valid_to,
        LicenceVersion.issued_on,
        Licence.type_code,
        Licence.number,
        Licence.holder_code,
        Licence.department_id,
        Licence.inspect_year,
        Department.name.label("issuer"),
    )
    .join(LicenceVersion, (LicenceVersion.base == Licence.base) & (LicenceVersion.version == Licence.version))
    .join(Department, Department.id == Licence.department_id)
    .where(Licence.state.not_in(_ENDED))
    .limit(_PAGE)
)


def expiring(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``expiry-notices``."""
    types = {one.code: one for one in context.desk.catalogue.list()}
    today = day_of(context.desk.clock())
    longest = max((days for one in types.values() for days in one.notices.days_before), default=0)
    last = (today + timedelta(days=longest)).isoformat()
    near = _ROWS.where(LicenceVersion.valid_to >= today.isoformat(), LicenceVersion.valid_to <= last)
    near = near.where(Licence.successor == "").order_by(LicenceVersion.valid_to, LicenceVersion.licence_id)
    place, posted = context.position or [today.isoformat(), ""], 0
    while not context.stopped():
        day, licence_id = place
        following = (LicenceVersion.valid_to > day) | (
            (LicenceVersion.valid_to == day) & (LicenceVersion.licence_id > licence_id)
        )
        with context.desk.sessions.begin() as session:
            rows = session.execute(near.where(following)).all()
            if not rows:
                break
            posted += context.desk.notices.post(session, _all(_ends(types, row, today) for row in rows))
            place = [rows[-1].valid_to, rows[-1].licence_id]
            context.save(session, place)
    return {"posted": posted}


def inspections(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``inspection-notices``."""
    now, posted = context.desk.clock(), 0
    today, year = day_of(now), day_of(now).year
    types = [one for one in context.desk.catalogue.list() if one.inspection]
    place = context.position or ["", ""]
    for definition in sorted(types, key=lambda one: one.code):
        rule = definition.inspection
        assert rule is not None
        if definition.code < place[0] or now < opens(rule, year):
            continue
        base = place[1] if definition.code == place[0] else ""
        while not context.stopped():
            waiting = _ROWS.where(Licence.type_code == definition.code, Licence.inspect_year == year)
            waiting = waiting.where((LicenceVersion.valid_to == "") | (LicenceVersion.valid_to >= today.isoformat()))
            with context.desk.sessions.begin() as session:
                rows = session.execute(waiting.where(Licence.base > base).order_by(Licence.base)).all()
                if not rows:
                    break
                found = (_inspection(definition, row, year, today) for row in rows)
                posted += context.desk.notices.post(session, _all(found))
                base = rows[-1].base
                context.save(session, [definition.code, base])
    return {"posted": posted}


def step_reached(days_before: Sequence[int], end: date, today: date, since: date) -> int | None:
    """The latest of the steps before ``end`` that has come; ``None``: none yet, or it lies before ``since``."""
    come = [days for days in days_before if end - timedelta(days=days) <= today]
    step = min(come, default=None)
    return None if step is None or today > end or end - timedelta(days=step) < since else step


def _ends(types: Mapping[str, LicenceTypeDefinition], row: Any, today: date) -> Iterable[Occasion]:
    definition = types.get(row.type_code)
    if definition is None:
        return
    end = date.fromisoformat(row.valid_to)
    step = step_reached(definition.notices.days_before, end, today, date.fromisoformat(row.issued_on))
    if step is not None:
        facts = {**_facts(definition, row), "ends": row.valid_to, "days": str((end - today).days)}
        yield from _both("licence.expiring", f"expiring-{step}", row, facts)


def _inspection(definition: LicenceTypeDefinition, row: Any, year: int, today: date) -> Iterable[Occasion]:
    """When the window opens, and so many days before it closes."""
    assert definition.inspection is not None
    first, last = definition.inspection.window(year)
    if not first <= today <= last:
        return
    step = step_reached(definition.notices.days_before, last, today, first)
    facts = {**_facts(definition, row), "year": str(year), "opens": first.isoformat(), "closes": last.isoformat()}
    name = f"inspection-{year}" if step is None else f"inspection-{year}-{step}"
    yield from _both("inspection.due", name, row, facts)


def _both(kind: str, name: str, row: Any, facts: Mapping[str, str]) -> Iterable[Occasion]:
    """The holder and the issuer."""
    for party_kind, party in ((HOLDER, row.holder_code), (DEPARTMENT, row.department_id)):
        if party:
            yield Occasion(kind, row.licence_id, name, party_kind, party, row.department_id, facts)


def _facts(definition: LicenceTypeDefinition, row: Any) -> dict[str, str]:
    return {
        "licence_id": row.licence_id,
        "number": row.number,
        "type": definition.name,
        "type_en": definition.name_en,
        "issuer": row.issuer,
    }


def _all(found: Iterable[Iterable[Occasion]]) -> list[Occasion]:
    return [one for some in found for one in some]
