"""A new master key: every key an older one wraps is wrapped anew, whatever happens meanwhile; then the old one goes."""

from __future__ import annotations

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, LargeBinary, MetaData, String, Table, delete, insert, select, update

from keys.master import MasterKeys, number_of
from licence_store import migrations, rewrapping
from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import running
from licence_store.models import JournalEntry
from licence_store.rewrapping import REWRAP, destroy, places, renew, standing
from licence_store.sharing.models import SharingKey
from licence_store.uploads.models import UploadKey
from licence_store.uploads.service import context_of
from seal.database import Base, Moment, Sessions, open_database
from tests.licence_store.copying.conftest import Counter, counter  # noqa: F401  a fixture
from tests.licence_store.uploads import makers as m
from tests.sharing_systems import make_system
from trust.errors import LicenceTrustError, Unavailable
from trust.journal import Actor

ADMIN = Actor("admin")
MANY = 450
"""More than the job takes in one transaction, twice."""


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act()
    return caught.value.code


def stock(desk: Desk, count: int) -> dict[str, bytes]:
    """Rows as ``count`` uploads leave them, without the files; their keys."""
    keys = {f"u-{number:032x}": secrets.token_bytes(32) for number in range(count)}
    masters, now = desk.region.masters, desk.clock()
    uploads, rows = [], []
    for id, key in keys.items():
        wrapped = masters.wrap(key, context_of(id).encode())
        uploads.append(
            {"id": id, "kind": "self_made", "digest": "", "received": "", "media_type": "", "size": 1, "pages": 1,
             "width": 1, "height": 1, "dpi": 0, "findings": "{}", "created": now, "created_by": "x"}
        )  # fmt: skip
        rows.append(
            {"upload_id": id, "owner": "o", "name": "n", "file": id, "size": 1, "wrapped": wrapped,
             "master": number_of(wrapped)}
        )  # fmt: skip
    with desk.sessions.begin() as session:
        session.execute(insert(Base.metadata.tables["upload"]), uploads)
        session.execute(insert(UploadKey), rows)
    return keys


def opened(desk: Desk) -> dict[str, bytes]:
    """Every upload's key, opened with what lies in the folder now."""
    fresh = MasterKeys(desk.region.directory / "keys", desk.region.passphrase)
    with desk.sessions.read() as session:
        rows = session.execute(select(UploadKey)).scalars().all()
    assert all(row.master == number_of(row.wrapped) for row in rows)
    return {row.upload_id: fresh.unwrap(row.wrapped, context_of(row.upload_id).encode()) for row in rows}


@pytest.fixture
def office(region_folder: Path) -> Iterator[Desk]:
    """On SQLite alone, where the engine makes no difference."""
    desk = open_desk(DeskSettings(region_folder, durable=False))
    yield desk
    desk.close()


def test_every_column_of_wrapped_keys_has_its_place() -> None:
    """Whoever adds one and does not name it here loses its keys with the next master that is destroyed."""
    known = {place.rows.name for place in places()}
    assert {name for name, one in Base.metadata.tables.items() if "master" in one.c} == known
    assert {name for name, one in Base.metadata.tables.items() if "wrapped" in one.c} <= known


def test_whatever_was_kept_opens_without_the_old_master(counter: Counter) -> None:  # noqa: F811
    desk, clock = counter.desk, counter.clock
    upload = desk.uploads.accept("a.pdf", m.text_pdf(), owner=counter.who.holder.code, kind="self_made", actor=ADMIN)
    kept, copy = desk.uploads.open(upload.id), counter.make()
    system = make_system(desk, operations=("check",))
    name, secret = desk.callers.add_secret(system.id, ADMIN)
    hook = desk.notices.contacts.add(
        "holder", counter.who.holder.code, "webhook", "https://x.example.test/", actor=ADMIN
    )
    old = desk.region.masters.newest
    assert standing(desk) == {old: 4}
    assert code(lambda: destroy(desk, old, ADMIN, "r")) == "keys.master_current"

    new, job_id = renew(desk, ADMIN, "年度更换")
    assert standing(desk) == {old: 4, new: 0}
    assert desk.uploads.open(upload.id) == kept, "nobody notices"
    assert code(lambda: destroy(desk, old, ADMIN, " ")) == "keys.no_reason"
    assert code(lambda: destroy(desk, old, ADMIN, "r")) == "keys.master_settling"
    clock.forward(hours=2)
    assert code(lambda: destroy(desk, old, ADMIN, "r")) == "keys.master_needed"
    running.run_due(desk)
    done = desk.jobs.get(job_id)
    assert (done.state, done.outcome, done.done, done.total) == ("done", {"rewrapped": 4, "lost": 0}, 4, 4)
    assert standing(desk) == {old: 0, new: 4}

    destroy(desk, old, ADMIN, "年度更换")
    assert standing(desk) == {new: 4}
    record = desk.region.directory / "keys" / "retired" / f"uploads.{old}.master.json"
    assert {"name": "uploads", "number": str(old), "reason": "年度更换"}.items() <= json.loads(
        record.read_bytes()
    ).items()
    assert code(lambda: destroy(desk, old, ADMIN, "r")) == "keys.master_destroyed"
    assert code(lambda: destroy(desk, new + 7, ADMIN, "r")) == "keys.master_unknown"
    desk.region.__dict__.pop("masters")  # as a service started afresh
    desk.__dict__.pop("vault")
    desk.__dict__.pop("uploads")
    assert desk.uploads.open(upload.id) == kept
    assert desk.copier.file(counter.who, copy.id).data == copy.data
    known = desk.callers.known_key(name)
    assert known is not None
    assert known.secret.hex() == secret
    assert desk.notices.contacts.secrets.of(hook.id) == (hook.secret,)
    with desk.sessions.read() as session:
        acts = session.execute(select(JournalEntry.action).where(JournalEntry.action.like("key.%"))).scalars().all()
    assert [one for one in acts if "master" in one or "rewrap" in one] == [
        "key.renew_master", "key.rewrap", "key.destroy_master",
    ]  # fmt: skip


def test_it_goes_on_where_it_was_killed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power is cut in the second transaction: the first one's work stands, the second one's never was."""
    keys = stock(desk, MANY)
    old = desk.region.masters.newest
    new, job_id = renew(desk, ADMIN, "r")
    wrap, seen = rewrapping._wrap_anew, 0

    def cut(*given: Any) -> bool:
        nonlocal seen
        seen += 1
        if seen == 300:
            raise Unavailable("test.cut", "断电")
        return wrap(*given)

    monkeypatch.setattr(rewrapping, "_wrap_anew", cut)
    running.run_due(desk)
    assert standing(desk) == {old: MANY - 200, new: 200}
    halted = desk.jobs.get(job_id)
    assert (halted.state, halted.done) == ("waiting", 200)
    assert opened(desk) == keys
    with desk.sessions.begin() as session:
        session.execute(update(Base.metadata.tables["job"]).values(due=desk.clock()))
    running.run_due(desk)
    assert standing(desk) == {old: 0, new: MANY}
    assert desk.jobs.get(job_id).outcome == {"rewrapped": MANY, "lost": 0}
    assert seen == 300 + MANY - 200, "nothing is wrapped twice that stood already"
    assert opened(desk) == keys


def test_what_is_dropped_meanwhile_stays_dropped(office: Desk) -> None:
    """The row went, or was changed, after the job had read it."""
    stock(office, 2)
    masters, place = office.region.masters, places()[0]
    renew(office, ADMIN, "r")
    with office.sessions.read() as session:
        gone, changed = rewrapping._older(session, place, masters.newest, "")
    fresh = masters.wrap(bytes(32), context_of(changed.id).encode())
    with office.sessions.begin() as session:
        session.execute(delete(UploadKey).where(UploadKey.upload_id == gone.id))
        session.execute(
            update(UploadKey).where(UploadKey.upload_id == changed.id).values(wrapped=fresh, master=number_of(fresh))
        )
    with office.sessions.begin() as session:
        assert all(rewrapping._wrap_anew(session, place, masters, row) for row in (gone, changed))
    assert opened(office) == {changed.id: bytes(32)}


def test_what_comes_late_under_the_old_one_is_found_the_next_day(office: Desk) -> None:
    """An upload that had wrapped its key before the renewal, and was recorded after the job had passed."""
    old = office.region.masters
    stock(office, 1)
    first = old.newest
    second, _ = renew(office, ADMIN, "r")
    running.run_due(office)
    with office.sessions.begin() as session:
        session.execute(delete(UploadKey))
        late = old._path(first).with_suffix(".held")
        os.rename(old._path(old.newest), late)
    with office.sessions.begin() as session:
        wrapped = old.wrap(bytes(32), b"upload u-" + b"0" * 32)
        os.rename(late, old._path(second))
        row = {"upload_id": "u-" + "0" * 32, "owner": "o", "name": "n", "file": "f", "size": 1, "wrapped": wrapped}
        session.execute(insert(UploadKey), [{**row, "master": number_of(wrapped)}])
    assert standing(office) == {first: 1, second: 0}
    with office.sessions.begin() as session:
        office.jobs.enqueue(session, REWRAP, {}, actor=ADMIN, key="another day")
    running.run_due(office)
    assert standing(office) == {first: 0, second: 1}


def test_what_cannot_be_opened_is_told_and_stops_nothing(office: Desk) -> None:
    """A master that was lost before, and a row that somebody spoilt."""
    keys = stock(office, 3)
    first, second, _ = keys
    masters = office.region.masters
    with office.sessions.begin() as session:
        missed = (7).to_bytes(4, "big") + bytes(60)
        session.execute(update(UploadKey).where(UploadKey.upload_id == first).values(wrapped=missed, master=7))
        spoilt = masters.wrap(bytes(32), b"something else")
        session.execute(update(UploadKey).where(UploadKey.upload_id == second).values(wrapped=spoilt))
    old = masters.newest
    new, job_id = renew(office, ADMIN, "r")
    running.run_due(office)
    assert office.jobs.get(job_id).outcome == {"rewrapped": 1, "lost": 2}
    assert standing(office) == dict(sorted({7: 1, old: 1, new: 1}.items()))
    with office.sessions.read() as session:
        [entry] = session.execute(select(JournalEntry).where(JournalEntry.action == "key.rewrap")).scalars()
    assert (entry.result, json.loads(entry.details)) == ("keys.wrapped_damaged", {"keys": "1", "lost": "2"})
    os.utime(masters._path(new), (0, 0))
    assert code(lambda: destroy(office, old, ADMIN, "r")) == "keys.master_needed", "somebody must look first"


def test_rows_from_before_name_their_master(database_url: str) -> None:
    sessions = open_database(database_url, durable=False)
    migrations.upgrade(sessions, "0021")
    heads = {"u-1": 5, "u-2": 2**30 + 1, "u-3": 5}
    wrapped = {id: number.to_bytes(4, "big") + secrets.token_bytes(60) for id, number in heads.items()}
    _fill(sessions, wrapped)
    migrations.upgrade(sessions)
    with sessions.read() as session:
        assert dict(session.execute(select(UploadKey.upload_id, UploadKey.master)).all()) == heads
        found = dict(session.execute(select(SharingKey.id, SharingKey.master)).all())
    assert found == {"ak-1": 2**30 + 1, "pk-1": None}
    sessions.close()


def _fill(sessions: Sessions, wrapped: dict[str, bytes]) -> None:
    """Rows as the earlier version wrote them."""
    old = MetaData()
    old.reflect(sessions.engine)

    def put(name: str, **given: Any) -> None:
        columns = {column.name for column in old.tables[name].columns}
        there = Table(name, MetaData(), *(c._copy() for c in Base.metadata.tables[name].c if c.name in columns))
        blank = {Moment: datetime(2026, 11, 1, tzinfo=UTC), LargeBinary: b"", String: "", Integer: 0}
        filled = {
            column.name: next(value for kind, value in blank.items() if isinstance(column.type, kind))
            for column in there.c
            if not column.nullable and not column.server_default
        }
        with sessions.begin() as session:
            session.execute(insert(there), [filled | given])

    for id, one in wrapped.items():
        put("upload", id=id)
        put("upload_key", upload_id=id, wrapped=one)
    put("sharing_client", id="c")
    put("sharing_key", id="ak-1", client_id="c", kind="hmac", public=b64encode(wrapped["u-2"]).decode())
    put("sharing_key", id="pk-1", client_id="c", kind="sm2", public="AAAA")
