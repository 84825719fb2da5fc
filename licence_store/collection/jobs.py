"""归集任务: sources that are run by themselves, or in the background because somebody asked for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import update

from licence_store.collection.collector import Watch
from licence_store.collection.models import CollectionSource
from licence_store.collection.runs import STOPPED, RunView
from licence_store.jobs.context import JobContext
from trust.errors import Malformed, Unavailable
from trust.journal import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEEPS_NAME = 120


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``collect``: ``{"source": …, "file"?: name of what was uploaded, "check"?: true}``."""
    with _brought(context, arguments) as file:
        view = context.desk.collector.run(
            str(arguments["source"]),
            context.actor,
            file=file,
            check=arguments.get("check") is True,
            watch=_watch(context),
        )
    return _outcome(view)


def rerun(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``collect-rerun``: ``{"source": …, "ids"?: […]}``."""
    ids = arguments.get("ids")
    view = context.desk.collector.rerun(str(arguments["source"]), context.actor, ids=ids, watch=_watch(context))
    return _outcome(view)


def due(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``collect-due``: sources whose time has come are run, each once per period."""
    desk, begun = context.desk, []
    now = desk.clock()
    for source_id in desk.sources.due(now):
        source = desk.sources.get(source_id)
        period = source.declaration.period
        if source.next_run is None or period is None or source.closed is not None:
            continue
        following = source.next_run + period * max(1, -(-(now - source.next_run) // period))
        with desk.sessions.begin() as session:
            moved = update(CollectionSource).where(
                CollectionSource.id == source_id, CollectionSource.next_run == source.next_run
            )
            if session.execute(moved.values(next_run=following)).rowcount != 1:  # type: ignore[attr-defined]
                continue
            actor = Actor(source.run_as, source.department_id, None, "job")
            key = f"{source_id}:{source.next_run.isoformat()}"
            desk.jobs.enqueue(session, "collect", {"source": source_id}, actor=actor, key=key)
        begun.append(source_id)
    return {"begun": begun}


def _watch(context: JobContext) -> Watch:
    return Watch(
        told=context.progress,
        stopped=context.stopped,
        beside=context.save,
    )


def _outcome(view: RunView) -> Mapping[str, Any]:
    """What a run came to; raises why it did not come to an end."""
    told = view.stopped_by
    if told is not None:
        family = Unavailable if view.state == STOPPED else Malformed
        raise family(told.code, told.template, remedy=told.remedy_template, **cast("dict[str, Any]", told.params))
    return {"run": view.id, "state": view.state, **view.counts}


@contextmanager
def _brought(context: JobContext, arguments: Mapping[str, Any]) -> Iterator[Path | None]:
    """What was uploaded with the job, as a file under the name it came with."""
    name = arguments.get("file")
    if not name:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="licence-trust-") as folder:
        path = Path(folder) / Path(str(name)).name[-_KEEPS_NAME:]
        with path.open("wb") as file:
            for piece in context.content():
                file.write(piece)
        yield path
