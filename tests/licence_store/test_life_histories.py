"""Random histories: whatever is done to licences, in whatever order, written early or late, swept or not, the answers
are those of a naive replay, one version at most is current, nothing that ended is referencable, lineage is unbroken.

Everything is the product's own but drawing and sealing: what is recorded is a message and a digest.
"""

from __future__ import annotations

import dataclasses
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from licence_store import events, next_version
from licence_store.catalogue import Catalogue
from licence_store.files.folder import FolderStore
from licence_store.inspection import first_due
from licence_store.life import LicenceLife
from licence_store.lifecycle import ENDED, MARKS, STEPS, LicenceState
from licence_store.models import Licence
from licence_store.numbering import new_serial, take_slots
from licence_store.recording import SealedLicence, record
from licence_store.register import Register
from licence_store.reserving import IssuedLicence, Reservation, insert_intents
from licence_store.standing import effective_state, projection
from licence_store.status_list import states_of
from licence_store.type_rules import InspectionRule
from seal.database import Sessions
from seal.lifecycle import Official, Role
from seal.message import METADATA_KEYS, DataMessage, FaceValue
from seal.provenance import Lineage
from tests.licence_store.conftest import OFFICER, ToldClock
from tests.licence_store.stock import CODES, TYPES, Stock
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, Malformed, Refused
from trust.identifiers import LicenceId, parse_licence_id

WHO = Official(dataclasses.replace(OFFICER, department="market"), Role.OFFICER)
RULE = InspectionRule("03-01", "05-31", 1, "INSPECTION_OVERDUE", "SUSPENDED", ("passed", "failed"))
BEGIN = datetime(2026, 11, 22, 4, tzinfo=UTC)
DRAWN = (*MARKS, *3 * ("suspend", "resume", "report_lost", "found"))
ENDS = {"revoke": "REVOKED", "annul": "ANNULLED", "cancel": "CANCELLED", "transfer_out": "TRANSFERRED"}


@dataclass(frozen=True)
class Fact:
    """What the machine did, as it remembers it."""

    kind: str
    version: int
    effective: datetime
    recorded: datetime
    due: datetime | None = None
    """``issue``, ``inspect``."""


@dataclass
class Told:
    """One licence, as the machine remembers it."""

    ids: list[str]
    facts: list[Fact] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    """Version → last valid day."""
    renewed: bool = False

    def state(self, version: int, at: datetime, known: datetime) -> str | None:
        """The naive answer: look through everything that was known, once for each question."""
        seen = [f for f in self.facts if f.recorded <= known and f.effective <= at]
        seen.sort(key=lambda fact: fact.effective)
        if not any(f.version >= version for f in seen):
            return None
        if any(f.version > version for f in seen):
            return "SUPERSEDED"
        over = [ENDS.get(f.kind, "SUPERSEDED") for f in seen if f.kind in ENDS or f.kind == "renew"]
        if over:
            return over[0]
        last_day = self.ends[version]
        if last_day and (at + timedelta(hours=8)).date() > date.fromisoformat(last_day):
            return "EXPIRED"
        losses = [f.kind for f in seen if f.kind in ("report_lost", "found", "reissue")]
        if losses and losses[-1] == "report_lost":
            return "LOST"
        holds = [f.kind for f in seen if f.kind in ("suspend", "resume")]
        if holds and holds[-1] == "suspend":
            return "SUSPENDED"
        due = [f.due for f in seen if f.kind in ("issue", "inspect")][-1]
        return "INSPECTION_OVERDUE" if due is not None and at >= due else "CURRENT"

    def newest(self, at: datetime, known: datetime) -> int:
        return max((f.version for f in self.facts if f.recorded <= known and f.effective <= at), default=0)


class Histories(RuleBasedStateMachine):
    """The machine; ``sessions`` are given by the test."""

    sessions: Sessions
    files: FolderStore

    def __init__(self) -> None:
        super().__init__()
        self.clock = ToldClock()
        self.clock.now = BEGIN
        kind = SimpleNamespace(definition=SimpleNamespace(inspection=RULE))
        catalogue = cast("Catalogue", SimpleNamespace(current_in=lambda session, code: kind))
        self.life = LicenceLife(self.sessions, catalogue, self.files, self.clock)
        self.register = Register(self.sessions, self.files, self.clock)
        self.told: list[Told] = []
        self.moments = [BEGIN]

    # -------------------------------------------------------- what is done

    @initialize(years=st.integers(0, 3))
    def issue(self, years: int) -> None:
        now = self.clock.now
        end = "" if years == 0 else f"{now.year + years}-11-21"
        due = first_due(RULE, str(now.date()), now)
        made = self._record("issue", LicenceId(TYPES["A"], CODES["market"], new_serial(), 1), end, None)
        assert isinstance(made, IssuedLicence)
        told = Told([made.licence_id], ends={1: end})
        told.facts.append(Fact("issue", 1, self.clock.now, self.clock.now, due.by))
        self.told.append(told)
        self._done(told)

    @rule(days=st.sampled_from([0.1, 1, 30, 90, 200, 400]))
    def wait(self, days: float) -> None:
        self._pass(days=days)

    @rule(step=st.sampled_from(DRAWN), back=st.sampled_from([0, 0, 0, 0.05, 20, 100]), which=st.integers(0, 9))
    def mark(self, step: str, back: float, which: int) -> None:
        told = self.told[which % len(self.told)]
        effective = self.clock.now - timedelta(days=back) if back else None
        before = told.state(len(told.ids), self.clock.now, self.clock.now)
        event, code = None, ""
        try:
            event = self.life.take(told.ids[-1], step, WHO, reason="x", effective=effective)
        except LicenceTrustError as refused:
            code = refused.code
        assert code in ("", "licence.step", "licence.later_event", "licence.effective")
        if code in ("", "licence.step") and effective is None and before is not None:
            assert (LicenceState(before) in STEPS[step].moves) is (event is not None)
        if event is not None:
            told.facts.append(Fact(step, event.version, event.effective, event.recorded))
        self._done(told)

    @rule(
        result=st.sampled_from(["passed", "passed", "failed"]), back=st.sampled_from([0, 0, 30]),
        which=st.integers(0, 9),
    )  # fmt: skip
    def inspect(self, result: str, back: float, which: int) -> None:
        told = self.told[which % len(self.told)]
        effective = self.clock.now - timedelta(days=back) if back else None
        known = len(self.register.events(told.ids[0]))
        event = None
        try:
            event = self.life.inspect(told.ids[0], WHO, result=result, effective=effective)
        except (Refused, Conflict):
            pass  # not in this state, not this year
        except Malformed:
            assert back  # before it was issued
        if event is not None:
            told.facts.append(Fact("inspect", event.version, event.effective, event.recorded, event.due))
            if len(self.register.events(told.ids[0])) == known + 2:
                told.facts.append(Fact("suspend", event.version, event.effective, event.recorded))
        self._done(told)

    @rule(ahead=st.booleans())
    def sweep(self, ahead: bool) -> None:
        before = [self._answers(told) for told in self.told]
        self.life.sweep(self.clock.now, limit=2 if ahead else 1000)
        assert [self._answers(told) for told in self.told] == before
        self._done(*self.told)

    @rule(
        step=st.sampled_from(["revise", "revise", "reseal", "reissue"]), years=st.integers(0, 2),
        which=st.integers(0, 9),
    )  # fmt: skip
    def follow(self, step: str, years: int, which: int) -> None:
        """A further version."""
        told = self.told[which % len(self.told)]
        old = self.register.find(told.ids[-1])
        end = old.summary.valid_to
        if step == "revise" and end:
            end = str(date.fromisoformat(end).replace(year=int(end[:4]) + years))
        identifier = parse_licence_id(told.ids[-1]).with_version(old.summary.version + 1)
        lineage = Lineage(next_version.KINDS[step], old.licence_id, old.file_digest)
        before = str(old.state)
        made = self._record(step, identifier, end, lineage)
        assert isinstance(made, IssuedLicence) is (LicenceState(before) in STEPS[step].moves)
        if isinstance(made, IssuedLicence):
            told.ids.append(made.licence_id)
            told.ends[identifier.version] = end
            [event] = [e for e in self.register.events(made.licence_id) if e.version == identifier.version]
            told.facts.append(Fact(step, identifier.version, event.effective, self.clock.now))
        self._done(told)

    @rule(which=st.integers(0, 9), often=st.integers(0, 3))
    def renew(self, which: int, often: int) -> None:
        if often:
            return
        told = self.told[which % len(self.told)]
        old = self.register.find(told.ids[-1])
        identifier = LicenceId(TYPES["A"], CODES["market"], new_serial(), 1)
        end = str((self.clock.now + timedelta(days=700)).date())
        made = self._record("renew", identifier, end, Lineage("renewal", old.licence_id, old.file_digest))
        if isinstance(made, IssuedLicence):
            assert old.state in ("CURRENT", "EXPIRED") and not told.renewed
            told.renewed = True
            told.facts.append(Fact("renew", old.summary.version, self.clock.now, self.clock.now))
            due = first_due(RULE, str(self.clock.now.date()), self.clock.now)
            new = Told([made.licence_id], ends={1: end})
            new.facts.append(Fact("issue", 1, self.clock.now, self.clock.now, due.by))
            self.told.append(new)
            self._check(new)
        self._done(told)

    # -------------------------------------------------------- what must hold

    def _check(self, told: Told) -> None:
        """Everybody's answers about one licence."""
        self._answers_are_those_of_a_naive_replay(told)
        self._projection_equals_replay(told)
        self._nothing_ended_is_referencable(told)
        self._lineage_is_unbroken_and_lists_agree(told)

    def teardown(self) -> None:
        for told in self.told:
            self._check(told)

    def _answers_are_those_of_a_naive_replay(self, told: Told) -> None:
        now, base = self.clock.now, parse_licence_id(told.ids[0]).base
        for at in {now, *self.moments[-2:], *(f.effective for f in told.facts[-2:])}:
            states = []
            for version, one in enumerate(told.ids, 1):
                status = self.register.status(one, at)
                states.append(None if status is None else str(status.state))
                assert states[-1] == told.state(version, at, now), (one, at)
            assert states.count("CURRENT") <= 1
        for known in {self.moments[-1], self.moments[len(self.moments) // 2]}:
            newest = told.newest(known, known)
            if newest:
                view = self.register.find(told.ids[0], known_at=known)
                assert (view.summary.version, view.state) == (newest, told.state(newest, known, known))
                first = told.facts[0].effective
                earlier = self.register.history(told.ids[0], at=first, known_at=known)
                assert earlier.view.state == told.state(1, first, known)
                held = self.register.holdings("C1", at=known, known_at=known)
                assert [s.state for s in held if s.base == base] == [view.state]

    def _projection_equals_replay(self, told: Told) -> None:
        now, base, newest = self.clock.now, parse_licence_id(told.ids[0]).base, len(told.ids)
        with self.sessions.read() as session:
            query = select(Licence, effective_state(now).label("shown")).where(Licence.base == base)
            row = session.execute(query).one()
            expected = projection(events.of_licence(session, base), told.ends[newest])
        assert {name: getattr(row.Licence, name) for name in expected} == expected
        assert (row.shown, row.Licence.version) == (told.state(newest, now, now), newest)

    def _nothing_ended_is_referencable(self, told: Told) -> None:
        now = told.state(len(told.ids), self.clock.now, self.clock.now)
        for one in told.ids:
            view = None
            with suppress(Refused):
                view = self.register.referencable(one)
            assert (view is not None) is (now == "CURRENT" and one == told.ids[-1])

    def _lineage_is_unbroken_and_lists_agree(self, told: Told) -> None:
        past = self.register.history(told.ids[0])
        assert past.lineage_ok and [v.licence_id for v in past.versions] == told.ids
        assert all(v.lineage is not None for v in past.versions[1:])
        with self.sessions.read() as session:
            for version in past.versions:
                states = states_of(session, version.message.status_list.rsplit("/", 1)[1], self.clock.now)
                expected = told.state(version.version, self.clock.now, self.clock.now)
                assert states[int(version.message.status_index)] == expected

    # -------------------------------------------------------- how

    def _answers(self, told: Told) -> list[Any]:
        moments = (self.clock.now, *self.moments[-5:])
        found = [self.register.status(one, at) for one in told.ids for at in moments]
        return [(s.state, s.since) if s is not None else None for s in found]

    def _done(self, *touched: Told) -> None:
        for told in touched:
            self._check(told)
        self._pass(minutes=1)

    def _pass(self, **length: float) -> None:
        self.moments.append(self.clock.now)
        self.clock.forward(**length)

    def _record(
        self, kind: str, identifier: LicenceId, valid_to: str, lineage: Lineage | None
    ) -> IssuedLicence | LicenceTrustError:
        """What reserving and recording do; the message is real, its file is not."""
        now = self.clock.now
        with self.sessions.begin() as session:
            [slot] = take_slots(session, 1, now, identifier.type_code)
            message = _message(identifier, valid_to, str(now.date()), slot.list_id, slot.index, lineage)
            digest = sm3(message.to_bytes()).hex()
            row: dict[str, Any] = {
                "licence_id": identifier.text, "base": identifier.base, "version": identifier.version,
                "type_code": identifier.type_code, "type_version": 1, "department_id": "market",
                "seal_id": "seal-market", "record_key": identifier.base[-60:], "number": identifier.base[-20:],
                "number_held": False, "status_list": slot.list_id, "status_index": slot.index,
                "payload": message.to_bytes(), "actor": "zhang", "address": "", "channel": "test", "reserved": now,
                "state": "reserved", "reason": "x", "kind": kind, "paper": "", "forms": "ofd",
            }  # fmt: skip
            assert insert_intents(session, [row])
            names = [n for n in Reservation.__slots__ if n not in ("actor", "built")]
            reservation = Reservation(**{n: row[n] for n in names}, actor=WHO.actor, built=message)
            due = first_due(RULE, str(now.date()), now)
            sealed = SealedLicence(reservation, message, digest, 1, now, CODES["market"], due)
            [outcome] = record(session, [sealed], now)
            if not isinstance(outcome, IssuedLicence):
                session.rollback()
        return outcome


def _message(
    identifier: LicenceId, valid_to: str, today: str, list_id: str, index: int, lineage: Lineage | None
) -> DataMessage:
    facts = dict.fromkeys(METADATA_KEYS, "x") | {
        "licence_id": identifier.text, "version": f"{identifier.version:03d}", "valid_to": valid_to,
        "issued_on": today, "valid_from": today, "demonstration": "true", "holder_name": "甲", "holder_code": "C1",
    }  # fmt: skip
    address = f"https://example.test/api/v1/status-lists/{list_id}"
    return DataMessage.create(
        facts, [FaceValue("name", "名称", "甲")], status_list=address, status_index=index, lineage=lineage
    )


def _machine(sessions: Sessions, folder: Path) -> type[Histories]:
    Stock(sessions)
    return type("GivenHistories", (Histories,), {"sessions": sessions, "files": FolderStore(folder, False)})


def _live(machine: Histories, dice: random.Random, steps: int) -> None:
    """One long history, without looking for the shortest that fails."""
    machine.issue(dice.randint(0, 3))
    for _ in range(steps):
        which = dice.randint(0, 9)
        if all(told.state(len(told.ids), machine.clock.now, machine.clock.now) in ENDED for told in machine.told):
            machine.issue(dice.randint(0, 3))
        match dice.randint(0, 11):
            case 0 | 1:
                machine.wait(dice.choice([0.1, 1, 30, 90, 200]))
            case 2:
                machine.sweep(dice.random() < 0.5)
            case 3 | 4:
                machine.inspect(dice.choice(["passed", "passed", "failed"]), dice.choice([0, 0, 30]), which)
            case 5 | 6:
                machine.follow(dice.choice(["revise", "reseal", "reissue"]), dice.randint(0, 2), which)
            case 7:
                machine.renew(which, 0)
            case _:
                machine.mark(dice.choice(DRAWN), dice.choice([0, 0, 0, 0.05, 20, 100]), which)
    machine.teardown()


@pytest.mark.parametrize("seed", range(3))
def test_random_histories(sessions: Sessions, tmp_path: Path, seed: int) -> None:
    machine = _machine(sessions, tmp_path / "files")()
    _live(machine, random.Random(seed), 60)
    taken = {fact.kind for told in machine.told for fact in told.facts}
    assert len(taken) >= 6, taken


@pytest.mark.long
def test_many_random_histories(sessions: Sessions, tmp_path: Path) -> None:
    """Many, and the shortest that fails is shown."""
    chosen = settings(max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(_machine(sessions, tmp_path / "files"), settings=chosen)
