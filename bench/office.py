"""An office as the service has it: a region on disk, its desk with production durability, and records to issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.extras import IssueExtras
from licence_store.founding import DEPARTMENTS
from licence_store.region import Region
from trust.errors import LicenceTrustError
from trust.journal import Actor
from verify.report import Indication
from verify.verifier import Verifier

_DEPARTMENT = {one.type_slug: one.id for one in DEPARTMENTS}


@dataclass(frozen=True)
class Office:
    """What the figures do, checked: a benchmark of wrong answers says nothing."""

    desk: Desk

    def records(self, slug: str, *, seed: int = 1, count: int = 1_000_000) -> Iterator[Mapping[str, str]]:
        """Records nobody has issued yet, for each ``seed``."""
        for number, record in enumerate(self.desk.catalogue.get(slug).example_records(count, seed)):
            yield {**record, "record_id": f"{seed}-{number}"}

    def issue(self, slug: str, record: Mapping[str, str], form: str = "ofd") -> bytes:
        """The sealed file of one new licence."""
        officer = Actor("bench", _DEPARTMENT[slug])
        issued = self.desk.issuer.issue(slug, record, officer=officer, extras=IssueExtras(forms=form))
        if not issued.created:
            raise RuntimeError("this licence had been issued before")
        return self.desk.files.get(issued.file_digest)

    def issue_many(self, slug: str, records: Sequence[Mapping[str, str]], form: str = "ofd") -> None:
        """A chunk of new licences, all of which must come out."""
        extras = [IssueExtras(forms=form)] * len(records)
        for outcome in self.desk.issuer.issue_many(slug, records, Actor("bench", _DEPARTMENT[slug]), extras):
            if isinstance(outcome, LicenceTrustError):
                raise outcome

    def verify(self, data: bytes, *, with_register: bool = False) -> None:
        """Verify as a stranger with our trust bundle does, or as the region does."""
        verifier = self.desk.verifier() if with_register else Verifier(self.desk.trust())
        report = verifier.verify(data)
        if report.indication is not Indication.PASSED:
            raise RuntimeError(f"not passed: {[f.code for f in report.findings]}")


def open_office(directory: Path) -> Office:
    """A new demonstration region in ``directory``, on SQLite."""
    Region.create(directory, clock=now)
    return Office(open_desk(DeskSettings(directory)))
