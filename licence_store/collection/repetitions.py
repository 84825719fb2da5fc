"""重复与矛盾: does a row repeat another, or contradict another source? Asked of a whole chunk at once.

Who came first stays; a later one is told whom it repeats. Rows that survive leave marks (``marks``); licences that
came into the register by another door are found by holder and compared field by field.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store.collection.marks import Marks, fold, marks_of
from licence_store.collection.models import CollectionItem, CollectionMark, CollectionSource
from licence_store.collection.rows import Finding
from licence_store.collection.rules import WARN, Rule
from licence_store.collection.texts import to_text
from licence_store.definitions import LicenceTypeDefinition
from licence_store.lifecycle import LASTING, LicenceState
from licence_store.models import Licence, LicenceVersion, table
from licence_store.standing import effective_state
from trust.errors import Malformed

OURS = "collect:"
"""How the record ids of what is collected begin."""
AT_ONCE = 8000
"""Values in one question to the database."""
_I, _M, _S = table(CollectionItem).c, table(CollectionMark).c, table(CollectionSource).c
_L, _V = table(Licence).c, table(LicenceVersion).c
_HITS = (
    select(_M.mark, _M.item_id, _M.says, _I.source_id, _I.row, _I.licence_base, _S.authority, _S.title)
    .select_from(table(CollectionMark).join(table(CollectionItem), _I.id == _M.item_id))
    .join(table(CollectionSource), _S.id == _I.source_id)
    .where(_M.mark.in_(bindparam("marks", expanding=True)))
)
_OTHERS = (
    select(_L.base, _L.holder_code, _V.message)
    .join(table(LicenceVersion), (_V.base == _L.base) & (_V.version == _L.version))
    .outerjoin(table(CollectionItem), _I.licence_base == _L.base)
    .where(_L.type_code == bindparam("type_code"), _L.holder_code.in_(bindparam("codes", expanding=True)))
    .where(_I.id.is_(None), ~_L.record_key.startswith(f"id:{OURS}"))
)
_FORGET = delete(CollectionMark).where(_M.item_id.in_(bindparam("ids", expanding=True)))
_INSERT = {
    "sqlite": sqlite.insert(table(CollectionMark)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(table(CollectionMark)).on_conflict_do_nothing(),
}
OVER = (*(str(state) for state in LASTING), str(LicenceState.EXPIRED))
"""States in which a licence stands in nobody's way."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the chunk, with what it would leave."""

    item_id: int
    row: int
    base: str
    """Its own licence, where it has one."""
    values: Mapping[str, str]
    survives: bool
    """Has nothing else been found against it? Only then it leaves marks."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """Somebody who has left a mark."""

    item_id: int
    source_id: str
    source: str
    row: int
    authority: int
    base: str
    says: Mapping[str, str]


@dataclass(slots=True)
class Repetitions:
    """比对 of the chunks of one source."""

    definition: LicenceTypeDefinition
    rules: Sequence[Rule]
    source_id: str
    source: str
    authority: int
    _own: list[Rule] = field(init=False)

    def __post_init__(self) -> None:
        self._own = [r for r in self.rules if r.kind in ("duplicate", "near_duplicate", "contradiction")]

    def claim(self, session: Session, claims: Sequence[Claim], moment: datetime) -> dict[int, list[Finding]]:
        """What repetitions and contradictions there are, by item; survivors leave their marks.

        In the caller's transaction; others of the type wait for it.
        """
        findings: dict[int, list[Finding]] = defaultdict(list)
        if not self._own or not claims:
            return findings
        self._queue(session)
        forget(session, [claim.item_id for claim in claims])
        marked = {c.item_id: self._marks(c) for c in claims}
        taken = self._taken(session, (m for marks in marked.values() for one in marks for m in one.asks), moment)
        registered = self._registered(session, claims, moment)
        left: list[dict[str, Any]] = []
        for claim in claims:
            found = [f for marks in marked[claim.item_id] for f in self._against(claim, marks, taken)]
            found += self._already(claim, registered)
            findings[claim.item_id] = found
            if claim.survives and not any(f.holds_back for f in found):
                left += self._leave(claim, marked[claim.item_id], taken)
        if left:
            connection = session.connection()
            connection.execute(_INSERT[connection.dialect.name], left)
        return findings

    def _marks(self, claim: Claim) -> list[Marks]:
        made = (marks_of(rule, self.definition.code, claim.values) for rule in self._own)
        return [one for one in made if one is not None]

    def _queue(self, session: Session) -> None:
        """Sources of one type claim one after another."""
        sources = select(_S.id).where(_S.type_code == self.definition.code).order_by(_S.id)
        session.execute(sources.with_for_update(of=table(CollectionSource)))

    def _taken(self, session: Session, marks: Iterable[bytes], moment: datetime) -> dict[bytes, list[_Hit]]:
        """Who has left these marks, as far as they still count."""
        taken: dict[bytes, list[_Hit]] = defaultdict(list)
        for some in batches(set(marks)):
            for row in session.connection().execute(_HITS, {"marks": some}):
                says = json.loads(row.says) if row.says else {}
                hit = _Hit(row.item_id, row.source_id, row.title, row.row, row.authority, row.licence_base, says)
                taken[bytes(row.mark)].append(hit)
        ended = _ended(session, {hit.base for hits in taken.values() for hit in hits if hit.base}, moment)
        return defaultdict(list, {mark: [h for h in hits if h.base not in ended] for mark, hits in taken.items()})

    def _against(self, claim: Claim, marks: Marks, taken: Mapping[bytes, list[_Hit]]) -> Iterator[Finding]:
        hits = {hit.item_id: hit for mark in marks.asks for hit in taken.get(mark, ()) if hit.item_id != claim.item_id}
        if not hits:
            return
        if marks.rule.kind != "contradiction":
            first = next(iter(hits.values()))
            yield self._repeated(marks.rule, first)
            return
        for hit in hits.values():
            differing = [name for name in marks.says if name in hit.says and hit.says[name] != marks.says[name]]
            if differing and hit.source_id != self.source_id:
                yield self._contradicted(marks.rule, hit, differing)

    def _leave(self, claim: Claim, marked: Sequence[Marks], taken: dict[bytes, list[_Hit]]) -> list[dict[str, Any]]:
        """Its marks, but for those that somebody holds already; noted for the rows after it."""
        left = []
        for marks in marked:
            says = to_text(dict(marks.says)) if marks.says else ""
            own = _Hit(claim.item_id, self.source_id, self.source, claim.row, self.authority, claim.base, marks.says)
            for mark in marks.leaves:
                rivals = taken.get(mark, [])
                if any(hit.source_id == self.source_id or not marks.says for hit in rivals):
                    continue
                taken[mark] = [*rivals, own]
                left.append({"mark": mark, "item_id": claim.item_id, "says": says})
        return left

    def _repeated(self, rule: Rule, other: _Hit) -> Finding:
        params: dict[str, Any] = {"titles": self._titles(rule.fields), "source": other.source, "row": other.row}
        if rule.kind == "duplicate":
            error = Malformed(
                "cleansing.duplicate", "与来源“{source}”第 {row} 行的“{titles}”相同，属重复记录。", **params
            )
        else:
            error = Malformed(
                "cleansing.near_duplicate", "与来源“{source}”第 {row} 行的“{titles}”相近，疑为同一记录。", **params
            )
        return Finding(rule.id, error, rule.fields[0], rule.severity)

    def _contradicted(self, rule: Rule, other: _Hit, differing: Sequence[str]) -> Finding:
        believed = other.authority >= self.authority
        error = Malformed(
            "cleansing.contradiction",
            "“{titles}”与来源“{source}”（权威级别 {theirs}，本来源 {ours}）的记载不一致。",
            titles=self._titles(differing),
            source=other.source,
            theirs=other.authority,
            ours=self.authority,
        )
        return Finding(rule.id, error, differing[0], rule.severity if believed else WARN)

    def _titles(self, fields: Iterable[str]) -> str:
        properties = self.definition.schema["properties"]
        return "、".join(properties[name]["title"] for name in fields)

    # Licences that came by another door

    def _registered(
        self, session: Session, claims: Sequence[Claim], moment: datetime
    ) -> dict[str, list[tuple[str, Mapping[str, str]]]]:
        """Holder code → such licences of the type that stand in the way, with their faces."""
        holder = self.definition.holder.code
        if not any(rule.kind == "duplicate" and holder in rule.fields for rule in self._own):
            return {}
        codes = {code for claim in claims if (code := claim.values.get(holder, "")) and code.isprintable()}
        found: dict[str, list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
        query = _OTHERS.where(effective_state(moment).not_in(OVER))
        for some in batches(codes):
            asked = {"type_code": self.definition.code, "codes": some}
            for row in session.connection().execute(query, asked):
                face = {one["name"]: one["value"] for one in json.loads(row.message)["face"]}
                found[row.holder_code].append((row.base, face))
        return found

    def _already(
        self, claim: Claim, registered: Mapping[str, list[tuple[str, Mapping[str, str]]]]
    ) -> Iterator[Finding]:
        holder = self.definition.holder.code
        for base, face in registered.get(claim.values.get(holder, ""), ()):
            for rule in self._own:
                if rule.kind == "duplicate" and holder in rule.fields and base != claim.base:
                    if all(fold(face.get(name, "")) == fold(claim.values.get(name, "")) for name in rule.fields):
                        error = Malformed(
                            "cleansing.duplicate",
                            "登记簿中已有“{titles}”相同的证照（{licence}）。",
                            titles=self._titles(rule.fields),
                            licence=base,
                        )
                        yield Finding(rule.id, error, rule.fields[0], rule.severity)


def _ended(session: Session, bases: Collection[str], moment: datetime) -> set[str]:
    """Which of these licences stand in nobody's way any more."""
    ended: set[str] = set()
    state = effective_state(moment)
    for some in batches(bases):
        ended |= set(session.execute(select(Licence.base).where(Licence.base.in_(some), state.in_(OVER))).scalars())
    return ended


def forget(session: Session, item_ids: Sequence[int]) -> None:
    """Take the marks of these items away."""
    for some in batches(item_ids):
        session.connection().execute(_FORGET, {"ids": some})


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    """``values`` in lists that one question to the database takes."""
    every = list(values)
    for first in range(0, len(every), AT_ONCE):
        yield every[first : first + AT_ONCE]
