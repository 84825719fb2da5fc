"""Kinds of work for tests: small handlers, hung into ``KINDS`` by the fixture ``kinds``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from licence_store.jobs.context import JobContext
from licence_store.jobs.kinds import JobKind
from trust.errors import Refused, Unavailable
from trust.journal import SYSTEM

EFFECT = "test.effect"
KINDS = {
    name: JobKind(name, "试验", f"{__name__}:{name}", long=name == "slowly", attempts=3)
    for name in ("add", "slowly", "away", "refused", "broken", "interrupted")
}


def add(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """One effect per number, in the journal."""
    with context.desk.sessions.begin() as session:
        if context.once(session, "effect"):
            context.desk.journal.record(session, actor=SYSTEM, action=EFFECT, subject=str(arguments["number"]))
    return {"number": arguments["number"]}


def slowly(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """One effect per step, going on where it stopped."""
    steps = int(arguments["steps"])
    for step in range(context.position or 0, steps):
        if context.stopped():
            return {}
        with context.desk.sessions.begin() as session:
            context.save(session, step + 1)
            context.desk.journal.record(session, actor=SYSTEM, action=EFFECT, subject=f"{arguments['number']}-{step}")
        context.progress(step + 1, steps)
        time.sleep(float(arguments.get("pause", 0)))
    return {"steps": steps}


def away(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    raise Unavailable("test.away", "设备“{name}”不在。", name="x")


def refused(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    raise Refused("test.refused", "不可以。")


def broken(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ZeroDivisionError


def interrupted(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Makes its effect and is told to stop before it can say so."""
    with context.desk.sessions.begin() as session:
        if context.once(session, "effect"):
            context.desk.journal.record(session, actor=SYSTEM, action=EFFECT, subject="interrupted")
            context.ask_to_stop()
    context.stopped()
    return {"attempt": context.attempt}
