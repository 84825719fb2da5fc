"""批量签发 as a job: the records of an uploaded file, a chunk at a time, each with its line of result.

A chunk's results and the place to go on from are written in one transaction; a chunk that was done and not written
down is done again, which issues nothing twice (``licence_store.issuance``) and gives the same results.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from licence_store.batch import CHUNK
from licence_store.intake import SUFFIXES, Row, read_records
from licence_store.issuance import Outcome, SelfCheckFailed
from licence_store.jobs.context import JobContext
from licence_store.jobs.kinds import kind_of
from licence_store.jobs.models import JobResult
from licence_store.jobs.queue import Jobs
from licence_store.jobs.running import written_error
from licence_store.journal import append
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, Unavailable
from trust.journal import Actor, Entry

KIND = "issue-file"


@dataclass(slots=True)
class _Count:
    rows: int = 0
    issued: int = 0
    """Of them, those that are a licence now, whether they were before or not."""
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        self.rows += 1
        if isinstance(outcome, LicenceTrustError):
            self.failed += 1
        else:
            self.issued += 1


def ask(
    jobs: Jobs, session: Session, type_code: str, suffix: str, content: bytes, *, actor: Actor, key: str = ""
) -> str:
    """Take down that the records of ``content`` be issued; answers the job's id.

    Raises ``Malformed("intake.*")`` for a file that no record can be read from.
    """
    with _file(suffix, [content]) as path:
        first = next(read_records(path), None)
    if first is None:
        raise Malformed("intake.empty", "文件中没有记录。")
    arguments = {"type": type_code, "suffix": suffix}
    job_id = jobs.enqueue(session, KIND, arguments, actor=actor, key=key, content=content)
    details = {"type": type_code, "sm3": sm3(content).hex()}
    append(session, [Entry(jobs.clock(), actor, "licence.issue_file", job_id, details=details)])
    return job_id


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``issue-file``."""
    count = _Count(**(context.position or {}))
    with _file(arguments["suffix"], context.content()) as path:
        total = sum(1 for _ in read_records(path))
        rows = islice(read_records(path), count.rows, None)
        while not context.stopped() and (chunk := list(islice(rows, CHUNK))):
            outcomes = _issue(context, arguments["type"], chunk)
            for outcome in outcomes:
                count.add(outcome)
            context.progress(count.rows, total, count.failed)
            with context.desk.sessions.begin() as session:
                context.save(session, {name: getattr(count, name) for name in _Count.__slots__})
                session.execute(
                    insert(JobResult), [_line(context.job_id, *pair) for pair in zip(chunk, outcomes, strict=True)]
                )
    return {"records": count.rows, "issued": count.issued, "failed": count.failed}


def _issue(context: JobContext, type_code: str, chunk: Sequence[Row]) -> list[Outcome]:
    """Raises ``Unavailable`` where something is away: the chunk is done again later, as often as the kind allows."""
    sound = [row for row in chunk if not isinstance(row.content, LicenceTrustError)]
    records = [row.content for row in sound if not isinstance(row.content, LicenceTrustError)]
    extras = [row.extras for row in sound]
    made = context.desk.issuer.issue_many(type_code, records, context.actor, extras) if records else []
    last = context.attempt >= kind_of(KIND).attempts
    for outcome in made:
        hopeless = isinstance(outcome, SelfCheckFailed) and outcome.hopeless
        if isinstance(outcome, Unavailable) and not hopeless and not last:
            raise outcome
    answers = dict(zip((row.number for row in sound), made, strict=True))
    return [row.content if isinstance(row.content, LicenceTrustError) else answers[row.number] for row in chunk]


def _line(job_id: str, row: Row, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, LicenceTrustError):
        return {"job_id": job_id, "number": row.number, "failed": True, "content": written_error(outcome)}
    made = {
        "licence_id": outcome.licence_id,
        "licence_number": outcome.licence_number,
        "version": outcome.version,
        "file_digest": outcome.file_digest,
    }
    return {"job_id": job_id, "number": row.number, "failed": False, "content": json.dumps(made, ensure_ascii=False)}


@contextmanager
def _file(suffix: str, pieces: Iterable[bytes]) -> Iterator[Path]:
    """The input as a file that ``intake`` can read, for as long as the block lasts."""
    if suffix.lower() not in SUFFIXES:
        words = {"expected": "、".join(SUFFIXES), "name": suffix[:20]}
        raise Malformed("intake.suffix", "输入文件应为 {expected} 之一，实为“{name}”。", **words)
    with tempfile.TemporaryDirectory(prefix="licence-trust-job-") as folder:
        path = Path(folder) / f"input{suffix.lower()}"
        with path.open("wb") as file:
            file.writelines(pieces)
        yield path
