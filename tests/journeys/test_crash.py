"""kill -9 in the middle of a batch: after a restart nothing is lost, nothing is doubled, nothing is half-issued.

The command is killed at random moments, its processes with it or without, and started again until it ends by
itself. The seed is printed: ``CRASH_SEED=… pytest tests/journeys/test_crash.py`` takes the same moments again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.journal import check_journal
from licence_store.models import IssueIntent, Licence, LicenceEvent, LicenceVersion
from licence_store.recovery import recover
from trust.algorithms import sm3
from verify.report import Indication

ROOT = Path(__file__).parents[2]
TEACHER = "teacher-certificate"


def start(settings: DeskSettings, records: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    arguments = ["--dir", str(settings.directory), "--type", TEACHER, "--input", str(records), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", "issue", *arguments],
        cwd=ROOT,
        env={**os.environ, "LICENCE_TRUST_DATABASE_URL": settings.database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """kill -9 the command, or the command and every process it started."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def write_records(settings: DeskSettings, path: Path, count: int) -> list[str]:
    """Records, as ``types example`` prints them."""
    desk = open_desk(settings)
    records = list(desk.catalogue.get(TEACHER).example_records(count))
    desk.close()
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")
    return [r["citizen_number"] for r in records]


def run_to_the_end(settings: DeskSettings, records: Path, out: Path) -> list[dict[str, object]]:
    process = start(settings, records, out)
    printed, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages.decode()
    return [json.loads(line) for line in printed.splitlines()]


def check_nothing_lost_doubled_or_half(
    desk: Desk, lines: list[dict[str, object]], holders: list[str], out: Path
) -> None:
    with desk.sessions.read() as session:
        versions = session.execute(select(LicenceVersion)).scalars().all()
        licences = session.execute(select(Licence)).scalars().all()
        intents = session.execute(select(IssueIntent)).scalars().all()
        events = session.execute(select(LicenceEvent.base)).scalars().all()
        assert check_journal(session).intact
    assert sorted(v.licence_id for v in versions) == sorted(str(line["licence_id"]) for line in lines)
    assert [next(x for x in licences if x.number == line["licence_number"]).holder_code for line in lines] == holders
    assert len(licences) == len(versions) == len(events) == len({v.file_digest for v in versions}) == len(holders)
    assert {i.state for i in intents} == {"done"}
    assert len({i.number for i in intents}) == len({i.status_index for i in intents}) == len(holders)
    assert sorted(desk.files.digests()) == sorted(v.file_digest for v in versions)
    put_out = {p.name: sm3(p.read_bytes()).hex() for p in out.iterdir() if not p.name.startswith(".")}
    assert put_out == {f"{v.licence_id}.ofd": v.file_digest for v in versions}
    for version in random.sample(versions, 10):
        assert desk.verifier().verify(desk.files.get(version.file_digest)).indication is Indication.PASSED


def crash_and_complete(
    settings: DeskSettings, tmp_path: Path, seed: int, *, kills: int, count: int, longest: float
) -> None:
    chance = random.Random(seed)
    records, out = tmp_path / "records.jsonl", tmp_path / "out"
    holders = write_records(settings, records, count)
    began = time.monotonic()
    for _ in range(kills):
        process = start(settings, records, out)
        time.sleep(chance.uniform(0.5, longest))
        kill(process, group=chance.random() < 0.5)
    print(
        f"seed {seed}: {kills} kills within {time.monotonic() - began:.0f} s, {len(list(out.glob('*.ofd')))} files out"
    )
    desk = open_desk(settings)
    recovery = recover(desk.issuer)
    print(f"recovery: {len(recovery.completed)} completed, {len(recovery.voided)} void")
    assert not recovery.voided
    assert not recovery.waiting
    lines = run_to_the_end(settings, records, out)
    recover(desk.issuer, sweep_after=0)
    check_nothing_lost_doubled_or_half(desk, lines, holders, out)
    desk.close()


def seed() -> int:
    return int(os.environ.get("CRASH_SEED") or random.randrange(1 << 30))


def test_three_kills(settings: DeskSettings, tmp_path: Path) -> None:
    crash_and_complete(settings, tmp_path, seed(), kills=3, count=200, longest=3)


@pytest.mark.long
@pytest.mark.parametrize("turn", range(4))
def test_twenty_kills(settings: DeskSettings, tmp_path: Path, turn: int) -> None:
    crash_and_complete(settings, tmp_path, seed() + turn, kills=5, count=500, longest=5)
