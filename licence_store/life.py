"""证照的一生: the acts on a licence that is there, each an appended event, none an update in place (R062-R068, T4).

    life.take(licence_id, "suspend", officer, reason="涉嫌违规，调查期间暂扣", basis="〔2026〕7号")
    life.inspect(licence_id, officer, result="passed", period="2027", evidence=("年检报告.pdf", data))
    life.sweep(now)                        # the events that time brought

Each act holds the licence's row, replays what is known of it, asks the one table (``licence_store.lifecycle``),
appends, and journals; what is refused is journalled too. An event says when it happened and when it was written
down; one that happened earlier may be written later, as long as the whole history stays one the table allows.
Content changes, which make a new version, are in ``licence_store.revising``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from licence_store import events, inspection, journal
from licence_store.catalogue import Catalogue
from licence_store.files import FileStore
from licence_store.inspection import Due
from licence_store.lifecycle import MARKS, STEPS, LicenceState, Rule, Step, allowed, step_of, take
from licence_store.standing import Happening, Marks, end_of, replay
from licence_store.sweeping import SweepResult, sweep
from licence_store.type_rules import InspectionRule
from licence_store.views import EventView
from seal.database import Sessions
from seal.lifecycle import Official, Role
from trust.errors import Conflict, LicenceTrustError, Malformed, Refused, Word
from trust.identifiers import parse_licence_id
from trust.journal import Entry

_LONGEST = 500
_MAX_EVIDENCE = 20 << 20
_BY_TIME = frozenset({"issue", "expire", "overdue"})
"""Events nobody decided: they do not stand in the way of what happened before them."""
_FAILED = "年检不合格"
"""Why a licence is suspended or revoked when its inspection failed."""


@dataclass(frozen=True, slots=True)
class LicenceLife:
    """证照办理. Callers have authenticated whoever acts."""

    sessions: Sessions
    catalogue: Catalogue
    files: FileStore
    clock: Callable[[], datetime]

    def take(
        self,
        licence_id: str,
        step: str,
        official: Official,
        *,
        reason: str = "",
        basis: str = "",
        effective: datetime | None = None,
        also: Callable[[Session], None] | None = None,
    ) -> EventView:
        """办理一步: a mark on the licence (``MARKS``), with effect from ``effective`` (default: now).

        ``licence_id`` is that of any of its versions; ``also`` happens in the same transaction, or nothing does. Raises
        ``NotFound("licence.unknown", "licence.step_unknown")``;
        ``Refused("licence.role", "licence.step", "licence.department", "licence.holder", "licence.reason_missing",
        "licence.later_event")``; ``Malformed("licence.step_form", "licence.effective", "licence.words")``.
        """
        with self._journalled(step, licence_id, official):
            if (found := step_of(step)).name not in MARKS:
                raise Malformed("licence.step_form", "“{step}”有自己的办理方式。", step=Word(found.title))
            with self.sessions.begin() as session:
                case = self._open(session, step, licence_id, official, reason, basis, effective)
                if also is not None:
                    also(session)
                self._write(session, case, [case.event(step, reason=reason.strip(), basis=basis.strip())])
                return case.written[-1]

    def inspect(
        self,
        licence_id: str,
        official: Official,
        *,
        result: str,
        period: str = "",
        remarks: str = "",
        evidence: tuple[str, bytes] | None = None,
        effective: datetime | None = None,
    ) -> EventView:
        """办理年检 of one year (``period``; default: the one that is due), by the type's present rule.

        A failed one is followed by what the rule says: suspension, revocation, or being overdue at once. ``evidence``
        is the name and content of a document, kept among the files. Raises as ``take`` does, and
        ``Refused("licence.no_inspection", "licence.inspection_period")``, ``Conflict("licence.already_inspected")``,
        ``Malformed("licence.inspection_result", "licence.inspection_year", "licence.evidence")``.
        """
        with self._journalled("inspect", licence_id, official):
            _check_words("inspect", remarks=remarks)
            name, digest = self._keep(evidence)
            with self.sessions.begin() as session:
                case = self._open(session, "inspect", licence_id, official, "", "", effective)
                rule = self._rule(session, case)
                year, due = _inspected(case, rule, period, result)
                row = case.event(
                    "inspect", due_year=due.year, due=due.by, period=str(year), result=result,
                    remarks=remarks.strip(), evidence=digest, evidence_name=name,
                )  # fmt: skip
                self._write(session, case, [row, *_consequence(case, rule, result)])
                return case.written[0]

    def sweep(self, moment: datetime | None = None, limit: int = 1000) -> SweepResult:
        """到期与年检逾期登记: write the events that time brought up to ``moment`` (default now), for at most ``limit``
        licences. Harmless at any time and in any number of processes: each event is written once.
        """
        return sweep(self.sessions, moment or self.clock(), self.clock, limit)

    def refusal(self, licence_id: str, step: str, official: Official) -> LicenceTrustError | None:
        """可否办理: what speaks against the step now, whatever its form will say; not journalled. ``None``: nothing."""
        try:
            with self.sessions.read() as session:
                self._open(session, step, licence_id, official, "-", "", None, hold=False)
        except LicenceTrustError as error:
            return error
        return None

    def allowed(self, licence_id: str, official: Official) -> tuple[Step, ...]:
        """What may be done with the licence now by this official, as far as table and department go."""
        with self.sessions.read() as session:
            row = events.lock(session, parse_licence_id(licence_id).base, licence_id, hold=False)
            happened = events.of_licence(session, row.base)
        standing = replay(happened, end_of(row.valid_to), _latest(happened, self.clock()))
        try:
            check_own(row, official)
        except Refused:
            return ()
        return allowed(standing.state, official.role)

    # Inside

    @contextmanager
    def _journalled(self, step: str, subject: str, who: Official) -> Iterator[None]:
        """What is refused is written down, with the code of the rule."""
        try:
            yield
        except LicenceTrustError as error:
            entry = Entry(
                self.clock(), who.actor, f"licence.{step}"[:64], subject[:200], result=error.code,
                details={"role": str(who.role)},
            )  # fmt: skip
            with self.sessions.begin() as session:
                journal.append(session, [entry])
            raise

    def _open(
        self,
        session: Session,
        step: str,
        licence_id: str,
        who: Official,
        reason: str,
        basis: str,
        effective: datetime | None,
        *,
        hold: bool = True,
    ) -> Case:
        """The licence, held until the transaction ends, and that the step may be taken."""
        asked = parse_licence_id(licence_id)
        row = events.lock(session, asked.base, asked.text, hold=hold)
        case = Case.of(row, events.of_licence(session, row.base), who, effective, self.clock())
        case.check(step, reason, basis)
        return case

    def _write(self, session: Session, case: Case, rows: Sequence[dict[str, Any]]) -> None:
        """Events, projection, journal."""
        case.check_later(rows)
        events.append(session, rows)
        case.written.extend(EventView.of(row) for row in rows)
        details = {"effective": case.effective.isoformat(), "role": str(case.who.role)}
        subject = case.row.licence_id
        journal.append(
            session,
            [
                Entry(case.now, case.who.actor, f"licence.{r['kind']}", subject, r["reason"], details=details)
                for r in rows
            ],
        )

    def _rule(self, session: Session, case: Case) -> InspectionRule:
        """The type's present inspection rule."""
        rule = self.catalogue.current_in(session, case.row.type_code).definition.inspection
        if rule is None:
            raise Refused("licence.no_inspection", "此类证照没有年检规则，不办理年检。")
        return rule

    def _keep(self, evidence: tuple[str, bytes] | None) -> tuple[str, str]:
        """Name and digest of the evidence, kept; empty where there is none."""
        if evidence is None:
            return "", ""
        name, data = evidence
        if not data or len(data) > _MAX_EVIDENCE or not name.strip() or not name.isprintable():
            raise Malformed("licence.evidence", "所附材料为空、没有名称或超过 {limit} MB。", limit=_MAX_EVIDENCE >> 20)
        return name.strip()[-200:], self.files.put(data)


@dataclass(frozen=True, slots=True)
class Case:
    """办理中的证照: how it stands at the moment the step takes effect."""

    row: events.LicenceRow
    happened: list[Any]
    who: Official
    effective: datetime
    now: datetime
    state: LicenceState
    marks: Marks
    written: list[EventView]

    @classmethod
    def of(
        cls, row: events.LicenceRow, happened: list[Any], who: Official, effective: datetime | None, now: datetime
    ) -> Case:
        """Raises ``Malformed("licence.effective")`` for a moment before the issue, or still to come."""
        latest = _latest(happened, now)
        moment = effective or latest
        if moment.tzinfo is None or moment < happened[0].effective or moment > latest:
            raise Malformed("licence.effective", "生效时间不能早于证照签发，也不能晚于现在。")
        standing = replay(happened, end_of(row.valid_to), moment)
        return cls(row, happened, who, moment, now, standing.state, standing.marks, [])

    def check(self, step: str, reason: str, basis: str) -> None:
        """Raises ``Refused`` or ``Malformed``, naming the rule."""
        check_own(self.row, self.who)
        take(step, self.state, self.who.role)
        check_reason(step, reason, basis)

    def event(self, kind: str, **more: Any) -> dict[str, Any]:
        """A row of ``licence_event``, with the state that the step leads to."""
        end = end_of(self.row.valid_to)
        role = str(self.who.role)
        table_says = take(kind, self.state, self.who.role, self.marks.without(kind).at(self.effective, end))
        row = events.event_row(
            self.row.base, self.row.version, kind, table_says, self.effective, self.now, self.who.actor.account, role,
            **more,
        )  # fmt: skip
        if kind == "inspect":
            row["state"] = str(self.marks.after(EventView.of(row)).at(self.effective, end))
        return row

    def check_later(self, rows: Sequence[dict[str, Any]]) -> None:
        """Does all that happened later stay possible?

        Raises ``Refused("licence.later_event")`` naming the first event that does not.
        """
        added = [EventView.of(row) for row in rows]
        before: list[Happening] = [e for e in self.happened if e.effective <= self.effective] + added
        end = end_of(self.row.valid_to)
        for event in (e for e in self.happened if e.effective > self.effective):
            state = replay(before, end, event.effective).state
            if event.kind not in _BY_TIME and state not in STEPS[event.kind].moves:
                raise Refused(
                    "licence.later_event",
                    "该时间之后已办理“{step}”（{moment}），若自该时间起“{state}”，就不能办理它。",
                    remedy="请改用较晚的生效时间。",
                    step=Word(STEPS[event.kind].title),
                    moment=event.effective.isoformat(),
                    state=Word(state.label),
                )
            before.append(event)


def check_own(row: Any, who: Official) -> None:
    """限颁证部门, 限本人: raises ``Refused("licence.department")``, ``Refused("licence.holder")``."""
    department = who.actor.department
    if who.role is Role.HOLDER:
        if not who.holder_code or who.holder_code != row.holder_code:
            raise Refused("licence.holder", "只能办理本人的证照。")
    elif department and department != row.department_id:
        raise Refused("licence.department", "只有颁证部门可以办理该证照。")


def check_reason(step: str, reason: str, basis: str = "") -> None:
    """Raises ``Refused("licence.reason_missing")``, ``Malformed("licence.words")``."""
    _check_words(step, reason=reason, basis=basis)
    if Rule.REASON in STEPS[step].rules and not reason.strip():
        raise Refused("licence.reason_missing", "“{step}”须说明理由。", step=Word(STEPS[step].title))


def _check_words(step: str, **words: str) -> None:
    for text in words.values():
        lines = text.replace("\r\n", "").replace("\n", "")
        if len(text) > _LONGEST or not lines.isprintable():
            raise Malformed(
                "licence.words", "“{step}”的说明过长或含有控制字符（最多 {limit} 字）。", limit=_LONGEST,
                step=Word(STEPS[step].title),
            )  # fmt: skip


def _inspected(case: Case, rule: InspectionRule, period: str, result: str) -> tuple[int, Due]:
    """The year inspected, and what is due after it."""
    inspection.check_result(rule, result)
    before = Due(case.marks.due_year, case.marks.due)
    year = inspection.read_period(rule, period, before, case.row.first_issued, case.effective)
    for event in case.happened:
        if event.kind == "inspect" and event.period == str(year) and event.result != "failed":
            raise Conflict("licence.already_inspected", "{year} 年度的年检已经办理。", year=year)
    return year, inspection.due_after(rule, before, year, result, case.effective)


def _consequence(case: Case, rule: InspectionRule, result: str) -> list[dict[str, Any]]:
    """What follows from a failed inspection."""
    step = {"SUSPENDED": "suspend", "REVOKED": "revoke"}.get(rule.failed, "") if result == "failed" else ""
    return [case.event(step, reason=_FAILED)] if step and case.state in STEPS[step].moves else []


def _latest(happened: Sequence[Any], now: datetime) -> datetime:
    """Now; not before what another machine's clock has written already."""
    latest: datetime = happened[-1].effective
    return max(now, latest)
