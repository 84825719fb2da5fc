"""A desk on a clock that moves by hand, with one nurse's licence that ends in 100 days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import running
from licence_store.notices.addresses import NoticeSettings
from licence_store.notices.outbox import DeliveryView
from licence_store.standing import day_of
from tests.licence_store.jobs.conftest import HandClock, clock  # noqa: F401  a fixture
from tests.smtp_server import MailServer, mail_server
from trust.journal import SYSTEM, Actor

CLERK = Actor("clerk", "health", None, "page")
NURSE = "nurse-certificate"


@dataclass
class Office:
    """The desk, its clock, and what tests do with both."""

    desk: Desk
    clock: HandClock
    licence_id: str
    holder: str
    department: str
    ends: str

    def do(self, kind: str) -> dict[str, object]:
        """One job of this kind, and what follows from it, now."""
        with self.desk.sessions.begin() as session:
            job_id = self.desk.jobs.enqueue(session, kind, {}, actor=SYSTEM)
        running.run_due(self.desk)
        return dict(self.desk.jobs.outcome(job_id) or {})

    def days_before_end(self, days: int) -> None:
        """Move the clock so that the licence still has so many days."""
        self.clock.move(days=(date.fromisoformat(self.ends) - timedelta(days=days) - day_of(self.clock())).days)

    def deliveries(self, **asked: str) -> list[DeliveryView]:
        return list(self.desk.notices.list(**asked))  # type: ignore[arg-type]


def issue_nurse(desk: Desk, ends: str) -> tuple[str, str, str]:
    """``(licence id, holder's code, department)`` of a licence that ends on that day."""
    definition = desk.catalogue.get(NURSE)
    record = {**next(iter(definition.example_records(1))), "valid_until": ends}
    with desk.sessions.read() as session:
        [right] = desk.catalogue.rights(session, definition.code)
    issued = desk.issuer.issue(NURSE, record, officer=Actor("o", right.department_id))
    return issued.licence_id, record["citizen_number"], right.department_id


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def office(settings: DeskSettings, clock: HandClock, mail: MailServer) -> Iterator[Office]:  # noqa: F811
    smtp = f"smtp://127.0.0.1:{mail.port}?tls=none"
    notices = NoticeSettings(smtp, "licences@example.cn", private_webhooks=True, timeout=2)
    desk = open_desk(replace(settings, notices=notices), clock)
    ends = (day_of(clock()) + timedelta(days=100)).isoformat()
    yield Office(desk, clock, *issue_nurse(desk, ends), ends)
    desk.close()
