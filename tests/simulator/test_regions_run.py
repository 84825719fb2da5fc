"""Two regions and a hub as processes: a licence of one passes in the other, and not while it cannot be known."""

from __future__ import annotations

from pathlib import Path

from api.simulator.asking import verify
from api.simulator.federation import plan
from api.simulator.journey import STEPS, Journey


def test_a_licence_passes_in_the_other_region_and_a_silent_one_is_known_as_of(tmp_path: Path) -> None:
    federation = plan(2, tmp_path)
    stages: list[str] = []
    try:
        federation.make(stages.append)
        a, b = federation.nodes
        journey = Journey(federation, a, b)
        got = {step.name: step.act(journey) for step in STEPS[:4]}
        assert got == {step.name: step.expected for step in STEPS[:4]}
        assert {one.source for one in federation.log.newest(400)} >= {a.code, b.code, federation.hub.code}

        a.relay.faults.add("broken")
        b.clock.move(90)  # what B heard is older than a minute now
        report = verify(b, journey.document)
        assert (report["indication"], report["sub_indication"]) == ("INDETERMINATE", "LICENCE_STATUS_AS_OF")

        federation.heal()
        assert verify(b, journey.document)["indication"] == "TOTAL-PASSED"
    finally:
        federation.stop()
    assert stages == ["init", "trust_list", "serve", "join"]
    assert not any(one.running for one in federation.everybody)
