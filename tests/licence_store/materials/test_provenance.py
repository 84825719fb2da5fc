"""来历: the graph, and the export that is checked without a register; nothing altered passes."""

from __future__ import annotations

import json
import random

import pytest

from licence_store.desk import now
from tests.licence_store.materials.world import Bench
from trust.anchors import TrustStore
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError, Malformed
from trust.signed import sign_document
from verify.provenance import FORMAT, check_provenance


@pytest.fixture
def exported(bench: Bench) -> bytes:
    first = bench.add()
    mine = bench.materials.replace(first.id, bench.owner, bench.scan())
    bench.check(mine.id)
    bench.materials.link("C-7", bench.officer(), subject=mine.id)
    licence = bench.issue(bench.owner.holder)
    bench.materials.offer_better(mine.id, bench.owner)
    taken = bench.materials.take_better(mine.id, bench.owner)
    assert taken.better == licence.licence_id
    return bench.materials.provenance(mine.id, bench.owner).export()


def test_it_proves_itself(bench: Bench, exported: bytes) -> None:
    store = bench.desk.trust()
    bench.desk.close()  # nothing is asked of the register
    report = check_provenance(exported, store, now())
    assert (report.level, report.problems) == ("B", ())
    assert report.credibility.by is not None
    assert report.credibility.by.department_name == "演示省教育厅"
    kinds = {(one.type, one.kind) for one in report.graph.nodes}
    assert {("entity", "material"), ("entity", "file"), ("entity", "statement"), ("entity", "licence"),
            ("entity", "case"), ("activity", "check"), ("activity", "supersede"), ("agent", "department"),
            ("agent", "holder"), ("agent", "officer")} <= kinds  # fmt: skip
    relations = {one.relation for one in report.graph.edges}
    assert {"wasDerivedFrom", "wasGeneratedBy", "wasRevisionOf", "used", "wasAssociatedWith", "actedOnBehalfOf",
            "alternateOf"} <= relations  # fmt: skip
    nodes = {one.id for one in report.graph.nodes}
    assert all(one.source in nodes and one.target in nodes for one in report.graph.edges)


def test_nothing_altered_passes(bench: Bench, exported: bytes) -> None:
    store, chance = bench.desk.trust(), random.Random(7)
    for _ in range(150):
        place = chance.randrange(len(exported))
        changed = exported[:place] + bytes([exported[place] ^ (1 << chance.randrange(7))]) + exported[place + 1 :]
        try:
            report = check_provenance(changed, store, now())
        except Malformed:
            continue
        assert report.problems, place


def test_signed_again_by_somebody_else_it_still_fails(bench: Bench, exported: bytes) -> None:
    """Who holds the publisher's key, or another one, cannot make a B out of what no department signed."""
    store, whole = bench.desk.trust(), json.loads(exported)
    payload = whole["payload"]
    assert payload["format"] == FORMAT
    publisher, officer = bench.desk.region.keyring.signer("publisher"), bench.desk.material("99000000000002").signer

    def problems(changed: dict[str, object], signer: object = publisher) -> tuple[tuple[str, ...], str]:
        data = sign_document({**payload, **changed}, signer.sign, [signer.certificate.der])  # type: ignore[attr-defined]
        report = check_provenance(data, store, now())
        return report.problems, report.level

    assert problems({}) == ((), "B")
    assert problems({}, officer)[0]  # a department is no publisher
    without = [{**one, "statement": ""} if one["kind"] == "check" else one for one in payload["events"]]
    assert "material.chain" in problems({"events": without})[0]
    assert problems({"events": payload["events"][:1]})[1] == "C"
    assert "material.level_stated" in problems({"events": payload["events"][:1], "copies": []})[0]
    assert "material.statement_seal" in problems({"seals": {}})[0]
    assert problems({"seals": {}})[1] == "C"
    assert "material.chain" in problems({"birth": {**payload["birth"], "upload": "00" * 32}})[0]
    assert "material.chain" in problems({"birth": {**payload["birth"], "promotes_to": "A"}})[0]
    assert "material.graph_stated" in problems({"graph": {"nodes": [], "edges": []}})[0]
    assert "material.level_stated" in problems({"level": "A"})[0]


def test_without_trust_nothing_is_believed(exported: bytes) -> None:
    report = check_provenance(exported, TrustStore(), now())
    assert report.level == "C"
    assert len(report.problems) >= 2


SILLY = [
    b"",
    b"{}",
    b"[]",
    b"\xff\xfe",
    b"{" * 5000,
    canonical_json({"certificates": [], "payload": {}, "signature": ""}),
]


@pytest.mark.parametrize("data", SILLY)
def test_what_is_no_export_is_malformed(data: bytes) -> None:
    with pytest.raises(LicenceTrustError) as caught:
        check_provenance(data, TrustStore(), now())
    assert isinstance(caught.value, Malformed)


def test_others_see_no_provenance(bench: Bench) -> None:
    mine = bench.add()
    for who in (bench.other, bench.officer("health")):
        with pytest.raises(LicenceTrustError) as caught:
            bench.materials.provenance(mine.id, who)
        assert caught.value.code == "material.unknown"
