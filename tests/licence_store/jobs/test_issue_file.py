"""批量签发 as a job: each record once, whatever is killed in between; on both engines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from licence_store.desk import Desk
from licence_store.jobs import issue_file, running
from licence_store.jobs.context import JobContext
from licence_store.models import Licence
from tests.licence_store.jobs.conftest import HandClock
from trust.errors import Malformed, Unavailable
from trust.journal import Actor

TEACHER = "teacher-certificate"


@pytest.fixture
def officer(still_desk: Desk) -> Actor:
    definition = still_desk.catalogue.get(TEACHER)
    with still_desk.sessions.read() as session:
        [right] = still_desk.catalogue.rights(session, definition.code)
    return Actor("o", right.department_id, None, "http")


def lines(desk: Desk, count: int) -> list[dict[str, Any]]:
    return [dict(one) for one in desk.catalogue.get(TEACHER).example_records(count)]


def as_file(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in records)


def ask(desk: Desk, officer: Actor, content: bytes, suffix: str = ".jsonl", key: str = "") -> str:
    code = desk.catalogue.get(TEACHER).code
    with desk.sessions.begin() as session:
        return issue_file.ask(desk.jobs, session, code, suffix, content, actor=officer, key=key)


def licences(desk: Desk) -> int:
    with desk.sessions.read() as session:
        return session.execute(select(func.count()).select_from(Licence)).scalar_one()


def test_good_bad_and_repeated_records(still_desk: Desk, officer: Actor) -> None:
    good = lines(still_desk, 3)
    bad = {**good[0], "citizen_number": "110101199003070011"}
    content = as_file([*good[:2], bad]) + b"{nonsense\n" + as_file([good[2], good[0]])
    job_id = ask(still_desk, officer, content)
    assert running.run_due(still_desk) == 1
    found = still_desk.jobs.get(job_id)
    assert found.state == "done", found.error
    assert found.outcome == {"records": 6, "issued": 4, "failed": 2}
    assert (found.done, found.total, found.failed, found.percent) == (6, 6, 2, 100)
    results = list(still_desk.jobs.all_results(job_id))
    assert [one.number for one in results] == [1, 2, 3, 4, 5, 6]
    assert [one.error.code if one.error else None for one in results][3] == "intake.json"
    assert [one.error is not None for one in results] == [False, False, True, True, False, False]
    assert results[0].made is not None
    assert results[5].made is not None
    assert results[0].made["licence_id"] == results[5].made["licence_id"]
    assert [one.number for one in still_desk.jobs.results(job_id, failed_only=True)] == [3, 4]
    assert licences(still_desk) == 3
    again = ask(still_desk, officer, content)
    running.run_due(still_desk)
    assert still_desk.jobs.outcome(again) == {"records": 6, "issued": 4, "failed": 2}
    assert licences(still_desk) == 3


class Killed(BaseException):
    """As kill -9 would: nothing is tidied up."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_two_chunks(
    still_desk: Desk, officer: Actor, clock: HandClock, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Killed after a chunk was issued, before or after its results were written down."""
    monkeypatch.setattr(issue_file, "CHUNK", 4)
    job_id = ask(still_desk, officer, as_file(lines(still_desk, 10)))
    save, chunks = JobContext.save, []

    def dying(self: JobContext, session: Any, position: Any) -> None:
        chunks.append(position)
        if len(chunks) == 2 and when == "before":
            raise Killed
        save(self, session, position)
        if len(chunks) == 3 and when == "after":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(JobContext, "save", dying)
        with pytest.raises(Killed):
            running.run_due(still_desk)
    assert still_desk.jobs.get(job_id).state == "running"
    clock.move(seconds=31)
    assert running.run_due(still_desk) == 1
    assert licences(still_desk) == 10
    assert still_desk.jobs.outcome(job_id) == {"records": 10, "issued": 10, "failed": 0}
    results = list(still_desk.jobs.all_results(job_id))
    assert [one.number for one in results] == list(range(1, 11))
    assert len({one.made["licence_id"] for one in results if one.made}) == 10


def test_something_away_is_tried_again_later(
    still_desk: Desk, officer: Actor, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = ask(still_desk, officer, as_file(lines(still_desk, 2)))
    away = [Unavailable("timestamp.away", "时间戳不可用。")] * 2
    with monkeypatch.context() as patched:
        patched.setattr(type(still_desk.issuer), "issue_many", lambda *_: away)
        running.run_due(still_desk)
    assert still_desk.jobs.get(job_id).state == "waiting"
    clock.move(minutes=1)
    running.run_due(still_desk)
    assert still_desk.jobs.outcome(job_id) == {"records": 2, "issued": 2, "failed": 0}


def test_called_off_in_between_and_gone_on_with(
    still_desk: Desk, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_file, "CHUNK", 2)
    job_id = ask(still_desk, officer, as_file(lines(still_desk, 6)))
    taken = running.take(still_desk)
    assert taken is not None
    progress = JobContext.progress

    def stopping(self: JobContext, done: int, total: int | None = None, failed: int = 0) -> None:
        progress(self, done, total, failed)
        still_desk.jobs.cancel(job_id, officer)
        running.renew(still_desk, [self])

    with monkeypatch.context() as patched:
        patched.setattr(JobContext, "progress", stopping)
        running.run(taken)
    assert (still_desk.jobs.get(job_id).state, licences(still_desk)) == ("cancelled", 2)
    still_desk.jobs.retry(job_id, officer)
    running.run_due(still_desk)
    assert still_desk.jobs.outcome(job_id) == {"records": 6, "issued": 6, "failed": 0}


NO_FILES = [
    (b"", ".jsonl", "intake.empty"),
    (b"\n\n", ".jsonl", "intake.empty"),
    (b"x", ".exe", "intake.suffix"),
    (b"\xff\xfe\x00", ".csv", "intake.encoding"),
    (b"a,a\n1,2\n", ".csv", "intake.header"),
]


def test_files_that_are_none(still_desk: Desk, officer: Actor) -> None:
    for content, suffix, code in NO_FILES:
        with pytest.raises(Malformed) as caught:
            ask(still_desk, officer, content, suffix)
        assert caught.value.code == code, content
    assert still_desk.jobs.list() == ()


def test_large_input_is_kept_in_pieces(still_desk: Desk, officer: Actor, clock: HandClock) -> None:
    content = b" " * 300_000 + b"\n" + as_file(lines(still_desk, 1))
    job_id = ask(still_desk, officer, content)
    running.run_due(still_desk)
    assert (still_desk.jobs.outcome(job_id) or {})["issued"] == 1
    clock.move(days=91)
    with still_desk.sessions.begin() as session:
        still_desk.jobs.enqueue(session, "job-housekeeping", {}, actor=officer)
    running.run_due(still_desk)
    assert job_id not in [one.id for one in still_desk.jobs.list()]
    assert still_desk.jobs.results(job_id) == ()


