"""真伪核对: does a licence say this? Only yes or no leaves the register (R087, R122; T9: by the type's own schema).

    comparer.licence(licence_id, {"holder_name": "林望舒", "issued_on": "2026-11-22"})
    # Comparison(licence_id, current=True, holds={"holder_name": True, "issued_on": False})

A field of the face or of the common facts is named as the type's schema names it; a field it does not have is an
error, not a "no". A value holds only by a licence that others may rely on at that moment: of one that is lost, ended,
suspended or has been superseded, nothing does. Width, case and spaces do not count; a date may be given as it is kept
or as the face shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from unicodedata import normalize

from licence_store.catalogue import Catalogue
from licence_store.criteria import Criteria
from licence_store.definitions import LicenceTypeDefinition
from licence_store.lifecycle import LicenceState
from licence_store.register import Register
from licence_store.search import LicenceSearch
from licence_store.views import LicenceView
from trust.errors import Malformed

FACTS: Final = (
    "licence_number", "holder_name", "holder_code", "issuer_name", "issuer_code", "issued_on", "valid_from", "valid_to",
)  # fmt: skip
"""What every licence says of itself, beside the fields of its type."""
MOST_FIELDS: Final = 64
LONGEST: Final = 4000
_AT_ONCE: Final = 20
"""Current licences of one type that one holder may have, for a comparison by holder."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """核对结果."""

    licence_id: str
    """The licence that answered; empty: there is none. For the journal, not for the caller."""
    current: bool
    """There is a licence, and others may rely on it now."""
    holds: Mapping[str, bool]

    @property
    def all_hold(self) -> bool:
        return self.current and all(self.holds.values())


@dataclass(frozen=True, slots=True)
class Comparer:
    """真伪核对."""

    register: Register
    search: LicenceSearch
    catalogue: Catalogue
    clock: Callable[[], datetime]

    def licence(self, view: LicenceView, values: Mapping[str, str]) -> Comparison:
        """By id: of the licence found. Raises ``Malformed("check.*")``."""
        definition = self.catalogue.get(view.summary.type_code)
        check_fields(definition, values, view)
        relied = view.is_referencable and view.asked_id == view.licence_id
        return Comparison(view.licence_id, relied, _compare(view, values) if relied else dict.fromkeys(values, False))

    def holder(
        self,
        type_name: str,
        holder_code: str,
        values: Mapping[str, str],
        *,
        departments: tuple[str, ...] | None = None,
    ) -> Comparison:
        """By holder and type: whichever of the holder's current licences agrees in most.

        Raises ``NotFound("type.unknown")``, ``Malformed("check.*")``.
        """
        definition = self.catalogue.get(type_name)
        check_fields(definition, values)
        criteria = Criteria(
            holder_code=holder_code, type_code=definition.code, states=(str(LicenceState.CURRENT),),
            departments=departments,
        )  # fmt: skip
        found = self.search.page(criteria, limit=_AT_ONCE).items if holder_code.strip() else ()
        answers = [self.licence(self.register.find(one.licence_id), values) for one in found]
        nobody = Comparison("", False, dict.fromkeys(values, False))
        return max(answers, key=lambda one: (one.current, sum(one.holds.values())), default=nobody)


def check_fields(definition: LicenceTypeDefinition, values: Mapping[str, str], view: LicenceView | None = None) -> None:
    """Raises ``Malformed("check.empty", "check.field", "check.value")``."""
    if not 0 < len(values) <= MOST_FIELDS:
        raise Malformed("check.empty", "请给出一至 {most} 个要核对的字段。", most=MOST_FIELDS)
    known = {*FACTS, *(one.name for one in definition.fields)}
    known |= {one.name for one in view.message.face} if view else set()
    for name, value in values.items():
        if name not in known:
            raise Malformed(
                "check.field", "“{type}”没有字段“{field}”。", remedy="可核对的字段：{known}", type=definition.name,
                field=name[:64], known="、".join(sorted(known)),
            )  # fmt: skip
        if len(value) > LONGEST:
            raise Malformed("check.value", "字段“{field}”的值过长。", field=name)


def _compare(view: LicenceView, values: Mapping[str, str]) -> dict[str, bool]:
    said: dict[str, set[str]] = {name: {_plain(view.message.metadata[name])} for name in FACTS}
    for one in view.message.face:
        said.setdefault(one.name, set()).update((_plain(one.value), _plain(one.text)))
    return {name: _plain(value) in said.get(name, {""}) for name, value in values.items()}


def _plain(value: str) -> str:
    """Without width, case and spaces."""
    return "".join(normalize("NFKC", value).casefold().split())
