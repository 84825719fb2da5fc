"""定时: a periodic name is taken exactly once per period, whichever of all machines comes first.

After a pause only the present period is made up for, not every one that was missed.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.jobs import kinds
from licence_store.jobs.kinds import period_at
from licence_store.jobs.models import JobSchedule
from trust.journal import SYSTEM

if TYPE_CHECKING:
    from licence_store.desk import Desk


def take_period(session: Session, name: str, every: str, moment: datetime) -> datetime | None:
    """The period that holds ``moment``, if nobody has taken it or a later one; else ``None``.

    Part of the caller's transaction. Raises ``Malformed("job.every")``.
    """
    period = period_at(every, moment)
    dialect = sqlite if session.connection().dialect.name == "sqlite" else postgresql
    entry = dialect.insert(JobSchedule).values(name=name[:100], period=period, taken=moment)
    newer = entry.on_conflict_do_update(
        index_elements=[JobSchedule.name],
        set_={"period": period, "taken": moment},
        where=JobSchedule.period < period,
    ).returning(JobSchedule.name)
    return period if session.execute(newer).first() is not None else None


def tick(desk: Desk, moment: datetime) -> list[str]:
    """Take down the jobs whose period has begun; answers their ids."""
    periodic = [(one, period_at(one.every, moment)) for one in kinds.KINDS.values() if one.every]
    with desk.sessions.read() as session:
        taken = {row.name: row.period for row in session.execute(select(JobSchedule)).scalars()}
    begun = []
    for kind, period in periodic:
        if kind.name in taken and taken[kind.name] >= period:
            continue
        assert kind.every is not None
        with desk.sessions.begin() as session:
            if take_period(session, kind.name, kind.every, moment) is not None:
                begun.append(desk.jobs.enqueue(session, kind.name, {}, actor=SYSTEM, key=period.isoformat()))
    return begun
