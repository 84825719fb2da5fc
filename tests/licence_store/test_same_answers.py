"""同一经历，同一答案: one long journey on SQLite and on PostgreSQL, and every answer of the one is the other's."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_store.criteria import Criteria
from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.databases import postgresql_database
from tests.licence_store.conftest import OFFICER, ToldClock
from tests.licence_store.test_issuance import TEACHER
from trust.errors import LicenceTrustError
from trust.status_list import load_status_list

WHO = Official(OFFICER, Role.OFFICER)
SERIAL = re.compile(r"\.[0-9A-Z]{20}\.(\d{3})\.[0-9A-Z]")


@pytest.fixture
def desks(
    region_folder: Path, made_postgresql_region: tuple[Path, str], postgresql_server: str, tmp_path: Path
) -> Iterator[tuple[Desk, Desk]]:
    """The same region twice: once on each engine, both on a clock that is told the time."""
    folder, template = made_postgresql_region
    with postgresql_database(postgresql_server, template) as url:
        copied = Path(shutil.copytree(folder, tmp_path / "on-postgresql"))
        pair = [open_desk(DeskSettings(region_folder, durable=False)), open_desk(DeskSettings(copied, url, durable=False))]
        start = max(desk.clock() for desk in pair).replace(microsecond=0)
        told = []
        for desk in pair:
            clock = ToldClock()
            clock.now = start
            told.append(dataclasses.replace(desk, clock=clock))
        yield told[0], told[1]
        for desk in pair:
            desk.close()


def forward(desk: Desk, **length: float) -> None:
    assert isinstance(desk.clock, ToldClock)
    desk.clock.forward(**length)


class Journey:
    """The journey on one engine; ``answers`` is all that was answered, ids without their random part."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.answers: list[Any] = []
        self.names: dict[str, str] = {}
        self.start = desk.clock()

    def plain(self, value: Any) -> Any:
        """Without what must differ: serials, digests, salts."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: self.plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name not in HIDDEN}
        if isinstance(value, datetime):
            return (value.astimezone(UTC) - self.start).total_seconds()
        if isinstance(value, dict):
            return {key: self.plain(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(one) for one in value]
        return SERIAL.sub(r".*.\1.*", value) if isinstance(value, str) else value

    def say(self, name: str, value: Any) -> None:
        self.answers.append((name, self.plain(value)))

    def tries(self, name: str, act: Any, *arguments: Any, **more: Any) -> Any:
        try:
            result = act(*arguments, **more)
        except LicenceTrustError as error:
            self.say(name, (type(error).__name__, error.code))
            return None
        self.say(name, result)
        return result

    def ask(self, name: str, licences: list[IssuedLicence]) -> None:
        """Everything that can be asked, now and of the past."""
        desk, now = self.desk, self.desk.clock()
        for number, one in enumerate(licences):
            for back in (timedelta(), timedelta(hours=1), timedelta(days=40)):
                status = desk.register.status(one.licence_id, now - back)
                self.say(f"{name} status {number} {back}", status and (status.state, status.since))
            self.tries(f"{name} history {number}", lambda one=one: [
                (e.kind, e.version, e.state, e.effective, e.recorded) for e in desk.register.history(one.licence_id).events
            ])
            self.tries(f"{name} lineage {number}", lambda one=one: desk.register.lineage(one.licence_id).is_complete)
            self.tries(f"{name} may be used {number}", lambda one=one: desk.register.referencable(one.licence_id).state)
            view = desk.register.find(one.licence_id)
            code = view.summary.holder_code
            for at in (None, now - timedelta(hours=5)):
                held = desk.register.holdings(code, at=at, known_at=at)
                self.say(f"{name} holdings {number} {at is None}", [(s.state, s.version, s.licence_number) for s in held])
            name_of = view.summary.holder_name
            for criteria in (
                Criteria(text=name_of), Criteria(name=name_of[:1]), Criteria(name=name_of[-2:]), Criteria(holder_code=code),
                Criteria(number=one.licence_number), Criteria(type_code=view.summary.type_code, states=(view.state,)),
            ):  # fmt: skip
                found = desk.search.page(criteria, limit=200)
                self.say(f"{name} search {number}", sorted((s.holder_name, s.state, s.version) for s in found.items))
        listed = load_status_list(desk.status_lists.publish(desk.status_lists.lists()[0]))
        places = [int(desk.register.find(one.licence_id).message.status_index) for one in licences]
        self.say(f"{name} published", [listed.status_at(place) for place in places])


HIDDEN = {"file_digest", "file_size", "seal_id", "base", "evidence_digest", "id"}


def travel(desk: Desk) -> list[Any]:
    journey = Journey(desk)
    records = list(desk.catalogue.get(TEACHER).example_records(4, seed=7))
    made = []
    for record in records:
        made.append(desk.issuer.issue(TEACHER, record, officer=OFFICER))
        journey.say("issue", (made[-1].licence_number, made[-1].version, made[-1].created))
        forward(desk, minutes=1)
    again = desk.issuer.issue(TEACHER, records[0], officer=OFFICER)
    journey.say("the same again", (again.licence_id == made[0].licence_id, again.created))
    journey.ask("fresh", made)
    first, second, third, fourth = made
    steps = [
        (first, "suspend"), (first, "suspend"), (first, "report_lost"), (first, "found"), (first, "resume"),
        (second, "report_lost"), (second, "resume"), (third, "revoke"), (third, "resume"), (fourth, "cancel"),
    ]  # fmt: skip
    for one, step in steps:
        forward(desk, hours=2)
        journey.tries(step, lambda one=one, step=step: desk.life.take(one.licence_id, step, WHO, reason="核查").state)
    journey.ask("after steps", made)
    forward(desk, hours=6)
    back = desk.clock() - timedelta(hours=3)
    journey.tries(
        "back-dated", lambda: desk.life.take(first.licence_id, "suspend", WHO, reason="补记", effective=back).state
    )
    journey.ask("after the back-dated", made)
    changed = {**desk.reviser.record_of(first.licence_id), "subject": "高中数学"}
    journey.tries("revise suspended", lambda: desk.reviser.revise(first.licence_id, changed, WHO, reason="更正").version)
    journey.tries("resume", lambda: desk.life.take(first.licence_id, "resume", WHO, reason="结束").state)
    revised = journey.tries(
        "revise", lambda: desk.reviser.revise(first.licence_id, changed, WHO, reason="更正").licence_id
    )
    journey.tries("reissue", lambda: desk.reviser.reissue(second.licence_id, WHO, reason="补发").version)
    assert revised is not None
    forward(desk, hours=3)
    journey.ask("after versions", made)
    journey.tries("sweep", lambda: desk.life.sweep())
    journey.ask("after the sweep", made)
    return journey.answers


def test_both_engines_answer_alike(desks: tuple[Desk, Desk]) -> None:
    ours, theirs = map(travel, desks)
    assert len(ours) > 200
    for one, other in zip(ours, theirs, strict=True):
        assert one == other
