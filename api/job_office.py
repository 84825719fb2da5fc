"""任务办理: who sees which jobs, and may call them off or have them done again.

Whoever administers or audits sees them all, other staff those of their department and their own, a system those it
asked for itself. What one may not see does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trust.errors import NotFound

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.jobs.queue import JobView
    from trust.journal import Actor

OVERSEERS = ("admin", "auditor")


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose jobs somebody sees; both empty: everybody's."""

    account: str = ""
    department: str = ""

    def covers(self, job: JobView) -> bool:
        if not self.account and not self.department:
            return True
        return job.actor.account == self.account or bool(self.department and job.actor.department == self.department)


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True)
class JobOffice:
    """任务办理."""

    desk: Desk

    def get(self, job_id: str, reach: Reach = EVERYTHING) -> JobView:
        """Raises ``NotFound("job.unknown")``."""
        found = self.desk.jobs.get(job_id)
        if not reach.covers(found):
            raise NotFound("job.unknown", "没有任务 {job_id}。", job_id=job_id[:32])
        return found

    def page(
        self, reach: Reach = EVERYTHING, *, state: str = "", kind: str = "", before: str = "", limit: int = 50
    ) -> tuple[tuple[JobView, ...], str]:
        """Jobs, the newest first, and the id behind which the next page begins; empty: this is the last."""
        found = self.desk.jobs.list(
            state=state, kind=kind, account=reach.account, department=reach.department, before=before, limit=limit + 1
        )
        return found[:limit], found[limit - 1].id if len(found) > limit else ""

    def ask_issue(self, type_code: str, suffix: str, content: bytes, actor: Actor, *, key: str = "") -> JobView:
        """批量签发 as a job: every record of ``content``; the same ``key`` again is the same job.

        Raises ``Malformed("intake.*")``, ``NotFound("type.unknown")``, ``Refused("grant.*")``.
        """
        from licence_store.jobs.issue_file import ask

        with self.desk.sessions.begin() as session:
            kind = self.desk.catalogue.issued_in(session, type_code)
            self.desk.catalogue.right(session, kind.definition.code, actor.department)
            job_id = ask(self.desk.jobs, session, kind.definition.code, suffix, content, actor=actor, key=key)
        return self.desk.jobs.get(job_id)

    def cancel(self, job_id: str, actor: Actor, reach: Reach = EVERYTHING) -> JobView:
        """Raises ``NotFound("job.unknown")``, ``Conflict("job.over")``."""
        self.get(job_id, reach)
        return self.desk.jobs.cancel(job_id, actor)

    def retry(self, job_id: str, actor: Actor, reach: Reach = EVERYTHING) -> JobView:
        """Raises ``NotFound("job.unknown")``, ``Conflict("job.not_failed")``."""
        self.get(job_id, reach)
        return self.desk.jobs.retry(job_id, actor)
