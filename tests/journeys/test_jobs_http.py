"""批量签发 over HTTP: a file is uploaded, a job is answered, its results come record by record."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from licence_store.jobs import running
from licence_store.jobs.models import Job
from licence_store.jobs.runner import JobRunner
from tests.journeys.conftest import TEACHER, Live, make_token
from tests.journeys.test_http import problem

People = Callable[[int, int], list[dict[str, str]]]
ISSUE = f"/api/v1/jobs/issue?type={TEACHER}"


@pytest.fixture
def client(live: Live, token: str) -> Iterator[httpx.Client]:
    with live.client(Authorization=f"Bearer {token}") as one:
        yield one


def as_file(records: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in records)


def post(client: httpx.Client, path: str, content: bytes, kind: str = "application/jsonl", key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key or uuid.uuid4().hex, "Content-Type": kind}
    return client.post(path, content=content, headers=headers)


def test_a_file_is_issued(live: Live, client: httpx.Client, people: People) -> None:
    content = as_file(people(40, 11)) + b"{}\n"
    asked = post(client, ISSUE, content)
    assert asked.status_code == 202, asked.text
    where = asked.headers["Location"]
    assert where == f"/api/v1/jobs/{asked.json()['job_id']}"
    assert asked.json()["state"] == "waiting"
    with JobRunner(live.services.desk):
        while (found := client.get(where).json())["state"] in ("waiting", "running"):
            threading.Event().wait(0.05)
    assert found["state"] == "done"
    assert found["outcome"] == {"records": 41, "issued": 40, "failed": 1}
    assert found["progress"] == {"done": 41, "total": 41, "failed": 1}
    answer = client.get(where + "/results")
    assert answer.headers["Content-Type"] == "application/jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["record"] for line in lines] == list(range(1, 42))
    assert lines[40]["error"]["code"] == "record.missing_field"
    assert client.get(f"/api/v1/licences/{lines[0]['licence_id']}?purpose=test").status_code == 200
    rest = client.get(where + "/results?after=40", headers={"Accept-Language": "en"}).text.splitlines()
    assert len(rest) == 1
    assert json.loads(rest[0])["error"]["message"].isascii() is False or "Name" in rest[0]
    page = client.get("/api/v1/jobs?limit=1").json()
    assert page["items"][0]["job_id"] == asked.json()["job_id"]


def test_the_same_key_is_the_same_job(live: Live, client: httpx.Client, people: People) -> None:
    key, content = uuid.uuid4().hex, as_file(people(2, 12))
    first, again = (post(client, ISSUE, content, key=key) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = post(client, ISSUE, as_file(people(3, 12)), key=key)
    problem(other, 422, "idempotency.mismatch")
    running.run_due(live.services.desk)


def test_form_upload_and_csv(live: Live, client: httpx.Client, people: People) -> None:
    [record] = people(1, 13)
    rows = ",".join(record) + "\n" + ",".join(record.values()) + "\n"
    files = {"file": ("老师.CSV", rows.encode("gb18030"), "text/csv")}
    asked = client.post(ISSUE, files=files, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert asked.status_code == 202, asked.text
    running.run_due(live.services.desk)
    assert client.get(asked.headers["Location"]).json()["outcome"] == {"records": 1, "issued": 1, "failed": 0}


def test_cancelled_and_whose_it_is(live: Live, client: httpx.Client, people: People) -> None:
    where = post(client, ISSUE, as_file(people(2, 14))).headers["Location"]
    stranger = make_token(live, ("read",))
    with live.client(Authorization=f"Bearer {stranger}") as other:
        problem(other.get(where), 403, "token.scope")
    with live.client() as nobody:
        problem(nobody.get(where), 401, "token.missing")
    cancelled = post(client, where + "/cancellation", b"")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    problem(post(client, where + "/cancellation", b""), 409, "job.over")
    running.run_due(live.services.desk)
    assert client.get(where + "/results").text == ""


@pytest.mark.parametrize(
    ("path", "content", "kind", "status", "code"),
    [
        ("/api/v1/jobs/issue?type=nothing", b"{}", "application/jsonl", 404, "type.unknown"),
        (ISSUE, b"", "application/jsonl", 422, "upload.empty"),
        (ISSUE, b"\n", "application/jsonl", 422, "intake.empty"),
        (ISSUE, b"a,a\n1,2", "text/csv", 422, "intake.header"),
        (ISSUE, b"<x/>", "text/xml", 415, "request.media_type"),
        ("/api/v1/jobs/issue", b"{}", "application/jsonl", 422, "request.invalid"),
        ("/api/v1/jobs/nothing/cancellation", b"", "application/json", 404, "job.unknown"),
    ],
)
def test_silly_requests(
    client: httpx.Client, path: str, content: bytes, kind: str, status: int, code: str
) -> None:
    problem(post(client, path, content, kind), status, code)


def test_silly_questions(client: httpx.Client) -> None:
    for path, status in (
        ("/api/v1/jobs/" + "x" * 40, 422),
        ("/api/v1/jobs/%00", 422),
        ("/api/v1/jobs/nothing/results", 404),
        ("/api/v1/jobs?cursor=zzz", 422),
        ("/api/v1/jobs?limit=0", 422),
        ("/api/v1/jobs/nothing/results?after=-1", 422),
    ):
        assert client.get(path).status_code in (status, 404), path
    no_key = client.post(ISSUE, content=b"{}", headers={"Content-Type": "application/jsonl"})
    problem(no_key, 422, "idempotency.missing")


def test_readiness_tells_of_a_queue_nobody_works_on(live: Live, client: httpx.Client, people: People) -> None:
    job_id = post(client, ISSUE, as_file(people(1, 15))).json()["job_id"]

    def part() -> dict[str, object]:
        [found] = [one for one in client.get("/readyz").json()["checks"] if one["part"] == "jobs"]
        return dict(found)

    desk = live.services.desk
    for minutes, ready, warned in ((1, True, False), (30, True, True), (90, False, True)):
        with desk.sessions.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(due=desk.clock() - timedelta(minutes=minutes)))
        found = part()
        assert (found["ready"], bool(found["warnings"])) == (ready, warned), minutes
    assert b"licence_trust_job_delay_seconds 54" in client.get("/metrics").content
    running.run_due(desk)
    assert part()["ready"] is True
