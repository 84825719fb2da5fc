"""kill -9 of workers in the midst of jobs: nothing is lost, nothing is done twice; on both engines.

Workers are killed at random moments and others started, until all jobs are done. The seed is printed:
``CRASH_SEED=… pytest tests/journeys/test_jobs_crash.py`` takes the same moments again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, update

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import issue_file
from licence_store.jobs.context import LEASE
from licence_store.jobs.models import Job
from licence_store.journal import check_journal
from licence_store.models import JournalEntry, LicenceVersion
from tests.licence_store.jobs.conftest import kinds_for_tests  # noqa: F401  a fixture
from tests.licence_store.jobs.handlers import EFFECT
from trust.journal import SYSTEM, Actor

ROOT = Path(__file__).parents[2]
WORKER = """
from types import MappingProxyType
from licence_store.jobs import kinds
from tests.licence_store.jobs import handlers
import sys
from api.cli import main
kinds.KINDS = MappingProxyType({**kinds.KINDS, **handlers.KINDS})
main(sys.argv[1:])
"""


def start(settings: DeskSettings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, "worker", "--workers", "4", "--dir", str(settings.directory)],
        cwd=ROOT,
        env={**os.environ, "LICENCE_TRUST_DATABASE_URL": settings.database_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def take_down(desk: Desk, count: int, steps: int) -> None:
    with desk.sessions.begin() as session:
        for number in range(count):
            desk.jobs.enqueue(session, "add", {"number": f"a{number}"}, actor=SYSTEM)
        for number in range(4):
            arguments = {"number": f"s{number}", "steps": steps, "pause": 0.02}
            desk.jobs.enqueue(session, "slowly", arguments, actor=SYSTEM)


def unfinished(desk: Desk) -> int:
    counts = desk.jobs.state().counts
    return sum(number for state, number in counts.items() if state in ("waiting", "running"))


def forget_the_dead(desk: Desk) -> None:
    """As if the lease had run out: the test does not wait half a minute for it."""
    with desk.sessions.begin() as session:
        session.execute(update(Job).where(Job.state == "running").values(due=desk.clock()))
        if desk.sessions.dialect == "postgresql":
            session.connection().exec_driver_sql(
                f"UPDATE licence_trust_queue.pgqueuer SET heartbeat = now() - interval '{LEASE.seconds + 1} s' "
                "WHERE status = 'picked'"
            )


def effects(desk: Desk) -> Counter[str]:
    with desk.sessions.read() as session:
        return Counter(session.execute(select(JournalEntry.subject).where(JournalEntry.action == EFFECT)).scalars())


def kill_again_and_again(settings: DeskSettings, *, jobs: int, steps: int, kills: int) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(1 << 32))
    print(f"CRASH_SEED={seed}")
    moments, desk = random.Random(seed), open_desk(settings)
    take_down(desk, jobs, steps)
    wanted = {f"a{n}" for n in range(jobs)} | {f"s{n}-{step}" for n in range(4) for step in range(steps)}
    crew: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(kills):
            crew = [start(settings) for _ in range(2)]
            before, give_up = len(effects(desk)), time.monotonic() + 60
            while len(effects(desk)) == before and unfinished(desk) and time.monotonic() < give_up:
                time.sleep(0.02)  # they are at it
            time.sleep(moments.uniform(0, 0.5))
            for one in crew:
                one.kill()
                one.communicate()
            forget_the_dead(desk)
        assert effects(desk), "the workers were never at it"
        crew = [start(settings) for _ in range(2)]
        give_up = time.monotonic() + 300
        while unfinished(desk) and time.monotonic() < give_up:
            time.sleep(0.1)
        for one in crew:
            one.send_signal(signal.SIGTERM)
        said = [one.communicate(timeout=60)[1].decode() for one in crew]
        assert [one.returncode for one in crew] == [0, 0], said
        assert effects(desk) == Counter(wanted)
        assert set(desk.jobs.state().counts) == {"done"}, desk.jobs.list(state="failed")
    finally:
        for one in crew:
            one.kill()
            one.communicate()
        desk.close()


@pytest.mark.usefixtures("kinds_for_tests")
def test_two_workers_killed(settings: DeskSettings) -> None:
    kill_again_and_again(settings, jobs=60, steps=30, kills=1)


@pytest.mark.long
@pytest.mark.usefixtures("kinds_for_tests")
def test_many_workers_killed(settings: DeskSettings) -> None:
    kill_again_and_again(settings, jobs=2000, steps=300, kills=10)


@pytest.mark.long
@pytest.mark.usefixtures("kinds_for_tests")
def test_issuing_a_file_killed(settings: DeskSettings) -> None:
    """Each record is one licence and one line of result, however often its worker is killed."""
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(1 << 32))
    print(f"CRASH_SEED={seed}")
    moments, desk = random.Random(seed), open_desk(settings)
    definition = desk.catalogue.get("teacher-certificate")
    records = list(definition.example_records(300))
    content = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in records)
    with desk.sessions.begin() as session:
        [right] = desk.catalogue.rights(session, definition.code)
        officer = Actor("o", right.department_id)
        job_id = issue_file.ask(desk.jobs, session, definition.code, ".jsonl", content, actor=officer)
    crew: list[subprocess.Popen[bytes]] = []
    try:
        while not desk.jobs.get(job_id).over:
            before, give_up = desk.jobs.get(job_id).done, time.monotonic() + 120
            crew = [start(settings)]
            while desk.jobs.get(job_id).done == before and time.monotonic() < give_up:
                time.sleep(0.05)  # it is at it
            time.sleep(moments.uniform(0, 1))
            for one in crew:
                one.kill()
                one.communicate()
            forget_the_dead(desk)
        found = desk.jobs.get(job_id)
        assert (found.state, found.outcome) == ("done", {"records": 300, "issued": 300, "failed": 0}), found.error
        lines = list(desk.jobs.all_results(job_id))
        assert [one.number for one in lines] == list(range(1, 301))
        with desk.sessions.read() as session:
            licences = set(session.execute(select(LicenceVersion.licence_id)).scalars())
            assert check_journal(session).intact
        assert {one.made["licence_id"] for one in lines if one.made} == licences
        assert len(licences) == 300
    finally:
        for one in crew:
            one.kill()
            one.communicate()
        desk.close()
