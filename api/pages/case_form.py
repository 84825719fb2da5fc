"""办件信息 of a form that issues: the case the licence comes from, and the paper form it is printed on (R020, R043)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.pages.issue_form import FormField
from licence_store.cases import take_apart
from trust.errors import LicenceTrustError
from trust.i18n import N_

if TYPE_CHECKING:
    from starlette.datastructures import FormData

Translate = Callable[[str], str]
FIELDS = (
    ("case.number", N_("办件编号"), "text", 100),
    ("case.service_item", N_("事项"), "text", 100),
    ("case.result_document", N_("结果文书"), "text", 200),
    ("case.valid_until", N_("结果有效期至"), "date", 10),
    ("paper.number", N_("纸质证照的印刷编号"), "text", 60),
)
"""Reserved name, title, kind, longest value."""


def entered_case(data: FormData) -> dict[str, str]:
    """What was entered under the reserved names; empty ones are left out."""
    given = {name: data.get(name, "") for name, *_ in FIELDS}
    return {name: text.strip()[:400] for name, text in given.items() if isinstance(text, str) and text.strip()}


def case_fields(values: Mapping[str, str], error: LicenceTrustError | None, translate: Translate) -> list[FormField]:
    """The fields as the form shows them."""
    wrong = str(error.params.get("field", "")) if error else ""
    said = error.localised(translate)[0] if error else ""
    return [
        FormField(name, translate(title), kind, False, values.get(name, ""), "", said * (name == wrong), limit, ())
        for name, title, kind, limit in FIELDS
    ]


def wrong_case(values: Mapping[str, str]) -> LicenceTrustError | None:
    """Why this cannot be sealed; ``None``: it can."""
    try:
        _, extras = take_apart(values)
        extras.check()
    except LicenceTrustError as error:
        return error
    return None


def case_lines(values: Mapping[str, str], translate: Translate) -> list[tuple[str, str]]:
    """``(title, text)`` of what was entered."""
    return [(translate(title), values[name]) for name, title, *_ in FIELDS if name in values]
