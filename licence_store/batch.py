"""批量签发: many records on all cores, in flat memory, that may be stopped anywhere and run again.

Each process opens its own desk and takes chunks; the register sees to it that nothing is issued twice
(``licence_store.issuance``), so a chunk that a dying process had half done is simply done again. Outcomes come in
the order of the input. Processes are spawned, not forked, and end by themselves when their parent is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.files import flush_folder, sweep_unfinished, write_whole
from licence_store.forms import forms_of
from licence_store.further_forms import FurtherForms
from licence_store.intake import Row
from licence_store.issuance import Outcome
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from trust import errors
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Unavailable
from trust.journal import Actor

CHUNK = 32
"""Records reserved, and recorded, in one transaction."""
_AHEAD = 4
"""Chunks per process that may be under way or wait for an earlier one: bounds the memory."""
_LEFT_OVER = timedelta(minutes=1)
"""Reservations older than this are an earlier run's, and are finished first."""
_ATTEMPTS = 3
"""How often a chunk is given to another process after one died over it."""

Progress = Callable[[int, int], None]
"""Called with the records done so far and how many of them failed."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of one record."""

    record: int
    """Its number in the input, from 1."""
    issued: IssuedLicence | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    """Form → where the sealed file was put."""
    error: LicenceTrustError | None = None


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What every process of a batch is told."""

    settings: DeskSettings
    type_name: str
    out_dir: Path | None
    """Where sealed files are put beside the register; ``None``: they stay in it."""
    officer: Actor
    chunk: int = CHUNK
    forms: str = "ofd"
    """``ofd``, ``pdf`` or ``both``."""


def run_batch(
    job: BatchJob, rows: Iterable[Row], *, workers: int = 0, on_progress: Progress | None = None
) -> Iterator[BatchOutcome]:
    """签发 every row; outcomes in the rows' order.

    ``workers`` 0 takes one process per core; few rows are done here without any. Raises what concerns them
    all, before the first outcome: ``NotFound("type.unknown")``, ``Refused("grant.*")``,
    ``Unavailable("batch.out_dir")``, ``keys.*``, ``region.*``, ``database.*``.
    """
    if job.out_dir is not None:
        _demand_folder(job.out_dir)
    desk = open_desk(job.settings)
    try:
        done = issue_chunks(desk, job, _chunks(rows, job.chunk), workers=workers)
        yield from _counted(done, on_progress)
        if job.out_dir is not None:
            flush_folder(job.out_dir)
    finally:
        desk.close()


def issue_chunks(
    desk: Desk, job: BatchJob, chunks: Iterator[list[Row]], *, workers: int = 0
) -> Iterator[list[BatchOutcome]]:
    """签发 chunk by chunk, on ``workers`` processes (0: one per core); outcomes in the chunks' order.

    A chunk is asked for only when a process is free for it. Raises, before the first, as ``run_batch`` does.
    """
    _make_ready(desk, job)
    first = list(islice(chunks, 2))
    count = workers or os.cpu_count() or 1
    alone = count == 1 or len(first) < 2
    work = chain(first, chunks)
    yield from _alone(desk, job, work) if alone else _Crew(job, count).run(work)


def _demand_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_unfinished(folder, _LEFT_OVER.total_seconds())
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise Unavailable("batch.out_dir", "输出文件夹 {folder} 无法使用。", folder=str(folder)) from error
    if not writable:
        raise Unavailable("batch.out_dir", "输出文件夹 {folder} 无法使用。", folder=str(folder))


def _make_ready(desk: Desk, job: BatchJob) -> None:
    """Fail now and once, not with every record; finish what an earlier run left."""
    with desk.sessions.read() as session:
        kind = desk.catalogue.issued_in(session, job.type_name)
        right = desk.catalogue.right(session, kind.definition.code, job.officer.department)
    desk.material(right.seal_id)
    recover(desk.issuer, older_than=_LEFT_OVER, sweep_after=None)


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(islice(iterator, size)):
        yield some


def _counted(done: Iterable[list[BatchOutcome]], on_progress: Progress | None) -> Iterator[BatchOutcome]:
    total = failed = 0
    for outcomes in done:
        total += len(outcomes)
        failed += sum(o.error is not None for o in outcomes)
        yield from outcomes
        if on_progress is not None:
            on_progress(total, failed)


# One chunk


def _alone(desk: Desk, job: BatchJob, chunks: Iterable[list[Row]]) -> Iterator[list[BatchOutcome]]:
    for chunk in chunks:
        yield _do_chunk(desk, job, chunk)


def _do_chunk(desk: Desk, job: BatchJob, rows: Sequence[Row]) -> list[BatchOutcome]:
    sound = [row for row in rows if not isinstance(row.content, LicenceTrustError)]
    answers = dict(zip((row.number for row in sound), _issue(desk, job, sound), strict=True))
    files = _in_all_forms(desk, job, [a for a in answers.values() if isinstance(a, IssuedLicence)])
    return [_outcome(desk, job, row, answers.get(row.number), files) for row in rows]


Files = Mapping[str, Mapping[str, str] | LicenceTrustError]
"""Licence id → form → digest, or why a form could not be made."""


def _in_all_forms(desk: Desk, job: BatchJob, issued: Sequence[IssuedLicence]) -> Files:
    """What was issued before in other forms gets those it lacks."""
    wanted, ids = forms_of(job.forms), [one.licence_id for one in issued]
    further = FurtherForms(desk.issuer)
    return further.ensure_all(ids, wanted, job.officer) if ids else {}


def _issue(desk: Desk, job: BatchJob, rows: Sequence[Row], attempts: int = 2) -> Sequence[Outcome]:
    """Issue a chunk; what fails as a whole (a database away for a moment, a deadlock) is tried once more."""
    records: list[Mapping[str, object]] = [r.content for r in rows if not isinstance(r.content, LicenceTrustError)]
    try:
        extras = [replace(r.extras, forms=job.forms) for r in rows]
        return desk.issuer.issue_many(job.type_name, records, job.officer, extras) if records else []
    except LicenceTrustError as error:
        if attempts > 1 and isinstance(error, Unavailable):
            return _issue(desk, job, rows, attempts - 1)
        return [error] * len(records)


def _outcome(desk: Desk, job: BatchJob, row: Row, answer: Outcome | None, files: Files) -> BatchOutcome:
    if answer is None:
        assert isinstance(row.content, LicenceTrustError)
        return BatchOutcome(row.number, error=row.content)
    if isinstance(answer, LicenceTrustError):
        return BatchOutcome(row.number, error=answer)
    made = files[answer.licence_id]
    if isinstance(made, LicenceTrustError):
        return BatchOutcome(row.number, answer, error=made)
    try:
        placed = {}
        if job.out_dir is not None:
            for form in forms_of(job.forms):
                placed[form] = _put_out(desk, job.out_dir, f"{answer.licence_id}.{form}", made[form])
        return BatchOutcome(row.number, answer, placed)
    except LicenceTrustError as error:
        return BatchOutcome(row.number, error=error)


def _put_out(desk: Desk, folder: Path, name: str, digest: str) -> Path:
    """The sealed file under ``name``, whole; one that is there already and right is left alone."""
    place = folder / name
    try:
        if not (place.is_file() and sm3(place.read_bytes()).hex() == digest):
            write_whole(place, desk.files.get(digest), mode=0o644, sync=False)
    except OSError as error:
        raise Unavailable(
            "batch.out_file",
            "证照已签发，但文件 {name} 无法写出（{reason}）。",
            name=place.name,
            reason=error.strerror or "",
        ) from error
    return place


# Processes


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    task: int | None = None


@dataclass(slots=True)
class _Crew:
    """Processes, each with a pipe of its own: when either end dies, the other notices at once."""

    job: BatchJob
    count: int
    workers: list[_Worker] = field(default_factory=list)
    finished: dict[int, list[BatchOutcome]] = field(default_factory=dict)
    pending: dict[int, list[Row]] = field(default_factory=dict)
    again: deque[int] = field(default_factory=deque)
    attempts: dict[int, int] = field(default_factory=dict)

    def run(self, chunks: Iterator[list[Row]]) -> Iterator[list[BatchOutcome]]:
        """Every chunk's outcomes, in order."""
        numbered, emitted, more = enumerate(chunks), 0, True
        try:
            self.workers = [self._hire() for _ in range(self.count)]
            while more or self.pending or self.finished:
                more = self._hand_out(numbered) and more
                self._collect()
                while emitted in self.finished:
                    yield self.finished.pop(emitted)
                    emitted += 1
        finally:
            self._dismiss()

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self.job, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self, numbered: Iterator[tuple[int, list[Row]]]) -> bool:
        """Give each idle process a chunk, as far as memory allows; false when the input is at its end."""
        for worker in self.workers:
            if worker.task is not None:
                continue
            task = self.again.popleft() if self.again else None
            if task is None:
                if len(self.pending) + len(self.finished) >= _AHEAD * self.count:
                    return True
                found = next(numbered, None)
                if found is None:
                    return False
                task, self.pending[found[0]] = found
            self._give(worker, task)
        return True

    def _give(self, worker: _Worker, task: int) -> None:
        worker.task = task
        with suppress(OSError):  # it died just now: noticed when its pipe is read
            worker.pipe.send([(r.number, _packed(r.content), r.extras) for r in self.pending[task]])

    def _collect(self) -> None:
        """Wait for one process or more to answer, or to die."""
        busy = {w.pipe: w for w in self.workers if w.task is not None}
        for pipe in wait(list(busy)) if busy else []:
            worker = busy[pipe]  # type: ignore[index]
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            task, worker.task = worker.task, None
            assert task is not None
            del self.pending[task]
            self.finished[task] = [_unpacked_outcome(one) for one in answer]

    def _replace(self, worker: _Worker) -> None:
        """A process died: its chunk goes to another, unless it has cost several already."""
        task, worker.task = worker.task, None
        assert task is not None
        worker.pipe.close()
        worker.process.join()
        self.attempts[task] = self.attempts.get(task, 0) + 1
        if self.attempts[task] < _ATTEMPTS:
            self.again.append(task)
        else:
            lost = Unavailable("batch.worker_lost", "签发进程多次异常结束，该记录未签发，请重新执行。")
            self.finished[task] = [BatchOutcome(row.number, error=lost) for row in self.pending.pop(task)]
        self.workers[self.workers.index(worker)] = self._hire()

    def _dismiss(self) -> None:
        for worker in self.workers:
            worker.pipe.close()
        for worker in self.workers:
            worker.process.join(30)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _work(job: BatchJob, pipe: Connection) -> None:
    """A process of the crew: chunks come in, outcomes go out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    desk = open_desk(job.settings)
    try:
        while True:
            rows = [Row(number, _unpacked(content), extras) for number, content, extras in pipe.recv()]
            pipe.send([_packed_outcome(o) for o in _do_chunk(desk, job, rows)])
    except (EOFError, OSError):
        return
    finally:
        desk.close()


# Errors cross from process to process as their parts: an exception's own pickle would lose them.


def _packed(content: Any) -> Any:
    if not isinstance(content, LicenceTrustError):
        return content
    family = next(kind.__name__ for kind in type(content).__mro__ if kind.__module__ == errors.__name__)
    params = {name: str(value) for name, value in content.params.items()}
    return (family, content.code, content.template, content.remedy_template, params)


def _unpacked(content: Any) -> Any:
    if not isinstance(content, tuple):
        return content
    family, code, template, remedy, params = content
    kind = getattr(errors, family)
    error: LicenceTrustError = kind.__new__(kind)
    LicenceTrustError.__init__(error, code, template, remedy=remedy, **params)
    return error


def _packed_outcome(outcome: BatchOutcome) -> tuple[int, Any, Any, Any]:
    return outcome.record, outcome.issued, dict(outcome.files), _packed(outcome.error)


def _unpacked_outcome(parts: tuple[int, Any, Any, Any]) -> BatchOutcome:
    record, issued, files, error = parts
    return BatchOutcome(record, issued, files, _unpacked(error))
