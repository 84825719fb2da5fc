"""任务: taken down with the caller's transaction, done, retried, called off, gone on with; on both engines."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select

from licence_store.desk import Desk
from licence_store.jobs import running
from licence_store.jobs.context import JobLost
from licence_store.jobs.kinds import KINDS
from licence_store.jobs.models import JobEffect
from licence_store.jobs.runner import JobRunner
from licence_store.models import JournalEntry
from tests.licence_store.jobs.conftest import HandClock
from tests.licence_store.jobs.handlers import EFFECT
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound
from trust.journal import SYSTEM, Actor

CLERK = Actor("clerk", "d1", "10.0.0.1", "http")


def ask(desk: Desk, kind: str, actor: Actor = SYSTEM, key: str = "", **arguments: Any) -> str:
    with desk.sessions.begin() as session:
        return desk.jobs.enqueue(session, kind, arguments, actor=actor, key=key)


def effects(desk: Desk) -> list[str]:
    with desk.sessions.read() as session:
        return list(
            session.execute(
                select(JournalEntry.subject).where(JournalEntry.action == EFFECT).order_by(JournalEntry.seq)
            ).scalars()
        )


def test_a_job_is_done_once_and_answers(still_desk: Desk) -> None:
    job_id = ask(still_desk, "add", CLERK, number=7)
    waiting = still_desk.jobs.get(job_id)
    assert (waiting.state, waiting.actor, waiting.over) == ("waiting", CLERK, False)
    assert still_desk.jobs.outcome(job_id) is None
    assert running.run_due(still_desk) == 1
    assert running.run_due(still_desk) == 0
    assert still_desk.jobs.outcome(job_id) == {"number": 7}
    assert effects(still_desk) == ["7"]
    with still_desk.sessions.read() as session:
        assert session.execute(select(JobEffect)).first() is None  # no longer needed


def test_what_is_rolled_back_was_never_asked_for(still_desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError), still_desk.sessions.begin() as session:
        still_desk.jobs.enqueue(session, "add", {"number": 1}, actor=SYSTEM)
        raise ZeroDivisionError
    assert still_desk.jobs.list() == ()
    assert running.run_due(still_desk) == 0
    if still_desk.sessions.dialect == "postgresql":
        assert messages(still_desk) == 0


def messages(desk: Desk) -> int:
    with desk.sessions.read() as session:
        return int(session.connection().exec_driver_sql("SELECT count(*) FROM licence_trust_queue.pgqueuer").scalar_one())


def test_the_same_key_is_the_same_job(still_desk: Desk) -> None:
    first = ask(still_desk, "add", key="k", number=1)
    assert ask(still_desk, "add", key="k", number=2) == first
    assert ask(still_desk, "slowly", key="k", steps=1, number=0) != first
    assert running.run_due(still_desk) == 2
    assert ask(still_desk, "add", key="k", number=3) == first  # also once it is done
    assert running.run_due(still_desk) == 0


def test_not_before(still_desk: Desk, clock: HandClock) -> None:
    from datetime import timedelta

    with still_desk.sessions.begin() as session:
        later = clock() + timedelta(hours=1)
        still_desk.jobs.enqueue(session, "add", {"number": 1}, actor=SYSTEM, not_before=later)
    assert running.run_due(still_desk) == 0
    clock.move(hours=1)
    assert running.run_due(still_desk) == 1


def test_unavailable_is_tried_again_ever_later_and_then_failed(still_desk: Desk, clock: HandClock) -> None:
    job_id = ask(still_desk, "away")
    for attempt, seconds in ((1, 10), (2, 30)):
        assert running.run_due(still_desk) == 1
        found = still_desk.jobs.get(job_id)
        assert (found.state, found.attempts, (found.due - clock()).total_seconds()) == ("waiting", attempt, seconds)
        assert found.error is not None and found.error.message() == "设备“x”不在。"
        assert running.run_due(still_desk) == 0
        clock.move(seconds=seconds)
    running.run_due(still_desk)
    assert still_desk.jobs.get(job_id).state == "failed"
    assert still_desk.jobs.state().counts == {"failed": 1}
    again = still_desk.jobs.retry(job_id, CLERK)
    assert (again.state, again.attempts, again.error) == ("waiting", 0, None)
    assert running.run_due(still_desk) == 1


@pytest.mark.parametrize(("kind", "code"), [("refused", "test.refused"), ("broken", "internal.fault")])
def test_what_no_repetition_mends_fails_at_once(still_desk: Desk, kind: str, code: str) -> None:
    job_id = ask(still_desk, kind)
    assert running.run_due(still_desk) == 1
    found = still_desk.jobs.get(job_id)
    assert (found.state, found.error and found.error.code) == ("failed", code)


def test_called_off(still_desk: Desk) -> None:
    job_id = ask(still_desk, "add", number=1)
    assert still_desk.jobs.cancel(job_id, CLERK).state == "cancelled"
    assert running.run_due(still_desk) == 0
    with pytest.raises(Conflict, match="已结束"):
        still_desk.jobs.cancel(job_id, CLERK)
    assert still_desk.jobs.retry(job_id, CLERK).state == "waiting"
    assert running.run_due(still_desk) == 1
    with pytest.raises(Conflict, match="不需重做"):
        still_desk.jobs.retry(job_id, CLERK)
    assert effects(still_desk) == ["1"]


def test_a_running_job_is_called_off_when_it_next_looks(still_desk: Desk) -> None:
    job_id = ask(still_desk, "slowly", number="s", steps=3)
    taken = running.take(still_desk)
    assert taken is not None
    assert still_desk.jobs.cancel(job_id, CLERK).stop_asked
    running.renew(still_desk, [taken.context])
    assert running.run(taken) is None
    assert still_desk.jobs.get(job_id).state == "cancelled"
    assert effects(still_desk) == []


def test_an_interrupted_job_makes_its_effect_once(still_desk: Desk) -> None:
    job_id = ask(still_desk, "interrupted")
    assert running.run_due(still_desk) == 2
    found = still_desk.jobs.get(job_id)
    assert (found.state, found.attempts, found.outcome) == ("done", 1, {"attempt": 1})
    assert effects(still_desk) == ["interrupted"]


def test_the_job_of_a_dead_worker_goes_on_where_it_stopped(still_desk: Desk, clock: HandClock) -> None:
    job_id = ask(still_desk, "slowly", number="s", steps=3)
    dead = running.take(still_desk)
    assert dead is not None
    with still_desk.sessions.begin() as session:  # it did one step, and was heard of no more
        dead.context.save(session, 1)
    assert running.take(still_desk) is None
    clock.move(seconds=31)
    assert running.run_due(still_desk) == 1
    assert (still_desk.jobs.get(job_id).state, effects(still_desk)) == ("done", ["s-1", "s-2"])
    # It was only slow: now it makes no effect any more, neither by key nor by position, and ends nothing.
    for act in (lambda s: dead.context.once(s, "x"), lambda s: dead.context.save(s, 2)):
        with pytest.raises(JobLost), still_desk.sessions.begin() as session:
            act(session)
    assert running.run(dead) is None
    assert effects(still_desk) == ["s-1", "s-2"]


def test_a_job_that_kills_its_workers_is_given_up(still_desk: Desk, clock: HandClock) -> None:
    job_id = ask(still_desk, "add", number=1)
    for _ in range(3):
        assert running.take(still_desk) is not None
        clock.move(seconds=31)
    assert running.take(still_desk) is None
    found = still_desk.jobs.get(job_id)
    assert (found.state, found.error and found.error.code) == ("failed", "job.worker_lost")


def test_leases_are_renewed(still_desk: Desk, clock: HandClock) -> None:
    ask(still_desk, "add", number=1)
    taken = running.take(still_desk)
    assert taken is not None
    for _ in range(5):
        clock.move(seconds=20)
        running.renew(still_desk, [taken.context])
        assert running.take(still_desk) is None
    assert running.run(taken) is None
    assert effects(still_desk) == ["1"]


@pytest.mark.parametrize(
    ("act", "error", "code"),
    [
        (lambda jobs, s: jobs.enqueue(s, "nonsense", {}, actor=SYSTEM), NotFound, "job.kind_unknown"),
        (lambda jobs, s: jobs.enqueue(s, "add", {"x": object()}, actor=SYSTEM), Malformed, "job.arguments"),
        (lambda jobs, s: jobs.enqueue(s, "add", {"x": float("nan")}, actor=SYSTEM), Malformed, "job.arguments"),
        (lambda jobs, s: jobs.get("nonsense\0"), LicenceTrustError, None),
        (lambda jobs, s: jobs.cancel("nonsense", SYSTEM), NotFound, "job.unknown"),
    ],
)
def test_nonsense(still_desk: Desk, act: Any, error: type[LicenceTrustError], code: str | None) -> None:
    with pytest.raises(error) as caught:
        if code and code.endswith("unknown") and code.startswith("job.unknown"):
            act(still_desk.jobs, None)
        else:
            with still_desk.sessions.begin() as session:
                act(still_desk.jobs, session)
    assert code is None or caught.value.code == code


def test_threads_do_what_is_asked_and_end(desk: Desk, kinds_for_tests: None) -> None:
    before = set(threading.enumerate())
    with JobRunner(desk, workers=3) as runner:
        asked = [ask(desk, "add", number=n) for n in range(20)]
        slow = ask(desk, "slowly", number="s", steps=3, pause=0.01)
        runner.drain()
        states = {desk.jobs.get(one).state for one in (*asked, slow)}
    assert states == {"done"}
    assert sorted(effects(desk)) == sorted([*(str(n) for n in range(20)), "s-0", "s-1", "s-2"])
    assert {one for one in threading.enumerate() if one.is_alive()} <= before
    if desk.sessions.dialect == "postgresql":
        assert messages(desk) == 0


def test_a_runner_that_ends_puts_long_work_back(desk: Desk, kinds_for_tests: None) -> None:
    job_id = ask(desk, "slowly", number="s", steps=40, pause=0.02)
    with JobRunner(desk, workers=2):
        while desk.jobs.get(job_id).state == "waiting":
            threading.Event().wait(0.02)
    found = desk.jobs.get(job_id)
    assert (found.state, found.attempts) == ("waiting", 0)
    with JobRunner(desk, workers=2) as runner:
        runner.drain()
    assert desk.jobs.get(job_id).state == "done"
    assert effects(desk) == [f"s-{n}" for n in range(40)]


def test_long_work_leaves_a_worker_free(desk: Desk, kinds_for_tests: None) -> None:
    """Two workers, two long jobs: a short one is done meanwhile."""
    slow = [ask(desk, "slowly", number=n, steps=100, pause=0.02) for n in range(2)]
    with JobRunner(desk, workers=2):
        while "running" not in {desk.jobs.get(one).state for one in slow}:
            threading.Event().wait(0.02)
        quick = ask(desk, "add", number="quick")
        while desk.jobs.get(quick).state != "done":
            threading.Event().wait(0.02)
        assert "done" not in {desk.jobs.get(one).state for one in slow}


def test_what_only_a_newer_program_can_do_is_left_alone(still_desk: Desk, clock: HandClock, monkeypatch: Any) -> None:
    job_id = ask(still_desk, "add", number=1)
    with monkeypatch.context() as older:
        older.setattr("licence_store.jobs.kinds.KINDS", KINDS)
        assert running.run_due(still_desk) == 0
        assert still_desk.jobs.get(job_id).state == "waiting"
    assert running.run_due(still_desk) == 1
