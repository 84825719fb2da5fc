"""One store or the other: the same promises from a folder and from an object store; scrubs, sweeps, moving house."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from api.readiness import parts
from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.files import FileStore, FolderStore, open_store, upkeep
from licence_store.files.s3 import S3Store
from licence_store.jobs.file_upkeep import last_scrub
from licence_store.jobs.running import run_due
from seal.database import Base
from tests.licence_store.conftest import OFFICER
from trust.algorithms import sm3
from trust.errors import Malformed, NotFound, Unavailable
from trust.journal import SYSTEM

TEACHER = "teacher-certificate"


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of an object store of our own (moto)."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    yield f"http://{host}:{port}"
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    server.stop()


@pytest.fixture
def bucket(object_store: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty prefix in a bucket."""
    url = f"s3://licences/{abs(hash(request.node.nodeid))}?endpoint={object_store}&region=us-east-1"
    S3Store.of(url)._client.create_bucket(Bucket="licences")
    return url


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return open_store("" if request.param == "folder" else request.getfixturevalue("bucket"), tmp_path)


def spoil(store: FileStore, digest: str, data: bytes = b"spoilt") -> None:
    if isinstance(store, FolderStore):
        store.path(digest).write_bytes(data)
    else:
        assert isinstance(store, S3Store)
        store._client.put_object(Bucket=store.bucket, Key=store._key(digest), Body=data)


def test_what_is_put_is_there(store: FileStore) -> None:
    store.check()
    digest = store.put(b"licence")
    assert digest == sm3(b"licence").hex()
    assert store.put(b"licence") == digest
    assert store.get(digest) == b"licence"
    pairs = [(bytes([n]) * 100, sm3(bytes([n]) * 100)) for n in range(20)]
    assert store.put_many(pairs) == [one.hex() for _, one in pairs]
    assert store.put_many([]) == []
    every = sorted([digest, *(one.hex() for _, one in pairs)])
    assert list(store.digests()) == every
    assert list(store.digests(every[7])) == every[8:]
    store.discard(digest)
    store.discard(digest)
    with pytest.raises(NotFound):
        store.get(digest)


def test_a_file_is_put_once_and_mended_when_damaged(store: FileStore) -> None:
    digest = store.put(b"licence")
    spoil(store, digest)
    with pytest.raises(Unavailable) as caught:
        store.get(digest)
    assert caught.value.code == "files.damaged"
    assert store.put(b"licence") == digest
    assert store.get(digest) == b"licence"


def test_only_what_nobody_names_is_swept(store: FileStore) -> None:
    kept, orphan = store.put(b"kept"), store.put(b"orphan")
    assert store.sweep(lambda some: {kept} & set(some), older_than=3600) == 0
    assert store.sweep(lambda some: {kept} & set(some), older_than=0) == 1
    assert list(store.digests()) == [kept]
    assert orphan not in list(store.digests())


def test_a_store_that_does_not_know_the_condition(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked what it has before anything is put."""
    from botocore.exceptions import ClientError

    store = S3Store.of(bucket)
    put, calls = store._client.put_object, []

    def refuse(**given: Any) -> Any:
        calls.append("IfNoneMatch" in given)
        if "IfNoneMatch" in given:
            raise ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject")
        return put(**given)

    monkeypatch.setattr(store._client, "put_object", refuse)
    digest = store.put(b"licence")
    assert (store.get(digest), calls) == (b"licence", [True, False])
    store.put(b"licence")
    assert calls == [True, False, True]


ACTS: list[Callable[[FileStore], object]] = [
    lambda store: store.check(),
    lambda store: store.put(b"x"),
    lambda store: store.put_many([(b"x", sm3(b"x")), (b"y", sm3(b"y"))]),
    lambda store: store.get("0" * 64),
    lambda store: list(store.digests()),
    lambda store: store.discard("0" * 64),
    lambda store: store.sweep(lambda some: some),
]


@pytest.mark.parametrize("act", ACTS)
def test_a_store_that_is_away_says_so(object_store: str, act: Callable[[FileStore], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_store.files.s3.ATTEMPTS", 1)
    for url in ("s3://licences/x?endpoint=http://127.0.0.1:9", f"s3://no-such-bucket-here?endpoint={object_store}"):
        with pytest.raises(Unavailable) as caught:
            act(S3Store.of(url))
        assert caught.value.code == "files.away"


@pytest.mark.parametrize(
    "url",
    [
        "http://x/y", "s3://", "s3:///x", "s3://key:secret@bucket", "s3://b?endpoint=ftp://x", "s3://b?colour=red",
        "s3://b#f", "s3://b?endpoint", "s3://[",
    ],
)  # fmt: skip
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        open_store(url, tmp_path)
    assert caught.value.code == "files.url"
    assert "secret" not in str(caught.value)


@pytest.fixture(params=["folder", "s3"])
def office(request: pytest.FixtureRequest, region_folder: Path) -> Iterator[Desk]:
    """A desk that keeps its files in the one or the other."""
    url = "" if request.param == "folder" else request.getfixturevalue("bucket")
    desk = open_desk(DeskSettings(region_folder, durable=False, files_url=url))
    yield desk
    desk.close()


def test_issue_scrub_and_sweep(office: Desk) -> None:
    records = office.catalogue.get(TEACHER).example_records(3, 9)
    issued = [office.issuer.issue(TEACHER, one, officer=OFFICER) for one in records]
    digests = sorted(one.file_digest for one in issued)
    assert list(office.files.digests()) == digests
    assert upkeep.scrub(office.files, office.sessions).checked == 3
    office.files.put(b"nobody names me")
    assert upkeep.sweep(office.files, office.sessions, older_than=0) == 1
    assert list(office.files.digests()) == digests
    spoil(office.files, digests[0])
    office.files.discard(digests[2])
    found = upkeep.scrub(office.files, office.sessions)
    assert (found.checked, found.damaged, found.missing, found.bad) == (3, (digests[0],), (digests[2],), 2)
    some = upkeep.scrub(office.files, office.sessions, most=2)
    assert (some.checked, some.position, some.bad) == (2, digests[1], 1)
    rest = upkeep.scrub(office.files, office.sessions, after=some.position, most=2)
    assert (rest.checked, rest.position, rest.missing) == (1, "", (digests[2],))


def test_the_jobs(desk: Desk) -> None:
    """A scrub goes on where the last one stopped, and looks again at what was bad."""
    issued = [
        desk.issuer.issue(TEACHER, one, officer=OFFICER).file_digest
        for one in desk.catalogue.get(TEACHER).example_records(2)
    ]
    first, second = sorted(issued)
    spoil(desk.files, first)
    desk.files.put(b"young, so it stays")

    def run(kind: str, **arguments: int) -> object:
        with desk.sessions.begin() as session:
            job_id = desk.jobs.enqueue(session, kind, arguments, actor=SYSTEM)
        while desk.jobs.outcome(job_id) is None:
            assert run_due(desk)
        return desk.jobs.outcome(job_id)

    assert last_scrub(desk.jobs) == {}
    assert run("files-scrub", most=1) == {
        "checked": 1, "bad": 1, "damaged": [first], "missing": [], "position": first,
    }  # fmt: skip
    [files] = [one for one in parts(desk) if one.name == "files"]
    assert files.ready
    assert "1" in files.warning_texts(str)[0]
    spoil(desk.files, first, b"still spoilt")
    again = run("files-scrub", most=5)
    assert again == {"checked": 2, "bad": 1, "damaged": [first], "missing": [], "position": ""}
    desk.files.discard(first)
    assert run("files-scrub", most=5) == {
        "checked": 2, "bad": 1, "damaged": [], "missing": [first], "position": "",
    }  # fmt: skip
    assert run("files-sweep") == {"removed": 0}
    assert second in list(desk.files.digests())


def test_moving_house(bucket: str, region_folder: Path, tmp_path: Path) -> None:
    desk = open_desk(DeskSettings(region_folder, durable=False))
    records = desk.catalogue.get(TEACHER).example_records(3, 9)
    issued = [desk.issuer.issue(TEACHER, one, officer=OFFICER) for one in records]
    target = open_store(bucket, tmp_path)
    for _ in range(2):
        assert upkeep.copy(desk.files, target) == 3
    desk.close()
    moved = open_desk(DeskSettings(region_folder, durable=False, files_url=bucket))
    assert upkeep.scrub(moved.files, moved.sessions).sound
    assert moved.register.file(moved.register.find(issued[0].licence_id)) == target.get(issued[0].file_digest)
    moved.close()


NOT_FILES = {
    "journal_entry.previous", "journal_entry.digest", "journal_head.digest",  # links of the chain
    "idempotency_record.body_digest", "staff_session.digest", "api_token.digest", "sign_in_failure.key",  # of requests, secrets
    "seal.digest", "seal_object.digest", "seal_use.object_digest", "seal_event.basis_digest", "seal_request.basis_digest",  # kept beside the seals
    "seal_use.document",  # somebody's own, or a licence's
    "licence_type_version.digest", "type_event.digest", "proof_type.digest", "collection_item.digest",  # of rows
    "trust_list.digest", "trust_list_refused.digest", "peer_evidence.digest",  # lists kept in their rows
    "upward_batch.digest", "upward_sent.digest", "upward_licence.file_digest",  # of batches; of files that stay elsewhere
    "sharing_nonce.digest", "sharing_token.digest", "transfer_paper.digest",  # of requests, secrets, papers in their rows
    "transfer.file_digest", "transfer.successor_digest",  # a licence's, here or elsewhere
    "licence_origin.evidence_digest",  # the evidence itself is named
    "copy_grant.digest", "copy_use.digest",  # of copies in clear; what lies there is named
    "material.digest", "upload.digest",  # likewise
    "copy_link.digest", "presentation.claim_digest", "presentation.code_digest", "presentation.token_digest",  # of secrets
    "holder_attempt.digest", "holder_proof.digest", "holder_session.digest",
    "material_event.digest", "material_event.previous", "use_entry.digest", "use_head.digest", "dispute.entry_digest",  # links of chains
}  # fmt: skip


def test_no_column_of_digests_is_forgotten() -> None:
    """What a sweep does not know of, it removes: whoever adds a column of digests says what it names."""
    known = {f"{one.table.name}.{one.name}" for one in upkeep.references()}
    tables: list[Table] = Base.metadata.sorted_tables
    digests = {
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if getattr(column.type, "length", None) == 64
        and (any(word in column.name for word in ("digest", "evidence", "file", "document", "previous")))
    }
    assert digests - known - NOT_FILES == set()
    assert known <= digests
