"""比对清洗 of a chunk: what is new in it, and what speaks against each row (R031, R032).

Everything is asked of the whole chunk at once: what is known of its keys, the holder facts, repetitions. Rows in
``IncomingRow``s come out ``Decided``; nothing has been sealed yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from licence_store.cases import take_apart
from licence_store.collection.checks import DELIVERY, READING, Examined, examine
from licence_store.collection.facts import HolderFacts, Question
from licence_store.collection.models import CollectionItem
from licence_store.collection.repetitions import Claim, Repetitions, batches
from licence_store.collection.rows import MAX_KEY, Finding, IncomingRow
from licence_store.collection.rules import Rule
from licence_store.collection.sources import rules_of
from licence_store.definitions import LicenceTypeDefinition
from licence_store.models import table
from seal.database import Sessions
from trust.errors import LicenceTrustError, Malformed

UNCHANGED, HELD, SEAL, REVISE = "unchanged", "held", "seal", "revise"
"""What becomes of a row: nothing new; to the quarantine; to be sealed; a change of a licence there is."""
ACCEPTED, ISSUED, DISCARDED = "accepted", "issued", "discarded"
"""States of an item besides ``held``."""
_I = table(CollectionItem).c
_KNOWN = select(_I.id, _I.key, _I.digest, _I.state, _I.licence_base, _I.run, _I.row).where(
    _I.source_id == bindparam("source"), _I.key.in_(bindparam("keys", expanding=True))
)
_INSERT = insert(table(CollectionItem)).returning(_I.id, _I.key)
_SEEN = (
    update(table(CollectionItem))
    .where(_I.id == bindparam("item"))
    .values(digest=bindparam("said"), state=bindparam("stands"), run=bindparam("by"), row=bindparam("place"), gone=None)
)
_SEEN_AGAIN = (
    update(table(CollectionItem))
    .where(_I.id.in_(bindparam("items", expanding=True)))
    .values(run=bindparam("by"), gone=None)
)


@dataclass(frozen=True, slots=True)
class Decided:
    """A row after cleansing."""

    row: IncomingRow
    key: str
    """Under which the source's item stands; its own, or made up where it has none."""
    verdict: str
    digest: str
    """Of what was delivered."""
    findings: tuple[Finding, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    item_id: int = 0
    base: str = ""
    """The licence it has already."""
    licence_id: str = ""
    """That licence's newest version, where it says the same already."""


@dataclass(slots=True)
class Cleanser:
    """清洗 of one source's rows."""

    sessions: Sessions
    definition: LicenceTypeDefinition
    source_id: str
    source: str
    authority: int
    facts: HolderFacts | None
    clock: Callable[[], datetime]
    today: date
    rules: tuple[Rule, ...] = field(init=False)
    repetitions: Repetitions = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.definition)
        self.repetitions = Repetitions(self.definition, self.rules, self.source_id, self.source, self.authority)

    def decide(self, rows: Sequence[IncomingRow], run: int, *, again: bool = False) -> list[Decided]:
        """清洗 a chunk of run number ``run``, in their order. ``again``: rows of the quarantine, under their own keys.

        What survives is noted as ``accepted`` and leaves its marks: the same chunk may be given again.
        """
        with self.sessions.read() as session:
            known = self._known(session, rows)
        first = self._told_apart(rows, known, run, again=again)
        with self.sessions.read() as session:
            known |= self._known(session, [replace(d.row, key=d.key) for d in first if d.key != d.row.key])
        judged = self._ask_facts([self._judge(d, known.get(d.key), again=again) for d in first])
        with self.sessions.begin() as session:
            return self._settle(session, judged, known, run, again=again)

    # What is known of the rows

    def _known(self, session: Session, rows: Iterable[IncomingRow]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for keys in batches({row.key for row in rows if _usable(row.key)}):
            for item in session.connection().execute(_KNOWN, {"source": self.source_id, "keys": keys}):
                found[item.key] = item
        return found

    def _told_apart(
        self, rows: Sequence[IncomingRow], known: Mapping[str, Any], run: int, *, again: bool
    ) -> list[Decided]:
        """Each row under a key of its own: two rows with one key are two things, and the second is held back."""
        taken: dict[str, int] = {}
        told = []
        for row in rows:
            if again:
                told.append(Decided(row, row.key, SEAL, row.digest))
            elif not _usable(row.key):
                told.append(Decided(row, f"#{row.number}", HELD, row.digest, (_no_key(row),)))
            else:
                item = known.get(row.key)
                before = taken.get(row.key) or (item.row if item is not None and item.run == run else None)
                if before is not None and before != row.number:
                    key = f"{row.key[: MAX_KEY - 24]}#{row.number}"
                    told.append(Decided(row, key, HELD, row.digest, (_repeated_key(row, before),)))
                else:
                    taken[row.key] = row.number
                    told.append(Decided(row, row.key, SEAL, row.digest))
        return told

    # One by one

    def _judge(self, decided: Decided, item: Any, *, again: bool) -> Decided:
        row, content = decided.row, decided.row.content
        settled = item is not None and item.state in (ISSUED, DISCARDED)
        if not again and settled and item is not None and item.digest == decided.digest:
            return replace(decided, verdict=UNCHANGED, item_id=item.id)
        if isinstance(content, LicenceTrustError):
            reading = content
        else:
            try:
                record, extras = take_apart(content, row.extras)
                extras.check()
                record = {name: value for name, value in record.items() if name != "record_id"}
                examined = examine(self.definition, self.rules, record, self.today)
                row = replace(row, content=record, extras=extras)
                return self._with(decided, row, examined, item)
            except LicenceTrustError as error:
                reading = error
        found = (*decided.findings, Finding(READING, reading))
        return replace(decided, verdict=HELD, findings=found, base=item.licence_base if item else "")

    def _with(self, decided: Decided, row: IncomingRow, examined: Examined, item: Any) -> Decided:
        findings = (*decided.findings, *examined.findings)
        base = item.licence_base if item is not None else ""
        verdict = HELD if any(f.holds_back for f in findings) else REVISE if base else SEAL
        return replace(decided, verdict=verdict, findings=findings, values=examined.values, base=base, row=row)

    # The chunk at once

    def _ask_facts(self, decided: list[Decided]) -> list[Decided]:
        """持证者核对 of all that is new, in one question."""
        rules = [rule for rule in self.rules if rule.kind == "holder_fact"]
        if self.facts is None or not rules:
            return decided
        asked = [
            (place, rule, question)
            for place, one in enumerate(decided)
            for rule in rules
            if one.verdict != UNCHANGED and (question := _question(rule, one.values)) is not None
        ]
        if not asked:
            return decided
        answers = self.facts.confirm([question for _, _, question in asked])
        for (place, rule, _), answer in zip(asked, answers, strict=True):
            if answer is not True:
                decided[place] = _against(decided[place], rule, self._refuted(rule, known=answer is not None))
        return decided

    def _refuted(self, rule: Rule, *, known: bool) -> LicenceTrustError:
        properties = self.definition.schema["properties"]
        titles = "、".join(properties[name]["title"] for name in rule.fields)
        if known:
            return Malformed("cleansing.holder_fact", "经核对，持证者的“{titles}”与基础库不符。", titles=titles)
        return Malformed("cleansing.holder_unknown", "基础库中查不到该持证者（{titles}）。", titles=titles)

    def _settle(
        self, session: Session, judged: Sequence[Decided], known: Mapping[str, Any], run: int, *, again: bool
    ) -> list[Decided]:
        """Note what was seen, and ask what repeats: one transaction."""
        placed = self._note(session, judged, known, run, again=again)
        claims = [
            Claim(d.item_id, d.row.number, d.base, d.values, d.verdict != HELD)
            for d in placed
            if d.verdict != UNCHANGED and d.values
        ]
        repeated = self.repetitions.claim(session, claims, self.clock())
        return [_with_findings(d, repeated.get(d.item_id, ())) for d in placed]

    def _note(
        self, session: Session, judged: Sequence[Decided], known: Mapping[str, Any], run: int, *, again: bool
    ) -> list[Decided]:
        connection, now = session.connection(), self.clock()
        same = [d for d in judged if d.verdict == UNCHANGED]
        moved = {d.item_id for d in same if known[d.key].row != d.row.number}
        for items in batches(d.item_id for d in same if d.item_id not in moved):
            connection.execute(_SEEN_AGAIN, {"items": items, "by": run})
        ids = {key: item.id for key, item in known.items()}
        if again:
            return [replace(d, item_id=ids[d.key]) for d in judged if d.key in ids]
        new = {d.key: d for d in judged if d.key not in ids}
        if new:
            rows = [self._item(d, run, now) for d in new.values()]
            ids |= {key: item for item, key in connection.execute(_INSERT, rows)}
        changed = [d for d in judged if d.key not in new and (d.verdict != UNCHANGED or d.item_id in moved)]
        if changed:
            connection.execute(_SEEN, [
                {"item": ids[d.key], "said": d.digest, "stands": known[d.key].state, "by": run,
                 "place": d.row.number}
                for d in changed
            ])  # fmt: skip
        return [replace(d, item_id=ids[d.key]) for d in judged]

    def _item(self, decided: Decided, run: int, now: datetime) -> dict[str, Any]:
        return {
            "source_id": self.source_id,
            "key": decided.key,
            "digest": decided.digest,
            "state": ACCEPTED,
            "licence_base": "",
            "run": run,
            "row": decided.row.number,
            "gone": None,
            "first_seen": now,
        }


def _with_findings(decided: Decided, found: Iterable[Finding]) -> Decided:
    for finding in found:
        decided = _against(decided, None, finding)
    return decided


def _against(decided: Decided, rule: Rule | None, found: LicenceTrustError | Finding) -> Decided:
    """One reason more."""
    if isinstance(found, LicenceTrustError):
        assert rule is not None
        found = Finding(rule.id, found, rule.fields[0], rule.severity)
    verdict = HELD if found.holds_back else decided.verdict
    return replace(decided, verdict=verdict, findings=(*decided.findings, found))


def _question(rule: Rule, values: Mapping[str, str]) -> Question | None:
    if rule.when is not None and not rule.when.holds(values):
        return None
    asked = {name: values.get(field, "") for name, field in rule.params["ask"].items()}
    return Question(rule.params["fact"], asked) if all(asked.values()) else None


def _usable(key: str) -> bool:
    return bool(key) and len(key) <= MAX_KEY and key.isprintable()


def _no_key(row: IncomingRow) -> Finding:
    error = Malformed("cleansing.key_missing", "该行没有可用的来源主键（{limit} 个可见字符以内）。", limit=MAX_KEY)
    return Finding(DELIVERY, error)


def _repeated_key(row: IncomingRow, before: int) -> Finding:
    error = Malformed("cleansing.key_repeated", "该行的来源主键与本次第 {row} 行相同。", row=before)
    return Finding(DELIVERY, error)
