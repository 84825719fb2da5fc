"""告知: what a licence's facts look like in an answer; strings, lists and objects only, so that they can be signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from licence_store.reserving import status_address
from trust.signed import write_moment

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.views import LicenceSummary, LicenceView


def licence(view: LicenceView, forms: Mapping[str, str]) -> dict[str, object]:
    """One licence in full: facts, face, state, and where its state can be checked without us."""
    message = view.message
    return {
        **line_of(view.summary),
        "level": "A",
        "referencable": word(view.is_referencable),
        "issuer": {"name": message.metadata["issuer_name"], "code": message.metadata["issuer_code"]},
        "holder": {
            "name": message.metadata["holder_name"],
            "code": message.metadata["holder_code"],
            "code_type": message.metadata["holder_code_type"],
        },
        "face": {one.name: {"title": one.title, "value": one.value, "text": one.text} for one in message.face},
        "files": dict(forms),
        "status_list": place(view),
        "predecessor": view.predecessor,
        "successor": view.successor,
    }


def place(view: LicenceView) -> dict[str, str]:
    """Where its state can be looked up without us."""
    return {"address": view.message.status_list, "index": view.message.status_index}


def listed_at(base_url: str, list_id: str, index: int) -> dict[str, str]:
    """The same, of a licence in a list."""
    return {"address": status_address(base_url, list_id), "index": str(index)}


def line_of(one: LicenceSummary) -> dict[str, object]:
    """A licence in a list."""
    return {
        "licence_id": one.licence_id,
        "licence_number": one.licence_number,
        "version": str(one.version),
        "type": one.type_code,
        "type_name": one.type_name,
        "state": one.state,
        "since": write_moment(one.since),
        "issued_on": one.issued_on,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
    }


def catalogued(definition: LicenceTypeDefinition, owners: Sequence[Mapping[str, str]]) -> dict[str, object]:
    """A type in the catalogue, with who issues it and how it is shared."""
    return {
        "type": definition.code,
        "slug": definition.slug,
        "name": definition.name,
        "name_en": definition.name_en,
        "holder": definition.holder_kind,
        "owners": [dict(one) for one in owners],
    }


def explained(definition: LicenceTypeDefinition, version: int) -> dict[str, object]:
    """字段说明: every field of a type, as its published schema has it."""
    properties = definition.schema["properties"]
    return {
        "type": definition.code,
        "name": definition.name,
        "version": str(version),
        "fields": [
            {
                "name": one.name,
                "title": one.title,
                "title_en": one.title_en,
                "format": one.format,
                "required": word(one.required),
                "computed": word(one.computed),
                "schema": plain(properties.get(one.name, {})),
            }
            for one in definition.fields
        ],
    }


def word(value: bool) -> str:
    return "true" if value else "false"


def plain(value: Any) -> Any:
    """Any JSON as strings, lists and objects: numbers by their digits, truth by its word, nothing as empty."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if value is None:
        return ""
    return word(value) if isinstance(value, bool) else str(value)
