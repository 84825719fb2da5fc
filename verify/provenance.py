"""来历图 of a material: everything that has happened to it as nodes and edges, signed, and checked without a register.

    report = check_provenance(data, store, now)
    report.level, report.problems         # the level worked out anew; () when everything holds

The export carries the item's birth, its chained events with the departments' statements, the seal objects those name,
and the graph. The reader believes none of it as such: signature, chain and statements are checked against a trust
store, the level and the graph are made anew and compared with what is stated. Relations are those of W3C PROV.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trust.anchors import TrustStore
from trust.canonical import Value
from trust.certificates import Certificate
from trust.errors import CheckFailed, Malformed
from trust.path import check_published
from trust.signed import items, members, moment, odd, open_signed, text
from verify.credibility import Birth, Credibility, Event, Statement, TrustedStatements, credibility_of, open_statement

FORMAT: Final = "licence-trust/material-provenance/1"
LARGEST: Final = 8 << 20
MOST_EVENTS: Final = 5000
_EVENT: Final = ("material_id", "kind", "actor", "role", "department_id", "at", "reason", "previous", "digest")
_BIRTH: Final = ("material_id", "upload", "kind", "level", "promotes_to", "holder_code")


@dataclass(frozen=True, slots=True)
class Node:
    """节点."""

    id: str
    type: str
    """``entity``, ``activity`` or ``agent``."""
    kind: str
    """What sort of it: ``material``, ``file``, ``statement``, ``licence``, ``case``, ``copy``; a step; a role."""
    said: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        return {"id": self.id, "type": self.type, "kind": self.kind, **({"said": dict(self.said)} if self.said else {})}


@dataclass(frozen=True, slots=True)
class Edge:
    """边: ``source`` ``relation`` ``target``."""

    source: str
    relation: str
    target: str

    def to_json(self) -> dict[str, object]:
        return {"from": self.source, "relation": self.relation, "to": self.target}


@dataclass(frozen=True, slots=True)
class Graph:
    """来历图."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def to_json(self) -> dict[str, object]:
        return {"nodes": [one.to_json() for one in self.nodes], "edges": [one.to_json() for one in self.edges]}


@dataclass(frozen=True, slots=True)
class ProvenanceReport:
    """What an export proves."""

    birth: Birth
    events: tuple[Event, ...]
    statements: tuple[Statement, ...]
    credibility: Credibility
    graph: Graph
    made: datetime
    publisher: Certificate
    problems: tuple[str, ...]
    """Codes; empty: everything holds."""

    @property
    def level(self) -> str:
        return self.credibility.level


# ---------------------------------------------------------------- 图


def graph_of(birth: Birth, events: Sequence[Event], copies: Sequence[str] = ()) -> Graph:
    """The graph that follows from a history; ``copies`` are ids of copies drawn from the item."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    item, file = f"material:{birth.material_id}", f"file:{birth.upload}"
    _put(nodes, Node(item, "entity", "material", {"kind": birth.kind, "level": birth.level}))
    _put(nodes, Node(file, "entity", "file", {"sm3": birth.upload}))
    edges.append(Edge(item, "wasDerivedFrom", file))
    for event in events:
        act = f"event:{birth.material_id}/{event.number}"
        said = {"at": event.at, "digest": event.digest, **({"reason": event.reason} if event.reason else {})}
        _put(nodes, Node(act, "activity", event.kind, said))
        for node, edge in _of_event(event, act, item, file):
            if node is not None:
                _put(nodes, node)
            edges.append(edge)
    for copy in copies:
        _put(nodes, Node(f"copy:{copy}", "entity", "copy"))
        edges.append(Edge(f"copy:{copy}", "wasDerivedFrom", item))
    return Graph(tuple(nodes.values()), tuple(edges))


def _put(nodes: dict[str, Node], node: Node) -> None:
    nodes.setdefault(node.id, node)


def _of_event(event: Event, act: str, item: str, file: str) -> Iterator[tuple[Node | None, Edge]]:
    agent = f"agent:{event.actor}"
    yield Node(agent, "agent", event.role), Edge(act, "wasAssociatedWith", agent)
    if event.department_id:
        department = f"department:{event.department_id}"
        yield Node(department, "agent", "department"), Edge(agent, "actedOnBehalfOf", department)
    details = event.details
    if event.kind in ("add", "scan"):
        yield None, Edge(item, "wasGeneratedBy", act)
        yield None, Edge(act, "used", file)
        if details.get("instead_of"):
            before = f"material:{details['instead_of']}"
            yield Node(before, "entity", "material"), Edge(item, "wasRevisionOf", before)
        return
    yield None, Edge(act, "used", item)
    if event.kind == "check" and event.statement:
        statement = f"statement:{details.get('statement', '')}"
        yield Node(statement, "entity", "statement"), Edge(statement, "wasGeneratedBy", act)
    if event.kind in ("offer", "supersede") and details.get("licence"):
        licence = f"licence:{details['licence']}"
        node = Node(licence, "entity", "licence", {"level": "A"} if event.kind == "supersede" else {})
        yield node, Edge(act, "used", licence)
        if event.kind == "supersede":
            yield None, Edge(licence, "alternateOf", item)
    if event.kind == "replace" and details.get("by"):
        after = f"material:{details['by']}"
        yield Node(after, "entity", "material"), Edge(after, "wasRevisionOf", item)
    if event.kind == "link" and details.get("case"):
        case = f"case:{details['case']}"
        yield Node(case, "entity", "case"), Edge(case, "wasInfluencedBy", act)
    if event.kind == "delete":
        yield None, Edge(item, "wasInvalidatedBy", act)


# ---------------------------------------------------------------- 写与读


def export_payload(
    birth: Birth,
    events: Sequence[Event],
    seals: Mapping[str, bytes],
    found: Credibility,
    state: str,
    copies: Sequence[str],
    made: str,
) -> dict[str, object]:
    """What is signed: ``seals`` by their SM3."""
    return {
        "format": FORMAT,
        "made": made,
        "birth": {name: getattr(birth, name) for name in _BIRTH},
        "events": [
            {
                **{name: getattr(one, name) for name in _EVENT},
                "number": str(one.number),
                "details": dict(one.details),
                "statement": b64encode(one.statement).decode(),
            }
            for one in events
        ],
        "seals": {digest: b64encode(der).decode() for digest, der in seals.items()},
        "level": found.level,
        "state": state,
        "copies": list(copies),
        "graph": graph_of(birth, events, copies).to_json(),
    }


def check_provenance(data: bytes, store: TrustStore, known_at: datetime) -> ProvenanceReport:
    """Read an export and check all of it against ``store``; raises ``Malformed`` for what is no export."""
    document = open_signed(data, FORMAT, limit=LARGEST)
    said = members(
        document.payload, {"format", "made", "birth", "events", "seals", "level", "state", "copies", "graph"}
    )
    made = moment(said, "made")
    given = members(said["birth"], set(_BIRTH))
    birth = Birth(**{name: text(given, name) for name in _BIRTH})
    rows = items(said, "events")
    if not 1 <= len(rows) <= MOST_EVENTS:
        raise odd("events")
    events = tuple(map(_event, rows))
    copies = [one for one in items(said, "copies") if isinstance(one, str)]
    seals = _seals(said["seals"])
    problems: list[str] = []
    try:
        check_published(document, store, made, known_at=known_at)
    except CheckFailed as failure:
        problems.append(failure.code)

    def seal(_seal_id: str, digest: str) -> bytes:
        if digest not in seals:
            raise Malformed("material.statement_seal", "核验声明所用的印章无法读取。")
        return seals[digest]

    found = credibility_of(birth, events, TrustedStatements(store, seal, known_at))
    problems += found.problems
    graph = graph_of(birth, events, copies)
    if text(said, "level") != found.level:
        problems.append("material.level_stated")
    if said["graph"] != graph.to_json():
        problems.append("material.graph_stated")
    return ProvenanceReport(
        birth, events, tuple(_statements(events)), found, graph, made, document.certificates[0], tuple(problems)
    )


def _event(row: Value) -> Event:
    found = members(row, {*_EVENT, "number", "details", "statement"})
    number, details = text(found, "number", limit=9), found["details"]
    if not number.isascii() or not number.isdigit() or not isinstance(details, dict):
        raise odd("events")
    if len(text(found, "previous")) != 64 or not all(isinstance(one, str) for one in details.values()):
        raise odd("events")
    try:
        bytes.fromhex(text(found, "previous"))
        statement = b64decode(text(found, "statement", limit=LARGEST), validate=True)
    except (binascii.Error, ValueError):
        raise odd("events") from None
    parts = {name: text(found, name, limit=4096) for name in _EVENT}
    return Event(number=int(number), details={str(k): str(v) for k, v in details.items()}, statement=statement, **parts)


def _seals(value: Value) -> dict[str, bytes]:
    if not isinstance(value, dict):
        raise odd("seals")
    try:
        return {digest: b64decode(der, validate=True) for digest, der in value.items() if isinstance(der, str)}
    except (binascii.Error, ValueError):
        raise odd("seals") from None


def _statements(events: Iterable[Event]) -> Iterator[Statement]:
    for event in events:
        if event.statement:
            try:
                yield open_statement(event.statement)
            except Malformed:
                continue
