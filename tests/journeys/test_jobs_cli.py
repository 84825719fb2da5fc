"""Jobs and notices on the console, a worker that does what is due, and jobs beside ``serve``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from api.settings import load_settings
from api.wiring import build
from licence_store.jobs.kinds import KINDS
from tests.journeys.conftest import TEACHER

ROOT = Path(__file__).parents[2]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def call(place: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """``(exit status, JSON lines)`` of one command in the module's region."""

    def do(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*map(str, arguments), "--dir", str(place)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return do


def asked(place: Path, *, good: int = 1) -> str:
    """A file to be issued, taken down; the job's id."""
    with build(load_settings({}, dir=place)) as services:
        records = list(services.catalogue.get(TEACHER).example_records(good, 31))
        content = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in records) + b"{}\n"
        actor = services.actor("education")
        return services.jobs.ask_issue(TEACHER, ".jsonl", content, actor).id


def test_a_worker_does_what_is_due(place: Path, call: Call) -> None:
    job_id = asked(place)
    status, [waiting] = call("jobs", "list", "--state", "waiting", "--kind", "issue-file")
    assert (status, waiting["job_id"], waiting["progress"]["done"]) == (0, job_id, 0)
    assert call("worker", "--once", "--workers", 2) == (0, [])
    status, [job, first, second] = call("jobs", "show", job_id, "--results")
    assert (status, job["state"], job["outcome"]) == (0, "done", {"records": 2, "issued": 1, "failed": 1})
    assert first["licence_id"].startswith("1.2.156.3005.2.")
    assert second["error"]["code"] == "record.missing_field"
    periodic = {name for name, kind in KINDS.items() if kind.every}
    assert periodic <= {one["kind"] for one in call("jobs", "list", "--state", "done")[1]}


def test_called_off_and_done_again(place: Path, call: Call) -> None:
    job_id = asked(place)
    status, [job] = call("jobs", "cancel", job_id, "--as", "admin")
    assert (status, job["state"]) == (0, "cancelled")
    status, [refused] = call("jobs", "cancel", job_id, "--json")
    assert (status, refused["error"]["code"]) == (1, "job.over")
    status, [job] = call("jobs", "retry", job_id)
    assert (status, job["state"]) == (0, "waiting")
    assert call("worker", "--once")[0] == 0
    assert call("jobs", "retry", job_id)[0] == 1
    assert call("jobs", "show", "nothing")[0] == 3


def test_contacts_and_notices(call: Call) -> None:
    add = ("notices", "add-contact", "--holder", "990101199003070014")
    status, [made] = call(*add, "--webhook", "https://example.cn/hook", "--language", "en")
    assert (status, made["channel"], made["language"]) == (0, "webhook", "en")
    assert made["secret"].startswith("whsec_")
    status, [kept] = call("notices", "contacts", "--holder", "990101199003070014")
    assert (status, kept["contact_id"], "secret" in kept) == (0, made["contact_id"], False)
    assert call(*add, "--webhook", "https://example.cn/hook")[0] == 1
    assert call("notices", "end-contact", made["contact_id"])[0] == 0
    assert call("notices", "contacts", "--holder", "990101199003070014") == (0, [])
    for silly in (
        (*add,),
        (*add, "--mail", "a@b.cn", "--webhook", "https://b.cn"),
        (*add, "--mail", "nonsense"),
        (*add, "--webhook", "http://127.0.0.1/"),
        ("notices", "add-contact", "--mail", "a@b.cn"),
        ("notices", "show", "nothing"),
        ("notices", "replay", "nothing"),
        ("notices", "end-contact", "nothing"),
        ("notices", "list", "--state", "lost"),
        ("worker", "--workers", "0"),
        ("worker", "--workers", "x"),
    ):
        assert call(*silly)[0] == 3, silly
    assert call("notices", "list")[0] == 0


def test_serve_does_jobs_and_ends_quietly(place: Path) -> None:
    job_id = asked(place)
    command = [sys.executable, "-m", "api.cli", "serve", "--dir", str(place), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stderr=subprocess.PIPE) as one:
        assert one.stderr is not None
        said = one.stderr.readline().decode()
        assert "http://127.0.0.1:" in said, said
        with build(load_settings({}, dir=place)) as services:
            give_up = time.monotonic() + 60
            while not services.jobs.get(job_id).over and time.monotonic() < give_up:
                time.sleep(0.05)
            assert services.jobs.get(job_id).state == "done"
        address = "http://127.0.0.1:" + said.partition("http://127.0.0.1:")[2].split()[0]
        with urllib.request.urlopen(address + "/metrics", timeout=30) as answer:
            assert b'licence_trust_jobs{state="done"}' in answer.read()
        one.send_signal(signal.SIGTERM)
        _, rest = one.communicate(timeout=60)
        assert one.returncode == 0, rest.decode()
        assert b"Traceback" not in rest
