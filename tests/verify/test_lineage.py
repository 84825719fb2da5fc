"""前一文件: a licence whose stated predecessor cannot be one does not pass; the others do, of both schemas."""

from __future__ import annotations

import pytest

from licence_store.face import PreparedFace
from seal.message import DataMessage
from seal.provenance import CaseLink, Lineage
from seal.sealing import Placement, Sealer, SealingMaterial
from tests.verify import world
from tests.verify.cases import store
from trust.identifiers import LicenceId, parse_licence_id
from verify.report import Indication
from verify.verifier import Verifier

OWN = parse_licence_id(world.make_message().licence_id)
OTHER = LicenceId(OWN.type_code, OWN.issuer_code, "2026000000099", 1)
SECOND = OWN.with_version(2)


def judge(identifier: LicenceId, lineage: Lineage | None, case: CaseLink | None = None) -> tuple[Indication, list[str]]:
    """What the verifier says of a licence of this id with that lineage, honestly sealed."""
    facts = {"licence_id": identifier.text, "version": f"{identifier.version:03d}"}
    plain = world.make_message(**facts)
    message = DataMessage.create(
        plain.metadata, plain.face, plain.seals, status_list=plain.status_list, status_index=plain.status_index,
        lineage=lineage, case=case,
    )  # fmt: skip
    office = world.authority()
    sealer = Sealer(office.timestamper(world.SIGNED), lambda: world.SIGNED)
    material = SealingMaterial(world.make(world.SealRecipe()), office.department)
    face = PreparedFace.of(world.definition(), True)
    sealed = sealer.seal(world.draw(message), material, [Placement(*face.placement(42, 42))])
    report = Verifier(store({}), lambda: world.NOW).verify(sealed.data)
    return report.indication, [f.code for f in report.findings if f.code.startswith("licence.")]


@pytest.mark.parametrize(
    ("identifier", "kind", "predecessor", "sound"),
    [
        (SECOND, "revision", OWN.text, True),
        (SECOND, "reseal", OWN.text, True),
        (OWN, "renewal", OTHER.text, True),
        (OWN, "revision", OWN.text, False),
        (OWN, "reissue", SECOND.text, False),
        (SECOND, "revision", OTHER.text, False),
        (SECOND, "renewal", OWN.text, False),
        (SECOND, "revision", "no licence id", False),
    ],
)
def test_lineage_is_judged(identifier: LicenceId, kind: str, predecessor: str, sound: bool) -> None:
    indication, codes = judge(identifier, Lineage(kind, predecessor, "ab" * 32))
    assert (indication is Indication.PASSED) is sound
    assert codes == ([] if sound else ["licence.lineage"])


def test_a_case_is_read_and_both_schemas_pass() -> None:
    assert judge(OWN, None)[0] is Indication.PASSED
    assert judge(OWN, None, CaseLink("990000-2026-0007"))[0] is Indication.PASSED
