"""结果样本 (R005): what a licence of a type looks like, with made-up and masked data, for everybody to see.

values = sample_values(definition)
picture = draw_sample(definition, dpi=150)      # PNG, 样本 across it, no seal, nobody's data
"""

from __future__ import annotations

from licence_store.definitions import LicenceTypeDefinition
from licence_store.face import paint_face
from seal.message import METADATA_KEYS, DataMessage, FaceValue

_SEED = 20261122
_NUMBER, _DAY = "0" * 12, "2026-01-01"


def mask(text: str, how: str) -> str:
    """样本遮盖 of one value: one of ``licence_store.type_rules.MASKS``."""
    match how:
        case "name":
            return text[:1] + "*" * (len(text) - 1)
        case "identifier":
            return text[:6] + "*" * max(0, len(text) - 10) + text[-4:] if len(text) > 10 else "*" * len(text)
        case "hide":
            return "*" * min(len(text), 12)
        case _:
            return text


def sample_values(definition: LicenceTypeDefinition) -> tuple[FaceValue, ...]:
    """The face of a made-up record; what the type masks, and every checked identifier, shows stars."""
    record = next(definition.example_records(1, seed=_SEED))
    computed = {"licence_number": _NUMBER, "issuer_name": "（颁证单位）", "issued_on": _DAY}
    checked = {n for n, p in definition.schema["properties"].items() if "x-check" in p}
    return tuple(
        _masked(value, definition.sample_masks.get(value.name, "identifier" if value.name in checked else "keep"))
        for value in definition.face_values(record, computed)
    )


def _masked(value: FaceValue, how: str) -> FaceValue:
    return value if how == "keep" else FaceValue(value.name, value.title, mask(value.text, how), "text")


def draw_sample(definition: LicenceTypeDefinition, *, dpi: float, verify_url: str = "sample") -> bytes:
    """样本图片, PNG. Raises ``Malformed("type.style", "face.*")`` where the type cannot be drawn."""
    return paint_face(definition, sample_message(definition), verify_url, demonstration=True, dpi=dpi)


def sample_message(definition: LicenceTypeDefinition) -> DataMessage:
    """A message of nobody: fit for drawing, never for sealing."""
    said = {"licence_id": "sample", "type_name": definition.name, "demonstration": "true"}
    metadata = dict.fromkeys(METADATA_KEYS, "") | said
    return DataMessage.create(metadata, sample_values(definition))
