"""证照的状态怎样得出: how a licence stands follows from what was decided (its events) and from what time brings.

Marks lie one over the other, the weightiest on top: ended for good, expired, lost, suspended, inspection overdue. A
licence that is found again is suspended again if it was suspended. What time brings (the end of validity, an overdue
inspection) holds from its very moment, whether or not a sweep has written its event yet; the sweep's events change
nothing in the answer. So the state at any moment, as of any moment, is one replay of the events known then.

The ``licence`` row carries the answer's timeless part, so that a search needs no replay: ``effective_state``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Protocol

from sqlalchemy import Case, and_, case, literal

from licence_store.lifecycle import LASTING, LicenceState
from licence_store.models import Licence

BEIJING = timezone(timedelta(hours=8))
_S = LicenceState
_INSTANT = timedelta(microseconds=1)
"""The shortest time two moments of the register are apart."""


class Happening(Protocol):
    """What a replay needs of an event: rows of ``licence_event`` have it."""

    @property
    def version(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def effective(self) -> datetime: ...
    @property
    def due_year(self) -> int | None: ...
    @property
    def due(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Marks:
    """What the events so far have decided."""

    ended: LicenceState | None = None
    lost: bool = False
    suspended: bool = False
    due_year: int | None = None
    due: datetime | None = None

    def after(self, event: Happening) -> Marks:
        """These marks, and what ``event`` decides."""
        match event.kind:
            case "revoke" | "annul" | "cancel" | "transfer_out" | "renew":
                state = LicenceState(event.state)
                return replace(self, ended=state) if state in LASTING and self.ended is None else self
            case "suspend" | "resume":
                return replace(self, suspended=event.kind == "suspend")
            case "report_lost" | "found" | "reissue":
                return replace(self, lost=event.kind == "report_lost")
            case "issue" | "inspect":
                return replace(self, due_year=event.due_year, due=event.due)
            case _:
                return self

    @property
    def decided(self) -> LicenceState:
        """The state without what time brings: what stands in ``licence.state``."""
        if self.ended is not None:
            return self.ended
        return _S.LOST if self.lost else _S.SUSPENDED if self.suspended else _S.CURRENT

    def at(self, moment: datetime, end: datetime | None) -> LicenceState:
        """The state at ``moment``."""
        if self.ended is not None:
            return self.ended
        if end is not None and moment >= end:
            return _S.EXPIRED
        if self.decided is _S.CURRENT and self.due is not None and moment >= self.due:
            return _S.INSPECTION_OVERDUE
        return self.decided

    def without(self, step: str) -> Marks:
        """What lies beneath the mark that ``step`` takes away."""
        if step == "resume":
            return replace(self, suspended=False)
        return replace(self, lost=False) if step in ("found", "reissue") else self

    def is_sound(self, moment: datetime) -> bool:
        """Would it be CURRENT at ``moment`` but for its end?"""
        return self.at(moment, None) is _S.CURRENT


@dataclass(frozen=True, slots=True)
class Standing:
    """证照的状态 and since when."""

    state: LicenceState
    since: datetime
    marks: Marks


def replay(events: Iterable[Happening], end: datetime | None, moment: datetime) -> Standing:
    """The state at ``moment`` by ``events`` (in order of effect, the issue first) and the end of validity."""
    marks, shown = Marks(), (_S.NONE, datetime.min.replace(tzinfo=UTC))

    def look(at: datetime) -> None:
        nonlocal shown
        state = marks.at(at, end)
        if state is not shown[0]:
            shown = state, at

    def pass_time(stop: datetime) -> None:
        """What time brings between the last event and ``stop``."""
        for change in sorted(c for c in (end, marks.due) if c is not None):
            if before is not None and before < change < stop:
                look(change)

    before: datetime | None = None
    for event in events:
        if event.effective > moment and before is not None:
            break
        pass_time(event.effective)
        marks, before = marks.after(event), event.effective
        look(before)
    pass_time(moment + _INSTANT)
    return Standing(shown[0], shown[1], marks)


def marks_of(events: Iterable[Happening]) -> Marks:
    """What all of these have decided."""
    marks = Marks()
    for event in events:
        marks = marks.after(event)
    return marks


def state_at(version: int, valid_to: str, events: Sequence[Happening], moment: datetime) -> tuple[str, datetime]:
    """State of ``version`` at ``moment`` and since when; ``events`` of the licence in order."""
    newer = next((e for e in events if e.version > version and e.effective <= moment), None)
    if newer is not None:
        return _S.SUPERSEDED, newer.effective
    standing = replay(events, end_of(valid_to), moment)
    return standing.state, standing.since


def version_at(events: Iterable[Happening], moment: datetime) -> int:
    """Which version was the newest at ``moment``; 0: none had been issued."""
    return max((event.version for event in events if event.effective <= moment), default=0)


def end_of(valid_to: str) -> datetime | None:
    """The first moment after the last valid day (Beijing); ``None`` for long-term."""
    return beginning_of(date.fromisoformat(valid_to)) + timedelta(days=1) if valid_to else None


def beginning_of(day: date) -> datetime:
    """The first moment of a day, Beijing time."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The day of a moment, Beijing time."""
    return moment.astimezone(BEIJING).date()


# ---------------------------------------------------------------- the projection


def projection(events: Sequence[Happening], valid_to: str) -> dict[str, Any]:
    """How the licence stands, as its row says it: from all its events, and the newest version's last valid day."""
    marks = marks_of(events)
    decided = marks.decided
    return {
        "state": str(decided),
        "since": _since(events, decided),
        "ends": valid_to,
        "inspect_year": None if decided in LASTING else marks.due_year,
        "inspect_by": None if decided in LASTING else marks.due,
        "next_change": _next_change(events, marks, end_of(valid_to)),
    }


def _since(events: Sequence[Happening], decided: LicenceState) -> datetime:
    """When the decided state began, whatever time brought in between."""
    marks, since, before = Marks(), events[0].effective, None
    for event in events:
        marks = marks.after(event)
        if marks.decided is not before:
            before, since = marks.decided, event.effective
    return since


def _next_change(events: Sequence[Happening], marks: Marks, end: datetime | None) -> datetime | None:
    """What time will bring, or has brought, and no event says yet."""
    written = {(event.kind, event.effective) for event in events if event.kind in ("expire", "overdue")}
    if marks.ended is not None or (end is not None and ("expire", end) in written):
        return None
    due = None if marks.due is None or ("overdue", marks.due) in written else marks.due
    coming = [moment for moment in (due, end) if moment is not None]
    return min(coming, default=None)


def first_projection(sealed: datetime, valid_to: str, due_year: int | None, due: datetime | None) -> dict[str, Any]:
    """The same of a licence just issued: there is nothing to replay."""
    end = end_of(valid_to)
    coming = [moment for moment in (due, end) if moment is not None]
    return {
        "state": "CURRENT",
        "since": sealed,
        "ends": valid_to,
        "inspect_year": due_year,
        "inspect_by": due,
        "next_change": min(coming, default=None),
    }


def effective_state(moment: datetime) -> Case[str]:
    """The state of each ``licence`` row at ``moment``, for filters and lists: what ``replay`` would say.

    Only for moments from the licence's last event on: the past is replayed.
    """
    today = day_of(moment).isoformat()
    return case(
        (Licence.state.in_([str(state) for state in LASTING]), Licence.state),
        (and_(Licence.ends != "", Licence.ends < today), literal(str(_S.EXPIRED))),
        (and_(Licence.state == str(_S.CURRENT), Licence.inspect_by <= moment), literal(str(_S.INSPECTION_OVERDUE))),
        else_=Licence.state,
    )
