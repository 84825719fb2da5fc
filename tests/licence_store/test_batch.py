"""Batches: in order, on several processes, once, whatever dies on the way."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from licence_store import batch
from licence_store.batch import BatchJob, BatchOutcome, run_batch
from licence_store.desk import DeskSettings, open_desk
from licence_store.intake import Row
from licence_store.journal import check_journal
from licence_store.models import Licence
from tests.licence_store.conftest import OFFICER
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.journal import Actor

TEACHER = "teacher-certificate"


@pytest.fixture
def job(settings: DeskSettings, tmp_path: Path) -> BatchJob:
    return BatchJob(settings, TEACHER, tmp_path / "out", OFFICER, chunk=8)


def rows(settings: DeskSettings, count: int) -> list[Row]:
    desk = open_desk(settings)
    records = list(desk.catalogue.get(TEACHER).example_records(count))
    desk.close()
    return [Row(n, record) for n, record in enumerate(records, 1)]


def ids(outcomes: list[BatchOutcome]) -> list[str]:
    assert all(o.issued for o in outcomes)
    return [o.issued.licence_id for o in outcomes if o.issued]


def check_whole(settings: DeskSettings, outcomes: list[BatchOutcome], count: int) -> None:
    """As many licences as were issued, each with the file that was put out."""
    desk = open_desk(settings)
    with desk.sessions.read() as session:
        assert session.query(Licence).count() == count
        assert check_journal(session).intact
    for outcome in outcomes:
        if outcome.issued:
            assert sm3(outcome.files["ofd"].read_bytes()).hex() == outcome.issued.file_digest
            assert desk.files.path(outcome.issued.file_digest).exists()
    desk.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_in_order_and_once(job: BatchJob, workers: int) -> None:
    some = rows(job.settings, 60)
    some[10] = Row(11, {"name": "不完整"})
    some[20] = Row(21, Malformed("intake.json", "坏行 {n}", n="21"))
    progress: list[tuple[int, int]] = []
    outcomes = list(run_batch(job, some, workers=workers, on_progress=lambda *p: progress.append(p)))
    assert [o.record for o in outcomes] == list(range(1, 61))
    assert {o.record: o.error.code for o in outcomes if o.error} == {11: "record.missing_field", 21: "intake.json"}
    assert [type(o.error) for o in outcomes if o.error] == [Malformed, Malformed]
    assert progress[-1] == (60, 2)
    assert progress == sorted(progress)
    check_whole(job.settings, outcomes, 58)
    again = list(run_batch(job, some, workers=workers))
    assert [o.issued and o.issued.licence_id for o in again] == [o.issued and o.issued.licence_id for o in outcomes]
    assert not any(o.issued.created for o in again if o.issued)
    assert {p.name for p in job.out_dir.iterdir()} == {f"{i}.ofd" for i in ids([o for o in outcomes if o.issued])}
    check_whole(job.settings, again, 58)


def test_same_record_in_many_chunks(job: BatchJob) -> None:
    [row] = rows(job.settings, 1)
    outcomes = list(run_batch(job, [Row(n, row.content) for n in range(1, 41)], workers=2))
    assert len(set(ids(outcomes))) == 1
    check_whole(job.settings, outcomes, 1)


def test_lost_or_damaged_copies_are_put_out_again(job: BatchJob) -> None:
    some = rows(job.settings, 5)
    outcomes = list(run_batch(job, some))
    files = [o.files["ofd"] for o in outcomes if o.files]
    files[0].unlink()
    files[1].write_bytes(b"half")
    check_whole(job.settings, list(run_batch(job, some)), 5)


@pytest.mark.parametrize(
    ("changes", "family"),
    [
        ({"type_name": "none"}, NotFound),
        ({"officer": Actor("li", "market")}, Refused),
        ({"out_dir": Path("/dev/null/x")}, Unavailable),
    ],
)
def test_what_concerns_all_is_said_at_once(job: BatchJob, changes: dict[str, object], family: type) -> None:
    with pytest.raises(family):
        list(run_batch(dataclasses.replace(job, **changes), rows(job.settings, 1)))  # type: ignore[arg-type]


def test_dead_process_costs_nothing(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    crews: list[batch._Crew] = []
    hire = batch._Crew._hire
    monkeypatch.setattr(batch._Crew, "_hire", lambda self: (crews.append(self), hire(self))[1])
    some = rows(job.settings, 80)
    outcomes = []
    for outcome in run_batch(job, some, workers=2):
        outcomes.append(outcome)
        if outcome.record in (1, 30):
            victim = crews[0].workers[0].process.pid
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
    assert len(set(ids(outcomes))) == 80
    check_whole(job.settings, outcomes, 80)


def test_chunk_that_kills_every_process_is_given_up(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_work", _die)
    monkeypatch.setattr(batch, "_ATTEMPTS", 2)
    outcomes = list(run_batch(job, rows(job.settings, 10), workers=2))
    assert [o.error.code for o in outcomes if o.error] == ["batch.worker_lost"] * 10


def _die(_job: BatchJob, _pipe: object) -> None:
    os._exit(1)


def test_stopping_early_ends_the_processes(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    crews: list[batch._Crew] = []
    hire = batch._Crew._hire
    monkeypatch.setattr(batch._Crew, "_hire", lambda self: (crews.append(self), hire(self))[1])
    outcomes = run_batch(job, rows(job.settings, 40), workers=2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert not any(w.process.is_alive() for w in crews[0].workers)
    assert len(list(run_batch(job, rows(job.settings, 40), workers=1))) == 40


def test_input_is_not_read_far_ahead(job: BatchJob) -> None:
    read = 0

    def source() -> Iterator[Row]:
        nonlocal read
        for read, row in enumerate(some, 1):  # noqa: B007
            yield row

    some = rows(job.settings, 200)
    outcomes = run_batch(job, source(), workers=2)
    next(outcomes)
    assert read <= (4 * 2 + 3) * job.chunk
    outcomes.close()  # type: ignore[attr-defined]


def test_errors_cross_between_processes_whole() -> None:
    for error in (
        Malformed("a.b", "{x} 坏", remedy="改 {x}", x="1"),
        Unavailable("c.d", "不在"),
    ):
        back: LicenceTrustError = batch._unpacked(batch._packed(error))
        assert (type(back), back.code, back.message, back.localised(str)) == (
            type(error), error.code, error.message, error.localised(str),
        )  # fmt: skip
