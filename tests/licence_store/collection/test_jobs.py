"""Sources run by the schedule and in the background: each once per period, with the file that was brought."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from licence_store.collection.models import CollectionSource
from licence_store.collection.opening import Opener
from licence_store.desk import Desk
from licence_store.jobs.queue import JobView
from licence_store.jobs.runner import JobRunner
from tests.licence_store.collection.planted import shipped
from trust.errors import NotFound
from trust.journal import Actor

CONSOLE = Actor("console", None, None, "cli")
OFFICER = Actor("console", "market", None, "cli")


def declare(desk: Desk, source: str, **more: Any) -> None:
    plain = {"id": source, "title": source, "type": "business-licence", "department": "market", "key": ["credit_code"]}
    desk.sources.declare({**plain, **more}, CONSOLE, trusted=True)


def deliver(path: Path, count: int) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in shipped().example_records(count, 83)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def ended(desk: Desk, found: Callable[[], JobView]) -> JobView:
    with JobRunner(desk):
        while not found().over:
            threading.Event().wait(0.05)
    return found()


def ask(desk: Desk, kind: str, arguments: dict[str, Any], content: bytes = b"") -> str:
    with desk.sessions.begin() as session:
        return desk.jobs.enqueue(session, kind, arguments, actor=OFFICER, content=content)


def test_due_sources_are_run_once_a_period(desk: Desk, tmp_path: Path) -> None:
    path = deliver(tmp_path / "in.jsonl", 3)
    declare(desk, "daily", connector={"kind": "file", "path": str(path)}, schedule="every 1d")
    declare(desk, "never", connector={"kind": "file", "path": str(path)})
    for expected in (["daily"], []):
        due = ask(desk, "collect-due", {})
        job = ended(desk, lambda due=due: desk.jobs.get(due))  # type: ignore[misc]
        assert job.outcome == {"begun": expected}
    [collect] = desk.jobs.list(kind="collect")
    job = ended(desk, lambda: desk.jobs.get(collect.id))
    assert (job.state, job.outcome["issued"], job.actor.department) == ("done", 3, "market")
    following = desk.sources.get("daily").next_run
    assert following is not None
    assert timedelta(hours=23) < following - desk.clock() <= timedelta(days=1)
    desk.sources.close("daily", CONSOLE, "停用")
    assert desk.sources.get("daily").next_run is None


def test_a_machine_that_slept_makes_up_for_it_once(desk: Desk, tmp_path: Path) -> None:
    path = deliver(tmp_path / "in.jsonl", 1)
    declare(desk, "hourly", connector={"kind": "file", "path": str(path)}, schedule="every 1h")
    with desk.sessions.begin() as session:
        long_ago = desk.clock() - timedelta(hours=50, minutes=10)
        session.execute(update(CollectionSource).values(next_run=long_ago))
    due = ask(desk, "collect-due", {})
    assert ended(desk, lambda: desk.jobs.get(due)).outcome == {"begun": ["hourly"]}
    assert desk.sources.due(desk.clock()) == ()
    assert len(desk.jobs.list(kind="collect")) == 1


def test_a_file_that_was_brought_and_one_that_cannot_be_read(desk: Desk, tmp_path: Path) -> None:
    declare(desk, "brought")
    content = deliver(tmp_path / "in.jsonl", 2).read_bytes()
    good = ask(desk, "collect", {"source": "brought", "file": "../../数据.jsonl"}, content)
    assert ended(desk, lambda: desk.jobs.get(good)).outcome["issued"] == 2
    bad = ask(desk, "collect", {"source": "brought", "file": "x.xlsx"}, b"PK no workbook")
    job = ended(desk, lambda: desk.jobs.get(bad))
    assert (job.state, job.error.code) == ("failed", "delivery.workbook")  # type: ignore[union-attr]
    assert desk.sources.runs("brought")[0].state == "failed"


def test_a_connection_is_for_those_it_names(desk: Desk) -> None:
    directory = desk.region.directory
    connections = {"ours": {"url": "sqlite:///x", "departments": ["market"]},
                   "theirs": {"url": "sqlite:///x", "departments": ["health"]}}  # fmt: skip
    (directory / "connections.json").write_text(json.dumps(connections), encoding="utf-8")
    for name, allowed in (("ours", True), ("theirs", False), ("nobodys", False)):
        declare(desk, f"by-{name}", connector={"kind": "table", "connection": name, "table": "t", "key": "id"})
        source = desk.sources.get(f"by-{name}").declaration
        if allowed:
            assert Opener(directory).delivery(source, "")
        else:
            with pytest.raises(NotFound) as caught:
                Opener(directory).delivery(source, "")
            assert caught.value.code == "source.connection"
