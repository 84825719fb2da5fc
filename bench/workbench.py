"""One of everything that issuing takes, in memory: for timing single steps without a register."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from licence_store.definitions import LicenceTypeDefinition, shipped_definitions
from licence_store.face import PreparedFace, draw_face
from seal.impression import Impression, round_seal
from seal.making import SealApplication, make_seal
from seal.message import DataMessage, RequiredSeal
from seal.ofd.unsigned import UnsignedOFD
from seal.sealing import Placement, Sealer, SealingMaterial
from trust.identifiers import LicenceId, credit_code_check_char

DEPARTMENT = "演示省市场监督管理局"
SEAL_ID = "99000000000001"
BASE_URL = "http://localhost:8000"


@dataclass(frozen=True)
class Workbench:
    """Authority, seal, type and sealer, all prepared as a running service has them."""

    authority: DemonstrationAuthority
    definition: LicenceTypeDefinition
    face: PreparedFace
    impression: Impression
    material: SealingMaterial
    sealer: Sealer
    messages: Iterator[DataMessage]

    @property
    def placement(self) -> Placement:
        return Placement(*self.face.placement(self.impression.width_mm, self.impression.height_mm))

    def draw(self) -> UnsignedOFD:
        """One more unsigned document."""
        message = next(self.messages)
        return draw_face(self.face, message, f"{BASE_URL}/v/{message.licence_id}")


def make_workbench(slug: str = "business-licence", *, seed: int = 1, count: int = 100_000) -> Workbench:
    """A workbench that issues licences of type ``slug``."""
    first = "11990000MB0D00001"
    code = first + credit_code_check_char(first)
    now = datetime.now(UTC).replace(microsecond=0)
    authority = make_demonstration_authority("演示省", "990000", now, [(DEPARTMENT, code)])
    [signer] = authority.departments
    impression = round_seal(DEPARTMENT, SEAL_ID)
    application = SealApplication(SEAL_ID, DEPARTMENT, (signer.certificate,), now, now + timedelta(days=365))
    material = SealingMaterial(make_seal(application, authority.seal_maker, impression, moment=now), signer)
    definition = next(d for d in shipped_definitions() if d.slug == slug)
    return Workbench(
        authority, definition, PreparedFace.of(definition, demonstration=True), impression, material,
        Sealer(authority.timestamp_authority()), _messages(definition, code, seed, count),
    )  # fmt: skip


def _messages(definition: LicenceTypeDefinition, issuer_code: str, seed: int, count: int) -> Iterator[DataMessage]:
    day = datetime.now(UTC).date().isoformat()
    for serial, record in enumerate(itertools.cycle(definition.example_records(count, seed)), 1):
        holder = definition.holder_of(record)
        number = definition.number_rule.number(record, issuer_code=issuer_code, year=int(day[:4]), sequence=serial)
        valid_from, valid_to = definition.valid_period(record, day)
        metadata = {
            "licence_id": LicenceId(definition.code, issuer_code, f"{serial:09d}", 1).text, "licence_number": number,
            "version": "1", "type_code": definition.code, "type_name": definition.name, "issuer_name": DEPARTMENT,
            "issuer_code": issuer_code, "holder_name": holder.name, "holder_code": holder.code,
            "holder_code_type": holder.code_type, "issued_on": day, "valid_from": valid_from, "valid_to": valid_to,
            "region": "990000", "source": "bench", "repository": "bench", "credibility": "A", "demonstration": "true",
        }  # fmt: skip
        computed = {"licence_number": number, "issuer_name": DEPARTMENT, "issued_on": day}
        yield DataMessage.create(
            metadata, definition.face_values(record, computed), [RequiredSeal(SEAL_ID, DEPARTMENT)],
            status_list=f"{BASE_URL}/api/v1/status-lists/1", status_index=serial,
        )  # fmt: skip
