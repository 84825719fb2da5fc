"""谁在用证: which acts of the journal are noted in holders' ledgers, and who acted, in the holder's words.

Whoever reads, checks, verifies or hands out a licence leaves an entry in the journal; the same call notes it in the
ledger of the licence's holder, in the same transaction. ``NOTED`` says which act of the journal is which in the ledger,
``NOT_NOTED`` which are none and why; a test finds every act that the code knows in one of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from licence_store.ledger.ledger import Ledger, UseNote
from licence_store.models import Account, Department
from trust.errors import Malformed
from trust.i18n import N_
from trust.identifiers import parse_licence_id
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.holding.holder import HolderSession

NOTED: Final[Mapping[str, str]] = {
    "licence.read": "view",
    "licence.history": "view",
    "licence.lineage": "view",
    "licence.search": "list",
    "licence.holdings": "list",
    "licence.inspections": "list",
    "licence.changes": "list",
    "licence.check": "check",
    "licence.public_check": "check",
    "licence.download": "download",
    "licence.evidence": "download",
    "licence.convert": "download",
    "paper.open": "view",
    "proof.read": "view",
    "document.verify": "verify",
}
"""Act of the journal → act of the ledger."""
_ISSUING: Final = "the issuing department's own making; the holder sees it as the licence's history"
_STEP: Final = (
    "a step taken; the holder sees it as the licence's history; an attempt on another's is noted as a refusal"
)
NOT_NOTED: Final[Mapping[str, str]] = {
    "licence.picture": "the look itself is noted where the page asks for the licence",
    "licence.verify": "document.verify follows, with the result",
    "licence.issue": _ISSUING,
    "licence.issue_file": _ISSUING,
    "licence.form": _ISSUING,
    "licence.reserve": _ISSUING,
    "licence.void": _ISSUING,
    "licence.reseal": _ISSUING,
    "licence.archive": _ISSUING,
    "licence.inspect": _STEP,
    "licence.revise": _STEP,
    "licence.reissue": _STEP,
    "licence.renew": _STEP,
}
"""Acts of the journal about licences that say nothing to the ledger, and why."""
PUBLIC, SELF, CONSOLE, SYSTEM = N_("公众（未登录）"), N_("本人"), N_("命令行"), N_("系统")
COUNTER: Final = N_("窗口代办")
STAFF: Final = {"auditor": N_("审计员"), "admin": N_("系统管理员")}
WORDS: Final = frozenset({PUBLIC, SELF, CONSOLE, SYSTEM, COUNTER, *STAFF.values()})
"""Names that are words of ours, to be translated where they are shown."""
_CHECKED: Final = {"true": "holds", "false": "differs"}
"""What a comparison told: never more."""
_ACCOUNT = (
    select(Account.role, Account.department_id, Department.name.label("department"))
    .join(Department, Department.id == Account.department_id, isouter=True)
    .where(Account.name == bindparam("name"))
)


@dataclass(frozen=True, slots=True)
class LedgerWitness:
    """见证: called by the journal, before it writes."""

    ledger: Ledger

    def __call__(self, session: Session, entry: Entry, licences: Sequence[str]) -> None:
        act = NOTED.get(entry.action, "")
        refused = entry.result != "ok" and entry.action.startswith(("licence.", "paper."))
        bases = [base for one in dict.fromkeys(licences) if (base := _base(one))] if act or refused else []
        if not bases:
            return
        who, department = who_of(session, entry.actor)
        result = _CHECKED.get(entry.details.get("all", ""), entry.result)
        notes = (
            UseNote(
                "", base, "refuse" if refused else act, who, entry.actor.account, entry.reason, result,
                entry.moment, department,
            )
            for base in bases
        )  # fmt: skip
        self.ledger.note(session, *notes)

    def look(self, actor: Actor, licence_id: str, why: str) -> None:
        """A look at the licence's face, noted once for a page and all its pictures."""
        ledger = self.ledger
        with ledger.sessions.begin() as session:
            who, department = who_of(session, actor)
            ledger.note_once(
                session,
                UseNote(
                    "", _base(licence_id), "view", who, actor.account, why, "ok", ledger.clock(), department
                ),
            )  # fmt: skip


def who_of(session: Session, actor: Actor) -> tuple[str, str]:
    """Who acts, as a holder reads it, and the department's short name."""
    if actor.account == "anonymous":
        return PUBLIC, ""
    if actor.account.startswith("holder:"):
        return SELF, ""
    name, _, system = actor.account.partition("/")
    row = session.execute(_ACCOUNT, {"name": name}).first()
    if row is None:
        return (SYSTEM if name == "system" else CONSOLE), ""
    place = row.department or STAFF.get(row.role, name)
    return (f"{place} · {system}" if system else place), row.department_id or ""


def who_holds(session: HolderSession) -> str:
    """The holder themself, or who acts for them, by name without the given name."""
    if session.counter is not None and not session.counter.account.startswith("holder:"):
        return COUNTER
    if not session.acts_for_another:
        return SELF
    return session.person.masked_name


def _base(licence_id: str) -> str:
    """Base of a licence id; empty: it is none."""
    try:
        return parse_licence_id(licence_id).base
    except Malformed:
        return ""
