"""Every planted fault is found, and nothing else: precision and recall 1.0, on both engines."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from licence_store.collection.models import QuarantineFinding, QuarantineRow
from licence_store.desk import Desk, open_desk
from tests.licence_store.collection import planted
from trust.journal import Actor

CONSOLE = Actor("console", None, None, "cli")


def prepared(desk: Desk, folder: Path, count: int) -> tuple[planted.Planted, Path]:
    desk.catalogue.import_definition(planted.definition(), CONSOLE)
    path = folder / "dirty.jsonl"
    made = planted.plant(path, count)
    planted.build_bodies(folder / "bodies.sqlite3", made)
    planted.declare(desk.sources, CONSOLE, folder, "market")
    believed = folder / "believed.jsonl"
    believed.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made.others), encoding="utf-8")
    view = desk.collector.run("believed", CONSOLE, file=believed, check=True)
    assert view.counts["held"] == 0
    return made, path


def found(desk: Desk) -> set[tuple[int, str]]:
    query = (
        select(QuarantineRow.row, QuarantineFinding.rule)
        .join(QuarantineFinding, QuarantineFinding.quarantine_id == QuarantineRow.id)
        .where(QuarantineRow.source_id == "dirty")
    )
    with desk.sessions.read() as session:
        return {(row, rule) for row, rule in session.execute(query)}


def test_planted_faults_are_found_exactly(desk: Desk, tmp_path: Path) -> None:
    made, path = prepared(desk, tmp_path, 2000)
    view = desk.collector.run("dirty", CONSOLE, file=path, check=True)
    assert (view.state, view.counts["seen"]) == ("done", 2000)
    assert found(desk) == made.expected
    assert view.counts["held"] == len({row for row, _ in made.expected})
    [report] = [one for one in desk.quality.report() if one.source_id == "dirty"]
    by_rule = {rule: sum(one.rows for one in report.rules if one.rule == rule) for _, rule in made.expected}
    assert by_rule == {name: sum(rule == name for _, rule in made.expected) for name in by_rule}


@pytest.mark.long
def test_a_hundred_thousand_dirty_rows(region_folder: Path, tmp_path: Path) -> None:
    """Cleansing of all of them, in flat memory; sealing of a part (all would take hours on two cores)."""
    from licence_store.desk import DeskSettings

    desk = open_desk(DeskSettings(region_folder, durable=False))
    made, path = prepared(desk, tmp_path, 100_000)
    before, begun = _memory(), time.monotonic()
    view = desk.collector.run("dirty", CONSOLE, file=path, check=True)
    print(f"\n100,000 rows cleansed in {time.monotonic() - begun:.0f} s; memory grew by {_memory() - before} MB")
    assert (view.state, view.counts["seen"]) == ("done", 100_000)
    assert found(desk) == made.expected
    assert _memory() - before < 200
    part = tmp_path / "part.jsonl"
    with path.open(encoding="utf-8") as file:
        part.write_text("".join(line for line, _ in zip(file, range(3000), strict=False)), encoding="utf-8")
    begun = time.monotonic()
    sealed = desk.collector.run("dirty", CONSOLE, file=part)
    print(f"3,000 rows cleansed again and sealed in {time.monotonic() - begun:.0f} s: {dict(sealed.counts)}")
    held = len({row for row, _ in made.expected if row <= 3000})
    assert (sealed.counts["seen"], sealed.counts["held"], sealed.counts["issued"]) == (3000, held, 3000 - held)
    desk.close()


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
