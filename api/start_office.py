"""待办: what waits for somebody who signs in, by role. Questions only, each bounded; every number has its list.

An officer sees what the department is to do, a seal keeper and an approver the seals that wait for them, whoever
administers or audits what has gone wrong or waits for review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from api.job_office import EVERYTHING, OVERSEERS, Reach
from licence_store.catalogue_steps import TypeState
from licence_store.collection import sheets
from licence_store.collection.quarantine import Wanted
from licence_store.inspection_list import InspectionList
from licence_store.jobs.queue import FAILED
from licence_store.notices.outbox import DEAD
from seal.lifecycle import STEPS, Official, Role, State
from trust.i18n import N_

if TYPE_CHECKING:
    from api.wiring import Services

MOST: Final = 99
"""Above this a list is not counted to its end; the page says “99+”."""
_WORKERS: Final = (Role.OFFICER, Role.AUDITOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Waits:
    """待办 line: so many of a kind, and where they are listed."""

    kind: str
    title: str
    """In Chinese, for the translator."""
    count: int
    href: str
    icon: str
    urgent: bool = False
    about: str = ""
    """The code of the licence type it is about; empty: of any."""


_SEALS: Final = (
    ("approve", State.APPLIED, N_("待审批的印章申请")),
    ("make", State.APPROVED, N_("待制作的印章")),
    ("issue", State.MADE, N_("待发放的印章")),
    ("activate", State.ISSUED, N_("待签收启用的印章")),
    ("destroy_confiscated", State.CONFISCATED, N_("待销毁的收缴印章")),
)
_REQUESTS: Final = (
    ("approve_request", "open", N_("待审批的印章变更或销毁")),
    ("change_face", "approved", N_("已批准、待办的印章变更或销毁")),
)


def waiting_for(found: Services, who: Official) -> tuple[Waits, ...]:
    """What waits for this person, what is urgent first; nothing that is nought."""
    parts = (_papers, _disputes, _inspections, _quarantine, _drafts, _seals, _running)
    lines = [one for part in parts for one in part(found, who)]
    return tuple(sorted((one for one in lines if one.count), key=lambda one: not one.urgent))


def _papers(found: Services, who: Official) -> Iterator[Waits]:
    """扫描件 of the department, to be entered or checked."""
    if who.role is not Role.OFFICER:
        return
    with found.desk.sessions.read() as session:
        counts = sheets.count_sheets(session, who.actor.department)
    for state, title in (
        (sheets.OPEN, N_("待录入的扫描件")),
        (sheets.CHECKING, N_("待复核的采集单")),
        (sheets.SEALING, N_("盖章未完成的采集单")),
    ):
        yield Waits(f"entry.{state}", title, counts.get(state, 0), f"/entry?state={state}", "file")


def _disputes(found: Services, who: Official) -> Iterator[Waits]:
    """异议 of holders, to be answered by the department; late ones for whoever oversees it too."""
    if who.role not in _WORKERS:
        return
    count, late = found.desk.disputes.waiting(who.actor.department or None)
    yield Waits("disputes.late", N_("逾期未答复的异议"), late, "/disputes?show=late", "alert", True)
    if who.role is Role.OFFICER:
        yield Waits("disputes.open", N_("待答复的异议"), count - late, "/disputes", "pen")


def _inspections(found: Services, who: Official) -> Iterator[Waits]:
    """年检 due and overdue, by type."""
    if who.role not in _WORKERS:
        return
    own = [who.actor.department] if who.actor.department else None
    work = InspectionList(found.desk.sessions, found.desk.clock)
    for one in found.catalogue.list():
        if one.inspection is None:
            continue
        for shown, title in (("overdue", N_("已逾期的年检")), ("due", N_("待年检"))):
            if shown == "due" and who.role is not Role.OFFICER:
                continue  # nothing has gone wrong yet
            count = work.count(one, shown, departments=own, most=MOST + 1)
            href = f"/inspections?{urlencode({'type': one.slug, 'show': shown})}"
            yield Waits(f"inspection.{shown}", title, count, href, "clock", shown == "overdue", one.code)


def _quarantine(found: Services, who: Official) -> Iterator[Waits]:
    """隔离 rows of the department's sources."""
    if who.role not in _WORKERS:
        return
    own = frozenset({who.actor.department}) if who.actor.department else None
    count = found.desk.quarantine.count(Wanted(departments=own), most=MOST + 1)
    yield Waits("quarantine", N_("隔离待更正的数据"), count, "/collection/quarantine", "alert")


def _drafts(found: Services, who: Official) -> Iterator[Waits]:
    """目录草稿: an administrator's to review, unless their own; a department's to finish."""
    if who.role not in (Role.OFFICER, Role.ADMIN):
        return
    drafts = found.desk.catalogue_life.drafts(who, limit=MOST + 1)
    if who.role is Role.ADMIN:
        asked = [one for one in drafts if one.state is TypeState.REVIEW and who.actor.account not in one.hands]
        yield Waits("drafts.review", N_("待审核的目录草稿"), len(asked), "/types/drafts", "book")
    begun = [one for one in drafts if one.state is TypeState.DRAFT and who.actor.account in one.hands]
    yield Waits("drafts.begun", N_("您起草未提交的目录"), len(begun), "/types/drafts", "pen")


def _seals(found: Services, who: Official) -> Iterator[Waits]:
    """印章 and requests whose next step is this role's, as the table of steps has it."""
    register = found.desk.seal_register
    own = [who.actor.department] if who.actor.department else None
    for step, state, title in _SEALS:
        if who.role in STEPS[step].roles:
            rows = register.search(state=state, departments=own, limit=MOST + 1)
            yield Waits(f"seal.{step}", title, len(rows), f"/seals?state={state}", "stamp")
    for step, stage, title in _REQUESTS:
        if who.role in STEPS[step].roles:
            rows = register.search(pending=stage, departments=own, limit=MOST + 1)
            yield Waits(f"seal.{step}", title, len(rows), f"/seals?pending={stage}", "stamp")


def _running(found: Services, who: Official) -> Iterator[Waits]:
    """后台: jobs that failed, notices that were given up."""
    if who.role not in _WORKERS:
        return
    overseer = who.role in OVERSEERS
    reach = EVERYTHING if overseer else Reach(who.actor.account, who.actor.department or "")
    failed, _ = found.jobs.page(reach, state=FAILED, limit=MOST + 1)
    yield Waits("jobs.failed", N_("失败的后台任务"), len(failed), f"/jobs?state={FAILED}", "alert", True)
    dead = found.desk.notices.list(state=DEAD, department=None if overseer else who.actor.department, limit=MOST + 1)
    yield Waits("notices.dead", N_("没有送到的通知"), len(dead), f"/notices?state={DEAD}", "alert", True)
